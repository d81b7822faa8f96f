"""Platt's method finds the truth, and survives scores that no curve fits."""

from __future__ import annotations

import numpy as np
import pytest

from capflow_assets.methods.ensemble import calibration


def test_platt_finds_slope_and_intercept() -> None:
    chance = np.random.default_rng(2)
    raw = chance.normal(size=20_000)
    label = (chance.random(20_000) < calibration.sigmoid(2.0 * raw - 0.7)).astype(float)
    slope, intercept = calibration.fit_platt(raw, label)
    assert slope == pytest.approx(2.0, abs=0.1)
    assert intercept == pytest.approx(-0.7, abs=0.05)


def test_platt_survives_separable_and_reversed_scores() -> None:
    label = np.repeat([0.0, 1.0], 50)
    slope, intercept = calibration.fit_platt(np.linspace(-5, 5, 100), label)
    assert 0 < slope < 20
    assert np.isfinite(intercept)
    assert calibration.fit_platt(np.linspace(5, -5, 100), label)[0] == calibration.LEAST_SLOPE
