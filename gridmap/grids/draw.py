"""Drawing a plan: the given levels are filled, the others drawn from coarse to fine, counts exact at every level."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from gridmap.errors import DrawError
from gridmap.geo.io import as_layer
from gridmap.grids import mosaic as m
from gridmap.grids.assemble import plan_from_blocks
from gridmap.grids.banks import give_water_to_banks
from gridmap.grids.draw_request import Request, Wanted, make_request, refuse_miscount, refuse_unusable
from gridmap.grids.draw_tiling import DedicatedArea, Drawing, ProgressCall, cut_blocks, draw_tiling
from gridmap.grids.frames import JOURNAL_COLUMNS, ZONE
from gridmap.grids.given import GivenReport, overlay_given
from gridmap.grids.layers import Layer
from gridmap.grids.micro import draw_micro
from gridmap.grids.naming import NamedGrids, Names, name_grids
from gridmap.grids.plan import Plan, PlanMetadata
from gridmap.grids.weights import sources_of
from gridmap.network.model import WalkNetwork


def draw_plan(
    blocks: gpd.GeoDataFrame,
    network: WalkNetwork,
    *,
    levels: Mapping[str, Wanted],
    county_code: str,
    within: Mapping[str, Layer] | None = None,
    dedicated: Layer | None = None,
    stations: Mapping[str, Layer] | None = None,
    band: float = 0.10,
    seed: int = 0,
    street_households_per_km: float = 0.0,
    progress: ProgressCall | None = None,
) -> Plan:
    """Draw the grids of all levels, with exact counts, balanced by households and whole on land.

    Parameters
    ----------
    blocks
        As from :func:`gridmap.grids.blocks.make_blocks`.
    network
        Its streets draw borders towards them, its bridges join banks.
    levels
        How many grids of each level, the coarsest first, or ``(300, 500)``: from how many to how many households a
        grid is to have; how many there are then follows, and the plan's notes say which grids could not be kept in the
        range. Of the default names ``micro`` does not tile; every other level does.
    county_code
        Six digits that codes begin with, where the top level is drawn.
    within
        Levels that are given (legal borders, official codes): name to a layer with ``code``, ``name`` and, if known,
        ``parent``. They must be the coarsest of ``levels`` and have as many units as asked for.
    dedicated
        Polygons (``name`` and, if known, ``line_department``) of campuses, markets, hospitals …: each becomes one grid
        of the finest tiling level, whole inside one parent; the others are balanced among themselves.
    stations
        Level name to points: one grid for each, with the land from which one walks there soonest, brought towards the
        band at its rim (on each side of a river by itself). Only for the coarsest level that is drawn.
    band
        Deviation from the siblings' mean that balancing accepts.
    seed
        The same seed draws the same plan.
    street_households_per_km
        Workload is households plus so many for a kilometre of street in and along a grid.
    progress
        Called with the share done (0 to 1) and what is happening.

    Returns
    -------
    Plan
        With its blocks, their labels and the journal.

    Raises
    ------
    DrawError
        When what is asked for cannot be drawn: the message has the numbers.
    CrsError
        When the blocks are not in longitude and latitude.

    Examples
    --------
    >>> import gridmap
    >>> town = "data/town/"
    >>> streets = town + "streets.gpkg"
    >>> blocks = gridmap.make_blocks(town + "boundary.gpkg", streets, buildings=town + "buildings.gpkg")
    >>> plan = draw_plan(blocks, gridmap.read_network(streets), levels={"large": 2, "small": 12}, county_code="320299")
    >>> {spec.name: len(plan[spec.name]) for spec in plan.levels}
    {'large': 2, 'small': 12}
    """
    tell = progress or _silent
    request = make_request(levels, county_code, within, band, seed, street_households_per_km)
    refuse_unusable(blocks)
    _refuse_levels_of_stations(stations or {}, request)
    if within:
        tell(0.02, "given borders")
        blocks = overlay_given(blocks, {name: within[name] for name in request.given})
        refuse_miscount(blocks, request)
    reserved = as_layer(dedicated) if dedicated is not None else None
    tell(0.1, "heavy blocks")
    blocks = cut_blocks(blocks, request, reserved)
    drawing = draw_tiling(blocks, network, request, reserved, stations or {}, tell)
    tell(0.7, "micro grids")
    drawing = draw_micro(drawing, network, request.partial, request.counts, band=band, seed=seed)
    tell(0.82, "water to its banks")
    blocks, labels = _water(drawing, request)
    tell(0.92, "geometry")
    return _plan(blocks, labels, request, drawing.dedicated)


def _silent(_share: float, _what: str) -> None:
    """Tell nobody."""


def _refuse_levels_of_stations(stations: Mapping[str, Layer], request: Request) -> None:
    wrong = [name for name in stations if name not in request.drawn[:1]]
    if wrong:
        raise DrawError(
            f"stations for {wrong[0]}: only the coarsest level that is drawn can follow stations, here "
            f"{(request.drawn or ['none'])[0]}"
        )


def _water(drawing: Drawing, request: Request) -> tuple[gpd.GeoDataFrame, dict[str, m.Ints]]:
    """Give water to its banks; return all blocks and their labels at every level."""
    names = [*request.tiling, *request.partial]
    finest = np.column_stack([drawing.labels[name] for name in names])
    kinds, which = np.unique(finest, axis=0, return_inverse=True)
    blocks, given = give_water_to_banks(drawing.blocks, which.ravel())
    rows = kinds[np.asarray(given, dtype=np.int64)]
    return blocks, {name: rows[:, i] for i, name in enumerate(names)}


def _plan(
    blocks: gpd.GeoDataFrame, labels: Mapping[str, m.Ints], request: Request, dedicated: Mapping[int, DedicatedArea]
) -> Plan:
    report: GivenReport | None = blocks.attrs.get("given")
    names = Names(request.specs, request.county_code, report, {label: area.name for label, area in dedicated.items()})
    named = name_grids(blocks, labels, names)
    finest = request.tiling[-1]
    departments = {named.codes[finest][labels[finest] == label][0]: area for label, area in dedicated.items()}
    for code, area in departments.items():
        named.tables[finest].loc[code, "line_department"] = area.line_department
    columns = {name: named.codes[name] for name in [finest, *request.partial]}
    frame = blocks[["block", "households", "residents", "water", "geometry"]].assign(**columns)
    frame["block"] = np.arange(len(frame))
    now = datetime.now(ZoneInfo(ZONE)).replace(microsecond=0)
    metadata = PlanMetadata(
        county_code=request.county_code,
        created_at=now,
        seed=request.seed,
        band=request.band,
        counts=request.counts,
        given_levels=request.given,
        notes=(*(report.notes if report is not None else ()), *_range_notes(blocks, named, request)),
    )
    frame = frame[["block", "households", "residents", "water", *columns, "geometry"]]
    return plan_from_blocks(
        gpd.GeoDataFrame(frame, geometry="geometry", crs=blocks.crs),
        request.specs,
        named.tables,
        metadata=metadata,
        journal=_journal(report, blocks, frame, now),
    )


def _range_notes(blocks: gpd.GeoDataFrame, named: NamedGrids, request: Request) -> list[str]:
    """Say, for each level drawn to a range of households, how many grids it has and which are outside."""
    notes = []
    for level, wanted in request.ranges.items():
        table = named.tables[level]
        households = blocks["households"].groupby(named.codes[level]).sum()[table.index[table["kind"] != "dedicated"]]
        outside = households[(households < wanted.low) | (households > wanted.high)]
        says = f"{level}: {len(households)} grids of {wanted.low:g} to {wanted.high:g} households"
        if len(outside):
            said = ", ".join(f"{code} ({count:.0f})" for code, count in outside.items())
            says += f"; {len(outside)} are outside, as their parents and blocks allow no other: {said}"
        notes.append(says)
    return notes


def _journal(
    report: GivenReport | None, blocks: gpd.GeoDataFrame, frame: gpd.GeoDataFrame, now: datetime
) -> pd.DataFrame | None:
    """Return an edit for every building that a given border was led around: the block that now holds it."""
    sources = sources_of(blocks)
    if report is None or len(report.moved) == 0 or sources is None or sources.buildings is None:
        return None
    footprints = sources.buildings.geometry.loc[report.moved["building"]]
    block = m.owner_of(shapely.point_on_surface(footprints.values), np.asarray(frame.geometry.values, dtype=object))
    rows = report.moved.assign(at=now, who="gridmap", action="go_round", edit=0, block=frame["block"].to_numpy()[block])
    rows["why"] = [f"building {building} stands across the given border" for building in rows["building"]]
    return rows.rename(columns={"from": "old", "to": "new"})[list(JOURNAL_COLUMNS)]
