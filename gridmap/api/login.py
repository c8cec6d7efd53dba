"""Logging in and out, and who one is."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final
from urllib.parse import parse_qsl
from zoneinfo import ZoneInfo

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Request, Response
from pydantic import ValidationError

from gridmap.api.asked import field_problem, read_values, refused
from gridmap.api.envelope import NO_STORE, request_id
from gridmap.api.negotiate import body_kind, bounded_body
from gridmap.api.security import principal_of
from gridmap.api.security_access import Access
from gridmap.api.security_clients import caller_of, client_address
from gridmap.api.security_cookies import (
    hand_over,
    insist_on_encryption,
    insist_on_own_page,
    take_back,
    token_of,
)
from gridmap.api.security_gate import TOKEN, VISIT
from gridmap.api.security_models import Credentials, Who
from gridmap.api.security_openapi import FORM, JSON, LOG_IN, LOG_OUT, WHO
from gridmap.errors import IdentityError, RateError
from gridmap.people.times import ZONE
from gridmap.service.access import LoginRefused, Principal, Visit

router: Final = APIRouter(tags=["access"])
_MOST_BYTES: Final = 4096
_PER_MINUTE: Final = 30
"""Log-ins of an address: a town hall behind one address has some, a list of passwords has thousands."""
_HASHING: Final = CapacityLimiter(2)
"""Log-ins at once: each takes 64 MiB and a connection, and waits for others by the same name."""


@router.post("/login", **LOG_IN, response_model=Who)
async def log_in(request: Request) -> Response:
    """Log in with a name and a password, as JSON or as a form.

    Five failures in a row lock a name for 15 minutes, and every further one doubles that.
    """
    access: Access = request.app.state.access
    scope, proxies = request.scope, access.proxies
    insist_on_own_page(scope, proxies)
    insist_on_encryption(scope, proxies)
    access.rates.charge(f"log-in:{caller_of(client_address(scope, proxies))}", _PER_MINUTE)
    asked = await _credentials(request)
    former = token_of(scope, request.headers.get("cookie", "").encode("latin-1"))
    found = await to_thread.run_sync(
        access.log_in, asked.username, asked.password, former, request_id(scope), limiter=_HASHING
    )
    if isinstance(found, LoginRefused):
        raise _refusal(found)
    who = _who(found.principal).model_copy(update={"expires_at": _written(found.expires_at), "csrf": found.csrf})
    response = Response(who.model_dump_json(), media_type=JSON)
    hand_over(response, found, scope, proxies)
    setattr(request.state, NO_STORE, True)
    return response


@router.post("/logout", **LOG_OUT, status_code=204, response_class=Response)
async def log_out(request: Request) -> Response:
    """End a log-in. The browser forgets its cookies either way."""
    access: Access = request.app.state.access
    token = getattr(request.state, TOKEN, None)
    if token is not None:
        await to_thread.run_sync(access.log_out, principal_of(request), token, request_id(request.scope))
    response = Response(status_code=204)
    take_back(response)
    return response


@router.get("/v1/me", **WHO, response_model=Who)
async def who_am_i(request: Request) -> Response:
    """Say who asks, and what that one may do."""
    visit: Visit | None = getattr(request.state, VISIT, None)
    who = _who(principal_of(request))
    if visit is not None:
        who.expires_at = _written(visit.expires_at)
    setattr(request.state, NO_STORE, True)
    return Response(who.model_dump_json(), media_type=JSON)


async def _credentials(request: Request) -> Credentials:
    kind = body_kind(request, [JSON, FORM])
    body = await bounded_body(request, _MOST_BYTES)
    try:
        if kind.media_type == JSON:
            return Credentials.model_validate_json(body)
        pairs = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=8)
        return read_values(Credentials, dict(pairs), "body")
    except ValidationError as error:
        raise refused(field_problem(_unseen(each), "body") for each in error.errors(include_url=False)) from None
    except ValueError:  # too many fields
        return read_values(Credentials, {}, "body")


def _unseen(said: Any) -> Any:
    """Return what pydantic says of a value without the value: it may be a password."""
    return {name: said[name] for name in ("type", "loc", "msg")}


def _who(principal: Principal) -> Who:
    return Who(
        outcome="public" if principal.kind == "public" else "known", name=principal.name, kind=principal.kind,
        role=principal.role, jurisdiction=principal.jurisdiction, permissions=sorted(principal.scopes),
    )  # fmt: skip


def _written(moment: datetime) -> str:
    return moment.astimezone(ZoneInfo(ZONE)).isoformat(timespec="seconds")


def _refusal(found: LoginRefused) -> Exception:
    """Return what is said: the same whether there is such a name or not."""
    if found.locked_for is None:
        return IdentityError("name or password is wrong")
    wait_s = found.locked_for.total_seconds()
    return RateError(
        f"too many wrong passwords by this name; it is locked for {wait_s / 60:.0f} minutes, or until "
        "`gridmap users unlock`", retry_after_s=wait_s,
    )  # fmt: skip
