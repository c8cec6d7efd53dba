"""Which grid is this point in: :class:`Locator` answers for one point and for many, and both the same."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely
from numpy.typing import ArrayLike, NDArray

from gridmap.errors import InputError, PlanError
from gridmap.geo.crs import WGS84, metric_crs_of
from gridmap.grids.plan import Plan
from gridmap.locate import placement as p
from gridmap.locate.index import NOWHERE, Geometries, Ints, LevelIndex
from gridmap.locate.placement import OUTCOMES, Candidate, Placement
from gridmap.locate.points import BAD_ACCURACY, SWAPPED, CrsChoice, Points, read_points

__all__ = ["Answers", "Candidate", "Locator", "Placement"]

_REASONS = {
    p.AMBIGUOUS: "精度范围触及多个网格 · the accuracy disc touches several grids",
    p.GAP: "位于县域内但不在任何网格中 · inside the county, but in no grid",
    p.OUTSIDE: "位于县域之外 · outside the county",
}


@dataclass(frozen=True, eq=False)
class Answers:
    """What a locator says of n points.

    Parameters
    ----------
    grid
        Level → position of each point's grid among the level's codes, -1 where there is none.
    codes
        Level → its codes.
    outcome
        Position in :data:`~gridmap.locate.placement.OUTCOMES`.
    reason
        Why a point is not matched; empty where it is.
    points
        The points themselves.
    candidates
        Level → pairs (point, grid) that accuracy discs touch, sorted.
    """

    grid: Mapping[str, Ints]
    codes: Mapping[str, NDArray[np.object_]]
    outcome: NDArray[np.int8]
    reason: NDArray[np.object_]
    points: Points
    candidates: Mapping[str, tuple[Ints, Ints]]

    def as_frame(self) -> pd.DataFrame:
        """Return a column of codes (Categorical, NA where there is none) a level, and the outcome."""
        columns: dict[str, pd.Categorical] = {
            level: _categorical(self.grid[level], self.codes[level]) for level in self.grid
        }
        columns["outcome"] = pd.Categorical.from_codes(self.outcome, categories=list(OUTCOMES))
        return pd.DataFrame(columns)


def _categorical(grid: Ints, codes: NDArray[np.object_]) -> pd.Categorical:
    number, unique = pd.factorize(codes)
    at = np.append(number, NOWHERE)[grid]
    return pd.Categorical.from_codes(at, categories=pd.Index(unique, dtype="str"))


class Locator:
    """An index of a plan that answers which grid a point is in.

    It never changes once made and may be shared between threads. A point on a shared border belongs to the lowest
    code of the finest tiling level; a partial level (micro) is looked up only inside that grid.

    Parameters
    ----------
    plan
        Any plan, drawn or imported. Where an imported level overlaps itself, the lowest code wins.

    Raises
    ------
    PlanError
        When a grid has no code.

    Examples
    --------
    >>> layer = gpd.GeoDataFrame({"CODE": ["b", "a"]}, crs=4490,
    ...     geometry=[shapely.box(120, 31, 121, 32), shapely.box(121, 31, 122, 32)])
    >>> locator = Locator.from_layer(layer, code="CODE")
    >>> locator.locate(120.5, 31.5).chain["code"], locator.locate(121, 31.5).chain["code"]
    ('b', 'a')
    >>> locator.locate_many([120.5, 125], [31.5, 31.5])
      code  outcome
    0    b  matched
    1  NaN  outside
    """

    def __init__(self, plan: Plan) -> None:
        _refuse_uncoded(plan)
        self.plan_version = plan.version
        finest = plan.layers[plan.finest_tiling]
        self._crs = finest.crs
        self._metric = metric_crs_of(finest)
        levels: list[LevelIndex] = []
        for spec in plan.levels:
            above = levels[-1] if levels else None
            levels.append(LevelIndex.of(plan.layers[spec.name], spec.name, spec.tiles, self._metric, above))
        self.levels: tuple[str, ...] = tuple(level.name for level in levels)
        self.all_codes: frozenset[str] = frozenset(str(code) for level in levels for code in level.codes)
        self._levels = tuple(levels)
        self._finest = self.levels.index(plan.finest_tiling)
        self._county = _county(levels)
        self._to_flat = pyproj.Transformer.from_crs(WGS84, self._metric, always_xy=True)

    @classmethod
    def from_layer(cls, layer: gpd.GeoDataFrame | str | os.PathLike[str], code: str = "code") -> Locator:
        """Index one layer of polygons by a column of codes; answers have the one level ``code``."""
        return cls(Plan.from_layers({"code": layer}, code=code, tiles={"code": True}))

    def locate(self, lon: float, lat: float, *, crs: str | int = "wgs84", accuracy_m: float | None = None) -> Placement:
        """Place one point.

        Parameters
        ----------
        lon, lat
            Degrees (easting and northing where ``crs`` is projected).
        crs
            ``wgs84``, ``cgcs2000``, ``gcj02``, ``bd09`` or an EPSG code.
        accuracy_m
            Radius in metres within which the true point lies, where that is known.

        Returns
        -------
        Placement
            A point that cannot be placed comes back ``invalid`` with a reason; nothing is raised.
        """
        said = self.answer([lon], [lat], crs=[crs], accuracy_m=accuracy_m)
        chain = {level: str(said.codes[level][grid[0]]) for level, grid in said.grid.items() if grid[0] != NOWHERE}
        candidates: tuple[Candidate, ...] = ()
        border = None
        if said.outcome[0] != p.INVALID:
            flat = self._flat(said.points)
            candidates = self._candidates(said, flat[0])
            inside = self._levels[self._finest].holding(shapely.points([said.points.lon[0]], [said.points.lat[0]]))
            if inside[0] != NOWHERE:
                border = float(self._levels[self._finest].border_distance_m(flat, inside)[0])
        outcome = OUTCOMES[said.outcome[0]]
        return Placement(outcome, said.reason[0], MappingProxyType(chain), candidates, border, self.plan_version)

    def locate_many(
        self, lon: ArrayLike, lat: ArrayLike, *, crs: CrsChoice = "wgs84", accuracy_m: ArrayLike | None = None
    ) -> pd.DataFrame:
        """Place many points.

        Parameters
        ----------
        lon, lat
            Shape (n,).
        crs
            One system for all, or one a point.
        accuracy_m
            One radius for all, or one a point; NaN where it is not known.

        Returns
        -------
        DataFrame
            RangeIndex; one Categorical of codes a level in plan order, then ``outcome``; NA where there is no grid.

        Raises
        ------
        InputError
            When the arrays have different lengths.
        CrsError
            When the one system for all points is not known.
        """
        return self.answer(lon, lat, crs=crs, accuracy_m=accuracy_m).as_frame()

    def answer(
        self, lon: ArrayLike, lat: ArrayLike, *, crs: CrsChoice = "wgs84", accuracy_m: ArrayLike | None = None
    ) -> Answers:
        """Place many points and say why some are not matched; see :meth:`locate_many`."""
        points = read_points(lon, lat, crs)
        accuracy = _accuracy(accuracy_m, len(points.lon))
        shapes = shapely.points(points.lon, points.lat)
        reason = points.reason.copy()
        reason[(reason == "") & (accuracy < 0)] = BAD_ACCURACY
        outcome = np.where(reason != "", p.INVALID, p.MATCHED).astype(np.int8)
        asked = outcome != p.INVALID
        grid = self._grids(shapes, asked)
        lost = asked & (grid[self._finest] == NOWHERE)
        inside = np.zeros(len(shapes), dtype=bool)
        inside[lost] = shapely.intersects(self._county, shapes[lost])
        outcome[lost] = np.where(inside[lost], p.GAP, p.OUTSIDE)
        swapped = (outcome == p.OUTSIDE) & self._swapped(points)
        outcome[swapped], reason[swapped] = p.INVALID, SWAPPED
        self._swap_beyond_range(points, outcome, reason)
        candidates = self._disc(points, accuracy, outcome, grid)
        for kind, why in _REASONS.items():
            reason[outcome == kind] = why
        return Answers(
            {level.name: grid[i] for i, level in enumerate(self._levels)},
            {level.name: level.codes for level in self._levels},
            outcome, reason, points, candidates,
        )  # fmt: skip

    def _grids(self, shapes: Geometries, asked: NDArray[np.bool_]) -> list[Ints]:
        """Return for every level the grid of every point: found in the finest tiling level, read upwards, tested below.

        A point in a gap of that level is looked for in the tiling levels above, the finer first.
        """
        grid = [np.full(len(shapes), NOWHERE, dtype=np.int64) for _ in self._levels]
        left = asked.copy()
        for i in range(self._finest, -1, -1):
            level = self._levels[i]
            if not level.tiles or not left.any():
                continue
            rows = np.flatnonzero(left)
            grid[i][rows] = level.holding(shapes[rows])
            hit = rows[grid[i][rows] != NOWHERE]
            left[hit] = False
            for above in range(i - 1, -1, -1):
                known = grid[above + 1][hit]
                grid[above][hit] = np.where(known == NOWHERE, NOWHERE, self._levels[above + 1].parent[known])
        for i in range(self._finest + 1, len(self._levels)):
            rows = np.flatnonzero(grid[i - 1] != NOWHERE)
            grid[i][rows] = self._levels[i].holding(shapes[rows], grid[i - 1][rows])
        return grid

    def _swapped(self, points: Points) -> NDArray[np.bool_]:
        """Whether points would lie in the county's box if their axes were the other way round."""
        west, south, east, north = self._county.bounds
        x, y = points.raw_lat, points.raw_lon
        return np.asarray((x >= west) & (x <= east) & (y >= south) & (y <= north))

    def _swap_beyond_range(self, points: Points, outcome: NDArray[np.int8], reason: NDArray[np.object_]) -> None:
        """Latitudes beyond 90° are no degrees, but the better reason is that they are longitudes."""
        swapped = (outcome == p.INVALID) & (reason != BAD_ACCURACY) & self._swapped(points)
        reason[swapped] = SWAPPED

    def _disc(
        self, points: Points, accuracy: NDArray[np.float64], outcome: NDArray[np.int8], grid: list[Ints]
    ) -> dict[str, tuple[Ints, Ints]]:
        """Find what accuracy discs touch; ambiguous points keep only the levels that all their candidates share."""
        rows = np.flatnonzero((accuracy > 0) & (outcome != p.INVALID))
        found: dict[str, tuple[Ints, Ints]] = {}
        if len(rows) == 0:
            return found
        flat = self._flat(points, rows)
        for i in range(self._finest, len(self._levels)):
            level = self._levels[i]
            at, touched = level.touched(flat, accuracy[rows])
            several = np.bincount(at, minlength=len(rows)) > 1
            if i > self._finest:
                # Where the finest tiling level is settled, a disc that leaves its micro grid is unsettled below it.
                settled = outcome[rows] == p.MATCHED
                kept = settled[at] & (level.parent[touched] == grid[i - 1][rows[at]])
                at, touched = at[kept], touched[kept]
                several = np.bincount(at, minlength=len(rows)) > 0
                within = np.zeros(len(rows), dtype=bool)
                own = np.flatnonzero(grid[i][rows] != NOWHERE)
                within[own] = level.border_distance_m(flat[own], grid[i][rows[own]]) >= accuracy[rows[own]]
                several &= ~within
            found[level.name] = rows[at], touched
            outcome[rows[several]] = p.AMBIGUOUS
            self._keep_shared(i, rows, several, at, touched, grid)
        return found

    def _keep_shared(
        self, i: int, rows: Ints, several: NDArray[np.bool_], at: Ints, touched: Ints, grid: list[Ints]
    ) -> None:
        """Blank the levels in which the candidates of a point differ, and all finer ones."""
        for below in range(i, len(self._levels)):
            grid[below][rows[several]] = NOWHERE
        if i > self._finest:
            return
        value = touched
        for level in range(i - 1, -1, -1):
            value = np.where(value == NOWHERE, NOWHERE, self._levels[level + 1].parent[value])
            low = np.full(len(rows), np.iinfo(np.int64).max)
            high = np.full(len(rows), -2, dtype=np.int64)
            np.minimum.at(low, at, value)
            np.maximum.at(high, at, value)
            grid[level][rows[several]] = np.where(low == high, low, NOWHERE)[several]

    def _candidates(self, said: Answers, flat: shapely.Geometry) -> tuple[Candidate, ...]:
        found = []
        for level in self._levels[self._finest :]:
            _, grids = said.candidates.get(level.name, (None, np.empty(0, dtype=np.int64)))
            for grid, metres in zip(grids, level.distance_m(flat, grids), strict=True):
                found.append(Candidate(level.name, str(level.codes[grid]), float(metres)))
        order = {level: i for i, level in enumerate(self.levels)}
        return tuple(sorted(found, key=lambda each: (order[each.level], each.distance_m, each.code)))

    def _flat(self, points: Points, rows: Ints | slice = slice(None)) -> Geometries:
        return np.asarray(shapely.points(*self._to_flat.transform(points.lon[rows], points.lat[rows])), dtype=object)


def _refuse_uncoded(plan: Plan) -> None:
    for level, layer in plan.layers.items():
        uncoded = int((layer.index == "").sum())
        if uncoded:
            raise PlanError(
                f"{uncoded} grids of level {level} have no code, so no point could be told to be in them; give every "
                "grid a code (check_plan names them: malformed_code)"
            )


def _accuracy(accuracy_m: ArrayLike | None, size: int) -> NDArray[np.float64]:
    if accuracy_m is None:
        return np.full(size, np.nan)
    stated = pd.Series(np.ravel(np.asarray(accuracy_m, dtype=object)))
    if len(stated) not in (1, size):
        raise InputError(f"{size} points but {len(stated)} accuracies; give one for all or one a point")
    words = stated.map(lambda each: isinstance(each, bool) or (isinstance(each, str) and bool(each.strip())))
    values = pd.to_numeric(stated.where(~stated.map(lambda each: isinstance(each, bool))), errors="coerce").to_numpy(
        dtype=np.float64
    )
    # A word that is no number is not "unknown": whoever wrote it meant something.
    values = np.where(np.isnan(values) & words.to_numpy(dtype=bool), -1.0, values)
    return np.broadcast_to(values, (size,)).copy()


def _county(levels: list[LevelIndex]) -> shapely.Geometry:
    """Return the land the tiling levels lie in, holes and gaps filled: what lies in there and in no grid is a gap."""
    shapes = np.concatenate([level.tree.geometries for level in levels if level.tiles])
    parts = shapely.get_parts(shapely.get_parts(shapely.union_all(shapes)))
    areal = parts[shapely.get_type_id(parts) == 3]
    county = shapely.union_all(shapely.polygons(shapely.get_exterior_ring(areal)))
    shapely.prepare(county)
    return county
