"""Files as offices keep them: every script and format one list, and what cannot be used says why."""

from __future__ import annotations

import resource

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from gridmap.address.io import build_file, parse_region, read_given, write_findings
from gridmap.address.region import Region
from gridmap.address.table import HEADERS, standard_rows
from gridmap.address.table_headers import kind_of_table, parse_columns, recognise
from gridmap.errors import CrsError, InputError, OutputError
from gridmap.geo.gcj02 import convert

ROWS = pd.DataFrame(
    {
        "标准地址": ["花山镇虹桥路13号1栋", "花山镇虹桥路15号"],
        "所属镇街": ["花山镇", "花山镇"],
        "社区": ["和湾社区", "和湾社区"],
        "道路名称": ["虹桥路", "虹桥路"],
        "门牌号": ["13", "15"],
        "经度": [120.3034, 120.3044],
        "纬度": [31.5217, 31.5218],
    }
)
WANTED = ["address", "town", "community", "street", "number", "lon", "lat"]


def read(path, **options) -> pd.DataFrame:
    return standard_rows(read_given([path], **options).rows)


@pytest.mark.parametrize(
    "form", ["utf-8.csv", "utf-8-sig.csv", "gbk.csv", "utf-16.csv", "xlsx", "gpkg", "geojson", "shp"]
)
def test_a_list_is_the_same_in_every_format(tmp_path, form):
    path = tmp_path / f"list.{form.rpartition('.')[2]}"
    if form.endswith("csv"):
        ROWS.to_csv(path, index=False, encoding=form.removesuffix(".csv"))
    elif form == "xlsx":
        ROWS.to_excel(path, index=False)
    else:
        points = shapely.points(ROWS["经度"], ROWS["纬度"])
        layer = gpd.GeoDataFrame(ROWS.drop(columns=["经度", "纬度"]), geometry=points, crs=4490)
        (layer.to_crs(4549) if form == "shp" else layer).to_file(path, encoding="gbk" if form == "shp" else None)
    found = read(path)
    assert found[WANTED[:-2]].values.tolist() == ROWS.iloc[:, :5].values.tolist()
    assert found[["lon", "lat"]].to_numpy() == pytest.approx(ROWS[["经度", "纬度"]].to_numpy(), abs=1e-8)
    assert found["line"].tolist() == ([2, 3] if form.endswith(("csv", "xlsx")) else [1, 2])


def test_columns_may_be_said_and_traditional_headers_are_known(tmp_path):
    path = tmp_path / "plates.csv"
    path.write_text("行政區,路名,巷,弄,號,備註,戶政\n中正區,三元街,5,,12號二樓,花園路,1\n", encoding="utf-8")
    found = read(path)
    assert found[["town", "street", "lane", "alley", "number"]].values.tolist() == [
        ["中正區", "三元街", "5", "", "12號二樓"]
    ]
    assert read(path, columns=parse_columns("street=備註"))["street"].tolist() == ["花園路"]
    with pytest.raises(InputError, match=r"plates\.csv has no column '路'; it has 行政區, 路名"):
        read(path, columns={"street": "路"})


@pytest.mark.parametrize("value", ["town", "towns=行政區", "town=", "=x"])
def test_columns_that_are_none_are_refused(value):
    with pytest.raises(InputError, match="is not NAME=HEADER"):
        parse_columns(value)


def test_a_subdistrict_is_a_town_unless_towns_have_a_column():
    assert recognise(["街道", "社区", "地址"], HEADERS)["town"] == "街道"
    assert recognise(["乡镇", "街道", "门牌号"], HEADERS) == {
        "town": "乡镇",
        "street": "街道",
        "number": "门牌号",
    }


@pytest.mark.parametrize(
    ("headers", "kind"),
    [
        (["名称", "别名"], "aliases"), (["name", "kind", "lon", "lat"], "places"), (["地址"], "list"),
        (["name", "alias", "street", "number"], "list"), (["a", "b"], "list"),
    ],
)  # fmt: skip
def test_a_table_is_known_by_its_headers(headers, kind):
    assert kind_of_table(headers) == kind


def test_layers_are_known_by_what_they_hold(tmp_path):
    """Areas with addresses are buildings, lines streets, points with a name places; a list is told by its columns."""
    ROWS.assign(省="江苏省", 地级市="无锡市", 区县="锡澄县").to_csv(tmp_path / "list.csv", index=False)
    areas = shapely.buffer(shapely.points([120.3034, 120.3064, 120.3064], [31.5217, 31.5218, 31.5219]), 1e-4)
    words = {
        "address": ["花山镇虹桥路13号1栋", "花山镇虹桥路19号", "花山镇虹桥路15号"],
        "building": ["house", "yes", "yes"],
        "estate": ["E1", "E1", "E1"],
    }
    gpd.GeoDataFrame(words, geometry=areas, crs=4490).to_file(tmp_path / "buildings.gpkg")
    line = shapely.linestrings([[120.30, 31.5216], [120.31, 31.5216]])
    gpd.GeoDataFrame({"name": ["虹桥路"]}, geometry=[line], crs=4490).to_file(tmp_path / "streets.gpkg")
    points = {"name": ["花山医院"], "kind": ["hospital"]}
    gpd.GeoDataFrame(points, geometry=shapely.points([[120.305, 31.522]]), crs=4490).to_file(tmp_path / "places.gpkg")
    (tmp_path / "old.csv").write_text("名称,别名\n虹桥路,东大街\n", encoding="gbk")
    files = ["list.csv", "buildings.gpkg", "streets.gpkg", "places.gpkg", "old.csv"]
    built = build_file([tmp_path / file for file in files], tmp_path / "a.idx")
    assert [(each.file, each.row, each.rule) for each in built.findings] == [
        ("list.csv", 3, "contradiction"),
        ("buildings.gpkg", 3, "contradiction"),
    ]
    assert built.index.region == Region("江苏省", "无锡市", "锡澄县")
    counts = built.index.text["counts"]
    assert [counts[each] for each in ("rows", "street", "estate", "landmark")] == [3, 1, 0, 1]
    assert [built.index.address(row) for row in range(3)] == [
        "花山镇虹桥路13号1栋", "花山镇虹桥路15号", "花山镇虹桥路19号",
    ]  # fmt: skip
    assert (built.index.row_lon[2], built.index.row_lat[2]) == pytest.approx((120.3064, 31.5218), abs=2e-5)
    assert "东大街" in built.index.names
    assert built.index.text["sources"] == files


def test_coordinates_of_maps_are_brought_home(tmp_path):
    lon, lat = convert(ROWS["经度"], ROWS["纬度"], "cgcs2000", "gcj02")
    ROWS.assign(经度=lon, 纬度=lat).to_csv(tmp_path / "a.csv", index=False)
    found = read(tmp_path / "a.csv", crs="gcj02")
    assert found[["lon", "lat"]].to_numpy() == pytest.approx(ROWS[["经度", "纬度"]].to_numpy(), abs=1e-7)


@pytest.mark.parametrize(
    ("content", "error", "why"),
    [
        ("", InputError, "cannot be read as a table"),
        ("地址,经度\n", InputError, "no row below the header"),
        ("地址,经度\n,\n\n", InputError, "no row below the header"),
        ("甲,乙\n1,2\n", InputError, "no column of addresses; it has 甲, 乙; .*--columns"),
        ("地址,经度,纬度\n虹桥路1号,31.5,120.3\n", CrsError, "axes look swapped"),
        ("地址,经度,纬度\n虹桥路1号,527000,3489000\n", CrsError, "--crs"),
        ("名称,别名\n虹桥路,东大街\n", InputError, r"no addresses in a\.csv"),
        ("地址,镇\n虹桥路1号,花山镇,多了\n", InputError, "cannot be read as a table"),
    ],
)
def test_what_cannot_be_used_says_why_and_leaves_what_was_there(tmp_path, content, error, why):
    (tmp_path / "a.csv").write_text(content, encoding="utf-8")
    (tmp_path / "a.idx").write_bytes(b"old")
    with pytest.raises(error, match=why):
        build_file([tmp_path / "a.csv"], tmp_path / "a.idx")
    assert (tmp_path / "a.idx").read_bytes() == b"old"
    assert {path.name for path in tmp_path.iterdir()} == {"a.csv", "a.idx"}


def test_no_file_no_folder_and_bytes_that_are_no_text(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        read_given([tmp_path / "a.csv"])
    (tmp_path / "a.csv").write_bytes(bytes(range(128, 256)) * 9)
    with pytest.raises(InputError, match=r"a\.csv"):
        read_given([tmp_path / "a.csv"])
    with pytest.raises(InputError, match="0 files"):
        read_given([])
    with pytest.raises(InputError, match="PROVINCE,CITY,COUNTY"):
        parse_region("江苏省,无锡市")
    with pytest.raises(OutputError, match="nothing was written"):
        write_findings([], tmp_path / "nowhere" / "a.csv")


def test_a_full_disk_leaves_what_was_there(tmp_path):
    ROWS.to_csv(tmp_path / "a.csv", index=False)
    (tmp_path / "a.idx").write_bytes(b"old")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(OutputError, match="nothing was written"):
            build_file([tmp_path / "a.csv"], tmp_path / "a.idx")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (tmp_path / "a.idx").read_bytes() == b"old"
    assert {path.name for path in tmp_path.iterdir()} == {"a.csv", "a.idx"}


def test_half_a_list_with_positions_and_blank_rows_keeps_its_lines(tmp_path):
    text = (
        "地址,镇,路,号,lon,lat\n\n花山镇虹桥路1号,花山镇,虹桥路,1,,\n,,,,,\n花山镇虹桥路2号,花山镇,虹桥路,2,120.3,x\n"
    )
    (tmp_path / "a.csv").write_text(text, encoding="utf-8")
    found = read(tmp_path / "a.csv")
    assert found["line"].tolist() == [3, 5]
    assert np.isnan(found["lat"]).all()


def test_a_finding_names_the_line_also_below_cells_of_several_lines(tmp_path):
    head = '地址,镇,"路\n（街）",号,备注'
    rows = '花山镇虹桥路1号,花山镇,虹桥路,1,"门口\r\n有狗"', "", "花山镇虹桥路2号,花山镇,虹桥路,2,"
    text = "\n".join([head, *rows])
    (tmp_path / "a.csv").write_bytes(text.encode())
    lines = text.splitlines()
    found = read(tmp_path / "a.csv")
    assert [lines[line - 1].split(",")[0] for line in found["line"]] == ["花山镇虹桥路1号", "花山镇虹桥路2号"]
