"""Parquet in and out: whole row groups, kinds kept, points of layers, and files made into one without decoding."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from gridmap.cases.added import Coded
from gridmap.geo.crs import point_xy
from gridmap.scale import encode, splice
from gridmap.scale.layer_points import wkb_xy
from gridmap.scale.tables import open_source, read_pieces, read_table


def some_rows(seed: int, rows: int) -> pa.Table:
    rng = np.random.default_rng(seed)
    texts = pa.array([None if i % 7 == 0 else f"第{i}" for i in range(rows)], type=pa.string())
    return pa.table(
        {
            "number": pa.array(range(rows), type=pa.int16()),
            "x": rng.random(rows),
            "text": texts,
            "few": pa.array(["甲", "乙", None, "乙"][i % 4] for i in range(rows)).dictionary_encode(),
            "flag": pa.array([i % 3 == 0 for i in range(rows)]),
            "list": pa.array([[i, i + 1] if i % 2 else None for i in range(rows)], type=pa.list_(pa.int64())),
            "at": pa.array([i * 10**6 for i in range(rows)], type=pa.timestamp("us", "Asia/Shanghai")),
            "none": pa.nulls(rows),
        }
    )


def added(seed: int, rows: int) -> dict[str, Coded]:
    positions = np.random.default_rng(seed).integers(-1, 3, rows)
    return {"code": Coded(positions, np.array(["b", "中", "a"], dtype=object)), "nobody": Coded.same(None, rows)}


@given(st.lists(st.lists(st.integers(0, 40), min_size=1, max_size=3), min_size=1, max_size=40))
def test_files_spliced_are_the_tables_one_after_the_other(tmp_path_factory, sizes):
    path = tmp_path_factory.mktemp("splice") / "all.parquet"
    parts = [[encode.with_columns(some_rows(n, n), added(n, n)) for n in part] for part in sizes]
    schema = encode.announced(parts[0][0].schema)
    out, footers = bytearray(splice.MAGIC), []
    for tables in parts:
        file = encode.parquet_bytes(iter(tables), schema)
        groups = sum(footer.groups for footer in footers)
        chunks, footer = splice.split(memoryview(file), len(out), groups, encode.arrow_schema(schema))
        out += chunks
        footers.append(footer)
    path.write_bytes(out + splice.merged(footers).closing())
    found = pq.read_table(path)
    assert found.schema.equals(schema)
    cast = [[c.cast(f.type) for c, f in zip(t.columns, schema, strict=True)] for part in parts for t in part]
    assert found.equals(pa.concat_tables([pa.Table.from_arrays(columns, schema=schema) for columns in cast]))
    groups = pq.ParquetFile(path).metadata
    assert sum(groups.row_group(i).num_rows for i in range(groups.num_row_groups)) == found.num_rows
    assert [pq.ParquetFile(path).read_row_group(i).num_rows for i in range(groups.num_row_groups)]


def test_files_of_different_columns_are_not_spliced():
    files = [
        encode.parquet_bytes(iter([table]), table.schema) for table in (pa.table({"x": [1]}), pa.table({"y": [1]}))
    ]
    footers = [splice.split(memoryview(file), 4, 0, {})[1] for file in files]
    with pytest.raises(ValueError, match="different columns"):
        splice.merged(footers)


def test_row_groups_are_pieces_small_ones_together_and_a_giant_in_parts(tmp_path):
    table = some_rows(1, 3000).drop_columns("none")
    with pq.ParquetWriter(tmp_path / "in.parquet", table.schema) as writer:
        for start, size in ((0, 40), (40, 40), (80, 40), (120, 90), (210, 2000), (2210, 790)):
            writer.write_table(table.slice(start, size), row_group_size=size)
    pieces = list(open_source(tmp_path / "in.parquet", rows=100).pieces())
    sizes = [[part.num_rows for part in piece.tables()] for piece in pieces]
    assert [sum(each) for each in sizes] == [80, 40, 90, *[100] * 20, 790]
    assert max(map(max, sizes)) == 100
    assert [piece.share for piece in pieces] == sorted(piece.share for piece in pieces)
    whole = pd.concat([piece for piece, _ in read_pieces(tmp_path / "in.parquet", rows=100)])
    assert whole["number"].tolist() == table["number"].to_pylist()
    again = [part for piece in open_source(tmp_path / "in.parquet", rows=100).pieces(skip=5) for part in piece.tables()]
    assert again[0]["number"][0].as_py() == 410


SHAPES = st.lists(
    st.one_of(
        st.builds(shapely.Point, st.floats(-180, 180), st.floats(-90, 90)),
        st.sampled_from([None, shapely.Point(), shapely.Point(1, 2, 3), shapely.box(0, 0, 1, 1)]),
    ),
    max_size=6,
)


@given(SHAPES, st.booleans(), st.integers(0, 3))
def test_points_are_read_as_geos_reads_them(shapes, big, skip):
    raw = [None if shape is None else shapely.to_wkb(shape, byte_order=0 if big else 1) for shape in shapes]
    column = pa.chunked_array([pa.array(raw, type=pa.binary())]).slice(skip)
    found, wanted = wkb_xy(column), point_xy(np.array(shapes, dtype=object)[skip:])
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("crs", [4326, 4490, 4549])
@pytest.mark.parametrize("encoding", ["WKB", "geoarrow"])
def test_points_of_a_geoparquet_become_degrees(tmp_path, crs, encoding):
    points = gpd.GeoDataFrame(
        {"number": [1, 2, 3]}, geometry=[shapely.Point(120.25, 31.05), None, shapely.Point(120.3, 31)], crs=4326
    ).to_crs(crs)
    filled = points if encoding == "WKB" else points.dropna(subset="geometry")
    filled.to_parquet(tmp_path / "in.parquet", geometry_encoding=encoding)
    found = read_table(tmp_path / "in.parquet").set_index("number")
    assert found.loc[1, ["lon", "lat"]].tolist() == pytest.approx([120.25, 31.05], abs=1e-9)
    assert (found["crs"] == "wgs84").all()
    assert "geometry" not in found.columns
    if encoding == "WKB":
        assert found.loc[2, ["lon", "lat"]].isna().all()


def test_times_of_a_layer_keep_their_zone(tmp_path):
    times = pd.to_datetime(["2026-05-01T08:00+08:00"])
    for name, at in (("zoned", times), ("naive", times.tz_localize(None))):
        gpd.GeoDataFrame({"at": at}, geometry=[shapely.Point(120, 31)], crs=4326).to_file(tmp_path / f"{name}.gpkg")
    assert read_table(tmp_path / "naive.gpkg")["at"][0] == "2026-05-01T08:00:00"
    assert pd.Timestamp(read_table(tmp_path / "zoned.gpkg")["at"][0]) == times[0]


def test_cells_of_a_csv_are_as_people_write_them():
    table = pa.table(
        {
            "x": [1.5, 13912345678.0, float("nan"), 0.1],
            "n": pa.array([7, None, -1, 0]),
            "flag": [True, False, None, True],
            "text": ['a"b', "c,d", "", "道路\n破损"],
            "list": pa.array([[1, 2], None, [], [3]]),
            "at": pa.array([0, None, 1, 2], type=pa.timestamp("s", "Asia/Shanghai")),
        }
    )
    assert encode.csv_bytes(iter([table, table.slice(0, 0)])).to_pybytes().decode().splitlines() == [
        '1.5,7,True,"a""b","[1, 2]",1970-01-01 08:00:00+0800',
        '13912345678,,False,"c,d",,',
        ",-1,,,[],1970-01-01 08:00:01+0800",
        '0.1,0,True,"道路',
        '破损",[3],1970-01-01 08:00:02+0800',
    ]
    assert encode.csv_header(["a", 'b"c', "d,e"]).decode("utf-8-sig") == 'a,"b""c","d,e"\n'
