"""What belongs to a county beside its grids and people, as it is asked for and sent."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gridmap.api.features import Features
from gridmap.api.records import plain
from gridmap.circles.columns import CIRCLE_COLUMNS, STATION_COLUMNS
from gridmap.people.times import holding
from gridmap.service.circle_files import CircleFile

if TYPE_CHECKING:
    from gridmap.api.moments import Moment


@dataclass(frozen=True, eq=False)
class Facts(CircleFile):
    """Stations, circles and coverage, and the features that are sent of them."""

    @cached_property
    def station_features(self) -> Features | None:
        """Return the stations as they are sent."""
        return _features(self.stations, STATION_COLUMNS, ("station",))

    @cached_property
    def circle_features(self) -> Features | None:
        """Return the circles as they are sent."""
        return _features(self.circles, CIRCLE_COLUMNS, ("station", "minutes"))


def _features(layer: gpd.GeoDataFrame | None, columns: tuple[str, ...], names: tuple[str, ...]) -> Features | None:
    if layer is None:
        return None
    values = {name: [plain(value) for value in layer[name].tolist()] for name in columns}
    ids = ["/".join(f"{part:g}" if isinstance(part, float) else str(part) for part in row)
           for row in zip(*(values[name] for name in names), strict=True)]  # fmt: skip
    return Features.of(ids, layer.geometry.to_numpy(dtype=object), values)


def in_force(table: pd.DataFrame, moment: Moment) -> NDArray[np.bool_]:
    """Return which rows hold at a moment.

    Examples
    --------
    >>> from gridmap.api.moments import read_moment
    >>> from gridmap.service.circle_files import dated
    >>> table = dated(pd.DataFrame({"area": ["a", "b"], "valid_from": [None, "2026-05-01"]}))
    >>> in_force(table, read_moment("2026-04-01")).tolist(), in_force(table, read_moment("2026-05-01")).tolist()
    ([True, False], [True, True])
    """
    return holding(table, moment.microseconds)
