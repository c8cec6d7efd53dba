"""Chinese numerals as they stand in addresses: 十二, 二〇三, 一百零三, 二百三 (230), 廿三, 幺零二, 壹佰."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

_PLAIN: Final = str.maketrans("壹贰叁肆伍陆柒捌玖拾佰仟〇0oO○", "一二三四五六七八九十百千零零零零零")
_DIGIT: Final = {character: value for value, character in enumerate("零一二三四五六七八九")} | {"两": 2, "幺": 1}
_UNIT: Final = {"十": 10, "百": 100, "千": 1000, "万": 10_000}
_SCORE: Final = {"廿": 20, "卅": 30, "卌": 40}

_CHARACTERS: Final = "零〇一二三四五六七八九十百千万两幺廿卅卌壹贰叁肆伍陆柒捌玖拾佰仟"
RUN: Final = rf"[{_CHARACTERS}](?:[{_CHARACTERS}]|[0o]+(?=[{_CHARACTERS}]))*"
"""A run of characters that may be numerals (simplified, lower case); 二0三 and 二o三 are written for 二〇三."""

NEVER_ALONE: Final = frozenset("零〇百千万两佰仟")
"""What alone is no number: 百 of 百货, 万 of 万家."""
ALONE_BEFORE_A_WORD: Final = frozenset("幺壹贰叁肆伍陆柒捌玖拾")
"""What alone is a number only before the word of one: 陆号, but not 陆家."""

_D: Final = "[一二三四五六七八九](?![十百千])"
_L: Final = "[一二三四五六七八九两]"
_TENS: Final = f"(?:[一二三四五六七八九]?十|[廿卅卌])(?:{_D})?"
_HUNDREDS: Final = f"{_L}百(?:零?{_TENS}|零?{_D})?"
_THOUSANDS: Final = f"{_L}千(?:零?{_HUNDREDS}|零?{_TENS}|零?{_D})?"
_UNDER_10_000: Final = f"(?:{_THOUSANDS}|{_HUNDREDS}|{_TENS})"
_NUMERAL: Final = re.compile(
    f"(?:{_UNDER_10_000}|{_L})万(?:零?{_UNDER_10_000}|零?{_D})?|{_UNDER_10_000}|[零一二三四五六七八九两幺]+(?![十百千])"
)


@lru_cache(maxsize=4096)
def split_run(run: str) -> tuple[tuple[int, int, str], ...]:
    """Split a run of numeral characters into the longest well-formed numerals.

    Parameters
    ----------
    run
        What :data:`RUN` matches.

    Returns
    -------
    tuple of (int, int, str)
        Start, end and arabic digits of each numeral; what lies between them is none (百 of 百货).

    Examples
    --------
    >>> split_run("二百三")
    ((0, 3, '230'),)
    >>> split_run("十五二十四")
    ((0, 2, '15'), (2, 5, '24'))
    """
    plain = run.translate(_PLAIN)
    found = []
    for match in _NUMERAL.finditer(plain):
        numeral = match[0]
        if numeral in NEVER_ALONE or numeral == "幺" != plain:
            continue
        found.append((match.start(), match.end(), _digits(numeral)))
    return tuple(found)


@lru_cache(maxsize=4096)
def to_digits(run: str) -> str:
    """Write a run of numeral characters in arabic digits, one numeral parted from the next by a dash.

    Examples
    --------
    >>> to_digits("一百零三"), to_digits("二〇三"), to_digits("廿三"), to_digits("十五二十四")
    ('103', '203', '23', '15-24')
    """
    pieces: list[str] = []
    at = 0
    for start, end, digits in split_run(run):
        if start > at or not pieces:
            pieces.append(run[at:start])
        else:
            pieces.append("-")
        pieces.append(digits)
        at = end
    return "".join(pieces) + run[at:]


def _digits(numeral: str) -> str:
    if all(character in _DIGIT for character in numeral):
        return "".join(str(_DIGIT[character]) for character in numeral)
    return str(_spoken_value(numeral))


def _spoken_value(numeral: str) -> int:
    """Add up a numeral with units; a last digit right after 百, 千, 万 is of the next unit: 二百三 = 230."""
    total = section = digit = 0
    unit = 1
    after_zero = False
    for character in numeral:
        if character == "零":
            after_zero = True
        elif character in _DIGIT:
            digit = _DIGIT[character]
        elif character in _SCORE:
            section, unit, after_zero = section + _SCORE[character], 10, False
        elif character == "万":
            total, section, digit, unit, after_zero = (section + digit) * 10_000, 0, 0, 10_000, False
        else:
            unit = _UNIT[character]
            section, digit, after_zero = section + (digit or 1) * unit, 0, False
    if digit and unit > 10 and not after_zero:
        digit *= unit // 10
    return total + section + digit
