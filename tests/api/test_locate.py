"""One point over HTTP: what Locator and Roster say, and nothing else."""

from __future__ import annotations

import threading
from datetime import datetime

import numpy as np
import pytest
from shapes import assert_answer, assert_problem

from gridmap.api import routes
from gridmap.api.places import place

AT = "2026-02-01T08:00:00+08:00"


def inside(plan, at=0):
    return plan["small"].geometry.iloc[at].representative_point()


def ask(client, **params):
    return assert_answer(client.get("/v1/locate", params=params))


@pytest.mark.parametrize("crs", ["wgs84", "cgcs2000", "gcj02", "bd09", "EPSG:4490"])
@pytest.mark.parametrize("accuracy_m", [None, 0.0, 25.0, 800.0])
def test_answers_equal_the_locators(client, source, crs, accuracy_m):
    rng = np.random.default_rng(7)
    west, south, east, north = source.plan["small"].total_bounds
    for lon, lat in zip(rng.uniform(west, east, 25).tolist(), rng.uniform(south, north, 25).tolist(), strict=True):
        stated = {} if accuracy_m is None else {"accuracy_m": accuracy_m}
        said = ask(client, lon=repr(lon), lat=repr(lat), crs=crs, **stated)
        place = source.locator.locate(lon, lat, crs=crs, accuracy_m=accuracy_m)
        assert said["outcome"] == place.outcome
        assert said["reason"] == place.reason
        assert said["chain"] == dict(place.chain)
        assert said["border_distance_m"] == place.border_distance_m
        assert said["plan_version"] == source.plan.version
        near = [(each["level"], each["code"], each["distance_m"]) for each in said["candidates"]]
        assert near == [(each.level, each.code, each.distance_m) for each in place.candidates]


@pytest.mark.parametrize("at", ["2026-02-01", "2026-05-01"])
@pytest.mark.parametrize("duty", [None, "E0203", "P0101"])
def test_the_person_is_the_rosters(client, source, roster, duty, at):
    point = inside(source.plan)
    stated = {} if duty is None else {"duty": duty}
    said = ask(client, lon=point.x, lat=point.y, at=at, **stated)["responsible"]
    place = source.locator.locate(point.x, point.y)
    who = roster.responsible(place, duty=duty, at=datetime.fromisoformat(at))
    assert said["outcome"] == "named"
    assert said == {"outcome": "named", **{name: getattr(who, name) for name in said if name != "outcome"}}
    assert said["name"].endswith("**")


def test_nobody_is_an_outcome(client, source):
    """The third large grid has no people at all."""
    code = source.plan["large"].index[2]
    point = source.plan["large"].geometry.loc[code].representative_point()
    assert ask(client, lon=point.x, lat=point.y)["responsible"]["outcome"] == "nobody"


def test_without_a_roster_the_answer_says_so(bare, plan):
    point = inside(plan)
    assert ask(bare, lon=point.x, lat=point.y)["responsible"]["outcome"] == "no_roster"


def test_points_that_cannot_be_placed_are_answers_with_a_reason(client, plan):
    point = inside(plan)
    for params, reason in (
        ({"lon": point.y, "lat": point.x}, "颠倒"),
        ({"lon": 1000, "lat": 2000}, "超出"),
    ):
        said = ask(client, **params)
        assert said["outcome"] == "invalid"
        assert reason in said["reason"]
        assert said["chain"] == {}
        assert said["responsible"]["outcome"] == "no_place"


@pytest.mark.parametrize("crs", ["mars", "", "GJC02", "EPSG:999999"])
def test_an_unknown_system_is_a_parameter_to_mend(client, plan, crs):
    """The system of one item of a batch is part of its point; here a misspelt one would make every answer invalid."""
    point = inside(plan)
    response = client.get("/v1/locate", params={"lon": point.x, "lat": point.y, "crs": crs})
    said = assert_problem(response, 422, "input")
    assert [each["name"] for each in said["errors"]] == ["crs"]
    assert "wgs84, cgcs2000, gcj02, bd09" in said["detail"]


@pytest.mark.parametrize("stated", [{}, {"crs": "EPSG:4490"}, {"accuracy_m": 900}, {"at": "2026年5月1日"}])
def test_an_answer_known_already_is_not_sent_again(client, plan, stated):
    point = inside(plan)
    params = {"lon": point.x, "lat": point.y} | stated
    first = client.get("/v1/locate", params=params)
    assert first.headers["etag"].startswith(f'W/"{plan.version}-')
    again = client.get("/v1/locate", params=params, headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content, again.headers["cache-control"]) == (304, b"", "no-cache")
    other = client.get("/v1/locate", params=params | {"lon": 9.5}, headers={"if-none-match": first.headers["etag"]})
    assert other.status_code == 200


@pytest.mark.parametrize("slow", [{"crs": "EPSG:4549"}, {"accuracy_m": 5000}, {"at": "2026年5月1日"}])
def test_what_takes_long_is_not_answered_where_the_others_wait(client, monkeypatch, slow):
    threads = []

    def noted(source, asked):
        threads.append(threading.current_thread().name)
        return place(source, asked)

    monkeypatch.setattr(routes, "place", noted)
    for stated in ({}, slow):
        client.get("/v1/locate", params={"lon": 120.4, "lat": 31.5} | stated)
    assert "worker" not in threads[0]
    assert "worker" in threads[1]


def test_outside_is_an_outcome(client):
    assert ask(client, lon=9.5, lat=47.1)["outcome"] == "outside"


def test_projected_coordinates_are_taken(client, source):
    from gridmap.geo.gcj02 import convert

    point = inside(source.plan)
    east, north = convert(point.x, point.y, "wgs84", 4549)
    assert (
        ask(client, lon=float(east), lat=float(north), crs="EPSG:4549")["chain"]["small"]
        == source.plan["small"].index[0]
    )


@pytest.mark.parametrize(
    "number", ["nan", "NaN", "inf", "-inf", "Infinity", "1e400", "-1e400", "1e9", "", "abc", "true"]
)
@pytest.mark.parametrize("name", ["lon", "lat", "accuracy_m"])
def test_what_is_no_finite_number_is_refused(client, name, number):
    """An unbounded float would accept nan and inf."""
    said = assert_problem(
        client.get("/v1/locate", params={"lon": 120.4, "lat": 31.5, "accuracy_m": 5} | {name: number}), 422, "input"
    )
    assert [each["name"] for each in said["errors"]] == [name]
    assert name in said["detail"]


@pytest.mark.parametrize("accuracy_m", [-1, 5000.1, 1e300])
def test_accuracies_are_bounded(client, accuracy_m):
    response = client.get("/v1/locate", params={"lon": 120.4, "lat": 31.5, "accuracy_m": accuracy_m})
    assert "5000" in assert_problem(response, 422, "input")["detail"] or accuracy_m < 0


def test_missing_and_unknown_parameters_are_named(client):
    said = assert_problem(client.get("/v1/locate", params={"lon": 120.4, "acuracy_m": 15}), 422, "input")
    assert {each["name"] for each in said["errors"]} == {"lat", "acuracy_m"}


@pytest.mark.parametrize(
    "at", ["2026-02-01T08:00:00+08:00", "2026-02-01 08:00", "2026年2月1日 8:00", "2026-02-01T00:00Z"]
)
def test_times_are_read_as_everywhere(client, at):
    assert ask(client, lon=120.4, lat=31.5, at=at)["at"] == AT


def test_the_plus_of_a_zone_may_be_lost_on_the_way(client):
    said = assert_answer(client.get(f"/v1/locate?lon=120.4&lat=31.5&at={AT}"))
    assert said["at"] == AT


@pytest.mark.parametrize(
    "at", ["05/06/2026", "now", "08:00", "2026-02-30", "0001-01-01", "9999-12-31T23:59-05:00", "1" * 64]
)
def test_what_is_no_time_is_refused(client, at):
    assert (
        "at="
        in assert_problem(client.get("/v1/locate", params={"lon": 120.4, "lat": 31.5, "at": at}), 422, "input")[
            "detail"
        ]
    )


@pytest.mark.parametrize("name", ["crs", "duty", "at"])
def test_texts_are_bounded(client, name):
    response = client.get("/v1/locate", params={"lon": 120.4, "lat": 31.5, name: "x" * 65})
    assert len(response.text) < 2000
    assert_problem(response, 422, "input")


def test_head_is_get_without_a_body(client):
    response = client.head("/v1/locate", params={"lon": 120.4, "lat": 31.5})
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"


@pytest.mark.parametrize("given", ["case-7", "A.b_c-9"])
def test_a_request_id_comes_back(client, given):
    assert client.get("/health", headers={"X-Request-Id": given}).headers["x-request-id"] == given


@pytest.mark.parametrize("given", ["", "x" * 65, "a b", "<script>"])
def test_a_request_id_that_could_break_a_log_is_replaced(client, given):
    made = client.get("/health", headers={"X-Request-Id": given}).headers["x-request-id"]
    assert len(made) == 32
    assert made != client.get("/health", headers={"X-Request-Id": given}).headers["x-request-id"]


def test_a_parameter_is_said_once(client):
    said = assert_problem(client.get("/v1/locate?lon=120.4&lat=31.5&lon=120.5"), 422, "input")
    assert [(each["where"], each["name"]) for each in said["errors"]] == [("query", "lon")]
