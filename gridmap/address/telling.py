"""What was understood of a text, element by element, each with its place in what was asked."""

from __future__ import annotations

from collections.abc import Sequence

from gridmap.address import score
from gridmap.address.elements import element_code, element_kind
from gridmap.address.index import OBJECT_KINDS, AddressIndex
from gridmap.address.match import Reading
from gridmap.address.model import Element, Span, Step
from gridmap.address.names import Mention
from gridmap.address.question import Question, open_stretches, span_mask
from gridmap.address.script import CleanText, clean_with_places
from gridmap.address.steps import format_step

Told = tuple[tuple[Element, ...], tuple[Span, ...]]


def left_over(question: Question, reading: Reading | None) -> list[tuple[int, int]]:
    """Return the stretches of the cleaned text that nothing explains."""
    return open_stretches(question, _known(reading), digits=True)


def _known(reading: Reading | None) -> int:
    known = 0
    for mention in [] if reading is None else _mentions(reading):
        known |= span_mask(mention.start, mention.end)
    return known


def tell(index: AddressIndex, question: Question, reading: Reading | None) -> Told:
    """Return the elements of a question in the light of its likeliest reading, and what nothing explains."""
    places = clean_with_places(question.raw)
    ours = index.region.names
    found = [
        _element(places, kind, start, end, not ours or question.text[start:end] in ours)
        for kind, start, end in question.front.parts
    ]
    known = _known(reading)
    if reading is not None:
        found += _named(index, places, reading)
    used = set() if reading is None else {id(each) for each in _found_steps(reading)}
    before = "" if reading is None else OBJECT_KINDS[index.object_kind[reading.object]]
    for step in question.steps:
        if not known >> step.start & 1:
            found.append(_numbered(places, step, before, id(step) in used))
            before = before if found[-1].kind == "sub" else found[-1].kind
    found += [_element(places, "note", start, end, None) for start, end, _ in question.notes]
    rest = tuple(_span(places, start, end) for start, end in left_over(question, reading))
    return tuple(sorted(found, key=lambda each: (each.start, each.end))), rest


def _found_steps(reading: Reading) -> Sequence[Step]:
    """Return the numbers that the list has as they are said; of one with another letter it has not this one."""
    return reading.steps[: reading.walked.used - (reading.walked.swap >= score.LETTER_OTHER)]


def _mentions(reading: Reading) -> list[Mention]:
    return [*dict.fromkeys(reading.context), reading.mention]


def _named(index: AddressIndex, places: CleanText, reading: Reading) -> list[Element]:
    found = []
    for mention in _mentions(reading):
        things = index.objects_of(mention.name)
        if mention is reading.mention:
            thing = reading.object
        else:
            around = (index.object_town[reading.object], index.object_community[reading.object], reading.community)
            thing = next((each for each in things if each in around), things[0])
        kind = OBJECT_KINDS[index.object_kind[thing]]
        start, end = places.start[mention.start], places.end[mention.end - 1]
        text = places.raw[start:end]
        found.append(Element(element_code(kind), kind, text, index.title(thing), start, end, True))
    return found


def _numbered(places: CleanText, step: Step, before: str, used: bool) -> Element:
    start, end = places.start[step.start], places.end[step.end - 1]
    kind = element_kind(step, before)
    return Element(element_code(kind, before), kind, places.raw[start:end], format_step(step), start, end, used)


def _element(places: CleanText, kind: str, start: int, end: int, matched: bool | None) -> Element:
    span = _span(places, start, end)
    return Element(element_code(kind), kind, span.text, places.text[start:end], span.start, span.end, matched)


def _span(places: CleanText, start: int, end: int) -> Span:
    first, last = places.start[start], places.end[end - 1]
    return Span(places.raw[first:last], first, last)
