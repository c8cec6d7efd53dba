"""Incidents joined to the grid they are in and the person who answers for it; no row is ever lost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from gridmap.cases.added import PERSON_COLUMNS, Added, Coded, Texts
from gridmap.cases.addresses import Addressed, locate_rows
from gridmap.cases.responsible import Answerers
from gridmap.errors import CrsError, InputError
from gridmap.geo.crs import point_xy
from gridmap.geo.gcj02 import convert
from gridmap.locate.locator import Answers, Locator
from gridmap.locate.placement import INVALID, MATCHED
from gridmap.locate.points import systems_of_layer
from gridmap.people.check import require_known_grids
from gridmap.people.roster import Roster
from gridmap.people.times import microseconds, read_times

if TYPE_CHECKING:
    from gridmap.address.geocoder import Geocoder

NO_TIME: Final = "缺少上报时间，无法确定责任人 · no report time, so nobody can be named"

BAD_TIME: Final = "无法识别上报时间 {!r}，无法确定责任人 · cannot read the report time; write 2026-05-01 08:00"

_NUMBER: Final = r"^-?[0-9]{1,15}(\.[0-9]+)?$"
"""What a number is in nearly every table; the rest is left to pandas."""


@dataclass(frozen=True)
class Columns:
    """Which columns of the incidents say what; see :func:`join_incidents`."""

    lon: str = "lon"
    lat: str = "lat"
    crs: str = "crs"
    time: str = "reported_at"
    duty: str = "type"
    accuracy: str = "accuracy_m"
    address: str | None = None

    def names(self) -> tuple[str, ...]:
        """Return the names of all columns."""
        named = (self.lon, self.lat, self.crs, self.time, self.duty, self.accuracy)
        return named if self.address is None else (*named, self.address)


def join_incidents(
    incidents: pd.DataFrame,
    locator: Locator,
    roster: Roster | None = None,
    *,
    lon: str = "lon",
    lat: str = "lat",
    crs: str = "crs",
    time: str = "reported_at",
    duty: str = "type",
    accuracy: str = "accuracy_m",
    geocoder: Geocoder | None = None,
    address: str = "address",
    unmask: bool = False,
    allow_unknown_grids: bool = False,
) -> pd.DataFrame:
    """Join every incident to its grid and to the person responsible at the time it was reported.

    Parameters
    ----------
    incidents
        Points by ``lon`` and ``lat``, or a GeoDataFrame of points with neither column; with a geocoder, rows without
        coordinates may have an address instead.
    locator
        Of the plan.
    roster
        Of the staff; without it nobody is named.
    lon, lat, time, duty, accuracy
        Names of columns. Without the column ``duty`` every active person counts; ``accuracy`` (metres) may be missing.
    crs
        Name of the column that states each row's coordinate system, or one system for all (``gcj02``). Where the
        column is not there, points are WGS 84.
    geocoder
        Of the address index, for rows that have an address and no coordinates; where a row has both, the coordinates
        count.
    address
        Name of the column of addresses.
    unmask
        Give names in full.
    allow_unknown_grids
        Leave out people of grids that the plan does not have, instead of refusing the roster.

    Returns
    -------
    DataFrame
        The rows, index and columns as they were, and: a Categorical of codes a level, ``outcome``, ``reason``,
        ``person_id``, ``person``, ``answered_level``, ``plan_version``. With a geocoder also ``geocode_type``,
        ``geocode_confidence`` and ``needs_person``, NA in rows that were not geocoded. An address that names no place
        is ``unresolved`` and names nobody; where ``needs_person`` is true, somebody has to look before anything is
        dispatched, and who is named is whom to ask.

    Raises
    ------
    InputError
        When a column is missing, or one of the new names is taken.
    CrsError
        When ``crs`` is neither a column nor a system.
    RosterError
        When the roster names grids that the plan does not have.

    Examples
    --------
    >>> from shapely import box
    >>> layer = gpd.GeoDataFrame({"code": ["01"]}, geometry=[box(120, 31, 121, 32)], crs=4490)
    >>> rows = pd.DataFrame({"lon": [120.5, None], "lat": [31.5, 31.5]}, index=["a", "b"])
    >>> join_incidents(rows, Locator.from_layer(layer))[["code", "outcome"]]
      code  outcome
    a   01  matched
    b  NaN  invalid
    """
    joiner = Joiner(
        locator, roster, Columns(lon, lat, crs, time, duty, accuracy, None if geocoder is None else address),
        geocoder=geocoder, unmask=unmask, allow_unknown_grids=allow_unknown_grids,
    )  # fmt: skip
    added = joiner.added(incidents).as_frame()
    refuse_taken(incidents, added)
    return pd.concat([incidents, added.set_axis(incidents.index)], axis=1)


class Joiner:
    """A join made ready: asked for one table or for the pieces of a big one; may be shared between threads and pickled.

    Parameters
    ----------
    locator, roster, unmask, allow_unknown_grids
        As in :func:`join_incidents`.
    columns
        Names of the columns.
    geocoder
        As in :func:`join_incidents`; with it, the columns name that of the addresses.
    threads
        That look up points; as many as there are processors where it is not said.

    Raises
    ------
    RosterError
        When the roster names grids that the plan does not have.
    """

    def __init__(
        self,
        locator: Locator,
        roster: Roster | None,
        columns: Columns,
        *,
        geocoder: Geocoder | None = None,
        unmask: bool = False,
        allow_unknown_grids: bool = False,
        threads: int | None = None,
    ) -> None:
        if roster is not None and not allow_unknown_grids:
            require_known_grids(roster, locator.all_codes)
        self.locator, self.roster, self.columns, self.unmask = locator, roster, columns, unmask
        self.geocoder = geocoder
        self._threads = threads
        self._answerers: Answerers | None = None

    def added(self, incidents: pd.DataFrame) -> Added:
        """Return what the join adds to incidents, a row a row; of columns only those named are looked at."""
        names = self.columns
        _refuse_twice(incidents, names)
        lon, lat, from_geometry = _coordinates(incidents, names)
        accuracy = _accuracy(incidents[names.accuracy]) if names.accuracy in incidents.columns else None
        systems = _systems(incidents, names.crs)
        if from_geometry and not isinstance(systems, str):
            systems = systems_of_layer(systems, incidents.crs.to_epsg())
        answers = self.locator.answer(
            lon, lat, crs=systems, accuracy_m=accuracy, threads=self._threads, candidates=False
        )
        addressed = self._addressed(incidents, answers)
        if addressed is not None:
            answers = addressed.merged(answers)
        reasons = _Reasons(answers, addressed)
        people = self._people(incidents, answers, reasons)
        version = Coded.same(self.locator.plan_version, len(incidents))
        texts = {"reason": reasons.coded(), **people, "plan_version": version}
        if addressed is None:
            return Added(answers.as_frame(), texts)
        texts["geocode_type"] = Coded.of(addressed.match_types)
        typed = {"geocode_confidence": addressed.confidence, "needs_person": addressed.needs_person}
        return Added(answers.as_frame(), texts, typed)

    def _addressed(self, incidents: pd.DataFrame, answers: Answers) -> Addressed | None:
        if self.geocoder is None or self.columns.address is None:
            return None
        return locate_rows(self.geocoder, self.locator, answers, _addresses(incidents, self.columns.address))

    def _people(self, incidents: pd.DataFrame, answers: Answers, reasons: _Reasons) -> dict[str, Coded]:
        """Return who answers for each row, and say of rows without a time that nobody can be named."""
        size = len(incidents)
        if self.roster is None or not size:
            return {name: Coded.same(None, size) for name in PERSON_COLUMNS}
        times, unreadable = _times(incidents, self.columns.time)
        reasons.add_lost(times, unreadable, incidents[self.columns.time])
        return self._asked(answers).answer(answers.grid, times, _duties(incidents, self.columns.duty))

    def _asked(self, answers: Answers) -> Answerers:
        if self._answerers is None:
            assert self.roster is not None
            self._answerers = Answerers(self.roster, answers.codes, unmask=self.unmask)
        return self._answerers


class _Reasons:
    """Why rows are not matched or name nobody; most rows have no reason, and are not looked at."""

    def __init__(self, answers: Answers, addressed: Addressed | None) -> None:
        self._answers = answers
        self._size = len(answers.outcome)
        self._rows = np.flatnonzero(answers.outcome != MATCHED)
        self._texts: Texts = answers.reasons(self._rows)
        if addressed is not None:
            reason = self._spread()
            reason[addressed.rows] = addressed.reasons
            self._keep(reason)

    def _spread(self) -> Texts:
        """Return a text a row."""
        reason = np.full(self._size, "", dtype=object)
        reason[self._rows] = self._texts
        return reason

    def _keep(self, reason: Texts) -> None:
        self._rows = np.flatnonzero(reason != "")
        self._texts = reason[self._rows]

    def add_lost(self, times: NDArray[np.float64], unreadable: NDArray[np.bool_], written: pd.Series) -> None:
        """Say of points with a place but without a time that nobody can be named."""
        lost = np.flatnonzero(np.isnan(times) & (self._answers.outcome != INVALID))
        if len(lost) == 0:
            return
        why = np.full(len(lost), NO_TIME, dtype=object)
        odd = np.flatnonzero(unreadable[lost])
        why[odd] = [BAD_TIME.format(value) for value in written.iloc[lost[odd]].astype(object)]
        reason = self._spread()
        before = reason[lost] != ""
        reason[lost] = np.where(before, reason[lost] + "；" + why, why)
        self._keep(reason)

    def coded(self) -> Coded:
        """Return the reasons, empty text where there is none."""
        found = Coded.of(self._texts)
        positions = np.full(self._size, len(found.values), dtype=np.int32)
        positions[self._rows] = found.positions
        return Coded(positions, np.append(found.values, "").astype(object))


def refuse_taken(incidents: pd.DataFrame, added: pd.DataFrame) -> None:
    """Refuse incidents that already have a column which the join adds."""
    taken = [column for column in added.columns if column in incidents.columns]
    if taken:
        raise InputError(f"the incidents already have {', '.join(taken)}; rename or drop these columns and join again")


def _refuse_twice(incidents: pd.DataFrame, names: Columns) -> None:
    twice = [name for name in names.names() if (incidents.columns == name).sum() > 1]
    if twice:
        raise InputError(f"the incidents have the column {twice[0]!r} more than once; rename or drop all but one")


def _coordinates(incidents: pd.DataFrame, names: Columns) -> tuple[Any, Any, bool]:
    missing = [name for name in (names.lon, names.lat) if name not in incidents.columns]
    if not missing:
        return numbers(incidents[names.lon]), numbers(incidents[names.lat]), False
    if isinstance(incidents, gpd.GeoDataFrame) and incidents.crs is not None:
        shapes = incidents.geometry
        if incidents.crs.to_epsg() not in (4326, 4490):
            shapes = shapes.to_crs(4326)
        return *point_xy(shapes.to_numpy()), True
    if len(missing) == 2 and names.address in incidents.columns:
        nowhere = np.full(len(incidents), np.nan)
        return nowhere, nowhere, False
    there = ", ".join(map(str, incidents.columns)) or "none"
    addresses = (
        "" if names.address is None else f", or the addresses instead of {names.address!r} (address=, --address)"
    )
    raise InputError(
        f"the incidents have no column {', '.join(missing)}; they have {there}. Name the coordinates "
        f"(lon=, lat=; on the command line --lon, --lat){addresses}"
    )


def _addresses(incidents: pd.DataFrame, address: str) -> pd.Series:
    """Return the addresses as text, missing where nothing is stated."""
    if address not in incidents.columns:
        there = ", ".join(map(str, incidents.columns))
        raise InputError(
            f"the incidents have no column {address!r}; they have {there}. Name that of the addresses (address=; on "
            "the command line --address)"
        )
    texts = incidents[address].astype("str")
    return texts.where(incidents[address].notna() & (texts.str.strip() != ""))


def numbers(values: pd.Series) -> NDArray[Any]:
    """Return a column as numbers, NaN where it holds none; text is read to the last bit.

    Examples
    --------
    >>> numbers(pd.Series([" 120.1", "1.5e2", "x", None], dtype="str")).tolist()
    [120.1, 150.0, nan, nan]
    """
    if not isinstance(values.dtype, pd.StringDtype):
        return np.asarray(values.to_numpy())
    texts = pc.utf8_trim_whitespace(pa.array(values, type=pa.large_string()))
    plain = pc.match_substring_regex(texts, _NUMBER)
    found = pc.if_else(plain, texts, None).cast(pa.float64()).to_numpy(zero_copy_only=False).copy()
    others = np.flatnonzero(pc.fill_null(pc.invert(plain), False).to_numpy(zero_copy_only=False))
    found[others] = pd.to_numeric(values.iloc[others], errors="coerce").to_numpy(dtype=np.float64)
    return np.asarray(found)


def _accuracy(values: pd.Series) -> NDArray[Any]:
    """Return accuracies as numbers where all are; a word that is none is kept, for the locator to refuse."""
    if not isinstance(values.dtype, pd.StringDtype):
        return np.asarray(values.to_numpy())
    found = numbers(values)
    stated = values.notna() & (values.str.strip() != "")
    return values.to_numpy(dtype=object) if (np.isnan(found) & stated.to_numpy(dtype=bool)).any() else found


def _systems(incidents: pd.DataFrame, crs: str) -> Any:
    if crs in incidents.columns:
        return _stated_systems(incidents[crs])
    if crs == "crs":
        return "wgs84"
    try:
        convert(0.0, 0.0, crs, "wgs84")
    except CrsError as error:
        there = ", ".join(map(str, incidents.columns))
        raise CrsError(f"crs={crs!r} is neither a column of the incidents ({there}) nor a system: {error}") from None
    return crs


def _stated_systems(values: pd.Series) -> Any:
    """Return one system where all rows state the same that is known, else one a row."""
    which, names = pd.factorize(values)
    if len(names) == 1 and (which == 0).all():
        try:
            convert(0.0, 0.0, str(names[0]).strip().removesuffix(".0"), "wgs84")
        except CrsError:
            pass
        else:
            return str(names[0]).strip().removesuffix(".0")
    return np.array([*names, None], dtype=object)[which]


def _times(incidents: pd.DataFrame, time: str) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return microseconds since 1970, NaN where there is no time, and where something stood that is none."""
    if time not in incidents.columns:
        there = ", ".join(map(str, incidents.columns))
        raise InputError(
            f"the incidents have no column {time!r}; they have {there}. Who is responsible is asked at a "
            "time: name the column (time=; on the command line --time)"
        )
    times, unreadable = read_times(incidents[time])
    return microseconds(times, np.nan), unreadable


def _duties(incidents: pd.DataFrame, duty: str) -> Coded:
    """Return codes of case types, none where nothing is stated."""
    if duty not in incidents.columns:
        return Coded.same(None, len(incidents))
    which, names = pd.factorize(incidents[duty])
    codes = [str(name).strip() for name in names]
    stated = np.array([*(i if code else -1 for i, code in enumerate(codes)), -1], dtype=np.int32)
    return Coded(stated[which], np.array([*codes, ""], dtype=object))
