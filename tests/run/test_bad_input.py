"""Whatever a retailer sends, it gets a verdict in words: no asset fails, and none is silent about why it is missing."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from capflow_assets.contract.outcome import Outcome
from capflow_assets.run.plan import until
from tests.worlds.tiny_shop import START, TinyShop, lines

EVERY_FEATURE = [*until("features"), "model/rfm_segments", "prediction/rfm_segments"]
ONE_FEATURE = [*until("validation"), "features/user_item", "model/rfm_segments", "prediction/rfm_segments"]
REPORT, LINES, ITEMS, MODEL = "validation/report", "validated/line_items", "validated/items", "model/rfm_segments"
FEW_USERS = "needs at least 100 identified shoppers; this customer has"

Said = Mapping[str, tuple[str, str]]


def one_basket(pieces: int) -> dict[str, Any]:
    """One shopper who buys so many things at once, beside thirty ordinary ones."""
    rows = lines(visits=2)
    more = {"Bill": ["giant"], "Client": ["u1"], "At": [START], "Qty": [1.0], "Price": [2.5]}
    found = {name: [*rows[name], *values * pieces] for name, values in more.items()}
    return {**found, "Item": [*rows["Item"], *(f"i{piece}" for piece in range(pieces))]}


def named(*descriptions: str | None) -> Callable[[TinyShop], TinyShop]:
    def send(shop: TinyShop) -> TinyShop:
        ids = [f"i{number}" for number in range(len(descriptions))]
        return shop.sends("line_items", lines()).sends("items", {"Item": ids, "Text": list(descriptions)})

    return send


def sold(**changed: Any) -> Callable[[TinyShop], TinyShop]:
    return lambda shop: shop.sends("line_items", lines(**changed))


def categories(shop: TinyShop) -> TinyShop:
    numbers = range(10_000)
    items = {"Item": [f"i{n}" for n in numbers], "Category": [f"c{n}" for n in numbers]}
    return shop.sends("line_items", lines()).sends("items", items)


ODD = [
    "<script>alert(1)</script>", "O'Brien \"quoted\"; DROP TABLE", "naïve ☕ \u202eabc", "'); --", "\t\x01",
    "${HOME} %s {x}",
]  # fmt: skip
CASES: Mapping[str, tuple[Callable[[TinyShop], TinyShop], Said]] = {
    "no shopper is known": (sold(Client=None), {REPORT: ("blocked", "too few bills have a user")}),
    "no price at all": (sold(Price=None), {LINES: ("blocked", "in 480 of 480 rows unit_price is empty")}),
    "no item at all": (sold(Item=None), {LINES: ("blocked", "item_id is empty")}),
    "no time at all": (sold(At=None), {LINES: ("blocked", "ts is empty")}),
    "no bill number": (sold(Bill=None), {LINES: ("blocked", "bill_id is empty")}),
    "one user": (sold(users=1), {REPORT: ("done", ""), MODEL: ("not_available", f"{FEW_USERS} 1")}),
    "one bill": (
        lambda shop: shop.sends("line_items", {name: values[:2] for name, values in lines().items()}),
        {REPORT: ("done", ""), MODEL: ("not_available", f"{FEW_USERS} 1")},
    ),
    "a single day": (sold(users=200, visits=1, every_days=0, At=START), {REPORT: ("done", "")}),
    "dates all equal": (sold(At=START), {REPORT: ("done", ""), MODEL: ("not_available", FEW_USERS)}),
    "dates in another millennium": (sold(At=START.replace(year=9998)), {}),
    "negative prices only": (sold(Price=-2.0), {LINES: ("blocked", "unit_price breaks greater_than_or_equal_to(0)")}),
    "returns only": (sold(Qty=-1.0), {REPORT: ("blocked", "every bill is a return")}),
    "everything is the same": (
        sold(Bill="b", Client="u", Item="i", At=START, Price=1.0),
        {REPORT: ("blocked", "lines come more than once")},
    ),
    "huge quantities": (sold(Qty=1e308), {LINES: ("blocked", "quantity breaks in_range(-1000000000, 1000000000)")}),
    "huge prices": (sold(Price=1e300), {LINES: ("blocked", "unit_price breaks less_than_or_equal_to(100000000000)")}),
    "numbers at their limits": (sold(Qty=1.0, Price=5e10), {LINES: ("done", ""), REPORT: ("done", "")}),
    "not a number": (sold(Price=float("nan")), {LINES: ("blocked", "unit_price is empty")}),
    "10,000 categories": (categories, {ITEMS: ("done", ""), REPORT: ("done", "")}),
    "unicode and HTML in descriptions and ids": (
        lambda shop: shop.sends("line_items", lines(Item=ODD * 80)).sends("items", {"Item": ODD, "Text": ODD}),
        {ITEMS: ("done", ""), LINES: ("done", ""), REPORT: ("done", "")},
    ),
    "no description at all": (named(*[None] * 7), {ITEMS: ("done", ""), REPORT: ("done", "")}),
    "a hundred thousand things in one basket": (
        lambda shop: shop.sends("line_items", one_basket(100_000)),
        {LINES: ("done", ""), REPORT: ("done", "")},
    ),
    "a million things in one basket": (
        lambda shop: shop.sends("line_items", one_basket(1_000_000)),
        {LINES: ("done", ""), REPORT: ("done", "")},
    ),
}
TRIED_WITH_EVERY_FEATURE = ("one bill", "dates all equal", "a hundred thousand things in one basket")
LONG = ("a million things in one basket",)  # for what the hundred thousand stand for in the gate


@pytest.mark.parametrize("case", [case for case in CASES if case not in LONG])
def test_a_verdict_in_words(case: str, tmp_path: Path) -> None:
    judged(case, tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("case", LONG)
def test_a_verdict_in_words_on_a_large_table(case: str, tmp_path: Path) -> None:
    judged(case, tmp_path)


def judged(case: str, folder: Path) -> None:
    send, said = CASES[case]
    every = case in (*TRIED_WITH_EVERY_FEATURE, *LONG)
    outcomes = send(TinyShop(folder)).run(EVERY_FEATURE if every else ONE_FEATURE)
    for asset, outcome in outcomes.items():
        told_in_words(asset, outcome)
    for asset, (status, words) in said.items():
        assert (outcomes[asset].status, words in outcomes[asset].reason) == (status, True), outcomes[asset].reason
    if outcomes[REPORT].status == "done":
        assert outcomes["features/user_item"].status in ("done", "not_available")


def told_in_words(asset: str, outcome: Outcome) -> None:
    assert outcome.status != "failed", f"{asset}: {outcome.reason}\n{outcome.facts.get('traceback')}"
    if outcome.status in ("blocked", "not_available", "waiting"):
        assert len(outcome.reason.split()) >= 4, asset
        assert not re.search(r"Traceback|Error\b|Exception", outcome.reason), outcome.reason
