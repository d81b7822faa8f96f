"""SQLite lets a column hold anything; what is read must still be exact, and the database must stay as it is."""

import sqlite3
from contextlib import closing

import pytest

from capflow_resources import sources
from capflow_resources.sources import SourceError

BIG = 2**60 + 1


@pytest.fixture
def read(acme, tmp_path, con):
    def rows(declaration, values, table="t"):
        path = tmp_path / "till.db"
        with closing(sqlite3.connect(path)) as database, database:
            database.execute(f"CREATE TABLE t (id, n {declaration})")
            database.executemany("INSERT INTO t VALUES (?, ?)", enumerate(values))
            database.execute("CREATE VIEW v AS SELECT * FROM t")
        customer = acme("sqlite", path, {"item_id": "id", "amount": "n"}, table={"table": table})
        return sources.read(customer, customer.tables["line_items"], con).order_by("item_id")

    return rows


@pytest.mark.parametrize(
    ("declaration", "values", "dtype", "expected"),
    [
        ("INTEGER", [1, None, BIG], "int64", [1, None, BIG]),
        ("REAL", [0.1, 1 / 3], "float64", [0.1, 1 / 3]),
        ("", [1, 0.5], "float64", [1.0, 0.5]),
        ("TEXT", ["007", None], "string", ["007", None]),
        ("", [BIG, "x"], "string", [str(BIG), "x"]),
        ("INTEGER", ["n/a", 5], "string", ["n/a", "5"]),
        ("BLOB", [b"\x00\xff"], "binary", [b"\x00\xff"]),
        ("TEXT", [None, None], "string", [None, None]),
        ("TEXT", [], "string", []),
    ],
)
def test_values_are_exact_whatever_the_column_holds(read, con, declaration, values, dtype, expected):
    rows = read(declaration, values)
    assert str(rows.schema()["amount"]) == dtype
    assert con.to_pyarrow(rows)["amount"].to_pylist() == expected


def test_a_column_that_starts_with_nulls_is_read(read, con):
    rows = read("TEXT", [None] * 3000 + ["late"])
    assert con.to_pyarrow(rows)["amount"].to_pylist()[-1] == "late"


def test_more_rows_than_a_batch(read, con):
    rows = read("INTEGER", range(120_001))
    assert con.to_pyarrow(rows.aggregate(total=rows.amount.sum()))["total"].to_pylist() == [120_001 * 120_000 // 2]


def test_views_are_read_too(read):
    assert read("INTEGER", [1, 2], table="v").count().execute() == 2


def test_an_unknown_table_is_named_with_the_nearest(read):
    with pytest.raises(SourceError, match=r"there is no table 'tt'; did you mean 't'.*tables.line_items.table"):
        read("INTEGER", [1], table="tt")


def test_reading_changes_nothing_and_a_new_row_in_the_log_changes_the_fingerprint(acme, tmp_path, con):
    path = tmp_path / "till.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("CREATE TABLE t (id TEXT, n REAL)")
        customer = acme("sqlite", path, {"item_id": "id", "amount": "n"}, table={"table": "t"})
        table = customer.tables["line_items"]
        before, bytes_before = sources.fingerprint(customer, table), path.read_bytes()
        assert sources.read(customer, table, con).count().execute() == 0
        assert path.read_bytes() == bytes_before
        database.execute("INSERT INTO t VALUES ('a', 1)")
        assert sources.fingerprint(customer, table) != before
        assert sources.read(customer, table, con).count().execute() == 1


def test_only_the_rows_since_a_number_are_read(acme, tmp_path, con):
    path = tmp_path / "till.db"
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("CREATE TABLE t (id, n INTEGER)")
        database.executemany("INSERT INTO t VALUES (?, ?)", [("a", 1), ("b", 2), ("c", None), ("d", 3)])
    customer = acme("sqlite", path, {"item_id": "id"}, table={"table": "t"})
    source, table = customer.sources["sales"], customer.tables["line_items"]
    rows = sources.load_reader(customer, source).open(customer, source, table, con, sources.Since("n", 2)).rows
    assert rows["id"].to_pyarrow().to_pylist() == ["b", "d"]


def test_text_that_is_not_utf_8_is_refused_and_not_shown(acme, tmp_path, con):
    path = tmp_path / "till.db"
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("CREATE TABLE t AS SELECT CAST(x'6d617279e9' AS TEXT) AS id")
    customer = acme("sqlite", path, {"item_id": "id"}, table={"table": "t"})
    table = customer.tables["line_items"]
    with pytest.raises(SourceError, match="a text is not UTF-8") as caught, sources.explain_errors(customer, table):
        sources.read(customer, table, con).to_pyarrow()
    assert "mary" not in str(caught.value)
