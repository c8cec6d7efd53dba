"""The grids of a plan as plain values: looking one up by its code takes a microsecond, in a table a thousand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from gridmap.api.features import Features
from gridmap.grids.frames import GRID_COLUMNS
from gridmap.grids.neighbours import layer_neighbours


@dataclass(frozen=True, eq=False)
class Records:
    """What a level records of its grids; features and neighbours are made when they are first asked for.

    Parameters
    ----------
    level, layer
        Its name, and the table it was read from.
    rows
        Code → rows; imported codes may stand there more than once.
    columns
        Name → value of each row, as JSON has it.
    """

    level: str
    layer: gpd.GeoDataFrame
    rows: Mapping[str, list[int]]
    columns: Mapping[str, list[Any]]

    @classmethod
    def of(cls, level: str, layer: gpd.GeoDataFrame) -> Records:
        """Read a layer of a plan.

        Examples
        --------
        >>> from gridmap.grids.plan import Plan
        >>> box = gpd.GeoDataFrame({"code": ["a"], "name": ["甲"]}, geometry=[shapely.box(120, 31, 121, 32)], crs=4490)
        >>> records = Records.of("small", Plan.from_layers({"small": box}, name="name").layers["small"])
        >>> records.of_row(records.rows["a"][0])["name"]
        '甲'
        """
        rows: dict[str, list[int]] = {}
        for row, code in enumerate(layer.index.tolist()):
            rows.setdefault(code, []).append(row)
        columns = {name: [plain(value) for value in layer[name].tolist()] for name in GRID_COLUMNS}
        return cls(level, layer, rows, columns)

    def of_row(self, row: int) -> dict[str, Any]:
        """Return what is recorded of one grid: :data:`~gridmap.grids.frames.GRID_COLUMNS`."""
        return {name: values[row] for name, values in self.columns.items()}

    def shape_of(self, row: int) -> shapely.Geometry:
        """Return the shape of one grid."""
        return self.layer.geometry.iloc[row]

    @cached_property
    def features(self) -> Features:
        """Return the grids as GeoJSON features, in the order of the layer."""
        codes = self.layer.index.tolist()
        values = {"code": codes, "level": [self.level] * len(codes), **self.columns}
        return Features.of(codes, self.layer.geometry.to_numpy(dtype=object), values)

    @cached_property
    def neighbours(self) -> Mapping[str, Mapping[str, float]]:
        """Return code → neighbours → metres of common border; rows that share a code count together."""
        found: dict[str, dict[str, float]] = {}
        pairs, codes = layer_neighbours(self.layer), np.asarray(self.layer.index, dtype=object)
        both = (*zip(codes[pairs.a], codes[pairs.b], pairs.length_m.tolist(), strict=True),)
        for one, other, metres in (*both, *((b, a, length) for a, b, length in both)):
            if one != other:
                around = found.setdefault(one, {})
                around[other] = around.get(other, 0.0) + metres
        return found


def plain(value: Any) -> Any:
    """Return a value of a table as JSON has it: ``None`` where there is none, times as ISO 8601 with their zone.

    Examples
    --------
    >>> plain(float("nan")), plain("甲"), plain(pd.Timestamp("2026-01-01", tz="Asia/Shanghai"))
    (None, '甲', '2026-01-01T00:00:00+08:00')
    """
    if value is None or pd.isna(value):
        return None
    return value.isoformat() if isinstance(value, pd.Timestamp) else value
