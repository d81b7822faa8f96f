"""PostgreSQL's own types and encodings, each as something that the lake can hold, exact where it can be."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from capflow_resources import sources
from capflow_resources.sources import SourceError
from capflow_resources.sources.databases import postgres as postgres_kind
from partitions.customer import Source
from tests.sources.database_shop import Postgres

SHOWN = {
    "smallint": ("'7'", 7),
    "numeric(12,2)": ("1.25", Decimal("1.25")),
    "numeric": ("1.1", 1.1),
    "real": ("1.5", 1.5),
    "timestamptz": ("'2024-07-01 12:00+02'", datetime(2024, 7, 1, 10, tzinfo=UTC)),
    "timestamp": ("'infinity'", None),
    "date": ("'2024-07-01'", date(2024, 7, 1)),
    "time": ("'12:30'", "12:30:00"),
    "interval": ("'1 day 2 hours'", "1 day 02:00:00"),
    "text[]": ("""'{a,"b c",NULL}'""", '["a","b c",null]'),
    "json": ("""'{"a": [1]}'""", '{"a": [1]}'),
    "jsonb": ("""'{"a": [1]}'""", '{"a": [1]}'),
    "uuid": ("'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
    "mood": ("'glad'", "glad"),
    "bytea": (r"'\x00ff'", b"\x00\xff"),
    "boolean": ("true", True),
    "char(4)": ("'ab'", "ab"),
    "oid": ("4294967295", 4294967295),
    "inet": ("'10.0.0.1'", "10.0.0.1/32"),
    "point": ("'(1,2)'", '{"x":1.0,"y":2.0}'),
    "xml": ("'<a/>'", "<a/>"),
}


@pytest.fixture
def read(postgres, acme, con):
    def rows(database, columns, table="t", encoded=None):
        customer = acme("postgres", f"{postgres}/{encoded or database.name}", columns, table={"table": table})
        mapping = customer.tables["line_items"]
        con.raw_sql("SET TimeZone = 'UTC'")
        with sources.explain_errors(customer, mapping):
            opened = (
                sources.read(customer, mapping, con) if columns else sources.open_table(customer, mapping, con).rows
            )
            return opened.to_pyarrow().to_pylist()

    return rows


def test_every_type_comes_as_what_the_lake_can_hold(postgres, read):
    database = Postgres(postgres)
    declared = ", ".join(f"c{number} {dtype}" for number, dtype in enumerate(SHOWN))
    database.do(
        "CREATE TYPE mood AS ENUM ('sad', 'glad')",
        f"CREATE TABLE t ({declared})",
        f"INSERT INTO t VALUES ({', '.join(value for value, _ in SHOWN.values())})",
        "INSERT INTO t DEFAULT VALUES",
    )
    first, second = sorted(read(database, {}), key=lambda row: row["c0"] is None)
    assert dict(zip(SHOWN, first.values(), strict=True)) == {dtype: expected for dtype, (_, expected) in SHOWN.items()}
    assert set(second.values()) == {None}


def test_money_and_domains_are_numbers(postgres, read):
    database = Postgres(postgres)
    database.do(
        "CREATE DOMAIN tiny AS int CHECK (value < 10)",
        "CREATE TABLE t (price money, quantity tiny)",
        "INSERT INTO t VALUES (-1234.5, 3)",
    )
    assert read(database, {}) == [{"price": Decimal("-1234.5"), "quantity": 3}]


def test_ids_without_a_size_stay_exact_and_amounts_become_numbers(postgres, read):
    database = Postgres(postgres)
    database.do(
        "CREATE TABLE t (id numeric, price numeric)",
        "INSERT INTO t VALUES (12345678901234567890, 0.1), (13085.00, 2), (1.5, NULL)",
    )
    found = read(database, {"item_id": "id", "unit_price": "price"})
    assert {row["item_id"]: row["unit_price"] for row in found} == {
        "12345678901234567890": 0.1,
        "13085": 2.0,
        "1.5": None,
    }


def test_text_that_is_no_text_is_refused_and_other_encodings_are_converted(postgres, read):
    database = Postgres(postgres)
    for encoding in ("SQL_ASCII", "LATIN1"):
        name = f"{database.name}_{encoding.lower()}"
        database.do(
            f"CREATE DATABASE {name} ENCODING '{encoding}' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'",
            database="postgres",
        )
        database.do(rf"CREATE TABLE t AS SELECT convert_from('\x41e9', '{encoding}') AS a", database=name)
    assert read(database, {"item_id": "a"}, encoded=f"{database.name}_latin1") == [{"item_id": "Aé"}]
    with pytest.raises(SourceError, match="a text is not in the encoding of the database"):
        read(database, {"item_id": "a"}, encoded=f"{database.name}_sql_ascii")


def test_partitions_are_one_table_and_schemas_are_told_apart(postgres, read):
    database = Postgres(postgres)
    database.do(
        "CREATE TABLE t (id int) PARTITION BY RANGE (id)",
        "CREATE TABLE t1 PARTITION OF t FOR VALUES FROM (0) TO (10)",
        "CREATE TABLE t2 PARTITION OF t FOR VALUES FROM (10) TO (20)",
        "INSERT INTO t VALUES (1), (11)",
        'CREATE SCHEMA "old.shop"',
        'CREATE TABLE "old.shop".t (id int)',
        'INSERT INTO "old.shop".t VALUES (7)',
    )
    assert sorted(row["item_id"] for row in read(database, {"item_id": "id"})) == [1, 11]
    assert read(database, {"item_id": "id"}, table="old.shop.t") == [{"item_id": 7}]


def test_the_server_is_asked_for_no_more_than_is_needed(postgres, acme, con):
    database = Postgres(postgres)
    database.do(
        "CREATE TABLE t AS SELECT g AS id, timestamp '2024-01-01' AS ts, 'x' AS wide FROM generate_series(1, 9) g"
    )
    customer = acme("postgres", f"{postgres}/{database.name}", {"item_id": "id"}, table={"table": "t"})
    source, mapping = customer.sources["sales"], customer.tables["line_items"]
    rows = sources.load_reader(customer, source).open(customer, source, mapping, con, sources.Since("id", 5)).rows
    plan = con.raw_sql(f"EXPLAIN {con.compile(rows)}").fetchall()[0][1]
    scan = plan[plan.index("POSTGRES_SCAN") :]
    assert "id>=5" in scan
    assert "wide" not in scan
    assert rows.count().execute() == 5


def test_a_user_without_rights_is_told_so(postgres, acme, con):
    database = Postgres(postgres)
    database.do("CREATE TABLE t (id int)")
    database.do(f"CREATE ROLE guest_{database.name} LOGIN PASSWORD 'hush'")
    uri = f"postgresql://guest_{database.name}:hush@{database.host}:{database.port}/{database.name}"
    customer = acme("postgres", uri, {"item_id": "id"}, table={"table": "t"})
    mapping = customer.tables["line_items"]
    with pytest.raises(SourceError, match="permission denied for table t"), sources.explain_errors(customer, mapping):
        sources.read(customer, mapping, con).to_pyarrow()


def test_nan_that_would_be_read_as_nought_is_refused(postgres, acme):
    database = Postgres(postgres)
    database.do("CREATE TABLE t (item text, price numeric(10, 2))", "INSERT INTO t VALUES ('a', 1), ('b', 'NaN')")
    columns = {"item_id": "item", "amount": "price"}
    customer = acme("postgres", f"{postgres}/{database.name}", columns, table={"table": "t"})
    with pytest.raises(SourceError, match=r"1 rows of public\.t hold NaN in price, which would be read as 0"):
        sources.fingerprint(customer, customer.tables["line_items"])
    database.do("UPDATE t SET price = 2 WHERE item = 'b'")
    assert sources.fingerprint(customer, customer.tables["line_items"])


@pytest.mark.parametrize(
    "said",
    [
        'Failed to commit: Failed to execute query "COMMIT": server closed the connection unexpectedly\n\tThis',
        'Failed to execute query "FETCH": FATAL:  terminating connection due to administrator command (postgres)',
        "Failed to fetch header for COPY: \n",
        "Failed to prepare COPY: no connection to the server",
    ],
)
def test_a_server_that_goes_is_recognised_whatever_duckdb_was_doing(said):
    source = Source("sales", "postgres", "postgresql://127.0.0.1/shop", {})
    assert "the server closed the connection" in str(postgres_kind.fault(source, RuntimeError(said)))


def test_the_state_sums_up_the_transactions_of_all_rows(postgres, acme):
    """PostgreSQL itself gives the same sum: for a table of one load, of many, and without rows."""
    database = Postgres(postgres)
    customer = acme("postgres", f"{postgres}/{database.name}", {"item_id": "item"}, table={"table": "t"})
    plain = "SELECT count(*)::text, coalesce(sum(xmin::text::bigint), 0)::text FROM t"

    def written():
        return tuple(postgres_kind.state(customer, customer.sources["sales"], customer.tables["line_items"])[-2:])

    database.do("CREATE TABLE t (item text, price numeric(9, 2))")
    assert written() == ("0", "0")
    database.do("INSERT INTO t SELECT n::text, n FROM generate_series(1, 1000) n")
    assert written() == tuple(database.do(plain)[0])
    database.do("INSERT INTO t VALUES ('x', 1)", "UPDATE t SET price = 2 WHERE price < 9", "INSERT INTO t VALUES ('y')")
    assert written() == tuple(database.do(plain)[0])
