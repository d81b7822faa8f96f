"""The parameters that a model is fitted with: its own, the retailer's, and where tuning starts from."""

from __future__ import annotations

from typing import Any

from capflow_assets.contract.model import Model
from capflow_assets.contract.outcome import Blocked
from capflow_assets.prediction.version_facts import VersionFacts
from capflow_assets.run.customer_run import CustomerRun, fingerprint
from capflow_assets.training.search.tuning import Start
from partitions.hints import did_you_mean

MAX_OTHER_CUSTOMERS = 3


def default_parameters(run: CustomerRun, model: Model) -> dict[str, Any]:
    """Return the model's defaults with the retailer's settings. Raises Blocked for a setting the model lacks."""
    settings = run.customer.training.settings.get(model.name, {})
    for name in settings:
        if name not in model.settings:
            raise Blocked(
                f"training.settings.{model.name}.{name} in customers/{run.name}.yaml is no setting of {model.name}"
                f"{did_you_mean(name, model.settings)}"
            )
    return {**model.parameters, **model.settings, **settings}


def recipe_hash(run: CustomerRun, model: Model) -> str:
    """Return a hash of everything a training is asked to do, independent of the parameters that tuning then finds."""
    ignored = run.customer.ignored_features if model.features else []
    return fingerprint(
        parameters=default_parameters(run, model),
        ignored=ignored,
        tuning_seconds=run.customer.training.tuning_seconds if model.search_space else 0,
    )


def tuning_starts(run: CustomerRun, model: Model) -> list[Start]:
    """Return where tuning starts: the champion's parameters, then those of other customers' champions.

    Champions of the same vertical come first, and those at the model's defaults are left out. Only parameters cross
    from one customer to another, never data.
    """
    own, others = [], []
    for version in run.home.registry.champions_of(model.name):
        parameters = {name: version.parameters[name] for name in model.search_space if name in version.parameters}
        if version.customer == run.name:
            own.append(Start("the champion's settings", parameters))
        elif parameters != {name: model.parameters[name] for name in parameters}:
            vertical = VersionFacts.from_json(version.facts).vertical
            others.append((vertical != run.customer.vertical, version.customer, parameters))
    others.sort(key=lambda other: other[:2])
    nearest_first = others[:MAX_OTHER_CUSTOMERS]
    return own + [Start("settings that served another customer", parameters) for _, _, parameters in nearest_first]
