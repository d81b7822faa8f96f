"""The leakage check of one customer and model, before anything is fitted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from capflow_assets.contract.model import Model
from capflow_assets.contract.outcome import Blocked
from capflow_assets.contract.snapshot import LabelledSnapshot
from capflow_assets.features.load import load_snapshot
from capflow_assets.run.catalogue import feature_sets
from capflow_assets.run.customer_run import CustomerRun
from capflow_assets.training.leakage.screening import find_suspicions
from capflow_assets.training.leakage.suspicion import Suspicion

MAX_SHOWN = 3


def check_leakage(
    run: CustomerRun, model: Model, train: Sequence[LabelledSnapshot], test: LabelledSnapshot
) -> list[str]:
    """Return the warnings to keep with the version. Raises Blocked if a feature must not be learned from.

    Columns that the customer file trusts are skipped; those that it ignores are not in the snapshots. A model that
    learns from labels has no shopper features, and no other date to compare with.
    """
    if not model.features or model.learns_from == "labels":
        return []
    newest = load_snapshot(run, model, run.as_of())
    trusted = set(run.customer.trusted_features)
    suspicions = [one for one in find_suspicions(train, test, newest, model.task) if one.column not in trusted]
    suspicions = [replace(one, severity="warn") if _is_quiet_month(model, one) else one for one in suspicions]
    blocking = [one for one in suspicions if one.severity == "block"]
    if blocking:
        raise Blocked(_reason(run, model, blocking))
    return [str(one) for one in suspicions]


def _is_quiet_month(model: Model, one: Suspicion) -> bool:
    """Return whether a column counts something sporadic of which there was nothing recently."""
    sets = (chosen for name, chosen in feature_sets().items() if name in model.features)
    sporadic = {feature.name for chosen in sets if chosen.sporadic for feature in chosen.features}
    return one.kind == "gone" and one.column in sporadic


def _reason(run: CustomerRun, model: Model, blocking: Sequence[Suspicion]) -> str:
    shown = "; ".join(map(str, blocking[:MAX_SHOWN]))
    more = f"; and {len(blocking) - MAX_SHOWN} more" if len(blocking) > MAX_SHOWN else ""
    settings = ", ".join(f"{one.column}: ignore" for one in blocking)
    return (
        f"{model.name} of '{run.name}' was not trained: {shown}{more}. Leave it out with `features: {{{settings}}}` in "
        f"customers/{run.name}.yaml, or write `trust` instead of `ignore` if the feature is correct, and run again"
    )
