"""``gridmap diff``: what changed between two plans."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from gridmap.cli import show
from gridmap.settings import text

if TYPE_CHECKING:
    import pandas as pd

    from gridmap.grids.compare import Delta

SLIVER_M2: Final = 10.0
"""What :func:`gridmap.compare_plans` takes by default, said here so that help needs no geometry."""
_SHOWN_CODES: Final = 4


def diff(
    old: Annotated[Path, typer.Argument(help="原方案 · the old plan")],
    new: Annotated[Path, typer.Argument(help="新方案 · the new plan")],
    as_json: Annotated[bool, typer.Option("--json", help="以 JSON 输出全部 · print everything as JSON")] = False,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="左右对照地图 · a two-sided map, diff.html")] = None,
    tolerance: Annotated[
        float, typer.Option(help="视为未变的面积, 平方米 · ground up to which a grid counts as kept, m²")
    ] = SLIVER_M2,
    most: Annotated[int, typer.Option(help="列出的变化数 · how many changes are listed")] = 40,
) -> None:
    """对比两个方案 · Say which grids were kept, reshaped, split, merged, new or retired, and who moved."""
    import gridmap

    before, after = gridmap.read_plan(old), gridmap.read_plan(new)
    delta = gridmap.compare_plans(before, after, tolerance_m2=tolerance)
    if as_json:
        versions = {"old": before.version, "new": after.version}
        typer.echo(json.dumps(versions | json.loads(delta.to_json()), ensure_ascii=False, indent=1))
    else:
        print_delta(delta, f"{before.version} → {after.version}", most)
    if out is not None:
        gridmap.diff_map(before, after, delta=delta).save(out)
        if not as_json:
            show.out.print(str(out), markup=False)


def print_delta(delta: Delta, versions: str, most: int = 40) -> None:
    """Print what became of the grids by level, then the changes, most households first."""
    counts = delta.summary()
    numbers = ["households_lost", "households_gained", "area_lost_m2", "area_gained_m2"]
    show.table(
        text(f"方案对比 {versions}", f"plans compared {versions}"),
        [text("层级", "level"), text("变化", "change"), text("网格", "grids"), *_figures()],
        [
            (show.word(row.level), _change(row.change), int(row.grids), *figures)
            for row, *figures in zip(counts.itertuples(), *_columns(counts, numbers), strict=True)
        ],
    )
    for row in delta.moved().itertuples():
        said = _moved(show.word(row.level), row.households, row.area_m2, row.share_households)
        show.out.print(said, markup=False)
    changed = delta.changed
    if len(changed) and most > 0:
        columns = [text("层级", "level"), text("变化", "change"), text("原编码", "old"), text("新编码", "new")]
        show.table(
            text("变化的网格", "changed grids"),
            [*columns, *_figures()],
            [
                (show.word(row.level), _change(row.change), _codes(row.old), _codes(row.new), *figures)
                for row, *figures in zip(changed.head(most).itertuples(), *_columns(changed, numbers), strict=False)
            ],
        )
    if len(changed) > most:
        left = len(changed) - most
        show.out.print(text(f"  另有 {left} 项，见 --json 或 -o", f"  and {left} more, see --json or -o"), markup=False)


def _columns(table: pd.DataFrame, names: Sequence[str]) -> list[list[float]]:
    """Return columns in whole numbers, NaN where a number is not known."""
    return [[each if math.isnan(each) else round(each) for each in table[name].tolist()] for name in names]


def _figures() -> list[str]:
    return [
        text("划出户数", "households lost"),
        text("划入户数", "households gained"),
        text("划出 m²", "lost m²"),
        text("划入 m²", "gained m²"),
    ]


def _change(change: str) -> str:
    from gridmap.maps.diff_map import CHANGE_TITLES
    from gridmap.settings import language

    title, name = CHANGE_TITLES[change]
    return name if language() == "en" else f"{title} {name}"


def _codes(codes: tuple[str, ...]) -> str:
    rest = len(codes) - _SHOWN_CODES
    return " ".join(codes[:_SHOWN_CODES]) + (f" +{rest}" if rest > 0 else "")


def _moved(level: str, homes: float, area: float, share: float) -> str:
    if math.isnan(homes):  # no plan tells
        return text(f"  {level}：{area:,.0f} m² 更换网格", f"  {level}: {area:,.0f} m² changed grid")
    return text(
        f"  {level}：{homes:,.0f} 户（{share:.2%}）、{area:,.0f} m² 更换网格",
        f"  {level}: {homes:,.0f} households ({share:.2%}) and {area:,.0f} m² changed grid",
    )
