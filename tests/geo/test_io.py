"""Reading layers as the field hands them over, and saying what is wrong with those that cannot be used."""

from __future__ import annotations

import zipfile

import geopandas as gpd
import pandas as pd
import pyogrio
import pytest
from shapely import LineString, Point, Polygon, box

from gridmap.errors import CrsError, LayerError
from gridmap.geo.io import as_layer, read_layer, write_layer, write_layers

NAMES = ["新吴区江溪街道", "长江路", "𠮷", "Rhein"]


def places(names=NAMES, crs=4490) -> gpd.GeoDataFrame:
    shapes = [Point(120.3 + i / 100, 31.5) for i in range(len(names))]
    return gpd.GeoDataFrame({"name": list(names), "households": range(len(names))}, geometry=shapes, crs=crs)


def shapefile(folder, encoding, names, cpg=False):
    path = folder / f"layer-{encoding.lower()}.shp"
    pyogrio.write_dataframe(places(names), path, driver="ESRI Shapefile", encoding=encoding)
    if not cpg:
        path.with_suffix(".cpg").unlink()
    return path


def zipped(path):
    archive = path.with_suffix(".zip")
    with zipfile.ZipFile(archive, "w") as made:
        for part in path.parent.glob(f"{path.stem}.*"):
            if part != archive:
                made.write(part, part.name)
    return archive


@pytest.mark.parametrize("packed", [False, True], ids=["folder", "zip"])
@pytest.mark.parametrize("cpg", [False, True], ids=["no-cpg", "cpg"])
@pytest.mark.parametrize("encoding", ["GBK", "UTF-8"])
def test_chinese_in_a_shapefile_reads_right(tmp_path, encoding, cpg, packed):
    names = [name for name in NAMES if encoding != "GBK" or name != "𠮷"]
    path = shapefile(tmp_path, encoding, names, cpg)
    assert "长江路".encode(encoding) in path.with_suffix(".dbf").read_bytes()
    frame = read_layer(zipped(path) if packed else path)
    assert frame["name"].tolist() == names
    assert frame.geometry.geom_equals_exact(places(names).geometry, 1e-12).all()


def test_an_encoding_that_is_stated_wins(tmp_path):
    path = shapefile(tmp_path, "GBK", ["长江路"])
    assert read_layer(path, encoding="latin1")["name"].tolist() == ["长江路".encode("GBK").decode("latin1")]


def test_chinese_column_names_of_gbk_read_right(tmp_path):
    path = tmp_path / "columns.shp"
    frame = places(["a"]).rename(columns={"name": "名称"})
    pyogrio.write_dataframe(frame, path, driver="ESRI Shapefile", encoding="GBK")
    path.with_suffix(".cpg").unlink()
    assert "名称" in read_layer(path).columns


def test_a_shapefile_without_projection_is_refused_until_it_is_stated(tmp_path):
    path = shapefile(tmp_path, "UTF-8", NAMES, cpg=True)
    path.with_suffix(".prj").unlink()
    with pytest.raises(CrsError, match="states no CRS"):
        read_layer(path)
    assert read_layer(path, crs=4490).crs.to_epsg() == 4490


@pytest.mark.parametrize("crs", [4490, 4326])
def test_swapped_axes_are_refused_and_named_so(crs):
    layer = gpd.GeoDataFrame(geometry=[Point(31.5, 120.3)], crs=crs)
    with pytest.raises(CrsError, match="swapped"):
        as_layer(layer, role="stations")


def test_swapped_eastings_and_northings_are_refused():
    flat = places().to_crs(4549).geometry
    layer = gpd.GeoDataFrame(geometry=gpd.points_from_xy(flat.y, flat.x), crs=4549)
    with pytest.raises(CrsError, match="swapped"):
        as_layer(layer)


@pytest.mark.parametrize(("crs", "point"), [(4490, (9.5, 47.1)), (4549, (120.3, 31.5)), (32650, (4e6, 3.4e6))])
def test_coordinates_outside_the_area_of_their_crs_are_refused_by_row(crs, point):
    good = gpd.GeoSeries([Point(118.9, 31.5)], crs=4326).to_crs(crs)[0]
    layer = gpd.GeoDataFrame(geometry=[good, Point(point)], index=["fine", "astray"], crs=crs)
    with pytest.raises(CrsError, match=r"the layer, row astray: .*outside the area"):
        as_layer(layer)


def test_a_little_beyond_the_zone_is_still_allowed():
    """A county on the edge of a zone is drawn whole in one."""
    layer = places().to_crs(4549).assign(geometry=gpd.GeoSeries([Point(121.9, 31.5)] * 4, crs=4490).to_crs(4549).values)
    assert as_layer(layer) is layer


@pytest.mark.parametrize("suffix", ["gpkg", "geojson"])
def test_an_empty_layer_is_refused(tmp_path, suffix):
    path = tmp_path / f"empty.{suffix}"
    places()[:0].to_file(path)
    with pytest.raises(LayerError, match=r"empty\.\w+ holds no feature"):
        read_layer(path)


def test_a_layer_of_missing_and_empty_shapes_is_refused():
    with pytest.raises(LayerError, match="no geometry"):
        as_layer(gpd.GeoDataFrame(geometry=[None, Point()], crs=4490))


@pytest.mark.parametrize("bad", [Point(float("nan"), 31.5), LineString([(120.3, 31.5), (float("inf"), 31.5)])])
def test_a_coordinate_that_is_no_number_is_named_by_row(bad):
    layer = gpd.GeoDataFrame(geometry=[Point(120.3, 31.5), None, bad], index=[7, 8, 9], crs=4490)
    with pytest.raises(LayerError, match="row 9"):
        as_layer(layer)


def test_a_missing_column_is_refused_and_those_there_named(tmp_path):
    places().to_file(tmp_path / "a.gpkg")
    with pytest.raises(LayerError, match=r"no column floors; it has name, households"):
        read_layer(tmp_path / "a.gpkg", columns=["name", "floors"])
    assert list(read_layer(tmp_path / "a.gpkg", columns=["name"]).columns) == ["name", "geometry"]


def test_an_unknown_layer_is_refused_and_those_there_named(tmp_path):
    path = tmp_path / "two.gpkg"
    places().to_file(path, layer="large")
    places(["only"]).to_file(path, layer="small")
    with pytest.raises(LayerError, match=r"no layer 'huge'; it has large, small"):
        read_layer(path, layer="huge")
    assert read_layer(path, layer="small")["name"].tolist() == ["only"]
    assert len(read_layer(path)) == len(NAMES)


@pytest.mark.parametrize("suffix", ["gpkg", "parquet", "geojson", "shp"])
def test_what_is_written_reads_back_equal(tmp_path, suffix):
    shapes = [Polygon([(120.3, 31.5), (120.31, 31.5), (120.30000001, 31.51)]), box(120.4, 31.5, 120.41, 31.51)]
    frame = gpd.GeoDataFrame({"name": ["长江路", None], "n": [1, 2]}, geometry=shapes, crs=4490)
    write_layer(frame, tmp_path / f"a.{suffix}")
    back = read_layer(tmp_path / f"a.{suffix}")
    assert back[["name", "n"]].astype(object).where(back[["name", "n"]].notna(), None).values.tolist() == [
        ["长江路", 1], [None, 2]]  # fmt: skip
    # GeoJSON says nothing of datums but WGS 84, which is taken as equal.
    for mine, theirs in zip(back.geometry, frame.geometry, strict=True):
        assert mine.normalize().equals_exact(theirs.normalize(), 1e-12)
    assert back.crs.to_epsg() in (4490, 4326)


def test_a_shapefile_replaced_is_replaced_with_all_its_companions(tmp_path):
    write_layer(places(["old", "older", "oldest"]), tmp_path / "a.shp")
    write_layer(places(["new"]), tmp_path / "a.shp")
    assert read_layer(tmp_path / "a.shp")["name"].tolist() == ["new"]
    assert {path.name for path in tmp_path.iterdir()} == {f"a.{end}" for end in ("shp", "shx", "dbf", "prj", "cpg")}


@pytest.mark.parametrize("suffix", [".xlsx", ".kml", ""])
def test_an_unknown_suffix_is_refused_and_the_known_named(tmp_path, suffix):
    with pytest.raises(LayerError, match=r"\.gpkg.*\.parquet"):
        write_layer(places(), tmp_path / f"a{suffix}")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["gone.gpkg", "gone.parquet", "gone.osm.pbf"])
def test_a_file_that_is_not_there_is_named(tmp_path, name):
    with pytest.raises(LayerError, match=name):
        read_layer(tmp_path / name)


@pytest.mark.parametrize("name", ["text.gpkg", "text.parquet", "text.shp", "text.zip", "text.osm.pbf"])
def test_a_file_of_something_else_is_a_layer_error(tmp_path, name):
    (tmp_path / name).write_text("not a layer at all\n" * 50)
    with pytest.raises(LayerError, match=name):
        read_layer(tmp_path / name)


NOTES = {"network_date": "2026-11-01T08:00:00+00:00", "barriers": {"water": 3, "rail": 1}, "pace": {"steps": 2.0}}


@pytest.mark.parametrize("name", ["a.gpkg", "a.parquet"])
def test_what_is_known_of_a_layer_travels_in_its_file(tmp_path, name):
    frame = places()
    # How an earlier reading went is no part of the layer, and what is no plain value has no place in a file.
    frame.attrs = {**NOTES, "skipped": ("way 7",), "made_by": object()}
    write_layer(frame, tmp_path / name)
    assert read_layer(tmp_path / name).attrs == NOTES
    assert set(frame.attrs) == {*NOTES, "skipped", "made_by"}


def test_notes_of_other_software_are_not_ours(tmp_path):
    pyogrio.write_dataframe(places(), tmp_path / "a.gpkg", layer_metadata={"AREA_OR_POINT": "Point"})
    assert read_layer(tmp_path / "a.gpkg").attrs == {}


def test_several_layers_share_a_file_and_keep_their_notes(tmp_path):
    first, second = places(), places(["东"]).astype({"name": "category"})
    first.attrs, second.attrs = dict(NOTES), {"minutes": [5.0, 15.0]}
    table = pd.DataFrame({"minutes": [5.0, 15.0], "share": [0.25, None]})
    write_layers({"circles": first, "gaps": second, "coverage": table}, tmp_path / "a.gpkg")
    assert read_layer(tmp_path / "a.gpkg").equals(read_layer(tmp_path / "a.gpkg", layer="circles"))
    assert read_layer(tmp_path / "a.gpkg").attrs == NOTES
    gaps = read_layer(tmp_path / "a.gpkg", layer="gaps")
    assert (gaps["name"].tolist(), gaps.attrs) == (["东"], {"minutes": [5.0, 15.0]})
    assert pyogrio.read_dataframe(tmp_path / "a.gpkg", layer="coverage").equals(table)


def test_layers_replace_what_stood_there_whole_or_not_at_all(tmp_path):
    target = tmp_path / "a.gpkg"
    write_layers({"circles": places(), "gaps": places()}, target)
    write_layers({"circles": places(["only"])}, target)
    assert pyogrio.list_layers(target)[:, 0].tolist() == ["circles"]
    before = target.read_bytes()
    with pytest.raises(LayerError, match="gpkg"):
        write_layers({"circles": places()}, tmp_path / "a.geojson")
    with pytest.raises(AttributeError):
        write_layers({"circles": places(), "gaps": None}, target)
    assert target.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["a.gpkg"]
