"""Which snapshots of a feature set must be computed again, and which are reused as they are in the lake."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from capflow_assets.contract.feature_set import FeatureSet
from capflow_assets.features.facts import FeatureSetFacts
from capflow_assets.run.customer_run import CustomerRun, fingerprint
from capflow_assets.validated import content
from capflow_assets.validated.content import Content
from capflow_assets.validated.facts import ValidatedFacts

COLUMN = "as_of"


def snapshot_fingerprints(
    run: CustomerRun, feature_set: FeatureSet, tables: Sequence[str], dates: Sequence[datetime], **code: Any
) -> dict[datetime, str]:
    """Return a fingerprint per snapshot: of the set's key and features, its code, and the tables' data before it."""
    definition = [feature_set.key, [(feature.name, feature.dtype) for feature in feature_set.features]]
    return {
        date: fingerprint(
            definition=definition, data={table: _data_before(run, table, date) for table in tables}, **code
        )
        for date in dates
    }


def reusable_dates(run: CustomerRun, asset: str, wanted: Mapping[datetime, str]) -> set[datetime]:
    """Return the dates whose stored rows have the `wanted` fingerprint; none in a run with `force`."""
    version = run.version(asset)
    if run.force or version is None or version.partitioned_by != COLUMN:
        return set()
    stored = FeatureSetFacts.from_json(version.facts)
    return set() if stored is None else {date for date, mark in wanted.items() if stored.snapshots.get(date) == mark}


def dates_with_complete_bills(run: CustomerRun, dates: Sequence[datetime]) -> set[datetime]:
    """Return the dates at which no bill needs restating, as far as the recorded content of the tables shows."""
    lines, bills = _content(run, "line_items"), _content(run, "bills")
    return (
        set()
        if lines is None or bills is None
        else {date for date in dates if content.bills_are_complete(lines, bills, date)}
    )


def _data_before(run: CustomerRun, table: str, date: datetime) -> Any:
    recorded = _content(run, table)
    return run.number(f"validated/{table}") if recorded is None else content.content_before(recorded, date)


def _content(run: CustomerRun, table: str) -> Content | None:
    """Return the recorded content of a validated table; None if an earlier CapFlow wrote the version."""
    version = run.version(f"validated/{table}")
    return None if version is None else ValidatedFacts.from_facts(version.facts).content
