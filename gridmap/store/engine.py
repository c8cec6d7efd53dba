"""The record, opened: connections that are pooled, checked, and run as the service's role."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import orjson
import psycopg
from sqlalchemy import Engine, Select, create_engine, event, text
from sqlalchemy.orm import Session
from sqlalchemy.pool import QueuePool

from gridmap.errors import InputError
from gridmap.store.base import APP_ROLE, SCHEMA
from gridmap.store.models import State
from gridmap.store.trouble import translated
from gridmap.store.url import driver_url

COUNTY: Final = "*"
"""Jurisdiction of who sees every town."""
_CONNECT_S: Final = 3
_WAIT_S: Final = 3.0
_STATEMENT_MS: Final = 120_000
_OLDEST: Final = 150_000


class Store:
    """The record in a database; threads may share it.

    Parameters
    ----------
    url
        ``postgresql://…``.
    size
        Connections at most; who finds all of them in use waits three seconds, then is told.

    Raises
    ------
    InputError
        When the address is none.
    """

    def __init__(self, url: str, *, size: int = 8) -> None:
        self.url = url
        self._engine: Engine = create_engine(
            driver_url(url),
            pool_pre_ping=True, pool_size=size, max_overflow=0, pool_timeout=_WAIT_S, pool_recycle=1800,
            connect_args={"connect_timeout": _CONNECT_S, "application_name": "gridmap"},
            json_serializer=lambda value: orjson.dumps(value).decode(), json_deserializer=json.loads,
        )  # fmt: skip
        event.listen(self._engine, "connect", _become_service)

    @contextmanager
    def transaction(self, *, actor: str, jurisdiction: str = COUNTY, as_of_now: bool = False) -> Iterator[Session]:
        """Give a session that commits at the end, or not at all.

        Parameters
        ----------
        actor
            Who does it: ``session.info["actor"]``, written beside every row.
        jurisdiction
            Code of a town, whose rows alone are seen; :data:`COUNTY` for all.
        as_of_now
            Every statement sees the record as it was at the first one.

        Raises
        ------
        UnavailableError
            When the database cannot be reached.
        ConflictError
            When somebody else was first.
        """
        with translated(), Session(self._engine, expire_on_commit=False) as session:
            session.info.update(actor=actor, jurisdiction=jurisdiction)
            if as_of_now:
                session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
            session.execute(text("select set_config('gridmap.jurisdiction', :town, true)"), {"town": jurisdiction})
            yield session
            session.commit()

    def on_use(self, told: Callable[[int], None]) -> None:
        """Have a function told how many connections are in use, whenever one is taken or given back."""
        event.listen(self._engine, "checkout", lambda *_: told(self._in_use()))
        event.listen(self._engine, "checkin", lambda *_: told(self._in_use() - 1))  # it still counts

    def _in_use(self) -> int:
        pool = self._engine.pool
        return pool.checkedout() if isinstance(pool, QueuePool) else 0

    def close(self) -> None:
        """Let go of all connections."""
        self._engine.dispose()


def bump(session: Session) -> int:
    """Tell the workers, with the commit, that they answer from something old; who bumps next waits for this commit."""
    state = session.get(State, 1, with_for_update=True)
    if state is None:
        raise InputError("the database holds no record yet; run `gridmap db upgrade`")
    state.generation += 1
    session.flush()
    return state.generation


def rows(session: Session, query: Select[Any]) -> list[dict[str, Any]]:
    """Return what a query finds as plain rows."""
    return [dict(each) for each in session.execute(query).mappings()]


def _become_service(connection: psycopg.Connection[Any], _record: object) -> None:
    """Run as a role that row-level security holds for: owners and superusers pass it by."""
    if connection.info.server_version < _OLDEST:
        raise InputError("the record needs PostgreSQL 15 or newer; this one is older")
    with connection.cursor() as cursor:
        # to_regrole and to_regnamespace are NULL where there is none; has_schema_privilege would fail
        cursor.execute(
            "select coalesce(has_schema_privilege(to_regrole(%s)::oid, to_regnamespace(%s)::oid, 'usage'), false)",
            (APP_ROLE, SCHEMA),
        )
        if cursor.fetchone() != (True,):
            raise InputError("the database holds no record, or one of an older gridmap; run `gridmap db upgrade`")
        cursor.execute(f"set role {APP_ROLE}; set statement_timeout = {_STATEMENT_MS}; set timezone = 'UTC'")
    connection.commit()
