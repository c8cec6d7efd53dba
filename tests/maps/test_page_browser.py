"""The saved page in a browser without a network: built, searched, hovered, and deaf to hostile names."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from map_browser import flag
from map_made import FakeRoster, made_circles, made_incidents, made_plan

from gridmap.grids.plan import Plan
from gridmap.maps.plan_map import plan_map, save_map

CALM = "return {violations: gmViolations, errors: gmErrors, fetched: performance.getEntriesByType('resource').length};"
FOUR_MB = 4_000_000
HOSTILE = (
    "<img src=x onerror=gmErrors.push('run')>",
    "</script><script>gmErrors.push('run')</script>",
    "<!--<script>",
    '"><svg onload=gmErrors.push(1)>',
    "{{ 7*7 }}{% raw %}",
    "\u2028'; gmErrors.push(1); '",
)


@pytest.fixture(scope="module")
def page(plan, circles, incidents, tmp_path_factory):
    """Give the saved page of the made county."""
    path = tmp_path_factory.mktemp("page") / "map.html"
    plan_map(plan, circles, incidents, roster=FakeRoster(plan)).save(path)
    return path


def test_all_layers_are_built_and_nothing_is_fetched(page, plan, circles, incidents, browse):
    found, dom = browse(page, CALM)
    drawn = int((incidents["outcome"] != "invalid").sum())
    grids = sum(len(layer) for layer in plan.layers.values())
    assert flag(dom, "ready") == f"4 levels {grids} grids {len(circles)} circles {drawn} incidents"
    assert found == {"violations": [], "errors": [], "fetched": 0}


def test_the_policy_stops_a_page_that_tries(page, browse, tmp_path):
    hostile = tmp_path / "map.html"
    hostile.write_text(page.read_text().replace("</body>", '<img src="http://127.0.0.1:9/x.png"></body>'))
    found, _ = browse(hostile, CALM)
    assert found["violations"] == ["http://127.0.0.1:9/x.png"]


@pytest.mark.parametrize(
    ("typed", "level"),
    [("exact", "small"), ("prefix", "medium"), ("name", "medium"), ("fullwidth", "small"), ("large", "large")],
)
def test_the_search_finds_codes_prefixes_and_names(page, plan, browse, typed, level):
    code = str(plan[level].index[3])
    asked = {"exact": code, "large": code, "prefix": code[:-1], "name": plan[level].loc[code, "name"],
             "fullwidth": "".join(chr(ord(each) + 0xFEE0) for each in code)}[typed]  # fmt: skip
    found, dom = browse(
        page,
        "const b = gridmap.app.chosen.getBounds(), m = gridmap.app.map.getBounds();"
        "return {inside: m.contains(b), box: [b.getWest(), b.getSouth(), b.getEast(), b.getNorth()],"
        " card: document.querySelector('.gm-found').textContent};",
        f"#code={asked}",
    )
    there = flag(dom, "found")
    assert there.startswith(code[:-1]) if typed == "prefix" else there == code
    assert found["inside"]
    assert found["box"] == pytest.approx(plan.layers[plan.level_of(there)].geometry[there].bounds, abs=5e-5)
    assert plan[plan.level_of(there)].loc[there, "name"] in found["card"]


def test_the_search_says_when_it_found_nothing(page, browse):
    found, dom = browse(page, "return document.querySelector('.gm-message').textContent;", "#code=<b>999")
    assert flag(dom, "found") == ""
    assert found == "没有找到 “<b>999”"


def test_typing_lists_and_enter_goes(page, plan, browse):
    found, dom = browse(
        page,
        "const box = document.querySelector('.gm-query'); box.value = '32029900';"
        "box.dispatchEvent(new Event('input')); const hits = document.querySelectorAll('.gm-hit').length;"
        "const more = document.querySelector('.gm-more').textContent;"
        "box.dispatchEvent(new KeyboardEvent('keydown', {key: 'Enter'}));"
        "return {hits, more, hash: location.hash};",
    )
    first = plan["large"].index[0]
    assert found["hits"] == 8
    assert re.fullmatch("另有 [0-9,]+ 个匹配，请继续输入", found["more"])
    assert (flag(dom, "found"), found["hash"]) == (first, f"#code={first}")


def test_tooltips_say_who_is_responsible(page, plan, browse):
    first, second = plan["small"].index[:2]
    points = [plan["small"].geometry[code].representative_point() for code in (first, second)]
    found, _ = browse(
        page,
        f"const at = {[[point.y, point.x] for point in points]};"
        "document.querySelectorAll('.gm-panel section:last-child input').forEach((box) => box.click());"
        "return at.map(([lat, lng]) => { const latlng = L.latLng(lat, lng);"
        " gridmap.app.map.fire('mousemove', {latlng, containerPoint: L.point(300, 300)});"
        " return document.querySelector('.gm-tip').innerText; });",
    )
    name = plan["large"].loc[plan["large"].index[0], "name"]
    assert first in found[0]
    assert "网格员 李** 139****2222" in found[0]
    assert second in found[1]
    assert f"网格长 赵** 138****1111（{name}）" in found[1]
    assert all(word in found[0] for word in ("户数", "面积", "上级", "编码", "责任人"))


def test_layers_are_switched_and_filled(page, browse):
    found, _ = browse(
        page,
        "const app = gridmap.app, on = (layer) => app.map.hasLayer(layer);"
        "const has = () => app.levels.map((l) => [on(l.fill), on(l.borders)]);"
        "const before = has(); const boxes = document.querySelectorAll('.gm-panel input[type=checkbox]');"
        "boxes[2].click(); const off = has(); boxes[2].click();"
        "document.querySelector('input[value=households]').click();"
        "const classes = document.querySelectorAll('.gm-classes .gm-line').length;"
        "document.querySelector('input[value=none]').click(); const none = has();"
        "boxes[4].click(); const ring = app.circles.layers.map(on);"
        "return {before, off, classes, none, ring};",
    )
    shown, hidden, line = [True, True], [False, False], [False, True]
    assert found["before"] == [line, line, shown, shown]
    assert found["off"] == [line, shown, hidden, shown]
    assert found["none"] == [line, line, line, line]
    assert found["classes"] == 5
    assert found["ring"] == [False, True, True]


def test_the_legend_counts(page, plan, incidents, browse):
    found, _ = browse(page, "return document.querySelector('.gm-panel').innerText.replace(/\\s+/g, ' ');")
    for title, layer in zip(("大网格", "中网格", "小网格", "微网格"), plan.layers.values(), strict=True):
        assert f"{title} {len(layer)}" in found
    for minutes in (5, 10, 15):
        assert f"{minutes} 分钟 6" in found  # the station off the network has no circle
    for title, outcome in (("已落格", "matched"), ("坐标无效", "invalid")):
        assert f"{title} {int((incidents['outcome'] == outcome).sum())}" in found


def test_hostile_names_are_inert(plan, circles, incidents, browse, tmp_path):
    layers = {level: layer.copy() for level, layer in plan.layers.items()}
    for layer in layers.values():
        layer["name"] = [HOSTILE[k % len(HOSTILE)] for k in range(len(layer))]
        layer["responsible_body"] = HOSTILE[0]
    from dataclasses import replace

    hostile = Plan(plan.levels, layers, metadata=replace(plan.metadata, name=HOSTILE[1]))
    bad = incidents.assign(type=HOSTILE[0], person=HOSTILE[1], outcome=HOSTILE[3])
    path = tmp_path / "map.html"
    save_map(plan_map(hostile, circles.assign(station=HOSTILE[1]), bad, unmask=True), path)
    for name in HOSTILE[:3]:
        assert name not in path.read_text()
    point = plan["small"].geometry.iloc[0].representative_point()
    found, dom = browse(
        path,
        "const app = gridmap.app, map = app.map;"
        f"const latlng = L.latLng({point.y}, {point.x}); app.over({{latlng, containerPoint: L.point(9, 9)}});"
        "document.querySelector('.gm-query').value = '<img'; app.search.suggest(); app.search.run('<img');"
        "app.tip.show([app.cards.incident(0)], L.point(9, 9));"
        "return {errors: gmErrors, images: document.images.length, said: document.querySelector('.gm-found').innerText,"
        " svg: document.querySelectorAll('svg[onload]').length};",
    )
    assert (found["errors"], found["images"], found["svg"]) == ([], 0, 0)
    assert HOSTILE[0] in found["said"]
    assert flag(dom, "ready").startswith("4 levels")


@pytest.mark.parametrize("levels", [("large",), ("small",), ("micro",)])
def test_a_plan_of_one_level(plan, levels, browse, tmp_path):
    tables = {level: plan[level].reset_index()[["code", "geometry"]] for level in levels}
    path = tmp_path / "map.html"
    plan_map(Plan.from_layers(tables)).save(path)
    found, dom = browse(path, CALM)
    assert found["errors"] == []
    assert flag(dom, "ready") == f"1 levels {len(plan.layers[levels[0]])} grids 0 circles 0 incidents"


@pytest.mark.slow
def test_a_whole_county_is_under_four_megabytes(browse, tmp_path):
    plan = made_plan(2021, 198, 12, 253, vertices=120)
    assert plan["small"].geometry.count_coordinates().mean() > 115
    path: Path = tmp_path / "map.html"
    start = time.perf_counter()
    plan_map(plan, made_circles(plan, 40), made_incidents(plan, 20_000), roster=FakeRoster(plan)).save(path)
    assert time.perf_counter() - start < 60
    assert path.stat().st_size < FOUR_MB
    found, dom = browse(
        path,
        "const start = performance.now(); gridmap.app.points.repaint(); const points = performance.now() - start;"
        "return {points, errors: gmErrors, violations: gmViolations};",
    )
    assert re.fullmatch(r"4 levels 2484 grids 121 circles 19\d\d\d incidents", flag(dom, "ready"))
    assert (found["errors"], found["violations"]) == ([], [])
    assert found["points"] < 1000
