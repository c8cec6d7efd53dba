"""``gridmap circles`` as a planner runs it: on the small town, on real places, and on what goes wrong."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pyogrio
import pytest
import shapely

import gridmap

TOWN = Path(__file__).resolve().parents[2] / "data" / "town"
STATIONS = TOWN / "stations.gpkg"
WALK = (
    "circles", "--network", TOWN / "streets.gpkg", "--water", TOWN / "water.gpkg", "--rail", TOWN / "rail.gpkg",
)  # fmt: skip
HOMES = ("--demand", f"{TOWN / 'buildings.gpkg'}:households")


def layer(path, name):
    return gridmap.read_layer(path, layer=name)


@pytest.fixture(scope="module")
def network():
    return gridmap.read_network(TOWN / "streets.gpkg", water=TOWN / "water.gpkg", rail=TOWN / "rail.gpkg")


@pytest.fixture(scope="module")
def full(run_gridmap, tmp_path_factory):
    """Everything a command line can ask for at once: what it printed, the file, the page."""
    folder = tmp_path_factory.mktemp("circles")
    command = [
        *WALK, "--stations", STATIONS, *HOMES, "--areas", f"{TOWN / 'communities.gpkg'}:code",
        "--facilities", f"{TOWN / 'buildings.gpkg'}:building", "--capacity", "capacity", "--propose", "2",
        "--catchments", "--map", folder / "c.html", "-o", folder / "c.gpkg",
    ]  # fmt: skip
    return run_gridmap(*command).stdout, folder / "c.gpkg", folder / "c.html"


@pytest.fixture(scope="module")
def cover(network):
    return gridmap.coverage(
        network, STATIONS, TOWN / "buildings.gpkg", minutes=(5, 10, 15), areas=TOWN / "communities.gpkg"
    )


def test_one_file_holds_what_a_planner_opens(full, cover):
    _, file, _ = full
    names = ["circles", "stations", "areas", "gaps", "proposed", "catchments", "coverage"]
    assert sorted(pyogrio.list_layers(file)[:, 0]) == sorted(names)
    assert len(gridmap.read_layer(file)) == 15  # the circles are what is read where no layer is named
    stations = layer(file, "stations").set_index("station")
    assert stations["households"].equals(cover.by_station["households"])
    assert set(stations["outcome"]) <= {"ok", "clipped"}
    assert layer(file, "gaps")["households"].tolist() == cover.gaps["households"].tolist()
    assert layer(file, "gaps")["rank"].tolist() == list(range(1, len(cover.gaps) + 1))
    areas = layer(file, "areas").set_index("code")
    assert areas["covered"].to_dict() == cover.by_area["covered"].to_dict()
    assert len(layer(file, "proposed")) == 2
    assert shapely.coverage_is_valid(layer(file, "catchments").geometry.values)
    table = pyogrio.read_dataframe(file, layer="coverage").set_index("minutes")
    assert table["exact"].tolist() == cover.by_minutes["covered"].tolist()


def test_the_file_is_what_the_library_makes(full, network):
    _, file, _ = full
    made = gridmap.service_circles(network, STATIONS)
    read = gridmap.read_layer(file)
    assert read.drop(columns="geometry").equals(made.drop(columns="geometry"))
    assert read.geometry.geom_equals_exact(made.geometry, 1e-9).all()


@pytest.mark.parametrize("name", ["circles", "stations", "gaps", "proposed", "catchments"])
def test_speed_date_and_barriers_travel_in_every_layer(full, network, name):
    attrs = layer(full[1], name).attrs
    made = gridmap.service_circles(network, STATIONS, minutes=[5]).attrs
    assert attrs == made
    assert attrs["barriers"] == {"water": 3, "rail": 2}
    assert attrs["speed_m_s"] == 1.1
    assert {"network_date", "pace"} <= set(attrs)


def test_exact_coverage_is_printed_beside_the_polygons_with_a_reason(full, cover):
    said, _, _ = full
    for minutes, row in cover.by_minutes.iterrows():
        assert re.search(rf"│ {minutes:g} +│ +{row['covered']:,.0f} │ {row['share']:.2%}", said)
    assert "a polygon's line runs straight between cells of 20 m" in said
    assert "further than 100 m from any street count in neither" in said
    for area, row in cover.by_area.iterrows():
        assert re.search(rf"{area}.*{row['share']:.1%}", said)


def test_the_page_shows_them_without_a_network(full):
    page = full[2].read_text()
    assert "default-src 'none'" in page
    assert "gridmap.openCircles(" in page


def test_the_elderly_walk_slower(run_gridmap, tmp_path, network):
    run_gridmap(*WALK, "--stations", STATIONS, "--elderly", "--minutes", "10", "-o", tmp_path / "c.gpkg")
    rings = gridmap.read_layer(tmp_path / "c.gpkg")
    slow = gridmap.service_circles(network, STATIONS, minutes=[10], speed_m_s=0.8)
    assert rings["area_m2"].tolist() == pytest.approx(slow["area_m2"].tolist())
    assert set(rings["speed_m_s"]) == {0.8}
    help_text = run_gridmap("circles", "--help").stdout
    assert "0.8" in help_text
    run_gridmap(*WALK, "--stations", STATIONS, "--elderly", "--speed", "1", "-o", tmp_path / "d.gpkg", check=2)


def with_bad_stations(path):
    """The town's stations, one in a lake, one in another province, one that was never surveyed."""
    good = gpd.read_file(STATIONS)
    lake = max(gpd.read_file(TOWN / "water.gpkg").geometry, key=lambda shape: shape.area)
    shapes = [lake.representative_point(), shapely.Point(118.0, 30.0), None]
    bad = gpd.GeoDataFrame({"station": ["湖心", "外省", "未测"], "part": "坏"}, geometry=shapes, crs=good.crs)
    pd.concat([good.assign(part="好"), bad], ignore_index=True).to_file(path)
    return len(good)


def test_bad_stations_are_named_with_reasons_and_stop_nobody(run_gridmap, tmp_path):
    good = with_bad_stations(tmp_path / "s.gpkg")
    done = run_gridmap(*WALK, "--stations", tmp_path / "s.gpkg", *HOMES, "-o", tmp_path / "c.gpkg")
    rings = gridmap.read_layer(tmp_path / "c.gpkg")
    assert len(rings) == 3 * (good + 3)
    assert (~rings.geometry.is_empty).sum() == 3 * good
    assert re.search("外省: off_network, .*outside the network's extent", done.stdout)
    assert re.search("未测: off_network, it has no geometry", done.stdout)
    counted = re.findall(r"│ 15 +│ \w+ +│ +(\d+) │", done.stdout)
    assert sum(map(int, counted)) == good + 3


def test_groups_have_one_circle_and_their_bad_stations_are_still_named(run_gridmap, tmp_path):
    with_bad_stations(tmp_path / "s.gpkg")
    stations = gpd.read_file(tmp_path / "s.gpkg").assign(part="全镇")
    stations.to_file(tmp_path / "s.gpkg")
    done = run_gridmap(
        *WALK, "--stations", tmp_path / "s.gpkg", "--group", "part", "--minutes", "15", "-o", tmp_path / "c.gpkg"
    )
    assert gridmap.read_layer(tmp_path / "c.gpkg")["station"].tolist() == ["全镇"]
    table = layer(tmp_path / "c.gpkg", "stations").set_index("station")["outcome"]
    assert (table[["外省", "未测"]] == "off_network").all()
    assert table["S0001"] in ("ok", "clipped")
    assert re.search("外省: off_network, ", done.stdout)


@pytest.mark.parametrize(
    ("option", "there"),
    [
        (("--station", "nr"), "name"), (("--group", "nr"), "community"), (("--capacity", "nr"), "capacity"),
        (("--demand", f"{TOWN / 'buildings.gpkg'}:nr"), "households"),
        (("--areas", f"{TOWN / 'communities.gpkg'}:nr"), "code"),
        (("--facilities", f"{TOWN / 'buildings.gpkg'}:nr"), "building"),
        (("--propose", "1", "--candidates", f"{STATIONS}:nr"), "station"),
    ],
)  # fmt: skip
def test_an_unknown_column_is_one_line_that_names_those_there_are(run_gridmap, tmp_path, option, there):
    homes = () if "--demand" in option else HOMES
    done = run_gridmap(*WALK, "--stations", STATIONS, *homes, *option, "-o", tmp_path / "c.gpkg", check=2)
    assert "'nr'" in done.stderr
    assert there in done.stderr
    assert "\n" not in done.stderr.strip()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--areas", f"{TOWN / 'communities.gpkg'}:code"), "--areas: households are counted only with --demand"),
        (("--target", "0.8"), "--target: households are counted only with --demand"),
        ((*HOMES, "--propose", "1", "--target", "0.8"), "give one of them"),
        ((*HOMES, "--candidates", STATIONS), "--propose K or --target SHARE"),
        ((*HOMES, "--propose", "0"), "whole numbers from 1"),
        (("--minutes", "0"), "above zero"),
        (("--cell", "0"), "20 is usual"),
        (("--speed", "-1"), "above zero"),
    ],
)
def test_options_that_make_no_sense_are_refused(run_gridmap, tmp_path, options, said):
    done = run_gridmap(*WALK, "--stations", STATIONS, *options, "-o", tmp_path / "c.gpkg", check=2)
    assert said in done.stderr
    assert not list(tmp_path.iterdir())


def test_a_target_that_cannot_be_reached_says_how_far_candidates_do(run_gridmap, tmp_path):
    done = run_gridmap(
        *WALK, "--stations", STATIONS, *HOMES, "--target", "1", "--candidates", f"{STATIONS}:station",
        "-o", tmp_path / "c.gpkg", check=2,
    )  # fmt: skip
    assert "the largest gaps left" in done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("suffix", ["geojson", "parquet"])
def test_other_formats_hold_the_circles_and_say_what_they_leave_out(run_gridmap, tmp_path, suffix):
    file = tmp_path / f"c.{suffix}"
    done = run_gridmap(*WALK, "--stations", STATIONS, *HOMES, "-o", file)
    assert "the circles alone" in done.stdout
    assert len(gridmap.read_layer(file)) == 15


def test_interrupted_it_leaves_nothing(shared, tmp_path):
    extract = shared("liechtenstein") / "liechtenstein_2021.osm.pbf"
    spots = gridmap.read_layer(extract, role="addresses")
    points = gpd.GeoDataFrame({"station": range(len(spots))}, geometry=spots.representative_point(), crs=spots.crs)
    points.to_file(tmp_path / "s.gpkg")
    command = [
        sys.executable, "-c", "from gridmap.cli import main; main()", "circles", "--network", extract,
        "--stations", tmp_path / "s.gpkg", "--minutes", "5,10,15,30,60", "--cell", "10", "-o", tmp_path / "c.gpkg",
    ]  # fmt: skip
    process = subprocess.Popen(list(map(str, command)), stderr=subprocess.PIPE, text=True)
    time.sleep(4)
    process.send_signal(signal.SIGINT)
    # On a fresh machine kernels are compiled first, and compiling is not interrupted.
    _, said = process.communicate(timeout=300)
    assert process.returncode == 130
    assert "写了一半" in said or "half-written" in said
    assert [path.name for path in tmp_path.iterdir()] == ["s.gpkg"]


def test_a_real_country(shared, run_gridmap, tmp_path):
    """Liechtenstein, a station at every public building: the two counts differ by less than 1 %."""
    extract = shared("liechtenstein") / "liechtenstein_2021.osm.pbf"
    places = gridmap.read_layer(extract, role="places")
    public = places[places["amenity"].isin(["townhall", "school", "community_centre"])]
    stations = gpd.GeoDataFrame(
        {"station": public["osm_id"].to_numpy()}, geometry=public.representative_point().to_numpy(), crs=public.crs
    ).drop_duplicates("station")
    stations.to_file(tmp_path / "s.gpkg")
    houses = gridmap.read_layer(extract, role="buildings")
    houses[["geometry"]].assign(households=1).to_file(tmp_path / "h.gpkg")
    towns = shared("liechtenstein") / "municipalities_11.geojson"
    done = run_gridmap(
        "circles", "--network", extract, "--stations", tmp_path / "s.gpkg",
        "--demand", f"{tmp_path / 'h.gpkg'}:households",
        "--areas", f"{towns}:name", "--facilities", extract, "--propose", "3", "-o", tmp_path / "c.gpkg",
    )  # fmt: skip
    table = pyogrio.read_dataframe(tmp_path / "c.gpkg", layer="coverage")
    assert ((table["left_out"] + table["taken_in"]) < 0.01 * len(houses)).all()
    assert layer(tmp_path / "c.gpkg", "areas")["total"].sum() == pytest.approx(len(houses), rel=0.01)
    assert layer(tmp_path / "c.gpkg", "circles").attrs["barriers"]["water"] > 10
    assert "Vaduz" in done.stdout
    assert "school" in done.stdout


def test_a_real_district_counted_by_cells(shared, run_gridmap, tmp_path):
    """Xinwu, 333,000 households by cells of floor area, a station in every hundredth."""
    xinwu = shared("xinwu")
    cells = gpd.read_file(xinwu / "built_form_250m.gpkg")
    middle = cells.geometry.centroid.iloc[::100]
    gpd.GeoDataFrame({"station": middle.index}, geometry=middle.to_numpy(), crs=cells.crs).to_file(tmp_path / "s.gpkg")
    run_gridmap(
        "circles", "--network", xinwu / "roads.gpkg", "--water", xinwu / "water.gpkg",
        "--stations", tmp_path / "s.gpkg",
        "--demand", f"{xinwu / 'built_form_250m.gpkg'}:area_residential_m2/100", "--off-street", "250", "--gap", "260",
        "-o", tmp_path / "c.gpkg",
    )  # fmt: skip
    table = pyogrio.read_dataframe(tmp_path / "c.gpkg", layer="coverage").set_index("minutes")
    homes = cells["area_residential_m2"].sum() / 100
    assert homes == pytest.approx(333_000, rel=0.01)
    gaps = layer(tmp_path / "c.gpkg", "gaps")
    assert gaps["households"].sum() + table.loc[15, "covered"] == pytest.approx(homes)
    assert layer(tmp_path / "c.gpkg", "circles").attrs["off_street_m"] == 250


def test_in_a_file_too_one_impossible_station_stops_nobody(run_gridmap, tmp_path):
    layer = gridmap.read_layer(STATIONS)
    layer.geometry = [shapely.Point(0, 0), shapely.Point(31.5, 120.3), *layer.geometry[2:]]
    layer.to_file(tmp_path / "s.gpkg")
    done = run_gridmap(*WALK, "--stations", tmp_path / "s.gpkg", "-o", tmp_path / "c.gpkg")
    assert done.stdout.count("extent") >= 2
    assert (gridmap.read_layer(tmp_path / "c.gpkg").groupby("station")["area_m2"].max() > 0).sum() == len(layer) - 2


@pytest.mark.parametrize(
    ("out", "page", "said"),
    [
        ("s.gpkg", None, "is read here"),
        ("h.gpkg", None, "is read here"),
        ("c.gpkg", "s.gpkg", "is read here"),
        ("both.gpkg", "both.gpkg", "two names"),
        ("c.xyz", None, "allowed"),
        ("nowhere/c.gpkg", None, "no folder"),
        ("c.geojson", "nowhere/p.html", "no folder"),
    ],
)
def test_outputs_that_would_replace_inputs_or_cannot_be_written_are_refused_at_once(
    run_gridmap, tmp_path, out, page, said
):
    (tmp_path / "s.gpkg").write_bytes(STATIONS.read_bytes())
    (tmp_path / "h.gpkg").write_bytes((TOWN / "buildings.gpkg").read_bytes())
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    pages = [] if page is None else ["--map", tmp_path / page]
    done = run_gridmap(
        *WALK, "--stations", tmp_path / "s.gpkg", "--demand", f"{tmp_path / 'h.gpkg'}:households", *pages, "-o",
        tmp_path / out, check=None,
    )  # fmt: skip
    assert done.returncode in (2, 5)
    assert said in " ".join(done.stderr.split())
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
