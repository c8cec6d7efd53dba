"""What the parts of an address are called: elements, words that say where something is, words that are no address."""

from __future__ import annotations

import re
from itertools import chain
from typing import Final

from gridmap.address.model import Step
from gridmap.address.script import HAN

_CODES: Final = {
    "province": 10, "city": 10, "county": 10, "town": 20, "community": 30, "street": 40, "lane": 40, "alley": 40,
    "estate": 40, "hamlet": 40, "plate": 50, "sub": 50, "building": 60, "unit": 70, "floor": 80, "room": 80,
    "landmark": 90, "note": 90,
}  # fmt: skip
_KIND_OF_STEP: Final = {"group": "hamlet", "basement": "floor"}
_INSIDE: Final = frozenset({"unit", "floor", "room"})
_SMALLEST_ROOM: Final = 100
"""A smaller number behind a building is a unit, or behind a plate a building."""


def element_kind(step: Step, before: str) -> str:
    """Return which element a number is.

    Parameters
    ----------
    step
        One without a word goes on from what stands before it: 人民路12, 3-2-501.
    before
        Kind of the element before it that is neither a note nor a sub; empty where there is none.

    Examples
    --------
    >>> element_kind(Step(2), "street"), element_kind(Step(2), "plate"), element_kind(Step(2), "building")
    ('plate', 'building', 'unit')
    """
    if step.kind:
        return _KIND_OF_STEP.get(step.kind, step.kind)
    if before not in {"estate", "landmark", "plate", "building", *_INSIDE}:
        return "plate"
    if before in _INSIDE or step.number >= _SMALLEST_ROOM:
        return "room"
    return "unit" if before == "building" else "building"


def element_code(kind: str, before: str = "") -> int:
    """Return the code of an element after GA/T 2000.32; 90 is ours.

    Examples
    --------
    >>> element_code("hamlet"), element_code("sub", "plate"), element_code("sub", "floor")
    (40, 50, 80)
    """
    within = kind == "sub" and before in {"building", "floor", "room"}  # 4楼之3
    return _CODES[before if within else kind]


_RELATED: Final = {
    "beside": "旁边 边上 隔壁 紧邻 紧靠 紧挨 1侧 侧面 侧边 左侧 右侧 左边 右边 左手边 右手边",
    "near": "附近 1带 周边 周围 不远处 不远 靠近 临近 邻近",
    "opposite": "正对面 斜对面 马路对面 街对面 河对面 对面 斜对过 对过 对门 对岸",
    "behind": "后面 后边 后头 后方 后侧 背后 背面 屋后 往后 向后",
    "front": "正前方 前面 前边 前头 前方 门前 屋前 往前 向前",
    "entrance": (
        "大门口 小门口 正门口 东门口 南门口 西门口 北门口 门口 出入口 入口 进口处 出口"
        " 大门 正门 后门 侧门 东门 南门 西门 北门"
    ),
    "corner": "10字路口 丁字路口 3岔路口 交叉路口 交叉口 交叉处 交汇处 交界处 交界 拐角处 拐角 转角处 转角 拐弯处",
    "between": "正中间 中间 之间 当中",
    "inside": "往里 里面 里边 院内 内侧 大院里",
    "above": "楼上",
    "below": "楼下",
    "northeast": "东北角 东北侧 东北方 东北面",
    "northwest": "西北角 西北侧 西北方 西北面",
    "southeast": "东南角 东南侧 东南方 东南面",
    "southwest": "西南角 西南侧 西南方 西南面",
}
_SIDES: Final = {"东": "east", "南": "south", "西": "west", "北": "north"}
RELATIONS: Final[dict[str, str]] = {
    **{word: name for name, words in _RELATED.items() for word in words.split()},
    **{before + side: name for side, name in _SIDES.items() for before in "以往向朝"},
    **{side + after: name for side, name in _SIDES.items() for after in "侧面边首头"},
}
"""What a place has to do with the one named before: 旁边 → beside, 对面 → opposite, 后面 → behind; cleaned words."""
AT_THE_PLACE: Final = frozenset({"entrance", "inside", "above", "below", "note"})
"""Relations that do not leave the place named: 门口 is still there, 对面 is not."""
_LAST_ONLY: Final = {"旁": "beside", "侧": "beside", "后": "behind", "前": "front", "内": "inside"}
"""Relations only at the end, or before 第2栋: elsewhere they are of a name."""

_OPENERS: Final = (
    "请问 帮我 帮忙 看1下 查1下 我在 我住在 我家在 家住 住在 居住在 位于 就在 就是 地址是 地址 挨着 大概 大约 "
    "好像 应该 可能 那个 那边 那里 这边 这里 原来 以前"
)
"""What people say before an address, or in the middle of one."""
_REMARKS: Final = (
    "在哪个 在哪 哪个 属于 网格 请打 请放 请送 请到 请在 请联系 请拨打 麻烦 谢谢 快递 外卖 送到 送货 放在 "
    "放到 放门 收件人 收货人 联系人 联系电话 联系 电话 手机号 手机 打电话 有人 有个 有1 有棵 有家 着火 起火 "
    "失火 火灾 冒烟 漏水 停水 停电 救命 报警 打架 噪音 扰民 被困 摔倒 受伤 晕倒 小孩 进去 进门 "
    "左转 右转 左拐 右拐 直走 走到底 到底 尽头 原名 曾用名 俗称 又名 也叫 门卫 传达室 保安室 保安亭 岗亭 物业 "
    "快递柜 驿站 丰巢 车库 停车场 停车位 楼道 电梯口 楼梯口 院子 红色 蓝色 白色 黑色 绿色 门牌号 门牌 "
    "不清楚 不详 暂住 租住 出租房 居住"
)
_CALLED: Final = "联系电话 电话号码 电话 手机号码 手机号 手机"
"""The number behind these is called, and is no door."""
NOTE_WORDS: Final[tuple[str, ...]] = (*RELATIONS, *_OPENERS.split(), *_REMARKS.split())
"""Relations and remarks; a remark goes on to the end where neither a number nor a relation follows."""

_NAME_GOES_ON: Final = (
    "[路街道巷弄里村镇乡桥塘浜湾岸坝]|加工|社区|新村|小区|花园|家园|公寓|大厦|广场|公园|学校|小学|中学|医院"
)
_RELATION_AHEAD: Final = "旁边|隔壁|附近|对面|[前后里上下侧]面|门口|路口|中间|楼[上下]"
_AFTER: Final = r"(?:走|的)?(?:倒?数?第\d+[栋幢排家户间座楼个号]|(?:约|大约|大概)?\d+多?米(?:处|左右|远)?)?"


def _one_of(words: list[str] | tuple[str, ...]) -> str:
    return "|".join(sorted(map(re.escape, words), key=lambda word: (-len(word), word)))


_FIRSTS: Final = "".join(sorted({word[0] for word in chain(NOTE_WORDS, _LAST_ONLY)} | set("的路口")))
_NOTE: Final = re.compile(
    rf"(?=[{_FIRSTS}])(?:"
    rf"的?(?P<relation>{_one_of(tuple(RELATIONS))})(?!{_NAME_GOES_ON}){_AFTER}"
    rf"|(?P<corner>(?:(?<=[路街巷弄])路)?口)(?<=[路街巷弄村]口)(?!{_NAME_GOES_ON})"
    rf"|(?<=[0-9{HAN}]{{2}})(?P<last>{_one_of(tuple(_LAST_ONLY))})(?:$|(?=\ )|的?第\d+[栋幢排家户间])"
    rf"|(?P<opener>{_one_of(tuple(_OPENERS.split()))})"
    rf"|(?P<called>{_one_of(tuple(_CALLED.split()))})[ -]?\d[\d-]*"
    rf"|(?P<remark>{_one_of(tuple(_REMARKS.split()))})(?:(?:(?!{_RELATION_AHEAD})[^0-9]){{0,30}}$)?"
    r")"
)


def note_spans(cleaned: str) -> list[tuple[int, int, str]]:
    """Find the notes of a cleaned text: 旁边, 对面第2栋, 往东100米, 请打电话.

    Parameters
    ----------
    cleaned
        Of :func:`gridmap.address.script.clean`.

    Returns
    -------
    list of (int, int, str)
        Start, end, and what is said: a relation (:data:`RELATIONS`), or ``note``.

    Examples
    --------
    >>> note_spans("文昌桥后面第2栋"), note_spans("人民路口"), note_spans("东门路8号")
    ([(3, 8, 'behind')], [(3, 4, 'corner')], [])
    """
    return [(*match.span(), _said(match)) for match in _NOTE.finditer(cleaned)]


def _said(match: re.Match[str]) -> str:
    word = match[match.lastgroup or 0]
    if match.lastgroup == "corner":
        return "corner"
    return RELATIONS.get(word) or _LAST_ONLY.get(word) or "note"


_LANDMARKS: Final = (
    "小学 中学 高中 初中 大学 学院 学校 党校 幼儿园 托儿所 医院 卫生院 卫生所 卫生室 诊所 药店 药房 银行 "
    "信用社 邮局 超市 商场 商城 商店 便利店 酒店 宾馆 旅馆 饭店 餐厅 茶馆 网吧 浴室 公司 集团 工厂 派出所 "
    "警务室 公安局 交警队 消防队 法院 检察院 政府 税务局 车站 客运站 火车站 地铁站 公交站 加油站 充电站 "
    "收费站 变电站 公园 体育馆 体育场 图书馆 文化馆 博物馆 影剧院 电影院 教堂 码头 菜场 菜市场 农贸市场 市场 "
    "批发市场 仓库 基地 服务中心 养老院 敬老院 营业厅 项目部 工地 牌坊 水库 渡口 工业园 产业园 科技园 "
    "工业园区 工业区 园区 开发区 厂 站 桥 寺 庙 塔 亭 店"
)
LANDMARK_WORDS: Final = frozenset(_LANDMARKS.split())
"""What ends the name of a landmark."""
LONGEST_LANDMARK_WORD: Final = max(map(len, LANDMARK_WORDS))
