"""The contract of a model: a model that was written for an earlier version of it works unchanged."""

from __future__ import annotations

from datetime import datetime

import pandas as pd

from capflow_assets.contract.model import Artefact, Snapshot
from capflow_assets.models.churn import Churn


class Former(Churn):
    """A model that overrides methods by the names that they had before."""

    def judged(self, artefact: Artefact, snapshot: Snapshot) -> pd.DataFrame:
        return pd.DataFrame({"by": ["judged"]})

    def measured(self, *_: object) -> pd.DataFrame:
        return pd.DataFrame({"by": ["measured"]})


def test_a_method_that_a_model_overrides_by_its_former_name_is_still_called() -> None:
    snapshot = Snapshot("acme", datetime(2026, 1, 1), pd.DataFrame(), {})
    assert Former().predict_quickly(Artefact({}), snapshot)["by"].tolist() == ["judged"]
    assert Former().measure(snapshot, pd.DataFrame(), {})["by"].tolist() == ["measured"]
