"""Checking a roster against the grids it names."""

from __future__ import annotations

from collections.abc import Collection

import pandas as pd

from gridmap.errors import RosterError
from gridmap.people.roster import Roster


def unknown_grids(roster: Roster, codes: Collection[str]) -> pd.DataFrame:
    """Return the assignments that name a grid which does not exist: ``row`` (as in a spreadsheet), ``grid``."""
    table = roster.table
    lost = ~table["grid"].isin(list(codes))
    return pd.DataFrame({"row": table.index[lost] + 2, "grid": table.loc[lost, "grid"].to_numpy()})


def require_known_grids(roster: Roster, codes: Collection[str]) -> None:
    """Refuse a roster that names a grid which does not exist: what is reported there would reach nobody.

    Raises
    ------
    RosterError
        Naming the rows.

    Examples
    --------
    >>> from gridmap.people.io import as_roster
    >>> roster = as_roster(pd.DataFrame({"person_id": ["7"], "name": ["王小明"], "grid": ["99"]}))
    >>> require_known_grids(roster, {"01", "02"})
    Traceback (most recent call last):
    gridmap.errors.RosterError: the roster names 1 grid that the plan does not have: row 2 (99); ...
    """
    lost = unknown_grids(roster, codes)
    if lost.empty:
        return
    named = lost.drop_duplicates("grid")
    shown = ", ".join(f"row {row.row} ({row.grid})" for row in named.head(5).itertuples())
    more = f" and {len(named) - 5} more" if len(named) > 5 else ""
    raise RosterError(
        f"the roster names {len(named)} grid{'s' if len(named) > 1 else ''} that the plan does not have: "
        f"{shown}{more}; its codes look like {', '.join(sorted(codes)[:3])}. Correct the rows, or allow unknown grids "
        "(--allow-unknown-grids) to leave them out"
    )
