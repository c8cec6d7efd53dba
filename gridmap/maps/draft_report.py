"""The figures of a draft as plain values for a page: whole plan, grids one by one, before and after an edit."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import shapely
from numpy.typing import NDArray

from gridmap.maps.codec import encode_ints
from gridmap.maps.draft_words import edit_text, option_text, rule_title

if TYPE_CHECKING:
    from gridmap.errors import EditRefused
    from gridmap.grids.metrics import Metrics

UNKNOWN: Final = -(2**31)
"""What stands for a figure that is not known."""

SCALES: Final = {
    "households": 1.0,
    "deviation": 1000.0,
    "pieces": 1.0,
    "compactness": 1000.0,
    "on_streets": 1000.0,
    "station_s": 1.0,
    "buildings_cut": 1.0,
}
"""Columns of a grid's figures, and what each is multiplied by to become a whole number."""

WHOLE: Final = ("count", "in_band", "worst", "broken", "compactness", "on_streets", "buildings_cut")
MOST_ROWS: Final = 12
"""Grids shown with their figures before and after."""

Ints = NDArray[np.int64]


def grid_figures(metrics: Metrics) -> Ints:
    """Return the figures of each of ``metrics.codes`` as whole numbers, a column for each of :data:`SCALES`."""
    columns = []
    for name, scale in SCALES.items():
        values = np.asarray(metrics.columns[name], dtype=np.float64)
        columns.append(np.where(np.isfinite(values), np.rint(np.nan_to_num(values) * scale), UNKNOWN))
    return np.column_stack(columns).astype(np.int64)


def encode_figures(figures: Ints) -> str:
    """Return figures as text, row by row."""
    return encode_ints(figures.reshape(-1))


def whole_figures(metrics: Metrics) -> dict[str, float | None]:
    """Return the figures of the whole plan, ``None`` for those not known."""
    return {name: _plain(getattr(metrics, name)) for name in WHOLE}


def _plain(value: Any) -> float | None:
    number = float(value)
    return number if math.isfinite(number) else None


def edit_data(edit: Any, took_back: str | None) -> dict[str, Any]:
    """Return what an edit changed, for a page.

    Parameters
    ----------
    edit
        A :class:`gridmap.Edit`, or what a plan's journal recorded of one.
    took_back
        ``"undo"`` where the edit was taken back, ``"redo"`` where it was done again.
    """
    if not hasattr(edit, "before"):  # recorded in the file that the plan was read from: only what was done is known
        blocks = edit.journal["block"].nunique() if len(edit.journal) else 0
        codes = sorted({str(code) for name in ("old", "new") for code in edit.journal[name].dropna()})
        title = edit_text(edit.action, len(codes), blocks, None, took_back)
        return {"title": title, "number": edit.number, "codes": codes, "blocks": [], "rows": [], "more": 0}
    before, after = (edit.after, edit.before) if took_back == "undo" else (edit.before, edit.after)
    rows = _before_after(before, after)
    return {
        "title": edit_text(edit.action, len(rows), len(edit.moved_blocks), edit.moved_households, took_back),
        "number": edit.number,
        "codes": list(edit.changed),
        "blocks": list(edit.moved_blocks),
        "rows": rows[:MOST_ROWS],
        "more": max(0, len(rows) - MOST_ROWS),
        "before": whole_figures(before),
        **_bound(edit),
    }


def _bound(edit: Any) -> dict[str, Any]:
    found = edit.rebalance
    return {} if found is None else {"note": found.summary()}


def _before_after(before: Metrics, after: Metrics) -> list[dict[str, Any]]:
    """Return a row for each grid: its figures before (``None``: it did not exist) and after, most changed first."""
    was = {str(code): row for code, row in zip(before.codes, grid_figures(before).tolist(), strict=True)}
    now = {str(code): row for code, row in zip(after.codes, grid_figures(after).tolist(), strict=True)}
    rows: list[dict[str, Any]] = [
        {"code": code, "before": was.get(code), "after": now.get(code)} for code in sorted(was.keys() | now.keys())
    ]
    rows = [row for row in rows if row["before"] != row["after"]]

    def change(row: dict[str, Any]) -> int:
        if row["before"] is None or row["after"] is None:
            return UNKNOWN
        return -abs(int(row["after"][0]) - int(row["before"][0]))

    return sorted(rows, key=change)


def refusal_data(refused: EditRefused) -> dict[str, Any]:
    """Return why an edit was refused, where, and what is allowed instead."""
    place = refused.geometry
    bounds = None if place is None or shapely.is_empty(place) else [float(each) for each in shapely.bounds(place)]
    return {
        "rule": refused.rule,
        "title": rule_title(refused.rule),
        "message": str(refused),
        "codes": [str(code) for code in refused.codes],
        "place": None if bounds is None else shapely.to_geojson(place),
        "bounds": bounds,
        "options": [option_text(option) for option in doable(refused)],
        "lines": [None if option.line is None else shapely.to_geojson(option.line) for option in doable(refused)],
        "advice": [option for option in refused.allowed if isinstance(option, str)],
    }


def doable(refused: EditRefused) -> list[Any]:
    """Return the allowed edits that can be done as they stand."""
    return [option for option in refused.allowed if hasattr(option, "action")]
