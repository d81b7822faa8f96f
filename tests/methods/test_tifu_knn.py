"""TIFU-KNN: the weights of the paper by hand, the lot by contents, and neighbours as a plain search finds them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array

from capflow_assets.methods.recommend.matrices import sample_rows
from capflow_assets.methods.recommend.tifu_knn import frequencies, neighbourhood, sample_vectors

DECAY = {"group": 2, "within": 0.5, "between": 0.1}


def days(rows: list[tuple[str, str, int]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["user_id", "item_id", "day"]).astype({"user_id": "str", "item_id": "str"})


def test_old_baskets_count_less_within_and_between_groups() -> None:
    """Baskets of days 1 | 2 3 | 4 5: groups of two from the latest, the oldest has one."""
    found = frequencies(days([("a", f"i{day}", day) for day in range(1, 6)]), [f"i{day}" for day in range(1, 6)], DECAY)
    expected = [0.01 / 3, 0.1 / 3 * 0.5 / 2, 0.1 / 3 / 2, 0.5 / 2 / 3, 1 / 2 / 3]
    assert found.toarray()[0] == pytest.approx(expected)


def test_an_item_of_every_basket_adds_up_and_without_decay_it_is_its_share() -> None:
    rows = [("a", "milk", day) for day in range(4)] + [("a", "salt", 2), ("b", "salt", 9)]
    plain = frequencies(days(rows), ["milk", "salt"], {"group": 99, "within": 1.0, "between": 1.0}).toarray()
    assert plain[0] == pytest.approx([1.0, 0.25])
    assert plain[1] == pytest.approx([0.0, 1.0])
    decayed = frequencies(days(rows), ["milk", "salt"], DECAY).toarray()[0]
    assert decayed == pytest.approx([(1.5 / 2 + 0.1 * 1.5 / 2) / 2, 0.5 / 2 / 2])


def test_only_shoppers_of_two_baskets_are_kept_and_names_do_not_matter() -> None:
    vectors = csr_array((np.random.default_rng(1).random((60, 8)) < 0.5).astype(float))
    baskets = np.where(np.arange(60) % 3 == 0, 1, 4)
    kept = sample_vectors(vectors, baskets, 10).toarray()
    order = np.random.default_rng(2).permutation(60)
    assert (kept == sample_vectors(vectors[order], baskets[order], 10).toarray()).all()
    assert len(kept) == 10
    single = csr_array(np.eye(3))
    assert sample_vectors(single, np.array([1, 2, 1]), 5).toarray().tolist() == [[0.0, 1.0, 0.0]]


def test_the_lot_takes_equal_rows_one_by_one_not_all_or_none() -> None:
    rows = csr_array(np.repeat(np.eye(2), 200, axis=0))
    first = rows[sample_rows(rows, 200)].toarray()[:, 0].sum()
    assert 70 < first < 130


@pytest.mark.parametrize("neighbours", [1, 3, 50])
def test_neighbours_are_the_nearest_by_euclid(neighbours: int) -> None:
    chance = np.random.default_rng(5)
    vectors, stored = chance.random((12, 6)), chance.random((20, 6))
    found = neighbourhood(csr_array(vectors), csr_array(stored), neighbours).toarray()
    distance = ((vectors[:, None] - stored[None]) ** 2).sum(axis=2)
    nearest = np.argsort(distance, axis=1)[:, :neighbours]
    assert found == pytest.approx(stored[nearest].mean(axis=1))


def test_with_nobody_stored_there_are_no_neighbours() -> None:
    assert neighbourhood(csr_array(np.eye(2)), csr_array((0, 2)), 5).nnz == 0
