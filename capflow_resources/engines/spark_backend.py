"""Ibis on a Spark session: its SQL means the same as DuckDB's, and every result comes as Arrow.

Ibis's own Spark backend goes through pandas, which turns NaN into null and 2**53 + 1 into 2**53, and has no temporary
tables.
"""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Any

from capflow_resources.engines.errors import raise_in_one_line

if TYPE_CHECKING:
    import ibis
    import pandas as pd
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession


def backend_on(session: SparkSession, release: Callable[[], None], schemes: Mapping[str, str] | None = None) -> Any:
    """Return an Ibis backend on a Spark session of its own; `release` is called when it is disconnected.

    `schemes` maps the lake's URI schemes to Spark's: {"s3": "s3a"}.
    """
    # This logger writes every failed query to stderr, with the Java stack and the shopper's value that it failed on.
    logging.getLogger("SQLQueryContextLogger").disabled = True
    backend = _backend_class()()
    backend.register_options()  # done by `ibis.pyspark` otherwise, which hands out Ibis's own class
    backend.do_connect(session)
    backend.release, backend.schemes = release, schemes or {}
    return backend


@cache
def _backend_class() -> Any:
    import warnings

    with warnings.catch_warnings(
        action="ignore", category=FutureWarning
    ):  # about pandas, which is not used for results
        from ibis.backends.pyspark import Backend

    class SparkBackend(Backend):
        compiler = _compiler()
        release: Callable[[], None]
        schemes: Mapping[str, str]

        def disconnect(self) -> None:
            for name in list(self._cached_dataframes):
                self._drop_cached_table(name)
            self.release()

        def frame(self, expr: ibis.Expr, **options: Any) -> DataFrame:
            """Return the expression as a lazy DataFrame."""
            self._run_pre_execute_hooks(expr)
            query = self.compile(expr.as_table(), **options)
            with raise_in_one_line():
                return self._session.sql(query)

        def to_pyarrow(self, expr: ibis.Expr, /, *, params: Any = None, limit: Any = None, **_: Any) -> Any:
            return expr.__pyarrow_result__(self._arrow(expr, params=params, limit=limit))

        def execute(self, expr: ibis.Expr, /, *, params: Any = None, limit: Any = None, **_: Any) -> Any:
            return expr.__pandas_result__(_to_pandas(self._arrow(expr, params=params, limit=limit), expr.as_table()))

        def _arrow(self, expr: ibis.Expr, **options: Any) -> pa.Table:
            frame = self.frame(expr, **options)
            with raise_in_one_line():
                table = frame.toArrow()
            return table.cast(expr.as_table().schema().to_pyarrow())

        def place(self, path: str) -> str:
            """Return a file or folder of the lake as Spark names it."""
            scheme, separator, rest = str(path).partition("://")
            return f"{self.schemes.get(scheme, scheme)}://{rest}" if separator else f"file://{path}"

        def read_parquet(
            self, path: str | Sequence[str], /, *, table_name: str | None = None, **options: Any
        ) -> ibis.Table:
            paths = [path] if isinstance(path, str) else path
            with raise_in_one_line(paths[0]):
                return self._as_view(self._session.read.parquet(*map(self.place, paths), **options), table_name)

        def create_table(self, name: str, /, obj: Any = None, *, temp: Any = None, **options: Any) -> ibis.Table:
            import ibis

            if not temp or obj is None:
                return super().create_table(name, obj, temp=temp, **options)
            return self._as_view(self.frame(obj if isinstance(obj, ibis.Expr) else ibis.memtable(obj)), name)

        def get_schema(self, table_name: str, **place: Any) -> Any:
            from ibis import schema
            from ibis.expr.datatypes import Timestamp
            from pyspark.sql.types import TimestampType

            columns = super().get_schema(table_name, **place)
            zoned = {f.name for f in self._session.table(table_name).schema if isinstance(f.dataType, TimestampType)}
            return schema({name: Timestamp(timezone="UTC") if name in zoned else columns[name] for name in columns})

        def _as_view(self, frame: DataFrame, name: str | None) -> ibis.Table:
            from ibis.util import gen_name

            name = name or gen_name("capflow")
            frame.createOrReplaceTempView(name)
            return self.table(name)

        def _register_in_memory_table(self, op: Any) -> None:
            self._session.createDataFrame(op.data.to_pyarrow(op.schema)).createOrReplaceTempView(op.name)

        def _drop_cached_table(self, name: str) -> None:
            if frame := self._cached_dataframes.pop(name, None):
                with suppress(Exception):  # the session may be gone, and the view with it
                    self._session.catalog.dropTempView(name)
                    frame.unpersist()

    return SparkBackend


@cache
def _compiler() -> Any:
    """Return Ibis's compiler to Spark SQL, corrected where its SQL does not mean what DuckDB's does.

    One expression has to give the same rows on every engine, and feature code must not know how they differ. The
    differences were found by tests/engines: times without a zone, NaN that is not null, counts that are never null.
    """
    import sqlglot as sg
    import sqlglot.expressions as sge
    from ibis.backends.sql.compilers.base import NULL
    from ibis.backends.sql.compilers.pyspark import PySparkCompiler
    from ibis.backends.sql.datatypes import PySparkType

    class Types(PySparkType):
        @classmethod
        def _from_ibis_Timestamp(cls, dtype: Any) -> sge.DataType:  # noqa: N802
            # Ibis writes TIMESTAMP for both, which is a moment of the session's zone for one and none for the other.
            kind = sge.DataType.Type.TIMESTAMPLTZ if dtype.timezone else sge.DataType.Type.TIMESTAMPNTZ
            return sge.DataType(this=kind)

    class Compiler(PySparkCompiler):
        __slots__ = ()
        type_mapper = Types

        def visit_NonNullLiteral(self, op: Any, *, value: Any, dtype: Any) -> Any:  # noqa: N802
            # 1.0 alone is a decimal to Spark, and so is all that is computed with it.
            if dtype.is_floating() and math.isfinite(value):
                return self.cast(sge.convert(value), dtype)
            return super().visit_NonNullLiteral(op, value=value, dtype=dtype)

        def visit_IsNull(self, op: Any, *, arg: Any) -> Any:  # noqa: N802
            return arg.is_(NULL)  # Ibis takes NaN for null here

        def visit_NotNull(self, op: Any, *, arg: Any) -> Any:  # noqa: N802
            return arg.is_(sg.not_(NULL))

        def visit_IsInf(self, op: Any, *, arg: Any) -> Any:  # noqa: N802
            # Ibis compares in Python here, which is false for every column.
            return sg.or_(arg.eq(self.POS_INF), arg.eq(self.NEG_INF)) if op.arg.dtype.is_floating() else sge.false()

        def visit_Median(self, op: Any, *, arg: Any, where: Any) -> Any:  # noqa: N802
            return self.f.percentile(arg if where is None else self.if_(where, arg, NULL), 0.5)  # Ibis filters 0.5 too

        def visit_CountStar(self, op: Any, *, arg: Any, where: Any) -> Any:  # noqa: N802
            # Ibis sums the condition, and a sum over no rows is null.
            return self.f.count(sge.Star()) if where is None else self.f.anon.count_if(where)

        def visit_Strip(self, op: Any, *, arg: Any) -> Any:  # noqa: N802
            # Ibis's list of blanks holds \v and \f, which Spark's parser takes for the letters v and f.
            blanks = self.f.concat(sge.convert(" \t\n\r"), self.f.anon.char(11), self.f.anon.char(12))
            return self.f.anon.btrim(arg, blanks)

        def visit_RegexReplace(self, op: Any, *, arg: Any, pattern: Any, replacement: Any) -> Any:  # noqa: N802
            # A group is $1 in Java and \1 everywhere else.
            java = re.sub(r"\\(\d)", r"$\1", op.replacement.value.replace("$", r"\$"))
            return self.f.regexp_replace(arg, pattern, sge.convert(java))

        def visit_TimestampTruncate(self, op: Any, *, arg: Any, unit: Any) -> Any:  # noqa: N802
            return self.cast(super().visit_TimestampTruncate(op, arg=arg, unit=unit), op.dtype)

    return Compiler()


def _to_pandas(table: pa.Table, expr: ibis.Table) -> pd.DataFrame:
    """Return the DataFrame that Ibis makes of DuckDB's results: models see the same types from every engine."""
    import pandas as pd
    from ibis.backends.duckdb.converter import DuckDBPandasData
    from pyarrow.types import is_nested

    columns = {
        name: column.to_pylist() if is_nested(column.type) or column.null_count else column.to_pandas()
        for name, column in zip(table.column_names, table.columns, strict=True)
    }
    return DuckDBPandasData.convert_table(pd.DataFrame(columns), expr.schema())
