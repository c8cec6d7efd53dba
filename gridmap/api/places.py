"""One point: which grid it is in and who answers for it."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field

from gridmap.api.asked import refused
from gridmap.api.limits import MOST_ACCURACY_M, MOST_COORDINATE, MOST_LETTERS
from gridmap.api.models import FieldProblem, NearGrid, PlaceAnswer
from gridmap.api.moments import TimeQuery, read_moment
from gridmap.api.people import person_of
from gridmap.api.source import Source
from gridmap.errors import CrsError
from gridmap.geo.gcj02 import NAMES, is_degrees
from gridmap.locate.placement import Placement

Coordinate = Annotated[float, Field(ge=-MOST_COORDINATE, le=MOST_COORDINATE, allow_inf_nan=False)]
DUTY: Final = "事项编码；不写则不限 · code of the case type; without it every active person counts"
_QUICK_ACCURACY_M: Final = 200.0


Duty = Annotated[str | None, Field(description=DUTY, max_length=MOST_LETTERS, examples=["E0203"])]


class PlaceQuery(TimeQuery):
    """One point. A parameter that does not exist is refused, not passed over: it may be a misspelt accuracy."""

    lon: Annotated[
        Coordinate, Field(description="经度，或投影坐标的东坐标 · degrees, or easting", examples=[120.300123])
    ]
    lat: Annotated[Coordinate, Field(description="纬度，或北坐标 · degrees, or northing", examples=[31.502345])]
    crs: Annotated[
        str,
        Field(
            description=f"坐标系：{', '.join(NAMES)} 或 EPSG 代码；不认识的不受理 · an unknown one is refused",
            max_length=MOST_LETTERS,
            examples=["gcj02"],
        ),
    ] = "wgs84"
    accuracy_m: Annotated[
        float | None,
        Field(
            ge=0,
            le=MOST_ACCURACY_M,
            allow_inf_nan=False,
            description="定位精度（米），已知时请填写 · radius within which the true point lies, where it is known",
            examples=[15],
        ),
    ] = None
    duty: Duty = None


def is_quick(asked: PlaceQuery) -> bool:
    """Whether a point is answered in less time than handing it to a thread takes.

    An EPSG code met for the first time is read from a database for a tenth of a second, and a wide disc touches
    hundreds of grids: while one of them is answered, others must not wait. Whether its version and time are at hand is
    another question (:func:`gridmap.api.served.picks_at_once`).

    Examples
    --------
    >>> is_quick(PlaceQuery(lon=120.3, lat=31.5)), is_quick(PlaceQuery(lon=120.3, lat=31.5, crs="EPSG:4549"))
    (True, False)
    """
    return asked.crs in NAMES and (asked.accuracy_m is None or asked.accuracy_m <= _QUICK_ACCURACY_M)


def place(source: Source, asked: PlaceQuery) -> PlaceAnswer:
    """Answer for one point; one that cannot be placed is an outcome with a reason.

    Raises
    ------
    InputError
        When ``at`` is no time, or ``crs`` no system: a misspelt parameter is the caller's to mend, not a bad point.
    """
    moment, found = read_moment(asked.at), placement_of(source, asked)
    return PlaceAnswer(
        outcome=found.outcome,
        reason=found.reason,
        chain=dict(found.chain),
        candidates=tuple(
            NearGrid(level=each.level, code=each.code, distance_m=each.distance_m) for each in found.candidates
        ),
        border_distance_m=found.border_distance_m,
        responsible=person_of(source, [*found.chain.items()][::-1], named_duty(asked.duty), moment),
        at=moment.text,
        plan_version=source.plan.version,
    )


def placement_of(source: Source, asked: PlaceQuery) -> Placement:
    """Return where a question is: the one place in which what it says of that is resolved."""
    refuse_unknown(asked.crs)
    return source.locator.locate(asked.lon, asked.lat, crs=asked.crs, accuracy_m=asked.accuracy_m)


def refuse_unknown(crs: str) -> None:
    """Refuse a coordinate system that is none.

    Raises
    ------
    RequestError
        Naming those there are.
    """
    try:
        is_degrees(crs)
    except CrsError as error:
        raise refused([FieldProblem(where="query", name="crs", reason=str(error))]) from None


def named_duty(duty: str | None) -> str | None:
    """Return a duty, ``None`` where an empty one is stated."""
    return (duty or "").strip() or None
