"""PostGIS, asked the same question, gives the answer that Locator gives."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

import gridmap


def places_by_postgis(connection, layer: gpd.GeoDataFrame, points: np.ndarray) -> list[str | None]:
    """Return, for every point, the lowest code of the polygons that ST_Covers it."""
    connection.execute("drop table if exists grid, point")
    connection.execute('create temporary table grid (code text collate "C", geom geometry(Geometry, 4326))')
    connection.execute("create temporary table point (id int, geom geometry(Point, 4326))")
    with connection.cursor().copy("copy grid (code, geom) from stdin") as copy:
        for code, shape in zip(layer.index, shapely.set_srid(layer.geometry.values, 4326), strict=True):
            copy.write_row((code, shapely.to_wkb(shape, hex=True, include_srid=True)))
    shapes = shapely.set_srid(shapely.points(points), 4326)
    with connection.cursor().copy("copy point (id, geom) from stdin") as copy:
        for number, shape in enumerate(shapely.to_wkb(shapes, hex=True, include_srid=True)):
            copy.write_row((number, shape))
    connection.execute("create index on grid using gist (geom)")
    rows = connection.execute(
        "select id, min(code) from point left join grid on st_covers(grid.geom, point.geom) group by id order by id"
    ).fetchall()
    return [code for _, code in rows]


def test_postgis_and_locator_agree_inside_and_on_borders(postgis, shared):
    blocks = gpd.read_file(shared("dc/tabblock20.zip"))
    tracts = blocks.dissolve(blocks["GEOID20"].str[:11])[["geometry"]].rename_axis("code").reset_index()
    plan = gridmap.Plan.from_layers({"medium": tracts, "small": blocks[["GEOID20", "geometry"]]},
                                    code={"medium": "code", "small": "GEOID20"})  # fmt: skip
    small = plan["small"]
    rng = np.random.default_rng(7)
    west, south, east, north = small.total_bounds
    inside = rng.uniform((west, south), (east, north), (4000, 2))
    vertices = shapely.get_coordinates(small.geometry.values)
    points = np.vstack([inside, vertices[rng.integers(len(vertices), size=1000)]])
    ours = gridmap.Locator(plan).locate_many(points[:, 0], points[:, 1])["small"]
    theirs = pd.Series(places_by_postgis(postgis, small, points))
    assert theirs.notna().sum() > 2000
    assert (ours.astype(object).fillna("").to_numpy() == theirs.fillna("").to_numpy()).all()
