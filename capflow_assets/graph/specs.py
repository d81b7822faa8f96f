"""What Dagster shows of each asset: group, description, owner, tags, columns, and what it is made from."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from typing import Any

import dagster as dg

from capflow_assets.features import FEATURE_SETS
from capflow_assets.features.embeddings import EMBEDDINGS
from capflow_assets.graph.automation import condition
from capflow_assets.graph.keys import key
from capflow_assets.run.catalogue import models
from capflow_assets.run.plan import REPORT, Step, plan
from capflow_assets.validated import asset as validated
from capflow_assets.validated.tables import TABLES
from capflow_assets.validation import asset as report
from partitions.partition import customers

# Checks by partition are a preview in Dagster 1.13; tests/graph hold what CapFlow needs of them.
warnings.filterwarnings("ignore", category=dg.PreviewWarning)

PLATFORM = "team:data-platform"
STAMP = ("customer", "model", "version", "as_of")
PREDICTED = {
    "customer": ("string", "The retailer."),
    "model": ("string", "The model."),
    "version": ("int64", "The version that was champion and predicted this."),
    "as_of": ("timestamp", "The prediction knows nothing from then on."),
    "user_id": ("string", "The shopper."),
    "item_id": ("string", "The item."),
    "other_item_id": ("string", "The other item."),
    "similar_item_id": ("string", "The item that is like it."),
    "category": ("string", "The category of items."),
    "store_id": ("string", "The store."),
    "channel": ("string", "The way to reach the shopper."),
    "offer": ("string", "What is offered."),
    "slot": ("string", "The part of the week."),
    "media_id": ("string", "The picture or recording."),
    "review_id": ("string", "The review."),
    "week": ("int64", "The week ahead: 1 is the seven days from as_of on."),
    "rank": ("int64", "1 is the best."),
    "score": ("float64", "A probability where the model says so; otherwise higher is better."),
    "value": ("float64", "What is expected, in the unit that the model names."),
    "label": ("string", "The group or class."),
    "reasons": ("array<string>", "Why, in one to three sentences."),
}


def asset_specs() -> list[dg.AssetSpec]:
    """One spec for each asset of the plan."""
    return [_spec(step) for step in plan().values()]


def check_specs() -> list[dg.AssetCheckSpec]:
    """The blocking checks: the audit of each validated table, and the KPIs of the report."""
    checked = [step.asset for step in plan().values() if step.layer == "validated"]
    audits = [
        _check(validated.CHECK, asset, "Every row against the table's rules; too many bad rows block the customer.")
        for asset in checked
    ]
    return [*audits, _check(report.CHECK, REPORT, "The customer's KPIs within their bounds; outside, it is blocked.")]


def _check(check: str, asset: str, description: str) -> dg.AssetCheckSpec:
    return dg.AssetCheckSpec(check, asset=key(asset), description=description, blocking=True, partitions_def=customers)


def _spec(step: Step) -> dg.AssetSpec:
    text, owner, tags, kinds, columns = _face(step)
    metadata = {"dagster/column_schema": columns} if columns else {}
    return dg.AssetSpec(
        key(step.asset),
        deps=[key(read) for read in step.reads],
        description=text.replace("<", r"\<"),  # Markdown: "<name>" would be taken for HTML
        group_name=step.layer,
        owners=[owner],
        tags={"layer": step.layer, **tags},
        kinds=kinds,
        metadata=metadata,
        partitions_def=customers,
        automation_condition=condition(step.layer),
        skippable=True,
    )


Face = tuple[str, str, Mapping[str, str], set[str], dg.TableSchema | None]


def _face(step: Step) -> Face:
    if step.layer in ("raw", "validated"):
        table = TABLES[step.name]
        lead = "As the customer sent it. " if step.layer == "raw" else "Cleaned and checked. "
        columns = _schema((column.name, column.dtype, column.description) for column in table.columns)
        return lead + table.description, PLATFORM, {}, {"deltalake"}, columns
    if step.layer == "validation":
        return "KPIs and distributions of a customer against their bounds.", PLATFORM, {}, {"pandera"}, None
    if step.layer == "features" and step.name in EMBEDDINGS:
        embedding = EMBEDDINGS[step.name]
        return embedding.description, PLATFORM, {}, {"numpy"}, _schema(embedding.columns)
    if step.layer == "features":
        chosen = FEATURE_SETS[step.name]
        fixed = () if chosen.decide else chosen.features  # what a customer's data decides, its materialisation tells
        features = ((feature.name, feature.dtype, feature.description) for feature in fixed)
        keys = ((name, *PREDICTED[name]) for name in chosen.key)
        as_of = ("as_of", "timestamp", "Nothing from then on is used.")
        return chosen.description, PLATFORM, {}, {"ibis", "duckdb"}, _schema((*keys, as_of, *features))
    return _model_face(step)


def _model_face(step: Step) -> Face:
    model = models()[step.name]
    tags = {"family": model.family.replace(" ", "_"), "task": model.task}
    if step.layer == "model":
        text = (
            f"{model.title}. {model.description} Judged by {model.metric}, against a baseline: {model.baseline_name}."
        )
        return text, model.owner, tags, {"python"}, None
    if step.layer == "prediction":
        told = PREDICTED | {name: ("float64", sentence) for name, sentence in model.extras.items()}
        schema = _schema((column, *told[column]) for column in (*STAMP, *model.prediction_columns))
        return f"{model.title}: the champion's predictions.", model.owner, tags, {"deltalake"}, schema
    text = f"{model.title}: what came true of matured predictions ({model.metric} after {model.horizon_days} days)."
    return text, model.owner, tags, {"deltalake"}, None


def _schema(columns: Iterable[tuple[str, str, Any]]) -> dg.TableSchema:
    return dg.TableSchema([dg.TableColumn(name, dtype, description or None) for name, dtype, description in columns])
