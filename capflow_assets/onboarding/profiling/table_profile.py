"""Profile one table: bounded work in DuckDB and numpy, whatever the table's size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from capflow_assets.onboarding.profiling.column_relations import encode_values, measure_dependencies, parse_floats
from capflow_assets.onboarding.profiling.profiles import ProfiledColumn, ProfiledTable
from capflow_assets.onboarding.profiling.timestamp_formats import detect_format
from capflow_resources.engines.quoting import quote_name

if TYPE_CHECKING:
    import numpy as np
    from duckdb import DuckDBPyConnection

HEAD = 100_000  # first rows (so that bills are complete), whose columns are compared with each other
SHAPES = 20_000  # values whose length and words are measured
_PATH = r"^(\w+://|[\w./\\ -]*[/\\])?[\w.%-]+\.[A-Za-z][A-Za-z0-9]{2,3}$"
WIDEST = 60  # columns that are compared with each other
NOTHING = ("", "nan", "null", "none", "n/a", "na", "nat", r"\n", "-")
_FLAGS = frozenset({"0", "1", "true", "false", "yes", "no", "y", "n", "t", "f"})
_NUMERIC = ("INT", "DECIMAL", "FLOAT", "DOUBLE", "REAL", "NUMERIC")
_VALUES = 200_000
MAX_TOP_VALUES = 60  # values that are kept with their shares
DISTINCT = "looked_at_values"


def profile_table(con: DuckDBPyConnection, sample: str, source: str, table: str | None, total: int) -> ProfiledTable:
    """Profile a table whose first rows are in the DuckDB table `sample`; `total` is its number of rows."""
    types = {row[0]: str(row[1]) for row in con.execute(f"DESCRIBE {sample}").fetchall()}
    rows = int(_row(con, f"SELECT count(*) FROM {sample}")[0])
    columns, values = [], {}
    for name, dtype in types.items():
        column = _profile_column(con, sample, name, dtype, rows)
        columns.append(column)
        if column.is_id:
            values[name] = _values(con)
    compared = [column for column in columns if column.kind not in ("blob", "nested", "empty")][:WIDEST]
    head, numbers = _head(con, sample, compared)
    return ProfiledTable(
        source=source,
        table=table,
        columns=tuple(columns),
        rows=rows,
        total=total,
        dependencies=measure_dependencies(head),
        values={name: values[name] for name in values if name in head},
        numbers=numbers,
        duplicates=_count_duplicates(con, sample, types),
        sample=sample,
    )


def sql_text(name: str, dtype: str) -> str:
    """Return SQL for a value as text: null for nothing, and 13085 for 13085.0."""
    column = quote_name(name)
    if dtype in ("DOUBLE", "FLOAT") or dtype.startswith("DECIMAL"):
        whole = f"{column} = floor({column}) AND abs({column}) < 9e15"
        written = f"CASE WHEN {whole} THEN CAST(CAST({column} AS BIGINT) AS VARCHAR) ELSE CAST({column} AS VARCHAR) END"
        return f"nullif({written}, 'nan')"
    if dtype != "VARCHAR":
        return f"CAST({column} AS VARCHAR)"
    nothing = ", ".join(f"'{word}'" for word in NOTHING)
    return f"CASE WHEN lower(trim({column})) IN ({nothing}) THEN NULL ELSE trim({column}) END"


def sql_number(name: str, dtype: str) -> str:
    """Return SQL for a value as a number, null where it is none."""
    value = (
        f"TRY_CAST({sql_text(name, dtype)} AS DOUBLE)" if dtype == "VARCHAR" else f"CAST({quote_name(name)} AS DOUBLE)"
    )
    return f"CASE WHEN isfinite({value}) THEN {value} END"


def _profile_column(con: DuckDBPyConnection, sample: str, name: str, dtype: str, rows: int) -> ProfiledColumn:
    if not _is_plain(dtype):
        filled = int(_row(con, f"SELECT count({quote_name(name)}) FROM {sample}")[0])
        return ProfiledColumn(name, dtype, _kind(dtype, filled, 0), rows, filled, 0)
    # Each distinct value once, with its number of rows: everything below is computed from these.
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE {DISTINCT} AS SELECT v, k, CASE WHEN isfinite(n) THEN n END AS n FROM"
        f" (SELECT v, k, TRY_CAST(v AS DOUBLE) AS n FROM (SELECT {sql_text(name, dtype)} AS v, sum(k)::BIGINT AS k FROM"
        f" (SELECT {quote_name(name)}, count(*) AS k FROM {sample} GROUP BY 1) GROUP BY 1) WHERE v IS NOT NULL)"
    )
    filled, distinct, numeric = _row(
        con, f"SELECT coalesce(sum(k), 0), count(*), coalesce(sum(k) FILTER (n IS NOT NULL), 0) FROM {DISTINCT}"
    )
    filled, distinct, numeric = int(filled), int(distinct), int(numeric)
    length, words, paths = _row(
        con,
        "SELECT avg(length(v)), avg(length(v) - length(replace(v, ' ', '')) + 1),"
        rf" avg(CAST(regexp_matches(v, '{_PATH}') AS INT)) FROM (FROM {DISTINCT} ORDER BY k DESC, v LIMIT {SHAPES})",
    )
    kind = _kind(dtype, filled, numeric)
    facts: dict[str, Any] = {
        "length": length or 0.0,
        "words": words or 0.0,
        "paths": paths or 0.0,
        "is_text": dtype == "VARCHAR",
        "top": _top(con, filled) if filled and distinct <= MAX_TOP_VALUES else (),
    }
    if kind in ("number", "text", "time"):
        facts["dates"] = detect_format(con, sample, name, dtype, sql_text(name, dtype), filled)
    if kind == "text" and facts["dates"]:
        kind = "time"
    if kind in ("number", "text") and _are_flags(facts["top"]):
        kind = "flag"
    if kind == "number":
        facts |= _number_facts(con)
    return ProfiledColumn(name, dtype, kind, rows, filled, distinct, **facts)


def _kind(dtype: str, filled: int, numeric: int) -> str:
    if not filled:
        return "empty"
    if dtype in ("BLOB", "BIT"):
        return "blob"
    if not _is_plain(dtype):
        return "nested"
    if dtype == "BOOLEAN":
        return "flag"
    if dtype.startswith(("TIMESTAMP", "DATE")):
        return "time"
    if dtype != "INTERVAL" and any(word in dtype for word in _NUMERIC):
        return "number"
    return "number" if dtype == "VARCHAR" and numeric >= 0.99 * filled else "text"


def _is_plain(dtype: str) -> bool:
    return not dtype.startswith(("STRUCT", "MAP", "UNION")) and not dtype.endswith("]") and dtype not in ("BLOB", "BIT")


def _are_flags(top: tuple[tuple[str, float], ...]) -> bool:
    return len(top) == 2 and {value.lower() for value, _ in top} <= _FLAGS


def _number_facts(con: DuckDBPyConnection) -> dict[str, float | None]:
    low, high, whole, negative, zero, one = _row(
        con,
        "SELECT min(n), max(n), sum(k) FILTER (n = floor(n)) / sum(k), sum(k) FILTER (n < 0) / sum(k),"
        " sum(k) FILTER (n = 0) / sum(k), sum(k) FILTER (n = 1) / sum(k)"
        f" FROM {DISTINCT} WHERE n IS NOT NULL",
    )
    (median,) = _row(
        con,
        "SELECT min(n) FROM (SELECT n, sum(k) OVER (ORDER BY n) AS upto, sum(k) OVER () AS whole"
        f" FROM {DISTINCT} WHERE n IS NOT NULL) WHERE upto >= whole / 2",
    )
    shares = {"whole": whole, "negative": negative, "zero": zero, "one": one}
    return {"low": low, "high": high, "median": median, **{key: value or 0.0 for key, value in shares.items()}}


def _top(con: DuckDBPyConnection, filled: int) -> tuple[tuple[str, float], ...]:
    rows = con.execute(f"SELECT v, k FROM {DISTINCT} ORDER BY k DESC, v LIMIT {MAX_TOP_VALUES}").fetchall()
    return tuple((value, int(count) / filled) for value, count in rows)


def _values(con: DuckDBPyConnection) -> frozenset[str]:
    import pyarrow as pa

    values: pa.Table = con.execute(f"SELECT v FROM {DISTINCT} LIMIT {_VALUES}").to_arrow_table()
    return frozenset(values["v"].to_pylist())


def _head(
    con: DuckDBPyConnection, sample: str, columns: list[ProfiledColumn]
) -> tuple[dict[str, np.ndarray[Any, Any]], dict[str, np.ndarray[Any, Any]]]:
    """Return, for the first rows, each column's values as integer codes, and the values of number columns as floats."""
    if not columns:
        return {}, {}
    chosen = ", ".join(f"{quote_name(column.name)} AS c{place}" for place, column in enumerate(columns))
    head = con.execute(f"SELECT {chosen} FROM {sample} LIMIT {HEAD}").to_arrow_table()
    coded = {c.name: encode_values(head[f"c{place}"], NOTHING) for place, c in enumerate(columns)}
    numbers = {c.name: parse_floats(head[f"c{place}"]) for place, c in enumerate(columns) if c.kind == "number"}
    return coded, numbers


def _count_duplicates(con: DuckDBPyConnection, sample: str, types: dict[str, str]) -> int:
    """Count rows that are an exact copy of another one, by hash: no long rows are kept."""
    plain = [name for name, dtype in types.items() if dtype not in ("BLOB", "BIT")]
    if not plain:
        return 0
    hashed = f"SELECT hash({', '.join(map(quote_name, plain))}) AS h FROM {sample}"
    return int(_row(con, f"SELECT count(*) - count(DISTINCT h) FROM ({hashed})")[0])


def _row(con: DuckDBPyConnection, sql: str) -> tuple[Any, ...]:
    row = con.execute(sql).fetchone()
    if row is None:
        raise RuntimeError("an aggregate gave no row")
    return tuple(row)
