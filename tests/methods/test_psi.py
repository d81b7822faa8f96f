"""Population stability index: the textbook sum, and values that most rows share."""

import math

import numpy as np
import pytest

from capflow_assets.methods.psi import PSI_SHIFTED, PSI_STABLE, psi


def test_psi_is_the_textbook_sum() -> None:
    """Two bins, halves against a quarter and three quarters: (.25 - .5) ln(.25 / .5) + (.75 - .5) ln(.75 / .5)."""
    expected, actual = (
        np.arange(100_000),
        np.r_[np.arange(25_000), np.arange(50_000, 100_000), np.arange(50_000, 75_000)],
    )
    assert psi(expected, actual, bins=2) == pytest.approx(0.25 * math.log(3), abs=1e-3)


def test_psi_tells_the_same_from_the_moved() -> None:
    rng = np.random.default_rng(1)
    reference, again = rng.normal(size=5_000), rng.normal(size=5_000)
    assert psi(reference, reference) == pytest.approx(0.0, abs=1e-12)
    assert psi(reference, again) < PSI_STABLE / 2
    assert psi(reference, again + 1) > PSI_SHIFTED
    assert psi(reference, rng.permutation(again)) == psi(reference, again)


@pytest.mark.parametrize("moved", [-1.0, 1.0, math.nan])
def test_psi_sees_a_value_that_most_rows_share_move(moved: float) -> None:
    """A feature that is 0 for most shoppers: the zeros are a bin of their own, and so are missing values."""
    reference = np.r_[np.zeros(900), np.arange(1, 101)]
    changed = np.where(np.arange(1_000) < 450, moved, reference)
    assert psi(reference, changed) > PSI_SHIFTED
    assert psi(np.zeros(100), np.zeros(50)) == pytest.approx(0.0, abs=0.02)


def test_psi_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        psi([], [1.0])
