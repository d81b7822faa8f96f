"""Uplift: known effects are found again, whoever was contacted; noise is not taken for an effect."""

from __future__ import annotations

import numpy as np
import pytest

from capflow_assets.methods import uplift
from capflow_assets.methods.uplift import ESTIMATORS, PARAMETERS, TreatmentRows


def drawn(rows: int, seed: int, chosen: bool = False) -> tuple[TreatmentRows, np.ndarray]:
    """A trial with the true effect of each row: .3 where the first column is positive, else none.

    With `chosen` those who buy anyway were contacted most, as a retailer does who does not leave it to lot.
    """
    chance = np.random.default_rng(seed)
    matrix = chance.normal(size=(rows, 4))
    anyway = np.where(matrix[:, 1] > 0, 0.5, 0.1)
    effect = np.where(matrix[:, 0] > 0, 0.3, 0.0)
    contact = np.where(matrix[:, 1] > 0, 0.8, 0.2) if chosen else np.full(rows, 0.6)
    treated = (chance.random(rows) < contact).astype(float)
    label = (chance.random(rows) < anyway + treated * effect).astype(float)
    return TreatmentRows(matrix, treated, label), effect


@pytest.fixture(scope="module")
def fitted() -> uplift.Uplift:
    trial, _ = drawn(3000, 1)
    return uplift.fit([trial.take(np.arange(k, 3000, 2)) for k in range(2)], PARAMETERS, 1)


def test_the_effect_is_found_where_it_is(fitted: uplift.Uplift) -> None:
    asked, effect = drawn(2000, 2)
    told = fitted.predict(asked.matrix)
    assert told[effect > 0].mean() > told[effect == 0].mean() + 0.12
    assert np.corrcoef(told, effect)[0, 1] > 0.6
    assert told.mean() == pytest.approx(0.15, abs=0.05)


def test_what_columns_add_explains_every_difference(fitted: uplift.Uplift) -> None:
    asked, _ = drawn(50, 3)
    told, contributions = fitted.predict(asked.matrix), fitted.contributions(asked.matrix)
    assert contributions.shape == asked.matrix.shape
    np.testing.assert_allclose(told - told[0], contributions.sum(axis=1) - contributions.sum(axis=1)[0], atol=1e-9)
    assert np.abs(contributions[:, 0]).mean() > 3 * np.abs(contributions[:, 2]).mean()


def test_the_mean_effect_is_right_though_the_likeliest_were_contacted() -> None:
    trial, effect = drawn(4000, 4, chosen=True)
    naive = trial.arm(1).target.mean() - trial.arm(0).target.mean()
    assert naive > effect.mean() + 0.15
    effects = uplift.doubly_robust(trial, PARAMETERS, 1)
    assert effects.mean() == pytest.approx(effect.mean(), abs=3 * effects.std() / len(effects) ** 0.5)


def test_few_rows_leave_an_equal_say_and_many_rows_choose() -> None:
    chance = np.random.default_rng(5)
    told = chance.normal(scale=0.05, size=(200_000, len(ESTIMATORS)))
    effects = told[:, 1] + chance.normal(scale=0.5, size=len(told))
    few = uplift.stacking_weights(told[:50], effects[:50] - effects[:50].mean())
    assert few == pytest.approx(1 / len(ESTIMATORS), abs=0.1)
    assert uplift.stacking_weights(told, effects - effects.mean()) == pytest.approx([0, 1, 0], abs=0.08)


def test_folds_have_their_share_of_every_kind() -> None:
    trial, _ = drawn(500, 6)
    fold = uplift.folds(trial, 1)
    for kind in range(4):
        sizes = np.bincount(fold[2 * trial.treated + trial.label == kind], minlength=uplift.FOLDS)
        assert sizes.max() - sizes.min() <= 1


def test_order_changes_no_byte(fitted: uplift.Uplift) -> None:
    trial, _ = drawn(400, 7)
    lot = np.random.default_rng(8).permutation(400)
    one, two = (uplift.fit([trial.take(rows)], PARAMETERS, 1) for rows in (np.arange(400), lot))
    assert one.files == two.files
    assert one.facts == two.facts


def test_without_a_control_group_there_is_nothing_to_tell() -> None:
    trial, _ = drawn(200, 9)
    with pytest.raises(ValueError, match=r"200 people were contacted and 0 held back"):
        uplift.fit([TreatmentRows(trial.matrix, np.ones(200), trial.label)], PARAMETERS, 1)
