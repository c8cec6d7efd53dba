"""Access: who asks, what they may do, and what was done. The names that the command line and the API use."""

from __future__ import annotations

from gridmap.service.access_keys import KeyRing, NewKey, create_key, list_keys, read_ring, revoke_key
from gridmap.service.access_passwords import PASSWORDS, Passwords
from gridmap.service.access_rules import (
    PERMISSIONS,
    PUBLIC,
    ROLES,
    USER_ROLES,
    Principal,
    demand,
    may_see,
)
from gridmap.service.access_sessions import Login, LoginRefused, Visit, log_in, log_out, session_of
from gridmap.service.access_users import add_user, disable_user, list_users, set_password, unlock_user

__all__ = [
    "PASSWORDS",
    "PERMISSIONS",
    "PUBLIC",
    "ROLES",
    "USER_ROLES",
    "KeyRing",
    "Login",
    "LoginRefused",
    "NewKey",
    "Passwords",
    "Principal",
    "Visit",
    "add_user",
    "create_key",
    "demand",
    "disable_user",
    "list_keys",
    "list_users",
    "log_in",
    "log_out",
    "may_see",
    "read_ring",
    "revoke_key",
    "session_of",
    "set_password",
    "unlock_user",
]
