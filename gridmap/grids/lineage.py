"""What became of retired codes, and which codes a plan has ever used.

Codes never change meaning and are never used again (domain.md, "Codes"): a grid that is split or merged away closes,
and the record of where its ground went, old → new with shares of area and households, stays with the plan.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from gridmap.errors import InputError
from gridmap.grids.frames import LINEAGE_COLUMNS, canonical_table

if TYPE_CHECKING:
    from gridmap.grids.compare import Delta
    from gridmap.grids.plan import Plan

FLOW_COLUMNS: Final = ("level", "old", "new", "area_m2", "households", "blocks")
"""How much ground, households and blocks went from grid ``old`` to grid ``new``; ``None`` is outside the other plan."""

TRIFLE: Final = 0.01
"""A part of a grid smaller than this, of its area and of its households, is a touched-up border, no descent."""


def label_flows(
    level: str, old: ArrayLike, new: ArrayLike, area_m2: ArrayLike, households: ArrayLike | None = None
) -> pd.DataFrame:
    """Return how much went from which grid to which, for blocks that carry a code before and after.

    Parameters
    ----------
    level
        The level the codes are of.
    old, new
        (n,) codes of each block before and after; ``None`` where it is in no grid.
    area_m2, households
        (n,) of each block. Households that are not known (NaN, or none given) count as 0.

    Returns
    -------
    A table with :data:`FLOW_COLUMNS`, one row a pair, sorted; blocks that are in no grid at all are left out.

    Examples
    --------
    >>> label_flows("small", ["01", "01", "02"], ["01", "03", "02"], [5.0, 5.0, 8.0], [10, 20, 30])
    ... # doctest: +NORMALIZE_WHITESPACE
       level old new  area_m2  households  blocks
    0  small  01  01      5.0        10.0       1
    1  small  01  03      5.0        20.0       1
    2  small  02  02      8.0        30.0       1
    """
    area = np.asarray(area_m2, dtype=np.float64)
    homes = np.zeros(len(area)) if households is None else np.nan_to_num(np.asarray(households, dtype=np.float64))
    return flow_table([LevelFlows.of(level, Labels.of(old), Labels.of(new), area, homes, over_m2=-1.0)])


@dataclass(frozen=True, eq=False)
class Labels:
    """Which grid each of many things is in: codes, each once, and positions among them, -1 for none."""

    codes: NDArray[np.object_]
    grid: NDArray[np.int64]

    @classmethod
    def of(cls, codes: ArrayLike) -> Labels:
        """Return the labels of things that carry codes, ``None`` where they are in no grid."""
        at, known = pd.factorize(np.asarray(codes, dtype=object), sort=True)
        return cls(np.asarray(known, dtype=object), at.astype(np.int64))

    def at_rows(self, rows: NDArray[np.int64]) -> Labels:
        """Return the labels of some of the things, in the order of their rows; row -1 is in no grid."""
        return Labels(self.codes, np.append(self.grid, -1)[rows])

    def names(self) -> NDArray[np.object_]:
        """Return the code of each thing, ``None`` where it is in no grid."""
        found = np.full(len(self.codes) + 1, None, dtype=object)  # position -1 is the None at the end
        found[:-1] = self.codes
        return found[self.grid]


@dataclass(frozen=True, eq=False)
class LevelFlows:
    """What went from which grid to which at one level, one entry a pair of grids, sorted.

    Parameters
    ----------
    level
        Its name.
    old, new
        The grids of each pair.
    area_m2, households, blocks
        (n,) of the ground they have in common.
    """

    level: str
    old: Labels
    new: Labels
    area_m2: NDArray[np.float64]
    households: NDArray[np.float64]
    blocks: NDArray[np.int64]

    @classmethod
    def of(
        cls,
        level: str,
        old: Labels,
        new: Labels,
        area_m2: NDArray[np.float64],
        households: NDArray[np.float64],
        *,
        over_m2: float = 0.0,
    ) -> LevelFlows:
        """Sum up pieces of ground by their grids.

        Pieces that are in no grid are left out, and pairs whose ground is not larger than ``over_m2``.
        """
        width = len(new.codes) + 1
        pairs, where = np.unique((old.grid + 1) * width + new.grid + 1, return_inverse=True)
        area = np.bincount(where, weights=area_m2, minlength=len(pairs))
        homes = np.bincount(where, weights=households, minlength=len(pairs))
        blocks = np.bincount(where, minlength=len(pairs)).astype(np.int64)
        kept = (pairs != 0) & (area > over_m2)
        sides = (Labels(old.codes, pairs[kept] // width - 1), Labels(new.codes, pairs[kept] % width - 1))
        return cls(level, *sides, area[kept], homes[kept], blocks[kept])


def flow_table(flows: Sequence[LevelFlows], *, blocks: bool = True) -> pd.DataFrame:
    """Return the flows of several levels with :data:`FLOW_COLUMNS`; without ``blocks`` their number is ``NA``."""
    counts = np.concatenate([each.blocks for each in flows])
    sizes = [len(each.area_m2) for each in flows]
    columns = {
        "level": np.repeat(np.array([each.level for each in flows], dtype=object), sizes),
        "old": np.concatenate([each.old.names() for each in flows]),
        "new": np.concatenate([each.new.names() for each in flows]),
        "area_m2": np.concatenate([each.area_m2 for each in flows]),
        "households": np.concatenate([each.households for each in flows]),
        "blocks": counts if blocks else pd.array(np.full(len(counts), pd.NA), dtype="Int64"),
    }
    return object_frame(columns)


def object_frame(columns: dict[str, Any]) -> pd.DataFrame:
    """Return a table whose words stay objects: ``None`` stays ``None``, and nothing is converted."""
    return pd.DataFrame(
        {
            name: pd.Series(values, dtype=object) if values.dtype.kind == "O" else values
            for name, values in columns.items()
        }
    )


def lineage_of(
    changes: Delta | pd.DataFrame,
    date: datetime | str | None,
    document: str | None = None,
    *,
    trifle: float = TRIFLE,
) -> pd.DataFrame:
    """Return what became of every code that is retired: which grids hold its ground now.

    Parameters
    ----------
    changes
        From :func:`gridmap.compare_plans`, or a table of flows (:func:`label_flows`, of any levels one below the
        other).
    date
        When the new grids begin; a naive time means Asia/Shanghai.
    document
        The approval.
    trifle
        A grid that holds less than this share of the old one's area and of its households is left out, unless it is
        all there is.

    Returns
    -------
    A table with :data:`~gridmap.grids.frames.LINEAGE_COLUMNS`, sorted by level (in the order they came), old, new.
    ``new`` is ``None`` where no grid holds the ground. ``share_households`` is NaN where the old grid had none.

    Examples
    --------
    >>> flows = label_flows("small", ["01", "01", "02"], ["03", "04", "02"], [5.0, 15.0, 8.0], [10, 10, 30])
    >>> lineage_of(flows, "2026-11-01", "锡新发〔2026〕3号").iloc[:, [1, 2, 4, 5]].values.tolist()
    [['01', '03', 0.25, 0.5], ['01', '04', 0.75, 0.5]]
    """
    flows = changes if isinstance(changes, pd.DataFrame) else changes.flows
    missing = [name for name in FLOW_COLUMNS[:5] if name not in flows.columns]
    if missing:
        raise InputError(f"flows have no column {missing[0]!r}; they carry {', '.join(FLOW_COLUMNS)}")
    parts = [_descent(part, trifle) for _, part in flows.groupby("level", sort=False)]
    made = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=list(LINEAGE_COLUMNS))
    return canonical_table(made.assign(date=date, document=document), LINEAGE_COLUMNS, "lineage")


def unsaid(lineage: pd.DataFrame, said: Iterable[tuple[str | None, str | None]]) -> pd.DataFrame:
    """Return what of a lineage is not said elsewhere already.

    Parameters
    ----------
    lineage
        :data:`~gridmap.grids.frames.LINEAGE_COLUMNS`, as it was computed.
    said
        Levels and codes whose descent a plan states itself: what is stated goes before what is computed. A code may
        stand at several levels, and what is said of it at one says nothing of the other.

    Examples
    --------
    >>> found = pd.DataFrame({"level": ["large", "medium"], "old": ["320299001", "320299001"], "new": None})
    >>> unsaid(found, [("large", "320299001")])["level"].tolist()
    ['medium']
    """
    known = set(said)
    return lineage[[key not in known for key in zip(lineage["level"], lineage["old"], strict=True)]]


def _descent(flows: pd.DataFrame, trifle: float) -> pd.DataFrame:
    """Return the rows of one level: retired codes and who holds at least a trifle of them."""
    gone = flows[flows["old"].notna() & ~flows["old"].isin(flows["new"])].sort_values(["old", "new"], kind="stable")
    total = gone.groupby("old")[["area_m2", "households"]].transform("sum")
    with np.errstate(invalid="ignore", divide="ignore"):
        found = gone.assign(
            share_area=gone["area_m2"] / total["area_m2"],
            share_households=(gone["households"] / total["households"]).where(total["households"] > 0),
        )
    more = found[["share_area", "share_households"]].fillna(0).max(axis=1)
    enough = found["new"].notna() & (more >= trifle)
    alone = ~found["old"].isin(found.loc[enough, "old"])
    largest = more == more.groupby(found["old"]).transform("max")
    return found[enough | (alone & largest)]


def ever_used(plan: Plan) -> set[str]:
    """Return every code a plan has ever used: of its grids, its lineage and its journal. None of them is free.

    Examples
    --------
    >>> import geopandas as gpd, shapely
    >>> from gridmap.grids.plan import Plan
    >>> grid = gpd.GeoDataFrame({"code": ["02"]}, geometry=[shapely.box(120, 31, 121, 32)], crs=4490)
    >>> sorted(ever_used(Plan.from_layers({"small": grid})))
    ['02']
    """
    used = {str(code) for layer in plan.layers.values() for code in layer.index}
    for table in (plan.lineage, plan.journal):
        for column in ("old", "new"):
            used.update(table[column].dropna())
    return used - {""}
