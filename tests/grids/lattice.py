"""A made county of square blocks, whose grids and departments are known to the metre. Only for tests of departments."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from gridmap.geo.crs import to_storage
from gridmap.grids.assemble import plan_from_blocks
from gridmap.grids.plan import LevelSpec, Plan

CRS = 4549
X0, Y0, SIDE = 500_000.0, 3_480_000.0, 100.0


def square(left: float, low: float, right: float, top: float) -> shapely.Polygon:
    """Return a box in metres from the lower left corner of the county."""
    return shapely.box(X0 + left, Y0 + low, X0 + right, Y0 + top)


def layer(shapes: dict[str, shapely.Geometry]) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame({"code": list(shapes)}, geometry=list(shapes.values()), crs=CRS)


def lattice(
    small: np.ndarray, medium: np.ndarray, households: np.ndarray | None = None, kinds: dict[int, str] | None = None
) -> Plan:
    """Make a plan of blocks 100 m wide: ``small`` and ``medium`` name the grid of each, by row and column."""
    rows, columns = np.indices(small.shape)
    left, low = columns.ravel() * SIDE, rows.ravel() * SIDE
    squares = shapely.box(X0 + left, Y0 + low, X0 + left + SIDE, Y0 + low + SIDE)
    homes = np.full(small.size, 50.0) if households is None else households.ravel().astype(float)
    codes = np.array([f"{number:03d}" for number in small.ravel()], dtype=object)
    blocks = gpd.GeoDataFrame(
        {"block": np.arange(small.size), "households": homes, "residents": homes * 2, "water": False, "small": codes},
        geometry=squares, crs=CRS,
    )  # fmt: skip
    above = {f"{s:03d}": f"M{m}" for s, m in zip(small.ravel(), medium.ravel(), strict=True)}
    small_table = pd.DataFrame(
        {"parent": list(above.values()), "kind": [(kinds or {}).get(int(code), "base") for code in above]},
        index=pd.Index(list(above), name="code"),
    )
    names = sorted(set(above.values()))
    grids = {"medium": pd.DataFrame({"parent": None}, index=pd.Index(names, name="code")), "small": small_table}
    return plan_from_blocks(to_storage(blocks), (LevelSpec("medium"), LevelSpec("small")), grids, layout="as-is")
