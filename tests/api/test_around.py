"""What is around a grid: its parts, those beside it, who answers for it; and what became of codes along versions."""

from __future__ import annotations

from itertools import combinations

import geopandas as gpd
import networkx as nx
import numpy as np
import pandas as pd
import pytest
import shapely
from api_made import PEOPLE
from hypothesis import given, settings
from hypothesis import strategies as st
from shapes import assert_problem

from gridmap.api.grids import ResponsibleQuery, responsible
from gridmap.api.served import FileServed
from gridmap.grids.neighbours import layer_neighbours
from gridmap.grids.plan import GRID_COLUMNS, Plan


def ask(client, path, **params):
    response = client.get(path, params=params)
    assert response.status_code == 200, response.text
    return response.json()


def test_children_are_what_the_plan_records_below(client, plan):
    below = {"large": "medium", "medium": "small", "small": "micro", "micro": None}
    for level, layer in plan.layers.items():
        for code in layer.index[:4]:
            said = ask(client, f"/v1/grids/{code}/children")
            assert said["children_level"] == below[level]
            rows = plan.layers[below[level]] if below[level] else layer.iloc[:0]
            rows = rows[rows["parent"] == code]
            assert [each["code"] for each in said["children"]] == list(rows.index)
            for each in said["children"]:
                for name in GRID_COLUMNS:
                    value = rows.loc[each["code"], name]
                    assert each[name] == (None if pd.isna(value) else value)


def common_border_m(layer):
    """Measure the line that every two polygons have in common, pair by pair."""
    metres = layer.to_crs(4549).geometry
    lines = metres.boundary
    pairs = {}
    for one, other in combinations(layer.index, 2):
        length = lines[one].intersection(lines[other]).length
        if length > 0:
            pairs[one, other] = pairs[other, one] = length
    return pairs


def test_neighbours_are_those_with_a_line_in_common(client, plan):
    for level in ("large", "medium", "small"):
        wanted = common_border_m(plan[level])
        for code in plan[level].index:
            said = ask(client, f"/v1/grids/{code}/neighbours", level=level)["neighbours"]
            assert {each["code"] for each in said} == {other for one, other in wanted if one == code}
            for each in said:
                assert each["border_m"] == pytest.approx(wanted[code, each["code"]], abs=0.002)
                row = plan[level].loc[each["code"]]
                assert (each["name"], each["parent"]) == (
                    row["name"],
                    None if pd.isna(row["parent"]) else row["parent"],
                )
            assert [each["border_m"] for each in said] == sorted((each["border_m"] for each in said), reverse=True)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=14, unique=True), st.booleans())
def test_a_corner_makes_no_neighbour(cells, whole):
    """On a board, cells that share a side are neighbours; also where a layer overlaps and is no coverage."""
    side = 0.01
    boxes = [shapely.box(120 + x * side, 31 + y * side, 120 + (x + 1) * side, 31 + (y + 1) * side) for x, y in cells]
    far = [] if whole else [shapely.box(121, 31, 121.02, 31.02), shapely.box(121.01, 31.01, 121.03, 31.03)]
    found = layer_neighbours(gpd.GeoDataFrame(geometry=[*boxes, *far], crs=4490))
    got = set(zip(found.a.tolist(), found.b.tolist(), strict=True))
    beside = {
        (i, j)
        for (i, one), (j, other) in combinations(enumerate(cells), 2)
        if abs(one[0] - other[0]) + abs(one[1] - other[1]) == 1
    }
    assert got == beside
    assert (found.length_m > 900).all()


def test_neighbours_of_a_border_that_does_not_share_its_vertices():
    west = shapely.box(120, 31, 120.01, 31.02)
    east = [shapely.box(120.01, 31, 120.02, 31.01), shapely.box(120.01, 31.01, 120.02, 31.02)]
    layer = gpd.GeoDataFrame({"code": list("abc")}, geometry=[west, *east], crs=4490)
    assert not shapely.coverage_is_valid(layer.geometry.values)
    found = layer_neighbours(Plan.from_layers({"small": layer}).layers["small"])
    assert list(zip(found.a, found.b, strict=True)) == [(0, 1), (0, 2), (1, 2)]
    assert np.allclose(found.length_m[:2], 1108.7, atol=0.5)


def test_who_answers_has_a_masked_phone(client, source, plan):
    small = plan["small"].index[0]
    for at, name, phone in (("2026-02-01", "诸***", "186****6666"), ("2026-05-01", "上***", "150****8888")):
        said = ask(client, f"/v1/grids/{small}/responsible", at=at, duty="E0203")
        assert (said["responsible"]["name"], said["responsible"]["phone"]) == (name, phone)
        place = ask(client, f"/v1/grids/{small}", at=at, duty="E0203")
        assert {**said["responsible"], "phone": None} == {**place["responsible"], "phone": None}
        query = ResponsibleQuery(at=at, duty="E0203")
        full = responsible(FileServed(source), source, small, query, unmask=True).responsible
        assert PEOPLE[full.name] == full.phone
        assert (full.name[0], full.phone[-4:]) == (name[0], phone[-4:])


def test_without_a_roster_nobody_answers(bare, plan):
    said = ask(bare, f"/v1/grids/{plan['small'].index[0]}/responsible")
    assert (said["responsible"]["outcome"], said["responsible"]["phone"]) == ("no_roster", None)


PARTS = ["", "/children", "/neighbours", "/responsible", "/stations"]


@pytest.mark.parametrize("part", PARTS)
def test_a_retired_code_is_gone_with_what_stands_there_now(timed, timeline, part):
    """The chain is walked by networkx over the lineage of the newest version."""
    lineage = timeline.sources[-1].plan.lineage
    graph = nx.DiGraph()
    for old, new in zip(lineage["old"], lineage["new"], strict=True):
        graph.add_node(old)
        if new is not None:
            graph.add_edge(old, new)
    for source in timeline.sources:
        codes = {code for layer in source.plan.layers.values() for code in layer.index}
        now = {code for layer in timeline.sources[-1].plan.layers.values() for code in layer.index}
        for code in set(lineage["old"]) - codes:
            response = timed.get(f"/v1/grids/{code}{part}", params={"version": source.plan.version})
            said = assert_problem(response, 410, "retired")
            assert {each.get("code") for each in said["successors"]} == (set(graph.successors(code)) or {None})
            if code in set(source.plan.lineage["old"]):
                reached = nx.descendants(graph, code)
                assert set(said.get("current", ())) & codes == {
                    each for each in reached & codes
                    if any(set(way[1:-1]) & (codes | now) == set() for way in nx.all_simple_paths(graph, code, each))
                }  # fmt: skip
            assert set(said.get("current", ())) <= codes | now


def test_a_code_of_a_later_version_is_not_there_yet(timed, timeline):
    first, last = timeline.sources[0].plan, timeline.sources[-1].plan
    new = [code for code in last["small"].index if code not in first["small"].index]
    for code in new:
        response = timed.get(f"/v1/grids/{code}", params={"version": first.version})
        said = assert_problem(response, 404, "unknown-name")
        assert f"{last.version}, in force now, has it" in said["detail"]
        assert timed.get(f"/v1/grids/{code}").status_code == 200
