"""What the benchmark of addresses asks about: the sample county's list, its damaged addresses, and made lists.

The county's rows are drawn once into three that never meet: those tested, those that confidence was calibrated with,
and the rest, which is only listed. Tested and calibrating addresses are damaged with seeds of their own.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
from addresses_damage import Damaged, Damager, read_landmarks
from bench import CACHE

import gridmap

TESTED = 20_000
TEST_SEED, TRAIN_SEED = 2026, 7
COLUMNS = ["address", "town", "community", "street", "number", "estate", "lon", "lat"]
NO_LANDMARKS = pd.DataFrame({"name": [], "lon": [], "lat": [], "town": []}).astype({"lon": float, "lat": float})
SPACING = 0.45
"""Degrees from one made county to the next."""
CHARACTERS = (
    "安柏北滨昌长朝陈池春翠大丹德鼎东端恩繁方丰枫凤福富高谷光广桂国海汉航浩和荷恒红洪湖虎花华怀环黄慧吉佳嘉建江姜金锦"
    "京景静久巨君开康科宽奎兰乐黎立丽莲良亮林灵柳龙隆鹿罗麻马茂梅美民明鸣宁盘平普齐祺前强乔琴青清庆泉群荣瑞润三山上尚"
    "邵申神胜盛石寿书舒双顺思松苏泰滔桃腾天通同万旺威维文武西溪夏先祥小晓孝新信星兴秀旭轩学雪雅延岩燕阳耀宜义银英永勇友"
    "玉裕园源远月云泽展昭振正芝志中珠竹卓紫祖"
)
FAMILIES = CHARACTERS[::2]


@dataclass(frozen=True, eq=False)
class County:
    """The sample county: its list, its plan, and what stands near its addresses.

    Parameters
    ----------
    folder
        Of its files.
    listed
        Its addresses.
    locator
        Of its plan.
    grids
        The finest grid of each row.
    """

    folder: Path
    listed: pd.DataFrame
    locator: gridmap.Locator
    grids: np.ndarray

    @property
    def level(self) -> str:
        """The finest tiling level."""
        return self.locator.finest_tiling

    def grid_of(self, lon: np.ndarray, lat: np.ndarray) -> np.ndarray:
        """Return the finest grid of each point, an empty text where there is none."""
        return self.locator.locate_many(lon, lat)[self.level].astype(object).fillna("").to_numpy()

    def tested(self, count: int = TESTED, *, blind_town: bool = False) -> list[Damaged]:
        """Return tested addresses, damaged."""
        rows = self._order()[:count]
        return self._damager(TEST_SEED, blind_town).damage_all(rows)

    def training(self, count: int = TESTED) -> list[Damaged]:
        """Return other addresses, damaged with another seed: what confidence is calibrated with."""
        rows = self._order()[TESTED : TESTED + count]
        return self._damager(TRAIN_SEED, False).damage_all(rows)

    def _damager(self, seed: int, blind_town: bool) -> Damager:
        return Damager(self.listed, read_landmarks(self.folder), seed, blind_town=blind_town)

    def _order(self) -> np.ndarray:
        return np.random.default_rng(TEST_SEED).permutation(len(self.listed))


@cache
def sample_county() -> County:
    """Return the sample county as ``gridmap demo`` draws it; made once."""
    folder = CACHE / "county"
    if not (folder / "plan.gpkg").exists():
        subprocess.run([str(Path(sys.executable).parent / "gridmap"), "demo", "--out", str(folder)], check=True)
    folder = folder / "county" if (folder / "county").exists() else folder
    listed = read_list(folder / "addresses.csv")
    plan = next(path for path in (folder / "plan.gpkg", folder.parent / "plan.gpkg") if path.exists())
    locator = gridmap.Locator(gridmap.read_plan(plan))
    found = locator.locate_many(listed["lon"].to_numpy(), listed["lat"].to_numpy())
    return County(folder, listed, locator, found[locator.finest_tiling].astype(object).to_numpy())


def read_list(path: Path) -> pd.DataFrame:
    """Read a list as the sample writes it."""
    return pd.read_csv(path, dtype=dict.fromkeys(COLUMNS[:6], str) | {"lon": float, "lat": float})


def made_list(county: pd.DataFrame, count: int) -> pd.DataFrame:
    """Return a list of a wanted size: the sample county over and over, with other names each time.

    Every copy has towns, communities, roads and estates of its own names (two characters and the suffix of the
    original; in the copies as in the sample one road name occurs in many towns), hamlets with the endings of the
    original, a third of them named after a family (陈家塘, as there are in other copies too), the others with a word
    before it (东陈家塘), the same numbers, and a place of its own on a lattice. Towns and communities never share a
    name; roads and hamlets of different copies may.
    """
    copies = -(-count // len(county))
    rng = np.random.default_rng(11)
    areas = _Names(rng)
    parts = []
    for copy in range(copies):
        part = county if copy == 0 else _renamed(county, areas, rng)
        shifted = {"lon": part["lon"] - 5 + SPACING * (copy % 10), "lat": part["lat"] - 3 + SPACING * (copy // 10)}
        parts.append(part.assign(**shifted))
    return pd.concat(parts, ignore_index=True).iloc[:count]


class _Names:
    """Draws pairs of characters, none twice."""

    def __init__(self, rng: np.random.Generator) -> None:
        pairs = [one + other for one in CHARACTERS for other in CHARACTERS if one != other]
        self._left = [pairs[at] for at in rng.permutation(len(pairs))]

    def next(self) -> str:
        return self._left.pop()


def _renamed(county: pd.DataFrame, areas: _Names, rng: np.random.Generator) -> pd.DataFrame:
    hamlet = county["address"].str.contains("村") & (county["town"] + county["community"] + county["street"]).eq(
        county["address"].str.replace(r"\d+号.*$", "", regex=True)
    )
    town = _mapped(county["town"], lambda name: areas.next() + name[-2 if name.endswith("街道") else -1 :])
    community = _mapped(county["community"], lambda name: areas.next() + name[-2 if name.endswith("社区") else -1 :])
    roads = _Names(rng)
    families = _families(sorted({name[0] for name in county["street"][hamlet]}), rng)
    road = _mapped(county["street"], lambda name: roads.next() + name[-1:])
    street = road.where(~hamlet, _mapped(county["street"], lambda name: families.get(name[0], name[0]) + name[1:]))
    estate = _mapped(county["estate"], lambda name: roads.next() + name[2:])
    tail = county["address"].str.extract(r"(\d+号.*)$")[0]
    address = town + community.where(hamlet, "") + street + tail
    return pd.DataFrame({"address": address, "town": town, "community": community, "street": street,
                         "number": county["number"], "estate": estate, "lon": county["lon"],
                         "lat": county["lat"]})  # fmt: skip


def _families(names: Sequence[str], rng: np.random.Generator) -> dict[str, str]:
    """Return another name of each family, none twice."""
    drawn: set[str] = set()
    while len(drawn) < len(names):
        family = str(rng.choice(list(FAMILIES)))
        drawn.add(family if rng.random() < 1 / 3 else str(rng.choice(list(CHARACTERS))) + family)
    return dict(zip(names, sorted(drawn), strict=True))


def _mapped(names: pd.Series, rename: object) -> pd.Series:
    return names.map({name: rename(name) for name in names.dropna().unique()})


def texts_of(damaged: Sequence[Damaged]) -> list[str]:
    """Return what is asked."""
    return [each.text for each in damaged]
