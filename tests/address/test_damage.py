"""The generator of the benchmark damages addresses at the rates it states, and keeps the truth."""

from __future__ import annotations

import ast
import importlib.util
import sys
import unicodedata
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

BENCH = Path(__file__).parents[1] / "bench"
TOWN = Path(__file__).parents[2] / "data" / "town"
REWORDED = {"suffix", "numerals", "character", "traditional", "landmark"}


def _load(name: str):
    spec = importlib.util.spec_from_file_location(name, BENCH / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


words = _load("addresses_words")
damage = _load("addresses_damage")


@pytest.fixture(scope="module")
def listed() -> pd.DataFrame:
    return pd.read_csv(TOWN / "addresses.csv", dtype={"estate": str})


@pytest.fixture(scope="module")
def landmarks(listed) -> pd.DataFrame:
    stations = gpd.read_file(TOWN / "stations.gpkg").drop_duplicates("name")
    return pd.DataFrame({"name": stations["name"], "lon": stations.geometry.x, "lat": stations.geometry.y,
                         "town": listed["town"].iloc[0]})  # fmt: skip


@pytest.fixture(scope="module")
def damaged(listed, landmarks):
    return damage.Damager(listed, landmarks, 1).damage_all(range(len(listed)))


def test_each_kind_befalls_addresses_at_its_rate(damaged):
    for kind, rate in damage.RATES.items():
        share = sum(kind in each.kinds for each in damaged) / len(damaged)
        four_sigma = 4 * (rate * (1 - rate) / len(damaged)) ** 0.5
        assert abs(share - rate) < four_sigma + 0.02 * rate, kind


def test_the_truth_is_kept(listed, damaged):
    for row, each in enumerate(damaged):
        truth = listed.loc[row]
        assert (each.row, each.lon, each.lat) == (row, truth["lon"], truth["lat"])
        if not each.kinds & REWORDED:
            assert f"{truth['street']}{truth['number']}号" in each.text
        assert ("town" in each.kinds) <= ("prefix" in each.kinds)


def test_a_town_is_left_out_only_where_one_door_is_named(listed, damaged):
    plates = listed[["town", "community", "street", "number"]].drop_duplicates().itertuples()
    doors = [(f"{door.street}{door.number}号", door.community) for door in plates]
    checked = 0
    for each in damaged:
        if "town" not in each.kinds or each.kinds & REWORDED:
            continue
        fitting = [community for plate, community in doors if plate in each.text]
        between = [community for community in fitting if community in each.text]
        assert len(between or fitting) == 1, each.text
        checked += 1
    assert checked > 50


def test_one_row_is_damaged_alike_whatever_else_is(listed, landmarks, damaged):
    again = damage.Damager(listed, landmarks, 1)
    assert [again.damage(row) for row in (700, 3, 41)] == [damaged[row] for row in (700, 3, 41)]
    other = damage.Damager(listed, landmarks, 2)
    assert any(other.damage(row).text != damaged[row].text for row in (700, 3, 41))


@settings(max_examples=50)
@given(st.integers(1, 9999))
def test_spoken_numbers_mean_what_they_say(number):
    total, digit = 0, 0
    for character in words.spoken(number):
        value = int(unicodedata.numeric(character))
        if value >= 10:
            total, digit = total + max(digit, 1) * value, 0
        else:
            digit = value
    assert total + digit == number
    assert "".join(str(int(unicodedata.numeric(each))) for each in words.by_digits(number)) == str(number)


def test_the_generator_shares_nothing_with_the_package():
    for path in BENCH.glob("addresses_*.py"):
        if path.stem not in ("addresses_damage", "addresses_words"):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            names = [each.name for each in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not any(name.split(".")[0] == "gridmap" for name in names), path
