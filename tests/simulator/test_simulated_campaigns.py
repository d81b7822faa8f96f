"""Campaigns have a control group drawn by lot and a causal effect that is as large as the truth says."""

from collections.abc import Callable
from datetime import date

import pandas as pd
import pytest

from capflow_assets.simulator import Retailer, SimulatedData, simulate

Purchases = Callable[[SimulatedData], pd.DataFrame]
WINDOW = pd.Timedelta(days=14)


@pytest.fixture(scope="module")
def answers(purchases: Purchases) -> pd.DataFrame:
    """One row a contact with a user who had not lapsed two weeks later: visits in these weeks, and the truth."""
    world = simulate(Retailer("mailer", "fashion", 6000, date(2025, 1, 1), 300, seed=8))
    contacts = world.contacts.merge(world.truth, on="user_id").merge(world.users, on="user_id")
    contacts = contacts[contacts["sent_at"] + WINDOW < pd.Timestamp(world.retailer.end)]
    contacts = contacts[contacts["dropout"].isna() | (contacts["dropout"] > contacts["sent_at"] + WINDOW)]
    visits = contacts[["user_id", "campaign_id", "sent_at"]].merge(purchases(world)[["user_id", "ts"]], on="user_id")
    inside = visits[(visits["ts"] >= visits["sent_at"]) & (visits["ts"] < visits["sent_at"] + WINDOW)]
    count = inside.groupby(["user_id", "campaign_id"]).size().rename("visits")
    return contacts.merge(count, how="left", on=["user_id", "campaign_id"]).fillna({"visits": 0})


def effect(answers: pd.DataFrame) -> float:
    """Visits of the contacted minus those of the control group."""
    visits = answers.groupby("treated")["visits"].mean()
    return float(visits[True] - visits[False])


def test_treatment_is_a_lot(answers: pd.DataFrame) -> None:
    assert answers["treated"].mean() == pytest.approx(0.6, abs=0.02)
    rate = answers.groupby("treated")["rate_per_day"].mean()
    assert rate[True] == pytest.approx(rate[False], rel=0.05)


def test_the_effect_is_what_the_truth_says(answers: pd.DataFrame) -> None:
    truth = answers.loc[answers["treated"], "uplift"].mean()
    assert truth > 0.1
    assert effect(answers) == pytest.approx(truth, rel=0.15)


def test_the_effect_differs_between_users(answers: pd.DataFrame) -> None:
    young, old = (effect(answers[answers["age_band"] == band]) for band in ("18-24", "50-64"))
    assert young > 1.5 * old > 0
    put_off = answers[answers["uplift"] < 0]
    assert 0.02 < len(put_off) / len(answers) < 0.1
    assert effect(put_off) < 0


def test_nobody_but_the_contacted_responds(boutique: SimulatedData, purchases: Purchases) -> None:
    contacts = boutique.contacts
    assert contacts.loc[~contacts["treated"], "responded_at"].isna().all()
    responded = contacts.dropna(subset="responded_at")
    assert 0.05 < len(responded) / contacts["treated"].sum() < 0.5
    assert (responded["responded_at"] < responded["sent_at"] + WINDOW).all()
    bills = purchases(boutique)[["user_id", "ts"]].rename(columns={"ts": "responded_at"}).drop_duplicates()
    assert len(responded.merge(bills, on=["user_id", "responded_at"])) == len(responded)  # a response is a purchase
