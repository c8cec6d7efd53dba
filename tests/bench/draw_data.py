"""What drawing is measured on: the fixed town, and how good a set of labels is, told from polygons and pairs alone."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from gridmap.geo.crs import round_vertices
from gridmap.grids.adjacency import BlockGraph, graph_from_pairs
from gridmap.grids.assemble import plan_from_blocks
from gridmap.grids.plan import LevelSpec, Plan

COUNTS = (12, 198, 2021)
LEVELS = ("large", "medium", "small")
ARTERIAL = 0.25
"""Cost of a metre of border on an arterial street; a metre elsewhere costs 1."""
BAND = 0.10

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Town:
    """Blocks and their adjacency as given."""

    blocks: gpd.GeoDataFrame
    pairs: pd.DataFrame
    graph: BlockGraph

    @property
    def after(self) -> NDArray[np.float64]:
        """Households after growth."""
        return self.blocks["households_after"].to_numpy(float)


def read_town(folder: Path) -> Town:
    """Read ``blocks.parquet`` and ``adjacency.parquet`` of a town."""
    blocks, pairs = gpd.read_parquet(folder / "blocks.parquet"), pd.read_parquet(folder / "adjacency.parquet")
    length = pairs["shared_m"].to_numpy(float)
    cost = np.where(pairs["arterial"], ARTERIAL, 1.0) * length
    xy = shapely.get_coordinates(shapely.point_on_surface(blocks.geometry.values))
    a, b = (pairs[name].to_numpy(np.int64) for name in ("a", "b"))
    graph = graph_from_pairs(a, b, length, cost, np.zeros(len(a), bool), blocks["households"].to_numpy(float), xy)
    return Town(blocks, pairs, graph)


@dataclass(frozen=True)
class Quality:
    """How good nested labels are."""

    counts: tuple[int, ...]
    broken: tuple[int, ...]
    nested: bool
    in_band: float
    in_band_of_siblings: float
    compactness: float


def quality(town: Town, labels: tuple[Ints, ...], weight: NDArray[np.float64] | None = None) -> Quality:
    """Judge labels, the coarsest level first."""
    homes = town.graph.weight if weight is None else weight
    a, b = (town.pairs[name].to_numpy(np.int64) for name in ("a", "b"))
    broken = []
    for label in labels:
        same = label[a] == label[b]
        pairs = coo_array((np.ones(int(same.sum())), (a[same], b[same])), shape=(len(label), len(label)))
        parts = connected_components(pairs, directed=False)[1]
        grids = pd.DataFrame({"grid": label, "part": parts}).drop_duplicates()
        broken.append(int((grids.groupby("grid").size() > 1).sum()))
    small = pd.DataFrame({"label": labels[-1], "parent": labels[-2], "homes": homes})
    nested = all(
        pd.DataFrame({"low": low, "high": high}).drop_duplicates()["low"].is_unique for high, low in pairwise(labels)
    )
    total = small.groupby("label").agg(homes=("homes", "sum"), parent=("parent", "first"))
    siblings = total.groupby("parent")["homes"].transform("mean")
    return Quality(
        tuple(len(np.unique(label)) for label in labels),
        tuple(broken),
        nested,
        float(((total["homes"] / total["homes"].mean() - 1).abs() <= BAND).mean()),
        float(((total["homes"] / siblings - 1).abs() <= BAND).mean()),
        compactness(town, labels[-1]),
    )


def compactness(town: Town, label: Ints) -> float:
    """Return the mean Polsby-Popper of grids: outlines of the blocks less the borders inside."""
    area = np.bincount(label, weights=town.blocks.area)
    outline = np.bincount(label, weights=town.blocks.length)
    a, b = (town.pairs[name].to_numpy(np.int64) for name in ("a", "b"))
    same = label[a] == label[b]
    np.add.at(outline, label[a[same]], -2 * town.pairs["shared_m"].to_numpy(float)[same])
    filled = np.bincount(label) > 0
    return float((4 * np.pi * area[filled] / outline[filled] ** 2).mean())


def plan_of_town(town: Town, labels: tuple[Ints, ...]) -> Plan:
    """Make a plan of labels, with blocks in longitude and latitude."""
    shapes = round_vertices(town.blocks.to_crs(4490).geometry.values)
    codes, tables = [], {}
    above = np.full(len(town.blocks), "320299", dtype=object)
    for name, label in zip(LEVELS, labels, strict=True):
        table = pd.DataFrame({"label": label, "parent": above}).drop_duplicates().sort_values("label")
        number = table.groupby("parent").cumcount() + 1
        table["code"] = [f"{parent}{n:03d}" for parent, n in zip(table["parent"], number, strict=True)]
        code = table.set_index("label")["code"]
        parent = table.set_index("code")["parent"]
        tables[name] = pd.DataFrame({"parent": parent if codes else None}, index=parent.index)
        above = code.loc[label].to_numpy(dtype=object)
        codes.append(above)
    blocks = gpd.GeoDataFrame(
        {
            "block": np.arange(len(town.blocks)), "households": town.graph.weight, "residents": 0.0, "water": False,
            "small": codes[-1],
        },
        geometry=shapes, crs=4490,
    )  # fmt: skip
    return plan_from_blocks(blocks, tuple(LevelSpec(name) for name in LEVELS), tables)
