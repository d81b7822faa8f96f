"""Rows have the same ids on every engine, come back alike, and are judged where they lie: none is fetched for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ibis
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from capflow_assets.run.catalogue import tables as canonical_tables
from capflow_assets.validated.audit.audit import SAMPLE_ROWS, audit_table
from capflow_assets.validated.content import bills_are_complete, content_before, summarise_content
from capflow_assets.validated.identity import row_id
from capflow_assets.validated.readmitted import AS_THEY_ARE, CORRECTED, put_back
from capflow_assets.validation.needs.real_words import count_real_words
from tests.engines.compare import assert_equal_rows, rows
from tests.engines.every_figure import world
from tests.engines.every_table import cleaned
from tests.features.feature_world import AS_OF
from tests.validation.descriptions import WORDS

MANY = 20_000


def stored(con: ibis.BaseBackend, path: Path, table: pa.Table) -> ibis.Table:
    if not path.exists():
        pq.write_table(table, path)
    return con.read_parquet([str(path)])


def test_a_row_has_the_same_id(engine: Any, reference: ibis.BaseBackend, files: Path) -> None:
    found, expected = (cleaned(con, files, "line_items without bills, typed").cache() for con in (engine, reference))
    ours, theirs = (table.select(id=row_id(table, table.columns)) for table in (found, expected))
    assert_equal_rows(rows(ours), rows(theirs))


def test_rows_are_given_back_alike(engine: Any, reference: ibis.BaseBackend, files: Path) -> None:
    name = "users and their attributes"
    sent = cleaned(reference, files, name)
    entries = sent.mutate(row_id=row_id(sent, sent.columns)).order_by("row_id").to_pyarrow().to_pylist()[::3]
    for place, entry in enumerate(entries):
        way = CORRECTED if place % 2 else AS_THEY_ARE
        entry |= {"given": place, "how": way, "changed": ",user_id," if place % 2 else ",", "user_id": f"new{place}"}
    schema = pa.schema(
        [
            *sent.schema().to_pyarrow(),
            ("row_id", "string"),
            ("given", "int64"),
            ("how", "string"),
            ("changed", "string"),
        ]
    )
    table = pa.Table.from_pylist(entries, schema)
    results = []
    for con in (engine, reference):
        here = cleaned(con, files, name)
        results.append(rows(put_back(here, stored(con, files / "entries.parquet", table), here.columns)))
    assert_equal_rows(*results)
    assert len(results[0]) == len(rows(sent))
    assert any(str(row["user_id"]).startswith("new") for row in results[0].to_pylist())


def test_real_words_are_counted_alike(engine: Any, files: Path) -> None:
    texts = stored(engine, files / "texts.parquet", pa.table({"text": list(WORDS)}))
    found = rows(texts.mutate(words=count_real_words(texts["text"]))).to_pylist()
    assert {row["text"]: row["words"] for row in found} == WORDS


def test_what_changed_in_a_table_is_told_alike(engine: Any, reference: ibis.BaseBackend, files: Path) -> None:
    """The hashes are the engine's own; what they are sums of, and what they tell, is the same."""
    tables, others = world(engine, files, 40), world(reference, files, 40)
    held, expected = (
        {name: summarise_content(name, table) for name, table in all_.items()} for all_ in (tables, others)
    )
    for name, parts in expected.items():
        counted = (
            {at: (one["rows"], one.get("until")) for at, one in all_[name]["intervals"].items()}
            for all_ in (held, expected)
        )
        assert next(counted) == next(counted), name
        assert len(parts["intervals"]) > (0 if name == "items" else 3)
    assert bills_are_complete(held["line_items"], held["bills"], AS_OF) == bills_are_complete(
        expected["line_items"], expected["bills"], AS_OF
    )
    lines, before = tables["line_items"], content_before(held["line_items"], AS_OF)
    halves = (
        lines.filter(lines["item_id"] == "i4"),
        lines.filter((lines["item_id"] != "i4") | lines["item_id"].isnull()),
    )
    assert content_before(summarise_content("line_items", halves[1].union(halves[0])), AS_OF) == before
    for column, value in {"discount": lines["discount"].fill_null(0) + 0.01, "store_id": "elsewhere"}.items():
        changed = lines.mutate(**{column: ibis.ifelse(lines["item_id"] == "i4", value, lines[column])})
        assert content_before(summarise_content("line_items", changed), AS_OF) != before, column


@pytest.fixture
def fetched(engine: Any, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many rows each query brought to this process."""
    counts: list[int] = []
    ask = type(engine)._arrow

    def counting(con: Any, expr: Any, **options: Any) -> pa.Table:
        found = ask(con, expr, **options)
        counts.append(len(found))
        return found

    monkeypatch.setattr(type(engine), "_arrow", counting)
    return counts


def test_a_failing_check_blocks_and_no_column_is_fetched(engine: Any, files: Path, fetched: list[int]) -> None:
    """pandera's own run on Spark never raises, and its run on Ibis fetches one value a row for a check that fails."""
    place = range(MANY)
    items = canonical_tables()["items"]
    columns = {column.name: pa.nulls(MANY, ibis.dtype(column.dtype).to_pyarrow()) for column in items.columns}
    bad = {**columns, "item_id": [f"i{n}" for n in place], "price": [float(n % 2) - 0.5 for n in place]}
    result = audit_table(stored(engine, files / "many.parquet", pa.table(bad)), items, {"item_id", "price"}, {})
    assert not result.passed
    assert result.reasons[0].startswith("items: in 10,000 of 20,000 rows price breaks greater_than_or_equal_to(0)")
    assert (result.rows, result.set_aside, len(result.failures[0].sample)) == (MANY, MANY // 2, SAMPLE_ROWS)
    assert sum(fetched) <= 1 + SAMPLE_ROWS * len(result.failures), fetched
