"""The widget in a browser, driven by mouse and keys; every number on the page is the draft's."""

from __future__ import annotations

import math

import pytest
from draft_made import COMMUNITIES, SIDE, SOUTH, WEST, made_buildings, made_draft, made_streets, middle
from map_browser import CHROMIUM
from widget_browser import Browser, Stand

import gridmap
from gridmap.maps import draft_map as home

FIRST, SECOND, THIRD = (f"{COMMUNITIES[0]}{k:03d}" for k in (1, 2, 3))


@pytest.fixture(scope="module")
def begun():
    return made_draft()


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed (apt-get install chromium)")
    opened = Browser()
    yield opened
    opened.close()


@pytest.fixture
def stand(begun, browser):
    widget = gridmap.draft_map(begun.branch(), made_streets(), made_buildings())
    stand = Stand(widget, browser)
    yield stand
    assert browser.run("window.errors") == []


def pick(stand, column, row):
    stand.browser.click(*stand.at(*middle(column, row)))
    stand.settle()


def aim(stand, column, row):
    stand.browser.click(*stand.at(*middle(column, row)), button="right")
    stand.settle()


def in_band(stand):
    return stand.text('.gmd-tile[data-figure="in_band"] b')


def row_of(stand, code):
    return stand.text(f'.gmd-last tr[data-code="{code}"]').split()


def test_click_a_block_press_move_see_the_numbers_change_and_undo(stand):
    draft = stand.widget.draft
    assert in_band(stand) == "100.0%"
    pick(stand, 3, 0)
    assert stand.widget.selected_blocks == [3]
    assert "1 个街块 · 40 户" in stand.text(".gmd-count")
    pick(stand, 3, 0)
    assert stand.widget.selected_blocks == []
    pick(stand, 3, 0)
    aim(stand, 0, 2)
    assert stand.widget.selected_grids == [FIRST]
    stand.do("move")
    assert draft["small"].loc[FIRST, "households"] == 280
    assert in_band(stand) == "75.0%"
    assert {"240", "280", "+16.7%"} <= set(row_of(stand, FIRST))
    assert {"240", "200"} <= set(row_of(stand, SECOND))
    stand.do("undo")
    assert in_band(stand) == "100.0%"
    assert draft["small"].loc[FIRST, "households"] == 240
    stand.do("redo")
    assert in_band(stand) == "75.0%"


def test_lasso_many(stand):
    stand.tool("lasso")
    x, y = stand.at(*middle(1, 1))
    side = stand.at(*middle(2, 1))[0] - x
    around = [(x + 1.7 * side * math.cos(a / 8), y + 1.7 * side * math.sin(a / 8)) for a in range(50)]
    stand.browser.drag(around)
    stand.settle()
    stand.wait("(() => { const v = document.querySelector('.gmd').gridmapView; return v.rows().length; })()")
    # blocks are 1 wide and 1.17 high on the map: a diagonal is 1.54
    assert sorted(stand.widget.selected_blocks) == [0, 1, 2, 12, 13, 14, 24, 25, 26]
    stand.press(".gmd-clear")
    assert stand.widget.selected_blocks == []


def test_a_refused_move_is_explained_shown_and_its_offer_taken(stand):
    pick(stand, 5, 0)
    aim(stand, 0, 0)
    far = stand.view("v.main.map.getZoom()")
    stand.do("move")
    assert "网格会断成几块" in stand.text(".gmd-refused .gmd-title")
    # zoomed to the place, which is marked
    assert stand.view("v.main.map.getZoom()") > far
    inside = "v.main.map.getBounds().contains(v.refusedPlace.getBounds())"
    assert stand.view(f"{inside} && v.refusedPlace.getBounds().contains([{middle(5, 0)[1]}, {middle(5, 0)[0]}])")
    stand.press('[data-option="0"]')
    assert stand.widget.draft.blocks().set_index("block").loc[5, "small"] == THIRD
    assert stand.browser.run("document.querySelector('.gmd-refused') === null")


def test_a_line_splits_and_what_it_would_cut_is_led_round(stand):
    stand.tool("line")
    for row in (-0.65, 3.65):
        stand.browser.click(*stand.at(WEST + 6.5 * SIDE, middle(0, row)[1]))
    stand.do("line")
    assert "会切开建筑" in stand.text(".gmd-refused .gmd-title")
    stand.press('[data-option="0"]')
    draft = stand.widget.draft
    assert THIRD not in draft["small"].index
    assert draft.metrics().buildings_cut == 0
    assert stand.text('.gmd-tile[data-figure="count"] b') == "9"
    stand.do("undo")
    stand.press(".gmd-tool:last-child")
    # between the buildings nothing stands in the way; the picked grid is the one that is split
    aim(stand, 7, 2)
    for row in (-0.65, 3.65):
        stand.browser.click(*stand.at(WEST + 6.78 * SIDE, middle(0, row)[1]))
    stand.do("line")
    assert THIRD not in draft["small"].index
    assert len(draft.blocks()) == 100
    # a piece of a cut block is a block like any other
    stand.tool("blocks")
    stand.browser.click(*stand.at(WEST + 6.9 * SIDE, SOUTH + SIDE / 2))
    stand.settle()
    (piece,) = stand.widget.selected_blocks
    assert piece == draft.block_at(WEST + 6.9 * SIDE, SOUTH + SIDE / 2) >= 96


def test_grids_are_merged_locked_compared_and_proposed(stand):
    stand.tool("grids")
    pick(stand, 1, 1)
    pick(stand, 4, 1)
    assert stand.widget.selected_grids == [FIRST, SECOND]
    stand.do("merge")
    draft = stand.widget.draft
    assert FIRST not in draft["small"].index
    stand.tool("compare")
    lon, lat = middle(1, 1)
    codes = f"(m => m.codes[m.label[m.at({{lng: {lon}, lat: {lat}}})]])"
    assert stand.view(f"{codes}(v.current.layer.mosaic)") == FIRST
    assert stand.view(f"{codes}(v.mosaic)") in draft["small"].index
    assert stand.view("v.current.layer.marks.changed.size") == 24
    stand.view("v.main.map.setView([31.503, 120.304], 16, {animate: false}) && 1")
    assert stand.view("v.current.map.getZoom()") == 16
    assert stand.view("v.current.map.getCenter().distanceTo(v.main.map.getCenter())") < 1
    stand.tool("compare")
    aim(stand, 7, 1)
    stand.do("lock")
    assert draft.locked == {THIRD}
    stand.do("propose")
    assert stand.widget.proposed.version in stand.text(".gmd-proposed")
    assert len(stand.widget.proposed["small"]) == 7


def test_what_code_does_is_shown_and_picks_on_the_map(stand):
    widget = stand.widget
    widget.draft.move([3], to=FIRST)
    widget.refresh()
    stand.pump()
    assert in_band(stand) == "75.0%"
    widget.selected_blocks = [0, 1]
    stand.pump()
    assert "2 个街块 · 50 户" in stand.text(".gmd-count")


def test_the_canvas_has_the_colours_of_the_legend(stand):
    stand.widget.draft.merge([FIRST, SECOND])
    stand.widget.refresh()
    stand.pump()

    def colour(column, row):
        x, y = middle(column, row + 0.34)
        return stand.view(
            f"(() => {{ const c = v.layer._ctx, p = v.main.map.latLngToLayerPoint([{y}, {x}]), b = v.layer._bounds.min;"
            " return [...c.getImageData(Math.round(p.x - b.x), Math.round(p.y - b.y), 1, 1).data].slice(0, 3); })()"
        )

    far, below = [0xD7, 0x73, 0x1F], [0xBD, 0xB4, 0xDA]
    assert colour(0, 0) == far  # twice the others: 75 % above the mean of seven
    assert colour(6, 0) == below  # 12.5 % below it
    stand.tool("compare")
    assert colour(0, 0) not in (far, [0xE3, 0xE7, 0xDD])  # hatched: it has another code now
    assert colour(6, 0) == below
    stand.tool("compare")
    assert colour(0, 0) == far


def test_without_anywidget_there_is_a_map_to_look_at(begun, monkeypatch):
    monkeypatch.setattr(home, "find_spec", lambda name: None)
    with pytest.warns(UserWarning, match="pip install"):
        page = home.draft_map(begun)
    assert "Content-Security-Policy" in page.get_root().render()
