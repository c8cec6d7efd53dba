"""What was found in the lists an index was made of: row by row, for whoever keeps them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import pandas as pd

RULES: Final = (
    "unreadable", "contradiction", "outside", "no_position", "position_from_door", "duplicate", "number_differs",
    "number_without_street", "two_estates", "alias_of_nothing",
)  # fmt: skip
"""``unreadable``: not in the index, for nothing in it says where; ``contradiction``: one address at two places more
than 50 m apart, the first is kept; ``outside``: a position that cannot be, not used; ``no_position``: in the index
without a point; ``position_from_door``: with that of its door; ``duplicate``: kept once; ``number_differs``: the
columns and the address, the columns count; ``number_without_street``: a number of which no street, hamlet or estate is
said; ``two_estates``: of one name in one town; ``alias_of_nothing``: a further name of what no list has."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to be seen to; it stops nobody.

    Parameters
    ----------
    file, row
        Where: the name of the file, and the line of a table (the header is line 1) or the feature of a layer.
    rule
        One of :data:`RULES`.
    message
        What is wrong and what was done.
    """

    file: str
    row: int
    rule: str
    message: str


def count_rules(findings: Iterable[Finding]) -> dict[str, int]:
    """Return how many findings each rule has, the gravest rule first.

    Examples
    --------
    >>> count_rules([Finding("a.csv", 2, "duplicate", ""), Finding("a.csv", 3, "unreadable", "")])
    {'unreadable': 1, 'duplicate': 1}
    """
    found = Counter(each.rule for each in findings)
    return {rule: found[rule] for rule in RULES if found[rule]}


def findings_table(findings: Sequence[Finding]) -> pd.DataFrame:
    """Return findings as a table: ``file, row, rule, message``."""
    rows = [(each.file, each.row, each.rule, each.message) for each in findings]
    return pd.DataFrame(rows, columns=["file", "row", "rule", "message"])
