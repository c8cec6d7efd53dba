"""Many points over HTTP: each gets what it would get alone, whatever stands beside it."""

from __future__ import annotations

import csv
import gzip
import io
import json

import numpy as np
import pandas as pd
import pytest
from api_made import TOWN
from shapes import assert_answer, assert_problem

import gridmap
from gridmap.api import limits

URL = "/v1/locate:batch"
TOWN_COLUMNS = {"duty_column": "type", "at_column": "reported_at"}


def post(client, body, **kwargs):
    return client.post(URL, json=body, **kwargs)


def post_csv(client, text, params=None, *, kind="text/csv", encoding="utf-8", **headers):
    return client.post(URL, content=text.encode(encoding), params=params, headers={"content-type": kind} | headers)


def rows_of(response):
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "text/csv; charset=utf-8"
    return list(csv.DictReader(io.StringIO(response.content.decode("utf-8-sig"))))


def some_points(plan, n=120):
    """Points of every kind: in several systems, with and without accuracy, duty and time."""
    rng = np.random.default_rng(3)
    west, south, east, north = plan["small"].total_bounds
    found = []
    for lon, lat in zip(rng.uniform(west, east, n).tolist(), rng.uniform(south, north, n).tolist(), strict=True):
        point = {"lon": lon, "lat": lat}
        for name, values in {
            "crs": ["wgs84", "gcj02", "bd09", 4490, "mars", None],
            "accuracy_m": [None, 0, 12.5, 300],
            "duty": [None, "E0203", "P0101", ""],
            "at": [None, "2026-02-01", "2026-05-01T08:00:00+08:00"],
        }.items():
            if rng.random() < 0.7:
                point[name] = values[rng.integers(len(values))]
        found.append(point)
    return found


def test_every_point_gets_what_it_gets_alone(client, plan):
    points = some_points(plan)
    said = assert_answer(post(client, {"points": points, "at": "2026-04-01"}))
    assert said["count"] == len(points) == sum(said["by_outcome"].values())
    assert {each["outcome"] for each in said["results"]} >= {"matched", "ambiguous", "outside", "invalid"}
    for point, found in zip(points, said["results"], strict=True):
        params = {"at": "2026-04-01"} | {name: value for name, value in point.items() if value is not None}
        if params.get("crs") == "mars":  # the system of an item is part of its point, that of a query is a parameter
            assert (found["outcome"], "mars" in found["reason"]) == ("invalid", True)
            continue
        alone = assert_answer(client.get("/v1/locate", params=params))
        assert {name: found[name] for name in ("outcome", "reason", "chain", "candidates")} == {
            name: alone[name] for name in ("outcome", "reason", "chain", "candidates")
        }
        assert found["responsible"] == {name: alone["responsible"][name] for name in found["responsible"]}


def test_without_a_roster_every_point_says_so(bare, plan):
    said = assert_answer(post(bare, {"points": some_points(plan, 9)}))
    assert {each["responsible"]["outcome"] for each in said["results"]} == {"no_roster"}


def test_defaults_hold_for_points_that_do_not_say_otherwise(client, plan):
    point = plan["small"].geometry.iloc[0].representative_point()
    points = [{"lon": point.x, "lat": point.y}, {"lon": point.x, "lat": point.y, "crs": "wgs84", "duty": "P0101"}]
    said = post(client, {"points": points, "crs": "mars", "duty": "E0203", "at": "2026-05-01"}).json()["results"]
    assert "mars" in said[0]["reason"]
    assert said[1]["responsible"]["level"] == "medium"  # only E0203 is held in the small grid


def test_ids_come_back_as_they_were(client):
    ids = ["SJ-1", 7, None, {"a": [1]}, "</script>"]
    said = post(client, {"points": [{"lon": 120.4, "lat": 31.5, "id": each} for each in ids]}).json()["results"]
    assert [each.get("id") for each in said] == ids
    assert "id" not in said[2]


def test_a_bad_point_is_an_outcome_of_its_own(client, plan):
    good = plan["small"].geometry.iloc[0].representative_point()
    bad = [
        None, 7, "x", [], {}, {"lon": 120.4}, {"lon": "120.4", "lat": 31.5}, {"lon": True, "lat": 31.5},
        {"lon": {}, "lat": 31.5}, {"lon": good.y, "lat": good.x}, {"lon": 120.4, "lat": 31.5, "crs": [1]},
        {"lon": 120.4, "lat": 31.5, "accuracy_m": -1}, {"lon": 120.4, "lat": 31.5, "accuracy_m": "15"},
        {"lon": 120.4, "lat": 31.5, "accuracy_m": 5001}, {"lon": 10**30, "lat": 31.5},
        {"lon": 120.4, "lat": 31.5, "crs": json.loads("[" * 900 + "]" * 900)},
    ]  # fmt: skip
    said = assert_answer(post(client, {"points": [*bad, {"lon": good.x, "lat": good.y}]}))["results"]
    assert [each["outcome"] for each in said] == ["invalid"] * len(bad) + ["matched"]
    assert all(" · " in each["reason"] for each in said[:-1])


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e400", "-1e400", "1" + "0" * 400])
@pytest.mark.parametrize("name", ["lon", "lat", "accuracy_m"])
def test_what_is_no_finite_number_is_a_bad_point_and_not_a_bad_batch(client, plan, number, name):
    good = plan["small"].geometry.iloc[0].representative_point()
    values = {"lon": repr(good.x), "lat": repr(good.y), "accuracy_m": "0", "id": "123"}
    fine, bad = (
        "{" + ",".join(f'"{k}":{v}' for k, v in each.items()) + "}" for each in (values, values | {name: number})
    )
    response = client.post(URL, content=f'{{"points":[{bad},{fine}]}}', headers={"content-type": "application/json"})
    said = assert_answer(response)["results"]
    unknown = name == "accuracy_m" and number == "NaN"  # as a table has it where it is not known
    assert [each["outcome"] for each in said] == ["matched" if unknown else "invalid", "matched"]
    assert [each["id"] for each in said] == [123, 123]


def test_a_time_that_cannot_be_read_names_nobody_and_says_why(client, plan):
    point = plan["small"].geometry.iloc[0].representative_point()
    said = post(client, {"points": [{"lon": point.x, "lat": point.y, "at": "05/06/2026"}]}).json()["results"][0]
    assert said["outcome"] == "matched"
    assert said["responsible"]["outcome"] == "no_time"
    assert "05/06/2026" in said["reason"]


@pytest.mark.parametrize("points", [0, 1])
def test_few_points_are_a_batch_too(client, points):
    assert assert_answer(post(client, {"points": [{"lon": 1, "lat": 2}] * points}))["count"] == points


@pytest.mark.parametrize(
    "body",
    [
        '{"points": [1e400, {"id": "\\ud800"}]}', '{"points": [{"id": ' + "[" * 300 + "]" * 300 + "}]}",
        "", "{", "[]", "7", "null", '{"points": 7}', '{"points": {}}', '{"lon": 1, "lat": 2}', "[" * 5000, "\xff",
    ],
)  # fmt: skip
def test_what_is_no_batch_is_refused(client, body):
    response = client.post(URL, content=body.encode("latin-1"), headers={"content-type": "application/json"})
    assert_problem(response, 422, "input")


@pytest.mark.parametrize(
    ("name", "value"),
    [("crs", None), ("duty", 7), ("at", "tomorrow"), ("accuracy_m", -1), ("accuracy_m", 1e9), ("x", 1)],
)
def test_defaults_that_cannot_be_used_are_named(client, name, value):
    assert name in assert_problem(post(client, {"points": [], name: value}), 422, "input")["detail"]


def test_more_than_the_most_points_are_refused(client):
    most = post(client, {"points": [{}] * limits.MOST_POINTS})
    assert most.json()["by_outcome"]["invalid"] == limits.MOST_POINTS
    for response in (
        post(client, {"points": [{}] * (limits.MOST_POINTS + 1)}),
        post_csv(client, "lon,lat\n" + "1,2\n" * (limits.MOST_POINTS + 1)),
    ):
        assert "100,000" in assert_problem(response, 413, "too-large")["detail"]


@pytest.mark.parametrize("chunked", [False, True])
def test_bodies_are_bounded_whatever_they_say_of_their_length(client, chunked):
    piece = b" " * (1 << 20)
    pieces = (piece for _ in range((limits.MOST_BYTES >> 20) + 1))
    response = client.post(
        URL, content=pieces if chunked else b"".join(pieces), headers={"content-type": "application/json"}
    )
    assert f"{limits.MOST_BYTES:,}" in assert_problem(response, 413, "too-large")["detail"]


def test_systems_of_a_batch_are_bounded(client):
    points = [{"lon": 120.4, "lat": 31.5, "crs": f"EPSG:{k}"} for k in range(limits.MOST_SYSTEMS + 1)]
    assert str(limits.MOST_SYSTEMS) in assert_problem(post(client, {"points": points}), 413, "too-large")["detail"]


def test_discs_of_a_batch_are_bounded(client):
    points = [{"lon": 120.4, "lat": 31.5, "accuracy_m": 5000}] * 4001
    assert "4,000" in assert_problem(post(client, {"points": points}), 413, "too-large")["detail"]


@pytest.mark.parametrize("kind", [None, "text/plain", "multipart/form-data", "application/xml"])
def test_other_bodies_are_refused(client, kind):
    response = client.post(URL, content=b"x", headers={} if kind is None else {"content-type": kind})
    assert "text/csv" in assert_problem(response, 415, "media-type")["detail"]


def test_a_compressed_body_is_refused(client):
    body = gzip.compress(json.dumps({"points": []}).encode())
    response = client.post(URL, content=body, headers={"content-type": "application/json", "content-encoding": "gzip"})
    assert_problem(response, 415, "media-type")


def test_columns_are_for_csv(client):
    assert (
        "lon_column" in assert_problem(post(client, {"points": []}, params={"lon_column": "x"}), 422, "input")["detail"]
    )


@pytest.mark.parametrize("encoding", ["gbk", "utf-8", "utf-8-sig", "utf-16"])
def test_csv_of_an_office_comes_back_with_the_answers_beside_it(client, plan, encoding):
    point = plan["small"].geometry.iloc[0].representative_point()
    text = (
        f'编号,经度,纬度,坐标系,描述\n007,{point.x!r},{point.y!r},wgs84,"路面, ""破损"""\n008,东,{point.y!r},wgs84,\n'
    )
    params = {"lon_column": "经度", "lat_column": "纬度", "crs_column": "坐标系"}
    first, second = rows_of(post_csv(client, text, params, encoding=encoding))
    assert list(first) == [
        "编号", "经度", "纬度", "坐标系", "描述", "large", "medium", "small", "micro", "outcome", "reason", "person_id",
        "person", "answered_level", "plan_version",
    ]  # fmt: skip
    assert (first["编号"], first["经度"], first["描述"]) == ("007", repr(point.x), '路面, "破损"')
    assert (first["outcome"], first["small"], first["person"]) == ("matched", plan["small"].index[0], "上***")
    assert (second["outcome"], second["small"], second["person"]) == ("invalid", "", "")
    assert second["reason"]


def test_a_stated_charset_is_believed(client):
    row = rows_of(post_csv(client, "lon,lat,描述\n1,2,网格\n", kind="text/csv; charset=GBK", encoding="gbk"))[0]
    assert row["描述"] == "网格"


def test_a_csv_without_a_column_of_systems_is_in_the_one_that_is_stated(client, source):
    west, south, east, north = source.plan["small"].total_bounds
    lon, lat = float(west + east) / 2, float(south + north) / 2
    for crs in ("wgs84", "gcj02", "bd09"):
        row = rows_of(post_csv(client, f"lon,lat\n{lon!r},{lat!r}\n", {"crs": crs}))[0]
        assert row["small"] == source.locator.locate(lon, lat, crs=crs).chain["small"]
    assert "mars" in assert_problem(post_csv(client, "lon,lat\n1,2\n", {"crs": "mars"}), 422, "crs")["detail"]


def test_csv_becomes_json_where_that_is_asked_for(client):
    response = post_csv(client, "lon,lat\n120.4,31.5\n", accept="application/json, text/csv;q=0.5")
    assert assert_answer(response)["count"] == 1


def test_csv_equals_gridmap_join(town_client, town, town_files):
    """The town's incidents: four coordinate systems, some unusable on purpose."""
    text = (TOWN / "incidents.csv").read_text(encoding="utf-8-sig")
    rows = rows_of(post_csv(town_client, text, TOWN_COLUMNS))
    joined = gridmap.join_incidents(
        pd.read_csv(TOWN / "incidents.csv", dtype="str"), town.locator, gridmap.read_roster(town_files[1])
    )
    assert len(rows) == len(joined)
    assert set(joined["outcome"]) >= {"matched", "invalid"}
    for name in ("medium", "outcome", "reason", "person_id", "person", "answered_level", "plan_version"):
        assert [row[name] for row in rows] == joined[name].astype(object).fillna("").tolist(), name


def test_csv_and_json_answer_the_same(client, plan):
    points = [point | {"crs": point.get("crs") or "wgs84"} for point in some_points(plan)]
    said = post(client, {"points": points, "at": "2026-05-01"}).json()["results"]
    table = pd.DataFrame(points).assign(at=lambda frame: frame["at"].fillna("2026-05-01"))
    answered = post_csv(client, table.to_csv(index=False), accept="application/json").json()["results"]
    assert answered == said


def test_who_reported_is_masked_in_csv(client):
    row = rows_of(post_csv(client, "lon,lat,联系人,手机\n120.4,31.5,欧阳清风,13911112222\n"))[0]
    assert (row["联系人"], row["手机"]) == ("欧***", "139****2222")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "CSV"),
        ("x,y\n1,2\n", "lon, lat"),
        ("lon,lat,lon\n1,2,3\n", "more than once"),
        ("lon,lat\n1,2,3\n", "CSV"),
        ("lon,lat\n1,2\n1,2,3,4\n", "line 3"),
        ('lon,lat\n1,"2\n', "CSV"),
        ("lon,lat,outcome\n1,2,matched\n", "outcome"),
    ],
)
def test_csv_that_is_no_table_is_refused(client, text, said):
    assert said in assert_problem(post_csv(client, text), 422, "input")["detail"]


@pytest.mark.parametrize("charset", ["klingon", "ascii"])
def test_a_charset_that_does_not_fit_is_refused(client, charset):
    response = post_csv(client, "lon,lat,描述\n1,2,网格\n", kind=f"text/csv; charset={charset}")
    assert_problem(response, 422, "input")


def test_an_empty_table_comes_back_empty(client):
    response = post_csv(client, "lon,lat\n")
    assert rows_of(response) == []
    assert response.text.lstrip("\ufeff").startswith("lon,lat,large")
