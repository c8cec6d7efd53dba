"""Where a request comes from, and how: what proxies say is believed of those proxies alone that are trusted."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from starlette.types import Scope

from gridmap.settings import Network

_PER_CALLER_V6 = 64


def header(scope: Scope, name: bytes) -> str | None:
    """Return a header as it came in; of several, joined as HTTP joins them."""
    found = [value for each, value in scope["headers"] if each == name]
    return b", ".join(found).decode("latin-1") if found else None


def peer(scope: Scope) -> str:
    """Return the address at the other end of the connection, a proxy's perhaps."""
    client = scope.get("client")
    return str(client[0]) if client else "local"


def client_address(scope: Scope, proxies: Sequence[Network]) -> str:
    """Return the address a request came from.

    ``X-Forwarded-For`` is read from the right, as far as the proxies that wrote it are trusted: what stands left of
    that, anybody may have written.

    Examples
    --------
    >>> def asked(*forwarded):
    ...     headers = [(b"x-forwarded-for", each) for each in forwarded]
    ...     return {"client": ("10.0.0.7", 40000), "headers": headers}
    >>> client_address(asked(b"203.0.113.9"), [])
    '10.0.0.7'
    >>> client_address(asked(b"198.51.100.1, 203.0.113.9"), [ip_network("10.0.0.0/8")])
    '203.0.113.9'
    """
    address = peer(scope)
    if not proxies or not is_trusted(address, tuple(proxies)):
        return address
    hops = [hop.strip() for hop in (header(scope, b"x-forwarded-for") or "").split(",") if hop.strip()]
    for hop in reversed(hops):
        if _parsed(hop) is None:
            break
        address = hop
        if not is_trusted(hop, tuple(proxies)):
            break
    return address


@lru_cache(maxsize=4096)
def caller_of(address: str) -> str:
    """Return by what a client without a key is counted: its address; of IPv6 the network, of which each has plenty.

    Examples
    --------
    >>> caller_of("203.0.113.9"), caller_of("2001:db8:1:2:3:4:5:6"), caller_of("::ffff:203.0.113.9")
    ('address:203.0.113.9', 'address:2001:db8:1:2::/64', 'address:203.0.113.9')
    """
    parsed = _parsed(address)
    if isinstance(parsed, IPv6Address):
        if parsed.ipv4_mapped is not None:
            return f"address:{parsed.ipv4_mapped}"
        return f"address:{ip_network((int(parsed), _PER_CALLER_V6), strict=False)}"
    return f"address:{address}"


@lru_cache(maxsize=4096)
def is_trusted(address: str, proxies: tuple[Network, ...]) -> bool:
    """Whether an address is one of the proxies'."""
    parsed = _parsed(address)
    return parsed is not None and any(parsed.version == each.version and parsed in each for each in proxies)


def is_https(scope: Scope, proxies: Sequence[Network]) -> bool:
    """Whether the client's own connection is encrypted, by the word of a trusted proxy where there is one."""
    if scope.get("scheme") == "https":
        return True
    if not is_trusted(peer(scope), tuple(proxies)):
        return False
    return (header(scope, b"x-forwarded-proto") or "").split(",")[-1].strip().lower() == "https"


def is_loopback(scope: Scope) -> bool:
    """Whether a request never left this machine: no proxy between, and asked for by a name of this machine."""
    if any(name.startswith(b"x-forwarded-") or name in (b"forwarded", b"x-real-ip") for name, _ in scope["headers"]):
        return False
    parsed = _parsed(peer(scope))
    return parsed is not None and parsed.is_loopback and _is_this_machine(host_of(scope, ()))


def host_of(scope: Scope, proxies: Sequence[Network]) -> str:
    """Return the host and port that the client asked for."""
    told = header(scope, b"x-forwarded-host") if is_trusted(peer(scope), tuple(proxies)) else None
    return ((told or "").split(",")[-1].strip() or header(scope, b"host") or "").lower()


def _is_this_machine(host: str) -> bool:
    name = host.partition("]")[0].lstrip("[") if host.startswith("[") else host.partition(":")[0]
    parsed = _parsed(name)
    return name == "localhost" or (parsed is not None and parsed.is_loopback)


def _parsed(address: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(address)
    except ValueError:
        return None
