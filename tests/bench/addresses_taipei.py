"""The door plates of a Taipei district: each written three ways, and each asked for where it is not listed.

The list has no positions; every plate is given one along its road, lane and alley, eight metres a number, odd and even
on two sides, so that neighbours are near and a wrong number is not the right place.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable, Iterable

import addresses_peers as peers
import addresses_speed as speed
import addresses_words as words
import numpy as np
import pandas as pd
import zhconv
from bench import SHARED, Bars, out, print_table

import gridmap

FOLDS = 5
SURE = 0.9
METRE = 1 / 111_200
COMPARED, TRIED = 200, 60
"""Plates that peers are asked for too, each way; texts that the best of their ways is chosen by."""
SHOWN = 5
"""Examples that are printed."""
Build = Callable[[pd.DataFrame], gridmap.Geocoder]


def read_plates() -> pd.DataFrame:
    """Return the plates: ``town, street, lane, alley, number, lon, lat``, and how they are compared.

    ``address`` as written in the list; ``same`` is equal for spellings of one plate (厦門街 and 廈門街, a full stop
    behind); ``door`` is the plate without its floor.
    """
    listed = pd.read_csv(SHARED / "taipei" / "doorplates_zhongzheng.csv.gz", dtype=str).fillna("")
    plates = listed.rename(columns={"行政區": "town", "路名": "street", "巷": "lane", "弄": "alley", "號": "number"})
    plates = plates[["town", "street", "lane", "alley", "number"]]
    plates["address"] = plates.agg("".join, axis=1)
    plates["same"] = [_plain(each) for each in plates["address"]]
    street = [_plain(each) for each in plates["street"]]
    ends = plates["number"].str.extract(r"^(.*?號)")[0]
    plates["door"] = [*zip(street, plates["lane"], plates["alley"], ends, strict=True)]
    plates["lon"], plates["lat"] = _places(plates)
    return plates


def _plain(text: str) -> str:
    return re.sub(r"\W", "", zhconv.convert(unicodedata.normalize("NFKC", text), "zh-hans"))


def _places(plates: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Return where each plate is put: roads lie side by side, lanes turn off them, alleys off the lanes."""
    road = plates["street"].astype("category").cat.codes.to_numpy()
    lane, alley = (_first_number(plates[each]) for each in ("lane", "alley"))
    door = _first_number(plates["number"])
    sub = plates["number"].str.extract(r"之(\d+)號")[0].fillna("0").astype(int).to_numpy()
    along, out_m = np.zeros(len(plates)), np.zeros(len(plates))
    in_lane, in_alley = lane > 0, alley > 0
    number_m, side_m = 8.0 * door + 0.8 * sub, np.where(door % 2, 8.0, -8.0)
    plain = ~in_lane & ~in_alley
    along[plain], out_m[plain] = number_m[plain], side_m[plain]
    mid = in_lane & ~in_alley
    along[mid], out_m[mid] = (8.0 * lane + 0.5 * side_m)[mid], (20.0 + number_m)[mid]
    deep = in_alley
    along[deep], out_m[deep] = (8.0 * lane + 20.0 + number_m)[deep], (20.0 + 8.0 * alley + 0.5 * side_m)[deep]
    lat = 25.03 + (road * 600.0 + out_m) * METRE
    return 121.51 + along * METRE / math.cos(math.radians(25.03)), lat


def _first_number(texts: pd.Series) -> np.ndarray:
    return texts.str.extract(r"(\d+)")[0].fillna("0").astype(int).to_numpy()


def with_spoken_numerals(address: str) -> str:
    """Write a plate as it is read.

    >>> with_spoken_numerals("中正區和平西路一段71巷3號二樓之5")
    '中正區和平西路一段七十一巷三號二樓之五'
    """
    return re.sub(r"\d+", lambda found: words.spoken(int(found[0])), address)


def simplified(address: str) -> str:
    """Write a plate in simplified characters."""
    return zhconv.convert(address, "zh-hans")


def without_lane_word(plate: object, taken: set[tuple[str, str, str, str]]) -> str:
    """Write a plate without the word of its lane and alley: 71-3號, 71 3號.

    Half are written with a dash, but none where a plate 71之3號 is listed too, which that would mean. A plate in no
    lane is written as listed.
    """
    street, lane, alley, number = plate.door
    others = {(street, "", "", f"{lane[:-1]}之{number}"), (street, lane, "", f"{alley[:-1]}之{number}")}
    gap = " " if others & taken or (plate.Index // 10 + plate.Index) % 2 else "-"
    lane = plate.lane[:-1] + gap if plate.lane.endswith("巷") else plate.lane
    alley = plate.alley[:-1] + gap if lane != plate.lane and plate.alley.endswith("弄") else plate.alley
    return plate.town + plate.street + lane + alley + plate.number


def three_ways(plates: pd.DataFrame, listed: pd.DataFrame) -> dict[str, list[str]]:
    """Return plates of a list written in each of the three ways."""
    taken = set(listed["door"])
    return {
        "spoken numerals": [with_spoken_numerals(each) for each in plates["address"]],
        "simplified characters": [simplified(each) for each in plates["address"]],
        "without lane word": [without_lane_word(each, taken) for each in plates.itertuples()],
    }


def answers_of(geocoder: gridmap.Geocoder, texts: Iterable[str]) -> pd.DataFrame:
    """Ask for each text: ``plain`` (the address answered, as ``same``), ``match_type`` and ``confidence``."""
    found = [geocoder.geocode(text) for text in texts]
    rows = [(_plain(each.address), each.match_type, each.confidence) for each in found]
    return pd.DataFrame(rows, columns=["plain", "match_type", "confidence"])


def go_taipei(build: Build, bars: Bars, *, quick: bool) -> None:
    """Run both: written three ways, and left out of the list."""
    plates = read_plates()
    _written_three_ways(build, plates.iloc[:: 10 if quick else 1], plates, bars)
    _left_out(build, plates, bars, folds=1 if quick else FOLDS)
    _beside_peers(build, plates, COMPARED // 5 if quick else COMPARED)


def _beside_peers(build: Build, plates: pd.DataFrame, count: int) -> None:
    """Ask a part of the plates, each way, of a ``pg_trgm`` search and of a rapidfuzz scan over the same list too."""
    asked = plates.iloc[:: len(plates) // count]
    written = three_ways(asked, plates)
    texts, same = [each for way in written.values() for each in way], [*asked["same"]] * len(written)
    listed, plain, geocoder = plates["address"].tolist(), plates["same"].to_numpy(), build(plates)

    def right(rows: np.ndarray) -> np.ndarray:
        return (rows >= 0) & (plain[rows] == np.array(same[: len(rows)], dtype=object))

    with speed.one_core():
        found = answers_of(geocoder, texts)
        per_s = len(texts) / speed.core_seconds(lambda: [geocoder.geocode(text) for text in texts])
        ours = found["plain"].to_numpy() == np.array(same, dtype=object)
        rows = [("gridmap", ours, found["confidence"].to_numpy() >= SURE, per_s)]
        tried = texts[:: max(1, len(texts) // TRIED)]
        truth = same[:: max(1, len(texts) // TRIED)]

        def right_of_tried(rows: np.ndarray) -> np.ndarray:
            return (rows >= 0) & (plain[rows] == np.array(truth, dtype=object))

        way, _ = peers.best_way(listed, tried, right_of_tried, per_s)
        with peers.trigrams(listed) as opened:
            trigram = peers.ask(opened(way), texts)
        scorer, _ = peers.best_scorer(listed, tried, right_of_tried, per_s)
        scanned = peers.ask(peers.scan(listed, scorer), texts)
    for name, answers in ((f"pg_trgm, {way}", trigram), (f"rapidfuzz, {scorer}", scanned)):
        rows.append((name, right(answers.rows), answers.scores >= SURE, answers.per_s))
    lines = [
        (
            name,
            f"{good.mean():.1%}",
            f"{sure.mean():.1%}",
            f"{(sure & ~good).sum() / max(sure.sum(), 1):.2%}",
            f"{per:,.1f}",
        )
        for name, good, sure, per in rows
    ]
    columns = ("", "the very plate", "at ≥ 0.9", "wrong at ≥ 0.9", "look-ups/s")
    print_table(f"{len(texts):,} of the plates, written three ways; 0.9 of each one's own scale", columns, lines)


def _written_three_ways(build: Build, asked: pd.DataFrame, plates: pd.DataFrame, bars: Bars) -> None:
    geocoder = build(plates)
    in_lane = asked["lane"].ne("").to_numpy()
    rows = []
    for way, texts in three_ways(asked, plates).items():
        found = answers_of(geocoder, texts)
        right = found["plain"].to_numpy() == asked["same"].to_numpy()
        sure = found["confidence"].to_numpy() >= SURE
        shares = (f"{right.mean():.3%}", f"{right[in_lane].mean():.3%}", f"{sure.mean():.1%}")
        rows.append((way, f"{len(asked):,}", *shares, f"{(sure & ~right).sum():,}"))
        bars.at_least("plates found again", f"Taipei, {way}", 100 * right.mean(), 100, "%")
        for at in np.flatnonzero(~right)[:SHOWN]:
            out.print(f"  {texts[at]} → {found['plain'][at] or 'nothing'} ({found['confidence'][at]:.3f})")
    columns = ("written", "plates", "found again", "of those in lanes", "at ≥ 0.9", "wrong at ≥ 0.9")
    print_table("Taipei door plates", columns, rows)


def _left_out(build: Build, plates: pd.DataFrame, bars: Bars, folds: int) -> None:
    """Ask for plates that are not listed: once each plate alone is left out, once its door with all floors."""
    door_number = pd.factorize(plates["door"])[0]
    rng = np.random.default_rng(3)
    groups = {
        "each plate": rng.integers(0, FOLDS, len(plates)),
        "its door, all floors": rng.integers(0, FOLDS, door_number.max() + 1)[door_number],
    }
    rows = []
    for what, fold in groups.items():
        tally = sum((_one_fold(build, plates, fold == each) for each in range(folds)), np.zeros(5, dtype=int))
        rows.append((what, *(f"{each:,}" for each in tally)))
        bars.at_most("a neighbour at ≥ 0.9", f"Taipei, left out: {what}", int(tally[4]), 0, "")
    columns = ("left out", "asked", "at ≥ 0.9", "of the same door", "road or coarser", "a neighbour")
    print_table("Taipei door plates that are not listed", columns, rows)


def _one_fold(build: Build, plates: pd.DataFrame, gone: np.ndarray) -> np.ndarray:
    """Return how many are asked, answered at 0.9 or more, and of these of the same door, without a door, wrong."""
    kept = plates[~gone].reset_index(drop=True)
    # another spelling of the same plate may be listed still
    asked = plates[gone & ~plates["same"].isin(set(kept["same"])).to_numpy()]
    found = answers_of(build(kept), asked["address"])
    sure = found["confidence"].to_numpy() >= SURE
    door = sure & found["plain"].str.contains("号").to_numpy()
    own = asked["town"] + asked["door"].map("".join)
    named = np.array([answer.startswith(_plain(each)) for answer, each in zip(found["plain"], own, strict=True)])
    # by its own name a door that is not listed can only have been given a neighbour's place
    same = named & asked["door"].isin(set(kept["door"])).to_numpy()
    wrong = door & ~same
    for at in np.flatnonzero(wrong)[:SHOWN]:
        answer = found.iloc[at]
        out.print(f"  {asked['address'].iloc[at]} → {answer.plain} ({answer.match_type}, {answer.confidence:.3f})")
    return np.array([len(asked), sure.sum(), (door & same).sum(), (sure & ~door).sum(), wrong.sum()])
