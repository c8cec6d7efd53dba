"""Passwords: which are taken, and how they are kept (NIST SP 800-63B: long rather than odd, never made to expire)."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.low_level import Type, hash_secret_raw
from argon2.profiles import RFC_9106_LOW_MEMORY

from gridmap.errors import InputError

LEAST_LETTERS: Final = 12
MOST_LETTERS: Final = 128
_LEAST_DIFFERENT: Final = 4
_NAMELESS: Final = b"gridmap: no such user"
_BUCKET_BYTES: Final = 3


@dataclass(frozen=True)
class Passwords:
    """Argon2id, at a cost.

    Parameters
    ----------
    time_cost
        Rounds.
    memory_kib
        Memory of one hash.
    parallelism
        Threads of one hash.

    Examples
    --------
    >>> cheap = Passwords(time_cost=1, memory_kib=8, parallelism=1)
    >>> kept = cheap.hash("correct horse battery")
    >>> kept[:10], cheap.fits(kept, "correct horse battery"), cheap.fits(kept, "wrong horse battery")
    ('$argon2id$', True, False)
    """

    time_cost: int = RFC_9106_LOW_MEMORY.time_cost
    memory_kib: int = RFC_9106_LOW_MEMORY.memory_cost
    parallelism: int = RFC_9106_LOW_MEMORY.parallelism

    @cached_property
    def _hasher(self) -> PasswordHasher:
        return PasswordHasher(self.time_cost, self.memory_kib, self.parallelism)

    def hash(self, password: str) -> str:
        """Return what is kept of a password: hash, salt and cost."""
        return self._hasher.hash(normal(password))

    def fits(self, kept: str, password: str) -> bool:
        """Whether a password is the one that was kept."""
        try:
            return self._hasher.verify(kept, normal(password))
        except (VerificationError, InvalidHashError):
            return False

    def is_dated(self, kept: str) -> bool:
        """Whether a hash was made at another cost than is usual now."""
        return self._hasher.check_needs_rehash(kept)

    def bucket(self, name: str) -> str:
        """Return the bucket that a name nobody has falls into; it costs as much as to check a password.

        Failures with such names are counted too, or lock-out would tell which names there are. People type passwords
        where the name goes, so the name itself is not written down: of a slow hash, 24 bits say nothing.
        """
        found = hash_secret_raw(
            normal(name)[:MOST_LETTERS].encode(), _NAMELESS, self.time_cost, self.memory_kib, self.parallelism,
            PasswordHasher().hash_len, Type.ID,
        )  # fmt: skip
        return f"nobody:{found[:_BUCKET_BYTES].hex()}"


PASSWORDS: Final = Passwords()


def normal(password: str) -> str:
    """Return a password as it is compared: keyboards and systems write the same letter in several ways."""
    return unicodedata.normalize("NFKC", password)


def read_password(password: str, username: str) -> str:
    """Return a password that may be taken.

    Raises
    ------
    InputError
        Naming the rule that it breaks, never the password.

    Examples
    --------
    >>> read_password("wang.xiaoming2026", "Wang.Xiaoming")
    Traceback (most recent call last):
    gridmap.errors.InputError: the password holds the user's name; choose another
    """
    said = normal(password)
    if not LEAST_LETTERS <= len(said) <= MOST_LETTERS:
        raise InputError(f"a password has {LEAST_LETTERS} to {MOST_LETTERS} letters; this one has {len(said)}")
    if not said.isprintable():
        raise InputError("the password holds letters that cannot be typed again, such as a line break; choose another")
    if username.casefold() in said.casefold():
        raise InputError("the password holds the user's name; choose another")
    if len(set(said.casefold())) < _LEAST_DIFFERENT:
        raise InputError(f"the password has fewer than {_LEAST_DIFFERENT} different letters; choose another")
    return said
