"""One rule for time on every endpoint: the version that is stated, else the one in force then, else the one of now."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import numpy as np
import pytest
import shapely
from fastapi.testclient import TestClient
from shapes import assert_problem
from timeline_made import FIRST, SECOND, TIMES, Timeline

from gridmap.api.app import create_app
from gridmap.api.moments import read_moment
from gridmap.errors import UnavailableError, UnknownNameError

PATHS = [
    "/v1/locate?lon=120.4&lat=31.5", "/v1/grids?limit=1", "/v1/grids/320299001", "/v1/grids/320299001/children",
    "/v1/grids/320299001/neighbours", "/v1/grids/320299001/responsible", "/v1/grids/320299001/stations",
    "/v1/stations", "/v1/circles", "/v1/coverage",
]  # fmt: skip
TIMELESS = ("/v1/grids?limit=1", "/v1/grids/320299001/children", "/v1/grids/320299001/neighbours")
"""What holds nothing but the plan, so that it may be kept for ever once its version is stated."""
FOREVER = "public, max-age=31536000, immutable"


def get(client, path, params, **kwargs):
    stated = dict(each.split("=") for each in path.partition("?")[2].split("&") if each)
    return client.get(path, params=stated | params, **kwargs)


def ask(client, path, **params):
    return get(client, path, params).json()


@pytest.mark.parametrize("path", PATHS)
def test_version_goes_before_at_and_at_before_now(timed, timeline, path):
    versions = [source.plan.version for source in timeline.sources]
    for at, k in TIMES.items():
        assert ask(timed, path, at=at)["plan_version"] == versions[k], at
        assert ask(timed, path, at=at, version=versions[1])["plan_version"] == versions[1]
    assert ask(timed, path)["plan_version"] == ask(timed, path, at=" ")["plan_version"] == versions[2]


@pytest.mark.parametrize("path", PATHS)
def test_what_there_was_not_is_said(timed, timeline, path):
    nothing = assert_problem(get(timed, path, {"at": "2024-12-31T23:59:59+08:00"}), 404, "unknown-name")
    assert FIRST in nothing["detail"]
    unknown = assert_problem(get(timed, path, {"version": "v7"}), 404, "unknown-name")
    assert all(source.plan.version in unknown["detail"] for source in timeline.sources)
    for bad in ({"at": "morgen"}, {"version": ""}, {"version": "a b"}, {"version": "x" * 65}, {"when": "1"}):
        assert_problem(get(timed, path, bad), 422, "input")


@pytest.mark.parametrize("path", PATHS)
def test_what_may_be_kept_for_ever_is_of_a_version_and_names_nobody(timed, timeline, path):
    for stated in ({}, {"at": "2025-02-01"}, {"version": timeline.sources[0].plan.version}):
        response = get(timed, path, stated)
        kept = path in TIMELESS and "version" in stated
        assert response.headers["cache-control"] == (FOREVER if kept else "no-cache")
        again = get(timed, path, stated, headers={"if-none-match": response.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == response.headers["etag"]
        assert again.headers["cache-control"] == response.headers["cache-control"]


def some_points(timeline, n=54):
    """Points about the grid that is split and split again, at all kinds of times."""
    rng = np.random.default_rng(1)
    west, south, east, north = timeline.sources[0].plan["small"].geometry.iloc[5].buffer(0.01).bounds
    times = [*TIMES, None, "2024-05-01", "gestern", "2025年3月2日 8:00"]
    return [
        {"lon": lon, "lat": lat, "at": times[k % len(times)], "duty": [None, "E0203"][k % 2]}
        for k, (lon, lat) in enumerate(zip(rng.uniform(west, east, n), rng.uniform(south, north, n), strict=True))
    ]


def alone(timed, point, **stated):
    params = {name: value for name, value in point.items() if value is not None}
    return timed.get("/v1/locate", params={**stated, **params})


@pytest.mark.parametrize("default", ["2025-02-15", None])
def test_each_point_of_a_batch_is_answered_as_alone(timed, timeline, default):
    points = some_points(timeline)
    said = timed.post("/v1/locate:batch", json={"points": points} | ({"at": default} if default else {})).json()
    assert sum(said["by_outcome"].values()) == len(points)
    assert said["plan_version"] == timeline.sources[0 if default else 2].plan.version
    told = set()
    for point, found in zip(points, said["results"], strict=True):
        one = alone(timed, point, **({"at": default} if default else {}))
        told.add(found.get("plan_version", said["plan_version"]))
        if one.status_code == 200:
            one = one.json()
            assert found.get("plan_version", said["plan_version"]) == one["plan_version"]
            assert {**found["chain"]} == one["chain"]
            assert found["outcome"] == one["outcome"]
            assert found["responsible"]["person_id"] == one["responsible"]["person_id"]
        elif one.status_code == 404:  # before the first version
            assert found["outcome"] == "invalid"
            assert "no plan was in force" in found["reason"]
            assert found["chain"] == {}
        else:
            assert found["responsible"]["outcome"] in ("no_time", "no_place")
    assert told == {source.plan.version for source in timeline.sources}


def test_the_version_of_a_batch_decides_the_grids_and_each_time_the_people(timed, timeline):
    points, version = some_points(timeline), timeline.sources[1].plan.version
    said = timed.post("/v1/locate:batch", json={"points": points, "version": version}).json()
    assert said["plan_version"] == version
    assert not any("plan_version" in found for found in said["results"])
    people = set()
    for point, found in zip(points, said["results"], strict=True):
        one = alone(timed, point, version=version)
        if one.status_code == 200:
            assert found["chain"] == one.json()["chain"]
            assert found["responsible"]["person_id"] == one.json()["responsible"]["person_id"]
            people.add(found["responsible"]["person_id"])
    assert people


def test_a_csv_says_which_version_answered_each_row(timed, timeline):
    points = some_points(timeline)
    said = timed.post("/v1/locate:batch", json={"points": points}).json()
    lines = ["lon,lat,at,duty", *(",".join("" if v is None else str(v) for v in point.values()) for point in points)]
    header = {"content-type": "text/csv"}
    rows = csv.DictReader(io.StringIO(timed.post("/v1/locate:batch", content="\n".join(lines), headers=header).text))
    for row, found in zip(rows, said["results"], strict=True):
        assert row["plan_version"] == found.get("plan_version", said["plan_version"])
        assert row["outcome"] == found["outcome"]
        assert {level: row[level] for level in ("large", "medium", "small", "micro") if row[level]} == found["chain"]
    params = {"version": timeline.sources[0].plan.version}
    text = timed.post("/v1/locate:batch", content="\n".join(lines), headers=header, params=params).text
    assert {row["plan_version"] for row in csv.DictReader(io.StringIO(text))} == set(params.values())


def test_the_ground_of_a_split_grid_is_answered_by_its_parts(timed, timeline):
    first, second, third = (source.plan["small"] for source in timeline.sources)
    gone = first.index.difference(second.index)[0]
    for at, layer in (("2025-02-01", first), ("2025-04-01", second), ("2025-06-01", third)):
        for part in layer.geometry[layer.geometry.representative_point().within(first.geometry[gone])]:
            point = part.representative_point()
            code = layer.index[shapely.covers(layer.geometry.values, point)][0]
            assert ask(timed, "/v1/locate", lon=point.x, lat=point.y, at=at)["chain"]["small"] == code


def test_batches_of_too_many_versions_are_refused(timed, monkeypatch):
    monkeypatch.setattr("gridmap.api.batch_versions.MOST_VERSIONS", 1)
    body = {"points": [{"lon": 120.4, "lat": 31.5, "at": at} for at in TIMES]}
    assert "3 versions" in assert_problem(timed.post("/v1/locate:batch", json=body), 413, "too-large")["detail"]


def test_a_point_of_another_version_does_not_keep_the_others_waiting(timeline, monkeypatch):
    """What may have to be loaded is asked for in a thread; what is at hand is answered at once."""
    import threading

    loop, seen = [], []

    class Watched(Timeline):
        def version(self, version):
            seen.append(threading.current_thread())
            return super().version(version)

    watched = Watched(timeline.sources, timeline.publications)
    with TestClient(create_app(watched)) as client:
        client.get("/live")
        old, new = (timeline.sources[k].plan.version for k in (0, 2))
        for params in ({}, {"at": "2025-06-01"}, {"version": new}):
            seen.clear()
            client.get("/v1/locate", params={"lon": 120.4, "lat": 31.5, **params})
            loop.extend(seen)
        assert len(set(loop)) == 1
        for params in ({"at": "2025-02-01"}, {"version": old}, {"at": "2025年6月1日"}):
            seen.clear()
            client.get("/v1/locate", params={"lon": 120.4, "lat": 31.5, **params})
            assert seen[-1] not in loop


def test_alive_is_not_ready(timed, timeline):
    assert timed.get("/live").json()["outcome"] == "ok"
    assert timed.get("/ready").json() == {"outcome": "ok", "plan_version": timeline.sources[2].plan.version}
    with TestClient(create_app(Timeline((), ())), raise_server_exceptions=False) as empty:
        assert empty.get("/live").status_code == 200
        assert empty.get("/v1/versions").json()["outcome"] == "none"
        for path in ("/ready", "/health", "/v1/locate?lon=1&lat=2", "/v1/grids", "/"):
            response = empty.get(path)
            assert_problem(response, 503, "unavailable")
            assert int(response.headers["retry-after"]) > 0


def test_what_is_yet_to_come_is_answered_when_it_is_asked_for(timeline):
    first = timeline.publications[0]
    coming = replace(first, since=read_moment("2190-01-01").time, until=None)

    class Coming(Timeline):
        def current(self):
            raise UnavailableError("no plan is in force yet")

    with TestClient(create_app(Coming(timeline.sources[:1], (coming,))), raise_server_exceptions=False) as client:
        point = {"lon": 120.4, "lat": 31.5}
        for stated in ({"version": first.version}, {"at": "2190-06-01"}):
            assert client.get("/v1/locate", params=point | stated).json()["plan_version"] == first.version
        assert_problem(client.get("/v1/locate", params=point), 503, "unavailable")
        said = client.get("/v1/versions").json()
        assert (said["plan_version"], [each["in_force"] for each in said["versions"]]) == (None, [False])


def test_other_people_share_what_was_made_of_the_plan(source, roster):
    from gridmap.people.io import as_roster

    before = source.records, source.locator
    changed = source.with_changes(roster=as_roster(roster.table.iloc[:1]))
    assert (changed.records, changed.locator) == before
    assert (changed.people, source.people) == (1, 4)
    assert changed.with_changes(roster=None).people is None
    assert source.with_changes(facts=changed.facts).roster is roster
    with pytest.raises(UnknownNameError, match=source.plan.version):
        create_app(source).state.served.version("x" + SECOND)
