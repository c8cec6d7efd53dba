"""The engines that locate is measured against, each set up as well as its documentation allows.

All are asked for pairs (point, polygon of the finest tiling level); ours answers every level of the plan. Of no peer
is the making of point geometries from numbers on the clock, nor the loading of tables, nor the indexing of polygons:
all of it stands in the column "ready". A tree over the *points* is on the clock, for points are what is new.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from bench import seconds_of
from numba import njit
from numpy.typing import NDArray

Ints = NDArray[np.int64]
CORES = os.cpu_count() or 1
PIECE = 100_000
"""Points a tree is made of: the size at which trees of points are fastest."""


@dataclass(frozen=True, eq=False)
class Question:
    """Points, and the polygons they are asked of, in ascending order of code."""

    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    shapes: NDArray[np.object_]

    def first(self, n: int) -> Question:
        """Return the same question of the first n points."""
        return Question(self.lon[:n], self.lat[:n], self.shapes)

    def __len__(self) -> int:
        return len(self.lon)


@dataclass(frozen=True, eq=False)
class Asked:
    """A peer that has everything loaded.

    Parameters
    ----------
    ask
        What is timed.
    pairs
        Reads point and polygon numbers from what ``ask`` returned; not timed.
    ready_s
        What it took to make the points' geometries and to load them.
    """

    ask: Callable[[], Any]
    pairs: Callable[[Any], tuple[Ints, Ints]]
    ready_s: float


@dataclass(frozen=True)
class Peer:
    """An engine.

    Parameters
    ----------
    name, timed
        What it is, and what is on its clock.
    open
        Loads a question.
    most
        The number of points up to which it is really run; of more it is asked these and the time scaled up
        in proportion, which flatters it (no engine here is faster a point with more points).
    repeats
        How often it is run at most for more than a million points.
    """

    name: str
    timed: str
    open: Callable[[Question], AbstractContextManager[Asked]]
    most: int = 10_000_000
    repeats: int = 5


def lowest(pairs: tuple[Ints, Ints], points: int, shapes: int) -> Ints:
    """Return the lowest polygon of each point, -1 where it has none: the tie rule."""
    found = np.full(points, shapes, dtype=np.int64)
    np.minimum.at(found, *pairs)
    return np.where(found == shapes, -1, found)


@contextmanager
def sedona(question: Question) -> Iterator[Asked]:
    """SedonaDB with points from geoarrow; of its libraries and modes the fastest here (tg, prepared polygons)."""
    import geoarrow.pyarrow as ga
    import pyarrow as pa
    import sedonadb

    context = sedonadb.connect()
    context.sql("SET sedona.spatial_join.spatial_library = 'tg'").execute()
    context.sql("SET sedona.spatial_join.execution_mode = 'prepare_build'").execute()
    numbers = pa.table({"number": np.arange(len(question.shapes))})
    grids = numbers.append_column("geom", ga.array(shapely.to_wkb(question.shapes)))
    context.create_data_frame(grids).to_memtable().to_view("grid")

    def load() -> None:
        points = ga.as_wkb(ga.point().from_geobuffers(None, question.lon, question.lat))
        table = pa.table({"id": np.arange(len(question))}).append_column("geom", points)
        context.create_data_frame(table).to_memtable().to_view("point")

    ready, _ = seconds_of(load)
    join = "SELECT point.id, grid.number FROM point JOIN grid ON ST_Intersects(grid.geom, point.geom)"
    yield Asked(lambda: context.sql(join).to_arrow_table(), _columns, ready)


@contextmanager
def duckdb(question: Question) -> Iterator[Asked]:
    """DuckDB spatial: both sides in tables; the answer kept as a table (fastest: both cores write it)."""
    import duckdb
    import duckdb_extension_spatial
    import pyarrow as pa

    folder = Path(next(iter(duckdb_extension_spatial.__path__)))
    connection = duckdb.connect()
    connection.load_extension(str(next(folder.rglob("spatial.duckdb_extension"))))
    connection.execute(f"SET threads = {CORES}")
    connection.execute("SET preserve_insertion_order = false")
    grids = pa.table({"number": np.arange(len(question.shapes)), "wkb": shapely.to_wkb(question.shapes)})
    connection.register("grids", grids)
    connection.execute("CREATE TABLE grid AS SELECT number, ST_GeomFromWKB(wkb) AS geom FROM grids")

    def load() -> None:
        connection.register("points", pa.table({"id": np.arange(len(question)), "x": question.lon, "y": question.lat}))
        connection.execute("CREATE TABLE point AS SELECT id, ST_Point(x, y) AS geom FROM points")

    ready, _ = seconds_of(load)
    join = "SELECT point.id, grid.number FROM point JOIN grid ON ST_Intersects(grid.geom, point.geom)"
    plan = connection.execute(f"EXPLAIN {join}").fetchall()[0][1]
    assert "SPATIAL_JOIN" in plan, f"DuckDB does not use its spatial join:\n{plan}"
    yield Asked(
        lambda: connection.execute(f"CREATE OR REPLACE TABLE answer AS {join}"),
        lambda _: _columns(connection.execute("SELECT id, number FROM answer").to_arrow_table()),
        ready,
    )
    connection.close()


@contextmanager
def geopandas(question: Question) -> Iterator[Asked]:
    """``sjoin`` "within" in pieces, put together by ``concat``.

    geopandas answers "within" from a tree of points and prepared polygons; of a piece that fits the caches this takes
    half the time of "intersects", and of all ten million points at once it would take twice as long. Points on
    borders are lost to it.
    """
    grids = gpd.GeoDataFrame({"number": np.arange(len(question.shapes))}, geometry=question.shapes)
    ready, points = seconds_of(lambda: gpd.GeoSeries(gpd.points_from_xy(question.lon, question.lat)))

    def ask() -> gpd.GeoDataFrame:
        # A slice has no tree yet: every run makes its own.
        pieces = (gpd.GeoDataFrame(geometry=points.iloc[at]) for at in _pieces(0, len(points)))
        return pd.concat([gpd.sjoin(piece, grids, predicate="within") for piece in pieces])

    yield Asked(ask, lambda joined: (joined.index.to_numpy(), joined["number"].to_numpy()), ready)


@contextmanager
def tree(question: Question) -> Iterator[Asked]:
    """Bulk queries of trees of points by prepared polygons, in pieces as for geopandas, half of them on each core."""
    ready, points = seconds_of(lambda: shapely.points(question.lon, question.lat))
    starts = np.linspace(0, len(points), CORES + 1).astype(int).tolist()
    # Polygons finish preparing themselves when they are first asked, which two threads must not do at once.
    own = [shapely.from_wkb(shapely.to_wkb(question.shapes)) for _ in range(CORES)]
    for shapes in own:
        shapely.prepare(shapes)

    def part(number: int) -> list[tuple[Ints, Ints]]:
        found = []
        for at in _pieces(starts[number], starts[number + 1]):
            shape, point = shapely.STRtree(points[at]).query(own[number], predicate="intersects")
            found.append((point + at.start, shape))
        return found

    def ask() -> tuple[Ints, Ints]:
        with ThreadPoolExecutor(CORES) as pool:
            found = [each for part_found in pool.map(part, range(CORES)) for each in part_found]
        points_found, shapes_found = (np.concatenate(each) for each in zip(*found, strict=True))
        return points_found, shapes_found

    yield Asked(ask, lambda found: found, ready)


def _pieces(begin: int, end: int) -> Iterator[slice]:
    return (slice(at, min(at + PIECE, end)) for at in range(begin, end, PIECE))


@contextmanager
def postgis(question: Question) -> Iterator[Asked]:
    """PostGIS: both tables indexed with GiST and analysed, parallel workers on, the answer kept as a table."""
    from postgis import cluster

    with cluster() as connection:
        for setting in (
            f"max_parallel_workers_per_gather = {CORES}", "min_parallel_table_scan_size = 0", "jit = off",
            "parallel_setup_cost = 0", "parallel_tuple_cost = 0", "work_mem = '256MB'",
        ):  # fmt: skip
            connection.execute(f"set {setting}")
        connection.execute("create unlogged table grid (number int, geom geometry)")
        connection.execute("create unlogged table point (id int, geom geometry(point))")
        with connection.cursor().copy("copy grid from stdin") as copy:
            for row in enumerate(shapely.to_wkb(question.shapes, hex=True)):
                copy.write_row(row)

        def load() -> None:
            with connection.cursor().copy("copy point from stdin") as copy:
                for row in enumerate(shapely.to_wkb(shapely.points(question.lon, question.lat), hex=True)):
                    copy.write_row(row)

        ready, _ = seconds_of(load)
        connection.execute("create index on grid using gist (geom)")
        connection.execute("vacuum analyze grid")
        connection.execute("vacuum analyze point")
        join = "select id, number from point join grid on st_covers(grid.geom, point.geom)"

        def ask() -> None:
            connection.execute("drop table if exists answer")
            connection.execute(f"create unlogged table answer as {join}")

        def pairs(_: None) -> tuple[Ints, Ints]:
            found = np.array(connection.execute("select id, number from answer").fetchall(), dtype=np.int64)
            return found[:, 0], found[:, 1]

        yield Asked(ask, pairs, ready)


def _columns(table: Any) -> tuple[Ints, Ints]:
    return table["id"].to_numpy(), table["number"].to_numpy()


PEERS = (
    Peer("SedonaDB", "the join, to an Arrow table", sedona),
    Peer("DuckDB spatial", "SPATIAL_JOIN, to a table", duckdb, repeats=3),
    Peer("geopandas sjoin", "trees of points, join (one core)", geopandas, repeats=3),
    Peer("shapely STRtree", "trees of points, bulk queries", tree),
    Peer("PostGIS ST_Covers", "the join, to a table", postgis, most=1_000_000),
)


CELL_M = 25.0
OUTSIDE = np.uint16(65_535)


@njit(nogil=True)
def _gather(lon, lat, west, south, per_lon, per_lat, columns, rows, table):
    out = np.empty(len(lon), np.uint16)
    right, top = float(columns - 1), float(rows - 1)
    for i in range(len(lon)):
        x = min(max((lon[i] - west) * per_lon, 0.0), right)
        y = min(max((lat[i] - south) * per_lat, 0.0), top)
        out[i] = table[np.uint32(np.int32(y)) * np.uint32(columns) + np.uint32(np.int32(x))]
    return out


def floor(question: Question) -> Callable[[], NDArray[np.uint16]]:
    """Return a call that reads each point's 25 m cell in a table of the polygons at the cells' centres.

    No exact join reads less. Points beyond the table read the ring of outside cells around it.
    """
    west, south, east, north = shapely.total_bounds(question.shapes)
    metre_lat = 1 / 111_200
    metre_lon = metre_lat / np.cos(np.radians((south + north) / 2))
    wide, high = CELL_M * metre_lon, CELL_M * metre_lat
    columns, rows = int((east - west) / wide) + 3, int((north - south) / high) + 3
    west, south = west - wide, south - high
    x = west + (np.arange(columns) + 0.5) * wide
    y = south + (np.arange(rows) + 0.5) * high
    centres = shapely.points(np.tile(x, rows), np.repeat(y, columns))
    shape, cell = shapely.STRtree(centres).query(question.shapes, predicate="intersects")
    table = np.full(columns * rows, OUTSIDE)
    table[cell[::-1]] = shape[::-1]
    return lambda: _gather(question.lon, question.lat, west, south, 1 / wide, 1 / high, columns, rows, table)
