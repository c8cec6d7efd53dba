"""Addresses on the command line, in this process: a process of its own takes two seconds to start."""

from __future__ import annotations

import csv
import json

import numpy as np
import pandas as pd
import pytest
from addresses_made import HOSTILE, TOWN, geocoder, index, listed
from typer.main import get_command

import gridmap
from gridmap.address.place import locate_address
from gridmap.cli.app import app, exit_code
from gridmap.errors import GridmapError, InputError


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Give a folder with the town's plan and its address index."""
    folder = tmp_path_factory.mktemp("town")
    gridmap.Plan.from_layers({"medium": TOWN / "communities.gpkg"}, code="code", name="name").save(folder / "town.gpkg")
    index().save(folder / "town.idx")
    return folder


@pytest.fixture(scope="module")
def _read_once():
    """Read and index the plan once, not with every command."""
    read, index, plans, locators = gridmap.read_plan, gridmap.Locator, {}, {}

    def read_plan(path):
        return plans[path] if path in plans else plans.setdefault(path, read(path))

    def locator(plan):
        return locators[plan.version] if plan.version in locators else locators.setdefault(plan.version, index(plan))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gridmap, "read_plan", read_plan)
        patch.setattr(gridmap, "Locator", locator)
        yield


@pytest.fixture(scope="module")
def command():
    return get_command(app)


@pytest.fixture
def run(command, _read_once, monkeypatch, capsys):
    """Give a function that runs ``gridmap ARGS`` in a language and returns its exit code and what it said."""

    def once(*args, language="en"):
        monkeypatch.setenv("GRIDMAP_LANG", language)
        try:
            code = command.main([str(each) for each in args], standalone_mode=False)
        except GridmapError as error:
            return exit_code(error), str(error)
        return code or 0, capsys.readouterr().out

    return once


def ask(run, files, text, *more, **kwargs):
    return run(
        "locate", "--plan", files / "town.gpkg", "--addresses", files / "town.idx", "--address", text, *more, **kwargs
    )


def test_an_address_is_located_as_its_point_is(run, files):
    row = listed().iloc[100]
    staff = ("--roster", TOWN / "roster.csv", "--json")
    code, said = ask(run, files, row.address, *staff)
    found = json.loads(said)
    _, said = run("locate", "--plan", files / "town.gpkg", f"--at={row.lon},{row.lat}", *staff)
    point = json.loads(said)
    assert (code, found["outcome"]) == (0, "matched")
    assert {name: found[name] for name in point if name != "border_distance_m"} == {
        name: point[name] for name in point if name != "border_distance_m"
    }
    assert point["responsible"]["name"].endswith("*")
    told = found["geocoding"]
    assert (told["match_type"], told["address"], told["address_version"]) == ("exact", row.address, geocoder().version)


@pytest.mark.parametrize(("language", "words"), [("zh", ("已落格", "道路", "门牌", "可信度")), ("en", ("plate",))])
def test_people_are_told_what_was_understood(run, files, language, words):
    code, said = ask(run, files, "虹桥路十三号1幢旁边", language=language)
    assert code == 0
    assert "花山镇虹桥路13号1栋" in said
    assert all(word in said for word in words)
    assert "十三号" in said


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_what_names_no_place_ends_with_two_and_says_why(run, files, text):
    code, said = ask(run, files, text, "--roster", TOWN / "roster.csv", "--json")
    found = json.loads(said)
    assert (code, found["outcome"], found["responsible"], found["chain"]) == (2, "unresolved", None, {})
    assert " · " in found["reason"]
    assert ask(run, files, text)[0] == 2


def test_a_road_through_two_communities_is_left_to_somebody(run, files):
    code, said = ask(run, files, "人民路")
    communities = listed().loc[listed()["street"] == "人民路", "community"].unique()
    plan = gridmap.read_plan(files / "town.gpkg")["medium"]
    assert (code, len(communities)) == (0, 2)
    assert "ambiguous" in said
    assert "somebody has to look" in said
    assert all(plan.index[plan["name"] == name][0] in said for name in communities)


@pytest.mark.parametrize(
    ("args", "why"),
    [
        (["--address", "x", "--at", "120,31"], "one of the two"),
        ([], "one of the two"),
        (["--address", "x"], "--addresses"),
        (["--address", "x", "--addresses", "none.idx"], "none.idx"),
        (["--address", "x", "--addresses", str(TOWN / "addresses.csv")], "addresses.csv"),
    ],
)
def test_what_cannot_be_asked_is_told(run, files, args, why):
    code, said = run("locate", "--plan", files / "town.gpkg", *args)
    assert (code, why in said) == (2, True), said


@pytest.fixture
def table(files):
    """Give a table in GBK as an office has it: addresses under a header of its own, a phone beside them."""
    texts = [*listed()["address"].iloc[::90], "花山镇", *(text.replace("\x00", "") for text in HOSTILE.values())]
    path = files / "in.csv"
    rows = pd.DataFrame({"编号": range(len(texts)), "地址": texts, "手机": "13912345678"})
    rows.to_csv(path, index=False, encoding="gbk", errors="replace")
    return path, rows


@pytest.mark.parametrize("with_plan", [False, True])
def test_every_row_of_a_table_comes_back_with_its_outcome(run, files, table, with_plan):
    path, rows = table
    out = files / "out.csv"
    plan = ["--plan", files / "town.gpkg"] if with_plan else []
    code, said = run(
        "addresses", "geocode", path, "--addresses", files / "town.idx", "--address-column", "地址", "-o", out, *plan
    )
    assert code == 0, said
    with out.open(encoding="utf-8-sig", newline="") as file:
        found = list(csv.DictReader(file))
    assert [int(each["编号"]) for each in found] == rows["编号"].tolist()
    assert {each["手机"] for each in found} == {"139****5678"}
    locator = gridmap.Locator(gridmap.read_plan(files / "town.gpkg"))
    for each in found:
        alone = locate_address(geocoder(), locator, each["地址"])
        told = alone.geocoding
        assert each["outcome"] == (alone.placement.outcome if with_plan else told.outcome)
        assert (each["match_type"], each["address"]) == (told.match_type, told.address)
        sure = alone.confidence if with_plan else told.confidence
        assert float(each["confidence"]) == pytest.approx(sure, abs=1e-6)
        assert np.isnan(told.lon) if each["lon"] == "" else float(each["lon"]) == told.lon
        if with_plan:
            assert each["medium"] == alone.placement.chain.get("medium", "")
            assert each["needs_person"] == str(alone.needs_person)
        assert each["address_version"] == geocoder().version
    assert f"{len(rows)}" in said


@pytest.mark.parametrize("more", [(), ("--address", "address")])
def test_a_join_asks_the_index_that_the_environment_names(run, files, monkeypatch, more):
    source, out = files / "incidents.csv", files / "joined.csv"
    rows = pd.DataFrame({"address": ["虹桥路13号", ""], "lon": [None, 120.3034], "lat": [None, 31.5217]})
    rows.to_csv(source, index=False)
    args = ("join", source, "--plan", files / "town.gpkg", "-o", out, *more)
    assert run(*args)[0] == 0
    assert "geocode_type" not in pd.read_csv(out)
    monkeypatch.setenv("GRIDMAP_ADDRESSES", str(files / "town.idx"))
    assert run(*args)[0] == 0
    assert pd.read_csv(out)["outcome"].tolist() == ["matched", "matched"]
    rows.drop(columns="address").to_csv(source, index=False)  # incidents as ever, of which nobody said anything else
    assert run(*args)[0] == (2 if more else 0)


def test_every_command_is_there_once():
    def walk(group):
        names = [each.name or each.callback.__name__ for each in group.registered_commands]
        names += [each.name for each in group.registered_groups]
        assert len(names) == len(set(names)), names
        for each in group.registered_groups:
            walk(each.typer_instance)

    walk(app)


def test_a_table_that_cannot_be_geocoded_leaves_nothing(run, files, table):
    path, _ = table
    args = ("addresses", "geocode", path, "--addresses", files / "town.idx")
    before = sorted(files.iterdir())
    code, said = run(*args, "-o", files / "bad.csv")
    assert (code, "地址" in said) == (2, True)
    code, said = run(*args, "--address-column", "地址", "-o", files / "bad.xlsx")
    assert (code, ".csv" in said) == (5, True)
    assert sorted(files.iterdir()) == before


def test_a_damaged_index_is_told_before_anything_is_served(files):
    from gridmap.api.serve import open_addresses

    content = bytearray((files / "town.idx").read_bytes())
    content[-100] ^= 1
    (files / "damaged.idx").write_bytes(content)
    with pytest.raises(InputError, match=r"damaged\.idx"):
        open_addresses(files / "damaged.idx", verify=True)
    with pytest.raises(InputError, match=r"none\.idx"):
        open_addresses(files / "none.idx")
    assert open_addresses(files / "town.idx", verify=True).version == geocoder().version
    assert open_addresses(None) is None
