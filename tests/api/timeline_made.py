"""Three versions of a made county along a timeline, and the facts of it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import geopandas as gpd
import pandas as pd
import shapely

import gridmap
from gridmap.api.facts import Facts
from gridmap.api.moments import read_moment
from gridmap.api.page import Page
from gridmap.api.served import Publication
from gridmap.api.source import Source
from gridmap.circles.columns import CIRCLE_COLUMNS, STATION_COLUMNS
from gridmap.errors import UnavailableError, UnknownNameError
from gridmap.service.circle_files import dated

FIRST, SECOND, THIRD = "2025-01-01", "2025-03-01", "2025-05-01"
TIMES = {"2025-02-01": 0, "2025-02-28T23:59:59+08:00": 0, "2025-03-01": 1, "2025-04-30T16:00:00Z": 2, "2025-06-01": 2}
"""A time → which of the versions is in force then; midnight is Shanghai's."""


@dataclass(frozen=True, eq=False)
class Timeline:
    """Sources and when they are in force; what a record is to the app."""

    sources: tuple[Source, ...]
    publications: tuple[Publication, ...]

    def current(self):
        if not self.sources:
            raise UnavailableError("no plan is in force yet; publish one")
        return self.version(self.publications[-1].version)

    def at(self, moment):
        found = [each.version for each in self.publications if each.holds(moment)]
        if not found:
            raise UnknownNameError(f"no plan was in force at {moment.text}; the first is of {FIRST}")
        return self.version(found[0])

    def version(self, version):
        known = {source.plan.version: source for source in self.sources}
        if version not in known:
            raise UnknownNameError(f"there is no version {version!r}; there are {', '.join(known)}")
        return known[version]

    def timeline(self):
        return self.publications

    def lineage(self):
        return pd.concat([each.plan.lineage for each in self.sources], ignore_index=True).drop_duplicates()


def made_timeline(plan, roster):
    """Split a grid, then one of its halves: three versions, each with the lineage up to it."""
    code = plan["small"].index[5]
    parent = code[:-3]
    second = split(plan, code, (f"{parent}801", f"{parent}802"), SECOND)
    third = split(second, f"{parent}801", (f"{parent}803", f"{parent}804"), THIRD)
    facts = made_facts(plan)
    sources = tuple(
        Source(each, gridmap.Locator(each), roster, Page(b""), facts) for each in (plan, second, third)
    )  # fmt: skip
    bounds = [read_moment(each).time for each in (FIRST, SECOND, THIRD)]
    publications = tuple(
        Publication(source.plan.version, f"第{k + 1}版", since, until, "publish", "秘密")
        for k, (source, since, until) in enumerate(zip(sources, bounds, [*bounds[1:], None], strict=True))
    )
    return Timeline(sources, publications)


def split(plan, code, into, date):
    layer = plan["small"]
    whole = layer.geometry[code]
    west, south, east, north = whole.bounds
    halves = [
        shapely.box(west - 1, south - 1, (west + east) / 2, north + 1),
        shapely.box((west + east) / 2, south - 1, east + 1, north + 1),
    ]
    parts = [gpd.GeoDataFrame(layer.loc[[code]]) for _ in into]
    for part, new, half in zip(parts, into, halves, strict=True):
        part.index = pd.Index([new], name="code")
        part.geometry = shapely.intersection(part.geometry.values, half, grid_size=1e-8)
        part["households"] = part["households"] / 2
    small = pd.concat([layer.drop(index=code), *parts]).sort_index()
    rows = [("small", code, new, date, 0.5, 0.5, "政发〔2025〕3号") for new in into]
    lineage = pd.concat([plan.lineage, pd.DataFrame(rows, columns=plan.lineage.columns)], ignore_index=True)
    return replace(plan, layers={**plan.layers, "small": small}, lineage=lineage)


def made_facts(plan):
    """Two stations, one of them only until March, circles of both, and counts of two areas."""
    inside = plan["small"].geometry.representative_point()
    at = [inside.iloc[0], inside.iloc[9]]
    until = [None, SECOND]
    stations = dated(pd.DataFrame({"station": ["S1", "S2"], "name": ["东站", None], "valid_to": until}))
    stations = gpd.GeoDataFrame(stations.reindex(columns=STATION_COLUMNS), geometry=at, crs=4490)
    rows = [
        (name, minutes, "ok", "", minutes * 1000.0, 1.1, end)
        for name, end in zip(("S1", "S2"), until, strict=True)
        for minutes in (5.0, 15.0)
    ]
    columns = ("station", "minutes", "outcome", "reason", "area_m2", "speed_m_s", "valid_to")
    circles = dated(pd.DataFrame(rows, columns=columns))
    shapes = [at[row // 2].buffer(circles["minutes"][row] / 1500) for row in range(4)]
    shapes[3] = shapely.MultiPolygon()
    circles = gpd.GeoDataFrame(circles.reindex(columns=CIRCLE_COLUMNS), geometry=shapes, crs=4490)
    counts = {
        "area": ["a", "a", "b", "b"],
        "minutes": [5.0, 15.0] * 2,
        "total": [100.0, 100.0, 0.0, 0.0],
        "covered": [10.0, 80.0, 0.0, 0.0],
    }
    return Facts(stations, circles, dated(pd.DataFrame(counts)))
