"""behaviour_segments: clusters of shoppers who behave alike, found in the data instead of set by rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from capflow_assets.contract.model import Artefact, Model, Needs, NothingToLearnError, Task
from capflow_assets.contract.snapshot import LabelledSnapshot, Snapshot
from capflow_assets.methods import clusters
from capflow_assets.methods.ensemble.feature_matrix import feature_matrix, numeric_columns
from capflow_assets.methods.phrases import feature_phrases
from capflow_assets.methods.visits import YEAR_DAYS, active_users, next_spend
from capflow_assets.models.bases.prediction_frame import prediction_frame
from capflow_assets.models.rfm_segments import RfmSegments

if TYPE_CHECKING:
    import ibis
    import numpy as np
    import pandas as pd


class BehaviourSegments(Model):
    """Cluster the shoppers of the last 365 days by k-means on their features; name each cluster after them.

    The number of clusters is the one that explained most of the spend after an earlier date.
    """

    name = "behaviour_segments"
    title = "Behaviour segments"
    description = (
        "Groups shoppers who behave alike. The groups are found in the data and named after what sets them apart."
    )
    family = "segmentation"
    method = "k-means (Lloyd 1982) from k-means++ seeds (Arthur & Vassilvitskii 2007)"
    task: ClassVar[Task] = "segment"
    tables = ("bills",)
    features = ("rfm", "rhythm")
    needs = Needs(users=200, bills=1000, history_days=180)
    horizon_days = 60
    metric = "variance_explained"
    baseline_name = "fifths of last year's spend"
    parameters: ClassVar[Mapping[str, Any]] = {"fewest": 3, "most": 8}

    def outcome(self, snapshot: Snapshot, window: Mapping[str, ibis.Table]) -> pd.DataFrame:
        """Return `value`: currency units spent in the next 60 days by every shopper of the last 365 days."""
        spent = next_spend(snapshot, window["bills"])
        return spent[spent["user_id"].isin(active_users(snapshot, YEAR_DAYS)["user_id"])].reset_index(drop=True)

    def fit(self, train: Sequence[LabelledSnapshot], parameters: Mapping[str, Any], seed: int) -> Artefact:
        """Fit the clusters on the latest date; choose their number on the dates before it."""
        import numpy as np

        ordered = sorted(train, key=lambda snapshot: snapshot.as_of)
        columns = numeric_columns(ordered[-1].features)
        matrices = [self._matrix(snapshot, columns)[1] for snapshot in ordered]
        if len(np.unique(matrices[-1], axis=0)) <= parameters["most"]:
            raise NothingToLearnError(
                f"{self.name} for {ordered[-1].customer!r}: too few shoppers before {ordered[-1].as_of}."
            )
        spent = [self._spent(snapshot) for snapshot in ordered]
        count = clusters.choose_count(
            list(zip(matrices, spent, strict=True)), parameters["fewest"], parameters["most"], seed
        )
        found = clusters.fit(matrices[-1], count, seed)
        facts = {
            "names": clusters.group_names(found, columns),
            "phrases": feature_phrases(self.features, columns),
            "clusters": count,
        }
        return Artefact(files={"clusters.npz": clusters.to_bytes(found)}, columns=columns, facts=facts)

    def predict(self, artefact: Artefact, snapshot: Snapshot) -> pd.DataFrame:
        """Return `label`, the cluster of the nearest centre, with the features that are typical of it as reasons."""
        users, matrix = self._matrix(snapshot, artefact.columns)
        found = clusters.from_bytes(artefact.files["clusters.npz"])
        nearest = clusters.assign(found, matrix)
        names = artefact.facts["names"]
        texts = [artefact.facts["phrases"][column] for column in artefact.columns]
        reasons = [
            [texts[column].format(value=matrix[row, column]) for column in marks] or ["close to the average shopper"]
            for row, marks in enumerate(clusters.distinguishing_columns(found, matrix, nearest))
        ]
        labels = [names[number] for number in nearest.tolist()]
        return prediction_frame(self, {"user_id": users, "label": labels, "reasons": reasons})

    def baseline(self, train: Sequence[LabelledSnapshot], snapshot: Snapshot) -> pd.DataFrame:
        """Predict fifths of last year's spend, with edges from the latest training snapshot."""
        fifths = RfmSegments().baseline(train, snapshot)
        return fifths[fifths["user_id"].isin(active_users(snapshot, YEAR_DAYS)["user_id"])].reset_index(drop=True)

    def _matrix(self, snapshot: Snapshot, columns: Sequence[str]) -> tuple[pd.Series, np.ndarray]:
        users = active_users(snapshot, YEAR_DAYS)["user_id"]
        return users, feature_matrix(snapshot, users, columns)

    def _spent(self, snapshot: LabelledSnapshot) -> np.ndarray:
        users = active_users(snapshot, YEAR_DAYS)["user_id"]
        return snapshot.outcome.set_index("user_id")["value"].reindex(users).to_numpy(dtype="float64")
