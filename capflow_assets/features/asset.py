"""features/<set>: the features of every user, as of now and as of each past snapshot that training needs."""

from __future__ import annotations

from capflow_assets.contract.outcome import NotAvailable, Outcome
from capflow_assets.features import snapshot_reuse as snapshots
from capflow_assets.features.decisions import settled, shown_of
from capflow_assets.features.snapshots import build_snapshot, snapshot_dates
from capflow_assets.features.tables_read import left_out, sent
from capflow_assets.run.catalogue import feature_sets, plugin_module
from capflow_assets.run.code_version import code_version
from capflow_assets.run.customer_run import CustomerRun, fingerprint
from capflow_assets.run.reuse import find_reusable, unchanged_outcome
from capflow_assets.validation.needs.availability import gather_facts
from capflow_assets.validation.needs.unmet import explain_unmet_set


def build(run: CustomerRun, asset: str) -> Outcome:
    """Compute one feature set at those dates of the grid whose data or definition changed, and publish all."""
    name = asset.removeprefix("features/")
    feature_set = feature_sets()[name]
    as_of = run.as_of()
    if reason := explain_unmet_set(feature_set, gather_facts(run)):
        raise NotAvailable(f"{asset} {reason}")
    feature_set, decision = settled(run, asset, feature_set)
    code = code_version(__name__, plugin_module("feature set", name))
    names = sent(run, feature_set)
    inputs = {f"validated/{table}": run.number(f"validated/{table}") for table in names}
    mark = fingerprint(validated=inputs, as_of=as_of, code=code, decided=[feature_set.past, decision])
    if fresh := find_reusable(run, asset, mark):
        return fresh
    dates = snapshot_dates(as_of, run.first_sale())[: None if feature_set.past else 1]
    if not dates:
        raise NotAvailable(f"'{run.name}' has no sale before {as_of:%Y-%m-%d}")
    marks = snapshots.marks(run, feature_set, names, dates, code=code)
    told = {date.isoformat(): mark for date, mark in marks.items()}
    kept = snapshots.kept(run, asset, marks)
    if kept == set(dates):
        version = run.version(asset)
        assert version is not None
        if version.facts["snapshots"] == told:
            return unchanged_outcome(version, asset, "the data before every snapshot")
        kept.remove(as_of)  # other dates go, and a commit needs rows
    facts = {
        "fingerprint": mark,
        "as_of": as_of.isoformat(),
        "dates": list(told),
        "snapshots": told,
        "inputs": inputs,
        **decision,
    }
    tables = {table: run.read(f"validated/{table}") for table in names}
    whole = snapshots.whole_dates(run, dates)
    parts = {date: build_snapshot(feature_set, tables, date, date in whole) for date in dates if date not in kept}
    written = run.write_dates(asset, snapshots.COLUMN, parts, facts, kept)
    shown = {
        "rows": written.rows,
        "version": written.version,
        "as_of": as_of.isoformat(),
        "snapshots": len(dates),
        "computed": len(parts),
        "reused": len(kept),
        **left_out(feature_set, tables, as_of),
        **shown_of(decision),
    }
    return Outcome(asset, "done", facts=shown, fingerprint=mark)
