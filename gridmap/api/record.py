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
from typing import Final

import pandas as pd
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from gridmap.api.facts import Facts, in_force
from gridmap.api.moments import Moment, read_moment
from gridmap.api.page import Page
from gridmap.api.served import Publication
from gridmap.api.source import Source
from gridmap.errors import GridmapError, UnavailableError, UnknownNameError
from gridmap.grids.frames import LINEAGE_COLUMNS, canonical_table
from gridmap.locate.locator import Locator
from gridmap.people.roster import Roster
from gridmap.service.access import KeyRing, read_ring
from gridmap.service.versions import versions
from gridmap.store import people
from gridmap.store.engine import Store
from gridmap.store.models import Lineage, PlanVersion, State
from gridmap.store.models import Publication as Published
from gridmap.store.plans import read_version

log: Final = logging.getLogger("gridmap.record")
POLL_S: Final = 0.5
_ACTOR: Final = "serve"
_KEPT: Final = 6
"""Versions held in memory beside the one in force: some hundred megabytes."""


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
        Versions that are approved: whoever publishes one wants it at once.
    roster, facts, ring
        People, stations and circles, keys.
    lineage
        What became of retired codes, of every version that was ever published.
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
        self.store = store
        self.reload_s = 0.0
        """How long the last reading took."""
        self._renewed: Callable[[Snapshot], None] | None = None
        self._snapshot: Snapshot | None = None
        self._bare: OrderedDict[str, Source] = OrderedDict()
        self._dressed: OrderedDict[str, Source] = OrderedDict()
        self._now: tuple[Source, float] | None = None
        self._lock = threading.RLock()
        self._loading = threading.Lock()

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
            since = f"the first began {first.isoformat()}" if first else "none has been published yet"
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
        """Return what became of retired codes, in whatever version."""
        return self._known().lineage

    def refresh(self) -> bool:
        """Read what is newer, if anything is; return whether something was.

        Raises
        ------
        UnavailableError
            When the database is away; what was read before goes on answering.
        """
        begun = time.perf_counter()
        # as of one moment, whatever is committed while it is read
        with self.store.transaction(actor=_ACTOR, as_of_now=True) as session:
            if session.scalar(select(State.generation)) == self.generation:
                return False
            snapshot = _read(session)
        self._prepare(snapshot)
        with self._lock:
            self._snapshot = snapshot
            self._dressed.clear()
            self._now = None
        with suppress(UnavailableError):
            self.current()
        self.reload_s = time.perf_counter() - begun
        if self._renewed is not None:
            self._renewed(snapshot)
        return True

    def _prepare(self, snapshot: Snapshot) -> None:
        """Read the versions that answer now or are about to, while the former ones go on answering."""
        now = read_moment(None)
        ahead = [each.version for each in snapshot.timeline if each.until is None or each.until > now.time]
        for version in dict.fromkeys([*ahead, *snapshot.coming]):
            self._plain(version)

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
        bare = self._plain(version)
        page = Page(lambda: _draw(bare, snapshot))
        made = bare.with_changes(roster=snapshot.roster, facts=snapshot.facts, page=page)
        made.warm()
        with self._lock:
            if self._snapshot is snapshot:
                self._dressed[version] = made
                while len(self._dressed) > _KEPT:
                    self._dressed.popitem(last=False)
        return made

    def _plain(self, version: str) -> Source:
        """Return a version without people, read if need be; two who want it at once read it once."""
        with self._lock:
            if version in self._bare:
                self._bare.move_to_end(version)
                return self._bare[version]
        with self._loading:
            with self._lock:
                if version in self._bare:
                    return self._bare[version]
            with self.store.transaction(actor=_ACTOR) as session:
                plan = read_version(session, version)
            made = Source(plan, Locator(plan), None, Page(b""))
            made.warm()
            with self._lock:
                self._bare[version] = made
                while len(self._bare) > _KEPT:
                    self._bare.popitem(last=False)
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
        tuple(session.scalars(select(PlanVersion.version).where(PlanVersion.status == "approved"))),
        roster if len(roster) else None,
        Facts(*(None if table.empty else table for table in facts)),
        read_ring(session),
        _lineage(session),
    )


def _lineage(session: Session) -> pd.DataFrame:
    begun = select(Published.plan_id).where(func.lower(Published.effective) <= func.now())
    columns = [getattr(Lineage, name) for name in LINEAGE_COLUMNS]
    found = session.execute(
        select(*columns).where(Lineage.plan_id.in_(begun)).order_by(Lineage.plan_id, Lineage.position)
    ).all()
    table = pd.DataFrame([tuple(row) for row in found], columns=list(LINEAGE_COLUMNS), dtype=object)
    return canonical_table(table.drop_duplicates(ignore_index=True), LINEAGE_COLUMNS, "lineage")


def _draw(bare: Source, snapshot: Snapshot) -> bytes:
    """Return the map of a version with the circles of now."""
    circles = snapshot.facts.circles
    if circles is not None:
        circles = circles[in_force(circles, read_moment(None))]
    return Page.of_plan(bare.plan, circles, None, snapshot.roster).body
