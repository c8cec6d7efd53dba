"""The routes of versions: the timeline, one of them, and what changed between two."""

from __future__ import annotations

from typing import Annotated, Final, TypeAlias

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Depends, Path, Request, Response
from pydantic import BaseModel, ConfigDict

from gridmap.api import openapi_versions as openapi
from gridmap.api import versions
from gridmap.api.asked import read_query
from gridmap.api.limits import MOST_LETTERS
from gridmap.api.models import as_json
from gridmap.api.models_versions import CompareAnswer, VersionAnswer, VersionsAnswer
from gridmap.api.negotiate import JSON, sent
from gridmap.api.routes import AskedServed
from gridmap.api.served import CURRENT, IMMUTABLE, Served
from gridmap.api.versions import Comparisons

router: Final = APIRouter()
_COMPARING: Final = CapacityLimiter(1)
"""Comparing two versions of a county overlays them for seconds on every core."""
_COMPARISONS: Final = Comparisons()


class NoQuery(BaseModel):
    """Nothing may be asked beside the address."""

    model_config = ConfigDict(extra="forbid")


Version: TypeAlias = Annotated[
    str, Path(max_length=MOST_LETTERS, description="方案版本 · a version of the plan", examples=["9b3b915afa5d"])
]
AskedNothing = Annotated[NoQuery, Depends(read_query(NoQuery))]


@router.get("/v1/versions", **openapi.VERSIONS, response_model=VersionsAnswer)
def read_versions(request: Request, served: AskedServed, _: AskedNothing) -> Response:
    """Return which version of the plan was, is and will be in force, the oldest first."""
    return sent(request, as_json(versions.timeline(served)), JSON, caching=CURRENT)


@router.get("/v1/versions/{a}..{b}", **openapi.COMPARE, response_model=CompareAnswer)
async def read_changes(request: Request, served: AskedServed, a: Version, b: Version, _: AskedNothing) -> Response:
    """Return what changed from one version to another: grids split, merged, new, retired and reshaped."""
    body = await to_thread.run_sync(_between, served, a, b, limiter=_COMPARING)
    return sent(request, body, JSON, caching=IMMUTABLE)


def _between(served: Served, a: str, b: str) -> bytes:
    return _COMPARISONS.between(served.version(a), served.version(b))


@router.get("/v1/versions/{version}", **openapi.ONE, response_model=VersionAnswer)
def read_version(request: Request, served: AskedServed, version: Version, _: AskedNothing) -> Response:
    """Return what one version holds, and when it was in force."""
    return sent(request, as_json(versions.one(served, served.version(version))), JSON, caching=CURRENT)
