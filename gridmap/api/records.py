"""The grids of a level as plain values: looking one up by its code takes a microsecond, in a table a thousand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import pandas as pd
import shapely

from gridmap.grids.frames import GRID_COLUMNS


@dataclass(frozen=True, eq=False)
class Records:
    """What a level records of its grids.

    Parameters
    ----------
    rows
        Code → rows; imported codes may stand there more than once.
    columns
        Name → value of each row, as JSON has it.
    shapes
        Geometry of each row.
    """

    rows: Mapping[str, list[int]]
    columns: Mapping[str, list[Any]]
    shapes: list[shapely.Geometry]

    @classmethod
    def of(cls, layer: gpd.GeoDataFrame) -> Records:
        """Read a layer of a plan.

        Examples
        --------
        >>> from gridmap.grids.plan import Plan
        >>> box = gpd.GeoDataFrame({"code": ["a"], "name": ["甲"]}, geometry=[shapely.box(120, 31, 121, 32)], crs=4490)
        >>> records = Records.of(Plan.from_layers({"small": box}, name="name").layers["small"])
        >>> records.of_row(records.rows["a"][0])["name"]
        '甲'
        """
        rows: dict[str, list[int]] = {}
        for row, code in enumerate(layer.index.tolist()):
            rows.setdefault(code, []).append(row)
        columns = {name: [plain(value) for value in layer[name].tolist()] for name in GRID_COLUMNS}
        return cls(rows, columns, layer.geometry.tolist())

    def of_row(self, row: int) -> dict[str, Any]:
        """Return what is recorded of one grid: :data:`~gridmap.grids.frames.GRID_COLUMNS`."""
        return {name: values[row] for name, values in self.columns.items()}


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
