"""Jurisdictions that there are: a slip of the pen would make a key that sees nothing, and say nothing of it."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from gridmap.errors import InputError
from gridmap.service.access_rules import COUNTY, read_town
from gridmap.store.plans_model import Grid, Level, PlanGrid


def known_town(session: Session, town: str) -> str:
    """Return a jurisdiction: ``*``, or the code of a coarsest grid of any version; any code while there is no plan.

    Raises
    ------
    InputError
        When it is neither; it lists those there are.
    """
    if read_town(town) == COUNTY:
        return town
    coarsest = (
        select(Grid.code).distinct().join(PlanGrid, PlanGrid.grid_id == Grid.id)
        .join(Level, (Level.plan_id == PlanGrid.plan_id) & (Level.name == Grid.level))
        .where(Level.position == 0).order_by(Grid.code)
    )  # fmt: skip
    known = list(session.scalars(coarsest))
    if known and town not in known:
        raise InputError(f"there is no town {town!r}; there are {', '.join(known)}, and * for the county")
    return town
