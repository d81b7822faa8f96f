"""What came of an asset, told to Dagster: a materialisation, a check with its evidence, plots and numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import dagster as dg

from dagster._core.definitions.asset_checks.asset_check_evaluation import (  # internal; held by tests/graph
    AssetCheckEvaluationTargetMaterializationData as TargetMaterialization,
)

from capflow_assets.graph.keys import key
from capflow_assets.steps.outcome import Markdown, Outcome
from capflow_assets.validation.plots import png_markdown


def events(context: dg.AssetExecutionContext, customer: str, outcome: Outcome) -> Iterator[Any]:
    """The events of one outcome. What is blocked or failed is never reported as materialised."""
    if not outcome.stops:
        yield dg.AssetMaterialization(
            key(outcome.asset), partition=customer, description=outcome.reason or None, metadata=_metadata(outcome)
        )
    if outcome.check is not None:
        yield dg.AssetCheckEvaluation(
            asset_key=key(outcome.asset),
            check_name=outcome.check.name,
            passed=outcome.check.passed,
            partition=customer,
            description=outcome.reason or None,
            metadata=_facts(outcome.check.facts),
            blocking=False,  # True would fail the step, and with it every other customer of the run
            target_materialization_data=None if outcome.stops else _newest(context, customer, outcome.asset),
        )


def _newest(
    context: dg.AssetExecutionContext, customer: str, asset: str
) -> TargetMaterialization | None:
    """Without its target an evaluation never counts as current, and automation waits for ever."""
    wanted = dg.AssetRecordsFilter(asset_key=key(asset), asset_partitions=[customer])
    records = context.instance.fetch_materializations(wanted, limit=1).records
    if not records:
        return None
    return TargetMaterialization(
        storage_id=records[0].storage_id, run_id=records[0].run_id, timestamp=records[0].timestamp
    )


def _metadata(outcome: Outcome) -> dict[str, Any]:
    facts = _facts(outcome.facts)
    if "rows" in outcome.facts:
        facts["dagster/row_count"] = dg.MetadataValue.int(facts.pop("rows"))
    plots = {title: dg.MetadataValue.md(png_markdown(png, title)) for title, png in outcome.plots.items()}
    return {"status": outcome.status.replace("_", " "), **facts, **plots}


def _facts(facts: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _value(value) for name, value in facts.items() if value is not None}


def _value(value: Any) -> Any:
    if isinstance(value, Markdown):
        return dg.MetadataValue.md(value)
    if isinstance(value, Sequence) and not isinstance(value, str) and value and isinstance(value[0], Mapping):
        return dg.MetadataValue.table([dg.TableRecord({k: _cell(v) for k, v in row.items()}) for row in value])
    if isinstance(value, Mapping | list | tuple):
        return dg.MetadataValue.json(value)
    return value


def _cell(value: Any) -> str | int | float | bool | None:
    return value if isinstance(value, str | int | float | bool) or value is None else str(value)
