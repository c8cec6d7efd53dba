"""Water is given to its banks after drawing: split half-way between them, each piece labelled like its bank."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from gridmap.errors import DrawError
from gridmap.geo.crs import metric_crs_of
from gridmap.grids import mosaic as m
from gridmap.grids.carve import go_round
from gridmap.grids.midline import Banks, mid_lines, sample_banks
from gridmap.grids.slivers import absorb, measure
from gridmap.grids.weights import sources_of


def give_water_to_banks(
    blocks: gpd.GeoDataFrame, labels: Any, *, within: str | None = None
) -> tuple[gpd.GeoDataFrame, Any]:
    """Split water blocks half-way between their banks and label each piece like the land it is nearest to.

    Parameters
    ----------
    blocks
        As from :func:`gridmap.grids.blocks.make_blocks` or :func:`gridmap.grids.given.overlay_given`.
    labels
        One label (a number or text) for every block, what stands at water blocks being ignored, or for every land
        block in their order. A Series comes back as a Series.
    within
        The column with the code of the given unit that a water block must stay inside; by default the lowest level
        that :func:`overlay_given` put in.

    Returns
    -------
    (blocks, labels)
        All blocks with a label each. Land keeps its order and ``block``; the pieces of water follow the block they
        were cut from (``water`` stays true), those beyond the first with new numbers.

    Raises
    ------
    DrawError
        When there is no label for each land block, or a given unit has water and no land at all.

    Examples
    --------
    >>> from shapely import box
    >>> blocks = gpd.GeoDataFrame({"block": [0, 1, 2], "households": 0.0, "residents": 0.0,
    ...     "water": [False, True, False]}, crs=4490,
    ...     geometry=[box(120, 31, 120.01, 31.01), box(120.01, 31, 120.02, 31.01), box(120.02, 31, 120.03, 31.01)])
    >>> wet, labels = give_water_to_banks(blocks, ["a", "b"])
    >>> wet["block"].tolist(), labels.tolist(), (wet.geometry.bounds.maxx - 120).round(6).tolist()
    ([0, 1, 3, 2], ['a', 'a', 'b', 'b'], [0.01, 0.015, 0.02, 0.03])
    """
    water = blocks["water"].to_numpy(dtype=bool)
    given, names = _numbered(labels, water)
    column = within or _lowest_given(blocks)
    unit = np.zeros(len(blocks), dtype=np.int64) if column is None else pd.factorize(blocks[column], sort=True)[0]
    mosaic = np.asarray(blocks.geometry.values, dtype=object)
    metric = metric_crs_of(blocks)
    pieces, source, label = split_water(mosaic, water, given, np.asarray(unit, dtype=np.int64), metric)
    pieces, source, label = _whole_buildings(blocks, pieces, source, label, metric)
    if (label < 0).any():
        row = source[int(np.flatnonzero(label < 0)[0])]
        place = blocks[column].iloc[row] if column else "the territory"
        raise DrawError(f"block {blocks['block'].iloc[row]}: {place} is all water, there is no bank to give it to")
    return _frame(blocks, pieces, source), _named(labels, names, label)


def _lowest_given(blocks: gpd.GeoDataFrame) -> str | None:
    report = blocks.attrs.get("given")
    return None if report is None else str(report.levels[-1])


def _numbered(labels: Any, water: m.Flags) -> tuple[m.Ints, Any]:
    values = labels.to_numpy() if isinstance(labels, pd.Series) else np.asarray(labels)
    if len(values) == int((~water).sum()) and len(values) != len(water):
        land = values
    elif len(values) == len(water):
        land = values[~water]
    else:
        raise DrawError(
            f"{len(values)} labels for {len(water)} blocks, {int((~water).sum())} of them land; give one each"
        )
    number, names = pd.factorize(land, sort=True)
    if (number < 0).any():
        raise DrawError(f"{int((number < 0).sum())} land blocks have no label; label all of them before giving water")
    given = np.full(len(water), -1, dtype=np.int64)
    given[~water] = number
    return given, np.asarray(names)


def _named(labels: Any, names: Any, label: m.Ints) -> Any:
    values = names[label]
    return pd.Series(values, name=labels.name) if isinstance(labels, pd.Series) else values


def _frame(blocks: gpd.GeoDataFrame, pieces: m.Geometries, source: m.Ints) -> gpd.GeoDataFrame:
    frame = blocks.iloc[source].reset_index(drop=True).set_geometry(pieces, crs=blocks.crs)
    later = np.flatnonzero(np.append(False, source[1:] == source[:-1]))
    number = frame["block"].to_numpy(copy=True)
    number[later] = number.max(initial=-1) + 1 + np.arange(len(later))
    for column in ("households", "residents"):  # what a water block holds stays with its first piece
        if column in frame:
            frame.loc[later, column] = 0.0
    frame["block"] = number
    frame.attrs = dict(blocks.attrs)
    return frame


def split_water(
    mosaic: m.Geometries, water: m.Flags, label: m.Ints, unit: m.Ints, crs: pyproj.CRS
) -> tuple[m.Geometries, m.Ints, m.Ints]:
    """Split water half-way between differently labelled banks of its own unit.

    Returns
    -------
    (pieces, source, label)
        The new mosaic, sorted by the position each piece was cut from, and all labels; -1 where a unit has no land.
    """
    bodies = _survey(mosaic, water, label, unit, crs)
    if not bodies.banks:
        return mosaic, np.arange(len(mosaic)), bodies.label
    pieces, source = m.cut(mosaic, bodies.lines)
    return _labelled(pieces, source, water, bodies, crs)


def _whole_buildings(
    blocks: gpd.GeoDataFrame, pieces: m.Geometries, source: m.Ints, label: m.Ints, crs: pyproj.CRS
) -> tuple[m.Geometries, m.Ints, m.Ints]:
    """Lead mid-lines round the buildings that stand in the water."""
    sources = sources_of(blocks)
    water = blocks["water"].to_numpy(dtype=bool)[source]
    if sources is None or sources.buildings is None or not water.any() or (label < 0).any():
        return pieces, source, label
    footprints = np.asarray(sources.buildings.geometry.values, dtype=object)
    in_water = np.unique(shapely.STRtree(footprints).query(pieces[water], predicate="intersects")[1])
    carved = go_round(pieces, water, label, footprints[in_water], crs)
    order = np.argsort(source[carved.source], kind="stable")
    return carved.mosaic[order], source[carved.source][order], carved.unit[order]


@dataclass(frozen=True, eq=False)
class _Bodies:
    """Water polygons of one unit that hang together.

    Parameters
    ----------
    of
        Per polygon of the mosaic its body, -1 on land.
    label
        Per polygon its label where that is settled without splitting: land, and water with one bank; else -1.
    banks
        The sampled banks of each body that has several labels along them.
    lines
        The mid-lines of these bodies, degrees.
    """

    of: m.Ints
    label: m.Ints
    banks: Mapping[int, Banks]
    lines: m.Geometries


def _survey(mosaic: m.Geometries, water: m.Flags, label: m.Ints, unit: m.Ints, crs: pyproj.CRS) -> _Bodies:
    """Find the water bodies, their banks and their mid-lines."""
    edges = m.shared_edges(mosaic, crs)
    same = unit[edges.a] == unit[edges.b]
    of = _connected_water(water, edges.a[same], edges.b[same])
    bank = np.flatnonzero(same & (water[edges.a] != water[edges.b]))
    bank_body = of[np.where(water[edges.a[bank]], edges.a[bank], edges.b[bank])]
    bank_label = label[np.where(water[edges.a[bank]], edges.b[bank], edges.a[bank])]
    settled, banks, lines = label.copy(), {}, [np.empty(0, dtype=object)]
    for body in range(of.max(initial=-1) + 1):
        members, here = np.flatnonzero(of == body), bank_body == body
        seen = np.unique(bank_label[here])
        if len(seen) > 1:
            shape = shapely.coverage_union_all(mosaic[members])
            at, metric = bank[here], m.to_metres(np.array([shape]), crs)[0]
            banks[body] = sample_banks(edges.start[at], edges.end[at], bank_label[here], metric)
            lines.append(mid_lines(banks[body], shape, crs))
            settled[members] = -1
        elif len(seen):
            settled[members] = seen[0]
        else:
            settled[members] = _nearest(members, mosaic, settled, water, unit, crs)
    return _Bodies(of, settled, banks, np.concatenate(lines))


def _connected_water(water: m.Flags, a: m.Ints, b: m.Ints) -> m.Ints:
    wet = water[a] & water[b]
    graph = coo_array((np.ones(int(wet.sum()), dtype=np.int8), (a[wet], b[wet])), shape=(len(water), len(water)))
    of = np.full(len(water), -1, dtype=np.int64)
    of[water] = m.compact(connected_components(graph, directed=False)[1][water].astype(np.int64))
    return of


def _nearest(
    members: m.Ints, mosaic: m.Geometries, label: m.Ints, water: m.Flags, unit: m.Ints, crs: pyproj.CRS
) -> int:
    """Return the label of the land of the unit that is nearest to a body without banks, -1 where it has no land."""
    land = np.flatnonzero(~water & (unit == unit[members[0]]))
    if len(land) == 0:
        return -1
    body = shapely.union_all(m.to_metres(mosaic[members], crs))
    return int(label[land[np.argmin(shapely.distance(m.to_metres(mosaic[land], crs), body))]])


def _nearest_bank(pieces: m.Geometries, banks: Banks) -> m.Ints:
    """Return the label that most of the area of each piece (metres) is nearest to.

    One point would not do: it may lie on the mid-line itself.
    """
    fine = [shapely.segmentize(piece, max(np.sqrt(piece.area) / 4, 1.0)) for piece in pieces]
    corners, piece = shapely.get_parts(shapely.constrained_delaunay_triangles(fine), return_index=True)
    votes = pd.DataFrame(
        {
            "piece": piece,
            "label": banks.nearest(shapely.get_coordinates(shapely.centroid(corners))),
            "area": shapely.area(corners),
        }
    )
    area = votes.groupby(["piece", "label"])["area"].sum().sort_values(kind="stable").reset_index()
    found = np.empty(len(pieces), dtype=np.int64)
    found[area["piece"].to_numpy()] = area["label"].to_numpy()  # of several, the last written is the largest
    return found


def _labelled(
    pieces: m.Geometries, source: m.Ints, water: m.Flags, bodies: _Bodies, crs: pyproj.CRS
) -> tuple[m.Geometries, m.Ints, m.Ints]:
    """Label the pieces of water by nearest bank, join what belongs together and give slivers to a neighbour."""
    label = bodies.label[source]
    for body, banks in bodies.banks.items():
        here = bodies.of[source] == body
        label[here] = _nearest_bank(m.to_metres(pieces[here], crs), banks)
    key = m.compact(source * np.int64(label.max(initial=0) + 2) + label)
    part = m.components(len(pieces), m.adjacency(pieces, crs), key)
    _, first = np.unique(part, return_index=True)
    parts, source, label = m.join(pieces, part), source[first], label[first]
    wet = water[source]
    group = np.where(wet, bodies.of[source], -1 - source)
    known = measure(parts, crs, wet, np.ones(len(parts), dtype=bool), group)
    final, _ = absorb(known, m.adjacency(parts, crs))
    by_size = np.lexsort((-known.area_m2, final))
    head = by_size[np.searchsorted(final[by_size], np.arange(final.max() + 1))]
    joined = m.join(parts, final)
    order = np.lexsort((label[head], source[head]))
    return joined[order], source[head][order], label[head][order]
