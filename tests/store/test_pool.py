"""How many connections are in use is known, also after one was cut off."""

from __future__ import annotations

import psycopg
import pytest
from sqlalchemy import text

from gridmap.errors import UnavailableError
from gridmap.store.engine import Store


def test_the_connections_in_use_are_told_and_a_lost_one_is_not_counted_for_ever(store_url):
    store, told = Store(store_url, size=3), []
    store.on_use(told.append)
    with store.transaction(actor="x"), store.transaction(actor="x"):
        assert max(told) == 2
    assert told[-1] == 0
    with pytest.raises(UnavailableError):
        use_after_it_is_cut_off(store, store_url)
    with store.transaction(actor="x"):
        assert told[-1] == 1
    assert told[-1] == 0
    store.close()


def use_after_it_is_cut_off(store, url):
    with store.transaction(actor="x") as session:
        number = session.scalar(text("select pg_backend_pid()"))
        with psycopg.connect(url, autocommit=True) as other:
            other.execute("select pg_terminate_backend(%s, 5000)", (number,))
        session.execute(text("select 1"))
