"""The planner's desk: takes a page's requests to a draft, and answers with what changed and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray

from gridmap.errors import EditRefused, GridmapError, InputError
from gridmap.maps.codec import encode_ints
from gridmap.maps.draft_backdrop import building_data, street_data
from gridmap.maps.draft_mosaic import QUANTUM, Mosaic
from gridmap.maps.draft_report import (
    SCALES,
    UNKNOWN,
    doable,
    edit_data,
    encode_figures,
    grid_figures,
    refusal_data,
    whole_figures,
)
from gridmap.maps.words import level_title

if TYPE_CHECKING:
    from gridmap.grids.draft import Draft
    from gridmap.grids.plan import Plan

_NONE: Final = -1
EDITS: Final = ("move", "split", "merge", "redraw", "rebalance", "undo", "redo")

Ints = NDArray[np.int64]


class Desk:
    """Draft and page: what the page knows, and so what it still has to be told.

    Parameters
    ----------
    draft
        Edited in place.
    streets, buildings
        Shown below the grids.

    Examples
    --------
    >>> import gridmap, pandas as pd
    >>> from gridmap.grids.assemble import plan_from_blocks
    >>> shapes = [shapely.box(120 + i / 100, 31, 120 + (i + 1) / 100, 31.01) for i in range(4)]
    >>> blocks = gpd.GeoDataFrame({"block": range(4), "households": [90.0, 10, 50, 50], "residents": 0.0,
    ...     "water": False, "small": ["320299001"] * 2 + ["320299002"] * 2}, geometry=shapes, crs=4490)
    >>> small = pd.DataFrame({"parent": [None, None]}, index=["320299001", "320299002"])
    >>> plan = plan_from_blocks(blocks, (gridmap.LevelSpec("small"),), {"small": small})
    >>> desk = Desk(gridmap.Draft(plan))
    >>> said = desk.answer({"do": "move", "blocks": [1], "to": "320299002"})
    >>> said["is"], said["edit"]["rows"][0]["before"][0], said["edit"]["rows"][0]["after"][0]
    ('update', 100, 90)
    >>> desk.answer({"do": "move", "blocks": [3], "to": "320299001"})["rule"]
    'not_contiguous'
    """

    def __init__(
        self, draft: Draft, streets: gpd.GeoDataFrame | None = None, buildings: gpd.GeoDataFrame | None = None
    ) -> None:
        self.draft = draft
        self.proposed: Plan | None = None
        self._options: list[Any] = []
        blocks = draft.blocks()
        self._mosaic = Mosaic(blocks)
        self._first_arcs, self._touched = len(self._mosaic.arcs), set[int]()
        self._codes: list[str] = []
        self._slot: dict[str, int] = {}
        self._label: Ints = np.empty(0, dtype=np.int64)
        self._figures: Ints = np.empty((0, len(SCALES)), dtype=np.int64)
        self._kin: dict[str, list[str | None]] = {}
        every = self._mosaic.since(0, range(len(self._mosaic.numbers)))
        self.scene: dict[str, Any] = {
            "quantum": QUANTUM,
            "blocks": self._mosaic.encoded(every),
            "streets": street_data(streets),
            "buildings": building_data(buildings),
            "columns": dict(SCALES),
            "unknown": UNKNOWN,
            "levels": [level_title(level) for level in self._upper()] + [level_title(draft.finest)],
            "band": float(draft.plan().metadata.band),
            "start": self.changes(),
        }

    def _upper(self) -> list[str]:
        """Return the levels above the finest tiling one, from the coarsest."""
        names = [level.spec.name for level in self.draft.state.levels]
        return names[: names.index(self.draft.finest)]

    # what the page is told ---------------------------------------------------------------------------------------

    def changes(self) -> dict[str, Any]:
        """Return what changed since the page was told last: shapes, labels, parents and figures."""
        blocks = self.draft.blocks()
        patch = self._mosaic.follow(blocks)
        if patch is not None:
            self._touched.update(patch.rows.tolist())
        metrics = self.draft.metrics()
        added = self._add_codes(metrics.codes)
        rows, label = self._new_labels(blocks)
        grids, figures = self._new_figures(metrics)
        return {
            "patch": None if patch is None else self._mosaic.encoded(patch),
            "codes": added,
            "rows": encode_ints(np.diff(rows, prepend=0)),
            "label": encode_ints(label),
            "grids": encode_ints(np.diff(grids, prepend=0)),
            "figures": encode_figures(figures),
            "kin": self._new_kin(),
            "whole": whole_figures(metrics),
            "locked": sorted(self.draft.locked),
            "edits": len(self.draft.edits),
        }

    def _add_codes(self, codes: NDArray[Any]) -> list[str]:
        added = [str(code) for code in codes if str(code) not in self._slot]
        for code in added:
            self._slot[code] = len(self._codes)
            self._codes.append(code)
        return added

    def _new_labels(self, blocks: gpd.GeoDataFrame) -> tuple[Ints, Ints]:
        label = np.full(len(self._mosaic.numbers), _NONE, dtype=np.int64)
        rows = self._mosaic.rows_of(blocks["block"].tolist())
        label[rows] = blocks[self.draft.finest].map(self._slot).to_numpy(np.int64)
        known = np.full(len(label), _NONE, dtype=np.int64)
        known[: len(self._label)] = self._label
        other = np.flatnonzero(label != known)
        self._label = label
        return other, label[other]

    def _new_figures(self, metrics: Any) -> tuple[Ints, Ints]:
        figures = np.full((len(self._codes), len(SCALES)), UNKNOWN, dtype=np.int64)
        figures[[self._slot[str(code)] for code in metrics.codes]] = grid_figures(metrics)
        known = np.full_like(figures, UNKNOWN)
        known[: len(self._figures)] = self._figures
        other = np.flatnonzero((figures != known).any(axis=1))
        self._figures = figures
        return other, figures[other]

    def _new_kin(self) -> dict[str, list[str | None]]:
        """Return parent and name of the grids of all levels for which these are new."""
        found: dict[str, list[str | None]] = {}
        for level in [*self._upper(), self.draft.finest]:
            layer = self.draft[level]
            for code, parent, name in zip(layer.index, layer["parent"], layer["name"], strict=True):
                found[str(code)] = [None if each is None else str(each) for each in (parent, name)]
        new = {code: kin for code, kin in found.items() if self._kin.get(code) != kin}
        self._kin = found
        return new

    def everything(self) -> dict[str, Any]:
        """Return all that a page has to know beside the scene, as when it is shown again after edits."""
        self.changes()
        touched = self._mosaic.since(self._first_arcs, self._touched)
        grids = np.arange(len(self._codes))
        return {
            "is": "state",
            "patch": self._mosaic.encoded(touched) if self._touched else None,
            "codes": list(self._codes),
            "rows": encode_ints(np.diff(np.arange(len(self._label)), prepend=0)),
            "label": encode_ints(self._label),
            "grids": encode_ints(np.diff(grids, prepend=0)),
            "figures": encode_figures(self._figures),
            "kin": dict(self._kin),
            "whole": whole_figures(self.draft.metrics()),
            "locked": sorted(self.draft.locked),
            "edits": len(self.draft.edits),
        }

    # what the page asks ------------------------------------------------------------------------------------------

    def answer(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Do what a page asks for and return what it has to be told.

        Parameters
        ----------
        request
            ``do`` is ``open``, ``lasso``, ``option``, ``lock``, ``unlock``, ``propose`` or one of :data:`EDITS`; the
            rest are the arguments of the draft's method of that name.

        Returns
        -------
        dict
            ``is`` is ``state``, ``update``, ``picked``, ``refused`` or ``failed``.
        """
        try:
            return self._answer(str(request.get("do")), request)
        except EditRefused as refused:
            self._options = doable(refused)
            rows = [self._mosaic.rows_of(option.blocks).tolist() for option in self._options]
            return {"is": "refused", **refusal_data(refused), "previews": rows}
        except (GridmapError, shapely.errors.GEOSException) as error:
            return {"is": "failed", "message": str(error)}

    def _answer(self, what: str, request: Mapping[str, Any]) -> dict[str, Any]:
        draft = self.draft
        if what == "open":
            return self.everything()
        if what == "lasso":
            shape = shapely.make_valid(shapely.Polygon(_ring(request["ring"])))
            return {"is": "picked", "blocks": list(draft.blocks_in(shape))}
        if what in ("lock", "unlock"):
            getattr(draft, what)(request["codes"])
            return {"is": "update", **self.changes()}
        if what == "propose":
            self.proposed = draft.propose(str(request.get("note", "")))
            return {"is": "update", **self.changes(), "proposed": self.proposed.version}
        if what not in (*EDITS, "option"):
            raise InputError(f"a page cannot ask for {what!r}; it can ask for {', '.join(EDITS)}")
        edit = self._edit(what, request)
        self._options = []
        told = edit_data(edit, what if what in ("undo", "redo") else None)
        told["moved"] = self._mosaic.rows_of(told.pop("blocks")).tolist()
        changed = self.changes()
        return {"is": "update", **changed, "edit": told}

    def _edit(self, what: str, request: Mapping[str, Any]) -> Any:
        draft = self.draft
        if what == "option":
            return self._take(int(request["number"]))
        if what == "move":
            return draft.move([int(each) for each in request["blocks"]], str(request["to"]))
        if what == "split":
            if request.get("line"):
                return draft.split(str(request["code"]), line=shapely.LineString(_ring(request["line"])))
            return draft.split(str(request["code"]), int(request.get("n", 2)))
        if what in ("merge", "redraw"):
            return getattr(draft, what)([str(code) for code in request["codes"]])
        return getattr(draft, what)()

    def _take(self, number: int) -> Any:
        """Do one of the edits that were offered with the last refusal."""
        if not 0 <= number < len(self._options):
            raise InputError(f"there is no offer {number + 1}; {len(self._options)} were made")
        option = self._options[number]
        if option.action == "move":
            return self.draft.move(option.blocks, option.to)
        if option.action == "split":
            return self.draft.split(option.codes[0], line=option.line)
        return self.draft.merge(option.codes)


def _ring(points: Any) -> list[tuple[float, float]]:
    found = [(float(lon), float(lat)) for lon, lat in points]
    if len(found) < 2:
        raise InputError("a line needs two points or more, a lasso three; click again on the map")
    return found
