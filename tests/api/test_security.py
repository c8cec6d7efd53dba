"""Rates, addresses and visits, by what must hold of them."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from gridmap.api.rates import Rates
from gridmap.api.security_clients import caller_of, client_address, is_trusted
from gridmap.api.security_visits import Visits
from gridmap.service.access import PUBLIC, Visit
from gridmap.settings import Network


@given(st.integers(1, 500), st.lists(st.floats(0, 30), max_size=300))
def test_a_bucket_gives_what_a_minute_allows_and_no_more(rate, pauses):
    """In every stretch of time at most a full bucket and what flowed in."""
    now = [0.0]
    rates = Rates(clock=lambda: now[0])
    taken = []
    for pause in pauses:
        now[0] += pause
        wait = rates.take("a", rate)
        if wait is None:
            taken.append(now[0])
        else:
            assert 0 < wait <= 60 / rate + 1e-6
    for first in range(len(taken)):
        for last in range(first, len(taken), 7):
            allowed = rate + (taken[last] - taken[first]) * rate / 60
            assert last - first + 1 <= math.floor(allowed + 1e-6)


@given(st.integers(1, 100))
def test_who_waits_as_told_is_answered(rate):
    now = [0.0]
    rates = Rates(clock=lambda: now[0])
    assert [rates.take("a", rate) for _ in range(rate)] == [None] * rate
    wait = rates.take("a", rate)
    now[0] += wait - 1e-3
    assert rates.take("a", rate) is not None
    now[0] += 2e-3
    assert rates.take("a", rate) is None
    assert rates.take("b", rate) is None


def test_what_is_remembered_is_bounded_and_an_empty_bucket_is_not_forgotten_for_a_full_one():
    now = [0.0]
    rates = Rates(clock=lambda: now[0], most_kept=100)
    for each in range(98):
        rates.take(f"old{each}", 6000)
    now[0] = 1.0  # theirs are full again
    rates.take("busy", 1)
    for each in range(99):
        rates.take(f"new{each}", 6000)
        assert len(rates._full_at) <= 100
    assert rates.take("busy", 1) is not None


ADDRESSES = st.one_of(st.ip_addresses(v=4).map(str), st.ip_addresses(v=6).map(str))


@given(ADDRESSES, st.lists(st.one_of(ADDRESSES, st.text(max_size=8), st.just("10.0.0.8")), max_size=5))
def test_only_what_trusted_proxies_wrote_is_believed(peer, claimed):
    from ipaddress import ip_network

    proxies: tuple[Network, ...] = (ip_network("10.0.0.0/8"),)

    def scope(client, hops):
        value = ", ".join(hop for hop in hops if hop.isascii()).encode()
        return {"client": (client, 1), "headers": [(b"x-forwarded-for", value)] if hops else []}

    if not is_trusted(peer, proxies):
        assert client_address(scope(peer, claimed), proxies) == peer
        assert client_address(scope("10.0.0.7", [*claimed, peer]), proxies) == peer
        assert client_address(scope("10.0.0.7", [*claimed, peer, "10.0.0.8"]), proxies) == peer
    assert client_address(scope(peer, claimed), ()) == peer


@given(st.ip_addresses(v=6), st.integers(0, 2**64 - 1))
def test_a_network_of_ipv6_is_one_caller(address, host):
    from ipaddress import IPv6Address

    neighbour = IPv6Address((int(address) >> 64 << 64) | host)
    if address.ipv4_mapped is None and neighbour.ipv4_mapped is None:
        assert caller_of(str(address)) == caller_of(str(neighbour))
        other = IPv6Address(int(address) ^ (1 << 64))
        assert other.ipv4_mapped is not None or caller_of(str(address)) != caller_of(str(other))


def test_a_log_out_is_not_undone_by_a_question_that_was_under_way_and_what_is_remembered_is_bounded():
    now = datetime(2026, 11, 26, tzinfo=UTC)
    who = Visit(PUBLIC, now + timedelta(hours=1), b"")
    visits = Visits(most_kept=2)
    visits.remember("a", who, now)
    visits.end("a", now)
    visits.remember("a", who, now)  # the record was asked before it was done
    assert visits.recall("a", now) is None
    visits.remember("b", who, now)
    visits.remember("c", replace(who, expires_at=now + timedelta(seconds=5)), now)
    visits.remember("d", who, now)
    assert [visits.recall(each, now) is not None for each in "bcd"] == [False, True, True]
    assert [visits.recall(each, now + timedelta(seconds=6)) is not None for each in "cd"] == [False, True]
    visits.remember("d", None, now)
    assert visits.recall("d", now) is None
