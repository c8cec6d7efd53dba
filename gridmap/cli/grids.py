"""``gridmap draw``, ``gridmap import`` and ``gridmap check``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gridmap.cli import show
from gridmap.cli.options import LayerChoice, parse_levels, parse_named_layer, parse_weights
from gridmap.errors import InputError
from gridmap.settings import text

if TYPE_CHECKING:
    import geopandas as gpd

    from gridmap.grids.plan import Plan

_EXTRACT = ".osm.pbf"


def draw(
    streets: Annotated[str, typer.Option(help="街道线图层或 .osm.pbf · street lines or an extract")],
    levels: Annotated[
        str, typer.Option(help="各级网格数或户数范围 · grids a level, or households a grid: 12,198,300-500,253")
    ],
    county_code: Annotated[str, typer.Option(help="六位县级代码 · the county's six digits")],
    out: Annotated[Path, typer.Option("--out", "-o", help="方案文件 · the plan, plan.gpkg")],
    boundary: Annotated[str | None, typer.Option(help="县界 · the boundary (default: the extract's)")] = None,
    water: Annotated[str | None, typer.Option(help="水面 · water")] = None,
    rail: Annotated[str | None, typer.Option(help="铁路 · railways")] = None,
    buildings: Annotated[str | None, typer.Option(help="建筑物 · buildings, whose households are counted")] = None,
    weights: Annotated[str | None, typer.Option(help="FILE:COLUMN[/DIVISOR], 户数面层 · a weight layer")] = None,
    within: Annotated[
        list[str] | None, typer.Option(help="LEVEL=FILE:CODE:NAME, 已有的上级网格 · given levels")
    ] = None,
    dedicated: Annotated[
        str | None, typer.Option(help="专属网格面层 (name, line_department) · campuses, markets, hospitals")
    ] = None,
    stations: Annotated[
        list[str] | None, typer.Option(help="LEVEL=FILE, 按站点步行范围划分 · grids that follow stations on foot")
    ] = None,
    band: Annotated[float, typer.Option(help="均衡带 · allowed deviation from the siblings' mean")] = 0.10,
    seed: Annotated[int, typer.Option(help="随机种子 · seed")] = 0,
    street_households_per_km: Annotated[
        float, typer.Option(help="每公里街道折合户数, 计入工作量 · households that a km of street counts for")
    ] = 0.0,
) -> None:
    """划分网格 · Draw the grids of all levels from streets and households."""
    import gridmap

    extract = streets if streets.endswith(_EXTRACT) else None
    sources = {
        "water": water or extract,
        "rail": rail or extract,
        "buildings": buildings or (None if weights else extract),
    }
    limits = boundary or extract
    if limits is None:
        raise InputError("--boundary is missing: name the layer that holds the county's outline")
    weight_layer = None
    if weights:
        path, column, divisor = parse_weights(weights)
        weight_layer = gridmap.Weights(gridmap.read_layer(path), column, divisor)
    given = {level: _given_layer(value) for level, value in map(parse_named_layer, within or [])}
    with show.progress_bar(text("划分网格", "drawing")) as progress:
        progress(0.02, text("读取路网", "reading the network"))
        network = gridmap.read_network(streets, water=sources["water"], rail=sources["rail"])
        progress(0.08, text("生成地块", "making blocks"))
        blocks = gridmap.make_blocks(limits, streets, **sources, weights=weight_layer)
        plan = gridmap.draw_plan(
            blocks,
            network,
            levels=parse_levels(levels),
            county_code=county_code,
            within=given or None,
            dedicated=gridmap.read_layer(dedicated) if dedicated else None,
            stations={
                level: gridmap.read_layer(choice.path) for level, choice in map(parse_named_layer, stations or [])
            },
            band=band,
            seed=seed,
            street_households_per_km=street_households_per_km,
            progress=lambda share, what: progress(0.2 + 0.75 * share, what),
        )
        progress(0.96, text("写入方案", "writing the plan"))
        plan.save(out)
    print_levels(plan)


def _given_layer(value: LayerChoice) -> gpd.GeoDataFrame:
    """Read the layer of a given level and name its columns ``code`` and ``name``."""
    import gridmap

    layer = gridmap.read_layer(value.path)
    code, name = value.first or "code", value.second or "name"
    missing = [column for column in (code, name) if column not in layer.columns]
    if missing:
        columns = ", ".join(str(column) for column in layer.columns if column != layer.geometry.name)
        raise InputError(
            f"{value.path} has no column {', '.join(missing)}; it has {columns}. Write LEVEL=FILE:CODE:NAME"
        )
    frame = layer.assign(code=layer[code].astype(str), name=layer[name].astype(str))
    keep = ["code", "name", *(each for each in ("parent", "kind") if each in layer.columns), layer.geometry.name]
    return frame[keep]


def import_layers(
    layers: Annotated[list[str], typer.Argument(help="LEVEL=FILE[:LAYER] …, 从大到小 · from coarse to fine")],
    out: Annotated[Path, typer.Option("--out", "-o", help="方案文件 · the plan")],
    code: Annotated[str, typer.Option(help="编码列, 或 LEVEL=列,… · code column, or LEVEL=COLUMN,…")] = "code",
    name: Annotated[str | None, typer.Option(help="名称列 · name column")] = None,
    parent: Annotated[str | None, typer.Option(help="上级编码列 · column of the parent's code")] = None,
) -> None:
    """导入已有网格 · Make a plan of existing layers; names what does not fit."""
    import gridmap

    frames = {}
    for level, choice in map(parse_named_layer, layers):
        frames[level] = gridmap.read_layer(choice.path, layer=choice.first)
    with show.progress_bar(text("导入", "importing")) as progress:
        progress(0.1, text("寻找上级网格", "finding parents"))
        plan = gridmap.Plan.from_layers(frames, code=_per_level(code), name=name, parent=parent)
        progress(0.6, text("检查", "checking"))
        found = gridmap.check_plan(plan)
        plan.save(out)
    print_levels(plan)
    print_findings(found)


def _per_level(value: str) -> str | dict[str, str]:
    if "=" not in value:
        return value
    return dict(part.split("=", 1) for part in value.split(","))


def check(
    plan: Annotated[Path, typer.Argument(help="方案文件 · a plan")],
    as_json: Annotated[bool, typer.Option("--json", help="以 JSON 输出 · print JSON")] = False,
    boundary: Annotated[str | None, typer.Option(help="县界 · the boundary to compare with")] = None,
    buildings: Annotated[str | None, typer.Option(help="建筑物, 不得穿切 · buildings that no border may cut")] = None,
) -> None:
    """检查方案 · Check a plan against every rule; exit 0 without errors, 1 with, 2 unreadable."""
    import pandas as pd

    import gridmap

    value = gridmap.read_plan(plan)
    limits = gridmap.read_layer(boundary, role="boundary") if boundary else None
    houses = gridmap.read_layer(buildings, role="buildings") if buildings else None
    found = gridmap.check_plan(value, boundary=limits, buildings=houses)
    if as_json:
        shown = pd.DataFrame(found).assign(geometry=found.geometry.to_wkt(), codes=found["codes"].map(list))
        typer.echo(json.dumps(shown.to_dict("records"), ensure_ascii=False, indent=1, default=str))
    else:
        print_levels(value)
        print_findings(found)
    if (found["severity"] == "error").any():
        raise typer.Exit(1)


def print_levels(plan: Plan) -> None:
    """Print how many grids a level has and how their households spread."""
    rows = []
    for spec in plan.levels:
        homes = plan[spec.name]["households"]
        figures = (homes.sum(min_count=1), homes.median(), homes.max())
        rows.append((show.word(spec.name), len(homes), *map(float, figures)))
    show.table(
        text(f"方案 {plan.version}", f"plan {plan.version}"),
        [
            text("层级", "level"),
            text("网格", "grids"),
            text("户数", "households"),
            text("中位", "median"),
            text("最大", "max"),
        ],
        rows,
    )


def print_findings(found: gpd.GeoDataFrame, most: int = 20) -> None:
    """Print the findings, errors first, at most so many in full, and their counts."""
    if found.empty:
        show.out.print(text("检查通过，无问题", "checked: nothing found"))
        return
    from gridmap.grids.check import summary

    show.table(
        text("检查结果", "findings"),
        [text("级别", "severity"), text("规则", "rule"), text("层级", "level"), text("数量", "count")],
        [(*map(show.word, key), int(count)) for *key, count in summary(found).itertuples(index=False)],
    )
    errors = found[found["severity"] == "error"].head(most)
    for row in errors.itertuples():
        show.out.print(f"  {row.rule} {row.level} {' '.join(row.codes)}: {row.message}", markup=False)
    left = int((found["severity"] == "error").sum()) - len(errors)
    if left > 0:
        show.out.print(text(f"  另有 {left} 条错误，见 --json", f"  and {left} more errors, see --json"))
