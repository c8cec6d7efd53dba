"""What the OpenAPI says of access: keys, log-ins, and the problems that come with them everywhere."""

from __future__ import annotations

from typing import Any, Final

from fastapi import FastAPI

from gridmap.api.errors import MediaTypeError, TooLargeError
from gridmap.api.openapi_parts import Operation, content, problems
from gridmap.api.security_cookies import CSRF_HEADER, SECURE, CsrfError
from gridmap.api.security_models import Credentials
from gridmap.errors import AccessError, IdentityError, InputError, RateError

JSON: Final = "application/json"
FORM: Final = "application/x-www-form-urlencoded"
_KEY: Final = "key"
_SESSION: Final = "session"
_SCHEMES: Final = {
    _KEY: {
        "type": "http", "scheme": "bearer", "bearerFormat": "gm_…",
        "description": "程序的密钥，由 `gridmap keys create` 新建 · of programs, made by `gridmap keys create`",
    },
    _SESSION: {
        "type": "apiKey", "in": "cookie", "name": SECURE,
        "description": f"登录后的会话；修改须带 {CSRF_HEADER} · of people who log in; changes need {CSRF_HEADER}",
    },
}  # fmt: skip
_WHO: Final = {
    "outcome": "known", "name": "wang.min", "kind": "user", "role": "dispatcher", "jurisdiction": "320299001",
    "permissions": ["batch", "read", "unmask"], "expires_at": "2026-05-01T20:00:00+08:00", "csrf": None,
}  # fmt: skip
_NOBODY: Final = {
    "outcome": "public", "name": "public", "kind": "public", "role": "public", "jurisdiction": "*",
    "permissions": ["read"], "expires_at": None, "csrf": None,
}  # fmt: skip
_ASKED: Final = {"username": "wang.min", "password": "correct horse battery"}
_OTHER_SITE: Final = CsrfError("a page of another site asks for this; it is done from pages of this server alone")
_TOO_OFTEN: Final = RateError("more than 600 requests a minute; ask again in 0.1 s", retry_after_s=0.1)
_ALWAYS: Final = (
    IdentityError("there is no such key, or it has expired or been withdrawn"),
    AccessError("key:gm_Ab12Cd34 may not load: that takes the permission 'load'; it has read"),
    _TOO_OFTEN,
)
"""What any operation may answer where it matters who asks."""

LOG_IN: Final[Operation] = {
    "operation_id": "logIn",
    "summary": "登录 · Log in",
    "openapi_extra": {
        "security": [{}],
        "requestBody": {
            "required": True,
            "content": {
                kind: {"schema": Credentials.model_json_schema(), "example": _ASKED} for kind in (JSON, FORM)
            },
        },
    },
    "responses": {
        200: {"content": {JSON: content(None, known=_WHO | {"csrf": "jWp0…"})}},
        **problems(
            "/login", IdentityError("name or password is wrong"), _OTHER_SITE,
            InputError("password: Field required"), TooLargeError("the body is larger than 4,096 bytes"),
            MediaTypeError(f"Content-Type is text/plain; allowed: {JSON}, {FORM}"),
            RateError("too many wrong passwords by this name; it is locked for 15 minutes", retry_after_s=900),
        ),
    },
}  # fmt: skip
LOG_OUT: Final[Operation] = {
    "operation_id": "logOut",
    "summary": "退出 · Log out",
    "responses": {204: {"description": "已退出 · Nobody is logged in any more"}, **problems("/logout")},
}
WHO: Final[Operation] = {
    "operation_id": "whoAmI",
    "summary": "我是谁 · Who am I",
    "responses": {200: {"content": {JSON: content(None, known=_WHO, public=_NOBODY)}}, **problems("/v1/me")},
}
OPERATIONS: Final = (LOG_IN, LOG_OUT, WHO)


def install(app: FastAPI, *, public: bool) -> None:
    """Complete an app's OpenAPI by how one says who one is, and what is answered where that does not do.

    Parameters
    ----------
    app
        The app; operations that it gets later are completed too.
    public
        Whether one may also say nothing.
    """
    described = app.openapi

    def complete() -> dict[str, Any]:
        said = described()
        if "security" in said:
            return said
        said["components"]["securitySchemes"] = _SCHEMES
        said["security"] = [*([{}] if public else []), {_KEY: []}, {_SESSION: []}]
        for path, item in said["paths"].items():
            for operation in item.values():
                for status, problem in problems(path, *_ALWAYS).items():
                    operation["responses"].setdefault(str(status), problem)
        return said

    app.openapi = complete  # type: ignore[method-assign]
