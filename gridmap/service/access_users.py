"""People who log in: added, disabled, unlocked; every change is in the audit, and none of it holds a password."""

from __future__ import annotations

import re
from typing import Final

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from gridmap.errors import ConflictError, InputError, UnknownNameError
from gridmap.service.access_passwords import PASSWORDS, Passwords, read_password
from gridmap.service.access_rules import Principal, permissions_of, read_role
from gridmap.service.access_towns import known_town
from gridmap.service.audit import note
from gridmap.store.access_model import AppUser, UserSession

_USERNAME: Final = re.compile(r"[\w.@-]{2,64}")
_RESERVED: Final = ("public", "nobody")


def add_user(
    session: Session, *, username: str, password: str, role: str, town: str, passwords: Passwords = PASSWORDS
) -> AppUser:
    """Add somebody who may log in.

    Parameters
    ----------
    session
        Of :meth:`gridmap.store.engine.Store.transaction`.
    username
        2 to 64 letters, digits, ``.``, ``_``, ``@`` or ``-``; upper and lower case are the same.
    password
        See :func:`gridmap.service.access_passwords.read_password`.
    role
        Of :data:`gridmap.service.access_rules.USER_ROLES`.
    town
        Code of a town, or ``*`` for the county.
    passwords
        At what cost it is hashed.

    Raises
    ------
    InputError
        When one of these cannot be.
    ConflictError
        When somebody has the name.
    """
    name = username.casefold()
    if not _USERNAME.fullmatch(name) or name in _RESERVED:
        raise InputError(f"{username!r} cannot be a username: 2 to 64 letters, digits, dots, @ or -, no spaces")
    row = AppUser(
        username=name, role=read_role(role, town), town=known_town(session, town),
        password=passwords.hash(read_password(password, name)), created_by=str(session.info["actor"]),
    )  # fmt: skip
    if session.scalar(select(AppUser.id).where(AppUser.username == name)) is not None:
        raise ConflictError(f"there is a user {name} already; `gridmap users list` shows them all")
    session.add(row)
    note(session, "user-added", name, detail={"role": role, "town": town})
    return row


def set_password(session: Session, username: str, password: str, *, passwords: Passwords = PASSWORDS) -> None:
    """Give somebody another password; whoever is logged in by that name is no more.

    Raises
    ------
    InputError
        When the password is not taken.
    UnknownNameError
        When there is no such user.
    """
    row = user_named(session, username)
    row.password = passwords.hash(read_password(password, row.username))
    row.failed, row.locked_until = 0, None
    _end_sessions(session, row)
    note(session, "password-set", row.username)


def disable_user(session: Session, username: str) -> None:
    """Let somebody log in no more, and end what they are logged in with; they stay in the audit by their name."""
    row = user_named(session, username)
    row.disabled = True
    _end_sessions(session, row)
    note(session, "user-disabled", row.username)


def unlock_user(session: Session, username: str) -> None:
    """Let somebody log in again: after failed attempts, or after they were disabled."""
    row = user_named(session, username)
    row.disabled, row.failed, row.locked_until = False, 0, None
    note(session, "user-unlocked", row.username)


def list_users(session: Session) -> list[AppUser]:
    """Return every user, by name."""
    return list(session.scalars(select(AppUser).order_by(AppUser.username)))


def user_named(session: Session, username: str) -> AppUser:
    """Return a user, locked until the transaction ends.

    Raises
    ------
    UnknownNameError
        When there is none; it lists those there are.
    """
    row = session.scalar(select(AppUser).where(AppUser.username == username.casefold()).with_for_update())
    if row is None:
        known = ", ".join(session.scalars(select(AppUser.username).order_by(AppUser.username))) or "nobody yet"
        raise UnknownNameError(f"there is no user {username!r}; there is {known}")
    return row


def principal_of(row: AppUser) -> Principal:
    """Return a user as whoever asks."""
    return Principal(row.username, row.role, row.town, permissions_of(row.role, row.town), "user")


def _end_sessions(session: Session, row: AppUser) -> None:
    session.execute(delete(UserSession).where(UserSession.user_id == row.id))
