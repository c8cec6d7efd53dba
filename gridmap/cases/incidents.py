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
from gridmap.people.roster import ZONE, Roster

PERSON_COLUMNS: Final = ("person_id", "person", "answered_level")
NO_TIME: Final = "缺少上报时间，无法确定责任人 · no report time, so nobody can be named"

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
    added = added_columns(incidents, locator, roster, names, unmask=unmask)
    taken = [column for column in added.columns if column in incidents.columns]
    if taken:
        raise InputError(f"the incidents already have {', '.join(taken)}; rename or drop these columns and join again")
    return pd.concat([incidents, added.set_axis(incidents.index)], axis=1)


def added_columns(
    incidents: pd.DataFrame, locator: Locator, roster: Roster | None, names: dict[str, str], *, unmask: bool
) -> pd.DataFrame:
    """Return what a join adds to incidents, a row a row, RangeIndex; ``names`` as in :func:`join_incidents`."""
    lon, lat = _coordinates(incidents, names)
    accuracy = incidents[names["accuracy"]].to_numpy() if names["accuracy"] in incidents.columns else None
    answers = locator.answer(lon, lat, crs=_systems(incidents, names["crs"]), accuracy_m=accuracy)
    frame = answers.as_frame()
    reason = answers.reason.copy()
    people = np.full((len(frame), len(PERSON_COLUMNS)), None, dtype=object)
    if roster is not None and len(frame):
        times = _times(incidents, names["time"])
        duties = _duties(incidents, names["duty"])
        people = _people(answers, roster, times, duties, unmask=unmask)
        lost = np.isnan(times) & (answers.outcome != OUTCOMES.index("invalid"))
        reason[lost] = [f"{said}；{NO_TIME}" if said else NO_TIME for said in reason[lost]]
    frame["reason"] = pd.Series(reason, dtype="str")
    for i, column in enumerate(PERSON_COLUMNS):
        frame[column] = pd.Series(people[:, i], dtype="str")
    frame["plan_version"] = pd.Series([locator.plan_version] * len(frame), dtype="str")
    return frame


def _coordinates(incidents: pd.DataFrame, names: dict[str, str]) -> tuple[Any, Any]:
    missing = [names[axis] for axis in ("lon", "lat") if names[axis] not in incidents.columns]
    if not missing:
        return incidents[names["lon"]].to_numpy(), incidents[names["lat"]].to_numpy()
    if isinstance(incidents, gpd.GeoDataFrame) and incidents.crs is not None:
        shapes = incidents.geometry
        if incidents.crs.to_epsg() not in (4326, 4490):
            shapes = shapes.to_crs(4326)
        return point_xy(shapes.to_numpy())
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


def _times(incidents: pd.DataFrame, time: str) -> NDArray[np.float64]:
    """Return nanoseconds since 1970, NaN where there is no time; naive times mean Asia/Shanghai."""
    if time not in incidents.columns:
        there = ", ".join(map(str, incidents.columns))
        raise InputError(
            f"the incidents have no column {time!r}; they have {there}. Who is responsible is asked at a "
            "time: name the column (time=; on the command line --time)"
        )
    values = incidents[time].reset_index(drop=True)
    if not pd.api.types.is_datetime64_any_dtype(values):
        values = _parsed(values)
    if values.dt.tz is None:
        values = values.dt.tz_localize(ZONE, ambiguous="NaT", nonexistent="NaT")
    numbers = values.dt.tz_convert("UTC").dt.as_unit("ns").astype("int64").astype("float64")
    return np.asarray(numbers.where(values.notna(), np.nan), dtype=np.float64)


def _parsed(words: pd.Series) -> pd.Series:
    words = words.astype("str").where(words.notna(), None)
    zoned = words.str.contains(r"(?:[+-]\d{2}:?\d{2}|Z)\s*$", regex=True, na=False)
    out = pd.to_datetime(words.where(zoned, None), errors="coerce", format="mixed", utc=True)
    naive = pd.to_datetime(words.where(~zoned, None), errors="coerce", format="mixed")
    return out.fillna(naive.dt.tz_localize(ZONE, ambiguous="NaT", nonexistent="NaT").dt.tz_convert("UTC"))


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
