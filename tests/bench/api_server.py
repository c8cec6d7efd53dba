"""The app of the record with two routes more, for ``make bench-api``: a prepared answer, and ST_Covers."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import psycopg_pool
from fastapi import Depends, FastAPI

from gridmap.api.asked import read_query
from gridmap.api.places import PlaceQuery
from gridmap.api.record_app import create_record_app
from gridmap.api.serve import bind, run_app

Asked = Annotated[PlaceQuery, Depends(read_query(PlaceQuery))]

COVERS = """
with recursive spot as (select ST_SetSRID(ST_MakePoint(%(lon)s, %(lat)s), 4326) as at),
here as (
    select g.level, g.code, g.parent from published.grids g, spot
    where g.level = 'small' and ST_Covers(g.geometry, spot.at) order by g.code collate "C" limit 1
),
up as (
    select level, code, parent from here
    union all
    select g.level, g.code, g.parent from published.grids g join up on g.code = up.parent
)
select level, code from up
union all
(select g.level, g.code from published.grids g, here, spot
 where g.level = 'micro' and g.parent = here.code and ST_Covers(g.geometry, spot.at) order by g.code limit 1)
"""
WHO = """
select a.person_id, p.name, a.role, a.grid from gridmap.assignment a
join gridmap.person p on p.person_id = a.person_id and p.period @> now()
where a.grid = any(%(codes)s) and a.period @> now()
order by array_position(%(codes)s, a.grid), not a.is_primary, not a.full_time, a.person_id limit 1
"""


def make_app(url: str) -> FastAPI:
    app = create_record_app(url)
    prepared: dict[str, Any] = {}

    @app.get("/bench/prepared")
    async def answer_prepared(asked: Asked):
        """Take the same parameters, and return a dict of the same shape that is there already."""
        return prepared

    @app.post("/bench/prepared")
    async def prepare(body: dict[str, Any]):
        prepared.update(body)
        return {}

    pool = psycopg_pool.ConnectionPool(url, min_size=4, max_size=8, open=True)

    @app.get("/bench/covers")
    def answer_covers(asked: Asked):
        """Ask PostGIS for the same: the chain of grids and who answers."""
        with pool.connection() as connection:
            chain = connection.execute(COVERS, {"lon": asked.lon, "lat": asked.lat}).fetchall()
            who = connection.execute(WHO, {"codes": [code for _, code in chain]}).fetchone()
        return prepared | {"chain": dict(chain), "responsible": who}

    return app


if __name__ == "__main__":
    url, port = sys.argv[1], int(sys.argv[2])
    with bind("127.0.0.1", port) as taken:
        run_app(make_app(url), taken)
