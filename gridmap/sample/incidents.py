"""Reports as they come in: where people live and drive, by day and week, in every coordinate system of the field."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from gridmap.geo.crs import metric_crs_of
from gridmap.geo.gcj02 import convert
from gridmap.sample.model import County

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

TYPES: Final = {
    "P0101": ("雨水井盖破损", "street", 5), "P0102": ("供电设施破损", "street", 2), "P0103": ("路灯不亮", "street", 7),
    "P0203": ("交通护栏损坏", "street", 4), "P0204": ("交通标志破损", "street", 3), "P0301": ("垃圾箱满溢", "home", 6),
    "P0302": ("公共厕所脏乱", "home", 2), "P0401": ("行道树倒伏", "street", 3), "P0402": ("绿地毁坏", "home", 3),
    "E0101": ("私搭乱建", "home", 4), "E0102": ("暴露垃圾", "home", 9), "E0103": ("积存渣土", "street", 3),
    "E0104": ("道路破损", "street", 6), "E0105": ("河道漂浮物", "street", 2), "E0106": ("非法小广告", "home", 5),
    "E0203": ("乱设户外广告", "street", 2), "E0301": ("施工扰民", "home", 4), "E0302": ("工地扬尘", "street", 2),
    "E0401": ("路面塌陷", "street", 1), "E0402": ("水管破裂", "home", 2), "E0501": ("占道经营", "street", 8),
    "E0502": ("机动车乱停放", "street", 9), "E0503": ("共享单车乱停", "street", 5), "S01": ("邻里纠纷", "home", 6),
    "S02": ("消防通道堵塞", "home", 6), "S03": ("群租隐患", "home", 3), "S04": ("电动车飞线充电", "home", 5),
    "S05": ("独居老人关爱", "home", 4), "S06": ("校园周边隐患", "street", 2), "S07": ("治安巡逻发现", "street", 3),
}  # fmt: skip
"""Codes (parts P, events E, social governance S), what they are called, where they happen, how often."""

_SYSTEMS: Final = (("wgs84", 0.62), ("gcj02", 0.22), ("bd09", 0.08), ("cgcs2000", 0.08))
_BAD_SHARE: Final = 0.005
_BAD_KINDS: Final = 4
_SEA: Final = (123.5, 31.2)
_HOURS: Final = (1, 1, 1, 1, 1, 2, 5, 9, 14, 14, 12, 9, 7, 8, 11, 12, 11, 10, 9, 8, 6, 4, 3, 2)
_WEEKDAYS: Final = (1.15, 1.1, 1.05, 1.05, 1.1, 0.8, 0.7)
_DAYS: Final = 365
_SOURCES: Final = ("居民反映", "网格员巡查发现", "12345热线转办", "视频巡查发现", "物业上报")


def make_incidents(county: County, seed: int = 0, n: int = 20_000) -> pd.DataFrame:
    """Make reports in a county, about one in two hundred of them unusable as reports are.

    Parameters
    ----------
    county
        Whose buildings and streets they lie at.
    seed
        The same seed makes the same reports.
    n
        How many.

    Returns
    -------
    DataFrame
        ``incident_id, type, type_name, lon, lat, crs, accuracy_m, reported_at`` (ISO text with its offset, in 2026),
        ``address, description``, in the order of time. Bad rows have no coordinates, swapped ones, lie in the sea, or
        name a coordinate system nobody knows.
    """
    rng = np.random.default_rng([seed, 7])
    codes = list(TYPES)
    often = np.array([TYPES[code][2] for code in codes], dtype=np.float64)
    kind = rng.choice(len(codes), n, p=often / often.sum())
    at_home = np.array([TYPES[code][1] == "home" for code in codes])[kind]
    lon, lat, address = _places(county, at_home, rng)
    systems = np.array([name for name, _ in _SYSTEMS], dtype=object)
    crs = systems[rng.choice(len(systems), n, p=[share for _, share in _SYSTEMS])]
    for name in ("gcj02", "bd09"):
        rows = crs == name
        lon[rows], lat[rows] = convert(lon[rows], lat[rows], "wgs84", name)
    accuracy = np.round(np.exp(rng.normal(1.9, 0.6, n)), 1)
    accuracy[rng.random(n) < 0.3] = np.nan
    lon, lat, crs = _spoilt(lon, lat, crs, rng)
    label = np.array([TYPES[code][0] for code in codes], dtype=object)[kind]
    source = np.array(_SOURCES, dtype=object)[rng.integers(0, len(_SOURCES), n)]
    texts = [f"{who}：{where}附近{what}" for who, where, what in zip(source, address, label, strict=True)]
    return pd.DataFrame({
        "incident_id": [f"SJ2026{i:07d}" for i in range(1, n + 1)],
        "type": np.array(codes, dtype=object)[kind], "type_name": label,
        "lon": np.round(lon, 7), "lat": np.round(lat, 7), "crs": crs, "accuracy_m": accuracy,
        "reported_at": _times(n, rng), "address": address, "description": texts,
    })  # fmt: skip


def _places(
    county: County, at_home: NDArray[np.bool_], rng: np.random.Generator
) -> tuple[Floats, Floats, NDArray[np.object_]]:
    """Return where reports lie: at homes by households, on streets by length, those in towns more than tracks."""
    metric = metric_crs_of(county.boundary)
    homes = county.buildings["households"].to_numpy(float) + 0.5
    house = rng.choice(len(homes), len(at_home), p=homes / homes.sum())
    points = shapely.get_coordinates(shapely.centroid(county.buildings.geometry.values[house]))
    lines = np.asarray(county.streets.geometry.to_crs(metric).values)
    quiet = county.streets["highway"].isin(("track", "unclassified", "motorway")).to_numpy()
    weight = shapely.length(lines) * np.where(quiet, 0.12, 1.0)
    street = rng.choice(len(lines), len(at_home), p=weight / weight.sum())
    lonlat = np.asarray(county.streets.geometry.values)[street]
    share = rng.random(len(at_home))
    onway = shapely.get_coordinates(shapely.line_interpolate_point(lonlat, share, normalized=True))
    xy = np.where(at_home[:, None], points, onway) + rng.normal(0.0, 8e-5, (len(at_home), 2))
    inside = shapely.contains_xy(county.boundary.geometry.iloc[0], xy[:, 0], xy[:, 1])
    xy = np.where(inside[:, None], xy, points)
    text = county.addresses["address"].to_numpy(dtype=object)[house]
    names = county.streets["name"].to_numpy(dtype=object)[street]
    named = pd.notna(names)
    address = np.where(at_home | ~named, text, names)
    return xy[:, 0].copy(), xy[:, 1].copy(), address


def _spoilt(
    lon: Floats, lat: Floats, crs: NDArray[np.object_], rng: np.random.Generator
) -> tuple[Floats, Floats, NDArray[np.object_]]:
    """Spoil a few rows, in turn in each of four ways."""
    bad = rng.choice(len(lon), max(_BAD_KINDS, round(_BAD_SHARE * len(lon))), replace=False)
    missing, swapped, sea, unknown = (bad[i::_BAD_KINDS] for i in range(_BAD_KINDS))
    lon, lat, crs = lon.copy(), lat.copy(), crs.copy()
    lon[missing] = np.nan
    lon[swapped], lat[swapped] = lat[swapped], lon[swapped]
    lon[sea], lat[sea] = _SEA
    crs[sea] = "wgs84"
    crs[unknown] = "火星坐标"
    return lon, lat, crs


def _times(n: int, rng: np.random.Generator) -> list[str]:
    """Return ascending times: busy mornings and afternoons, quiet nights and weekends."""
    start = np.datetime64("2026-01-01T00:00:00")
    weekday = (np.arange(_DAYS) + 3) % 7  # 1 January 2026 is a Thursday
    often = np.array(_WEEKDAYS)[weekday] * (1 + 0.15 * np.sin(2 * np.pi * np.arange(_DAYS) / _DAYS - 1.2))
    day = rng.choice(_DAYS, n, p=often / often.sum())
    hours = np.array(_HOURS, dtype=np.float64)
    hour = rng.choice(24, n, p=hours / hours.sum())
    second = np.sort(day * 86_400 + hour * 3_600 + rng.integers(0, 3_600, n))
    return [f"{time}+08:00" for time in (start + second.astype("timedelta64[s]")).astype(str)]
