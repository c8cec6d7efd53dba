"""Imported plans become editable without changing what they say."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import shapely

import gridmap
from gridmap.errors import LayerError, PlanError


@pytest.fixture(scope="module")
def town():
    """The small town in data/, its communities imported as if they were all there is."""
    communities = gridmap.read_layer("data/town/communities.gpkg")
    return gridmap.Plan.from_layers({"small": communities[["code", "name", "geometry"]]})


def test_grids_are_cut_along_streets_and_keep_their_ground(town):
    made = gridmap.blocks_from_plan(
        town, "data/town/streets.gpkg", rail="data/town/rail.gpkg", buildings="data/town/buildings.gpkg"
    )
    assert len(made.blocks) > 5 * len(town["small"])
    assert shapely.coverage_is_valid(made.blocks.geometry.values)
    assert made["small"].index.equals(town["small"].index)
    before, after = (each["small"].to_crs(4549).area for each in (town, made))
    assert np.allclose(before, after, atol=400)
    assert after.sum() == pytest.approx(before.sum(), abs=1.0)
    draft = gridmap.Draft(made)
    edit = draft.split(made["small"].index[0])
    assert edit.made[0].startswith(made["small"].index[0][:3]) or "-" in edit.made[0]
    assert draft.metrics().broken == gridmap.Draft(made).metrics().broken


def test_given_blocks_go_to_the_grid_that_holds_most_of_them(shared):
    base = gpd.read_file(shared("dc/tabblock20.zip"), rows=1500)
    base["group"] = base["GEOID20"].str[:12]
    groups = base.dissolve("group", as_index=False).rename(columns={"group": "code"})[["code", "geometry"]]
    plan = gridmap.Plan.from_layers({"small": groups})
    made = gridmap.blocks_from_plan(plan, blocks=base.assign(households=1.0))
    assert made.blocks["small"].tolist() == base["group"].tolist()
    assert made["small"]["households"].sum() == len(base)


def test_what_cannot_be_cut_is_refused_with_the_way_out(town):
    with pytest.raises(PlanError, match="streets="):
        gridmap.blocks_from_plan(town)
    ragged = gpd.GeoDataFrame(
        {"code": ["A", "B"]}, geometry=[shapely.box(0, 0, 1, 1), shapely.box(0.99, 0, 2, 1)], crs=4326
    )
    with pytest.raises(PlanError, match="repair"):
        gridmap.blocks_from_plan(gridmap.Plan.from_layers({"small": ragged}), blocks=ragged)
    elsewhere = gpd.GeoDataFrame(geometry=[shapely.box(100, 30, 100.1, 30.1)], crs=4490)
    with pytest.raises(LayerError, match="no grid"):
        gridmap.blocks_from_plan(town, blocks=elsewhere)
