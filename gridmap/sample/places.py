"""What has a name on the map: ways, estates, addresses, stations, facilities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from gridmap.sample.buildings import Buildings
from gridmap.sample.names import MOTORWAY, Namer
from gridmap.sample.streets import RANK, WIDTH_M, Cells, Streets
from gridmap.sample.terrain import WATERS, Floats, Geometries, Terrain
from gridmap.sample.territory import Territory

Ints = NDArray[np.int64]
Texts = NDArray[np.object_]

_NAMELESS: Final = ("track", "service")
_FIRST_WAY: Final = 900_000_001
BIG_ESTATE: Final = 1_000
"""Estates of so many households must have a station of their own (domain.md)."""
_FACILITIES: Final = {
    "school": ("school", ("小学", "中学", "幼儿园")),
    "hospital": ("hospital", ("医院", "社区卫生服务中心")),
    "retail": ("market", ("农贸市场", "生活超市", "便民服务点")),
}
_OPEN_AIR: Final = (("park", "口袋公园"), ("elderly", "居家养老服务站"), ("police", "警务室"), ("toilet", "公共厕所"))


@dataclass(frozen=True, eq=False)
class Ways:
    """Streets as ways of one class and name, in metres."""

    line: Geometries
    highway: Texts
    name: Texts
    over: Texts
    town: Ints

    def columns(self) -> dict[str, Any]:
        """Return the columns of the street layer: underpasses go below railways, bridges over the rest."""
        below = self.over == "rail"
        raised = (self.over != "") & ~below
        return {
            "osm_id": _FIRST_WAY + np.arange(len(self.line)),
            "highway": self.highway,
            "name": _or_none(self.name, self.name != ""),
            "bridge": _or_none(np.full(len(raised), "yes", dtype=object), raised),
            "tunnel": _or_none(np.full(len(below), "yes", dtype=object), below),
            "layer": np.where(raised, 1, np.where(below, -1, 0)),
            "width_m": np.array([WIDTH_M[each] for each in self.highway]),
        }


def _or_none(values: Texts, there: NDArray[np.bool_]) -> Texts:
    found = np.full(len(values), None, dtype=object)
    found[there] = values[there]
    return found


def make_ways(streets: Streets, terrain: Terrain, territory: Territory, namer: Namer) -> Ways:
    """Join the pieces of one street to ways, name them, and add the motorways.

    No two streets of a town share a name; lanes outside of urban communities have none.
    """
    order = np.argsort(streets.source, kind="stable")
    number, start = np.unique(streets.source[order], return_index=True)
    multi = shapely.multilinestrings(streets.line[order], indices=np.repeat(
        np.arange(len(number)), np.diff(np.r_[start, len(order)])))  # fmt: skip
    line, which = shapely.get_parts(shapely.line_merge(multi), return_index=True)
    highway, over = streets.highway[order][start], streets.over[order][start]
    middle = shapely.line_interpolate_point(multi_first(multi), 0.5, normalized=True)
    own = _nearest(middle, territory.communities)
    town, in_town = territory.town[own], territory.urban[own]
    named = ~np.isin(highway, _NAMELESS) & ((highway != "residential") | in_town)
    name = _street_names(highway, town, named, namer)
    motor = [b for b in terrain.barriers if b.kind == "motorway"]
    ways = Ways(line, highway[which], name[which], over[which], town[which])
    for each in motor:
        ways = _with_motorway(ways, each.line, terrain)
    return ways


def multi_first(multi: Geometries) -> Geometries:
    """Return the first part of each multi-part geometry."""
    return np.asarray(shapely.get_geometry(multi, 0), dtype=object)


def _nearest(points: Geometries, shapes: Geometries) -> Ints:
    row, found = shapely.STRtree(shapes).query_nearest(points)
    first = np.r_[True, np.diff(row) != 0]
    return np.asarray(found[first], dtype=np.int64)


def _street_names(highway: Texts, town: Ints, named: NDArray[np.bool_], namer: Namer) -> Texts:
    rank = np.array([RANK.index(each) for each in highway])
    order = np.lexsort((np.arange(len(rank)), rank, town, ~named))[: int(named.sum())]
    names = np.full(len(highway), "", dtype=object)
    own = town[order]
    first = np.r_[True, np.diff(own) != 0]
    within = np.arange(len(order)) - np.repeat(np.flatnonzero(first), np.diff(np.r_[np.flatnonzero(first), len(own)]))
    pool = np.array(namer.streets(int(within.max()) + 1), dtype=object)
    names[order] = pool[within]
    return names


def split_over(line: Any, terrain: Terrain, kinds: Sequence[str]) -> list[tuple[Any, bool]]:
    """Return the pieces of a railway or motorway inside the outline, and which of them are bridges."""
    wet = shapely.union_all([b.line.buffer(b.corridor_m) for b in terrain.barriers if b.kind in kinds])
    line = shapely.intersection(line, terrain.boundary)
    bridges = shapely.get_parts(shapely.intersection(line, wet))
    ground = shapely.get_parts(shapely.difference(line, wet))
    return [(part, False) for part in ground] + [(part, True) for part in bridges]


def _with_motorway(ways: Ways, line: Any, terrain: Terrain) -> Ways:
    pieces = split_over(line, terrain, (*WATERS, "rail"))
    count = len(pieces)
    over = np.array(["water" if bridge else "" for _, bridge in pieces], dtype=object)
    return Ways(
        np.concatenate([ways.line, np.array([part for part, _ in pieces], dtype=object)]),
        np.concatenate([ways.highway, np.full(count, "motorway", dtype=object)]),
        np.concatenate([ways.name, np.full(count, MOTORWAY, dtype=object)]),
        np.concatenate([ways.over, over]),
        np.concatenate([ways.town, np.zeros(count, dtype=np.int64)]),
    )


@dataclass(frozen=True, eq=False)
class Estates:
    """Housing estates; ``of_cell`` is the number of the estate of each block, -1 for none."""

    cell: Ints
    name: Texts
    households: Ints
    of_cell: Ints


def make_estates(buildings: Buildings, cells: Cells, namer: Namer) -> Estates:
    """Return the estates: urban blocks that people live on."""
    households = np.bincount(buildings.cell, weights=buildings.households, minlength=len(cells.polygon)).astype(int)
    cell = np.flatnonzero((cells.kind == "urban") & (households > 0))
    of_cell = np.full(len(cells.polygon), -1)
    of_cell[cell] = np.arange(len(cell))
    return Estates(cell, np.array(namer.estates(len(cell)), dtype=object), households[cell], of_cell)


def make_addresses(
    buildings: Buildings,
    cells: Cells,
    estates: Estates,
    ways: Ways,
    community: Sequence[str],
    town: Sequence[str],
    namer: Namer,
) -> pd.DataFrame:
    """Return the standard address of every building: ``花山镇人民路12号3栋``, in villages ``花山镇荷塘村王家巷7号``.

    Parameters
    ----------
    community, town
        Name of each community, and of the town of each community.
    """
    own = cells.community[buildings.cell]
    hamlet, estate = cells.hamlet[buildings.cell], estates.of_cell[buildings.cell]
    point = shapely.centroid(buildings.polygon)
    gate = np.where(estate >= 0, shapely.centroid(cells.polygon[buildings.cell]), point)
    street, along, side = _on_street(gate, ways)
    group = np.where(estate >= 0, estate, len(estates.cell) + np.arange(len(point)))
    towns, communities = np.array(town, dtype=object)[own], np.array(community, dtype=object)[own]
    same = pd.MultiIndex.from_arrays([towns, ways.name[street]]).factorize()[0].astype(np.int64)
    number = _numbers(street, same, along, side, group)
    hamlets = _hamlet_names(cells, namer)
    in_hamlet = hamlet >= 0
    number[in_hamlet] = 1 + _within(hamlet[in_hamlet])
    block = np.zeros(len(point), dtype=np.int64)
    block[estate >= 0] = 1 + _within(estate[estate >= 0])
    names = np.where(in_hamlet, hamlets[hamlet], ways.name[street])
    text = [
        f"{t}{c if h else ''}{s}{n}号" + (f"{b}栋" if b else "")
        for t, c, h, s, n, b in zip(towns, communities, in_hamlet, names, number, block, strict=True)
    ]
    return pd.DataFrame({
        "address": text, "town": towns, "community": communities, "street": names, "number": number,
        "estate": np.array([*estates.name, None], dtype=object)[estate],
    })  # fmt: skip


def _hamlet_names(cells: Cells, namer: Namer) -> Texts:
    """Return the name of each hamlet, none twice in a village; then an empty one."""
    pool = namer.hamlets()
    own = np.zeros(int(cells.hamlet.max(initial=-1)) + 1, dtype=np.int64)
    own[cells.hamlet[cells.hamlet >= 0]] = cells.community[cells.hamlet >= 0]
    turn = own * 37 + _within(own)
    return np.array([*(pool[i % len(pool)] for i in turn.tolist()), ""], dtype=object)


def _on_street(points: Geometries, ways: Ways) -> tuple[Ints, Floats, Ints]:
    """Return the nearest named way of each point, how far along it the point is, and on which side."""
    named = np.flatnonzero((ways.name != "") & (ways.over == "") & (ways.highway != "motorway"))
    way = named[_nearest(points, ways.line[named])]
    along = shapely.line_locate_point(ways.line[way], points)
    here = shapely.get_coordinates(shapely.line_interpolate_point(ways.line[way], along))
    back = shapely.get_coordinates(shapely.line_interpolate_point(ways.line[way], np.maximum(along - 1.0, 0.0)))
    ahead = here - back
    off = shapely.get_coordinates(points) - here
    return way, along, (ahead[:, 0] * off[:, 1] - ahead[:, 1] * off[:, 0] > 0).astype(np.int64)


def _numbers(way: Ints, street: Ints, along: Floats, side: Ints, group: Ints) -> Ints:
    """Return house numbers: odd on the left, even on the right, rising along the street, one a group."""
    _, first, of = np.unique(group, return_index=True, return_inverse=True)
    way, street, along, side = way[first], street[first], along[first], side[first]
    order = np.lexsort((along, way, side, street))
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = _within(street[order] * 2 + side[order])
    return np.asarray((2 * rank + 2 - side)[of.ravel()], dtype=np.int64)


def _within(group: Ints) -> Ints:
    """Return the position of each row within its group, in the order of the rows."""
    return np.asarray(pd.Series(group).groupby(group).cumcount(), dtype=np.int64)


def make_facilities(
    buildings: Buildings, cells: Cells, stems: Sequence[str], rng: np.random.Generator
) -> tuple[pd.DataFrame, Geometries]:
    """Return schools, hospitals, markets and small public places, and where they are."""
    names, kinds, spots = [], [], []
    cell, first = np.unique(buildings.cell, return_index=True)
    for c, building in zip(cell.tolist(), first.tolist(), strict=True):
        kind, endings = _FACILITIES.get(str(buildings.use[c]), ("", ()))
        if kind:
            names.append(stems[cells.community[c]] + endings[int(rng.integers(len(endings)))])
            kinds.append(kind)
            spots.append(shapely.centroid(buildings.polygon[building]))
    lived = np.flatnonzero(buildings.households > 0)
    for building in rng.choice(lived, min(len(lived), 3 * len(stems)), replace=False).tolist():
        kind, ending = _OPEN_AIR[int(rng.integers(len(_OPEN_AIR)))]
        names.append(stems[cells.community[buildings.cell[building]]] + ending)
        kinds.append(kind)
        spots.append(shapely.centroid(buildings.polygon[building]))
    return pd.DataFrame({"name": names, "kind": kinds}), np.array(spots, dtype=object)
