"""Why a model is not available, in words that a retailer understands."""

from __future__ import annotations

from dataclasses import replace

import pytest

from capflow_assets.models.catalogue import models
from capflow_assets.training.needs import Facts, unmet

ENOUGH = Facts(frozenset({"line_items", "bills"}), users=5000, bills=50_000, history_days=400)


@pytest.mark.parametrize("name", sorted(models()))
def test_a_large_retailer_can_have_every_model(name: str) -> None:
    assert unmet(models()[name], ENOUGH) is None


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"tables": frozenset({"users"})}, "needs the table bills, which this customer does not have"),
        ({"has_times": False}, "needs the time of each sale, and this customer's sales have none"),
        ({"users": 12}, "needs at least 200 identified shoppers; this customer has 12"),
        ({"bills": 999}, "needs at least 1,000 bills; this customer has 999"),
        ({"history_days": 100}, "needs at least 180 days of history; this customer has 100"),
        (
            {"positives": 900, "negatives": 0},
            "past shoppers all went the same way (of 900 past shoppers, 900 did and 0",
        ),
        (
            {"positives": 5, "negatives": 800},
            "needs at least 30 past shoppers of each kind; of 805 past shoppers, 5 did",
        ),
    ],
)
def test_churn_says_what_is_missing(facts: dict[str, object], reason: str) -> None:
    told = unmet(models()["churn"], replace(ENOUGH, **facts))  # type: ignore[arg-type]
    assert told is not None
    assert told.startswith(reason)


def test_classes_matter_to_binary_models_only() -> None:
    assert unmet(models()["cltv"], replace(ENOUGH, positives=0, negatives=10)) is None
    assert unmet(models()["churn"], replace(ENOUGH, positives=40, negatives=30)) is None


def test_an_optional_table_may_be_absent() -> None:
    assert unmet(models()["product_affinity"], replace(ENOUGH, tables=frozenset({"line_items"}))) is None


def test_the_horizon_sets_the_least_history_whatever_a_model_says() -> None:
    model = models()["cltv"]
    assert "210" in str(unmet(_hasty(model), replace(ENOUGH, history_days=200)))


def _hasty(model: object) -> object:
    from capflow_assets.models.base import Needs

    return type("Hasty", (type(model),), {"needs": Needs(history_days=1)})()
