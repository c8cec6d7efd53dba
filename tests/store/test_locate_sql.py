"""``gridmap.locate`` in SQL and ``Locator`` in memory give the same answer."""

from __future__ import annotations

import os
from datetime import UTC, datetime

import geopandas as gpd
import numpy as np
import psycopg
import pytest
import shapely
from by_shapely import telling_points
from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import Range

import gridmap
from gridmap.grids.plan import LevelSpec, Plan
from gridmap.store.engine import Store
from gridmap.store.models import Publication
from gridmap.store.plans import add_plan

POINTS = int(os.environ.get("GRIDMAP_LOCATE_SQL", "1500"))
"""Points of each plan: 100,000 for the whole of it."""


def publish(url, plan):
    store = Store(url)
    with store.transaction(actor="x") as session:
        row = add_plan(session, plan, note="", base_version=None, town=None)
        begins = session.scalar(select(func.now()))
        session.add(Publication(plan_id=row.id, effective=Range(begins, None), kind="publish", published_by="x"))
    store.close()


def torn():
    """Return a plan with a gap, a hole, an overlap, an enclave and a partial level: every rule has something to do."""
    box = shapely.box
    small = {"a": box(120, 31, 120.01, 31.01), "b": box(120.009, 31, 120.02, 31.01),
             "c": box(120, 31.02, 120.03, 31.05) - box(120.01, 31.03, 120.02, 31.04),
             "d": shapely.MultiPolygon([box(120.012, 31.032, 120.015, 31.035), box(120.04, 31, 120.05, 31.01)]),
    }  # fmt: skip
    large = {"A": box(120, 31, 120.03, 31.05), "B": box(120.03, 31, 120.05, 31.05)}
    micro = {"m": box(120.001, 31.001, 120.005, 31.005), "n": box(120.005, 31.001, 120.009, 31.02)}
    layers = {
        "large": frame(large, [None, None]), "small": frame(small, ["A", "A", "A", "B"]),
        "micro": frame(micro, ["a", "a"]),
    }  # fmt: skip
    return Plan((LevelSpec("large"), LevelSpec("small"), LevelSpec("micro", tiles=False)), layers, "as-is")


def frame(shapes, parents):
    return gpd.GeoDataFrame({"code": list(shapes), "parent": parents}, geometry=list(shapes.values()), crs=4490)


def dc(shared):
    blocks = gpd.read_file(shared("dc/tabblock20.zip"))
    tracts = blocks.dissolve(blocks["GEOID20"].str[:11])[["geometry"]].rename_axis("code").reset_index()
    return Plan.from_layers({"medium": tracts, "small": blocks[["GEOID20", "geometry"]]},
                            code={"medium": "code", "small": "GEOID20"})  # fmt: skip


@pytest.mark.parametrize("which", ["torn", "dc"])
def test_sql_and_memory_agree_anywhere_and_on_borders(fresh_url, shared, which):
    plan = torn() if which == "torn" else dc(shared)
    publish(fresh_url, plan)
    points = telling_points(plan, 1, POINTS)
    points = points[np.random.default_rng(0).permutation(len(points))[:POINTS]]
    points = np.vstack([points, points[:20, ::-1], [[np.nan, 31], [120, np.inf], [500, 31]]])
    ours = gridmap.Locator(plan).locate_many(points[:, 0], points[:, 1])
    mine = [
        (row.outcome, {level: getattr(row, level) for level in plan.layers if isinstance(getattr(row, level), str)})
        for row in ours.itertuples()
    ]
    with psycopg.connect(fresh_url) as connection:
        theirs = connection.execute(
            "select (l).outcome, (l).chain, (l).plan_version from (select gridmap.locate(lon, lat) as l from "
            "unnest(%s::float8[], %s::float8[]) with ordinality as p(lon, lat, n) order by n) as answers",
            (points[:, 0].tolist(), points[:, 1].tolist()),
        ).fetchall()
    assert {version for *_, version in theirs} == {plan.version}
    assert [each[:2] for each in theirs] == mine
    assert {outcome for outcome, _ in mine} >= {"matched", "invalid"} | (
        {"gap", "outside"} if which == "torn" else set()
    )


def test_before_anything_was_in_force_there_is_no_answer(fresh_url):
    publish(fresh_url, torn())
    with psycopg.connect(fresh_url) as connection:
        row = connection.execute("select * from gridmap.locate(120.001, 31.001, '2020-01-01')").fetchone()
    assert row == (None, {}, None)


def test_versions_that_anybody_sees_have_begun_and_say_nothing_of_what_comes(fresh_url):
    begun, comes = datetime(2020, 1, 1, tzinfo=UTC), datetime(2090, 1, 1, tzinfo=UTC)
    store = Store(fresh_url)
    with store.transaction(actor="x") as session:
        row = add_plan(session, torn(), note="内部", base_version=None, town=None)
        for kind, effective in (("publish", Range(begun, comes)), ("rollback", Range(comes, None))):
            session.add(Publication(plan_id=row.id, effective=effective, kind=kind, published_by="x"))
    store.close()
    with psycopg.connect(fresh_url) as connection:
        connection.execute("set role gridmap_reader")
        found = connection.execute("select * from published.versions")
        names = [column.name for column in found.description]
        (row,) = found.fetchall()
        said = dict(zip(names, row, strict=True))
        assert (said["kind"], said["since"], said["until"]) == ("publish", begun, None)
        assert "内部" not in map(str, row)
