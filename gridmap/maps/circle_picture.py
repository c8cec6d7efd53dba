"""A picture of walking circles with their streets and what cannot be crossed, for reports."""

from __future__ import annotations

import math
import os
from typing import TYPE_CHECKING, Any, Final

import geopandas as gpd
import numpy as np
import shapely

from gridmap.errors import InputError
from gridmap.geo.files import atomic_path
from gridmap.maps import colours
from gridmap.maps.page_data import range_colours
from gridmap.maps.picture import DPI, letters, path_of, scale_bar
from gridmap.maps.words import conditions, page_words

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from gridmap.network.model import WalkNetwork

Box = tuple[float, float, float, float]

_MARGIN: Final = 0.015
_HEAD_IN: Final = 0.62
_FOOT_IN: Final = 0.42
_TITLE_IN: Final = 0.24
_COLUMNS: Final = 5
_TINT: Final = 0.7
"""How much of what lies below is hidden by rings."""
_RIM: Final = 0.06
"""How far around circles streets are drawn too, as a share of their extent."""


def circle_picture(
    network: WalkNetwork,
    circles: gpd.GeoDataFrame,
    path: str | os.PathLike[str],
    *,
    stations: gpd.GeoDataFrame | None = None,
    gaps: gpd.GeoDataFrame | None = None,
    proposed: gpd.GeoDataFrame | None = None,
    each: bool = False,
    title: str | None = None,
    width_px: int = 1600,
) -> None:
    """Write a picture (PNG) of circles over the streets they were walked on, with water, railways and motorways.

    Parameters
    ----------
    network
        The network that the circles were made on.
    circles
        From :func:`gridmap.service_circles`.
    path
        Where to; what stands there is replaced in one step.
    stations
        Points to mark.
    gaps
        ``Coverage.gaps``: the homes out of reach.
    proposed
        ``Siting.sites``.
    each
        A panel for every station that reaches any land, all at one scale, instead of one map of all.
    title
        What the picture is called.
    width_px
        Width; the height follows from what is drawn.

    Raises
    ------
    InputError
        When matplotlib is not installed, or no circle holds any land.
    OutputError
        When the file cannot be written.

    Examples
    --------
    >>> import gridmap, pathlib, tempfile
    >>> network = gridmap.read_network("data/town/streets.gpkg")
    >>> circles = gridmap.service_circles(network, "data/town/stations.gpkg", minutes=(5, 10))
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "circles.png"
    >>> circle_picture(network, circles, path, width_px=400)
    >>> path.read_bytes()[1:4]
    b'PNG'
    """
    try:
        import matplotlib as mpl
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise InputError("a picture needs matplotlib; install it with: pip install 'gridmap[notebook]'") from None
    drawn = circles[~(circles.geometry.is_empty | circles.geometry.isna())].to_crs(network.crs)
    if len(drawn) == 0:
        raise InputError("no circle holds any land; their outcome and reason say why")
    spots = [None if layer is None else layer.to_crs(network.crs) for layer in (stations, gaps, proposed)]
    boxes = _boxes(drawn, each)
    columns = min(_COLUMNS, len(boxes))
    rows = math.ceil(len(boxes) / columns)
    width = width_px / DPI
    (low_x, low_y, high_x, high_y) = next(iter(boxes.values()))
    wide = width * (1 - 2 * _MARGIN) / columns
    tall = wide * min((high_y - low_y) / (high_x - low_x), 1.6) + (_TITLE_IN if each else 0)
    height = rows * tall + _HEAD_IN + _FOOT_IN
    with mpl.rc_context({"font.family": letters()}):
        figure = Figure(figsize=(width, height), dpi=DPI, facecolor=colours.PAPER)
        for number, (name, box) in enumerate(boxes.items()):
            row, column = divmod(number, columns)
            left, bottom = _MARGIN * width + column * wide, height - _HEAD_IN - (row + 1) * tall
            high = tall - 0.04 - (_TITLE_IN if each else 0)
            axes = figure.add_axes(
                ((left + 0.02) / width, (bottom + 0.02) / height, (wide - 0.04) / width, high / height)
            )
            axes.set(xlim=box[::2], ylim=box[1::2], xticks=[], yticks=[], facecolor="#fbfaf6")
            axes.set_aspect("equal")
            axes.spines[:].set(color="#d8d3c6", linewidth=0.6)
            _draw(axes, network, drawn[drawn["station"] == name] if each else drawn, spots, box)
            if each:
                axes.set_title(str(name), fontsize=7.5, color=colours.INK, pad=3, parse_math=False)
            if number == 0:
                scale_bar(axes, 1.0)
        _write(figure, circles, spots, title or page_words()["circles"])
        FigureCanvasAgg(figure)
        with atomic_path(path) as draft:
            figure.savefig(draft, format="png", metadata={"Software": None})


def _boxes(circles: gpd.GeoDataFrame, each: bool) -> dict[Any, Box]:
    """Return what a panel shows: all circles, or each station's in squares of one size."""
    if not each:
        low_x, low_y, high_x, high_y = (float(side) for side in circles.total_bounds)
        rim = _RIM * max(high_x - low_x, high_y - low_y)
        return {None: (low_x - rim, low_y - rim, high_x + rim, high_y + rim)}
    bounds = circles.geometry.bounds.groupby(circles["station"])
    sides = bounds.agg({"minx": "min", "miny": "min", "maxx": "max", "maxy": "max"})
    half = (0.5 + _RIM) * float(max((sides["maxx"] - sides["minx"]).max(), (sides["maxy"] - sides["miny"]).max()))
    middles = zip(sides.index, (sides["minx"] + sides["maxx"]) / 2, (sides["miny"] + sides["maxy"]) / 2, strict=True)
    return {name: (x - half, y - half, x + half, y + half) for name, x, y in middles}


def _draw(axes: Axes, network: WalkNetwork, circles: gpd.GeoDataFrame, spots: list[Any], box: Box) -> None:
    from matplotlib.collections import LineCollection, PathCollection

    kinds = network.barriers["kind"].to_numpy()
    shapes = np.asarray(network.barriers.geometry.values, dtype=object)
    water = _within(shapes[kinds == "water"], box)
    broad = shapely.get_dimensions(water) == 2
    blue = colours.BARRIERS["water"]
    # An empty path at the end: a collection of one path only would be drawn as a marker, cut where it is large.
    lakes = [path_of(shape) for shape in water[broad]] + [path_of(None)]
    axes.add_collection(PathCollection(lakes, facecolors=blue, linewidths=0, zorder=1), autolim=False)
    axes.add_collection(
        LineCollection(_coordinates(water[~broad]), colors=blue, linewidths=1.4, zorder=1), autolim=False
    )
    _draw_rings(axes, circles)
    streets = _within(network.edges().geometry.values, box)
    axes.add_collection(
        LineCollection(_coordinates(streets), colors="#8d8779", linewidths=0.35, zorder=4), autolim=False
    )
    for kind, weight in (("rail", 1.3), ("motorway", 2.0)):
        lines = _coordinates(_within(shapes[kinds == kind], box))
        axes.add_collection(
            LineCollection(lines, colors=colours.BARRIERS[kind], linewidths=weight, zorder=5), autolim=False
        )
    _mark(axes, spots)


def _draw_rings(axes: Axes, circles: gpd.GeoDataFrame) -> None:
    """Fill what anybody reaches, every place once in the tint of its shortest range, and outline each circle."""
    from matplotlib.collections import PathCollection

    ranges, nearer = sorted(set(circles["minutes"])), shapely.MultiPolygon()
    for minutes, colour in zip(ranges, range_colours(len(ranges)), strict=True):
        shapes = circles.geometry[circles["minutes"] == minutes].values
        reached = shapely.union_all(shapes)
        band = [path_of(shapely.difference(reached, nearer)), path_of(None)]
        tint: dict[str, Any] = {"facecolors": colour, "linewidths": 0, "alpha": _TINT, "zorder": 2}
        axes.add_collection(PathCollection(band, **tint), autolim=False)
        line: dict[str, Any] = {"facecolors": "none", "edgecolors": colours.MINUTES[0], "linewidths": 0.55, "zorder": 3}
        axes.add_collection(PathCollection([*map(path_of, shapes), path_of(None)], alpha=_TINT, **line), autolim=False)
        nearer = reached


def _mark(axes: Axes, spots: list[Any]) -> None:
    for layer, (marker, size, colour) in zip(spots, _MARKS, strict=True):
        if layer is not None and len(layer):
            x, y = shapely.get_coordinates(layer.geometry.values).T
            style: dict[str, Any] = {"edgecolors": "white", "linewidths": 0.0 if marker == "." else 0.8, "zorder": 7}
            axes.scatter(x, y, s=size, c=colour, marker=marker, clip_on=True, **style)


_MARKS: Final = (("o", 26, colours.STATIONS["ok"]), (".", 14, colours.GAP), ("*", 120, "#e0a100"))
"""How stations, homes out of reach and proposed stations are drawn."""


def _within(shapes: Any, box: Box) -> Any:
    """Return what of shapes lies in a box."""
    shapes = np.asarray(shapes, dtype=object)
    near = shapes[shapely.intersects(shapes, shapely.box(*box))]
    cut = shapely.clip_by_rect(near, *box)
    return cut[~shapely.is_empty(cut)]


def _coordinates(lines: Any) -> list[Any]:
    return [shapely.get_coordinates(line) for line in shapely.get_parts(lines)]


def _write(figure: Any, circles: gpd.GeoDataFrame, spots: list[Any], title: str) -> None:
    """Write the title and the conditions above, the legend below."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    words, height = page_words(), float(figure.get_figheight())
    said = " · ".join(conditions(circles))
    size = 1.35 * float(figure.get_figwidth())
    for inches, text, points, weight, colour in (
        (0.22, title, size, "bold", colours.INK), (0.46, said, 0.62 * size, "normal", "#66707a"),
    ):  # fmt: skip
        y = 1 - inches / height
        figure.text(_MARGIN, y, text, fontsize=points, fontweight=weight, color=colour, va="center", parse_math=False)
    ranges = sorted(set(circles["minutes"]))
    keys: list[Any] = [
        Patch(
            facecolor=colour,
            edgecolor=colours.MINUTES[0],
            linewidth=0.5,
            alpha=_TINT,
            label=f"{minutes:g} {words['minutes']}",
        )
        for minutes, colour in zip(ranges, range_colours(len(ranges)), strict=True)
    ]
    keys.append(Line2D([], [], color="#8d8779", linewidth=0.8, label=words["streets"]))
    barriers = circles.attrs.get("barriers", colours.BARRIERS)
    keys += [
        Line2D([], [], color=colour, linewidth=2.2, label=words[kind])
        for kind, colour in colours.BARRIERS.items()
        if kind in barriers
    ]
    for layer, (marker, _, colour), word in zip(spots, _MARKS, ("stations", "gaps", "proposed"), strict=True):
        if layer is not None and len(layer):
            keys.append(Line2D([], [], color=colour, marker=marker, linewidth=0, markersize=6, label=words[word]))
    figure.legend(
        handles=keys, loc="lower left", bbox_to_anchor=(_MARGIN - 0.006, 0.06 / height), ncols=len(keys), frameon=False,
        fontsize=0.62 * size, handlelength=1.3, columnspacing=1.4, handletextpad=0.5, borderpad=0,
        labelcolor=colours.INK,
    )  # fmt: skip
