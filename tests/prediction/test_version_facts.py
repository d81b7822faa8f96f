"""A version's facts: what release ddc0d61 wrote is read, written again as it was, and unknown facts stay."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from capflow_assets.prediction.version_facts import OWN, POOL, RULES, VersionFacts

OWN_MODEL: dict[str, Any] = {
    "ensemble": {"objective": "binary", "weights": {"boosting": 1.0}},
    "phrases": {"recency_days": "last visit {value:.0f} days ago"},
    "decision": {"threshold": 0.1, "rule": "a contact pays from 0.1"},
    "rung": "own model",
    "train_dates": ["2026-05-02T00:00:00", "2026-06-01T00:00:00"],
    "chosen_columns": ["recency_days"],
    "warnings": ["tenure_days has moved"],
    "ignored_features": ["age"],
    "recipe": "0123456789abcdef",
    "vertical": "grocery",
}
POOLED = {
    "levels": {},
    "rung": "pool of the vertical",
    "pool": "fedcba9876543210",
    "why_no_own_model": "churn needs at least 200 identified shoppers",
    "train_dates": [],
    "contributors": ["ann", "bob"],
    "recipe": "0123456789abcdef",
    "vertical": "grocery",
}
BY_RULE = {key: value for key, value in POOLED.items() if key not in ("contributors", "levels")} | {"rung": "rules"}


@pytest.mark.parametrize("stored", [OWN_MODEL, POOLED, BY_RULE, {**OWN_MODEL, "of_tomorrow": [1, 2]}])
def test_facts_of_the_release_before_survive_a_round_trip(stored: dict[str, Any]) -> None:
    assert VersionFacts.from_json(stored).to_json() == stored


def test_facts_are_read_by_name_and_the_models_own_are_apart() -> None:
    facts = VersionFacts.from_json(OWN_MODEL)
    assert (facts.rung, facts.train_dates[0], facts.chosen_columns) == (OWN, datetime(2026, 5, 2), ("recency_days",))
    assert (facts.warnings, facts.ignored_features) == (("tenure_days has moved",), ("age",))
    assert set(facts.model) == {"ensemble", "phrases", "decision"}
    pooled = VersionFacts.from_json(POOLED)
    assert (pooled.rung, pooled.pool, pooled.contributors) == (POOL, "fedcba9876543210", ("ann", "bob"))
    assert VersionFacts.from_json(BY_RULE).rung == RULES


def test_a_version_that_says_nothing_is_an_own_model() -> None:
    facts = VersionFacts.from_json({})
    assert (facts.rung, facts.train_dates, facts.chosen_columns, facts.recipe) == (OWN, (), None, None)
