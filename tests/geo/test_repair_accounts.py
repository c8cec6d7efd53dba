"""The account of a repair, polygon by polygon: ground that changed hands is ground of a piece, and no other."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import shapely

import gridmap
from gridmap.geo.crs import metric_crs_of, to_storage


def unaccounted_m2(layer: gpd.GeoDataFrame, done: gridmap.Repaired) -> np.ndarray:
    """Return by how much each polygon's own area differs from what it had, and what the pieces gave it and took."""
    metric = metric_crs_of(layer)
    change = done.layer.to_crs(metric).area - to_storage(layer).to_crs(metric).area
    balance = dict.fromkeys(layer["code"], 0.0)
    for piece in done.pieces.itertuples():
        losers = [] if piece.kind == "gap" else [code for code in piece.codes if code != piece.to]
        if piece.kind == "gap" or piece.to not in piece.codes:
            balance[piece.to] += piece.area_m2
        for code in losers:
            balance[code] -= piece.area_m2
    return np.abs(change.to_numpy() - np.array([balance[code] for code in layer["code"]]))


def test_no_ground_moves_between_neighbours_but_the_pieces_that_are_told(shared):
    layer = gridmap.read_layer(shared("hsinchu/base.parquet"))
    layer["code"] = [f"b{i}" for i in range(len(layer))]
    # two towns whose borders cross within millimetres, several times over
    near = shapely.STRtree(layer.geometry.values).query(layer.geometry.iloc[[1465, 1917]], predicate="intersects")[1]
    part = layer.iloc[np.unique(near)]
    done = gridmap.repair(part, snap_m=0.5, code="code")
    assert len(done.pieces) > 10
    assert unaccounted_m2(part, done).max() < 0.2
    assert done.changes["moved_m"].max() <= 0.5
