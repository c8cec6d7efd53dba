"""What a page of walking circles knows: rings, stations, gaps, proposed stations, catchments and what lies below."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from gridmap.errors import InputError
from gridmap.geo.crs import WGS84, metric_crs_of
from gridmap.maps import colours
from gridmap.maps.codec import encode_arcs
from gridmap.maps.page_data import CIRCLE_QUANTUM, encoded_shapes
from gridmap.maps.topology import Topology, build_topology
from gridmap.maps.words import page_words, reason_title

if TYPE_CHECKING:
    from gridmap.circles.cover import Coverage
    from gridmap.network.model import WalkNetwork

Bounds = tuple[float, float, float, float]
Items = list[dict[str, Any]]

_BLOB_M: Final = 60.0
"""How far around its homes a gap is drawn."""
_LABELLED: Final = 12
"""Gaps that carry their rank on the map; the others show it where they are clicked."""
_LINE_M: Final = 8.0
"""How far a street on the page may lie from the true one."""


def stations_of(
    stations: gpd.GeoDataFrame,
    circles: gpd.GeoDataFrame,
    cover: Coverage | None = None,
    *,
    station: str = "station",
    group: str | None = None,
) -> gpd.GeoDataFrame:
    """Return stations with what became of them: outcome and reason of their widest circle, figures of the coverage.

    Parameters
    ----------
    stations
        As given to :func:`gridmap.service_circles`.
    circles
        What that returned.
    cover
        What :func:`gridmap.coverage` counted.
    station, group
        The columns these were called with; stations of a group show what the group reaches.

    Raises
    ------
    InputError
        When a column is missing.
    """
    for column in (station, group):
        if column is not None and column not in stations.columns:
            there = ", ".join(str(each) for each in stations.columns if each != stations.geometry.name)
            raise InputError(f"the stations have no column {column!r}; there is {there}")
    key = stations[station] if group is None else stations[group].where(stations[group].notna(), stations[station])
    last = circles.sort_values("minutes").groupby("station", sort=False)[["outcome", "reason"]].last()
    table = stations.assign(outcome=key.map(last["outcome"]), reason=key.map(last["reason"]))
    if cover is None:
        return table
    kinds = cover.facilities.add_prefix("facilities_")
    figures = cover.by_station.drop(columns=["outcome", "reason"]).join(kinds)
    return table.assign(**{column: key.map(figures[column]) for column in figures})


def station_items(stations: gpd.GeoDataFrame, station: str, outcomes: Sequence[str]) -> Items:
    """Return stations as markers: where, what to call them, how they came out, and what to say of them."""
    words = page_words()
    lines = {
        "households": (words["households"], _count), "residents": (words["residents"], _count),
        "nearest": (words["nearestOf"], _count), "facilities": (words["facilities"], _count),
        "capacity": (words["capacity"], _count), "load": (words["load"], lambda value: f"{value:.0%}"),
        "reason": (words["reason"], str),
    }  # fmt: skip
    items = []
    for row, (lat, lng) in _placed(stations):
        name = str(row[station])
        said = [("ID", name), *_rows(row, lines)]
        title = str(row["name"]) if "name" in row and pd.notna(row["name"]) else name
        outcome = row.get("outcome", outcomes[0])
        items.append(
            {
                "at": [lat, lng], "title": title, "rows": said, "outcome": outcomes.index(outcome),
                "reached": outcome in ("ok", "clipped"),
            }
        )  # fmt: skip
    return items


def proposed_items(sites: gpd.GeoDataFrame) -> Items:
    """Return proposed stations (:class:`gridmap.circles.siting.Siting`) as markers that tell what they gain."""
    words = page_words()
    lines = {
        "households": (words["gain"], _count), "residents": (words["gainResidents"], _count),
        "share": (words["coveredThen"], lambda value: f"{value:.1%}"), "nearest": (words["nearestOf"], _count),
        "minutes_before": (words["before"], _minutes), "minutes_after": (words["after"], _minutes),
    }  # fmt: skip
    return [
        {
            "at": [lat, lng], "title": f"{words['proposed']} {row['candidate']}", "rows": _rows(row, lines),
            "label": f"+{row['households']:,.0f}",
        }
        for row, (lat, lng) in _placed(sites)
    ]  # fmt: skip


def gap_data(gaps: gpd.GeoDataFrame, names: Mapping[Any, str]) -> dict[str, Any]:
    """Return gaps as areas around their homes, ranked, with what to say of each; ``names`` are those of areas."""
    words = page_words()
    lines = {
        "households": (words["households"], _count), "residents": (words["residents"], _count),
        "homes": (words["homes"], _count), "minutes": (words["walkToNearest"], _minutes),
        "reason": (words["reason"], reason_title), "area": (words["where"], lambda code: names.get(code, str(code))),
    }  # fmt: skip
    placed = gaps[~(gaps.geometry.is_empty | gaps.geometry.isna())]
    crs = metric_crs_of(placed) if len(placed) else WGS84
    blobs = gpd.GeoSeries(placed.geometry.to_crs(crs).buffer(_BLOB_M, quad_segs=4), crs=crs).to_crs(WGS84)
    items = []
    for rank, (row, (lat, lng)) in enumerate(_placed(placed), start=1):
        label = str(rank) if rank <= _LABELLED else ""
        items.append(
            {"at": [lat, lng], "title": f"{words['gap']} {rank}", "rows": _rows(row, lines), "label": label}
        )  # fmt: skip
    return {**_shapes(blobs.values), "items": items}


def catchment_data(catchments: gpd.GeoDataFrame, names: Mapping[Any, str]) -> dict[str, Any]:
    """Return catchments as areas, neighbours in different colours."""
    topology = build_topology([_degrees(catchments).values], quantum=CIRCLE_QUANTUM, tolerance_m=5.0)
    hues = colours.hues_of(topology.layers[0])
    titles = [names.get(each, str(each)) for each in catchments["station"]]
    return {**encoded_shapes(topology), "colours": [colours.HUES[hue] for hue in hues], "titles": titles}


def base_data(network: WalkNetwork, bounds: Bounds) -> Items:
    """Return streets and barriers within bounds as lines, what is to be drawn over the others last."""
    words, (west, south, east, north) = page_words(), bounds
    box = gpd.GeoSeries([shapely.box(west, south, east, north)], crs=WGS84).to_crs(network.crs).iloc[0]
    low_x, low_y, high_x, high_y = box.bounds
    kinds = network.barriers["kind"].to_numpy()
    shapes = np.asarray(network.barriers.geometry.values, dtype=object)
    streets = np.asarray(network.edges().geometry.values, dtype=object)
    broad = shapely.get_dimensions(shapes) == 2
    # Water comes as areas and as lines (a brook); both are one line of the legend.
    layers = {
        "water": [(shapes[(kinds == "water") & broad], 1.0, True), (shapes[(kinds == "water") & ~broad], 2.4, False)],
        "streets": [(streets, 1.1, False)],
        "rail": [(shapes[kinds == "rail"], 1.8, False)],
        "motorway": [(shapes[kinds == "motorway"], 2.6, False)],
    }
    found = []
    for kind, parts in layers.items():
        drawn = []
        for these, weight, filled in parts:
            near = shapely.clip_by_rect(these[shapely.intersects(these, box)], low_x, low_y, high_x, high_y)
            lines = _lines(near, network, filled)
            if lines:
                arcs = encode_arcs(Topology(tuple(lines), ((),), CIRCLE_QUANTUM))
                drawn.append({"weight": weight, "filled": filled, "arcs": arcs, "quantum": CIRCLE_QUANTUM})
        colour = colours.STREETS if kind == "streets" else colours.BARRIERS[kind]
        if drawn:
            found.append({"title": words[kind], "colour": colour, "parts": drawn})
    return found


def bounds_of(layers: Sequence[gpd.GeoDataFrame | None]) -> Bounds:
    """Return west, south, east and north of all layers in degrees; China where there is nothing."""
    boxes = [layer.to_crs(WGS84).total_bounds for layer in layers if layer is not None and len(layer)]
    found = np.array([box for box in boxes if np.isfinite(box).all()])
    if len(found) == 0:
        return 73.0, 18.0, 135.0, 54.0
    west, south = (float(each) for each in found[:, :2].min(axis=0))
    east, north = (float(each) for each in found[:, 2:].max(axis=0))
    return west, south, east, north


def _lines(shapes: Any, network: WalkNetwork, filled: bool) -> list[Any]:
    parts = shapely.get_rings(shapely.get_parts(shapes)) if filled else shapely.get_parts(shapely.get_parts(shapes))
    lines = shapely.simplify(parts, _LINE_M)
    xy, owner = shapely.get_coordinates(lines, return_index=True)
    lng, lat = network.to_degrees.transform(*xy.T)
    whole = np.rint(np.c_[lng, lat] / CIRCLE_QUANTUM).astype(np.int64)
    cut = np.flatnonzero(np.diff(owner)) + 1
    return [each for each in np.split(whole, cut) if len(each) > 1] if len(whole) else []


def _shapes(shapes: Any) -> dict[str, Any]:
    return encoded_shapes(build_topology([shapes], quantum=CIRCLE_QUANTUM, tolerance_m=5.0))


def _degrees(layer: gpd.GeoDataFrame) -> gpd.GeoSeries:
    return layer.geometry if layer.crs is None else layer.geometry.to_crs(WGS84)


def _placed(layer: gpd.GeoDataFrame) -> list[tuple[dict[str, Any], tuple[float, float]]]:
    """Return the rows that are somewhere, with a point of theirs: latitude and longitude."""
    shapes = _degrees(layer)
    there = np.isfinite(shapely.bounds(np.asarray(shapes.values, dtype=object))).all(axis=1)
    known = shapes[there]
    # The middle of its homes is where a gap is; a station with several entrances is where the first of them is.
    points = [shape if shape.geom_type == "Point" else shapely.point_on_surface(shape) for shape in known]
    rows = layer[there].drop(columns=layer.geometry.name).to_dict("records")
    return [(row, (round(point.y, 6), round(point.x, 6))) for row, point in zip(rows, points, strict=True)]


def _rows(row: Mapping[str, Any], lines: Mapping[str, tuple[str, Any]]) -> list[tuple[str, str]]:
    said = []
    for column, (label, spell) in lines.items():
        value = row.get(column)
        if value is not None and pd.notna(value) and value != "":
            said.append((label, spell(value)))
    return said


def _count(value: float) -> str:
    return f"{value:,.0f}"


def _minutes(value: float) -> str:
    return f"{value:.1f} {page_words()['minutes']}"
