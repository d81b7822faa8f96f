"""Champions: promoted, kept, rolled back, each by one transaction with its reason."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capflow_resources.objects import ObjectStore
from capflow_resources.registry import Registry, RegistryError
from tests.registry.registry_world import register


def test_there_is_no_champion_before_a_promotion(registry: Registry) -> None:
    register(registry)
    assert registry.champion("giftco", "churn") is None
    assert registry.champions() == []
    assert registry.generation("giftco", "churn") == 0


def test_a_promotion_makes_the_champion_and_says_why(registry: Registry) -> None:
    register(registry)
    second = register(registry, mark=2)
    assert registry.promote("giftco", "churn", 2, "+.02 AUC over recency").number == 2
    champion = registry.champion("giftco", "churn")
    assert champion is not None
    assert champion.digest == second.digest
    assert registry.generation("giftco", "churn") == 1
    last = registry.events("giftco", "churn")[-1]
    assert (last.kind, last.version, last.reason) == ("promoted", 2, "+.02 AUC over recency")


def test_promoting_the_champion_again_changes_nothing(registry: Registry) -> None:
    register(registry)
    registry.promote("giftco", "churn", 1, "first")
    registry.promote("giftco", "churn", 1, "again")
    assert registry.generation("giftco", "churn") == 1
    assert [event.reason for event in registry.events("giftco", "churn")] == ["", "first"]


def test_a_version_that_is_kept_out_leaves_the_champion(registry: Registry) -> None:
    register(registry)
    registry.promote("giftco", "churn", 1, "first")
    register(registry, mark=2)
    registry.keep("giftco", "churn", 2, "no better than version 1")
    champion = registry.champion("giftco", "churn")
    assert champion is not None
    assert champion.number == 1
    assert registry.generation("giftco", "churn") == 1
    assert registry.events("giftco", "churn")[-1].reason == "no better than version 1"


@pytest.mark.parametrize("decision", ["promote", "keep"])
def test_a_version_that_does_not_exist_is_refused(registry: Registry, decision: str) -> None:
    with pytest.raises(RegistryError, match=r"no version 1.\nTrain it first"):
        getattr(registry, decision)("giftco", "churn", 1, "why")
    register(registry)
    with pytest.raises(RegistryError, match=r"churn for 'giftco' has no version 9.\nChoose one of 1"):
        getattr(registry, decision)("giftco", "churn", 9, "why")
    assert [event.kind for event in registry.events("giftco")] == ["registered"]


def test_rolling_back_goes_further_back_each_time(registry: Registry) -> None:
    for number in (1, 2, 3):
        register(registry, mark=number)
        registry.promote("giftco", "churn", number, "better")
    assert registry.rollback("giftco", "churn", "complaints").number == 2
    assert registry.rollback("giftco", "churn", "more complaints").number == 1
    with pytest.raises(RegistryError, match="no champion came before version 1"):
        registry.rollback("giftco", "churn", "still")
    champion = registry.champion("giftco", "churn")
    assert champion is not None
    assert champion.number == 1
    assert registry.generation("giftco", "churn") == 5


def test_a_rollback_skips_what_was_rolled_back_before(registry: Registry) -> None:
    for mark in (1, 2, 3):
        register(registry, mark=mark)
    registry.promote("giftco", "churn", 1, "")
    registry.promote("giftco", "churn", 2, "")
    registry.rollback("giftco", "churn", "2 is bad")
    registry.promote("giftco", "churn", 3, "")
    assert registry.rollback("giftco", "churn", "3 is bad too").number == 1


def test_nothing_can_be_rolled_back_without_a_champion(registry: Registry) -> None:
    with pytest.raises(RegistryError, match=r"churn for 'giftco' cannot be rolled back: it has no champion"):
        registry.rollback("giftco", "churn", "why")


def test_champions_are_listed_by_customer(registry: Registry) -> None:
    for customer, model in (("grocerus", "cltv"), ("giftco", "cltv"), ("giftco", "churn"), ("vendcafe", "churn")):
        register(registry, customer, model)
        if customer != "vendcafe":
            registry.promote(customer, model, 1, "")
    assert [(v.customer, v.model) for v in registry.champions()] == [
        ("giftco", "churn"),
        ("giftco", "cltv"),
        ("grocerus", "cltv"),
    ]
    assert [v.model for v in registry.champions("grocerus")] == ["cltv"]


@settings(max_examples=15, deadline=None)
@given(st.lists(st.sampled_from([1, 2, 3, "back"]), max_size=12))
def test_the_champion_is_the_last_promotion_that_no_rollback_undid(steps: list[int | str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        registry = Registry(f"sqlite:///{folder}/registry.db", ObjectStore(f"{folder}/objects"))
        for mark in (1, 2, 3):
            register(registry, mark=mark)
        line: list[int] = []
        for step in steps:
            if isinstance(step, int):
                registry.promote("giftco", "churn", step, "")
                if line[-1:] != [step]:
                    line.append(step)
            elif len(line) > 1:
                line.pop()
                assert registry.rollback("giftco", "churn", "").number == line[-1]
            else:
                with pytest.raises(RegistryError):
                    registry.rollback("giftco", "churn", "")
            champion = registry.champion("giftco", "churn")
            assert (champion.number if champion else None) == (line[-1] if line else None)
        registry.close()
        assert Path(folder, "registry.db").exists()
