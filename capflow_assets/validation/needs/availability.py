"""Which models a customer's data is enough for: measured with the report, told for each model with its reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

from capflow_assets.run.catalogue import feature_sets, models
from capflow_assets.run.customer_run import CustomerRun
from capflow_assets.validation.needs.measures import TABLE_OF, measure_tables
from capflow_assets.validation.needs.unmet import Facts, explain_unmet, needed_measures

if TYPE_CHECKING:
    import ibis


def contract_terms(run: CustomerRun) -> dict[str, Any]:
    """All that the contracts of this customer's models depend on besides its data, JSON-ready."""
    wanted = {name: model for name, model in models().items() if run.customer.wants(name)}
    of_models = {name: [asdict(model.needs), model.tables, model.features] for name, model in wanted.items()}
    of_features = {name: asdict(chosen.needs) for name, chosen in feature_sets().items() if chosen.needs}
    return {"models": of_models, "features": of_features}


def measure_needs(run: CustomerRun, tables: Mapping[str, ibis.Table]) -> dict[str, float | str | None]:
    """What the contracts of the models that this customer asked for, and of feature sets, rest on."""
    names = needed_measures(
        (model for name, model in models().items() if run.customer.wants(name)), feature_sets().values()
    )
    held = {table: f"quarantine/{table}" for table in {TABLE_OF[name] for name in names}}
    set_aside = {table: run.read(asset) for table, asset in held.items() if run.version(asset) is not None}
    return measure_tables(names, tables, set_aside)


def list_availability(run: CustomerRun, found: Mapping[str, Any]) -> list[dict[str, Any]]:
    """For each model that the customer asked for: `model`, `available`, and the `reason` why not.

    `found` is the report's document. What only a model's own label can tell (its share) is judged when it is trained.
    """
    days, has_times = 0, found["as_of"] is not None
    if has_times:
        days = (datetime.fromisoformat(found["as_of"]) - datetime.fromisoformat(found["first_sale"])).days
    facts = Facts(set(run.tables()), found["users"], found["bills"], days, has_times, measures=found["measures"])
    reasons = {name: explain_unmet(model, facts) for name, model in models().items() if run.customer.wants(name)}
    return [{"model": name, "available": reason is None, "reason": reason or ""} for name, reason in reasons.items()]
