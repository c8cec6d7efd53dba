"""``gridmap addresses build``: what it prints, writes and refuses."""

from __future__ import annotations

import json

import pandas as pd
import pytest
from typer.testing import CliRunner

from gridmap.address.index import AddressIndex
from gridmap.cli import addresses
from gridmap.cli.app import app
from gridmap.errors import OutputError

LIST = """地址,路名,镇,号,lon,lat
花山镇虹桥路13号,虹桥路,花山镇,13,120.3034,31.5217
花山镇虹桥路13号,虹桥路,花山镇,13,120.3034,31.5217
花山镇虹桥路15号,虹桥路,花山镇,15,120.3044,31.5217
"""


def test_an_index_is_built_and_what_was_found_is_said_and_written(tmp_path):
    (tmp_path / "list.csv").write_text(LIST, encoding="gbk")
    asked = [
        "addresses", "build", f"list={tmp_path / 'list.csv'}", "-o", str(tmp_path / "a.idx"), "--region",
        "江苏省,无锡市,锡澄县", "--columns", "number=号", "--findings", str(tmp_path / "found.csv"), "--json",
    ]  # fmt: skip
    done = CliRunner().invoke(app, asked, catch_exceptions=False)
    said = json.loads(done.stdout)
    index = AddressIndex.open(tmp_path / "a.idx")
    index.verify()
    assert (said["version"], said["bytes"]) == (index.version, (tmp_path / "a.idx").stat().st_size)
    assert said["counts"]["rows"] == len(index.row_lon) == 2
    assert said["region"]["county"] == index.region.county == "锡澄县"
    assert said["findings"] == {"duplicate": 1}
    found = pd.read_csv(tmp_path / "found.csv", encoding="utf-8-sig")
    assert found.to_dict("records") == said["rows"]
    assert found[["file", "row", "rule"]].values.tolist() == [["list.csv", 3, "duplicate"]]


def test_findings_are_printed_by_rule_with_the_first_rows(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("GRIDMAP_LANG", "en")
    (tmp_path / "list.csv").write_text(
        LIST + 5 * "花山镇虹桥路15号,虹桥路,花山镇,15,120.3044,31.5217\n", encoding="gbk"
    )
    addresses.build([str(tmp_path / "list.csv")], tmp_path / "a.idx")
    printed = capsys.readouterr().out
    assert "list.csv:3" in printed
    assert "list.csv:6" in printed
    assert "list.csv:7" not in printed
    assert "--findings FILE" in printed
    assert AddressIndex.open(tmp_path / "a.idx").version in printed


@pytest.mark.parametrize(
    "words", [["-o", "list.csv"], ["-o", "a.idx", "--findings", "list.csv"], ["-o", "a.idx", "--findings", "a.idx"]]
)
def test_what_is_read_is_never_written_over(tmp_path, monkeypatch, words):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "list.csv").write_text(LIST, encoding="gbk")
    before = (tmp_path / "list.csv").read_bytes()
    with pytest.raises(OutputError, match="name another"):
        CliRunner().invoke(app, ["addresses", "build", "list.csv", *words], catch_exceptions=False)
    assert (tmp_path / "list.csv").read_bytes() == before
    assert not (tmp_path / "a.idx").exists()
