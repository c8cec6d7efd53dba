"""A made town for the widget's tests: 12 × 8 blocks in eight grids of two communities, a building in each block."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
from shapely import LineString, box

import gridmap
from gridmap.grids.assemble import plan_from_blocks

WIDE, HIGH, SIDE = 12, 8, 0.001
WEST, SOUTH = 120.3, 31.5
COMMUNITIES = ("320299001001", "320299001002")


def made_draft() -> gridmap.Draft:
    """Return a draft; block ``12 * row + column`` has 10 households, 40 in the first column of every grid."""
    plan = made_plan()
    return gridmap.Draft(plan, buildings=made_buildings())


def made_plan() -> gridmap.Plan:
    column, row = np.meshgrid(np.arange(WIDE), np.arange(HIGH))
    column, row = column.ravel(), row.ravel()
    # grids of three columns by four rows; the two communities are the lower and the upper half
    grid = [f"{COMMUNITIES[r // 4]}{c // 3 + 1:03d}" for c, r in zip(column, row, strict=True)]
    blocks = gpd.GeoDataFrame(
        {
            "block": WIDE * row + column, "households": np.where(column % 3 == 0, 40.0, 10.0), "residents": 0.0,
            "water": False, "small": grid,
        },
        geometry=[block_shape(c, r) for c, r in zip(column, row, strict=True)], crs=4490,
    )  # fmt: skip
    codes = sorted(set(grid))
    layers = {
        "medium": pd.DataFrame({"parent": [None, None], "name": ["南社区", "北社区"]}, index=list(COMMUNITIES)),
        "small": pd.DataFrame({"parent": [code[:12] for code in codes]}, index=codes),
    }
    return plan_from_blocks(blocks, (gridmap.LevelSpec("medium"), gridmap.LevelSpec("small")), layers)


def block_shape(column: int, row: int):
    return box(WEST + column * SIDE, SOUTH + row * SIDE, WEST + (column + 1) * SIDE, SOUTH + (row + 1) * SIDE)


def middle(column: float, row: float) -> tuple[float, float]:
    """Return the place ``column`` and ``row`` blocks from the corner, in the middle of a block."""
    return WEST + (column + 0.5) * SIDE, SOUTH + (row + 0.5) * SIDE


def made_buildings() -> gpd.GeoDataFrame:
    """Return a small building in the middle of each block."""
    places = [middle(c, r) for c in range(WIDE) for r in range(HIGH)]
    shapes = [box(x - SIDE / 6, y - SIDE / 6, x + SIDE / 6, y + SIDE / 6) for x, y in places]
    return gpd.GeoDataFrame({"households": [1.0] * len(shapes)}, geometry=shapes, crs=4490)


def made_streets() -> gpd.GeoDataFrame:
    """Return a main street across the middle and a lane."""
    x, y = WEST + WIDE * SIDE, SOUTH + 4 * SIDE
    lines = [LineString([(WEST, y), (x, y)]), LineString([(WEST, y + SIDE), (x, y + SIDE)])]
    return gpd.GeoDataFrame({"highway": ["primary", "footway"]}, geometry=lines, crs=4490)
