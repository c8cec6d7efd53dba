"""The engines that circles are measured against, each set up as well as its documentation allows.

OSMnx, pandana and scipy are given our network, already split into junctions and its main component kept, which spares
them reading and simplifying; every origin is a junction of it, so that none is moved to the next crossing. Only what
answers an origin is on the clock. Valhalla reads the same extract itself.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import shapely
from bench import CACHE, seconds_of
from circles_data import LIMIT_M, MINUTES, SPEED_M_S, Place
from numpy.typing import NDArray
from shapely.ops import substring

from gridmap.geo.threads import processors

Shapes = NDArray[np.object_]
CORES = processors()
SCRIPT = Path(__file__).with_name("circles_valhalla.py")
VALHALLA = Path(f"{sys.prefix}-valhalla") / "bin" / "python"
"""Its own environment, which ``.ci/setup bench`` makes beside this one."""


@contextmanager
def cores(count: int) -> Iterator[None]:
    """Let every thread of this process run on so many processors only."""
    allowed = os.sched_getaffinity(0)
    _pin(set(sorted(allowed)[:count]))
    try:
        yield
    finally:
        _pin(allowed)


def _pin(processors: set[int]) -> None:
    for task in Path("/proc/self/task").iterdir():
        try:
            os.sched_setaffinity(int(task.name), processors)
        except ProcessLookupError:
            continue


@dataclass(frozen=True, eq=False)
class Streets:
    """The network that peers walk on: junctions, and edges with their lengths and lines."""

    xy: NDArray[np.float64]
    ends: NDArray[np.int64]
    length_m: NDArray[np.float64]
    lines: Shapes


def streets_of(place: Place) -> Streets:
    """Return the network with every origin let into its edge as a junction."""
    network, origins = place.network, shapely.points(place.origins)
    lines = np.asarray(network.edges().geometry.values, dtype=object)
    entered = np.flatnonzero(network.edge_roadside)
    _, nearest = shapely.STRtree(lines[entered]).query_nearest(origins, all_matches=False)
    edge = entered[nearest]
    along = shapely.line_locate_point(lines[edge], origins)
    order = np.lexsort((along, edge))
    node = len(network.node_xy) + np.arange(len(origins))
    ends, pieces = [], []
    for cut in np.split(order, np.flatnonzero(np.diff(edge[order])) + 1):
        line, stops = lines[edge[cut[0]]], [0.0, *along[cut], np.inf]
        nodes = [network.edge_nodes[edge[cut[0]], 0], *node[cut], network.edge_nodes[edge[cut[0]], 1]]
        ends += list(pairwise(nodes))
        pieces += [substring(line, begin, min(end, line.length)) for begin, end in pairwise(stops)]
    whole = np.setdiff1d(np.arange(len(lines)), edge)
    every = np.concatenate([lines[whole], np.array([*pieces, None], dtype=object)[:-1]])
    return Streets(
        np.concatenate([network.node_xy, shapely.get_coordinates(origins)]),
        np.concatenate([network.edge_nodes[whole], np.array(ends)]).astype(np.int64),
        shapely.length(every),
        every,
    )


class Hulls:
    """pandana: the junctions within the limit of the nearest junction, and their convex hull."""

    def __init__(self, streets: Streets, _: object) -> None:
        import pandana
        import pandas as pd

        self.xy = streets.xy
        x, y, u, v = (pd.Series(each) for each in (*streets.xy.T, *streets.ends.T))
        with _quiet():
            metres = pd.DataFrame({"metres": streets.length_m})
            self.graph = pandana.Network(x, y, u, v, metres, twoway=True)

    def draw(self, origins: NDArray[np.float64]) -> Shapes:
        nodes = self.graph.get_node_ids(*origins.T).to_numpy()
        # A node asked for twice comes back once.
        asked, of = np.unique(nodes, return_inverse=True)
        found = self.graph.nodes_in_range(asked, LIMIT_M)
        row = np.searchsorted(asked, found["source"].to_numpy())
        order = np.argsort(row, kind="stable")
        inside = shapely.points(self.xy[found["destination"].to_numpy()[order]])
        hulls = shapely.convex_hull(shapely.multipoints(inside, indices=row[order]))
        return np.asarray(hulls, dtype=object)[of]


class Isolines:
    """The recipe of OSMnx's isolines example: an ego graph, its nodes and edges buffered and united."""

    EDGE_BUFFER_M = 25
    NODE_BUFFER_M = 50

    def __init__(self, streets: Streets, crs: object) -> None:
        import osmnx

        x, y = streets.xy.T
        nodes = gpd.GeoDataFrame({"x": x, "y": y}, geometry=gpd.points_from_xy(x, y), crs=crs)
        nodes.index.name = "osmid"
        u, v = np.concatenate([streets.ends, streets.ends[:, ::-1]]).T
        lengths, lines = np.tile(streets.length_m, 2), np.tile(streets.lines, 2)
        both = gpd.GeoDataFrame({"u": u, "v": v, "length": lengths}, geometry=lines, crs=crs)
        both["time"] = both["length"] / (SPEED_M_S * 60)
        # Of parallel edges the recipe looks at number 0: the shortest.
        both = both.sort_values(["u", "v", "length"])
        both["key"] = both.groupby(["u", "v"]).cumcount()
        self.graph = osmnx.convert.graph_from_gdfs(nodes, both.set_index(["u", "v", "key"]))

    def draw(self, origins: NDArray[np.float64]) -> Shapes:
        import osmnx

        centres = osmnx.distance.nearest_nodes(self.graph, *origins.T)
        return np.array([self._one(centre) for centre in centres], dtype=object)

    def _one(self, centre: int) -> shapely.Geometry:
        import networkx as nx

        graph = nx.ego_graph(self.graph, centre, radius=MINUTES, distance="time")
        points = [shapely.Point(data["x"], data["y"]) for _, data in graph.nodes(data=True)]
        nodes = gpd.GeoDataFrame({"id": list(graph.nodes)}, geometry=points).set_index("id")
        lines = [self.graph.get_edge_data(u, v)[0]["geometry"] for u, v in graph.edges()]
        around = [*nodes.buffer(self.NODE_BUFFER_M).geometry, *gpd.GeoSeries(lines).buffer(self.EDGE_BUFFER_M).geometry]
        return gpd.GeoSeries(around).union_all()


class Buffers:
    """A bounded search in scipy from the nearest junction; the stretches of street it reaches, buffered and united."""

    BUFFER_M = 50

    def __init__(self, streets: Streets, _: object) -> None:
        from scipy.sparse import csr_matrix
        from scipy.spatial import cKDTree

        self.ends, self.length, self.lines = streets.ends, streets.length_m, streets.lines
        self.tree = cKDTree(streets.xy)
        low, high = np.sort(self.ends, axis=1).T
        order = np.lexsort((self.length, high, low))
        # A matrix adds up what stands twice: of parallel edges the shortest is kept.
        first = order[np.r_[True, (np.diff(low[order]) != 0) | (np.diff(high[order]) != 0)]]
        size = len(streets.xy)
        # A zero would be no edge to scipy.
        metres = np.maximum(self.length[first], 1e-9)
        self.matrix = csr_matrix((metres, (low[first], high[first])), shape=(size, size))

    def draw(self, origins: NDArray[np.float64]) -> Shapes:
        from scipy.sparse.csgraph import dijkstra

        _, nodes = self.tree.query(origins)
        return np.array(
            [self._one(dijkstra(self.matrix, directed=False, indices=node, limit=LIMIT_M)) for node in nodes],
            dtype=object,
        )

    def _one(self, metres: NDArray[np.float64]) -> shapely.Geometry:
        left = np.clip(LIMIT_M - metres[self.ends], 0, self.length[:, None])
        touched = np.flatnonzero(left.max(axis=1) > 0)
        whole = left[touched].sum(axis=1) >= self.length[touched]
        pieces = [
            substring(line, 0, metres)
            for edge in touched[~whole]
            for line, metres in ((self.lines[edge], left[edge, 0]), (self.lines[edge].reverse(), left[edge, 1]))
            if metres > 0
        ]
        return shapely.union_all(shapely.buffer([*self.lines[touched[whole]], *pieces], self.BUFFER_M))


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep what a library in C++ prints to itself."""
    kept = os.dup(1)
    with Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), 1)
        try:
            yield
        finally:
            os.dup2(kept, 1)
            os.close(kept)


class NotThereError(RuntimeError):
    """Valhalla cannot be asked; the message says why."""


@dataclass
class Process:
    """One Valhalla on one processor, answering line by line."""

    python: Path
    processor: int
    running: subprocess.Popen[str] = field(init=False)

    def __post_init__(self) -> None:
        self.running = subprocess.Popen(
            [self.python, SCRIPT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        os.sched_setaffinity(self.running.pid, {self.processor})

    def say(self, request: dict[str, Any]) -> None:
        assert self.running.stdin
        self.running.stdin.write(json.dumps(request) + "\n")
        self.running.stdin.flush()

    def hear(self) -> dict[str, Any]:
        assert self.running.stdout
        line = self.running.stdout.readline()
        answer = json.loads(line) if line else {"error": f"it ended with code {self.running.wait()}"}
        if "error" in answer:
            raise NotThereError(answer["error"])
        return answer

    def close(self) -> None:
        assert self.running.stdin
        self.running.stdin.close()
        self.running.wait()


class Valhalla:
    """Valhalla in a process a core, each with an actor and its share of the origins.

    Its clock is inside the processes, around ``Actor.isochrone`` alone: from when the first begins to when the last
    ends. ``denoise`` and ``generalize`` are left as they are by default.
    """

    def __init__(self, place: Place) -> None:
        if not VALHALLA.exists():
            raise NotThereError("not measured: no Python 3.12 with pyvalhalla (see .ci/setup)")
        processors = sorted(os.sched_getaffinity(0))
        self.sides = [Process(VALHALLA, processor) for processor in processors[:CORES]]
        tiles = CACHE / "circles" / f"valhalla-{place.name}"
        tiles.parent.mkdir(parents=True, exist_ok=True)
        self.ready_s = self._ask([{"build": str(place.extract), "tiles": str(tiles)}])[0]["seconds"]
        self.version = self._ask([{"open": str(tiles)}] * CORES)[0]["version"]
        self.inside: dict[str, list[float]] = {}

    def _ask(self, requests: list[dict[str, Any]]) -> list[dict[str, Any]]:
        asked = list(zip(self.sides, requests, strict=False))
        for side, request in asked:
            side.say(request)
        return [side.hear() for side, _ in asked]

    def drawer(self, lon_lat: list[list[float]], count: int, name: str) -> Callable[[], None]:
        """Return a call that draws around the origins on so many cores; what it took inside is kept under a name."""

        def draw() -> None:
            timed = self._ask([{"draw": True}] * count)
            ended, began = max(each["ended"] for each in timed), min(each["began"] for each in timed)
            self.inside.setdefault(name, []).append(ended - began)

        def load_and_draw() -> None:
            told = {"minutes": MINUTES, "speed_km_h": SPEED_M_S * 3.6}
            self._ask([{"locations": lon_lat[k::count], **told} for k in range(count)])
            draw()

        return load_and_draw

    def polygons(self, lon_lat: list[list[float]], crs: object) -> Shapes:
        """Return what one process draws around origins, in a CRS."""
        self.drawer(lon_lat, 1, "")()
        features = self._ask([{"answers": True}])[0]["features"]
        shapes = [shapely.geometry.shape(feature) for feature in features]
        return np.asarray(gpd.GeoSeries(shapes, crs=4326).make_valid().to_crs(crs).values, dtype=object)

    def matrix_m(self, origin: list[float], targets: list[list[float]]) -> NDArray[np.float64]:
        """Return the metres Valhalla itself takes each target to be away on foot, inf where it finds no way."""
        seconds = self._ask([{"matrix": origin, "targets": targets}])[0]["seconds"]
        return np.array([np.inf if each is None else each * SPEED_M_S for each in seconds])

    def close(self) -> None:
        for side in self.sides:
            side.close()


@dataclass(frozen=True)
class Peer:
    """An engine that draws from our network.

    Parameters
    ----------
    name, make
        What tables call it, and what loads streets in a CRS: an object with ``draw(origins)``.
    most
        How many of the origins it is really timed on; for more, its time is scaled up in proportion.
    """

    name: str
    make: Callable[[Streets, object], Any]
    most: int


@dataclass(frozen=True, eq=False)
class Loaded:
    """A peer that has a place loaded."""

    peer: Peer
    engine: Any
    ready_s: float


PANDANA = "pandana + convex hull"
OSMNX = "OSMnx recipe"
BUFFERS = "scipy + 50 m buffers"
PEERS = (Peer(PANDANA, Hulls, 1000), Peer(BUFFERS, Buffers, 20), Peer(OSMNX, Isolines, 10))


def load(place: Place) -> list[Loaded]:
    """Load a place into every engine that draws from our network."""
    loaded, streets = [], streets_of(place)
    for peer in PEERS:
        seconds, engine = seconds_of(lambda peer=peer: peer.make(streets, place.network.crs))
        loaded.append(Loaded(peer, engine, seconds))
    return loaded
