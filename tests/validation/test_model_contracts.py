"""Each model states what it needs; a customer passes for some and is told in words and numbers why not for others."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from capflow_assets.contract.model import Needs
from capflow_assets.contract.outcome import Outcome
from capflow_assets.models.rfm_segments import RfmSegments
from capflow_assets.run import catalogue, plan
from capflow_assets.run.catalogue import feature_sets
from capflow_assets.run.status import list_status
from tests.worlds.tiny_shop import TinyShop, lines

TABLES = ["line_items", "bills", "items", "contacts"]
CHECKED = [f"{layer}/{table}" for table in TABLES for layer in ("raw", "validated")] + ["validation/report"]
WORDS = ["Oak table", "Red wine glass", "n/a", "test", "item 123", "xxxx", "AB-1234"]


class ItemReader(RfmSegments):
    """A model of another package: it reads what items are called, and needs campaigns with a control group."""

    name = "item_reader"
    tables = ("line_items", "bills", "items", "contacts")
    needs = Needs(users=10, bills=50, history_days=150, described_share=0.6, contacts=10, control=2)


@pytest.fixture
def offered(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The catalogue with the model above, through the door that every other package uses."""
    point = EntryPoint("item_reader", f"{__name__}:ItemReader", "capflow.models")
    monkeypatch.setattr(catalogue, "entry_points", lambda group: [point] if group == "capflow.models" else [])
    catalogue.forget()
    plan.plan.cache_clear()
    yield
    catalogue.forget()
    plan.plan.cache_clear()


@pytest.fixture
def shop(tmp_path: Path, offered: None) -> TinyShop:
    """Thirty users over 180 days, items with two descriptions of seven, and contacts without a control group."""
    made = TinyShop(tmp_path).sends("line_items", lines())
    made.sends("items", items(*WORDS))
    return made.sends("contacts", contacts(control=0))


def contacts(control: int) -> dict[str, list[object]]:
    """Twenty shoppers, so many of them held back."""
    treated = [True] * (20 - control) + [False] * control
    return {"Client": [f"u{n}" for n in range(20)], "Campaign": ["x"] * 20, "Treated": treated}


def items(*descriptions: str) -> dict[str, list[str]]:
    return {"Item": [f"i{number}" for number in range(len(descriptions))], "Text": list(descriptions)}


def told(shop: TinyShop) -> dict[str, str]:
    """The report's word on each model: "" for one that may be had."""
    run = shop.open()
    found = {one.model: one.reason for one in run.report().models}
    assert [one.available for one in run.report().models] == [not reason for reason in found.values()]
    run.close()
    return found


def made(shop: TinyShop, model: str) -> Outcome:
    needed = plan.upstream([f"model/{model}"])
    later = [asset for asset in needed if plan.plan()[asset].layer in ("features", "model")]
    return shop.run([*CHECKED, *later])[f"model/{model}"]


def test_a_customer_passes_for_one_model_and_not_for_another(shop: TinyShop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RfmSegments, "needs", Needs(users=10, bills=50, history_days=150))
    shop.write_file(models="[rfm_segments, item_reader]")
    refused = made(shop, "item_reader")
    assert refused.status == "not_available"
    few = "needs at least 2 contacts held back as control group; this customer has 0"
    assert refused.reason == f"item_reader {few}"
    assert told(shop) == {"item_reader": few, "rfm_segments": ""}
    assert made(shop, "rfm_segments").status == "done"

    shop.sends("contacts", contacts(control=3))
    words = "needs at least two real words in the descriptions of 60.0% of items; this customer has 28.6%"
    assert made(shop, "item_reader").reason == f"item_reader {words}"
    shown = {row.model: row.note for row in list_status(shop.home, ["acme"])}
    assert shown["item_reader"] == f"item_reader {words}"

    shop.sends("items", items(*(f"{word} and chairs" for word in WORDS)))
    assert made(shop, "item_reader").status == "done"
    assert told(shop) == {"item_reader": "", "rfm_segments": ""}


def test_nothing_is_measured_that_no_model_asks_for(shop: TinyShop) -> None:
    shop.write_file(models="[rfm_segments]").run(CHECKED)
    run = shop.open()
    assert set(run.report().measures) <= {"items"}
    run.close()


def test_what_a_feature_set_needs_its_models_need(shop: TinyShop, monkeypatch: pytest.MonkeyPatch) -> None:
    needy = replace(feature_sets()["rfm"], needs=Needs(users=0, bills=0, history_days=0, items=100))
    monkeypatch.setitem(catalogue._feature_plugins().plugins, "rfm", needy)
    monkeypatch.setattr(ItemReader, "needs", Needs(users=10, bills=50, history_days=150))
    monkeypatch.setattr(ItemReader, "features", ("rfm",))
    shop.write_file(models="[item_reader]").run(CHECKED)
    why = "needs at least 100 different items sold; this customer has 7"
    assert told(shop) == {"item_reader": f"needs features/rfm, which {why}"}
    outcomes = shop.run(["features/rfm", "model/item_reader"])
    assert outcomes["features/rfm"].status == "not_available"
    assert outcomes["features/rfm"].reason == f"features/rfm {why}"
    assert outcomes["model/item_reader"].status == "not_available"
