"""A simulated world is the same for the same seed, hangs together, and has the patterns of real shoppers."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capflow_assets.simulator import Retailer, SimulatedData, simulate

Purchases = Callable[[SimulatedData], pd.DataFrame]
TABLES = ("line_items", "users", "items", "contacts", "truth", "item_styles")


def test_same_seed_same_world() -> None:
    retailer = Retailer("twice", "footwear", 200, date(2025, 3, 1), 200, seed=9)
    one, two, other = simulate(retailer), simulate(retailer), simulate(replace(retailer, seed=10))
    for table in TABLES:
        pd.testing.assert_frame_equal(getattr(one, table), getattr(two, table))
    assert not one.line_items.equals(other.line_items)


@settings(max_examples=25, deadline=None)
@given(
    vertical=st.sampled_from(["food_and_beverage", "fashion", "footwear"]),
    users=st.integers(1, 40),
    days=st.integers(1, 200),
    seed=st.integers(0, 10**6),
)
def test_every_world_hangs_together(vertical: str, users: int, days: int, seed: int) -> None:
    world = simulate(Retailer("any", vertical, users, date(2025, 2, 10), days, seed))
    lines, contacts = world.line_items, world.contacts
    assert set(lines["user_id"].dropna()) | set(contacts["user_id"]) <= set(world.users["user_id"])
    assert set(lines["item_id"]) <= set(world.items["item_id"])
    assert world.users["user_id"].is_unique
    assert world.items["item_id"].is_unique
    assert lines["ts"].is_monotonic_increasing
    assert lines["ts"].between(pd.Timestamp(2025, 2, 10), pd.Timestamp(world.retailer.end), inclusive="left").all()
    assert not lines.duplicated(["bill_id", "item_id"]).any()
    assert (lines.groupby("bill_id")[["ts", "store_id", "channel", "is_return"]].nunique() == 1).all(axis=None)
    assert (lines.groupby("bill_id")["user_id"].nunique(dropna=False) == 1).all()
    assert ((lines["quantity"] < 0) == lines["is_return"]).all()
    assert (lines["unit_price"] > 0).all()
    assert (lines["discount"] >= 0).all()
    for money in ("unit_price", "discount"):
        np.testing.assert_allclose(lines[money] * 100, (lines[money] * 100).round(), atol=1e-6)
    assert not contacts.duplicated(["user_id", "campaign_id"]).any()
    assert (contacts["responded_at"].dropna() > contacts["sent_at"][contacts["responded_at"].notna()]).all()
    assert contacts.loc[~contacts["treated"], "responded_at"].isna().all()


def test_each_return_refers_to_an_earlier_sale_at_the_price_paid(boutique: SimulatedData) -> None:
    lines = boutique.line_items
    returned = lines[lines["is_return"]]
    assert 0.05 < len(returned) / len(lines) < 0.16
    sale = lines[~lines["is_return"]]
    pairs = returned.assign(bill_id=returned["bill_id"].str[1:]).merge(sale, on=["bill_id", "item_id"])
    assert len(pairs) == len(returned)
    assert (pairs["ts_x"] > pairs["ts_y"]).all()
    assert (pairs["quantity_x"] == -pairs["quantity_y"]).all()
    refund = -pairs["quantity_x"] * pairs["unit_price_x"]
    paid = pairs["quantity_y"] * pairs["unit_price_y"] - pairs["discount_y"]
    assert ((refund - paid).abs() <= 0.005 * pairs["quantity_y"] + 1e-9).all()


def test_users_buy_between_arrival_and_dropout_only(cafe: SimulatedData, purchases: Purchases) -> None:
    bought = purchases(cafe).merge(cafe.users, on="user_id").merge(cafe.truth, on="user_id")
    assert (bought["ts"] >= bought["first_seen"]).all()
    lapsed = bought["dropout"].notna()
    assert (bought["ts"] < bought["dropout"])[lapsed].all()
    assert 0.25 < cafe.truth["dropout"].notna().mean() < 0.75
    arrivals = cafe.users["first_seen"].dt.to_period("M").value_counts()
    assert len(arrivals[arrivals.index >= "2025-01"]) == 12  # new users in every month


def test_users_differ_in_how_often_they_buy(cafe: SimulatedData, purchases: Purchases) -> None:
    rates = cafe.truth["rate_per_day"]
    assert rates.std() > 0.6 * rates.mean()
    stayed = cafe.users.merge(cafe.truth, on="user_id").query("first_seen < '2025-01-01' and dropout.isna()")
    visits = purchases(cafe).groupby("user_id").size().reindex(stayed["user_id"]).fillna(0)
    assert np.corrcoef(visits, stayed["rate_per_day"])[0, 1] > 0.9
    assert visits.var() > 5 * visits.mean()  # equal users would have a variance near the mean


@pytest.mark.parametrize(("vertical", "gap"), [("food_and_beverage", 7), ("fashion", 42), ("footwear", 84)])
def test_each_vertical_has_its_rhythm(vertical: str, gap: int, purchases: Purchases) -> None:
    world = simulate(Retailer("rhythm", vertical, 1500, date(2025, 1, 1), 364, seed=2))
    bought = purchases(world).groupby("user_id").size()
    stayed = world.users.merge(world.truth, on="user_id").query("first_seen < '2025-01-01' and dropout.isna()")
    asked = world.contacts.loc[world.contacts["treated"], "user_id"].value_counts()
    caused = (asked.reindex(stayed["user_id"]).fillna(0).to_numpy() * stayed["uplift"]).mean()
    visits = bought.reindex(stayed["user_id"]).fillna(0).mean() - caused
    assert visits == pytest.approx((364 * stayed["rate_per_day"]).mean(), rel=0.1)
    assert 1 / world.truth["rate_per_day"].mean() == pytest.approx(gap, rel=0.1)


def test_week_and_year_have_their_seasons(boutique: SimulatedData, purchases: Purchases) -> None:
    day = purchases(boutique).query("channel == 'store'")["ts"].dt
    weekday = day.dayofweek.value_counts()
    assert weekday[5] > 1.3 * weekday[[0, 1, 2]].mean()  # Saturday
    assert day.hour.between(9, 20).all()
    assert not set(boutique.line_items["ts"].dt.hour) & {1, 2, 3}  # hours that a change of the clock skips or repeats
    known = set(boutique.users.query("first_seen < '2025-01-01'")["user_id"])
    bought = purchases(boutique)
    month = bought[bought["user_id"].isin(known)]["ts"].dt.month.value_counts()
    assert month[12] > 1.3 * month[8]  # Christmas and August, among users who were there all year


def test_some_bills_are_anonymous_and_some_are_online(cafe: SimulatedData, boutique: SimulatedData) -> None:
    for world, anonymous, online in ((cafe, 0.18, 0.12), (boutique, 0.11, 0.45)):
        bills = world.line_items[~world.line_items["is_return"]].drop_duplicates("bill_id")
        assert bills["user_id"].isna().mean() == pytest.approx(anonymous, abs=0.01)
        assert (bills["channel"] == "online").mean() == pytest.approx(online, abs=0.06)
        assert ((bills["store_id"] == "WEB") == (bills["channel"] == "online")).all()
        assert bills["store_id"].nunique() > 5


def test_prices_belong_to_items_and_promotions_lower_them(boutique: SimulatedData) -> None:
    sold = boutique.line_items[~boutique.line_items["is_return"]].merge(boutique.items, on="item_id")
    assert (sold["unit_price"] == sold["price"]).all()  # the whole year is the catalogue's
    rate = sold["discount"] / (sold["quantity"] * sold["unit_price"])
    assert 0.05 < (rate > 0).mean() < 0.5
    assert rate.max() < 0.31
    in_sale = sold["ts"].dt.month.isin((1, 7))
    assert (rate[in_sale] > 0).mean() > 1.5 * (rate[~in_sale] > 0).mean()


def test_prices_rise_at_the_start_of_the_last_year() -> None:
    world = simulate(Retailer("dearer", "footwear", 300, date(2024, 7, 1), 365))
    sold = world.line_items[~world.line_items["is_return"]].merge(world.items, on="item_id")
    before = sold["ts"] < pd.Timestamp(2025, 1, 1)
    assert (sold["unit_price"] == sold["price"])[~before].all()
    assert (sold["price"] / sold["unit_price"])[before].between(1.02, 1.04).all()


def test_item_texts_have_several_words_and_a_category_path(boutique: SimulatedData, cafe: SimulatedData) -> None:
    for world in (boutique, cafe):
        assert (world.items["description"].str.split().str.len() >= 3).all()
        assert world.items["description"].nunique() > 0.7 * len(world.items)
        assert world.items["category"].str.fullmatch(r"[^>]+ > [^>]+").all()


def test_bad_retailers_are_refused_with_the_choices() -> None:
    good = Retailer("shop", "fashion", 10, date(2025, 1, 1), 10)
    with pytest.raises(ValueError, match="footwear"):
        replace(good, vertical="shoes")
    with pytest.raises(ValueError, match="duplicated_load"):
        replace(good, defects=("gremlins",))
    with pytest.raises(ValueError, match="at least 1"):
        replace(good, users=0)
    with pytest.raises(ValueError, match="small letters"):
        replace(good, name="Shop, Ltd")
