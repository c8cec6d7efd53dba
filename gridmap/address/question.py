"""A question taken apart: its cleaned text, front, numbers, the names found in it, and what each part of it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from gridmap.address.elements import AT_THE_PLACE, note_spans
from gridmap.address.model import Step
from gridmap.address.names import Mention, NameBook
from gridmap.address.region import Front, Fronts
from gridmap.address.script import clean, clean_with_places
from gridmap.address.steps import read_steps

_MOST_NAMES: Final = 40
"""An address has a handful of names; more of them are a list of something."""
_FEW: Final = 10
"""Up to this a number without its word may be part of one: 李四, 五金店, 三只松鼠."""


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
    characters
        Bit mask of words and digits.
    """

    raw: str
    text: str
    front: Front
    steps: Sequence[Step]
    mentions: list[Mention]
    letters: int
    explained: int
    notes: Sequence[tuple[int, int, str]] = field(default=())
    characters: int = 0

    def is_word(self, step: Step, free: int) -> bool:
        """Whether a number is rather a character of a word: 李四, 五金店; a digit is a number.

        Parameters
        ----------
        step
            Of the question.
        free
            Bit mask of the words that nothing explains.
        """
        if step.kind or step.number > _FEW or step.letter or step.end - step.start > 2:
            return False
        beside = free >> step.end & 1 or (step.start and free >> (step.start - 1) & 1)
        if not beside:
            return False
        places = clean_with_places(self.raw)
        said = self.raw[places.start[step.start] : places.end[step.end - 1]]
        return not any(each.isdecimal() for each in said)

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
    notes = note_spans(text)
    front = fronts.read(text, begins.__contains__, _opened(notes))
    noted = 0
    for start, end, _ in notes:
        noted |= span_mask(start, end)
    steps = [step for step in read_steps(text) if step.start >= front.end and not noted >> step.start & 1]
    if front.end:
        mentions = [each for each in mentions if each.start >= front.end]
    explained = noted | span_mask(0, front.end)
    for step in steps:
        explained |= span_mask(step.start, step.end)
    letters = characters = 0
    for at, character in enumerate(text):
        if character.isalnum():
            characters |= 1 << at
            if character.isalpha():
                letters |= 1 << at
    return Question(raw, text, front, steps, mentions[:_MOST_NAMES], letters, explained, notes, characters)


def _opened(notes: Sequence[tuple[int, int, str]]) -> int:
    """Return where a text begins behind its openers: 我在, 请送到."""
    end = 0
    for start, stop, relation in notes:
        if start > end or relation != "note":
            break
        end = stop
    return end


def open_stretches(question: Question, known: int, *, digits: bool = False) -> list[tuple[int, int]]:
    """Return the stretches of words that nothing explains.

    Parameters
    ----------
    question
        Taken apart.
    known
        Bit mask of what names account for.
    digits
        Whether digits count as words: those of a telephone number are no numbers of an address.
    """
    found, start = [], -1
    free = (question.characters if digits else question.letters) & ~question.explained & ~known
    for at in range(len(question.text) + 1):
        inside = bool(free >> at & 1)
        if inside and start < 0:
            start = at
        elif not inside and start >= 0:
            found.append((start, at))
            start = -1
    return found
