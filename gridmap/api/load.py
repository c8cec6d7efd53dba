"""Loading over HTTP: what ``gridmap load`` does, by whoever may."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends, Header, Request
from fastapi import Path as InPath
from pydantic import BaseModel, ConfigDict, Field

from gridmap.api.asked import parameters, read_query, refused
from gridmap.api.envelope import request_id
from gridmap.api.errors import MediaTypeError, TooLargeError
from gridmap.api.limits import MOST_LETTERS
from gridmap.api.models import Answer, FieldProblem
from gridmap.api.moments import read_moment
from gridmap.api.negotiate import CSV, body_kind, bounded_body
from gridmap.api.openapi_parts import problems
from gridmap.api.plans import GEOPACKAGE, Record
from gridmap.api.security import Principal, require
from gridmap.errors import AccessError, ConflictError, IdentityError, InputError, UnknownNameError
from gridmap.people.sheets import text_fault
from gridmap.service.access_rules import MOST_REASON
from gridmap.service.loading import LoadOptions, LoadReport
from gridmap.service.loading_files import TABLES, DepartmentFile, Files, Kind, load_files
from gridmap.service.loading_once import once

router: Final = APIRouter(tags=["load"])
MOST_LOAD_BYTES: Final = 64 << 20
"""Bytes of a body: the circles of a county are some ten megabytes."""
_MOST_TOLD: Final = 100
"""Rows that a refusal names."""
_SQLITE: Final = b"SQLite format 3\0"


class LoadQuery(BaseModel):
    """How a table is loaded."""

    model_config = ConfigDict(extra="forbid")

    commit: Annotated[bool, Field(description="执行；缺省为演练 · do it; a dry run by default")] = False
    effective: Annotated[
        str | None,
        Field(
            description="自何时生效，缺省为现在 · from when on it holds; now by default", max_length=MOST_LETTERS,
            examples=["2026-05-01"],
        ),
    ] = None  # fmt: skip
    keep: Annotated[bool, Field(description="保留文件中没有的记录 · leave on record what the file does not have")] = (
        False
    )
    skip_refused: Annotated[
        bool, Field(description="跳过有误的行，导入其余 · load the other rows where some cannot be used")
    ] = False
    note: Annotated[str, Field(description="事由 · why, for the audit", max_length=MOST_REASON)] = ""
    stations: Annotated[bool, Field(description="服务圈：一并导入站点 · circles: the stations in the file too")] = False
    station: Annotated[
        str, Field(description="站点：编号列 · stations: column that names them", max_length=MOST_LETTERS)
    ] = "station"
    department: Annotated[
        str | None, Field(description="部门名称 · departments: whose grids these are", max_length=MOST_LETTERS)
    ] = None
    code: Annotated[
        str, Field(description="部门网格：编码列 · departments: column of the codes", max_length=MOST_LETTERS)
    ] = "code"
    name: Annotated[
        str | None, Field(description="部门网格：名称列 · departments: column of names", max_length=MOST_LETTERS)
    ] = None


class ChangeAnswer(Answer):
    """What of a row is other than on record; names and phones are masked."""

    column: str
    old: str
    new: str


class RowAnswer(Answer):
    """What becomes of a row."""

    row: Annotated[int | None, Field(description="文件中的行 · in the file; null where the file no longer has it")]
    part: str
    key: str
    outcome: Literal["new", "changed", "ended", "unchanged", "refused"]
    reason: str
    changes: tuple[ChangeAnswer, ...]


class FindingAnswer(Answer):
    """Something to be seen to that stops nobody."""

    row: int | None
    rule: str
    key: str
    message: str


class LoadAnswer(Answer):
    """What loading did, or would do."""

    outcome: Annotated[
        Literal["checked", "loaded"], Field(description="checked: 仅演练 · a dry run; loaded: 已导入 · on record now")
    ]
    kind: Kind
    effective: Annotated[str, Field(examples=["2026-05-01T00:00:00+08:00"])]
    rows: tuple[RowAnswer, ...]
    counts: Annotated[dict[str, int], Field(description="结果 → 行数 · outcome → rows")]
    findings: tuple[FindingAnswer, ...]
    committed: bool


async def read_body(request: Request) -> bytes:
    """Read the file that is sent, as far as it may be."""
    return await bounded_body(request, MOST_LOAD_BYTES)


_PROBLEMS: Final = problems(
    "/v1/load/roster",
    IdentityError("this takes the permission 'load': log in, or send a key (Authorization: Bearer gm_…)"),
    AccessError("stations are loaded by the county; 320299001 may load its own people and organisations"),
    UnknownNameError("no plan is in force at 2019-01-01T00:00+00:00; publish one first: `gridmap plans publish`"),
    ConflictError("the idempotency key 'k7' was used for something else; take a new one"),
    TooLargeError(f"the body is larger than {MOST_LOAD_BYTES:,} bytes, the most that is read; split it"),
    MediaTypeError(f"Content-Type is text/plain; allowed: {CSV}"),
    InputError("row 7: grid '320299001001099' is not in version 9b3b915afa5d, in force then"),
)
_BODY: Final = {
    "required": True,
    "content": {
        CSV: {"schema": {"type": "string"}, "example": "person_id,name,grid\n7,王小明,320299001001001\n"},
        GEOPACKAGE: {"schema": {"type": "string", "format": "binary"}, "example": "SQLite format 3…"},
    },
}


@router.post(
    "/v1/load/{kind}", operation_id="load", summary="导入 · Load", response_model=LoadAnswer, responses=_PROBLEMS,
    openapi_extra={"parameters": parameters(LoadQuery), "requestBody": _BODY},
)  # fmt: skip
def load(
    request: Request,
    store: Record,
    who: Annotated[Principal, Depends(require("load"))],
    kind: Annotated[Kind, InPath(description="导入什么 · what is loaded")],
    asked: Annotated[LoadQuery, Depends(read_query(LoadQuery))],
    body: Annotated[bytes, Depends(read_body)],
    idempotency_key: Annotated[
        str | None,
        Header(max_length=MOST_LETTERS, min_length=1, description="重复提交只执行一次 · asked twice it is done once"),
    ] = None,
) -> LoadAnswer:
    """Load a roster or organisations (CSV), stations, circles or a department's grids (GeoPackage).

    A dry run unless ``commit``: it says row by row what is new, changed, ended, unchanged or refused, and why. With
    ``commit`` all of it is done or nothing: one row that cannot be used refuses the rest, but for ``skip_refused``.
    """
    name = "body.csv" if kind in TABLES else "body.gpkg"
    body_kind(request, [CSV if kind in TABLES else GEOPACKAGE])
    if kind not in TABLES and not body.startswith(_SQLITE):
        raise InputError("the body is no GeoPackage")
    effective = None if asked.effective is None else read_moment(asked.effective).time
    options = LoadOptions(effective, asked.keep, asked.skip_refused, asked.commit, asked.note)
    with (
        tempfile.TemporaryDirectory(prefix="gridmap-load-") as folder,
        store.transaction(actor=who.name, jurisdiction=who.jurisdiction) as session,
    ):
        session.info["request_id"] = request_id(request.scope)
        path = Path(folder) / name
        path.write_bytes(body)
        files = _files(kind, path, asked)

        def do() -> dict[str, Any]:
            return _told(load_files(session, files, options), asked)

        if idempotency_key is None or not asked.commit:
            return LoadAnswer.model_validate(do())
        digest = hashlib.sha256(repr((kind, asked.model_dump(), hashlib.sha256(body).digest())).encode()).digest()
        return LoadAnswer.model_validate(once(session, idempotency_key, digest, do))


def _files(kind: Kind, path: Path, asked: LoadQuery) -> Files:
    if kind != "departments":
        return Files(kind, path, stations=asked.stations, station=asked.station)
    if asked.department is None or not asked.department.strip():
        raise InputError("department: say whose grids these are, for example department=公安")
    fault = text_fault("department", asked.department)
    if fault:
        raise InputError(fault)
    return Files(kind, departments={asked.department: DepartmentFile(path, asked.code, asked.name)})


def _told(report: LoadReport, asked: LoadQuery) -> dict[str, Any]:
    """Return a report as JSON; a commit that was refused is an error, with the rows that are to blame."""
    if asked.commit and not report.committed:
        raise refused(
            FieldProblem(where="body", name="the file" if row.row is None else f"row {row.row}", reason=row.reason,
                         value=row.key or None)
            for row in report.refused[:_MOST_TOLD]
        )  # fmt: skip
    return {"outcome": "loaded" if report.committed else "checked", **report.to_values()}
