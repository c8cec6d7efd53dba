"""Options that are small languages: ``F:COLUMN/DIVISOR``, ``large=F:CODE:NAME``, ``12,198,2021,253``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from gridmap.errors import InputError

LEVEL_NAMES: Final = ("large", "medium", "small", "micro")


@dataclass(frozen=True)
class LayerChoice:
    """A file and up to two names within it, as written ``FILE[:FIRST[:SECOND]]``."""

    path: str
    first: str | None = None
    second: str | None = None


def parse_layer(value: str) -> LayerChoice:
    """Parse ``FILE[:FIRST[:SECOND]]``.

    Examples
    --------
    >>> parse_layer("towns.gpkg:code:name")
    LayerChoice(path='towns.gpkg', first='code', second='name')
    """
    path, *names = value.split(":")
    if not path or len(names) > 2:
        raise InputError(f"{value!r} is not FILE[:NAME[:NAME]]; for example towns.gpkg:code:name")
    first, second = [*[name or None for name in names], None, None][:2]
    return LayerChoice(path, first, second)


def parse_named_layer(value: str) -> tuple[str, LayerChoice]:
    """Parse ``LEVEL=FILE[:FIRST[:SECOND]]``.

    Examples
    --------
    >>> parse_named_layer("large=towns.gpkg:code")
    ('large', LayerChoice(path='towns.gpkg', first='code', second=None))
    """
    level, equals, rest = value.partition("=")
    if not equals or not level:
        raise InputError(f"{value!r} is not LEVEL=FILE[:NAME[:NAME]]; for example large=towns.gpkg:code:name")
    return level, parse_layer(rest)


def parse_levels(value: str) -> dict[str, int | tuple[float, float]]:
    """Parse counts a level, ``12,198,2021,253`` in the default order or ``town=12,block=800``.

    Where the number of grids is free, ``300-500`` is the range of households that each is to have.

    Examples
    --------
    >>> parse_levels("12,198,2021")
    {'large': 12, 'medium': 198, 'small': 2021}
    >>> parse_levels("12,198,300-500")
    {'large': 12, 'medium': 198, 'small': (300.0, 500.0)}
    """
    parts = [part.strip() for part in value.split(",") if part.strip()]
    named = [part.partition("=") for part in parts]
    if all(equals for _, equals, _ in named) and parts:
        pairs = [(name.strip(), wanted) for name, _, wanted in named]
    else:
        pairs = list(zip(LEVEL_NAMES, parts, strict=False))
    levels = {name: _wanted(wanted) for name, wanted in pairs}
    if not pairs or len(levels) < len(parts) or None in levels.values():
        raise InputError(
            f"--levels {value!r}: write up to four counts (large,medium,small,micro), for example 12,198,2021,253, "
            "or name=count pairs, each name once; 300-500 instead of a count is a range of households a grid"
        )
    return {name: wanted for name, wanted in levels.items() if wanted is not None}


def _wanted(value: str) -> int | tuple[float, float] | None:
    """Return a count, a range of households, or None for what is neither."""
    ends = [end.strip() for end in value.split("-")]
    if len(ends) > 2 or not all(end.isascii() and end.isdecimal() and int(end) > 0 for end in ends):
        return None
    return int(ends[0]) if len(ends) == 1 else (float(ends[0]), float(ends[1]))


def parse_weights(value: str, option: str = "--weights") -> tuple[str, str, float]:
    """Parse ``FILE:COLUMN[/DIVISOR]``.

    Examples
    --------
    >>> parse_weights("cells.gpkg:area_residential_m2/100")
    ('cells.gpkg', 'area_residential_m2', 100.0)
    """
    path, colon, rest = value.rpartition(":")
    column, slash, divisor = rest.partition("/")
    try:
        number = float(divisor) if slash else 1.0
    except ValueError:
        number = 0.0
    if not colon or not path or not column or not number > 0:
        raise InputError(f"{option} {value!r} is not FILE:COLUMN[/DIVISOR]; for example cells.gpkg:floor_area_m2/100")
    return path, column, number


def parse_numbers(value: str, option: str) -> tuple[float, ...]:
    """Parse numbers between commas; ``option`` is named when they are none.

    Examples
    --------
    >>> parse_numbers("5,10,15", "--minutes")
    (5.0, 10.0, 15.0)
    """
    try:
        return tuple(float(part) for part in value.split(","))
    except ValueError:
        raise InputError(f"{option} {value!r} is not a list of numbers between commas, for example 5,10,15") from None


def parse_point(value: str) -> tuple[float, float]:
    """Parse ``LON,LAT`` in degrees.

    Examples
    --------
    >>> parse_point("120.31,31.52")
    (120.31, 31.52)
    """
    try:
        lon, lat = (float(part) for part in value.split(","))
    except ValueError:
        raise InputError(f"--at {value!r} is not LON,LAT, for example 120.31,31.52") from None
    return lon, lat
