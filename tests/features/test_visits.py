"""One rule for a visit: whoever is in a model's population has its features, also with nothing but bills of 0."""

from __future__ import annotations

from datetime import timedelta

import pandas as pd
import pytest

from capflow_assets.conformance.synthetic_shop import AS_OF, START, SyntheticShop, make_shop
from capflow_assets.contract.model import Model
from capflow_assets.features.sets.place import PLACE
from capflow_assets.features.sets.rfm import RFM
from capflow_assets.features.sets.rhythm import RHYTHM
from capflow_assets.run.catalogue import models

FREE = [f"u{number:05d}" for number in range(0, 150, 10)]
DATE = AS_OF - timedelta(days=60)
READ_BILLS = [model for _, model in sorted(models().items()) if "rfm" in model.features and "user_id" in model.unit]


@pytest.fixture(scope="module")
def shop() -> SyntheticShop:
    """A shop in which every tenth shopper never paid anything."""
    made = make_shop(150, seed=3)
    return made.with_tables(**{name: _free(made.frames[name]) for name in ("bills", "line_items")})


def _free(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(amount=frame["amount"].where(~frame["user_id"].isin(FREE), 0.0))


@pytest.mark.parametrize("feature_set", [RFM, RHYTHM, PLACE], ids=lambda one: one.name)
def test_bills_of_nothing_are_visits(shop: SyntheticShop, feature_set: object) -> None:
    features = feature_set.build(shop.tables(START, DATE), DATE).execute()  # type: ignore[attr-defined]
    assert len(set(FREE) & set(features["user_id"])) > 10


@pytest.mark.parametrize("model", READ_BILLS, ids=lambda model: model.name)
def test_nobody_in_a_population_is_without_features(shop: SyntheticShop, model: Model) -> None:
    featured = set(RFM.build(shop.tables(START, DATE), DATE).execute()["user_id"])
    population = set(shop.labelled_snapshot(DATE, model).outcome["user_id"])
    assert population
    assert population <= featured
    if model.name in ("churn", "purchase"):
        assert set(FREE) & population
