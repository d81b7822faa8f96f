"""Learners: what columns add makes up the score, the score is LightGBM's own, and families are blended for a reason."""

from __future__ import annotations

import lightgbm
import numpy as np
import pytest

from capflow_assets.methods.ensemble import calibration, ensemble
from capflow_assets.methods.ensemble.ensemble import blend_weights
from capflow_assets.methods.ensemble.learners import (
    BOOSTING,
    FOREST,
    LEARNERS,
    LINEAR,
    RULE,
    Learner,
    Rows,
    best_number_of_trees,
    canonicalise,
    trees,
)

LEARNED = ["boosting", "forest", "linear"]
SETTINGS = {**trees.PARAMETERS, "most_trees": 60, "forest_trees": 15, "trees": 30, "families": LEARNED}


def made(rows: int, seed: int, rare: float = 0.0) -> Rows:
    chance = np.random.default_rng(seed)
    matrix = chance.normal(size=(rows, 4))
    matrix[::7, 2] = np.nan
    label = chance.random(rows) < calibration.sigmoid(1.5 * matrix[:, 0] - matrix[:, 1] - rare)
    return canonicalise(Rows(matrix, label.astype(float)))


@pytest.fixture(scope="module")
def rows() -> Rows:
    return made(600, 4)


@pytest.mark.parametrize("name", LEARNED)
def test_pushes_add_up_to_the_raw_score(rows: Rows, name: str) -> None:
    learner = LEARNERS[name]
    content = learner.fit(rows, "binary", SETTINGS, 1)
    parts, raw = learner.contributions(content, rows.matrix), learner.raw(content, rows.matrix)
    assert parts.shape == (600, 5)
    np.testing.assert_allclose(parts.sum(axis=1), raw, atol=1e-7)
    strength = np.abs(parts[:, :4]).mean(axis=0)
    assert strength[0] > strength[1] > max(strength[2], strength[3])
    assert content == learner.fit(rows, "binary", SETTINGS, 1)
    assert learner.raw(content, rows.matrix[:0]).shape == (0,)


@pytest.mark.parametrize("learner", [BOOSTING, FOREST])
def test_trees_speak_log_odds(rows: Rows, learner: trees.Boosting | trees.Forest) -> None:
    """LightGBM adds up a random forest's raw scores but averages its probabilities: both must tell the same here."""
    content = learner.fit(rows, "binary", SETTINGS, 1)
    booster = lightgbm.Booster(model_str=content.decode())
    told = calibration.sigmoid(learner.raw(content, rows.matrix))
    np.testing.assert_allclose(told, booster.predict(rows.matrix), atol=1e-9)


@pytest.mark.parametrize("learner", [BOOSTING, FOREST, LINEAR])
def test_the_median_is_learned_where_mae_judges(learner: Learner) -> None:
    chance = np.random.default_rng(3)
    group = chance.integers(0, 2, 2_000).astype(float)
    value = chance.lognormal(group, 1.0)
    rows = canonicalise(Rows(group[:, None], value))
    told = learner.raw(learner.fit(rows, "mae", SETTINGS, 1), np.array([[0.0], [1.0]]))
    np.testing.assert_allclose(told, [1.0, np.e], rtol=0.3)


def test_noise_stops_early_and_signal_does_not(rows: Rows) -> None:
    even, odd = np.arange(0, 600, 2), np.arange(1, 600, 2)
    noise = Rows(rows.matrix, np.random.default_rng(0).permutation(rows.target))
    counts = [
        best_number_of_trees(whole.take(even), whole.take(odd), "binary", SETTINGS, 1)[0] for whole in (noise, rows)
    ]
    assert counts[0] < 20 < counts[1]


def test_a_rule_is_told_as_log_odds_and_who_has_none_gets_the_mean() -> None:
    matrix = np.array([[7.0, 0.2], [7.0, 0.8], [7.0, np.nan], [7.0, 1.0]])
    content = RULE.fit(Rows(matrix[:3], np.zeros(3)), "binary", {"rule_column": 1}, 1)
    raw, parts = RULE.raw(content, matrix), RULE.contributions(content, matrix)
    np.testing.assert_allclose(raw[:3], [np.log(0.25), np.log(4), 0.0], atol=1e-9)
    assert 10 < raw[3] < 20, "certain, but finite"
    np.testing.assert_allclose(parts.sum(axis=1), raw)
    assert not parts[:, 0].any()
    nobody = RULE.fit(Rows(np.full((2, 2), np.nan), np.zeros(2)), "binary", {"rule_column": 1}, 1)
    assert RULE.raw(nobody, matrix[2:3]).tolist() == [0.0]


def test_a_good_rule_has_a_say_and_one_that_is_noise_has_none() -> None:
    few, many = made(150, 1), made(4_000, 2)
    chance = np.random.default_rng(3)
    for told, has_a_say in ((lambda m: calibration.sigmoid(1.5 * m[:, 0] - m[:, 1]), True), (chance.random, False)):
        with_rule = [
            canonicalise(
                Rows(np.column_stack([part.matrix, told(part.matrix if has_a_say else len(part))]), part.target)
            )
            for part in (few, many)
        ]
        settings = {**SETTINGS, "families": [*LEARNED, "rule"], "rule_column": 4}
        weights = ensemble.fit(with_rule, "binary", settings, 1).facts["weights"]
        assert ("rule" in weights) is has_a_say, weights


def test_a_useless_member_gets_no_say() -> None:
    truth = np.linspace(-1, 1, 50)
    good, other, noise = truth + 0.1, truth - 0.1, -truth
    weights = blend_weights([good, other, noise], lambda raw: float(np.abs(raw - truth).mean()))
    assert weights == [0.5, 0.5, 0.0]


def test_an_ensemble_is_calibrated_where_those_who_do_are_rare() -> None:
    parts = [made(8_000, seed, rare=6.0) for seed in (1, 2, 3)]
    assert parts[0].target.mean() < ensemble.RARE
    fitted = ensemble.fit(parts, "binary", SETTINGS, 1)
    later = made(20_000, 9, rare=6.0)
    assert fitted.predict(later.matrix).mean() == pytest.approx(later.target.mean(), rel=0.35)
    assert sum(fitted.facts["weights"].values()) == pytest.approx(1.0)


def test_a_straight_line_is_left_to_the_linear_family() -> None:
    """What is linear in log-odds, from few rows: trees only come near it."""
    fitted = ensemble.fit([made(400, seed) for seed in (1, 2)], "binary", SETTINGS, 1)
    assert fitted.facts["weights"]["linear"] >= 0.5


def test_a_mean_is_learned_alike_in_every_currency() -> None:
    rows = made(400, 4)
    spend = np.where(rows.target > 0, np.exp(rows.matrix[:, 1]) * 20, 0.0)
    settings = {**SETTINGS, "fixed_trees": 20}
    pounds, pence = (
        ensemble.fit([Rows(rows.matrix, spend * unit)], "tweedie", settings, 1).predict(rows.matrix)
        for unit in (1, 128)
    )
    np.testing.assert_allclose(pence, pounds * 128, rtol=1e-9)
    assert pounds.mean() == pytest.approx(spend.mean(), rel=0.1)
    later = Rows(made(50, 5).matrix, np.zeros(50))
    one, two = (
        ensemble.quick_predict(Rows(rows.matrix, spend * unit), later, "tweedie", settings, 1) for unit in (1, 128)
    )
    np.testing.assert_allclose(two, one * 128, rtol=1e-9)


def test_a_blend_of_means_is_judged_by_the_deviance_and_not_by_the_absolute_error() -> None:
    """Of ten shoppers nine spend nothing and one ten: the mean is 1, the median nothing."""
    target = np.array([0.0] * 9 + [10.0])
    mean, low = np.zeros(10), np.full(10, np.log(0.01))
    assert ensemble._loss("tweedie", mean, target) < ensemble._loss("tweedie", low, target)
    assert ensemble._loss("tweedie", mean, target) < ensemble._loss("tweedie", mean + 0.1, target)
    assert ensemble._loss("tweedie", mean, target) < ensemble._loss("tweedie", mean - 0.1, target)
