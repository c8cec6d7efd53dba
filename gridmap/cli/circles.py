"""``gridmap circles``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gridmap.cli import show
from gridmap.cli.options import parse_numbers, parse_weights
from gridmap.settings import text

if TYPE_CHECKING:
    import geopandas as gpd

    from gridmap.circles.cover import Coverage

_EXTRACT = ".osm.pbf"


def circles(
    network: Annotated[str, typer.Option(help="路网 · street lines or an extract")],
    stations: Annotated[str, typer.Option(help="服务站点 · stations")],
    out: Annotated[Path, typer.Option("--out", "-o", help="服务圈文件 · circles.gpkg")],
    water: Annotated[str | None, typer.Option(help="水面 · water")] = None,
    rail: Annotated[str | None, typer.Option(help="铁路 · railways")] = None,
    minutes: Annotated[str, typer.Option(help="步行分钟 · minutes")] = "5,10,15",
    speed: Annotated[float, typer.Option(help="步速 米/秒 · walking speed in m/s")] = 1.1,
    station: Annotated[str, typer.Option(help="站点编号列 · column that names a station")] = "station",
    demand: Annotated[str | None, typer.Option(help="FILE:COLUMN, 户数 · where households live")] = None,
) -> None:
    """生成步行服务圈 · Draw walking service circles and count the households within them."""
    import gridmap
    from gridmap.geo.io import write_layer

    ranges = parse_numbers(minutes, "--minutes")
    homes = read_demand(demand) if demand else None
    extract = network if network.endswith(_EXTRACT) else None
    with show.progress_bar(text("服务圈", "circles")) as progress:
        progress(0.05, text("读取路网", "reading the network"))
        walk = gridmap.read_network(network, water=water or extract, rail=rail or extract)
        places = gridmap.read_layer(stations)
        progress(0.3, text("步行搜索", "walking"))
        rings = gridmap.service_circles(walk, places, minutes=ranges, speed_m_s=speed, station=station)
        cover = None
        if homes is not None:
            progress(0.8, text("覆盖户数", "households within reach"))
            # The furthest range is the one targets are written for.
            cover = gridmap.coverage(walk, places, homes, minutes=max(ranges), speed_m_s=speed, station=station)
        progress(0.9, text("写入", "writing"))
        write_layer(rings, out)
    print_outcomes(rings)
    if cover is not None:
        print_coverage(cover, max(ranges))


def read_demand(value: str) -> gpd.GeoDataFrame:
    """Read where households live, from ``FILE:COLUMN[/DIVISOR]``, with a column ``households``."""
    import gridmap
    from gridmap.circles.demand import numbers_of

    path, column, divisor = parse_weights(value, "--demand")
    layer = gridmap.read_layer(path, role="buildings")
    households = numbers_of(layer, column, path) / divisor
    return layer[[layer.geometry.name]].assign(households=households)


def print_outcomes(rings: gpd.GeoDataFrame) -> None:
    """Print how many circles came out how, and name the stations that have none."""
    counts = rings.groupby(["minutes", "outcome"]).size()
    show.table(
        text("服务圈", "circles"),
        [text("分钟", "minutes"), text("结果", "outcome"), text("数量", "count")],
        [(f"{minutes:g}", show.word(outcome), int(count)) for (minutes, outcome), count in counts.items()],
    )
    for row in rings[rings.geometry.is_empty].drop_duplicates("station").itertuples():
        show.out.print(f"  {row.station}: {row.outcome}, {row.reason}", markup=False)


def print_coverage(cover: Coverage, minutes: float) -> None:
    """Print the households within reach and the largest places beyond it."""
    show.out.print(
        text(
            f"{minutes:g} 分钟内 {cover.covered:,.0f} / {cover.total:,.0f} 户，{cover.share:.1%}",
            f"within {minutes:g} minutes: {cover.covered:,.0f} of {cover.total:,.0f} households, {cover.share:.1%}",
        )
    )
