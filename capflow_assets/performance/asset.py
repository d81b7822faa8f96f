"""performance/<name>: how good matured predictions proved to be, and whether the model has become worse."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from capflow_assets.contract.model import Model
from capflow_assets.contract.outcome import NotAvailable, Outcome, Waiting
from capflow_assets.features.load import load_outcome
from capflow_assets.performance.realised import SLACK, Dip, Performance, find_dip, is_matured, measure_realised
from capflow_assets.run.catalogue import models
from capflow_assets.run.code_version import code_version
from capflow_assets.run.customer_run import CustomerRun, fingerprint
from capflow_assets.run.reuse import find_reusable
from capflow_assets.training.evaluation.metrics import Z95, metric
from capflow_assets.training.evaluation.units import unit_index

if TYPE_CHECKING:
    import pyarrow as pa

MAX_BATCHES = 12

Batch = tuple[datetime, int]  # as_of, and the model version that predicted


@dataclass(frozen=True)
class PerformanceFacts:
    """What is kept with a performance table: the fingerprint, and the reason of a dip if there is one."""

    fingerprint: str
    dip: str | None

    def to_json(self) -> dict[str, Any]:
        """Return the facts as the lake stores them."""
        return asdict(self)


def measure(run: CustomerRun, asset: str) -> Outcome:
    """Measure the latest matured prediction batches against what users did, and publish one row per batch.

    Raises NotAvailable if the model has no predictions or learns from labels, Waiting if no batch has matured yet.
    """
    model = models()[asset.removeprefix("performance/")]
    batches = _list_batches(run, model)
    mark = fingerprint(
        batches=batches,
        prediction=run.number(f"prediction/{model.name}"),
        validated=run.validated_versions(),
        code=code_version(__name__, type(model).__module__),
    )
    if unchanged := find_reusable(run, asset, mark):
        return unchanged
    history = [(version, _measure_batch(run, model, as_of)) for as_of, version in batches]
    dip = _find_dip(run, model, history)
    facts = PerformanceFacts(mark, dip.reason if dip else None)
    written = run.write(asset, _to_table(run, model, history), facts.to_json())
    latest = history[-1][1]
    reason = (
        f"{latest.metric} {latest.value:.3g} of {latest.users:,} users for the predictions of {latest.as_of:%Y-%m-%d}"
    )
    facts_to_show = {"rows": written.rows, "version": written.version, "dip": facts.dip, latest.metric: latest.value}
    return Outcome(asset, "done", reason, facts_to_show, fingerprint=mark)


def _list_batches(run: CustomerRun, model: Model) -> list[Batch]:
    """Return the latest prediction batches whose horizon lies within the data, oldest first; Waiting if none does."""
    if model.learns_from == "labels":
        raise NotAvailable(f"{model.name} learns from labels that have no date: its test is all there is to measure")
    if run.version(f"prediction/{model.name}") is None:
        raise NotAvailable(f"'{run.name}' has no predictions of {model.name} to measure")
    table = run.read(f"prediction/{model.name}")
    rows = table.group_by("as_of").aggregate(version=table.version.max()).order_by("as_of").to_pyarrow().to_pylist()
    until = run.as_of()
    batches = [(row["as_of"], row["version"]) for row in rows if is_matured(row["as_of"], model.horizon_days, until)]
    if not batches:
        first = rows[0]["as_of"]
        due = first + timedelta(days=model.horizon_days)
        raise Waiting(f"the predictions of {first:%Y-%m-%d} can be measured when sales up to {due:%Y-%m-%d} are there")
    return batches[-MAX_BATCHES:]


def _measure_batch(run: CustomerRun, model: Model, as_of: datetime) -> Performance:
    table = run.read(f"prediction/{model.name}")
    prediction = table.filter(table.as_of == as_of).to_pandas()
    outcome, unit = load_outcome(run, model, as_of), list(model.unit)
    predicted = outcome[unit_index(outcome, unit).isin(unit_index(prediction, unit))].reset_index(drop=True)
    return measure_realised(prediction, predicted, model.metric, as_of)


def _find_dip(run: CustomerRun, model: Model, history: list[tuple[int, Performance]]) -> Dip | None:
    """Compare the champion's own batches with its test date; None without a champion or its interval."""
    champion = run.home.registry.champion(run.name, model.name)
    if champion is None or champion.metrics.low is None or champion.metrics.high is None:
        return None
    measure, metrics = metric(model.metric), champion.metrics
    error = (champion.metrics.high - champion.metrics.low) / (2 * Z95)
    reference = Performance(
        metrics.name, metrics.value, error, metrics.rows, metrics.tested_as_of, measure.higher_is_better
    )
    batches = [batch for version, batch in history if version == champion.number]
    return find_dip(batches, reference, SLACK * (metrics.value if measure.in_money else 1.0)) if batches else None


def _to_table(run: CustomerRun, model: Model, history: list[tuple[int, Performance]]) -> pa.Table:
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
