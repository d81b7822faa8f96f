"""Pooling: standings mean the same at every retailer, and nothing but rows without ids is given."""

from __future__ import annotations

import numpy as np
import pytest

from capflow_assets.methods.ensemble.learners import Rows
from capflow_assets.methods.ensemble.pooled import (
    Contribution,
    build_contribution,
    percentile_ranks,
    quantile_grids,
    stack_contributions,
)


def past(seed: int, currency: float = 1.0, rows: int = 300) -> list[Rows]:
    chance = np.random.default_rng(seed)
    spend = [chance.lognormal(3, 1, (rows, 1)) for _ in range(2)]
    return [Rows(matrix * currency, (chance.random(rows) < 0.3).astype(float)) for matrix in spend]


def test_standings_do_not_depend_on_the_currency() -> None:
    euro, yen = past(1), past(1, currency=160.0)
    one, other = (percentile_ranks(parts[0].matrix, quantile_grids(parts[1].matrix)) for parts in (euro, yen))
    np.testing.assert_allclose(one, other)
    assert one.min() >= 0
    assert one.max() <= 1
    assert np.median(one) == pytest.approx(0.5, abs=0.06)


def test_equal_values_stand_together_and_unknown_ones_nowhere() -> None:
    matrix = np.array([[0.0], [0.0], [0.0], [5.0], [np.nan]])
    found = percentile_ranks(matrix, quantile_grids(matrix))[:, 0]
    assert found[0] == found[1] == found[2] < found[3]
    assert np.isnan(found[4])
    assert np.isnan(percentile_ranks(matrix, [[]])).all()


def test_a_contribution_survives_storage_and_keeps_within_its_size() -> None:
    given = build_contribution(past(1, rows=6_000), ["spend"], 1)
    assert [len(part) for part in given.parts] == [5_000, 5_000]
    again = Contribution.from_bytes(given.to_bytes())
    assert again.columns == ("spend",)
    np.testing.assert_allclose(again.parts[0].matrix, given.parts[0].matrix, atol=1e-6)
    assert given.to_bytes() == build_contribution(past(1, rows=6_000), ["spend"], 1).to_bytes()


def test_what_came_before_and_the_latest_are_put_together() -> None:
    given = {name: build_contribution(past(seed), ["spend"], 1) for seed, name in enumerate(("ann", "bob"))}
    earlier, latest = stack_contributions(given, ["spend", "visits"])
    assert earlier.matrix.shape == latest.matrix.shape == (600, 2)
    assert np.isnan(latest.matrix[:, 1]).all()
    assert not np.isnan(latest.matrix[:, 0]).any()
