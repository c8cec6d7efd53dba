"""The notebook's map of a draft as a Jupyter widget: the page draws and asks, Python edits and answers.

The page's part is one ES module: Leaflet, the decoder that all pages share, and the parts in ``assets/draft_widget``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import anywidget
import traitlets

from gridmap.maps.assets import ASSETS, LEAFLET_CSS, LEAFLET_JS, asset_text
from gridmap.maps.draft_desk import Desk

if TYPE_CHECKING:
    import geopandas as gpd

    from gridmap.grids.draft import Draft
    from gridmap.grids.plan import Plan

PARTS: Final = ("mosaic", "backdrop", "layer", "tools", "panel", "view")
"""Files of the module, in their order."""


def module_text() -> str:
    """Return the page's part of the widget as one ES module that imports nothing.

    Examples
    --------
    >>> "import " in module_text().partition("class Mosaic")[2]
    False
    """
    parts = [(ASSETS / "draft_widget" / f"{name}.js").read_text(encoding="utf-8") for name in PARTS]
    # Leaflet hands itself over as a CommonJS module, and gives the page's own L back, if there was one.
    leaflet = f"const L = (() => {{ const exports = {{}}, module = {{ exports }};\n{asset_text(LEAFLET_JS)}\n"
    leaflet += "return exports.noConflict(); })();\n"
    codec = asset_text("gridmap/codec.js")
    return "\n".join([leaflet, codec, "const gridmap = window.gridmap;", *parts])


def style_text() -> str:
    """Return the widget's style sheet with Leaflet's."""
    own = (ASSETS / "draft_widget" / "widget.css").read_text(encoding="utf-8")
    return asset_text(LEAFLET_CSS) + own


class DraftWidget(anywidget.AnyWidget):
    """A draft on a map: blocks are picked and moved, grids split, merged and redrawn, each edit measured at once.

    Made by :func:`gridmap.draft_map`.

    Parameters
    ----------
    draft
        Edited in place.
    streets, buildings
        Drawn below the borders.
    height_px
        Of the widget in the notebook.

    Attributes
    ----------
    selected_blocks, selected_grids
        Numbers and codes of what is picked on the map; setting them picks.
    """

    _esm = module_text()
    _css = style_text()
    scene = traitlets.Dict().tag(sync=True)
    height_px = traitlets.Int(680).tag(sync=True)
    selected_blocks = traitlets.List(traitlets.Int()).tag(sync=True)
    selected_grids = traitlets.List(traitlets.Unicode()).tag(sync=True)

    def __init__(
        self,
        draft: Draft,
        streets: gpd.GeoDataFrame | None = None,
        buildings: gpd.GeoDataFrame | None = None,
        *,
        height_px: int = 680,
    ) -> None:
        self._desk = Desk(draft, streets, buildings)
        super().__init__(scene=self._desk.scene, height_px=height_px)
        self.on_msg(self._asked)

    @property
    def draft(self) -> Draft:
        """The draft that is edited."""
        return self._desk.draft

    @property
    def proposed(self) -> Plan | None:
        """The plan that was proposed on the map, ``None`` before."""
        return self._desk.proposed

    def refresh(self) -> None:
        """Show what code did to the draft since."""
        self.send(self._desk.everything())

    def _asked(self, _: Any, content: Mapping[str, Any], __: Any) -> None:
        self.send({**self._desk.answer(content), "ask": content.get("ask")})
