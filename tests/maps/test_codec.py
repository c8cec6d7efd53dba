"""Numbers, arcs and shapes: written here, read here and in a browser, and the polygons are the same."""

from __future__ import annotations

import json

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from gridmap.maps.assets import asset_text
from gridmap.maps.codec import ALPHABET, encode_arcs, encode_ints, encode_points, encode_shapes
from gridmap.maps.topology import METRES_PER_DEGREE, build_topology

CORNERS = [0, -1, 1, 15, 16, -16, 511, 512, 2**31, -(2**31) - 1, 2**52, -(2**52)]


def decode_ints(text):
    numbers, value, shift = [], 0, 0
    for letter in text:
        group = ALPHABET.index(letter)
        value |= (group & 31) << shift
        shift += 5
        if group < 32:
            numbers.append(-(value + 1) // 2 if value & 1 else value // 2)
            value = shift = 0
    return numbers


def decode_arcs(text):
    numbers, arcs, last = iter(decode_ints(text)), [], np.zeros(2, dtype=np.int64)
    for size in numbers:
        steps = np.array([next(numbers) for _ in range(2 * size)], dtype=np.int64).reshape(-1, 2)
        arcs.append(last + np.cumsum(steps, axis=0))
        last = arcs[-1][-1]
    return arcs


def decode_shapes(text):
    numbers = iter(decode_ints(text))
    return tuple(tuple(tuple(next(numbers) for _ in range(next(numbers))) for _ in range(rings)) for rings in numbers)


def polygons(arcs, shapes, quantum):
    """Put rings together by the even-odd rule."""
    made = []
    for shape in shapes:
        whole = shapely.Polygon()
        for refs in shape:
            parts = [arcs[ref] if ref >= 0 else arcs[~ref][::-1] for ref in refs]
            ring = np.concatenate([part[:-1] for part in parts]) * quantum
            whole = shapely.symmetric_difference(whole, shapely.make_valid(shapely.Polygon(ring)))
        made.append(whole)
    return made


@given(st.lists(st.integers(-(2**52), 2**52), max_size=60))
def test_whole_numbers_come_back(numbers):
    assert decode_ints(encode_ints(numbers)) == numbers


def test_arcs_and_shapes_come_back(plan):
    topology = build_topology([layer.geometry.values for layer in plan.layers.values()])
    for there, back in zip(topology.arcs, decode_arcs(encode_arcs(topology)), strict=True):
        np.testing.assert_array_equal(there, back)
    for layer in topology.layers:
        assert decode_shapes(encode_shapes(layer)) == layer


def test_polygons_come_back_to_the_step_they_are_put_on(plan):
    topology = build_topology([layer.geometry.values for layer in plan.layers.values()], tolerance_m=0, quantum=1e-6)
    for layer, shapes in zip(plan.layers.values(), topology.layers, strict=True):
        for there, back in zip(layer.geometry, polygons(topology.arcs, shapes, 1e-6), strict=True):
            assert shapely.hausdorff_distance(there.boundary, back.boundary) < 1e-6


def test_simplified_borders_stay_near_and_stay_shared(plan):
    topology = build_topology([plan["small"].geometry.values], tolerance_m=20)
    found = polygons(topology.arcs, topology.layers[0], topology.quantum)
    for there, back in zip(plan["small"].geometry, found, strict=True):
        assert shapely.hausdorff_distance(there.boundary, back.boundary) < 25 / (METRES_PER_DEGREE * 0.85)
    whole = shapely.union_all(shapely.set_precision(np.array(found), 1e-9))
    assert sum(each.area for each in found) == pytest.approx(whole.area, rel=1e-9)


def test_rings_with_holes_and_empty_shapes():
    outer = shapely.box(0, 0, 3, 3)
    inner = shapely.box(1, 1, 2, 2)
    topology = build_topology([[outer - inner, inner, shapely.Polygon(), None]], quantum=0.5, tolerance_m=0)
    found = polygons(topology.arcs, topology.layers[0], 0.5)
    assert [each.area for each in found] == [8, 1, 0, 0]
    assert [len(shape) for shape in topology.layers[0]] == [2, 1, 0, 0]


def test_the_browser_reads_what_python_wrote(plan, browse, tmp_path):
    topology = build_topology([layer.geometry.values for layer in plan.layers.values()])
    points = np.array([[12042000, 3152000], [12042001, 3151999], [-5, 7]])
    said = {
        "ints": encode_ints(CORNERS), "points": encode_points(points), "arcs": encode_arcs(topology),
        "shapes": [encode_shapes(layer) for layer in topology.layers],
    }  # fmt: skip
    page = tmp_path / "codec.html"
    page.write_text(f"<html><body><script>{asset_text('gridmap/codec.js')}</script></body></html>")
    found, _ = browse(
        page,
        f"const d = {json.dumps(said)}, g = window.gridmap, arcs = g.decodeArcs(d.arcs);"
        "const shapes = d.shapes.map(g.decodeShapes);"
        "return {ints: g.decodeInts(d.ints), points: g.decodePoints(d.points), arcs, shapes,"
        " rings: shapes[2].map((shape) => shape.map((refs) => g.ringOf(refs, arcs)))};",
    )
    assert found["ints"] == CORNERS
    assert found["points"] == points.reshape(-1).tolist()
    assert found["arcs"] == [arc.reshape(-1).tolist() for arc in topology.arcs]
    assert found["shapes"] == [[[list(ring) for ring in shape] for shape in layer] for layer in topology.layers]
    drawn = polygons(topology.arcs, topology.layers[2], 1.0)
    for rings, there in zip(found["rings"], drawn, strict=True):
        assert len(rings) == 1
        assert shapely.Polygon(np.reshape(rings[0], (-1, 2))).equals(there)
