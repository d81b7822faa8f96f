"""churn: which active shoppers will stay away for the next 60 days, by an ensemble of trees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from capflow_assets.methods import calibration, trees
from capflow_assets.methods.phrases import phrases, strongest
from capflow_assets.methods.visits import last_day_before, spend, visit_history
from capflow_assets.models.base import Artefact, Model, Needs, Promotion, Snapshot, Task
from capflow_assets.models.prediction import prediction_frame

if TYPE_CHECKING:
    import ibis
    import numpy as np
    import pandas as pd

ACTIVE_DAYS = 180
FOLDS = 4

Rows = tuple["np.ndarray", "np.ndarray"]


class Churn(Model):
    """Lapse: the probability that an active shopper (bought in the last 180 days) has no bill in the next 60 days.

    The mean of LightGBM boosting and a random forest, made a probability by Platt's method on rows that the trees
    had not seen, with the three strongest SHAP contributions as reasons.
    """

    name = "churn"
    title = "Lapse within 60 days"
    description = "How likely each active shopper is to buy nothing in the next 60 days, and why."
    family = "retention"
    method = "gradient boosting (LightGBM, Ke et al. 2017) and a random forest (Breiman 2001), Platt-calibrated"
    task: ClassVar[Task] = "binary"
    tables = ("bills",)
    features = ("rfm", "rhythm")
    needs = Needs(200, 1000, 180, positives=30, least_label_share=0.005, greatest_label_share=0.995)
    horizon_days = 60
    metric = "auc"
    baseline_name = "days since the last visit"
    promotion = Promotion(over_baseline=0.0, tolerance=0.01)
    parameters: ClassVar[Mapping[str, Any]] = trees.PARAMETERS
    search_space: ClassVar[Mapping[str, Sequence[Any]]] = {
        "learning_rate": (0.03, 0.05, 0.1),
        "num_leaves": (7, 15, 31),
        "feature_fraction": (0.4, 0.6, 0.8),
        "min_data_in_leaf": (10, 20, 50),
        "lambda_l2": (1.0, 5.0, 20.0),
    }

    def outcome(self, snapshot: Snapshot, window: Mapping[str, ibis.Table]) -> pd.DataFrame:
        """`label`: 1 for an active shopper without a purchase in the window, else 0."""
        import pandas as pd

        users = _active(snapshot)["user_id"]
        came = users.isin(spend(window["bills"]).index)
        return pd.DataFrame({"user_id": users, "label": (~came).astype("int64")})

    def fit(self, train: Sequence[Snapshot], parameters: Mapping[str, Any], seed: int) -> Artefact:
        """Trees on all snapshots; their number and the calibration from the latest snapshot, told by the earlier ones.

        With one snapshot the number of trees is fixed and the calibration comes from folds of its shoppers.
        """
        import numpy as np

        ordered = sorted(train, key=lambda snapshot: snapshot.as_of)
        columns = numeric_columns(ordered[-1].features)
        rows = [_rows(snapshot, columns) for snapshot in ordered]
        everything = _stack(rows)
        if len(np.unique(everything[1])) < 2:
            raise ValueError(f"churn for {ordered[-1].customer!r}: all {len(everything[1]):,} training rows are alike.")
        count, raw, label = _unseen(rows, parameters, seed)
        slope, intercept = calibration.platt(raw, label)
        return Artefact(
            files=trees.grow(*everything, count, parameters, seed),
            columns=columns,
            facts={
                "calibration": {"slope": slope, "intercept": intercept},
                "phrases": phrases(self.features, columns),
                "trees": count,
                "rows": len(everything[1]),
                "lapse_rate": float(everything[1].mean()),
            },
        )

    def predict(self, artefact: Artefact, snapshot: Snapshot) -> pd.DataFrame:
        """`score`: the probability of no purchase in the next 60 days, for every active shopper."""
        users, matrix = _matrix(snapshot, artefact.columns)
        fitted = artefact.facts["calibration"]
        score = calibration.sigmoid(fitted["slope"] * trees.log_odds(artefact.files, matrix) + fitted["intercept"])
        pushes = trees.contributions(artefact.files, matrix)[:, :-1]
        reasons = strongest(pushes, matrix, artefact.columns, artefact.facts["phrases"])
        return prediction_frame(self, {"user_id": users, "score": score, "reasons": reasons})

    def baseline(self, train: Sequence[Snapshot], snapshot: Snapshot) -> pd.DataFrame:
        """The longer since the last visit, the likelier to lapse: days since it, as a share of 180."""
        active = _active(snapshot)
        days = last_day_before(snapshot.as_of) - active["last_day"] + 1
        return prediction_frame(self, {"user_id": active["user_id"], "score": days / ACTIVE_DAYS})


def numeric_columns(features: pd.DataFrame) -> tuple[str, ...]:
    """The columns of `features` that a tree can split, sorted by name."""
    numbers = features.select_dtypes(["number", "bool"]).columns
    return tuple(sorted(str(name) for name in numbers if name != "user_id"))


def _active(snapshot: Snapshot) -> pd.DataFrame:
    history = visit_history(snapshot.tables["bills"], snapshot.as_of)
    lately = history["last_day"] > last_day_before(snapshot.as_of) - ACTIVE_DAYS
    return history[lately].reset_index(drop=True)


def _matrix(snapshot: Snapshot, columns: Sequence[str]) -> tuple[pd.Series, np.ndarray]:
    missing = sorted(set(columns) - set(snapshot.features.columns))
    if missing:
        raise ValueError(
            f"churn for {snapshot.customer!r} was fitted on features that are not there any more: "
            f"{', '.join(missing)}.\nTrain it again, or bring the feature sets back to the version it was fitted on."
        )
    users = _active(snapshot)["user_id"]
    known = snapshot.features.set_index("user_id")[list(columns)].reindex(users)
    return users, known.to_numpy(dtype="float64", na_value=float("nan"))


def _rows(snapshot: Snapshot, columns: Sequence[str]) -> Rows:
    if snapshot.outcome is None:
        raise ValueError(f"churn cannot be fitted on the snapshot of {snapshot.as_of}: it has no outcome.")
    users, matrix = _matrix(snapshot, columns)
    label = snapshot.outcome.set_index("user_id")["label"].reindex(users).to_numpy(dtype="float64")
    return matrix, label


def _stack(rows: Sequence[Rows]) -> Rows:
    import numpy as np

    matrix = np.concatenate([matrix for matrix, _ in rows])
    label = np.concatenate([label for _, label in rows])
    order = trees.canonical_order(matrix, label)
    return matrix[order], label[order]


def _unseen(rows: Sequence[Rows], parameters: Mapping[str, Any], seed: int) -> tuple[int, np.ndarray, np.ndarray]:
    """The number of trees, and log-odds with labels of rows that the trees which gave them had not seen."""
    import numpy as np

    if len(rows) > 1 and len(np.unique((past := _stack(rows[:-1]))[1])) == 2:
        later = _stack(rows[-1:])
        count = trees.best_number_of_trees(past, later, parameters, seed)
        return count, trees.log_odds(trees.grow(*past, count, parameters, seed), later[0]), later[1]
    matrix, label = _stack(rows)
    count = parameters["fixed_trees"]
    fold = np.random.default_rng(seed).permutation(len(label)) % FOLDS
    raw = np.zeros(len(label))
    for k in range(FOLDS):
        files = trees.grow(matrix[fold != k], label[fold != k], count, parameters, seed)
        raw[fold == k] = trees.log_odds(files, matrix[fold == k])
    return count, raw, label
