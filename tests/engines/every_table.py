"""Every canonical table, whatever a retailer sends, has the same rows on every engine.

Each engine has a file that takes these tests in, so that its servers start once, whichever process runs that file.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ibis
import pyarrow.parquet as pq
import pytest

from capflow_assets.run.catalogue import tables as canonical_tables
from capflow_assets.validated.audit.audit import audit_table
from capflow_assets.validated.cleaning.in_spark import FormatError
from capflow_assets.validated.cleaning.times import utc
from capflow_assets.validated.tables import clean, derive_bills, drop_rows
from tests.engines.awkward import CASES, Case
from tests.engines.compare import assert_equal_rows, rows
from tests.engines.engines import CANNOT_PARSE


def raw(con: ibis.BaseBackend, files: Path, name: str, case: Case) -> ibis.Table:
    path = files / f"{name.replace(' ', '_')}.parquet"
    if not path.exists():
        pq.write_table(case.raw(), path)
    return con.read_parquet([str(path)])


def cleaned(con: ibis.BaseBackend, files: Path, name: str) -> ibis.Table:
    case = CASES[name]
    return clean(case.table, drop_rows(raw(con, files, name, case), case.mapping()).kept, case.mapping(), case.timezone)


def test_it_is_cleaned_alike(engine: Any, reference: ibis.BaseBackend, files: Path, case: str) -> None:
    found, expected = (cleaned(con, files, case) for con in (engine, reference))
    assert found.schema() == expected.schema()
    assert_equal_rows(rows(found), rows(expected))


def test_it_is_judged_alike(engine: Any, reference: ibis.BaseBackend, files: Path, case: str) -> None:
    table, bounds = canonical_tables()[CASES[case].table], {"invalid_share": 0.05}
    found, expected = (
        audit_table(cleaned(con, files, case).cache(), table, None, bounds) for con in (engine, reference)
    )
    assert found.failures == expected.failures, "every rule's count, share, message and sample"
    assert (found.rows, found.set_aside, found.passed) == (expected.rows, expected.set_aside, expected.passed)
    assert_equal_rows(rows(found.accepted), rows(expected.accepted))
    assert_equal_rows(rows(found.rejected), rows(expected.rejected))


def test_what_is_left_out_is_counted_alike(engine: Any, reference: ibis.BaseBackend, files: Path) -> None:
    name = "line_items, all as text"
    found, expected = (
        drop_rows(raw(con, files, name, CASES[name]), CASES[name].mapping()) for con in (engine, reference)
    )
    assert found.counts() == expected.counts() != {}


def test_bills_are_derived_alike(engine: Any, reference: ibis.BaseBackend, files: Path) -> None:
    found, expected = (
        derive_bills(cleaned(con, files, "line_items without bills, typed")) for con in (engine, reference)
    )
    assert_equal_rows(rows(found), rows(expected))


@pytest.mark.parametrize("directive", CANNOT_PARSE)
def test_what_spark_cannot_parse_is_said(engine: Any, files: Path, directive: str) -> None:
    table = raw(engine, files, "items once each", CASES["items once each"])
    with pytest.raises(FormatError, match=f"{directive} cannot be read on Spark: set engine: duckdb"):
        utc(table.item_id, f"%Y {directive}", "UTC")
