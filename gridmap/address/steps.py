"""Every number of a cleaned address with its word: 12号, 之1, 3栋, 2单元, 4楼; and the 32 bits it is kept in."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from gridmap.address.model import KINDS, Step

STEMS: Final = "甲乙丙丁戊己庚辛壬癸"
SIDES: Final = "东西南北中前后"
LETTERS: Final = ("", *"abcdefghijklmnopqrstuvwxyz", *STEMS, *SIDES, "临")
"""What may stand beside a number, in the order of their codes."""
LARGEST_NUMBER: Final = (1 << 20) - 1
"""What is larger is a telephone number or the like."""

_WORDS: Final = {
    "lane": "巷",
    "alley": "弄",
    "group": "村民小组 居民小组 小组 组 生产队 小队 大队 队",
    "plate": "号院 号",
    "building": "号楼 号栋 号幢 号座 栋楼 栋 幢 座 #楼 号# #",
    "unit": "号门 单元 单 门 梯",
    "floor": "层楼 层 楼 f",
    "room": "号室 号房 室 房间 房 户 号铺 商铺 铺 号商铺 号门面 号店面 门面 店面",
}
_KIND_OF_WORD: Final = {word: kind for kind, words in _WORDS.items() for word in words.split()}
_NOT_BEFORE: Final = {
    "号院": "[内里外]",
    "号楼": "[上下梯]",
    "号门": "[口前外面市卫诊岗楼牌店]",
    "号房": "屋",
    "号室": "内",
    "门": "[口前外面市卫诊岗楼]",
    "座": "[桥山]",
    "单": "[位人]",
    "楼": "[上下梯道]",
    "f": "[a-z0-9]",
    "巷": "[路村社]",
    "队": "部",
}
"""What must not follow a word: 3号门口 is plate 3 and a note, 3号楼下 too."""
_WORD: Final = "|".join(
    re.escape(word) + (f"(?!{_NOT_BEFORE[word]})" if word in _NOT_BEFORE else "")
    for word in sorted(_KIND_OF_WORD, key=len, reverse=True)
)
_NAME: Final = (
    "号(?:大?街|支?路(?![灯口边旁])|公路|线|桥|闸|码头|地块)|(?:国|省|县|乡)道|高速|村(?!民)|[路街段道期里区环条屯庄营堡坊桥河湾塘港浜圩墩元星花洲]|家(?![里中人属长])|社区|"
    "大[道街]|小区|中学|小学|[大中小]队村|[年月日米岁天人个次分点块公千万百]"
)
"""What follows a number that is part of a name (人民3路, 莲花2村, 2期) or counts something else: no step."""
_TOKEN: Final = re.compile(
    rf"""
    (?=[\d地负附之第\-杠\#a-z临{STEMS}{SIDES}])
    (?:
      (?<!\d)(?:1[3-9]\d[- ]?\d{{4}}[- ]?\d{{4}}|0\d{{2,3}}[- ]?\d{{7,8}})(?!\d)
    | (?P<mark>地下|负|附|之|第|[-杠]|[{STEMS}临\#]|(?<![a-z])[a-z])?(?P<number>\d+)
      (?: (?P<name>{_NAME})
        | (?P<letter>[{STEMS}](?=号|之|-|\ |栋|幢|\d|$)|[a-eg-z](?![a-z0-9])|f(?=[号栋幢座室]))?
          (?P<word>{_WORD})?
          (?: (?<=号) (?P<late> [{STEMS}](?=-|\ |\d|$) | [a-z](?![a-z0-9\-栋幢座号楼单区室房层门梯]) ) )?
      )
    | 地下(?:[室层楼]|(?=$|[\ \d之-]))
    | (?:(?<![a-z0-9])[a-z]|[{STEMS}{SIDES}])(?P<lone>单元|号楼|[座栋幢户])
    | (?<![a-z0-9])[a-z](?=-\d)
    )
    """,
    re.VERBOSE,
)
_CODE_OF_KIND: Final = {kind: code for code, kind in enumerate(KINDS)}
_CODE_OF_LETTER: Final = {letter: code for code, letter in enumerate(LETTERS)}
_JOINTS: Final = frozenset("之-杠")
_DOWN: Final = frozenset(("地下", "负"))
_LAST_BASEMENT_WITHOUT_A_WORD: Final = 4
_MOST_DIGITS: Final = 7


def read_steps(cleaned: str) -> list[Step]:
    """Read every number of a cleaned text with its word.

    A number that is part of a name (人民3路, 2期) or of a telephone number is none. 12-1号 and 12之1号 are plate 12,
    sub 1; a number without its word has the kind ``""``.

    Parameters
    ----------
    cleaned
        Of :func:`gridmap.address.script.clean`.

    Examples
    --------
    >>> [(step.number, step.letter, step.kind) for step in read_steps("人民3路甲12-1号3栋2单元4楼b座501")]
    [(12, '甲', 'plate'), (1, '', 'sub'), (3, '', 'building'), (2, '', 'unit'), (4, '', 'floor'), (0, 'b', 'building'),
     (501, '', '')]
    """
    steps: list[Step] = []
    chain = 0  # how many steps at the end have no word yet, each joined to the next by a dash
    for match in _TOKEN.finditer(cleaned):
        mark, number, name, letter, word, late, lone = match.groups()
        if number is None or name is not None or len(number) > _MOST_DIGITS or int(number) > LARGEST_NUMBER:
            if number is None:
                steps += _without_number(match, lone)
            chain = 0
            continue
        kind = "" if word is None else _KIND_OF_WORD[word]
        start, end = match.span()
        said = letter or late or ""
        if mark is None:
            chain = 0
        else:
            start, said, kind, chain = _marked(steps, match, said, kind, chain)
        if kind == "unit" and word != "门" and steps and steps[-1].kind == "floor" and cleaned[start - 1] == "楼":
            steps[-1] = _with_kind(steps[-1], "building")  # 5楼3单元
        steps.append(Step(int(number), said, kind, start, end))
        chain = 0 if kind else chain + 1
    return steps


def _without_number(match: re.Match[str], lone: str | None) -> list[Step]:
    """B座, 东单元, 地下室, the A of A-301; nothing for a telephone number."""
    start, end = match.span()
    text = match[0]
    if lone is not None:
        return [Step(0, text[0], _KIND_OF_WORD[lone], start, end)]
    if text[0] == "地":
        return [Step(0, "", "basement", start, end)]
    return [Step(0, text, "", start, end)] if end - start == 1 else []


def _marked(steps: list[Step], match: re.Match[str], letter: str, kind: str, chain: int) -> tuple[int, str, str, int]:
    """Say where a number with something before it starts, its letter, kind and the chain it goes on."""
    mark, start = match["mark"], match.start()
    if mark in _JOINTS:
        if not steps or steps[-1].end != start:
            return start + 1, letter, kind, 0
        if mark == "之" or (chain and kind == "plate"):
            for at in range(len(steps) - chain, len(steps)):  # 12-1号: what was without a word
                steps[at] = _with_kind(steps[at], "plate" if at == len(steps) - chain else "sub")
            kind = "sub"
        return start, letter, kind, chain
    if mark in _DOWN or (mark == "b" and _is_basement(match, kind)):
        return start, letter, "basement", 0
    if mark == "附" and kind in {"", "plate"}:
        kind = "sub"
    elif mark == "#" and not kind:
        kind = "building"
    return start, mark if mark in _CODE_OF_LETTER else letter, kind, 0


def _is_basement(match: re.Match[str], kind: str) -> bool:
    """Whether b1 is a floor: B1层, or B1 alone, but not B1栋 and B1-203."""
    if kind:
        return kind == "floor"
    after = match.string[match.end() : match.end() + 1]
    return int(match["number"]) <= _LAST_BASEMENT_WITHOUT_A_WORD and after != "-"


def _with_kind(step: Step, kind: str) -> Step:
    return Step(step.number, step.letter, kind, step.start, step.end)


def step_code(step: Step) -> int:
    """Pack number, letter and kind into 32 bits; codes sort by number, then letter, then kind.

    Examples
    --------
    >>> step_code(Step(12, "", "plate")) < step_code(Step(12, "a", "plate")) < step_code(Step(112, "", "plate"))
    True
    """
    return step.number << 12 | _CODE_OF_LETTER[step.letter] << 4 | _CODE_OF_KIND[step.kind]


def step_of(code: int) -> Step:
    """Unpack what :func:`step_code` packed.

    Examples
    --------
    >>> step_of(step_code(Step(12, "甲", "plate")))
    Step(number=12, letter='甲', kind='plate', start=0, end=0)
    """
    return Step(code >> 12, LETTERS[code >> 4 & 0xFF], KINDS[code & 0xF])


_WRITTEN: Final = {
    "": "", "lane": "巷", "alley": "弄", "group": "组", "plate": "号", "building": "栋", "unit": "单元", "floor": "层",
    "room": "室",
}  # fmt: skip


def format_steps(steps: Sequence[Step]) -> str:
    """Write the numbers of an address one behind the other; the sub of a plate stands before its word.

    Examples
    --------
    >>> format_steps([Step(71, "", "lane"), Step(11, "", "plate"), Step(1, "", "sub"), Step(4, "", "floor")])
    '71巷11之1号4层'
    """
    text = ""
    for before, step in zip([None, *steps], steps, strict=False):
        said = format_step(step)
        if step.kind == "sub" and before is not None and before.kind == "plate" and text.endswith("号"):
            text = f"{text[:-1]}{said}号"
        else:
            text += said
    return text


def format_step(step: Step) -> str:
    """Write a step as standard addresses have it.

    Examples
    --------
    >>> [format_step(each) for each in read_steps("甲12-1号b座f单元-1层501a")]
    ['甲12号', '之1', 'B座', 'F单元', '1层', '501A']
    >>> format_step(Step(12, "临", "plate")), format_step(Step(0, "", "basement")), format_step(Step(1, "", "basement"))
    ('临12号', '地下', '地下1层')
    """
    letter = step.letter.upper()
    number = str(step.number) if step.number or not letter else ""
    before = bool(letter) and not "A" <= letter <= "Z"
    text = letter + number if before else number + letter
    if step.kind == "sub":
        return f"之{text}"
    if step.kind == "basement":
        return f"地下{text}层" if step.number else f"地下{letter}"
    if step.kind == "building" and not step.number:
        return f"{text}座"
    return text + _WRITTEN[step.kind]
