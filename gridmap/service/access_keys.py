"""Keys of programs: made once, shown once, kept as a hash, and read into memory to be checked there."""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from gridmap.errors import ConflictError, InputError, UnknownNameError
from gridmap.people.times import told
from gridmap.service.access_rules import Principal, read_scopes
from gridmap.service.access_towns import known_town
from gridmap.service.audit import note
from gridmap.store.access_model import ApiKey
from gridmap.store.engine import bump

START: Final = "gm_"
"""What every key begins with, so that those who look for leaked secrets find it."""
_BYTES: Final = 32
_SHOWN: Final = len(START) + 8
MOST_LETTERS: Final = 100
HIGHEST_RATE: Final = 1_000_000


@dataclass(frozen=True)
class NewKey:
    """A key just made.

    Parameters
    ----------
    key
        To be handed over now: nobody can ever show it again.
    prefix
        What it is called by from now on.
    """

    key: str
    prefix: str

    def __repr__(self) -> str:
        """Return what may stand in a log."""
        return f"NewKey({self.prefix}…)"


@dataclass(frozen=True)
class HeldKey:
    """A key as it is checked.

    Parameters
    ----------
    principal
        Whose it is.
    expires_s
        Seconds since 1970; ``None`` for never.
    rate_per_minute
        ``None`` for the usual.
    """

    principal: Principal
    expires_s: float | None
    rate_per_minute: int | None


@dataclass(frozen=True)
class KeyRing:
    """The keys that were valid when it was read, by their hash; it never changes, and threads share it.

    It is checked in memory, so keys work while the database does not; then a key that is withdrawn meanwhile works
    until the database is back.
    """

    keys: Mapping[bytes, HeldKey]

    def find(self, key: bytes, now_s: float) -> HeldKey | None:
        """Return the key of these bytes; ``None`` where there is none, or it has expired."""
        held = self.keys.get(hashlib.sha256(key).digest())
        return None if held is None or (held.expires_s is not None and held.expires_s <= now_s) else held


def digest_of(secret: str | bytes) -> bytes:
    """Return the hash under which a random secret is kept.

    One round of SHA-256 is right for 32 random bytes: there is nothing to guess that a slow hash would protect, and
    every request pays for it. Passwords are another matter (:mod:`gridmap.service.access_passwords`).
    """
    return hashlib.sha256(secret.encode() if isinstance(secret, str) else secret).digest()


def random_secret() -> str:
    """Return 32 random bytes in letters that stand in headers and cookies as they are."""
    return base64.urlsafe_b64encode(secrets.token_bytes(_BYTES)).rstrip(b"=").decode()


def create_key(
    session: Session,
    *,
    name: str,
    scopes: Iterable[str],
    town: str = "*",
    expires_at: datetime | None = None,
    rate_per_minute: int | None = None,
    now: datetime | None = None,
) -> NewKey:
    """Make a key for a program.

    Parameters
    ----------
    session
        Of :meth:`gridmap.store.engine.Store.transaction`; workers know the key within a second of the commit.
    name
        Which program it is for.
    scopes
        Of :data:`gridmap.service.access_rules.PERMISSIONS`.
    town
        Code of a town, or ``*`` for the county.
    expires_at
        Aware; ``None`` for never.
    rate_per_minute
        Requests; ``None`` for the usual.
    now
        For tests.

    Raises
    ------
    InputError
        When one of these cannot be.
    """
    row = ApiKey(
        name=_read_name(name), town=known_town(session, town), scopes=list(read_scopes(scopes, town)),
        expires_at=_read_expiry(expires_at, now or datetime.now(UTC)), rate_per_minute=_read_rate(rate_per_minute),
        created_by=str(session.info["actor"]),
    )  # fmt: skip
    key = START + random_secret()
    row.prefix, row.digest = key[:_SHOWN], digest_of(key)
    session.add(row)
    detail = {"name": row.name, "scopes": row.scopes, "town": town}
    note(session, "key-created", row.prefix, detail=detail)
    bump(session)
    return NewKey(key, row.prefix)


def revoke_key(session: Session, prefix: str, *, now: datetime | None = None) -> ApiKey:
    """Withdraw a key, for good.

    Raises
    ------
    UnknownNameError
        When there is none of that prefix; it lists those there are.
    ConflictError
        When it is withdrawn already.
    """
    row = session.scalar(select(ApiKey).where(ApiKey.prefix == prefix[:_SHOWN]).with_for_update())
    if row is None:
        known = session.scalars(select(ApiKey.prefix).where(ApiKey.revoked_at.is_(None)).order_by(ApiKey.id)).all()
        raise UnknownNameError(f"there is no key {prefix[:_SHOWN]!r}; in use: {', '.join(known) or 'none'}")
    if row.revoked_at is not None:
        raise ConflictError(
            f"the key {row.prefix} is withdrawn already, since {row.revoked_at.isoformat(' ', 'seconds')}"
        )
    row.revoked_at = now or datetime.now(UTC)
    note(session, "key-revoked", row.prefix, detail={"name": row.name})
    bump(session)
    return row


def list_keys(session: Session) -> list[ApiKey]:
    """Return every key there ever was, the oldest first; none of them can be read back from it."""
    return list(session.scalars(select(ApiKey).order_by(ApiKey.id)))


def read_ring(session: Session) -> KeyRing:
    """Return the keys that are valid now."""
    rows = session.scalars(select(ApiKey).where(ApiKey.revoked_at.is_(None)))
    return KeyRing(MappingProxyType({bytes(row.digest): _held(row) for row in rows}))


def _held(row: ApiKey) -> HeldKey:
    principal = Principal(f"key:{row.prefix}", "caller", row.town, frozenset(row.scopes), "key")
    return HeldKey(principal, row.expires_at.timestamp() if row.expires_at else None, row.rate_per_minute)


def _read_name(name: str) -> str:
    if not name.strip() or not name.isprintable() or len(name) > MOST_LETTERS:
        raise InputError(f"the name of a key says which program it is for, in at most {MOST_LETTERS} letters")
    return name.strip()


def _read_expiry(expires_at: datetime | None, now: datetime) -> datetime | None:
    if expires_at is not None and expires_at.tzinfo is None:
        raise InputError(f"a key cannot expire at {expires_at}, which has no time zone")
    if expires_at is not None and expires_at <= now:
        raise InputError(f"a key cannot expire at {told(expires_at)}; name a time to come")
    return expires_at


def _read_rate(rate: int | None) -> int | None:
    if rate is not None and not 1 <= rate <= HIGHEST_RATE:
        raise InputError(f"a rate of {rate} requests a minute cannot be; allowed: 1 to {HIGHEST_RATE}")
    return rate
