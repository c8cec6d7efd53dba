"""Who serves the county: stations, the grids of twenty departments, organisations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from gridmap.people.organisations import BRANCH, COMMUNITY, ESTATE, ORGANISATION_COLUMNS, TOWN, UNIT
from gridmap.sample.buildings import Buildings
from gridmap.sample.places import BIG_ESTATE, Estates
from gridmap.sample.streets import Cells
from gridmap.sample.terrain import Floats, Geometries, Terrain
from gridmap.sample.territory import Territory

Ints = NDArray[np.int64]

DEPARTMENTS: Final = {
    "公安": 96, "城管": 44, "综治": 150, "生态环境": 24, "应急": 40, "消防": 18, "卫健": 60, "民政": 70, "市场监管": 30,
    "税务": 14, "教育": 36, "住建": 28, "水利": 26, "交通": 16, "农业农村": 50, "自然资源": 20, "人社": 22, "邮政": 34,
    "供电": 80, "燃气": 25,
}  # fmt: skip
"""Departments, and about how many grids each has."""
_SHARE_WITH_STATION: Final = 0.7
_UNITS: Final = ("股份有限公司", "实业公司", "商贸公司", "科技公司", "律师事务所", "物业公司", "志愿者协会", "商会")
_OFFERS: Final = ("场地", "岗位", "平价采购", "电脑维修", "法律咨询", "便民维修", "志愿服务", "公益资金")


@dataclass(frozen=True)
class Units:
    """What the county, its towns and its communities are called, and the codes of the communities."""

    county: str
    towns: Sequence[str]
    communities: Sequence[str]
    codes: Sequence[str]


def make_stations(
    units: Units,
    territory: Territory,
    buildings: Buildings,
    cells: Cells,
    estates: Estates,
    *,
    most: int | None,
    rng: np.random.Generator,
) -> tuple[pd.DataFrame, Geometries]:
    """Return 1 + towns + communities + estates stations, each in a building near the people it is for.

    With ``most`` only the first so many, without one for the county.
    """
    spot = shapely.get_coordinates(shapely.centroid(buildings.polygon))
    own = cells.community[buildings.cell]
    near = [_middle_building(spot, buildings.households, np.flatnonzero(own == i)) for i in range(len(units.codes))]
    rows: list[tuple[str, str, int, int]] = []
    for number, town in enumerate(units.towns):
        inside = np.flatnonzero(territory.town[own] == number)
        rows.append((f"{town}党群服务中心", "town", int(rng.integers(20, 60)) * 1000, _middle_building(
            spot, buildings.households, inside)))  # fmt: skip
    rows += [
        (f"{name}党群服务站", "community", int(rng.integers(4, 13)) * 1000, near[i])
        for i, name in enumerate(units.communities)
    ]
    if most is not None:
        rows = rows[:most]
    else:
        middle = int(np.argmin(np.hypot(*spot.T)))
        rows = [(f"{units.county}党群服务中心", "county", 100_000, middle), *rows]
        rows += _estate_stations(buildings, estates, rng)
    at = np.array([row[3] for row in rows])
    frame = pd.DataFrame({
        "station": [f"S{i:04d}" for i in range(1, len(rows) + 1)],
        "name": [row[0] for row in rows], "kind": [row[1] for row in rows], "capacity": [row[2] for row in rows],
        "community": np.array(units.codes, dtype=object)[own[at]],
    })  # fmt: skip
    return frame, np.asarray(shapely.centroid(buildings.polygon[at]), dtype=object)


def _middle_building(spot: Floats, households: Ints, rows: Ints) -> int:
    """Return the building nearest to the middle of the households of some buildings."""
    weight = households[rows] + 1e-6
    middle = (spot[rows] * weight[:, None]).sum(axis=0) / weight.sum()
    return int(rows[np.argmin(np.hypot(*(spot[rows] - middle).T))])


def _estate_stations(
    buildings: Buildings, estates: Estates, rng: np.random.Generator
) -> list[tuple[str, str, int, int]]:
    first = {int(cell): i for i, cell in reversed(list(enumerate(buildings.cell.tolist())))}
    big = np.flatnonzero(estates.households >= BIG_ESTATE)
    chosen = big[rng.random(len(big)) < _SHARE_WITH_STATION]
    return [
        (f"{estates.name[i]}党群服务点", "estate", int(rng.integers(1, 4)) * 1000, first[int(estates.cell[i])])
        for i in chosen.tolist()
    ]


def make_departments(
    terrain: Terrain, territory: Territory, rng: np.random.Generator
) -> dict[str, tuple[pd.DataFrame, Geometries]]:
    """Return the grids of every department; they overlap, leave gaps, follow communities or follow nothing."""
    found = {}
    for number, (department, count) in enumerate(DEPARTMENTS.items()):
        count = max(3, round(count * len(territory.communities) / 198))
        if number % 4 == 3:
            shapes = _joined_communities(territory, count, rng)
        else:
            shapes = _cells(terrain, territory, count, rng)
        if number % 4 == 1:
            shapes = shapely.intersection(shapely.buffer(shapes, 25.0, quad_segs=2), terrain.boundary)
        if number % 4 == 2:
            shapes = shapes[rng.random(len(shapes)) > 0.12]
        rows = pd.DataFrame(
            {
                "department": department,
                "code": [f"{number + 1:02d}{i:04d}" for i in range(1, len(shapes) + 1)],
                "name": [f"{department}第{i}网格" for i in range(1, len(shapes) + 1)],
            }
        )
        found[department] = (rows, shapes)
    return found


def _cells(terrain: Terrain, territory: Territory, count: int, rng: np.random.Generator) -> Geometries:
    """Return cells round points near communities, dense where those are."""
    chosen = rng.choice(len(territory.centre), count, replace=count > len(territory.centre))
    reach = 0.08 * np.sqrt(terrain.boundary.area)
    points = territory.centre[chosen] + rng.normal(0.0, reach, (count, 2))
    whole = shapely.voronoi_polygons(shapely.multipoints(points), extend_to=terrain.boundary)
    cells = shapely.intersection(shapely.get_parts(whole), terrain.boundary)
    return np.asarray(cells[shapely.area(cells) > 0], dtype=object)


def _joined_communities(territory: Territory, count: int, rng: np.random.Generator) -> Geometries:
    """Return communities joined to the nearest of some of them."""
    heart = territory.centre[rng.choice(len(territory.centre), min(count, len(territory.centre)), replace=False)]
    away = np.hypot(*(territory.centre[:, None] - heart[None]).transpose(2, 0, 1))
    owner = np.argmin(away, axis=1)
    return np.array([shapely.coverage_union_all(territory.communities[owner == i]) for i in np.unique(owner)])


@dataclass
class _Organisations:
    """Organisations as they are written down, numbered in that order."""

    rows: list[dict[str, object]] = field(default_factory=list)

    def add(self, name: str, kind: str, *, parent: str = "", grid: str = "", **more: object) -> str:
        """Write an organisation down; return its number."""
        number = f"O{len(self.rows) + 1:05d}"
        self.rows.append({"org_id": number, "name": name, "kind": kind, "parent_id": parent, "grid": grid, **more})
        return number


def make_organisations(
    towns: pd.DataFrame, communities: pd.DataFrame, estates: pd.DataFrame, facilities: int, rng: np.random.Generator
) -> pd.DataFrame:
    """Return the chain from town committees to the branches of estates, and the units that report to communities.

    One in five big estates has no branch, and one unit in thirty no community: that is for the user to find.
    """
    made = _Organisations()
    town_of = {code: made.add(f"{name}党委", TOWN, grid=code) for name, code in _pairs(towns, "code")}
    top = dict(zip(communities["code"], communities["parent"], strict=True))
    committee_of = {
        code: made.add(f"{name}党委", COMMUNITY, parent=town_of[top[code]], grid=code)
        for name, code in _pairs(communities, "code")
    }
    for (name, code), homes in zip(_pairs(estates, "community"), estates["households"].tolist(), strict=True):
        estate = made.add(name, ESTATE, parent=committee_of[code], grid=code, households=homes)
        if homes < BIG_ESTATE or rng.random() < 0.8:
            made.add(f"{name}党支部", BRANCH, parent=estate, grid=code)
    codes, names = communities["code"].tolist(), communities["name"].tolist()
    for at in rng.integers(0, len(codes), 3 * len(codes) + facilities // 10).tolist():
        unit = int(rng.integers(len(_UNITS)))
        host = committee_of[codes[at]] if rng.random() > 0.03 else ""
        made.add(f"{names[at][:2]}{_UNITS[unit]}", UNIT, grid=codes[at], reports_to=host, offers=_OFFERS[unit])
    return pd.DataFrame(made.rows)[list(ORGANISATION_COLUMNS)].astype({"households": "Int64"})


def _pairs(table: pd.DataFrame, code: str) -> list[tuple[str, str]]:
    return list(zip(table["name"], table[code], strict=True))
