"""Dirichlet-multinomial: the strength that made the counts is found again; few counts are pulled to everybody's."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import dirichlet_multinomial

from capflow_assets.methods import dirichlet

MEAN = np.array([0.5, 0.3, 0.15, 0.05])


def people(strength: float, each: int = 20, count: int = 3000) -> np.ndarray:
    chance = np.random.default_rng(4)
    return np.array([chance.multinomial(each, chance.dirichlet(strength * MEAN)) for _ in range(count)], dtype=float)


@pytest.mark.parametrize("strength", [1.0, 10.0, 60.0])
def test_the_strength_that_made_the_counts_is_found_again(strength: float) -> None:
    assert dirichlet.fit_strength(MEAN, people(strength)) == pytest.approx(strength, rel=0.08)


def test_the_likelihood_is_that_of_scipy() -> None:
    counts = people(5.0, count=50)
    ours = dirichlet.log_likelihood(7.0, MEAN, counts) - dirichlet.log_likelihood(2.0, MEAN, counts)
    theirs = [dirichlet_multinomial(alpha * MEAN, 20).logpmf(counts.astype(int)).sum() for alpha in (7.0, 2.0)]
    assert ours == pytest.approx(theirs[0] - theirs[1], abs=1e-8)


def test_people_who_are_all_alike_need_no_counts_of_their_own() -> None:
    chance = np.random.default_rng(5)
    alike = chance.multinomial(20, MEAN, size=3000).astype(float)
    assert dirichlet.fit_strength(MEAN, alike) > 500


def test_the_order_of_people_changes_no_bit() -> None:
    counts = people(5.0, count=300) * 0.7
    assert dirichlet.fit_strength(MEAN, counts) == dirichlet.fit_strength(MEAN, counts[::-1])


def test_few_counts_are_pulled_to_everybody_many_are_not() -> None:
    counts = np.array([[0.0, 0, 0, 0], [0, 0, 0, 1], [0, 0, 0, 1000]])
    shares = dirichlet.posterior_shares(counts, MEAN, 10.0)
    assert shares.sum(axis=1) == pytest.approx(1.0)
    assert shares[0] == pytest.approx(MEAN)
    assert shares[1, 3] == pytest.approx(1.5 / 11)
    assert shares[2, 3] > 0.98


def test_what_was_counted_must_be_possible() -> None:
    with pytest.raises(ValueError, match="a mean above 0"):
        dirichlet.fit_strength(np.array([1.0, 0.0]), np.array([[1.0, 2.0]]))
    with pytest.raises(ValueError, match="needs counts"):
        dirichlet.fit_strength(np.array([0.5, 0.5]), np.zeros((3, 2)))
