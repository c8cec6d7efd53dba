"""What the tests of loading load: two halves of the small town as two towns, and tables as offices send them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import psycopg

import gridmap
from gridmap.people.io import parse_roster
from gridmap.people.organisations import parse_organisations
from gridmap.service import loading, publishing
from gridmap.service.loading import LoadOptions

TOWN = Path(__file__).parents[2] / "data" / "town"
WEST, EAST = "320299001", "320299002"
SINCE = datetime(2020, 1, 1, tzinfo=UTC)
TABLES = (
    "assignment", "duty", "person", "organisation", "station", "circle", "coverage_area", "department",
    "department_grid", "department_mapping", "audit", "idempotency",
)  # fmt: skip


def town_plan() -> gridmap.Plan:
    """Return the six communities of the small town, the three in the west as one town, the others as another."""
    communities = gridmap.read_layer(TOWN / "communities.gpkg")
    at = communities.geometry.representative_point().x
    west = at <= np.sort(at)[2]
    halves = communities.assign(code=np.where(west, WEST, EAST))[["code", "geometry"]].dissolve("code").reset_index()
    return gridmap.Plan.from_layers({"large": halves, "medium": communities[["code", "name", "geometry"]]})


PLAN = town_plan()
GRIDS = {code: PLAN.chain(code, "medium")["large"] for code in PLAN["medium"].index}
IN_WEST = sorted(code for code, town in GRIDS.items() if town == WEST)
IN_EAST = sorted(code for code, town in GRIDS.items() if town == EAST)


def publish(store) -> None:
    for step in (
        lambda session: publishing.propose(session, PLAN, commit=True),
        lambda session: publishing.approve(session, PLAN.version, commit=True),
        lambda session: publishing.publish(session, PLAN.version, effective=SINCE, commit=True),
    ):
        with store.transaction(actor="county") as session:
            step(session)


def empty(url: str) -> None:
    """Take everything out that was loaded; only the owner of the tables can."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("; ".join(f"delete from gridmap.{name}" for name in TABLES))


def state(url: str) -> list[object]:
    """Return all rows as they lie in the tables: whatever touches one changes what hidden columns say of it."""
    with psycopg.connect(url, autocommit=True) as connection:
        return [
            connection.execute(f"select ctid::text, xmin::text, t::text from gridmap.{name} t order by 1").fetchall()
            for name in (*TABLES, "state")
        ]


def staff(*rows: dict) -> pd.DataFrame:
    """Return a roster as it is read from a sheet."""
    base = {"person_id": "1", "name": "王小明", "phone": "13900001111", "role": "网格员", "grid": IN_WEST[0]}
    return pd.DataFrame([base | {"duties": "*"} | row for row in rows])


def load(store, table: pd.DataFrame, *, town: str = "*", **options) -> loading.LoadReport:
    """Load a roster, for good unless it is said otherwise."""
    with store.transaction(actor="clerk", jurisdiction=town) as session:
        return loading.load_roster(session, parse_roster(table), LoadOptions(**{"commit": True} | options))


def load_organisations(store, table: pd.DataFrame, *, town: str = "*", **options) -> loading.LoadReport:
    with store.transaction(actor="clerk", jurisdiction=town) as session:
        parsed = parse_organisations(table)
        return loading.load_organisations(session, parsed, LoadOptions(**{"commit": True} | options))


def outcomes(report: loading.LoadReport) -> dict[object, str]:
    """Return what became of the rows by their numbers, of what the file no longer has by its key."""
    return {row.key if row.row is None else row.row: row.outcome for row in report.rows}
