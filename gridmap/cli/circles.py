"""``gridmap circles``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from gridmap.cli import show
from gridmap.cli.circles_tables import print_all
from gridmap.cli.options import parse_layer, parse_numbers, parse_weights
from gridmap.errors import InputError, OutputError
from gridmap.settings import text

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd

    from gridmap.circles.catchment import Catchments
    from gridmap.circles.cover import Coverage
    from gridmap.circles.demand import Demand
    from gridmap.circles.siting import Siting
    from gridmap.cli.show import ProgressCall
    from gridmap.network.model import WalkNetwork
    from gridmap.network.pace import Pace

_EXTRACT: Final = ".osm.pbf"
_GEOPACKAGE: Final = ".gpkg"


def circles(
    network: Annotated[str, typer.Option(help="路网 · street lines or an extract")],
    stations: Annotated[str, typer.Option(help="服务站点 · stations")],
    out: Annotated[Path, typer.Option("--out", "-o", help="服务圈文件 · circles.gpkg, 其余图层同在其中")],
    water: Annotated[str | None, typer.Option(help="水面 · water")] = None,
    rail: Annotated[str | None, typer.Option(help="铁路 · railways")] = None,
    minutes: Annotated[str, typer.Option(help="步行分钟 · minutes")] = "5,10,15",
    speed: Annotated[
        float | None, typer.Option(help="步速 米/秒, 默认 1.1 · walking speed in m/s", show_default=False)
    ] = None,
    elderly: Annotated[bool, typer.Option("--elderly", help="老年人步速 0.8 米/秒 · walk at 0.8 m/s")] = False,
    crossing: Annotated[float, typer.Option(help="每次过街等待 秒 · seconds waited at a crossing")] = 0.0,
    towards: Annotated[
        bool, typer.Option("--towards", help="步行前往站点 (坡道、单向楼梯) · walk to the station, not from it")
    ] = False,
    cell: Annotated[float, typer.Option(help="栅格 米, 20 或 10 · side of a cell, 10 for a finer line")] = 20.0,
    off_street: Annotated[
        float, typer.Option(help="离开道路最远步行 米 · the furthest walk off the streets, in metres")
    ] = 100.0,
    gap: Annotated[
        float, typer.Option(help="缺口内住宅间距 米 · how near together homes of one gap stand, in metres")
    ] = 150.0,
    station: Annotated[str, typer.Option(help="站点编号列 · column that names a station")] = "station",
    group: Annotated[
        str | None, typer.Option(help="片区列, 同区站点合为一圈 · stations of a group act together")
    ] = None,
    demand: Annotated[str | None, typer.Option(help="FILE:COLUMN[/DIVISOR], 户数 · where households live")] = None,
    areas: Annotated[str | None, typer.Option(help="FILE:CODE[:NAME], 社区 · areas to count by")] = None,
    facilities: Annotated[str | None, typer.Option(help="FILE[:KIND], 圈内设施 · facilities to count")] = None,
    estates: Annotated[str | None, typer.Option(help="FILE:COLUMN, 小区户数 · estates and their households")] = None,
    capacity: Annotated[str | None, typer.Option(help="站点容量列 · column of the stations' capacity")] = None,
    propose: Annotated[int | None, typer.Option(help="新增站点数 · propose so many new stations")] = None,
    target: Annotated[float | None, typer.Option(help="覆盖目标, 如 0.85 · fewest new stations for a share")] = None,
    candidates: Annotated[str | None, typer.Option(help="FILE[:NAME], 候选站址 · where stations could stand")] = None,
    catchments: Annotated[bool, typer.Option("--catchments", help="就近归属区 · who is nearest to whom")] = False,
    page: Annotated[Path | None, typer.Option("--map", help="同时生成网页 · also draw a page, map.html")] = None,
) -> None:
    """生成步行服务圈 · Draw walking service circles, count the households within them, propose new stations.

    The file holds the layers circles, stations, areas, gaps, proposed and catchments, and the table coverage.
    """
    import gridmap

    if elderly and speed is not None:
        raise InputError("--elderly is a speed (0.8 m/s): give it or --speed")
    from gridmap.network.pace import ELDERLY_M_S, WALKING_M_S

    usual = ELDERLY_M_S if elderly else WALKING_M_S
    asked = Asked(
        ranges=parse_numbers(minutes, "--minutes"),
        speed_m_s=usual if speed is None else speed,
        pace=gridmap.Pace(crossing_s=crossing, towards=towards),
        cell_m=cell,
        off_street_m=off_street,
        gap_m=gap,
        station=station,
        group=group,
        capacity=capacity,
        propose=propose,
        target=target,
        catchments=catchments,
    )
    asked.check(demand, {"--areas": areas, "--facilities": facilities, "--estates": estates}, candidates)
    given_files = (network, water, rail, stations, demand, areas, facilities, estates, candidates)
    check_outputs(out, page, [value for value in given_files if value])
    with show.progress_bar(text("服务圈", "circles")) as progress:
        progress(0.01, text("读取图层", "reading layers"))
        given = read_given(asked, stations, demand, areas, facilities, estates, candidates)
        progress(0.05, text("读取路网", "reading the network"))
        extract = network if network.endswith(_EXTRACT) else None
        walk = gridmap.read_network(network, water=water or extract, rail=rail or extract)
        made = make(asked, given, walk, progress)
        progress(0.92, text("写入", "writing"))
        write(made, given, out)
        if page is not None:
            progress(0.96, text("绘制地图", "drawing the map"))
            draw_page(asked, given, made, walk, page)
    print_all(made, given, asked)
    if out.suffix.lower() != _GEOPACKAGE and made.cover is not None:
        show.out.print(
            text(f"{out.name} 只含服务圈；.gpkg 另含站点、缺口等图层",
                 f"{out.name} holds the circles alone; a .gpkg also holds stations, gaps and the rest"), markup=False,
        )  # fmt: skip


def check_outputs(out: Path, page: Path | None, inputs: Sequence[str]) -> None:
    """Refuse, before any work, outputs that cannot be written or would replace what they are made from."""
    from gridmap.geo.io import check_writable

    check_writable(out)
    for path in (out, page) if page else (out,):
        if not path.resolve().parent.is_dir():
            raise OutputError(f"cannot write {path}: there is no folder {path.parent}; nothing was written")
        for value in inputs:
            # An input may name columns after its path.
            if any(Path(value.rsplit(":", n)[0]).resolve() == path.resolve() for n in range(3)):
                raise InputError(f"{path} is read here: writing would replace it; give another name")
    if page is not None and page.resolve() == out.resolve():
        raise InputError(f"{page}: the file and the page need two names")


@dataclass(frozen=True)
class Asked:
    """What a command line asks for, besides its files."""

    ranges: tuple[float, ...]
    pace: Pace
    speed_m_s: float = 1.1
    cell_m: float = 20.0
    off_street_m: float = 100.0
    gap_m: float = 150.0
    station: str = "station"
    group: str | None = None
    capacity: str | None = None
    propose: int | None = None
    target: float | None = None
    catchments: bool = False

    @property
    def sites_wanted(self) -> bool:
        """Whether new stations are to be proposed."""
        return self.propose is not None or self.target is not None

    def check(self, demand: str | None, counted: dict[str, str | None], candidates: str | None) -> None:
        """Refuse options that need others; ``counted`` are the files that only a count of households uses."""
        counts = {**counted, "--capacity": self.capacity, "--propose": self.propose, "--target": self.target}
        alone = [name for name, value in counts.items() if value is not None]
        if demand is None and alone:
            raise InputError(f"{', '.join(alone)}: households are counted only with --demand FILE:COLUMN")
        if self.propose is not None and self.target is not None:
            raise InputError("--propose says how many new stations, --target which share they reach: give one of them")
        if candidates is not None and not self.sites_wanted:
            raise InputError("--candidates are where new stations could stand: say --propose K or --target SHARE too")


@dataclass(frozen=True, eq=False)
class Given:
    """The layers of a command line but for the network, read."""

    stations: gpd.GeoDataFrame
    homes: gpd.GeoDataFrame | None = None
    areas: gpd.GeoDataFrame | None = None
    area: str = "code"
    area_names: dict[str, str] | None = None
    facilities: gpd.GeoDataFrame | None = None
    kind: str = "kind"
    estates: gpd.GeoDataFrame | None = None
    candidates: gpd.GeoDataFrame | None = None
    candidate: str | None = None


@dataclass(frozen=True, eq=False)
class Made:
    """What came of it."""

    rings: gpd.GeoDataFrame
    stations: gpd.GeoDataFrame
    cover: Coverage | None
    drawn: pd.DataFrame | None
    siting: Siting | None
    catchments: Catchments | None


def read_given(
    asked: Asked, stations: str, demand: str | None, areas: str | None, facilities: str | None, estates: str | None,
    candidates: str | None,
) -> Given:  # fmt: skip
    """Read every layer before the network, so that a wrong name is told at once."""
    import gridmap
    from gridmap.circles.stations import read_stations

    posts = read_stations(stations)
    for column in (asked.station, asked.group, asked.capacity):
        _check_column(posts, column, stations)
    zones, kinds, sites = (parse_layer(value) if value else None for value in (areas, facilities, candidates))
    zone_layer = gridmap.read_layer(zones.path, role="boundary") if zones else None
    code = (zones.first if zones else None) or "code"
    names = None
    if zones and zone_layer is not None:
        for column in (code, zones.second):
            _check_column(zone_layer, column, zones.path)
        name = zones.second or ("name" if "name" in zone_layer else None)
        names = dict(zip(zone_layer[code], zone_layer[name].astype(str), strict=True)) if name else None
    spots = gridmap.read_layer(kinds.path, role="places") if kinds else None
    sited = read_stations(sites.path, "candidates") if sites else None
    for choice, layer in ((kinds, spots), (sites, sited)):
        if choice is not None and layer is not None:
            _check_column(layer, choice.first, choice.path)
    return Given(
        stations=posts,
        homes=read_demand(demand) if demand else None,
        areas=zone_layer, area=code, area_names=names,
        facilities=spots, kind=(kinds.first if kinds else None) or "kind",
        estates=read_demand(estates, "--estates") if estates else None,
        candidates=sited, candidate=sites.first if sites else None,
    )  # fmt: skip


def _check_column(layer: gpd.GeoDataFrame, column: str | None, path: str) -> None:
    from gridmap.circles.demand import column_of

    if column is not None:
        column_of(layer, column, path)


def read_demand(value: str, option: str = "--demand") -> gpd.GeoDataFrame:
    """Read ``FILE:COLUMN[/DIVISOR]`` as ``households``, with a column ``residents`` where the file has one."""
    import gridmap
    from gridmap.circles.demand import numbers_of

    path, column, divisor = parse_weights(value, option)
    layer = gridmap.read_layer(path, role="buildings")
    households = numbers_of(layer, column, path) / divisor
    people = [name for name in ("residents",) if name in layer.columns and name != column]
    return layer[[*people, layer.geometry.name]].assign(households=households)


def make(asked: Asked, given: Given, walk: WalkNetwork, progress: ProgressCall) -> Made:
    """Walk: circles, coverage, new stations and catchments, as far as they were asked for."""
    import gridmap
    from gridmap.maps.circle_data import stations_of

    walking: dict[str, Any] = {"speed_m_s": asked.speed_m_s, "pace": asked.pace, "station": asked.station}
    drawing = text("步行搜索与描绘", "walking and drawing")
    progress(0.3, drawing)
    rings = gridmap.service_circles(
        walk,
        given.stations,
        minutes=asked.ranges,
        cell_m=asked.cell_m,
        group=asked.group,
        off_street_m=asked.off_street_m,
        progress=lambda share, what: progress(0.3 + 0.2 * share, f"{drawing} {what}"),
        **walking,
    )
    homes = cover = drawn = siting = found = None
    if given.homes is not None:
        progress(0.50, text("住宅入网", "putting homes on their streets"))
        homes = gridmap.place_demand(walk, given.homes, off_street_m=asked.off_street_m)
        progress(0.55, text("覆盖户数", "households within reach"))
        cover, drawn = count(asked, given, walk, homes, rings)
    if asked.sites_wanted and homes is not None:
        siting = gridmap.propose_stations(
            walk, homes, given.stations, given.candidates, k=asked.propose, target=asked.target,
            minutes=max(asked.ranges), areas=given.areas, area=given.area, candidate=given.candidate,
            progress=lambda share, what: progress(0.65 + 0.15 * share, show.word(what)), **walking,
        )  # fmt: skip
    if asked.catchments:
        progress(0.82, text("就近归属", "who is nearest to whom"))
        found = gridmap.catchments(
            walk, given.stations, homes, capacity=asked.capacity, minutes=max(asked.ranges), cell_m=asked.cell_m,
            off_street_m=asked.off_street_m, group=asked.group,
            progress=lambda share, what: progress(0.82 + 0.1 * share, show.word(what)), **walking,
        )  # fmt: skip
    posts = stations_of(given.stations, rings, cover, station=asked.station, group=asked.group)
    if asked.group is not None:
        _tell_each(posts, walk, asked.station)
    return Made(rings, posts, cover, drawn, siting, found)


def _tell_each(posts: gpd.GeoDataFrame, walk: WalkNetwork, station: str) -> None:
    """Set outcome and reason of the stations that get onto no street, though others of their group do."""
    from gridmap.circles.stations import OK, place_stations

    places = place_stations(walk, posts, station=station)
    for column, told in zip(("outcome", "reason"), places.verdicts(), strict=True):
        bad = posts[station].isin(places.name[places.verdicts()[0] != OK])
        posts.loc[bad, column] = posts.loc[bad, station].map(dict(zip(places.name, told, strict=True)))


def count(
    asked: Asked, given: Given, walk: WalkNetwork, homes: Demand, rings: gpd.GeoDataFrame
) -> tuple[Coverage, pd.DataFrame]:
    """Count the households within reach exactly, and beside it by the circles as they are drawn."""
    import gridmap
    from gridmap.circles.drawn import count_by_drawing

    cover = gridmap.coverage(
        walk, given.stations, homes, minutes=asked.ranges, speed_m_s=asked.speed_m_s, pace=asked.pace,
        areas=given.areas, area=given.area, facilities=given.facilities, kind=given.kind, estates=given.estates,
        capacity=asked.capacity, station=asked.station, group=asked.group, gap_m=asked.gap_m,
    )  # fmt: skip
    return cover, count_by_drawing(rings, cover, homes)


def write(made: Made, given: Given, out: Path) -> None:
    """Write the circles, and beside them in a GeoPackage all that QGIS can show of the rest."""
    from gridmap.geo.io import write_layer, write_layers

    if out.suffix.lower() != _GEOPACKAGE:
        write_layer(made.rings, out)
        return
    layers: dict[str, pd.DataFrame] = {"circles": made.rings, "stations": made.stations}
    if made.cover is not None and made.drawn is not None:
        if given.areas is not None:
            own = set(given.areas.columns)
            counted = made.cover.by_area.rename(columns=lambda name: f"{name}_counted" if name in own else name)
            layers["areas"] = given.areas.join(counted, on=given.area)
        layers["gaps"] = made.cover.gaps.reset_index(drop=True).rename_axis("rank").reset_index()
        layers["gaps"]["rank"] += 1
        if len(made.cover.estates_without_station):
            layers["estates_without_station"] = made.cover.estates_without_station
        layers["coverage"] = made.cover.by_minutes.join(made.drawn).reset_index()
    if made.siting is not None:
        layers["proposed"] = made.siting.sites.to_crs(made.rings.crs)
    if made.catchments is not None:
        layers["catchments"] = made.catchments.polygons.join(
            made.catchments.by_station.drop(columns=["outcome", "reason"]), on="station"
        )
    for layer in layers.values():
        layer.attrs = made.rings.attrs
    write_layers(layers, out)


def draw_page(asked: Asked, given: Given, made: Made, walk: WalkNetwork, page: Path) -> None:
    """Draw all of it on a page that opens without a network."""
    import gridmap

    drawn = gridmap.circle_map(
        made.rings, stations=given.stations, cover=made.cover, network=walk, station=asked.station, group=asked.group,
        proposed=None if made.siting is None else made.siting.sites,
        catchments=None if made.catchments is None else made.catchments.polygons,
        area_names=given.area_names,
    )  # fmt: skip
    drawn.save(page)
