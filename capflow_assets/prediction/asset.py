"""prediction/<name>: the champion's word on every shopper as of now, with reasons."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from capflow_assets.contract.model import Model
from capflow_assets.contract.outcome import Blocked, NotAvailable, Outcome
from capflow_assets.features.load import data_versions, load_snapshot
from capflow_assets.run.catalogue import models
from capflow_assets.run.code_version import code_version
from capflow_assets.run.customer_run import CustomerRun, fingerprint
from capflow_assets.run.reuse import find_reusable
from capflow_assets.training.candidate import OtherCodeError, predict_with

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


class PredictionError(Exception):
    """A model predicted something that may not be delivered."""


def predict(run: CustomerRun, asset: str) -> Outcome:
    """Predict with the champion and publish the batch beside the earlier ones, which performance is measured on."""
    model = models()[asset.removeprefix("prediction/")]
    champion = run.home.registry.champion(run.name, model.name)
    if champion is None:
        raise NotAvailable(f"no version of {model.name} is champion for '{run.name}': {_why_none(run, model)}")
    as_of = run.as_of()
    mark = fingerprint(
        champion=champion.digest,
        data=data_versions(run, model),
        as_of=as_of,
        code=code_version(__name__, type(model).__module__),
    )
    if fresh := find_reusable(run, asset, mark):
        return fresh
    try:
        prediction = predict_with(run, model, champion, load_snapshot(run, model, as_of))
    except OtherCodeError as error:
        raise Blocked(
            f"{model.name} {error}: train it anew; where nothing that today's code learns is better than its baseline, "
            "install the release that made it, or mend the model"
        ) from error
    _require_deliverable(run, model, prediction)
    stamp = {"customer": run.name, "model": model.name, "version": champion.number, "as_of": as_of}
    facts = {
        "fingerprint": mark,
        "as_of": as_of.isoformat(),
        "delivered": len(prediction),
        "model_version": champion.number,
        "inputs": data_versions(run, model),
    }
    written = run.write(asset, _stamped(prediction, stamp), facts, replace=f"as_of = '{as_of:%Y-%m-%d %H:%M:%S}'")
    shown = {"rows": len(prediction), "version": written.version, "model_version": champion.number}
    return Outcome(asset, "done", facts={**shown, "as_of": as_of.isoformat()}, fingerprint=mark)


def _why_none(run: CustomerRun, model: Model) -> str:
    """What was decided of the newest version, where there is one."""
    kept = [event for event in run.home.registry.events(run.name, model.name) if event.kind == "kept"]
    return f"v{kept[-1].version}: {kept[-1].reason}" if kept else f"see model/{model.name}"


def _require_deliverable(run: CustomerRun, model: Model, prediction: pd.DataFrame) -> None:
    expected = list(model.prediction_columns)
    if list(prediction.columns) != expected:
        raise PredictionError(
            f"{model.name} gave the columns {', '.join(prediction.columns)}; "
            f"it says that it gives {', '.join(expected)}"
        )
    if prediction.empty:
        raise NotAvailable(f"{model.name} has nobody to predict for '{run.name}' as of {run.as_of():%Y-%m-%d}")
    empty = [column for column in expected if prediction[column].isna().any()]
    if empty:
        raise PredictionError(f"{model.name} for '{run.name}' left {', '.join(empty)} empty in some rows")
    if prediction.duplicated(model.key).any():
        raise PredictionError(f"{model.name} for '{run.name}' predicted some {' and '.join(model.unit)} twice")


def _stamped(prediction: pd.DataFrame, stamp: dict[str, Any]) -> pa.Table:
    import pyarrow as pa

    frame = prediction.copy(deep=False)
    for position, (name, value) in enumerate(stamp.items()):
        frame.insert(position, name, value)
    table = pa.Table.from_pandas(frame, preserve_index=False)
    reasons = table.schema.get_field_index("reasons")
    return table.set_column(reasons, "reasons", table["reasons"].cast(pa.list_(pa.string())))
