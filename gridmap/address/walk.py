"""Following the numbers of an address down the index: number by number, each as a number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Final, NamedTuple

from gridmap.address import score
from gridmap.address.index import AddressIndex
from gridmap.address.model import KINDS, Step
from gridmap.address.steps import step_code

_MOST_SIBLINGS: Final = 64
"""Doors above which a number left out is not looked for below all of them."""
_LARGEST_SUB: Final = 30
"""Up to this 34号-1 is a sub, above it a room."""
_LETTERS: Final = 0xFF
_KIND: Final = {name: code for code, name in enumerate(KINDS)}


class Walked(NamedTuple):
    """Where the numbers lead; a tuple, for many are made a question.

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
    swap
        The most that one number's word or letter differed.
    """

    node: int
    cost: float
    used: int
    unlisted: Step | None = None
    finer: bool = False
    denied: bool = False
    swap: float = 0.0


Numbers = Sequence[tuple[Step, int, int]]
"""Steps, each with the codes of its kind and of its letter."""


def coded(steps: Sequence[Step], text: str) -> Numbers:
    """Return steps with what is compared at every node, worked out once.

    In 71-3号 only the 3 has a word: the 71 may be a door whose sub is 3, or a lane.
    """
    found = [(step, _KIND[step.kind], (step_code(step) >> 4) & _LETTERS) for step in steps]
    for at, (before, after) in enumerate(pairwise(steps)):
        joined = after.kind == "sub" and text[after.start] == "-" and before.end == after.start
        behind = after.kind == "" and text[after.start] == "-" and text[before.end - 1] == "号"
        if behind and before.kind == "plate" and after.number <= _LARGEST_SUB:
            found[at + 1] = (replace(after, kind="sub"), _KIND["sub"], found[at + 1][2])
        if joined and before.kind in ("plate", "sub") and text[before.end - 1] != "号":
            found[at] = (before, _KIND["sub"] if at and before.kind == "sub" else 0, found[at][2])
    return found


def walk(index: AddressIndex, node: int, numbers: Numbers) -> list[Walked]:
    """Return where numbers may lead from a node.

    Parameters
    ----------
    index, node
        Where to start: a road, hamlet, estate or village.
    numbers
        Of :func:`coded`.

    Examples
    --------
    >>> import pandas as pd
    >>> from gridmap.address.build import build_index
    >>> from gridmap.address.steps import read_steps
    >>> index = build_index(pd.DataFrame({"town": "花山镇", "street": "虹桥路", "number": ["13", "15"],
    ...                                   "lon": [120.3, 120.3], "lat": [31.5, 31.5]})).index
    >>> road = next(each for each in range(len(index.object_kind)) if index.title(each) == "虹桥路")
    >>> [index.describe(each.node) for each in walk(index, road, coded(read_steps("13号"), "13号"))]
    ['花山镇虹桥路13号']
    """
    found: list[Walked] = []
    _walk(index, node, numbers, Walked(node, 0.0, 0), found)
    return found


def _walk(index: AddressIndex, node: int, numbers: Numbers, sofar: Walked, found: list[Walked]) -> None:
    cost, at, swap = sofar.cost, sofar.used, sofar.swap
    if at == len(numbers):
        found.append(sofar)
        return
    step, best = numbers[at][0], score.IMPOSSIBLE
    for child, price in _matching(index, node, numbers[at], first=at == 0):
        best = min(best, price)
        _walk(index, child, numbers, Walked(child, cost + price, at + 1, swap=max(swap, price)), found)
    if best < 1.0:
        return
    if step.kind == "group":
        # 7组 before 17号: of which group a door is does not change where it is.
        _walk(index, node, numbers, sofar._replace(cost=cost + score.GROUP, used=at + 1), found)
        return
    children = index.children(node)
    said = numbers[at][1]
    if step.kind in score.FINE or (not said and at > 0) or (step.kind == "sub" and _is_within(index, node)):
        found.append(_finer(index, children, numbers, sofar))
        if said:
            return
    if at == 0 and children:
        _skipping(index, children, numbers, sofar, found)
    # 2号七 五栋: of two numbers before one word the first is no building.
    broken = at > 0 and step.kind == "building" and not numbers[at - 1][1]
    if not children and at > 0 and step.kind not in ("sub", "plate") and not broken:
        # The list stops here: what follows is inside this door, whatever word it has.
        if said:
            found.append(Walked(node, cost + score.INSIDE, at, finer=True, swap=swap))
    elif best >= score.OTHER_WORD:
        found.append(Walked(node, cost + score.NUMBER_UNLISTED, at, step, swap=swap))


def _is_within(index: AddressIndex, node: int) -> bool:
    """Whether a node is a floor, unit or room: the sub of one is no other door."""
    return index.parent(node) >= 0 and KINDS[index.code(node) & 15] in score.FINE


def _matching(
    index: AddressIndex, node: int, number: tuple[Step, int, int], *, first: bool = False
) -> list[tuple[int, float]]:  # fmt: skip
    """Return the children of a node with a step's number, and what taking them for it costs."""
    step, said, letter = number
    found = []
    for child in index.find_number(node, step.number):
        code = index.code(child)
        price = score.WORD[said][code & 15]
        if first and step.kind in ("unit", "room") and KINDS[code & 15] == "plate":
            price = score.DOOR_WORD  # 17号门, 46号房: the first number of a road is its door's
        if (code >> 4) & _LETTERS != letter:
            if step.number == 0:
                continue
            price += score.LETTER_OTHER
        if price < score.IMPOSSIBLE:
            found.append((child, price))
    return found


def _finer(index: AddressIndex, children: range, numbers: Numbers, sofar: Walked) -> Walked:
    """Stop at a building whose units, floors and rooms are left: known to the list or not."""
    at = sofar.used
    listed = {index.code(child) & 15 for child in children[:_MOST_SIBLINGS]}
    denied = bool(listed & _FINE_CODES) or any(kind in listed for _, kind, _ in numbers[at:] if kind)
    unlisted = score.FINER_UNLISTED if numbers[at][1] else score.FINER_UNNAMED
    price = score.FINER_WRONG if denied else unlisted
    return Walked(sofar.node, sofar.cost + price, at, None, True, denied, sofar.swap)


_FINE_CODES: Final = frozenset({_KIND[name] for name in score.FINE} | {_KIND["sub"]})


def _skipping(index: AddressIndex, children: range, numbers: Numbers, sofar: Walked, found: list[Walked]) -> None:
    """Look for the first step one level further down, where a road has few enough doors."""
    if len(children) > _MOST_SIBLINGS:
        return
    for child in children:
        if index.children(child):
            for grandchild, price in _matching(index, child, numbers[0]):
                if price < 1.0:
                    cost = sofar.cost + price + score.LEVEL_SKIPPED
                    _walk(index, grandchild, numbers, Walked(grandchild, cost, 1, swap=score.LEVEL_SKIPPED), found)
