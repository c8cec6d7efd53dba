"""Drawing a plan: the given levels are filled, the others drawn from coarse to fine, counts exact at every level."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Final
from zoneinfo import ZoneInfo

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from gridmap.errors import CrsError, DrawError
from gridmap.geo.io import as_layer
from gridmap.grids import mosaic as m
from gridmap.grids.adjacency import BlockGraph, block_graph, totals
from gridmap.grids.assemble import plan_from_blocks
from gridmap.grids.banks import give_water_to_banks
from gridmap.grids.frames import JOURNAL_COLUMNS, ZONE
from gridmap.grids.given import GivenReport, overlay_given
from gridmap.grids.layers import Layer
from gridmap.grids.micro import draw_micro
from gridmap.grids.naming import Names, name_grids
from gridmap.grids.partition import divide, make_whole
from gridmap.grids.plan import DEFAULT_LEVELS, LevelSpec, Plan, PlanMetadata, check_level_names
from gridmap.grids.splitting import cut_along, split_heavy
from gridmap.grids.weights import sources_of
from gridmap.grids.workload import share_out, workload
from gridmap.network.model import WalkNetwork

ProgressCall = Callable[[float, str], None]

HEAVY: Final = 0.20
"""A block with more than this share of a grid's households is cut: a grid needs several to be balanced."""
PIECE: Final = 0.15
"""The share of a grid's households that pieces are made to have."""


@dataclass(frozen=True)
class Request:
    """What is asked for, after it was found possible."""

    specs: tuple[LevelSpec, ...]
    counts: Mapping[str, int]
    county_code: str
    given: tuple[str, ...]
    band: float
    seed: int
    street_households_per_km: float

    @property
    def tiling(self) -> list[str]:
        """Names of the levels that tile, the coarsest first."""
        return [spec.name for spec in self.specs if spec.tiles]

    @property
    def partial(self) -> list[str]:
        """Names of the levels that do not."""
        return [spec.name for spec in self.specs if not spec.tiles]


def draw_plan(
    blocks: gpd.GeoDataFrame,
    network: WalkNetwork,
    *,
    levels: Mapping[str, int],
    county_code: str,
    within: Mapping[str, Layer] | None = None,
    dedicated: Layer | None = None,
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
        How many grids of each level, the coarsest first. Of the default names ``micro`` does not tile; every other
        level does.
    county_code
        Six digits that codes begin with, where the top level is drawn.
    within
        Levels that are given (legal borders, official codes): name to a layer with ``code``, ``name`` and, if known,
        ``parent``. They must be the coarsest of ``levels`` and have as many units as asked for.
    dedicated
        Polygons (``name``) of campuses, markets, hospitals …: each becomes one grid of the finest tiling level.
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
    request = _request(levels, county_code, within, band, seed, street_households_per_km)
    _refuse_unusable(blocks)
    if within:
        tell(0.02, "given borders")
        blocks = overlay_given(blocks, {name: within[name] for name in request.given})
        _refuse_miscount(blocks, request)
    reserved = as_layer(dedicated) if dedicated is not None else None
    tell(0.1, "heavy blocks")
    blocks = _cut_blocks(blocks, request, reserved)
    drawing = _draw_tiling(blocks, network, request, reserved, tell)
    tell(0.7, "micro grids")
    drawing = draw_micro(drawing, network, request.partial, request.counts, band=band, seed=seed)
    tell(0.82, "water to its banks")
    blocks, labels = _water(drawing, request)
    tell(0.92, "geometry")
    return _plan(blocks, labels, request, drawing.dedicated)


def _silent(_share: float, _what: str) -> None:
    """Tell nobody."""


@dataclass(frozen=True, eq=False)
class Drawing:
    """Land labelled so far: ``labels[level]`` is a number a land block, -1 where a partial level has none."""

    blocks: gpd.GeoDataFrame
    labels: Mapping[str, m.Ints]
    finest: str
    dedicated: Mapping[int, str]

    @property
    def land(self) -> m.Ints:
        """Rows of the blocks that are land, in the order of the labels."""
        return np.flatnonzero(~self.blocks["water"].to_numpy(bool))


def _request(
    levels: Mapping[str, int], county_code: str, within: Mapping[str, Layer] | None, band: float, seed: int, beta: float
) -> Request:
    if any(not isinstance(count, int | np.integer) or count < 1 for count in levels.values()):
        raise DrawError(
            "every level needs a whole number of 1 or more: " + ", ".join(f"{name} {n}" for name, n in levels.items())
        )
    check_level_names(list(levels))
    partial = {spec.name for spec in DEFAULT_LEVELS if not spec.tiles}
    specs = tuple(LevelSpec(name, tiles=name not in partial) for name in levels)
    tiling = [spec.name for spec in specs if spec.tiles]
    given = tuple(name for name in levels if name in (within or {}))
    if not tiling or [spec.tiles for spec in specs] != sorted((spec.tiles for spec in specs), reverse=True):
        raise DrawError(f"levels {', '.join(levels)}: the ones that tile come first, and there must be one")
    for above, below in pairwise(tiling):
        if levels[below] < levels[above]:
            raise DrawError(f"{levels[below]} {below} grids cannot fill {levels[above]} {above} grids: ask for as many")
    unknown = sorted(set(within or {}) - set(levels))
    if unknown or list(given) != tiling[: len(given)]:
        raise DrawError(
            f"within= gives {', '.join(within or {})}, but the levels are {', '.join(levels)}; given levels must be "
            "the coarsest ones, without a break"
        )
    if not 0 < band < 1:
        raise DrawError(f"band is {band}; allowed: between 0 and 1, for example 0.10")
    county_code = str(county_code)
    if not (len(county_code) == 6 and county_code.isascii() and county_code.isdecimal()):
        raise DrawError(f"county code {county_code!r}; allowed: six digits (GB/T 2260), for example 320214")
    if not 0 <= beta < float("inf"):
        raise DrawError(f"street_households_per_km is {beta}; allowed: 0 and more, for example 40")
    return Request(specs, dict(levels), county_code, given, band, seed, float(beta))


def _refuse_unusable(blocks: gpd.GeoDataFrame) -> None:
    missing = [name for name in ("block", "households", "residents", "water") if name not in blocks.columns]
    if missing:
        raise DrawError(f"the blocks have no column {', '.join(missing)}; make them with make_blocks")
    if blocks.crs is None or not blocks.crs.is_geographic:
        raise CrsError(
            f"the blocks are in {blocks.crs.to_string() if blocks.crs else 'no CRS'}; drawing wants them as "
            "make_blocks gives them, in longitude and latitude"
        )
    households = blocks["households"].to_numpy(dtype=np.float64)
    bad = np.flatnonzero(~(np.isfinite(households) & (households >= 0)))
    if len(bad):
        raise DrawError(
            f"block {blocks['block'].iloc[bad[0]]} has {households[bad[0]]} households; every block needs 0 or more"
        )
    if len(blocks) == 0 or blocks["water"].all():
        raise DrawError("there is no land block to draw grids on")
    if not blocks["households"].sum() > 0:
        raise DrawError(
            "the blocks carry no households, so grids cannot be balanced; give make_blocks buildings= or weights="
        )


def _refuse_miscount(blocks: gpd.GeoDataFrame, request: Request) -> None:
    report: GivenReport = blocks.attrs["given"]
    for name in request.given:
        units = len(report.names[name])
        if units != request.counts[name]:
            raise DrawError(f"{request.counts[name]} {name} grids are asked for, but the given layer has {units} units")


def _lowest_units(blocks: gpd.GeoDataFrame, request: Request) -> m.Ints:
    """Return the number of the given unit of every block; one unit where none is given."""
    if not request.given:
        return np.zeros(len(blocks), dtype=np.int64)
    return np.asarray(pd.factorize(blocks[request.given[-1]], sort=True)[0], dtype=np.int64)


def _cut_blocks(blocks: gpd.GeoDataFrame, request: Request, reserved: gpd.GeoDataFrame | None) -> gpd.GeoDataFrame:
    """Cut along the borders of dedicated areas, then what is too heavy for one grid."""
    if reserved is not None:
        lines = shapely.boundary(np.asarray(reserved.to_crs(blocks.crs).geometry.values, dtype=object))
        blocks, _ = cut_along(blocks, lines, _lowest_units(blocks, request))
    unit = _lowest_units(blocks, request)
    households = blocks["households"].to_numpy(float)
    total = totals(unit, households)
    finest = request.counts[request.tiling[-1]]
    if request.tiling[-1] in request.given:
        return blocks
    lowest = request.given[-1] if request.given else None
    mean = total / share_out(total, finest, blocks=blocks, level=lowest)
    share = np.divide(households, mean[unit], out=np.zeros(len(unit)), where=mean[unit] > 0)
    pieces = np.where(share > HEAVY, np.ceil(share / PIECE), 1).astype(np.int64)
    return split_heavy(blocks, pieces, unit)[0]


def _draw_tiling(
    blocks: gpd.GeoDataFrame,
    network: WalkNetwork,
    request: Request,
    reserved: gpd.GeoDataFrame | None,
    tell: ProgressCall,
) -> Drawing:
    """Label the land at every tiling level: given ones as they are, the others divided from coarse to fine."""
    land = blocks[~blocks["water"].to_numpy(bool)]
    graph = block_graph(land, network, workload(land, network, request.street_households_per_km))
    labels: dict[str, m.Ints] = {}
    group = np.zeros(len(land), dtype=np.int64)
    for name in request.given:
        group = labels[name] = np.asarray(pd.factorize(land[name], sort=True)[0], dtype=np.int64)
    drawn = [name for name in request.tiling if name not in request.given]
    apart: dict[int, str] = {}
    for number, name in enumerate(drawn):
        tell(0.25 + 0.45 * number / len(drawn), name)
        set_apart = _dedicated(land, reserved, group) if name == drawn[-1] else np.full(len(land), -1)
        level = request.given[-1] if request.given and name == request.tiling[-1] and len(drawn) == 1 else None
        sharing = functools.partial(share_out, blocks=blocks, level=level)
        labels[name] = _divide_groups(graph, group, set_apart, request.counts[name], request, sharing)
        if name == drawn[-1] and reserved is not None:
            names = reserved["name"].astype(str) if "name" in reserved else pd.Series([""] * len(reserved))
            apart = {int(labels[name][row]): names.iloc[set_apart[row]] for row in np.flatnonzero(set_apart >= 0)}
        group = labels[name]
    return Drawing(blocks, labels, request.tiling[-1], apart)


def _dedicated(land: gpd.GeoDataFrame, reserved: gpd.GeoDataFrame | None, group: m.Ints) -> m.Ints:
    """Return the dedicated area of every land block, -1 for none; each lies in the parent that holds most of it."""
    if reserved is None:
        return np.full(len(land), -1)
    points = shapely.point_on_surface(np.asarray(land.geometry.values, dtype=object))
    area = m.owner_of(points, np.asarray(reserved.to_crs(land.crs).geometry.values, dtype=object))
    for number in np.unique(area[area >= 0]).tolist():
        rows = np.flatnonzero(area == number)
        most = np.bincount(group[rows]).argmax()
        area[rows[group[rows] != most]] = -1
    lost = np.setdiff1d(np.arange(len(reserved)), area)
    if len(lost):
        raise DrawError(
            f"dedicated area {reserved.index[lost[0]]} holds no block: it is outside, in water or too small"
        )
    return area


def _divide_groups(
    graph: BlockGraph,
    group: m.Ints,
    set_apart: m.Ints,
    total: int,
    request: Request,
    sharing: Callable[..., m.Ints],
) -> m.Ints:
    """Divide every group into its share of ``total`` grids; blocks set apart are grids of their own."""
    own = np.array([len(np.unique(set_apart[(group == g) & (set_apart >= 0)])) for g in range(group.max() + 1)])
    free = set_apart < 0
    size = np.bincount(group[free], minlength=len(own))
    weight = totals(group[free], graph.weight[free], len(own))
    least = np.where((size > 0), 1, 0)
    if (size == 0).any():
        raise DrawError("a dedicated area fills its parent completely: draw it as that parent instead")
    count = sharing(weight, total - int(own.sum()), at_least=int(least.max()), most=size)
    label = np.full(len(group), -1, dtype=np.int64)
    first = 0
    for number in range(len(count)):
        rows = np.flatnonzero((group == number) & free)
        label[rows] = first + divide(graph.subgraph(rows), int(count[number]), band=request.band, seed=request.seed)
        first += int(count[number])
        areas = np.unique(set_apart[(group == number) & ~free])
        for area in areas.tolist():
            label[set_apart == area] = first
            first += 1
        if len(areas):
            members = np.flatnonzero(group == number)
            low = label[members].min()
            label[members] = low + make_whole(
                graph.subgraph(members), label[members] - low, int(count[number]) + len(areas)
            )
    return label


def _water(drawing: Drawing, request: Request) -> tuple[gpd.GeoDataFrame, dict[str, m.Ints]]:
    """Give water to its banks; return all blocks and their labels at every level."""
    names = [*request.tiling, *request.partial]
    finest = np.column_stack([drawing.labels[name] for name in names])
    kinds, which = np.unique(finest, axis=0, return_inverse=True)
    blocks, given = give_water_to_banks(drawing.blocks, which.ravel())
    rows = kinds[np.asarray(given, dtype=np.int64)]
    return blocks, {name: rows[:, i] for i, name in enumerate(names)}


def _plan(
    blocks: gpd.GeoDataFrame, labels: Mapping[str, m.Ints], request: Request, dedicated: Mapping[int, str]
) -> Plan:
    report: GivenReport | None = blocks.attrs.get("given")
    names = Names(request.specs, request.county_code, report, dedicated)
    named = name_grids(blocks, labels, names)
    finest = request.tiling[-1]
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
        notes=report.notes if report is not None else (),
    )
    frame = frame[["block", "households", "residents", "water", *columns, "geometry"]]
    return plan_from_blocks(
        gpd.GeoDataFrame(frame, geometry="geometry", crs=blocks.crs),
        request.specs,
        named.tables,
        metadata=metadata,
        journal=_journal(report, blocks, frame, now),
    )


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
