"""Publishing over HTTP: what ``gridmap plans`` does, by whoever may."""

from __future__ import annotations

import contextlib
import logging
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Final

from anyio import to_thread
from fastapi import APIRouter, BackgroundTasks, Depends, Query, Request
from fastapi import Path as InPath
from sqlalchemy.orm import Session

from gridmap.api.envelope import request_id
from gridmap.api.limits import MOST_LETTERS
from gridmap.api.moments import read_moment
from gridmap.api.negotiate import body_kind, bounded_body
from gridmap.api.security import Principal, require, require_any
from gridmap.errors import GridmapError, InputError
from gridmap.grids.io import read_plan
from gridmap.grids.plan import Plan
from gridmap.service import audit, publishing
from gridmap.service.access_rules import MOST_REASON, demand
from gridmap.service.loading_departments import map_departments
from gridmap.service.versions import settled_status, versions
from gridmap.store.engine import Store

router: Final = APIRouter(tags=["plans"])
log: Final = logging.getLogger("gridmap.record")
GEOPACKAGE: Final = "application/geopackage+sqlite3"
MOST_PLAN_BYTES: Final = 256 << 20
_TAKES_BACK: Final = {"approved": "approve", "published": "publish"}
"""Status → the permission of who may undo it; what is only proposed, who may propose."""

Version = Annotated[str, InPath(max_length=MOST_LETTERS, pattern="^[0-9a-f]+$", description="方案版本 · of the plan")]
Commit = Annotated[bool, Query(description="执行；缺省为演练 · do it; a dry run by default")]
Effective = Annotated[
    str | None, Query(max_length=MOST_LETTERS, description="生效时间，缺省为现在 · when it begins; now by default")
]
Proposer = Annotated[Principal, Depends(require("propose"))]
Reader = Annotated[Principal, Depends(require_any("propose", "approve", "publish"))]
Approver = Annotated[Principal, Depends(require("approve"))]
Publisher = Annotated[Principal, Depends(require("publish"))]


def current_store(request: Request) -> Store:
    """Return the record."""
    store: Store = request.app.state.store
    return store


Record = Annotated[Store, Depends(current_store)]


@dataclass(frozen=True)
class _Switch:
    """Who asks for another version to be in force."""

    request: Request
    store: Record
    who: Publisher
    after: BackgroundTasks

    def put_in_force(
        self, change: Callable[..., publishing.Review], version: str, effective: str | None, commit: bool
    ) -> dict[str, Any]:
        """Put a version in force; departments are mapped onto it after the answer, which takes seconds."""
        begins = None if effective is None else read_moment(effective).time
        with _transaction(self.request, self.store, self.who) as session:
            found = change(session, version, effective=begins, commit=commit)
        if found.committed:
            self.after.add_task(_map_departments, self.store, self.who, found.effective)
        return _told(found)


@router.get("/v1/plans", operation_id="listPlans", summary="方案清单 · Versions proposed, approved, published")
def list_plans(store: Record, who: Reader) -> dict[str, Any]:
    """Return every version on record, the newest first."""
    with store.transaction(actor=who.name, jurisdiction=who.jurisdiction) as session:
        return {"outcome": "found", "plans": [each.to_json() for each in versions(session)]}


_BODY: Final = {
    "requestBody": {"required": True, "content": {GEOPACKAGE: {"schema": {"type": "string", "format": "binary"}}}}
}


@router.post("/v1/plans", operation_id="proposePlan", summary="报审 · Propose a plan", openapi_extra=_BODY)
async def propose(
    request: Request,
    store: Record,
    who: Proposer,
    note: Annotated[str, Query(max_length=MOST_REASON, description="事由 · why")] = "",
    commit: Commit = False,
) -> dict[str, Any]:
    """Take a plan as ``gridmap draw`` writes it (GeoPackage), check and compare it; keep it with ``commit``."""
    body_kind(request, [GEOPACKAGE])
    said = audit.read_reason(note) if note else ""
    body = await bounded_body(request, MOST_PLAN_BYTES)

    def run() -> dict[str, Any]:
        plan = _read(body)
        with _transaction(request, store, who) as session:
            return _told(publishing.propose(session, plan, note=said, commit=commit))

    return await to_thread.run_sync(run)


@router.get("/v1/plans/{version}/review", operation_id="reviewPlan", summary="预览发布 · What publishing would do")
def review(store: Record, who: Reader, version: Version, effective: Effective = None) -> dict[str, Any]:
    """Say what publishing a version would do; nothing is changed."""
    with store.transaction(actor=who.name, jurisdiction=who.jurisdiction) as session:
        begins = None if effective is None else read_moment(effective).time
        return _told(publishing.review(session, version, effective=begins))


@router.post("/v1/plans/{version}/approval", operation_id="approvePlan", summary="批准 · Approve a proposal")
def approve(request: Request, store: Record, who: Approver, version: Version, commit: Commit = False) -> dict[str, Any]:
    """Let a proposal be published."""
    with _transaction(request, store, who) as session:
        row = publishing.approve(session, version, commit=commit)
        return {"outcome": "approved", "version": row.version, "committed": commit}


@router.post("/v1/plans/{version}/withdrawal", operation_id="withdrawPlan", summary="撤回 · Withdraw")
def withdraw(request: Request, store: Record, who: Reader, version: Version, commit: Commit = False) -> dict[str, Any]:
    """Take back a proposal, an approval (by who may approve), or a publication that has not begun (who may publish)."""
    with _transaction(request, store, who) as session:
        demand(who, _TAKES_BACK.get(settled_status(session, version), "propose"))
        row = publishing.withdraw(session, version, commit=commit)
        return {"outcome": "withdrawn", "version": row.version, "committed": commit}


@router.post("/v1/plans/{version}/publication", operation_id="publishPlan", summary="发布 · Publish")
def publish(
    ask: Annotated[_Switch, Depends()], version: Version, effective: Effective = None, commit: Commit = False
) -> dict[str, Any]:
    """Put an approved version in force."""
    return ask.put_in_force(publishing.publish, version, effective, commit)


@router.post("/v1/plans/{version}/rollback", operation_id="rollBack", summary="回退到此版本 · Roll back to a version")
def roll_back(
    ask: Annotated[_Switch, Depends()], version: Version, effective: Effective = None, commit: Commit = False
) -> dict[str, Any]:
    """Put a version in force again that was before."""
    return ask.put_in_force(publishing.rollback, version, effective, commit)


@contextlib.contextmanager
def _transaction(request: Request, store: Store, who: Principal) -> Iterator[Session]:
    """Give a transaction of whoever asks; the audit says which request it was."""
    with store.transaction(actor=who.name, jurisdiction=who.jurisdiction) as session:
        session.info["request_id"] = request_id(request.scope)
        yield session


def _map_departments(store: Store, who: Principal, at: datetime) -> None:
    """Map the departments onto what was published; the answer has gone, so what fails is said in the log."""
    try:
        with store.transaction(actor=who.name, jurisdiction=who.jurisdiction) as session:
            map_departments(session, at)
    except Exception:
        log.exception("departments are not mapped onto what is in force at %s; run `gridmap plans map`", at.isoformat())


def _told(found: publishing.Review) -> dict[str, Any]:
    return {"outcome": "reviewed", **found.to_json()}


def _read(body: bytes) -> Plan:
    """Read a plan that came in; whatever is wrong with it is the sender's to mend."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "plan.gpkg"
        path.write_bytes(body)
        try:
            return read_plan(path)
        except GridmapError as error:
            raise InputError(f"the body is not a plan: {str(error).replace(str(path), 'plan.gpkg')}") from error
