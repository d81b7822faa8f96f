"""`training` in a customer file: how much to tune, whether to learn together with others, and the retailer's prices."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from yaml.nodes import Node

from partitions.customer import Training
from partitions.form import Form

KEYS = ("tuning_seconds", "pool", "settings")
POOL_KEYS = ("give", "take")
MOST_SECONDS = 3600.0


def read_training(form: Form, node: Node | None, known_models: Collection[str] = ()) -> Training:
    """`training: {tuning_seconds: 20, pool: {give: true}, settings: {churn: {price_of_contact: 0.8}}}`."""
    keys = form.entries(node, "training", KEYS)
    pool = form.entries(keys.get("pool"), "training.pool", POOL_KEYS)
    usual = Training()
    return Training(
        tuning_seconds=_seconds(form, keys["tuning_seconds"]) if "tuning_seconds" in keys else usual.tuning_seconds,
        gives_to_pool=form.flag(pool.get("give"), "training.pool.give"),
        takes_from_pool=form.flag(pool.get("take"), "training.pool.take"),
        settings=_settings(form, keys.get("settings"), known_models),
    )


def _seconds(form: Form, node: Node) -> float:
    seconds = form.number(node, "training.tuning_seconds")
    if not 0 <= seconds <= MOST_SECONDS:
        form.note(node, f"training.tuning_seconds is {seconds:g}; choose 0 (no tuning) to {MOST_SECONDS:g}")
    return seconds


def _settings(form: Form, node: Node | None, known_models: Collection[str]) -> dict[str, dict[str, Any]]:
    where = "training.settings"
    return {
        model: {
            name: form.plain(value, f"{where}.{model}.{name}")
            for name, value in form.entries(entry, f"{where}.{model}").items()
        }
        for model, entry in form.entries(node, where, known_models or None).items()
    }
