"""Any sequence of edits keeps what must always be true of a plan."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import geopandas as gpd
import networkx as nx
import numpy as np
import pytest
import shapely
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from town import make_town

import gridmap
from gridmap.errors import EditRefused
from gridmap.geo.crs import metric_crs_of

LEVELS = {"large": 2, "medium": 5, "small": 14, "micro": 3}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A made town on a river with buildings, drawn at four levels."""
    town = make_town(7)
    network = town.network(tmp_path_factory.mktemp("streets"))
    plan = gridmap.draw_plan(town.blocks(), network, levels=LEVELS, county_code="320299")
    return plan, network, town.buildings


def area_m2(layer: gpd.GeoDataFrame) -> float:
    return float(layer.to_crs(metric_crs_of(layer)).area.sum())


def pieces_by_networkx(blocks: gpd.GeoDataFrame, level: str) -> dict[tuple[str, int], int]:
    """Count the connected parts of each grid on each bank, from polygons alone."""
    land = blocks[~blocks["water"]]
    shapes = land.geometry.to_numpy()
    codes = land[level].to_numpy()
    i, j = shapely.STRtree(shapes).query(shapes, predicate="touches")
    i, j = i[i < j], j[i < j]
    shared = shapely.length(shapely.intersection(shapes[i], shapes[j])) > 0
    whole, inside = nx.Graph(), nx.Graph()
    for graph, kept in ((whole, shared), (inside, shared & (codes[i] == codes[j]))):
        graph.add_nodes_from(range(len(land)))
        graph.add_edges_from(zip(i[kept], j[kept], strict=True))
    bank = {row: number for number, part in enumerate(nx.connected_components(whole)) for row in part}
    found: dict[tuple[str, int], int] = {}
    for part in nx.connected_components(inside):
        row = next(iter(part))
        key = codes[row], bank[row]
        found[key] = found.get(key, 0) + 1
    return found


def cut_buildings(plan: gridmap.Plan, buildings: gpd.GeoDataFrame) -> int:
    found = gridmap.check_plan(plan, buildings=buildings)
    return int((found["rule"] == "building_cut").sum())


class Planner(RuleBasedStateMachine):
    """A planner who tries anything."""

    plan: gridmap.Plan
    network: gridmap.WalkNetwork
    buildings: gpd.GeoDataFrame

    def __init__(self) -> None:
        super().__init__()
        self.draft = gridmap.Draft(self.plan, network=self.network, buildings=self.buildings)
        self.area = area_m2(self.plan["small"])
        self.pieces = pieces_by_networkx(self.plan.blocks, "small")
        self.given_out: dict[str, tuple[int, frozenset[int]]] = {}
        self.count = 0

    def block(self, pick: int) -> int:
        return int(self.draft.state.ground.block[pick % len(self.draft.state.ground)])

    def code(self, level: str, pick: int) -> str:
        codes = self.draft[level].index
        return str(codes[pick % len(codes)])

    def neighbours(self, code: str) -> list[str]:
        layer = self.draft["small"]
        touching = layer.index[layer.geometry.touches(layer.geometry[code])]
        return [str(each) for each in touching]

    def attempt(self, edit):
        before = self.draft.state
        try:
            made = edit()
        except EditRefused as refused:
            options = refused.allowed[:1]
            made = None
        if made is None:
            assert self.draft.state is before, "a refused edit changed the draft"
            for option in options:
                self.take(option)
            return
        self.count += 1
        for code in made.made:
            assert code not in self.given_out or self.given_out[code] == made.number, code
            self.given_out[code] = made.number

    def take(self, option) -> None:
        """What is offered is allowed."""
        trial = self.draft.branch()
        if option.action == "move":
            trial.move(option.blocks, option.to)
        elif option.action == "merge":
            trial.merge(option.codes)
        else:
            trial.split(option.codes[0], line=option.line)

    @rule(pick=st.integers(0, 10**6), side=st.integers(0, 20), more=st.integers(0, 2))
    def move_over_a_border(self, pick, side, more):
        code = self.code("small", pick)
        beside = self.neighbours(code)
        if not beside:
            return
        goal = beside[side % len(beside)]
        blocks = self.draft.blocks()
        mine = blocks[(blocks["small"] == code) & ~blocks["water"]]
        near = mine[mine.geometry.touches(self.draft["small"].geometry[goal])]
        if len(near):
            self.attempt(lambda: self.draft.move(near["block"].iloc[: more + 1].tolist(), to=goal))

    @rule(pick=st.integers(0, 10**6), goal=st.integers(0, 10**6))
    def move_anything_anywhere(self, pick, goal):
        self.attempt(lambda: self.draft.move([self.block(pick)], to=self.code("small", goal)))

    @rule(pick=st.integers(0, 10**6), n=st.integers(2, 4))
    def split(self, pick, n):
        self.attempt(lambda: self.draft.split(self.code("small", pick), n))

    @rule(pick=st.integers(0, 10**6), turn=st.floats(0, np.pi), shift=st.floats(-0.3, 0.3))
    def split_by_a_line(self, pick, turn, shift):
        code = self.code("small", pick)
        west, south, east, north = self.draft["small"].geometry[code].bounds
        middle = np.array([(west + east) / 2 + shift * (east - west), (south + north) / 2 + shift * (north - south)])
        reach = 2 * np.hypot(east - west, north - south) * np.array([np.cos(turn), np.sin(turn)])
        line = shapely.LineString([middle - reach, middle + reach])
        self.attempt(lambda: self.draft.split(code, line=line))

    @rule(pick=st.integers(0, 10**6), side=st.integers(0, 20))
    def merge_neighbours(self, pick, side):
        code = self.code("small", pick)
        beside = self.neighbours(code)
        if beside:
            self.attempt(lambda: self.draft.merge([code, beside[side % len(beside)]]))

    @rule(pick=st.integers(0, 10**6), side=st.integers(0, 20), seed=st.integers(0, 3))
    def redraw_neighbours(self, pick, side, seed):
        code = self.code("small", pick)
        beside = self.neighbours(code)
        if beside:
            self.attempt(lambda: self.draft.redraw([code, beside[side % len(beside)]], seed=seed))

    @rule(pick=st.integers(0, 10**6), goal=st.integers(0, 10**6))
    def give_a_grid_another_parent(self, pick, goal):
        self.attempt(lambda: self.draft.move(self.code("small", pick), to=self.code("medium", goal)))

    @rule(pick=st.integers(0, 10**6))
    def split_a_medium_grid(self, pick):
        self.attempt(lambda: self.draft.split(self.code("medium", pick)))

    @rule(pick=st.integers(0, 10**6), other=st.integers(0, 10**6))
    def merge_medium_grids(self, pick, other):
        self.attempt(lambda: self.draft.merge([self.code("medium", pick), self.code("medium", other)]))

    @precondition(lambda self: self.draft.edits)
    @rule()
    def undo_and_redo(self):
        now = self.draft.state
        self.draft.undo()
        self.draft.redo()
        assert self.draft.state is now

    @precondition(lambda self: self.draft.edits)
    @rule()
    def undo(self):
        self.draft.undo()

    @precondition(lambda self: len(self.draft.edits) > 2)
    @rule()
    def save_read_and_undo_all(self):
        edits = len(self.draft.edits)
        with tempfile.TemporaryDirectory() as folder:
            plan = self.draft.propose("工作稿")
            plan.save(Path(folder) / "plan.gpkg")
            read = gridmap.read_plan(Path(folder) / "plan.gpkg")
        assert read.equals(plan)
        again = gridmap.Draft(read)
        for _ in range(edits):
            again.undo()
        back = again.plan()
        assert back.version == self.plan.version
        for level in ("small", "micro"):
            assert back.blocks[level].tolist() == self.plan.blocks[level].tolist()
        assert shapely.equals_identical(back.blocks.geometry.values, self.plan.blocks.geometry.values).all()

    @invariant()
    def the_plan_is_whole(self):
        state = self.draft.state
        assert shapely.coverage_is_valid(state.ground.shapes)
        for level in ("large", "medium", "small"):
            layer = self.draft[level]
            assert shapely.coverage_is_valid(layer.geometry.values), level
            assert abs(layer["area_m2"].sum() - self.area) < 1.0, level
        for level, above in (("small", "medium"), ("medium", "large"), ("micro", "small")):
            assert set(self.draft[level]["parent"]) <= set(self.draft[above].index)
            assert all(c.startswith(p) for c, p in self.draft[level]["parent"].items()), level

    @invariant()
    def no_grid_falls_apart(self):
        found = pieces_by_networkx(self.draft.blocks(), "small")
        assert {code for code, _ in found} == set(self.draft["small"].index)
        assert max(found.values()) <= max(self.pieces.values())

    def teardown(self):
        for level in ("large", "medium", "small"):
            assert abs(area_m2(self.draft[level]) - self.area) < 1.0, level
        if self.draft.edits:
            proposed = self.draft.plan(note="结束")
            errors = gridmap.check_plan(proposed, buildings=self.buildings)
            assert (errors["severity"] != "error").all(), errors[["rule", "codes", "message"]]
        for _ in range(len(self.draft.edits)):
            self.draft.undo()
        assert self.draft.plan().equals(self.plan)


STEPS = int(os.environ.get("GRIDMAP_EDITS", "25"))


@pytest.mark.slow
def test_any_sequence_of_edits_keeps_the_plan_whole(made):
    """GRIDMAP_EDITS=1000 tries sequences of a thousand."""
    machine = type("Town", (Planner,), dict(zip(("plan", "network", "buildings"), made, strict=True)))
    run = settings(
        max_examples=2 if STEPS < 200 else 1, stateful_step_count=STEPS, deadline=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    run_state_machine_as_test(machine, settings=run)
