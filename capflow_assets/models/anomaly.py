"""anomaly: shoppers who will return more than half of what they buy in the next 60 days."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from capflow_assets.contract.model import Artefact, Model, Needs, NothingToLearnError, Promotion, Task
from capflow_assets.contract.snapshot import LabelledSnapshot, Snapshot
from capflow_assets.features.visits import cents, day_number, is_return
from capflow_assets.methods import isolation
from capflow_assets.methods.ensemble import ensemble
from capflow_assets.methods.ensemble.feature_matrix import feature_matrix, numeric_columns
from capflow_assets.methods.ensemble.learners import Rows, stack, trees
from capflow_assets.methods.phrases import feature_phrases, strongest_reasons
from capflow_assets.methods.visits import YEAR_DAYS, last_day_before
from capflow_assets.models.bases.prediction_frame import prediction_frame

if TYPE_CHECKING:
    import ibis
    import numpy as np
    import pandas as pd

RECENT_DAYS = 180
SAMPLES = (64, 256, 1024)  # rows per tree of each forest: small samples find lone outliers, large ones small clusters
REPORTED_SAMPLE = 256  # the forest of the published size gives the output `unusual`

OWN: Mapping[str, str] = {
    "returned_share_year": "returned {value:.0%} of what they bought in a year",
    "returned_share_180d": "returned {value:.0%} of what they bought in half a year",
    "returned_year": "returned {value:,.2f} in a year",
    "return_bills_year": "came {value:.0f} times in a year to return something",
    "days_since_return": "last returned something {value:.0f} days ago",
    "days_since_purchase": "last bought {value:.0f} days ago",
}
"""The phrases of the predictors that the model computes from the line items of the last 365 days."""
UNUSUAL: Mapping[str, str] = {f"unusual_{size}": "behaves unlike other shoppers ({value:.2f} of 1)" for size in SAMPLES}


class Anomaly(Model):
    """Predict who will return more than half of the value that they buy in the next 60 days.

    XGBOD: the anomaly scores of unsupervised isolation forests are features of a supervised LightGBM, calibrated by
    Platt's method. The population is the shoppers who bought something in the last 365 days.
    """

    name = "anomaly"
    title = "Unusual returns within 60 days"
    description = "How likely each shopper is to return more than half of what they buy in the next 60 days, and why."
    family = "risk"
    method = "XGBOD (Zhao & Hryniewicki 2018): isolation forests (Liu, Ting & Zhou 2008) as features of LightGBM"
    task: ClassVar[Task] = "binary"
    extras: ClassVar[Mapping[str, str]] = {
        "unusual": "How unusual the shopper's behaviour is, from 0 to 1, whether or not they return anything."
    }
    tables = ("line_items",)
    features = ("rfm", "price", "basket")
    needs = Needs(users=200, bills=1000, history_days=180, positives=20)
    horizon_days = 60
    metric = "auc"
    baseline_name = "the share of value returned so far"
    promotion = Promotion(over_baseline=0.0, tolerance=0.01)
    parameters: ClassVar[Mapping[str, Any]] = {
        **trees.PARAMETERS,
        "families": ["boosting", "forest"],
        "isolation_trees": isolation.TREES,
    }
    search_space: ClassVar[Mapping[str, Sequence[Any]]] = trees.SEARCH_SPACE
    counts_returns = True

    def outcome(self, snapshot: Snapshot, window: Mapping[str, ibis.Table]) -> pd.DataFrame:
        """Return `label`: 1 if the shopper returns more than half of the value bought in the window, else 0."""
        import pandas as pd

        users = _history(snapshot)["user_id"]
        money = _money(window["line_items"]).reindex(users, fill_value=0)
        label = money["returned"] * 2 > money["bought"]
        return pd.DataFrame({"user_id": users, "label": label.to_numpy().astype("int64")})

    def fit(self, train: Sequence[LabelledSnapshot], parameters: Mapping[str, Any], seed: int) -> Artefact:
        """Fit isolation forests and trees on all snapshots; choose the number of trees and calibrate out of sample."""
        import numpy as np

        ordered = sorted(train, key=lambda snapshot: snapshot.as_of)
        columns = _numeric_columns(ordered[-1].features)
        parts = [_rows(snapshot, columns) for snapshot in ordered]
        rows = stack(parts)
        if len(np.unique(rows.target)) < 2:
            raise NothingToLearnError(
                f"anomaly for {ordered[-1].customer!r}: all {len(rows):,} training rows are alike."
            )
        forests = [isolation.grow_forest(rows.matrix, size, seed, parameters["isolation_trees"]) for size in SAMPLES]
        wide = [Rows(_with_scores(part.matrix, forests), part.target) for part in parts if len(part)]
        fitted = ensemble.fit(wide, "binary", parameters, seed)
        stored = {_file(size): forest.to_bytes() for size, forest in zip(SAMPLES, forests, strict=True)}
        return Artefact(
            files={**fitted.files, **stored},
            columns=columns,
            facts={
                "ensemble": dict(fitted.facts),
                "phrases": feature_phrases(self.features, columns),
                "rows": len(rows),
                "share_of_returners": float(rows.target.mean()),
            },
        )

    def predict(self, artefact: Artefact, snapshot: Snapshot) -> pd.DataFrame:
        """Return `score`, the probability of high returns, and `unusual`, the anomaly score (0 to 1)."""
        users, wide, fitted = self._load(artefact, snapshot)
        names = [*artefact.columns, *OWN, *UNUSUAL]
        contributions = _merge_forests(fitted.contributions(wide))
        reasons = strongest_reasons(contributions, wide, names, {**artefact.facts["phrases"], **OWN, **UNUSUAL})
        return self._frame(users, wide, fitted, reasons)

    def predict_quickly(self, artefact: Artefact, snapshot: Snapshot) -> pd.DataFrame:
        """Predict without reasons."""
        users, wide, fitted = self._load(artefact, snapshot)
        return self._frame(users, wide, fitted, [[] for _ in range(len(users))])

    def baseline(self, train: Sequence[LabelledSnapshot], snapshot: Snapshot) -> pd.DataFrame:
        """Predict the share of value returned in the last 365 days."""
        history = _history(snapshot)
        share = history["returned_share_year"].clip(upper=1.0)
        return prediction_frame(self, {"user_id": history["user_id"], "score": share, "unusual": share})

    def _load(self, artefact: Artefact, snapshot: Snapshot) -> tuple[pd.Series, np.ndarray, ensemble.Ensemble]:
        users, matrix = _matrix(snapshot, artefact.columns)
        forests = [isolation.IsolationForest.from_bytes(artefact.files[_file(size)]) for size in SAMPLES]
        return users, _with_scores(matrix, forests), ensemble.Ensemble(artefact.files, artefact.facts["ensemble"])

    def _frame(
        self, users: pd.Series, wide: np.ndarray, fitted: ensemble.Ensemble, reasons: list[list[str]]
    ) -> pd.DataFrame:
        unusual = wide[:, wide.shape[1] - len(SAMPLES) + SAMPLES.index(REPORTED_SAMPLE)]
        score = fitted.predict(wide)
        return prediction_frame(self, {"user_id": users, "score": score, "unusual": unusual, "reasons": reasons})


def _money(lines: ibis.Table) -> pd.DataFrame:
    """Return cents `bought` and `returned` by each known shopper, indexed by user_id."""
    known = lines.filter(lines.user_id.notnull(), lines.ts.notnull())
    known = known.mutate(cents=cents(known.amount), back=is_return(known))
    totals = known.group_by("user_id").aggregate(
        bought=known.cents.sum(where=~known.back).fill_null(0),
        returned=known.cents.abs().sum(where=known.back).fill_null(0),
    )
    return totals.order_by("user_id").execute().set_index("user_id").astype("int64")


def _history(snapshot: Snapshot) -> pd.DataFrame:
    """Return the columns of OWN for shoppers who bought in the last 365 days, sorted by `user_id`."""
    import pandas as pd

    today = last_day_before(snapshot.as_of)
    lines = snapshot.tables["line_items"]
    lines = lines.filter(lines.user_id.notnull(), lines.ts.notnull())
    lines = lines.mutate(day=day_number(lines.ts).cast("int64"), cents=cents(lines.amount), back=is_return(lines))
    lines = lines.filter(lines.day > today - YEAR_DAYS)
    buys, recent = ~lines.back & (lines.quantity > 0), lines.day > today - RECENT_DAYS
    totals = lines.group_by("user_id").aggregate(
        bought=lines.cents.sum(where=buys).fill_null(0),
        bought_recently=lines.cents.sum(where=buys & recent).fill_null(0),
        returned=lines.cents.abs().sum(where=lines.back).fill_null(0),
        returned_recently=lines.cents.abs().sum(where=lines.back & recent).fill_null(0),
        return_bills=lines.bill_id.nunique(where=lines.back),
        last_return=lines.day.max(where=lines.back),
        last_purchase=lines.day.max(where=buys),
    )
    frame = totals.filter(totals.last_purchase.notnull()).order_by("user_id").execute()
    whole = frame.drop(columns="user_id").astype("float64")
    return pd.DataFrame(
        {
            "user_id": frame["user_id"],
            "returned_share_year": whole["returned"] / whole["bought"].clip(lower=1.0),
            "returned_share_180d": whole["returned_recently"] / whole["bought_recently"].clip(lower=1.0),
            "returned_year": whole["returned"] / 100.0,
            "return_bills_year": whole["return_bills"],
            "days_since_return": today - whole["last_return"] + 1,
            "days_since_purchase": today - whole["last_purchase"] + 1,
        }
    )


def _numeric_columns(features: pd.DataFrame) -> tuple[str, ...]:
    return tuple(name for name in numeric_columns(features) if name not in OWN)


def _matrix(snapshot: Snapshot, columns: Sequence[str]) -> tuple[pd.Series, np.ndarray]:
    """Return the users, and users x (feature columns, then OWN)."""
    import numpy as np

    history = _history(snapshot)
    given = feature_matrix(snapshot, history["user_id"], columns)
    return history["user_id"], np.column_stack([given, history[list(OWN)].to_numpy(dtype="float64")])


def _rows(snapshot: LabelledSnapshot, columns: Sequence[str]) -> Rows:
    users, matrix = _matrix(snapshot, columns)
    return Rows(matrix, snapshot.outcome.set_index("user_id")["label"].reindex(users).to_numpy(dtype="float64"))


def _with_scores(matrix: np.ndarray, forests: Sequence[isolation.IsolationForest]) -> np.ndarray:
    """Return the matrix with the anomaly score of each forest appended."""
    import numpy as np

    return np.column_stack([matrix, *(forest.anomaly_scores(matrix) for forest in forests)])


def _merge_forests(contributions: np.ndarray) -> np.ndarray:
    """Sum the contributions of all forests into the column of REPORTED_SAMPLE: they share one phrase."""
    merged, together = contributions.copy(), slice(contributions.shape[1] - len(SAMPLES), None)
    merged[:, together] = 0.0
    merged[:, contributions.shape[1] - len(SAMPLES) + SAMPLES.index(REPORTED_SAMPLE)] = contributions[:, together].sum(
        axis=1
    )
    return merged


def _file(sample: int) -> str:
    return f"isolation_{sample}.npz"
