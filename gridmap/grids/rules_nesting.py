"""Rules on parents that need geometry: a grid lies in the one parent it names."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
import shapely

from gridmap.grids import mosaic as m
from gridmap.grids.findings import ERROR, WARNING, Finding, LevelView, Survey
from gridmap.grids.nesting import Shares, shares

SNAP_M: Final = 0.5
"""What lies further than this outside its parent is an error, what lies nearer a warning (snap tolerances are 0.05
to 0.5 m, domain.md)."""

OUTSIDE_M2: Final = 1.0
"""What lies outside its parent with less area than this is not told *(ours)*."""

NOISE_M: Final = 0.005
"""Neither is what lies nearer than this: vertices are kept to about 1 mm *(ours)*."""

DIVIDED_SHARE: Final = 0.05
"""A grid of which another parent holds this share (and 10 m², domain.md's sliver) is divided: ``not_nested``."""

DIVIDED_M2: Final = 10.0


def nesting(survey: Survey) -> Iterator[Finding]:
    """Find grids in another parent than they name, divided between parents, or that stick out of theirs."""
    for view in survey.views:
        if view.above is not None:
            yield from _in_parents(survey, view, view.above)
        elif survey.territory is not None:
            yield from _in_territory(survey, view)


def _in_parents(survey: Survey, view: LevelView, above: LevelView) -> Iterator[Finding]:
    position = {code: i for i, code in reversed(list(enumerate(above.codes)))}
    named = np.array([position.get(parent, -1) for parent in view.parents], dtype=np.int64)
    common = shares(view.flat, above.flat)
    best = common.best(len(view.flat))
    in_named, in_best = common.within(named), common.within(best)
    wrong = (named >= 0) & (best != named) & (in_best - in_named > np.maximum(OUTSIDE_M2, 1e-6 * in_best))
    whole = shapely.area(view.flat)
    for i in np.flatnonzero(wrong):
        share = 100 * in_named[i] / whole[i]
        yield Finding(
            "wrong_parent", ERROR, view.spec.name, (view.codes[i],), share, "%",
            f"{view.title} {view.codes[i]} 填报上级 {above.codes[named[i]]}，其中面积仅 {share:.1f}%；"
            f"实际主要位于 {above.codes[best[i]]}",
            view.degrees[i],
        )  # fmt: skip
    home = np.where(wrong | (named < 0), best, named)
    yield from _outside(survey, view, above.flat, home, common, above)


def _in_territory(survey: Survey, view: LevelView) -> Iterator[Finding]:
    territory = np.array([survey.flat.metres(survey.territory)], dtype=object)
    common = shares(view.flat, territory)
    yield from _outside(survey, view, territory, np.zeros(len(view.flat), dtype=np.int64), common, None)


def _outside(
    survey: Survey, view: LevelView, parents: m.Geometries, home: m.Ints, common: Shares, above: LevelView | None
) -> Iterator[Finding]:
    """Tell of every grid that is partly outside its home: divided where another parent holds much of it."""
    whole = shapely.area(view.flat)
    candidates = np.flatnonzero((home >= 0) & (whole - common.within(home) > OUTSIDE_M2))
    other, held = _largest_other(common, home, len(whole))
    pieces = shapely.difference(view.flat[candidates], parents[home[candidates]])
    depth = _depths(pieces, parents[home[candidates]])
    area = survey.area_m2(pieces)
    for i, piece, metres, square in zip(candidates, pieces, depth, area, strict=True):
        spot = survey.flat.degrees(piece)
        if above is not None and min(held[i], square) > max(DIVIDED_M2, DIVIDED_SHARE * whole[i]):
            yield Finding(
                "not_nested", ERROR, view.spec.name, (view.codes[i],), square, "m²",
                f"{view.title} {view.codes[i]} 跨越 {above.codes[home[i]]} 与 {above.codes[other[i]]}："
                f"{square:,.0f} m² 不在其上级内", spot,
            )  # fmt: skip
        elif metres > NOISE_M:
            where = "边界" if above is None else f"上级 {above.codes[home[i]]} "
            yield Finding(
                "outside_parent", ERROR if metres > SNAP_M else WARNING, view.spec.name, (view.codes[i],), square,
                "m²", f"{view.title} {view.codes[i]} 超出{where}{square:,.1f} m²，最远 {metres:.2f} m", spot,
            )  # fmt: skip


def _largest_other(common: Shares, home: m.Ints, size: int) -> tuple[m.Ints, m.Floats]:
    """Return for each child the parent beside its home that holds most of it, and how much."""
    away = common.parent != home[common.child]
    rest = Shares(common.child[away], common.parent[away], common.area[away])
    other = rest.best(size)
    return other, rest.within(other)


def _depths(pieces: m.Geometries, parents: m.Geometries) -> m.Floats:
    """Return how far each piece reaches away from the parent of the same position."""
    xy, piece = shapely.get_coordinates(pieces, return_index=True)
    away = shapely.distance(shapely.points(xy), parents[piece])
    depth = np.zeros(len(pieces))
    np.maximum.at(depth, piece, away)
    return depth


RULES: Final = (nesting,)
