"""How much one caller is answered in a while: a bucket that fills by the minute, in the memory of one worker."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from gridmap.errors import RateError

_WINDOW_S: Final = 60.0
_HAIR_S: Final = 1e-6
"""Sums of seconds are not exact."""
_MOST_KEPT: Final = 50_000


class Rates:
    """Buckets of tokens by caller. Each worker has its own: with several, a caller gets at most as many times more.

    A bucket holds what a minute allows and fills evenly, so that a burst is answered and what follows is paced. What
    is kept of a caller is one number, the time at which its bucket is full again.

    Parameters
    ----------
    clock
        Seconds, never going back.
    most_kept
        Callers remembered at once; of more, those with full buckets are forgotten first, for nothing is lost by it.

    Examples
    --------
    >>> seconds = iter([0.0, 0.0, 0.0, 40.0])
    >>> rates = Rates(clock=lambda: next(seconds))
    >>> rates.take("key:gm_Ab12Cd34", 2), rates.take("key:gm_Ab12Cd34", 2)
    (None, None)
    >>> rates.take("key:gm_Ab12Cd34", 2), rates.take("key:gm_Ab12Cd34", 2)
    (30.0, None)
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic, most_kept: int = _MOST_KEPT) -> None:
        self._clock = clock
        self._most_kept = most_kept
        self._full_at: dict[str, float] = {}

    def take(self, caller: str, per_minute: int) -> float | None:
        """Take a token, or return the seconds until there is one."""
        now = self._clock()
        each = _WINDOW_S / per_minute
        full_at = max(self._full_at.get(caller, now), now)
        wait = full_at + each - now - _WINDOW_S
        if wait > _HAIR_S:
            return wait
        if len(self._full_at) >= self._most_kept and caller not in self._full_at:
            self._forget(now)
        self._full_at[caller] = full_at + each
        return None

    def charge(self, caller: str, per_minute: int) -> None:
        """Take a token.

        Raises
        ------
        RateError
            When there is none, naming when there is.
        """
        self._refuse(self.take(caller, per_minute), per_minute)

    def insist(self, caller: str, per_minute: int) -> None:
        """Insist that there is a token, and leave it there: what follows may turn out to cost none.

        Raises
        ------
        RateError
            When there is none, naming when there is.
        """
        full_at = self._full_at.get(caller)
        if full_at is not None:
            wait = full_at + _WINDOW_S / per_minute - self._clock() - _WINDOW_S
            self._refuse(wait if wait > _HAIR_S else None, per_minute)

    @staticmethod
    def _refuse(wait: float | None, per_minute: int) -> None:
        if wait is not None:
            raise RateError(
                f"more than {per_minute} requests a minute; ask again in {wait:.1f} s, or have the rate raised",
                retry_after_s=wait, per_minute=per_minute,
            )  # fmt: skip

    def _forget(self, now: float) -> None:
        self._full_at = {caller: full_at for caller, full_at in self._full_at.items() if full_at > now}
        excess = len(self._full_at) - self._most_kept // 2
        for caller in list(self._full_at)[: max(0, excess)]:
            del self._full_at[caller]
