"""Features as they are sent (GeoJSON, RFC 7946): written once, chosen by row and put together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
import orjson
import shapely
from numpy.typing import NDArray

Box: TypeAlias = tuple[float, float, float, float]
"""West, south, east, north."""
Rows: TypeAlias = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Features:
    """Things with a shape, a row each.

    Parameters
    ----------
    written
        Each as the JSON of a GeoJSON feature.
    shapes
        Their shapes, longitude first.
    """

    written: Sequence[bytes]
    shapes: NDArray[np.object_]

    def __len__(self) -> int:
        return len(self.written)

    @classmethod
    def of(cls, ids: Sequence[str], shapes: NDArray[np.object_], values: Mapping[str, Sequence[Any]]) -> Features:
        """Write features.

        Parameters
        ----------
        ids
            One a feature.
        shapes
            One a feature; an empty one is written as ``null``.
        values
            Name of a property → its value of each feature, as JSON has it.

        Examples
        --------
        >>> made = Features.of(["1"], np.array([shapely.Point(120, 31)]), {"name": ["甲"]})
        >>> made.written[0].decode()
        '{"type":"Feature","id":"1","bbox":[120.0,31.0,120.0,31.0],"geometry":{"type":"Point","coordinates":[120.0,31.0]},"properties":{"name":"甲"}}'
        """
        drawn = geometries(shapes)
        bounds = shapely.bounds(shapes).tolist()
        properties = [dict(zip(values, row, strict=True)) for row in zip(*values.values(), strict=True)]
        written = [
            b'{"type":"Feature","id":%b,%b"geometry":%b,"properties":%b}'
            % (orjson.dumps(each), b"" if where is None else b'"bbox":%b,' % orjson.dumps(box),
               where or b"null", orjson.dumps(said))
            for each, box, where, said in zip(ids, bounds, drawn, properties, strict=True)
        ]  # fmt: skip
        return cls(written, shapes)

    @cached_property
    def _tree(self) -> shapely.STRtree:
        return shapely.STRtree(self.shapes)

    def touching(self, box: Box) -> Rows:
        """Return the rows whose shape and a box have a point in common, ascending."""
        return np.sort(self._tree.query(shapely.box(*box), predicate="intersects")).astype(np.int64)

    def joined(self, rows: Rows) -> bytes:
        """Return some features as a list in JSON."""
        return b"[" + b",".join([self.written[row] for row in rows.tolist()]) + b"]"


def geometries(shapes: NDArray[np.object_]) -> list[bytes | None]:
    """Return shapes as GeoJSON, outer rings counter-clockwise as RFC 7946 wants them; ``None`` for an empty one.

    Examples
    --------
    >>> geometries(np.array([shapely.Point(120, 31), shapely.Point()]))
    [b'{"type":"Point","coordinates":[120.0,31.0]}', None]
    """
    turned = shapely.orient_polygons(shapes, exterior_cw=False)
    empty = (shapely.is_empty(shapes) | shapely.is_missing(shapes)).tolist()
    written = shapely.to_geojson(turned).tolist()
    return [None if nothing else each.encode() for nothing, each in zip(empty, written, strict=True)]
