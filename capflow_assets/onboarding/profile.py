"""Looking at one table: bounded work in DuckDB and numpy, whatever the table's size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from capflow_assets.onboarding.dates import dates
from capflow_assets.onboarding.facts import Column, Table
from capflow_assets.onboarding.relations import agreements, codes

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

HEAD = 100_000  # rows, from the first on so that bills are whole, whose columns are compared with each other
SHAPES = 20_000  # values whose length and words are counted
_PATH = r"^(\w+://|[\w./\\ -]*[/\\])?[\w.%-]+\.[A-Za-z][A-Za-z0-9]{2,3}$"
WIDEST = 60  # columns that are compared with each other
NOTHING = ("", "nan", "null", "none", "n/a", "na", "nat", r"\n", "-")
_FLAGS = frozenset({"0", "1", "true", "false", "yes", "no", "y", "n", "t", "f"})
_NUMERIC = ("INT", "DECIMAL", "FLOAT", "DOUBLE", "REAL", "NUMERIC")
_VALUES = 200_000


def profile(con: DuckDBPyConnection, sample: str, source: str, table: str | None, total: int) -> Table:
    """The facts of a table whose first rows lie in the DuckDB table `sample`."""
    types = {row[0]: str(row[1]) for row in con.execute(f"DESCRIBE {sample}").fetchall()}
    columns = _columns(con, sample, types)
    compared = [column for column in columns if column.kind not in ("blob", "nested", "empty")][:WIDEST]
    head, numbers = _head(con, sample, compared, types)
    rows = con.execute(f"SELECT count(*) FROM {sample}").fetchone()
    return Table(
        source=source,
        table=table,
        columns=tuple(columns),
        rows=rows[0] if rows else 0,
        total=total,
        agree=agreements(head),
        values={c.name: _values(con, sample, c.name, types[c.name]) for c in compared if c.is_id and c.distinct},
        numbers=numbers,
        duplicates=_duplicates(con, sample, types),
        sample=sample,
    )


def text_of(name: str, dtype: str) -> str:
    """SQL: a value as text, nothing as null, and 13085.0 as 13085."""
    column = quoted(name)
    if dtype in ("DOUBLE", "FLOAT") or dtype.startswith("DECIMAL"):
        whole = f"{column} = floor({column}) AND abs({column}) < 9e15"
        written = f"CASE WHEN {whole} THEN CAST(CAST({column} AS BIGINT) AS VARCHAR) ELSE CAST({column} AS VARCHAR) END"
        return f"nullif({written}, 'nan')"
    if dtype != "VARCHAR":
        return f"CAST({column} AS VARCHAR)"
    nothing = ", ".join(f"'{word}'" for word in NOTHING)
    return f"CASE WHEN lower(trim({column})) IN ({nothing}) THEN NULL ELSE trim({column}) END"


def number_of(name: str, dtype: str) -> str:
    """SQL: a value as a number, null where it is none."""
    value = f"TRY_CAST({text_of(name, dtype)} AS DOUBLE)" if dtype == "VARCHAR" else f"CAST({quoted(name)} AS DOUBLE)"
    return f"CASE WHEN isfinite({value}) THEN {value} END"


def quoted(name: str) -> str:
    """SQL: a column's name."""
    return '"' + name.replace('"', '""') + '"'


def _columns(con: DuckDBPyConnection, sample: str, types: dict[str, str]) -> list[Column]:
    basics = {}
    for name, dtype in types.items():
        if not _is_plain(dtype):
            basics[name] = _row(con, f"SELECT count(*), count({quoted(name)}), 0, 0, 0, 0, 0 FROM {sample}")
            continue
        text = text_of(name, dtype)
        number = f"count({number_of(name, dtype)})" if dtype == "VARCHAR" else "0"
        basics[name] = _row(
            con,
            f"SELECT count(*), count(v), count(DISTINCT {'v' if dtype == 'VARCHAR' else quoted(name)}), {number}"
            f" FROM (SELECT {text} AS v, {quoted(name)} FROM {sample})",
        ) + _row(
            con,
            "SELECT avg(length(v)), avg(length(v) - length(replace(v, ' ', '')) + 1),"
            rf" avg(CAST(regexp_matches(v, '{_PATH}') AS INT))"
            f" FROM (SELECT {text} AS v FROM {sample} LIMIT {SHAPES})",
        )
    return [_column(con, sample, name, types[name], basics[name]) for name in types]


def _column(con: DuckDBPyConnection, sample: str, name: str, dtype: str, basics: tuple[Any, ...]) -> Column:
    rows, filled, distinct, numeric, length, words, paths = basics
    facts: dict[str, Any] = {
        "length": length or 0.0,
        "words": words or 0.0,
        "paths": paths or 0.0,
        "is_text": dtype == "VARCHAR",
    }
    kind = _kind(dtype, filled, numeric)
    if filled and 0 < distinct <= 60:
        facts["top"] = _top(con, sample, name, dtype, filled)
    if kind in ("number", "text", "time"):
        facts["dates"] = dates(con, sample, name, dtype, text_of(name, dtype), filled)
    if kind == "text" and facts["dates"]:
        kind = "time"
    if kind in ("number", "text") and _are_flags(facts.get("top", ())):
        kind = "flag"
    if kind == "number":
        facts |= _numbers(con, sample, name, dtype)
    return Column(name, dtype, kind, rows, filled, distinct, **facts)


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


def _numbers(con: DuckDBPyConnection, sample: str, name: str, dtype: str) -> dict[str, float | None]:
    low, high, median, whole, negative, zero, one = _row(
        con,
        "SELECT min(n), max(n), median(n), avg(CAST(n = floor(n) AS INT)), avg(CAST(n < 0 AS INT)),"
        " avg(CAST(n = 0 AS INT)), avg(CAST(n = 1 AS INT))"
        f" FROM (SELECT {number_of(name, dtype)} AS n FROM {sample}) WHERE n IS NOT NULL",
    )
    shares = {"whole": whole, "negative": negative, "zero": zero, "one": one}
    return {"low": low, "high": high, "median": median, **{key: value or 0.0 for key, value in shares.items()}}


def _top(con: DuckDBPyConnection, sample: str, name: str, dtype: str, filled: int) -> tuple[tuple[str, float], ...]:
    rows = con.execute(
        f"SELECT v, count(*) AS n FROM (SELECT {text_of(name, dtype)} AS v FROM {sample}) WHERE v IS NOT NULL"
        " GROUP BY v ORDER BY n DESC, v LIMIT 60"
    ).fetchall()
    return tuple((value, count / filled) for value, count in rows)


def _head(
    con: DuckDBPyConnection, sample: str, columns: list[Column], types: dict[str, str]
) -> tuple[dict[str, Any], dict[str, Any]]:
    if not columns:
        return {}, {}
    texts = ", ".join(f"{text_of(c.name, types[c.name])} AS v{i}" for i, c in enumerate(columns))
    numbered = [(i, c) for i, c in enumerate(columns) if c.kind == "number"]
    numbers = "".join(f", {number_of(c.name, types[c.name])} AS n{i}" for i, c in numbered)
    head = con.execute(f"SELECT {texts}{numbers} FROM {sample} LIMIT {HEAD}").to_arrow_table()
    values = {c.name: head[f"n{i}"].to_numpy() for i, c in numbered}
    return {c.name: codes(head[f"v{i}"]) for i, c in enumerate(columns)}, values


def _values(con: DuckDBPyConnection, sample: str, name: str, dtype: str) -> frozenset[str]:
    rows = con.execute(f"SELECT DISTINCT {text_of(name, dtype)} FROM {sample} LIMIT {_VALUES}").fetchall()
    return frozenset(row[0] for row in rows if row[0] is not None)


def _duplicates(con: DuckDBPyConnection, sample: str, types: dict[str, str]) -> int:
    """Rows that are an exact copy of another one (by hash: no long rows are kept)."""
    plain = [name for name, dtype in types.items() if dtype not in ("BLOB", "BIT")]
    if not plain:
        return 0
    hashed = f"SELECT hash({', '.join(map(quoted, plain))}) AS h FROM {sample}"
    return int(_row(con, f"SELECT count(*) - count(DISTINCT h) FROM ({hashed})")[0])


def _row(con: DuckDBPyConnection, sql: str) -> tuple[Any, ...]:
    row = con.execute(sql).fetchone()
    if row is None:
        raise RuntimeError("an aggregate gave no row")
    return tuple(row)
