"""A CSV cut into pieces says what pandas reads of the whole."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gridmap.errors import InputError
from gridmap.scale import csv_pieces
from gridmap.scale.tables import open_source, read_pieces

FIELDS = st.text(alphabet='ab"\n\r,;\t 道é１', max_size=4)
CELLS = st.one_of(
    st.text(alphabet="ab 道é0.5", max_size=5),
    FIELDS.map(lambda text: '"' + text.replace('"', '""') + '"'),
    st.sampled_from(['a"b', '"a"b', "NA", "null", '""', ""]),
)
ENDS = st.sampled_from(["\n", "\r\n", "\n\n", "\r"])
TABLES = st.lists(st.tuples(CELLS, CELLS, ENDS), max_size=8)


def whole(path, encoding):
    frame = pd.read_csv(path, dtype=str, encoding=encoding, na_values=[""], keep_default_na=False, index_col=False)
    return frame.astype(object).where(frame.notna(), None).values.tolist()


def in_pieces(path, encoding, rows):
    pieces = [piece for piece, _ in read_pieces(path, encoding=encoding, rows=rows)]
    assert all(len(piece) <= rows for piece in pieces)
    return [row for piece in pieces for row in piece.astype(object).where(piece.notna(), None).values.tolist()]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "gb18030", "utf-16"])
@given(table=TABLES, header=st.sampled_from(["x,y\n", '"x,1",y\r\n', "\n\nx,y\n"]), rows=st.integers(1, 4))
@example(table=[("a\r", "b", "\n")], header="x,y\n", rows=1)
@example(table=[("a", "b", "\r"), ("c", "d", "\n")], header="x,y\n", rows=1)
def test_pieces_are_what_pandas_reads_of_the_whole(tmp_path_factory, encoding, table, header, rows):
    path = tmp_path_factory.mktemp("csv") / "in.csv"
    path.write_bytes((header + "".join(f"{x},{y}{end}" for x, y, end in table)).encode(encoding))
    assert in_pieces(path, encoding, rows) == whole(path, encoding)


def test_pieces_are_cut_by_bytes_too_and_blocks_fall_anywhere(tmp_path, monkeypatch):
    lines = [f'{i},"第{i}行\n第二行"' for i in range(500)]
    (tmp_path / "in.csv").write_text("number,text\n" + "\n".join(lines), encoding="gb18030")
    wanted = whole(tmp_path / "in.csv", "gb18030")
    monkeypatch.setattr(csv_pieces, "_PIECE_BYTES", 700)
    for block in (1, 2, 7, 64, 100_000):
        monkeypatch.setattr(csv_pieces, "_BLOCK", block)
        assert in_pieces(tmp_path / "in.csv", "gb18030", 10**6) == wanted
    assert len(list(open_source(tmp_path / "in.csv").pieces())) > 10


def test_pieces_may_be_skipped(tmp_path):
    (tmp_path / "in.csv").write_text("number\n" + "\n".join(map(str, range(100))))
    source = open_source(tmp_path / "in.csv", rows=30)
    rest = [table["number"].to_pylist() for piece in source.pieces(skip=2) for table in piece.tables()]
    assert rest == [[str(i) for i in range(60, 90)], [str(i) for i in range(90, 100)]]
    assert not list(source.pieces(skip=4))


@pytest.mark.parametrize("text", ['x,y\n1,"never closed\n2,3\n', 'x,y\n1,2\n3,"'])
def test_a_quotation_mark_that_is_never_closed_is_said(tmp_path, text):
    (tmp_path / "in.csv").write_text(text)
    with pytest.raises(InputError, match="never closed"):
        list(read_pieces(tmp_path / "in.csv"))


def test_a_row_without_end_does_not_fill_the_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(csv_pieces, "_PIECE_BYTES", 1000)
    monkeypatch.setattr(csv_pieces, "_LONGEST_ROW", 1000)
    monkeypatch.setattr(csv_pieces, "_BLOCK", 100)
    (tmp_path / "in.csv").write_text('x,y\n1,"' + "a,b\n" * 10_000)
    with pytest.raises(InputError, match="never closed"):
        list(read_pieces(tmp_path / "in.csv"))


@pytest.mark.parametrize(("bad", "line"), [(3, 4), (77, 78), (99, 100)])
def test_the_line_of_a_ragged_row_is_named_whatever_the_piece(tmp_path, bad, line):
    rows = ["1,2"] * 100
    rows[bad - 1] = "1,2,3"
    (tmp_path / "in.csv").write_text("x,y\n" + "\n".join(rows) + "\n")
    with pytest.raises(InputError, match=f"line {line}"):
        list(read_pieces(tmp_path / "in.csv", rows=10))


def test_a_cell_keeps_its_text(tmp_path):
    (tmp_path / "in.tsv").write_text("code\tpoint\n007\t120.10\nNA\t 1,5 \n", encoding="utf-8")
    frame = pd.concat([piece for piece, _ in read_pieces(tmp_path / "in.tsv")])
    assert frame.values.tolist() == [["007", "120.10"], ["NA", " 1,5 "]]
