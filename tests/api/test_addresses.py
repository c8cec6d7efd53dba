"""Addresses over HTTP: in the grid where the list has them, in GeocodeJSON, and never a guess sent out as a fact."""

from __future__ import annotations

import csv
import io
import json
import logging
import threading
from concurrent.futures import ThreadPoolExecutor

import jsonschema
import numpy as np
import pandas as pd
import pytest
from addresses_made import HOSTILE, geocoder, listed
from fastapi.testclient import TestClient
from shapes import assert_answer, assert_fits, assert_problem
from timeline_made import FIRST, TIMES

import gridmap
from gridmap.address.build import build_index
from gridmap.address.geocoder import Geocoder
from gridmap.address.place import SURE, locate_address
from gridmap.api import addresses, geocodejson, routes_addresses, security
from gridmap.api.app import create_app
from gridmap.api.limits import MOST_POINTS
from gridmap.api.openapi_addresses import ASKED, NOT_LISTED

GEOCODE = Geocoder.geocode
SEMVER = r"^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)$"
WORDS = ("label", "name", "housenumber", "street", "locality", "postcode", "city", "district", "county", "state")
POINT = {
    "type": "object", "required": ["type", "coordinates"],
    "properties": {
        "type": {"const": "Point"},
        "coordinates": {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2},
    },
}  # fmt: skip
PLACE = {
    "type": "object", "required": ["type", "label"],
    "properties": {"type": {"type": "string"}, "accuracy": {"type": "number", "minimum": 0}}
    | {name: {"type": "string"} for name in WORDS},
}  # fmt: skip
FEATURE = {
    "type": "object", "required": ["type", "geometry", "properties"],
    "properties": {
        "type": {"const": "Feature"}, "geometry": {"oneOf": [{"type": "null"}, POINT]},
        "properties": {"type": "object", "required": ["geocoding"], "properties": {"geocoding": PLACE}},
    },
}  # fmt: skip
GEOCODEJSON = {
    "type": "object", "required": ["type", "geocoding", "features"],
    "properties": {
        "type": {"const": "FeatureCollection"}, "features": {"type": "array", "items": FEATURE},
        "geocoding": {
            "type": "object", "required": ["version"],
            "properties": {"version": {"type": "string", "pattern": SEMVER}}
            | {name: {"type": "string"} for name in ("licence", "attribution", "query")},
        },
    },
}  # fmt: skip
"""The specification (github.com/geocoders/geocodejson-spec): members that are not known are left out, never null."""


@pytest.fixture(scope="module")
def served(town):
    """Give a client of the town with its addresses."""
    with TestClient(create_app(town, geocoder=geocoder()), raise_server_exceptions=False) as client:
        yield client


@pytest.fixture(scope="module")
def some():
    """Give listed addresses from all over the town that no other row has too."""
    table = listed()
    once = table[~table["address"].duplicated(keep=False) & table["lon"].notna()]
    return once.iloc[np.linspace(0, len(once) - 1, 25).astype(int)]


def by_address(client, text, **more):
    return assert_answer(client.get("/v1/locate", params={"address": text} | more))


def read(client, path, **params):
    """Ask for GeocodeJSON, and see that it is what the specification says."""
    response = client.get(path, params=params)
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "application/geo+json"
    said = response.json()
    jsonschema.Draft202012Validator(GEOCODEJSON).validate(said)
    assert said["address_version"] == geocoder().version
    return said


def test_a_listed_address_is_where_its_point_is_and_names_the_same_person(served, some):
    for row in some.itertuples():
        said = by_address(served, row.address, duty="E0203", at="2026-05-01")
        point = assert_answer(
            served.get("/v1/locate", params={"lon": row.lon, "lat": row.lat, "duty": "E0203", "at": "2026-05-01"})
        )
        told = said.pop("geocoding")
        for name in ("outcome", "chain", "responsible", "at", "plan_version"):
            assert said[name] == point[name], (row.address, name)
        assert set(said) == set(point)
        assert (told["outcome"], told["match_type"], told["address"]) == ("matched", "exact", row.address)
        assert told["address_version"] == geocoder().version
        assert told["needs_person"] == (told["grid_confidence"] < SURE)
        assert all(row.address[each["start"] : each["end"]] == each["text"] for each in told["elements"])


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_what_is_no_address_of_here_is_an_answer_that_says_why_and_names_nobody(served, text):
    said = by_address(served, text)
    assert (said["outcome"], said["chain"], said["responsible"]) == ("unresolved", {}, None)
    assert " · " in said["reason"]
    assert said["geocoding"]["needs_person"] is True
    found = read(served, "/v1/geocode", address=text)
    assert found["outcome"] in ("invalid", "not_found", "elsewhere")
    assert (found["features"], " · " in found["reason"]) == ([], True)
    read(served, "/v1/autocomplete", q=text)


def test_an_address_of_another_county_says_so(served):
    said = by_address(served, HOSTILE["another county"])
    assert said["geocoding"]["outcome"] == "elsewhere"


def test_where_only_the_town_is_known_nobody_is_sent(served):
    said = by_address(served, "花山镇")
    assert (said["outcome"], said["geocoding"]["match_type"]) == ("unresolved", "fallback")
    assert (said["responsible"], said["geocoding"]["needs_person"]) == (None, True)
    (feature,) = read(served, "/v1/geocode", address="花山镇")["features"]
    assert (feature["properties"]["match_type"], feature["properties"]["geocoding"]["type"]) == ("fallback", "city")


@pytest.mark.parametrize(
    ("params", "names"),
    [
        ({"address": "虹桥路13号", "lon": "120.3", "lat": "31.5"}, ["lon", "lat"]),
        ({"address": "虹桥路13号", "accuracy_m": "5"}, ["accuracy_m"]),
        ({"address": "虹桥路13号", "colour": "red"}, ["colour"]),
        ({"duty": "E0203"}, ["lon", "lat", "address"]),
        ({"lon": "120.3"}, ["lat"]),
    ],
)
def test_a_place_is_asked_for_by_one_of_the_two(served, params, names):
    said = assert_problem(served.get("/v1/locate", params=params), 422, "input")
    assert [each["name"] for each in said["errors"]] == names


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("get", "/v1/locate?address=x"), ("get", "/v1/geocode?address=x"), ("get", "/v1/reverse?lon=120.3&lat=31.5"),
        ("get", "/v1/autocomplete?q=x"), ("post", "/v1/geocode"),
    ],
)  # fmt: skip
def test_a_server_without_an_index_says_how_to_start_one(town_client, method, path):
    said = assert_problem(town_client.request(method, path), 404, "no-addresses")
    assert "--addresses" in said["detail"]


def test_without_an_index_an_item_says_so_and_the_others_are_answered(town_client, some):
    row = next(some.itertuples())
    points = [{"address": row.address}, {"address": row.address, "lon": row.lon, "lat": row.lat}]
    said = assert_answer(town_client.post("/v1/locate:batch", json={"points": points}))
    assert [each["outcome"] for each in said["results"]] == ["invalid", "matched"]
    assert "address index" in said["results"][0]["reason"]
    assert set(said["results"][0]) == set(said["results"][1])
    headers = {"content-type": "text/csv"}
    assert_problem(town_client.post("/v1/locate:batch", content="address\nx\n", headers=headers), 404, "no-addresses")


def test_geocode_is_geocodejson_with_the_parts_of_the_address(served, some):
    for row in some.itertuples():
        found = read(served, "/v1/geocode", address=row.address, limit=3)
        assert found["geocoding"]["query"] == row.address
        first = found["features"][0]
        assert first["geometry"]["coordinates"] == pytest.approx([row.lon, row.lat], abs=1e-7)
        place = first["properties"]["geocoding"]
        assert (place["type"], place["label"], place["city"]) == ("house", row.address, row.town)
        assert (place.get("street") or place["locality"], place["housenumber"]) == (row.street, row.number)
        assert place["district"] == row.community


def test_the_nearest_address_is_nearest(served):
    """Against every row of the list, in metres on the sphere."""
    table = listed().dropna(subset=["lon"])
    rng = np.random.default_rng(11)
    for row in table.iloc[rng.integers(len(table), size=15)].itertuples():
        lon, lat = row.lon + rng.uniform(-4e-4, 4e-4), row.lat + rng.uniform(-4e-4, 4e-4)
        (feature,) = read(served, "/v1/reverse", lon=lon, lat=lat)["features"]
        near = np.hypot((table["lon"] - lon) * np.cos(np.radians(lat)), table["lat"] - lat).min() * 111_200
        assert feature["properties"]["distance_m"] == pytest.approx(near, rel=0.01, abs=0.2)
        assert feature["properties"]["geocoding"]["label"] in set(table["address"])


def test_far_away_and_swapped_points_have_no_nearest_address(served):
    assert read(served, "/v1/reverse", lon=9.5, lat=47.1)["features"] == []
    said = read(served, "/v1/reverse", lon=31.5, lat=120.3)
    assert (said["features"], said["outcome"]) == ([], "invalid")
    assert_problem(served.get("/v1/reverse?lon=120.3&lat=31.5&crs=mars"), 422, "input")


@pytest.mark.parametrize("typed", ["虹桥", "hongqiao", "hql"])
def test_what_is_typed_is_completed(served, typed):
    said = read(served, "/v1/autocomplete", q=typed, limit=5)
    found = [each["properties"]["geocoding"] for each in said["features"]]
    assert 1 <= len(found) <= 5
    assert {"type": "street", "name": "虹桥路", "street": "虹桥路", "label": "花山镇虹桥路"}.items() <= found[0].items()
    for place in (each for each in found if each["type"] == "house"):
        assert "name" not in place
        assert place["label"].endswith(f"{place['street']}{place['housenumber']}号")


def test_a_lane_is_of_the_street_and_a_sub_of_the_house_number():
    door = {"town": "大安區", "street": "忠孝東路", "lane": "71", "number": "11之1", "lon": 121.5, "lat": 25.0}
    where = Geocoder(build_index(pd.DataFrame([door])).index)
    for said in (geocodejson.geocode(where, geocodejson.GeocodeQuery(address="忠孝东路71巷11-1号")),
                 geocodejson.reverse(where, geocodejson.ReverseQuery(lon=121.5, lat=25.0))):  # fmt: skip
        place = said.features[0].properties.geocoding
        assert (place.street, place.housenumber, place.city) == ("忠孝東路71巷", "11之1", "大安區")


def test_an_answer_is_taken_apart_without_being_asked_again(served, monkeypatch):
    asked = []
    monkeypatch.setattr(Geocoder, "geocode", lambda self, text: asked.append(text) or GEOCODE(self, text))
    assert len(read(served, "/v1/geocode", address="人民路")["features"]) >= 1
    assert asked == ["人民路"]
    read(served, "/v1/reverse", lon=120.3034, lat=31.5217)
    read(served, "/v1/autocomplete", q="hql")
    served.post("/v1/geocode", json={"addresses": ["虹桥路13号", "南海路8号", "虹桥路13号"]})
    assert asked == ["人民路", "虹桥路13号", "南海路8号"]


def test_limits_are_kept(served):
    for path in ("/v1/geocode?address=x", "/v1/autocomplete?q=x"):
        for limit in ("0", "51", "NaN"):
            said = assert_problem(served.get(f"{path}&limit={limit}"), 422, "input")
            assert [each["name"] for each in said["errors"]] == ["limit"]


def texts(some):
    return [*some["address"].head(8), "花山镇", "虹桥路十三号1幢", *HOSTILE.values()]


def test_every_item_of_a_batch_gets_what_it_gets_alone(served, some):
    row = next(some.itertuples())
    points = [{"address": text, "id": i, "duty": "E0203"} for i, text in enumerate(texts(some)) if text.strip()]
    points += [{"address": "南海路8号", "lon": row.lon, "lat": row.lat}, {"lon": 1}, 7]
    said = assert_answer(served.post("/v1/locate:batch", json={"points": points, "at": "2026-05-01"}))
    results = said["results"]
    assert len(results) == len(points) == sum(said["by_outcome"].values())
    for point, found in zip(points[:-3], results[:-3], strict=True):
        alone = by_address(served, point["address"], duty="E0203", at="2026-05-01")
        for name in ("outcome", "reason", "chain", "candidates"):
            assert found[name] == alone[name]
        told = alone["geocoding"]
        assert found["geocoding"] | {"confidence": 0} == {name: told[name] for name in found["geocoding"]} | {
            "confidence": 0
        }
        assert found["geocoding"]["confidence"] == told["grid_confidence"]
        person = alone["responsible"]
        assert found["responsible"] == (person and {name: person[name] for name in found["responsible"]})
        assert found["id"] == point["id"]
    # coordinates win, and what has neither is a bad point
    assert [each["outcome"] for each in results[-3:]] == ["matched", "invalid", "invalid"]
    assert all("geocoding" not in each for each in results[-3:])


def rows_of(response):
    assert response.status_code == 200, response.text
    return list(csv.DictReader(io.StringIO(response.content.decode("utf-8-sig"))))


def test_csv_of_addresses_keeps_rows_order_and_columns(served, some):
    row = next(some.itertuples())
    asked = [(text.replace("\x00", ""), "", "") for text in texts(some)] + [("南海路8号", row.lon, row.lat)]
    body = io.StringIO()
    csv.writer(body).writerows([("地址", "lon", "lat"), *asked])
    content, headers = body.getvalue().encode("gb18030"), {"content-type": "text/csv"}
    rows = rows_of(served.post("/v1/locate:batch", params={"address_column": "地址"}, content=content, headers=headers))
    assert [each["地址"].strip() for each in rows] == [text.strip() for text, _, _ in asked]
    for each in rows:
        text = each["地址"].strip()
        if not text:
            assert (each["outcome"], each["geocode_type"]) == ("invalid", "")
        elif not each["lon"]:
            found = locate_address(geocoder(), served.app.state.served.current().locator, each["地址"])
            assert (each["outcome"], each["geocode_type"]) == (found.placement.outcome, found.geocoding.match_type)
            assert float(each["geocode_confidence"]) == pytest.approx(found.confidence, abs=1e-6)
            assert each["needs_person"] == str(found.needs_person)
    assert (rows[-1]["outcome"], rows[-1]["geocode_type"], rows[-1]["needs_person"]) == ("matched", "", "")


def test_a_batch_is_geocoded_in_csv_and_json_as_each_is_alone(served, some):
    asked = [text.replace("\x00", "") for text in texts(some)]
    body = io.StringIO()
    csv.writer(body).writerows([("id", "address"), *enumerate(asked)])
    rows = rows_of(served.post("/v1/geocode", content=body.getvalue().encode(), headers={"content-type": "text/csv"}))
    items = [{"address": text, "id": i} for i, text in enumerate(asked)]
    said = served.post("/v1/geocode", json={"addresses": [*items, *asked, 7, None]}).json()
    assert said["count"] == 2 * len(asked) + 2 == sum(said["by_outcome"].values())
    assert [each["outcome"] for each in said["results"][-2:]] == ["invalid", "invalid"]
    assert len(rows) == len(asked)
    for i, (row, item, plain) in enumerate(zip(rows, said["results"], said["results"][len(asked) :], strict=False)):
        alone = read(served, "/v1/geocode", address=asked[i])
        assert item == plain | {"id": i}
        assert (row["id"], row["address"].strip()) == (str(i), asked[i].strip())
        assert row["outcome"] == item["outcome"] == alone["outcome"]
        assert (row["match_type"], row["geocoded_address"]) == (item["match_type"], item["address"])
        assert [row["lon"], row["lat"]] == ["" if each is None else repr(each) for each in (item["lon"], item["lat"])]
        if alone["features"]:
            assert alone["features"][0]["geometry"]["coordinates"] == [item["lon"], item["lat"]]
    assert_problem(served.post("/v1/geocode", json={"addresses": [], "x": 1}), 422, "input")
    assert_problem(served.post("/v1/geocode", json=[]), 422, "input")
    headers = {"content-type": "text/csv"}
    said = assert_problem(served.post("/v1/geocode", content="地址\nx\n", headers=headers), 422, "input")
    assert "地址" in said["detail"]


def test_a_batch_that_would_take_for_ever_is_refused(served):
    texts = ["虹桥路" * 66] * 2600
    csv_body = {"content": "address\n" + "\n".join(texts), "headers": {"content-type": "text/csv"}}
    points = {"json": {"points": [{"address": text} for text in texts]}}
    for path, body in (("/v1/geocode", {"json": {"addresses": texts}}), ("/v1/geocode", csv_body),
                       ("/v1/locate:batch", points), ("/v1/locate:batch", csv_body)):  # fmt: skip
        assert "at most 2," in assert_problem(served.post(path, **body), 413, "too-large")["detail"]
    wide = {"json": {"addresses": ["虹桥路13号" + "\ufdfa" * 10] * 3000}}  # each of the ten is read as eighteen letters
    assert_problem(served.post("/v1/geocode", **wide), 413, "too-large")
    said = assert_problem(served.post("/v1/geocode", json={"addresses": [""] * (MOST_POINTS + 1)}), 413, "too-large")
    assert "100,000 addresses" in said["detail"]
    long = {"json": {"addresses": ["虹桥路" * 700] * 300}}  # no address at all, which is soon seen
    assert served.post("/v1/geocode", **long).json()["by_outcome"]["invalid"] == 300


@pytest.fixture
def by_header(monkeypatch):
    """Let everybody be the public but who says otherwise, as a server on a record does."""

    def pass_by(self, scope):
        known = (b"x-known", b"1") in scope["headers"]
        security.seat(scope, security.FILES if known else security.PUBLIC)

    monkeypatch.setattr(security.FileGate, "__call__", pass_by)
    return {"x-known": "1"}


def test_the_public_asks_for_less_work_at_once(served, by_header):
    texts = ["虹桥路13号" + "abcdefghij" * 4] * 2500
    body = {"json": {"addresses": texts}}
    points = {"json": {"points": [{"address": text} for text in texts]}}
    for path, asked in (("/v1/geocode", body), ("/v1/locate:batch", points)):
        assert "at most 2,3" in assert_problem(served.post(path, **asked), 413, "too-large")["detail"]
    assert served.post("/v1/geocode", **body, headers=by_header).status_code == 200


def test_nobody_with_a_key_waits_for_the_public(served, by_header, monkeypatch):
    begun, go = threading.Event(), threading.Event()

    def answer(geocoder, body, most_letters):
        if b"wait" in body:
            begun.set()
            go.wait(5)
        return b"{}"

    monkeypatch.setattr(routes_addresses, "geocode_json", answer)
    with ThreadPoolExecutor(3) as pool:
        try:
            waiting = [pool.submit(served.post, "/v1/geocode", json={"addresses": ["wait"]}) for _ in range(3)]
            assert begun.wait(5)
            assert served.post("/v1/geocode", json={"addresses": []}, headers=by_header).status_code == 200
            assert not any(each.done() for each in waiting)
        finally:
            go.set()


def test_answers_are_never_kept_as_current_and_carry_the_index_in_their_tag(served, some):
    text = some["address"].iloc[0]
    for path in (f"/v1/geocode?address={text}", f"/v1/autocomplete?q={text}", "/v1/reverse?lon=120.3&lat=31.52"):
        first = served.get(path)
        assert first.headers["cache-control"] == "no-cache"
        assert geocoder().version in first.headers["etag"]
        again = served.get(path, headers={"if-none-match": first.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
    first = served.get("/v1/locate", params={"address": text})
    again = served.get("/v1/locate", params={"address": text}, headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, first.headers["cache-control"]) == (304, "no-cache")


def test_nothing_that_was_asked_stands_in_the_log(served, caplog):
    with caplog.at_level(logging.INFO, "gridmap.access"):
        for path in ("/v1/locate?address=", "/v1/geocode?address=", "/v1/autocomplete?q="):
            served.get(f"{path}虹桥路十三号")
        served.post("/v1/geocode", json={"addresses": ["虹桥路十三号"]})
    lines = [record.getMessage() for record in caplog.records if record.name == "gridmap.access"]
    assert len(lines) == 4
    assert not any("虹桥" in line or "%E8" in line or "?" in line for line in lines)


def test_an_address_is_looked_up_where_nobody_waits(served, monkeypatch):
    names = []

    def noted(*args):
        names.append(threading.current_thread().name)
        return locate_address(*args)

    monkeypatch.setattr(addresses, "locate_address", noted)
    by_address(served, "虹桥路13号")
    assert "worker" in names[0]


@pytest.fixture(scope="module")
def shared(source):
    """Give doors of one road in two small grids of one medium grid, and who answers for that."""
    plan = source.plan
    leader = plan.chain(plan["small"].index[0], "small")["medium"]
    smalls = [code for code in plan["small"].index if plan.chain(code, "small")["medium"] == leader][:2]
    points = plan["small"].loc[smalls].representative_point()
    doors = pd.DataFrame({"town": "花山镇", "street": "虹桥路", "number": ["1", "3"], "lon": points.x, "lat": points.y})
    return source, Geocoder(build_index(doors).index), leader


def test_everybody_names_the_same_person_for_what_lies_in_several_grids(shared):
    """Of an ambiguous address, who answers for the level that all its grids share: whom to ask when looking."""
    source, where, leader = shared
    asked = {"address": "虹桥路", "at": "2026-05-01"}
    with TestClient(create_app(source, geocoder=where), raise_server_exceptions=False) as client:
        alone = assert_answer(client.get("/v1/locate", params=asked))
        item = assert_answer(client.post("/v1/locate:batch", json={"points": [asked]}))["results"][0]
        body = "address,at\n虹桥路,2026-05-01\n"
        (row,) = rows_of(client.post("/v1/locate:batch", content=body, headers={"content-type": "text/csv"}))
    table = pd.DataFrame({"address": ["虹桥路"], "reported_at": ["2026-05-01"]})
    joined = gridmap.join_incidents(table, source.locator, source.roster, geocoder=where).iloc[0]
    assert (alone["outcome"], alone["responsible"]["grid"]) == ("ambiguous", leader)
    assert {each["outcome"] for each in (alone, item, row, joined)} == {"ambiguous"}
    assert {each["responsible"]["person_id"] for each in (alone, item)} == {"2"}
    assert (row["person_id"], joined["person_id"]) == ("2", "2")
    assert alone["geocoding"]["needs_person"] is item["geocoding"]["needs_person"] is True
    assert (row["needs_person"], str(joined["needs_person"])) == ("True", "True")


def test_versions_and_times_hold_for_addresses_as_for_points(timeline):
    """Doors about a grid that is split twice, one by one and in one batch of many times."""
    west, south, east, north = timeline.sources[0].plan["small"].geometry.iloc[5].bounds
    lon, lat = np.linspace(west, east, 4), np.linspace(south, north, 4)
    doors = pd.DataFrame({"town": "花山镇", "street": "虹桥路", "number": range(1, 8, 2), "lon": lon, "lat": lat})
    app = create_app(timeline, geocoder=Geocoder(build_index(doors.astype({"number": "str"})).index))
    points = [{"address": f"虹桥路{number}号", "at": at} for number in doors["number"] for at in (*TIMES, "2024-05-01")]
    with TestClient(app, raise_server_exceptions=False) as client:
        batch = assert_answer(client.post("/v1/locate:batch", json={"points": points}))
        body = "address,at\n" + "".join(f"{each['address']},{each['at']}\n" for each in points)
        rows = rows_of(client.post("/v1/locate:batch", content=body, headers={"content-type": "text/csv"}))
        versions = set()
        for point, item, row in zip(points, batch["results"], rows, strict=True):
            door = doors[doors["number"] == int(point["address"][3:-1])].iloc[0]
            where = client.get("/v1/locate", params={"lon": door["lon"], "lat": door["lat"], "at": point["at"]})
            alone = client.get("/v1/locate", params=point)
            assert alone.status_code == where.status_code == (404 if point["at"] < FIRST else 200)
            if alone.status_code == 404:  # no plan was in force, whatever the address
                assert (item["outcome"], row["outcome"], row["geocode_type"]) == ("invalid", "invalid", "")
                continue
            said, wanted = alone.json(), where.json()
            versions.add(said["plan_version"])
            for name in ("outcome", "chain", "responsible", "at", "plan_version"):
                assert said[name] == wanted[name]
            assert item["chain"] == wanted["chain"] == {name: row[name] for name in wanted["chain"]}
            assert item.get("plan_version", batch["plan_version"]) == row["plan_version"] == wanted["plan_version"]
            stated = {"address": point["address"], "version": wanted["plan_version"]}
            assert client.get("/v1/locate", params=stated).json()["chain"] == wanted["chain"]
    assert len(versions) == 3


def assert_said(example, answer):
    """Assert that an example is an answer; confidences are measured anew with every change of the matcher."""
    if isinstance(example, dict):
        assert set(example) == set(answer)
        for name in set(example) - {"address_version"}:
            if "confidence" in name:
                assert example[name] == pytest.approx(answer[name], abs=0.02), name
            else:
                assert_said(example[name], answer[name])
    elif isinstance(example, list):
        assert len(example) == len(answer), answer
        for one, other in zip(example, answer, strict=True):
            assert_said(one, other)
    else:
        assert example == answer


def test_the_examples_of_the_openapi_are_what_is_answered(served):
    def examples(path, method="get", kind=None, body=False):
        operation = served.get("/openapi.json").json()["paths"][path][method]
        said = (operation["requestBody"] if body else operation["responses"]["200"])["content"]
        found = said[kind] if kind else next(iter(said.values()))
        return found["example"] if "example" in found else {name: e["value"] for name, e in found["examples"].items()}

    for path, name in (("/v1/geocode", "address"), ("/v1/reverse", None), ("/v1/autocomplete", "q")):
        for example in examples(path).values():
            query = example["geocoding"]["query"]
            params = {name: query} if name else dict(zip(("lon", "lat"), query.split(","), strict=True))
            assert_said(example, read(served, path, **params))
    alone = examples("/v1/locate")
    for name, text in (("address", ASKED), ("unresolved", NOT_LISTED)):
        said = by_address(served, text)
        assert_said(alone[name]["geocoding"], said["geocoding"])
        assert [alone[name][each] for each in ("outcome", "reason")] == [said[each] for each in ("outcome", "reason")]
    (example,) = examples("/v1/geocode", "post", "application/json").values()
    (body,) = examples("/v1/geocode", "post", "application/json", body=True).values()
    assert_said(example, served.post("/v1/geocode", json=body).json())
    item = examples("/v1/locate:batch", "post", "application/json")["answered"]["results"][-1]
    said = served.post("/v1/locate:batch", json={"points": [{"address": ASKED}]}).json()["results"][0]
    assert_said(item["geocoding"], said["geocoding"])
    text, headers = examples("/v1/geocode", "post", "text/csv", body=True), {"content-type": "text/csv"}
    (row,) = rows_of(served.post("/v1/geocode", content=text.encode(), headers=headers))
    (wanted,) = csv.DictReader(io.StringIO(examples("/v1/geocode", "post", "text/csv")))
    assert float(wanted.pop("confidence")) == pytest.approx(float(row.pop("confidence")), abs=0.02)
    assert_said(wanted, row)


def test_the_openapi_has_addresses_where_they_are_answered(served, some):
    document = served.get("/openapi.json").json()
    added = ("/v1/geocode", "/v1/reverse", "/v1/autocomplete")
    for path in (*added, "/v1/locate", "/v1/locate:batch"):
        for operation in document["paths"][path].values():
            assert operation["summary"].isascii() is False
            contents = [each.get("content", {}) for each in operation["responses"].values()]
            contents.append(operation.get("requestBody", {}).get("content", {}))
            for kind, said in [pair for each in contents for pair in each.items()]:
                examples = [said["example"]] if "example" in said else [e["value"] for e in said["examples"].values()]
                assert examples, (path, kind)
                for example in examples:
                    assert_fits(example, said["schema"], document)
    text = some["address"].iloc[0]
    asked = {
        "/v1/geocode": {"address": text}, "/v1/reverse": {"lon": 120.3, "lat": 31.52}, "/v1/autocomplete": {"q": "hql"},
        "/v1/locate": {"address": text},
    }  # fmt: skip
    for path, params in asked.items():
        response = served.get(path, params=params)
        promised = document["paths"][path]["get"]["responses"]["200"]["content"]
        assert_fits(response.json(), promised[response.headers["content-type"]]["schema"], document)
    for path, body in (
        ("/v1/geocode", {"addresses": [text, ""]}), ("/v1/locate:batch", {"points": [{"address": text, "id": 1}]}),
    ):  # fmt: skip
        promised = document["paths"][path]["post"]["responses"]["200"]["content"]["application/json"]["schema"]
        assert_fits(json.loads(served.post(path, json=body).content), promised, document)
