"""Metrics: known values, the errors that resampling would give, and differences on the same users."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from capflow_assets.contract.model import PREDICTED_COLUMNS
from capflow_assets.training.evaluation import roc
from capflow_assets.training.evaluation.metrics import evaluate, metric, metrics_of


def users(count: int) -> list[str]:
    return [f"u{number:05d}" for number in range(count)]


def binary(count: int, seed: int = 0) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """An outcome, a good and a worse prediction of it."""
    chance = np.random.default_rng(seed)
    truth = chance.normal(size=count)
    outcome = pd.DataFrame({"user_id": users(count), "label": (truth + chance.normal(size=count) > 0).astype(int)})
    predictions = [
        pd.DataFrame({"user_id": users(count), "score": np.round(truth + noise * chance.normal(size=count), 1)})
        for noise in (0.5, 1.5)
    ]
    return outcome, *predictions


def test_auc_counts_the_pairs_in_the_right_order() -> None:
    assert roc.auc(np.array([1, 1, 0, 0]), np.array([4.0, 2.0, 3.0, 1.0])) == 0.75
    assert roc.auc(np.array([1, 0]), np.array([1.0, 1.0])) == 0.5
    assert roc.auc(np.array([1, 0, 0]), np.array([0.1, 0.2, 0.3])) == 0.0


def test_auc_is_that_of_scikit_learn_with_ties() -> None:
    from sklearn.metrics import roc_auc_score

    outcome, good, _ = binary(500)
    assert metric("auc").value(outcome, good) == pytest.approx(roc_auc_score(outcome["label"], good["score"]))


def test_delong_is_its_definition_by_all_pairs() -> None:
    """Sun & Xu's ranks against DeLong's own sums over pairs."""
    outcome, good, worse = binary(120)
    label, scores = outcome["label"].to_numpy(), [good["score"].to_numpy(), worse["score"].to_numpy()]
    wins = [
        (s[label == 1][:, None] > s[label == 0][None, :]) + 0.5 * (s[label == 1][:, None] == s[label == 0][None, :])
        for s in scores
    ]
    m, n = wins[0].shape
    expected = np.cov([w.mean(axis=1) for w in wins]) / m + np.cov([w.mean(axis=0) for w in wins]) / n
    areas, covariance = roc.delong(label, *scores)
    np.testing.assert_allclose(areas, [w.mean() for w in wins])
    np.testing.assert_allclose(covariance, expected, rtol=1e-9)


def test_the_paired_error_of_auc_is_what_resampling_gives() -> None:
    outcome, good, worse = binary(400)
    paired = metric("auc").compare_paired(outcome, good, worse)
    chance = np.random.default_rng(1)
    label, one, two = outcome["label"].to_numpy(), good["score"].to_numpy(), worse["score"].to_numpy()
    rows = [chance.integers(0, 400, 400) for _ in range(300)]
    changes = [roc.auc(label[r], one[r]) - roc.auc(label[r], two[r]) for r in rows]
    assert paired.difference > 0
    assert paired.standard_error == pytest.approx(np.std(changes), rel=0.2)
    assert metric("auc").compare_paired(outcome, good, good).standard_error == 0
    assert metric("auc").compare_paired(outcome, worse, good).difference == -paired.difference


def test_one_class_has_no_auc() -> None:
    outcome, good, _ = binary(20)
    with pytest.raises(ValueError, match="20 with label 1 and 0 with label 0"):
        metric("auc").value(outcome.assign(label=1), good)


def test_intervals_hold_the_truth_nineteen_times_of_twenty() -> None:
    held = 0
    true_area = evaluate("auc", *binary(200_000, seed=999)[:2]).value
    for seed in range(200):
        low, high = metric("auc").interval(*binary(150, seed)[:2])
        held += low <= true_area <= high
    assert 180 <= held <= 199


def test_mean_errors() -> None:
    outcome = pd.DataFrame({"user_id": ["a", "b", "c"], "value": [0.0, 10.0, 20.0]})
    first = pd.DataFrame({"user_id": ["c", "a", "b"], "value": [20.0, 3.0, 10.0]})
    second = pd.DataFrame({"user_id": ["a", "b", "c"], "value": [6.0, 10.0, 20.0]})
    evaluation = evaluate("mae", outcome, first)
    assert (evaluation.value, evaluation.users) == (1.0, 3)
    assert evaluation.high - evaluation.value == pytest.approx(1.959964 * np.std([3, 0, 0], ddof=1) / 3**0.5)
    paired = metric("mae").compare_paired(outcome, first, second)
    assert paired.difference == pytest.approx(-1.0)
    assert paired.standard_error == pytest.approx(np.std([-3, 0, 0], ddof=1) / 3**0.5)
    assert metric("mae").gain(paired.difference) == pytest.approx(1.0)
    assert metric("auc").gain(0.1) == 0.1


def test_ranking_rewards_early_hits() -> None:
    outcome = pd.DataFrame({"user_id": ["a", "a", "b"], "item_id": ["x", "y", "z"]})
    shown = pd.DataFrame(
        {
            "user_id": ["a", "a", "a", "b", "b"],
            "item_id": ["x", "q", "y", "q", "r"],
            "rank": [1, 2, 3, 1, 2],
            "score": 1.0,
        }
    )
    ideal = 1 + 1 / np.log2(3)
    assert metric("ndcg_at_10").value(outcome, shown) == pytest.approx((1 + 1 / np.log2(4)) / ideal / 2)
    assert metric("recall_at_10").value(outcome, shown) == pytest.approx(0.5)
    late = shown.assign(rank=shown["rank"] + 10)
    assert metric("ndcg_at_10").value(outcome, late) == 0


def test_ndcg_is_that_of_scikit_learn() -> None:
    from sklearn.metrics import ndcg_score

    chance = np.random.default_rng(5)
    truth, scores = chance.random((30, 25)) < 0.3, chance.random((30, 25))
    truth[:, 0] = True
    outcome = pd.DataFrame(
        [(f"u{u}", f"i{i}") for u, i in zip(*np.nonzero(truth), strict=True)], columns=["user_id", "item_id"]
    )
    ranks = (-scores).argsort(axis=1).argsort(axis=1) + 1
    shown = pd.DataFrame(
        [(f"u{u}", f"i{i}", ranks[u, i]) for u in range(30) for i in range(25)], columns=["user_id", "item_id", "rank"]
    )
    assert metric("ndcg_at_10").value(outcome, shown) == pytest.approx(ndcg_score(truth, scores, k=10))


def test_variance_explained_is_eta_squared_of_log_spend() -> None:
    spend = np.expm1([1.0, 1.0, 3.0, 3.0])
    outcome = pd.DataFrame({"user_id": list("abcd"), "value": spend})
    perfect = pd.DataFrame({"user_id": list("abcd"), "label": ["low", "low", "high", "high"]})
    blind = perfect.assign(label=["x", "y", "x", "y"])
    judged = metric("variance_explained")
    assert judged.value(outcome, perfect) == pytest.approx(1.0)
    assert judged.value(outcome, blind) == pytest.approx(0.0)
    assert judged.value(outcome.assign(value=5.0), perfect) == 0.0
    assert judged.compare_paired(outcome, perfect, blind).difference == pytest.approx(1.0)
    assert judged.compare_paired(outcome, perfect, blind) == judged.compare_paired(outcome, perfect, blind)
    assert judged.compare_paired(outcome, perfect, perfect).standard_error == 0.0


def test_spend_gini_judges_the_order_of_the_spend() -> None:
    """Four shoppers who spend 0, 0, 10 and 30: in the best order the curve is at .75, 1, 1, 1."""
    outcome = pd.DataFrame({"user_id": list("abcd"), "value": [0.0, 0.0, 10.0, 30.0]})
    judged = metric("spend_gini")

    def told(*values: float) -> float:
        return judged.value(outcome, outcome.assign(value=values).iloc[::-1])

    assert told(0, 0, 10, 30) == pytest.approx(1.0)
    assert told(1, 2, 300, 400) == pytest.approx(1.0)
    assert told(40, 30, 20, 10) == pytest.approx(-1.0)
    assert told(5, 5, 5, 5) == pytest.approx(0.0)
    assert told(0, 0, 30, 10) == pytest.approx(
        (2 * (0.125 + 0.625 + 1 + 1) / 4 - 1) / (2 * (0.375 + 0.875 + 2) / 4 - 1)
    )
    nobody = outcome.assign(value=0.0)
    assert judged.value(nobody, outcome) == 0.0


def test_the_errors_of_spend_gini_hold_the_truth() -> None:
    """Spend of which 40 % is nothing; between the ends of 100 resamples lies what 200,000 say, 92 times of 100."""
    judged, held = metric("spend_gini"), 0

    def shop(count: int, seed: int) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
        chance = np.random.default_rng(seed)
        worth = chance.gamma(1.0, 1.0, count)
        spend = worth * chance.gamma(2.0, 1.0, count) * (chance.random(count) < 0.6)
        frames = [pd.DataFrame({"user_id": users(count), "value": v}) for v in (spend, worth, chance.random(count))]
        return frames[0], frames[1], frames[2]

    truth = judged.value(*shop(200_000, 999)[:2])
    for seed in range(100):
        low, high = judged.interval(*shop(300, seed)[:2])
        held += low <= truth <= high
    assert 85 <= held <= 99
    outcome, good, blind = shop(300, 1)
    paired = judged.compare_paired(outcome, good, blind)
    assert paired.difference > 4 * paired.standard_error > 0
    assert judged.compare_paired(outcome, good, good).standard_error == 0.0


def test_a_user_without_a_prediction_is_an_error() -> None:
    outcome, good, _ = binary(20)
    with pytest.raises(ValueError, match=r"5 of 20 rows of the outcome have no prediction \(score\), as 'u00015'"):
        metric("auc").value(outcome, good.head(15))


def test_an_unknown_metric_is_told_the_names() -> None:
    with pytest.raises(ValueError, match=r"no metric called 'aucc'.*auc, brier, mae"):
        metric("aucc")
    assert [one.name for one in metrics_of("ranking")] == ["ndcg_at_10", "recall_at_10"]
    assert all(metrics_of(task) for task in PREDICTED_COLUMNS)


def uplift(count: int, effect: float, seed: int = 0) -> tuple[pd.DataFrame, pd.DataFrame]:
    """People of whom half answer contacts, the more so the higher their score, and half never do."""
    chance = np.random.default_rng(seed)
    score = chance.random(count)
    treated = chance.random(count) < 0.5
    answers = chance.random(count) < 0.1 + effect * treated * (score > 0.5)
    outcome = pd.DataFrame({"user_id": users(count), "treated": treated.astype(int), "label": answers.astype(int)})
    return outcome, pd.DataFrame({"user_id": users(count), "score": score})


def test_qini_is_the_area_that_the_effect_gives() -> None:
    """All the effect is in the upper half: the curve is at effect/4 half way, the line at effect/8."""
    outcome, prediction = uplift(60_000, 0.4)
    assert metric("qini").value(outcome, prediction) == pytest.approx(0.4 / 16, abs=0.003)
    low, high = metric("qini").interval(outcome, prediction)
    assert 0 < low < 0.025 < high
    upside_down = prediction.assign(score=-prediction["score"])
    assert metric("qini").value(outcome, upside_down) == pytest.approx(-0.4 / 16, abs=0.003)
    assert metric("qini").compare_paired(outcome, prediction, upside_down).difference == pytest.approx(
        0.4 / 8, abs=0.006
    )


def test_qini_of_one_score_for_all_is_nothing() -> None:
    outcome, prediction = uplift(2_000, 0.4)
    assert metric("qini").value(outcome, prediction.assign(score=1.0)) == pytest.approx(0.0, abs=1e-12)
    with pytest.raises(ValueError, match="held back"):
        metric("qini").value(outcome.assign(treated=1), prediction)


def test_metrics_judge_whatever_the_unit_is() -> None:
    outcome = pd.DataFrame({"item_id": ["a", "a", "b"], "store_id": ["1", "2", "1"], "value": [1.0, 2.0, 3.0]})
    prediction = outcome.assign(value=[1.0, 1.0, 1.0]).iloc[::-1]
    found = evaluate("mae", outcome, prediction)
    assert (found.value, found.users) == (1.0, 3)
    pairs = pd.DataFrame({"item_id": ["a", "b"], "similar_item_id": ["x", "y"]})
    ranked = pd.DataFrame({"item_id": ["a", "b"], "rank": [1, 2], "similar_item_id": ["x", "y"]})
    assert metric("recall_at_10").value(pairs, ranked) == 1.0
    assert metric("ndcg_at_10").value(pairs, ranked) == pytest.approx((1 + 1 / np.log2(3)) / 2)
