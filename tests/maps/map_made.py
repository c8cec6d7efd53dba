"""A made county for the tests of maps: Voronoi cells with winding borders, in four levels."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

import gridmap
from gridmap.grids.plan import LevelSpec, Plan, PlanMetadata

LEVELS = (LevelSpec("large"), LevelSpec("medium"), LevelSpec("small"), LevelSpec("micro", tiles=False))
OUTCOMES = ("matched", "ambiguous", "gap", "outside", "invalid")
FIRST = pd.Timestamp("2026-05-01", tz="Asia/Shanghai")
WEST, SOUTH, EAST, NORTH = 120.25, 31.38, 120.58, 31.66


def wound(polygons, vertices, seed=0):
    """Give every shared border the same winding line: about ``vertices`` vertices a polygon."""
    rng = np.random.default_rng(seed)
    edges = {}

    def key(a, b):
        return (tuple(a), tuple(b)) if tuple(a) < tuple(b) else (tuple(b), tuple(a))

    rings = [shapely.get_coordinates(shapely.remove_repeated_points(each, 1e-9)).round(8) for each in polygons]
    n = max(1, vertices // 6)
    for ring in rings:
        for a, b in pairwise(ring):
            if key(a, b) not in edges:
                low, high = (np.array(each) for each in key(a, b))
                share = np.linspace(0, 1, n + 1)[:, None]
                across = np.array([low[1] - high[1], high[0] - low[0]])
                bend = np.cumsum(rng.normal(0, 0.09, n + 1)) * np.sin(np.pi * share[:, 0]) * 0.25
                edges[key(a, b)] = (low + share * (high - low) + bend[:, None] * across).round(8)
    made = []
    for ring in rings:
        line = []
        for a, b in pairwise(ring):
            way = edges[key(a, b)]
            line.append((way if tuple(way[0]) == tuple(a) else way[::-1])[:-1])
        made.append(shapely.Polygon(np.concatenate(line)))
    return made


def cells(n, seed):
    rng = np.random.default_rng(seed)
    box = shapely.box(WEST, SOUTH, EAST, NORTH)
    at = np.column_stack((rng.uniform(WEST, EAST, n), rng.uniform(SOUTH, NORTH, n)))
    for _ in range(3):  # towards even cells, as in a drawn plan
        found = shapely.get_parts(shapely.voronoi_polygons(shapely.MultiPoint(at), extend_to=box))
        at = shapely.get_coordinates(shapely.centroid(shapely.intersection(found, box)))
    middle = shapely.Point((WEST + EAST) / 2, (SOUTH + NORTH) / 2)
    round_ = shapely.affinity.scale(middle.buffer(0.15), 1.05, 0.9)
    kept = found[shapely.intersects(shapely.centroid(found), round_)]
    return np.array([shapely.set_precision(each, 1e-8) for each in kept], dtype=object)


def groups(points, n, seed):
    """Group points by the nearest of n centres chosen among them (a few rounds of k-means)."""
    rng = np.random.default_rng(seed)
    centres = points[rng.choice(len(points), n, replace=False)]
    for _ in range(8):
        owner = np.argmin(((points[:, None, :] - centres[None]) ** 2).sum(axis=2), axis=1)
        centres = np.array([points[owner == k].mean(axis=0) if (owner == k).any() else centres[k] for k in range(n)])
    return pd.factorize(owner)[0]


def made_plan(smalls=120, mediums=16, larges=4, micros=10, vertices=24, seed=0, name="样例县网格"):
    found = cells(int(smalls * 1.45), seed)
    middles = shapely.get_coordinates(shapely.centroid(found))
    found = found[np.argsort(((middles - middles.mean(axis=0)) ** 2).sum(axis=1), kind="stable")[:smalls]]
    middles = shapely.get_coordinates(shapely.centroid(found))
    shapes = np.array(wound(list(found), vertices, seed), dtype=object)
    medium = groups(middles, mediums, seed)
    large_of = groups(np.array([middles[medium == k].mean(axis=0) for k in range(medium.max() + 1)]), larges, seed)
    large_codes = [f"320299{k + 1:03d}" for k in range(large_of.max() + 1)]
    medium_codes = [f"{large_codes[large_of[k]]}{k + 1:03d}" for k in range(medium.max() + 1)]
    small_codes = [f"{medium_codes[medium[k]]}{k % 1000:03d}" for k in range(len(shapes))]
    rng = np.random.default_rng(seed)
    small = frame(
        small_codes, shapes, [medium_codes[k] for k in medium], "第{}网格", rng.integers(220, 560, len(shapes))
    )
    layers = {"small": small}
    layers["medium"] = merged(small, medium_codes, [large_codes[k] for k in large_of], "{}社区")
    layers["large"] = merged(layers["medium"], large_codes, [None] * len(large_codes), "{}街道")
    cores = shapely.affinity.scale
    picked = np.sort(rng.choice(len(shapes), micros, replace=False))
    layers["micro"] = frame(
        [f"{small_codes[k]}001" for k in picked],
        np.array([cores(shapes[k].convex_hull, 0.4, 0.4).intersection(shapes[k]) for k in picked], dtype=object),
        [small_codes[k] for k in picked], "微{}", rng.integers(30, 90, micros),
    )  # fmt: skip
    return Plan(LEVELS, {each.name: layers[each.name] for each in LEVELS}, metadata=PlanMetadata(name, "320299"))


def frame(codes, shapes, parents, names, households):
    table = gpd.GeoDataFrame({"code": codes, "parent": parents, "households": households}, geometry=shapes, crs=4490)
    table["name"] = [names.format(k + 1) for k in range(len(table))]
    table["residents"] = table["households"] * 2.6
    table["area_m2"] = table.to_crs(4549).area
    return table


def merged(below, codes, parents, names):
    below = below.reset_index()
    shapes = [shapely.union_all(below.geometry[below["parent"] == code].values, grid_size=1e-8) for code in codes]
    return frame(codes, np.array(shapes, dtype=object), parents, names,
                 [below.loc[below["parent"] == code, "households"].sum() for code in codes])  # fmt: skip


def made_circles(plan, stations=6, seed=0):
    inside = plan["small"].geometry.representative_point()
    rng = np.random.default_rng(seed)
    rows = []
    for k, at in enumerate(rng.choice(len(inside), stations, replace=False)):
        for minutes in (5, 10, 15):
            turn = np.linspace(0, 2 * np.pi, 90, endpoint=False)
            reach = minutes * 66 / 111_320 * (0.75 + 0.1 * np.sin(5 * turn + k) + 0.04 * rng.normal(size=90))
            point = inside.iloc[at]
            ring = np.column_stack((point.x + reach * np.cos(turn) / 0.853, point.y + reach * np.sin(turn)))
            rows.append((f"站点{k + 1}", minutes, "ok", "", shapely.MultiPolygon([shapely.Polygon(ring)])))
    rows.append(("远站", 5, "off_network", "离路网太远", shapely.MultiPolygon()))
    columns = ("station", "minutes", "outcome", "reason", "geometry")
    return gpd.GeoDataFrame(rows, columns=columns, geometry="geometry", crs=4490)


def made_incidents(plan, n=300, seed=0):
    rng = np.random.default_rng(seed)
    small = plan["small"]
    at = rng.integers(0, len(small), n)
    middle = shapely.centroid(small.geometry.values)[at]
    table = pd.DataFrame(
        {
            "lon": shapely.get_x(middle) + rng.normal(0, 0.0016, n),
            "lat": shapely.get_y(middle) + rng.normal(0, 0.0014, n),
            "outcome": rng.choice(OUTCOMES, n, p=[0.9, 0.04, 0.02, 0.02, 0.02]),
            "type": rng.choice(["P0203", "P0101", "E0203", "S01"], n),
            "person": [f"王小{k % 90}" for k in at],
            "reported_at": FIRST + pd.to_timedelta(rng.integers(0, 86400 * 90, n), "s"),
            "small": small.index.to_numpy()[at],
        }
    )  # fmt: skip
    codes = {level: [plan.chain(code, "small").get(level) for code in table["small"]] for level in ("medium", "large")}
    return table.assign(**codes)


class FakeRoster:
    """Somebody for the first large grid and the first small one."""

    def __init__(self, plan):
        self.plan = plan

    def grid_leaders(self, at=None, unmask=False):
        codes = [self.plan["large"].index[0], self.plan["small"].index[0]]
        names = ["赵大山", "李小河"] if unmask else ["赵**", "李**"]
        phones = ["13800001111", "13900002222"] if unmask else ["138****1111", "139****2222"]
        return pd.DataFrame(
            {"name": names, "role": ["网格长", "网格员"], "phone": phones}, index=pd.Index(codes, name="grid")
        )


def made_walk():
    town = Path(__file__).resolve().parents[2] / "data" / "town"
    network = gridmap.read_network(town / "streets.gpkg", water=town / "water.gpkg", rail=town / "rail.gpkg")
    stations = gridmap.read_layer(town / "stations.gpkg")
    homes = gridmap.place_demand(network, town / "buildings.gpkg")
    areas = gridmap.read_layer(town / "communities.gpkg")
    return SimpleNamespace(
        network=network,
        stations=stations,
        homes=homes,
        names=areas.set_index("code")["name"].to_dict(),
        circles=gridmap.service_circles(network, stations, minutes=(5, 10, 15)),
        cover=gridmap.coverage(network, stations, homes, minutes=(5, 10, 15), areas=areas, capacity="capacity"),
        sites=gridmap.propose_stations(network, homes, stations, k=2).sites,
        catchments=gridmap.catchments(network, stations, homes).polygons,
    )
