"""CSV in the encodings, numbers and layouts that retailers' programs write."""

import gzip
from pathlib import Path

import pytest

from capflow_assets.validated.tables import clean
from capflow_resources import sources
from capflow_resources.sources import SourceError
from capflow_resources.sources.files import transcode

COLUMNS = {"item_id": "id", "quantity": "n"}
TEXTS = {
    "utf-8-sig": "é€日😀",
    "utf-16": "é€日😀",
    "utf-16-be": "é€日😀",
    "utf-32": "é€日😀",
    "latin-1": "é",
    "cp1252": "é€",
    "windows-1250": "Łódź",
    "cp1251": "Привет",
    "koi8-r": "Привет",
    "iso8859-15": "é€",
    "cp850": "é",
    "mac-roman": "é",
    "cp1253": "Γειά",
    "cp1254": "ş",
    "shift_jis": "日本",
    "cp932": "日本①",
    "gb18030": "中文😀",
    "big5": "中文",
    "euc-kr": "한글",
}


@pytest.fixture
def look(acme, tmp_path, con):
    def rows(content, options=None, columns=COLUMNS, name="sales.csv"):
        (tmp_path / name).write_bytes(content)
        customer = acme("csv", tmp_path / name, columns, options)
        table = customer.tables["line_items"]
        with sources.explain_errors(customer, table):
            return con.to_pyarrow(sources.read(customer, table, con)).to_pylist()

    return rows


def values(rows):
    return [tuple(row.values()) for row in rows]


@pytest.mark.parametrize(("encoding", "text"), TEXTS.items())
def test_every_encoding_is_read_to_the_letter(look, encoding, text):
    content = ("id,n\r\n" + f'"{text},",1\r\n' * 30_000).encode(encoding)
    found = look(content, {"encoding": encoding})
    assert len(found) == 30_000
    assert {tuple(row.values()) for row in found} == {(text + ",", "1")}


def test_letters_may_stand_across_the_pieces_that_a_file_is_read_in(look, monkeypatch):
    monkeypatch.setattr(transcode, "PIECE", 7)
    assert values(look("id,n\né😀日x,1\nü,2\n".encode("utf-16"), {"encoding": "utf-16"})) == [
        ("é😀日x", "1"),
        ("ü", "2"),
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "utf-16", "shift_jis"])
def test_a_byte_of_another_encoding_is_named_with_its_line(look, encoding):
    wrong = {"utf-8": b"\xe9", "cp1252": b"\x81", "utf-16": b"\x00\xd8", "shift_jis": b"\x81\x01"}[encoding]
    content = ("id,n\n" + "1,2\n" * 500_000).encode(encoding) + wrong + "x,3\n".encode(encoding.replace("16", "16-le"))
    with pytest.raises(SourceError, match=r"sales\.csv, line 500002, is not in the encoding.*encoding"):
        look(content, {"encoding": encoding})


@pytest.mark.parametrize("encoding", ["latin1-x", "base64", "rot13"])
def test_what_is_no_encoding_is_refused(look, encoding):
    with pytest.raises(SourceError, match=f"encoding '{encoding}' cannot be read"):
        look(b"id,n\n1,2\n", {"encoding": encoding})


@pytest.mark.parametrize(
    ("options", "written", "number"),
    [
        ({"decimal": ","}, "12,5", 12.5),
        ({"decimal": ","}, " -0,5 ", -0.5),
        ({"decimal": ","}, ",5", 0.5),
        ({"decimal": ","}, "12", 12.0),
        ({"decimal": ","}, "1.500", None),  # 1500 or 1.5: nobody knows
        ({"decimal": ","}, "1.234,56", None),
        ({"decimal": ",", "thousands": "."}, "1.234.567,89", 1234567.89),
        ({"decimal": ",", "thousands": "."}, "1.500", 1500.0),
        ({"decimal": ",", "thousands": "."}, "1.5", None),
        ({"decimal": ",", "thousands": "."}, "1500,25", 1500.25),
        ({"thousands": ","}, "1,234.5", 1234.5),
        ({"thousands": "'"}, "1'234.5", 1234.5),
        ({"decimal": ",", "thousands": " "}, "1\u00a0234,5", 1234.5),
        ({"decimal": ",", "thousands": " "}, "1\u202f234 567,5", 1234567.5),
        ({"decimal": ","}, "1,5e3", 1500.0),
        ({"decimal": ","}, "n/a", None),
        ({}, "1.5", 1.5),
    ],
)
def test_numbers_arrive_as_numbers(acme, tmp_path, con, options, written, number):
    (tmp_path / "sales.csv").write_text(f"id;price;n\n1.500;{written};1\n", encoding="utf-8")
    columns = {"item_id": "id", "unit_price": "price", "quantity": "n"}
    customer = acme("csv", tmp_path / "sales.csv", columns, {"delimiter": ";", **options})
    table = customer.tables["line_items"]
    raw = con.create_table("raw", sources.read(customer, table, con))
    row = clean("line_items", raw, table, customer.timezone).to_pyarrow().to_pylist()[0]
    assert (row["unit_price"], row["item_id"]) == (number, "1.500"), "ids stay as they are written"


@pytest.mark.parametrize(
    ("content", "options", "rows"),
    [
        ('Report\n\n x "y\nid,n\n1,2\n', {"skip": 3}, [("1", "2")]),
        ("# by till 3\nid,n\n1,2\n# half time\n3,4\n", {"comment": "#"}, [("1", "2"), ("3", "4")]),
        ("1,2\n3,4\n", {"columns": ("id", "n")}, [("1", "2"), ("3", "4")]),
        ("x\n1,2\n", {"columns": ("id", "n"), "skip": 1}, [("1", "2")]),
        ("id,n\nNA,NULL\n1,-\n,2\n", {"null": ("NA", "NULL", "-")}, [(None, None), ("1", None), (None, "2")]),
        ("id\tn\n1\t2\n", {"delimiter": "\t"}, [("1", "2")]),
        ("id|n\n'a|b'|2\n", {"delimiter": "|", "quote": "'"}, [("a|b", "2")]),
    ],
)
def test_layouts(look, content, options, rows):
    assert values(look(content.encode(), options)) == rows


def test_lines_are_counted_with_those_that_are_skipped(look):
    with pytest.raises(SourceError, match="line 4, has 1 values"):
        look(b"x\nid,n\n1,2\n3\n", {"skip": 1})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"decimal": ",", "thousands": ","}, "decimal and thousands are both ','"),
        ({"delimiter": "tab"}, "delimiter must be one sign"),
        ({"skip": "two"}, "skip must be a number of lines"),
        ({"columns": ("id", "id")}, "columns has 'id' twice"),
        ({"columns": ("id", "n", "x")}, "names 3 columns, and the first line of .* has 2"),
    ],
)
def test_options_without_a_meaning_are_refused(look, options, message):
    with pytest.raises(SourceError, match=message) as caught:
        look(b"1,2\n", options)
    assert "Correct sources.sales.options in customers/acme.yaml" in str(caught.value)


@pytest.mark.parametrize("packed", ["gz", "zst", "gz twice"])
def test_packed_files_are_read(look, packed):
    import pyarrow as pa

    content = b"id,n\n" + b"1,2\n" * 200_000
    pack = {
        "gz": gzip.compress(content),
        "gz twice": gzip.compress(content[:400_001]) + gzip.compress(content[400_001:]),
        "zst": pa.Codec("zstd").compress(content, asbytes=True),
    }[packed]
    assert len(look(pack, name=f"sales.csv.{packed[:3].strip()}")) == 200_000


def test_unpacked_copies_go_with_the_engine(acme, tmp_path, monkeypatch):
    import ibis

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temp"))
    (tmp_path / "temp").mkdir()
    (tmp_path / "sales.csv.gz").write_bytes(gzip.compress(b"id,n\n1,2\n"))
    customer = acme("csv", tmp_path / "sales.csv.gz", COLUMNS)
    engine = ibis.duckdb.connect(threads=1)
    rows = sources.read(customer, customer.tables["line_items"], engine)
    assert rows.count().execute() == 1
    assert list(Path(tmp_path / "temp").rglob("sales.csv"))
    del rows, engine
    import gc

    gc.collect()
    assert not list(Path(tmp_path / "temp").rglob("*.csv"))
