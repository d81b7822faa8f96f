"""MySQL's own types, each as something that the lake can hold, and a server that stops in the middle."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from capflow_resources import sources
from capflow_resources.sources import SourceError
from tests.sources.database_shop import MySQL

SHOWN = {
    "TINYINT(1)": ("5", 5),
    "BIGINT UNSIGNED": ("18446744073709551615", Decimal(18446744073709551615)),
    "DECIMAL(12,2)": ("1.25", Decimal("1.25")),
    "DECIMAL(50,2)": ("12345678901234567890123456789012345678901.5", "12345678901234567890123456789012345678901.50"),
    "DOUBLE": ("0.1", 0.1),
    "TIMESTAMP NULL": ("'2024-07-01 12:00'", datetime(2024, 7, 1, 10, tzinfo=UTC)),
    "DATETIME(6)": ("'2024-07-01 12:00:00.123456'", datetime(2024, 7, 1, 12, 0, 0, 123456)),
    "DATETIME": ("'0000-00-00'", None),
    "DATE": ("'2024-07-01'", date(2024, 7, 1)),
    "DATE NULL": ("'2024-00-00'", None),
    "TIME": ("'100:30:00'", "100:30:00"),
    "YEAR": ("2024", 2024),
    "BLOB": ("x'00ff'", b"\x00\xff"),
    "BIT(5)": ("5", 5),
    "JSON": ("""'{"a": [1]}'""", '{"a": [1]}'),
    "ENUM('a','b')": ("'b'", "b"),
    "SET('x','y')": ("'x,y'", "x,y"),
    "TEXT": ("'é\U0001f600'", "é\U0001f600"),
    "VARCHAR(9) CHARACTER SET latin1": ("'é'", "é"),
    "POINT": ("POINT(1, 2)", "POINT(1 2)"),
    "UUID": ("'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
}


@pytest.fixture
def read(mariadb, acme, con):
    def rows(database, columns, table="t", options=None):
        customer = acme("mysql", f"{mariadb}/{database.name}", columns, options, {"table": table})
        mapping = customer.tables["line_items"]
        with sources.explain_errors(customer, mapping):
            opened = (
                sources.read(customer, mapping, con) if columns else sources.open_table(customer, mapping, con).rows
            )
            return opened.to_pyarrow().to_pylist()

    return rows


def test_every_type_comes_as_what_the_lake_can_hold(mariadb, read):
    database = MySQL(mariadb)
    declared = ", ".join(f"c{number} {dtype}" for number, dtype in enumerate(SHOWN))
    database.do(
        "SET sql_mode = '', time_zone = '+02:00'",
        f"CREATE TABLE t ({declared})",
        f"INSERT INTO t VALUES ({', '.join(value for value, _ in SHOWN.values())})",
        "INSERT INTO t () VALUES ()",
    )
    first, second = sorted(read(database, {}), key=lambda row: row["c0"] is None)
    assert dict(zip(SHOWN, first.values(), strict=True)) == {dtype: expected for dtype, (_, expected) in SHOWN.items()}
    assert set(second.values()) == {None}


def test_rows_come_in_more_than_one_batch_and_more_than_once(mariadb, acme, con):
    database = MySQL(mariadb)
    database.do("CREATE TABLE t AS SELECT seq AS id FROM seq_1_to_50001")
    customer = acme("mysql", f"{mariadb}/{database.name}", {"item_id": "id"}, table={"table": "t"})
    rows = sources.read(customer, customer.tables["line_items"], con)
    for _ in range(2):
        assert rows.item_id.sum().execute() == 50_001 * 50_002 // 2


def test_a_table_of_another_database_is_named_with_it(mariadb, read):
    here, there = MySQL(mariadb), MySQL(mariadb)
    there.do("CREATE TABLE t (id INT)", "INSERT INTO t VALUES (7)")
    assert read(here, {"item_id": "id"}, table=f"{there.name}.t") == [{"item_id": 7}]


def test_a_server_that_stops_in_the_middle_is_left(mariadb, read):
    database = MySQL(mariadb)
    database.do("CREATE VIEW t AS SELECT seq AS id FROM seq_1_to_5000 WHERE seq < 3000 OR sleep(60) = 0")
    with pytest.raises(SourceError, match="did not answer in time"):
        read(database, {"item_id": "id"}, options={"timeout_seconds": 1})


def test_a_setting_that_is_unknown_is_named_with_the_nearest(mariadb, acme, con):
    customer = acme("mysql", f"{mariadb}/x?ssl_cas=a.pem", {"item_id": "id"}, table={"table": "t"})
    with pytest.raises(SourceError, match="option 'ssl_cas'; did you mean 'ssl_ca'"):
        sources.read(customer, customer.tables["line_items"], con)
