"""Ibis on a Spark session, with every result as Arrow: nothing goes through pandas, where large integers lose digits.

Ibis's own Spark backend turns NaN into null and 2**53 + 1 into 2**53 on the way to Arrow, and has no temporary tables.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Any

from capflow_resources.engines.errors import in_one_line

if TYPE_CHECKING:
    import ibis
    import pandas as pd
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession


def over(session: SparkSession, release: Callable[[], None], schemes: Mapping[str, str] | None = None) -> Any:
    """An Ibis backend on a Spark session that is nobody else's; `release` is called when it is disconnected.

    `schemes` says what Spark calls a store that the lake names otherwise: {"s3": "s3a"}.
    """
    # It writes every failed query to stderr, with the Java stack and the shopper's value that it failed on.
    logging.getLogger("SQLQueryContextLogger").disabled = True
    backend = _backend_class()()
    backend.register_options()  # done by `ibis.pyspark` otherwise, which hands out Ibis's own class
    backend.do_connect(session)
    backend.release, backend.schemes = release, schemes or {}
    return backend


@cache
def _backend_class() -> Any:
    import warnings

    with warnings.catch_warnings(action="ignore", category=FutureWarning):  # about pandas, which no result goes through
        from ibis.backends.pyspark import Backend

    from capflow_resources.engines import spark_dialect

    class SparkBackend(Backend):
        compiler = spark_dialect.compiler()
        release: Callable[[], None]
        schemes: Mapping[str, str]

        def disconnect(self) -> None:
            for name in list(self._cached_dataframes):
                self._drop_cached_table(name)
            self.release()

        def frame(self, expr: ibis.Expr, **options: Any) -> DataFrame:
            """The expression as a DataFrame that nothing has been computed of yet."""
            self._run_pre_execute_hooks(expr)
            query = self.compile(expr.as_table(), **options)
            with in_one_line():
                return self._session.sql(query)

        def to_pyarrow(self, expr: ibis.Expr, /, *, params: Any = None, limit: Any = None, **_: Any) -> Any:
            return expr.__pyarrow_result__(self._arrow(expr, params=params, limit=limit))

        def execute(self, expr: ibis.Expr, /, *, params: Any = None, limit: Any = None, **_: Any) -> Any:
            return expr.__pandas_result__(_frame(self._arrow(expr, params=params, limit=limit), expr.as_table()))

        def _arrow(self, expr: ibis.Expr, **options: Any) -> pa.Table:
            frame = self.frame(expr, **options)
            with in_one_line():
                found = frame.toArrow()
            return found.cast(expr.as_table().schema().to_pyarrow())

        def place(self, path: str) -> str:
            """A file or folder of the lake as Spark names it."""
            scheme, found, rest = str(path).partition("://")
            return f"{self.schemes.get(scheme, scheme)}://{rest}" if found else f"file://{path}"

        def read_parquet(
            self, path: str | Sequence[str], /, *, table_name: str | None = None, **options: Any
        ) -> ibis.Table:
            paths = [path] if isinstance(path, str) else path
            with in_one_line(paths[0]):
                return self._named(self._session.read.parquet(*map(self.place, paths), **options), table_name)

        def create_table(self, name: str, /, obj: Any = None, *, temp: Any = None, **options: Any) -> ibis.Table:
            import ibis

            if not temp or obj is None:
                return super().create_table(name, obj, temp=temp, **options)
            return self._named(self.frame(obj if isinstance(obj, ibis.Expr) else ibis.memtable(obj)), name)

        def get_schema(self, table_name: str, **place: Any) -> Any:
            from ibis import schema
            from ibis.expr.datatypes import Timestamp
            from pyspark.sql.types import TimestampType

            found = super().get_schema(table_name, **place)
            zoned = {f.name for f in self._session.table(table_name).schema if isinstance(f.dataType, TimestampType)}
            return schema({name: Timestamp(timezone="UTC") if name in zoned else found[name] for name in found})

        def _named(self, frame: DataFrame, name: str | None) -> ibis.Table:
            from ibis.util import gen_name

            name = name or gen_name("capflow")
            frame.createOrReplaceTempView(name)
            return self.table(name)

        def _register_in_memory_table(self, op: Any) -> None:
            self._session.createDataFrame(op.data.to_pyarrow(op.schema)).createOrReplaceTempView(op.name)

        def _drop_cached_table(self, name: str) -> None:
            if frame := self._cached_dataframes.pop(name, None):
                with suppress(Exception):  # a session that is gone has let go of it
                    self._session.catalog.dropTempView(name)
                    frame.unpersist()

    return SparkBackend


def _frame(table: pa.Table, expr: ibis.Table) -> pd.DataFrame:
    """Pandas exactly as Ibis makes it of DuckDB's results: models see the same types from every engine."""
    import pandas as pd
    from ibis.backends.duckdb.converter import DuckDBPandasData
    from pyarrow.types import is_nested

    columns = {
        name: column.to_pylist() if is_nested(column.type) or column.null_count else column.to_pandas()
        for name, column in zip(table.column_names, table.columns, strict=True)
    }
    return DuckDBPandasData.convert_table(pd.DataFrame(columns), expr.schema())
