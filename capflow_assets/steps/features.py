"""features/<set>: the features of every user, as of now and as of each past snapshot that training needs."""

from __future__ import annotations

from capflow_assets.features import FEATURE_SETS
from capflow_assets.features.snapshots import snapshot_dates, snapshot_features
from capflow_assets.steps.code_version import code_version
from capflow_assets.steps.fresh import reuse
from capflow_assets.steps.outcome import NotAvailable, Outcome
from capflow_assets.steps.run import CustomerRun, fingerprint


def build(run: CustomerRun, asset: str) -> Outcome:
    """Compute one feature set on the grid of snapshot dates and publish it."""
    run.require_passed()
    feature_set = FEATURE_SETS[asset.removeprefix("features/")]
    as_of = run.as_of()
    mark = fingerprint(
        validated={table: run.number(f"validated/{table}") for table in feature_set.tables},
        as_of=as_of,
        code=code_version(__name__, feature_set.build.__module__, "capflow_assets.features.snapshots"),
    )
    if fresh := reuse(run, asset, mark):
        return fresh
    tables = {table: run.read(f"validated/{table}") for table in feature_set.tables}
    first = tables[feature_set.tables[0]].ts.min().execute()
    dates = snapshot_dates(as_of, first)
    if not dates:
        raise NotAvailable(f"'{run.name}' has no sale before {as_of:%Y-%m-%d}")
    data = snapshot_features(feature_set, tables, dates)
    facts = {
        "fingerprint": mark,
        "as_of": as_of.isoformat(),
        "dates": [date.isoformat() for date in dates],
        "inputs": {f"validated/{table}": run.number(f"validated/{table}") for table in feature_set.tables},
    }
    written = run.write(asset, data, facts)
    shown = {"rows": written.rows, "version": written.version, "as_of": as_of.isoformat(), "snapshots": len(dates)}
    return Outcome(asset, "done", facts=shown, fingerprint=mark)
