"""A picture of a plan for reports and readmes."""

from __future__ import annotations

import math
import os
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import shapely

from gridmap.errors import InputError
from gridmap.geo.files import atomic_path
from gridmap.maps import colours
from gridmap.maps.page_data import parent_positions, range_colours
from gridmap.maps.topology import METRES_PER_DEGREE, Topology, build_topology
from gridmap.maps.words import level_title, page_words

if TYPE_CHECKING:
    import geopandas as gpd
    from matplotlib.axes import Axes

    from gridmap.grids.plan import Plan

FONTS: Final = (
    "Noto Sans CJK SC", "Noto Sans SC", "Source Han Sans SC", "Noto Sans CJK JP", "PingFang SC", "Microsoft YaHei",
    "WenQuanYi Zen Hei", "SimHei",
)  # fmt: skip
DPI: Final = 200
_WEIGHTS: Final = (1.9, 0.75, 0.35, 0.3)
_MARGIN: Final = 0.02
_HEAD: Final = 0.09
"""Share of the width that the title takes."""


def plan_picture(
    plan: Plan,
    path: str | os.PathLike[str],
    *,
    circles: gpd.GeoDataFrame | None = None,
    width_px: int = 1600,
) -> None:
    """Write a picture (PNG) of a plan: the finest tiling level filled, neighbours in different tints, borders by level.

    Parameters
    ----------
    plan
        What to draw.
    path
        Where to; what stands there is replaced in one step.
    circles
        Service circles to lay over it, see :func:`gridmap.plan_map`.
    width_px
        Width; the height follows from the shape of the plan.

    Raises
    ------
    InputError
        When matplotlib is not installed, or the plan has no grids.
    OutputError
        When the file cannot be written.

    Examples
    --------
    >>> import geopandas as gpd, pathlib, tempfile
    >>> from gridmap.grids.plan import Plan
    >>> boxes = gpd.GeoDataFrame({"code": ["1", "2"]}, geometry=[shapely.box(120, 31, 121, 32),
    ...     shapely.box(121, 31, 122, 32)], crs=4490)
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "plan.png"
    >>> plan_picture(Plan.from_layers({"small": boxes}), path, width_px=400)
    >>> path.read_bytes()[1:4]
    b'PNG'
    """
    try:
        import matplotlib as mpl
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise InputError("a picture needs matplotlib; install it with: pip install 'gridmap[notebook]'") from None
    west, south, east, north = _bounds(plan)
    squeeze = math.cos(math.radians((south + north) / 2))
    tall = (north - south) / max((east - west) * squeeze, 1e-9)
    share = min(1.0, 1.25 / tall)  # a tall plan is drawn smaller, not on a page without end
    width = width_px / DPI
    height = width * (tall * share * (1 - 2 * _MARGIN) + _HEAD + _MARGIN)
    with mpl.rc_context({"font.family": letters()}):
        figure = Figure(figsize=(width, height), dpi=DPI, facecolor=colours.PAPER)
        head = _HEAD * width / height
        axes = figure.add_axes((_MARGIN, _MARGIN, 1 - 2 * _MARGIN, 1 - head - _MARGIN))
        rim = 0.004 * (east - west)
        axes.set(xlim=(west - rim, east + rim), ylim=(south - rim, north + rim))
        axes.set_aspect(1 / squeeze)
        axes.set_axis_off()
        _draw(axes, plan, circles)
        scale_bar(axes, 1 / (METRES_PER_DEGREE * squeeze))
        _write_head(figure, plan, width, 1 - head / 2)
        FigureCanvasAgg(figure)
        with atomic_path(path) as draft:
            figure.savefig(draft, format="png", metadata={"Software": None})


def _bounds(plan: Plan) -> tuple[float, float, float, float]:
    boxes = np.array([layer.total_bounds for layer in plan.layers.values()])
    boxes = boxes[np.isfinite(boxes).all(axis=1)]
    if len(boxes) == 0:
        raise InputError("the plan has no grids to draw")
    west, south = (float(each) for each in boxes[:, :2].min(axis=0))
    east, north = (float(each) for each in boxes[:, 2:].max(axis=0))
    return west, south, east, north


def letters() -> list[str]:
    """Return the fonts of a picture: one that has Chinese letters, where there is one, before the others."""
    from matplotlib import font_manager

    there = set(font_manager.get_font_names())
    return [*[name for name in FONTS if name in there][:1], "DejaVu Sans"]


def _draw(axes: Axes, plan: Plan, circles: gpd.GeoDataFrame | None) -> None:
    from matplotlib.collections import LineCollection, PathCollection

    topology = build_topology([layer.geometry.values for layer in plan.layers.values()], quantum=1e-6, tolerance_m=0.5)
    tints = colours.tint_plan(topology.layers, parent_positions(plan))
    palette = colours.palette()
    for depth, spec in enumerate(plan.levels):
        # The empty path at the end: a collection of one path only would be drawn as a marker, cut where it is large.
        paths = [path_of(each) for each in plan.layers[spec.name].geometry.values] + [path_of(None)]
        if spec.name == plan.finest_tiling:
            pairs = zip(tints[depth].hue, tints[depth].shade, strict=True)
            faces: Any = [palette[hue][shade] for hue, shade in pairs]
            # The thin outline of its own colour closes the seam that smoothing leaves between neighbours.
            axes.add_collection(PathCollection(paths, facecolors=faces, edgecolors=faces, linewidths=0.3, zorder=1))
        if not spec.tiles:
            style: dict[str, Any] = {
                "facecolors": colours.MICRO + "3c",
                "edgecolors": colours.MICRO,
                "linewidths": 0.35,
            }
            axes.add_collection(PathCollection(paths, zorder=2, **style))
            continue
        lines = _borders(topology, depth)
        colour, weight = colours.LINES[min(depth, 2)], _WEIGHTS[min(depth, 3)]
        axes.add_collection(
            LineCollection(lines, colors=colour, linewidths=weight, capstyle="round", zorder=20 - depth)
        )
    if circles is not None:
        _draw_circles(axes, circles)


def _draw_circles(axes: Axes, circles: gpd.GeoDataFrame) -> None:
    from matplotlib.patches import PathPatch

    ranges = sorted(set(circles["minutes"]))
    for minutes, colour in reversed(list(zip(ranges, range_colours(len(ranges)), strict=True))):
        joined = shapely.union_all(circles.geometry[circles["minutes"] == minutes].values)
        if not shapely.is_empty(joined):
            edge = colours.MINUTES[0]
            axes.add_patch(PathPatch(path_of(joined), facecolor=colour + "8c", edgecolor=edge, linewidth=0.4, zorder=3))


def path_of(shape: Any) -> Any:
    """Return a polygon with its holes as one path."""
    from matplotlib.path import Path

    rings = shapely.get_rings(shapely.get_parts(shape)) if shape is not None else []
    if len(rings) == 0:
        return Path(np.zeros((1, 2)))
    parts = [Path(shapely.get_coordinates(ring), closed=True) for ring in rings]
    return Path.make_compound_path(*parts)


def _borders(topology: Topology, depth: int) -> list[Any]:
    """Return the borders of a level as lines, each stretch once."""
    used = {ref if ref >= 0 else ~ref for shape in topology.layers[depth] for ring in shape for ref in ring}
    return [topology.arcs[arc] * topology.quantum for arc in sorted(used)]


def scale_bar(axes: Axes, a_metre: float) -> None:
    """Draw a bar of about an eighth of the width, a round number of metres, in the lower left corner.

    Parameters
    ----------
    axes
        Where to.
    a_metre
        How long a metre is in the units of its horizontal axis.
    """
    west, east = axes.get_xlim()
    south, north = axes.get_ylim()
    wanted = (east - west) / a_metre / 8
    power = 10 ** math.floor(math.log10(wanted))
    metres = max(step * power for step in (1, 2, 5) if step * power <= wanted)
    x, y = west + 0.01 * (east - west), south + 0.012 * (north - south)
    axes.plot([x, x + metres * a_metre], [y, y], color=colours.INK, linewidth=1.6, solid_capstyle="butt", zorder=30)
    label = f"{metres / 1000:g} km" if metres >= 1000 else f"{metres:g} m"
    axes.annotate(label, (x, y), (0, 3), textcoords="offset points", color=colours.INK, fontsize=7, zorder=30)


def _write_head(figure: Any, plan: Plan, width: float, middle: float) -> None:
    size = 1.55 * width
    title = plan.metadata.name or page_words()["plan"]
    counts = "  ·  ".join(f"{level_title(spec.name)} {len(plan.layers[spec.name]):,}" for spec in plan.levels)
    lines = [(0.016, title, size, "bold", colours.INK), (-0.022, counts, 0.72 * size, "normal", "#66707a")]
    for shift, text, points, weight, colour in lines:
        y = middle + shift * width / float(figure.get_figheight())
        figure.text(_MARGIN, y, text, fontsize=points, fontweight=weight, color=colour, va="center", parse_math=False)


if __name__ == "__main__":
    import sys

    from gridmap.grids.io import read_plan

    plan_picture(read_plan(sys.argv[1]), sys.argv[2], width_px=1200)
