"""Who may do what: one vocabulary of permissions, one table of roles, and whose town is whose."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

from gridmap.errors import AccessError, InputError

COUNTY: Final = "*"
"""Jurisdiction of who sees every town, as the store has it: this module is used where no database is installed."""

MOST_REASON: Final = 500
"""Letters of a reason, or of a note: what is kept in the audit."""

Kind = Literal["public", "key", "user"]

PERMISSIONS: Final[Mapping[str, str]] = MappingProxyType({
    "read": "查询网格与落格 · ask which grid a point is in, and what is recorded of grids, stations and circles",
    "batch": "批量落格 · ask about as many points at once as the service answers",
    "unmask": "查看完整姓名电话，逐次留痕 · see full names and phones, with a reason that is kept",
    "load": "导入花名册等 · load rosters, stations, circles, departments and organisations",
    "propose": "提交方案 · propose a version of the plan",
    "approve": "审核方案 · approve a proposal (county only)",
    "metrics": "读取运行指标 · read the metrics of the service",
    "publish": "发布与回滚 · publish a version, or an older one again (county only)",
})  # fmt: skip
"""What may be done; the scopes of a key are these."""
COUNTY_ONLY: Final = frozenset({"approve", "publish"})
"""What concerns every town, so that no single town may do it."""

ROLES: Final[Mapping[str, frozenset[str]]] = MappingProxyType({
    "planner": frozenset({"read", "batch", "load", "propose", "approve", "publish"}),
    "commander": frozenset({"read", "batch", "unmask", "approve", "publish"}),
    "dispatcher": frozenset({"read", "batch", "unmask"}),
    "grid_staff": frozenset({"read", "batch", "unmask"}),
    "caller": frozenset({"read", "batch"}),
    "public": frozenset({"read"}),
})  # fmt: skip
"""What each role may do, within its jurisdiction."""
USER_ROLES: Final = tuple(role for role in ROLES if role != "public")
_OF_A_TOWN: Final = frozenset({"grid_staff"})
"""Roles that belong to a town: nobody walks the grids of a whole county."""
_TOWN: Final = re.compile(r"\*|[0-9A-Za-z_.-]{1,64}")


@dataclass(frozen=True)
class Principal:
    """Whoever asks.

    Parameters
    ----------
    name
        What the audit calls them: ``key:gm_Ab12Cd34``, a username, ``public``.
    role
        Of :data:`ROLES`; a program is a ``caller``, whatever its scopes.
    jurisdiction
        Code of a town (a grid of the coarsest level), or ``*`` for the county.
    scopes
        What they may do there: :data:`PERMISSIONS`.
    kind
        ``public``, ``key`` or ``user``.
    """

    name: str
    role: str
    jurisdiction: str
    scopes: frozenset[str]
    kind: Kind

    def may(self, permission: str) -> bool:
        """Whether something may be done at all.

        Examples
        --------
        >>> PUBLIC.may("read"), PUBLIC.may("unmask")
        (True, False)
        """
        return permission in self.scopes


PUBLIC: Final = Principal("public", "public", COUNTY, ROLES["public"], "public")
"""Whoever does not say who they are: sees the county, masked."""


def permissions_of(role: str, town: str) -> frozenset[str]:
    """Return what a role may do in a jurisdiction.

    Examples
    --------
    >>> sorted(permissions_of("commander", "*") - permissions_of("commander", "320214001"))
    ['approve', 'publish']
    """
    return ROLES[role] if town == COUNTY else ROLES[role] - COUNTY_ONLY


def may_see(principal: Principal, town: str | None) -> bool:
    """Whether what belongs to a town is within somebody's jurisdiction; what belongs to none is the county's.

    The second lock behind row-level security, which has the same rule.

    Examples
    --------
    >>> staff = Principal("li", "grid_staff", "320214001", ROLES["grid_staff"], "user")
    >>> may_see(staff, "320214001"), may_see(staff, "320214002"), may_see(staff, None), may_see(PUBLIC, None)
    (True, False, False, True)
    """
    return principal.jurisdiction == COUNTY or (town is not None and principal.jurisdiction == town)


def demand(principal: Principal, permission: str, town: str | None = None) -> None:
    """Insist that something may be done, in a town where one is named.

    Raises
    ------
    AccessError
        Naming what is missing.

    Examples
    --------
    >>> demand(PUBLIC, "publish")
    Traceback (most recent call last):
    gridmap.errors.AccessError: public may not publish: ...
    """
    if not principal.may(permission):
        theirs = ", ".join(sorted(principal.scopes)) or "nothing"
        raise AccessError(
            f"{principal.name} may not {permission}: that takes the permission {permission!r}; it has {theirs}"
        )
    if town is not None and not may_see(principal, town):
        raise AccessError(f"{principal.name} is of {principal.jurisdiction}, and may not {permission} in {town}")


def read_town(town: str) -> str:
    """Return a jurisdiction, if it can be one.

    Raises
    ------
    InputError
        When it is neither ``*`` nor a code.
    """
    if not _TOWN.fullmatch(town):
        raise InputError(f"town {town!r} is neither the code of a grid of the coarsest level nor * for the county")
    return town


def read_scopes(scopes: Iterable[str], town: str) -> tuple[str, ...]:
    """Return the scopes of a key, in the order of the table; every key may read.

    Raises
    ------
    InputError
        When one is unknown, none is named, or a town would get what is the county's.

    Examples
    --------
    >>> read_scopes(["batch"], "320214001")
    ('read', 'batch')
    """
    wanted = set(scopes)
    unknown = sorted(wanted - set(PERMISSIONS))
    if unknown or not wanted:
        said = f"{', '.join(unknown)} is no scope" if unknown else "a key needs a scope"
        raise InputError(f"{said}; there are {', '.join(PERMISSIONS)}")
    if town != COUNTY and wanted & COUNTY_ONLY:
        raise InputError(
            f"{', '.join(sorted(wanted & COUNTY_ONLY))} concerns every town: for keys of the county, town *"
        )
    return tuple(name for name in PERMISSIONS if name == "read" or name in wanted)


def read_role(role: str, town: str) -> str:
    """Return the role of a user, if there is such a one in such a jurisdiction.

    Raises
    ------
    InputError
        When there is not.
    """
    if role not in USER_ROLES:
        raise InputError(f"{role!r} is no role; there are {', '.join(USER_ROLES)}")
    if role in _OF_A_TOWN and town == COUNTY:
        raise InputError(f"the role {role} belongs to a town; name its code, not *")
    return role
