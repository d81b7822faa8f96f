"""performance/<name>: what came true of the predictions whose time is up, and whether the model has become worse."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from capflow_assets.contract.model import Model
from capflow_assets.contract.outcome import NotAvailable, Outcome, Waiting
from capflow_assets.features.load import load_outcome
from capflow_assets.performance.drift import SLACK, Dip, find_dip
from capflow_assets.performance.realised import Performance, is_matured, measure_realised
from capflow_assets.run.catalogue import models
from capflow_assets.run.code_version import code_version
from capflow_assets.run.customer_run import CustomerRun, fingerprint
from capflow_assets.run.reuse import find_reusable
from capflow_assets.training.evaluation.metrics import Z95, metric, unit_index

if TYPE_CHECKING:
    import pyarrow as pa

MOST_BATCHES = 12

Batch = tuple[datetime, int]  # as of when, and by which version of the model


def measure(run: CustomerRun, asset: str) -> Outcome:
    """Hold the latest matured batches of predictions against what users did."""
    model = models()[asset.removeprefix("performance/")]
    batches = _matured(run, model)
    mark = fingerprint(
        batches=batches,
        prediction=run.number(f"prediction/{model.name}"),
        validated=run.validated_versions(),
        code=code_version(__name__, type(model).__module__),
    )
    if fresh := find_reusable(run, asset, mark):
        return fresh
    history = [(version, _realised(run, model, as_of)) for as_of, version in batches]
    dip = _dip(run, model, history)
    written = run.write(asset, _table(run, model, history), {"fingerprint": mark, "dip": dip.reason if dip else None})
    latest = history[-1][1]
    told = (
        f"{latest.metric} {latest.value:.3g} of {latest.users:,} users for the predictions of {latest.as_of:%Y-%m-%d}"
    )
    shown = {"rows": written.rows, "version": written.version, "dip": dip.reason if dip else None}
    return Outcome(asset, "done", told, {**shown, latest.metric: latest.value}, fingerprint=mark)


def _matured(run: CustomerRun, model: Model) -> list[Batch]:
    """The last batches of predictions whose horizon lies within the data, oldest first; Waiting when none does yet."""
    if model.learns_from == "labels":
        raise NotAvailable(f"{model.name} learns from labels that have no date: its test is all there is to measure")
    if run.version(f"prediction/{model.name}") is None:
        raise NotAvailable(f"'{run.name}' has no predictions of {model.name} to measure")
    table = run.read(f"prediction/{model.name}")
    rows = table.group_by("as_of").aggregate(version=table.version.max()).order_by("as_of").to_pyarrow().to_pylist()
    until = run.as_of()
    ready = [(row["as_of"], row["version"]) for row in rows if is_matured(row["as_of"], model.horizon_days, until)]
    if not ready:
        first = rows[0]["as_of"]
        due = first + timedelta(days=model.horizon_days)
        raise Waiting(f"the predictions of {first:%Y-%m-%d} can be measured when sales up to {due:%Y-%m-%d} are there")
    return ready[-MOST_BATCHES:]


def _realised(run: CustomerRun, model: Model, as_of: datetime) -> Performance:
    table = run.read(f"prediction/{model.name}")
    prediction = table.filter(table.as_of == as_of).to_pandas()
    outcome = load_outcome(run, model, as_of)
    units = list(model.unit)
    predicted = outcome[unit_index(outcome, units).isin(unit_index(prediction, units))].reset_index(drop=True)
    return measure_realised(prediction, predicted, model.metric, as_of)


def _dip(run: CustomerRun, model: Model, history: list[tuple[int, Performance]]) -> Dip | None:
    """Whether the champion's own batches show it worse than on its test date."""
    champion = run.home.registry.champion(run.name, model.name)
    if champion is None or champion.metrics.low is None or champion.metrics.high is None:
        return None
    judged = metric(model.metric)
    found = champion.metrics
    error = (champion.metrics.high - champion.metrics.low) / (2 * Z95)
    reference = Performance(found.name, found.value, error, found.rows, found.tested_as_of, judged.higher_is_better)
    own = [batch for version, batch in history if version == champion.number]
    return find_dip(own, reference, SLACK * (found.value if judged.in_money else 1.0)) if own else None


def _table(run: CustomerRun, model: Model, history: list[tuple[int, Performance]]) -> pa.Table:
    import pyarrow as pa

    return pa.Table.from_pylist(
        [
            {
                "customer": run.name,
                "model": model.name,
                "version": version,
                "as_of": batch.as_of,
                "metric": batch.metric,
                "value": batch.value,
                "standard_error": batch.standard_error,
                "users": batch.users,
            }
            for version, batch in history
        ]
    )
