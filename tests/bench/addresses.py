"""``make bench-addresses``: addresses to grids, the way people write them, against ``pg_trgm`` and a rapidfuzz scan.

Right is an answer whose likeliest grid (finest tiling level) is that of the true row, also where several are named and
a person is asked; confidence is that of the grid. Parts: ``county`` (20,000 damaged addresses of the sample county),
``left-out`` (the same where the asked rows are not listed), ``taipei``, ``peers``, ``speed``. ``--calibrate`` asks the
training addresses instead and prints what confidence is calibrated with; no tested address is among them.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import addresses_calibrate as calibration
import addresses_data as data
import addresses_peers as peers
import addresses_speed as speed
import addresses_taipei as taipei
import numpy as np
import pandas as pd
from addresses_damage import LANDMARK_M, METRE, RATES, Damaged
from addresses_ours import Ours, build
from bench import CACHE, Bars, out, print_table, short

PARTS = ("county", "left-out", "taipei", "peers", "speed")
SURE = 0.9
LEFT_OUT = 4_000
ASKED_PG, ASKED_SCAN, TRIED = 2_000, 1_000, 200
EXAMPLES = 10


@dataclass(frozen=True, eq=False)
class Judged:
    """Answers and whether they are right.

    Parameters
    ----------
    asked
        What was asked.
    answers
        ``grid, confidence, outcome, match_type, address, point_confidence, point_grid``, a row each.
    truth
        The true grid of each.
    """

    asked: Sequence[Damaged]
    answers: pd.DataFrame
    truth: np.ndarray

    @property
    def right(self) -> np.ndarray:
        """Whether the likeliest grid is the true one."""
        return self.answers["grid"].to_numpy() == self.truth

    @property
    def sure(self) -> np.ndarray:
        """Whether the answer is given at 0.9 or more."""
        return self.answers["confidence"].to_numpy() >= SURE

    @property
    def wrong(self) -> float:
        """Share of wrong ones among those given at 0.9 or more."""
        return float((self.sure & ~self.right).sum() / max(self.sure.sum(), 1))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer of everything, and no list of five million")
    parser.add_argument("--part", action="append", choices=PARTS)
    parser.add_argument("--calibrate", action="store_true", help="ask the training addresses; print raw against right")
    parser.add_argument("--examples", type=Path, help="write wrong answers by kind of damage to this file")
    options = parser.parse_args()
    county, bars = data.sample_county(), Bars()
    if options.calibrate:
        calibration.calibrate(county, build_county(county), 3_000 if options.quick else data.TESTED)
        return 0
    run: dict[str, Callable[[], None]] = {
        "county": lambda: _county(county, bars, options),
        "left-out": lambda: _left_out(county, options),
        "taipei": lambda: taipei.go_taipei(lambda plates: build(plates), bars, quick=options.quick),
        "peers": lambda: _peers(county, bars),
        "speed": lambda: speed.go_speed(county.listed, bars, quick=options.quick),
    }
    for part in options.part or PARTS:
        run[part]()
    return bars.print()


def build_county(county: data.County, without: Sequence[int] = ()) -> Ours:
    """Return the geocoder of the sample county's list and places, rows left out or not."""
    listed = county.listed.drop(index=list(without)).reset_index(drop=True)
    return Ours(build(listed, county=county.folder), county.locator)


def judge(county: data.County, ours: Ours, asked: Sequence[Damaged]) -> Judged:
    """Ask all."""
    return Judged(asked, ours.ask(data.texts_of(asked)), county.grids[[each.row for each in asked]])


def _county(county: data.County, bars: Bars, options: argparse.Namespace) -> None:
    ours, count = build_county(county), 2_000 if options.quick else data.TESTED
    judged = judge(county, ours, county.tested(count))
    print_by_kind(f"{count:,} damaged addresses of the sample county", judged)
    _print_by_match(judged)
    out.print(f"at best, by who knows the list by heart: {_at_best(county, judged.asked):.2%} right")
    calibration.draw_reliability(
        {
            "grid": (judged.answers["confidence"].to_numpy(), judged.right),
            "point": (
                judged.answers["point_confidence"].to_numpy(),
                judged.answers["point_grid"].to_numpy() == judged.truth,
            ),
        },
        CACHE / "addresses_reliability.png",
    )
    bars.at_least("in the right grid", "damaged addresses", 100 * judged.right.mean(), 98, "%")
    bars.at_most("wrong among those at ≥ 0.9", "damaged addresses", 100 * judged.wrong, 0.1, "%")
    bars.at_least("given at ≥ 0.9", "damaged addresses", 100 * judged.sure.mean(), 85, "%")
    blind = judge(county, ours, county.tested(count // 4, blind_town=True))
    print_by_kind("the town left out blindly (no bar: hamlets of one name are everywhere)", blind)
    if options.examples:
        _write_examples(county, judged, options.examples, "w")


def _left_out(county: data.County, options: argparse.Namespace) -> None:
    """Ask for addresses that are not listed: their neighbours are, and what is said of them is interpolated."""
    asked = county.tested(1_000 if options.quick else LEFT_OUT)
    ours = build_county(county, [each.row for each in asked])
    judged = judge(county, ours, asked)
    print_by_kind(f"{len(asked):,} damaged addresses that are not listed (no bar)", judged)
    _print_by_match(judged)
    if options.examples:
        _write_examples(county, judged, options.examples, "a")


def print_by_kind(title: str, judged: Judged) -> None:
    """Print right and sure by kind of damage; several kinds at once count under each."""
    kinds = [each.kinds for each in judged.asked]
    groups = {"all": np.ones(len(kinds), dtype=bool), "none": np.array([not each for each in kinds])}
    groups |= {kind: np.array([kind in each for each in kinds]) for kind in (*RATES, "town")}
    rows = [_line(name, judged, inside) for name, inside in groups.items()]
    several = np.array([len(each - {"town"}) for each in kinds])
    rows += [_line(f"{count} at once", judged, several == count) for count in range(2, 6)]
    columns = ("damage", "n", "right", "at ≥ 0.9", "wrong at ≥ 0.9", "", "one grid given", "a person asked")
    print_table(title, columns, rows)


def _print_by_match(judged: Judged) -> None:
    matches = judged.answers["match_type"].replace("", "none")
    rows = [_line(name, judged, (matches == name).to_numpy()) for name in matches.value_counts().index]
    columns = ("match_type", "n", "right", "at ≥ 0.9", "wrong at ≥ 0.9", "", "one grid given", "a person asked")
    print_table("by what was found", columns, rows)


def _line(name: str, judged: Judged, inside: np.ndarray) -> tuple[str, ...]:
    count = int(inside.sum())
    right, sure = judged.right[inside], judged.sure[inside]
    wrong, given = int((sure & ~right).sum()), judged.answers["outcome"].to_numpy()[inside] == "matched"
    person = judged.answers["needs_person"].to_numpy()[inside]
    if not count:
        return (name, "0", *[""] * 6)
    shares = (right.mean(), sure.mean(), wrong / max(sure.sum(), 1), given.mean(), person.mean())
    said = [f"{each:.2%}" for each in shares]
    return name, f"{count:,}", said[0], said[1], said[2], f"{wrong}", said[3], said[4]


def _at_best(county: data.County, asked: Sequence[Damaged]) -> float:
    """Return the share of addresses that are right if nothing is misread and no doubt is settled by chance.

    Without its building a plate is in the grid of most of its buildings; beside a landmark an address is in the grid of
    most addresses of its street within reach of the landmark.
    """
    listed = county.listed
    streets = listed["town"] + listed["community"] + listed["street"]
    of_street = streets.groupby(streets).indices
    of_plate = streets.groupby(streets + listed["number"]).indices
    metres = np.array([np.cos(np.radians(listed["lat"].mean())), 1.0]) / METRE
    right = 0
    for each in asked:
        street = streets[each.row]
        rows = np.array([each.row])
        if each.landmark is not None:
            rows = of_street[street]
            away = (listed[["lon", "lat"]].to_numpy()[rows] - each.landmark) * metres
            rows = rows[np.hypot(*away.T) <= LANDMARK_M]
        elif each.coarse:
            rows = of_plate[street + listed["number"][each.row]]
        right += pd.Series(county.grids[rows]).value_counts().index[0] == county.grids[each.row]
    return right / len(asked)


def _write_examples(county: data.County, judged: Judged, path: Path, mode: str) -> None:
    """Write wrong answers by kind: first those that were sure, then the surest of the others."""
    lines = []
    order = np.lexsort([-judged.answers["confidence"].to_numpy(), ~judged.sure])
    wrong = [at for at in order if not judged.right[at]]
    for kind in (*RATES, "town", "none"):
        of_kind = [
            at for at in wrong if kind in judged.asked[at].kinds or (kind == "none" and not judged.asked[at].kinds)
        ]
        lines.append(f"## {kind}: {len(of_kind)} wrong, {sum(judged.sure[at] for at in of_kind)} of them at ≥ 0.9")
        for at in of_kind[:EXAMPLES]:
            asked, answer = judged.asked[at], judged.answers.iloc[at]
            lines.append(
                f"{asked.text}\n    meant {county.listed['address'][asked.row]} ({judged.truth[at]}); answered "
                f"{answer.address or '-'} ({answer.grid or '-'}), {answer.match_type or '-'}, {answer.outcome}, "
                f"confidence {answer.confidence:.3f}; {' '.join(sorted(asked.kinds))}"
            )
    with path.open(mode, encoding="utf-8") as file:
        file.write("\n".join([f"# {len(judged.asked):,} asked", *lines, ""]))
    out.print(f"examples: {path}")


def _peers(county: data.County, bars: Bars) -> None:
    """Compare with the peers on tested addresses: in the right grid, and wrong though sure."""
    addresses = county.listed["address"].tolist()
    asked = county.tested(ASKED_PG)
    texts, truth = data.texts_of(asked), county.grids[[each.row for each in asked]]

    def right(rows: np.ndarray) -> np.ndarray:
        return (rows >= 0) & (county.grids[rows] == truth[: len(rows)])

    ours = build_county(county)
    judged = judge(county, ours, asked)
    rows = [("gridmap", len(texts), judged.right.mean(), judged.sure, judged.right)]
    with speed.one_core():
        per_s = len(texts) / speed.core_seconds(lambda: [ours.geocoder.geocode(text) for text in texts])
        way, _ = peers.best_way(addresses, texts[:TRIED], right, per_s)
        with peers.trigrams(addresses) as opened:
            trigram = peers.ask(opened(way), texts)
        scorer, _ = peers.best_scorer(addresses, texts[:TRIED], right, per_s)
        scanned = peers.ask(peers.scan(addresses, scorer), texts[:ASKED_SCAN])
    for name, found in ((f"pg_trgm, {way}", trigram), (f"rapidfuzz, {scorer}", scanned)):
        good = right(found.rows)
        rows.append((name, len(found.rows), good.mean(), found.scores >= SURE, good))
    lines = [
        (name, f"{count:,}", f"{share:.2%}", f"{sure.mean():.1%}", f"{(sure & ~good).sum() / max(sure.sum(), 1):.2%}")
        for name, count, share, sure, good in rows
    ]
    columns = ("", "asked", "in the right grid", "at ≥ 0.9", "wrong at ≥ 0.9")
    print_table("the same list, the same damaged addresses; 0.9 of each one's own scale", columns, lines)
    out.print(f"look-ups/s: {short(per_s)}, {short(trigram.per_s)} and {short(scanned.per_s)}")
    bars.at_least("right share, less pg_trgm's", "damaged addresses", 100 * (rows[0][2] - rows[1][2]), 0, "points")
    bars.at_least("right share, less rapidfuzz's", "damaged addresses", 100 * (rows[0][2] - rows[2][2]), 0, "points")


if __name__ == "__main__":
    sys.exit(main())
