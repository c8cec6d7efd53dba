"""Loading the grids of departments: read-only sources, kept as they came, and what they are to the grids in force."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely
from sqlalchemy import delete, func, insert, select
from sqlalchemy.orm import Session

from gridmap.errors import UnknownNameError
from gridmap.geo.crs import STORAGE_CRS, metric_crs_of
from gridmap.grids.codes import code_text
from gridmap.grids.departments import integrate
from gridmap.grids.departments_read import feature_faults, read_departments
from gridmap.people.sheets import text_fault
from gridmap.service.loading_history import Faulty, Stated, Terms, continued
from gridmap.service.loading_report import LoadReport, report_of
from gridmap.service.loading_run import Clock, LoadOptions, county_ground, county_only, held, run, spot, write
from gridmap.service.timeline import version_in_force
from gridmap.store.models import Department, DepartmentGrid, DepartmentMapping
from gridmap.store.plans import read_version, version_row

_LOCK: Final = 4_990_452
_KEYS: Final = ("department", "code")
_VALUES: Final = ("name", "geometry")


@dataclass(frozen=True, eq=False)
class DepartmentSource:
    """The layer of a department, in any CRS, and the columns of its codes and names."""

    layer: gpd.GeoDataFrame
    code: str = "code"
    name: str | None = None


def load_departments(
    session: Session, sources: Mapping[str, DepartmentSource], options: LoadOptions | None = None
) -> LoadReport:
    """Load the grids of departments, and map them onto the plan in force at the date.

    Parameters
    ----------
    session
        An open transaction of the county.
    sources
        Department → its layer.
    options
        How. Grids that a department's layer no longer has end; other departments are left alone.

    Raises
    ------
    AccessError
        When it is not the county that does.
    UnknownNameError
        When a layer has no such column.
    LayerError
        When none of a department's grids lies in the county.
    """
    county_only(session, "departments")
    asked = options or LoadOptions()
    return run(session, asked, lambda clock: _load(session, sources, asked, clock))


def map_departments(session: Session, at: datetime, departments: Sequence[str] | None = None) -> None:
    """Write down what departments' grids on record at a time are to the plan in force then.

    Loading a department does it, and whoever has published a version: some seconds for a county's twenty.

    Parameters
    ----------
    session
        An open transaction.
    at
        The time; where no plan is in force then, there is nothing to map onto.
    departments
        Which, by default all; what is known of others stays.
    """
    version = version_in_force(session, at)
    if version is None:
        return
    number = version_row(session, version).id
    session.execute(select(func.pg_advisory_xact_lock(_LOCK)))  # rows are numbered: one maps after the other
    if departments is None:
        departments = session.scalars(select(DepartmentGrid.department).distinct()).all()
    mine = DepartmentMapping.row["department"].astext.in_(list(departments))
    session.execute(delete(DepartmentMapping).where(DepartmentMapping.plan_id == number, mine))
    layers = _layers(session, at, departments)
    if not layers:
        return
    found = integrate(read_version(session, version, whole=True), layers, date=at.date())
    table = found.mapping.astype(object)
    last = session.scalar(select(func.max(DepartmentMapping.position)).where(DepartmentMapping.plan_id == number))
    first = 0 if last is None else last + 1
    rows = [
        {"plan_id": number, "position": first + place, "row": row}
        for place, row in enumerate(table.where(table.notna(), None).to_dict("records"))
    ]
    session.execute(insert(DepartmentMapping), rows)


def _load(session: Session, sources: Mapping[str, DepartmentSource], options: LoadOptions, clock: Clock) -> LoadReport:
    county = county_ground(session, clock.effective)
    stated: list[Stated] = []
    faulty: list[Faulty] = []
    for department, source in sources.items():
        good, bad = _read(department, source, county)
        stated += good
        faulty += bad
    terms = Terms(
        "department_grid", _VALUES, clock.effective, clock.now, ends=lambda _one: not options.keep,
        shown={"geometry": spot},
    )  # fmt: skip
    ours = DepartmentGrid.department.in_(list(sources))
    on_record = held(session, DepartmentGrid, _KEYS, _VALUES, clock.effective, ours)
    steps = continued(on_record, stated, faulty, terms)
    write(session, DepartmentGrid, (*_KEYS, *_VALUES), steps, clock)
    _name(session, sources, clock)
    if steps.open or steps.end or steps.withdraw:
        map_departments(session, clock.effective, list(sources))
    return report_of("departments", clock.effective, steps.told)


def _name(session: Session, departments: Mapping[str, DepartmentSource], clock: Clock) -> None:
    """Write down departments that are new."""
    terms = Terms("department", (), clock.effective, clock.now, ends=lambda _one: False)
    stated = [Stated(0, (department,), ()) for department in departments]
    steps = continued(held(session, Department, ("name",), (), clock.effective), stated, [], terms)
    write(session, Department, ("name",), steps, clock)


def _read(department: str, source: DepartmentSource, county: Any) -> tuple[list[Stated], list[Faulty]]:
    """Return the grids of a department as they are kept, and those that cannot be used."""
    layer = source.layer
    for column in (source.code, source.name):
        if column is not None and column not in layer.columns:
            there = ", ".join(str(known) for known in layer.columns if known != layer.geometry.name) or "none"
            raise UnknownNameError(f"department {department}: no column {column!r}; the layer has {there}")
    codes = np.array([code_text(value) for value in layer[source.code]], dtype=object)
    faults = feature_faults(layer, codes)
    strange = {place: text_fault(source.code, code) for place, code in enumerate(codes)}
    faults = {place: reason for place, reason in strange.items() if reason} | faults
    usable = [place for place in range(len(layer)) if place not in faults]
    stated = []
    if usable:
        good = layer.iloc[usable]
        read = read_departments(
            {department: good},
            pyproj.CRS(STORAGE_CRS),
            metric_crs_of(good),
            code=source.code,
            name=source.name,
            date=None,
        )
        place_of = {codes[place]: place for place in usable}
        for row in read.itertuples():
            place = place_of[row.department_grid]
            if county is not None and not shapely.intersects(county, row.geometry):
                faults[place] = "it lies outside the county"
            else:
                stated.append(Stated(place, (department, row.department_grid), (row.department_name, row.geometry)))
    return stated, [Faulty(place, (department, codes[place]), reason) for place, reason in faults.items()]


def _layers(session: Session, at: datetime, departments: Sequence[str]) -> dict[str, gpd.GeoDataFrame]:
    """Return the grids of departments that are on record at a time."""
    columns = (DepartmentGrid.department, DepartmentGrid.code, DepartmentGrid.name, DepartmentGrid.geometry)
    query = select(*columns).where(DepartmentGrid.department.in_(departments), DepartmentGrid.period.contains(at))
    rows = session.execute(query.order_by(DepartmentGrid.department, DepartmentGrid.code)).all()
    table = pd.DataFrame([tuple(row) for row in rows], columns=["department", "code", "name", "geometry"])
    return {
        str(department): gpd.GeoDataFrame(own, geometry="geometry", crs=STORAGE_CRS)
        for department, own in table.groupby("department", sort=False)
    }
