"""The map on which a draft is edited: a widget where notebooks show widgets, else a map to look at."""

from __future__ import annotations

import warnings
from importlib.util import find_spec
from typing import TYPE_CHECKING

from gridmap.grids.layers import load
from gridmap.maps.plan_map import PlanPage, plan_map
from gridmap.settings import text

if TYPE_CHECKING:
    from gridmap.grids.draft import Draft
    from gridmap.grids.layers import Layer
    from gridmap.maps.draft_widget import DraftWidget

__all__ = ["draft_map"]


def draft_map(
    draft: Draft, streets: Layer | None = None, buildings: Layer | None = None, *, height_px: int = 680
) -> DraftWidget | PlanPage:
    """Show a draft on a map to edit it there: pick, move, split along a line, merge, redraw, undo, compare, propose.

    Parameters
    ----------
    draft
        Edited in place; what code does to it is shown after ``widget.refresh()``.
    streets
        Lines drawn below the borders, main streets wider by the column ``highway``.
    buildings
        Footprints drawn below the borders. The rule that no border cuts one holds where the *draft* knows them.
    height_px
        Of the widget in the notebook.

    Returns
    -------
    DraftWidget or PlanPage
        Without the library ``anywidget`` (``pip install gridmap[notebook]``) a warning, and the page of
        ``plan_map(draft.plan())`` to look at: edits are then made by code (``draft.move(…)``).

    Examples
    --------
    >>> from shapely import box
    >>> import geopandas as gpd, gridmap
    >>> shapes = [box(120 + i / 100, 31, 120 + (i + 1) / 100, 31.01) for i in range(2)]
    >>> layer = gpd.GeoDataFrame({"code": ["01", "02"]}, geometry=shapes, crs=4490)
    >>> plan = gridmap.blocks_from_plan(gridmap.Plan.from_layers({"small": layer}), blocks=layer)
    >>> widget = draft_map(gridmap.Draft(plan))
    >>> widget.draft.finest, widget.selected_blocks
    ('small', [])
    """
    if find_spec("anywidget") is None:
        said = text(
            "未安装 anywidget，地图只能查看；安装：pip install gridmap[notebook]，"
            "或用代码编辑：draft.move(…)、draft.split(…)。",
            "anywidget is not installed, so the map is only to look at; install it with pip install gridmap[notebook], "
            "or edit by code: draft.move(…), draft.split(…).",
        )
        warnings.warn(said, stacklevel=2)
        return plan_map(draft.plan())
    from gridmap.maps.draft_widget import DraftWidget

    below = {"streets": streets, "buildings": buildings}
    given = {name: load(layer, name) for name, layer in below.items() if layer is not None}
    return DraftWidget(draft, **given, height_px=height_px)
