"""What loading a table did, or would do: a line for every row of it, and for what it no longer has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple

NEW: Final = "new"
CHANGED: Final = "changed"
ENDED: Final = "ended"
UNCHANGED: Final = "unchanged"
REFUSED: Final = "refused"
OUTCOMES: Final = (NEW, CHANGED, ENDED, UNCHANGED, REFUSED)


class Change(NamedTuple):
    """What of a row is other than on record; names and phones masked, missing is empty."""

    column: str
    old: str
    new: str


class LoadRow(NamedTuple):
    """What becomes of a row.

    Parameters
    ----------
    row
        Its number in the file: of a sheet as in a spreadsheet, of a layer the feature's; ``None`` for what the file
        no longer has.
    part
        What it is: ``assignment``, ``organisation``, ``station``, ``circle``, ``coverage``, ``department_grid``.
    key
        By which it is found again.
    outcome
        :data:`OUTCOMES`.
    reason
        Why it is refused or ended; empty where there is nothing to explain.
    changes
        What is other than on record.
    """

    row: int | None
    part: str
    key: str
    outcome: str
    reason: str
    changes: tuple[Change, ...]


class LoadFinding(NamedTuple):
    """Something to be seen to that stops nobody; ``row`` is ``None`` where no row of the file is about it."""

    row: int | None
    rule: str
    key: str
    message: str


@dataclass(frozen=True)
class LoadReport:
    """What loading did, or would do.

    Parameters
    ----------
    kind
        What was loaded: ``roster``, ``stations``, ``circles``, ``departments``, ``organisations``.
    effective
        From when on it holds.
    rows
        A line a row, in the order of the file; then what the file no longer has.
    counts
        Outcome → rows.
    findings
        What is to be seen to.
    committed
        Whether it is on record now.
    """

    kind: str
    effective: datetime
    rows: tuple[LoadRow, ...]
    counts: dict[str, int]
    findings: tuple[LoadFinding, ...]
    committed: bool

    @property
    def refused(self) -> tuple[LoadRow, ...]:
        """Return the rows that cannot be used."""
        return tuple(row for row in self.rows if row.outcome == REFUSED)

    def to_values(self) -> dict[str, Any]:
        """Return the report as JSON has it.

        Examples
        --------
        >>> from datetime import UTC
        >>> row = LoadRow(2, "assignment", "7 / 01 / 网格长", NEW, "", ())
        >>> values = report_of("roster", datetime(2026, 5, 1, tzinfo=UTC), [row]).to_values()
        >>> values["effective"], values["counts"]["new"], values["rows"][0]["key"]
        ('2026-05-01T00:00:00+00:00', 1, '7 / 01 / 网格长')
        """
        rows = [row._asdict() | {"changes": [each._asdict() for each in row.changes]} for row in self.rows]
        found = [each._asdict() for each in self.findings]
        return asdict(self) | {"effective": self.effective.isoformat(), "rows": rows, "findings": found}


def report_of(
    kind: str, effective: datetime, rows: Iterable[LoadRow], findings: Iterable[LoadFinding] = ()
) -> LoadReport:
    """Return the report of rows in any order."""
    ordered = sorted(rows, key=lambda row: (row.row is None, row.part, row.row or 0, row.key))
    counted = Counter(row.outcome for row in ordered)
    counts = {outcome: counted[outcome] for outcome in OUTCOMES}
    return LoadReport(kind, effective, tuple(ordered), counts, tuple(findings), committed=False)
