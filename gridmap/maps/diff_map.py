"""The map of two plans side by side: what was split, merged or reshaped, what is new, and how many households moved."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from gridmap.errors import InputError
from gridmap.grids.compare import Delta, compare_plans
from gridmap.maps import colours
from gridmap.maps.codec import encode_arcs, encode_ints, encode_shapes
from gridmap.maps.offline import style
from gridmap.maps.page import StandalonePage
from gridmap.maps.topology import Topology, build_topology
from gridmap.maps.words import level_title, page_words
from gridmap.settings import language, text

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd

    from gridmap.grids.plan import Plan

SCRIPTS: Final = tuple(f"gridmap/{name}.js" for name in ("codec", "grids", "tooltip", "diff_list", "diff"))
STYLE: Final = "gridmap/diff.css"

CHANGE_TITLES: Final = {
    "split": ("拆分", "split"),
    "merged": ("合并", "merged"),
    "new": ("新增", "new"),
    "retired": ("撤销", "retired"),
    "reshaped": ("调整边界", "reshaped"),
    "kept": ("未变", "kept"),
}
CHANGE_COLOURS: Final = {
    "split": "#d96f5b", "merged": "#9a78b8", "new": "#58a46f", "retired": "#6f7f8d", "reshaped": "#e8c26a",
    "kept": "#fdfcf9",
}  # fmt: skip
MOVED_BORDER: Final = "#a3261d"
"""A border that only one of the two plans has."""

_WORDS: Final = {
    "compared": ("方案对比", "Plans compared"),
    "oldPlan": ("原方案", "Old plan"),
    "newPlan": ("新方案", "New plan"),
    "changes": ("变化", "Changes"),
    "noChanges": ("本级没有变化", "Nothing changed at this level"),
    "movedHere": ("更换网格", "Changed grid"),
    "householdsOut": ("划出户数", "Households given"),
    "householdsIn": ("划入户数", "Households taken"),
    "areaOut": ("划出面积", "Area given"),
    "areaIn": ("划入面积", "Area taken"),
    "heldNow": ("现属", "Now in"),
    "heldBefore": ("原属", "Was in"),
    "householdsUnit": ("户", "households"),
    "movedBorder": ("只在一方的边界", "Border of one plan only"),
    "showMore": ("显示更多", "Show more"),
}

Bounds = tuple[float, float, float, float]


def change_title(change: str) -> str:
    """Return what a change is called for the user.

    Examples
    --------
    >>> change_title("split") in ("拆分", "split")
    True
    """
    return text(*CHANGE_TITLES[change])


class DiffPage(StandalonePage):
    """The page of two plans; its right half is the ``folium.Map``, the left one is made beside it by its script.

    Parameters
    ----------
    data
        What the page's scripts read, see :func:`diff_map`.
    bounds
        West, south, east, north.
    """

    def __init__(self, data: dict[str, Any], bounds: Bounds) -> None:
        super().__init__(data, bounds, scripts=SCRIPTS, start="gridmap.openDiff")

    def render(self, **kwargs: Any) -> None:
        """Render the page with its own style after that of all pages."""
        super().render(**kwargs)
        figure: Any = self.get_root()
        figure.header.add_child(style(STYLE), name=STYLE)


def diff_map(old: Plan, new: Plan, *, delta: Delta | None = None) -> DiffPage:
    """Make a page of two plans: the old on the left, the new on the right, moved and zoomed together.

    Grids are coloured by what became of them, borders that only one plan has are drawn strong, a list of changes
    (most households first) leads to the spot, and whatever is pointed at is outlined on both sides.

    Parameters
    ----------
    old, new
        The plans.
    delta
        What :func:`gridmap.compare_plans` said of them; compared here if not given.

    Returns
    -------
    DiffPage
        A ``folium.Map``: ``page.save("diff.html")`` writes one file that opens with the network cable pulled.

    Raises
    ------
    InputError
        When ``delta`` is of other plans.

    Examples
    --------
    >>> import geopandas as gpd, shapely
    >>> from gridmap.grids.plan import Plan
    >>> west, east = shapely.box(120, 31, 121, 32), shapely.box(121, 31, 122, 32)
    >>> one = gpd.GeoDataFrame({"code": ["01"]}, geometry=[shapely.union(west, east)], crs=4490)
    >>> two = gpd.GeoDataFrame({"code": ["02", "03"]}, geometry=[west, east], crs=4490)
    >>> page = diff_map(Plan.from_layers({"small": one}), Plan.from_layers({"small": two}))
    >>> "Content-Security-Policy" in page.get_root().render()
    True
    """
    found = compare_plans(old, new) if delta is None else delta
    levels, topology = _levels(old, new, found)
    words = page_words() | {key: text(*pair) for key, pair in _WORDS.items()}
    data = {
        "language": language(),
        "words": words,
        "title": words["compared"],
        "version": old.version + new.version,
        "sides": [_side(plan, words[word]) for plan, word in ((old, "oldPlan"), (new, "newPlan"))],
        "quantum": topology.quantum,
        "arcs": encode_arcs(topology),
        "levels": levels,
        "start": _most_telling(levels, new.finest_tiling),
        "changes": [
            {"name": name, "title": change_title(name), "colour": colour} for name, colour in CHANGE_COLOURS.items()
        ],
        "lines": list(colours.LINES),
        "movedBorder": MOVED_BORDER,
    }
    return DiffPage(data, _bounds(old, new))


def _levels(old: Plan, new: Plan, delta: Delta) -> tuple[list[dict[str, Any]], Topology]:
    """Return every level that either plan has, and the arcs that both plans share."""
    names = list(dict.fromkeys([*new.layers, *old.layers]))
    before, after = ([plan.layers.get(name) for name in names] for plan in (old, new))
    topology = build_topology([[] if layer is None else layer.geometry.values for layer in (*before, *after)])
    moved = delta.moved().set_index("level")
    levels = []
    for at, name in enumerate(names):
        rows = delta.grids[(delta.grids["level"] == name) & (delta.grids["change"] != "kept")]
        told = rows.sort_values(["households", "area_m2"], ascending=False, kind="stable")
        drawn = (topology.layers[at], topology.layers[len(names) + at])
        sides = _level((before[at], after[at]), drawn, told)
        levels.append({"name": name, "title": level_title(name), **sides, "moved": _moved(moved, name)})
    return levels, topology


def _side(plan: Plan, called: str) -> dict[str, str]:
    return {"title": called, "name": plan.metadata.name or "", "version": plan.version}


def _level(
    layers: tuple[gpd.GeoDataFrame | None, gpd.GeoDataFrame | None],
    shapes: Sequence[tuple[tuple[tuple[int, ...], ...], ...]],
    rows: pd.DataFrame,
) -> dict[str, Any]:
    """Return both sides of a level and its changes; grids refer to changes, and changes to grids, by position."""
    places = [_places(layer) for layer in layers]
    strangers = {code for side, place in zip(("old", "new"), places, strict=True) for codes in rows[side]
                 for code in codes if code not in place}  # fmt: skip
    if strangers:
        raise InputError(
            f"the comparison names grid {min(strangers)}, which the plan does not have; compare these plans"
        )
    own = [_own_rows(rows, side) for side in ("old", "new")]
    sides = [
        {"shapes": encode_shapes(drawn), **_grids(layer, mine)}
        for layer, drawn, mine in zip(layers, shapes, own, strict=True)
    ]
    changes = list(CHANGE_COLOURS)
    numbers = ("area_lost_m2", "area_gained_m2", "households_lost", "households_gained")
    return {
        "sides": sides,
        "change": encode_ints([changes.index(each) for each in rows["change"]]),
        "old": _lists(places[0], rows["old"]),
        "new": _lists(places[1], rows["new"]),
        "figures": [encode_ints(_whole(rows[name])) for name in numbers],
    }


def _places(layer: gpd.GeoDataFrame | None) -> dict[str, list[int]]:
    """Return where the grids of each code stand; imported layers may have several."""
    found: dict[str, list[int]] = {}
    for at, code in enumerate([] if layer is None else layer.index):
        found.setdefault(str(code), []).append(at)
    return found


def _own_rows(rows: pd.DataFrame, side: str) -> dict[str, int]:
    """Return for each code the row that says what became of it: the one it has the colour of."""
    # A new code that takes over retired grids may be part of a split, too: then the merger is what it shows.
    order = {"merged": 0, "split": 1}
    told = {"old": ("merged", "split", "retired", "reshaped"), "new": ("merged", "split", "new", "reshaped")}[side]
    found: dict[str, int] = {}
    listed = [(order.get(change, 2), at) for at, change in enumerate(rows["change"]) if change in told]
    for _, at in sorted(listed):
        for code in rows[side].iloc[at]:
            found.setdefault(code, at)
    return found


def _grids(layer: gpd.GeoDataFrame | None, own: dict[str, int]) -> dict[str, Any]:
    if layer is None:
        return {"codes": [], "names": [], "households": "", "area": "", "row": ""}
    return {
        "codes": list(layer.index),
        "names": ["" if name is None else str(name) for name in layer["name"]],
        "households": encode_ints(_whole(layer["households"])),
        "area": encode_ints(_whole(layer["area_m2"])),
        "row": encode_ints([own.get(code, -1) for code in layer.index]),
    }


def _lists(places: dict[str, list[int]], codes: Iterable[tuple[str, ...]]) -> str:
    """Return the positions of the grids of each row as text: how many, then which."""
    flat: list[int] = []
    for row in codes:
        here = [at for code in row for at in places[code]]
        flat += [len(here), *here]
    return encode_ints(flat)


def _whole(values: Any) -> Any:
    numbers = np.asarray(values, dtype=np.float64)
    return np.where(np.isfinite(numbers), np.rint(numbers), -1).astype(np.int64)


def _moved(moved: pd.DataFrame, level: str) -> dict[str, float]:
    if level not in moved.index:
        return {"households": 0, "area": 0, "share": 0}
    row = moved.loc[level]
    homes = float(row["households"])
    share = row["share_area"] if np.isnan(homes) else row["share_households"]
    return {"households": -1 if np.isnan(homes) else round(homes), "area": round(row["area_m2"]), "share": float(share)}


def _most_telling(levels: Sequence[dict[str, Any]], finest: str) -> int:
    """Return the level that is shown first: the finest tiling one, or where that is as it was, one that changed."""
    names = [level["name"] for level in levels]
    changed = [at for at, level in enumerate(levels) if level["change"]]
    wanted = names.index(finest)
    return wanted if wanted in changed or not changed else changed[-1]


def _bounds(*plans: Plan) -> Bounds:
    boxes = np.array([layer.total_bounds for plan in plans for layer in plan.layers.values() if len(layer)])
    known = boxes[np.isfinite(boxes).all(axis=1)] if len(boxes) else boxes
    if len(known) == 0:
        return 73.0, 18.0, 135.0, 54.0
    west, south = (float(each) for each in known[:, :2].min(axis=0))
    east, north = (float(each) for each in known[:, 2:].max(axis=0))
    return west, south, east, north
