"""BG/NBD: known parameters are found again, and its formulas keep their own promises."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capflow_assets.methods.lifetime import bgnbd
from capflow_assets.methods.lifetime.bgnbd import BGNBD
from capflow_assets.methods.lifetime.likelihood import ConvergenceError, maximise

TRUE = BGNBD(r=0.8, alpha=6.0, a=0.9, b=3.0)


def simulate(process: BGNBD, users: int, seed: int = 1, horizon: float = 0.0) -> np.ndarray:
    """Rows of x, t_x, T and the visits of the following `horizon`."""
    chance = np.random.default_rng(seed)
    rows = []
    for _ in range(users):
        rate, leaves = chance.gamma(process.r, 1 / process.alpha), chance.beta(process.a, process.b)
        age, time, x, last, later = chance.uniform(20, 60), 0.0, 0, 0.0, 0
        while True:
            time += chance.exponential(1 / rate) if rate > 0 else np.inf
            if time > age + horizon:
                break
            if time <= age:
                x, last = x + 1, time
            else:
                later += 1
            if chance.random() < leaves:
                break
        rows.append((x, last, age, later))
    return np.array(rows).T


def test_known_parameters_are_found_again() -> None:
    x, last, age, _ = simulate(TRUE, 8000)
    found = bgnbd.fit(x, last, age)
    assert found.r == pytest.approx(TRUE.r, rel=0.15)
    assert found.alpha == pytest.approx(TRUE.alpha, rel=0.15)
    assert found.a / (found.a + found.b) == pytest.approx(TRUE.a / (TRUE.a + TRUE.b), rel=0.15)


def test_expected_visits_come_true_on_average() -> None:
    x, last, age, later = simulate(TRUE, 8000, seed=2, horizon=13.0)
    expected = bgnbd.predict_purchases(TRUE, 13.0, x, last, age)
    assert expected.mean() == pytest.approx(later.mean(), rel=0.05)
    for group in (x == 0, (x > 0) & (x <= 3), x > 3):
        assert expected[group].mean() == pytest.approx(later[group].mean(), rel=0.1)


def test_the_unit_of_time_only_scales_alpha() -> None:
    x, last, age, _ = simulate(TRUE, 1500)
    weeks, days = bgnbd.fit(x, last, age), bgnbd.fit(x, last * 7, age * 7)
    assert days.alpha == pytest.approx(weeks.alpha * 7, rel=1e-4)
    assert (days.r, days.a, days.b) == pytest.approx((weeks.r, weeks.a, weeks.b), rel=1e-4)


def test_the_gradient_is_that_of_the_likelihood() -> None:
    x, last, age, _ = simulate(TRUE, 50)
    logs = np.log([0.7, 5.0, 0.4, 2.0])
    process = BGNBD(*np.exp(logs))
    left = bgnbd._parts(process, x, last, age)[1]
    ours = bgnbd._gradient(process, x, last, age, left).sum(axis=1)
    for place in range(4):
        step = np.eye(4)[place] * 1e-6
        higher, lower = (bgnbd.log_likelihood(BGNBD(*np.exp(logs + s)), x, last, age) for s in (step, -step))
        assert ours[place] == pytest.approx((higher - lower) / 2e-6, rel=1e-4, abs=1e-5)


@pytest.mark.parametrize("repeats", [0.0, 4.0, 300.0])
@pytest.mark.parametrize(
    "process", [TRUE, BGNBD(0.5, 3.0, 1.0, 2.0), BGNBD(2.0, 0.2, 0.05, 9.0), BGNBD(0.5, 0.5, 0.5, 0.5)]
)
def test_expected_visits_equal_their_integral(process: BGNBD, repeats: float) -> None:
    """Equation 10 against its own definition: the mean over what is believed of the chance to leave (Gauss-Jacobi)."""
    from scipy.special import roots_jacobi

    last, age, horizon = (20.0 if repeats else 0.0), 30.0, 13.0
    nodes, weights = roots_jacobi(400, process.b + repeats - 1, process.a - 1)
    leaves = (nodes + 1) / 2
    share = -np.expm1((process.r + repeats) * -np.log1p(leaves * horizon / (process.alpha + age))) / leaves
    integral = float(weights @ share / weights.sum())
    history = np.array([repeats]), np.array([last]), np.array([age])
    ours = bgnbd.predict_purchases(process, horizon, *history)[0]
    assert ours == pytest.approx(bgnbd.p_alive(process, *history)[0] * integral, rel=1e-5)


def test_growth_is_the_ratio_of_expected_visits() -> None:
    x, last, age, _ = simulate(TRUE, 200)
    ratio = bgnbd.horizon_growth(TRUE, 13.0, 52.0, x, age)
    visits, more = (bgnbd.predict_purchases(TRUE, horizon, x, last, age) for horizon in (13.0, 52.0))
    np.testing.assert_allclose(ratio, more / visits)
    assert ((ratio > 1) & (ratio < 4)).all()
    lasting = BGNBD(r=0.8, alpha=6.0, a=1e-4, b=3.0)
    assert bgnbd.horizon_growth(lasting, 13.0, 52.0, x, age) == pytest.approx(4.0, rel=1e-3)


def test_growth_of_who_cannot_be_computed_is_that_of_the_days() -> None:
    """A process at the edge of what is searched: the series overflows, and says so where it is asked for visits."""
    edge = BGNBD(r=8000.0, alpha=3.0, a=20.0, b=1.0)
    x, last, age = np.array([3.0]), np.array([1.0]), np.array([2.0])
    with pytest.raises(ConvergenceError, match="1 shoppers did not converge"):
        bgnbd.predict_purchases(edge, 150.0, x, last, age)
    assert bgnbd.horizon_growth(edge, 13.0, 150.0, x, age) == pytest.approx(150 / 13)


positive = st.floats(0.05, 20)


@settings(max_examples=60, deadline=None)
@given(positive, positive, positive, positive, st.integers(0, 200), st.floats(0, 1), st.floats(0.1, 150))
def test_probabilities_and_visits_stay_sensible(
    r: float, alpha: float, a: float, b: float, repeats: int, share: float, age: float
) -> None:
    process = BGNBD(r, alpha, a, b)
    x, last, total = np.array([float(repeats)]), np.array([age * share if repeats else 0.0]), np.array([age])
    alive = bgnbd.p_alive(process, x, last, total)[0]
    assert 0 <= alive <= 1
    if not repeats:
        assert alive == 1
    soon, later = (bgnbd.predict_purchases(process, horizon, x, last, total)[0] for horizon in (4.0, 13.0))
    assert -1e-9 <= soon <= later + 1e-9
    assert np.isfinite(later)
    assert 1 <= bgnbd.horizon_growth(process, 4.0, 13.0, x, total)[0] <= 13 / 4


def test_few_repeaters_are_held_by_the_penalty() -> None:
    x, last, age = np.zeros(300), np.zeros(300), np.linspace(5, 50, 300)
    x[:3], last[:3] = 1, 4.0
    process = bgnbd.fit(x, last, age, penalty=1.0)
    assert all(0.1 < value < 10 for value in (process.r, process.a, process.b))
    assert 0 < bgnbd.predict_purchases(process, 13, x, last, age).mean() < 0.1


@pytest.mark.parametrize(
    ("x", "last", "age"), [([1.0], [9.0], [5.0]), ([0.0], [2.0], [5.0]), ([np.nan], [0.0], [5.0]), ([], [], [])]
)
def test_impossible_histories_are_refused(x: list[float], last: list[float], age: list[float]) -> None:
    with pytest.raises(ValueError, match="BG/NBD"):
        bgnbd.fit(np.array(x), np.array(last), np.array(age))


def test_a_search_without_an_end_says_so() -> None:
    def upward(point: np.ndarray) -> tuple[float, np.ndarray]:
        return float("nan"), np.full(1, np.nan)

    with pytest.raises(ConvergenceError, match="Nothing did not converge from 1 starts"):
        maximise(upward, [np.zeros(1)], [(-1.0, 1.0)], "Nothing")
