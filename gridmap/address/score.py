"""What a difference between what was written and what is listed costs: −ln of how likely people write so.

Costs add up; a place is likely as e^−cost says, beside all others the text may mean and beside :data:`NOWHERE`, that it
means none of them. The figures are of this project: set by what people drop, swap and misspell in the sample county's
damaged addresses (a seed of its own), then brought to frequencies by :mod:`gridmap.address.confidence`.
"""

from __future__ import annotations

from typing import Final

from gridmap.address.model import KINDS

NOWHERE: Final = 6.0
"""That the text means no listed place."""
STRANGE: Final = 0.7
"""Share of what unexplained words in front cost that :data:`NOWHERE` costs too: they may be a note."""
TOWN_WRONG: Final = 6.5
"""Another town is named than the place is in."""
COMMUNITY_WRONG: Final = 5.5
UNSURE_WRONG: Final = 1.5
"""Either of these, where what is named may be no town or community at all."""
ESTATE_WRONG: Final = 4.5
LETTER_OTHER: Final = 3.5
"""12甲 asked, 12 listed, or the other way: another door."""
LEVEL_SKIPPED: Final = 3.5
"""The number above was left out: 人民路24栋 for 人民路15号24栋."""
NUMBER_UNLISTED: Final = 4.5
"""The road is listed and the number is not."""
OTHER_WORD: Final = 1.5
"""From this price of its word on, a number may as well be one that is not listed."""
FINER_UNLISTED: Final = 0.05
"""A unit, floor or room of a door whose finer parts the list does not hold."""
FINER_UNNAMED: Final = 1.0
"""The same, where the number has no word: it may be another door's."""
FINER_WRONG: Final = 2.5
"""A unit, floor or room that is none of those the list holds for the door."""
COARSE: Final = 0.7
"""The text stops above the listed doors: the building was left out."""
CONTEXT: Final = 0.3
"""Share of a left-out suffix's cost where the name only stands beside another: 花山人民路."""
LANDMARK_LEFT: Final = 1.5
"""Only the road is taken, though a landmark on it is named."""
BEFORE: Final = 2.2
"""A character in front of the number that nothing explains: names stand there; behind it are notes."""
AFTER: Final = 0.12
MOST_BEFORE: Final = 6.5
MOST_AFTER: Final = 1.5
GROUP: Final = 0.3
"""A group (村民小组) that the list does not have."""
DOOR_WORD: Final = 0.6
"""The first number's word is that of a gate or a room: 17号门."""
INSIDE: Final = 0.4
"""A number behind a door that has nothing listed below it."""
BEHIND: Final = 0.5
"""Share of what another town or community costs where it is named behind: it may be a note's."""
NUMBER_BEFORE: Final = 2.0
"""The number stands before the name: 3栋文昌花园."""

_SWAPS: Final = {
    ("plate", "building"): 1.5, ("plate", "lane"): 2.5, ("plate", "alley"): 2.5, ("plate", "unit"): 3.0,
    ("plate", "sub"): 1.5, ("plate", "room"): 2.5, ("building", "unit"): 2.0,
    ("building", "sub"): 2.5, ("building", "floor"): 3.0, ("lane", "alley"): 2.0, ("sub", "unit"): 1.5,
    ("sub", "room"): 1.0,
    ("sub", "floor"): 2.5, ("unit", "room"): 3.0, ("floor", "room"): 3.0, ("building", "room"): 3.0,
    ("building", "lane"): 4.0, ("building", "alley"): 4.0, ("alley", "sub"): 1.5,
}  # fmt: skip
"""A number written with another word than the list's, either way; what is not here is not taken for the other."""
_WITHOUT: Final = {"lane": 0.6, "alley": 0.6, "group": 1.0, "floor": 1.2, "basement": 2.0}
"""A number without its word."""
IMPOSSIBLE: Final = 99.0


def _cost(said: str, listed: str) -> float:
    if said == listed:
        return 0.0
    if not said:
        return _WITHOUT.get(listed, 0.2)
    return _SWAPS.get((said, listed), _SWAPS.get((listed, said), IMPOSSIBLE))


WORD: Final = tuple(tuple(_cost(said, listed) for listed in KINDS) for said in KINDS)
"""By the codes of two kinds: what saying the one for the other costs."""
FINE: Final = frozenset({"unit", "floor", "basement", "room"})
"""Kinds within a building."""
