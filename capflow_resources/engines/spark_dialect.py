"""Spark's SQL for Ibis expressions, where Ibis's own says something else than DuckDB's does.

Found by tests/engines. One expression has to give the same rows on every engine, and it must not be the feature code
that knows how they differ.
"""

from __future__ import annotations

import math
import re
from functools import cache
from typing import Any


@cache
def compiler() -> Any:
    """Ibis's compiler for Spark with times without a zone, NaN that is not null, and counts that are never null."""
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
