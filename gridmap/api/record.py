"""Answering from the record: each worker keeps in memory what it answers from, and watches for what is newer.

A version is immutable and read once. What changes (which version is in force, people, stations, keys) is read whole
when the record's generation has grown, and put in place by one assignment: no request ever sees half of it. While the
database is away, what is in memory goes on answering.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import pandas as pd
from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from gridmap.api.facts import Facts, in_force
from gridmap.api.limits import MOST_VERSIONS
from gridmap.api.moments import Moment, read_moment
from gridmap.api.page import Page
from gridmap.api.record_shelf import ACTOR, Shelf
from gridmap.api.served import Publication
from gridmap.api.source import Source
from gridmap.errors import GridmapError, UnavailableError, UnknownNameError
from gridmap.grids.frames import LINEAGE_COLUMNS, canonical_table
from gridmap.people.roster import Roster
from gridmap.people.times import told
from gridmap.service.access import KeyRing, read_ring
from gridmap.service.switching import settle_towns
from gridmap.service.versions import versions
from gridmap.store import people
from gridmap.store.engine import Store
from gridmap.store.models import Lineage, PlanVersion, State
from gridmap.store.models import Publication as Published

log: Final = logging.getLogger("gridmap.record")
POLL_S: Final = 0.5
_DRESSED: Final = MOST_VERSIONS + 4
"""Versions held with their people."""
_READY: Final = 3
"""Approved versions that are read ahead."""


@dataclass(frozen=True, eq=False)
class Snapshot:
    """What the record held at one generation.

    Parameters
    ----------
    generation
        It grows with every commit that the API answers from.
    timeline
        What was, is and will be in force, the oldest first.
    coming
        Versions that are approved and follow what is in force: whoever publishes one wants it at once.
    roster, facts, ring
        People, stations and circles, keys.
    lineage
        What became of retired codes, of every version that was ever published, with ``since`` when that holds.
    """

    generation: int
    timeline: tuple[Publication, ...]
    coming: tuple[str, ...]
    roster: Roster | None
    facts: Facts
    ring: KeyRing
    lineage: pd.DataFrame

    def at(self, moment: Moment) -> Publication | None:
        """Return what was in force at a moment."""
        return next((each for each in reversed(self.timeline) if each.holds(moment)), None)


class RecordServed:
    """Versions of the record; threads share it.

    Parameters
    ----------
    store
        The record.
    """

    def __init__(self, store: Store) -> None:
        self.shelf = Shelf(store)
        self.reload_s = 0.0
        """How long the last reading took."""
        self._renewed: Callable[[Snapshot], None] | None = None
        self._snapshot: Snapshot | None = None
        self._dressed: OrderedDict[str, Source] = OrderedDict()
        self._now: tuple[Source, float] | None = None
        self._lock = threading.RLock()
        self._told: str | None = None

    def on_renewal(self, call: Callable[[Snapshot], None]) -> None:
        """Have a function called with each new snapshot, once it answers: for what keeps of it another form."""
        self._renewed = call

    @property
    def generation(self) -> int:
        """Return the generation that answers, -1 before anything is read."""
        return -1 if self._snapshot is None else self._snapshot.generation

    def current(self) -> Source:
        """Return what is in force now.

        Raises
        ------
        UnavailableError
            While nothing has been read yet, or nothing is in force.
        """
        now = self._now
        if now is not None and time.time() < now[1]:
            return now[0]
        return self._turn()

    def at(self, moment: Moment) -> Source:
        """Return what was in force at a moment.

        Raises
        ------
        UnknownNameError
            Where nothing was.
        UnavailableError
            When it has to be read, and the database is away.
        """
        snapshot = self._known()
        found = snapshot.at(moment)
        if found is None:
            first = snapshot.timeline[0].since if snapshot.timeline else None
            since = f"the first began {told(first)}" if first else "none has been published yet"
            raise UnknownNameError(f"no plan was in force at {moment.text}: {since}")
        return self._source(found.version)

    def version(self, version: str) -> Source:
        """Return a version that was published.

        Raises
        ------
        UnknownNameError
            Naming the newest there are.
        UnavailableError
            When it has to be read, and the database is away.
        """
        there = list(dict.fromkeys(each.version for each in reversed(self._known().timeline)))
        if version not in there:
            raise UnknownNameError(f"there is no version {version!r}; the newest are {', '.join(there[:5]) or 'none'}")
        return self._source(version)

    def timeline(self) -> tuple[Publication, ...]:
        """Return what was, is and will be in force, the oldest first."""
        return self._known().timeline

    def lineage(self) -> pd.DataFrame:
        """Return what became of retired codes, in whatever version that has begun."""
        told = self._known().lineage
        begun = told[(told["since"] <= read_moment(None).time).to_numpy(dtype=bool)]
        rows = begun[list(LINEAGE_COLUMNS)].drop_duplicates(ignore_index=True)
        return canonical_table(rows, LINEAGE_COLUMNS, "lineage")

    def refresh(self) -> bool:
        """Read what is newer, if anything is; return whether something was.

        Raises
        ------
        UnavailableError
            When the database is away; what was read before goes on answering.
        """
        begun = time.perf_counter()
        # as of one moment, whatever is committed while it is read
        with self.shelf.store.transaction(actor=ACTOR, as_of_now=True) as session:
            if session.scalar(select(State.generation)) == self.generation:
                return False
            snapshot = _read(session)
        self._prepare(snapshot)
        with self._lock:
            self._snapshot = snapshot
            self._dressed.clear()
            self._now = None
        self.reload_s = time.perf_counter() - begun
        self._tell(snapshot)
        return True

    def keep_up(self) -> None:
        """Do what is due when a version that was published for a later day has begun; before that, nothing."""
        snapshot = self._known()
        found = snapshot.at(read_moment(None))
        if found is None or found.version == self._told:
            return
        with self.shelf.store.transaction(actor=ACTOR) as session:
            settle_towns(session, found.version, datetime.now(UTC))
        self._tell(snapshot)

    def _tell(self, snapshot: Snapshot) -> None:
        with suppress(UnavailableError):
            self._told = self.current().plan.version
        if self._renewed is not None:
            self._renewed(snapshot)

    def _prepare(self, snapshot: Snapshot) -> None:
        """Read the versions that answer now or are about to, while the former ones go on answering."""
        now = read_moment(None)
        ahead = [each.version for each in snapshot.timeline if each.until is None or each.until > now.time]
        self.shelf.keep(dict.fromkeys([*ahead, *snapshot.coming]))

    def _turn(self) -> Source:
        """Find out which version is in force now, and until when."""
        snapshot = self._known()
        now = read_moment(None)
        found = snapshot.at(now)
        if found is None:
            raise UnavailableError("no plan is in force yet; publish one with `gridmap plans publish`")
        source = self._source(found.version)
        until = float("inf") if found.until is None else found.until.timestamp()
        coming = [each.since.timestamp() for each in snapshot.timeline if each.since and each.since > now.time]
        with self._lock:
            if self._snapshot is snapshot:
                self._now = (source, min([until, *coming]))
        return source

    def _known(self) -> Snapshot:
        if self._snapshot is None:
            raise UnavailableError("nothing has been read from the record yet, for the database could not be reached")
        return self._snapshot

    def _source(self, version: str) -> Source:
        """Return a version with the people and facts of the snapshot."""
        snapshot = self._known()
        with self._lock:
            found = self._dressed.get(version)
        if found is not None:
            return found
        bare = self.shelf.get(version)
        page = Page(lambda: _draw(bare, snapshot))
        made = bare.with_changes(roster=snapshot.roster, facts=snapshot.facts, page=page)
        made.warm()
        with self._lock:
            if self._snapshot is snapshot:
                self._dressed[version] = made
                while len(self._dressed) > _DRESSED:
                    self._dressed.popitem(last=False)
        return made


class Watcher:
    """A thread that keeps what answers as new as the record.

    Parameters
    ----------
    served
        What answers.
    every_s
        How often it looks.
    """

    def __init__(self, served: RecordServed, *, every_s: float = POLL_S) -> None:
        self._served, self._every_s = served, every_s
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="gridmap-watcher", daemon=True)

    def start(self) -> None:
        """Begin to watch, once."""
        self._thread.start()

    def stop(self) -> None:
        """End it."""
        self._end.set()
        self._thread.join()

    def _watch(self) -> None:
        said = ""
        while not self._end.wait(self._every_s):
            try:
                if self._served.refresh():
                    log.info("generation %d answers", self._served.generation)
                self._served.keep_up()
                said = ""
            except GridmapError as error:
                if str(error) != said:  # once, not twice a second for as long as the database is away
                    log.warning("what was read before goes on answering: %s", error)
                said = str(error)
            except Exception:
                log.exception("the record could not be read; what was read before goes on answering")


def _read(session: Session) -> Snapshot:
    generation = session.scalar(select(State.generation)) or 0
    timeline = tuple(
        Publication(each.version, each.name, stay.since, stay.until, stay.kind, each.note, each.counts)
        for each in versions(session)
        for stay in each.stays
    )
    roster = people.read_roster(session)
    facts = (people.read_stations(session), people.read_circles(session), people.read_coverage(session))
    return Snapshot(
        generation,
        tuple(sorted(timeline, key=lambda each: (each.since is not None, each.since))),
        _coming(session),
        roster if len(roster) else None,
        Facts(*(None if table.empty else table for table in facts)),
        read_ring(session),
        _lineage(session),
    )


def _lineage(session: Session) -> pd.DataFrame:
    """Read every lineage: what a plan says holds since it was first in force, what was derived since its date."""
    first = (
        select(Published.plan_id, func.min(func.lower(Published.effective)).label("since"))
        .group_by(Published.plan_id)
        .subquery()
    )
    since = case((Lineage.derived, Lineage.date), else_=first.c.since)
    columns = [getattr(Lineage, name) for name in LINEAGE_COLUMNS]
    query = select(*columns, since).join(first, first.c.plan_id == Lineage.plan_id)
    found = session.execute(query.order_by(Lineage.plan_id, Lineage.position)).all()
    table = pd.DataFrame([tuple(row) for row in found], columns=[*LINEAGE_COLUMNS, "since"], dtype=object)
    return table.assign(since=pd.to_datetime(table["since"], utc=True))


def _coming(session: Session) -> tuple[str, ...]:
    """Return what may be published any moment: approved, and made upon what is in force."""
    based = select(PlanVersion.version).join(Published, Published.plan_id == PlanVersion.id)
    now = based.where(Published.effective.contains(func.now())).scalar_subquery()
    ready = select(PlanVersion.version).where(
        PlanVersion.status == "approved", PlanVersion.base_version.is_not_distinct_from(now)
    )
    return tuple(session.scalars(ready.order_by(PlanVersion.approved_at.desc()).limit(_READY)))


def _draw(bare: Source, snapshot: Snapshot) -> bytes:
    """Return the map of a version with the circles of now."""
    circles = snapshot.facts.circles
    if circles is not None:
        circles = circles[in_force(circles, read_moment(None))]
    return Page.of_plan(bare.plan, circles, None, snapshot.roster).body
