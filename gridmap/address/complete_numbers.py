"""The numbers under an object that what is typed begins: 1 begins 1号, 10号, 12号, 105号, in the order of numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from gridmap.address.index import AddressIndex
from gridmap.address.model import Step
from gridmap.address.steps import LARGEST_NUMBER, SIDES, STEMS, read_steps, step_of

_GAP: Final = " -"
STEP_STARTS: Final = frozenset("0123456789abcdefghijklmnopqrstuvwxyz临地负附第之#杠" + STEMS + SIDES + _GAP)
"""What a number with its word may begin with."""


def typed_steps(text: str) -> list[Step]:
    """Return the steps a cleaned text consists of; none where anything else stands in it.

    Examples
    --------
    >>> [(step.number, step.kind) for step in typed_steps("15号2")], typed_steps("15号旁")
    ([(15, 'plate'), (2, '')], [])
    """
    steps, at = read_steps(text), 0
    for step in steps:
        if text[at : step.start].strip(_GAP):
            return []
        at = step.end
    return [] if text[at:].strip(_GAP) else steps


def numbers_under(index: AddressIndex, node: int, steps: Sequence[Step], limit: int) -> list[tuple[int, int, int]]:
    """Return the nodes below a node that steps lead to or begin, at most ``limit``.

    A last number without its word is taken for the beginning of one. Where it has its word, the node comes first and
    what lies right below it follows.

    Returns
    -------
    list of tuple
        0 where the steps lead to or begin the node, 1 where it lies below that; the code of its last step; the node.
    """
    nodes = [node]
    for step in steps[:-1]:
        nodes = [child for each in nodes for child in index.find_number(each, step.number) if _fits(index, child, step)]
    found: list[tuple[int, int, int]] = []
    last = steps[-1]
    for each in nodes:
        if last.kind or last.letter:
            ends = [child for child in index.find_number(each, last.number) if _fits(index, child, last)]
            found += [(0, index.code(child), child) for child in ends]
            found += [(1, index.code(child), child) for end in ends for child in index.children(end)[:limit]]
        else:
            found += [(0, index.code(child), child) for child in _beginning_with(index, each, last.number, limit)]
    return sorted(found)[:limit]


def _fits(index: AddressIndex, child: int, step: Step) -> bool:
    listed = step_of(index.code(child))
    return listed.letter == step.letter and (not step.kind or listed.kind == step.kind)


def _beginning_with(index: AddressIndex, node: int, number: int, limit: int) -> Iterator[int]:
    """Return the children whose number begins with the digits of another, ascending."""
    children = index.children(node)
    if not children:
        return
    low, high, largest = number, number + 1, min(index.number(children[-1]), LARGEST_NUMBER)
    while low <= largest and limit > 0:
        first = index.find_number(node, low).start
        run = range(first, index.find_number(node, min(high, LARGEST_NUMBER + 1) - 1).stop)[:limit]
        yield from run
        limit -= len(run)
        if number == 0:
            return
        low, high = low * 10, high * 10
