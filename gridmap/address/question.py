"""A question taken apart: its cleaned text, front, numbers, the names found in it, and what each part of it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from gridmap.address.elements import AT_THE_PLACE, note_spans
from gridmap.address.model import Step
from gridmap.address.names import Mention, NameBook
from gridmap.address.region import Front, Fronts
from gridmap.address.script import clean
from gridmap.address.steps import read_steps

_HAN = range(0x3007, 0xA000)


@dataclass(slots=True)
class Question:
    """What one text says, before anything is looked up by number.

    Parameters
    ----------
    raw, text
        As asked, and cleaned.
    front
        Province, city, county.
    steps
        Numbers with their words, notes left out.
    mentions
        Names that stand in it as they are listed.
    letters
        Bit mask of the characters of the cleaned text that are words, not numbers.
    explained
        Bit mask of what front, numbers and notes account for.
    """

    raw: str
    text: str
    front: Front
    steps: Sequence[Step]
    mentions: list[Mention]
    letters: int
    explained: int
    notes: Sequence[tuple[int, int, str]] = field(default=())

    def is_aside(self, start: int) -> bool:
        """Whether the text means a place beside what it names from ``start`` on: opposite, behind, second house on."""
        return any(begin >= start and relation not in AT_THE_PLACE for begin, _, relation in self.notes)

    def is_by(self, start: int) -> bool:
        """Whether a landmark named before ``start`` is only what the place is near: at a school's gate is not in it."""
        return any(begin >= start and relation != "note" for begin, _, relation in self.notes)


def span_mask(start: int, end: int) -> int:
    """Return the bits of a span."""
    return (1 << end) - (1 << start)


def read_question(raw: str, book: NameBook, fronts: Fronts) -> Question:
    """Take a text apart."""
    text = clean(raw)
    mentions = book.find_exact(text)
    begins = {each.start for each in mentions}
    front = fronts.read(text, begins.__contains__)
    notes = note_spans(text)
    noted = 0
    for start, end, _ in notes:
        noted |= span_mask(start, end)
    steps = [step for step in read_steps(text) if step.start >= front.end and not noted >> step.start & 1]
    if front.end:
        mentions = [each for each in mentions if each.start >= front.end]
    explained = noted | span_mask(0, front.end)
    for step in steps:
        explained |= span_mask(step.start, step.end)
    letters = 0
    for at, character in enumerate(text):
        if character.isalpha():
            letters |= 1 << at
    return Question(raw, text, front, steps, mentions, letters, explained, notes)


def open_stretches(question: Question, known: int) -> list[tuple[int, int]]:
    """Return the stretches of words that nothing explains.

    Parameters
    ----------
    question
        Taken apart.
    known
        Bit mask of what names account for.
    """
    found, start = [], -1
    free = question.letters & ~question.explained & ~known
    for at in range(len(question.text) + 1):
        inside = bool(free >> at & 1)
        if inside and start < 0:
            start = at
        elif not inside and start >= 0:
            found.append((start, at))
            start = -1
    return found
