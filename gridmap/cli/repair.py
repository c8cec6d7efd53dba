"""``gridmap repair``: a layer mended into a seamless coverage."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from gridmap.cli import show
from gridmap.errors import InputError, OutputError
from gridmap.settings import language, text

if TYPE_CHECKING:
    import geopandas as gpd

    from gridmap.geo.repair import Repaired

_DONE: Final = {
    "rings": "图形修正",
    "repeated_points": "去重复点",
    "gap": "填补缝隙",
    "overlap": "消除重叠",
    "sliver": "归并碎片",
    "vertices": "边界对点",
    "dropped": "删除重复行",
    "left": "保留孔洞",
}
"""What was done, as people read it."""
_TABLES: Final = ("changes", "pieces", "left")


def repair(
    layer: Annotated[Path, typer.Argument(help="图层文件 · a layer of polygons")],
    out: Annotated[Path, typer.Option("--out", "-o", help="修复后的图层, .gpkg · the mended layer")],
    snap: Annotated[float, typer.Option(help="重叠最大宽度 米 · widest overlap that is mended, m")] = 0.5,
    gap: Annotated[float, typer.Option(help="缝隙最大宽度 米 · widest gap that is filled, m")] = 1.0,
    code: Annotated[str | None, typer.Option(help="编码列 · column that names the polygons")] = None,
    name: Annotated[
        str | None, typer.Option("--layer", help="图层名 · layer of the file, the first by default")
    ] = None,
    most: Annotated[int, typer.Option(help="列出的变化数 · how many changes are listed")] = 20,
) -> None:
    """修复图层：缝隙、重叠、碎片、错误图形 · Mend gaps, overlaps, slivers and wrong rings, and say what changed.

    The file holds the mended layer, and the layers changes (a row a changed polygon), pieces (a row a piece of ground
    that was given away) and left (holes too wide to be a gap). Nothing is written where the layer cannot be mended.
    """
    import gridmap
    from gridmap.geo.io import write_layers

    if out.suffix.lower() != ".gpkg":
        raise InputError(f"--out {out}: several layers are written to a .gpkg only")
    if not out.resolve().parent.is_dir():
        raise OutputError(f"cannot write {out}: there is no folder {out.parent}; nothing was written")
    if out.resolve() == layer.resolve():
        raise InputError(f"{out} is read here: writing would replace it; give another name")
    title = name or layer.stem
    if title in _TABLES:
        raise InputError(f"layer {title!r}: that name is taken by what changed; rename the layer or the file")
    with show.progress_bar(text("修复", "repair")) as progress:
        given = gridmap.read_layer(layer, layer=name)
        found = gridmap.repair(
            given, snap_m=snap, gap_width_m=gap, code=code, progress=lambda done, what: progress(0.9 * done, what)
        )
        progress(0.92, text("写入", "writing"))
        write_layers({title: found.layer} | {each: _plain(getattr(found, each)) for each in _TABLES}, out)
    print_repair(found, most)


def _plain(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return a report with its tuples as text, as files hold them."""
    lists = [name for name in ("codes", "done") if name in frame.columns]
    return frame.assign(**{name: frame[name].map(";".join).astype(object) for name in lists})


def print_repair(found: Repaired, most: int) -> None:
    """Print what was done in all, then the polygons that changed most."""
    columns = [text("处理", "done"), text("图斑", "polygons"), text("处", "places"), "m²"]
    rows = [(_word(row.done), row.polygons, row.places, float(row.area_m2)) for row in found.summary().itertuples()]
    show.table(text("图层修复", "repaired"), columns, rows)
    covered = found.union_m2 + found.filled_m2
    show.out.print(
        text(
            f"  {len(found.layer)} 个图斑，面积 {covered:,.0f} m²，其中填补 {found.filled_m2:,.1f} m²",
            f"  {len(found.layer)} polygons over {covered:,.0f} m², of which {found.filled_m2:,.1f} m² were filled",
        ),
        markup=False,
    )
    changes = found.changes
    if len(changes) and most > 0:
        moved = (changes["gained_m2"] + changes["lost_m2"]).sort_values(ascending=False, kind="stable").index
        numbers = ("area_before_m2", "area_after_m2", "gained_m2", "lost_m2", "moved_m")
        heads = [text("编码", "code"), text("处理", "done"), text("级别", "severity"), text("原 m²", "before m²"),
                 text("现 m²", "after m²"), text("增 m²", "gained m²"), text("减 m²", "lost m²"),
                 text("移动 m", "moved m")]  # fmt: skip
        shown = changes.loc[moved].head(most)
        figures = zip(*(shown[column].astype(float) for column in numbers), strict=True)
        show.table(
            text("变化的图斑", "changed polygons"),
            heads,
            [
                (code, " ".join(map(_word, done)), _severity(severity), *each)
                for code, done, severity, each in zip(
                    shown["code"], shown["done"], shown["severity"], figures, strict=True
                )
            ],
        )
    if len(changes) > most:
        left = len(changes) - most
        said = text(f"  另有 {left} 个，见图层 changes", f"  and {left} more, see the layer changes")
        show.out.print(said, markup=False)


def _word(done: str) -> str:
    return done if language() == "en" else f"{_DONE[done]} {done}"


def _severity(severity: str) -> str:
    return text("提醒", "warning") if severity == "warning" else text("说明", "note")
