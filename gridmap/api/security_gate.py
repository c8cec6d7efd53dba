"""The gate that every request passes, once: it finds out who asks, and whether that one has asked enough.

Every request pays for this, so it reads the headers once and makes nothing that it does not need.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Final

from anyio import to_thread
from fastapi import Request, Response
from starlette.types import Scope

from gridmap.api import problems
from gridmap.api.security import RECALLED, UNGUARDED, seat
from gridmap.api.security_access import Access
from gridmap.api.security_clients import caller_of, client_address
from gridmap.api.security_cookies import insist_on_own_page, insist_on_token, take_back, token_of
from gridmap.errors import GridmapError, IdentityError, UnavailableError
from gridmap.service.access import PUBLIC, Principal, Visit

_OPEN: Final = ("/docs", "/openapi.json")
"""What is read to find out how to ask."""
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_READING: Final = frozenset({"GET", "HEAD"})
_BEARER: Final = b"bearer "
VISIT: Final = "visit"
TOKEN: Final = "session_token"  # noqa: S105 - a name


class DeadCookieError(IdentityError):
    """A cookie of a log-in that is unknown, or over."""


class RecordGate:
    """The gate of a server on a record.

    Parameters
    ----------
    access
        Keys, log-ins and rates.
    """

    def __init__(self, access: Access) -> None:
        self._access = access
        self.is_public = access.is_public

    def __call__(self, scope: Scope) -> Awaitable[None] | None:
        """Let a request pass; with a cookie, after the record was asked."""
        if scope["path"] in UNGUARDED:
            seat(scope, PUBLIC)
            return None
        stated = cookies = None
        for name, value in scope["headers"]:
            if name == b"authorization":
                if stated is not None:
                    raise IdentityError("Authorization stands there more than once; say it once")
                stated = value
            elif name == b"cookie":
                cookies = value if cookies is None else cookies + b"; " + value
        if stated is not None:
            self._pass_key(scope, stated)
            return None
        token = None if cookies is None else token_of(scope, cookies)
        if token is not None:
            return self._pass_visitor(scope, token)
        self._charge_address(scope)
        if not self.is_public and not scope["path"].startswith(_OPEN):
            raise IdentityError(
                "this server answers those it knows: log in, or send a key (Authorization: Bearer gm_…)"
            )
        seat(scope, PUBLIC)
        return None

    async def refuse(self, scope: Scope, error: GridmapError) -> Response:
        """Return the problem; a browser also forgets a cookie that is dead."""
        response = await problems.answer(Request(scope), error)
        if isinstance(error, DeadCookieError):
            take_back(response)
        return response

    def _pass_key(self, scope: Scope, stated: bytes) -> None:
        held = self._access.key(stated[len(_BEARER) :].strip()) if stated[: len(_BEARER)].lower() == _BEARER else None
        if held is None:
            self._charge_address(scope)
            raise IdentityError(
                "there is no such key, or it has expired or been withdrawn; `gridmap keys list` shows which"
            )
        self._access.rates.charge(held.principal.name, held.rate_per_minute or self._access.rate_per_minute)
        seat(scope, held.principal)

    async def _pass_visitor(self, scope: Scope, token: str) -> None:
        rates, guesser = self._access.rates, f"guesses:{caller_of(client_address(scope, self._access.proxies))}"
        rates.insist(guesser, self._access.rate_per_minute)  # or whoever makes cookies up keeps the database busy
        try:
            visit = await to_thread.run_sync(self._access.visit, token)
        except UnavailableError:
            visit = self._access.recall(token) if scope["method"] in _READING else None
            if visit is None:
                raise
            scope.setdefault("state", {})[RECALLED] = True
        if visit is None:
            rates.charge(guesser, self._access.rate_per_minute)
            raise DeadCookieError("nobody is logged in by this cookie any more; log in again")
        self._pass_user(scope, visit, visit.principal)
        scope["state"] |= {VISIT: visit, TOKEN: token}

    def _pass_user(self, scope: Scope, visit: Visit, principal: Principal) -> None:
        self._access.rates.charge(f"user:{principal.name}", self._access.rate_per_minute)
        if scope["method"] not in _SAFE:
            insist_on_own_page(scope, self._access.proxies)
            insist_on_token(scope, visit)
        seat(scope, principal)

    def _charge_address(self, scope: Scope) -> None:
        address = client_address(scope, self._access.proxies)
        self._access.rates.charge(caller_of(address), self._access.rate_per_minute)
