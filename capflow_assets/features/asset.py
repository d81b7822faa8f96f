"""features/<set>: one feature set as of now and as of each past date that training needs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from capflow_assets.contract.feature_set import FeatureSet
from capflow_assets.contract.outcome import NotAvailable, Outcome
from capflow_assets.features.column_decision import decision_metadata, resolve_columns
from capflow_assets.features.facts import DECISION, FeatureSetFacts
from capflow_assets.features.snapshot_reuse import (
    COLUMN,
    dates_with_complete_bills,
    reusable_dates,
    snapshot_fingerprints,
)
from capflow_assets.features.snapshots import build_snapshot, cut_before, snapshot_dates
from capflow_assets.run.catalogue import feature_sets, plugin_module
from capflow_assets.run.code_version import code_version
from capflow_assets.run.customer_run import CustomerRun, fingerprint
from capflow_assets.run.reuse import find_reusable, unchanged_outcome
from capflow_assets.validation.needs.availability import gather_facts
from capflow_assets.validation.needs.unmet import explain_unmet_set

if TYPE_CHECKING:
    import ibis


def build(run: CustomerRun, asset: str) -> Outcome:
    """Compute the snapshots of a feature set whose data or definition changed, and publish all of them.

    Raises NotAvailable if the customer's data is less than the set needs, or has no sale before the as-of date.
    """
    name = asset.removeprefix("features/")
    feature_set = feature_sets()[name]
    as_of = run.as_of()
    if reason := explain_unmet_set(feature_set, gather_facts(run)):
        raise NotAvailable(f"{asset} {reason}")
    version = run.version(asset)
    stored = None if version is None else FeatureSetFacts.from_json(version.facts)
    feature_set, decision = resolve_columns(run, feature_set, None if stored is None else stored.decision)
    code = code_version(__name__, plugin_module("feature set", name))
    sources = available_tables(run, feature_set)
    inputs = {f"validated/{table}": run.number(f"validated/{table}") for table in sources}
    decided = [feature_set.historical, {} if decision is None else {DECISION: decision.to_json()}]
    set_fingerprint = fingerprint(validated=inputs, as_of=as_of, code=code, decided=decided)
    if fresh := find_reusable(run, asset, set_fingerprint):
        return fresh
    dates = snapshot_dates(as_of, run.first_sale())[: None if feature_set.historical else 1]
    if not dates:
        raise NotAvailable(f"'{run.name}' has no sale before {as_of:%Y-%m-%d}")
    snapshots = snapshot_fingerprints(run, feature_set, sources, dates, code=code)
    reused = reusable_dates(run, asset, snapshots)
    if reused == set(dates):
        assert version is not None
        if stored is not None and stored.snapshots == snapshots:
            return unchanged_outcome(version, asset, "the data before every snapshot")
        reused.remove(as_of)  # other dates are dropped, and a commit needs rows
    tables = {table: run.read(f"validated/{table}") for table in sources}
    complete = dates_with_complete_bills(run, dates)
    parts = {date: build_snapshot(feature_set, tables, date, date in complete) for date in dates if date not in reused}
    facts = FeatureSetFacts(set_fingerprint, as_of, inputs, snapshots, decision)
    written = run.write_dates(asset, COLUMN, parts, facts.to_json(), reused)
    metadata = {
        "rows": written.rows,
        "version": written.version,
        "as_of": as_of.isoformat(),
        "snapshots": len(dates),
        "computed": len(parts),
        "reused": len(reused),
        **count_left_out(feature_set, tables, as_of),
        **decision_metadata(decision),
    }
    return Outcome(asset, "done", facts=metadata, fingerprint=set_fingerprint)


def available_tables(run: CustomerRun, feature_set: FeatureSet) -> tuple[str, ...]:
    """Return the tables that the set needs, and those of its optional ones that the customer sends."""
    sent = run.tables()
    return (*feature_set.tables, *(table for table in feature_set.optional_tables if table in sent))


def count_left_out(feature_set: FeatureSet, tables: Mapping[str, ibis.Table], as_of: datetime) -> dict[str, int]:
    """Count the rows that the set leaves out as of the newest date, by reason in words."""
    if feature_set.left_out is None:
        return {}
    counts = feature_set.left_out(cut_before(tables, as_of), as_of).to_pyarrow().to_pylist()[0]
    return {f"left out: {reason.replace('_', ' ')}": int(number) for reason, number in counts.items()}
