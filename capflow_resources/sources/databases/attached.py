"""Lazy tables over databases that DuckDB reads itself, in types that the lake can store."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from capflow_resources.engines.quoting import quote_literal, quote_name
from capflow_resources.sources.reader import Since

if TYPE_CHECKING:
    import ibis
    from ibis.backends.duckdb import Backend

TIMES = ("TIMESTAMP", "TIMESTAMP WITH TIME ZONE", "DATE", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS")
WHOLE = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "HUGEINT")
PLAIN = (*WHOLE, "FLOAT", "DOUBLE", "BOOLEAN", "VARCHAR", "BLOB")


def lazy_table(con: Backend, relation: str, columns: Iterable[str], since: Since | None = None) -> ibis.Table:
    """Return `columns` of the SQL `relation`, lazily; DuckDB fetches no more than a query needs.

    Lists and records become JSON text; enumerations, UUIDs, durations and times of day text; infinite times null.
    """
    types = {name: dtype for name, dtype, *_ in con.con.execute(f"DESCRIBE FROM {relation}").fetchall()}
    chosen = ", ".join(f"{_storable_sql(quote_name(name), types[name])} AS {quote_name(name)}" for name in columns)
    condition = _since_condition(since, types) if since else ""
    view = f"source_{uuid4().hex}"
    con.con.execute(f"CREATE TEMP VIEW {view} AS SELECT {chosen} FROM {relation}{condition}")
    return con.table(view)


def _storable_sql(column: str, dtype: str) -> str:
    if dtype in TIMES:
        cast = f"{column}::TIMESTAMP" if dtype.startswith("TIMESTAMP_") else column
        return f"CASE WHEN isfinite({column}) THEN {cast} END"
    if dtype == "UBIGINT":
        return f"{column}::DECIMAL(20, 0)"  # the lake's whole numbers have a sign
    if dtype in PLAIN or dtype.startswith("DECIMAL"):
        return column
    if dtype.endswith("]") or dtype.startswith(("STRUCT", "MAP")):
        return f"to_json({column})::VARCHAR"
    return f"{column}::VARCHAR"


def _since_condition(since: Since, types: dict[str, str]) -> str:
    """Return the WHERE clause that skips older rows; "" where the databases could compare the two differently."""
    dtype, value = types.get(since.column, ""), since.value
    bound: str | None = None
    if isinstance(value, datetime):
        bound = _time_literal(value, dtype)
    elif _is_number(value) and (dtype in WHOLE or dtype in ("FLOAT", "DOUBLE") or dtype.startswith("DECIMAL")):
        bound = repr(value)
    return f" WHERE {quote_name(since.column)} >= {bound}" if bound else ""


def _time_literal(value: datetime, dtype: str) -> str | None:
    if dtype == "TIMESTAMP" and value.tzinfo is None:
        return f"TIMESTAMP {quote_literal(value.isoformat(' '))}"
    if dtype == "TIMESTAMP WITH TIME ZONE" and value.tzinfo is not None:
        return f"TIMESTAMPTZ {quote_literal(value.isoformat(' '))}"
    if dtype == "DATE":
        return f"DATE {quote_literal(value.date().isoformat())}"
    return None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
