"""The settings that a model is fitted with: its own, the retailer's, and those that served others well."""

from __future__ import annotations

from typing import Any

from capflow_assets.contract.model import Model
from capflow_assets.contract.outcome import Blocked
from capflow_assets.run.customer_run import CustomerRun, fingerprint
from capflow_assets.training.search.tuning import Start
from partitions.hints import did_you_mean

MOST_SIBLINGS = 3


def requested_parameters(run: CustomerRun, model: Model) -> dict[str, Any]:
    """The model's defaults with the retailer's settings; Blocked for a setting that the model does not have."""
    given = run.customer.training.settings.get(model.name, {})
    for name in given:
        if name not in model.settings:
            raise Blocked(
                f"training.settings.{model.name}.{name} in customers/{run.name}.yaml is no setting of {model.name}"
                f"{did_you_mean(name, model.settings)}"
            )
    return {**model.parameters, **model.settings, **given}


def recipe_hash(run: CustomerRun, model: Model) -> str:
    """A hash of all that a training is asked to do, whatever settings it then finds: the same is not done again."""
    ignored = run.customer.ignored_features if model.features else []
    return fingerprint(
        parameters=requested_parameters(run, model),
        ignored=ignored,
        tuning_seconds=run.customer.training.tuning_seconds if model.search_space else 0,
    )


def tuning_starts(run: CustomerRun, model: Model) -> list[Start]:
    """The settings of this customer's champion and of the champions of others, its vertical first: never their data."""
    found, siblings = [], []
    for version in run.home.registry.champions_of(model.name):
        settings = {name: version.parameters[name] for name in model.search_space if name in version.parameters}
        if version.customer == run.name:
            found.append(Start("the champion's settings", settings))
        elif settings != {name: model.parameters[name] for name in settings}:
            siblings.append((version.facts.get("vertical") != run.customer.vertical, version.customer, settings))
    siblings.sort(key=lambda one: one[:2])
    return found + [
        Start("settings that served another customer", settings) for _, _, settings in siblings[:MOST_SIBLINGS]
    ]
