"""What a planner may do, what is refused and what is offered instead."""

from __future__ import annotations

import geopandas as gpd
import networkx as nx
import numpy as np
import pandas as pd
import pytest
import shapely

import gridmap
from gridmap.errors import EditRefused, PlanError, UnknownNameError
from gridmap.grids.assemble import plan_from_blocks
from gridmap.grids.plan import LevelSpec, PlanMetadata

SIDE, STEP = 8, 0.002
LEVELS = (LevelSpec("medium"), LevelSpec("small"), LevelSpec("micro", tiles=False))


def square(i: int, j: int) -> shapely.Polygon:
    xs, ys = (np.round(base + STEP * np.arange(SIDE + 1), 8) for base in (120.3, 31.5))
    return shapely.box(xs[i], ys[j], xs[i + 1], ys[j + 1])


@pytest.fixture
def plan() -> gridmap.Plan:
    """Eight by eight blocks of 10 households; two medium grids, west and east, of four small ones of four by two each;
    the south-western small grid has two micro grids."""
    cells = [(i, j) for j in range(SIDE) for i in range(SIDE)]
    medium = [f"32029900{1 + i // 4}" for i, _ in cells]
    small = [f"{code}00{1 + j // 2}" for code, (_, j) in zip(medium, cells, strict=True)]
    micro = [
        f"{code}00{1 + i // 2}" if code == "320299001001" else None for code, (i, _) in zip(small, cells, strict=True)
    ]
    blocks = gpd.GeoDataFrame(
        {"block": range(64), "households": 10.0, "residents": 26.0, "water": False, "small": small, "micro": micro},
        geometry=[square(i, j) for i, j in cells], crs=4490,
    )  # fmt: skip
    tables = {
        "medium": pd.DataFrame({"name": ["西", "东"], "parent": None}, index=["320299001", "320299002"]),
        "small": pd.DataFrame({"parent": [code[:9] for code in sorted(set(small))]}, index=sorted(set(small))),
        "micro": pd.DataFrame({"parent": "320299001001"}, index=["320299001001001", "320299001001002"]),
    }
    metadata = PlanMetadata(county_code="320299", counts={"medium": 2, "small": 8, "micro": 2})
    return plan_from_blocks(blocks, LEVELS, tables, metadata=metadata)


def block(i: int, j: int) -> int:
    return j * SIDE + i


def test_a_move_changes_the_two_grids_and_nothing_else(plan):
    draft = gridmap.Draft(plan)
    edit = draft.move([block(0, 4)], to="320299001002")
    assert edit.changed == ("320299001002", "320299001003")
    assert edit.moved_blocks == (block(0, 4),)
    assert edit.after.grids["households"].to_dict() == {"320299001002": 90.0, "320299001003": 70.0}
    assert edit.after.grids["deviation"].round(3).to_dict() == {"320299001002": 0.125, "320299001003": -0.125}
    others = plan["small"].index.difference(edit.changed)
    assert shapely.equals_identical(
        draft["small"].geometry[others].to_numpy(), plan["small"].geometry[others].to_numpy()
    ).all()


def test_figures_are_those_of_the_polygons(plan):
    draft = gridmap.Draft(plan)
    draft.move([block(0, 4), block(1, 4)], to="320299001002")
    flat = draft["small"].to_crs(4549)
    expected = 4 * np.pi * flat.area / flat.length**2
    assert np.allclose(draft.metrics().grids["compactness"], expected.sort_index(), rtol=1e-6)
    assert np.allclose(draft["small"]["area_m2"], flat.area, rtol=1e-9)


def test_what_would_tear_a_grid_is_refused_and_the_way_out_is_offered(plan):
    draft = gridmap.Draft(plan)
    draft.move([block(0, 4)], to="320299001002")  # the third grid now has a bay at its western end
    with pytest.raises(EditRefused, match="apart") as refused:
        draft.move([block(1, 5), block(1, 4)], to="320299001004")
    assert refused.value.rule == "not_contiguous"
    assert refused.value.codes == ("320299001003",)
    assert refused.value.geometry.covers(square(0, 5).centroid)
    assert draft.edits[-1].number == 1
    offered = refused.value.allowed[0]
    assert set(offered.blocks) == {block(0, 5), block(1, 5), block(1, 4)}
    draft.move(offered.blocks, to=offered.to)


def test_a_block_far_from_a_grid_is_offered_to_those_it_touches(plan):
    draft = gridmap.Draft(plan)
    with pytest.raises(EditRefused) as refused:
        draft.move([block(1, 3)], to="320299001004")
    touching = {option.to for option in refused.value.allowed}
    assert touching == {"320299001003"}


def test_emptying_a_grid_offers_to_merge_it(plan):
    draft = gridmap.Draft(plan)
    own = [block(i, j) for i in range(4) for j in (4, 5)]
    with pytest.raises(EditRefused, match="merge") as refused:
        draft.move(own, to="320299001002")
    assert refused.value.rule == "empty"
    option = refused.value.allowed[0]
    assert (option.action, option.codes) == ("merge", ("320299001002", "320299001003"))


def test_given_borders_stay(plan):
    given = gridmap.Draft(plan, given=["medium"])
    with pytest.raises(EditRefused, match="given") as refused:
        given.move([block(4, 2)], to="320299001002")
    assert refused.value.rule == "given_border"
    drawn = gridmap.Draft(plan)
    edit = drawn.move([block(4, 2)], to="320299001002")
    assert {"320299001", "320299002"} <= set(edit.changed)
    assert drawn["medium"].geometry["320299001"].covers(square(4, 2))


def test_locked_grids_neither_give_nor_take(plan):
    draft = gridmap.Draft(plan)
    draft.lock(["320299001"])
    for code in ("320299001002", "320299001001001"):
        with pytest.raises(EditRefused, match="locked"):
            draft.move([block(0, 4)] if len(code) == 12 else [block(2, 0)], to=code)
    draft.unlock()
    draft.move([block(0, 4)], to="320299001002")
    with pytest.raises(UnknownNameError):
        draft.lock(["nothing"])


def test_new_grids_get_new_numbers_and_lineage(plan):
    draft = gridmap.Draft(plan, who="规划员")
    split = draft.split("320299001004")
    assert split.ended == ("320299001004",)
    assert split.made == ("320299001005", "320299001006")
    assert draft["small"]["households"][list(split.made)].tolist() == [40.0, 40.0]
    merged = draft.merge(["320299001002", "320299001003"], why="户数偏少")
    assert merged.made == ("320299001007",)
    new = draft.propose("县办〔2026〕5号")
    old = new.lineage.groupby("old")["new"].agg(set).to_dict()
    assert old == {
        "320299001004": {"320299001005", "320299001006"},
        "320299001002": {"320299001007"},
        "320299001003": {"320299001007"},
    }
    assert set(new.lineage["document"]) == {"县办〔2026〕5号"}
    assert new.parent is plan
    assert set(new.journal["who"]) == {"规划员"}
    assert set(new.journal["why"]) == {"户数偏少", "县办〔2026〕5号"}
    again = gridmap.Draft(new)
    assert again.split("320299001005").made == ("320299001008", "320299001009")


def test_an_undone_split_does_not_free_its_numbers(plan):
    draft = gridmap.Draft(plan)
    first = draft.split("320299001004").made
    draft.undo()
    second = draft.split("320299001003").made
    assert not set(first) & set(second)


def test_micro_grids_follow_the_grid_they_are_in(plan):
    draft = gridmap.Draft(plan)
    edit = draft.split("320299001001")
    assert draft["micro"]["parent"].tolist() == [code for code in edit.made if len(code) == 12]
    assert all(code.startswith(parent) for code, parent in draft["micro"]["parent"].items())
    draft.undo()
    draft.move([block(0, 1)], to="320299001002")
    assert pd.isna(draft.blocks().set_index("block").loc[block(0, 1), "micro"])
    draft.move([block(1, 1)], to="320299001001002")
    with pytest.raises(EditRefused) as refused:
        draft.move([block(5, 5)], to="320299001001002")
    assert refused.value.rule == "not_nested"


def test_medium_grids_are_split_between_their_small_grids(plan):
    draft = gridmap.Draft(plan)
    edit = draft.split("320299002")
    assert {"320299003", "320299004"} <= set(edit.made)
    small = draft["small"]
    assert small["parent"].value_counts().to_dict() == {"320299001": 4, "320299003": 2, "320299004": 2}
    for code, grid in draft["medium"].geometry.items():
        assert grid.equals(shapely.union_all(small.geometry[small["parent"] == code].to_numpy()))
    with pytest.raises(EditRefused):
        draft.move([block(0, 0)], to="320299003")


def test_small_grids_move_below_another_parent(plan):
    draft = gridmap.Draft(plan)
    edit = draft.move("320299001004", to="320299002")
    assert "320299002005" in edit.made
    assert draft["small"].loc["320299002005", "parent"] == "320299002"
    assert edit.moved_households == 80.0


def test_redrawing_keeps_codes_and_balance(plan):
    draft = gridmap.Draft(plan)
    draft.move([block(0, 4), block(1, 4), block(2, 4)], to="320299001002")
    edit = draft.redraw(["320299001002", "320299001003"])
    assert not edit.made
    assert edit.after.grids["households"].tolist() == [80.0, 80.0]


def test_a_line_splits_blocks_and_their_households(plan):
    draft = gridmap.Draft(plan)
    middle = float(square(1, 0).centroid.y)
    edit = draft.split("320299002001", line=shapely.LineString([(120.3, middle), (120.32, middle)]))
    assert len(draft.blocks()) == 64 + 4
    assert draft["small"]["households"][list(edit.made)].sum() == pytest.approx(80)
    assert sorted(draft["small"]["households"][list(edit.made)].round(1)) == [20.0, 60.0]
    assert shapely.coverage_is_valid(draft.blocks().geometry.values)
    with pytest.raises(EditRefused, match="one side"):
        draft.split("320299002002", line=shapely.LineString([(120.0, 31.0), (120.1, 31.0)]))


def test_a_line_through_a_building_is_led_round_it(plan):
    y = float(square(0, 6).centroid.y)
    house = shapely.box(120.3095, y - 0.0001, 120.3098, y + 0.0002)
    buildings = gpd.GeoDataFrame({"building": ["yes"]}, geometry=[house], crs=4490)
    draft = gridmap.Draft(plan, buildings=buildings)
    line = shapely.LineString([(120.307, y), (120.317, y)])
    with pytest.raises(EditRefused, match="building") as refused:
        draft.split("320299002004", line=line)
    assert refused.value.rule == "building_cut"
    assert house.intersects(refused.value.geometry)
    draft.split("320299002004", line=refused.value.allowed[0].line)
    borders = shapely.boundary(draft["small"].geometry.to_numpy())
    assert not shapely.crosses(borders, shapely.buffer(house, -1e-6)).any()


def test_blocks_of_one_building_stay_together(plan):
    house = shapely.box(120.3015, 31.5095, 120.3025, 31.5097)  # on blocks (0, 4) and (1, 4)
    draft = gridmap.Draft(plan, buildings=gpd.GeoDataFrame({"building": ["yes"]}, geometry=[house], crs=4490))
    with pytest.raises(EditRefused) as refused:
        draft.move([block(0, 4)], to="320299001002")
    assert refused.value.rule == "building_cut"
    draft.move(refused.value.allowed[0].blocks, to="320299001002")
    assert draft.metrics().buildings_cut == 0


def test_branches_go_their_own_ways(plan):
    draft = gridmap.Draft(plan)
    draft.move([block(0, 4)], to="320299001002")
    other = draft.branch()
    other.merge(["320299001002", "320299001003"])
    assert (len(draft.edits), len(other.edits)) == (1, 2)
    assert "320299001003" in draft["small"].index
    other.undo()
    assert other.plan().version == draft.plan().version


def test_households_that_grew_are_counted(plan):
    draft = gridmap.Draft(plan, households={block(0, 4): 50.0})
    assert draft.metrics(["320299001003"]).grids.loc["320299001003", "households"] == 120.0
    assert draft["medium"]["households"].sum() == 680.0
    with pytest.raises(UnknownNameError, match="999"):
        gridmap.Draft(plan, households={999: 1.0})
    with pytest.raises(PlanError, match="block 3"):
        gridmap.Draft(plan, households={3: np.nan})


def test_rebalancing_brings_grids_back_into_the_band(plan):
    draft = gridmap.Draft(plan)
    draft.move([block(0, 4), block(1, 4), block(2, 4)], to="320299001002")
    edit = draft.rebalance()
    assert edit.after.in_band == 1.0
    assert edit.rebalance.lower_bound <= edit.rebalance.moved_households <= 50.0  # whole blocks of ten
    small = draft.blocks()
    for _, own in small.groupby("small"):
        near = nx.Graph()
        near.add_nodes_from(own["block"])
        pairs = own.sjoin(own[["block", "geometry"]], predicate="touches")
        near.add_edges_from(zip(pairs["block_left"], pairs["block_right"], strict=True))
        assert nx.is_connected(near)


def test_what_does_not_exist_is_named(plan):
    draft = gridmap.Draft(plan)
    with pytest.raises(UnknownNameError, match="no block 640"):
        draft.move([640], to="320299001001")
    with pytest.raises(UnknownNameError, match="320299001001"):
        draft.move([0], to="320299001099")
    with pytest.raises(EditRefused, match="nothing"):
        draft.undo()
    with pytest.raises(EditRefused, match="no edits"):
        draft.propose("空")
    with pytest.raises(PlanError, match="blocks_from_plan"):
        gridmap.Draft(gridmap.Plan.from_layers({"small": plan["small"].reset_index()}))
    with pytest.raises(UnknownNameError, match="no block lies"):
        draft.block_at(0.0, 0.0)


def test_many_blocks_change_places_at_once(plan):
    draft = gridmap.Draft(plan)
    goals = {block(0, 3): "320299001003", block(0, 4): "320299001002", block(1, 4): "320299001002"}
    with pytest.raises(EditRefused, match="apart"):
        draft.relabel(goals)
    goals = {block(0, 3): "320299001003", block(3, 4): "320299001002"}
    edit = draft.relabel(goals)
    assert edit.after.grids["households"].tolist() == [80.0, 80.0]


def test_a_lasso_picks_blocks_by_their_inner_points(plan):
    draft = gridmap.Draft(plan)
    lasso = shapely.box(120.2999, 31.4999, 120.3041, 31.5021)
    assert draft.blocks_in(lasso) == (block(0, 0), block(1, 0))
    assert draft.block_at(120.303, 31.501) == block(1, 0)
