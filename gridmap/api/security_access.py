"""Access as one worker has it: keys in memory, log-ins in the record, rates."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Final

from gridmap import settings
from gridmap.api.rates import Rates
from gridmap.api.security_visits import Visits
from gridmap.errors import AccessError, UnavailableError
from gridmap.service import access, audit
from gridmap.service.access import PUBLIC, KeyRing, Login, LoginRefused, Passwords, Principal, Visit
from gridmap.service.access_keys import HeldKey
from gridmap.settings import Network
from gridmap.store.engine import Store

UNMASKED: Final = "unmasked"
"""The action in the audit."""


class Access:
    """Keys, log-ins and rates as one worker knows them; threads may share it.

    Parameters
    ----------
    store
        The record.
    public
        Whether questions without a key are answered.
    rate_per_minute
        Requests of a key without a rate of its own, of a user, and of an address without either.
    proxies
        Whose ``X-Forwarded-For`` is believed.
    passwords
        At what cost passwords are hashed.
    clock
        Seconds since 1970.
    """

    def __init__(
        self,
        store: Store,
        *,
        public: bool = True,
        rate_per_minute: int = settings.RATE_PER_MINUTE,
        proxies: Sequence[Network] = (),
        passwords: Passwords = access.PASSWORDS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.store = store
        self.is_public = public
        self.rate_per_minute = rate_per_minute
        self.proxies = tuple(proxies)
        self.rates = Rates()
        self._visits = Visits()
        self._passwords = passwords
        self._clock = clock
        self._ring: KeyRing | None = None

    @classmethod
    def from_settings(cls, store: Store) -> Access:
        """Make what the environment asks for (:mod:`gridmap.settings`)."""
        return cls(
            store, public=settings.is_public(), rate_per_minute=settings.rate_per_minute(),
            proxies=settings.trusted_proxies(),
        )  # fmt: skip

    def renew(self, ring: KeyRing) -> None:
        """Check keys against these from now on; :func:`gridmap.service.access.read_ring` reads them."""
        self._ring = ring

    def key(self, key: bytes) -> HeldKey | None:
        """Return a key by its bytes; ``None`` for one that is unknown, expired or withdrawn.

        Raises
        ------
        UnavailableError
            While no keys have been read yet.
        """
        if self._ring is None:
            raise UnavailableError("the keys have not been read yet, for the database could not be reached")
        return self._ring.find(key, self._clock())

    def visit(self, token: str) -> Visit | None:
        """Return who is logged in by a cookie; ``None`` where nobody is. It waits for the database."""
        with self.store.transaction(actor=PUBLIC.name) as session:
            visit = access.session_of(session, token, now=self._now())
        self._visits.remember(token, visit, self._now())
        return visit

    def recall(self, token: str) -> Visit | None:
        """Return who was logged in by a cookie when the record was last asked, if that was within a minute.

        For what is only read while the database cannot be reached: somebody may have been shut out since.
        """
        return self._visits.recall(token, self._now())

    def log_in(self, username: str, password: str, former: str | None, request: str) -> Login | LoginRefused:
        """Log somebody in. It waits for the database, and for the hash."""
        with self.store.transaction(actor=PUBLIC.name) as session:
            found = access.log_in(
                session, username, password, former=former, request_id=request, now=self._now(),
                passwords=self._passwords,
            )  # fmt: skip
        if former is not None and isinstance(found, Login):
            self._visits.end(former, self._now())
        return found

    def log_out(self, principal: Principal, token: str, request: str) -> None:
        """End a log-in."""
        self._visits.end(token, self._now())
        with self.store.transaction(actor=principal.name) as session:
            access.log_out(session, token, request_id=request)

    def unmask(self, principal: Principal, reason: str, *, subject: str, town: str | None, request: str) -> None:
        """Write down who sees whose name, and why; it is committed when this returns.

        Raises
        ------
        InputError
            When the reason is empty.
        AccessError
            When this one may not, or not in that town.
        """
        access.demand(principal, "unmask")
        if not access.may_see(principal, town):
            raise AccessError(f"{principal.name} is of {principal.jurisdiction}, and {subject} is not in it")
        said = audit.read_reason(reason)
        with self.store.transaction(actor=principal.name, jurisdiction=principal.jurisdiction) as session:
            detail = {"role": principal.role, "town": town}
            audit.note(session, UNMASKED, subject, said, detail=detail, request_id=request)

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock(), UTC)
