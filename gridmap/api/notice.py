"""The public notice of a grid, as a page to be printed."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Path, Request, Response

from gridmap.api.asked import parameters, read_query
from gridmap.api.codes import CodeQuery, Unmask, find
from gridmap.api.errors import RetiredError
from gridmap.api.limits import MOST_LETTERS
from gridmap.api.moments import read_moment
from gridmap.api.negotiate import tagged
from gridmap.api.openapi_parts import NOT_CHANGED, problems
from gridmap.api.page import tag_of
from gridmap.api.routes import AskedServed, picked
from gridmap.api.security import unmasked
from gridmap.errors import AccessError, InputError, UnknownNameError

HTML: Final = "text/html; charset=utf-8"
POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
"""The browser itself refuses scripts, and whatever is not on the page."""

router: Final = APIRouter()


class NoticeQuery(CodeQuery):
    """Which grid, and whether its people are named in full."""

    unmask: Unmask = None


OPERATION: Final[dict[str, Any]] = {
    "operation_id": "readNotice",
    "openapi_extra": {"parameters": parameters(NoticeQuery)},
    "summary": "网格公示牌 · The public notice of a grid, to be printed",
    "tags": ["grids"],
    "responses": {
        200: {"content": {"text/html": {"schema": {"type": "string"}, "example": "<!DOCTYPE html>…"}}},
        304: NOT_CHANGED,
        **problems(
            "/v1/grids/320299001001004/notice",
            UnknownNameError("there is no grid '320299001001004' in this plan, nor was there"),
            RetiredError("320299001001004 was in use and is no more", (), ()),
            AccessError("names stay masked here: only a server on a record can write down who saw them"),
            InputError("level='tiny' is not a level of this plan; it has large, medium, small, micro"),
        ),
    },
}
OPERATIONS: Final = (OPERATION,)


@router.get("/v1/grids/{code}/notice", **OPERATION, response_class=Response)
def read_notice(
    request: Request,
    served: AskedServed,
    code: Annotated[str, Path(max_length=MOST_LETTERS, description="网格编码 · code of a grid")],
    asked: Annotated[NoticeQuery, Depends(read_query(NoticeQuery))],
) -> Response:
    """Return the public notice of a grid: one sheet of A4 without a script, names and phones masked."""
    from gridmap.maps.notice import grid_notice

    source = picked(request, served, asked)
    found = find(served, source, code, asked.level)
    town = next(iter(source.plan.chain(code, found.level).values()))
    full = unmasked(request, asked.unmask, subject=code, town=town)
    moment = read_moment(asked.at)
    page = grid_notice(
        source.plan, code, roster=source.roster, level=found.level, at=moment.time, full_names=full
    ).encode()
    return tagged(request, page, HTML, tag_of(page), Content_Security_Policy=POLICY)
