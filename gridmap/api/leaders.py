"""Who leads which grid at a time, remembered between two moments at which that can change."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Final

import numpy as np

from gridmap.api.models import Leader
from gridmap.api.moments import Moment
from gridmap.people.roster import Roster
from gridmap.people.times import microseconds

_KEPT: Final = 8


class Leaders:
    """A roster asked again and again who leads a grid; threads may share it.

    Parameters
    ----------
    roster
        The people; names and phones come out masked.

    Examples
    --------
    >>> import pandas as pd
    >>> from gridmap.api.moments import read_moment
    >>> from gridmap.people.io import as_roster
    >>> table = pd.DataFrame({"person_id": ["7"], "name": ["王小明"], "grid": ["01"], "phone": ["13812345678"]})
    >>> leader = Leaders(as_roster(table)).at(read_moment("2026-05-01"))["01"]
    >>> leader.name, leader.phone
    ('王**', '138****5678')
    """

    def __init__(self, roster: Roster) -> None:
        self._roster = roster
        bounds = [microseconds(roster.table[name], np.nan) for name in ("valid_from", "valid_to")]
        moments = np.unique(np.concatenate(bounds))
        self._moments = moments[np.isfinite(moments)]
        self._known: dict[int, Mapping[str, Leader]] = {}
        self._lock = threading.Lock()

    def at(self, moment: Moment) -> Mapping[str, Leader]:
        """Return who leads each grid that somebody leads; see :meth:`gridmap.people.roster.Roster.grid_leaders`."""
        span = int(np.searchsorted(self._moments, moment.microseconds, side="right"))
        with self._lock:
            found = self._known.get(span)
            if found is None:
                while len(self._known) >= _KEPT:
                    del self._known[next(iter(self._known))]
                found = self._known[span] = self._read(moment)
        return found

    def _read(self, moment: Moment) -> Mapping[str, Leader]:
        table = self._roster.grid_leaders(moment.time)
        return {
            str(row.Index): Leader(outcome="named", name=row.name, role=row.role, phone=row.phone)
            for row in table.itertuples()
        }
