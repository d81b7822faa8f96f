"""Any database by Ibis or ADBC: tested with PostgreSQL through both, for no other of them runs here."""

import threading

import pyarrow as pa
import pytest

from capflow_resources import sources
from capflow_resources.sources import SourceError
from capflow_resources.sources.stream import StreamError, find_stream_error, stream_table
from capflow_resources.sources.time_limit import NoAnswerError, iterate_with_timeout, run_with_timeout
from tests.sources.database_shop import Postgres, killing, silent_host

DOORS = ("postgresql", "adbc+postgresql")


@pytest.fixture(params=DOORS)
def read(request, postgres, acme, con):
    def rows(uri, table="t", columns=None, **options):
        uri = uri.replace("DOOR", request.param)
        customer = acme("sql", uri, columns or {"item_id": "id", "unit_price": "price"}, options, {"table": table})
        mapping = customer.tables["line_items"]
        with sources.explain_errors(customer, mapping):
            return sources.read(customer, mapping, con).to_pyarrow().to_pylist()

    return rows


@pytest.fixture
def database(postgres):
    made = Postgres(postgres)
    made.do(
        'CREATE TABLE t ("id" text, price double precision, tags text[])', "INSERT INTO t VALUES ('a', 1.5, '{x,y}')"
    )
    made.uri = f"DOOR://capflow:p%40ss@{made.host}:{made.port}/{made.name}"
    return made


def test_rows_come_by_the_bare_and_the_full_name(read, database):
    for table in ("t", "public.t"):
        assert read(database.uri, table) == [{"item_id": "a", "unit_price": 1.5}]
    assert read(database.uri, columns={"item_id": "tags"}) == [{"item_id": '["x","y"]'}]


def test_a_wrong_table_is_named_with_the_nearest(read, database):
    database.do("CREATE TABLE sale (id int)")
    with pytest.raises(SourceError, match=r"there is no table 'sales'; did you mean 'sale'.*tables.line_items.table"):
        read(database.uri, "sales")


def test_only_the_rows_since_a_value_are_asked_for(database, acme, con, request):
    database.do("CREATE TABLE n AS SELECT g AS id FROM generate_series(1, 9) g")
    for door in DOORS:
        customer = acme("sql", database.uri.replace("DOOR", door), {"item_id": "id"}, table={"table": "n"})
        source, mapping = customer.sources["sales"], customer.tables["line_items"]
        rows = sources.load_reader(customer, source).open(customer, source, mapping, con, sources.Since("id", 7)).rows
        assert sorted(rows["id"].to_pyarrow().to_pylist()) == [7, 8, 9]
        assert sources.load_reader(customer, source).state(customer, source, mapping) is None


def test_reading_cannot_write(read, database):
    database.do("CREATE FUNCTION spoil() RETURNS int LANGUAGE sql AS 'DELETE FROM t RETURNING 1'")
    database.do("CREATE VIEW v AS SELECT spoil()::text AS id, 1.5 AS price")
    with pytest.raises(SourceError, match="read-only transaction"):
        read(database.uri, "v")
    assert len(database.do("SELECT * FROM t")) == 1


def test_a_host_that_never_answers_is_left(read):
    with silent_host() as port, pytest.raises(SourceError, match="no answer for 1 seconds"):
        read(f"DOOR://capflow:hush@127.0.0.1:{port}/shop", timeout_seconds=1)


def test_a_query_that_hangs_is_left(read, database):
    database.do("CREATE VIEW v AS SELECT 'a' AS id, 1.5 AS price FROM pg_sleep(20)")
    with pytest.raises(SourceError, match="no answer for 1 seconds"):
        read(database.uri, "v", timeout_seconds=1)
    database.do(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%v%' AND pid <> pg_backend_pid()"
    )


def test_a_connection_that_is_killed_in_mid_read_is_said_without_the_password(read, database):
    database.do(database.slow.format("slow"))
    database.reading = (
        f"SELECT pid FROM pg_stat_activity WHERE datname = '{database.name}' "
        "AND state = 'active' AND query ~ '^(COPY|FETCH)'"
    )
    with killing(database), pytest.raises(SourceError) as caught:
        read(database.uri, "slow", {"item_id": "item"})
    assert "the driver says: " in str(caught.value)
    assert "p@ss" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("uri", "package"),
    [
        ("snowflake://u:p@account/db/schema", "'ibis-framework[snowflake]'"),
        ("mssql://u:p@host/db", "'ibis-framework[mssql]'"),
        ("bigquery://project/dataset", "'ibis-framework[bigquery]'"),
        ("adbc+snowflake://u:p@account/db/schema", "adbc-driver-snowflake"),
    ],
)
def test_a_driver_that_is_not_installed_is_named_with_its_package(uri, package, acme, con):
    customer = acme("sql", uri, {"item_id": "id"}, table={"table": "t"})
    with pytest.raises(SourceError, match=r"which is not installed\. Install it: pip install") as caught:
        sources.read(customer, customer.tables["line_items"], con)
    assert f"pip install {package}." in str(caught.value)


def test_waiting_ends_and_what_goes_wrong_comes_through():
    never = threading.Event()
    with pytest.raises(NoAnswerError, match=r"no answer for 0\.2 seconds"):
        run_with_timeout(0.2, never.wait)
    with pytest.raises(KeyError):
        run_with_timeout(5, lambda: {}["x"])
    assert list(iterate_with_timeout(5, lambda: iter(range(100)))) == list(range(100))
    never.set()


def test_a_stream_is_read_anew_each_time_and_its_fault_comes_through(con):
    schema, opened = pa.schema([("n", pa.int64())]), []

    def batches():
        opened.append(1)
        yield pa.record_batch({"n": [1, 2]}, schema=schema)
        if len(opened) > 2:
            raise StreamError("the shelf fell down")

    rows = stream_table(con, schema, batches)
    assert rows.n.sum().execute() == rows.n.sum().execute() == 3
    with pytest.raises(Exception, match="StreamError") as caught:
        rows.n.sum().execute()
    assert find_stream_error(caught.value) == "the shelf fell down"
    assert find_stream_error(ValueError("no such thing")) is None
