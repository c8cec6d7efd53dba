"""Asked twice, done once; and what was answered is not kept for long."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select, update

from gridmap.errors import ConflictError
from gridmap.service.loading_once import KEPT, once
from gridmap.store.models import Idempotency


def test_a_key_has_one_answer_for_a_day(store):
    done = []

    def do():
        done.append(1)
        return {"count": len(done)}

    for _ in range(2):
        with store.transaction(actor="a") as session:
            assert once(session, "k", b"1", do) == {"count": 1}
    with pytest.raises(ConflictError, match="something else"), store.transaction(actor="a") as session:
        once(session, "k", b"2", do)
    with store.transaction(actor="b") as session:  # another's key of the same name
        assert once(session, "k", b"2", do) == {"count": 2}
    with store.transaction(actor="a") as session:
        session.execute(update(Idempotency).values(at=func.now() - KEPT * 2))
    with store.transaction(actor="a") as session:
        assert once(session, "k", b"1", do) == {"count": 3}
        assert session.scalar(select(func.count()).select_from(Idempotency)) == 1
