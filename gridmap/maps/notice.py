"""The public notice of a grid (公示牌): one sheet of A4, Chinese first, that needs no script and no network."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

import geopandas as gpd
from jinja2 import Environment, Template
from markupsafe import Markup

from gridmap.errors import UnknownNameError
from gridmap.maps.notice_drawing import draw
from gridmap.maps.notice_ground import SIDES, ground_of
from gridmap.people.masking import mask_name, mask_phone
from gridmap.people.roster import EVERY_DUTY, Roster
from gridmap.people.times import ZONE, at_microseconds, holding

if TYPE_CHECKING:
    import pandas as pd

    from gridmap.grids.plan import Plan

SUPERVISION: Final = "12345"
"""The hotline of local government all over China."""
TASKS: Final = (
    ("采集更新人、房、地、事、组织等基础信息", "keep the records of people, homes, places, matters and organisations"),
    ("日常巡查，发现并上报事件与部件问题", "patrol; find and report what is wrong"),
    ("排查化解矛盾纠纷，走访服务居民", "settle disputes, visit and serve residents"),
    ("宣传政策法规，组织居民参与治理", "explain policy and law, bring residents together"),
)
"""What the norm for grid staff lists (GB/T 34300)."""
_TITLES: Final = {"large": "大网格", "medium": "中网格", "small": "小网格", "micro": "微网格"}
_KINDS: Final = {"base": "基础网格 base", "dedicated": "专属网格 dedicated"}
_EVERY: Final = "全部事项 all"
_UNKNOWN: Final = "—"
_MOST_MEMBERS: Final = 8
_MOST_DUTIES: Final = 6


@dataclass(frozen=True)
class Above:
    """A grid that the noticed one lies in."""

    title: str
    code: str
    name: str
    leader: str


@dataclass(frozen=True)
class Member:
    """Somebody of the grid, as the sheet says it."""

    name: str
    role: str
    phone: str
    full_time: bool
    primary: bool
    duties: str


@dataclass(frozen=True)
class Notice:
    """What a sheet says, in words."""

    code: str
    name: str
    title: str
    kind: str
    area: str
    households: str
    residents: str
    limits: str
    parents: tuple[Above, ...]
    further: tuple[tuple[str, str, str], ...]
    members: tuple[Member, ...]
    more: int
    nobody: str
    contact: str
    supervision: str
    tasks: tuple[tuple[str, str], ...]
    date: str
    plan_name: str
    version: str


def grid_notice(
    plan: Plan,
    code: str,
    *,
    roster: Roster | None = None,
    streets: gpd.GeoDataFrame | None = None,
    level: str | None = None,
    at: datetime | None = None,
    full_names: bool = False,
    contact: str | None = None,
    supervision: str = SUPERVISION,
) -> str:
    """Return the public notice of a grid as a page that prints on A4.

    Parameters
    ----------
    plan, code, level
        The grid; of several levels with the code the coarsest, unless one is stated.
    roster
        Who works there.
    streets
        Drawn where they are known; ``name`` and ``highway`` are used.
    at
        Whose people; now by default.
    full_names
        Names and phones unmasked; whoever asks for it keeps an audit.
    contact, supervision
        Phones; by default that of the first of the grid's people, and 12345.

    Raises
    ------
    UnknownNameError
        When the plan has no such grid.
    InputError
        When the grid has no ground.

    Examples
    --------
    >>> import shapely
    >>> from gridmap.grids.plan import Plan
    >>> squares = [shapely.box(120, 31, 120.01, 31.01), shapely.box(120.01, 31, 120.02, 31.01)]
    >>> layer = gpd.GeoDataFrame({"code": ["01", "02"], "name": ["春潮<b>", "新光"]}, geometry=squares, crs=4490)
    >>> page = grid_notice(Plan.from_layers({"small": layer}, name="name"), "01")
    >>> "春潮&lt;b&gt;" in page, "东至新光" in page, "<script" in page
    (True, True, False)
    """
    found = level or plan.level_of(code)
    if found not in plan.layers or code not in plan.layers[found].index:
        raise UnknownNameError(f"the plan has no grid {code!r} at level {found!r}; it has {', '.join(plan.layers)}")
    when = at or datetime.now(ZoneInfo(ZONE))
    people = _People(roster, when, full_names)
    ground = ground_of(plan, code, found, streets)
    row = plan.layers[found].loc[[code]].iloc[0]
    members, first = people.of(code)
    parents = tuple(_parents(plan, code, found, people))
    notice = Notice(
        code=code, name=_text(row["name"]) or code, title=level_words(found), kind=_KINDS.get(row["kind"], ""),
        area=_area(row["area_m2"]), households=_count(row["households"], "户"),
        residents=_count(row["residents"], "人"),
        limits=_limits(ground.limits), parents=parents, further=_further(parents, row),
        members=members[:_MOST_MEMBERS], more=max(len(members) - _MOST_MEMBERS, 0),
        nobody="未提供花名册 · no roster was given" if roster is None else "暂无人员 · nobody yet",
        contact=contact or first or _UNKNOWN, supervision=supervision, tasks=TASKS,
        date=when.astimezone(ZoneInfo(ZONE)).date().isoformat(), plan_name=plan.metadata.name, version=plan.version,
    )  # fmt: skip
    # The drawing escapes the names in it; everything else is escaped by the template.
    return _template().render(it=notice, drawing=Markup(draw(ground)))  # noqa: S704


def level_words(level: str) -> str:
    """Return what a level is called on a notice.

    Examples
    --------
    >>> level_words("small"), level_words("片区")
    ('小网格', '片区')
    """
    return _TITLES.get(level, level)


class _People:
    """A roster at a time, as a notice may show it."""

    def __init__(self, roster: Roster | None, at: datetime, full: bool) -> None:
        self._full = full
        self._leaders = None if roster is None else roster.grid_leaders(at, unmask=full)
        if roster is not None:
            held = roster.table[holding(roster.table, at_microseconds(at))]
            self._held = held.assign(_later=~held["primary"], _half=~held["full_time"])

    def of(self, code: str) -> tuple[tuple[Member, ...], str]:
        """Return who works in a grid, in the order of the rule, and the phone of the first."""
        if self._leaders is None:
            return (), ""
        rows = self._held[self._held["grid"] == code].sort_values(["_later", "_half", "person_id"], kind="stable")
        members = tuple(
            Member(
                self._name(row.name), row.role, self._phone(row.phone), bool(row.full_time), bool(row.primary),
                _duties(row.duties),
            )
            for row in rows.itertuples(index=False)
        )  # fmt: skip
        return members, members[0].phone if members else ""

    def leader(self, code: str) -> str:
        """Return who leads a grid, empty where nobody does."""
        if self._leaders is None or code not in self._leaders.index:
            return ""
        one = self._leaders.loc[code]
        return f"{one['role']} {one['name']}".strip()

    def _name(self, name: str) -> str:
        return name if self._full else mask_name(name)

    def _phone(self, phone: object) -> str:
        said = _text(phone)
        return (said if self._full else mask_phone(said)) or _UNKNOWN


def _parents(plan: Plan, code: str, level: str, people: _People) -> list[Above]:
    chain = [(at, above) for at, above in plan.chain(code, level).items() if at != level]
    return [
        Above(
            level_words(at), above, _text(plan.layers[at].loc[[above], "name"].iloc[0]) or above, people.leader(above)
        )
        for at, above in chain
    ]


def _further(parents: Sequence[Above], row: pd.Series) -> tuple[tuple[str, str, str], ...]:
    """Return what else is said of a grid where it is known: a word, what it is, and what stands small beside it."""
    said = [
        (f"所属{each.title} Within", each.name, " · ".join(filter(None, (each.code, each.leader)))) for each in parents
    ]
    said.append(("责任单位 Responsible body", _text(row["responsible_body"]), ""))
    said.append(("归口部门 Line department", _text(row["line_department"]), ""))
    return tuple(each for each in said if each[1])


def _duties(held: Sequence[str]) -> str:
    if EVERY_DUTY in held:
        return _EVERY
    rest = f" 等 {len(held)} 项" if len(held) > _MOST_DUTIES else ""
    return "、".join(sorted(held)[:_MOST_DUTIES]) + rest or _UNKNOWN


def _limits(sides: Sequence[str]) -> str:
    return "，".join(f"{chinese}至{name}" for (chinese, _), name in zip(SIDES, sides, strict=True) if name)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _count(value: float, unit: str) -> str:
    return _UNKNOWN if math.isnan(value) else f"{value:,.0f} {unit}"


def _area(value: float) -> str:
    if math.isnan(value):
        return _UNKNOWN
    return f"{value / 1e6:.2f} 平方公里 km²" if value >= 1e6 else f"{value / 1e4:.2f} 公顷 ha"


@cache
def _template() -> Template:
    body = files("gridmap.maps").joinpath("templates/notice.html").read_text(encoding="utf-8")
    return Environment(autoescape=True, trim_blocks=True).from_string(body)
