"""Independent ways to judge a drawn plan: they know polygons only, nothing of how it was drawn."""

from __future__ import annotations

import geopandas as gpd
import networkx as nx
import numpy as np
import pandas as pd
import shapely

from gridmap.geo.crs import metric_crs_of


def counts(plan) -> dict[str, int]:
    return {spec.name: len(plan[spec.name]) for spec in plan.levels}


def assert_seamless(plan) -> None:
    """Every tiling level is a valid coverage of one and the same area."""
    areas, holes = {}, {}
    for spec in plan.levels:
        layer = plan[spec.name]
        assert shapely.is_valid(layer.geometry.values).all(), spec.name
        assert shapely.coverage_is_valid(layer.geometry.values), spec.name
        if spec.tiles:
            areas[spec.name] = layer.to_crs(metric_crs_of(layer)).area.sum()
            parts = shapely.get_parts(shapely.union_all(layer.geometry.values))
            holes[spec.name] = sum(len(part.interiors) for part in parts)
    # A hair between two grids is a hole in their union, though nothing overlaps.
    assert len(set(holes.values())) == 1, holes
    assert np.ptp(list(areas.values())) < 1.0, areas


def assert_nested(plan) -> None:
    """A point inside a child is inside the parent it names, and parents have the area of their children."""
    for above, below in zip(plan.levels[:-1], plan.levels[1:], strict=True):
        parents, children = plan[above.name], plan[below.name]
        assert children["parent"].isin(parents.index).all()
        inside = children.representative_point()
        assert shapely.covers(parents.geometry.loc[children["parent"]].values, inside.values).all()
        if below.tiles:
            crs = metric_crs_of(parents)
            summed = children.to_crs(crs).area.groupby(children["parent"]).sum()
            assert np.allclose(summed, parents.to_crs(crs).area.loc[summed.index], atol=1.0)


def broken_grids(plan, level: str) -> list[str]:
    """Return grids that are in more pieces on land than their parent's land makes them (blocks and networkx)."""
    blocks = plan.blocks
    land = blocks[~blocks["water"].astype(bool)].reset_index(drop=True)
    graph = block_graph(land)
    codes = {}
    label = land[plan.finest_tiling].to_numpy()
    names = [spec.name for spec in plan.levels]
    for name in reversed(names[: names.index(plan.finest_tiling) + 1]):
        codes[name] = label
        parents = plan[name]["parent"]
        label = parents.loc[label].to_numpy() if name != names[0] else np.zeros(len(land), dtype=int)
    grid = codes[level]
    above = names.index(level) - 1
    parent = codes[names[above]] if above >= 0 else np.zeros(len(land), dtype=int)
    part = np.zeros(len(land), dtype=int)
    same_parent = nx.Graph(graph.edge_subgraph([(a, b) for a, b in graph.edges if parent[a] == parent[b]]))
    same_parent.add_nodes_from(graph)
    for number, members in enumerate(nx.connected_components(same_parent)):
        part[list(members)] = number
    frame = pd.DataFrame({"grid": grid, "part": part})
    return [
        code for (code, _), rows in frame.groupby(["grid", "part"]) if not nx.is_connected(graph.subgraph(rows.index))
    ]


def block_graph(land: gpd.GeoDataFrame) -> nx.Graph:
    """Blocks joined where they share a border of some length; touching in a point joins nothing."""
    shapes = land.geometry.values
    left, right = shapely.STRtree(shapes).query(shapes, predicate="intersects")
    left, right = left[left < right], right[left < right]
    shared = shapely.length(shapely.intersection(shapely.boundary(shapes[left]), shapely.boundary(shapes[right])))
    graph = nx.Graph()
    graph.add_nodes_from(range(len(land)))
    graph.add_edges_from(zip(left[shared > 0].tolist(), right[shared > 0].tolist(), strict=True))
    return graph


def cut_buildings(plan, level: str, buildings: gpd.GeoDataFrame, tolerance_m2: float = 0.5) -> pd.Series:
    """Return, by building, the area that lies outside the grid that holds most of it, where above the tolerance."""
    crs = metric_crs_of(plan[level])
    grids = plan[level].to_crs(crs).geometry.values
    # Each part of a building counts by itself: a border between two separate parts cuts nothing.
    houses = buildings.to_crs(crs).geometry.make_valid().explode(ignore_index=True).values
    house, grid = shapely.STRtree(grids).query(houses, predicate="intersects")
    area = shapely.area(shapely.intersection(houses[house], grids[grid]))
    by_house = pd.DataFrame({"house": house, "area": area}).groupby("house")["area"]
    spill = by_house.sum() - by_house.max()
    return spill[spill > tolerance_m2]


def within_band(plan, level: str, band: float = 0.10) -> float:
    layer = plan[level]
    mean = layer.groupby(layer["parent"].fillna(""))["households"].transform("mean")
    return float(((layer["households"] - mean).abs() <= band * mean + 1e-9).mean())


def compactness(plan, level: str) -> float:
    layer = plan[level].to_crs(metric_crs_of(plan[level]))
    return float((4 * np.pi * layer.area / layer.length**2).mean())
