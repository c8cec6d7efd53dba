"""Logging in and out. What the browser holds is kept as a hash; failures lock a name for a while, known or not."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import delete, func, or_, select
from sqlalchemy.orm import Session

from gridmap.service.access_keys import digest_of, random_secret
from gridmap.service.access_passwords import PASSWORDS, Passwords
from gridmap.service.access_rules import Principal
from gridmap.service.access_users import principal_of
from gridmap.service.audit import note
from gridmap.store.access_model import AppUser, Audit, UserSession

IDLE: Final = timedelta(minutes=30)
ABSOLUTE: Final = timedelta(hours=12)
_SEEN_EVERY: Final = timedelta(minutes=1)
FAILURES: Final = 5
"""Failures in a row after which a name is locked."""
LOCKED: Final = timedelta(minutes=15)
"""The first time; every further failure doubles it."""
LOCKED_AT_MOST: Final = timedelta(days=1)
_REMEMBERED: Final = timedelta(days=2)
_FAILED: Final = "log-in-failed"


@dataclass(frozen=True, repr=False)
class Login:
    """Somebody who has just logged in.

    Parameters
    ----------
    token
        The cookie.
    csrf
        What every change has to bring along.
    principal
        Who it is.
    expires_at
        When it ends, however busy.
    """

    token: str
    csrf: str
    principal: Principal
    expires_at: datetime


@dataclass(frozen=True)
class LoginRefused:
    """A log-in that was refused; it does not say whether there is such a name.

    Parameters
    ----------
    locked_for
        How long nobody can log in by that name; ``None`` where name or password are simply wrong.
    """

    locked_for: timedelta | None


@dataclass(frozen=True)
class Visit:
    """Somebody who is logged in.

    Parameters
    ----------
    principal
        Who it is.
    expires_at
        When it ends, however busy.
    csrf_digest
        Hash of what every change has to bring along.
    """

    principal: Principal
    expires_at: datetime
    csrf_digest: bytes

    def may_change(self, csrf: str) -> bool:
        """Whether this is what a change of this very log-in has to bring along."""
        return hmac.compare_digest(digest_of(csrf.encode("utf-8", "replace")), self.csrf_digest)


def log_in(
    session: Session,
    username: str,
    password: str,
    *,
    former: str | None = None,
    request_id: str | None = None,
    now: datetime | None = None,
    passwords: Passwords = PASSWORDS,
) -> Login | LoginRefused:
    """Log somebody in. A refusal is an answer, not an error: it has to be committed, or nobody would count.

    Known and unknown names go the same way: one row looked for, one slow hash, one answer.

    Parameters
    ----------
    session
        Of :meth:`gridmap.store.engine.Store.transaction`; attempts by one name wait for one another.
    username, password
        As typed.
    former
        The cookie that the browser brought along, if any: that log-in ends.
    request_id
        For the audit.
    now
        For tests.
    passwords
        At what cost passwords are hashed.
    """
    now = now or datetime.now(UTC)
    name = username.casefold()
    user = session.scalar(select(AppUser).where(AppUser.username == name).with_for_update()) if _is_text(name) else None
    if user is None:
        subject = passwords.bucket(name.encode("utf-8", "replace").decode())
        return _count_unknown(session, subject, now, request_id)
    fits = passwords.fits(user.password, password.encode("utf-8", "replace").decode())
    if user.locked_until is not None and user.locked_until > now:
        return LoginRefused(user.locked_until - now)
    if not fits or user.disabled:
        user.failed += 1
        locked = locked_for(user.failed)
        user.locked_until = None if locked is None else now + locked
        return _refuse(session, user.username, user.failed, now, request_id)
    if passwords.is_dated(user.password):
        user.password = passwords.hash(password)
    user.failed, user.locked_until = 0, None
    return _open(session, user, former, now, request_id)


def log_out(session: Session, token: str, *, request_id: str | None = None) -> None:
    """End a log-in."""
    row = session.get(UserSession, digest_of(token))
    if row is not None:
        session.delete(row)
        note(session, "logged-out", str(session.info["actor"]), request_id=request_id)


def session_of(session: Session, token: str, *, now: datetime | None = None) -> Visit | None:
    """Return who is logged in by a cookie; ``None`` where nobody is, or not any more."""
    now = now or datetime.now(UTC)
    digest = digest_of(token.encode("utf-8", "replace"))
    found = session.execute(
        select(UserSession, AppUser).join(AppUser, UserSession.user_id == AppUser.id)
        .where(UserSession.digest == digest, ~AppUser.disabled)
    ).one_or_none()  # fmt: skip
    if found is None:
        return None
    row, user = found
    if now >= row.expires_at or now >= row.seen_at + IDLE:
        return None
    if now >= row.seen_at + _SEEN_EVERY:  # a write a minute, not a write a request
        row.seen_at = now
    return Visit(principal_of(user), row.expires_at, bytes(row.csrf))


def locked_for(failures: int) -> timedelta | None:
    """Return how long a name is locked after so many failures in a row.

    Examples
    --------
    >>> [str(locked_for(failures)) for failures in (4, 5, 6, 7, 50)]
    ['None', '0:15:00', '0:30:00', '1:00:00', '1 day, 0:00:00']
    """
    if failures < FAILURES:
        return None
    doubled: int = 1 << min(failures - FAILURES, 10)
    return min(LOCKED * doubled, LOCKED_AT_MOST)


def _open(session: Session, user: AppUser, former: str | None, now: datetime, request_id: str | None) -> Login:
    ended = or_(UserSession.expires_at <= now, UserSession.seen_at <= now - IDLE)
    if former is not None:
        ended = or_(ended, UserSession.digest == digest_of(former.encode("utf-8", "replace")))
    session.execute(delete(UserSession).where(ended))
    login = Login(random_secret(), random_secret(), principal_of(user), now + ABSOLUTE)
    session.add(
        UserSession(
            digest=digest_of(login.token), csrf=digest_of(login.csrf), user_id=user.id, created_at=now, seen_at=now,
            expires_at=login.expires_at,
        )
    )  # fmt: skip
    note(session, "logged-in", user.username, request_id=request_id)
    return login


def _count_unknown(session: Session, subject: str, now: datetime, request_id: str | None) -> LoginRefused:
    """Count failures with a name that nobody has, by the audit: they lock it as they would lock a user."""
    session.execute(select(func.pg_advisory_xact_lock(func.hashtext(subject))))
    rows = session.scalars(
        select(Audit).where(Audit.subject == subject, Audit.action == _FAILED, Audit.at > now - _REMEMBERED)
        .order_by(Audit.id.desc()).limit(1)
    ).all()  # fmt: skip
    failures = int(rows[0].detail["failures"]) if rows else 0
    if rows:
        until = datetime.fromisoformat(rows[0].detail["at"]) + (locked_for(failures) or timedelta(0))
        if until > now:
            return LoginRefused(until - now)
    return _refuse(session, subject, failures + 1, now, request_id)


def _refuse(session: Session, subject: str, failures: int, now: datetime, request_id: str | None) -> LoginRefused:
    note(session, _FAILED, subject, detail={"failures": failures, "at": now.isoformat()}, request_id=request_id)
    return LoginRefused(locked_for(failures))


def _is_text(name: str) -> bool:
    """Whether a database can hold it; what it cannot hold, nobody is called."""
    return name.isprintable()
