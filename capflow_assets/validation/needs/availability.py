"""Which models a customer's data are enough for: measured with the report, and for earlier dates on demand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

from capflow_assets.contract.validation_report import ModelAvailability, ValidationReport
from capflow_assets.run.catalogue import feature_sets, models
from capflow_assets.run.customer_run import CustomerRun
from capflow_assets.validation.kpis.kpis import count_users_and_bills, rows_before
from capflow_assets.validation.needs.measures import TABLE_OF, measure_tables
from capflow_assets.validation.needs.unmet import Facts, explain_unmet, list_measures

if TYPE_CHECKING:
    import ibis


def contract_terms(run: CustomerRun) -> dict[str, Any]:
    """Return what the availability of this customer's models depends on besides its data, JSON-ready."""
    wanted = {name: model for name, model in models().items() if run.customer.wants(name)}
    of_models = {name: [asdict(model.needs), model.tables, model.features] for name, model in wanted.items()}
    of_features = {name: asdict(chosen.needs) for name, chosen in feature_sets().items() if chosen.needs}
    return {"models": of_models, "features": of_features}


def measure_needs(run: CustomerRun, tables: Mapping[str, ibis.Table]) -> dict[str, float | str | None]:
    """Measure what the models that this customer asked for, and the feature sets, need."""
    names = list_measures(
        (model for name, model in models().items() if run.customer.wants(name)), feature_sets().values()
    )
    held = {table: f"quarantine/{table}" for table in {TABLE_OF[name] for name in names}}
    set_aside = {table: run.read(asset) for table, asset in held.items() if run.version(asset) is not None}
    return measure_tables(names, tables, set_aside)


def list_availability(run: CustomerRun, report: ValidationReport) -> tuple[ModelAvailability, ...]:
    """Return for each model that the customer asked for whether the data are enough, and why not.

    What only a model's own label can show (its share) is judged when it is trained.
    """
    has_times = report.as_of is not None
    days = report.history_days
    facts = Facts(set(run.tables()), report.users, report.bills, days, has_times, measures=report.measures)
    reasons = {name: explain_unmet(model, facts) for name, model in models().items() if run.customer.wants(name)}
    return tuple(ModelAvailability(name, reason is None, reason or "") for name, reason in reasons.items())


def gather_facts(run: CustomerRun, positives: int | None = None, negatives: int | None = None) -> Facts:
    """Return the facts of a customer's data that models' needs are compared with, as of the run's date."""
    report = run.report()
    tables, has_times = set(run.tables()), report.as_of is not None
    if report.as_of is None:
        return Facts(tables, report.users, report.bills, 0, has_times, positives, negatives, report.measures)
    as_of = run.as_of()
    days = (as_of - run.first_sale()).days
    if as_of >= report.as_of:
        return Facts(tables, report.users, report.bills, days, has_times, positives, negatives, report.measures)
    counts = _count_before(run, as_of)
    return Facts(tables, counts["users"], counts["bills"], days, has_times, positives, negatives, counts["measures"])


def _count_before(run: CustomerRun, as_of: datetime) -> Mapping[str, Any]:
    """Count what the report counts, on the rows before a date; once per run."""
    if as_of not in run.counted:
        tables = {table: rows_before(run.read(f"validated/{table}"), as_of) for table in run.tables()}
        counts = count_users_and_bills(tables["bills"], as_of)
        run.counted[as_of] = {**counts, "measures": measure_needs(run, tables)}
    return run.counted[as_of]
