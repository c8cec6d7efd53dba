"""``gridmap demo``: the main job from streets to the responsible person, on the sample county and on files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from gridmap.cli import show
from gridmap.cli.circles import Asked, Given, Made, make, write
from gridmap.cli.grids import print_findings
from gridmap.errors import OutputError
from gridmap.settings import text

if TYPE_CHECKING:
    import geopandas as gpd

    from gridmap.address.index import AddressIndex
    from gridmap.cli.show import ProgressCall
    from gridmap.grids.plan import Plan
    from gridmap.network.model import WalkNetwork
    from gridmap.sample.county import County
    from gridmap.scale.join import JoinSummary

LEVELS: Final = {"large": 12, "medium": 198, "small": 2021, "micro": 253}
MINUTES: Final = (5, 10, 15)


@dataclass(frozen=True)
class DemoResult:
    """What the demo made, for the table at its end."""

    plan: Plan
    found: gpd.GeoDataFrame
    circles: Made
    joined: JoinSummary
    addresses: AddressIndex


def demo(
    out: Annotated[Path, typer.Option(help="输出目录 · folder for inputs and results")] = Path("out"),
    seed: Annotated[int, typer.Option(help="随机种子 · seed of the county")] = 0,
) -> None:
    """样例县：从路网到责任人 · The sample county, from streets to the responsible person."""
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot make the folder {out}: {error.strerror or error}") from error
    with show.progress_bar(text("样例县", "sample county")) as progress:
        result = run_demo(out, seed, progress)
    print_result(result)
    print_findings(result.found)
    show.out.print(text(f"打开 {out / 'map.html'} 查看地图", f"open {out / 'map.html'} to see the map"), markup=False)
    if (result.found["severity"] == "error").any():
        raise typer.Exit(1)


def run_demo(out: Path, seed: int, progress: ProgressCall) -> DemoResult:
    """Make the county, draw, check, walk, join and map; every file of design.md ends up under ``out``."""
    import gridmap
    from gridmap.sample.county import make_county
    from gridmap.sample.io import write_county

    folder = out / "county"
    progress(0.0, text("生成样例县", "making the county"))
    county = make_county(seed=seed)
    progress(0.12, text("写出样例县", "writing the county"))
    write_county(county, folder)
    progress(0.2, text("读取路网", "reading the network"))
    network = gridmap.read_network(folder / "streets.gpkg", water=folder / "water.gpkg", rail=folder / "rail.gpkg")
    plan, found = draw_and_check(folder, network, seed, lambda share, what: progress(0.22 + 0.4 * share, what))
    plan.save(out / "plan.gpkg")
    made = walk(folder, network, out / "circles.gpkg", progress)
    joined = join_and_map(out, plan, county, made.rings, seed, progress)
    return DemoResult(plan, found, made, joined, index_addresses(out, progress))


def draw_and_check(
    folder: Path, network: WalkNetwork, seed: int, progress: ProgressCall
) -> tuple[Plan, gpd.GeoDataFrame]:
    """Draw small and micro grids inside the given towns and communities; check them against every rule."""
    import gridmap

    progress(0.0, text("生成地块", "making blocks"))
    blocks = gridmap.make_blocks(
        folder / "boundary.gpkg",
        folder / "streets.gpkg",
        water=folder / "water.gpkg",
        rail=folder / "rail.gpkg",
        buildings=folder / "buildings.gpkg",
    )
    plan = gridmap.draw_plan(
        blocks,
        network,
        levels=LEVELS,
        county_code="320299",
        within={
            "large": gridmap.read_layer(folder / "towns.gpkg"),
            "medium": gridmap.read_layer(folder / "communities.gpkg"),
        },
        seed=seed,
        progress=lambda share, what: progress(0.2 + 0.7 * share, what),
    )
    progress(0.92, text("检查", "checking"))
    found = gridmap.check_plan(
        plan,
        boundary=gridmap.read_layer(folder / "boundary.gpkg"),
        buildings=gridmap.read_layer(folder / "buildings.gpkg"),
    )
    return plan, found


def walk(folder: Path, network: WalkNetwork, out: Path, progress: ProgressCall) -> Made:
    """Draw the circles of every station and count who reaches one; the file is that of ``gridmap circles``."""
    import gridmap

    asked = Asked(ranges=MINUTES, pace=gridmap.Pace(), capacity="capacity")
    given = Given(
        stations=gridmap.read_layer(folder / "stations.gpkg"),
        homes=gridmap.read_layer(folder / "buildings.gpkg"),
        areas=gridmap.read_layer(folder / "communities.gpkg"),
        facilities=gridmap.read_layer(folder / "facilities.gpkg"),
        estates=gridmap.read_layer(folder / "estates.gpkg"),
    )
    made = make(asked, given, network, lambda share, what: progress(0.65 + 0.12 * share, what))
    write(made, given, out)
    return made


def join_and_map(
    out: Path, plan: Plan, county: County, rings: gpd.GeoDataFrame, seed: int, progress: ProgressCall
) -> JoinSummary:
    """Give the grids people, join the incidents to them, and draw the page."""
    import gridmap
    from gridmap.maps.plan_map import save_map
    from gridmap.sample.incidents import make_incidents
    from gridmap.sample.io import write_incidents, write_roster
    from gridmap.sample.roster import make_roster
    from gridmap.scale.join import join_file, read_table

    progress(0.78, text("花名册与事件", "roster and incidents"))
    write_roster(make_roster(plan, county, seed), out / "roster.csv")
    write_incidents(make_incidents(county, seed), out / "incidents.parquet")
    roster = gridmap.read_roster(out / "roster.csv")
    joined = join_file(
        out / "incidents.parquet",
        gridmap.Locator(plan),
        out / "joined.parquet",
        roster=roster,
        progress=lambda share, what: progress(0.8 + 0.1 * share, what),
    )
    progress(0.92, text("绘制地图", "drawing the map"))
    page = gridmap.plan_map(plan, circles=rings, incidents=read_table(out / "joined.parquet"), roster=roster)
    save_map(page, out / "map.html")
    return joined


def index_addresses(out: Path, progress: ProgressCall) -> AddressIndex:
    """Make the index that addresses are found in; the same as of ``gridmap addresses build``."""
    from gridmap.address.io import build_file
    from gridmap.address.region import Region
    from gridmap.sample.names import REGION

    progress(0.94, text("地址索引", "the address index"))
    folder = out / "county"
    files = [
        str(folder / "addresses.csv"),
        *(f"places={folder / name}.gpkg" for name in ("facilities", "stations", "estates")),
        f"streets={folder / 'streets.gpkg'}",
    ]
    built = build_file(
        files,
        out / "addresses.idx",
        region=Region(*REGION),
        progress=lambda share, what: progress(0.94 + 0.06 * share, what),
    )
    return built.index


def print_result(result: DemoResult) -> None:
    """Print one table: grids and balance a level, stations and coverage, incidents and who answers."""
    rows = []
    for spec in result.plan.levels:
        layer = result.plan[spec.name]
        given = spec.name in result.plan.metadata.given_levels
        inside = text("既有", "given") if given else f"{within_band(layer, result.plan.metadata.band):.1%}"
        rows.append((show.word(spec.name), len(layer), float(layer["households"].median()), inside))
    show.table(
        text("网格", "grids"),
        [text("层级", "level"), text("数量", "grids"), text("户数中位", "median households"),
         text("均衡带内", "within the band")],
        rows,
    )  # fmt: skip
    errors = int((result.found["severity"] == "error").sum())
    placed = [
        (text(f"事件 · {show.word(outcome)}", f"incidents · {outcome}"), count)
        for outcome, count in result.joined.by_outcome.items()
    ]
    share = result.joined.with_person / max(result.joined.rows, 1)
    show.table(
        text("结果", "results"),
        [text("指标", "what"), text("值", "value")],
        [
            (text("检查错误", "errors found"), errors),
            (text("检查警告", "warnings"), len(result.found) - errors),
            *_walked(result.circles),
            *placed,
            (text("标准地址", "listed addresses"), int(result.addresses.text["counts"]["rows"])),
            (text("有责任人的事件", "incidents with a person"), f"{result.joined.with_person:,} ({share:.1%})"),
        ],
    )


def _walked(made: Made) -> list[tuple[str, object]]:
    """Return how the stations came out, and how many households reach one."""
    outcomes = made.stations["outcome"].value_counts()
    rows: list[tuple[str, object]] = [
        (text(f"服务站点 · {show.word(outcome)}", f"stations · {outcome}"), int(count))
        for outcome, count in outcomes.items()
    ]
    if made.cover is not None:
        rows += [
            (text(f"{row.Index:g} 分钟内户数", f"households within {row.Index:g} min"),
             f"{row.covered:,.0f} ({row.share:.1%})")
            for row in made.cover.by_minutes.itertuples()
        ]  # fmt: skip
        rows += [
            (text("覆盖缺口", "gaps"), len(made.cover.gaps)),
            (text("超负荷站点", "stations over capacity"), int(made.cover.by_station["overloaded"].sum())),
            (text("千户以上无站点小区", "large estates without a station"), len(made.cover.estates_without_station)),
        ]
    return rows


def within_band(layer: gpd.GeoDataFrame, band: float) -> float:
    """Return the share of grids whose households lie within the band around their siblings' mean."""
    mean = layer.groupby(layer["parent"].fillna(""))["households"].transform("mean")
    return float(((layer["households"] - mean).abs() <= band * mean + 1e-9).mean())
