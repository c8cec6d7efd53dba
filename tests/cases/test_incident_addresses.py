"""Incidents that come with an address only: placed by it, beside the others, and nobody sent on a guess."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest
from addresses_made import HOSTILE, TOWN, geocoder

import gridmap
from gridmap.address.place import locate_address
from gridmap.cases.incidents import Columns, Joiner
from gridmap.errors import InputError
from gridmap.scale.join import join_file

NAMED = ["person_id", "person", "answered_level"]


@pytest.fixture(scope="module")
def locator():
    return gridmap.Locator(gridmap.Plan.from_layers({"medium": TOWN / "communities.gpkg"}, code="code", name="name"))


@pytest.fixture(scope="module")
def roster():
    return gridmap.read_roster(TOWN / "roster.csv")


@pytest.fixture(scope="module")
def rows():
    """Give the town's incidents, every second without coordinates, and texts that are no address."""
    table = pd.read_csv(TOWN / "incidents.csv", dtype="str").head(60).drop(columns=["description"])
    hostile = pd.DataFrame({"address": [text.replace("\x00", "") for text in HOSTILE.values()]})
    vague = pd.DataFrame({"address": ["花山镇", "虹桥路", "虹桥路十三号1幢旁边"]})
    table = pd.concat([table, hostile, vague], ignore_index=True).set_index(
        pd.Index(range(500, 500 + 63 + len(hostile)))
    )
    table.loc[table.index[1:60:2], ["lon", "lat"]] = None
    table.loc[table.index[1:60:4], "lon"] = "120.3"  # half a coordinate is none
    table["reported_at"] = table["reported_at"].fillna("2026-05-01 08:00")
    return table.astype("str").where(table.notna())


@pytest.fixture(scope="module")
def joined(rows, locator, roster):
    return gridmap.join_incidents(rows, locator, roster, geocoder=geocoder())


def test_rows_with_coordinates_are_where_these_say_whatever_their_address(rows, joined, locator, roster):
    plain = gridmap.join_incidents(rows, locator, roster)
    pd.testing.assert_frame_equal(joined[list(rows.columns)], rows)
    with_point = pd.to_numeric(rows["lon"]).notna() & pd.to_numeric(rows["lat"]).notna()
    assert 20 < with_point.sum() < 40
    added = [name for name in plain.columns if name not in rows.columns]
    assert joined.loc[with_point, added].astype(object).equals(plain.loc[with_point, added].astype(object))
    assert joined.loc[with_point, ["geocode_type", "geocode_confidence", "needs_person"]].isna().all().all()


def test_rows_with_an_address_alone_are_where_that_is(rows, joined, locator, roster):
    asked = rows["lat"].isna() & rows["address"].fillna("").str.strip().ne("") | rows["lon"].eq("120.3")
    assert asked.sum() > 30
    named = {True: 0, False: 0}
    for row in joined[asked].itertuples():
        found = locate_address(geocoder(), locator, row.address)
        assert row.outcome == found.placement.outcome
        assert (row.geocode_type, row.geocode_confidence) == (found.geocoding.match_type, round(found.confidence, 6))
        assert dict(found.placement.chain) == ({"medium": row.medium} if isinstance(row.medium, str) else {})
        who = roster.responsible(found.placement, duty=None if pd.isna(row.type) else row.type,
                                 at=pd.Timestamp(row.reported_at))  # fmt: skip
        assert bool(row.needs_person) is found.needs_person
        if found.placement.outcome == "unresolved" or who is None:
            assert pd.isna(row.person_id)
        else:
            named[bool(row.needs_person)] += 1
            assert (row.person_id, row.person) == (who.person_id, who.name)
        assert found.placement.outcome == "matched" or " · " in row.reason
    assert named[False] > 15
    assert named[True] > 0


def test_what_names_no_place_is_unresolved_and_what_says_nothing_at_all_is_invalid(joined):
    vague = joined[joined["address"] == "花山镇"].iloc[0]
    assert (vague["outcome"], vague["geocode_type"]) == ("unresolved", "fallback")
    assert pd.isna(vague["person_id"])
    nothing = joined[joined["lat"].isna() & joined["address"].fillna("").str.strip().eq("")]
    assert len(nothing) >= 2
    assert set(nothing["outcome"]) == {"invalid"}
    assert nothing["geocode_type"].isna().all()


def test_a_table_of_addresses_alone_needs_no_coordinates(rows, locator):
    table = rows[["address"]].rename(columns={"address": "地址"}).dropna()
    found = gridmap.join_incidents(table, locator, geocoder=geocoder(), address="地址")
    assert found["outcome"].isin(["matched", "unresolved", "invalid", "ambiguous"]).all()
    assert found["medium"].notna().sum() > 40
    with pytest.raises(InputError, match="lon, lat"):
        gridmap.join_incidents(table, locator)
    with pytest.raises(InputError, match=r"'address'.*--address"):
        gridmap.join_incidents(table, locator, geocoder=geocoder())


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_file_is_joined_as_its_table_is(rows, joined, locator, roster, tmp_path, suffix):
    source, out = tmp_path / "in.csv", tmp_path / f"out{suffix}"
    rows.to_csv(source, index=False, encoding="gb18030")
    summary = join_file(source, locator, out, roster=roster, geocoder=geocoder(), piece_rows=7)
    assert summary.rows == len(rows) == sum(summary.by_outcome.values())
    assert dict(summary.by_outcome) == joined["outcome"].value_counts().loc[lambda n: n > 0].to_dict()
    found = (
        pd.read_csv(out, dtype=dict.fromkeys(["medium", *NAMED], "str")) if suffix == ".csv" else pd.read_parquet(out)
    )
    assert found["geocode_confidence"].dtype == np.float64
    np.testing.assert_array_equal(found["geocode_confidence"], joined["geocode_confidence"])
    assert found["needs_person"].astype("boolean").tolist() == joined["needs_person"].tolist()
    for name in ("medium", "outcome", "geocode_type", *NAMED):
        assert found[name].fillna("").tolist() == joined[name].astype(object).fillna("").tolist(), name


def test_a_join_that_is_sent_to_another_process_says_the_same(rows, joined, locator, roster):
    joiner = Joiner(locator, roster, Columns(address="address"), geocoder=geocoder())
    there = pickle.loads(pickle.dumps(joiner)).added(rows).as_frame()
    pd.testing.assert_frame_equal(there, joined[there.columns].reset_index(drop=True))


def test_a_join_with_other_addresses_is_another_join(rows, locator, tmp_path, monkeypatch):
    """What a stopped join left must not be gone on with under another index."""
    source, out = tmp_path / "in.csv", tmp_path / "out.csv"
    rows.to_csv(source, index=False)

    def stop(share, what):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        join_file(source, locator, out, geocoder=geocoder(), piece_rows=7, workers=1, progress=stop)
    with pytest.raises(InputError, match="options"):
        join_file(source, locator, out, piece_rows=7, workers=1, resume=True)
    assert join_file(source, locator, out, geocoder=geocoder(), piece_rows=7, resume=True).rows == len(rows)
