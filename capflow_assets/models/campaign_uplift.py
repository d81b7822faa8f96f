"""campaign_uplift: whom a campaign moves to buy who would not have bought without it."""

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
    """Uplift: how much likelier a shopper is to buy within 14 days because a campaign reached them; below 0: less.

    Learned from campaigns that held a control group back by lot: each shopper chosen for one in the first 16 days of
    the window is followed for 14 days from the first of them, whether reached or held back. Being reached by a second
    campaign counts as being reached.
    """

    name = "campaign_uplift"
    title = "Extra purchases by contact"
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
    baseline_name = "contact first who buys most often anyway"
    parameters: ClassVar[Mapping[str, Any]] = uplift.PARAMETERS
    search_space: ClassVar[Mapping[str, Sequence[Any]]] = {}
    settings: ClassVar[Mapping[str, Any]] = {"price_of_contact": 0.1, "value_of_success": 10.0}

    def outcome(self, snapshot: Snapshot, window: Mapping[str, ibis.Table]) -> pd.DataFrame:
        """`treated`: 1 reached, 0 held back; `label`: 1 for a purchase in the 14 days after the first contact."""
        last_contact = snapshot.as_of + timedelta(days=self.horizon_days - EFFECT_DAYS)
        told = treatment_outcomes(window["contacts"], window["bills"], last_contact, EFFECT_DAYS)
        return told[told["user_id"].isin(buyers(snapshot))].reset_index(drop=True)

    def fit(self, train: Sequence[LabelledSnapshot], parameters: Mapping[str, Any], seed: int) -> Artefact:
        """The effect from all past dates; the say of each way to tell it from later dates, told by earlier ones."""
        ordered = sorted(train, key=lambda snapshot: snapshot.as_of)
        columns = numeric_columns(ordered[-1].features)
        parts = [self._trial(snapshot, columns) for snapshot in ordered]
        try:
            fitted = uplift.fit(parts, parameters, seed)
        except ValueError as error:
            raise ValueError(f"{self.name} for {ordered[-1].customer!r}: {error}") from error
        told = feature_phrases(self.features, columns)
        facts = {"uplift": dict(fitted.facts), "levels": {}, "phrases": told, "rows": sum(len(p) for p in parts)}
        return Artefact(files=dict(fitted.files), columns=columns, facts={**facts, **self.decision_facts(parameters)})

    def fit_and_predict_quickly(
        self, train: Sequence[LabelledSnapshot], later: LabelledSnapshot, parameters: Mapping[str, Any], seed: int
    ) -> pd.DataFrame:
        """What a whole fit on `train` says of `later`."""
        return Model.fit_and_predict_quickly(self, train, later, parameters, seed)

    def decision_facts(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Whom it pays to contact: where the extra purchases are worth more than the contact."""
        price, value = parameters.get("price_of_contact"), parameters.get("value_of_success")
        if not price or not value:
            return {}
        told = f"contact pays from {price / value:.3g} extra purchases: {price:g} for a contact, {value:g} for one more"
        return {"decision": {"threshold": price / value, "rule": told}}

    def baseline(self, train: Sequence[LabelledSnapshot], snapshot: Snapshot) -> pd.DataFrame:
        """Those first who came on most days of the last 365: visits a day in that year."""
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
