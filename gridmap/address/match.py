"""Which listed places a text may mean: names are recalled, numbers are walked, everything else confirms or denies."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from gridmap.address import score
from gridmap.address.index import OBJECT_KINDS, AddressIndex
from gridmap.address.model import Step
from gridmap.address.names import Mention, NameBook
from gridmap.address.question import Question, open_stretches, span_mask
from gridmap.address.walk import Walked, walk

_TOWN, _COMMUNITY, _STREET, _HAMLET, _ESTATE, _LANDMARK = (
    OBJECT_KINDS.index(kind) for kind in ("town", "community", "street", "hamlet", "estate", "landmark")
)
_GOOD: Final = 2.2
"""Cost up to which misspellings are not looked for."""
_SLIP: Final = 3.8
"""Mean cost of a homophone or a look-alike."""
_WORSE: Final = 5.0
"""How much dearer than the best a name may be and still be followed."""
_MOST_NAMES: Final = 48
_MOST_OBJECTS: Final = 64
_LONGEST_STRETCH: Final = 24


@dataclass(frozen=True, slots=True)
class Reading:
    """One listed place the text may mean.

    Parameters
    ----------
    object
        Road, hamlet, estate, landmark, community or town.
    mention
        What names it in the text.
    walked
        Where the numbers lead.
    steps
        The numbers that were followed.
    cost
        In nats, everything counted.
    context
        The mentions of town, community and estate that agree.
    community
        Object of the community named, where it is one of those the road lies in; -1 else.
    """

    object: int
    mention: Mention
    walked: Walked
    steps: Sequence[Step]
    cost: float
    context: tuple[Mention, ...] = ()
    community: int = -1


@dataclass(slots=True)
class _Said:
    """What a text names besides: by object, the cheapest mention of each."""

    towns: dict[int, Mention]
    communities: dict[int, Mention]
    estates: dict[int, Mention]
    streets: dict[int, Mention]
    landmarks: dict[int, Mention]


class Matcher:
    """Finds readings of questions in one index.

    Parameters
    ----------
    index, book
        Opened; the book of the index's names.
    """

    def __init__(self, index: AddressIndex, book: NameBook) -> None:
        self._index, self._book = index, book
        self._kind = index.object_kind.tolist()
        self._town = index.object_town.tolist()
        self._community = index.object_community.tolist()

    def readings(self, question: Question) -> list[Reading]:
        """Return the places a question may mean, the likeliest first, each once."""
        mentions = question.mentions
        found = self._follow(question, mentions, near=True)
        if not found or found[0].cost > _GOOD:
            fuzzy = self._recalled(question)
            if fuzzy:
                found = self._follow(question, [*mentions, *fuzzy], near=False)
        return found or self._areas(question, self._said(mentions))

    def _recalled(self, question: Question) -> list[Mention]:
        """Return names that a stretch of the text may be a misspelling of."""
        found: list[Mention] = []
        known = 0
        for each in question.mentions:
            if each.how == "exact" and self._is_area(each.name):
                known |= span_mask(each.start, each.end)
        for start, end in open_stretches(question, known):
            if end - start >= 2:
                found += self._book.recall(question.text, start, min(end, start + _LONGEST_STRETCH))
        return sorted(found, key=lambda each: (each.cost, each.start, each.name))[:_MOST_NAMES]

    def _is_area(self, name: int) -> bool:
        return all(self._kind[each] in (_TOWN, _COMMUNITY) for each in self._index.objects_of(name))

    def _said(self, mentions: Iterable[Mention]) -> _Said:
        said = _Said({}, {}, {}, {}, {})
        into = {
            _TOWN: said.towns, _COMMUNITY: said.communities, _ESTATE: said.estates, _STREET: said.streets,
            _HAMLET: said.streets, _LANDMARK: said.landmarks,
        }  # fmt: skip
        for mention in mentions:
            for thing in self._index.objects_of(mention.name):
                table = into.get(self._kind[thing])
                if table is not None and (thing not in table or mention.cost < table[thing].cost):
                    table[thing] = mention
        return said

    def _follow(self, question: Question, mentions: Sequence[Mention], near: bool) -> list[Reading]:
        said = self._said(mentions)
        best: dict[int, Reading] = {}
        least = score.IMPOSSIBLE
        for mention in _worth(mentions):
            if mention.cost > least + _WORSE:
                continue
            steps, price = _steps_of(question, mention, mentions)
            names = [(mention.name, mention.cost)]
            if near and mention.how == "exact":
                names += [(int(each), _SLIP) for each in self._book.confusable(mention.name)]
            for name, cost in names:
                for thing in self._things(name, said, mention):
                    for walked in self._walked(thing, steps):
                        if walked.cost > least + _WORSE or (cost and near and walked.unlisted):
                            continue
                        reading = self._priced(question, thing, mention, walked, steps, cost + price, said)
                        self._keep(best, reading)
                        least = min(least, reading.cost)
        return sorted(best.values(), key=lambda each: (each.cost, each.walked.node))

    def _walked(self, thing: int, steps: Sequence[Step]) -> list[Walked]:
        if self._kind[thing] == _LANDMARK:
            return [Walked(thing, 0.0, 0)]
        return walk(self._index, thing, steps)

    def _keep(self, best: dict[int, Reading], reading: Reading) -> None:
        row = self._index.row_of(reading.walked.node) if reading.walked.unlisted is None else -1
        key = row if row >= 0 else -2 - reading.walked.node
        if key not in best or reading.cost < best[key].cost:
            best[key] = reading

    def _things(self, name: int, said: _Said, mention: Mention) -> list[int]:
        """Return the roads, hamlets, estates and landmarks of a name: those of the towns named, where there are any."""
        things = [each for each in self._index.objects_of(name) if self._kind[each] != _TOWN]
        things = [each for each in things if self._kind[each] != _COMMUNITY or self._index.children(each)]
        if len(things) > 1 and said.towns:
            here = [
                each for each in things
                if self._town[each] in said.towns and _apart(said.towns[self._town[each]], mention)
            ]  # fmt: skip
            things = here or things
        return things[:_MOST_OBJECTS]

    def _priced(
        self, question: Question, thing: int, mention: Mention, walked: Walked, steps: Sequence[Step], cost: float,
        said: _Said,
    ) -> Reading:  # fmt: skip
        """Return a reading with everything counted that speaks for and against it."""
        cost += walked.cost
        context: list[Mention] = []
        cost += _agrees(said.towns, self._town[thing], mention, score.TOWN_WRONG, context)
        community = self._community_of(thing, walked, said)
        cost += _agrees(said.communities, community, mention, score.COMMUNITY_WRONG, context)
        cost += self._estate_cost(thing, walked, said, mention, context)
        if self._kind[thing] == _LANDMARK:
            context += _roads_before(said, mention)
        elif walked.unlisted is None and self._index.row_of(walked.node) < 0:
            cost += score.COARSE
            if not walked.used and any(_apart(each, mention) for each in said.landmarks.values()):
                cost += score.LANDMARK_LEFT
        covered = question.explained | span_mask(mention.start, mention.end)
        for each in context:
            covered |= span_mask(each.start, each.end)
        cost += _unexplained(question, mention, covered)
        kept = community if community in said.communities else -1
        return Reading(thing, mention, walked, steps, cost, tuple(context), kept)

    def _community_of(self, thing: int, walked: Walked, said: _Said) -> int:
        """Return the community of a place: of several, one that is named."""
        row = self._index.row_of(walked.node)
        if row >= 0:
            return int(self._index.row_community[row])
        if self._community[thing] >= 0 or not said.communities:
            return self._community[thing]
        here = set(self._index.row_community[self._index.rows_under(walked.node)[:2000]].tolist())
        return next((each for each in said.communities if each in here), next(iter(here), -1))

    def _estate_cost(
        self, thing: int, walked: Walked, said: _Said, mention: Mention, context: list[Mention]
    ) -> float:  # fmt: skip
        """Return what an estate named beside a road says: its gate is this door, or the door is another's."""
        if not said.estates or self._kind[thing] == _ESTATE:
            return 0.0
        other = 0.0
        for estate, each in said.estates.items():
            if not _apart(each, mention):
                continue
            if self._index.is_under(walked.node, self._index.gate_of(estate)):
                context.append(each)
                return each.cost
            if each.how == "exact" and each.start >= mention.end:
                other = score.ESTATE_WRONG
        return other

    def _areas(self, question: Question, said: _Said) -> list[Reading]:
        """Return the communities, or else the towns, where no road, hamlet, estate or landmark is known."""
        for table in (said.communities, said.towns):
            found = []
            for thing, mention in table.items():
                context: list[Mention] = []
                cost = mention.cost + score.COARSE
                if table is said.communities:
                    cost += _agrees(said.towns, self._town[thing], mention, score.TOWN_WRONG, context)
                found.append(Reading(thing, mention, Walked(thing, 0.0, 0), question.steps, cost, tuple(context)))
            if found:
                return sorted(found, key=lambda each: (each.cost, each.object))
        return []


def _worth(mentions: Sequence[Mention]) -> list[Mention]:
    """Return mentions, the likeliest first; of those inside an exact longer one only what is exact itself."""
    exact = [each for each in mentions if each.how == "exact"]
    kept = [
        each for each in mentions
        if each.how == "exact"
        or not any(o.start <= each.start and each.end <= o.end and o.end - o.start > each.end - each.start for o in exact)
    ]  # fmt: skip
    return sorted(kept, key=lambda each: (each.cost, each.start - each.end, each.start, each.name))


def _apart(one: Mention, other: Mention) -> bool:
    return one.end <= other.start or other.end <= one.start


def _steps_of(question: Question, mention: Mention, mentions: Sequence[Mention]) -> tuple[Sequence[Step], float]:
    """Return the numbers that belong to a name: those after it; where there are none, those before, at a price."""
    steps = [
        each for each in question.steps
        if (each.start >= mention.end or each.end <= mention.start) and not _in_name(each, mention, mentions)
    ]  # fmt: skip
    after = [each for each in steps if each.start >= mention.end]
    if after or not steps:
        return after, 0.0
    return steps, score.NUMBER_BEFORE


def _in_name(step: Step, mention: Mention, mentions: Sequence[Mention]) -> bool:
    """Whether a number belongs to another name: the 3 of 汀州路3段."""
    return any(
        each.how == "exact" and each.start < step.start and step.end <= each.end and _apart(each, mention)
        for each in mentions
    )


def _agrees(said: dict[int, Mention], thing: int, mention: Mention, wrong: float, context: list[Mention]) -> float:
    """Return the cost of what is said of a town or community beside a name, and note the mention that agrees."""
    if not said:
        return 0.0
    own = said.get(thing)
    if own is not None and _apart(own, mention):
        context.append(own)
        return own.cost
    against = [each for each in said.values() if _apart(each, mention) and each.end <= mention.start]
    if not against:
        return 0.0
    # A shortened or misspelt name may be no name at all: it speaks less against.
    return max(wrong if each.how == "exact" else 1.5 for each in against)


def _roads_before(said: _Said, mention: Mention) -> list[Mention]:
    """Return the roads that a landmark is said to be on."""
    return [each for each in said.streets.values() if each.how == "exact" and each.end <= mention.start]


def _unexplained(question: Question, mention: Mention, covered: int) -> float:
    free = question.letters & ~covered
    before = (free & ((1 << mention.start) - 1)).bit_count()
    after = free.bit_count() - before
    return min(before * score.BEFORE, score.MOST_BEFORE) + min(after * score.AFTER, score.MOST_AFTER)
