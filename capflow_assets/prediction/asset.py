"""prediction/<name>: the champion's prediction for every unit of the population as of now, with reasons."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from capflow_assets.contract.model import Model
from capflow_assets.contract.outcome import Blocked, NotAvailable, Outcome
from capflow_assets.features.load import data_versions, load_snapshot
from capflow_assets.prediction.predict_with import OtherCodeError, predict_with
from capflow_assets.run.catalogue import models
from capflow_assets.run.code_version import code_version
from capflow_assets.run.customer_run import CustomerRun, fingerprint
from capflow_assets.run.reuse import find_reusable
from capflow_resources.registry import Version

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


class PredictionError(Exception):
    """A model returned predictions that must not be delivered."""


@dataclass(frozen=True)
class PredictionFacts:
    """What is kept with a prediction table about its latest batch.

    `as_of` is ISO 8601, `delivered` the rows of the batch, `model_version` the champion's number and `inputs` the
    version of each table that the model read.
    """

    fingerprint: str
    as_of: str
    delivered: int
    model_version: int
    inputs: Mapping[str, int]

    def to_json(self) -> dict[str, Any]:
        """Return the facts as the lake stores them."""
        return asdict(self)


def predict(run: CustomerRun, asset: str) -> Outcome:
    """Predict with the champion and publish the batch next to the earlier ones, which performance is measured on.

    Raises NotAvailable without a champion or a population, Blocked if the current code cannot use the champion, and
    PredictionError if the predictions break the model's contract.
    """
    model = models()[asset.removeprefix("prediction/")]
    champion = run.home.registry.champion(run.name, model.name)
    if champion is None:
        raise NotAvailable(f"no version of {model.name} is champion for '{run.name}': {_why_no_champion(run, model)}")
    as_of, inputs = run.as_of(), data_versions(run, model)
    mark = fingerprint(
        champion=champion.digest,
        data=inputs,
        as_of=as_of,
        code=code_version(__name__, type(model).__module__),
    )
    if unchanged := find_reusable(run, asset, mark):
        return unchanged
    prediction = _predict(run, model, champion, as_of)
    _require_deliverable(run, model, prediction)
    key = {"customer": run.name, "model": model.name, "version": champion.number, "as_of": as_of}
    facts = PredictionFacts(mark, as_of.isoformat(), len(prediction), champion.number, inputs)
    same_batch = f"as_of = '{as_of:%Y-%m-%d %H:%M:%S}'"
    written = run.write(asset, _to_table(prediction, key), facts.to_json(), replace=same_batch)
    facts_to_show = {"rows": len(prediction), "version": written.version, "model_version": champion.number}
    return Outcome(asset, "done", facts={**facts_to_show, "as_of": as_of.isoformat()}, fingerprint=mark)


def _predict(run: CustomerRun, model: Model, champion: Version, as_of: datetime) -> pd.DataFrame:
    try:
        return predict_with(run, model, champion, load_snapshot(run, model, as_of))
    except OtherCodeError as error:
        raise Blocked(
            f"{model.name} {error}: train it again; if no new version beats its baseline, "
            "install the release that made it, or fix the model"
        ) from error


def _why_no_champion(run: CustomerRun, model: Model) -> str:
    """Return why the newest version was not promoted, or where to look if there is none."""
    kept = [event for event in run.home.registry.events(run.name, model.name) if event.kind == "kept"]
    return f"v{kept[-1].version}: {kept[-1].reason}" if kept else f"see model/{model.name}"


def _require_deliverable(run: CustomerRun, model: Model, prediction: pd.DataFrame) -> None:
    """Raise PredictionError for wrong columns, empty values or duplicate keys, NotAvailable if there are no rows."""
    expected = list(model.prediction_columns)
    if list(prediction.columns) != expected:
        raise PredictionError(
            f"{model.name} returned the columns {', '.join(prediction.columns)}; it promises {', '.join(expected)}"
        )
    if prediction.empty:
        raise NotAvailable(f"{model.name} has nobody to predict for '{run.name}' as of {run.as_of():%Y-%m-%d}")
    empty = [column for column in expected if prediction[column].isna().any()]
    if empty:
        raise PredictionError(f"{model.name} for '{run.name}' left {', '.join(empty)} empty in some rows")
    if prediction.duplicated(model.key).any():
        raise PredictionError(f"{model.name} for '{run.name}' predicted some {' and '.join(model.unit)} twice")


def _to_table(prediction: pd.DataFrame, key: Mapping[str, Any]) -> pa.Table:
    """Return the predictions with the `key` columns first and `reasons` as lists of strings."""
    import pyarrow as pa

    frame = prediction.copy(deep=False)
    for position, (name, value) in enumerate(key.items()):
        frame.insert(position, name, value)
    table = pa.Table.from_pandas(frame, preserve_index=False)
    reasons = table.schema.get_field_index("reasons")
    return table.set_column(reasons, "reasons", table["reasons"].cast(pa.list_(pa.string())))
