"""campaign_uplift: which shoppers buy because a campaign reaches them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from capflow_assets.contract.model import Artefact, Model, Needs, Task
from capflow_assets.contract.snapshot import LabelledSnapshot, Snapshot
from capflow_assets.methods import uplift
from capflow_assets.methods.contacts import buyers, treatment_outcomes
from capflow_assets.methods.ensemble.feature_matrix import numeric_columns
from capflow_assets.methods.phrases import feature_phrases
from capflow_assets.methods.visits import YEAR_DAYS, visit_history
from capflow_assets.models.bases.prediction_frame import prediction_frame
from capflow_assets.models.bases.tabular import TabularModel

if TYPE_CHECKING:
    import ibis
    import numpy as np
    import pandas as pd

EFFECT_DAYS = 14


class CampaignUplift(TabularModel):
    """Predict the uplift: by how much a contact raises the probability to buy within 14 days (below 0: lowers).

    Learned from campaigns with a randomised control group: each shopper selected in the first 16 days of the window is
    followed for 14 days from the first selection, whether treated or control. A shopper reached by a second campaign
    counts as treated.
    """

    name = "campaign_uplift"
    title = "Extra purchases from a contact"
    description = "How much likelier each shopper is to buy within 14 days if a campaign reaches them, and why."
    family = "uplift"
    task: ClassVar[Task] = "uplift"
    objective = "mean"
    method = (
        "doubly robust learner (Kennedy 2023) and T-learner (Künzel et al. 2019) by ridge regression and LightGBM, "
        "stacked (Breiman 1996)"
    )
    tables = ("contacts", "bills")
    features = ("rfm", "rhythm", "campaigns")
    needs = Needs(200, 1000, 120, contacts=1000, treated=500, control=200)
    horizon_days = 30
    metric = "qini"
    baseline_name = "the shoppers who buy most often first"
    parameters: ClassVar[Mapping[str, Any]] = uplift.PARAMETERS
    search_space: ClassVar[Mapping[str, Sequence[Any]]] = {}
    settings: ClassVar[Mapping[str, Any]] = {"price_of_contact": 0.1, "value_of_success": 10.0}

    def outcome(self, snapshot: Snapshot, window: Mapping[str, ibis.Table]) -> pd.DataFrame:
        """Return `treated` (1 reached, 0 held back) and `label` (1: bought within 14 days of the first contact)."""
        last_contact = snapshot.as_of + timedelta(days=self.horizon_days - EFFECT_DAYS)
        followed = treatment_outcomes(window["contacts"], window["bills"], last_contact, EFFECT_DAYS)
        return followed[followed["user_id"].isin(buyers(snapshot))].reset_index(drop=True)

    def fit(self, train: Sequence[LabelledSnapshot], parameters: Mapping[str, Any], seed: int) -> Artefact:
        """Fit the learners on all training dates; stack them by their predictions of later dates from earlier ones."""
        ordered = sorted(train, key=lambda snapshot: snapshot.as_of)
        columns = numeric_columns(ordered[-1].features)
        parts = [self._trial(snapshot, columns) for snapshot in ordered]
        try:
            fitted = uplift.fit(parts, parameters, seed)
        except ValueError as error:
            raise ValueError(f"{self.name} for {ordered[-1].customer!r}: {error}") from error
        facts = {
            "uplift": dict(fitted.facts),
            "levels": {},
            "phrases": feature_phrases(self.features, columns),
            "rows": sum(len(part) for part in parts),
        }
        return Artefact(files=dict(fitted.files), columns=columns, facts={**facts, **self.decision_facts(parameters)})

    def fit_and_predict_quickly(
        self, train: Sequence[LabelledSnapshot], later: LabelledSnapshot, parameters: Mapping[str, Any], seed: int
    ) -> pd.DataFrame:
        """Fit fully on `train` and predict `later`."""
        return Model.fit_and_predict_quickly(self, train, later, parameters, seed)

    def decision_facts(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Return from which uplift a contact pays: extra purchases worth more than the contact."""
        price, value = parameters.get("price_of_contact"), parameters.get("value_of_success")
        if not price or not value:
            return {}
        rule = f"contact pays from {price / value:.3g} extra purchases: {price:g} for a contact, {value:g} for one more"
        return {"decision": {"threshold": price / value, "rule": rule}}

    def baseline(self, train: Sequence[LabelledSnapshot], snapshot: Snapshot) -> pd.DataFrame:
        """Predict the visits per day in the last 365 days."""
        history = visit_history(snapshot.tables["bills"], snapshot.as_of)
        return prediction_frame(
            self, {"user_id": history["user_id"], "score": history["visits_year"] / float(YEAR_DAYS)}
        )

    def _predictor(self, artefact: Artefact) -> uplift.Uplift:
        return uplift.Uplift(artefact.files, artefact.facts["uplift"])

    def _trial(self, snapshot: LabelledSnapshot, columns: Sequence[str]) -> uplift.TreatmentRows:
        rows = self._rows(snapshot, columns, {})
        treated: np.ndarray = snapshot.outcome["treated"].to_numpy(dtype="float64")
        return uplift.TreatmentRows(rows.matrix, treated, rows.target)
