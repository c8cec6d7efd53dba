"""What is sent to log in, and what is said of whoever asks."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from gridmap.api.security_cookies import CSRF_HEADER


class Credentials(BaseModel):
    """A name and a password."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    username: Annotated[str, Field(min_length=1, max_length=64, description="用户名 · username", examples=["wang.min"])]
    password: Annotated[
        str, Field(min_length=1, max_length=256, description="口令 · password", json_schema_extra={"writeOnly": True})
    ]


class Who(BaseModel):
    """Who asks."""

    outcome: Annotated[Literal["public", "known"], Field(description="是否已识别 · whether it is known who asks")]
    name: Annotated[str, Field(description="用户名或密钥前缀 · username, or prefix of the key")]
    kind: Annotated[Literal["public", "key", "user"], Field(description="公众、密钥或用户 · what it is")]
    role: Annotated[str, Field(description="角色 · role")]
    jurisdiction: Annotated[str, Field(description="辖区：镇街编码，* 为全县 · code of the town, * for the county")]
    permissions: Annotated[list[str], Field(description="权限 · what it may do")]
    expires_at: Annotated[str | None, Field(description="会话最迟结束时间 · when the log-in ends at the latest")] = None
    csrf: Annotated[
        str | None, Field(description=f"登录时给出，修改时放入 {CSRF_HEADER} · at log-in: goes into {CSRF_HEADER}")
    ] = None
