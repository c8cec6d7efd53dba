"""What stands beside a name in a text: its numbers, towns and communities that agree, words that nothing explains."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from gridmap.address import score
from gridmap.address.model import Step
from gridmap.address.names import Mention
from gridmap.address.question import Question, span_mask
from gridmap.address.walk import Numbers, coded


@dataclass(slots=True)
class Said:
    """What a text names besides: by object, the cheapest mention of each."""

    towns: dict[int, Mention]
    communities: dict[int, Mention]
    estates: dict[int, Mention]
    streets: dict[int, Mention]
    landmarks: dict[int, Mention]
    explains: int = 0
    """Bit mask of what may stand beside a name."""
    masks: dict[int, int] = field(default_factory=dict)
    """By object, bit mask of all its mentions: a town may be named twice."""


def within(things: Sequence[int], above: list[int], said: dict[int, Mention], mention: Mention) -> list[int]:
    """Return the things in the towns or communities that are named beside a name."""
    return [each for each in things if (other := said.get(above[each])) is not None and apart(other, mention)]


def apart(one: Mention, other: Mention) -> bool:
    """Whether two mentions share no character."""
    return one.end <= other.start or other.end <= one.start


@dataclass(frozen=True, slots=True)
class Beside:
    """What stands beside a name in the text.

    Parameters
    ----------
    steps, numbers, price
        Its numbers, and what it costs that they are where they are.
    town_wrong, community_wrong
        What another town or community than the one named would cost.
    strange
        The least that words in front may cost which nothing explains.
    several
        Whether the text goes on to another door, or the numbers stand in front: something else may be meant.
    """

    steps: Sequence[Step]
    numbers: Numbers
    price: float
    town_wrong: float
    community_wrong: float
    strange: float
    several: bool


def read_beside(question: Question, mention: Mention, mentions: Sequence[Mention], said: Said) -> Beside:
    """Return what stands beside a mention, given all others."""
    steps, price, several = _steps_of(question, mention, mentions, said)
    town = _denial(said.towns, mention, score.TOWN_WRONG)
    community = _denial(said.communities, mention, score.COMMUNITY_WRONG)
    covered = question.explained | said.explains | span_mask(mention.start, mention.end)
    strange = unexplained(question, mention, covered, steps)[0]
    if strange and steps:
        strange = min(strange, unexplained(question, mention, covered, ())[0] + score.NUMBER_UNLISTED)
    return Beside(steps, coded(steps, question.text), price, town, community, strange, several)


def _denial(said: dict[int, Mention], mention: Mention, wrong: float) -> float:
    """Return what it costs that the town or community named beside a name is not its own."""
    cost = 0.0
    for each in said.values():
        if apart(each, mention):
            # A shortened or misspelt name may be no name at all: it speaks less against.
            denial = wrong if each.how == "exact" else score.UNSURE_WRONG
            cost = max(cost, denial if each.end <= mention.start else denial * score.BEHIND)
    return cost


def agreement(own: Mention | None, mention: Mention, wrong: float, context: list[Mention]) -> float:
    """Return the cost of what is said of a town or community beside a name, and note the mention that agrees."""
    if own is None or not apart(own, mention):
        return wrong
    context.append(own)
    # Who leaves one suffix out leaves others out too, and beside a name nothing else is meant.
    return own.cost * score.CONTEXT if own.how == "suffix" else own.cost


def _steps_of(
    question: Question, mention: Mention, mentions: Sequence[Mention], said: Said
) -> tuple[list[Step], float, bool]:  # fmt: skip
    """Return the numbers that belong to a name, their price, and whether more is named behind them.

    They are those after it; where there are none, those before, at a price.
    """
    steps = [each for each in question.steps if each.start >= mention.end or each.end <= mention.start]
    holders = [each for each in mentions if each.how == "exact" and apart(each, mention)] if steps else []
    if holders:
        # The 3 of 汀州路3段 is no number of another name's.
        steps = [
            step for step in steps if not any(each.start < step.start and step.end <= each.end for each in holders)
        ]  # fmt: skip
    after = [each for each in steps if each.start >= mention.end]
    if after or not steps:
        kept = _one_address(question, after, mention, said)
        # A number that belongs to another road says that this one is not all.
        price = 0.0 if kept else score.NUMBER_UNLISTED
        return kept, price, any(each.kind in _DOORS for each in after[len(kept) :]) and bool(kept)
    return steps, score.NUMBER_BEFORE, True


def _one_address(question: Question, steps: list[Step], mention: Mention, said: Said) -> list[Step]:
    """Return the numbers up to where the text goes on to something else: another road, another door, a note."""
    roads = [each for each in said.streets.values() if each.how == "exact" and each.start >= mention.end]
    known = question.explained | said.explains | span_mask(mention.start, mention.end)
    free = question.letters & ~known
    kept: list[Step] = []
    for step in steps:
        if any(each.end <= step.start for each in roads) or _is_another(step, kept):
            break
        words = (free & span_mask(kept[-1].end, step.start)).bit_count() if kept else 0
        if words and not (words >= _LEAST_ESTATE and step.kind in ("building", "unit")):
            break
        if question.is_word(step, free):
            break
        kept.append(step)
    return kept


_DOORS: Final = ("plate", "building")
_LEAST_ESTATE: Final = 3
"""Characters of an estate that the list does not name between a door and its building."""


def _is_another(step: Step, kept: Sequence[Step]) -> bool:
    """Whether a number begins another address: a second door, a second building."""
    return step.kind in ("plate", "building") and any(each.kind == step.kind for each in kept)


def unexplained(
    question: Question, mention: Mention, covered: int, steps: Sequence[Step]
) -> tuple[float, float]:  # fmt: skip
    """Return what words cost that nothing explains: in front of the number they are names, behind it notes."""
    free = question.letters & ~covered
    if not free:
        return 0.0, 0.0
    front = max(mention.start, steps[0].start if steps else 0)
    before = (free & ((1 << front) - 1)).bit_count()
    after = free.bit_count() - before
    return min(before * score.BEFORE, score.MOST_BEFORE), min(after * score.AFTER, score.MOST_AFTER)
