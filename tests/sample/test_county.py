"""What makes the sample county believable, and usable for every command."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys

import numpy as np
import pytest
import shapely

import gridmap
from gridmap.sample.model import LAYERS
from gridmap.sample.town import make_town


def shapes(layer):
    return np.asarray(layer.geometry.values)


def hits(one, other, predicate="intersects"):
    """Return how many pairs of two layers meet."""
    return shapely.STRtree(shapes(other)).query(shapes(one), predicate=predicate).shape[1]


def test_the_county_has_the_counts_of_the_reference_county(county):
    assert len(county.towns) == 12
    assert len(county.communities) == 198
    assert (county.communities["kind"] == "urban").sum() == 38
    assert len(county.departments) == 20
    assert 280_000 <= county.buildings["households"].sum() <= 320_000
    assert 60_000 <= len(county.buildings) <= 90_000
    assert 15_000 <= len(county.streets) <= 25_000
    assert list(county.stations["kind"].value_counts().loc[["county", "town", "community"]]) == [1, 12, 198]


def test_some_estates_are_large_and_some_of_those_have_a_station(county):
    """Estates of 1,000 households and more must have their own station; those without are a finding."""
    large = (county.estates["households"] >= 1000).sum()
    served = (county.stations["kind"] == "estate").sum()
    assert 0 < served < large


def test_codes_are_nested_and_say_what_they_are(county):
    codes = county.communities["code"]
    assert codes.is_unique
    assert codes.str.fullmatch(r"320299\d{6}").all()
    assert (codes.str[:9] == county.communities["parent"]).all()
    assert set(county.communities["parent"]) == set(county.towns["code"])
    village = county.communities["kind"] == "village"
    assert (codes.str[9:].astype(int) >= 200).equals(village)  # statistics codes: villages from 200 on


def test_borders_tile_the_boundary_and_share_their_vertices(place):
    boundary = place.boundary.geometry.iloc[0]
    for layer in (place.communities, place.towns):
        assert shapely.coverage_is_valid(shapes(layer))
        assert shapely.union_all(shapes(layer)).equals(boundary)
        assert (shapely.get_type_id(shapes(layer)) == 3).all()
    assert not boundary.interiors


def test_every_vertex_lies_on_the_storage_grid(place):
    for name in LAYERS:
        layer = getattr(place, name)
        xy = shapely.get_coordinates(shapes(layer))
        assert layer.crs.to_epsg() == 4490
        assert np.array_equal(xy, np.round(xy, 8)), name


def test_every_village_and_community_has_households(place):
    homes = place.buildings["households"].to_numpy()
    building, community = shapely.STRtree(shapes(place.communities)).query(
        shapely.centroid(shapes(place.buildings)), predicate="within"
    )
    held = np.bincount(community, weights=homes[building], minlength=len(place.communities))
    assert len(building) == len(homes)
    assert held.min() > 100


def test_no_building_is_cut_by_a_border_a_street_water_or_a_railway(place):
    assert hits(place.buildings, place.communities, "within") == len(place.buildings)
    for layer in (place.streets, place.water, place.rail):
        assert hits(place.buildings, layer) == 0


def test_no_two_buildings_touch(place):
    assert hits(place.buildings, place.buildings) == len(place.buildings)


def test_all_streets_are_one_network_across_rivers_and_railways(place):
    network = gridmap.read_network(place.streets, water=place.water, rail=place.rail)
    assert network.report.components == 1
    assert network.report.dropped_edges == 0


def test_streets_cross_water_on_bridges_only(place):
    ground = place.streets[place.streets["bridge"].isna()]
    rivers = place.water[(place.water["natural"] == "water") & place.water["name"].notna()]
    assert hits(ground, rivers) == 0
    assert hits(place.streets[place.streets["bridge"].notna()], rivers) > 0


def test_streets_cross_the_railway_below_it_or_on_a_bridge(place):
    level = place.streets["bridge"].isna() & place.streets["tunnel"].isna()
    assert hits(place.streets[level], place.rail) == 0


def test_addresses_are_unique_and_read_like_addresses(place):
    address = place.addresses["address"]
    assert address.is_unique
    assert address.str.contains(r"^.+(?:镇|街道).+\d+号(?:\d+栋)?$", regex=True).all()
    assert (place.buildings["address"].to_numpy() == address.to_numpy()).all()


def test_departments_disagree_with_communities_and_among_themselves(county):
    """Some overlap, some leave gaps, some follow communities: what 多网合一 has to deal with."""
    area = shapely.area(shapes(county.boundary))[0]
    covered = {name: shapely.union_all(shapes(layer)).area / area for name, layer in county.departments.items()}
    total = {name: shapely.area(shapes(layer)).sum() / area for name, layer in county.departments.items()}
    assert min(covered.values()) < 0.97
    assert max(total.values()) > 1.005


def digest(county) -> str:
    state = hashlib.sha256()
    for name in LAYERS:
        layer = getattr(county, name)
        state.update(b"".join(shapely.to_wkb(shapes(layer))))
        state.update(layer.drop(columns="geometry").to_csv().encode())
    state.update(county.organisations.to_csv().encode())
    return state.hexdigest()


@pytest.mark.parametrize("hash_seed", ["0", "4711"])
def test_a_seed_makes_the_same_town_in_every_process(town, hash_seed):
    code = (
        "import importlib.util, sys; spec = importlib.util.spec_from_file_location('t', sys.argv[1]);"
        "t = importlib.util.module_from_spec(spec); spec.loader.exec_module(t);"
        "print(t.digest(t.make_town()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, __file__],
        capture_output=True, text=True, check=True, env={**os.environ, "PYTHONHASHSEED": hash_seed},
    )  # fmt: skip
    assert done.stdout.strip() == digest(town)


def test_another_seed_makes_another_town(town):
    assert digest(make_town(seed=1)) != digest(town)
