"""Gamma-Gamma: known parameters are found again, and few visits are pulled to the population's mean."""

from __future__ import annotations

import numpy as np
import pytest

from capflow_assets.methods.lifetime import gamma_gamma
from capflow_assets.methods.lifetime.gamma_gamma import GammaGamma

TRUE = GammaGamma(p=6.0, q=4.0, v=15.0)


def simulate(users: int) -> tuple[np.ndarray, np.ndarray]:
    chance = np.random.default_rng(1)
    x = chance.integers(1, 12, users).astype(float)
    nu = chance.gamma(TRUE.q, 1 / TRUE.v, users)
    return x, chance.gamma(TRUE.p * x, 1 / nu) / x


def test_known_parameters_are_found_again() -> None:
    found = gamma_gamma.fit(*simulate(6000))
    assert found.p == pytest.approx(TRUE.p, rel=0.1)
    assert found.q == pytest.approx(TRUE.q, rel=0.1)
    assert found.mean == pytest.approx(TRUE.mean, rel=0.05)
    assert TRUE.mean == pytest.approx(30.0)


def test_order_and_currency_do_not_matter() -> None:
    x, z = simulate(500)
    pounds, pence = gamma_gamma.fit(x, z), gamma_gamma.fit(x[::-1], z[::-1] * 100)
    assert pence.v == pytest.approx(pounds.v * 100, rel=1e-4)
    assert (pence.p, pence.q) == pytest.approx((pounds.p, pounds.q), rel=1e-4)


def test_the_gradient_is_that_of_the_likelihood() -> None:
    x, z = simulate(40)
    logs = np.log([3.0, 1.5, 12.0])
    ours = gamma_gamma._gradient(GammaGamma(3.0, 2.5, 12.0), x, z).sum(axis=1)
    for place in range(3):
        sides = []
        for sign in (1, -1):
            p, above, v = np.exp(logs + sign * 1e-6 * np.eye(3)[place])
            sides.append(gamma_gamma.log_likelihood(GammaGamma(p, 1 + above, v), x, z))
        assert ours[place] == pytest.approx((sides[0] - sides[1]) / 2e-6, rel=1e-5)


def test_the_fewer_visits_the_nearer_to_the_mean() -> None:
    visits = np.array([0.0, 1.0, 10.0, 10_000.0])
    expected = gamma_gamma.predict_spend(TRUE, visits, np.full(4, 90.0))
    assert expected[0] == pytest.approx(TRUE.mean)
    assert (np.diff(expected) > 0).all()
    assert expected[-1] == pytest.approx(90.0, rel=1e-2)


def test_visits_without_spend_are_refused() -> None:
    with pytest.raises(ValueError, match="positive mean spend"):
        gamma_gamma.fit(np.array([1.0, 2.0]), np.array([5.0, 0.0]))
