"""Many grids, stations and circles as GeoJSON: what the layers hold, page by page."""

from __future__ import annotations

import json
from urllib.parse import parse_qs, urlsplit

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shapes import assert_problem

import gridmap
from gridmap.api.app import create_app
from gridmap.api.facts import Facts
from gridmap.api.page import Page
from gridmap.api.source import Source
from gridmap.service.circle_files import read_circle_file

GEOJSON = "application/geo+json"


def ask(client, path, **params):
    response = client.get(path, params=params)
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == GEOJSON
    return response.json()


def codes_of(said):
    return [each["id"] for each in said["features"]]


def test_a_level_comes_whole_and_as_it_is(client, plan):
    for level, layer in plan.layers.items():
        said = ask(client, "/v1/grids", level=level, limit=10_000)
        assert (said["numberMatched"], said["numberReturned"], said["links"]) == (len(layer), len(layer), [])
        found = gpd.GeoDataFrame.from_features(said["features"], crs=layer.crs).set_index("code")
        assert list(found.index) == list(layer.index) == codes_of(said)
        assert shapely.equals(found.geometry.values, layer.geometry.values).all()
        assert (shapely.get_exterior_ring(shapely.get_parts(found.geometry.values)) == shapely.get_exterior_ring(
            shapely.get_parts(shapely.orient_polygons(layer.geometry.values, exterior_cw=False))
        )).all()  # fmt: skip
        for name in ("name", "parent", "households", "area_m2"):
            pd.testing.assert_series_equal(
                found[name].astype(object).where(found[name].notna(), None),
                layer[name].astype(object).where(layer[name].notna(), None), check_names=False, check_index_type=False,
            )  # fmt: skip
        boxes = np.array([each["bbox"] for each in said["features"]])
        assert np.allclose(boxes, layer.geometry.bounds.to_numpy(), atol=0)
    assert codes_of(ask(client, "/v1/grids", limit=10_000)) == list(plan["small"].index)


def test_an_unknown_level_names_the_levels(client, plan):
    said = assert_problem(client.get("/v1/grids", params={"level": "tiny"}), 422, "input")
    assert all(level in said["detail"] for level in plan.layers)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.tuples(st.floats(120.2, 120.6), st.floats(120.2, 120.6)),
    st.tuples(st.floats(31.3, 31.7), st.floats(31.3, 31.7)),
    st.integers(1, 70),
    st.sampled_from(["medium", "small"]),
)
def test_a_box_finds_what_touches_it_page_by_page(client, plan, lons, lats, limit, level):
    box = (min(lons), min(lats), max(lons), max(lats))
    layer = plan.layers[level]
    wanted = list(layer.index[shapely.intersects(layer.geometry.values, shapely.box(*box))])
    path, found = f"/v1/grids?level={level}&limit={limit}&bbox=" + ",".join(f"{each:.17f}" for each in box), []
    while path:
        said = client.get(path).json()
        assert said["outcome"] == ("found" if wanted else "none")
        assert said["numberMatched"] == len(wanted)
        assert said["numberReturned"] == len(said["features"]) <= limit
        found += codes_of(said)
        path = next((link["href"] for link in said["links"] if link["rel"] == "next"), None)
        assert path is None or parse_qs(urlsplit(path).query)["version"] == [plan.version]
    assert found == wanted


@pytest.mark.parametrize(
    "bbox",
    ["", "1,2,3", "1,2,3,4,5", "nan,1,2,3", "inf,1,2,3", "0,0,1e400,1", "0,0,1e2,1", "121,31,120,32", "120,32,121,31",
     "31,120,32,121", "0,-91,1,1", "-181,0,0,0", "0x1,0,1,1", "1_0,0,20,1", "a,b,c,d", "١,0,2,1", "120;31;121;32",
     "0,0,1,1,", "-,0,1,1", "0,0,9" + "9" * 400 + ",1"],
)  # fmt: skip
@pytest.mark.parametrize("path", ["/v1/grids", "/v1/stations", "/v1/circles"])
def test_what_is_no_box_is_refused(timed, path, bbox):
    said = assert_problem(timed.get(path, params={"bbox": bbox}), 422, "input")
    assert said["errors"][0]["name"] == "bbox"


@pytest.mark.parametrize("name", ["limit", "cursor"])
@pytest.mark.parametrize("value", ["-1", "nan", "1e400", "inf", "1.5", "99999999999", "", "x", "٣"])
def test_numbers_of_a_page_are_bounded(client, name, value):
    if (name, value) != ("limit", "٣"):
        assert_problem(client.get("/v1/grids", params={name: value}), 422, "input")


def test_a_page_is_compressed_where_that_can_be_read(client):
    kinds = ("identity", "gzip", "gzip;q=0", "br, gzip;q=0.5", "*")
    answers = {kind: client.get("/v1/grids", headers={"accept-encoding": kind}) for kind in kinds}
    assert len({response.content for response in answers.values()}) == 1
    for kind, response in answers.items():
        small = kind in ("gzip", "br, gzip;q=0.5", "*")
        assert response.headers.get("content-encoding") == ("gzip" if small else None)
        assert response.headers["vary"] == "Accept-Encoding"
        headers = {"accept-encoding": kind, "if-none-match": response.headers["etag"]}
        assert client.get("/v1/grids", headers=headers).status_code == 304
    assert answers["gzip"].headers["etag"] != answers["identity"].headers["etag"]


def test_head_says_what_get_says(client):
    for path in ("/v1/grids", "/v1/versions", "/v1/stations", "/v1/coverage", "/live", "/ready"):
        get, head = client.get(path), client.head(path)
        assert (head.status_code, head.headers.get("etag")) == (get.status_code, get.headers.get("etag"))
        assert head.headers["content-type"] == get.headers["content-type"]


@pytest.mark.parametrize(("at", "there"), [("2025-02-01", ["S1", "S2"]), ("2025-03-01", ["S1"]), (None, ["S1"])])
def test_stations_and_circles_are_those_of_the_time(timed, timeline, at, there):
    params = {"at": at} if at else {}
    stations = ask(timed, "/v1/stations", **params)
    assert codes_of(stations) == there
    circles = ask(timed, "/v1/circles", **params)
    assert codes_of(circles) == [f"{name}/{minutes}" for name in there for minutes in (5, 15)]
    facts = timeline.sources[0].facts
    for each in circles["features"]:
        mine = facts.circles[
            (facts.circles["station"] == each["properties"]["station"])
            & (facts.circles["minutes"] == each["properties"]["minutes"])
        ]
        shape = mine.geometry.iloc[0]
        assert (
            each["geometry"] is None
            if shape.is_empty
            else shapely.from_geojson(json.dumps(each["geometry"])).equals(shape)
        )
    fifteen = ask(timed, "/v1/circles", minutes=15, station="S1", **params)
    assert codes_of(fifteen) == ["S1/15"]
    assert ask(timed, "/v1/circles", minutes=7)["outcome"] == "none"
    assert ask(timed, "/v1/stations", station="S9")["outcome"] == "none"


def test_the_next_page_of_circles_is_of_the_same_moment(timed):
    said, found = ask(timed, "/v1/circles", at="2025-02-01", limit=3), []
    while True:
        found += codes_of(said)
        if not said["links"]:
            break
        said = timed.get(said["links"][0]["href"]).json()
        assert said["at"] == "2025-02-01T00:00:00+08:00"
    assert found == ["S1/5", "S1/15", "S2/5", "S2/15"]


def test_a_station_is_in_one_grid_of_each_level(timed, timeline):
    source = timeline.sources[0]
    for level in ("large", "medium"):
        found = {}
        for code in source.plan[level].index:
            said = ask(timed, f"/v1/grids/{code}/stations", at="2025-02-01")
            assert said["outcome"] == ("found" if said["features"] else "none")
            found |= dict.fromkeys(codes_of(said), code)
        stations = source.facts.stations
        for name, point in zip(stations["station"], stations.geometry, strict=True):
            layer = source.plan[level]
            assert found[name] == layer.index[layer.geometry.covers(point)][0]
    gone = ask(timed, f"/v1/grids/{found['S2']}/stations")
    assert gone["outcome"] == "none"


def test_coverage_adds_up(timed):
    said = ask_json(timed, "/v1/coverage")
    for each in said["by_minutes"]:
        areas = [area for area in said["by_area"] if area["minutes"] == each["minutes"]]
        for name in ("total", "covered"):
            assert each[name] == sum(area[name] for area in areas)
        assert each["share"] == each["covered"] / each["total"]
    assert {area["area"]: area["share"] for area in said["by_area"] if area["minutes"] == 15} == {"a": 0.8, "b": None}
    assert [area["area"] for area in ask_json(timed, "/v1/coverage", minutes=5, area="b")["by_area"]] == ["b"]
    assert ask_json(timed, "/v1/coverage", area="c")["outcome"] == "none"


def ask_json(client, path, **params):
    response = client.get(path, params=params)
    assert response.status_code == 200, response.text
    return response.json()


@pytest.mark.parametrize("value", ["0", "-5", "nan", "inf", "1e400", "241", "x"])
def test_minutes_are_bounded(timed, value):
    for path in ("/v1/circles", "/v1/coverage"):
        assert_problem(timed.get(path, params={"minutes": value}), 422, "input")


def test_what_is_not_loaded_is_an_outcome(bare, plan):
    for path in ("/v1/stations", "/v1/circles", f"/v1/grids/{plan['small'].index[0]}/stations"):
        said = ask(bare, path)
        assert (said["outcome"], said["features"], said["numberMatched"]) == ("not_loaded", [], 0)
        assert said["reason"]
    said = ask_json(bare, "/v1/coverage")
    assert (said["outcome"], said["by_area"], said["by_minutes"]) == ("not_loaded", [], [])


@pytest.fixture(scope="module")
def counted(tmp_path_factory):
    """Give what the command line writes of the town, and what was counted, by the functions behind it."""
    from api_made import TOWN
    from typer.testing import CliRunner

    from gridmap.cli.app import app

    out = tmp_path_factory.mktemp("circles") / "circles.gpkg"
    asked = ["--network", TOWN / "streets.gpkg", "--stations", TOWN / "stations.gpkg", "--minutes", "5,15", "-o", out]
    asked += ["--demand", f"{TOWN / 'buildings.gpkg'}:households", "--areas", f"{TOWN / 'communities.gpkg'}:code"]
    done = CliRunner().invoke(app, ["circles", *map(str, asked)])
    assert done.exit_code == 0, done.output
    return out


def test_what_gridmap_circles_writes_is_what_is_asked_for(counted, town):
    source = Source(town.plan, town.locator, town.roster, Page(b""), Facts(**vars(read_circle_file(counted))))
    with TestClient(create_app(source), raise_server_exceptions=False) as client:
        layer = gridmap.read_layer(counted, layer="circles")
        said = ask(client, "/v1/circles", limit=10_000)
        assert said["numberMatched"] == len(layer)
        assert {each["properties"]["minutes"] for each in said["features"]} == {5, 15}
        stations = gridmap.read_layer(counted, layer="stations")
        assert sorted(codes_of(ask(client, "/v1/stations"))) == sorted(stations["station"].astype(str))
        areas = gridmap.read_layer(counted, layer="areas").set_index("code")
        for each in ask_json(client, "/v1/coverage")["by_area"]:
            row = areas.loc[each["area"]]
            assert each["total"] == row["total"]
            assert each["covered"] == row["covered" if each["minutes"] == 15 else "covered_5"]
        assert len(ask_json(client, "/v1/coverage", minutes=5)["by_area"]) == len(areas)
