"""Who asks, and what routes ask of that; a server on files has it too, so nothing here needs a database."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from fastapi import Request, Response
from starlette.types import Scope

from gridmap.api import problems
from gridmap.api.envelope import NO_STORE, request_id
from gridmap.errors import AccessError, GridmapError, IdentityError, UnavailableError
from gridmap.service.access_rules import PUBLIC, ROLES, Principal, demand

if TYPE_CHECKING:
    from gridmap.api.security_access import Access

__all__ = ["UNGUARDED", "FileGate", "Principal", "principal_of", "require", "require_any", "seat", "unmasked"]

UNGUARDED: Final = frozenset({"/live", "/ready", "/login"})
"""Asked by machines without a key and by people not known yet: what they bring along is not looked at."""
FILES: Final = replace(PUBLIC, scopes=ROLES["caller"])
"""Whoever asks a server on files: it is one's own, so batches of any size are answered."""
_PRINCIPAL: Final = "principal"
RECALLED: Final = "recalled"
"""Whether who asks is known from a minute ago, for the record cannot be asked: they read on, and see nothing more."""
_COME_BACK: Final = "log in, or send a key (Authorization: Bearer gm_…)"


class FileGate:
    """The gate of a server on files: everybody may ask, nobody has a key."""

    is_public: bool = True

    def __call__(self, scope: Scope) -> None:
        """Let a request pass that does not claim a key."""
        if scope["path"] not in UNGUARDED and any(name == b"authorization" for name, _ in scope["headers"]):
            raise IdentityError("this server answers from files and knows no keys; ask it without Authorization")
        seat(scope, FILES)

    async def refuse(self, scope: Scope, error: GridmapError) -> Response:
        """Return the problem."""
        return await problems.answer(Request(scope), error)


def seat(scope: Scope, principal: Principal) -> None:
    """Put down who asks, where :func:`principal_of` finds it."""
    scope.setdefault("state", {})[_PRINCIPAL] = principal


def principal_of(request: Request) -> Principal:
    """Return who asks; the envelope has found out before any route runs."""
    principal: Principal = getattr(request.state, _PRINCIPAL)
    return principal


def require(permission: str) -> Callable[[Request], Awaitable[Principal]]:
    """Return the dependency that lets only those pass who may do something, and gives who it is.

    ``principal: Annotated[Principal, Depends(require("load"))]``. What belongs to a town is asked again where it is
    done: ``store.transaction(actor=principal.name, jurisdiction=principal.jurisdiction)``, and
    :func:`gridmap.service.access.demand`.

    Raises
    ------
    IdentityError
        When nobody knows who asks, and the public may not.
    AccessError
        When whoever asks may not.
    """

    async def allowed(request: Request) -> Principal:
        principal = principal_of(request)
        _insist(principal, permission)
        return principal

    return allowed


def require_any(*permissions: str) -> Callable[[Request], Awaitable[Principal]]:
    """Return the dependency that lets those pass who may do one thing or another, as :func:`require` does for one."""

    async def allowed(request: Request) -> Principal:
        principal = principal_of(request)
        if not any(principal.may(each) for each in permissions):
            wanted = ", ".join(map(repr, permissions))
            if principal.kind == "public":
                raise IdentityError(f"this takes one of the permissions {wanted}: {_COME_BACK}")
            theirs = ", ".join(sorted(principal.scopes)) or "nothing"
            raise AccessError(f"this takes one of the permissions {wanted}; {principal.name} has {theirs}")
        return principal

    return allowed


def unmasked(request: Request, reason: str | None, *, subject: str, town: str | None) -> bool:
    """Whether names and phones are shown in full in the answer to a request.

    One line of a route: ``full = unmasked(request, asked.unmask, subject=code, town=chain[0])``. Where it is true, it
    has been written down already who saw it and why, and the answer goes out with ``Cache-Control: no-store``. It waits
    for the database: call it in a plain ``def`` route, or in a thread.

    Parameters
    ----------
    request
        The request.
    reason
        Why, as asked; ``None`` where nobody asked to see them.
    subject
        Code of the grid whose people are shown.
    town
        Code of its coarsest grid.

    Raises
    ------
    InputError
        When the reason is empty.
    IdentityError
        When nobody knows who asks.
    AccessError
        When whoever asks may not, or not in that town.
    UnavailableError
        When it cannot be written down.
    """
    if reason is None:
        return False
    held: Access | None = request.app.state.access
    if held is None:
        raise AccessError("names stay masked here: only a server on a record can write down who saw them")
    principal = principal_of(request)
    _insist(principal, "unmask")
    if getattr(request.state, RECALLED, False):
        raise UnavailableError("the database cannot be reached to find out who asks: names stay masked until it can")
    if principal.kind == "user":  # a link on another site's page would write into the audit
        from gridmap.api.security_cookies import insist_on_own_page

        insist_on_own_page(request.scope, held.proxies)
    held.unmask(principal, reason, subject=subject, town=town, request=request_id(request.scope))
    setattr(request.state, NO_STORE, True)
    return True


def _insist(principal: Principal, permission: str) -> None:
    if principal.kind == "public" and not principal.may(permission):
        raise IdentityError(f"this takes the permission {permission!r}: {_COME_BACK}")
    demand(principal, permission)
