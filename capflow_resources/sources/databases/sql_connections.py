"""Connections to any database: an Ibis backend by its URL, or an ADBC driver by adbc+<driver>://."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import quote, urlencode

from capflow_resources.engines.quoting import quote_literal, quote_name
from capflow_resources.sources.databases.address import Address
from capflow_resources.sources.reader import Since

if TYPE_CHECKING:
    import pyarrow as pa

BATCH_ROWS = 50_000
IBIS = {
    "postgres": "postgres",
    "postgresql": "postgres",
    "mysql": "mysql",
    "snowflake": "snowflake",
    "bigquery": "bigquery",
    "mssql": "mssql",
    "databricks": "databricks",
    "trino": "trino",
    "clickhouse": "clickhouse",
    "oracle": "oracle",
    "athena": "athena",
    "impala": "impala",
    "exasol": "exasol",
    "risingwave": "risingwave",
}
ADBC = ("postgresql", "snowflake", "flightsql")
SCHEMES = (*IBIS, *(f"adbc+{driver}" for driver in ADBC), "adbc+flightsql+grpc", "adbc+flightsql+grpc+tls")


class UnknownTableError(Exception):
    """The database has no such table; `names` are those that it has."""

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__("no such table")
        self.names = names


class SqlConnection(Protocol):
    """A connection to a database, used by one thread."""

    def tables(self) -> list[str]:
        """List the tables and views of the database and schema that the uri names."""

    def columns(self, table: str) -> dict[str, tuple[str, pa.DataType]]:
        """Return every column of a table: the database's name of its type, and the Arrow type of its values."""

    def batches(self, table: str, columns: Sequence[str], since: Since | None) -> Iterator[pa.RecordBatch]:
        """Yield the rows of some columns in batches."""

    def close(self) -> None:
        """Close the connection."""


def connect(place: Address) -> SqlConnection:
    """Connect to a database; raises ModuleNotFoundError or ImportError if its driver is not installed."""
    return _AdbcConnection(place) if place.scheme.startswith("adbc+") else _IbisConnection(place)


def pip_package(place: Address) -> str:
    """Return the package that pip installs for an address."""
    if place.scheme.startswith("adbc+"):
        return f"adbc-driver-{place.scheme.split('+')[1]}"
    return f"'ibis-framework[{IBIS[place.scheme]}]'"


class _IbisConnection:
    def __init__(self, place: Address) -> None:
        import ibis

        # Ibis percent-decodes the password, and nothing else.
        self.backend = ibis.connect(_url(place, place.scheme, place.user, _read_only_query(place)))

    def tables(self) -> list[str]:
        return list(self.backend.list_tables())

    def columns(self, table: str) -> dict[str, tuple[str, pa.DataType]]:
        return {name: (str(dtype), dtype.to_pyarrow()) for name, dtype in self._table(table).schema().items()}

    def batches(self, table: str, columns: Sequence[str], since: Since | None) -> Iterator[pa.RecordBatch]:
        rows = self._table(table)
        if since and _is_comparable(rows[since.column].type().to_pyarrow(), since.value):
            rows = rows.filter(rows[since.column] >= since.value)
        yield from self.backend.to_pyarrow_batches(rows.select(*columns), chunk_size=BATCH_ROWS)

    def close(self) -> None:
        self.backend.disconnect()

    def _table(self, table: str) -> Any:
        from ibis.common.exceptions import TableNotFound

        schema, dot, name = table.rpartition(".")
        for one, database in ((table, None), *(((name, schema),) if dot else ())):
            try:
                return self.backend.table(one, database=database)
            except TableNotFound:
                continue
        raise UnknownTableError(self.tables())


class _AdbcConnection:
    def __init__(self, place: Address) -> None:
        _, self.driver, *transport = place.scheme.split("+")
        module = importlib.import_module(f"adbc_driver_{self.driver}.dbapi")
        settings: dict[str, str] = {}
        if self.driver == "flightsql":
            settings = {"username": place.user, "password": place.password} if place.user else {}
            uri = f"{'+'.join(transport) or 'grpc+tls'}://{':'.join(filter(None, (place.hosts[0], place.ports[0])))}"
        else:
            uri = _url(place, self.driver, quote(place.user, safe=""), _read_only_query(place))
            uri = uri.removeprefix("snowflake://")
        self.connection = module.connect(uri, db_kwargs=settings)

    def tables(self) -> list[str]:
        found = self.connection.adbc_get_objects(depth="tables").read_all().to_pylist()
        schemas = [schema for catalog in found for schema in catalog["catalog_db_schemas"] or ()]
        return [
            f"{schema['db_schema_name']}.{table['table_name']}"
            for schema in schemas
            for table in schema["db_schema_tables"] or ()
        ]

    def columns(self, table: str) -> dict[str, tuple[str, pa.DataType]]:
        with closing(self.connection.cursor()) as cursor:
            cursor.execute(f"SELECT * FROM {self._name(table)} LIMIT 0")
            schema = cursor.fetch_record_batch().schema
        return {field.name: (_type_name(field), storage_type(field.type)) for field in schema}

    def batches(self, table: str, columns: Sequence[str], since: Since | None) -> Iterator[pa.RecordBatch]:
        sql = f"SELECT {', '.join(map(quote_name, columns))} FROM {self._name(table)}"
        if since and _is_comparable(self.columns(table)[since.column][1], since.value):
            value = since.value
            bound = quote_literal(value.isoformat(" ")) if isinstance(value, datetime) else repr(value)
            sql += f" WHERE {quote_name(since.column)} >= {bound}"
        with closing(self.connection.cursor()) as cursor:
            cursor.execute(sql)
            yield from cursor.fetch_record_batch()

    def close(self) -> None:
        self.connection.close()

    def _name(self, table: str) -> str:
        """Return a table's qualified name in SQL; raises UnknownTableError if there is none."""
        tables = self.tables()
        full = [name for name in tables if table in (name, name.partition(".")[2])]
        if not full:
            raise UnknownTableError([*(name.partition(".")[2] for name in tables), *tables])
        schema, _, name = (table if table in tables else full[0]).partition(".")
        return f"{quote_name(schema)}.{quote_name(name)}"


def storage_type(dtype: pa.DataType) -> pa.DataType:
    """Return the Arrow type that stores values of a type which only one database has."""
    import pyarrow as pa

    return dtype.storage_type if isinstance(dtype, pa.OpaqueType) else dtype


def _type_name(field: pa.Field) -> str:
    import pyarrow as pa

    return str(field.type.type_name if isinstance(field.type, pa.OpaqueType) else field.type)


def _is_comparable(dtype: pa.DataType, value: Any) -> bool:
    """Return whether every database compares such a column with such a value as CapFlow does."""
    import pyarrow as pa

    if isinstance(value, datetime):
        return pa.types.is_timestamp(dtype) and (dtype.tz is None) == (value.tzinfo is None)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and (pa.types.is_integer(dtype) or pa.types.is_floating(dtype) or pa.types.is_decimal(dtype))


def _read_only_query(place: Address) -> dict[str, str]:
    if place.scheme.removeprefix("adbc+").startswith("postgres"):
        return {"options": "-c default_transaction_read_only=on", **place.query}
    return dict(place.query)


def _url(place: Address, scheme: str, user: str, query: dict[str, str]) -> str:
    hosts = (f"{host}:{port}" if port else host for host, port in zip(place.hosts, place.ports, strict=True))
    login = f"{user}:{quote(place.password, safe='')}@" if place.password else f"{user}@" if user else ""
    more = f"?{urlencode(query, quote_via=quote)}" if query else ""
    return f"{scheme}://{login}{','.join(hosts)}/{place.path}{more}"
