"""Why a grid could not be brought into the band."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gridmap.grids import mosaic as m
from gridmap.grids.adjacency import connected, totals
from gridmap.grids.rebalance_flow import Flow, Gates


@dataclass(frozen=True)
class LeftOut:
    """A grid out of the band, and why.

    Parameters
    ----------
    grid
        Its number.
    households
        What it holds.
    deviation
        ``households / target - 1``.
    reason
        Why it stays out.
    """

    grid: int
    households: float
    deviation: float
    reason: str


@dataclass(frozen=True, eq=False)
class Outcome:
    """What reasons are read from.

    Parameters
    ----------
    label, weight
        The grid and the households of every block.
    target, lower, upper
        Of every grid.
    locked
        Grids that neither give nor take.
    gates, flow
        Who may exchange blocks, and what no exchange can cure.
    leaver, goal
        Blocks that could still leave their grid and the grid each could enter.
    parted
        Grids with a neighbour on land in another given parent.
    """

    label: m.Ints
    weight: m.Floats
    target: m.Floats
    lower: m.Floats
    upper: m.Floats
    locked: m.Flags
    gates: Gates
    flow: Flow
    leaver: m.Ints
    goal: m.Ints
    parted: m.Flags


def left_out(outcome: Outcome) -> tuple[LeftOut, ...]:
    """Return the grids out of the band, the lowest number first."""
    held = totals(outcome.label, outcome.weight, len(outcome.target))
    region = connected(len(held), outcome.gates.giver, outcome.gates.taker)
    found = []
    for grid in np.flatnonzero(out_of_band(held, outcome.lower, outcome.upper)).tolist():
        deviation = held[grid] / outcome.target[grid] - 1 if outcome.target[grid] > 0 else np.inf
        reason = _reason(outcome, grid, held, region)
        found.append(LeftOut(grid, float(held[grid]), float(deviation), reason))
    return tuple(found)


def out_of_band(held: m.Floats, lower: m.Floats, upper: m.Floats) -> m.Flags:
    """Return which grids hold more or less than their band allows, rounding aside."""
    slack = 1e-9 * (1.0 + upper)
    return (held > upper + slack) | (held < lower - slack)


def _reason(outcome: Outcome, grid: int, held: m.Floats, region: m.Ints) -> str:
    """Return the first cause that holds, from what cannot be changed to what was not found."""
    if outcome.locked[grid]:
        return "it is locked"
    members = np.flatnonzero(outcome.label == grid)
    heaviest = outcome.weight[members].max(initial=0.0)
    if heaviest > outcome.upper[grid] + 1e-9 * (1.0 + outcome.upper[grid]):
        return (
            f"one block alone holds {heaviest:.0f} households, more than the {outcome.upper[grid]:.0f} the band allows"
        )
    if outcome.gates.start[grid] == outcome.gates.start[grid + 1]:
        if outcome.parted[grid]:
            return "no grid that may exchange blocks with it borders it inside its given parent"
        return "island: no grid that may exchange blocks with it borders it on land"
    mates = np.flatnonzero(region == region[grid])
    lack = outcome.flow.over[mates].sum() + outcome.flow.under[mates].sum()
    if lack > 1e-6 * (1.0 + outcome.target[grid]):
        return _together(outcome, held, mates)
    if held[grid] > outcome.upper[grid]:
        return _too_many(outcome, grid, held)
    return _too_few(outcome, grid, held)


def _together(outcome: Outcome, held: m.Floats, mates: m.Ints) -> str:
    where = "inside its given parent" if outcome.parted[mates].any() else "that it hangs together with"
    over = held[mates].sum() > outcome.target[mates].sum()
    reach = outcome.upper if over else outcome.lower
    limit = f"{'at most' if over else 'at least'} {reach[mates].sum():.0f}"
    return (
        f"the {len(mates)} grids {where} hold {held[mates].sum():.0f} households together, their bands allow {limit}: "
        f"{'all are full' if over else 'none can spare any'}"
    )


def _too_many(outcome: Outcome, grid: int, held: m.Floats) -> str:
    surplus = held[grid] - outcome.upper[grid]
    mine = outcome.label[outcome.leaver] == grid
    if not mine.any():
        return (
            f"it holds {surplus:.0f} households too many, and no block at its border can leave without parting a grid"
        )
    weight, goal = outcome.weight[outcome.leaver[mine]], outcome.goal[mine]
    room = outcome.upper[goal] - held[goal]
    useful = weight > 0
    if not useful.any():
        return f"it holds {surplus:.0f} households too many, and nobody lives on the blocks at its border"
    if (room[useful] < weight[useful]).all():
        return (
            f"it holds {surplus:.0f} households too many, the lightest block that can leave holds "
            f"{weight[useful].min():.0f}, and its neighbours are full: the emptiest has room for "
            f"{max(room.max(), 0.0):.0f}"
        )
    return (
        f"it holds {surplus:.0f} households too many, and no blocks at its border were found that make it fit: those "
        f"that can leave hold {_few(weight[useful])}"
    )


def _too_few(outcome: Outcome, grid: int, held: m.Floats) -> str:
    lack = outcome.lower[grid] - held[grid]
    mine = outcome.goal == grid
    if not mine.any():
        return f"it lacks {lack:.0f} households, and no neighbour can give a block without parting a grid"
    weight, giver = outcome.weight[outcome.leaver[mine]], outcome.label[outcome.leaver[mine]]
    spare = held[giver] - outcome.lower[giver]
    useful = weight > 0
    if not useful.any():
        return f"it lacks {lack:.0f} households, and nobody lives on the blocks at its border"
    if (spare[useful] < weight[useful]).all():
        return (
            f"it lacks {lack:.0f} households, the lightest block at its border holds {weight[useful].min():.0f}, and "
            f"its neighbours can spare no more than {max(spare.max(), 0.0):.0f}"
        )
    return (
        f"it lacks {lack:.0f} households, and no blocks at its border were found that make it fit: those that could "
        f"join hold {_few(weight[useful])}"
    )


def _few(weight: m.Floats) -> str:
    values = np.unique(np.rint(weight))[:5]
    return ", ".join(f"{value:.0f}" for value in values)
