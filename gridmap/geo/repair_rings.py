"""Polygons mended one by one, before they are looked at together: rings that cross, repeated points, spikes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from gridmap.errors import LayerError
from gridmap.geo.coverage import Geometries

_AREAL = (3, 6)
_COLLECTION = 7
_NAMED = 5


@dataclass(frozen=True, eq=False)
class Rings:
    """The polygons of a layer, each valid by itself.

    Parameters
    ----------
    layer
        The rows that are kept, in storage CRS.
    names
        What each row is called in messages and reports.
    mended
        Whether a row's rings had to be mended.
    repeated
        Whether a row held a vertex twice in a row.
    dropped
        Names of rows that were another row once more, and of the row each repeats.
    """

    layer: gpd.GeoDataFrame
    names: NDArray[np.object_]
    mended: NDArray[np.bool_]
    repeated: NDArray[np.bool_]
    dropped: tuple[tuple[str, str], ...]

    @property
    def shapes(self) -> Geometries:
        """The polygons as an array."""
        return np.asarray(self.layer.geometry.values, dtype=object)


def mend_rings(layer: gpd.GeoDataFrame, names: NDArray[np.object_]) -> Rings:
    """Make every polygon of a layer in storage CRS valid, and drop rows that repeat another in everything.

    Raises
    ------
    LayerError
        When a row has no geometry, or none that encloses ground; when two rows of different attributes have the same
        polygon.
    """
    given = np.asarray(layer.geometry.values, dtype=object)
    _refuse(shapely.is_missing(given) | shapely.is_empty(given), names, "no geometry: give one, or drop the row")
    _refuse(
        ~np.isin(shapely.get_type_id(given), (*_AREAL, _COLLECTION)), names, "no polygon; a coverage is of polygons"
    )
    flat = shapely.force_2d(given)
    clean = shapely.remove_repeated_points(flat)
    repeated = shapely.get_num_coordinates(clean) < shapely.get_num_coordinates(flat)
    faulty = ~shapely.is_valid(clean) | (shapely.get_type_id(clean) == _COLLECTION)
    shapes = clean.copy()
    shapes[faulty] = [_areal(each) for each in shapely.make_valid(clean[faulty], method="structure")]
    _refuse(shapely.is_empty(shapes), names, "a polygon without area: redraw it, or drop the row")
    mended = layer.set_geometry(gpd.GeoSeries(shapes, index=layer.index, crs=layer.crs))
    keep, dropped = _duplicates(mended, names)
    return Rings(mended[keep], names[keep], faulty[keep], repeated[keep], dropped)


def named(names: Sequence[object]) -> str:
    """Return the first names and how many more there are.

    Examples
    --------
    >>> named(["a", "b"]), named(list("abcdefg"))
    ('a, b', 'a, b, c, d, e and 2 more')
    """
    more = len(names) - _NAMED
    return ", ".join(map(str, names[:_NAMED])) + (f" and {more} more" if more > 0 else "")


def _refuse(bad: NDArray[np.bool_], names: NDArray[np.object_], what: str) -> None:
    if bad.any():
        raise LayerError(f"{named(list(names[bad]))}: {what}")


def _areal(shape: shapely.Geometry) -> shapely.Geometry:
    """Return the polygons of a geometry; lines and points that came of mending bound no ground."""
    parts = shapely.get_parts(shapely.get_parts(shape))
    areal = parts[(shapely.get_type_id(parts) == _AREAL[0]) & (shapely.area(parts) > 0)]
    if len(areal) == 1:
        return areal[0]
    joined = shapely.union_all(areal)
    return joined if len(areal) else shapely.Polygon()


def _duplicates(
    layer: gpd.GeoDataFrame, names: NDArray[np.object_]
) -> tuple[NDArray[np.bool_], tuple[tuple[str, str], ...]]:
    """Tell the rows to keep; a row is dropped where another has the same polygon and the same attributes."""
    form = pd.Series(shapely.to_wkb(shapely.normalize(np.asarray(layer.geometry.values, dtype=object))))
    keep = np.ones(len(layer), dtype=bool)
    if not form.duplicated().any():
        return keep, ()
    # A running number says nothing of the row; any other index names it.
    said = layer.drop(columns=layer.geometry.name)
    said = said.reset_index(drop=isinstance(layer.index, pd.RangeIndex))
    first_of = form.groupby(form).transform(lambda group: group.index[0]).to_numpy()
    dropped = []
    for row in np.flatnonzero(form.duplicated()):
        first = int(first_of[row])
        if not said.iloc[row].equals(said.iloc[first]):
            raise LayerError(
                f"{names[first]} and {names[row]} are the same polygon, with different attributes; which of them is "
                "right cannot be told from the map: drop one"
            )
        keep[row] = False
        dropped.append((str(names[row]), str(names[first])))
    return keep, tuple(dropped)
