"""What Dagster shows of each asset: group, description, owner, tags, columns, dependencies and automation."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import dagster as dg

from capflow_assets.contract.model import Model
from capflow_assets.contract.outcome import CHECKS
from capflow_assets.graph.keys import key
from capflow_assets.run.catalogue import embeddings, feature_sets, models, tables
from capflow_assets.run.plan import MODEL_LAYERS, REPORT, Step, plan
from partitions.partition import customers

# Checks by partition are a preview in Dagster 1.13; tests/graph hold what CapFlow needs of them.
warnings.filterwarnings("ignore", category=dg.PreviewWarning)

NOT_IN_A_TAG = re.compile(r"[^\w.-]")
PLATFORM = "team:data-platform"
PROPAGATES = frozenset({"validated", "validation", "features", "prediction", "performance"})
STAMP = ("customer", "model", "version", "as_of")
DESCRIBED = {
    "customer": ("string", "The retailer."),
    "model": ("string", "The model."),
    "version": ("int64", "The champion version that made this prediction."),
    "as_of": ("timestamp", "Only data from before this moment is used."),
    "user_id": ("string", "The shopper."),
    "item_id": ("string", "The item."),
    "other_item_id": ("string", "The other item."),
    "similar_item_id": ("string", "The similar item."),
    "category": ("string", "The category of items."),
    "store_id": ("string", "The store."),
    "channel": ("string", "The channel to reach the shopper by."),
    "offer": ("string", "What is offered."),
    "slot": ("string", "The part of the week."),
    "media_id": ("string", "The picture or recording."),
    "review_id": ("string", "The review."),
    "week": ("int64", "The week ahead: 1 is the seven days from as_of on."),
    "rank": ("int64", "1 is the best."),
    "score": ("float64", "A probability where the model says so; otherwise higher is better."),
    "value": ("float64", "The expected value, in the unit that the model names."),
    "label": ("string", "The group or class."),
    "reasons": ("array<string>", "Why, in one to three sentences."),
}


def asset_specs() -> list[dg.AssetSpec]:
    """Return one spec for each asset of the plan."""
    return [_spec(step) for step in plan().values()]


def check_specs() -> list[dg.AssetCheckSpec]:
    """Return the blocking checks: the audit of each validated table, and the KPIs of the report."""
    audit = "Checks every row against the table's rules; too many bad rows block the customer."
    kpis = "Checks the customer's KPIs against their bounds; outside them, the customer is blocked."
    checked = [step.asset for step in plan().values() if step.layer == "validated"]
    audits = [_check(CHECKS["validated"], asset, audit) for asset in checked]
    return [*audits, _check(CHECKS["validation"], REPORT, kpis)]


def _check(check: str, asset: str, description: str) -> dg.AssetCheckSpec:
    return dg.AssetCheckSpec(check, asset=key(asset), description=description, blocking=True, partitions_def=customers)


def _spec(step: Step) -> dg.AssetSpec:
    """Return the spec of a step; a plug-in that Dagster does not take is shown with the reason, and stops no other."""
    try:
        return _spec_of(step, _face(step))
    except Exception as error:
        reason = " ".join(str(error).split())
        return _spec_of(step, Face(f"{step.asset} cannot be shown as it describes itself: {reason}"))


def automation_condition(layer: str) -> dg.AutomationCondition | None:
    """Return when Dagster's automation sensor, once switched on, makes an asset of this layer; None for never.

    New data flows on to predictions when every blocking check has passed; models train on demand or on drift.
    """
    if layer not in PROPAGATES:
        return None
    return dg.AutomationCondition.eager() & dg.AutomationCondition.all_deps_blocking_checks_passed()


@dataclass(frozen=True)
class Face:
    """What Dagster shows of an asset."""

    text: str
    owner: str = PLATFORM
    tags: Mapping[str, str] = field(default_factory=dict)
    kinds: frozenset[str] = frozenset()
    columns: dg.TableSchema | None = None


def _spec_of(step: Step, face: Face) -> dg.AssetSpec:
    return dg.AssetSpec(
        key(step.asset),
        deps=[key(read) for read in step.reads],
        description=face.text.replace("<", r"\<"),  # Markdown: "<name>" would be taken for HTML
        group_name=step.layer,
        owners=[face.owner],
        tags={"layer": step.layer, **face.tags},
        kinds=set(face.kinds),
        metadata={"dagster/column_schema": face.columns} if face.columns else {},
        partitions_def=customers,
        automation_condition=automation_condition(step.layer),
        skippable=True,
    )


def _face(step: Step) -> Face:
    if step.broken is not None:
        return Face(str(step.broken))
    if step.layer in MODEL_LAYERS:
        return _model_face(step, models()[step.name])
    if step.layer == "features":
        return _features_face(step)
    if step.layer == "validation":
        return Face("KPIs and distributions of a customer, checked against their bounds.", kinds=frozenset({"pandera"}))
    lead = "As the customer sent it. " if step.layer == "raw" else "Cleaned and checked. "
    if step.name not in tables():
        return Face(lead)
    table = tables()[step.name]
    columns = _schema((column.name, column.dtype, column.description) for column in table.columns)
    return Face(lead + table.description, kinds=frozenset({"deltalake"}), columns=columns)


def _features_face(step: Step) -> Face:
    if step.name in embeddings():
        embedding = embeddings()[step.name]
        return Face(embedding.description, kinds=frozenset({"numpy"}), columns=_schema(embedding.columns))
    chosen = feature_sets()[step.name]
    fixed = () if chosen.decide else chosen.features  # what a customer's data decides, its materialisation tells
    features = ((feature.name, feature.dtype, feature.description) for feature in fixed)
    keys = ((name, *_column_description(name)) for name in chosen.key)
    as_of = ("as_of", "timestamp", "Only data from before this moment is used.")
    return Face(chosen.description, kinds=frozenset({"ibis", "duckdb"}), columns=_schema((*keys, as_of, *features)))


def _model_face(step: Step, model: Model) -> Face:
    tags = {"family": NOT_IN_A_TAG.sub("_", model.family)[:63], "task": model.task}
    if step.layer == "model":
        judged = f"Judged by {model.metric}, against a baseline: {model.baseline_name}."
        return Face(f"{model.title}. {model.description} {judged}", model.owner, tags, frozenset({"python"}))
    if step.layer == "prediction":
        extras = {name: ("float64", sentence) for name, sentence in model.extras.items()}
        names = (*STAMP, *model.prediction_columns)
        columns = _schema((name, *(extras.get(name) or _column_description(name))) for name in names)
        text = f"{model.title}: the champion's predictions."
        return Face(text, model.owner, tags, frozenset({"deltalake"}), columns)
    text = f"{model.title}: how good matured predictions were ({model.metric} after {model.horizon_days} days)."
    return Face(text, model.owner, tags, frozenset({"deltalake"}))


def _column_description(column: str) -> tuple[str, str]:
    """Return type and description of a column of keys or predictions; text for one that only a plug-in knows."""
    return DESCRIBED.get(column, ("string", f"The {column.removesuffix('_id').replace('_', ' ')}."))


def _schema(columns: Iterable[tuple[str, str, Any]]) -> dg.TableSchema:
    return dg.TableSchema([dg.TableColumn(name, dtype, description or None) for name, dtype, description in columns])
