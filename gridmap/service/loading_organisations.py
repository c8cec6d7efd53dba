"""Loading organisations: the chain of committees, branches and groups, and the units that report to a community."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, Final

import pandas as pd
from sqlalchemy import select
from sqlalchemy.orm import Session

from gridmap.people.organisations import ORGANISATION_COLUMNS, ParsedOrganisations, findings, towns_of
from gridmap.people.sheets import HEADER_ROWS
from gridmap.service.loading_history import Faulty, Held, Stated, Terms, continued
from gridmap.service.loading_report import LoadFinding, LoadReport, report_of
from gridmap.service.loading_run import (
    Clock,
    LoadOptions,
    close,
    grid_fault,
    held_row,
    holds_since,
    open_rows,
    own_town,
    row_of,
    run,
    taken_elsewhere,
    times_of,
)
from gridmap.service.timeline import GridsInForce, grids_in_force
from gridmap.store.models import Level, Organisation, PlanVersion

_VALUES: Final = ORGANISATION_COLUMNS[1:]


def load_organisations(session: Session, parsed: ParsedOrganisations, options: LoadOptions | None = None) -> LoadReport:
    """Load organisations: from a date on the record says what the file says.

    Parameters
    ----------
    session
        An open transaction; a town's may load organisations of that town alone.
    parsed
        From :func:`gridmap.people.organisations.parse_organisations`.
    options
        How. Organisations that the file no longer has end, in the towns that it covers; what belongs to no town is
        the county's, and is covered where the file has such.

    Raises
    ------
    UnknownNameError
        When no plan is in force at the date: there is nothing to check the grids against.
    """
    asked = options or LoadOptions()
    return run(session, asked, lambda clock: _load(session, parsed, asked, clock))


def _load(session: Session, parsed: ParsedOrganisations, options: LoadOptions, clock: Clock) -> LoadReport:
    grids = grids_in_force(session, clock.effective)
    own = own_town(session)
    stated = [_stated(row) for row in parsed.table.itertuples()]
    town_of = dict(zip([line.row for line in stated], towns_of(parsed.table, grids.town_of), strict=True))
    on_record, recorded_town = _on_record(session, clock.effective)
    faults = {at + HEADER_ROWS: reason for at, reason in parsed.faults.reasons.items()}
    seen = [str(one.key[0]) for one in on_record]
    taken = taken_elsewhere(session, Organisation.org_id, [str(line.key[0]) for line in stated], seen)
    for line in stated:
        reason = _fault(line, town_of[line.row], taken, grids, own)
        if reason:
            faults.setdefault(line.row, reason)
    covered = {town for row, town in town_of.items() if own is None or town == own}

    def ends(one: Held) -> bool:
        return not options.keep and recorded_town[one.id] in covered

    good = [line for line in stated if line.row not in faults]
    faulty = [Faulty(line.row, line.key, faults[line.row]) for line in stated if line.row in faults]
    terms = Terms("organisation", _VALUES, clock.effective, clock.now, ends=ends)
    steps = continued(on_record, good, faulty, terms)
    close(session, Organisation, steps, clock)
    open_rows(
        session,
        Organisation,
        [row_of(session, line, ORGANISATION_COLUMNS) | {"town": town_of[line.row]} for line in steps.open],
    )
    row_of_key = {str(line.key[0]): line.row for line in stated}
    found = _findings(session, clock.effective, grids, covered, row_of_key)
    return report_of("organisations", clock.effective, steps.told, found)


def _stated(row: Any) -> Stated:
    said = tuple(getattr(row, name) for name in _VALUES)
    values = tuple(None if value == "" or pd.isna(value) else value for value in said)
    return Stated(row.Index + HEADER_ROWS, (row.org_id,), values)


def _fault(line: Stated, town: str | None, taken: Collection[str], grids: GridsInForce, own: str | None) -> str:
    grid = line.values[_VALUES.index("grid")]
    if grid is not None:
        reason = grid_fault(grid, grids, own)
        if reason:
            return reason
    if own is not None and town != own:
        return f"nothing ties it to a grid of {own}; what belongs to no town is the county's to load"
    if line.key[0] in taken:
        return f"org_id {line.key[0]} is an organisation of another town; give it a number of its own"
    return ""


def _on_record(session: Session, since: datetime) -> tuple[list[Held], dict[int, str | None]]:
    """Return what is on record, and the town of each."""
    columns = [getattr(Organisation, name) for name in ORGANISATION_COLUMNS]
    query = select(Organisation.id, *times_of(Organisation), *columns, Organisation.town)
    rows = session.execute(query.where(*holds_since(Organisation, since))).all()
    return [held_row(row[:-1], 1) for row in rows], {row[0]: row[-1] for row in rows}


def _findings(
    session: Session, at: datetime, grids: GridsInForce, covered: Collection[str | None], row_of_key: Mapping[str, int]
) -> list[LoadFinding]:
    """Return what is missing or wrong in what is on record now, of the towns that are loaded."""
    columns = [getattr(Organisation, name) for name in ORGANISATION_COLUMNS]
    query = select(*columns, Organisation.town).where(Organisation.period.contains(at))
    rows = session.execute(query.order_by(Organisation.org_id)).all()
    table = pd.DataFrame([tuple(row) for row in rows], columns=[*ORGANISATION_COLUMNS, "town"])
    households = table["households"].astype("float64")
    texts = table[[name for name in ORGANISATION_COLUMNS if name != "households"]]
    whole = texts.astype(object).where(texts.notna(), "").assign(households=households)
    finest = _finest(session, grids.version)
    small = [code for code, level in grids.level_of.items() if level == finest and grids.town_of[code] in covered]
    concerned = {*table.loc[table["town"].isin(list(covered)), "org_id"], *small, *row_of_key}
    found = [each for each in findings(whole, small) if each.key in concerned]
    return [LoadFinding(row_of_key.get(each.key), *each) for each in found]


def _finest(session: Session, version: str) -> str | None:
    """Return the finest level of a version that tiles the county: the one whose grids have a branch each."""
    tiling = select(Level.name).join(PlanVersion, PlanVersion.id == Level.plan_id)
    finest: str | None = session.scalar(
        tiling.where(PlanVersion.version == version, Level.tiles).order_by(Level.position.desc()).limit(1)
    )
    return finest
