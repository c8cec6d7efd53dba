"""Which grid is this point in: :class:`Locator` answers for one point and for many, and both the same."""

from __future__ import annotations

import os
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, TypeAlias

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from gridmap.errors import CrsError, PlanError
from gridmap.grids.plan import Plan
from gridmap.locate import placement as p
from gridmap.locate.accuracy import read_accuracy, settle_discs
from gridmap.locate.answers import REASONS, Answers, Touched, kind_of
from gridmap.locate.columns import find_columns, find_leaves
from gridmap.locate.index import GridIndex, IndexReport
from gridmap.locate.place import place_point
from gridmap.locate.placement import NOWHERE, OUTCOMES, Candidate, Outcome, Placement
from gridmap.locate.points import CrsChoice, Points, read_points

__all__ = ["Answers", "Candidate", "Locator", "Placement", "Touched"]

_Known: TypeAlias = tuple[Outcome, str, Mapping[str, str], tuple[Candidate, ...]]
"""What an answer means for one point whose accuracy is not known: the first fields of a placement."""


class Locator:
    """An index of a plan that answers which grid a point is in.

    It never changes once made, may be shared between threads and sent to other processes. A point on a shared border
    belongs to the lowest code of the finest tiling level; a partial level (micro) is looked up only inside that grid.
    Answers are exact for the plan's vertices and straight edges between them, with coordinates taken as the
    floating-point numbers they are.

    Parameters
    ----------
    plan
        Any plan, drawn or imported. Where an imported level overlaps itself, the lowest code wins; where it leaves
        land out, points are in a gap. :attr:`report` says where.

    Raises
    ------
    PlanError
        When a grid has no code, or the finest tiling level no land.

    Examples
    --------
    >>> import shapely
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
        self._open(GridIndex.of(plan))

    def _open(self, index: GridIndex) -> None:
        self._index = index
        self.plan_version: str = index.plan_version
        self.levels: tuple[str, ...] = index.levels
        self.finest_tiling: str = index.levels[index.finest]
        self.report: IndexReport = index.report
        self._codes = {
            level: np.array(codes, dtype=object) for level, codes in zip(index.levels, index.codes, strict=True)
        }
        self.all_codes: frozenset[str] = frozenset(code for codes in index.codes for code in codes)
        self._kinds = {level: kind_of(codes) for level, codes in self._codes.items()}
        self._tables = [_narrowed(chain, len(codes)) for chain, codes in zip(index.chains, index.codes, strict=True)]
        self._known: list[_Known | None] = [None] * len(index.outcome)
        self._bounds: tuple[float, ...] = tuple(index.bounds.tolist())
        self._nowhere = index.nowhere
        self._address = index.content.ctypes.data

    @classmethod
    def from_layer(cls, layer: gpd.GeoDataFrame | str | os.PathLike[str], code: str = "code") -> Locator:
        """Index one layer of polygons by a column of codes; answers have the one level ``code``."""
        return cls(Plan.from_layers({"code": layer}, code=code, tiles={"code": True}))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Locator:
        """Open a saved index: mapped into memory, which processes that open the same file share.

        Raises
        ------
        InputError
            When there is no file, it is not an index, or it is damaged.

        Examples
        --------
        >>> import shapely, tempfile
        >>> layer = gpd.GeoDataFrame({"code": ["a"]}, geometry=[shapely.box(120, 31, 121, 32)], crs=4490)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     Locator.from_layer(layer).save(f"{folder}/a.idx")
        ...     Locator.load(f"{folder}/a.idx").locate(120.5, 31.5).chain["code"]
        'a'
        """
        return cls._of(GridIndex.load(path))

    @classmethod
    def _of(cls, index: GridIndex) -> Locator:
        found = cls.__new__(cls)
        found._open(index)
        return found

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the index as one file that :meth:`load` opens; whole or not at all.

        Raises
        ------
        OutputError
            When it cannot be written.
        """
        self._index.save(path)

    def __reduce__(self) -> tuple[Any, ...]:
        return Locator._of, (self._index,)

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
        if accuracy_m is None and type(crs) is str and crs == "wgs84" and type(lon) is float and type(lat) is float:
            answer, border_m = place_point(self._address, lon, lat)
            if answer != self._nowhere or self._is_elsewhere(lon, lat):
                outcome, reason, chain, candidates = self._known[answer] or self._tell(answer)
                border = border_m if border_m == border_m else None
                # What NamedTuple's own constructor does, without its call.
                return tuple.__new__(Placement, (outcome, reason, chain, candidates, border, self.plan_version))
        return self._locate_slowly(lon, lat, crs, accuracy_m)

    def _is_elsewhere(self, lon: float, lat: float) -> bool:
        """Whether a point outside the county is one on earth, and does not look swapped."""
        west, south, east, north = self._bounds
        near = west <= lon <= east and south <= lat <= north
        swapped = not near and west <= lat <= east and south <= lon <= north
        return -180.0 <= lon <= 180.0 and -90.0 <= lat <= 90.0 and not swapped

    def _tell(self, answer: int) -> _Known:
        outcome = int(self._index.outcome[answer])
        chain = {
            level: codes[position]
            for level, codes, position in zip(
                self.levels, self._index.codes, self._index.chains[:, answer].tolist(), strict=True
            )
            if position != NOWHERE
        }
        known: _Known = (OUTCOMES[outcome], REASONS.get(outcome, ""), MappingProxyType(chain), ())
        self._known[answer] = known
        return known

    def _locate_slowly(self, lon: float, lat: float, crs: str | int, accuracy_m: float | None) -> Placement:
        try:
            points = read_points([lon], [lat], crs)
        except CrsError:
            # Of one point among many an unknown system is an answer, not an error; so it is of one alone.
            points = read_points([lon], [lat], [crs])
        said = self._answer(points, None if accuracy_m is None else [accuracy_m], 1)
        chain = {level: str(said.codes[level][grid[0]]) for level, grid in said.grid.items() if grid[0] != NOWHERE}
        border = None
        if said.outcome[0] != p.INVALID:
            _, border_m = place_point(self._address, float(said.points.lon[0]), float(said.points.lat[0]))
            border = border_m if border_m == border_m else None
        candidates = [
            Candidate(level, str(self._codes[level][grid]), float(metres))
            for level, touched in said.candidates.items()
            for metres, grid in sorted(zip(touched.distance_m, touched.grid, strict=True))
        ]
        outcome = OUTCOMES[said.outcome[0]]
        return Placement(outcome, said.reason[0], MappingProxyType(chain), tuple(candidates), border, self.plan_version)

    def locate_many(
        self,
        lon: ArrayLike,
        lat: ArrayLike,
        *,
        crs: CrsChoice = "wgs84",
        accuracy_m: ArrayLike | None = None,
        threads: int | None = None,
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
        threads
            How many to use; as many as there are processors where it is not said.

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
        return self.answer(lon, lat, crs=crs, accuracy_m=accuracy_m, threads=threads, candidates=False).as_frame()

    def answer(
        self,
        lon: ArrayLike,
        lat: ArrayLike,
        *,
        crs: CrsChoice = "wgs84",
        accuracy_m: ArrayLike | None = None,
        threads: int | None = None,
        candidates: bool = True,
    ) -> Answers:
        """Place many points and say why some are not matched; see :meth:`locate_many`.

        Without ``candidates`` the grids that accuracy discs touch are not kept; wide discs touch thousands each.
        """
        return self._answer(read_points(lon, lat, crs), accuracy_m, threads, candidates)

    def _answer(
        self, points: Points, accuracy_m: ArrayLike | None, threads: int | None, candidates_too: bool = True
    ) -> Answers:
        columns, outcome, swapped = find_columns(self._index, points, self._tables, threads)
        grid = dict(zip(self.levels, columns, strict=True))
        bad = np.empty(0, dtype=np.int64)
        candidates: dict[str, Touched] = {}
        if accuracy_m is not None:
            accuracy = read_accuracy(accuracy_m, len(points))
            bad = np.flatnonzero(accuracy < 0)
            outcome[bad] = p.INVALID
            for column in columns:
                column[bad] = NOWHERE
            candidates = settle_discs(self._index, points, accuracy, outcome, grid, keep=candidates_too)
        return Answers(grid, self._codes, self._kinds, outcome, points, swapped, bad, candidates)

    def leaves(self, lon: ArrayLike, lat: ArrayLike, *, threads: int | None = None) -> NDArray[Any]:
        """Return what the index itself answers: a number a point that stands for a whole chain of grids.

        Equal numbers mean equal chains, so that points can be counted or grouped by them without a table of codes.

        Parameters
        ----------
        lon, lat
            WGS 84 degrees, shape (n,).
        threads
            As in :meth:`locate_many`.
        """
        points = read_points(lon, lat, "wgs84")
        return find_leaves(self._index, points.lon, points.lat, threads)


def _narrowed(positions: NDArray[np.int32], size: int) -> NDArray[Any]:
    """Return positions in the type that pandas keeps a column of so many categories in."""
    kind = np.int8 if size < np.iinfo(np.int8).max else np.int16 if size < np.iinfo(np.int16).max else np.int32
    return positions.astype(kind)


def _refuse_uncoded(plan: Plan) -> None:
    for level, layer in plan.layers.items():
        uncoded = int((layer.index == "").sum())
        if uncoded:
            raise PlanError(
                f"{uncoded} grids of level {level} have no code, so no point could be told to be in them; give every "
                "grid a code (check_plan names them: malformed_code)"
            )
