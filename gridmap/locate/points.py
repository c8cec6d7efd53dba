"""Points as they come in: converted to longitude and latitude, or refused with a reason, one by one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from gridmap.errors import CrsError, InputError
from gridmap.geo.gcj02 import NAMES, is_degrees, to_wgs84

Floats: TypeAlias = NDArray[np.float64]
Texts: TypeAlias = NDArray[np.object_]
CrsChoice: TypeAlias = str | int | Sequence[str | int | None] | NDArray[np.object_]

MISSING: Final = "坐标缺失或不是数字 · a coordinate is missing or not a number"
NOT_DEGREES: Final = "坐标超出经纬度范围 · not a longitude within ±180 and a latitude within ±90"
SWAPPED: Final = "经纬度疑似颠倒 · longitude and latitude look swapped"
NO_CRS: Final = f"未注明坐标系 · no coordinate system stated; allowed: {', '.join(NAMES)} or an EPSG code"
BAD_ACCURACY: Final = "精度应为不小于零的米数 · an accuracy has to be a number of metres, 0 or more"


@dataclass(frozen=True, eq=False)
class Points:
    """Points in longitude and latitude.

    Parameters
    ----------
    lon, lat
        WGS 84 degrees; NaN where a point's system is not known or does not reach so far.
    raw_lon, raw_lat
        As they came in; the same arrays where nothing was converted.
    crs_reason
        Position → why its system cannot be used.
    """

    lon: Floats
    lat: Floats
    raw_lon: Floats
    raw_lat: Floats
    crs_reason: Mapping[int, str]

    def __len__(self) -> int:
        return len(self.lon)


def read_points(lon: ArrayLike, lat: ArrayLike, crs: CrsChoice) -> Points:
    """Convert points from the systems they state.

    Parameters
    ----------
    lon, lat
        Numbers (or text that reads as numbers), shape (n,).
    crs
        One system for all points, or one a point: ``wgs84``, ``cgcs2000``, ``gcj02``, ``bd09`` or an EPSG code.

    Raises
    ------
    InputError
        When the arrays have different lengths.
    CrsError
        When the one system for all points is not known. Of systems given point by point an unknown one is a reason.

    Examples
    --------
    >>> points = read_points([120.3, 120.3], [31.5, 31.5], ["wgs84", "mars"])
    >>> points.lon.tolist(), points.crs_reason[1][:14]
    ([120.3, nan], "坐标系 'mars' 不认识")
    """
    raw_lon, raw_lat = _numbers(lon), _numbers(lat)
    if np.ndim(lon) > 1 or np.ndim(lat) > 1:
        raise InputError("longitudes and latitudes have to be one list each, not tables")
    if len(raw_lon) != len(raw_lat):
        raise InputError(f"{len(raw_lon)} longitudes but {len(raw_lat)} latitudes; give as many of each")
    return _converted(raw_lon, raw_lat, crs)


def systems_of_layer(stated: Sequence[object], epsg: int | None) -> Texts:
    """Return the system of each point of a layer whose geometry was converted to WGS 84.

    A column that states another system than the layer does leaves open which is right, so such a row keeps both in a
    name that nothing knows: it comes out invalid and says so.

    Examples
    --------
    >>> systems_of_layer(["wgs84", None, "gcj02"], 4326).tolist()
    ['wgs84', 'wgs84', 'gcj02（图层为 EPSG:4326）']
    """
    degrees = {"wgs84", "cgcs2000", "4326", "4490"} if epsg in (4326, 4490) else set()
    agreed = {"", str(epsg), *degrees}
    found = np.full(len(stated), "wgs84", dtype=object)
    for row, value in enumerate(stated):
        text = "" if value is None or value is pd.NA or value != value else str(value).strip()
        if text.lower().removesuffix(".0").removeprefix("epsg:") not in agreed:
            found[row] = f"{text}（图层为 EPSG:{epsg}）"
    return found


def _numbers(values: ArrayLike) -> Floats:
    if isinstance(values, np.ma.MaskedArray):
        values = np.ma.filled(values.astype(np.float64), np.nan)
    array = np.atleast_1d(np.asarray(values))
    if array.dtype.kind in "fiu":
        return np.ascontiguousarray(array, dtype=np.float64)
    return np.array(pd.to_numeric(pd.Series(array.ravel()), errors="coerce"), dtype=np.float64)


def _converted(raw_lon: Floats, raw_lat: Floats, crs: CrsChoice) -> Points:
    if isinstance(crs, np.integer):
        crs = int(crs)
    if np.asarray(crs, dtype=object).ndim == 0 and not isinstance(crs, str | int):
        raise CrsError(f"{crs!r} is not a coordinate system; {NO_CRS}")
    if isinstance(crs, str | int):
        if is_degrees(crs):
            return Points(raw_lon, raw_lat, raw_lon, raw_lat, {})
        return Points(*to_wgs84(raw_lon, raw_lat, crs), raw_lon, raw_lat, {})
    systems = pd.Series(np.asarray(crs, dtype=object))
    if len(systems) != len(raw_lon):
        raise InputError(
            f"{len(raw_lon)} points but {len(systems)} coordinate systems; give one for all or one a point"
        )
    number, names = pd.factorize(systems, use_na_sentinel=False)
    x, y = np.full(len(raw_lon), np.nan), np.full(len(raw_lon), np.nan)
    why: dict[int, str] = {}
    for i, stated in enumerate(names):
        rows = np.flatnonzero(number == i)
        name = "" if pd.isna(stated) else str(stated).strip()
        if not name:
            why |= dict.fromkeys(rows.tolist(), NO_CRS)
            continue
        try:
            # A table reads a column of EPSG codes with gaps as 4490.0.
            x[rows], y[rows] = to_wgs84(raw_lon[rows], raw_lat[rows], name.removesuffix(".0"))
        except CrsError as error:
            why |= dict.fromkeys(rows.tolist(), f"坐标系 {name!r} 不认识 · {error}")
    return Points(x, y, raw_lon, raw_lat, why)
