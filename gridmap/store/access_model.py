"""Who may ask what, and who did what: keys of programs, users and their sessions, the audit, the generation."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, Index, func, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import Text

from gridmap.store.base import Base


class ApiKey(Base):
    """A program's key. The key itself is shown once, when it is made; here is its hash."""

    __tablename__ = "api_key"

    id: Mapped[int] = mapped_column(primary_key=True)
    prefix: Mapped[str] = mapped_column(unique=True)
    """The first letters of the key: what people call it by."""
    digest: Mapped[bytes] = mapped_column(unique=True)
    name: Mapped[str]
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    town: Mapped[str]
    """Jurisdiction: code of a coarsest grid, ``*`` for the county."""
    rate_per_minute: Mapped[int | None]
    created_by: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class AppUser(Base):
    """A person who logs in."""

    __tablename__ = "app_user"

    id: Mapped[int] = mapped_column(primary_key=True)
    username: Mapped[str] = mapped_column(unique=True)
    password: Mapped[str]
    """Argon2id, with its parameters and salt."""
    role: Mapped[str]
    town: Mapped[str]
    disabled: Mapped[bool] = mapped_column(server_default=text("false"))
    failed: Mapped[int] = mapped_column(server_default=text("0"))
    locked_until: Mapped[datetime | None]
    created_by: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class UserSession(Base):
    """A login. The cookie is not kept, its hash is."""

    __tablename__ = "user_session"

    digest: Mapped[bytes] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey(AppUser.id, ondelete="CASCADE"), index=True)
    csrf: Mapped[bytes]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    seen_at: Mapped[datetime] = mapped_column(server_default=func.now())
    expires_at: Mapped[datetime]


class Audit(Base):
    """Who did what, when and why. Rows are only ever added."""

    __tablename__ = "audit"
    __table_args__ = (Index("ix_audit_subject", "subject"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    at: Mapped[datetime] = mapped_column(server_default=func.now(), index=True)
    actor: Mapped[str]
    action: Mapped[str]
    subject: Mapped[str]
    reason: Mapped[str]
    detail: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
    request_id: Mapped[str | None]


class Idempotency(Base):
    """The answer that a write has had, so that asking twice does it once."""

    __tablename__ = "idempotency"

    key: Mapped[str] = mapped_column(primary_key=True)
    actor: Mapped[str] = mapped_column(primary_key=True)
    asked: Mapped[bytes]
    answer: Mapped[dict[str, Any]] = mapped_column(JSONB)
    at: Mapped[datetime] = mapped_column(server_default=func.now())


class State(Base):
    """One row: a number that grows whenever something is committed that the API answers from."""

    __tablename__ = "state"
    __table_args__ = (CheckConstraint("id = 1", name="single"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    generation: Mapped[int] = mapped_column(BigInteger)
