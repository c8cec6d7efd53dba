"""Addresses the way people write them: a generator that shares neither code nor tables with ``gridmap.address``.

Every listed address is first written out: in most cases with units, floors and rooms, which the list does not have
(3单元502室, 2门301, 甲单元202; of houses 2楼, 102室), one in four addresses on a road with its community in between,
one in three buildings of an estate with the estate's name. Then each kind of damage is done at its rate, independently
of the others, several at once. Rates are of all addresses; a kind that cannot befall every address (a landmark must be
near, and leaves no number to speak and nothing finer to miss) befalls the others so much the more often.

=============  =====  ==========================================================================================
kind           rate   what is done
=============  =====  ==========================================================================================
prefix         60 %   province, city and county are left out. Of the others half are written in full
                      (江苏省无锡市锡澄县), the rest without suffixes (江苏无锡), in part (锡澄县), or with the
                      county repeated. Half of these 60 % leave out the **town** too, where what is left still names
                      one address of the list (shown as ``town``); ``blind_town`` does so wherever it leads.
suffix         30 %   one to three words are missing or others: 镇/街道, 社区/村, 路/街/大道 (swapped too), 村 of a
                      hamlet, 号 (missing, - or a blank), 栋 (幢, 号楼, 座, #, missing), 单元 and 室 (3-502).
                      Never so that the text would fit another listed door as well.
numerals       15 %   as spoken: 十五号, 一五号, 幺五号, 廿四号, 二百零三, 一百二, rooms digit by digit (五〇二),
                      or full-width.
character      10 %   one character of a name (road, hamlet, village, community, town, estate, landmark) is a
                      homophone or a look-alike; never so that the text reads exactly as another listed door.
missing        20 %   the building, or all that is finer, is left out.
traditional    10 %   written in traditional characters.
note           10 %   something behind it: （张某家）, 联系电话…, 门口有狗, 二楼靠左, 请尽快.
landmark        3 %   the nearest facility, station or other estate within 150 m (one of its name in the town)
                      instead of the number and all that is finer: 人民路云浦幼儿园旁边.
=============  =====  ==========================================================================================

The words and characters are in ``addresses_words.py``.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

import addresses_words as words
import geopandas as gpd
import numpy as np
import pandas as pd
from scipy.spatial import cKDTree

RATES = {
    "prefix": 0.60, "suffix": 0.30, "numerals": 0.15, "character": 0.10, "missing": 0.20, "traditional": 0.10,
    "note": 0.10, "landmark": 0.03,
}  # fmt: skip
LANDMARK_M = 150.0
METRE = 1 / 111_200
REGION = ("江苏省", "无锡市", "锡澄县")
ROAD_WORDS = ("大道", "路", "街", "巷", "弄", "道")
AREA_WORDS = ("街道", "社区", "镇", "乡", "村")
BESIDE = ("旁边", "对面", "附近", "隔壁", "边上", "后面", "门口", "旁")


@dataclass(frozen=True)
class Damaged:
    """One damaged address and its truth.

    Parameters
    ----------
    text
        What is asked.
    row
        The row of the list that is meant.
    lon, lat
        Where that is.
    kinds
        Of :data:`RATES`, and ``town`` where the town is left out.
    landmark
        Longitude and latitude of the landmark that stands for the number, if one does.
    coarse
        Whether the building is left out though the list has it.
    """

    text: str
    row: int
    lon: float
    lat: float
    kinds: frozenset[str]
    landmark: tuple[float, float] | None = None
    coarse: bool = False


@dataclass(frozen=True)
class Draft:
    """What somebody is about to write; an empty string or ``None`` is left out."""

    region: str
    town: str
    community: str
    street: str
    number: int | None
    estate: str = ""
    building: int | None = None
    finer: tuple[tuple[int | str, str], ...] = ()
    place: str = ""
    number_word: str = "号"
    building_word: str = "栋"
    loose: frozenset[str] = frozenset()
    """Names whose suffix is missing or another: ``town``, ``community``, ``street``."""


@dataclass(frozen=True)
class Door:
    """A door plate of the list: what a text without its building names."""

    town: str
    community: str
    street: str
    number: int
    hamlet: bool


def read_landmarks(county: Path) -> pd.DataFrame:
    """Return facilities, stations and estates of a made county: name, lon, lat, town; one of its name in its town."""
    layers = [gpd.read_file(path) for name in ("facilities", "stations", "estates")
              if (path := county / f"{name}.gpkg").exists()]  # fmt: skip
    places = pd.concat([layer[["name", "geometry"]] for layer in layers], ignore_index=True)
    places["geometry"] = places.representative_point()
    towns = gpd.read_file(county / "towns.gpkg")[["name", "geometry"]].rename(columns={"name": "town"})
    placed = places.sjoin(towns, predicate="within").drop_duplicates(["name", "town"], keep=False)
    return pd.DataFrame({"name": placed["name"], "lon": placed.geometry.x, "lat": placed.geometry.y,
                         "town": placed["town"]}).reset_index(drop=True)  # fmt: skip


class Damager:
    """Damages addresses of a list.

    Parameters
    ----------
    listed
        Columns ``address, town, community, street, number, estate, lon, lat``, as the sample writes them.
    landmarks
        Of :func:`read_landmarks`.
    seed
        The same seed damages the same row alike, whichever other rows are damaged.
    blind_town
        Leave out the town of half of all addresses without a prefix, whether or not one address is named.
    """

    def __init__(self, listed: pd.DataFrame, landmarks: pd.DataFrame, seed: int, *, blind_town: bool = False) -> None:
        self.seed, self.blind_town = seed, blind_town
        self.lon, self.lat = (listed[each].to_numpy(dtype=float) for each in ("lon", "lat"))
        self.estates = listed["estate"].fillna("").astype(str).tolist()
        self.doors = [
            Door(town, community, street, int(number), address.startswith(f"{town}{community}"))
            for address, town, community, street, number in listed[
                ["address", "town", "community", "street", "number"]
            ].itertuples(index=False)
        ]
        ends = (re.search(r"(\d+)栋$", address) for address in listed["address"])
        self.buildings = [int(end[1]) if end else None for end in ends]
        self._near: dict[tuple[str, int], set[Door]] = defaultdict(set)
        for door in self.doors:
            self._near[door.street[:2], door.number].add(door)
        self.landmarks = landmarks
        self.beside = self._nearest_landmarks()
        self.chance = dict(RATES)
        self.chance["landmark"] = min(1.0, RATES["landmark"] / max((self.beside >= 0).mean(), 1e-9))
        for kind in ("numerals", "missing"):
            self.chance[kind] /= 1 - RATES["landmark"]

    def damage(self, row: int) -> Damaged:
        """Damage one address."""
        rng = Random(f"{self.seed}/{row}")
        chosen = {kind for kind, chance in self.chance.items() if rng.random() < chance}
        if self.beside[row] < 0:
            chosen.discard("landmark")
        if "landmark" in chosen:
            chosen -= {"numerals", "missing"}
        draft = self._written_out(row, "missing" in chosen, "landmark" in chosen, rng)
        done = chosen - {"suffix", "character"}
        draft = replace(draft, region="" if "prefix" in chosen else _region(rng))
        unnamed = self._without_town(draft, rng) if "prefix" in chosen else draft
        if unnamed.town == "":
            done.add("town")
        damaged = self._other_suffixes(unnamed, rng) if "suffix" in chosen else unnamed
        if damaged != unnamed:
            done.add("suffix")
        if "character" in chosen and (mistaken := self._other_character(damaged, rng)) is not None:
            damaged = mistaken
            done.add("character")
        text = _compose(damaged, words.numeral_style(rng) if "numerals" in chosen else "plain", rng)
        text += words.note(rng) if "note" in chosen else ""
        text = words.traditional(text) if "traditional" in chosen else text
        at = self.beside[row]
        landmark = (*self.landmarks.loc[at, ["lon", "lat"]],) if "landmark" in chosen else None
        coarse = landmark is None and damaged.building != self.buildings[row]
        return Damaged(text, row, self.lon[row], self.lat[row], frozenset(done), landmark, coarse)

    def damage_all(self, rows: Iterable[int]) -> list[Damaged]:
        """Damage several addresses."""
        return [self.damage(int(row)) for row in rows]

    def _written_out(self, row: int, missing: bool, landmark: bool, rng: Random) -> Draft:
        door, building = self.doors[row], self.buildings[row]
        between = door.hamlet or rng.random() < 0.25
        draft = Draft("", door.town, door.community if between else "", door.street, door.number)
        if landmark:
            place = self.landmarks.loc[self.beside[row], "name"]
            return replace(draft, number=None, place=place + rng.choice(BESIDE), number_word="")
        estate = self.estates[row] if rng.random() < 1 / 3 else ""
        finer = _finer(building is not None, rng)
        if missing and (building is None or rng.random() < 0.5):
            finer = ()
        elif missing:
            building = None
        return replace(draft, estate=estate, building=building, finer=finer)

    def _without_town(self, draft: Draft, rng: Random) -> Draft:
        without = replace(draft, town="")
        if rng.random() >= 0.5:
            return draft
        if self.blind_town:
            return without
        if draft.place:
            one = (self.landmarks["name"] == _landmark(draft.place)).sum() == 1
            return without if one else draft
        return without if len(self._fitting(without)) == 1 else draft

    def _other_suffixes(self, draft: Draft, rng: Random) -> Draft:
        """Change one to three of the words that may be changed without the text fitting another door."""
        changes = [change for change in CHANGES if change(draft, Random(0)) != draft]
        rng.shuffle(changes)
        wanted = rng.choices((1, 2, 3), (60, 30, 10))[0]
        doors = len(self._fitting(draft))
        for change in changes:
            if wanted == 0:
                break
            changed = change(draft, rng)
            if draft.number is None or len(self._fitting(changed)) == doors:
                draft, wanted = changed, wanted - 1
        return draft

    def _other_character(self, draft: Draft, rng: Random) -> Draft | None:
        """Write one character of a name wrongly; ``None`` if each try reads as another door."""
        names = [each for each in ("town", "community", "street", "street", "estate", "place") if getattr(draft, each)]
        for _ in range(20):
            which = rng.choice(names)
            name = getattr(draft, which)
            body = _landmark(name) if which == "place" else name
            places = [at for at, each in enumerate(body) if each not in words.KEPT]
            if not places:
                continue
            at = rng.choice(places)
            wrong = rng.choice((words.misheard, words.misread))(name[at], rng)
            changed = replace(draft, **{which: name[:at] + wrong + name[at + 1 :]})
            if wrong != name[at] and (draft.number is None or not self._fitting(changed) - self._fitting(draft)):
                return changed
        return None

    def _fitting(self, draft: Draft) -> set[Door]:
        """Return the doors that a text fits."""
        if draft.number is None:
            return set()
        return {
            door
            for door in self._near[draft.street[:2], draft.number]
            if _same_street(draft, door)
            and _same_area(draft.town, door.town, "town" in draft.loose)
            and _same_area(draft.community, door.community, "community" in draft.loose)
        }

    def _nearest_landmarks(self) -> np.ndarray:
        """Return for each row the nearest landmark of its town but its own estate, -1 where none is near."""
        metres = np.array([np.cos(np.radians(self.lat.mean())), 1.0]) / METRE
        tree = cKDTree(self.landmarks[["lon", "lat"]].to_numpy() * metres)
        spots = np.column_stack([self.lon, self.lat]) * metres
        _, near = tree.query(spots, k=4, distance_upper_bound=LANDMARK_M)
        names, towns = self.landmarks["name"].tolist(), self.landmarks["town"].tolist()
        found = np.full(len(spots), -1)
        for row, door in enumerate(self.doors):
            fit = (at for at in near[row] if at < len(names) and names[at] != self.estates[row])
            found[row] = next((at for at in fit if towns[at] == door.town), -1)
        return found


def _region(rng: Random) -> str:
    province, city, county = REGION
    bare = tuple(each[:-1] for each in REGION)
    return rng.choices(
        (province + city + county, bare[0] + bare[1] + rng.choice((county, bare[2])),
         rng.choice((county, city + county, city)), province + city + county + county, bare[0] + bare[1]),
        (50, 20, 15, 7, 8),
    )[0]  # fmt: skip


def _finer(estate: bool, rng: Random) -> tuple[tuple[int | str, str], ...]:
    """Return unit, floor and room that the list does not have."""
    if rng.random() >= (0.85 if estate else 0.55):
        return ()
    floor = rng.randint(1, 6 if estate else 3)
    room = (floor * 100 + rng.randint(1, 4), "室")
    if not estate:
        return rng.choice((((floor, "楼"),), (room,), ((floor, "层"),)))
    unit = (rng.randint(1, 4), rng.choice(("单元", "单元", "门")))
    letter = (rng.choice("甲乙"), "单元")
    return rng.choice(((unit, room), (unit, room), (unit,), (room,), (unit, (floor, "楼")), (letter, room)))


def _landmark(place: str) -> str:
    """Return the name of the landmark without 旁边 and the like."""
    word = next(each for each in BESIDE if place.endswith(each))
    return place[: -len(word)]


def _same_street(draft: Draft, door: Door) -> bool:
    if "street" not in draft.loose:
        return draft.street == door.street
    if door.hamlet:
        return door.street.startswith(draft.street)
    return _stem(draft.street, ROAD_WORDS) == _stem(door.street, ROAD_WORDS)


def _same_area(written: str, name: str, loose: bool) -> bool:
    return written in ("", name) or (loose and _stem(name, AREA_WORDS) == written)


def _stem(name: str, endings: tuple[str, ...]) -> str:
    return next((name[: -len(each)] for each in endings if name.endswith(each) and len(name) > len(each) + 1), name)


def _loosen(draft: Draft, which: str, name: str) -> Draft:
    if name == getattr(draft, which):
        return draft
    return replace(draft, **{which: name, "loose": draft.loose | {which}})


def _town_word(draft: Draft, rng: Random) -> Draft:
    return _loosen(draft, "town", _stem(draft.town, AREA_WORDS))


def _community_word(draft: Draft, rng: Random) -> Draft:
    return _loosen(draft, "community", _stem(draft.community, AREA_WORDS))


def _street_word(draft: Draft, rng: Random) -> Draft:
    if draft.street.endswith("村"):
        return _loosen(draft, "street", _stem(draft.street, ("村",)))
    stem = _stem(draft.street, ("大道", "路", "街"))
    if stem == draft.street or rng.random() < 0.5:
        return _loosen(draft, "street", stem)
    others = [each for each in ("路", "街", "大道") if stem + each != draft.street]
    return _loosen(draft, "street", stem + rng.choice(others))


def _number_word(draft: Draft, rng: Random) -> Draft:
    if draft.number is None:
        return draft
    follows = draft.building is not None or draft.finer
    return replace(draft, number_word=rng.choice(("-", "-", " ")) if follows and not draft.estate else "")


def _building_word(draft: Draft, rng: Random) -> Draft:
    if draft.building is None:
        return draft
    return replace(draft, building_word=rng.choice(("幢", "号楼", "座", "#", "")))


def _finer_words(draft: Draft, rng: Random) -> Draft:
    """Leave out 室, and 单元 before it; not where the building is missing, for then 3-502 would be a building's."""
    if not draft.finer or draft.finer[-1][1] != "室" or (draft.building is None and len(draft.finer) > 1):
        return draft
    short = [(number, "-" if isinstance(number, int) else word) for number, word in draft.finer[:-1]]
    return replace(draft, finer=(*short, (draft.finer[-1][0], "")))


CHANGES: tuple[Callable[[Draft, Random], Draft], ...] = (
    _town_word, _community_word, _street_word, _number_word, _building_word, _finer_words,
)  # fmt: skip


def _compose(draft: Draft, style: str, rng: Random) -> str:
    """Write it down; two numbers never run together."""
    text = draft.region + draft.town + draft.community + draft.street
    if draft.number is None:
        return text + draft.place
    text += words.write_number(draft.number, style, rng) + draft.number_word + draft.estate
    bare = draft.number_word == "" and not draft.estate
    if draft.building is not None:
        text += ("-" if bare else "") + words.write_number(draft.building, style, rng) + draft.building_word
        bare = draft.building_word == ""
    for number, word in draft.finer:
        written = words.write_number(number, style, rng, room=word in ("室", "")) if isinstance(number, int) else number
        text += ("-" if bare else "") + written + word
        bare = word == ""
    return text
