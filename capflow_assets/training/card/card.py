"""The card: everything there is to say of a version, from the registry, its history and the stored record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from capflow_assets.contract.model import Model, Task
from capflow_assets.contract.snapshot import LabelledSnapshot
from capflow_assets.prediction.version_facts import VersionFacts
from capflow_assets.training.card.model_description import describe_model
from capflow_assets.training.card.predicted_vs_actual import compare_with_outcome, mean_outcome, measure_calibration
from capflow_assets.training.card.reasons import most_frequent
from capflow_assets.training.card.record import (
    FORMAT,
    Calibration,
    DatedOutcome,
    EvaluationRecord,
    FrequentReason,
    Gain,
    Rows,
    Slice,
)
from capflow_assets.training.card.slices import evaluate_slices
from capflow_assets.training.evaluation.metrics import METRICS, Z95, Metric, metric
from capflow_assets.training.evaluation.units import count_units

if TYPE_CHECKING:
    import pandas as pd

    from capflow_resources.registry import Event, Version


@dataclass(frozen=True)
class Rival:
    """What a version was compared with: the baseline, by name, or the champion of then, by version number."""

    value: float | None
    gain: Gain | None
    name: str | None = None
    version: int | None = None


@dataclass(frozen=True)
class CardMetric:
    """The metric on the test date with its 95 % interval, and the same of the rivals."""

    name: str
    title: str
    higher_is_better: bool | None
    value: float
    low: float | None
    high: float | None
    units: int
    tested_as_of: str
    baseline: Rival
    champion: Rival | None


@dataclass(frozen=True)
class CardEvent:
    """A decision about the version: what, why, and when (ISO 8601, UTC)."""

    kind: str
    reason: str
    at: str


@dataclass(frozen=True)
class Card:
    """Everything there is to say of a version. What only its test date could tell is None without a stored record."""

    customer: str
    model: str
    version: int
    digest: str
    created_at: str
    title: str
    description: str
    family: str
    task: Task
    method: str
    owner: str
    unit: Sequence[str]
    learns_from: str
    horizon_days: int
    rung: str
    status: str
    history: Sequence[CardEvent]
    metric: CardMetric
    data_versions: Mapping[str, int]
    train: Sequence[DatedOutcome] | None
    test: DatedOutcome | None
    columns_used: Sequence[str]
    columns_offered: int | None
    selection: Mapping[str, Any] | None
    parameters: Mapping[str, Any]
    tuning: Mapping[str, Any] | None
    settings: Mapping[str, Any]
    decision: Any
    seed: int
    code_version: str
    cpu_seconds: float
    warnings: Sequence[str]
    limits: Sequence[str]
    has_record: bool
    came_true: Rows | None
    calibration: Calibration | None
    reasons: Sequence[FrequentReason] | None
    slices: Sequence[Slice] | None

    def to_json(self) -> dict[str, Any]:
        """Return the card as `capflow model card --json` prints it."""
        same = (
            "customer", "model", "version", "digest", "created_at", "title", "description", "family", "task", "method",
            "owner", "learns_from", "horizon_days", "rung", "status", "decision", "seed", "code_version", "cpu_seconds",
            "came_true",
        )  # fmt: skip
        return {
            "format": FORMAT,
            **{name: getattr(self, name) for name in same},
            "unit": list(self.unit),
            "history": [asdict(event) for event in self.history],
            "metric": _metric_json(self.metric),
            "data": {
                "versions": dict(self.data_versions),
                "train": None if self.train is None else [date.to_json() for date in self.train],
                "test": None if self.test is None else self.test.to_json(),
            },
            "columns": {
                "used": list(self.columns_used),
                "offered": self.columns_offered,
                "selection": self.selection,
            },
            "parameters": dict(self.parameters),
            "tuning": self.tuning,
            "settings": dict(self.settings),
            "warnings": list(self.warnings),
            "limits": list(self.limits),
            "judged": self.has_record,
            "calibration": None if self.calibration is None else self.calibration.to_json(),
            "reasons": None if self.reasons is None else [reason.to_json() for reason in self.reasons],
            "slices": None if self.slices is None else [part.to_json() for part in self.slices],
        }


def build_evaluation_record(
    model: Model,
    train: Sequence[LabelledSnapshot],
    test: LabelledSnapshot,
    facts: VersionFacts,
    prediction: pd.DataFrame,
    baseline: pd.DataFrame,
    champion: pd.DataFrame | None = None,
    evidence: Mapping[str, Any] | None = None,
) -> EvaluationRecord:
    """Record what the test date shows of a fitted model.

    `baseline` and `champion` are their predictions for the same units; `evidence` says how the columns ("selection")
    and parameters ("tuning") were found.
    """
    outcome, measure = test.outcome, metric(model.metric)
    rivals = {"baseline": baseline} | ({} if champion is None else {"champion": champion})
    rows = compare_with_outcome(model.task, outcome, prediction)
    return EvaluationRecord(
        says=describe_model(model),
        train=tuple(_summarise_date(model, snapshot) for snapshot in sorted(train, key=lambda one: one.as_of)),
        test=_summarise_date(model, test),
        columns_offered=_count_columns(test.features),
        selection=(evidence or {}).get("selection"),
        tuning=(evidence or {}).get("tuning"),
        against={name: _measure_gain(measure, outcome, prediction, rival) for name, rival in rivals.items()},
        came_true=rows,
        calibration=measure_calibration(rows) if model.task == "binary" else None,
        reasons=tuple(most_frequent(prediction["reasons"], facts.model.get("phrases", {}))),
        slices=tuple(evaluate_slices(model, test, prediction, baseline)),
    )


def build_card(
    version: Version,
    events: Sequence[Event],
    champion: int | None,
    record: EvaluationRecord | None,
    model: Model | None = None,
) -> Card:
    """Build the card of a version.

    `events` are the model's history and `champion` the number of the present one. Without a `record` the version is
    older than cards, and `model` describes it. Raises ValueError if there is neither.
    """
    if record is not None:
        says = record.says
    elif model is not None:
        says = describe_model(model)
    else:
        raise ValueError(f"Nothing is known of {version.model}: no card was kept, and there is no such model any more.")
    facts, parameters = VersionFacts.from_json(version.facts), version.parameters
    settings = {name: parameters.get(name, value) for name, value in says.settings.items()}
    return Card(
        customer=version.customer,
        model=version.model,
        version=version.number,
        digest=version.digest,
        created_at=version.created_at.isoformat(timespec="seconds"),
        title=says.title,
        description=says.description,
        family=says.family,
        task=says.task,
        method=says.method,
        owner=says.owner,
        unit=says.unit,
        learns_from=says.learns_from,
        horizon_days=says.horizon_days,
        rung=facts.rung,
        status=_status(version, events, champion),
        history=tuple(
            CardEvent(event.kind, event.reason, event.at.isoformat(timespec="seconds"))
            for event in events
            if event.version == version.number and event.kind != "registered"
        ),
        metric=_build_metric(version, events, record.against if record else {}),
        data_versions=dict(version.data_versions),
        train=record.train if record else None,
        test=record.test if record else None,
        columns_used=tuple(version.columns),
        columns_offered=record.columns_offered if record else None,
        selection=(record.selection if record else None) or facts.model.get("selection"),
        parameters={name: value for name, value in parameters.items() if name not in settings},
        tuning=(record.tuning if record else None) or facts.model.get("tuning"),
        settings=settings,
        decision=facts.model.get("decision"),
        seed=version.seed,
        code_version=version.code_version,
        cpu_seconds=version.cpu_seconds,
        warnings=facts.warnings,
        limits=says.limits,
        has_record=record is not None,
        came_true=record.came_true if record else None,
        calibration=record.calibration if record else None,
        reasons=record.reasons if record else None,
        slices=record.slices if record else None,
    )


def _status(version: Version, events: Sequence[Event], champion: int | None) -> str:
    kinds = {event.kind for event in events if event.version == version.number}
    if version.number == champion:
        return "champion"
    if kinds & {"promoted", "rolled_back"}:
        return "former champion"
    return "not promoted" if "kept" in kinds else "not decided"


def _build_metric(version: Version, events: Sequence[Event], against: Mapping[str, Gain]) -> CardMetric:
    metrics, measure = version.metrics, METRICS.get(version.metrics.name)
    champion = None
    if metrics.champion_value is not None:
        then = _champion_at_decision(version, events)
        champion = Rival(metrics.champion_value, against.get("champion"), version=then)
    return CardMetric(
        name=metrics.name,
        title=measure.title if measure else metrics.name,
        higher_is_better=measure.higher_is_better if measure else None,
        value=metrics.value,
        low=metrics.low,
        high=metrics.high,
        units=metrics.rows,
        tested_as_of=metrics.tested_as_of.isoformat(),
        baseline=Rival(metrics.baseline_value, against.get("baseline"), name=metrics.baseline_name),
        champion=champion,
    )


def _metric_json(measured: CardMetric) -> dict[str, Any]:
    champion = measured.champion
    return {
        **asdict(measured),
        "baseline": {"name": measured.baseline.name, **_rival_json(measured.baseline)},
        "champion": None if champion is None else {"version": champion.version, **_rival_json(champion)},
    }


def _rival_json(rival: Rival) -> dict[str, Any]:
    return {"value": rival.value, **(rival.gain.to_json() if rival.gain else {})}


def _champion_at_decision(version: Version, events: Sequence[Event]) -> int | None:
    """Return the number of the champion when the version was decided on."""
    number = None
    for event in events:
        if event.version == version.number and event.kind in ("promoted", "kept"):
            break
        if event.kind in ("promoted", "rolled_back"):
            number = event.version
    return number


def _summarise_date(model: Model, snapshot: LabelledSnapshot) -> DatedOutcome:
    outcome = snapshot.outcome
    return DatedOutcome(snapshot.as_of.isoformat(), count_units(model.task, outcome), mean_outcome(model.task, outcome))


def _count_columns(features: pd.DataFrame) -> int:
    """Return how many columns a model could have learned from."""
    return len([name for name in features.select_dtypes(["number", "bool"]).columns if name != "user_id"])


def _measure_gain(measure: Metric, outcome: pd.DataFrame, prediction: pd.DataFrame, rival: pd.DataFrame) -> Gain:
    paired = measure.compare_paired(outcome, prediction, rival)
    gain, reach = measure.gain(paired.difference), Z95 * paired.standard_error
    return Gain(gain, gain - reach, gain + reach)
