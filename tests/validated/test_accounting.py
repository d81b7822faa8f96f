"""Every rule of every table sets its rows aside and loses none: rows sent are rows used, set aside, or left out."""

from __future__ import annotations

from typing import Any

import ibis
import pyarrow as pa
import pytest

from capflow_assets.contract.table import Rule, Table
from capflow_assets.run.catalogue import tables as canonical_tables
from capflow_assets.validated.audit.audit import audit_table
from capflow_assets.validated.tables import clean, drop_rows
from tests.engines.awkward import CASES

GOOD = {"string": "x", "float64": 1.0, "int64": 1, "boolean": False, "timestamp": 0}
BREAKS = {
    "not_equal_to": lambda rule: rule["value"],
    "equal_to": lambda rule: not rule["value"],
    "greater_than_or_equal_to": lambda rule: rule["min_value"] - 1.0,
    "less_than_or_equal_to": lambda rule: rule["max_value"] + 1.0,
    "in_range": lambda rule: rule["max_value"] + 1.0,
    "isin": lambda rule: "something else",
}


@pytest.fixture(scope="module")
def con() -> ibis.BaseBackend:
    return ibis.duckdb.connect(threads=1)


def good(table: Table, number: int) -> dict[str, Any]:
    """A row that keeps every rule, and no other row's key."""
    row: dict[str, Any] = {column.name: GOOD[column.dtype] for column in table.columns}
    for column in table.columns:
        for rule in column.rules:
            row[column.name] = rule.arguments["allowed_values"][0] if rule.check == "isin" else row[column.name]
    return {**row, **{name: f"{name}{number}" for name in table.key}}


def rules(table: Table) -> list[tuple[str, str, Rule | None]]:
    declared = [(column.name, rule.check, rule) for column in table.columns for rule in column.rules]
    filled = [(column.name, "not_null", None) for column in table.columns if not column.nullable]
    finite = [(column.name, "finite", None) for column in table.columns if column.dtype == "float64"]
    return [*declared, *filled, *finite, *([("key", "unique", None)] if table.key else [])]


def broken(table: Table, column: str, check: str, rule: Rule | None, number: int) -> list[dict[str, Any]]:
    """Rows of which one breaks this rule."""
    row = good(table, number)
    if check == "unique":
        return [row, row]
    value = {"not_null": None, "finite": float("nan")}.get(check) if rule is None else BREAKS[check](rule.arguments)
    return [{**row, column: value}]


@pytest.mark.parametrize("name", canonical_tables())
def test_every_rule_sets_aside_what_breaks_it_and_nothing_is_lost(con: ibis.BaseBackend, name: str) -> None:
    table = canonical_tables()[name]
    rows = [row for number, rule in enumerate(rules(table)) for row in broken(table, *rule, number)]
    rows += [good(table, 1000 + number) for number in range(5)]
    schema = pa.schema({column.name: ibis.dtype(column.dtype).to_pyarrow() for column in table.columns}.items())
    sent = con.create_table(ibis.util.gen_name("t"), pa.Table.from_pylist(rows, schema), temp=True)
    result = audit_table(sent, table, None, {"invalid_share": 1.0})
    assert result.passed
    assert {(found.column, found.check) for found in result.failures} == {
        (", ".join(table.key) if check == "unique" else column, check) for column, check, _ in rules(table)
    }
    used, aside = (int(part.count().to_pyarrow().as_py()) for part in (result.accepted, result.rejected))
    assert (result.rows, result.set_aside, used) == (len(rows), aside, len(rows) - aside)
    assert aside == len(rules(table))
    assert all(row["reason"] for row in result.rejected.to_pyarrow().to_pylist())


@pytest.mark.parametrize("name", CASES)
def test_what_retailers_send_at_their_worst_is_accounted_for(con: ibis.BaseBackend, name: str) -> None:
    case = CASES[name]
    sent = con.create_table(ibis.util.gen_name("t"), case.raw(), temp=True)
    dropped = drop_rows(sent, case.mapping())
    cleaned = clean(case.table, dropped.kept, case.mapping(), case.timezone).cache()
    result = audit_table(cleaned, canonical_tables()[case.table], None, {})
    used, aside = (int(part.count().to_pyarrow().as_py()) for part in (result.accepted, result.rejected))
    left_out = sum(dropped.counts().values())
    if not case.mapping().options.get("distinct"):
        assert used + aside + left_out == len(case.raw())
    assert used + aside == result.rows


def test_pictures_that_cannot_be_decoded_are_set_aside_and_block_nothing(con: ibis.BaseBackend) -> None:
    """A customer whose photographs are spoilt still has models of its sales; those of pictures state what they need."""
    table = canonical_tables()["media"]
    schema = pa.schema({column.name: ibis.dtype(column.dtype).to_pyarrow() for column in table.columns}.items())
    rows = [{**good(table, number), "corrupt": number % 2 == 0} for number in range(100)]
    sent = con.create_table(ibis.util.gen_name("t"), pa.Table.from_pylist(rows, schema), temp=True)
    result = audit_table(sent, table, None, {})
    assert (result.passed, result.set_aside) == (True, 50)
    assert [(found.check, found.bound, found.blocks) for found in result.failures] == [("equal_to", 1.0, False)]
    wrong = [{**row, "kind": "film"} for row in rows[:2]] + rows[2:]
    sent = con.create_table(ibis.util.gen_name("t"), pa.Table.from_pylist(wrong, schema), temp=True)
    assert [found.check for found in audit_table(sent, table, None, {}).failures if found.blocks] == ["isin"]
