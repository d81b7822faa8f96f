"""Binary text classifier: TF-IDF of words and pairs of words, weighted by logistic regression.

Sublinear TF-IDF after Salton & Buckley (1988), Term-weighting approaches in automatic text retrieval; pairs of words
for sentiment after Wang & Manning (2012), Baselines and Bigrams. The strength of the penalty is the one whose
probabilities were best on folds of the texts, and Platt's calibration comes from the same folds.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any

from capflow_assets.methods.ensemble import calibration

if TYPE_CHECKING:
    import numpy as np
    from scipy.sparse import csr_matrix
    from sklearn.feature_extraction.text import TfidfVectorizer

FOLDS = 3
PENALTIES = (1.0, 4.0, 16.0)  # sklearn's C: the greater, the less is a word held back
USUAL_PENALTY = 4.0
WORD = r"(?u)\w+(?:['’]\w+)*"  # noqa: RUF001 - "didn't" is one word, whichever apostrophe it is written with
MOST_WORDS = 200_000
TOLD, LOOKED_AT = 3, 8


@dataclass(frozen=True)
class TextClassifier:
    """Words and pairs of words, each with its IDF and its weight in the log-odds."""

    words: tuple[str, ...]
    idf: np.ndarray
    weights: np.ndarray
    intercept: float

    def contributions(self, texts: Sequence[str]) -> csr_matrix:
        """Return the contribution of each word of each text to the log-odds: texts x words."""
        found = self._vectorizer().transform(texts)
        found.data *= self.weights[found.indices]
        return found

    def probability(self, contributions: csr_matrix) -> np.ndarray:
        """Return the probability that each text is of class 1."""
        import numpy as np

        return calibration.sigmoid(np.asarray(contributions.sum(axis=1)).ravel() + self.intercept)

    def strongest(self, contributions: csr_matrix) -> list[list[tuple[str, float]]]:
        """Return up to three words (or pairs) of each text with most effect either way; no two share a word."""
        import numpy as np

        strength = np.abs(contributions.data)
        rows = np.repeat(np.arange(contributions.shape[0]), np.diff(contributions.indptr))
        order = np.lexsort([contributions.indices, -strength, rows])
        place = (
            np.arange(len(order)) - contributions.indptr[rows]
        )  # rows stay in their order, so places count within one
        best = order[(place < LOOKED_AT) & (strength[order] > 0)]
        told: list[list[tuple[str, float]]] = [[] for _ in range(contributions.shape[0])]
        said: list[set[str]] = [set() for _ in range(contributions.shape[0])]
        for row, word, push in zip(
            rows[best].tolist(), contributions.indices[best].tolist(), contributions.data[best].tolist(), strict=True
        ):
            parts = set(self.words[word].split())
            if len(told[row]) < TOLD and not parts & said[row]:
                told[row].append((self.words[word], push))
                said[row] |= parts
        return told

    def to_files(self) -> dict[str, bytes]:
        """Return the words as JSON and the numbers as an .npz that loads without pickle."""
        import numpy as np

        numbers = BytesIO()
        np.savez(numbers, idf=self.idf, weights=self.weights, intercept=np.array(self.intercept))
        return {"words.json": json.dumps(self.words).encode(), "weights.npz": numbers.getvalue()}

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> TextClassifier:
        """Load what `to_files` wrote."""
        import numpy as np

        with np.load(BytesIO(files["weights.npz"]), allow_pickle=False) as arrays:
            words = tuple(json.loads(files["words.json"]))
            return cls(words, arrays["idf"], arrays["weights"], float(arrays["intercept"]))

    def _vectorizer(self) -> TfidfVectorizer:
        vectorizer = _vectorizer(vocabulary={word: place for place, word in enumerate(self.words)})
        vectorizer.idf_ = self.idf
        return vectorizer


def fit(texts: Sequence[str], labels: np.ndarray, most: int, seed: int) -> TextClassifier:
    """Fit on texts (a random sample of at most `most`) of classes 1 and 0; their order changes nothing.

    ValueError when no word occurs twice.
    """
    import numpy as np

    order = sorted(range(len(texts)), key=lambda place: (texts[place], labels[place]))
    if len(order) > most:
        chosen = np.random.default_rng(seed).choice(len(order), most, replace=False)
        order = [order[place] for place in sorted(chosen.tolist())]
    known, kinds = [texts[place] for place in order], np.asarray(labels)[order].astype("int64")
    vectorizer = _vectorizer(min_df=2, max_features=MOST_WORDS)
    found = vectorizer.fit_transform(known)
    penalty, slope, shift = _by_folds(found, kinds, seed)
    weights, intercept = _fit_weights(found, kinds, penalty, seed)
    words = tuple(vectorizer.get_feature_names_out().tolist())
    return TextClassifier(words, vectorizer.idf_, slope * weights, slope * intercept + shift)


def _vectorizer(**settings: Any) -> TfidfVectorizer:
    from sklearn.feature_extraction.text import TfidfVectorizer

    return TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=WORD, **settings)


def _fit_weights(found: csr_matrix, kinds: np.ndarray, penalty: float, seed: int) -> tuple[np.ndarray, float]:
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=penalty, solver="liblinear", dual=True, max_iter=2000, random_state=seed)
    model.fit(found, kinds)
    return model.coef_[0], float(model.intercept_[0])


def _by_folds(found: csr_matrix, kinds: np.ndarray, seed: int) -> tuple[float, float, float]:
    """Choose the penalty, and Platt's slope and intercept, with the best log loss on held-out folds."""
    import numpy as np

    if np.bincount(kinds, minlength=2).min() < FOLDS:
        return USUAL_PENALTY, 1.0, 0.0
    fold = np.zeros(len(kinds), dtype="int64")
    chance = np.random.default_rng(seed)
    for kind in (0, 1):
        rows = chance.permutation(np.flatnonzero(kinds == kind))
        fold[rows] = np.arange(len(rows)) % FOLDS
    tried = []
    for penalty in PENALTIES:
        raw = np.zeros(len(kinds))
        for k in range(FOLDS):
            weights, intercept = _fit_weights(found[fold != k], kinds[fold != k], penalty, seed)
            raw[fold == k] = found[fold == k] @ weights + intercept
        slope, shift = calibration.fit_platt(raw, kinds)
        odds = slope * raw + shift
        tried.append((float((np.logaddexp(0.0, odds) - kinds * odds).mean()), penalty, slope, shift))
    return min(tried)[1:]
