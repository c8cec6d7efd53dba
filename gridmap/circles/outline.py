"""Where a network was cut out of a larger one."""

from __future__ import annotations

from typing import Final
from weakref import WeakKeyDictionary

import numpy as np
import shapely
from numpy.typing import NDArray

from gridmap.network.model import WalkNetwork

_THIN_M: Final = 100.0
_EDGE_M: Final = 200.0
_RATIO: Final = 0.1


_KNOWN: WeakKeyDictionary[WalkNetwork, NDArray[np.bool_]] = WeakKeyDictionary()


def cut_ends(network: WalkNetwork) -> NDArray[np.bool_]:
    """Return which junctions look like streets cut by the edge of the extract.

    Nothing in a file of streets says where its extent ends. A dead end within 200 m of the outline of all streets
    (their concave hull) is taken as cut; a circle that reaches one may be larger in truth. A street that ends at a
    lake shore there is reported too: a false warning is better than a circle that is silently too small. Worked out
    once a network.

    Returns
    -------
    (n,) bool, one a junction.
    """
    if network not in _KNOWN:
        _KNOWN[network] = _cut_ends(network)
    return _KNOWN[network]


def _cut_ends(network: WalkNetwork) -> NDArray[np.bool_]:
    cell = np.floor((network.vertex_xy - network.vertex_xy.min(axis=0)) / _THIN_M).astype(np.int64)
    _, thinned = np.unique(cell[:, 0] * (cell[:, 1].max() + 1) + cell[:, 1], return_index=True)
    hull = shapely.concave_hull(shapely.multipoints(network.vertex_xy[thinned]), ratio=_RATIO)
    rim = hull.exterior if hull.geom_type == "Polygon" else hull
    dead_end = np.diff(network.graph.start) == 1
    shapely.prepare(rim)
    cut = np.zeros(len(network.node_xy), dtype=bool)
    cut[dead_end] = shapely.dwithin(rim, shapely.points(network.node_xy[dead_end]), _EDGE_M)
    return cut
