"""A feature set whose columns depend on the customer: decide them once, record the decision, use it for every date."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from capflow_assets.contract.feature_set import ColumnDecision, FeatureSet
from capflow_assets.features.snapshots import cut_before
from capflow_assets.run.catalogue import models, plugin_module
from capflow_assets.run.code_version import code_version
from capflow_assets.run.customer_run import CustomerRun


@dataclass(frozen=True)
class RecordedDecision:
    """The columns of a customer's feature set, with the code and the table columns that they were decided by."""

    code: str
    columns: Mapping[str, list[str]]
    as_of: str
    chosen: ColumnDecision

    def to_json(self) -> dict[str, Any]:
        """Return the decision as one flat document."""
        return {
            "code": self.code,
            "columns": dict(self.columns),
            "as_of": self.as_of,
            "names": list(self.chosen.names),
            "users_sampled": self.chosen.users_sampled,
            "candidates": self.chosen.candidates,
            "left_out": dict(self.chosen.left_out),
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> RecordedDecision:
        """Read what `to_json` wrote."""
        chosen = ColumnDecision(
            tuple(document["names"]), document["candidates"], document["users_sampled"], document["left_out"]
        )
        return cls(document["code"], document["columns"], document["as_of"], chosen)


def resolve_columns(
    run: CustomerRun, feature_set: FeatureSet, recorded: RecordedDecision | None
) -> tuple[FeatureSet, RecordedDecision | None]:
    """Return the set with this customer's columns and the decision to record; any other set unchanged, with None.

    The columns are decided on the newest data. The `recorded` decision stands while the code and the columns of the
    customer's tables stay the same; `force` decides again. The set is historical if a model that the customer wants
    reads it.
    """
    if feature_set.decide is None or feature_set.with_columns is None:
        return feature_set, None
    tables = {table: run.read(f"validated/{table}") for table in feature_set.reads if table in run.tables()}
    code = code_version(plugin_module("feature set", feature_set.name))
    columns = {table: sorted(rows.columns) for table, rows in tables.items()}
    decision = recorded
    if run.force or decision is None or (decision.code, decision.columns) != (code, columns):
        as_of = run.as_of()
        chosen = feature_set.decide(cut_before(tables, as_of), as_of)
        decision = RecordedDecision(code, columns, as_of.isoformat(), chosen)
    resolved = feature_set.with_columns(decision.chosen.names)
    return replace(resolved, historical=_is_read_by_a_model(run, feature_set.name)), decision


def decision_metadata(decision: RecordedDecision | None) -> dict[str, Any]:
    """Return the decision as it is shown with the materialisation."""
    if decision is None:
        return {}
    chosen = decision.chosen
    return {
        "features": list(chosen.names),
        "decided as of": decision.as_of,
        "candidates": chosen.candidates,
        **{f"features left out: {reason}": count for reason, count in chosen.left_out.items()},
    }


def _is_read_by_a_model(run: CustomerRun, name: str) -> bool:
    return any(name in model.features and run.customer.wants(model.name) for model in models().values())
