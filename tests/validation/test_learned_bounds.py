"""A figure is judged by its own past: weekday, season, trend and chance are no shift, and an accident is."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from capflow_assets.validation.bounds import Finding
from capflow_assets.validation.history.bands import compute_band
from capflow_assets.validation.history.daily_panel import DailyPanel
from capflow_assets.validation.history.figures import EVERY, FIGURES
from capflow_assets.validation.history.findings import build_series, find_daily
from capflow_assets.validation.history.learned_bands import learn_bands
from partitions.customer import Customer, Expected

FIRST = date(2023, 1, 2)  # a Monday
ACME = Customer("acme", "fashion", "GBP", "UTC", {}, {})
WEEKDAYS = np.array([0.8, 0.8, 0.9, 1.0, 1.3, 1.6, 0.6])


def quiet(days: int = 900, per_day: np.ndarray | float = 400.0, seed: int = 0, **columns: np.ndarray) -> DailyPanel:
    """A retailer whose bills are Poisson about `per_day`, of two lines each, with nothing odd about them."""
    random = np.random.default_rng(seed)
    count = random.poisson(np.broadcast_to(per_day, days)).astype(float)
    nothing = np.zeros(days)
    found = {
        "bills": count, "lines": 2.1 * count, "sold": 2 * count,
        "returned": random.binomial((2 * count).astype(int), 0.05),
        "priced": 2 * count, "price_ratio": np.ones(days), "quantity": np.ones(days), "free": nothing,
        "discount_cents": 40 * count, "gross_cents": 2000 * count, "discounted": 0.5 * count,
        "largest_discount": np.full(days, 0.2),
        "no_store": nothing, "no_channel": nothing,
        "copies": nothing, "anonymous": random.binomial(count.astype(int), 0.2), "known_bills": np.ceil(0.8 * count),
        "reused": nothing, "bill_cents": random.normal(20, 0.5, days), "largest_cents": random.lognormal(5, 0.3, days),
        "clock": 14 * count + random.normal(0, 3, days) * np.sqrt(count), "first_clock": np.full(days, 9.0),
        "last_clock": np.full(days, 20.0), "one": (count > 0).astype(float), "users": 0.7 * count,
        "new_users": random.binomial((0.7 * count).astype(int), 0.1), "top_user": np.ones(days),
        "new_item_lines": nothing,
    }  # fmt: skip
    stores = {name: np.round(share * count) for name, share in (("S1", 0.5), ("S2", 0.3), ("S3", 0.2))}
    return DailyPanel(FIRST, {**found, **columns}, {"store_id": stores, "channel": {"store": count}})


def judged(panel: DailyPanel, customer: Customer = ACME, **vertical: float) -> dict[str, Finding]:
    return {one.kpi: one for one in find_daily(learn_bands(panel, customer.expected), customer, vertical)}


def with_last(panel: DailyPanel, **last: float) -> DailyPanel:
    """The panel with other values on its last day."""
    columns = {name: np.append(values[:-1], last.get(name, values[-1])) for name, values in panel.columns.items()}
    return replace(panel, columns=columns)


def test_a_quiet_retailer_passes_in_every_figure() -> None:
    found = judged(quiet())
    assert set(found) == set(EVERY)
    assert [one.kpi for one in found.values() if not one.passed] == []
    assert {one.source for one in found.values()} == {"own history"}


def test_the_expected_value_is_the_median_of_the_same_weekdays() -> None:
    bills = np.tile(100 * WEEKDAYS, 60)
    panel = quiet(len(bills), per_day=bills, **{"bills": bills})
    found = compute_band(panel, FIGURES["daily_bills"], 1)
    assert found.expected[0][-1] == pytest.approx(60)
    assert found.expected[1][-2] == pytest.approx(160)


def test_a_weekday_is_compared_with_itself() -> None:
    panel = quiet(900 - 900 % 7 + 6, per_day=400 * np.tile(WEEKDAYS, 200)[: 900 - 900 % 7 + 6])
    saturday = judged(panel)["daily_bills"]
    assert saturday.passed
    assert "on Saturday" in saturday.message
    assert saturday.rule.startswith("Saturdays of the last 8 weeks: usually 6")
    weak = with_last(panel, bills=200)  # a good Sunday, but a third of a Saturday
    assert judged(weak)["daily_bills"].blocks


def test_christmas_is_no_shift_once_it_was_seen() -> None:
    days = np.arange(2 * 364 + 20)
    season = np.where(np.isin(days % 364, range(340, 364)), 3.0, 1.0)
    second = judged(quiet(364 + 345, per_day=(400 * season)[: 364 + 345]))["daily_bills"]
    assert second.passed
    assert "a year ago" in second.rule
    first = judged(quiet(345, per_day=(400 * season)[:345]))["daily_bills"]
    assert not first.passed


def test_growth_is_no_shift() -> None:
    assert judged(quiet(per_day=200 * np.exp(np.arange(900) / 400)))["daily_bills"].passed


@pytest.mark.parametrize(
    ("name", "last", "severity"),
    [
        ("daily_bills", {"bills": 100.0}, "block"),
        ("daily_bills", {"bills": 1000.0}, "block"),
        ("daily_bills", {"bills": 240.0}, "warn"),
        ("daily_price_level", {"price_ratio": 1.2}, "block"),
        ("daily_price_level", {"price_ratio": 1.08}, "warn"),
        ("daily_quantity", {"quantity": 100.0}, "block"),
        ("daily_anonymous_share", {"anonymous": 300.0}, "block"),
        ("daily_return_share", {"returned": 800.0}, "block"),
        ("daily_duplicate_share", {"copies": 300.0}, "block"),
        ("daily_new_user_share", {"new_users": 250.0}, "block"),
        ("daily_mean_hour", {"clock": 400 * 9.0}, "block"),
        ("daily_largest_bill", {"largest_cents": 99_999.0}, "block"),
        ("daily_no_store_share", {"no_store": 500.0}, "block"),
    ],
)
def test_a_sudden_shift_is_told_by_its_size(name: str, last: dict[str, float], severity: str) -> None:
    found = judged(with_last(quiet(), **last))[name]
    assert (found.passed, found.severity, found.source) == (False, severity, "own history")
    assert f"{name} of 'acme' is" in found.message
    assert "own history: at" in found.message
    assert "A warning needs a shift of" in found.rule
    assert f"figures: [{name}]" in found.remedy
    assert "customers/acme.yaml" in found.remedy


def test_the_bound_beside_the_number_is_the_one_that_was_broken() -> None:
    found = judged(with_last(quiet(), bills=100.0))["daily_bills"]
    assert found.value == 100
    assert found.low is not None
    assert found.low > 100
    assert judged(with_last(quiet(), bills=found.low + 1))["daily_bills"].severity == "warn"


def test_small_days_and_quiet_series_do_not_alarm() -> None:
    tiny = learn_bands(quiet(900, per_day=3.0))
    blocks = np.any([tiny.alarms(name, severe=True) for name in tiny.bands], axis=0)
    assert blocks[-500:].mean() < 0.01
    assert judged(with_last(quiet(900, per_day=3.0), bills=9.0))["daily_bills"].passed


def test_a_day_cut_short_warns_and_its_totals_are_not_judged() -> None:
    found = judged(with_last(quiet(), bills=90.0, last_clock=11.0, clock=900.0))
    assert (found["daily_last_hour"].passed, found["daily_last_hour"].severity) == (False, "warn")
    assert "11:00" in found["daily_last_hour"].message
    assert found["daily_bills"].passed
    assert found["daily_bills"].value != 90


def test_a_missing_store_is_named() -> None:
    panel = quiet()
    stores = dict(panel.places["store_id"])
    stores["S2"] = np.append(stores["S2"][:-1], 0)
    found = judged(replace(panel, places={**panel.places, "store_id": stores}))["daily_missing_stores"]
    assert found.blocks
    assert "S2 (usually 1" in found.message
    assert found.value == pytest.approx(0.3, abs=0.03)


def test_a_day_without_sales_that_should_have_some_is_a_warning() -> None:
    panel = quiet()
    columns = {name: np.concatenate([values[:-3], [0.0], values[-2:]]) for name, values in panel.columns.items()}
    found = judged(replace(panel, columns=columns))["daily_missing_days"]
    assert (found.value, found.passed, found.severity) == (1, False, "warn")


def test_a_short_history_says_so_and_the_vertical_stands_in() -> None:
    found = judged(quiet(40), daily_return_share=0.01)
    assert found["own_history"].passed
    assert "40 days is too short" in found["own_history"].message
    assert "daily_bills" not in found
    assert (found["daily_return_share"].source, found["daily_return_share"].blocks) == ("vertical", True)
    assert "the vertical 'fashion'" in found["daily_return_share"].rule


def test_the_customer_file_overrides_both() -> None:
    spoilt = with_last(quiet(), bills=100.0, returned=400.0)
    lax = replace(ACME, thresholds={"daily_bills": 5, "daily_return_share": 0.9})
    found = judged(spoilt, lax, daily_return_share=0.01)
    assert [(found[name].passed, found[name].source) for name in lax.thresholds] == [(True, "customer file")] * 2
    strict = judged(quiet(), replace(ACME, thresholds={"daily_return_share": 0.01, "daily_mean_hour": 0.0}))
    assert strict["daily_return_share"].blocks
    assert strict["daily_mean_hour"].blocks


def test_an_expected_change_is_accepted_from_its_first_day() -> None:
    panel = with_last(quiet(), price_ratio=1.2)
    change = Expected(panel.date(-1), "new price list", ("daily_price_level",))
    found = judged(panel, replace(ACME, expected=(change,)))
    assert "daily_price_level" not in found
    assert found["daily_bills"].source == "own history"
    other = judged(panel, replace(ACME, expected=(replace(change, figures=("quantity",)),)))
    assert not other["daily_price_level"].passed
    whole = judged(panel, replace(ACME, expected=(replace(change, figures=()),)))
    assert set(whole) == {"own_history"}


def test_the_remedy_is_what_the_customer_file_understands() -> None:
    remedy = judged(with_last(quiet(), price_ratio=1.2))["daily_price_level"].remedy
    assert remedy.endswith('expected: [{from: 2025-06-19, figures: [daily_price_level], why: "..."}]')


def test_misspelt_daily_figures_are_told() -> None:
    customer = replace(ACME, thresholds={"daily_bils": 2}, expected=(Expected(date(2025, 1, 1), "x", ("price_levl",)),))
    wrong = [one for one in find_daily(learn_bands(quiet()), customer, {}) if not one.passed]
    assert [one.blocks for one in wrong] == [False, False]
    assert "daily_bills" in wrong[0].remedy
    assert "daily_price_level" in wrong[1].remedy


def test_nothing_of_the_future_is_used() -> None:
    panel = quiet()
    early = replace(
        panel,
        columns={name: values[:700] for name, values in panel.columns.items()},
        places={of: {name: values[:700] for name, values in one.items()} for of, one in panel.places.items()},
    )
    for name, all_bands in learn_bands(panel).bands.items():
        for whole, part in zip(all_bands, learn_bands(early).bands[name], strict=True):
            ends = zip((whole.value, *whole.warn, *whole.block), (part.value, *part.warn, *part.block), strict=True)
            for one, other in ends:
                np.testing.assert_array_equal(one[:700], other)


def test_every_series_can_be_drawn() -> None:
    found = build_series(learn_bands(quiet()))
    assert [one.name for one in found] == list(FIGURES)
    for one in found:
        assert len(one.values) == len(one.low) == len(one.high) == 400
        assert one.first_day == "2024-05-16"
    assert found[0].low[-1] < found[0].values[-1] < found[0].high[-1]  # type: ignore[operator]


@pytest.mark.parametrize("days", [1, 2, 8, 30])
def test_any_history_is_judged_in_words(days: int) -> None:
    found = find_daily(learn_bands(quiet(days)), ACME, {})
    assert "too short" in found[-1].message
    assert find_daily(None, ACME, {}) == ()
    assert build_series(None) == ()
