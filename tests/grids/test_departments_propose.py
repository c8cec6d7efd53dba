"""Small grids that cut fewer department grids: never worse, whole, in the band, in their parents, and counted anew."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from lattice import CRS, lattice, layer, square
from town import make_town

import gridmap
from gridmap.errors import PlanError
from gridmap.grids.assemble import plan_from_blocks

SIZE = 12
ROW, COLUMN = np.indices((SIZE, SIZE))
MEDIUM = COLUMN // 6
STRIPES = ROW // 2 + 6 * MEDIUM  # twelve grids of two rows and six columns
TILES = ROW // 4 * 2 + COLUMN % 6 // 3 + 6 * MEDIUM  # twelve grids of four rows and three columns


def along_blocks(label, prefix="P"):
    """A department whose grids are unions of blocks, by row and column."""
    shapes = {}
    for number in np.unique(label).tolist():
        cells = zip(*np.nonzero(label == number), strict=True)
        parts = [square(100 * x, 100 * y, 100 * x + 100, 100 * y + 100) for y, x in cells]
        shapes[f"{prefix}{number}"] = shapely.union_all(parts)
    return layer(shapes)


def labels_after(plan, proposal):
    codes = plan.blocks.set_index("block")["small"].to_dict()
    for block, old, new in proposal.moves[["block", "old", "new"]].itertuples(index=False):
        assert codes[block] == old
        codes[block] = new
    return codes


def cut_grids(codes, departments):
    """Department grids that cross a grid, told from sets of blocks alone."""
    found = set()
    grids = {code: {b for b in codes if codes[b] == code} for code in set(codes.values())}
    for name, label in departments.items():
        for number in np.unique(label).tolist():
            own = set(np.flatnonzero(label.ravel() == number).tolist())
            if any(own & grid and own - grid and grid - own for grid in grids.values()):
                found.add((name, number))
    return found


def check_rules(plan, proposal):
    """Every grid is there, whole, in its parent, and no further out of the band than before."""
    before, after = plan.blocks.set_index("block")["small"].to_dict(), labels_after(plan, proposal)
    assert set(after.values()) == set(before.values())
    ground = nx.grid_2d_graph(SIZE, SIZE)
    for code in set(after.values()):
        cells = [(b // SIZE, b % SIZE) for b in after if after[b] == code]
        assert nx.is_connected(ground.subgraph(cells))
    parents = plan["small"]["parent"]
    assert all(parents[before[b]] == parents[after[b]] for b in before)
    homes = plan.blocks.set_index("block")["households"]
    was, now = (homes.groupby(codes).sum() for codes in (before, after))
    mean = was.groupby(parents).transform("mean")
    out = [np.maximum(np.abs(load - mean) - plan.metadata.band * mean, 0) for load in (was, now)]
    assert (out[1] <= out[0] + 1e-6).all()


def test_an_arrangement_that_cuts_nothing_is_found():
    """Stripes of two rows, departments of four by three blocks: grids like theirs keep the counts and cut none."""
    plan = lattice(STRIPES, MEDIUM)
    pairs = TILES // 2
    departments = {"公安": TILES, "城管": pairs}
    found = gridmap.integrate(plan, {name: along_blocks(label) for name, label in departments.items()})
    proposal = found.propose()
    check_rules(plan, proposal)
    assert proposal.cut_before == len(cut_grids(plan.blocks.set_index("block")["small"].to_dict(), departments)) > 0
    assert proposal.cut_after == 0
    assert cut_grids(labels_after(plan, proposal), departments) == set()
    assert found.propose().moves.equals(proposal.moves)


@settings(max_examples=5)
@given(st.integers(0, 10_000))
def test_whatever_departments_draw_nothing_gets_worse_and_the_count_is_right(seed):
    rng = np.random.default_rng(seed)
    plan = lattice(STRIPES, MEDIUM, rng.integers(0, 90, (SIZE, SIZE)))
    departments = {}
    for name, parts in (("公安", 9), ("城管", 20)):
        at = rng.uniform(0, SIZE, (parts, 2))
        departments[name] = np.argmin((ROW[..., None] - at[:, 0]) ** 2 + (COLUMN[..., None] - at[:, 1]) ** 2, axis=-1)
    found = gridmap.integrate(plan, {name: along_blocks(label) for name, label in departments.items()})
    proposal = found.propose(seed=seed, tries=2)
    check_rules(plan, proposal)
    before = plan.blocks.set_index("block")["small"].to_dict()
    assert proposal.cut_before == len(cut_grids(before, departments)) == found.summary["grids_cut"].sum()
    assert proposal.cut_after == len(cut_grids(labels_after(plan, proposal), departments))
    homes = proposal.summary[["households_before", "households_after"]].sum()
    assert proposal.cut_after < proposal.cut_before or (
        proposal.cut_after == proposal.cut_before and homes.iloc[1] <= homes.iloc[0] + 1e-6
    )
    assert sum(map(len, proposal.blocks_to.values())) == len(proposal.moves)


def test_dedicated_grids_stay_as_they_are():
    plan = lattice(STRIPES, MEDIUM, kinds={0: "dedicated"})
    proposal = gridmap.integrate(plan, {"公安": along_blocks(TILES)}).propose()
    assert proposal.cut_after < proposal.cut_before
    assert "000" not in set(proposal.moves["old"]) | set(proposal.moves["new"])


def test_a_department_grid_that_splits_blocks_in_two_parents_cannot_be_spared():
    plan = lattice(STRIPES, MEDIUM)
    crooked = layer({"P1": square(550, 0, 650, 1200)})
    proposal = gridmap.integrate(plan, {"公安": crooked}).propose()
    row = proposal.summary.iloc[0]
    assert (row.cut_before, row.cut_after, row.unavoidable) == (1, 1, 1)


def test_a_plan_without_blocks_says_what_to_do():
    plain = gridmap.Plan.from_layers({"small": lattice(STRIPES, MEDIUM)["small"].reset_index()[["code", "geometry"]]})
    found = gridmap.integrate(plain, {"公安": layer({"P1": square(0, 0, 550, 600)}).to_crs(CRS)})
    with pytest.raises(PlanError, match="blocks_from_plan"):
        found.propose()


def test_in_a_town_on_a_river_grids_stay_whole_and_water_stays_with_its_bank(tmp_path):
    """The plan made of the proposed labels breaks no rule that the drawn one kept."""
    town = make_town()
    network = town.network(tmp_path)
    plan = gridmap.draw_plan(
        town.blocks(), network, levels={"large": 1, "medium": 2, "small": 14}, county_code="320214", band=0.3
    )
    west, south, east, _ = town.boundary.total_bounds
    step = (east - west) / 4
    squares = {
        f"P{i}{j}": shapely.box(west + i * step, south + j * step, west + (i + 1) * step, south + (j + 1) * step)
        for i in range(4) for j in range(4)
    }  # fmt: skip
    proposal = gridmap.integrate(plan, {"公安": layer(squares)}).propose(network)
    assert len(proposal.moves) > 0
    blocks = plan.blocks.assign(small=plan.blocks["block"].map(labels_after(plan, proposal)))
    grids = {spec.name: plan.layers[spec.name] for spec in plan.levels}
    for name in plan.labelled_levels[1:]:
        assert (blocks[name] == plan.blocks[name]).all()
    after = plan_from_blocks(blocks, plan.levels, grids, metadata=plan.metadata)
    was, now = (gridmap.check_plan(each) for each in (plan, after))
    for rule in ("not_contiguous", "overlap", "gap", "not_nested", "one_community"):
        assert (now["rule"] == rule).sum() <= (was["rule"] == rule).sum(), rule
    again = gridmap.integrate(after, {"公安": layer(squares)}).summary
    assert again["grids_cut"].sum() == proposal.cut_after
    assert again["households_cut"].sum() <= proposal.summary["households_before"].sum()
