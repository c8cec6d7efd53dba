"""Files of incidents: every row comes out once, in order, whatever is wrong with it; nothing is half-written."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely

import gridmap
from gridmap.errors import InputError, OutputError, RosterError
from gridmap.people.io import as_roster
from gridmap.scale.join import join_file, read_table


@pytest.fixture(scope="module")
def locator():
    cells = [shapely.box(120 + i / 10, 31, 120.1 + i / 10, 31.1) for i in range(5)]
    return gridmap.Locator.from_layer(
        gpd.GeoDataFrame({"code": [f"L{i}" for i in range(5)]}, geometry=cells, crs=4490), code="code"
    )


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(9)
    n = 2500
    return pd.DataFrame(
        {
            "number": np.arange(n),
            "lon": np.where(rng.random(n) < 0.02, np.nan, rng.uniform(119.9, 120.6, n)),
            "lat": rng.uniform(30.95, 31.15, n),
            "crs": rng.choice(["wgs84", "gcj02", "mars"], n),
            "text": rng.choice(["道路破损，占道", '引号"换\n行', ""], n),
            "count": pd.array(np.where(rng.random(n) < 0.5, 7, 0), dtype="Int64"),
        }
    )


def write(rows: pd.DataFrame, path) -> None:
    if path.suffix == ".csv":
        rows.to_csv(path, index=False)
    elif path.suffix == ".parquet":
        rows.to_parquet(path, index=False, row_group_size=350)
    else:
        points = gpd.GeoDataFrame(
            rows.drop(columns=["lon", "lat"]), geometry=gpd.points_from_xy(rows["lon"], rows["lat"]), crs=4326
        )
        points.to_file(path)


@pytest.mark.parametrize("into", [".csv", ".parquet"])
@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".gpkg"])
def test_in_pieces_equals_at_once(tmp_path, locator, rows, suffix, into):
    """Pieces of 700 rows; the whole table joined in one go is the second way."""
    source, target = tmp_path / f"in{suffix}", tmp_path / f"out{into}"
    write(rows, source)
    shares = []
    summary = join_file(source, locator, target, piece_rows=700, progress=lambda share, _: shares.append(share))
    found = read_table(target)
    # What a layer says of its points and what a column says have to agree: these rows say wgs84, gcj02 and mars.
    stated = rows["crs"].replace("gcj02", "another") if suffix == ".gpkg" else rows["crs"]
    wanted = gridmap.join_incidents(rows.assign(crs=stated), locator)
    assert summary.rows == len(found) == len(rows) == sum(summary.by_outcome.values())
    assert dict(summary.by_outcome) == wanted["outcome"].value_counts().loc[lambda n: n > 0].to_dict()
    assert found["number"].astype(int).tolist() == rows["number"].tolist()
    for column in ("code", "outcome"):
        assert found[column].astype(object).fillna("").tolist() == wanted[column].astype(object).fillna("").tolist()
    assert found["text"].fillna("").tolist() == rows["text"].tolist()
    assert len(shares) >= 4
    assert shares == sorted(shares)
    assert shares[-1] == 1


def test_the_five_bad_rows_behind_a_gbk_header(tmp_path, locator):
    lines = ["描述,经度,纬度,坐标系", "好,120.05,31.05,wgs84", "缺,NaN,31.05,wgs84", "颠倒,31.05,120.05,wgs84",
             "海上,125,30,wgs84", "不明,120.05,31.05,mars"]  # fmt: skip
    (tmp_path / "in.csv").write_text("\n".join(lines), encoding="gbk")
    summary = join_file(tmp_path / "in.csv", locator, tmp_path / "out.csv", lon="经度", lat="纬度", crs="坐标系")
    found = read_table(tmp_path / "out.csv")
    assert found["描述"].tolist() == ["好", "缺", "颠倒", "海上", "不明"]
    assert found["outcome"].tolist() == ["matched", "invalid", "invalid", "outside", "invalid"]
    assert found["reason"].notna().tolist() == [False, True, True, True, True]
    assert (summary.rows, summary.by_outcome["invalid"]) == (5, 3)


def test_a_column_that_is_empty_at_first_is_not_lost(tmp_path, locator):
    rows = pd.DataFrame({"lon": [120.05] * 5, "lat": [31.05] * 5, "note": [None, None, None, None, "晚到"]})
    rows.to_csv(tmp_path / "in.csv", index=False)
    join_file(tmp_path / "in.csv", locator, tmp_path / "out.parquet", piece_rows=2)
    assert read_table(tmp_path / "out.parquet")["note"].tolist()[-1] == "晚到"


def test_numbers_of_a_parquet_keep_their_kind(tmp_path, locator, rows):
    rows.to_parquet(tmp_path / "in.parquet", index=False)
    join_file(tmp_path / "in.parquet", locator, tmp_path / "out.parquet")
    before, after = pq.read_schema(tmp_path / "in.parquet"), pq.read_schema(tmp_path / "out.parquet")
    assert [pa.types.is_integer(after.field(name).type) for name in ("number", "count")] == [True, True]
    assert [after.field(name).type for name in ("lon", "lat")] == [before.field(name).type for name in ("lon", "lat")]


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_table_without_rows_gives_a_table_without_rows(tmp_path, locator, rows, suffix):
    write(rows.iloc[:0], tmp_path / f"in{suffix}")
    summary = join_file(tmp_path / f"in{suffix}", locator, tmp_path / "out.parquet")
    assert (summary.rows, dict(summary.by_outcome)) == (0, {})
    assert "outcome" in read_table(tmp_path / "out.parquet").columns


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.csv", b"", "cannot be read"),
        ("a.csv", b"lon,lat\n1,2\n1,2,3,4\n", "line 3"),
        ("a.csv", b"lon,lat\n120.05,31.05,x\n120.05,31.05,y\n", "more fields than the header"),
        ("a.parquet", b"PAR1 not really", "damaged"),
        ("a.gpkg", b"SQLite format 3\0", "damaged"),
        ("a.docx", b"", "allowed: .csv"),
    ],
)
def test_a_file_that_cannot_be_read_leaves_nothing(tmp_path, locator, name, content, says):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=says):
        join_file(tmp_path / name, locator, tmp_path / "out.csv")
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_commas_at_the_ends_of_rows_shift_nothing(tmp_path, locator):
    (tmp_path / "in.csv").write_text("id,lon,lat\n7,120.05,31.05,\n8,120.15,31.05,\n")
    join_file(tmp_path / "in.csv", locator, tmp_path / "out.csv")
    assert read_table(tmp_path / "out.csv")[["id", "code"]].values.tolist() == [["7", "L0"], ["8", "L1"]]


def test_the_incidents_themselves_are_not_replaced(tmp_path, locator, rows):
    rows.to_csv(tmp_path / "in.csv", index=False)
    with pytest.raises(OutputError, match="incidents themselves"):
        join_file(tmp_path / "in.csv", locator, tmp_path / "in.csv")


def test_an_interrupt_leaves_the_old_result_and_what_is_done(tmp_path, locator, rows):
    rows.to_csv(tmp_path / "in.csv", index=False)
    (tmp_path / "out.csv").write_text("old")

    def stop(share, what):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        join_file(tmp_path / "in.csv", locator, tmp_path / "out.csv", progress=stop)
    assert (tmp_path / "out.csv").read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == [".out.csv.join", "in.csv", "out.csv"]
    join_file(tmp_path / "in.csv", locator, tmp_path / "out.csv", resume=True)
    assert len(read_table(tmp_path / "out.csv")) == len(rows)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.csv", "out.csv"]


def test_a_suffix_that_is_not_written_and_a_roster_of_another_plan(tmp_path, locator, rows):
    rows.assign(reported_at="2026-01-01").to_csv(tmp_path / "in.csv", index=False)
    with pytest.raises(OutputError, match=r"allowed: \.parquet, \.csv"):
        join_file(tmp_path / "in.csv", locator, tmp_path / "out.xlsx")
    roster = as_roster(pd.DataFrame({"person_id": ["1", "2"], "name": ["甲", "乙"], "grid": ["L0", "old"]}))
    with pytest.raises(RosterError, match=r"row 3 \(old\)"):
        join_file(tmp_path / "in.csv", locator, tmp_path / "out.csv", roster=roster)
    assert not (tmp_path / "out.csv").exists()
    summary = join_file(tmp_path / "in.csv", locator, tmp_path / "out.csv", roster=roster, allow_unknown_grids=True)
    assert summary.with_person > 0


def test_who_reported_is_masked_in_files_unless_asked_for(tmp_path, locator):
    row = {
        "lon": 120.05,
        "lat": 31.05,
        "reporter": "王小明",
        "reporter_phone": 13912345678,
        "联系人": "李雷",
        "手机号": "13900001111",
        "name": "韩梅梅",
        "description": "请回电13912345678，编号320299001001006",
    }
    pd.DataFrame([row]).to_csv(tmp_path / "in.csv", index=False)
    join_file(tmp_path / "in.csv", locator, tmp_path / "masked.csv")
    masked = (tmp_path / "masked.csv").read_text(encoding="utf-8-sig")
    assert not [secret for secret in ("小明", "李雷", "梅梅", "12345678", "00001111") if secret in masked]
    assert "320299001001006" in masked
    join_file(tmp_path / "in.csv", locator, tmp_path / "open.csv", unmask=True)
    assert "王小明" in (tmp_path / "open.csv").read_text(encoding="utf-8-sig")


def test_damage_in_the_middle_names_the_rows_and_touches_nothing(tmp_path, locator, rows):
    rows.to_parquet(tmp_path / "in.parquet", index=False, row_group_size=500)
    chunk = pq.read_metadata(tmp_path / "in.parquet").row_group(3).column(1)
    content = bytearray((tmp_path / "in.parquet").read_bytes())
    start = chunk.data_page_offset
    content[start : start + chunk.total_compressed_size // 2] = b"\xff" * (chunk.total_compressed_size // 2)
    (tmp_path / "in.parquet").write_bytes(content)
    (tmp_path / "out.csv").write_text("old")
    with pytest.raises(InputError, match=r"in\.parquet .*row group 3 of"):
        join_file(tmp_path / "in.parquet", locator, tmp_path / "out.csv", piece_rows=500)
    assert (tmp_path / "out.csv").read_text() == "old"


def test_a_column_of_the_result_that_is_there_already_is_refused_before_anything_is_written(tmp_path, locator, rows):
    rows.assign(outcome="x").to_csv(tmp_path / "in.csv", index=False)
    with pytest.raises(InputError, match="already have outcome"):
        join_file(tmp_path / "in.csv", locator, tmp_path / "out.csv")
    assert [path.name for path in tmp_path.iterdir()] == ["in.csv"]


def test_threads_give_the_rows_in_their_order_and_the_same_bytes(tmp_path, locator, rows):
    pd.concat([rows] * 8, ignore_index=True).to_parquet(tmp_path / "in.parquet", index=False, row_group_size=500)
    files = []
    for workers in (1, 2, 7):
        join_file(tmp_path / "in.parquet", locator, tmp_path / "o.parquet", piece_rows=500, workers=workers)
        files.append((tmp_path / "o.parquet").read_bytes())
    assert files[0] == files[1] == files[2]
    assert read_table(tmp_path / "o.parquet")["number"].tolist() == [*range(len(rows))] * 8
