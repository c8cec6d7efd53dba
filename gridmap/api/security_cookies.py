"""The cookie of people who log in, and what keeps other sites from using it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from urllib.parse import urlsplit

from fastapi import Response
from starlette.requests import cookie_parser
from starlette.types import Scope

from gridmap.api.security_clients import header, host_of, is_https, is_loopback
from gridmap.errors import AccessError
from gridmap.service.access import Login, Visit
from gridmap.service.access_sessions import ABSOLUTE
from gridmap.settings import Network

SECURE: Final = "__Host-gridmap"
"""A browser takes this name over https alone, and no other host can set it."""
PLAIN: Final = "gridmap"
"""The name on this machine without https; nowhere else is it read."""
CSRF_HEADER: Final = "X-CSRF-Token"
_CSRF: Final = "-csrf"
_MARK: Final = PLAIN.encode()


class CsrfError(AccessError):
    """A change that another site may have had the browser ask for."""

    code = "csrf"


def token_of(scope: Scope, cookies: bytes) -> str | None:
    """Return what the browser brought along of a log-in; ``None`` where it brought nothing."""
    if _MARK not in cookies:
        return None
    found = cookie_parser(cookies.decode("latin-1"))
    return found.get(SECURE) or (found.get(PLAIN) if PLAIN in found and is_loopback(scope) else None)


def hand_over(response: Response, login: Login, scope: Scope, proxies: Sequence[Network]) -> None:
    """Give the browser what it logs in with, and what its pages put into :data:`CSRF_HEADER`.

    Raises
    ------
    AccessError
        When it would go through a network unencrypted.
    """
    name, secure = _name_here(scope, proxies)
    most_s = int(ABSOLUTE.total_seconds())
    response.set_cookie(name, login.token, max_age=most_s, path="/", secure=secure, httponly=True, samesite="lax")
    # Pages have to read this one.
    response.set_cookie(
        name + _CSRF, login.csrf, max_age=most_s, path="/", secure=secure, httponly=False, samesite="lax"
    )


def take_back(response: Response) -> None:
    """Make the browser forget a log-in, or a dead cookie would shut it out of what everybody may see."""
    for name, secure in ((SECURE, True), (PLAIN, False)):
        for each in (name, name + _CSRF):
            response.delete_cookie(each, path="/", secure=secure, httponly=each == name, samesite="lax")


def insist_on_encryption(scope: Scope, proxies: Sequence[Network]) -> None:
    """Insist that a password does not go through a network unencrypted.

    Raises
    ------
    AccessError
        When it does.
    """
    _name_here(scope, proxies)


def insist_on_own_page(scope: Scope, proxies: Sequence[Network]) -> None:
    """Insist that a request comes from a page of this server, or from no page at all.

    Raises
    ------
    CsrfError
        When a browser says that it comes from another.
    """
    site = header(scope, b"sec-fetch-site")
    origin = header(scope, b"origin")
    ours = host_of(scope, proxies)
    if site is not None and site.lower() not in ("same-origin", "none"):
        raise CsrfError("a page of another site asks for this; it is done from pages of this server alone")
    if origin is not None and (origin == "null" or _host_in(origin) != ours):
        raise CsrfError(f"a page of {origin[:100]!r} asks for this; it is done from pages of {ours!r} alone")


def insist_on_token(scope: Scope, visit: Visit) -> None:
    """Insist on the token of this very log-in, which another site cannot know.

    Raises
    ------
    CsrfError
        When it is missing, or of a log-in that has ended.
    """
    token = header(scope, CSRF_HEADER.lower().encode())
    if token is None:
        raise CsrfError(f"{CSRF_HEADER} is missing: send along what the cookie whose name ends in {_CSRF} holds")
    if not visit.may_change(token):
        raise CsrfError(f"{CSRF_HEADER} is not of this log-in; read the cookie whose name ends in {_CSRF} again")


def _name_here(scope: Scope, proxies: Sequence[Network]) -> tuple[str, bool]:
    if is_https(scope, proxies):
        return SECURE, True
    if is_loopback(scope):
        return PLAIN, False
    raise AccessError(
        "people log in over https, or on the server's own machine; behind a proxy, name it in GRIDMAP_TRUSTED_PROXIES "
        "and let it send X-Forwarded-Proto"
    )


def _host_in(origin: str) -> str:
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""
