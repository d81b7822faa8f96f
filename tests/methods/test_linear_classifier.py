"""Vectors sorted into kinds: known answers, the penalty by whole groups, and the same bytes whatever the order."""

from __future__ import annotations

import numpy as np
import pytest

from capflow_assets.methods.labels.linear_classifier import PENALTIES, LinearClassifier, fit, folds

MOST = 10_000


def world(count: int = 300, kinds: int = 3, seed: int = 1) -> tuple[np.ndarray, list[str], list[str]]:
    chance = np.random.default_rng(seed)
    kind = chance.integers(0, kinds, count)
    matrix = np.column_stack([np.eye(kinds)[kind] + 0.3 * chance.normal(size=(count, kinds)), np.ones(count)])
    return matrix, [f"kind {number}" for number in kind], [f"g{number // 3}" for number in range(count)]


def right(fitted: LinearClassifier, matrix: np.ndarray, labels: list[str]) -> float:
    told = np.array(fitted.labels)[fitted.probabilities(matrix).argmax(axis=1)]
    return float((told == np.array(labels)).mean())


@pytest.mark.parametrize("kinds", [2, 3])
def test_kinds_are_told_apart_by_probabilities_that_add_up(kinds: int) -> None:
    fitted, penalty = fit(*world(kinds=kinds), MOST, 1)
    matrix, labels, _ = world(kinds=kinds, seed=2)
    assert fitted.labels == tuple(f"kind {number}" for number in range(kinds))
    assert penalty in PENALTIES
    assert right(fitted, matrix, labels) > 0.9
    assert np.allclose(fitted.probabilities(matrix).sum(axis=1), 1)


def test_of_two_kinds_the_probability_is_that_of_logistic_regression() -> None:
    from sklearn.linear_model import LogisticRegression

    matrix, labels, groups = world(kinds=2)
    fitted, penalty = fit(matrix, labels, groups, MOST, 1)
    standard = (matrix - fitted.mean) / fitted.spread
    theirs = LogisticRegression(C=penalty, max_iter=1000).fit(standard, labels).predict_proba(standard)
    assert np.allclose(fitted.probabilities(matrix), theirs, atol=1e-3)


def test_folds_keep_groups_whole_and_are_of_equal_size() -> None:
    group = np.repeat(np.arange(30), 7)
    fold = folds(group, 1)
    assert all(len(set(fold[group == one])) == 1 for one in range(30))
    assert np.bincount(fold).tolist() == [70, 70, 70]
    assert (folds(group, 2) != fold).any()


def test_order_and_names_of_groups_change_no_byte_and_storage_no_bit() -> None:
    matrix, labels, groups = world()
    order = np.random.default_rng(3).permutation(len(labels))
    first, _ = fit(matrix, labels, groups, MOST, 1)
    named = [f"item {groups[place]}" for place in order]
    second, _ = fit(matrix[order], [labels[place] for place in order], named, MOST, 1)
    assert first.to_files() == second.to_files()
    again = LinearClassifier.from_files(first.to_files())
    assert (again.probabilities(matrix) == first.probabilities(matrix)).all()


def test_few_groups_few_rows_and_one_label() -> None:
    matrix, labels, groups = world()
    assert right(fit(matrix, labels, ["one"] * len(labels), MOST, 1)[0], matrix, labels) > 0.9
    assert right(fit(matrix, labels, groups, 60, 1)[0], matrix, labels) > 0.85
    with pytest.raises(ValueError, match="two labels are needed"):
        fit(matrix[:5], ["alike"] * 5, groups[:5], MOST, 1)
