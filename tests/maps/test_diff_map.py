"""Two plans on one page, in a browser without a network: both halves drawn, moved together, changes told."""

from __future__ import annotations

import sys
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely
from map_browser import flag

import gridmap
from gridmap.errors import InputError
from gridmap.grids.plan import Plan
from gridmap.maps.diff_map import CHANGE_COLOURS, CHANGE_TITLES, diff_map

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "grids"))

CALM = "return {violations: gmViolations, errors: gmErrors, fetched: performance.getEntriesByType('resource').length};"


@pytest.fixture(scope="module")
def plans():
    """Give two plans of which one grid was split, two merged, one retired, one is new, two swapped ground."""
    from compare_made import made_plan

    before = np.repeat(np.repeat(np.arange(1, 13).reshape(3, 4), 3, 0), 4, 1)
    after = before.copy()
    after[before == 1] = 13
    after[:3, 2:4] = 14
    after[(before == 6) | (before == 7)] = 15
    after[0:2, 7] = 3
    after[before == 12] = 11
    after[-1, 0:3] = 16
    return made_plan(before), made_plan(after)


@pytest.fixture(scope="module")
def page(plans, tmp_path_factory):
    """Give the saved page."""
    path = tmp_path_factory.mktemp("diff") / "diff.html"
    diff_map(*plans).save(path)
    return path


def test_both_halves_are_there_and_nothing_is_fetched(page, plans, browse):
    found, dom = browse(page, CALM)
    delta = gridmap.compare_plans(*plans)
    assert flag(dom, "ready") == f"3 levels {len(delta.changed)} changes"
    assert found == {"violations": [], "errors": [], "fetched": 0}


def test_what_moves_one_half_moves_the_other(page, browse):
    script = """
      const [a, b] = gridmap.app.halves.map((half) => half.map);
      const places = [];
      for (const [mover, zoom] of [[a, 14], [b, 15.5], [a, 13]]) {
        mover.setView([31.001, 120.003 + zoom / 1e4], zoom, { animate: false });
        mover.panBy([40, 25], { animate: false });
        places.push([a, b].map((map) => [map.getCenter().lat, map.getCenter().lng, map.getZoom()]));
      }
      return { places, sizes: [a.getSize(), b.getSize()] };"""
    found, _ = browse(page, script)
    for old, new in found["places"]:
        assert old == pytest.approx(new, abs=4e-5)  # a pixel
    sizes = [(size["x"], size["y"]) for size in found["sizes"]]
    assert sizes[0] == sizes[1]
    assert min(sizes[0]) > 300


def test_grids_have_the_colour_of_what_became_of_them(page, plans, browse):
    script = """
      const level = gridmap.app.levels[1];
      return level.sides.map((side) => Object.fromEntries(side.codes.map((code, i) =>
        [code, gridmap.app.colour(level, side.row[i])])));"""
    found, _ = browse(page, script)
    rows = gridmap.compare_plans(*plans).grids.query("level == 'small'")
    expected: list[dict[str, str]] = [{}, {}]
    for row in rows.itertuples():
        for side, codes in enumerate((row.old, row.new)):
            # of a new grid who held it, and of a retired one who holds it, has a colour of its own
            if (row.change, side) not in (("new", 0), ("retired", 1)):
                expected[side].update(dict.fromkeys(codes, CHANGE_COLOURS[row.change]))
    assert found == expected


def test_the_list_leads_to_the_spot_and_marks_it_on_both_sides(page, browse):
    script = """
      const { app } = gridmap;
      const buttons = [...document.querySelectorAll(".gm-change")];
      const button = buttons.find((each) => each.textContent.includes("320214001015"));
      button.click();
      const bounds = app.halves.map((half) => half.map.getBounds());
      const level = app.levels[1];
      return {
        text: button.textContent, chosen: document.documentElement.dataset.chosen,
        marked: app.halves.map((half) => half.chosen.getLatLngs().length),
        seen: app.chosen.grids.map((grids, side) =>
          grids.every((i) => bounds[side].contains(level.sides[side].areas.bounds(i)))),
      };"""
    found, _ = browse(page, script)
    assert found["chosen"] == "320214001006、320214001007 → 320214001015"
    assert found["marked"] == [2, 1]
    assert found["seen"] == [True, True]
    assert "2,400" in found["text"]


def test_the_tip_tells_households_before_after_and_moved(page, browse):
    script = """
      const { app } = gridmap;
      const tell = (side, code) => {
        const half = app.halves[side];
        const areas = app.levels[1].sides[side].areas;
        const at = areas.bounds(app.levels[1].sides[side].codes.indexOf(code)).getCenter();
        half.map.fire("mousemove", { latlng: at, containerPoint: half.map.latLngToContainerPoint(at) });
        return { text: half.tip.box.innerText, other: app.halves[1 - side].hover.getLatLngs().length };
      };
      return [tell(0, "320214001002"), tell(1, "320214001015"), tell(0, "320214001004"), tell(0, "320214001012")];"""
    (given, merged, kept, retired), _ = browse(page, script)
    assert "1,200 → 1,000" in given["text"]
    assert "200" in given["text"].split("1,000")[1]
    assert "320214001006、320214001007" in merged["text"]
    assert merged["other"] == 2
    assert kept["other"] == 1
    assert "320214001011" in retired["text"]


def test_levels_and_kinds_can_be_chosen(page, browse):
    script = """
      const list = () => document.querySelectorAll(".gm-change").length;
      const all = list();
      document.querySelector("input[value=split]").click();
      const without = list();
      document.querySelector("input[value=large]").click();
      return { all, without, large: list(), said: document.querySelector(".gm-empty") !== null };"""
    found, _ = browse(page, script)
    assert found["without"] == found["all"] - 1
    assert found["large"] == 0
    assert found["said"]


def test_hostile_names_stay_text(browse, tmp_path):
    name = "</script><img src=x onerror=gmErrors.push('run')>"
    west, east = shapely.box(120, 31, 120.1, 31.1), shapely.box(120.1, 31, 120.2, 31.1)
    old, new = (
        Plan.from_layers(
            {"small": gpd.GeoDataFrame({"code": codes, "name": [name] * len(codes)}, geometry=shapes, crs=4490)}
        )
        for codes, shapes in ((["<b>1"], [shapely.union(west, east)]), (["<b>1", "2"], [west, east]))
    )
    diff_map(old, new).save(tmp_path / "diff.html")
    found, dom = browse(tmp_path / "diff.html", CALM)
    assert found == {"violations": [], "errors": [], "fetched": 0}
    assert "&lt;img src=x" in dom


def test_a_comparison_of_other_plans_is_refused(plans):
    from compare_made import made_plan

    delta = gridmap.compare_plans(made_plan([[1, 2]]), made_plan([[77, 2]]))
    with pytest.raises(InputError, match="77"):
        diff_map(*plans, delta=delta)


def test_every_change_has_a_title_and_a_colour():
    from gridmap.grids.compare_changes import CHANGES

    assert list(CHANGE_TITLES) == list(CHANGE_COLOURS) == list(CHANGES)
