"""One small list with everything that lists have wrong or peculiar, and what the index makes of each."""

from __future__ import annotations

from io import StringIO

import numpy as np
import pandas as pd
import pytest

from gridmap.address.build import Given, build_index
from gridmap.address.build_checks import Notes, drop_impossible
from gridmap.address.build_paths import read_paths
from gridmap.address.index import CONTRADICTION, FROM_DOOR, NO_POSITION, OBJECT_KINDS
from gridmap.address.region import Region
from gridmap.address.steps import format_step, read_steps, step_code, step_of
from gridmap.address.table import TEXTS, Column, standard_rows
from gridmap.errors import InputError

LIST = """\
address,town,community,street,number,estate,alias,lon,lat
华阳镇人民路15号24栋,华阳镇,城南社区,人民路,15,北坊华庭,,120.3000,31.5000
华阳镇人民路15号25栋,华阳镇,城南社区,人民路,15,北坊华庭,北坊小区,120.3005,31.5000
华阳镇人民路15号25栋2单元,华阳镇,城南社区,人民路,15,北坊华庭,,,
华阳镇人民路15号3栋,华阳镇,城南社区,人民路,15,北坊华庭,,120.3009,31.5002
华阳镇人民路17号,华阳镇,城南社区,人民路（原名解放路）,17,,,120.3012,31.5000
华阳镇人民路１７号,华阳镇,城南社区,人民路,17,,,120.3012,31.5001
华阳镇人民路19号,华阳镇,城南社区,人民路,19,,,120.3014,31.5000
华阳镇人民路19号,华阳镇,城南社区,人民路,19,,,120.3034,31.5000
华阳镇人民路21号,华阳镇,城南社区,人民路,21,,,31.5000,120.3016
华阳镇人民路23号,华阳镇,城东社区,人民路,23,,,120.3018,31.5000
华阳镇人民路23号,华阳镇,城南社区,人民路,23,,,120.3018,31.5000
华阳镇人民路25号,华阳镇,城东社区,人民路,27,,,120.3020,31.5000
华阳镇人民路,华阳镇,城南社区,人民路,号外,,,120.3020,31.5000
,,,,,,,120.3,31.5
华阳镇中墩村唐家村3号,华阳镇,中墩村,唐家村,3,,,120.3100,31.5100
华阳镇春庭村唐家村3号,华阳镇,春庭村,唐家村,3,,,120.3300,31.5300
华阳镇春庭村8号,华阳镇,春庭村,,8,,,120.3302,31.5302
华阳镇城南社区5号,华阳镇,城南社区,,5,,,120.3020,31.5003
华阳镇文昌二路三号,华阳镇,城东社区,文昌二路,三,荷湾家园,,120.3040,31.5010
华阳镇中山路1号2栋,华阳镇,城南社区,中山路,1,荷湾家园,,120.2990,31.5010
华阳镇人民医院,华阳镇,城南社区,,,,,120.3030,31.5010
华阳镇中山路文化馆,华阳镇,城南社区,中山路,,,,120.2995,31.5010
云亭镇人民路15号,云亭镇,东门社区,人民路,15,,,120.4000,31.4000
云亭镇人民路16号,云亭镇,东门社区,人民路,16,,,120.4100,31.4000
华阳镇湖滨花园2期3栋,华阳镇,城东社区,,,湖滨花园2期,,120.3045,31.5015
"""
ALIASES = pd.DataFrame(
    [["人民路", "建国路、东大街", "道路", "云亭镇", 2, 1], ["花园路", "老街", "", "", 3, 1]],
    columns=["name", "alias", "kind", "town", "line", "source"],
)
PLACES = pd.DataFrame(
    [["实验小学", "school", 120.401, 31.4, 2, 2], ["某站", "", None, 31.4, 3, 2]],
    columns=["name", "kind", "lon", "lat", "line", "source"],
)


@pytest.fixture(scope="module")
def built():
    rows = pd.read_csv(StringIO(LIST), dtype=str, keep_default_na=False)
    sources = ("list.csv", "old.csv", "places.csv")
    return build_index(Given(rows, PLACES, ALIASES, region=Region("江苏省", "无锡市", "锡澄县"), sources=sources))


@pytest.fixture(scope="module")
def index(built):
    return built.index


def thing(index, title: str, kind: str, town: str = "华阳镇", community: str | None = None) -> int:
    (found,) = [
        each
        for each, code in enumerate(index.object_kind)
        if (index.title(each), OBJECT_KINDS[code]) == (title, kind)
        and index.named_areas(each)[0] == town
        and community in (None, index.named_areas(each)[1])
    ]
    return found


def below(index, node: int) -> dict[str, str]:
    """What hangs right below a node: step → address of its own row."""
    rows = {format_step(step_of(index.code(child))): index.row_of(child) for child in index.children(node)}
    return {step: index.address(row) if row >= 0 else "" for step, row in rows.items()}


def node_of(index, start: int, text: str) -> int:
    for step in read_steps(text):
        (start,) = (each for each in index.find_number(start, step.number) if index.code(each) == step_code(step))
    return start


def said(built, rule: str) -> dict[int, str]:
    return {each.row: each.message for each in built.findings if each.rule == rule}


def test_what_the_columns_lack_is_read_from_the_address(index):
    road = thing(index, "人民路", "street")
    gate = node_of(index, road, "15号")
    assert below(index, gate) == {
        "3栋": "华阳镇人民路15号3栋", "24栋": "华阳镇人民路15号24栋", "25栋": "华阳镇人民路15号25栋",
    }  # fmt: skip
    assert node_of(index, thing(index, "文昌二路", "street"), "3号") > 0


def test_an_estate_is_a_second_way_to_its_buildings_and_knows_its_door(index):
    road, estate = thing(index, "人民路", "street"), thing(index, "北坊华庭", "estate")
    building = node_of(index, estate, "25栋")
    assert building != (same := node_of(index, road, "15号25栋"))
    assert index.rows_under(building).tolist() == index.rows_under(same).tolist()
    assert index.gate_of(estate) == node_of(index, road, "15号")
    assert index.gate_of(road) == -1
    alone = thing(index, "湖滨花园2期", "estate")
    assert below(index, alone) == {"3栋": "华阳镇湖滨花园2期3栋"}
    assert index.gate_of(alone) == -1


def test_one_road_through_two_communities_is_one_and_hamlets_of_two_villages_are_two(index):
    assert index.named_areas(thing(index, "人民路", "street"))[1] == ""
    for village in ("中墩村", "春庭村"):
        hamlet = thing(index, "唐家村", "hamlet", community=village)
        assert below(index, hamlet) == {"3号": f"华阳镇{village}唐家村3号"}
    assert below(index, thing(index, "春庭村", "community")) == {"8号": "华阳镇春庭村8号"}


def test_names_in_brackets_columns_and_files_lead_to_the_same_object(index):
    def named(text: str) -> set[tuple[str, str]]:
        found = index.objects_of(index.names.index(text))
        return {(index.title(each), index.named_areas(each)[0]) for each in found}

    assert named("解放路") == {("人民路", "华阳镇")}
    assert named("北坊小区") == {("北坊华庭", "华阳镇")}
    assert named("建国路") == named("东大街") == {("人民路", "云亭镇")}
    assert named("人民路") == {("人民路", "华阳镇"), ("人民路", "云亭镇")}
    assert named("文昌2路") == {("文昌二路", "华阳镇")}
    assert "老街" not in index.names


def test_an_alias_of_what_no_list_has_is_found(built):
    (finding,) = [each for each in built.findings if each.rule == "alias_of_nothing"]
    assert (finding.file, finding.row) == ("old.csv", 3)
    assert "花园路" in finding.message


def test_places_and_names_without_a_number_are_landmarks_where_they_lie(built, index):
    school = thing(index, "实验小学", "landmark", "云亭镇")
    assert (index.object_lon[school], index.object_lat[school]) == (120.401, 31.4)
    assert index.named_areas(school) == ("云亭镇", "东门社区")
    assert len(index.rows_under(school)) == 0
    hospital = thing(index, "人民医院", "landmark")
    assert index.address(index.row_of(hospital)) == "华阳镇人民医院"
    hall = index.row_of(thing(index, "文化馆", "landmark"))
    assert hall in index.rows_under(thing(index, "中山路", "street"))
    assert said(built, "no_position").keys() == {3}


def test_an_address_twice_at_one_place_is_kept_once(built, index):
    assert list(said(built, "duplicate")) == [7, 12]
    assert "list.csv, row 6" in said(built, "duplicate")[7]
    assert len({index.address(row) for row in range(len(index.row_lon))}) == len(index.row_lon) == 25 - 5


def test_an_address_at_two_places_is_kept_at_the_first_and_flagged(built, index):
    assert list(said(built, "contradiction")) == [8, 9]
    assert "190 m" in said(built, "contradiction")[8]
    row = index.row_of(node_of(index, thing(index, "人民路", "street"), "19号"))
    assert index.row_flag[row] & CONTRADICTION
    assert index.row_lon[row] == 120.3014
    assert int((index.row_flag & CONTRADICTION > 0).sum()) == 1


def test_a_row_without_position_has_that_of_its_door(built, index):
    assert list(said(built, "position_from_door")) == [4]
    row = index.row_of(node_of(index, thing(index, "人民路", "street"), "15号25栋2单元"))
    assert (index.row_lon[row], index.row_lat[row]) == (120.3005, 31.5)
    assert index.row_flag[row] == FROM_DOOR


def test_a_position_that_cannot_be_is_not_used(built, index):
    assert list(said(built, "outside")) == [10]
    assert "swapped" in said(built, "outside")[10]
    row = index.row_of(node_of(index, thing(index, "人民路", "street"), "21号"))
    assert np.isnan(index.row_lon[row])
    assert index.row_flag[row] == NO_POSITION


def test_rows_that_do_not_say_where_are_named_and_left_out(built):
    assert list(said(built, "unreadable")) == [14, 15]
    assert list(said(built, "number_differs")) == [13]
    assert list(said(built, "number_without_street")) == [19]
    assert list(said(built, "two_estates")) == [21]


def test_where_columns_and_address_differ_the_columns_count(index):
    road = thing(index, "人民路", "street")
    assert node_of(index, road, "27号") > 0
    assert "25号" not in below(index, road)


def test_the_region_is_kept(index):
    assert index.region == Region("江苏省", "无锡市", "锡澄县")


def test_lanes_alleys_floors_and_letters_of_columns_are_one_path():
    rows = standard_rows(
        pd.DataFrame({"street": ["忠孝西路一段"] * 3, "lane": ["71", "", "5巷"], "alley": ["2", "", ""],
                      "number": ["3號四樓之5", "臨9號", "甲12"]})
    )  # fmt: skip
    paths = read_paths(rows, {name: Column.of(rows[name].to_numpy()) for name in TEXTS})
    shown = [[format_step(step_of(code)) for code in paths.steps[path]] for path in paths.path]
    assert shown == [["71巷", "2弄", "3号", "4层", "之5"], ["临9号"], ["5巷", "甲12号"]]


@pytest.mark.parametrize("harm", ["swapped", "a degree off", "zero", "not degrees"])
def test_wrong_positions_are_found_and_remote_hamlets_are_not(harm):
    """A community of two clusters, a chain of houses between them and far ones behind: none is wrong but the harmed."""
    rng = np.random.default_rng(1)
    lon = np.concatenate([rng.normal(120.30, 0.003, 80), np.linspace(120.3, 120.42, 30)])
    lat = np.concatenate([rng.normal(31.50, 0.003, 80), np.full(30, 31.5)])
    wrong = {"swapped": (31.5, 120.3), "a degree off": (121.3, 31.5), "zero": (0, 0), "not degrees": (500_000, 3.4e6)}
    lon[[3, 40]], lat[[3, 40]] = wrong[harm]
    rows = standard_rows(pd.DataFrame({"lon": lon, "lat": lat}))
    notes = Notes(["a.csv"], rows["source"].to_numpy(), rows["line"].to_numpy())
    found, _ = drop_impossible(rows, np.zeros(len(rows), dtype=np.int64), notes)
    assert np.flatnonzero(np.isnan(found)).tolist() == [3, 40]
    assert [each.row for each in notes.found] == [5, 42]


@pytest.mark.parametrize(
    ("table", "why"),
    [
        ({"address": ["", " "], "lon": [120.3, 120.4]}, r"row 2: .* names no street.* The columns are address, lon"),
        ({"address": []}, "no row below the header"),
        ({"address": ["花山镇虹桥路1号" + "，" * 200]}, "a cell has 208 letters"),
        ({"town": ["华阳镇"], "number": ["门口"]}, "'门口': its number cannot be read"),
    ],
)
def test_a_list_of_which_nothing_can_be_used_is_refused(table, why):
    with pytest.raises(InputError, match=why):
        build_index(pd.DataFrame(table))


def test_two_gates_are_two_whatever_their_hashes(monkeypatch):
    """Two estates of one name in one town, at doors of their own."""
    monkeypatch.setattr("builtins.hash", lambda _: 7)
    rows = pd.DataFrame({
        "town": "华阳镇", "community": ["城南社区", "城东社区"], "street": "人民路", "number": ["15", "80"],
        "estate": "文昌花园", "building": "3", "lon": [120.30, 120.32], "lat": 31.5,
    })  # fmt: skip
    kinds = build_index(rows).index.object_kind.tolist()
    assert kinds.count(OBJECT_KINDS.index("estate")) == 2
