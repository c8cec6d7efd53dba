"""The audit: who did what, to what, and why. Rows are added in the transaction of what they tell of, or before it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from gridmap.errors import InputError
from gridmap.service.access_rules import MOST_REASON
from gridmap.store.access_model import Audit


def note(
    session: Session,
    action: str,
    subject: str,
    reason: str = "",
    *,
    detail: Mapping[str, Any] | None = None,
    request_id: str | None = None,
) -> None:
    """Add a row to the audit; the actor is the session's.

    Parameters
    ----------
    session
        Of :meth:`gridmap.store.engine.Store.transaction`.
    action
        ``key-created``, ``logged-in``, ``unmasked`` …
    subject
        What it was done to: the prefix of a key, a username, the code of a grid.
    reason
        Why, in the words of whoever did it.
    detail
        What else is worth keeping; never a secret.
    request_id
        The ``X-Request-Id`` of the request that asked for it; else what ``session.info`` says.
    """
    session.add(
        Audit(
            actor=str(session.info["actor"]), action=action, subject=subject, reason=reason, detail=dict(detail or {}),
            request_id=request_id or session.info.get("request_id"),
        )
    )  # fmt: skip
    session.flush()


def read_reason(reason: str) -> str:
    r"""Return a reason as it is written down: in one line, without what cannot be read.

    Raises
    ------
    InputError
        When nothing is left of it, or it is too long.

    Examples
    --------
    >>> read_reason("  回访\n工单 7 ")
    '回访 工单 7'
    """
    said = " ".join("".join(letter if letter.isprintable() else " " for letter in reason).split())
    if not said:
        raise InputError("the reason is empty; say in a few words why it is needed, for it is kept in the audit")
    if len(said) > MOST_REASON:
        raise InputError(f"the reason has {len(said)} letters; at most {MOST_REASON} are kept")
    return said
