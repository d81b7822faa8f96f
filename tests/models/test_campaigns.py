"""The models of campaigns: what counts as an answer, who is asked about, and what is decided by price and value."""

from __future__ import annotations

from datetime import timedelta

import ibis
import pandas as pd
import pytest

from capflow_assets.conformance.shop_tables import CHANNELS
from capflow_assets.conformance.synthetic_shop import AS_OF, SyntheticShop, make_shop
from capflow_assets.contract.snapshot import Snapshot
from capflow_assets.models.campaign_response import CampaignResponse
from capflow_assets.models.campaign_uplift import CampaignUplift
from capflow_assets.models.channel_propensity import ChannelPropensity
from capflow_assets.models.offer_redemption import OfferRedemption
from tests.methods.test_contacts import T, bills, contacts

KNOWN = [("ann", -9, 5.0, False), ("bob", -9, 5.0, False), ("cid", -9, 5.0, False), ("dee", -9, -5.0, True)]


@pytest.fixture(scope="module")
def small() -> SyntheticShop:
    return make_shop(150, seed=2)


def tables(
    sent: list[tuple[str | None, float | None, float | None, bool | None, str | None]],
    sold: list[tuple[str | None, float, float, bool]],
) -> dict[str, ibis.Table]:
    """Contacts, all by e-mail, and bills."""
    return {"contacts": contacts(sent).mutate(channel=ibis.literal("email")), "bills": bills(sold)}


def test_who_answers_of_those_reached_and_known_before() -> None:
    snapshot = Snapshot("acme", T, pd.DataFrame(), tables([("ann", -5, -4, True, "tea")], KNOWN))
    later = [
        ("ann", 1, None, True, "tea"),
        ("ann", 20, 21, True, "tea"),
        ("bob", 29, 31, None, "tea"),
        ("cid", 1, None, False, "tea"),
        ("dee", 1, 2, True, "tea"),  # has only returned
        ("new", 1, 2, True, "tea"),
    ]
    outcome = CampaignResponse().outcome(snapshot, tables(later, []))
    assert dict(outcome.itertuples(index=False, name=None)) == {"ann": 1, "bob": 0}


def test_offers_never_sent_before_are_not_asked_about() -> None:
    snapshot = Snapshot(
        "acme", T, pd.DataFrame({"user_id": ["ann", "bob"]}), tables([("bob", -5, None, True, "tea")], KNOWN)
    )
    later = [("ann", 1, 2, True, "tea"), ("ann", 1, 2, True, "new"), ("bob", 1, None, True, "tea")]
    model = OfferRedemption()
    outcome = model.outcome(snapshot, tables(later, []))
    assert list(outcome.itertuples(index=False, name=None)) == [("ann", "tea", 1), ("bob", "tea", 0)]
    assert model.population(snapshot)["offer"].tolist() == ["tea", "tea"]
    assert model.units_to_predict(snapshot, {"offer": ["jam"]})["offer"].tolist() == ["jam", "tea", "jam", "tea"]


def test_what_is_measured_of_a_shopper_and_an_offer() -> None:
    past = [("ann", -5, -4, True, "tea"), ("ann", -6, None, True, "tea"), ("ann", -7, -6, True, "jam")]
    snapshot = Snapshot("acme", T, pd.DataFrame(), tables(past, KNOWN))
    units = pd.DataFrame({"user_id": ["ann", "ann", "bob"], "offer": ["jam", "tea", "tea"]})
    found = OfferRedemption().measure(snapshot, units, {})
    assert found["own_contacts"].tolist() == [1, 2, 0]
    assert found["own_rate"].tolist()[:2] == [1.0, 0.5]
    assert found["own_rate"].isna().tolist() == [False, False, True]
    usual = 2 / 3
    expected = [(1 + 10 * usual) / 11 - usual, (1 + 10 * usual) / 12 - usual, 0.0]
    assert found["own_leaning"].tolist() == pytest.approx(expected)


def test_the_channel_that_a_shopper_answers_scores_highest(small: SyntheticShop) -> None:
    model = ChannelPropensity()
    train = [small.labelled_snapshot(AS_OF - timedelta(days=days), model) for days in (120, 90, 60)]
    artefact = model.fit(train, model.parameters, 1)
    now = small.labelled_snapshot(AS_OF - timedelta(days=30), model)
    prediction = model.predict(artefact, now)
    assert sorted(prediction["channel"].unique()) == sorted(CHANNELS)
    told = model.measure(now, prediction, {}).assign(score=prediction["score"].to_numpy())
    often = told["own_contacts"] >= 4
    assert (
        told[often & (told["own_rate"] > 0.5)]["score"].mean()
        > 2 * told[often & (told["own_rate"] == 0)]["score"].mean()
    )


def test_beyond_the_best_three_a_reason_is_how_often_it_was_sent(small: SyntheticShop) -> None:
    model = OfferRedemption()
    told = small.frames["contacts"]
    many = told.assign(offer=told["offer"] + " " + (told["campaign_id"].str[1:].astype(int) % 3).astype(str))
    past, now = (
        small.with_tables(contacts=many).labelled_snapshot(AS_OF - timedelta(days=days), model) for days in (90, 30)
    )
    prediction = model.predict(model.fit([past], model.parameters, 1), now)
    rank = prediction.groupby("user_id")["score"].rank(ascending=False, method="first")
    assert rank.max() == 6
    plain = prediction["reasons"].map(lambda reasons: len(reasons) == 1 and reasons[0].startswith("was sent this"))
    assert plain[rank > 3].all()
    assert plain[rank <= 3].mean() < 0.2


def test_uplift_follows_those_chosen_in_the_first_16_days() -> None:
    snapshot = Snapshot("acme", T, pd.DataFrame(), tables([], KNOWN))
    later = [("ann", 1, None, True, None), ("bob", 15, None, False, None), ("cid", 16, None, True, None)]
    sold = [("ann", 16, 5.0, False), ("bob", 28.5, 5.0, False), ("cid", 17, 5.0, False)]
    outcome = CampaignUplift().outcome(snapshot, tables(later, sold))
    assert list(outcome.itertuples(index=False, name=None)) == [("ann", 1, 0), ("bob", 0, 1)]


def test_whom_it_pays_to_contact_is_kept_with_the_version(small: SyntheticShop) -> None:
    model = CampaignUplift()
    snapshot = small.labelled_snapshot(AS_OF - timedelta(days=60), model)
    artefact = model.fit([snapshot], {**model.parameters, "price_of_contact": 0.5, "value_of_success": 20.0}, 1)
    assert artefact.facts["decision"]["threshold"] == pytest.approx(0.025)
    assert "20 for one more" in artefact.facts["decision"]["rule"]
    prediction = model.predict(artefact, snapshot)
    assert prediction["score"].between(-1, 1).all()
    assert prediction["score"].nunique() > 50


def test_without_anybody_held_back_the_customer_is_named(small: SyntheticShop) -> None:
    model = CampaignUplift()
    told = small.frames["contacts"].assign(treated=True)
    snapshot = small.with_tables(contacts=told).labelled_snapshot(AS_OF - timedelta(days=60), model)
    with pytest.raises(ValueError, match=r"'acme'.*0 held back"):
        model.fit([snapshot], model.parameters, 1)
