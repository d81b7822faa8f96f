"""What every kind of source must do; a new kind joins by adding a writer for its files."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from capflow_resources import sources
from capflow_resources.sources import SourceError
from partitions.customer import ColumnMapping

ROWS = [("0017", 2, 1.5, "red"), ("0018", -1, 0.1, None), ("0018", -1, 0.1, None)]
NAMES = ("Item Code", "Qty", "Price", "Colour")
COLUMNS = {
    "item_id": "Item Code",
    "quantity": "Qty",
    "unit_price": "Price",
    "channel": ColumnMapping(value="store"),
    "store_id": ColumnMapping(columns=("Colour", "Item Code")),
}


def write_csv(folder: Path) -> Path:
    path = folder / "sales.csv"
    lines = [NAMES, *(tuple("" if value is None else value for value in row) for row in ROWS)]
    path.write_text("".join(",".join(map(str, line)) + "\n" for line in lines), encoding="utf-8")
    return path


def write_parquet(folder: Path) -> Path:
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = folder / "sales.parquet"
    pq.write_table(pa.table(dict(zip(NAMES, map(list, zip(*ROWS, strict=True)), strict=True))), path)
    return path


def write_sqlite(folder: Path) -> Path:
    path = folder / "sales.db"
    with closing(sqlite3.connect(path)) as database, database:
        database.execute('CREATE TABLE sale ("Item Code" TEXT, "Qty" INTEGER, "Price" REAL, "Colour" TEXT)')
        database.executemany("INSERT INTO sale VALUES (?, ?, ?, ?)", ROWS)
    return path


WRITERS = {"csv": write_csv, "parquet": write_parquet, "sqlite": write_sqlite}


def test_every_kind_is_tested():
    assert WRITERS.keys() == sources.KINDS.keys()


@pytest.fixture(params=sorted(WRITERS))
def kind(request):
    return request.param


@pytest.fixture
def build(kind, acme):
    def built(uri, columns=COLUMNS, **more):
        return acme(kind, uri, columns, table={"table": "sale"} if kind == "sqlite" else {}, **more)

    return built


def test_rows_come_whole_under_canonical_names(kind, build, tmp_path, con):
    customer = build(WRITERS[kind](tmp_path), attributes=("Colour",))
    rows = sources.read(customer, customer.tables["line_items"], con)
    assert rows.columns == ("item_id", "quantity", "unit_price", "channel", "store_id", "attribute_colour")
    found = con.to_pyarrow(
        rows.mutate(quantity=rows.quantity.cast("int64"), unit_price=rows.unit_price.cast("float64"))
    )
    assert sorted(map(tuple, (row.values() for row in found.to_pylist())), key=str) == [
        ("0017", 2, 1.5, "store", "red > 0017", "red"),
        ("0018", -1, 0.1, "store", "0018", None),
        ("0018", -1, 0.1, "store", "0018", None),
    ]


def test_types_are_those_of_the_source(kind, build, tmp_path, con):
    customer = build(WRITERS[kind](tmp_path))
    types = sources.read(customer, customer.tables["line_items"], con).schema()
    expected = ("string", "string") if kind == "csv" else ("int64", "float64")
    assert (str(types["quantity"]), str(types["unit_price"])) == expected


def test_a_missing_column_is_named_with_the_nearest(kind, build, tmp_path, con):
    customer = build(WRITERS[kind](tmp_path), {"item_id": "ItemCode", "amount": "Price"})
    with pytest.raises(SourceError) as caught:
        sources.read(customer, customer.tables["line_items"], con)
    assert str(caught.value) == (
        "source 'sales' of 'acme': there is no column 'ItemCode'; did you mean 'Item Code'? "
        "Correct tables.line_items.columns in customers/acme.yaml."
    )


@pytest.mark.parametrize(
    ("uri", "message"), [("none.x", "there is no file"), ("*.x", "no file matches"), (".", "folder")]
)
def test_a_missing_file_is_named_with_the_remedy(build, tmp_path, con, uri, message):
    customer = build(tmp_path / uri)
    for look in (sources.fingerprint, lambda customer, table: sources.read(customer, table, con)):
        with pytest.raises(SourceError, match=message) as caught:
            look(customer, customer.tables["line_items"])
        text = str(caught.value)
        assert text.startswith("source 'sales' of 'acme': ")
        assert "Correct sources.sales.uri in customers/acme.yaml" in text
        assert "\n" not in text


def test_a_file_of_another_kind_is_an_error(kind, build, tmp_path, con):
    path = tmp_path / "sales.x"
    path.write_bytes(b"\x00\x01\x02\xff\xfe" * 400)
    customer = build(path)
    table = customer.tables["line_items"]
    with pytest.raises(SourceError) as caught, sources.reading(customer, table):
        con.to_pyarrow(sources.read(customer, table, con))
    assert "\n" not in str(caught.value)


def test_a_relative_uri_starts_at_the_customer_file(kind, build, tmp_path, con):
    (tmp_path / "data").mkdir()
    path = WRITERS[kind](tmp_path / "data")
    (tmp_path / "customers").mkdir()
    customer = build(f"../data/{path.name}")
    assert sources.read(customer, customer.tables["line_items"], con).count().execute() == 3


def test_names_with_pattern_signs_are_read_as_they_are(kind, build, tmp_path, con):
    path = WRITERS[kind](tmp_path)
    odd = path.rename(tmp_path / f"sales [1]{path.suffix}")
    customer = build(odd)
    assert sources.read(customer, customer.tables["line_items"], con).count().execute() == 3


def test_the_fingerprint_changes_only_when_rows_might(kind, build, tmp_path):
    path = WRITERS[kind](tmp_path)

    def mark(**more):
        customer = build(path, **more)
        return sources.fingerprint(customer, customer.tables["line_items"])

    before = mark()
    assert mark() == before
    assert mark(columns={**COLUMNS, "discount": "Price"}) != before
    assert mark(attributes=("Colour",)) != before
    stat = path.stat()
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns + 1))
    assert mark() != before


def test_errors_that_are_not_the_source_s_pass_unchanged(kind, build, tmp_path):
    customer = build(WRITERS[kind](tmp_path))
    with pytest.raises(OSError, match="No space left"), sources.reading(customer, customer.tables["line_items"]):
        raise OSError("No space left on device")
