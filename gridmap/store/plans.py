"""Plans into the record and out of it: what comes out equals what went in, geometry bit by bit."""

from __future__ import annotations

import hashlib
import io
from dataclasses import asdict
from typing import Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from sqlalchemy import Select, insert, select
from sqlalchemy.dialects.postgresql import insert as insert_once
from sqlalchemy.orm import InstrumentedAttribute, Session

from gridmap.errors import PlanError, UnknownNameError
from gridmap.grids.frames import GRID_COLUMNS, JOURNAL_COLUMNS, LINEAGE_COLUMNS
from gridmap.grids.plan import LevelSpec, Plan, PlanMetadata
from gridmap.locate.build import extent_of
from gridmap.store.models import DepartmentMapping, Grid, Journal, Level, Lineage, PlanArtefact, PlanGrid, PlanVersion

_ARTEFACTS: Final = ("blocks", "former_blocks", "former_grids", "department_map")
_BATCH: Final = 5_000


def add_plan(session: Session, plan: Plan, *, note: str, base_version: str | None, town: str | None) -> PlanVersion:
    """Write a plan as a version that is proposed; grids that the record has already are not written again.

    Parameters
    ----------
    session
        An open transaction; its actor is who proposes.
    plan
        The plan. Its version must not be in the record.
    note, base_version, town
        See :class:`~gridmap.store.models.PlanVersion`.
    """
    finest = plan.layers[plan.finest_tiling]
    row = PlanVersion(
        version=plan.version, name=plan.metadata.name, note=note, status="proposed", layout=plan.layout,
        srid=finest.crs.to_epsg(), plan_metadata=plan.metadata.to_values(), base_version=base_version, town=town,
        proposed_by=session.info["actor"], extent=extent_of(plan),
    )  # fmt: skip
    session.add(row)
    session.flush()
    session.add_all(Level(plan_id=row.id, position=place, **asdict(spec)) for place, spec in enumerate(plan.levels))
    for level, layer in plan.layers.items():
        _add_grids(session, row.id, level, layer)
    _add_table(session, Lineage, row.id, plan.lineage)
    _add_table(session, Journal, row.id, plan.journal)
    _add_mapping(session, row.id, plan.department_map)
    for name in _ARTEFACTS:
        table = getattr(plan, name)
        if table is not None and len(table.columns) and len(table):
            session.add(PlanArtefact(plan_id=row.id, name=name, body=_as_parquet(table)))
    session.flush()
    return row


def read_version(session: Session, version: str, *, whole: bool = False) -> Plan:
    """Read a version.

    Parameters
    ----------
    session
        An open transaction.
    version
        As :attr:`gridmap.Plan.version`.
    whole
        With blocks, journal and what editing needs; without, the grids and their lineage.

    Raises
    ------
    UnknownNameError
        When the record has no such version; the message names the newest.
    PlanError
        When what is read is not what was written.
    """
    row = version_row(session, version)
    specs = session.scalars(select(Level).where(Level.plan_id == row.id).order_by(Level.position)).all()
    held = select(*(getattr(Grid, name) for name in ("code", *GRID_COLUMNS, "geometry")))
    held = held.join(PlanGrid, PlanGrid.grid_id == Grid.id).where(PlanGrid.plan_id == row.id)
    layers = {spec.name: _layer(session, held.where(Grid.level == spec.name), row.srid) for spec in specs}
    more: dict[str, Any] = _whole(session, row.id) if whole else {}
    plan = Plan(
        tuple(LevelSpec(spec.name, spec.tiles, spec.digits) for spec in specs), layers, row.layout,
        PlanMetadata.from_values(row.plan_metadata), lineage=_table(session, Lineage, row.id, LINEAGE_COLUMNS), **more,
    )  # fmt: skip
    if plan.version != version:
        raise PlanError(f"version {version} is damaged in the record: what is read is {plan.version}; restore a backup")
    return plan


def version_row(session: Session, version: str) -> PlanVersion:
    """Return the row of a version.

    Raises
    ------
    UnknownNameError
        When there is none; the message names the newest there are.
    """
    row = session.scalar(select(PlanVersion).where(PlanVersion.version == version))
    if row is None:
        newest = session.scalars(select(PlanVersion.version).order_by(PlanVersion.id.desc()).limit(5)).all()
        there = f"the newest are {', '.join(newest)}" if newest else "there is none yet: `gridmap plans propose FILE`"
        raise UnknownNameError(f"the record has no plan version {version!r}; {there}")
    return row


def _add_grids(session: Session, plan_id: int, level: str, layer: gpd.GeoDataFrame) -> None:
    """Write a level: a grid that is there with the same content is carried forward."""
    if layer.empty:
        return
    shapes = np.asarray(layer.geometry.values, dtype=object)
    wkb = shapely.to_wkb(shapes, output_dimension=2, byte_order=1)
    columns = {name: _plain_column(layer[name]) for name in GRID_COLUMNS}
    rows = []
    for place, code in enumerate(layer.index):
        values = {name: column[place] for name, column in columns.items()}
        digest = hashlib.sha256(repr([code, *values.values()]).encode() + wkb[place]).digest()
        rows.append({"level": level, "code": code, "digest": digest, "geometry": shapes[place], **values})
    session.execute(insert_once(Grid).on_conflict_do_nothing(), rows)
    known = select(Grid.code, Grid.digest, Grid.id).where(Grid.level == level, Grid.code.in_(list(layer.index)))
    ids = {(code, bytes(digest)): number for code, digest, number in session.execute(known)}
    pairs = {ids[row["code"], row["digest"]] for row in rows}
    session.execute(insert(PlanGrid), [{"plan_id": plan_id, "grid_id": number} for number in sorted(pairs)])


def _add_table(session: Session, kind: type[Lineage | Journal], plan_id: int, table: pd.DataFrame) -> None:
    columns = {name: _plain_column(table[name]) for name in table.columns}
    rows = [
        {"plan_id": plan_id, "position": place} | {name: values[place] for name, values in columns.items()}
        for place in range(len(table))
    ]
    for start in range(0, len(rows), _BATCH):
        session.execute(insert(kind), rows[start : start + _BATCH])


def _add_mapping(session: Session, plan_id: int, table: pd.DataFrame) -> None:
    columns = {name: _plain_column(table[name]) for name in table.columns}
    rows = [
        {"plan_id": plan_id, "position": place, "row": {name: _json(each[place]) for name, each in columns.items()}}
        for place in range(len(table))
    ]
    if rows:
        session.execute(insert(DepartmentMapping), rows)


def _plain_column(values: pd.Series) -> list[Any]:
    """Return a column as Python has it, ``None`` where there is nothing; times as datetimes in UTC."""
    if isinstance(values.dtype, pd.DatetimeTZDtype):
        found = values.dt.tz_convert("UTC")
        return [None if each is pd.NaT else each.to_pydatetime() for each in found]
    return [None if each is None or each != each else each for each in values.tolist()]


def _json(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else value


def _as_parquet(table: pd.DataFrame) -> bytes:
    table = table.copy()
    table.attrs = {}
    body = io.BytesIO()
    table.to_parquet(body)
    return body.getvalue()


def _layer(session: Session, query: Select[Any], srid: int) -> gpd.GeoDataFrame:
    found = session.execute(query).all()
    table = pd.DataFrame([tuple(row) for row in found], columns=["code", *GRID_COLUMNS, "geometry"], dtype=object)
    return gpd.GeoDataFrame(table.set_index("code"), geometry="geometry", crs=srid)


def _table(session: Session, kind: type[Lineage | Journal], plan_id: int, columns: tuple[str, ...]) -> pd.DataFrame:
    chosen: list[InstrumentedAttribute[Any]] = [getattr(kind, name) for name in columns]
    query = select(*chosen).where(kind.plan_id == plan_id).order_by(kind.position)
    if kind is Lineage:
        query = query.where(~Lineage.derived)  # the version is named by what the plan itself says
    found = session.execute(query).all()
    return pd.DataFrame([tuple(row) for row in found], columns=list(columns), dtype=object)


def _whole(session: Session, plan_id: int) -> dict[str, Any]:
    found = session.execute(select(PlanArtefact.name, PlanArtefact.body).where(PlanArtefact.plan_id == plan_id))
    spatial = ("blocks", "former_blocks")
    tables = {
        name: gpd.read_parquet(io.BytesIO(body)) if name in spatial else pd.read_parquet(io.BytesIO(body))
        for name, body in found
    }
    return {**tables, "journal": _table(session, Journal, plan_id, JOURNAL_COLUMNS)}
