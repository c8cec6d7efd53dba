"""How long proving may take, and who is told how far it is."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from gridmap.errors import InputError

TellCall: TypeAlias = Callable[[float, str], None]

PROVE_S: Final = 60.0
"""Seconds that proving may take where nothing is said."""


@dataclass(frozen=True, eq=False)
class Effort:
    """How long proving may take, and who is told how far it is."""

    limit_s: float
    until: float
    tell: TellCall

    @classmethod
    def of(cls, limit_s: float, tell: TellCall) -> Effort:
        """Return an effort that begins now."""
        return cls(limit_s, time.monotonic() + limit_s, tell)

    @property
    def left_s(self) -> float:
        """Return the seconds that are left."""
        return max(self.until - time.monotonic(), 0.0)


def check_limit(time_limit_s: float) -> None:
    """Refuse a time limit that is none."""
    if not time_limit_s >= 0:
        raise InputError(f"time_limit_s={time_limit_s!r}: allowed are 0 and more seconds")


def silent(_share: float, _what: str) -> None:
    """Tell nobody."""
