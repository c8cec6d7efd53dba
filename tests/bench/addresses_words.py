"""How people write numbers and characters: numerals as spoken, homophones, look-alikes, traditional characters, notes.

Made by hand and of libraries that the package does not use for it; nothing here is shared with ``gridmap.address``.
"""

from __future__ import annotations

from collections import defaultdict
from functools import cache
from random import Random

import zhconv
from pypinyin import Style, pinyin

DIGITS = "零一二三四五六七八九"
FULL_WIDTH = str.maketrans("0123456789", "０１２３４５６７８９")
NOTES = (
    "（{name}家）", "({name}家)", "（联系人{name}）", "，联系电话{phone}", " 电话{phone}", "，{phone}", "，门口有狗",
    "（门口有狗）", "，请尽快", "，尽快来人", "，二楼靠左", "（靠左第一间）", "，到了打电话", "，家里只有老人",
    "（老人独居）", "，漏水", "，楼下等",
)  # fmt: skip
LOOK_ALIKES = tuple(
    group
    for line in (
        "家嫁稼 路璐跑 村材杆 园圃团 街衔 塘溏糖 巷恭 庭廷挺 花茏苍 浜滨宾 墩敦燉 桥侨轿娇 华毕",
        "庄压床 湾弯 新斩析 林淋休 杨扬 景影 埭棣隶 名各 邸抵低 头买实 宕岩宏 上土止 泉帛皇 小少",
        "峰锋蜂 雅稚 居屈 洲州 山出 坊仿防妨 锦绵棉 源原 公么分 寓离 江汇缸 亭享停 苑范宛 城诚域",
        "月用 湖糊 中申 杏呆查 浦蒲埔 渡度 河何 岭岑领 柳抑 溪奚 兰羊 柏拍泊 银锒 泾径经 桃挑逃",
        "安按 秋秒 台合治 阳阴 和知 岸岩 梅海悔 瑞端 沙砂抄 康庚 青清情 清请 松枢 石右 福幅副",
        "金全 莲连 云去 西酉 南甫 宁宇 兴共 春舂 桂挂佳 东车乐 玉主 北比 永水 荷何 周同 何向",
        "吴昊 俞愈 黄菁 胡湖 章童 吕昌 沈沉 谢射 顾颀 唐康 夏复 曾僧会 承蒸 缪廖 马鸟 郑邓 彭鼓",
        "王主 韩朝 袁哀 高亮 许午 蒋将 郭郎 董重 孙孔 李季 梁粱 罗萝 于干 萧肖 赵起 朱未末 张弘",
        "陈阵 刘浏 陆陕 徐除 钱线 程呈 傅博 冯马 曹槽 宋宗 民氏 迎仰 宾宪 解触 放敌 胜姓 利刺",
        "人入 学字 府俯 光先 明朋 大太 主玉 通遁 创刨 业亚 年午 平乎 虹红 环坏 文丈 化花 建健",
        "设没",
    )
    for group in line.split(" ")
)
KEPT = set("一二三四五六七八九十百千万亿零两幺廿卅〇路街道镇乡村社区号栋幢座楼室层单元门弄")
"""Never written by mistake in place of another character: numerals, and words that end a name or a number."""


def spoken(number: int) -> str:
    """Return a number as it is read.

    >>> [spoken(each) for each in (2, 10, 15, 40, 203, 110, 1006)]
    ['二', '十', '十五', '四十', '二百零三', '一百一十', '一千零六']
    """
    written, gap = "", False
    for place, unit in ((1000, "千"), (100, "百"), (10, "十"), (1, "")):
        digit = number // place % 10
        if digit:
            one_less_ten = place == 10 and digit == 1 and number < 20
            written += ("零" if gap else "") + ("" if one_less_ten else DIGITS[digit]) + unit
        gap = digit == 0 and written != ""
    return written


def by_digits(number: int, one: str = "一", zero: str = "零") -> str:
    """Return a number digit by digit.

    >>> by_digits(15), by_digits(15, "幺"), by_digits(203, zero="〇")
    ('一五', '幺五', '二〇三')
    """
    return "".join({"1": one, "0": zero}.get(each, DIGITS[int(each)]) for each in str(number))


def shortened(number: int) -> str:
    """Return a number as it is said in short: 廿四, 一百二; else as it is read.

    >>> shortened(24), shortened(20), shortened(120), shortened(15)
    ('廿四', '廿', '一百二', '十五')
    """
    if 20 <= number < 30:
        return "廿" + spoken(number % 10)
    if 100 < number < 1000 and number % 10 == 0 and number % 100:
        return spoken(number)[:-1]
    return spoken(number)


def numeral_style(rng: Random) -> str:
    """Draw how somebody writes the numbers of an address."""
    return rng.choices(("read", "digits", "yao", "short", "wide"), (50, 15, 10, 10, 15))[0]


def write_number(number: int, style: str, rng: Random, *, room: bool = False) -> str:
    """Return a number in a style; rooms of three figures are said digit by digit, a single figure as it is read."""
    if style == "plain":
        return str(number)
    if style == "wide":
        return str(number).translate(FULL_WIDTH)
    if number > 9 and (style in ("digits", "yao") or (room and number >= 100)):
        return by_digits(number, "幺" if style == "yao" else "一", rng.choice("零〇"))
    return shortened(number) if style == "short" else spoken(number)


def traditional(text: str) -> str:
    """Return a text in traditional characters."""
    return zhconv.convert(text, "zh-hant")


def note(rng: Random) -> str:
    """Return what people put behind an address."""
    surname = rng.choice("张王李赵陈杨周吴徐孙马朱胡林郭何高罗")
    phone = f"1{rng.choice('35789')}{rng.randrange(10**8, 10**9)}"
    who = surname + rng.choice(("某", "某某", "阿姨", "师傅", "先生"))
    return rng.choice(NOTES).format(name=who, phone=phone)


def misheard(character: str, rng: Random) -> str:
    """Return a homophone: three in four of the same tone, some of another, some of a sound that the south merges."""
    (sound,) = pinyin(character, style=Style.TONE3, neutral_tone_with_five=True)[0]
    alike = {"tone": sound, "toneless": sound[:-1], "merged": _merged(sound[:-1])}
    order = rng.choices((("tone", "toneless", "merged"), ("toneless", "merged"), ("merged",)), (75, 15, 10))[0]
    for how in order:
        others = [each for each in _sounds()[how, alike[how]] if each != character]
        if others:
            return rng.choice(others)
    return character


def misread(character: str, rng: Random) -> str:
    """Return a character that looks like another; itself where the list knows none."""
    others = sorted({each for group in LOOK_ALIKES if character in group for each in group} - {character})
    return rng.choice(others) if others else character


@cache
def _sounds() -> dict[tuple[str, str], list[str]]:
    """Return the 3,755 commonest characters (level 1 of GB 2312, in its order) by sound."""
    sounds: dict[tuple[str, str], list[str]] = defaultdict(list)
    level_1 = bytes(each for row in range(0xB0, 0xD8) for cell in range(0xA1, 0xFF) for each in (row, cell))
    for character in level_1.decode("gb2312", errors="ignore"):
        if character in KEPT:
            continue
        (sound,) = pinyin(character, style=Style.TONE3, neutral_tone_with_five=True)[0]
        for how, alike in (("tone", sound), ("toneless", sound[:-1]), ("merged", _merged(sound[:-1]))):
            sounds[how, alike].append(character)
    return sounds


def _merged(sound: str) -> str:
    """Return what a sound becomes where zh is z and ang is an.

    >>> _merged("zhang"), _merged("qing")
    ('zan', 'qin')
    """
    flat = sound[0] + sound[2:] if sound[:2] in ("zh", "ch", "sh") else sound
    return flat[:-1] if flat.endswith(("ang", "eng", "ing")) else flat
