"""Trees: a gradient-boosted and a random forest, averaged, kept as LightGBM's own text and told by SHAP values.

Gradient boosting with the settings that held up in our measurements; the forest is LightGBM's random forest
(Breiman 2001: bootstrap rows, random features at each split, averaged trees). Both speak log-odds, so the mean of
their SHAP contributions (Lundberg et al. 2020) adds up to the mean score.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import lightgbm
    import numpy as np

MEMBERS = ("boosting", "forest")
EXPLAINED_AT_ONCE = 20_000

PARAMETERS: Mapping[str, Any] = {
    "learning_rate": 0.05,
    "num_leaves": 15,
    "feature_fraction": 0.6,
    "bagging_fraction": 0.8,
    "lambda_l2": 5.0,
    "min_data_in_leaf": 20,
    "most_trees": 400,
    "fixed_trees": 120,
    "patience": 30,
    "forest_trees": 60,
    "forest_leaves": 31,
    "threads": 1,
}


def _settings(member: str, parameters: Mapping[str, Any], rows: int, seed: int) -> dict[str, Any]:
    shared = {
        "objective": "binary",
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": parameters["threads"],
        "seed": seed,
        "verbosity": -1,
        "bagging_freq": 1,
        "min_data_in_leaf": max(2, min(parameters["min_data_in_leaf"], rows // 20)),
    }
    if member == "forest":
        return shared | {
            "boosting": "rf",
            "num_leaves": parameters["forest_leaves"],
            "bagging_fraction": 0.632,
            "feature_fraction_bynode": 0.5,
        }
    names = ("learning_rate", "num_leaves", "feature_fraction", "bagging_fraction", "lambda_l2")
    return shared | {name: parameters[name] for name in names}


def canonical_order(matrix: np.ndarray, label: np.ndarray) -> np.ndarray:
    """An order of rows that depends on their contents only, so that ids and row order cannot change what is learned."""
    import numpy as np

    return np.lexsort([*matrix.T[::-1], label])


def best_number_of_trees(
    past: tuple[np.ndarray, np.ndarray], later: tuple[np.ndarray, np.ndarray], parameters: Mapping[str, Any], seed: int
) -> int:
    """How many boosted trees, grown on the `past` (matrix, label), tell `later` best; stops when it gets no better."""
    import lightgbm

    training = _dataset(*past)
    booster = lightgbm.train(
        _settings("boosting", parameters, len(past[1]), seed) | {"metric": "binary_logloss"},
        training,
        num_boost_round=parameters["most_trees"],
        valid_sets=[_dataset(*later, reference=training)],
        callbacks=[lightgbm.early_stopping(parameters["patience"], verbose=False)],
    )
    return max(int(booster.best_iteration), 10)


def grow(
    matrix: np.ndarray, label: np.ndarray, trees: int, parameters: Mapping[str, Any], seed: int
) -> dict[str, bytes]:
    """Both forests fitted on these rows, as LightGBM text by file name. Rows must come in `canonical_order`."""
    import lightgbm

    counts = {"boosting": trees, "forest": parameters["forest_trees"]}
    return {
        f"{member}.txt": lightgbm.train(
            _settings(member, parameters, len(label), seed), _dataset(matrix, label), num_boost_round=counts[member]
        )
        .model_to_string()
        .encode()
        for member in MEMBERS
    }


def log_odds(files: Mapping[str, bytes], matrix: np.ndarray) -> np.ndarray:
    """The mean raw score (log-odds) of both forests for each row."""
    import numpy as np

    if not len(matrix):
        return np.zeros(0)
    return np.mean([_ask(files, member, matrix, raw_score=True) for member in MEMBERS], axis=0)


def contributions(files: Mapping[str, bytes], matrix: np.ndarray) -> np.ndarray:
    """SHAP contributions of each column to `log_odds`, rows x (columns + 1); the last is what every row starts from."""
    import numpy as np

    if not len(matrix):
        return np.zeros((0, matrix.shape[1] + 1))
    parts = [
        np.mean([_ask(files, member, chunk, pred_contrib=True) for member in MEMBERS], axis=0)
        for chunk in np.array_split(matrix, -(-len(matrix) // EXPLAINED_AT_ONCE))
    ]
    return np.concatenate(parts)


def _ask(files: Mapping[str, bytes], member: str, matrix: np.ndarray, **kind: bool) -> np.ndarray:
    """One forest's raw scores or contributions. LightGBM averages a random forest's trees in neither: it adds them."""
    import lightgbm
    import numpy as np

    booster = lightgbm.Booster(model_str=files[f"{member}.txt"].decode())
    answers = np.asarray(booster.predict(matrix, num_threads=1, **kind))
    return answers / booster.num_trees() if member == "forest" else answers


def _dataset(matrix: np.ndarray, label: np.ndarray, reference: Any = None) -> lightgbm.Dataset:
    import lightgbm

    return lightgbm.Dataset(matrix, label, reference=reference, params={"verbosity": -1})
