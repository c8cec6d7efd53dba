"""Incidents joined to the grid they are in and the person who answers for it; no row is ever lost."""

from __future__ import annotations

from typing import Any, Final, TypeAlias

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gridmap.errors import CrsError, InputError
from gridmap.geo.crs import point_xy
from gridmap.geo.gcj02 import convert
from gridmap.locate.locator import Answers, Locator
from gridmap.locate.placement import OUTCOMES
from gridmap.locate.points import systems_of_layer
from gridmap.people.check import require_known_grids
from gridmap.people.roster import Roster
from gridmap.people.times import microseconds, read_times

PERSON_COLUMNS: Final = ("person_id", "person", "answered_level")
NO_TIME: Final = "缺少上报时间，无法确定责任人 · no report time, so nobody can be named"

BAD_TIME: Final = "无法识别上报时间 {!r}，无法确定责任人 · cannot read the report time; write 2026-05-01 08:00"

Texts: TypeAlias = NDArray[np.object_]


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
    unmask: bool = False,
    allow_unknown_grids: bool = False,
) -> pd.DataFrame:
    """Join every incident to its grid and to the person responsible at the time it was reported.

    Parameters
    ----------
    incidents
        Points by ``lon`` and ``lat``, or a GeoDataFrame of points with neither column.
    locator
        Of the plan.
    roster
        Of the staff; without it nobody is named.
    lon, lat, time, duty, accuracy
        Names of columns. Without the column ``duty`` every active person counts; ``accuracy`` (metres) may be missing.
    crs
        Name of the column that states each row's coordinate system, or one system for all (``gcj02``). Where the
        column is not there, points are WGS 84.
    unmask
        Give names in full.
    allow_unknown_grids
        Leave out people of grids that the plan does not have, instead of refusing the roster.

    Returns
    -------
    DataFrame
        The rows, index and columns as they were, and: a Categorical of codes a level, ``outcome``, ``reason``,
        ``person_id``, ``person``, ``answered_level``, ``plan_version``.

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
    names = {"lon": lon, "lat": lat, "crs": crs, "time": time, "duty": duty, "accuracy": accuracy}
    if roster is not None and not allow_unknown_grids:
        require_known_grids(roster, locator.all_codes)
    added = added_columns(incidents, locator, roster, names, unmask=unmask)
    taken = [column for column in added.columns if column in incidents.columns]
    if taken:
        raise InputError(f"the incidents already have {', '.join(taken)}; rename or drop these columns and join again")
    return pd.concat([incidents, added.set_axis(incidents.index)], axis=1)


def added_columns(
    incidents: pd.DataFrame, locator: Locator, roster: Roster | None, names: dict[str, str], *, unmask: bool
) -> pd.DataFrame:
    """Return what a join adds to incidents, a row a row, RangeIndex; ``names`` as in :func:`join_incidents`."""
    _refuse_twice(incidents, names)
    lon, lat, from_geometry = _coordinates(incidents, names)
    accuracy = incidents[names["accuracy"]].to_numpy() if names["accuracy"] in incidents.columns else None
    systems = _systems(incidents, names["crs"])
    if from_geometry and not isinstance(systems, str):
        systems = systems_of_layer(systems, incidents.crs.to_epsg())
    answers = locator.answer(lon, lat, crs=systems, accuracy_m=accuracy)
    frame = answers.as_frame()
    reason = answers.reason.copy()
    people = np.full((len(frame), len(PERSON_COLUMNS)), None, dtype=object)
    if roster is not None and len(frame):
        times, unreadable = _times(incidents, names["time"])
        duties = _duties(incidents, names["duty"])
        people = _people(answers, roster, times, duties, unmask=unmask)
        lost = np.isnan(times) & (answers.outcome != OUTCOMES.index("invalid"))
        written = incidents[names["time"]].to_numpy(dtype=object)
        for row in np.flatnonzero(lost):
            why = BAD_TIME.format(written[row]) if unreadable[row] else NO_TIME
            reason[row] = f"{reason[row]}；{why}" if reason[row] else why
    frame["reason"] = pd.Series(reason, dtype="str")
    for i, column in enumerate(PERSON_COLUMNS):
        frame[column] = pd.Series(people[:, i], dtype="str")
    frame["plan_version"] = pd.Series([locator.plan_version] * len(frame), dtype="str")
    return frame


def _refuse_twice(incidents: pd.DataFrame, names: dict[str, str]) -> None:
    twice = [name for name in names.values() if (incidents.columns == name).sum() > 1]
    if twice:
        raise InputError(f"the incidents have the column {twice[0]!r} more than once; rename or drop all but one")


def _coordinates(incidents: pd.DataFrame, names: dict[str, str]) -> tuple[Any, Any, bool]:
    missing = [names[axis] for axis in ("lon", "lat") if names[axis] not in incidents.columns]
    if not missing:
        return incidents[names["lon"]].to_numpy(), incidents[names["lat"]].to_numpy(), False
    if isinstance(incidents, gpd.GeoDataFrame) and incidents.crs is not None:
        shapes = incidents.geometry
        if incidents.crs.to_epsg() not in (4326, 4490):
            shapes = shapes.to_crs(4326)
        return *point_xy(shapes.to_numpy()), True
    there = ", ".join(map(str, incidents.columns)) or "none"
    raise InputError(
        f"the incidents have no column {', '.join(missing)}; they have {there}. Name the coordinates "
        "(lon=, lat=; on the command line --lon, --lat)"
    )


def _systems(incidents: pd.DataFrame, crs: str) -> Any:
    if crs in incidents.columns:
        return incidents[crs].to_numpy(dtype=object)
    if crs == "crs":
        return "wgs84"
    try:
        convert(0.0, 0.0, crs, "wgs84")
    except CrsError as error:
        there = ", ".join(map(str, incidents.columns))
        raise CrsError(f"crs={crs!r} is neither a column of the incidents ({there}) nor a system: {error}") from None
    return crs


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


def _duties(incidents: pd.DataFrame, duty: str) -> list[str | None]:
    if duty not in incidents.columns:
        return [None] * len(incidents)
    return [None if pd.isna(value) or not str(value).strip() else str(value).strip() for value in incidents[duty]]


def _people(
    answers: Answers, roster: Roster, times: NDArray[np.float64], duties: list[str | None], *, unmask: bool
) -> Texts:
    levels = list(answers.grid)[::-1]
    codes = {level: np.append(answers.codes[level], "").astype(object)[answers.grid[level]] for level in levels}
    people = np.full((len(times), len(PERSON_COLUMNS)), None, dtype=object)
    for row in np.flatnonzero(np.isfinite(times)):
        chain = [(level, codes[level][row]) for level in levels if codes[level][row] != ""]
        found = roster.find(chain, duties[row], times[row], unmask=unmask) if chain else None
        if found is not None:
            people[row] = found.person_id, found.name, found.level
    return people
