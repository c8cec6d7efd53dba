"""Following the numbers of an address down the index: number by number, each as a number."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from gridmap.address import score
from gridmap.address.index import AddressIndex
from gridmap.address.model import KINDS, Step
from gridmap.address.steps import step_code

_MOST_SIBLINGS: Final = 64
"""Doors above which a number left out is not looked for below all of them."""
_LETTERS: Final = 0xFF
_KIND: Final = {name: code for code, name in enumerate(KINDS)}


@dataclass(frozen=True, slots=True)
class Walked:
    """Where the numbers lead.

    Parameters
    ----------
    node
        Of the index.
    cost
        Of all differences on the way.
    used
        How many of the steps were found.
    unlisted
        The first step that the list should hold and does not; ``None`` where there is none.
    finer
        Whether what is left are parts of the building that the list does not hold.
    denied
        Whether the list holds such parts of this building, and not these.
    """

    node: int
    cost: float
    used: int
    unlisted: Step | None = None
    finer: bool = False
    denied: bool = False


def walk(index: AddressIndex, node: int, steps: Sequence[Step]) -> list[Walked]:
    """Return where steps may lead from a node, the cheapest first."""
    found = sorted(_walk(index, node, steps, 0, 0.0), key=lambda each: (each.cost, each.node))
    return found


def _walk(index: AddressIndex, node: int, steps: Sequence[Step], at: int, cost: float) -> Iterator[Walked]:
    if at == len(steps):
        yield Walked(node, cost, at)
        return
    step, best = steps[at], score.IMPOSSIBLE
    for child, price in _matching(index, node, step):
        best = min(best, price)
        yield from _walk(index, child, steps, at + 1, cost + price)
    if best < 1.0:
        return
    if step.kind in score.FINE or (not step.kind and at > 0):
        yield from _finer(index, node, steps, at, cost)
        if step.kind:
            return
    if at == 0 or not index.children(node):
        yield from _skipping(index, node, steps, at, cost)
    if not index.children(node) and at > 0:
        # The list stops here: what follows is inside this door, whatever word it has.
        yield Walked(node, cost + 0.4, at, None, finer=True)
    elif best >= score.LETTER_OTHER:
        yield Walked(node, cost + score.NUMBER_UNLISTED, at, step)


def _matching(index: AddressIndex, node: int, step: Step) -> Iterator[tuple[int, float]]:
    """Return the children of a node with a step's number, and what taking them for it costs."""
    said, letter = _KIND[step.kind], (step_code(step) >> 4) & _LETTERS
    for child in index.find_number(node, step.number):
        code = index.code(child)
        price = score.WORD[said][code & 15]
        listed = (code >> 4) & _LETTERS
        if listed != letter:
            price += score.LETTER_OTHER
            if step.number == 0:
                continue
        if price < score.IMPOSSIBLE:
            yield child, price


def _finer(index: AddressIndex, node: int, steps: Sequence[Step], at: int, cost: float) -> Iterator[Walked]:
    """Stop at a building whose units, floors and rooms are left: known to the list or not."""
    rest = steps[at:]
    listed = {index.code(child) & 15 for child in index.children(node)[:_MOST_SIBLINGS]}
    denied = any(_KIND[step.kind] in listed for step in rest if step.kind) or bool(listed & _FINE_CODES)
    yield Walked(node, cost + (score.FINER_WRONG if denied else score.FINER_UNLISTED), at, None, True, denied)


_FINE_CODES: Final = frozenset({_KIND[name] for name in score.FINE} | {_KIND["sub"]})


def _skipping(index: AddressIndex, node: int, steps: Sequence[Step], at: int, cost: float) -> Iterator[Walked]:
    """Look for a step one level further down, where a road has few enough doors."""
    children = index.children(node)
    if len(children) > _MOST_SIBLINGS:
        return
    for child in children:
        for grandchild, price in _matching(index, child, steps[at]):
            if price < 1.0:
                yield from _walk(index, grandchild, steps, at + 1, cost + price + score.LEVEL_SKIPPED)
