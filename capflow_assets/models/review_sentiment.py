"""review_sentiment: whether the author of a review is satisfied, from its words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from capflow_assets.contract.model import Artefact, Model, Needs, NothingToLearnError, Promotion, Task
from capflow_assets.contract.snapshot import LabelledSnapshot, Snapshot
from capflow_assets.methods.labels import text_classifier
from capflow_assets.methods.labels.labelled_vectors import draw_order
from capflow_assets.methods.labels.text_classifier import TextClassifier
from capflow_assets.models.bases.prediction_frame import prediction_frame

if TYPE_CHECKING:
    import ibis
    import pandas as pd

CONTENT = 0.8  # of the greatest rating: 4 of 5 stars, 8 of 10 points, 1 of "recommended: 0 or 1"
PRIOR = 10.0  # pseudo-reviews at the overall share, added to an item's own
AT_ONCE = 50_000
NO_WORDS = "none of its words is common enough in reviews to tell"


class ReviewSentiment(Model):
    """Predict the probability that a review is positive, for every review with text, rated or not.

    Positive means a rating of at least 80 % of the greatest rating among the customer's reviews. A logistic regression
    is fitted by log-loss and calibrated by Platt's method on folds.
    """

    name = "review_sentiment"
    title = "Satisfied or not, from the words of a review"
    description = "How likely the author of a review is satisfied, and the words that show it."
    family = "content"
    method = (
        "logistic regression on TF-IDF of words and pairs of words (Salton & Buckley 1988; Wang & Manning 2012), "
        "calibrated by Platt (1999)"
    )
    task: ClassVar[Task] = "binary"
    unit = ("review_id",)
    learns_from = "labels"
    tables = ("reviews",)
    needs = Needs(users=0, bills=0, history_days=0, positives=20, reviews=200)
    metric = "auc"
    baseline_name = "the share of positive reviews of the same item"
    promotion = Promotion(over_baseline=0.0, tolerance=0.01)
    parameters: ClassVar[Mapping[str, Any]] = {"most_reviews": 100_000}

    def outcome(self, snapshot: Snapshot, window: Mapping[str, ibis.Table]) -> pd.DataFrame:
        """Return `label`: 1 for a review with text whose rating is at least 80 % of the greatest one, else 0."""
        reviews = window["reviews"]
        rated = reviews.filter(reviews.rating.notnull())
        written = rated.filter(rated.text.notnull()).select("review_id", "rating").distinct()
        frame = written.order_by("review_id", "rating").execute().drop_duplicates("review_id", ignore_index=True)
        greatest = float(rated.rating.max().execute()) if len(frame) else 0.0
        label = frame["rating"] >= CONTENT * greatest - 1e-9
        outcome = frame[["review_id"]].astype("str").assign(label=label.astype("int64"))
        return outcome if greatest > 0 else outcome.iloc[:0]

    def is_holdout(self, snapshot: Snapshot, outcome: pd.DataFrame) -> pd.Series:
        """Hold out the newest fifth of the reviews; ties, and reviews without a time, by a hash of their ids."""
        import numpy as np
        import pandas as pd

        known = _reviews(snapshot).set_index("review_id")["ts"].reindex(outcome["review_id"])
        oldest_first = np.lexsort([draw_order(outcome["review_id"]), known.fillna(pd.Timestamp.min).to_numpy()])
        kept = np.zeros(len(outcome), dtype=bool)
        kept[oldest_first[len(outcome) - len(outcome) // 5 :]] = True
        return pd.Series(kept, index=outcome.index)

    def fit(self, train: Sequence[LabelledSnapshot], parameters: Mapping[str, Any], seed: int) -> Artefact:
        """Fit the weights of words; choose the penalty and calibrate by cross-validation."""
        rows = _labelled_reviews(train)
        content = float(rows["label"].mean()) if len(rows) else 0.0
        if not 0 < content < 1:
            raise NothingToLearnError(
                f"reviews for {train[-1].customer!r}: {len(rows):,} with text and rating, {content:.0%} of them "
                "positive; both kinds are needed.\nMap text and rating in tables.reviews.columns of the customer file."
            )
        fitted = text_classifier.fit(rows["text"].tolist(), rows["label"].to_numpy(), parameters["most_reviews"], seed)
        facts = {"reviews": len(rows), "content_share": content, "words": len(fitted.words)}
        return Artefact(files=fitted.to_files(), facts=facts)

    def predict(self, artefact: Artefact, snapshot: Snapshot) -> pd.DataFrame:
        """Return `score`, the probability that the review is positive, for every review with text."""
        return self._predict(artefact, snapshot, with_reasons=True)

    def predict_quickly(self, artefact: Artefact, snapshot: Snapshot) -> pd.DataFrame:
        """Predict without reasons."""
        return self._predict(artefact, snapshot, with_reasons=False)

    def baseline(self, train: Sequence[LabelledSnapshot], snapshot: Snapshot) -> pd.DataFrame:
        """Predict the share of positive training reviews of the same item, shrunk towards the overall share."""
        known, reviews = _labelled_reviews(train), _reviews(snapshot)
        overall = float(known["label"].mean())
        by_item = known.groupby("item_id")["label"].agg(["sum", "size"])
        share = (by_item["sum"] + PRIOR * overall) / (by_item["size"] + PRIOR)
        score = reviews["item_id"].map(share).astype("float64").fillna(overall)
        return prediction_frame(self, {"review_id": reviews["review_id"], "score": score})

    def _predict(self, artefact: Artefact, snapshot: Snapshot, with_reasons: bool) -> pd.DataFrame:
        rows = _reviews(snapshot)
        fitted, texts = TextClassifier.from_files(artefact.files), rows["text"].tolist()
        scores: list[float] = []
        reasons: list[list[str]] = []
        for start in range(0, len(texts), AT_ONCE):
            contributions = fitted.contributions(texts[start : start + AT_ONCE])
            scores += fitted.probability(contributions).tolist()
            reasons += (
                _in_words(fitted.strongest(contributions))
                if with_reasons
                else [[] for _ in range(contributions.shape[0])]
            )
        return prediction_frame(self, {"review_id": rows["review_id"], "score": scores, "reasons": reasons})


def _reviews(snapshot: Snapshot) -> pd.DataFrame:
    """Return `review_id`, `item_id`, `ts` and `text` of every review with text, sorted by review_id."""
    reviews = snapshot.tables["reviews"]
    written = reviews.filter(reviews.text.notnull()).select("review_id", "item_id", "ts", "text")
    return written.order_by("review_id", "text").execute().drop_duplicates("review_id", ignore_index=True)


def _labelled_reviews(train: Sequence[LabelledSnapshot]) -> pd.DataFrame:
    """Return the columns of `_reviews`, and `label`, of every labelled review."""
    import pandas as pd

    parts = [
        _reviews(snapshot).astype({"review_id": "str"}).merge(snapshot.outcome, on="review_id") for snapshot in train
    ]
    return pd.concat(parts, ignore_index=True).drop_duplicates("review_id", ignore_index=True)


def _in_words(strongest: list[list[tuple[str, float]]]) -> list[list[str]]:
    return [
        [f"'{word}' suggests {'satisfied' if push > 0 else 'dissatisfied'}" for word, push in words] or [NO_WORDS]
        for words in strongest
    ]
