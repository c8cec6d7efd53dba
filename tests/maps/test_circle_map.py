"""The page of walking circles: what is in its file, what a browser makes of it, and what must not be."""

from __future__ import annotations

import json
import re

import folium
import geopandas as gpd
import pandas as pd
import pytest
import shapely
from map_browser import flag

import gridmap
from gridmap.errors import InputError
from gridmap.geo.io import write_layers
from gridmap.maps.circle_data import stations_of
from gridmap.maps.circle_map import circle_map

HOSTILE = "</script><script>gmErrors.push('run')</script><img src=x onerror=gmErrors.push('run')>"
CALM = "return {violations: gmViolations, errors: gmErrors, fetched: performance.getEntriesByType('resource').length};"
SHOWN = "gridmap.app.lines.map((line) => [line.section, line.title, gridmap.app.map.hasLayer(line.layer)])"


def data_of(text):
    return json.loads(re.search(r'id="gridmap-data">(.*?)</script>', text, flags=re.DOTALL).group(1))


def saved(page, folder):
    page.save(folder / "circles.html")
    return folder / "circles.html"


def whole(walked, **options):
    given = {"stations": walked.stations, "cover": walked.cover, "proposed": walked.sites, "network": walked.network}
    return circle_map(walked.circles, **(given | {"catchments": walked.catchments} | options))


@pytest.fixture(scope="module")
def page(walked, tmp_path_factory):
    return saved(whole(walked, area_names=walked.names), tmp_path_factory.mktemp("circles"))


def test_the_facade_gives_a_folium_map(walked):
    assert gridmap.circle_map is circle_map
    assert isinstance(circle_map(walked.circles), folium.Map)


def test_a_browser_draws_every_layer_and_fetches_nothing(page, walked, browse):
    found, dom = browse(page, CALM)
    assert found == {"violations": [], "errors": [], "fetched": 0}
    assert flag(dom, "ready") == (
        f"{len(walked.circles)} circles {len(walked.stations)} stations {len(walked.cover.gaps)} gaps 2 proposed"
    )


def test_all_is_shown_at_first_but_the_circles_as_the_crow_flies(page, browse):
    found, _ = browse(page, f"return {SHOWN};")
    off = [(section, title) for section, title, shown in found if not shown]
    assert off == [("comparison", "直线距离圆（仅供对比）")]
    assert {"5 分钟", "10 分钟", "15 分钟", "覆盖缺口", "建议新增站点", "就近归属区", "水面", "铁路"} <= {
        title for _, title, _ in found
    }


def test_straight_circles_are_dashed_and_as_wide_as_one_walks_in_the_time(page, walked, browse):
    found, _ = browse(
        page,
        "const line = gridmap.app.lines.find((each) => each.section === 'comparison');"
        "return line.layer.getLayers().map((each) => [each.getRadius(), each.options.dashArray, each.options.fill]);",
    )
    assert len(found) == 3 * len(walked.stations)
    assert sorted({radius for radius, _, _ in found}) == pytest.approx([330, 660, 990])
    assert all(dashes and not filled for _, dashes, filled in found)


def test_straight_circles_are_shown_where_asked(walked, browse, tmp_path):
    found, _ = browse(saved(whole(walked, straight=True), tmp_path), f"return {SHOWN};")
    assert all(shown for _, _, shown in found)


def test_gaps_are_ranked_and_tell_households_minutes_reason_and_place(page, walked, browse):
    found, _ = browse(
        page,
        "const app = gridmap.app, group = app.lines.find((line) => line.title === '覆盖缺口').layer;"
        "return group.getLayers().filter((each) => each.getIcon).map((each) => { each.openPopup();"
        " const said = [...document.querySelectorAll('.leaflet-popup-content')].pop().innerText; each.closePopup();"
        " return [each.getElement().innerText, said, each.getLatLng().lat, each.getLatLng().lng]; });",
    )
    gaps = walked.cover.gaps
    assert [label for label, *_ in found] == [str(rank + 1) for rank in range(len(gaps))]
    for (_, said, lat, lng), row in zip(found, gaps.itertuples(), strict=True):
        words = f"{row.households:,.0f}", f"{row.minutes:.1f} 分钟", "步行超时", walked.names[row.area]
        assert all(word in said for word in words)
        assert row.geometry.distance(shapely.Point(lng, lat)) < 1e-5


def test_stations_and_proposed_stations_say_what_they_reach(page, walked, browse):
    found, _ = browse(
        page,
        "const said = (layer) => { layer.openPopup();"
        " const text = [...document.querySelectorAll('.leaflet-popup-content')].pop().innerText;"
        " layer.closePopup(); return text; };"
        "const of = (section, word) => gridmap.app.lines.filter((line) => line.section === section &&"
        " (!word || line.title === word)).flatMap((line) => line.layer.getLayers().map(said));"
        "return {stations: of('stations'), proposed: of('planning', '建议新增站点')};",
    )
    assert len(found["stations"]) == len(walked.stations)
    for row in walked.stations.itertuples():
        (said,) = [each for each in found["stations"] if row.station in each]
        figures = walked.cover.by_station.loc[row.station]
        assert row.name in said
        assert f"{figures['households']:,.0f}" in said
        assert f"{figures['load']:.0%}" in said
    for said, row in zip(found["proposed"], walked.sites.itertuples(), strict=True):
        assert f"{row.households:,.0f}" in said
        assert f"{row.minutes_after:.1f} 分钟" in said


def test_a_click_tells_which_stations_one_reaches(page, walked, browse):
    """Asked of shapely: the smallest circle of each station that holds the place."""
    place = walked.stations.geometry.iloc[0]
    found, _ = browse(
        page,
        f"gridmap.app.ask(L.latLng({place.y}, {place.x})); return document.querySelector('.leaflet-popup').innerText;",
    )
    holding = walked.circles[walked.circles.geometry.contains(place)].groupby("station")["minutes"].min()
    names = walked.stations.set_index("station")["name"]
    assert len(holding) >= 1
    for station, minutes in holding.items():
        assert re.search(rf"{names[station]}\s*≤ {minutes:g} 分钟", found)


def test_nearer_rings_stay_above_wider_ones(page, browse):
    found, _ = browse(
        page,
        "const app = gridmap.app, ticks = [...document.querySelectorAll('.gm-panel input')];"
        "ticks[2].click(); ticks[2].click();"
        "const order = []; for (let at = app.renderers.rings._drawFirst; at; at = at.next) order.push(at.layer);"
        "return app.rings.map((group) => group.getLayers().map((each) => order.indexOf(each)));",
    )
    five, ten, fifteen = found
    assert min(five) > max(ten)
    assert min(ten) > max(fifteen)


def test_the_page_says_under_which_conditions_and_in_english(walked, tmp_path, monkeypatch):
    monkeypatch.setenv("GRIDMAP_LANG", "en")
    data = data_of(saved(whole(walked), tmp_path).read_text())
    assert data["notes"] == [
        "walking at 1.1 m/s", "date of the streets unknown", "not crossed: Water 3, Railways 2"
    ]  # fmt: skip
    assert data["shares"] == [f"{share:.1%}" for share in walked.cover.by_minutes["share"]]
    assert data["words"]["straight"] == "straight line (comparison only)"


def test_a_station_far_away_is_marked_and_does_not_make_the_others_small(walked, browse, tmp_path):
    far = gpd.GeoDataFrame({"station": ["远"]}, geometry=[shapely.Point(121.5, 31.2)], crs=4490)
    stations = pd.concat([walked.stations, far], ignore_index=True)
    circles = gridmap.service_circles(walked.network, stations)
    path = saved(circle_map(circles, stations=stations), tmp_path)
    west, _, east, _ = data_of(path.read_text())["bounds"]
    assert (west, east) == pytest.approx(walked.circles.total_bounds[[0, 2]], abs=1e-3)
    found, _ = browse(path, f"return {SHOWN};")
    assert ["stations", "远离路网", True] in found


def test_hostile_names_are_inert(walked, browse, tmp_path):
    stations = walked.stations.assign(name=HOSTILE)
    path = saved(
        whole(walked, stations=stations, title=HOSTILE, area_names=dict.fromkeys(walked.names, HOSTILE)), tmp_path
    )
    assert HOSTILE not in path.read_text()
    found, _ = browse(
        path,
        "gridmap.app.lines.filter((line) => line.section !== 'base').forEach((line) => line.layer.getLayers()"
        ".forEach((each) => each.getPopup() && each.openPopup()));"
        "return {errors: gmErrors, images: document.images.length};",
    )
    assert found == {"errors": [], "images": 0}


def test_circles_without_anything_else_and_without_land(walked, tmp_path, browse):
    alone = walked.circles.assign(geometry=[shapely.MultiPolygon()] * len(walked.circles))
    found, dom = browse(saved(circle_map(alone, stations=walked.stations), tmp_path), CALM)
    assert found["errors"] == []
    assert flag(dom, "ready") == f"{len(alone)} circles {len(walked.stations)} stations 0 gaps 0 proposed"


def test_no_circles_and_missing_columns_are_refused(walked):
    with pytest.raises(InputError, match="no circles"):
        circle_map(walked.circles.iloc[:0])
    with pytest.raises(InputError, match=r"'nr'; there is station, name"):
        circle_map(walked.circles, stations=walked.stations, station="nr")


def test_stations_of_a_group_show_what_the_group_reaches(walked):
    stations = walked.stations.assign(part=["东", "东", "西", None, "西"])
    circles = gridmap.service_circles(walked.network, stations, group="part")
    cover = gridmap.coverage(walked.network, stations, walked.homes, group="part")
    table = stations_of(stations, circles, cover, group="part").set_index("station")
    assert (
        table["households"].tolist() == cover.by_station.loc[["东", "东", "西", "S0004", "西"], "households"].tolist()
    )
    assert table["outcome"].isin(["ok", "clipped"]).all()


def test_stations_of_a_joined_table_and_one_that_is_nowhere_are_drawn_as_far_as_they_are_somewhere(walked, tmp_path):
    lost = gpd.GeoDataFrame({"station": ["失"]}, geometry=[shapely.Point(float("nan"), float("nan"))], crs=4490)
    stations = pd.concat([walked.stations, lost.to_crs(walked.stations.crs)])  # the index repeats
    circles = gridmap.service_circles(walked.network, stations)
    shown = data_of(saved(circle_map(circles, stations=stations), tmp_path).read_text())
    assert json.dumps(shown, allow_nan=False).count('"失"') <= 1
    write_layers({"stations": stations}, tmp_path / "s.gpkg")
    assert len(gridmap.read_layer(tmp_path / "s.gpkg", checked=False)) == len(stations)
