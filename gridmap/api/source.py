"""What the routes ask: one version of a plan with its index, people, facts and page, made from files."""

from __future__ import annotations

import os
import pickle
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from gridmap.api.facts import Facts
from gridmap.api.leaders import Leaders
from gridmap.api.page import Page
from gridmap.api.records import Records
from gridmap.cases.responsible import Answerers
from gridmap.errors import InputError
from gridmap.grids.plan import Plan
from gridmap.locate.locator import Locator
from gridmap.people.roster import Roster
from gridmap.service.circle_files import read_circle_file

if TYPE_CHECKING:
    from collections.abc import Callable

_INDEX: Final = "plan.idx"
_VALUES: Final = "values.pickle"


@dataclass(frozen=True, eq=False)
class Source:
    """One version of a plan and what belongs to it; it never changes, and threads share it.

    Parameters
    ----------
    plan
        The grids. Blocks and journal are not needed.
    locator
        The index of the same plan.
    roster
        The people, where they are known.
    page
        The map of the plan.
    facts
        Stations, circles and coverage, where they are known.
    """

    plan: Plan
    locator: Locator
    roster: Roster | None
    page: Page
    facts: Facts = field(default_factory=Facts)

    @cached_property
    def answerers(self) -> Answerers | None:
        """Return the roster made ready for many points; names are masked."""
        if self.roster is None:
            return None
        return Answerers(self.roster, self.locator.answer([0.0], [0.0]).codes)

    @cached_property
    def leaders(self) -> Leaders | None:
        """Return who leads which grid; names and phones are masked."""
        return None if self.roster is None else Leaders(self.roster)

    @cached_property
    def levels(self) -> Mapping[str, int]:
        """Return the number of grids of each level."""
        return {level: len(layer) for level, layer in self.plan.layers.items()}

    @cached_property
    def records(self) -> Mapping[str, Records]:
        """Return what each level records of its grids."""
        return {level: Records.of(level, layer) for level, layer in self.plan.layers.items()}

    @cached_property
    def people(self) -> int | None:
        """Return the number of people, ``None`` without a roster."""
        return None if self.roster is None else int(self.roster.table["person_id"].nunique())

    def with_changes(self, **changed: Any) -> Source:
        """Return the same plan with other people, facts or page: what was made of the plan is shared."""
        made = replace(self, **changed)
        # A cached property lives in the instance's own dict; setting it there is how another instance shares it.
        vars(made).update(levels=self.levels, records=self.records)
        return made

    def warm(self) -> None:
        """Compile what is compiled on first use, so that the first caller does not wait for it."""
        west, south, east, north = self.plan.layers[self.plan.finest_tiling].total_bounds
        lon, lat = float(west + east) / 2, float(south + north) / 2
        for accuracy_m in (None, 15.0):
            self.locator.locate(lon, lat, accuracy_m=accuracy_m)
            self.locator.answer([lon] * 2, [lat] * 2, crs=["gcj02", "bd09"], accuracy_m=accuracy_m)
        _ = self.answerers, self.leaders, self.levels, self.records, self.people

    def save(self, folder: Path) -> None:
        """Write a source for the processes that serve it: the index as it is mapped into memory, the rest as values."""
        self.locator.save(folder / _INDEX)
        (folder / _VALUES).write_bytes(pickle.dumps((self.plan, self.roster, self.page, self.facts)))

    @classmethod
    def load(cls, folder: Path) -> Source:
        """Open what :meth:`save` wrote; the folder has to be one's own, for it is believed.

        Raises
        ------
        InputError
            When the folder does not hold a source.
        """
        try:
            plan, roster, page, facts = pickle.loads((folder / _VALUES).read_bytes())  # noqa: S301 - written by our parent
        except OSError as error:
            raise InputError(f"{folder} holds nothing to serve: {error.strerror}; start gridmap serve again") from error
        return cls(plan, Locator.load(folder / _INDEX), roster, page, facts)


def read_source(
    plan: str | os.PathLike[str],
    *,
    roster: str | os.PathLike[str] | None = None,
    circles: str | os.PathLike[str] | None = None,
    incidents: str | os.PathLike[str] | None = None,
    allow_unknown_grids: bool = False,
    progress: Callable[[float, str], None] | None = None,
) -> Source:
    """Read everything that is served, and draw its map.

    Parameters
    ----------
    plan, roster
        Files of a plan and of its people.
    circles, incidents
        Service circles as ``gridmap circles`` writes them, for the map and to be asked for; and for the map alone
        incidents that were joined.
    allow_unknown_grids
        Take a roster that names grids which the plan does not have.
    progress
        Called with the share done and what is happening.

    Raises
    ------
    GridmapError
        When a file is missing or cannot be used.
    """
    from gridmap.geo.io import read_layer
    from gridmap.grids.io import read_plan
    from gridmap.people.check import require_known_grids
    from gridmap.people.io import read_roster
    from gridmap.scale.join import read_table

    say = progress or (lambda _share, _what: None)
    say(0.02, "plan")
    grids = read_plan(plan)
    people = None if roster is None else read_roster(roster)
    rings = None if circles is None else read_layer(circles)
    facts = Facts() if circles is None else Facts(**vars(read_circle_file(circles)))
    cases = None if incidents is None else read_table(incidents)
    say(0.4, "index")
    locator = Locator(grids)
    if people is not None and not allow_unknown_grids:
        require_known_grids(people, locator.all_codes)
    say(0.7, "map")
    page = Page.of_plan(grids, rings, cases, people)
    return Source(replace(grids, blocks=None, parent=None), locator, people, page, facts)
