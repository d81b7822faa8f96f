"""`models`, `features` and `training` in a customer file: which models, which feature columns, and how to train."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from yaml.nodes import Node

from partitions.customer import Training
from partitions.form import Form
from partitions.hints import did_you_mean

FEATURE_ACTIONS = ("ignore", "trust")
TRAINING_KEYS = ("tuning_seconds", "pool", "settings")
POOL_KEYS = ("give", "take")
MAX_TUNING_SECONDS = 3600.0


def read_models(form: Form, node: Node | None, known_models: Collection[str]) -> tuple[str, ...] | None:
    """Return the models in `models: [churn, cltv]`, None for `all`; note those that are not `known_models` (if any)."""
    if node is None or node.value == "all":
        return None
    if isinstance(node.value, str):
        form.note(node, "models must be 'all' or a list, like [churn, cltv]")
        return None
    names = form.texts(node, "models")
    if not names:
        form.note(node, "models lists no model; write 'all' or a list, like [churn, cltv]")
    for item in node.value if known_models else ():
        if item.value and isinstance(item.value, str) and item.value not in known_models:
            form.note(item, f"unknown model '{item.value}'{did_you_mean(item.value, sorted(known_models))}")
    return tuple(dict.fromkeys(names))


def read_features(form: Form, node: Node | None) -> dict[str, str]:
    """Return the action by feature column: `features: {duration: ignore, loyalty_score: trust}`.

    "ignore" leaves a column out, "trust" keeps it whatever the leakage check finds.
    """
    actions: dict[str, str] = {}
    for column, entry in form.entries(node, "features").items():
        action = form.text(entry, f"features.{column}")
        if action and action not in FEATURE_ACTIONS:
            form.note(entry, f"features.{column} is '{action}'{did_you_mean(action, FEATURE_ACTIONS)}")
        actions[column] = action
    return actions


def read_training(form: Form, node: Node | None, known_models: Collection[str] = ()) -> Training:
    """Read `training: {tuning_seconds: 20, pool: {give: true}, settings: {churn: {price_of_contact: 0.8}}}`.

    `tuning_seconds` are CPU-seconds per model, 0 to MAX_TUNING_SECONDS. The names of settings are the models' own, so
    they are checked in training.
    """
    keys = form.entries(node, "training", TRAINING_KEYS)
    pool = form.entries(keys.get("pool"), "training.pool", POOL_KEYS)
    default = Training()
    return Training(
        tuning_seconds=_seconds(form, keys["tuning_seconds"]) if "tuning_seconds" in keys else default.tuning_seconds,
        gives_to_pool=form.flag(pool.get("give"), "training.pool.give"),
        takes_from_pool=form.flag(pool.get("take"), "training.pool.take"),
        settings=_settings(form, keys.get("settings"), known_models),
    )


def _seconds(form: Form, node: Node) -> float:
    seconds = form.number(node, "training.tuning_seconds")
    if not 0 <= seconds <= MAX_TUNING_SECONDS:
        form.note(node, f"training.tuning_seconds is {seconds:g}; choose 0 (no tuning) to {MAX_TUNING_SECONDS:g}")
    return seconds


def _settings(form: Form, node: Node | None, known_models: Collection[str]) -> dict[str, dict[str, Any]]:
    where = "training.settings"
    return {
        model: {
            name: form.scalar(value, f"{where}.{model}.{name}")
            for name, value in form.entries(entry, f"{where}.{model}").items()
        }
        for model, entry in form.entries(node, where, known_models or None).items()
    }
