"""Many features at once, page by page (GeoJSON, RFC 7946): the grids of a level."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final
from urllib.parse import urlencode

import numpy as np
import orjson
from pydantic import Field

from gridmap.api.asked import refused
from gridmap.api.codes import check_level
from gridmap.api.features import Box, Features, Rows
from gridmap.api.limits import MOST_FEATURES, MOST_LETTERS, MOST_ROWS
from gridmap.api.models import FieldProblem
from gridmap.api.models_grids import Outcome
from gridmap.api.moments import TimeQuery
from gridmap.api.negotiate import GEOJSON
from gridmap.api.page import tag_of
from gridmap.api.source import Source

_NUMBER: Final = re.compile(r"\s*[+-]?(\d{1,20}(\.\d{0,20})?|\.\d{1,20})\s*", re.ASCII)


class PageQuery(TimeQuery):
    """Where, and which page."""

    bbox: Annotated[
        str | None,
        Field(
            description="范围：西,南,东,北（度） · west,south,east,north in degrees; what touches it is returned",
            max_length=200,
            examples=["120.30,31.50,120.31,31.51"],
        ),
    ] = None
    limit: Annotated[int, Field(ge=1, le=MOST_FEATURES, description="每页最多 · features of a page at most")] = 1000
    cursor: Annotated[
        int, Field(ge=0, le=MOST_ROWS, description="续页位置，取自 next 链接 · where to go on, from the link next")
    ] = 0


class GridsQuery(PageQuery):
    """Which grids."""

    level: Annotated[
        str | None,
        Field(
            description="层级，默认最细的全覆盖层级 · level; by default the finest that covers all",
            max_length=MOST_LETTERS,
            examples=["small"],
        ),
    ] = None


@dataclass(frozen=True, eq=False)
class Collected:
    """A page of features as it is sent.

    Parameters
    ----------
    body
        JSON.
    tag
        Its ETag, which leaves out the time of asking.
    """

    body: bytes
    tag: str


def grids(source: Source, asked: GridsQuery, path: str) -> Collected:
    """Return a page of the grids of a level.

    Raises
    ------
    InputError
        When the plan has no such level, or ``bbox`` is none.
    """
    check_level(source, asked.level)
    level = asked.level or source.plan.finest_tiling
    features = source.records[level].features
    # The next page is of the same version, whatever is published in between.
    pinned = asked.model_copy(update={"version": source.plan.version, "at": None})
    return collected(source, features, within(features, asked.bbox), pinned, path, {"level": level})


def within(features: Features, bbox: str | None) -> Rows:
    """Return the rows that touch a box, all where none is stated."""
    return np.arange(len(features)) if bbox is None else features.touching(read_box(bbox))


def read_box(bbox: str) -> Box:
    """Read a box.

    Raises
    ------
    RequestError
        When it is none: RFC 7946 has west, south, east, north; across 180° ask twice.

    Examples
    --------
    >>> read_box("120.3,31.5,120.4,31.6")
    (120.3, 31.5, 120.4, 31.6)
    >>> read_box("31.5,120.3,31.6,120.4")
    Traceback (most recent call last):
    gridmap.api.errors.RequestError: bbox: latitudes are from -90 to 90: are the two swapped? Longitude first ...
    """
    parts = bbox.split(",")
    if len(parts) != 4 or not all(_NUMBER.fullmatch(part) for part in parts):
        raise _no_box("takes four decimal numbers: west,south,east,north", bbox)
    west, south, east, north = (float(part) for part in parts)
    if max(abs(south), abs(north)) > 90:
        raise _no_box("latitudes are from -90 to 90: are the two swapped? Longitude first", bbox)
    if not all(math.isfinite(each) and abs(each) <= 180 for each in (west, east)):
        raise _no_box("longitudes are from -180 to 180", bbox)
    if west > east or south > north:
        raise _no_box("west must not be greater than east, nor south than north", bbox)
    return west, south, east, north


def _no_box(why: str, bbox: str) -> Exception:
    return refused([FieldProblem(where="query", name="bbox", reason=why, value=repr(bbox)[:80])])


def collected(
    source: Source,
    features: Features | None,
    rows: Rows,
    asked: PageQuery,
    path: str,
    said: Mapping[str, Any],
    *,
    at: str | None = None,
) -> Collected:
    """Put a page together.

    Parameters
    ----------
    source
        What answers.
    features
        Of which some are sent; ``None`` where nothing is loaded.
    rows
        Those that fit, ascending.
    asked
        The page; the link to the next repeats it.
    path
        Of the request.
    said
        What else the collection says of itself.
    at
        The time it holds at, where it does not hold for ever.
    """
    left = rows[np.searchsorted(rows, asked.cursor) :]
    page, more = left[: asked.limit], left[asked.limit :]
    outcome, reason = outcome_of(loaded=features is not None, found=len(rows))
    head = {
        "type": "FeatureCollection",
        "outcome": outcome,
        "reason": reason,
        "plan_version": source.plan.version,
        **said,
        "numberMatched": len(rows),
        "numberReturned": len(page),
        "links": [_next(asked, path, int(more[0]))] if len(more) else [],
    }
    features_ = b"[]" if features is None else features.joined(page)
    tag = tag_of(orjson.dumps(head) + features_, f"{source.plan.version}-")
    timed = head if at is None else head | {"at": at}
    body = orjson.dumps(timed)[:-1] + b',"features":' + features_ + b"}"
    return Collected(body, tag if at is None else f"W/{tag}")


def outcome_of(*, loaded: bool, found: int) -> tuple[Outcome, str]:
    """Return the outcome of a question for many things, and its reason."""
    if not loaded:
        return "not_loaded", "服务未加载此类数据 · no such data is loaded"
    return ("found", "") if found else ("none", "没有符合条件的 · nothing fits")


def _next(asked: PageQuery, path: str, cursor: int) -> dict[str, str]:
    query = asked.model_dump(exclude_none=True, exclude_defaults=True) | {"cursor": cursor}
    return {"rel": "next", "href": f"{path}?{urlencode(query)}", "type": GEOJSON}
