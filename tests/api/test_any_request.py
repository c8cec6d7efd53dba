"""Whatever is asked, the server says what is wrong with it; it does not fail."""

from __future__ import annotations

import json

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

CHECKS = settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
WORDS = st.one_of(
    st.text(max_size=20), st.floats().map(repr), st.integers().map(str),
    st.sampled_from(["120.4", "31.5", "gcj02", "EPSG:4549", "4549", "2026-05-01", "2026-05-01T08:00 08:00", "E0203"]),
)  # fmt: skip
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), WORDS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=5,
)
NAMES = st.sampled_from(["lon", "lat", "crs", "accuracy_m", "duty", "at", "version", "id"])
READ = [
    "/v1/grids", "/v1/grids/320299001", "/v1/grids/320299001/children", "/v1/grids/320299001/neighbours",
    "/v1/grids/320299001/responsible", "/v1/grids/320299001/stations", "/v1/versions", "/v1/stations", "/v1/circles",
    "/v1/coverage",
]  # fmt: skip
ASKED = {
    "at": st.sampled_from(["2025-02-01", "2025-04-01", "1024-01-01", "2199-12-31", ""]),
    "bbox": st.tuples(*[st.one_of(st.floats(-200, 200), st.floats())] * 4).map(lambda box: ",".join(map(repr, box))),
    "limit": st.integers(-1, 10**9).map(str), "cursor": st.integers(-1, 10**9).map(str),
    "minutes": st.one_of(st.floats().map(repr), st.sampled_from(["5", "15"])), "station": st.just("S1"),
    "level": st.sampled_from(["small", "large", "tiny"]), "area": st.just("a"), "duty": st.just("E0203"),
    "geometry": st.sampled_from(["true", "0", "maybe"]), "version": st.sampled_from(["v1", "0" * 12]),
}  # fmt: skip
"""What may be asked of one endpoint or another, and what nearly may."""


def assert_told(response):
    assert response.status_code in (200, 404, 410, 413, 415, 422), response.text
    said = json.loads(response.text, parse_constant=lambda word: 1 / 0)
    asked = said.get("properties", said)
    assert "outcome" in asked or said["status"] == response.status_code


@CHECKS
@given(st.dictionaries(NAMES, WORDS))
def test_any_query_of_a_point(client, params):
    assert_told(client.get("/v1/locate", params={"lon": "120.4", "lat": "31.5"} | params))


@settings(CHECKS, max_examples=100)
@given(st.data(), st.sampled_from(READ), st.sets(st.sampled_from(sorted(ASKED)), max_size=4))
def test_any_query_of_what_is_read(timed, timeline, data, path, names):
    params = {name: data.draw(st.one_of(ASKED[name], WORDS), label=name) for name in sorted(names)}
    if data.draw(st.booleans(), label="known"):
        params["version"] = timeline.sources[data.draw(st.integers(0, 2))].plan.version
    assert_told(timed.get(path, params=params))


@settings(CHECKS, max_examples=40)
@given(st.text(max_size=30).filter(lambda word: word.strip("./?#")), st.text(max_size=30))
def test_any_versions(timed, one, other):
    from urllib.parse import quote

    assert_told(timed.get(f"/v1/versions/{quote(one, safe='')}"))
    assert_told(timed.get(f"/v1/versions/{quote(one, safe='')}..{quote(other, safe='')}"))


@CHECKS
@given(st.text(min_size=1, max_size=70).filter(lambda code: code.strip("./?#")), WORDS, WORDS)
def test_any_code_of_a_grid(client, code, level, at):
    from urllib.parse import quote

    assert_told(client.get(f"/v1/grids/{quote(code, safe='')}", params={"level": level, "at": at}))


@CHECKS
@given(st.lists(st.one_of(VALUES, st.dictionaries(NAMES, VALUES)), max_size=4), st.dictionaries(NAMES, VALUES))
def test_any_batch_in_json(client, points, defaults):
    body = json.dumps({"points": points} | defaults)
    assert_told(client.post("/v1/locate:batch", content=body, headers={"content-type": "application/json"}))


@CHECKS
@given(st.one_of(st.binary(max_size=60), st.text(max_size=60).map(lambda text: ("lon,lat,crs,at\n" + text).encode())))
def test_any_bytes_as_csv(client, body):
    for kind in ("text/csv", "application/json"):
        headers = {"content-type": kind, "accept": "application/json"}
        assert_told(client.post("/v1/locate:batch", content=body, headers=headers))
