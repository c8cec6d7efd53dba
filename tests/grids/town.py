"""A made town on a river: irregular streets, two bridges, buildings of several storeys. Only for tests of drawing."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import shapely

import gridmap

CRS = 4549
ORIGIN = np.array([500_000.0, 3_480_000.0])
SIZE, STEP = 12, 150.0


@dataclass(frozen=True)
class Town:
    boundary: gpd.GeoDataFrame
    streets: gpd.GeoDataFrame
    water: gpd.GeoDataFrame
    buildings: gpd.GeoDataFrame

    def blocks(self) -> gpd.GeoDataFrame:
        return gridmap.make_blocks(self.boundary, self.streets, water=self.water, buildings=self.buildings)

    def network(self, folder) -> gridmap.WalkNetwork:
        for name in ("streets", "water"):
            getattr(self, name).to_file(folder / f"{name}.gpkg")
        return gridmap.read_network(folder / "streets.gpkg", water=folder / "water.gpkg")


def make_town(seed: int = 0) -> Town:
    """Twelve by twelve junctions; a river runs between two columns and only two streets cross it, on bridges."""
    rng = np.random.default_rng(seed)
    i, j = np.meshgrid(np.arange(SIZE), np.arange(SIZE), indexing="ij")
    xy = ORIGIN + STEP * np.stack([i, j], axis=-1) + rng.uniform(-25, 25, (SIZE, SIZE, 2))
    middle = ORIGIN[0] + 5.5 * STEP
    river = shapely.box(middle - 30, ORIGIN[1] - 100, middle + 30, ORIGIN[1] + SIZE * STEP)
    rows = []
    for a in range(SIZE):
        for b in range(SIZE - 1):
            rows.append((shapely.LineString([xy[a, b], xy[a, b + 1]]), None))
            east = shapely.LineString([xy[b, a], xy[b + 1, a]])
            if not east.intersects(river):
                rows.append((east, None))
            elif a in (3, 8):
                rows.append((east, "yes"))
    streets = gpd.GeoDataFrame(
        {"highway": ["residential"] * len(rows), "bridge": [bridge for _, bridge in rows]},
        geometry=[line for line, _ in rows], crs=CRS,
    )  # fmt: skip
    extent = shapely.box(*(ORIGIN - 60), *(ORIGIN + (SIZE - 1) * STEP + 60))
    spots = rng.uniform(ORIGIN, ORIGIN + (SIZE - 1) * STEP, (900, 2))
    houses = shapely.box(spots[:, 0], spots[:, 1], spots[:, 0] + 18, spots[:, 1] + 11)
    near = shapely.STRtree(houses)
    clash = near.query(houses, predicate="intersects")
    free = np.ones(len(houses), dtype=bool)
    free[np.maximum(*clash[:, clash[0] != clash[1]])] = False
    houses = houses[free & ~shapely.intersects(houses, river)]
    buildings = gpd.GeoDataFrame({"floors": rng.integers(2, 19, len(houses))}, geometry=houses, crs=CRS)
    return Town(
        gpd.GeoDataFrame({"name": ["made"]}, geometry=[extent], crs=CRS),
        streets,
        gpd.GeoDataFrame({"name": ["river"]}, geometry=[river], crs=CRS),
        buildings,
    )
