"""What a page knows of a plan, its circles and who answers: plain values, numbers as short text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gridmap.errors import InputError
from gridmap.maps import colours
from gridmap.maps.codec import encode_arcs, encode_ints, encode_shapes
from gridmap.maps.topology import Topology, build_topology
from gridmap.maps.words import level_title
from gridmap.people.masking import mask_name, mask_phone

if TYPE_CHECKING:
    import geopandas as gpd

    from gridmap.grids.plan import Plan
    from gridmap.people.roster import Roster

CIRCLE_QUANTUM: Final = 1e-5
CIRCLE_TOLERANCE_M: Final = 5.0
_CLASSES: Final = 5


@dataclass(frozen=True)
class PlanData:
    """A plan as values for a page.

    Parameters
    ----------
    levels, arcs, quantum
        The levels from the coarsest with encoded shapes, the arcs they are made of, and the size of a step.
    people
        Role, name and phone of whoever leads a grid; levels refer to them by position.
    """

    levels: list[dict[str, Any]]
    arcs: str
    quantum: float
    people: list[list[str]]


def plan_data(plan: Plan, roster: Roster | None = None, *, unmask: bool = False) -> PlanData:
    """Return a plan as values for a page; names of people are masked unless asked otherwise."""
    topology = build_topology([layer.geometry.values for layer in plan.layers.values()])
    people, leads = _leaders(plan, roster, unmask)
    levels: list[dict[str, Any]] = []
    parents = parent_positions(plan)
    tints = colours.tint_plan(topology.layers, parents)
    for spec, shapes, above, tint in zip(plan.levels, topology.layers, parents, tints, strict=True):
        layer = plan.layers[spec.name]
        levels.append(
            {
                "name": spec.name,
                "title": level_title(spec.name),
                "tiles": spec.tiles,
                "shapes": encode_shapes(shapes),
                "codes": list(layer.index),
                "parents": encode_ints(above),
                "hue": encode_ints(tint.hue),
                "shade": encode_ints(tint.shade),
                "leads": encode_ints(_positions(layer.index, leads)),
                **_facts(layer),
            }
        )
    return PlanData(levels, encode_arcs(topology), topology.quantum, people)


def parent_positions(plan: Plan) -> list[NDArray[np.int64]]:
    """Return for each level where the parent of each grid stands in the level above, -1 for none."""
    above: pd.Index | None = None
    found = []
    for spec in plan.levels:
        found.append(_positions(plan.layers[spec.name]["parent"], above))
        above = plan.layers[spec.name].index
    return found


def _facts(layer: gpd.GeoDataFrame) -> dict[str, Any]:
    bodies, kinds = pd.factorize(layer["responsible_body"])
    households = np.asarray(layer["households"], dtype=np.float64)
    return {
        "names": ["" if name is None else str(name) for name in layer["name"]],
        "households": encode_ints(_whole(households)),
        "residents": encode_ints(_whole(np.asarray(layer["residents"], dtype=np.float64))),
        "area": encode_ints(_whole(np.asarray(layer["area_m2"], dtype=np.float64))),
        "body": encode_ints(bodies),
        "bodies": [str(kind) for kind in kinds],
        "breaks": household_breaks(households),
    }


def household_breaks(households: NDArray[np.float64]) -> list[int]:
    """Return the numbers of households at which a new class begins: fifths of the grids, rounded to two digits.

    Examples
    --------
    >>> household_breaks(np.array([100.0, 203, 301, 404, 505]))
    [180, 260, 340, 420]
    >>> household_breaks(np.array([np.nan, 7.0]))
    []
    """
    known = households[np.isfinite(households)]
    if len(known) < 2:
        return []
    cuts = np.quantile(known, np.arange(1, _CLASSES) / _CLASSES)
    rounded = {int(float(f"{cut:.2g}")) for cut in cuts}
    return sorted(cut for cut in rounded if known.min() < cut <= known.max())


def _whole(numbers: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return whole numbers, -1 where the number is not known."""
    return np.asarray(np.where(np.isfinite(numbers), np.rint(numbers), -1), dtype=np.int64)


def _positions(codes: Any, index: pd.Index | None) -> NDArray[np.int64]:
    """Return where codes stand in an index, -1 where they do not."""
    if index is None:
        return np.full(len(codes), -1, dtype=np.int64)
    known = {code: at for at, code in reversed(list(enumerate(index)))}
    return np.array([known.get(code, -1) for code in codes], dtype=np.int64)


def _leaders(plan: Plan, roster: Roster | None, unmask: bool) -> tuple[list[list[str]], pd.Index | None]:
    """Return who leads a grid of the plan, and the codes of those grids in the same order."""
    if roster is None:
        return [], None
    table = roster.grid_leaders(unmask=unmask)
    codes = {code for layer in plan.layers.values() for code in layer.index}
    table = table[table.index.isin(codes)].sort_index(kind="stable")
    rows = [[_text(row.role), _text(row.name), _text(row.phone)] for row in table.itertuples(index=False)]
    if not unmask:
        # The roster masked them already; what is masked twice is masked once.
        rows = [[role, mask_name(name), phone if "*" in phone else mask_phone(phone)] for role, name, phone in rows]
    return rows, table.index


def _text(value: Any) -> str:
    return "" if value is None or pd.isna(value) else str(value)


def circle_data(circles: gpd.GeoDataFrame | None) -> dict[str, Any] | None:
    """Return service circles as values for a page, the widest first, so that the nearer ones are drawn over them.

    Raises
    ------
    InputError
        When the column ``minutes`` or ``station`` is missing.
    """
    if circles is None or len(circles) == 0:
        return None
    missing = [name for name in ("station", "minutes") if name not in circles.columns]
    if missing:
        raise InputError(f"circles have no column {missing[0]!r}; make them with gridmap.service_circles")
    if circles.crs is not None and circles.crs.to_epsg() not in (4326, 4490):
        circles = circles.to_crs(4490)
    table = circles.sort_values(["minutes", "station"], ascending=[False, True], kind="stable")
    topology = build_topology([table.geometry.values], quantum=CIRCLE_QUANTUM, tolerance_m=CIRCLE_TOLERANCE_M)
    stations, names = pd.factorize(table["station"].astype(str))
    ranges = sorted(set(table["minutes"].tolist()))
    return {
        **encoded_shapes(topology),
        "ranges": [float(each) for each in ranges],
        "range": encode_ints([ranges.index(each) for each in table["minutes"]]),
        "station": encode_ints(stations),
        "stations": list(names),
        "colours": range_colours(len(ranges)),
    }


def encoded_shapes(topology: Topology) -> dict[str, Any]:
    """Return the first layer of a topology with its arcs as text."""
    shapes: Sequence[Any] = topology.layers[0]
    return {"arcs": encode_arcs(topology), "shapes": encode_shapes(tuple(shapes)), "quantum": topology.quantum}


def range_colours(count: int) -> list[str]:
    """Return a colour for each range, the nearest first and darkest.

    Examples
    --------
    >>> range_colours(3) == list(colours.MINUTES[:3])
    True
    """
    last = len(colours.MINUTES) - 1
    if count <= len(colours.MINUTES):
        return list(colours.MINUTES[:count])
    return [colours.MINUTES[round(at * last / (count - 1))] for at in range(count)]
