"""The numbers under an object that what is typed begins: 1 begins 1号, 10号, 12号, 105号, in the order of numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from gridmap.address.index import AddressIndex
from gridmap.address.model import Step
from gridmap.address.steps import read_steps, step_of

GAP: Final = " -"
"""What may stand between a name and its number."""
_MOST_STEPS: Final = 8
"""A text with more numbers at its end is no address: Taipei's have lane, alley, plate, sub, floor and room."""


def ends_of_names(text: str) -> list[tuple[int, list[Step]]]:
    """Return where a name may end in a cleaned text, and the numbers behind it: nothing else may stand there.

    Examples
    --------
    >>> [(end, [(step.number, step.kind) for step in steps]) for end, steps in ends_of_names("人民3路15号2")]
    [(4, [(15, 'plate'), (2, '')]), (7, [(2, '')])]
    >>> ends_of_names("人民3路15号旁边")
    []
    """
    steps, free = read_steps(text), len(text.rstrip(GAP))
    ends = []
    while steps and not text[steps[-1].end : free].strip(GAP):
        free = steps.pop().start
        # The last character of a name may look like a letter of the number: 村东 and 5号, 村 and 东5号.
        ends += [free] if text[free].isdecimal() else [free + 1, free]
        if len(ends) > 2 * _MOST_STEPS:
            return []
    return [(end, after) for end in reversed(ends) if 0 < end < len(text) and (after := _only_steps(text[end:]))]


def first_number(text: str) -> tuple[int, list[Step]]:
    """Return where the first number of a cleaned text begins, and all of them, whatever stands between.

    Examples
    --------
    >>> start, steps = first_number("人民路15号北坊华庭2栋")
    >>> start, [(step.number, step.kind) for step in steps]
    (3, [(15, 'plate'), (2, 'building')])
    """
    steps = read_steps(text)
    return (steps[0].start, steps) if steps and len(steps) <= _MOST_STEPS else (0, [])


def _only_steps(text: str) -> list[Step]:
    """Return the steps a text consists of; none where anything else stands in it."""
    steps, at = read_steps(text), 0
    for step in steps:
        if text[at : step.start].strip(GAP):
            return []
        at = step.end
    return [] if text[at:].strip(GAP) else steps


def numbers_under(
    index: AddressIndex, things: Sequence[int], steps: Sequence[Step], limit: int
) -> list[tuple[int, int, int]]:
    """Return the nodes below objects that steps lead to or begin, of each kind of answer at least the first ``limit``.

    A last number without its word is taken for the beginning of one. Where it has its word, the node comes first and
    what lies right below it follows.

    Returns
    -------
    list of tuple
        0 where the steps lead to or begin the node, 1 where it lies below that; the code of its last step; the node.
    """
    nodes = list(things)
    for step in steps[:-1]:
        nodes = _led_to(index, nodes, step)
    last = steps[-1]
    if not (last.kind or last.letter):
        return [(0, index.code(child), child) for child in _beginning_with(index, nodes, last.number, limit)]
    ends = _led_to(index, nodes, last)
    found = [(0, index.code(end), end) for end in ends]
    if len(ends) < limit:
        found += [(1, index.code(child), child) for end in ends for child in index.children(end)[:limit]]
    return found


def _led_to(index: AddressIndex, nodes: Sequence[int], step: Step) -> list[int]:
    return [child for node in nodes for child in index.find_number(node, step.number) if _fits(index, child, step)]


def _fits(index: AddressIndex, child: int, step: Step) -> bool:
    listed = step_of(index.code(child))
    return listed.letter == step.letter and (not step.kind or listed.kind == step.kind)


def _beginning_with(index: AddressIndex, nodes: Sequence[int], number: int, limit: int) -> list[int]:
    """Return children whose number begins with the digits of another: with as many digits, then one more, and so on."""
    parents = [node for node in nodes if index.children(node)]
    largest = max((index.number(index.children(node)[-1]) for node in parents), default=0)
    low, high = number, number
    found: list[int] = []
    while low <= largest and len(found) < limit:
        for node in parents:
            first = index.find_number(node, low)
            last = first if low == high else index.find_number(node, min(high, largest))
            found += range(first.start, last.stop)[:limit]
        if number == 0:
            break
        low, high = low * 10, high * 10 + 9
    return found
