"""Selection: what tells something stays, what is noise goes, and where fewer columns are worse all stay."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import ibis
import numpy as np
import pandas as pd
import pytest

from capflow_assets.contract.snapshot import LabelledSnapshot
from capflow_assets.models.churn import Churn
from capflow_assets.training.search import selection
from capflow_assets.training.search.selection import select_features
from tests.models.test_churn import bills

USERS = 900
VISITS = bills([("somebody else", -10, 5.0, False)])  # the dates of visits tell nothing here
PARAMETERS: dict[str, Any] = {**Churn.parameters, "most_trees": 80}


def past(dates: int, noise: int, seed: int = 0) -> list[LabelledSnapshot]:
    """Shoppers of whom two columns tell whether they lapse, and so many columns of noise."""
    made = []
    for back in range(dates, 0, -1):
        chance = np.random.default_rng([seed, back])
        told = {name: chance.normal(size=USERS) for name in ("tells_much", "tells_some")}
        label = chance.random(USERS) < 1 / (1 + np.exp(-2 * told["tells_much"] - told["tells_some"]))
        nothing = {f"noise_{number:02d}": chance.normal(size=USERS) for number in range(noise)}
        users = [f"u{number:04d}" for number in range(USERS)]
        outcome = pd.DataFrame({"user_id": users, "label": label.astype(int)})
        features = pd.DataFrame({"user_id": users, **told, **nothing, "city": "Ely"})
        as_of = datetime(2026, 6, 1) - timedelta(days=60 * back)
        made.append(LabelledSnapshot("acme", as_of, features, {"bills": ibis.memtable(VISITS)}, outcome))
    return made


def test_columns_of_noise_go_and_the_others_stay() -> None:
    found = select_features(Churn(), past(3, 30), PARAMETERS, 1)
    assert {"tells_much", "tells_some"} <= set(found.columns)
    assert len(found.columns) <= 6
    assert found.offered == 32
    assert "columns beat columns of noise; auc" in found.reason
    assert found == select_features(Churn(), list(reversed(past(3, 30))), PARAMETERS, 1)


def test_all_stay_where_fewer_would_be_worse(monkeypatch: pytest.MonkeyPatch) -> None:
    def only_noise(matrix: Any, truth: Any, columns: list[str], seed: int) -> Mapping[str, int]:
        return {name: selection.FITS * name.startswith("noise") for name in columns}

    monkeypatch.setattr(selection, "_votes", only_noise)
    found = select_features(Churn(), past(3, 10), PARAMETERS, 1)
    assert len(found.columns) == found.offered == 12
    assert "10 columns alone would cost: auc -0." in found.reason


@pytest.mark.parametrize(("dates", "noise", "told"), [(1, 30, "one past date"), (3, 2, "nothing to choose")])
def test_why_all_stay_is_told(dates: int, noise: int, told: str) -> None:
    found = select_features(Churn(), past(dates, noise), PARAMETERS, 1)
    assert len(found.columns) == noise + 2
    assert told in found.reason
