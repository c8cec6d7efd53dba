"""Mending a layer of polygons into a seamless coverage, with every change accounted for."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from gridmap.errors import InputError, LayerError, UnknownNameError
from gridmap.geo.coverage import NOISE_M2, Geometries, coverage_faults
from gridmap.geo.crs import metric_crs_of, to_storage
from gridmap.geo.io import as_layer
from gridmap.geo.repair_bridges import bridges
from gridmap.geo.repair_faces import make_faces
from gridmap.geo.repair_outlines import outlines
from gridmap.geo.repair_report import change_rows, dropped_rows, piece_rows, summary
from gridmap.geo.repair_rings import Rings, mend_rings
from gridmap.geo.repair_settle import Settled, Tolerances, joined, settle

Progress = Callable[[float, str], None]

AREA_TOLERANCE: Final = 1e-6
"""How much of its area a repaired layer may differ from what was given and the gaps that were filled: rounding of
vertices to 1e-8 degrees, no more. Beyond it repair refuses."""


@dataclass(frozen=True, eq=False)
class Repaired:
    """A mended layer and the account of what was done to it.

    Parameters
    ----------
    layer
        A seamless coverage in storage CRS, with the index and columns that were given.
    changes
        A row a changed polygon: ``code``, ``done`` (tuple of rings | repeated_points | gap | overlap | sliver |
        vertices | dropped), ``severity`` (note; warning where its area changed by over 1 %, or where it was dropped as
        a row that repeats another), ``area_before_m2``, ``area_after_m2``, ``gained_m2``, ``lost_m2``, ``moved_m``
        (the furthest its border moved), ``geometry`` (the ground it gained or lost; empty where it only got vertices).
    pieces
        A row a piece of ground that was given away: ``kind`` (gap | overlap | sliver), ``codes`` (who lay beside it or
        claimed it), ``to``, ``area_m2``, ``width_m`` (mean), ``geometry``.
    left
        Holes that are wider than the gap width, as of :func:`gridmap.geo.coverage.coverage_faults`: they are taken
        for real.
    union_m2
        Ground that the polygons covered together before, with their rings mended.
    filled_m2
        Gaps that were filled; the layer covers ``union_m2 + filled_m2``.
    """

    layer: gpd.GeoDataFrame
    changes: gpd.GeoDataFrame
    pieces: gpd.GeoDataFrame
    left: gpd.GeoDataFrame
    union_m2: float
    filled_m2: float

    def summary(self) -> pd.DataFrame:
        """Return how many polygons and places each kind of repair touched, and over how many square metres."""
        return summary(self.changes, self.pieces, self.left)


def repair(
    layer: gpd.GeoDataFrame | str | os.PathLike[str],
    *,
    snap_m: float = 0.5,
    gap_width_m: float = 1.0,
    code: str | None = None,
    progress: Progress | None = None,
) -> Repaired:
    """Mend gaps, slivers, overlaps and wrong rings of a layer that should cover its ground once and only once.

    Ground is given away in pieces, whole, to the neighbour that the piece has its longest border with; all other
    borders stay as they were given. Wrong rings are mended first: what a ring encloses, however it crosses itself, is
    the polygon's ground.

    Parameters
    ----------
    layer
        Polygons in any CRS, or a path :func:`gridmap.read_layer` reads.
    snap_m
        How far two borders that should be one may lie apart where the polygons overlap: overlaps up to this width are
        mended, wider ones refused. A part that hangs on its polygon by nothing and is no wider goes to its neighbour.
    gap_width_m
        How wide a gap that is filled may be. An enclosed hole is filled when no circle wider than this fits into it;
        a wider one stays and is reported as left, but for strips between two polygons that lead off it. Such a strip,
        and one that is open to the outside, is filled when it is ten times as long as wide.
    code
        Column that names the polygons in reports and messages; by default the index.
    progress
        Called with the share done and what is being done.

    Returns
    -------
    Repaired
        The layer and the account; the layer covers what it covered before and the gaps that were filled.

    Raises
    ------
    LayerError
        When a row has no geometry or no polygon; when two rows of different attributes have the same polygon; when
        two polygons overlap more widely than ``snap_m``; when a polygon would be left with nothing; when the result
        would not be a coverage of the same area. The rows are named, and nothing is returned.
    InputError
        When a width is not a positive number.

    Examples
    --------
    >>> from shapely import box
    >>> layer = gpd.GeoDataFrame({"town": ["a", "b"]}, crs=4490,
    ...     geometry=[box(120, 31, 120.01, 31.01), box(120.009998, 31, 120.02, 31.01)])
    >>> mended = repair(layer, code="town")
    >>> mended.changes[["code", "done"]].values.tolist()
    [['b', ('overlap',)]]
    >>> mended.summary()[["done", "polygons", "places"]].values.tolist()
    [['overlap', 1, 1]]
    """
    for name, value in (("snap_m", snap_m), ("gap_width_m", gap_width_m)):
        if not (np.isfinite(value) and value > 0):
            raise InputError(f"{name} = {value}: a width in metres above 0 is wanted")
    tell = progress or _silent
    tell(0.0, "reading")
    given = as_layer(layer)
    names = _names(given, code)
    given = to_storage(given)
    rings = mend_rings(given, names)
    allowed = Tolerances(snap_m, gap_width_m, metric_crs_of(rings.layer))
    tell(0.1, "noding")
    nothing = np.empty(0, dtype=object)
    faces = make_faces(rings.shapes, nothing, allowed.metric)
    lines = bridges(faces, gap_width_m, allowed.metric)
    tell(0.35, "settling")
    if len(lines):
        faces = make_faces(rings.shapes, lines, allowed.metric)
    settled = settle(faces, rings.names, allowed)
    tell(0.6, "joining")
    made = outlines(rings.shapes, faces.shapes, settled)
    ground = joined(faces, settled.pieces)
    tell(0.8, "checking")
    mended = rings.layer.set_geometry(gpd.GeoSeries(made, index=rings.layer.index, crs=given.crs))
    left = _checked(mended, rings, settled, ground, allowed)
    tell(0.9, "accounting")
    return _account(mended, given, rings, settled, ground, left, allowed)


def _silent(_share: float, _what: str) -> None:
    return


def _names(layer: gpd.GeoDataFrame, code: str | None) -> NDArray[np.object_]:
    if code is None:
        return np.asarray(layer.index.astype(str), dtype=np.object_)
    if code not in layer.columns:
        there = ", ".join(str(column) for column in layer.columns if column != layer.geometry.name)
        raise UnknownNameError(f"the layer has no column {code!r}; it has {there}")
    return np.asarray(layer[code].astype(str), dtype=np.object_)


def _checked(
    mended: gpd.GeoDataFrame, rings: Rings, settled: Settled, ground: Geometries, allowed: Tolerances
) -> gpd.GeoDataFrame:
    """Return the holes that are left; refuse what is not a coverage of the same ground."""
    named = mended.set_axis(pd.Index(rings.names, dtype=object), axis="index")
    found = coverage_faults(named, gap_width_m=allowed.gap_width_m)
    made = np.asarray(mended.geometry.values, dtype=object)
    broken = found[found["kind"] != "gap"]
    if len(broken) or not shapely.coverage_is_valid(made):
        whose = "; ".join(f"{row.kind} {', '.join(row.codes)}" for row in broken.head(3).itertuples())
        raise LayerError(f"the layer could not be mended ({whose or 'borders that do not match'}); mend it by hand")
    filled = ground[[piece.kind == "gap" for piece in settled.pieces]]
    before = float(shapely.area(shapely.union_all(rings.shapes))) + float(shapely.area(filled).sum())
    after = float(shapely.area(made).sum())
    if abs(after - before) > AREA_TOLERANCE * before:
        raise LayerError(
            f"the mended layer would hold {after / before - 1:+.4%} of the area given and filled; allowed: "
            f"{AREA_TOLERANCE:.4%}. Its polygons are too small for vertices rounded to 1e-8 degrees"
        )
    return found[found["area_m2"] >= NOISE_M2].reset_index(drop=True)


def _account(
    mended: gpd.GeoDataFrame,
    given: gpd.GeoDataFrame,
    rings: Rings,
    settled: Settled,
    ground: Geometries,
    left: gpd.GeoDataFrame,
    allowed: Tolerances,
) -> Repaired:
    made = np.asarray(mended.geometry.values, dtype=object)
    pieces = piece_rows(settled, ground, rings.names, allowed, given.crs)
    changes = pd.concat(
        [change_rows(made, rings, settled, allowed.metric), dropped_rows(rings, allowed.metric)], ignore_index=True
    )
    covered = gpd.GeoSeries([shapely.union_all(rings.shapes)], crs=given.crs).to_crs(allowed.metric)
    filled_m2 = float(pieces.loc[pieces["kind"] == "gap", "area_m2"].sum())
    return Repaired(mended, changes, pieces, left, float(covered.area.iloc[0]), filled_m2)
