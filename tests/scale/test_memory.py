"""Four times the rows take the memory of one time."""

from __future__ import annotations

import geopandas as gpd
import pytest
import shapely
from bench import join_big

import gridmap

BOUNDS = (120.0, 31.0, 120.5, 31.1)
FREE_MB = 120
"""What differs from run to run, and the footers of the result's row groups."""


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_memory_does_not_grow_with_the_file(tmp_path, kind):
    cells = [shapely.box(120 + i / 10, 31, 120.1 + i / 10, 31.1) for i in range(5)]
    layer = gpd.GeoDataFrame({"code": [f"L{i}" for i in range(5)]}, geometry=cells, crs=4490)
    gridmap.Plan.from_layers({"small": layer}).save(tmp_path / "plan.gpkg")
    peaks = []
    for rows in (1_500_000, 6_000_000):
        source = tmp_path / f"in-{rows}.{kind}"
        join_big.make(source, rows, BOUNDS, texts=False)
        run = join_big.join(source, tmp_path / "plan.gpkg", None, tmp_path / "out.parquet")
        assert run.rows == rows
        peaks.append(run.peak_mb)
    assert peaks[1] < peaks[0] + FREE_MB
    assert peaks[1] < 1000
