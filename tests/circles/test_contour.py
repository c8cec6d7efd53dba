"""The line where a raster passes zero: on any raster, valid, apart, and with every sample on its right side."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from gridmap.circles.contour import Rings, polygons, zero_rings


def drawn(values):
    return polygons(zero_rings(np.asarray(values, dtype=np.float32)))[0]


def raster(seed: int, rows: int, columns: int, kind: str) -> np.ndarray:
    """Return samples with a positive rim: coarse (many equal), smooth, or a chessboard, which is the worst there is."""
    rng = np.random.default_rng(seed)
    if kind == "chess":
        values = np.where(np.indices((rows, columns)).sum(axis=0) % 2, -1.0, 1.0) * rng.uniform(
            1e-6, 1, (rows, columns)
        )
    elif kind == "smooth":
        values = ndimage.gaussian_filter(rng.normal(0, 1, (rows, columns)), 1.5)
    else:
        values = rng.choice([-20.0, -1.0, 0.0, 1e-7, -1e-7, 20.0], (rows, columns))
    return np.pad(values, 1, constant_values=20.0).astype(np.float32)


@settings(deadline=None, max_examples=150)
@given(
    seed=st.integers(0, 10_000),
    rows=st.integers(1, 14),
    columns=st.integers(1, 14),
    kind=st.sampled_from(["chess", "smooth", "coarse"]),
)
def test_every_sample_lies_on_its_side_of_a_valid_outline(seed, rows, columns, kind):
    values = raster(seed, rows, columns, kind)
    shape = drawn(values)
    assert shape.geom_type == "MultiPolygon"
    assert shape.is_valid
    y, x = np.indices(values.shape)
    assert (shapely.contains_xy(shape, x, y) == (values < 0)).all()
    # One part for each region of samples joined by rows and columns, one hole for each region of others inside one.
    regions = ndimage.label(values < 0)[1]
    others = ndimage.label(values >= 0, structure=np.ones((3, 3)))[1]
    assert len(shape.geoms) == regions
    assert sum(len(part.interiors) for part in shape.geoms) == others - 1


@pytest.mark.parametrize("centre", [(30.2, 25.7), (25.0, 30.0)])
def test_the_outline_of_a_disc_is_a_circle(centre):
    y, x = np.indices((60, 60))
    shape = drawn(np.hypot(x - centre[0], y - centre[1]) - 18.0)
    assert shape.area == pytest.approx(np.pi * 18**2, rel=0.002)
    rim = shapely.get_coordinates(shape) - centre
    assert np.abs(np.hypot(*rim.T) - 18).max() < 0.02


def test_a_ring_has_its_hole_and_the_island_in_it():
    y, x = np.indices((60, 60))
    far = np.hypot(x - 30, y - 30)
    shape = drawn(np.minimum(np.abs(far - 18) - 4, far - 6))
    assert sorted(len(part.interiors) for part in shape.geoms) == [0, 1]
    assert shape.area == pytest.approx(np.pi * (22**2 - 14**2 + 6**2), rel=0.01)


def test_several_outlines_come_out_each_on_its_own_and_the_empty_one_empty():
    one = zero_rings(np.array([[1, 1, 1], [1, -1, 1], [1, 1, 1]], dtype=np.float32))
    start, moved = np.r_[one.start, one.start[1:] + len(one.xy)], np.r_[one.xy * 20 + (100, 0), one.xy * 20 - (40, -10)]
    shapes = polygons(Rings(start, moved, np.array([-1, -1]), np.array([0, 2]), 3))
    assert [shape.is_empty for shape in shapes] == [False, True, False]
    assert shapely.get_coordinates(shapely.centroid(shapes[[0, 2]])).tolist() == [[120, 20], [-20, 30]]
    assert shapely.area(shapes).tolist() == pytest.approx([200, 0, 200])
