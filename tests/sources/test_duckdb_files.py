"""DuckDB databases: read as they are, never changed, and no way out of the file."""

import subprocess
import sys
from contextlib import closing
from datetime import datetime
from decimal import Decimal

import duckdb
import pytest

from capflow_resources import sources
from capflow_resources.sources import SourceError

COLUMNS = {"item_id": "id"}
SHOWN = {
    "UBIGINT": ("18446744073709551615", Decimal(18446744073709551615)),
    "HUGEINT": ("170141183460469231731687303715884105", Decimal(170141183460469231731687303715884105)),
    "DECIMAL(12,2)": ("1.25", Decimal("1.25")),
    "TIMESTAMP_S": ("'2024-07-01 12:00'", datetime(2024, 7, 1, 12)),
    "TIMESTAMP": ("'-infinity'", None),
    "TIME": ("'12:30'", "12:30:00"),
    "INTEGER[]": ("[1, 2]", "[1,2]"),
    "STRUCT(a INT)": ("{'a': 1}", '{"a":1}'),
    "JSON": ("""'{"a":1}'""", '{"a":1}'),
    "UUID": ("'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
    "ENUM('x', 'y')": ("'y'", "y"),
    "UNION(n INT, t VARCHAR)": ("'z'", "z"),
}


@pytest.fixture
def till(tmp_path, acme):
    path = tmp_path / "till.duckdb"

    def made(*statements, table="t", columns=COLUMNS):
        with closing(duckdb.connect(str(path), config={"threads": 1})) as database:
            for statement in statements:
                database.execute(statement)
        return acme("duckdb", path, columns, table={"table": table})

    made.path = path
    return made


def test_every_type_comes_as_what_the_lake_can_hold(till, con):
    declared = ", ".join(f"c{number} {dtype}" for number, dtype in enumerate(SHOWN))
    values = ", ".join(value for value, _ in SHOWN.values())
    customer = till(f"CREATE TABLE t ({declared})", f"INSERT INTO t VALUES ({values})", columns={})
    found = sources.open_table(customer, customer.tables["line_items"], con).rows.to_pyarrow().to_pylist()[0]
    assert dict(zip(SHOWN, found.values(), strict=True)) == {dtype: expected for dtype, (_, expected) in SHOWN.items()}


def test_reading_changes_nothing_and_views_are_not_read(till, con):
    customer = till(
        "CREATE TABLE t AS SELECT 1 AS id", "CREATE VIEW v AS FROM read_text('/etc/hostname')", "CHECKPOINT"
    )
    before = till.path.read_bytes()
    assert sources.read(customer, customer.tables["line_items"], con).count().execute() == 1
    assert till.path.read_bytes() == before
    con.raw_sql(f'DETACH "{till.path}"')
    view = till(table="v")
    with pytest.raises(SourceError, match="there is no table 'v'"):
        sources.read(view, view.tables["line_items"], con)
    assert sources.load_reader(view, view.sources["sales"]).tables(view, view.sources["sales"]) == ["t"]


def test_a_row_more_changes_the_fingerprint(till):
    customer = till("CREATE TABLE t AS SELECT 1 AS id")
    before = sources.fingerprint(customer, customer.tables["line_items"])
    till("INSERT INTO t VALUES (2)")
    assert sources.fingerprint(customer, customer.tables["line_items"]) != before


def test_two_sources_may_name_one_file(till, con, acme):
    for name in ("a", "b"):
        customer = till(f"CREATE SCHEMA {name}", f"CREATE TABLE {name}.t AS SELECT '{name}' AS id", table=f"{name}.t")
        rows = sources.read(customer, customer.tables["line_items"], con)
        assert rows.to_pyarrow()["item_id"].to_pylist() == [name]
        con.raw_sql(f'DETACH "{till.path}"')


def test_a_file_that_another_program_writes_is_said(till, con):
    customer = till("CREATE TABLE t AS SELECT 1 AS id")
    code = f"import duckdb, sys; c = duckdb.connect({str(till.path)!r}); print('open', flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as writer:
        assert writer.stdout
        assert writer.stdout.readline() == b"open\n"
        with pytest.raises(SourceError, match="another program has the file open for writing"):
            sources.read(customer, customer.tables["line_items"], con)
        writer.communicate(timeout=30)


def test_a_file_that_was_cut_off_is_damaged(till, con):
    customer = till("CREATE TABLE t AS SELECT range AS id, random() AS n FROM range(300000)", "CHECKPOINT")
    whole = till.path.read_bytes()
    till.path.write_bytes(whole[: len(whole) // 2])
    table = customer.tables["line_items"]
    with pytest.raises(SourceError) as caught, sources.explain_errors(customer, table):
        sources.read(customer, table, con).to_pyarrow()
    assert "\n" not in str(caught.value)
