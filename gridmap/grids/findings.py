"""What a check finds, and what every rule looks at."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely
from numpy.typing import NDArray

from gridmap.geo.crs import metric_crs
from gridmap.grids import mosaic as m
from gridmap.grids.nesting import Flat, valid_polygons
from gridmap.grids.plan import LevelSpec, Plan

FOUND_COLUMNS: Final = ("rule", "severity", "level", "codes", "measure", "unit", "message", "geometry")

TITLES: Final = {"large": "大网格", "medium": "中网格", "small": "小网格", "micro": "微网格"}

ERROR: Final = "error"
WARNING: Final = "warning"


@dataclass(frozen=True, eq=False)
class Finding:
    """One thing that is wrong, or to be looked at.

    Parameters
    ----------
    rule, severity
        The rule's name; ``error`` or ``warning``.
    level
        The level it is about.
    codes
        The grids it is about.
    measure, unit
        How much, and of what.
    message
        For people, in Chinese.
    geometry
        The spot, in degrees; ``None`` where there is none.
    """

    rule: str
    severity: str
    level: str
    codes: tuple[str, ...]
    measure: float
    unit: str
    message: str
    geometry: Any


@dataclass(frozen=True, eq=False)
class LevelView:
    """One level as rules look at it.

    Parameters
    ----------
    spec, layer
        As in the plan.
    codes, parents
        Code and parent's code (``None`` where there is none) of each grid.
    flat
        Valid geometry in flat metres (:class:`~gridmap.grids.nesting.Flat`).
    above
        The level above, ``None`` at the top.
    given
        Whether its borders and codes were given, not drawn.
    """

    spec: LevelSpec
    layer: gpd.GeoDataFrame
    codes: NDArray[np.object_]
    parents: NDArray[np.object_]
    flat: m.Geometries
    above: LevelView | None
    given: bool

    @property
    def title(self) -> str:
        """The level's name for people."""
        return TITLES.get(self.spec.name, self.spec.name)

    @property
    def degrees(self) -> m.Geometries:
        """The geometry as stored."""
        return np.asarray(self.layer.geometry.values, dtype=object)


@dataclass(frozen=True, eq=False)
class Survey:
    """A plan laid out for checking.

    Parameters
    ----------
    plan
        The plan.
    views
        Its levels from the coarsest.
    flat
        The stretch to flat metres.
    metric
        The CRS in which areas are measured.
    territory
        What the top level has to cover, in degrees; ``None`` where nobody says.
    stated
        Whether the territory was given, rather than taken from the plan's blocks.
    """

    plan: Plan
    views: tuple[LevelView, ...]
    flat: Flat
    metric: pyproj.CRS
    territory: shapely.Geometry | None
    stated: bool

    def area_m2(self, flat: m.Geometries) -> m.Floats:
        """Return the area of flat geometries."""
        return np.asarray(shapely.area(m.to_metres(self.flat.degrees(flat), self.metric)))

    def view(self, level: str) -> LevelView:
        """Return a level by name."""
        return next(view for view in self.views if view.spec.name == level)


def lay_out(plan: Plan, territory: shapely.Geometry | None, *, stated: bool) -> Survey:
    """Return a plan laid out for the rules."""
    full = [layer.total_bounds for layer in plan.layers.values() if not layer.geometry.is_empty.all()]
    bounds = np.array(full) if full else np.zeros((1, 4))
    box = (*bounds[:, :2].min(axis=0), *bounds[:, 2:].max(axis=0))
    flat = Flat.about(box)
    views: list[LevelView] = []
    for spec in plan.levels:
        layer = plan.layers[spec.name]
        shapes = valid_polygons(np.asarray(layer.geometry.values, dtype=object))
        views.append(
            LevelView(
                spec,
                layer,
                np.asarray(layer.index, dtype=object),
                layer["parent"].to_numpy(dtype=object),
                np.asarray(flat.metres(shapes), dtype=object),
                views[-1] if views else None,
                spec.name in plan.metadata.given_levels,
            )
        )
    return Survey(plan, tuple(views), flat, metric_crs(flat.lon0, flat.lat0), territory, stated)


def as_frame(findings: Iterable[Finding], crs: pyproj.CRS) -> gpd.GeoDataFrame:
    """Return findings as a layer, errors first, then in the order they came."""
    ordered = sorted(findings, key=lambda finding: finding.severity != ERROR)
    columns = {
        name: pd.Series([getattr(finding, name) for finding in ordered], dtype=object)
        for name in FOUND_COLUMNS
        if name not in ("measure", "geometry")
    }
    columns["measure"] = pd.Series([finding.measure for finding in ordered], dtype=np.float64)
    geometry = gpd.GeoSeries([finding.geometry for finding in ordered], crs=crs)
    return gpd.GeoDataFrame(columns, geometry=geometry)[list(FOUND_COLUMNS)]


def spell(codes: Iterable[str], most: int = 5) -> str:
    """Return codes for a message, the first few of many.

    Examples
    --------
    >>> spell(["a", "b"]), spell("abcdefg")
    ('a、b', 'a、b、c、d、e 等 7 个')
    """
    every = list(codes)
    shown = "、".join(every[:most])
    return shown if len(every) <= most else f"{shown} 等 {len(every)} 个"
