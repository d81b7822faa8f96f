"""The leakage checker at work: before a model of a customer is fitted, its features are looked at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from capflow_assets.contract.model import Model
from capflow_assets.contract.outcome import Blocked
from capflow_assets.contract.snapshot import LabelledSnapshot
from capflow_assets.features.load import load_snapshot
from capflow_assets.run.catalogue import feature_sets
from capflow_assets.run.customer_run import CustomerRun
from capflow_assets.training.leakage import Suspicion, find_suspicions

SHOWN = 3


def check_leakage(
    run: CustomerRun, model: Model, past: Sequence[LabelledSnapshot], test: LabelledSnapshot
) -> list[str]:
    """What is to be kept with the version about its features; Blocked when one of them may not be learned from.

    Columns that the customer file trusts are not looked at; those that it ignores are not there. A model that learns
    from labels has no features of shoppers, and no other date to compare with.
    """
    if not model.features or model.learns_from == "labels":
        return []
    newest = load_snapshot(run, model, run.as_of())
    trusted = set(run.customer.trusted_features)
    found = [one for one in find_suspicions(past, test, newest, model.task) if one.column not in trusted]
    found = [replace(one, severity="warn") if _is_a_quiet_month(model, one) else one for one in found]
    bad = [one for one in found if one.severity == "block"]
    if bad:
        raise Blocked(_told(run, model, bad))
    return [str(one) for one in found]


def _is_a_quiet_month(model: Model, one: Suspicion) -> bool:
    """Whether a column counts what need not happen every month, and there was just nothing of it lately."""
    sets = (chosen for name, chosen in feature_sets().items() if name in model.features)
    sporadic = {feature.name for chosen in sets if chosen.sporadic for feature in chosen.features}
    return one.kind == "gone" and one.column in sporadic


def _told(run: CustomerRun, model: Model, bad: Sequence[Suspicion]) -> str:
    shown = "; ".join(map(str, bad[:SHOWN]))
    more = f"; and {len(bad) - SHOWN} more" if len(bad) > SHOWN else ""
    words = ", ".join(f"{one.column}: ignore" for one in bad)
    return (
        f"{model.name} of '{run.name}' was not trained: {shown}{more}. Leave it out by `features: {{{words}}}` in "
        f"customers/{run.name}.yaml, or write `trust` in place of `ignore` if it is honest, and run again"
    )
