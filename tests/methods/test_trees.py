"""The ensemble: explanations add up to the score, and the score is that of LightGBM's own forests."""

from __future__ import annotations

import lightgbm
import numpy as np
import pytest

from capflow_assets.methods import calibration, trees

SETTINGS = {**trees.PARAMETERS, "most_trees": 60, "forest_trees": 15}


@pytest.fixture(scope="module")
def rows() -> tuple[np.ndarray, np.ndarray]:
    chance = np.random.default_rng(4)
    matrix = chance.normal(size=(600, 4))
    matrix[::7, 2] = np.nan
    label = (chance.random(600) < calibration.sigmoid(1.5 * matrix[:, 0] - matrix[:, 1])).astype(float)
    order = trees.canonical_order(matrix, label)
    return matrix[order], label[order]


def test_contributions_add_up_to_the_score(rows: tuple[np.ndarray, np.ndarray]) -> None:
    files = trees.grow(*rows, 30, SETTINGS, 1)
    parts = trees.contributions(files, rows[0])
    assert parts.shape == (600, 5)
    np.testing.assert_allclose(parts.sum(axis=1), trees.log_odds(files, rows[0]), atol=1e-9)
    strength = np.abs(parts[:, :4]).mean(axis=0)
    assert strength[0] > strength[1] > max(strength[2], strength[3])


def test_each_member_speaks_log_odds(rows: tuple[np.ndarray, np.ndarray]) -> None:
    """LightGBM adds up a random forest's raw scores but averages its probabilities: both must tell the same here."""
    files = trees.grow(*rows, 30, SETTINGS, 1)
    for member in trees.MEMBERS:
        booster = lightgbm.Booster(model_str=files[f"{member}.txt"].decode())
        raw = trees._ask(files, member, rows[0], raw_score=True)
        np.testing.assert_allclose(calibration.sigmoid(raw), booster.predict(rows[0]), atol=1e-9)


def test_noise_stops_early_and_signal_does_not(rows: tuple[np.ndarray, np.ndarray]) -> None:
    matrix, label = rows
    noise = np.random.default_rng(0).permutation(label)
    counts = [
        trees.best_number_of_trees((matrix[::2], truth[::2]), (matrix[1::2], truth[1::2]), SETTINGS, 1)
        for truth in (noise, label)
    ]
    assert counts[0] < 20 < counts[1]


def test_platt_finds_slope_and_intercept() -> None:
    chance = np.random.default_rng(2)
    raw = chance.normal(size=20_000)
    label = (chance.random(20_000) < calibration.sigmoid(2.0 * raw - 0.7)).astype(float)
    slope, intercept = calibration.platt(raw, label)
    assert slope == pytest.approx(2.0, abs=0.1)
    assert intercept == pytest.approx(-0.7, abs=0.05)


def test_platt_survives_separable_and_reversed_scores() -> None:
    label = np.repeat([0.0, 1.0], 50)
    slope, intercept = calibration.platt(np.linspace(-5, 5, 100), label)
    assert 0 < slope < 20
    assert np.isfinite(intercept)
    assert calibration.platt(np.linspace(5, -5, 100), label)[0] == calibration.LEAST_SLOPE
