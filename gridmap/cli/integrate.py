"""``gridmap integrate``: department grids onto a plan."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gridmap.cli import show
from gridmap.cli.options import parse_named_layer
from gridmap.errors import InputError
from gridmap.settings import text

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd

    from gridmap.grids.departments import Integration
    from gridmap.grids.departments_propose import Proposal


def integrate(
    plan: Annotated[Path, typer.Argument(help="方案文件 · a plan")],
    departments: Annotated[
        list[str], typer.Argument(help="部门=FILE[:编码列[:名称列]] … · DEPARTMENT=FILE[:CODE[:NAME]] …")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="带对照表的方案 · the plan with its mapping")],
    date: Annotated[str | None, typer.Option(help="部门数据日期 · day the layers are of, 2026-11-01")] = None,
    reports: Annotated[
        Path | None, typer.Option(help="未覆盖、重复、县外图斑, .gpkg · uncovered, doubled, outside as layers")
    ] = None,
    propose: Annotated[
        bool, typer.Option("--propose", help="建议少切割部门网格的调整 · propose moves that cut fewer")
    ] = False,
    seed: Annotated[int, typer.Option(help="随机种子 · seed of the proposal")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="以 JSON 输出 · print JSON")] = False,
) -> None:
    """多网合一：部门网格与网格方案对照 · Map the grids of departments onto a plan; they are kept as they are."""
    import gridmap

    if reports is not None and reports.suffix.lower() != ".gpkg":
        raise InputError(f"--reports {reports}: several layers are written to a .gpkg only")
    layers, codes, names = _choices(departments)
    value = gridmap.read_plan(plan)
    proposal = None
    with show.progress_bar(text("部门网格", "departments")) as progress:
        share = 0.5 if propose else 0.95
        found = gridmap.integrate(
            value, layers, date=date, code=codes, name=names, progress=lambda done, what: progress(share * done, what)
        )
        if propose:
            proposal = found.propose(seed=seed, progress=lambda done, what: progress(0.5 + 0.45 * done, what))
        progress(0.96, text("写入", "writing"))
        found.save(out)
        if reports is not None:
            _write_reports(found, reports)
    if as_json:
        typer.echo(json.dumps(_as_json(found, proposal), ensure_ascii=False, indent=1, default=str))
        return
    print_integration(found)
    if proposal is not None:
        print_proposal(proposal)


def _choices(values: list[str]) -> tuple[dict[str, str], dict[str, str], dict[str, str]]:
    """Return the file of each department, and the columns of codes and names where they are named."""
    layers: dict[str, str] = {}
    codes: dict[str, str] = {}
    names: dict[str, str] = {}
    for department, choice in map(parse_named_layer, values):
        if department in layers:
            raise InputError(f"department {department} is given twice; give each its one layer")
        layers[department] = choice.path
        codes[department] = choice.first or "code"
        if choice.second:
            names[department] = choice.second
    return layers, codes, names


def _plain(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return a report with its tuples of codes as text, as files hold them."""
    lists = [name for name in ("codes", "department_grids") if name in frame.columns]
    return frame.assign(**{name: frame[name].map(";".join) for name in lists})


def _write_reports(found: Integration, path: Path) -> None:
    from gridmap.geo.io import write_layers

    layers: dict[str, pd.DataFrame] = {
        name: _plain(getattr(found, name)) for name in ("uncovered", "doubled", "outside")
    }
    write_layers(layers | {"summary": found.summary}, path)


def _as_json(found: Integration, proposal: Proposal | None) -> dict[str, Any]:
    told: dict[str, Any] = {"summary": _records(found.summary), "mapping": _records(found.mapping)}
    for name in ("uncovered", "doubled", "outside"):
        frame = getattr(found, name)
        told[name] = _records(frame.drop(columns="geometry").assign(geometry=frame.geometry.to_wkt()))
    if proposal is not None:
        told["proposal"] = {"summary": _records(proposal.summary), "moves": _records(proposal.moves)}
    return told


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return rows for JSON, which knows no NaN."""
    plain = frame.astype(object)
    return list(plain.where(plain.notna(), None).to_dict("records"))


def print_integration(found: Integration) -> None:
    """Print a row a department."""
    heads = [
        text("部门", "department"), text("网格", "grids"), text("相同", "equal"), text("在内", "inside"),
        text("包含", "contains"), text("交叉", "crosses"), text("被切割", "cut"),
        text("未覆盖户数", "uncovered households"), text("重复户数", "doubled households"),
        text("县外 m²", "outside m²"),
    ]  # fmt: skip
    columns = [
        "department", "grids", "equal", "inside", "contains", "crosses", "grids_cut", "uncovered_households",
        "doubled_households", "outside_m2",
    ]  # fmt: skip
    rows = list(found.summary[columns].itertuples(index=False, name=None))
    show.table(text("多网合一", "department grids"), heads, rows)


def print_proposal(proposal: Proposal) -> None:
    """Print what the proposed moves change."""
    heads = [
        text("部门", "department"), text("网格", "grids"), text("现切割", "cut now"), text("调整后", "cut then"),
        text("现涉户数", "households now"), text("调整后户数", "households then"), text("不可避免", "unavoidable"),
    ]  # fmt: skip
    show.table(text("建议", "proposal"), heads, list(proposal.summary.itertuples(index=False, name=None)))
    moved = len(proposal.moves)
    show.out.print(text(f"  需调整 {moved} 个地块，见 --json", f"  {moved} blocks to move, see --json"), markup=False)
