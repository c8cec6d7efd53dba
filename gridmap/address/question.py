"""A question taken apart: its cleaned text, front, numbers, the names found in it, and what each part of it is."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from gridmap.address.elements import AT_THE_PLACE, note_spans
from gridmap.address.model import Step
from gridmap.address.names import Mention, NameBook
from gridmap.address.region import Front, Fronts
from gridmap.address.script import clean, clean_with_places
from gridmap.address.steps import read_steps

_FILLERS: Final = re.compile(
    "自然村|行政村|村民委员会|委员会|村委会?|居委会|村民小组|政府|辖区|境内|地界|街办|办事处|(?<![a-z])(?:no|rm|room|unit)(?![a-z])"
)
"""Words between names and numbers that say nothing of where."""
_MARKS: Final = re.compile("[：:，,。！!；;、]")
_LONGEST_LEAD: Final = 30
_LEADING: Final = frozenset("在为是于到住去")
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
    lead = max(_opened(notes), _lead(raw, text, begins), _before_region(text, fronts.begin(text), begins))
    front = fronts.read(text, begins.__contains__, lead)
    noted = 0
    for start, end, _ in notes:
        noted |= span_mask(start, end)
    steps = [step for step in read_steps(text) if step.start >= max(front.end, lead) and not noted >> step.start & 1]
    # 15#: the # is a door's as well as a building's.
    steps = [replace(each, kind="") if text[each.end - 1] == "#" else each for each in steps]
    if front.end:
        mentions = [each for each in mentions if each.start >= front.end]
    explained = noted | span_mask(0, max(front.end, lead))
    for filler in _FILLERS.finditer(text):
        explained |= span_mask(*filler.span())
    for step in steps:
        explained |= span_mask(step.start, step.end)
    letters = characters = 0
    for at, character in enumerate(text):
        if character.isalnum():
            characters |= 1 << at
            if character.isalpha():
                letters |= 1 << at
    return Question(raw, text, front, steps, mentions[:_MOST_NAMES], letters, explained, notes, characters)


def _lead(raw: str, text: str, begins: set[int]) -> int:
    """Return where an address begins behind what somebody says first: 王先生反映：…, 发生地点为月城镇….

    Words in front are taken for that where a mark ends them, or a word that leads to a place, and no name is in them:
    a city of elsewhere (南京华阳镇) has neither.
    """
    first = min(begins, default=0)
    end = 0
    for mark in _MARKS.finditer(raw, 0, _LONGEST_LEAD):
        head = clean(raw[: mark.end()])
        if len(head) > first or not text.startswith(head):
            break
        end = len(head)
    return first if end < first and text[first - 1] in _LEADING else end


def _before_region(text: str, begin: int, begins: set[int]) -> int:
    """Return where a region begins that nothing of an address stands before; an address may be written from behind."""
    named = any(start < begin for start in begins) or any(each.isdigit() for each in text[:begin])
    return 0 if named else begin


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
