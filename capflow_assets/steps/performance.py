"""performance/<name>: what came true of the predictions whose time is up, and whether the model has become worse."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, timedelta

from capflow_assets.models.base import Model
from capflow_assets.monitoring.drift import dipped
from capflow_assets.monitoring.performance import Performance, matured
from capflow_assets.steps.code_version import code_version
from capflow_assets.steps.fresh import reuse
from capflow_assets.steps.outcome import NotAvailable, Outcome, Waiting
from capflow_assets.steps.run import CustomerRun, fingerprint
from capflow_assets.steps.training import wanted
from capflow_assets.steps.worlds import came_true
from capflow_assets.training.metrics import metric

MOST_BATCHES = 12


def measure(run: CustomerRun, asset: str) -> Outcome:
    """Hold the latest matured batches of predictions against what users did, oldest first."""
    model = wanted(run, asset)
    if run.version(f"prediction/{model.name}") is None:
        raise NotAvailable(f"'{run.name}' has no predictions of {model.name} to measure")
    batches = _matured(run, model)
    mark = fingerprint(
        batches=[batch.isoformat() for batch in batches],
        prediction=run.number(f"prediction/{model.name}"),
        validated=run.validated_versions(),
        code=code_version(__name__),
    )
    if fresh := reuse(run, asset, mark):
        return fresh
    history = [_realised(run, model, batch) for batch in batches]
    dip = dipped(history, _reference(run, model))
    facts = {"fingerprint": mark, "dip": dip.reason if dip else None}
    written = run.write(asset, _table(run, history), facts)
    latest = history[-1]
    shown = {"rows": written.rows, "version": written.version, "dip": facts["dip"], model.metric: latest.value}
    return Outcome(asset, "done", _told(model, latest), shown, fingerprint=mark)
