"""Measure what a proposed customer file gives: how full each column is, its first rows, the models it supports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from capflow_assets.onboarding.proposal import Proposal
from capflow_assets.run.catalogue import models, tables
from capflow_assets.validated.tables import clean, derive_bills, drop_rows
from capflow_assets.validation.needs.unmet import Facts, explain_unmet
from capflow_resources.sources import to_canonical
from partitions.customer import Customer

if TYPE_CHECKING:
    import ibis
    from ibis.backends.duckdb import Backend

SHOWN = 3


@dataclass(frozen=True)
class TableCoverage:
    """One canonical table as CapFlow would read it; only the first `looked_at` of its `rows` rows are read.

    `filled` is the share of rows with a value, for each canonical column; `first` holds the first rows.
    """

    table: str
    rows: int
    looked_at: int
    left_out: Mapping[str, int]
    filled: Mapping[str, float]
    first: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True)
class Coverage:
    """All tables, and for each model why the data does not support it (None: it does)."""

    tables: Mapping[str, TableCoverage]
    models: Mapping[str, str | None]
    users: int
    bills: int
    days: int


def measure_coverage(customer: Customer, proposal: Proposal, con: Backend) -> Coverage:
    """Read the profiled rows through the proposed customer file."""
    tables: dict[str, TableCoverage] = {}
    cleaned: dict[str, ibis.Table] = {}
    for name, mapping in customer.tables.items():
        facts = proposal.tables[name].facts
        raw = con.create_table(f"raw_{name}", to_canonical(con.table(facts.sample), mapping), temp=True)
        dropped = drop_rows(raw, mapping)
        rows = clean(name, dropped.kept, mapping, customer.timezone)
        cleaned[name] = con.create_table(f"clean_{name}", rows, temp=True)
        tables[name] = _table_coverage(name, cleaned[name], facts.total, facts.rows, dropped.counts())
    if "bills" not in cleaned:
        bills = derive_bills(cleaned["line_items"])
        cleaned["bills"] = con.create_table("clean_bills", bills, temp=True)
    users, bills_, days = _size(cleaned["line_items"], cleaned["bills"])
    facts_ = Facts(set(cleaned), users, bills_, days, "ts" in customer.tables["line_items"].columns)
    return Coverage(
        tables, {name: explain_unmet(model, facts_) for name, model in models().items()}, users, bills_, days
    )


def _table_coverage(
    name: str, rows: ibis.Table, total: int, looked_at: int, left_out: Mapping[str, int]
) -> TableCoverage:
    columns = list(rows.columns)
    counted = rows.aggregate(all_=rows.count(), **{column: rows[column].count() for column in columns}).to_pyarrow()
    counts = counted.to_pylist()[0]
    filled = {column: counts[column] / counts["all_"] if counts["all_"] else 0.0 for column in columns}
    canonical_columns = {column.name for column in tables()[name].columns}
    columns_to_show = [column for column in columns if filled[column] or column not in canonical_columns]
    first = rows.select(columns_to_show).limit(SHOWN).to_pyarrow().to_pylist() if columns_to_show else []
    return TableCoverage(name, total, looked_at, dict(left_out), filled, tuple(first))


def _size(lines: ibis.Table, bills: ibis.Table) -> tuple[int, int, int]:
    """Return the number of shoppers, of bills, and of days from the first sale to the day after the last."""
    users, first, last = (
        lines.aggregate(users=lines.user_id.nunique(), first=lines.ts.min(), last=lines.ts.max())
        .to_pyarrow()
        .to_pylist()[0]
        .values()
    )
    days = (last + timedelta(days=1) - first).days if first and last else 0
    return int(users), int(bills.count().to_pyarrow().as_py()), days
