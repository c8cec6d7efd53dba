"""The versions that a worker holds in memory: what answers now always, others while they are asked for."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable
from typing import Final

from gridmap.api.limits import MOST_VERSIONS
from gridmap.api.page import Page
from gridmap.api.source import Source
from gridmap.errors import UnavailableError
from gridmap.locate.locator import Locator
from gridmap.store.engine import Store
from gridmap.store.plans import read_version

ACTOR: Final = "serve"
_OTHERS: Final = MOST_VERSIONS + 2
"""Versions held beside those that are kept: as many as one batch may ask for, each some thirty megabytes."""
_PATIENCE_S: Final = 10.0


class Shelf:
    """Versions without people; threads share it.

    Reading one takes a second of a processor. Questions about the past wait for one another and are turned away when
    that takes long; what is to answer from now on waits for none of them.

    Parameters
    ----------
    store
        The record.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self._held: OrderedDict[str, Source] = OrderedDict()
        self._kept: frozenset[str] = frozenset()
        self._lock = threading.Lock()
        self._turn = threading.Lock()

    def keep(self, versions: Iterable[str]) -> None:
        """Read what is to answer, and hold it until something else is to be kept."""
        wanted = tuple(versions)
        for version in wanted:
            if self._find(version) is None:
                self._put(version, self._read(version))
        with self._lock:
            self._kept = frozenset(wanted)

    def get(self, version: str) -> Source:
        """Return a version for a question; it is read where it is not held.

        Raises
        ------
        UnavailableError
            When the database is away, or others are being read for too long.
        """
        found = self._find(version)
        if found is not None:
            return found
        if not self._turn.acquire(timeout=_PATIENCE_S):
            raise UnavailableError("other versions of the past are being read for other questions; ask again")
        try:
            return self._find(version) or self._put(version, self._read(version))
        finally:
            self._turn.release()

    def _find(self, version: str) -> Source | None:
        with self._lock:
            if version in self._held:
                self._held.move_to_end(version)
            return self._held.get(version)

    def _put(self, version: str, source: Source) -> Source:
        with self._lock:
            self._held[version] = source
            others = [each for each in self._held if each not in self._kept]
            for old in others[: max(len(others) - _OTHERS, 0)]:
                del self._held[old]
        return source

    def _read(self, version: str) -> Source:
        with self.store.transaction(actor=ACTOR) as session:
            plan = read_version(session, version)
        made = Source(plan, Locator(plan), None, Page(b""))
        made.warm()
        return made
