"""Which listed places a text may mean: names are recalled, numbers are walked, everything else confirms or denies."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from gridmap.address import score
from gridmap.address.context import (
    Beside,
    Said,
    agreement,
    apart,
    read_beside,
    unexplained,
    within,
)
from gridmap.address.index import COMMUNITY, ESTATE, HAMLET, LANDMARK, STREET, TOWN, AddressIndex
from gridmap.address.model import Step
from gridmap.address.names import Mention, NameBook
from gridmap.address.question import Question, open_stretches, span_mask
from gridmap.address.walk import Numbers, Walked, walk

_CLEAN: Final = 0.6
"""Cost up to which names are not looked for that would be written otherwise."""
_GOOD: Final = 2.2
"""Cost up to which misspellings are not looked for."""
_POOR: Final = 4.0
"""Cost from which only the town or community may be right, too."""
_SLIP: Final = 3.8
"""Mean cost of a homophone or a look-alike."""
_WORSE: Final = 4.0
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
    strange
        What words in front cost that nothing explains.
    doubtful
        Whether something may be meant that is not listed: words in front are not explained, the name that is written
        is listed too, or a second place is named.
    """

    object: int
    mention: Mention
    walked: Walked
    steps: Sequence[Step]
    cost: float
    context: tuple[Mention, ...] = ()
    community: int = -1
    strange: float = 0.0
    doubtful: bool = False


@dataclass(frozen=True, slots=True)
class _Named:
    """What has a name.

    Parameters
    ----------
    areas
        Kind and object of what else may stand beside a name: towns, communities, estates, roads, landmarks.
    things
        Roads, hamlets, estates, landmarks, and villages that have numbers of their own.
    confusable
        Names one slip away, of the like.
    """

    areas: tuple[tuple[int, int], ...]
    things: tuple[int, ...]
    confusable: tuple[int, ...]


class _Setting(NamedTuple):
    """A thing under a name, before its numbers are followed."""

    thing: int
    mention: Mention
    cost: float
    context: list[Mention]
    community: int


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
        self._named: dict[int, _Named] = {}

    def readings(self, question: Question) -> list[Reading]:
        """Return the places a question may mean, the likeliest first, each once."""
        best: dict[int, Reading] = {}
        # Where words in front are not explained nothing clean can follow: that is left to the names found below.
        self._follow(question, question.mentions, best, near=True, most=_CLEAN)
        if _least(best) > _CLEAN:
            mentions = [each for each in self._book.find(question.text) if each.start >= question.front.end]
            self._follow(question, mentions, best, near=True)
            if _least(best) > _GOOD:
                self._follow(question, [*mentions, *self._recalled(question, mentions)], best, near=False)
            if _least(best) > _POOR:
                for each in self._areas(question, self._said(mentions), mentions):
                    self._keep(best, each)
        return sorted(best.values(), key=lambda each: (each.cost, each.walked.node))

    def _recalled(self, question: Question, mentions: Sequence[Mention]) -> list[Mention]:
        """Return names that a stretch of the text may be a misspelling of."""
        found: list[Mention] = []
        known = 0
        for each in mentions:
            if each.how == "exact" and self._is_area(each.name):
                known |= span_mask(each.start, each.end)
        for start, end in open_stretches(question, known):
            if end - start >= 2:
                found += self._book.recall(question.text, start, min(end, start + _LONGEST_STRETCH))
        return sorted(found, key=lambda each: (each.cost, each.start, each.name))[:_MOST_NAMES]

    def _is_area(self, name: int) -> bool:
        return all(kind in (TOWN, COMMUNITY) for kind, _ in self._of(name).areas)

    def _of(self, name: int) -> _Named:
        found = self._named.get(name)
        if found is None:
            kinds = [(self._kind[each], each) for each in self._index.objects_of(name)]
            estates = {self._town[each] for kind, each in kinds if kind == ESTATE}
            # A place on the map that is an estate of the list is that estate.
            areas = tuple(each for each in kinds if each[0] != LANDMARK or self._town[each[1]] not in estates)
            near = [each for each in self._book.confusable(name).tolist() if self._leads(self._index.objects_of(each))]
            found = self._named[name] = _Named(areas, self._leads([each for _, each in areas]), tuple(near))
        return found

    def _leads(self, objects: Iterable[int]) -> tuple[int, ...]:
        """Return the objects that an address may end at or below."""
        areas = (TOWN, COMMUNITY)
        return tuple(each for each in objects if self._kind[each] not in areas or self._index.children(each))

    def _said(self, mentions: Iterable[Mention]) -> Said:
        said = Said({}, {}, {}, {}, {})
        tables = {
            TOWN: said.towns, COMMUNITY: said.communities, ESTATE: said.estates, STREET: said.streets,
            HAMLET: said.streets, LANDMARK: said.landmarks,
        }  # fmt: skip
        for mention in mentions:
            mask = span_mask(mention.start, mention.end)
            for kind, thing in self._of(mention.name).areas:
                table = tables[kind]
                if kind in (TOWN, COMMUNITY):
                    said.masks[thing] = said.masks.get(thing, 0) | mask
                if thing not in table or mention.cost < table[thing].cost:
                    table[thing] = mention
        beside = (said.towns, said.communities, said.estates, said.streets if said.landmarks else {})
        for start, end in {each[:2] for table in beside for each in table.values()}:
            said.explains |= span_mask(start, end)
        return said

    def _follow(
        self, question: Question, mentions: Sequence[Mention], best: dict[int, Reading], near: bool,
        most: float = score.IMPOSSIBLE,
    ) -> None:  # fmt: skip
        """Add the readings that follow from names; what cannot come near the best, or below ``most``, is not walked."""
        said = self._said(mentions)
        least = _least(best)
        known: dict[tuple[int, int], Beside] = {}
        for mention in _worth(mentions):
            own = self._of(mention.name)
            if mention.cost > least + _WORSE or not (own.things or own.confusable):
                continue
            beside = known.get(mention[:2])
            if beside is None:
                beside = known[mention[:2]] = read_beside(question, mention, mentions, said)
            if mention.cost + beside.price + beside.strange > min(least + _WORSE, most):
                continue
            names = [(mention.name, mention.cost)]
            if near and mention.how == "exact":
                names += [(each, _SLIP) for each in own.confusable]
            for name, cost in names:
                for thing in self._things(name, said, mention, beside, least + _WORSE - cost):
                    setting = self._setting(thing, mention, beside, said, cost)
                    if setting.cost > least + _WORSE:
                        continue
                    for walked in self._walked(thing, beside.numbers):
                        if setting.cost + walked.cost > least + _WORSE or (cost and near and walked.unlisted):
                            continue
                        reading = self._priced(question, setting, walked, beside, said)
                        self._keep(best, reading)
                        least = min(least, reading.cost)

    def _walked(self, thing: int, numbers: Numbers) -> list[Walked]:
        if self._kind[thing] == LANDMARK:
            return [Walked(thing, 0.0, 0)]
        return walk(self._index, thing, numbers)

    def _keep(self, best: dict[int, Reading], reading: Reading) -> None:
        row = self._index.row_of(reading.walked.node) if reading.walked.unlisted is None else -1
        key = row if row >= 0 else -2 - reading.walked.node
        if key not in best or reading.cost < best[key].cost:
            best[key] = reading

    def _setting(self, thing: int, mention: Mention, beside: Beside, said: Said, cost: float) -> _Setting:
        """Return what is said of the town and, where it is one for all its doors, the community of a thing."""
        context: list[Mention] = []
        cost += beside.price
        if said.towns and self._kind[thing] != TOWN:
            cost += agreement(said.towns.get(self._town[thing]), mention, beside.town_wrong, context)
        community = self._community[thing] if self._kind[thing] != COMMUNITY else -1
        if community >= 0 and said.communities:
            cost += agreement(said.communities.get(community), mention, beside.community_wrong, context)
        return _Setting(thing, mention, cost, context, community)

    def _things(
        self, name: int, said: Said, mention: Mention, beside: Beside, most: float
    ) -> Sequence[int]:  # fmt: skip
        """Return what has a name, of the towns and communities that are named, where that is or has to be so."""
        things: Sequence[int] = self._of(name).things
        if mention.how == "suffix" and any(self._kind[each] == LANDMARK for each in things):
            things = [each for each in things if self._kind[each] != LANDMARK]
        if said.communities and (len(things) > 1 or beside.community_wrong > most):
            here = within(things, self._community, said.communities, mention)
            if here or beside.community_wrong > most:
                roads = [each for each in things if self._community[each] < 0]
                things = here + roads if here or roads else here
        if said.towns and (len(things) > 1 or beside.town_wrong > most):
            here = within(things, self._town, said.towns, mention)
            if here or beside.town_wrong > most:
                things = here
        return things[:_MOST_OBJECTS]

    def _priced(
        self, question: Question, setting: _Setting, walked: Walked, beside: Beside, said: Said
    ) -> Reading:  # fmt: skip
        """Return a reading with everything counted that speaks for and against it."""
        thing, mention, context, steps = setting.thing, setting.mention, [*setting.context], beside.steps
        cost, community = setting.cost + walked.cost, setting.community
        if community < 0 and said.communities:
            community = self._community_of(walked, said)
            cost += agreement(said.communities.get(community), mention, beside.community_wrong, context)
        cost += self._estate_cost(thing, walked, said, mention, context)
        by = question.is_by(mention.end)
        if self._kind[thing] == LANDMARK or (self._kind[thing] == ESTATE and by and not steps):
            cost += score.NUMBER_UNLISTED * bool(steps)
            roads = self._roads_before(thing, said, mention)
            cost += sum(each.cost * score.CONTEXT for each in roads)
            context += roads
        elif walked.unlisted is None and self._index.row_of(walked.node) < 0:
            cost += score.COARSE
            marks = (said.landmarks, said.estates) if by else (said.landmarks,)
            if not walked.used and any(apart(each, mention) for table in marks for each in table.values()):
                cost += score.LANDMARK_LEFT
        covered = question.explained | span_mask(mention.start, mention.end)
        for each in context:
            covered |= span_mask(each.start, each.end)
        for area in (self._town[thing], community):
            covered |= said.masks.get(area, 0)
        strange, behind = unexplained(question, mention, covered, steps if walked.used else ())
        kept = community if community in said.communities else -1
        slipped = mention.how == "exact" and thing not in self._index.objects_of(mention.name)
        doubtful = beside.several or strange > 0 or slipped or question.front.doubtful
        return Reading(thing, mention, walked, steps, cost + strange + behind, tuple(context), kept, strange, doubtful)

    def _community_of(self, walked: Walked, said: Said) -> int:
        """Return the community of a place on a road: of several, one that is named."""
        row = self._index.row_of(walked.node)
        if row >= 0:
            return int(self._index.row_community[row])
        here = set(self._index.row_community[self._index.rows_under(walked.node)].tolist())
        return next((each for each in said.communities if each in here), next(iter(here), -1))

    def _estate_cost(
        self, thing: int, walked: Walked, said: Said, mention: Mention, context: list[Mention]
    ) -> float:  # fmt: skip
        """Return what an estate named beside a road says: its gate is this door, or the door is another's."""
        if not said.estates or self._kind[thing] == ESTATE:
            return 0.0
        other = 0.0
        for estate, each in said.estates.items():
            if not apart(each, mention):
                continue
            if self._index.is_under(walked.node, self._index.gate_of(estate)):
                context.append(each)
                return each.cost
            if each.how == "exact" and each.start >= mention.end:
                other = score.ESTATE_WRONG
        return other

    def _roads_before(self, thing: int, said: Said, mention: Mention) -> list[Mention]:
        """Return the road or hamlet of its town that a landmark is said to be on, at most one mention."""
        found = [
            each for road, each in said.streets.items()
            if each.end <= mention.start and each.how in ("exact", "suffix") and self._town[road] == self._town[thing]
        ]  # fmt: skip
        return sorted(found, key=lambda each: (each.cost, each.start))[:1]

    def _areas(self, question: Question, said: Said, mentions: Sequence[Mention]) -> list[Reading]:
        """Return the communities, or else the towns, that are named."""
        price = score.COARSE + (score.NUMBER_UNLISTED if question.steps else 0.0)
        for table in (said.communities, said.towns):
            found = []
            for thing, mention in table.items():
                beside = read_beside(question, mention, mentions, said)
                setting = self._setting(thing, mention, beside, said, mention.cost + price - beside.price)
                covered = question.explained | span_mask(mention.start, mention.end)
                for each in setting.context:
                    covered |= span_mask(each.start, each.end)
                free = (question.letters & ~covered).bit_count()
                cost = setting.cost + min(free * score.BEFORE, score.MOST_BEFORE)
                found.append(
                    Reading(thing, mention, Walked(thing, 0.0, 0), question.steps, cost, tuple(setting.context))
                )
            if found:
                return found
        return []


def _least(best: dict[int, Reading]) -> float:
    return min((each.cost for each in best.values()), default=score.IMPOSSIBLE)


def _worth(mentions: Sequence[Mention]) -> list[Mention]:
    """Return mentions, the likeliest first; of those inside an exact longer one only what is exact itself."""
    exact = [(each.start, each.end) for each in mentions if each.how == "exact"]
    kept = [each for each in mentions if each.how == "exact" or not _is_part(each, exact)]
    return sorted(kept, key=lambda each: (each.cost, each.start - each.end, each.start, each.name))


def _is_part(mention: Mention, longer: Sequence[tuple[int, int]]) -> bool:
    size = mention.end - mention.start
    return any(start <= mention.start and mention.end <= end and end - start > size for start, end in longer)
