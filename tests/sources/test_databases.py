"""What must hold of every database behind a network: whole rows or none, bounded waiting, and secrets kept."""

import re
import socket
import time
from contextlib import closing

import pytest

from capflow_resources import sources
from capflow_resources.sources import SourceError
from tests.servers.mariadb import PASSWORD
from tests.sources.database_shop import ODD, ODD_COLUMN, ODD_TABLE, MySQL, Postgres, Shop, killing, silent_host

DATABASES = {"postgres": Postgres, "mariadb": MySQL}
SALE = ("CREATE TABLE sale (item VARCHAR(20), price DECIMAL(9, 2))", "INSERT INTO sale VALUES ('a', 1.5), ('b', 2)")


@pytest.fixture(params=sorted(DATABASES))
def database(request):
    return DATABASES[request.param](request.getfixturevalue(request.param))


@pytest.fixture
def shop(home, database, monkeypatch):
    database.do(*SALE)
    made = Shop(home, database, monkeypatch, user=f"clerk_{database.name}")
    database.add_user(made.user, ODD)
    made.write_customer_file()
    return made


def state(shop):
    customer = shop.home.customer("acme")
    source = customer.sources["sales"]
    return sources.load_reader(customer, source).state(customer, source, customer.tables["line_items"])


def tables(shop):
    customer = shop.home.customer("acme")
    return sources.load_reader(customer, customer.sources["sales"]).tables(customer, customer.sources["sales"])


def test_rows_come_with_a_password_of_any_signs(shop):
    assert [(item, float(price)) for item, price in shop.load()] == [("a", 1.5), ("b", 2.0)]


def test_a_password_stays_out_of_the_engine_s_logs_and_catalogue(shop, con):
    con.con.execute("CALL enable_logging(level = 'trace')")
    customer = shop.home.customer("acme")
    assert sources.read(customer, customer.tables["line_items"], con).count().execute() == 2
    logged = con.con.execute("FROM duckdb_logs").fetchall()
    assert logged
    for shown in (
        logged,
        con.con.execute("FROM duckdb_secrets()").fetchall(),
        con.con.execute("SHOW ALL TABLES").fetchall(),
    ):
        assert ODD not in str(shown)
        assert repr(ODD)[1:-1] not in str(shown)


def test_each_insert_update_and_delete_changes_the_state(shop, database):
    seen = [state(shop)]
    assert state(shop) == seen[0]
    for change in (
        "INSERT INTO sale VALUES ('c', 3)",
        "UPDATE sale SET price = 4 WHERE item = 'c'",
        "DELETE FROM sale WHERE item = 'a'",
        "ALTER TABLE sale ADD COLUMN more INT",
    ):
        database.do(change)
        assert state(shop) not in seen
        seen.append(state(shop))


def test_a_view_is_read_and_cannot_tell_whether_it_changed(shop, database):
    database.do("CREATE VIEW dear AS SELECT * FROM sale WHERE price > 1.9")
    shop.write_customer_file(table="dear", **as_admin(database))
    assert state(shop) is None
    assert [item for item, _ in shop.load()] == ["b"]


def test_names_of_any_signs_are_read_and_do_nothing_else(shop, database):
    table, column = database.quoted(ODD_TABLE), database.quoted(ODD_COLUMN)
    database.do(
        f"CREATE TABLE {table} ({column} VARCHAR(20), price DECIMAL(9, 2))", f"INSERT INTO {table} VALUES ('x', 1)"
    )
    shop.write_customer_file(table=ODD_TABLE, item=ODD_COLUMN, **as_admin(database))
    assert [item for item, _ in shop.load()] == ["x"]
    assert state(shop)
    assert len(database.do("SELECT * FROM sale")) == 2
    assert any(ODD_TABLE in name for name in tables(shop))


def test_a_wrong_table_is_named_with_the_nearest(shop):
    shop.write_customer_file(table="sales")
    assert "there is no table 'sales'; did you mean 'sale'? Correct tables.line_items.table" in shop.load_error()


def test_a_table_that_was_emptied_is_refused_and_the_old_rows_stay(shop, database):
    shop.load()
    database.do("DELETE FROM sale")
    assert "there is no row for line_items" in shop.load_error()


def test_only_the_rows_since_a_value_are_asked_for(shop, database, con):
    database.do("CREATE TABLE visit (item INT, price DECIMAL(9, 2))", "INSERT INTO visit VALUES (1, 1), (2, 2), (3, 3)")
    shop.write_customer_file(table="visit", **as_admin(database))
    customer = shop.home.customer("acme")
    source, table = customer.sources["sales"], customer.tables["line_items"]
    rows = sources.load_reader(customer, source).open(customer, source, table, con, sources.Since("item", 2)).rows
    assert sorted(rows["item"].to_pyarrow().to_pylist()) == [2, 3]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"password": "no'p\\e @/"}, "password|wrong"),
        ({"host": "no-such-host.invalid"}, "no connection: .*(Name or service|name resolution|nodename|not known)"),
        ({"name": "nowhere"}, "nowhere.* does not exist|no such database|may not read this database"),
    ],
)
def test_what_is_wrong_with_an_address_is_said(shop, wrong, message):
    shop.write_customer_file(**wrong)
    said = shop.load_error()
    assert re.search(message, said)
    assert "sources.sales.uri in customers/acme.yaml" in said


def test_a_refused_connection_is_said(shop):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        shop.write_customer_file(port=closed.getsockname()[1])
        assert "no connection: " in shop.load_error()


def test_a_host_that_never_answers_is_left(shop):
    with silent_host() as port:
        shop.write_customer_file(port=port, seconds=2)
        began = time.monotonic()
        assert "no connection" in shop.load_error() or "did not answer in time" in shop.load_error()
        assert time.monotonic() - began < 30


def test_a_connection_that_is_killed_in_mid_read_loads_nothing(shop, database):
    shop.load()
    database.do(database.slow.format("slow"))
    shop.write_customer_file(table="slow", **as_admin(database))
    with killing(database):
        assert "the server closed the connection" in shop.load_error()


def test_a_table_that_goes_between_open_and_read_is_said(shop, database, con):
    customer = shop.home.customer("acme")
    table = customer.tables["line_items"]
    rows = sources.read(customer, table, con)
    database.do("DROP TABLE sale")
    with pytest.raises(SourceError, match="removed while it was read"), sources.explain_errors(customer, table):
        rows.to_pyarrow()


def test_a_lock_is_waited_for_only_so_long(shop, database):
    shop.write_customer_file(seconds=1)
    with closing(database.connect()) as other:
        other.autocommit = False
        other.cursor().execute(database.lock.format("sale"))
        assert "a lock that another session holds" in shop.load_error()


def as_admin(database):
    """Return the user who may read everything, without a password on PostgreSQL."""
    return {"user": "capflow", "password": PASSWORD if database.kind == "mysql" else ODD}
