"""Outcomes as Dagster events: a materialisation or observation, a check with its evidence, plots and numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import dagster as dg
from dagster._core.definitions.asset_checks.asset_check_evaluation import (  # internal; held by tests/graph
    AssetCheckEvaluationTargetMaterializationData as TargetMaterialization,
)

from capflow_assets.contract.outcome import CHECKS, Check, Markdown, Outcome
from capflow_assets.graph.keys import key
from capflow_assets.validation.plots import png_markdown

DIGITS = 4
WIDE = 60
SUBJECT = ("model", "kpi", "column", "check")


def events(context: dg.AssetExecutionContext, customer: str, outcome: Outcome) -> Iterator[Any]:
    """Yield the events of one outcome. A blocked or failed asset is observed, with its reason, never materialised."""
    event = dg.AssetObservation if outcome.stops else dg.AssetMaterialization
    text = outcome.reason or None
    yield event(key(outcome.asset), partition=customer, description=text, metadata=_metadata(outcome))
    check = outcome.check or _default_check(outcome)
    if check is not None:
        yield dg.AssetCheckEvaluation(
            asset_key=key(outcome.asset),
            check_name=check.name,
            passed=check.passed,
            partition=customer,
            description=text,
            metadata={
                name: value
                for name, value in _metadata_values(check.facts).items()
                if not (isinstance(value, str) and value in outcome.reason)
            },
            blocking=False,  # True would fail the step, and with it every other customer of the run
            target_materialization_data=None if outcome.stops else _target(context, customer, outcome.asset),
        )


def _default_check(outcome: Outcome) -> Check | None:
    """Return the check of an asset that was not checked: it passes unless the outcome stops the customer.

    Dagster shows a check that a run left out as failed, and automation would wait for it for ever.
    """
    name = CHECKS.get(outcome.asset.split("/")[0])
    return Check(name, not outcome.stops) if name else None


def _target(context: dg.AssetExecutionContext, customer: str, asset: str) -> TargetMaterialization | None:
    """Return the target of an evaluation: without it, it never counts as current, and automation waits for ever."""
    wanted = dg.AssetRecordsFilter(asset_key=key(asset), asset_partitions=[customer])
    records = context.instance.fetch_materializations(wanted, limit=1).records
    if not records:
        return None
    return TargetMaterialization(
        storage_id=records[0].storage_id, run_id=records[0].run_id, timestamp=records[0].timestamp
    )


def _metadata(outcome: Outcome) -> dict[str, Any]:
    """Return status and reason first, then the plots, then the numbers; Dagster keeps this order."""
    facts = _metadata_values(outcome.facts)
    header = {"status": outcome.status.replace("_", " "), "reason": outcome.reason}
    if "rows" in facts:
        facts["dagster/row_count"] = dg.MetadataValue.int(facts.pop("rows"))
    pictures = "\n\n".join(png_markdown(png, title) for title, png in outcome.plots.items())
    plots = {"plots": dg.MetadataValue.md(pictures)} if pictures else {}
    return {name: text for name, text in header.items() if text} | plots | facts


def _metadata_values(facts: Mapping[str, Any]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, value in facts.items():
        if _is_table(value):
            values |= _table(name, value)
        elif value is not None and value != {} and value != []:
            values[name] = _metadata_value(value)
    return values


def _metadata_value(value: Any) -> Any:
    if isinstance(value, Markdown):
        return dg.MetadataValue.md(value)
    if isinstance(value, float):
        return round(value, DIGITS)
    if isinstance(value, Mapping):
        return "\n".join(f"{name}: {one}" for name, one in value.items())
    if isinstance(value, list | tuple):
        texts = [str(one) for one in value]
        return ("\n" if any(" " in text for text in texts) else ", ").join(texts)
    return value


def _is_table(value: Any) -> bool:
    return isinstance(value, list | tuple) and bool(value) and all(isinstance(row, Mapping) for row in value)


def _table(name: str, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return a table as wide as a page, failed rows first; of rows that did not pass, wider texts follow by subject."""
    rows = sorted(rows, key=lambda row: bool(row.get("passed")))
    wide = [column for column in rows[0] if any(len(str(row[column])) > WIDE for row in rows)]
    narrow = [column for column in rows[0] if column not in wide and any(row[column] not in (None, "") for row in rows)]
    records = [_record({column: _cell(row[column]) for column in narrow}) for row in rows]
    subjects = [" ".join(str(row[part]) for part in SUBJECT if row.get(part)) for row in rows]
    texts = {
        subject: " ".join(str(row[column]) for column in wide if row[column])
        for subject, row in zip(subjects, rows, strict=True)
        if wide and not row.get("passed")
    }
    return {name: dg.MetadataValue.table(records), **texts}


def _record(cells: dict[str, str | int | float | bool | None]) -> dg.TableRecord:
    """Return a record, made in a frame of its own: Dagster reads its caller's locals, which crashes Python 3.13.0 in a
    comprehension."""
    return dg.TableRecord(cells)


def _cell(value: Any) -> str | int | float | bool | None:
    if isinstance(value, float):
        return round(value, DIGITS)
    return value if isinstance(value, str | int | bool) or value is None else str(value)
