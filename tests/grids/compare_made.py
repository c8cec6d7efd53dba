"""Plans of square blocks, made by saying which grid each block is in. Only for tests of comparing."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from gridmap.grids.assemble import plan_from_blocks
from gridmap.grids.plan import LevelSpec, Plan

LEVELS = (LevelSpec("large"), LevelSpec("small"), LevelSpec("micro", tiles=False))
TOWN = "320214001"
SIDE_DEG = 0.001


def squares(rows: int, columns: int):
    """Blocks row by row from the south, the western first."""
    y, x = (each.ravel() for each in np.mgrid[:rows, :columns])
    west, south = np.round(120 + x * SIDE_DEG, 8), np.round(31 + y * SIDE_DEG, 8)
    return shapely.box(west, south, np.round(west + SIDE_DEG, 8), np.round(south + SIDE_DEG, 8))


def small_code(label: int, town: str = TOWN) -> str:
    return f"{town}{label:03d}"


def made_plan(labels, households=None, *, shapes=None, numbers=None, micro=None) -> Plan:
    """Make a plan of blocks with small grids numbered from ``labels``: below 500 in one town, else in another."""
    labels = np.asarray(labels)
    shapes = squares(*labels.shape) if shapes is None else np.asarray(shapes, dtype=object)
    labels = labels.ravel()
    homes = np.full(len(labels), 100.0) if households is None else np.asarray(households, dtype=float).ravel()
    towns = np.where(labels < 500, TOWN, "320214002")
    codes = np.array([small_code(label, town) for label, town in zip(labels, towns, strict=True)], dtype=object)
    fine = np.full(len(labels), None, dtype=object)
    if micro is not None:
        fine = np.array([f"{code}{number:03d}" if number else None for code, number in zip(codes, micro, strict=True)])
    blocks = gpd.GeoDataFrame(
        {
            "block": np.arange(len(labels)) if numbers is None else numbers, "households": homes, "residents": 0.0,
            "water": False, "small": codes, "micro": fine,
        },
        geometry=shapes, crs=4490,
    )  # fmt: skip
    small, finest = sorted(set(codes)), sorted({code for code in fine if code})
    grids = {
        "large": pd.DataFrame({"parent": None}, index=sorted({code[:9] for code in small})),
        "small": pd.DataFrame({"parent": [code[:9] for code in small]}, index=small),
        "micro": pd.DataFrame({"parent": [code[:12] for code in finest]}, index=finest),
    }
    return plan_from_blocks(blocks, LEVELS, grids)
