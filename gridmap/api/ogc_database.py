"""What tipg asks the record through: read-only connections of a role that sees the published views and nothing else."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any, Final

import asyncpg
import orjson
from sqlalchemy import URL
from tipg.collections import Catalog, pg_get_collection_index
from tipg.database import connection_factory
from tipg.errors import (
    InvalidDatetimeColumnName,
    InvalidGeometryColumnName,
    InvalidPropertyName,
    MissingDatetimeColumn,
    MissingGeometryColumn,
    NotFound,
    TiPgError,
)
from tipg.settings import DatabaseSettings

from gridmap.errors import AccessError, GridmapError, InputError, UnavailableError, UnknownNameError
from gridmap.store.base import PUBLISHED, READER_ROLE
from gridmap.store.url import driver_url

_MOST_CONNECTIONS: Final = 4
_CONNECT_S: Final = 3
_STATEMENT_MS: Final = 10_000
_SESSION: Final = {"role": READER_ROLE, "application_name": "gridmap-ogc", "statement_timeout": str(_STATEMENT_MS)}
"""What asyncpg returns to after each use."""
_READ_ONLY: Final = {"default_transaction_read_only": "on"}
_TEMPORARY: Final = "pg_temp"
_SETTINGS: Final = DatabaseSettings(
    schemas=[PUBLISHED], application_schema=_TEMPORARY, tables=None, exclude_tables=None, exclude_table_schemas=None,
    functions=[], exclude_functions=None, exclude_function_schemas=None, datetime_extent=True, spatial_extent=True,
    only_spatial_tables=True,
)  # fmt: skip
"""All of them said, or the environment could open another schema."""
_OF_LIBPQ: Final = frozenset(
    {"sslmode", "sslrootcert", "sslcert", "sslkey", "sslcrl", "passfile", "target_session_attrs"}
)


class Published:
    """The published views: a pool of connections, and the catalogue that tipg answers from.

    Nothing is connected to until something is asked, so that the database may come later, or come back.

    Parameters
    ----------
    url
        Of the record.
    """

    def __init__(self, url: str) -> None:
        self._options = _options(driver_url(url))
        self._lock = asyncio.Lock()
        self._stale = True
        self.pool: asyncpg.Pool | None = None
        self.catalogue: Catalog | None = None

    def forget(self) -> None:
        """Read the catalogue again before the next answer; any thread may say so."""
        self._stale = True

    async def ready(self) -> None:
        """Have a pool and a catalogue that is not stale."""
        if not self._stale:
            return
        async with self._lock:
            if self.pool is None:
                self.pool = await asyncpg.create_pool(
                    **self._options, server_settings=_SESSION | _READ_ONLY, min_size=0, max_size=_MOST_CONNECTIONS,
                    init=_decode_json,
                )  # fmt: skip
            if self._stale:
                self._stale = False  # before it is read: what is published meanwhile makes it stale again
                try:
                    self.catalogue = await self._read_catalogue()
                except BaseException:
                    self._stale = True
                    raise

    async def renew(self) -> None:
        """Use no connection again that is open now: one that a server cut off while it was idle may be stuck."""
        if self.pool is not None:
            await self.pool.expire_connections()

    async def close(self) -> None:
        """Let go of the connections."""
        if self.pool is not None:
            self.pool.terminate()
            self.pool = None
            self._stale = True

    async def _read_catalogue(self) -> Catalog:
        """Ask what there is, by a connection of its own: tipg's questions are temporary functions, thus written."""
        connection = await asyncpg.connect(**self._options, server_settings=_SESSION)
        try:
            await connection_factory([PUBLISHED], _TEMPORARY)(connection)
            found = await pg_get_collection_index(connection, _SETTINGS)
        finally:
            await connection.close()
        if not found:
            raise UnavailableError("the database holds no record yet; run `gridmap db upgrade`")
        return Catalog(collections={each.id: each for each in found}, last_updated=datetime.now().astimezone())


async def _decode_json(connection: asyncpg.Connection) -> None:
    for kind in ("json", "jsonb"):
        await connection.set_type_codec(kind, encoder=orjson.dumps, decoder=orjson.loads, schema="pg_catalog")


def _options(url: URL) -> dict[str, Any]:
    """Return an address as asyncpg takes it: what it does not know in a query, it would send as a setting."""
    query = dict(url.query)
    plain = url.set(drivername="postgresql", query={key: value for key, value in query.items() if key in _OF_LIBPQ})
    at: dict[str, Any] = {name: query[name] for name in ("host", "port") if name in query}
    return {"dsn": plain.render_as_string(hide_password=False), **at, "timeout": _CONNECT_S}


_UNKNOWN: Final = (
    NotFound, InvalidPropertyName, InvalidGeometryColumnName, InvalidDatetimeColumnName, MissingDatetimeColumn,
    MissingGeometryColumn,
)  # fmt: skip
_LATER: Final = (
    asyncpg.PostgresConnectionError, asyncpg.OperatorInterventionError, asyncpg.InsufficientResourcesError,
    asyncpg.InterfaceError, asyncpg.InternalClientError, asyncpg.InvalidCatalogNameError, OSError, TimeoutError,
)  # fmt: skip
NAMED: Final = (
    TiPgError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError, TimeoutError,
    ValueError,
)  # fmt: skip
"""What :func:`translated` has a better word for."""


def translated(error: Exception) -> GridmapError:
    """Return what goes wrong in tipg, or in the database under it, as an error of gridmap.

    Examples
    --------
    >>> translated(ConnectionRefusedError()).code, translated(NotFound("no x")).code, translated(ValueError("x")).code
    ('unavailable', 'unknown-name', 'input')
    """
    if isinstance(error, GridmapError):
        return error
    if isinstance(error, _UNKNOWN):
        return UnknownNameError(f"{error}; /ogc/collections lists what there is")
    if isinstance(error, asyncpg.QueryCanceledError):
        return InputError(f"this takes longer than {_STATEMENT_MS // 1000} s; ask for less with bbox= or limit=")
    if isinstance(
        error, asyncpg.InvalidParameterValueError | asyncpg.UndefinedObjectError | asyncpg.InvalidSchemaNameError
    ):
        return UnavailableError("the database holds no record yet; run `gridmap db upgrade`")
    if isinstance(error, _LATER):
        return UnavailableError("the published views cannot be reached for now")
    if isinstance(error, asyncpg.InsufficientPrivilegeError):
        return AccessError("only what is published may be read")
    if isinstance(error, asyncpg.DataError | asyncpg.SyntaxOrAccessError | TiPgError | ValueError):
        return InputError(f"a parameter cannot be used: {error}")
    return GridmapError(str(error))
