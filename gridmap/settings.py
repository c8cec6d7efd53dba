"""What the environment may change. Every setting is named here and in the README.

=======================  ================================================================  ============================
variable                 meaning                                                           default
=======================  ================================================================  ============================
GRIDMAP_LANG             language of tables, bars and pages: ``zh`` or ``en``              ``zh``
GRIDMAP_CACHE_DIR        folder of the networks already read (:mod:`gridmap.network`)      the user's cache folder
GRIDMAP_DATABASE_URL     address of the record: ``postgresql://user@host/gridmap``         the private cluster's
GRIDMAP_DB_DIR           folder of the private cluster of ``gridmap db``                   the user's data folder, for
                                                                                           root ``/var/lib/gridmap/db``
GRIDMAP_ACTOR            name that commands write into the audit                           the login name
GRIDMAP_PUBLIC           whether questions without a key are answered: ``yes`` or ``no``   ``yes``
GRIDMAP_RATE             requests a minute, in each worker, of a key without a rate of     600
                         its own, of a user, of an address without either
GRIDMAP_TRUSTED_PROXIES  addresses or networks, between commas, whose X-Forwarded-For is   none
                         believed
GRIDMAP_ADDRESSES        file of the address index that ``gridmap serve`` answers from      none
GRIDMAP_LOG              lines of the server's log: ``text``, or ``json`` for programs     ``text``
=======================  ================================================================  ============================
"""

from __future__ import annotations

import getpass
import os
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Final, Literal

import platformdirs

from gridmap.errors import InputError

Language = Literal["zh", "en"]
LogFormat = Literal["text", "json"]
Network = IPv4Network | IPv6Network
LANGUAGES: Final[tuple[Language, ...]] = ("zh", "en")
LOG_FORMATS: Final[tuple[LogFormat, ...]] = ("text", "json")
ADDRESSES: Final = "GRIDMAP_ADDRESSES"
RATE_PER_MINUTE: Final = 600
HIGHEST_RATE: Final = 1_000_000


def language() -> Language:
    """Return the language of user-facing text.

    Raises
    ------
    InputError
        When ``GRIDMAP_LANG`` names another language.
    """
    wanted = os.environ.get("GRIDMAP_LANG", "zh")
    for known in LANGUAGES:
        if wanted == known:
            return known
    raise InputError(f"GRIDMAP_LANG={wanted!r} is not a language gridmap speaks; allowed: {', '.join(LANGUAGES)}")


def text(chinese: str, english: str) -> str:
    """Return the one of two texts that the user reads.

    Examples
    --------
    >>> text("网格", "grids") in ("网格", "grids")
    True
    """
    return chinese if language() == "zh" else english


def database_folder() -> Path:
    """Return the folder of the private cluster: ``GRIDMAP_DB_DIR``, else one of the user's own.

    Root's is outside its home, which the user that the server runs as cannot enter.
    """
    named = os.environ.get("GRIDMAP_DB_DIR")
    if named:
        return Path(named).expanduser()
    dirs = platformdirs.PlatformDirs("gridmap", appauthor=False)
    return (dirs.site_state_path if os.geteuid() == 0 else dirs.user_data_path) / "db"


def database_url() -> str | None:
    """Return the address of the record: ``GRIDMAP_DATABASE_URL``, else the private cluster that runs, else ``None``.

    Raises
    ------
    InputError
        When the address cannot be read, or is of a database that is not PostgreSQL.
    """
    named = os.environ.get("GRIDMAP_DATABASE_URL")
    if named:
        from gridmap.store.url import driver_url

        driver_url(named)
        return named
    from gridmap.store.cluster import Cluster

    private = Cluster(database_folder())
    return private.url if private.is_running() else None


def actor() -> str:
    """Return the name that commands write into the audit: ``GRIDMAP_ACTOR``, else the login name.

    Raises
    ------
    InputError
        When neither is known.
    """
    named = os.environ.get("GRIDMAP_ACTOR", "").strip()
    if named:
        return named
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a number without a name, as in a container
        raise InputError("nobody knows who you are; set GRIDMAP_ACTOR to your name, for the audit") from None


def is_public() -> bool:
    """Return whether questions without a key are answered (``GRIDMAP_PUBLIC``).

    Raises
    ------
    InputError
        When it is neither ``yes`` nor ``no``: a slip must not open what was to be closed.
    """
    wanted = os.environ.get("GRIDMAP_PUBLIC", "yes")
    if wanted not in ("yes", "no"):
        raise InputError(f"GRIDMAP_PUBLIC={wanted!r}; allowed: yes, no")
    return wanted == "yes"


def log_format() -> LogFormat:
    """Return how lines of the server's log are written (``GRIDMAP_LOG``).

    Raises
    ------
    InputError
        When it is neither ``text`` nor ``json``.
    """
    wanted = os.environ.get("GRIDMAP_LOG", "text")
    for known in LOG_FORMATS:
        if wanted == known:
            return known
    raise InputError(f"GRIDMAP_LOG={wanted!r}; allowed: {', '.join(LOG_FORMATS)}")


def rate_per_minute() -> int:
    """Return the requests a minute of a key that has no rate of its own (``GRIDMAP_RATE``).

    Raises
    ------
    InputError
        When it is no whole number from 1 to a million.
    """
    wanted = os.environ.get("GRIDMAP_RATE", str(RATE_PER_MINUTE))
    if not (wanted.isascii() and wanted.isdecimal() and len(wanted) <= 7 and 1 <= int(wanted) <= HIGHEST_RATE):
        raise InputError(f"GRIDMAP_RATE={wanted!r} is not a number of requests a minute from 1 to {HIGHEST_RATE}")
    return int(wanted)


def address_index() -> Path | None:
    """Return the file of the address index that is served: ``GRIDMAP_ADDRESSES``, ``None`` where it is not set."""
    named = os.environ.get(ADDRESSES, "").strip()
    return Path(named).expanduser() if named else None


def trusted_proxies() -> tuple[Network, ...]:
    """Return the networks of proxies whose word about the client's address is taken (``GRIDMAP_TRUSTED_PROXIES``).

    Raises
    ------
    InputError
        When one is no address and no network.
    """
    named = [part.strip() for part in os.environ.get("GRIDMAP_TRUSTED_PROXIES", "").split(",") if part.strip()]
    try:
        return tuple(ip_network(part) for part in named)
    except ValueError as error:
        raise InputError(
            f"GRIDMAP_TRUSTED_PROXIES: {error}; write addresses or networks between commas, such as 10.0.0.7,::1"
        ) from None
