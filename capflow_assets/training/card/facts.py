"""The facts of a card: what only the test date can tell, to be kept with a version, and then the whole card."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from capflow_assets.contract.model import Model
from capflow_assets.contract.snapshot import LabelledSnapshot
from capflow_assets.training.card.came_true import calibration, compare_with_outcome, mean_outcome
from capflow_assets.training.card.limits import limits
from capflow_assets.training.card.reasons import most_frequent
from capflow_assets.training.card.slices import evaluate_slices
from capflow_assets.training.evaluation.metrics import METRICS, Z95, Metric, metric
from capflow_assets.training.evaluation.units import count_units

if TYPE_CHECKING:
    import pandas as pd

    from capflow_resources.registry import Event, Version

FORMAT = 1


def build_test_record(
    model: Model,
    train: Sequence[LabelledSnapshot],
    test: LabelledSnapshot,
    facts: Mapping[str, Any],
    prediction: pd.DataFrame,
    baseline: pd.DataFrame,
    champion: pd.DataFrame | None = None,
    evidence: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """What the test date tells of a fitted model, as JSON-able facts to be kept beside its version.

    `facts` are the artefact's own; `baseline` and `champion` are what they predicted for the same units; `evidence` is
    how its columns ("selection") and parameters ("tuning") were found. What the model says of itself is kept too, for
    its code may change.
    """
    outcome, judged = test.outcome, metric(model.metric)
    rivals = {"baseline": baseline, "champion": champion}
    rows = compare_with_outcome(model.task, outcome, prediction)
    return {
        "format": FORMAT,
        "says": describe_model(model),
        "train": [_dated(model, snapshot) for snapshot in sorted(train, key=lambda snapshot: snapshot.as_of)],
        "test": _dated(model, test),
        "columns_offered": _numbers(test.features),
        **{name: (evidence or {}).get(name) for name in ("selection", "tuning")},
        "against": {
            name: _against(judged, outcome, prediction, rival) for name, rival in rivals.items() if rival is not None
        },
        "came_true": rows,
        "calibration": calibration(rows) if model.task == "binary" else None,
        "reasons": most_frequent(prediction["reasons"], facts.get("phrases", {})),
        "slices": evaluate_slices(model, test, prediction, baseline),
    }


def describe_model(model: Model) -> dict[str, Any]:
    """What a model says of itself."""
    return {
        "title": model.title,
        "description": model.description,
        "family": model.family,
        "task": model.task,
        "method": model.method,
        "owner": model.owner,
        "unit": list(model.unit),
        "learns_from": model.learns_from,
        "horizon_days": model.horizon_days,
        "settings": dict(model.settings),
        "limits": limits(model),
    }


def build_card(
    version: Version,
    events: Sequence[Event],
    champion: int | None,
    judged: Mapping[str, Any] | None,
    model: Model | None = None,
) -> dict[str, Any]:
    """All that there is to say of a version, JSON-able.

    `events` are the model's history, `champion` the number of the present one, `judged` what `kept` gave (None: the
    version is older than cards, and `model` says what it is). ValueError when neither is there.
    """
    if judged is None and model is None:
        raise ValueError(f"Nothing is known of {version.model}: no card was kept, and there is no such model any more.")
    says: dict[str, Any] = dict(judged["says"]) if judged is not None else describe_model(model)  # type: ignore[arg-type]
    found: Mapping[str, Any] = judged or {}
    facts, parameters = version.facts, version.parameters
    settings = {name: parameters.get(name, value) for name, value in says["settings"].items()}
    return {
        "format": FORMAT,
        "customer": version.customer,
        "model": version.model,
        "version": version.number,
        "digest": version.digest,
        "created_at": version.created_at.isoformat(timespec="seconds"),
        **{name: value for name, value in says.items() if name not in ("settings", "limits")},
        "rung": facts.get("rung", "own model"),
        "status": _status(version, events, champion),
        "history": [
            {"kind": one.kind, "reason": one.reason, "at": one.at.isoformat(timespec="seconds")}
            for one in events
            if one.version == version.number and one.kind != "registered"
        ],
        "metric": _metric(version, events, found.get("against", {})),
        "data": {
            "versions": dict(version.data_versions),
            "train": found.get("train"),
            "test": found.get("test"),
        },
        "columns": {
            "used": list(version.columns),
            "offered": found.get("columns_offered"),
            "selection": found.get("selection") or facts.get("selection"),
        },
        "parameters": {name: value for name, value in parameters.items() if name not in settings},
        "tuning": found.get("tuning") or facts.get("tuning"),
        "settings": settings,
        "decision": facts.get("decision"),
        "seed": version.seed,
        "code_version": version.code_version,
        "cpu_seconds": version.cpu_seconds,
        "warnings": list(facts.get("warnings", ())),
        "limits": says["limits"],
        "judged": judged is not None,
        **{name: found.get(name) for name in ("came_true", "calibration", "reasons", "slices")},
    }


def _status(version: Version, events: Sequence[Event], champion: int | None) -> str:
    mine = {event.kind for event in events if event.version == version.number}
    if version.number == champion:
        return "champion"
    if mine & {"promoted", "rolled_back"}:
        return "former champion"
    return "not promoted" if "kept" in mine else "not decided"


def _metric(version: Version, events: Sequence[Event], against: Mapping[str, Any]) -> dict[str, Any]:
    found, known = version.metrics, METRICS.get(version.metrics.name)
    rival = None
    if found.champion_value is not None:
        rival = {
            "version": _champion_then(version, events),
            "value": found.champion_value,
            **against.get("champion", {}),
        }
    return {
        "name": found.name,
        "title": known.title if known else found.name,
        "higher_is_better": known.higher_is_better if known else None,
        "value": found.value,
        "low": found.low,
        "high": found.high,
        "units": found.rows,
        "tested_as_of": found.tested_as_of.isoformat(),
        "baseline": {"name": found.baseline_name, "value": found.baseline_value, **against.get("baseline", {})},
        "champion": rival,
    }


def _champion_then(version: Version, events: Sequence[Event]) -> int | None:
    """The number of the champion when a version was judged."""
    number = None
    for event in events:
        if event.version == version.number and event.kind in ("promoted", "kept"):
            break
        if event.kind in ("promoted", "rolled_back"):
            number = event.version
    return number


def _dated(model: Model, snapshot: LabelledSnapshot) -> dict[str, Any]:
    return {
        "as_of": snapshot.as_of.isoformat(),
        "units": count_units(model.task, snapshot.outcome),
        "mean_outcome": mean_outcome(model.task, snapshot.outcome),
    }


def _numbers(features: pd.DataFrame) -> int:
    """How many columns a model could have learned from."""
    return len([name for name in features.select_dtypes(["number", "bool"]).columns if name != "user_id"])


def _against(judged: Metric, outcome: pd.DataFrame, prediction: pd.DataFrame, rival: pd.DataFrame) -> dict[str, float]:
    """How much better than a rival on the same units, above 0 is better, with the 95 % interval of the difference."""
    paired = judged.compare_paired(outcome, prediction, rival)
    gain = judged.gain(paired.difference)
    reach = Z95 * paired.standard_error
    return {"gain": gain, "low": gain - reach, "high": gain + reach}
