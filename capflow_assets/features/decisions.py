"""A feature set whose columns are the customer's own: decided once by its data, kept, and used for every date."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from capflow_assets.contract.feature_set import FeatureSet
from capflow_assets.features.snapshots import cut_before
from capflow_assets.run.catalogue import models, plugin_module
from capflow_assets.run.code_version import code_version
from capflow_assets.run.customer_run import CustomerRun

FACT = "decided"


def settled(run: CustomerRun, asset: str, feature_set: FeatureSet) -> tuple[FeatureSet, dict[str, Any]]:
    """The set with this customer's columns, and the decision to be stored with the version; other sets as they are.

    The decision is made on the newest data and stands while the code and the columns of the customer's tables are the
    same; `force` makes it anew. Past dates are computed where a model that the customer wants reads the set.
    """
    if feature_set.decide is None or feature_set.decided is None:
        return feature_set, {}
    tables = {table: run.read(f"validated/{table}") for table in feature_set.reads if table in run.tables()}
    basis = {
        "code": code_version(plugin_module("feature set", feature_set.name)),
        "columns": {table: sorted(rows.columns) for table, rows in tables.items()},
    }
    stored = run.version(asset)
    decision = dict(stored.facts.get(FACT, {})) if stored is not None else {}
    if run.force or any(decision.get(name) != value for name, value in basis.items()):
        as_of = run.as_of()
        made = feature_set.decide(cut_before(tables, as_of), as_of)
        decision = {**basis, "as_of": as_of.isoformat(), "names": list(made.names), **made.facts}
    chosen = feature_set.decided(decision["names"])
    return replace(chosen, past=_is_learned_from(run, feature_set.name)), {FACT: decision}


def shown_of(decision: Mapping[str, Any]) -> dict[str, Any]:
    """The decision as people see it in the metadata of the materialisation."""
    if not decision:
        return {}
    made = decision[FACT]
    told = {f"features left out: {reason}": count for reason, count in made["left_out"].items()}
    return {"features": made["names"], "decided as of": made["as_of"], "candidates": made["candidates"], **told}


def _is_learned_from(run: CustomerRun, name: str) -> bool:
    return any(name in model.features and run.customer.wants(model.name) for model in models().values())
