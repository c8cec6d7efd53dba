"""Points between the datums of the field: WGS 84, CGCS2000, GCJ-02 and BD-09.

GCJ-02 (Amap, Tencent) and BD-09 (Baidu) shift positions by 50 to 500 m and have no EPSG code. The forward formulas
are the published reverse-engineered ones (the same as the ``eviltransform`` package, against which tests compare);
the inverse is a fixed-point iteration. Outside China both are the identity. WGS 84 and CGCS2000 are taken as equal.
"""

from __future__ import annotations

import math
import re
from functools import lru_cache
from typing import Any, Final, TypeAlias

import numpy as np
import pyproj
from numba import njit
from numpy.typing import ArrayLike, NDArray

from gridmap.errors import CrsError

Floats: TypeAlias = NDArray[np.float64]

NAMES: Final = ("wgs84", "cgcs2000", "gcj02", "bd09")

_AXIS_M: Final = 6378137.0
"""Semi-major axis that the published formula uses (not Krasovsky's, whatever the comments elsewhere say)."""
_EARTH_EE: Final = 0.00669342162296594323
_BD_PI: Final = math.pi * 3000.0 / 180.0
_TOLERANCE_DEG: Final = 1e-9
_MOST_STEPS: Final = 30


def convert(lon: ArrayLike, lat: ArrayLike, source: str | int, target: str | int) -> tuple[Floats, Floats]:
    """Convert coordinates from one system to another.

    Parameters
    ----------
    lon, lat
        Degrees (or easting and northing where ``source`` is a projected EPSG code); NaN stays NaN.
    source, target
        ``wgs84``, ``cgcs2000``, ``gcj02``, ``bd09`` or an EPSG code (``4549``, ``"EPSG:4549"``).

    Returns
    -------
    tuple of arrays of float64
        In the shape of the input; the inverse of GCJ-02 and BD-09 is good to a millimetre.

    Raises
    ------
    CrsError
        When a system is not known; the message lists what is.

    Examples
    --------
    >>> lon, lat = convert(116.404, 39.915, "wgs84", "gcj02")
    >>> round(float(lon), 5), round(float(lat), 5)
    (116.41024, 39.9164)
    """
    start, goal = _known(source), _known(target)
    x, y = np.broadcast_arrays(np.asarray(lon, dtype=np.float64), np.asarray(lat, dtype=np.float64))
    if start == goal:
        return x.copy(), y.copy()
    return _from_wgs84(*_to_wgs84(x, y, start), goal)


def to_wgs84(lon: ArrayLike, lat: ArrayLike, crs: str | int) -> tuple[Floats, Floats]:
    """Convert to WGS 84; see :func:`convert`."""
    return convert(lon, lat, crs, "wgs84")


def is_degrees(crs: str | int) -> bool:
    """Whether coordinates in a system are WGS 84 (or CGCS2000) degrees as they stand.

    Raises
    ------
    CrsError
        When the system is not known.
    """
    return _known(crs) == "wgs84"


def out_of_china(lon: ArrayLike, lat: ArrayLike) -> NDArray[np.bool_]:
    """Where the shift does not apply: outside the box that the published formula knows."""
    x, y = np.asarray(lon, dtype=np.float64), np.asarray(lat, dtype=np.float64)
    return ~((x >= 72.004) & (x <= 137.8347) & (y >= 0.8293) & (y <= 55.8271))


def _known(crs: str | int) -> str:
    """Return a system's one name: ``wgs84``, ``gcj02``, ``bd09`` or ``EPSG:n``."""
    name = str(crs).strip().lower().replace("-", "").replace("_", "").replace(" ", "")
    if name in ("wgs84", "cgcs2000", "epsg:4326", "epsg:4490", "4326", "4490"):
        return "wgs84"
    if name in ("gcj02", "bd09"):
        return name
    if re.fullmatch(r"(epsg:)?\d{4,6}", name):
        code = f"EPSG:{name.removeprefix('epsg:')}"
        _transformer(code)
        return code
    raise CrsError(f"{crs!r} is not a coordinate system gridmap knows; allowed: {', '.join(NAMES)} or an EPSG code")


@lru_cache(maxsize=64)
def _transformer(code: str) -> tuple[pyproj.Transformer, pyproj.Transformer]:
    try:
        forward = pyproj.Transformer.from_crs(code, "EPSG:4326", always_xy=True)
        return forward, pyproj.Transformer.from_crs("EPSG:4326", code, always_xy=True)
    except pyproj.exceptions.ProjError:
        raise CrsError(
            f"{code} is not an EPSG code of a coordinate system; allowed: {', '.join(NAMES)} or one"
        ) from None


def _to_wgs84(x: Floats, y: Floats, source: str) -> tuple[Floats, Floats]:
    if source == "wgs84":
        return x, y
    if source in ("gcj02", "bd09"):
        return _moved(_back, source == "bd09", x, y)
    return _project(x, y, _transformer(source)[0])


def _from_wgs84(x: Floats, y: Floats, target: str) -> tuple[Floats, Floats]:
    if target == "wgs84":
        return np.array(x), np.array(y)
    if target in ("gcj02", "bd09"):
        return _moved(_forward, target == "bd09", x, y)
    return _project(x, y, _transformer(target)[1])


def _moved(move: Any, bd09: bool, x: Floats, y: Floats) -> tuple[Floats, Floats]:
    east, north = np.empty(x.shape), np.empty(x.shape)
    move(bd09, np.ravel(x), np.ravel(y), east.reshape(-1), north.reshape(-1))
    return east, north


def _project(x: Floats, y: Floats, transformer: pyproj.Transformer) -> tuple[Floats, Floats]:
    """PROJ answers inf for what it cannot place; nobody can use an infinite place, so it becomes NaN."""
    east, north = transformer.transform(x, y)
    east, north = np.asarray(east, dtype=np.float64), np.asarray(north, dtype=np.float64)
    bad = ~(np.isfinite(east) & np.isfinite(north))
    return np.where(bad, np.nan, east), np.where(bad, np.nan, north)


@njit(cache=True, nogil=True)
def _away(lon, lat):
    """Whether the shift does not apply at a point; see :func:`out_of_china`."""
    return not (72.004 <= lon <= 137.8347 and 0.8293 <= lat <= 55.8271)


@njit(cache=True, nogil=True)
def _shift(lon, lat):
    """Return the shift of GCJ-02 against WGS 84 in degrees, at a point in WGS 84."""
    x, y = lon - 105.0, lat - 35.0
    root = math.sqrt(abs(x))
    waves = 20.0 * math.sin(6.0 * x * math.pi) + 20.0 * math.sin(2.0 * x * math.pi)
    north = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root
    north += (waves + 20.0 * math.sin(y * math.pi) + 40.0 * math.sin(y / 3.0 * math.pi)) * 2.0 / 3.0
    north += (160.0 * math.sin(y / 12.0 * math.pi) + 320.0 * math.sin(y * math.pi / 30.0)) * 2.0 / 3.0
    east = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root
    east += (waves + 20.0 * math.sin(x * math.pi) + 40.0 * math.sin(x / 3.0 * math.pi)) * 2.0 / 3.0
    east += (150.0 * math.sin(x / 12.0 * math.pi) + 300.0 * math.sin(x / 30.0 * math.pi)) * 2.0 / 3.0
    radians = math.radians(lat)
    magic = 1.0 - _EARTH_EE * math.sin(radians) ** 2
    north = math.degrees(north / (_AXIS_M * (1.0 - _EARTH_EE) / (magic * math.sqrt(magic))))
    east = math.degrees(east / (_AXIS_M / math.sqrt(magic) * math.cos(radians)))
    return east, north


@njit(cache=True, nogil=True)
def _gcj02(lon, lat):
    if _away(lon, lat):
        return lon, lat
    east, north = _shift(lon, lat)
    return lon + east, lat + north


@njit(cache=True, nogil=True)
def _bd09(lon, lat):
    """Return the BD-09 position of one in GCJ-02."""
    if _away(lon, lat):
        return lon, lat
    radius = math.hypot(lon, lat) + 0.00002 * math.sin(lat * _BD_PI)
    angle = math.atan2(lat, lon) + 0.000003 * math.cos(lon * _BD_PI)
    return radius * math.cos(angle) + 0.0065, radius * math.sin(angle) + 0.006


@njit(cache=True, nogil=True)
def _inverse(of_bd09, lon, lat, x, y):
    """Walk from (x, y) to the point whose image is (lon, lat); each step shrinks the error about a thousandfold."""
    for _ in range(_MOST_STEPS):
        image_x, image_y = _bd09(x, y) if of_bd09 else _gcj02(x, y)
        step_x, step_y = image_x - lon, image_y - lat
        x, y = x - step_x, y - step_y
        if not max(abs(step_x), abs(step_y)) > _TOLERANCE_DEG:
            break
    return x, y


@njit(cache=True, nogil=True)
def _forward(to_bd09, lon, lat, x, y):
    """Write for each WGS 84 position the one in GCJ-02, or in BD-09."""
    for i in range(len(lon)):
        x[i], y[i] = _gcj02(lon[i], lat[i])
        if to_bd09:
            x[i], y[i] = _bd09(x[i], y[i])


@njit(cache=True, nogil=True)
def _back(from_bd09, lon, lat, x, y):
    """Write for each position in GCJ-02, or in BD-09, the one in WGS 84."""
    for i in range(len(lon)):
        east, north = lon[i], lat[i]
        if from_bd09:
            if not _away(east, north):
                east, north = east - 0.0065, north - 0.006
            east, north = _inverse(True, lon[i], lat[i], east, north)
        x[i], y[i] = _inverse(False, east, north, east, north)
