"""Who has just been logged in, as one worker remembers it: for reading on while the record cannot be asked."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from gridmap.service.access import Visit
from gridmap.service.access_keys import digest_of

REMEMBERED: Final = timedelta(minutes=1)
_MOST_KEPT: Final = 10_000


class _Seen(NamedTuple):
    """What the record said of a cookie, ``None`` of one that was logged out here, and until when that is remembered."""

    visit: Visit | None
    until: datetime


class Visits:
    """Visits of the last minute, by the hash of their cookie; threads may share it.

    Parameters
    ----------
    most_kept
        Of more, those remembered longest are forgotten first.
    """

    def __init__(self, *, most_kept: int = _MOST_KEPT) -> None:
        self._most_kept = most_kept
        self._seen: dict[bytes, _Seen] = {}
        self._lock = threading.Lock()

    def remember(self, token: str, visit: Visit | None, now: datetime) -> None:
        """Remember what the record says, but of a cookie that was logged out here: it may have been asked before."""
        with self._lock:
            last = self._seen.get(_digest(token))
            if last is not None and last.visit is None and now < last.until:
                return
            if visit is None:
                self._seen.pop(_digest(token), None)
            else:
                self._put(token, visit, now)

    def end(self, token: str, now: datetime) -> None:
        """Remember that a cookie was logged out."""
        with self._lock:
            self._put(token, None, now)

    def recall(self, token: str, now: datetime) -> Visit | None:
        """Return who was logged in by a cookie within the last minute; ``None`` where nobody was, or is no more."""
        with self._lock:
            last = self._seen.get(_digest(token))
        if last is None or last.visit is None or now >= min(last.until, last.visit.expires_at):
            return None
        return last.visit

    def _put(self, token: str, visit: Visit | None, now: datetime) -> None:
        digest = _digest(token)
        self._seen.pop(digest, None)  # what is put last stands last
        self._seen[digest] = _Seen(visit, now + REMEMBERED)
        while len(self._seen) > self._most_kept:
            del self._seen[next(iter(self._seen))]


def _digest(token: str) -> bytes:
    return digest_of(token.encode("utf-8", "replace"))
