"""Which snapshots of a feature set must be computed again, and which stay as they lie in the lake."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from capflow_assets.contract.feature_set import FeatureSet
from capflow_assets.run.customer_run import CustomerRun, fingerprint
from capflow_assets.validated.content import Content, bills_are_complete, content_before
from capflow_assets.validated.facts import ValidatedFacts

COLUMN = "as_of"


def marks(
    run: CustomerRun, feature_set: FeatureSet, tables: Sequence[str], dates: Sequence[datetime], **made: Any
) -> dict[datetime, str]:
    """What each snapshot depends on, as one hash: the definition, `made` (its code), and the tables' data before it."""
    definition = [feature_set.key, [(feature.name, feature.dtype) for feature in feature_set.features]]
    return {
        date: fingerprint(definition=definition, data={table: _known(run, table, date) for table in tables}, **made)
        for date in dates
    }


def kept(run: CustomerRun, asset: str, wanted: Mapping[datetime, str]) -> set[datetime]:
    """The dates whose stored rows are just what would be computed again; none of a run with `force`."""
    version = run.version(asset)
    if run.force or version is None or version.partitioned_by != COLUMN:
        return set()
    stored = version.facts.get("snapshots", {})
    return {date for date, mark in wanted.items() if stored.get(date.isoformat()) == mark}


def whole_dates(run: CustomerRun, dates: Sequence[datetime]) -> set[datetime]:
    """The dates at which no bill needs restating, as far as the tables' content tells."""
    lines, bills = _content(run, "line_items"), _content(run, "bills")
    return (
        set() if lines is None or bills is None else {date for date in dates if bills_are_complete(lines, bills, date)}
    )


def _known(run: CustomerRun, table: str, date: datetime) -> Any:
    held = _content(run, table)
    return run.number(f"validated/{table}") if held is None else content_before(held, date)


def _content(run: CustomerRun, table: str) -> Content | None:
    """What the table's version says of its rows; None of a version that an earlier CapFlow wrote."""
    version = run.version(f"validated/{table}")
    return None if version is None else ValidatedFacts.from_facts(version.facts).content
