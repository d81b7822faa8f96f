"""Why a model is not available, in words that a retailer understands."""

from __future__ import annotations

from dataclasses import replace

import pytest

from capflow_assets.contract.model import Model, Needs
from capflow_assets.run.catalogue import models
from capflow_assets.validation.needs.unmet import LEAST, Facts, explain_unmet, list_measures

ENOUGH = Facts(
    frozenset({"line_items", "bills", "items", "contacts", "reviews", "media"}),
    users=5000,
    bills=50_000,
    history_days=400,
    measures=dict.fromkeys((name for name in LEAST if not name.endswith("_share")), 10**6)
    | dict.fromkeys((name for name in LEAST if name.endswith("_share")), 1.0),
)


@pytest.mark.parametrize("name", sorted(models()))
def test_a_large_retailer_can_have_every_model(name: str) -> None:
    assert explain_unmet(models()[name], ENOUGH) is None


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
        (
            {"positives": 31, "negatives": 100_000},
            "needs 0.5% to 99.5% of past shoppers to do what it predicts; of 100,031 past shoppers, 31 did",
        ),
    ],
)
def test_churn_says_what_is_missing(facts: dict[str, object], reason: str) -> None:
    told = explain_unmet(models()["churn"], replace(ENOUGH, **facts))  # type: ignore[arg-type]
    assert told is not None
    assert told.startswith(reason)


@pytest.mark.parametrize("name", sorted(LEAST))
def test_each_part_of_a_contract_is_judged_and_told_in_words_and_numbers(name: str) -> None:
    share = name.endswith("_share")
    needs = Needs(**{**dict.fromkeys(("users", "bills", "history_days"), 0), name: 0.5 if share else 1000})  # type: ignore[arg-type]
    model = with_needs(needs)
    few = 0.25 if share else 999
    if name in ("users", "bills", "history_days"):
        told = explain_unmet(model, replace(ENOUGH, **{name: few}))  # type: ignore[arg-type]
        assert list_measures([model], []) == set()
    else:
        told = explain_unmet(model, replace(ENOUGH, measures={name: few}))
        assert str(explain_unmet(model, replace(ENOUGH, measures={}))).endswith("this customer has none")
        assert list_measures([model], []) == {name}
    assert told is not None
    assert told.startswith("needs at least ")
    assert ("50.0%" if share else "1,000") in told
    assert told.endswith(f"; this customer has {'25.0%' if share else '999'}")
    assert explain_unmet(model, replace(ENOUGH, history_days=1000)) is None


def test_a_model_reads_the_languages_that_it_names() -> None:
    model = with_needs(Needs(languages=("en", "fr")))
    assert list_measures([model], []) == {"language"}
    german = explain_unmet(model, replace(ENOUGH, measures={"language": "de"}))
    assert german == "reads en, fr; this customer's items are described in de"
    assert explain_unmet(model, replace(ENOUGH, measures={"language": "fr"})) is None
    assert explain_unmet(model, replace(ENOUGH, measures={"language": None})) is None, "not sure: not judged"


def with_needs(needs: Needs) -> Model:
    model: Model = type("Needy", (type(models()["cltv"]),), {"needs": needs})()
    return model


def test_classes_matter_to_binary_models_only() -> None:
    assert explain_unmet(models()["cltv"], replace(ENOUGH, positives=0, negatives=10)) is None
    assert explain_unmet(models()["churn"], replace(ENOUGH, positives=40, negatives=30)) is None


def test_an_optional_table_may_be_absent() -> None:
    assert explain_unmet(models()["product_affinity"], replace(ENOUGH, tables=frozenset({"line_items"}))) is None


def test_the_horizon_sets_the_least_history_whatever_a_model_says() -> None:
    model = models()["cltv"]
    assert "210" in str(explain_unmet(_hasty(model), replace(ENOUGH, history_days=200)))


def _hasty(model: object) -> object:
    from capflow_assets.contract.model import Needs

    return type("Hasty", (type(model),), {"needs": Needs(history_days=1)})()


def test_who_learns_from_labels_asks_for_no_more_history_than_it_says_and_speaks_of_rows() -> None:
    of_labels = models()["review_sentiment"]
    of_the_past = type("OfThePast", (type(of_labels),), {"learns_from": "time"})()
    young = replace(ENOUGH, users=1, bills=1, history_days=1)
    assert explain_unmet(of_labels, young) is None
    assert "days of history" in str(explain_unmet(of_the_past, young))
    one_sided = str(explain_unmet(of_labels, replace(ENOUGH, positives=3, negatives=900)))
    assert one_sided.startswith("needs at least 20 labelled rows of each kind; of 903 labelled rows, 3 did")
