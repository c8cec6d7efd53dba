"""Who gets the ground that two polygons claim, that none claims, or that hangs on a polygon by nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray

from gridmap.errors import LayerError
from gridmap.geo.coverage import Geometries
from gridmap.geo.repair_faces import (
    Claim,
    Faces,
    Flags,
    Floats,
    Ints,
    flat_shapes,
    groups_of,
    join_faces,
    wider_than,
    width_m,
)
from gridmap.geo.repair_rings import named

_LONG: Final = 10.0
"""A strip that opens to the outside or to a wide hole is filled when it is this many times its width long *(ours)*:
two borders that part at an angle are no strip."""
_FINE: Final = 0.01
"""Widths are told to this share of the width that is allowed."""


@dataclass(frozen=True)
class Tolerances:
    """How wide an overlap and a gap may be, in metres, and where metres are measured."""

    snap_m: float
    gap_width_m: float
    metric: pyproj.CRS


@dataclass(frozen=True, eq=False)
class Piece:
    """Ground that was given to one polygon: overlap, gap or sliver; positions of polygons and of faces."""

    kind: str
    between: Claim
    to: int
    faces: Ints


@dataclass(frozen=True, eq=False)
class Settled:
    """The polygon of each face, -1 where it stays unclaimed, and the pieces that changed hands."""

    label: Ints
    pieces: tuple[Piece, ...]


def settle(faces: Faces, names: NDArray[np.object_], allowed: Tolerances) -> Settled:
    """Give every face that two polygons claim, or that is a narrow gap, to the neighbour with the longest border.

    Raises
    ------
    LayerError
        When two polygons overlap more widely than is allowed, or one would be left with nothing.
    """
    label = np.array([claim[0] if len(claim) == 1 else -1 for claim in faces.claims], dtype=np.int64)
    pieces = [
        *_settle_overlaps(faces, label, names, allowed),
        *_settle_gaps(faces, label, allowed),
        *_settle_slivers(faces, label, allowed),
    ]
    lost = np.setdiff1d(np.arange(len(names)), label)
    if len(lost):
        raise LayerError(
            f"{named(list(names[lost]))}: nothing would be left; others claim all of its ground, or it is narrower "
            "than a millimetre. Drop the row, or cut its ground out of the others"
        )
    return Settled(label, tuple(pieces))


def _settle_overlaps(faces: Faces, label: Ints, names: NDArray[np.object_], allowed: Tolerances) -> list[Piece]:
    twice = np.flatnonzero(faces.claimed() > 1)
    group = _alike(faces, twice, faces.claims)
    claims = [faces.claims[each] for each in _first_of(group, twice)]
    _refuse_wide(faces, twice, group, [str(named(names[list(claim)].tolist())) for claim in claims], allowed)
    # What claims no other ground would vanish: it goes before the longest border.
    landless = ~np.isin(np.arange(len(names)), label)
    right = [tuple(each for each in claim if landless[each]) or claim for claim in claims]
    to = _award(faces, label, twice, group, right)
    rest = to < 0
    to[rest] = [claim[0] for claim, none in zip(right, rest, strict=True) if none]
    label[twice] = to[group]
    return _pieces("overlap", claims, to, twice, group)


def _refuse_wide(faces: Faces, twice: Ints, group: Ints, whose: Sequence[str], allowed: Tolerances) -> None:
    joined = join_faces(faces.shapes[twice], group, len(whose))
    wide = np.flatnonzero(wider_than(joined, allowed.snap_m * (1 + _FINE), allowed.metric))
    if len(wide) == 0:
        return
    width = width_m(joined[wide], allowed.metric, _FINE * allowed.snap_m)
    worst = wide[np.argmax(width)]
    area_m2 = shapely.area(flat_shapes(joined[worst : worst + 1], allowed.metric))[0]
    place = shapely.point_on_surface(joined[worst])
    more = f", and {len(wide) - 1} more such places" if len(wide) > 1 else ""
    raise LayerError(
        f"{whose[worst]} overlap over {area_m2:,.1f} m², {width.max():.2f} m wide, at ({place.x:.6f}, {place.y:.6f})"
        f"{more}; overlaps up to snap_m = {allowed.snap_m:g} m wide are mended. Mend wider ones by hand, or allow "
        f"{width.max() * 1.02:.2f} m"
    )


def _settle_gaps(faces: Faces, label: Ints, allowed: Tolerances) -> list[Piece]:
    """Fill narrow gaps, each stretch between the same neighbours as one piece."""
    narrow = _narrow_gaps(faces, allowed)
    around = _neighbours(faces, label, narrow)
    kin = _with_kin(faces, narrow, around)
    group = _alike(faces, narrow, dict(zip(narrow.tolist(), kin, strict=True)))
    beside = _first_of(group, np.arange(len(narrow)))
    to = _award(faces, label, narrow, group, [None] * len(beside))
    reached = -1
    while reached < (reached := int((to >= 0).sum())) < len(to):  # a junction of strips lies beside other pieces only
        label[narrow] = to[group]
        to = np.where(to < 0, _award(faces, label, narrow, group, [None] * len(beside)), to)
    label[narrow] = to[group]
    return _pieces("gap", [kin[each] for each in beside], to, narrow, group)


def _narrow_gaps(faces: Faces, allowed: Tolerances) -> Ints:
    """Return the unclaimed faces to fill: enclosed narrow gaps whole, of other unclaimed ground its long strips."""
    free = np.flatnonzero(faces.claimed() == 0)
    fine, limit = _FINE * allowed.gap_width_m, allowed.gap_width_m * (1 + _FINE)
    region = groups_of(len(free), _within(faces, free))
    is_open = np.bincount(region, weights=faces.open[free]) > 0
    wide = np.array(is_open)
    enclosed = join_faces(faces.shapes[free], region, len(is_open))[~is_open]
    wide[~is_open] = wider_than(enclosed, limit, allowed.metric)
    fill = ~wide[region]
    doubtful = np.flatnonzero(wide[region])
    thin = doubtful[~wider_than(faces.shapes[free[doubtful]], limit, allowed.metric)]
    strip = groups_of(len(thin), _within(faces, free[thin]))
    strips = join_faces(faces.shapes[free[thin]], strip, int(strip.max(initial=-1)) + 1)
    half_around = shapely.length(flat_shapes(strips, allowed.metric)) / 2
    width = width_m(strips, allowed.metric, fine)
    fill[thin] = ((half_around > _LONG * width) & (width <= limit))[strip]
    return free[fill]


def _with_kin(faces: Faces, chosen: Ints, around: list[Claim]) -> list[Claim]:
    """Return the neighbours of the stretch each piece belongs to.

    A piece cut off by two bridges with a common end lies beside one polygon only; it belongs to the piece next to it.
    """
    kin = list(around)
    length = np.zeros(len(chosen))
    pairs, shared = _within(faces, chosen), _within_m(faces, chosen)
    for one, two in (pairs.T, pairs[:, ::-1].T):
        for a, b, shared_m in zip(one.tolist(), two.tolist(), shared.tolist(), strict=True):
            if len(around[a]) < 2 <= len(around[b]) and set(around[a]) <= set(around[b]) and shared_m > length[a]:
                kin[a], length[a] = around[b], shared_m
    return kin


def _settle_slivers(faces: Faces, label: Ints, allowed: Tolerances) -> list[Piece]:
    """Give away narrow parts that hang on their polygon by nothing and touch another."""
    held = np.flatnonzero(label >= 0)
    part = _alike(faces, held, label.tolist())
    owner = label[_first_of(part, held)]
    several = np.bincount(owner, minlength=1)[owner] > 1
    if not several.any():
        return []
    area = np.bincount(part, weights=shapely.area(faces.shapes[held]))
    largest = np.full(int(owner.max()) + 1, -1, dtype=np.int64)
    largest[owner[np.argsort(area, kind="stable")]] = np.argsort(area, kind="stable")
    small = np.flatnonzero(several & (largest[owner] != np.arange(len(owner))))
    shapes = join_faces(faces.shapes[held], part, len(owner))[small]
    small = small[~wider_than(shapes, allowed.snap_m, allowed.metric)]
    chosen = held[np.isin(part, small)]
    group = np.searchsorted(small, part[np.isin(part, small)])
    label[chosen] = -1
    to = _award(faces, label, chosen, group, [None] * len(small))
    given = to >= 0
    to[~given] = owner[small][~given]  # beside nobody: it stays
    label[chosen] = to[group]
    return [
        piece
        for piece in _pieces("sliver", [(int(each),) for each in owner[small]], to, chosen, group)
        if piece.between != (piece.to,)
    ]


def _pieces(kind: str, between: Sequence[Claim], to: Ints, chosen: Ints, group: Ints) -> list[Piece]:
    return [Piece(kind, claim, int(to[each]), chosen[group == each]) for each, claim in enumerate(between)]


def _award(faces: Faces, label: Ints, chosen: Ints, group: Ints, right: Sequence[Claim | None]) -> Ints:
    """Return for each group of faces the polygon it has the longest border with, -1 where it has none.

    ``right`` names the polygons a group may go to; of borders of one length the lower position decides.
    """
    of = np.full(len(faces.shapes), -1, dtype=np.int64)
    of[chosen] = group
    pairs = np.concatenate([faces.pairs, faces.pairs[:, ::-1]])
    shared = np.concatenate([faces.shared_m, faces.shared_m])
    told = (of[pairs[:, 0]] >= 0) & (label[pairs[:, 1]] >= 0)
    keys = np.stack([of[pairs[told, 0]], label[pairs[told, 1]]], axis=1)
    borders, position = np.unique(keys, axis=0, return_inverse=True)
    length = np.round(np.bincount(position.ravel(), weights=shared[told], minlength=len(borders)), 6)
    best = np.full(len(right), -1, dtype=np.int64)
    for at in np.lexsort((borders[:, 1], -length)):
        each, to = borders[at].tolist()
        may = right[each]
        if best[each] < 0 and (may is None or to in may):
            best[each] = to
    return best


def _neighbours(faces: Faces, label: Ints, chosen: Ints) -> list[Claim]:
    """Return the polygons beside each chosen face."""
    at = np.full(len(faces.shapes), -1, dtype=np.int64)
    at[chosen] = np.arange(len(chosen))
    found: list[set[int]] = [set() for _ in chosen]
    for one, two in (faces.pairs.T, faces.pairs[:, ::-1].T):
        told = (at[one] >= 0) & (label[two] >= 0)
        for each, other in zip(at[one][told].tolist(), label[two][told].tolist(), strict=True):
            found[each].add(other)
    return [tuple(sorted(each)) for each in found]


def _inside(faces: Faces, chosen: Ints) -> tuple[Ints, Flags]:
    at = np.full(len(faces.shapes), -1, dtype=np.int64)
    at[chosen] = np.arange(len(chosen))
    pairs = at[faces.pairs].reshape(-1, 2)
    return pairs, np.asarray((pairs >= 0).all(axis=1), dtype=bool)


def _within(faces: Faces, chosen: Ints) -> Ints:
    """Return the pairs of touching faces among the chosen, as positions among these."""
    pairs, both = _inside(faces, chosen)
    return pairs[both]


def _within_m(faces: Faces, chosen: Ints) -> Floats:
    return faces.shared_m[_inside(faces, chosen)[1]]


def _alike(faces: Faces, chosen: Ints, said: Mapping[int, object] | Sequence[object]) -> Ints:
    """Return the group of each chosen face: those that touch and of which the same is said."""
    pairs = _within(faces, chosen)
    words = [said[face] for face in chosen.tolist()]
    same = np.array([words[a] == words[b] for a, b in pairs.tolist()], dtype=bool)
    return groups_of(len(chosen), pairs[same])


def _first_of(group: Ints, chosen: Ints) -> Ints:
    """Return of each group the first face."""
    return chosen[np.unique(group, return_index=True)[1]]


def joined(faces: Faces, pieces: Sequence[Piece]) -> Geometries:
    """Return the ground of each piece."""
    found = np.empty(len(pieces), dtype=object)
    for at, piece in enumerate(pieces):
        found[at] = shapely.coverage_union_all(faces.shapes[piece.faces])
    return found
