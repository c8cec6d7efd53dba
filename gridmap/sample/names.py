"""Names that sound Chinese and belong to nobody: syllables, and how they are put together."""

from __future__ import annotations

from typing import Final

import numpy as np

COUNTY: Final = "锡澄县"
REGION: Final = ("江苏省", "无锡市", COUNTY)
"""What stands in front of its addresses where they are written in full."""
TOWNS: Final = ("花山镇", "云亭镇", "长泾镇", "青阳镇", "周庄镇", "华阳镇", "璜塘镇", "月城镇", "南闸镇", "临港镇")
DISTRICTS: Final = ("城中街道", "城东街道", "城北街道", "城西街道", "城南街道", "滨江街道")
RIVERS: Final = ("锡澄河", "应天河", "白屈港", "新沟河", "张家港河", "冯泾河", "东横河", "西横河")
RAILWAY: Final = "沪澄铁路"
MOTORWAY: Final = "锡澄高速"

_HEADS: Final = tuple("花云青华月金银玉春秋东西南北中长新石沙梅兰桂松柏杨柳桃杏荷莲清锦瑞福康宁和安永兴")
_TAILS: Final = tuple("山河湖江泉塘桥港渡园林台亭阳溪浜墩岸泾浦庄坊城村庭源峰岭湾洲")
_FAMILIES: Final = tuple(
    "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕缪承蒋钱陆顾夏章花俞"
)
_GIVEN: Final = tuple("伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英华玉兰红梅建国志文晓海燕春雪倩浩宇")
_MAIN_STREETS: Final = (
    "人民", "中山", "解放", "建设", "文化", "朝阳", "环城", "迎宾", "虹桥", "澄江", "滨江", "通江",
    "大桥", "青年", "学府", "和平", "胜利", "民主", "光明", "创业",
)  # fmt: skip
_ESTATES: Final = ("花园", "苑", "新村", "家园", "名邸", "小区", "华庭", "公寓", "景园", "雅居")
_HAMLETS: Final = ("家村", "家巷", "家桥", "家塘", "家浜", "家墩", "家庄", "家湾", "巷上", "家头", "家埭", "家宕")


class Namer:
    """Gives every kind of thing names of its own, each once, drawn by one generator.

    Parameters
    ----------
    rng
        What the order of names is drawn with.
    """

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        pairs = [head + tail for head in _HEADS for tail in _TAILS]
        self._pairs = [pairs[i] for i in rng.permutation(len(pairs))]
        self._hamlets = [family + tail for family in _FAMILIES for tail in _HAMLETS]

    def communities(self, urban: int, villages: int) -> tuple[list[str], list[str]]:
        """Return names of urban communities and of villages, none twice."""
        stems = [pair for pair in self._pairs if pair[1] not in "村庄城"]
        return (
            [f"{stem}社区" for stem in stems[:urban]],
            [f"{stem}村" for stem in stems[urban : urban + villages]],
        )

    def streets(self, count: int) -> list[str]:
        """Return street names; the first are the ones every town has. From 1,200 on they carry 一, 二, 三."""
        base = [*(f"{name}路" for name in _MAIN_STREETS)]
        base += [f"{pair}{'路' if i % 4 else '街'}" for i, pair in enumerate(self._pairs)]
        more = [f"{name[:-1]}{number}{name[-1]}" for number in "一二三四五" for name in base]
        return (base + more)[:count]

    def estates(self, count: int) -> list[str]:
        """Return names of housing estates, none twice."""
        ends = [f"{pair}{end}" for end in _ESTATES for pair in self._pairs]
        return [ends[i] for i in self._rng.permutation(len(ends))[:count]]

    def hamlets(self) -> list[str]:
        """Return all names of hamlets in a random order; they repeat across a county as they do in life."""
        return [self._hamlets[i] for i in self._rng.permutation(len(self._hamlets))]

    def people(self, count: int) -> list[str]:
        """Return personal names."""
        family = self._rng.integers(0, len(_FAMILIES), count)
        given = self._rng.integers(0, len(_GIVEN), (count, 2))
        single = self._rng.random(count) < 0.25
        return [
            _FAMILIES[f] + _GIVEN[a] + ("" if one else _GIVEN[b])
            for f, (a, b), one in zip(family, given, single, strict=True)
        ]
