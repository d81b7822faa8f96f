"""Clusters: planted groups are found, named by what marks them, and more of them than help are not taken."""

from __future__ import annotations

import numpy as np

from capflow_assets.methods import clusters

COLUMNS = ["visits_per_week", "recency_days"]
CENTRES = np.array([[5.0, 10.0], [1.0, 100.0], [1.0, 10.0]])


def planted(seed: int = 0, rows: int = 600) -> tuple[np.ndarray, np.ndarray]:
    chance = np.random.default_rng(seed)
    group = chance.choice(3, rows, p=[0.5, 0.3, 0.2])
    return CENTRES[group] + chance.normal(size=(rows, 2)) * [0.2, 4.0], group


def test_planted_groups_are_found_the_largest_first_whatever_the_order() -> None:
    matrix, group = planted()
    found = clusters.fit(matrix, 3, 1)
    assert (clusters.assign(found, matrix) == group).mean() > 0.99
    mixed = np.random.default_rng(2).permutation(len(matrix))
    assert clusters.to_bytes(clusters.fit(matrix[mixed], 3, 1)) == clusters.to_bytes(found)
    again = clusters.from_bytes(clusters.to_bytes(found))
    assert (clusters.assign(again, matrix) == clusters.assign(found, matrix)).all()


def test_each_group_is_named_by_what_marks_it() -> None:
    matrix, group = planted()
    found = clusters.fit(matrix, 3, 1)
    told = clusters.group_names(found, COLUMNS)
    assert "high visits per week" in told[0]
    assert "high recency days" in told[1]
    assert len(set(told)) == 3
    assert clusters.distinguishing_columns(found, matrix, group)[int(np.argmax(group == 1))][0] == 1
    unknown = np.array([[np.nan, np.nan]])
    assert clusters.distinguishing_columns(found, unknown, clusters.assign(found, unknown)) == [[]]


def test_the_number_of_groups_is_the_one_that_tells_later_spend() -> None:
    past = []
    for seed in range(3):
        matrix, group = planted(seed)
        past.append((matrix, np.array([50.0, 0.0, 5.0])[group]))
    assert clusters.choose_count(past, 2, 6, 1) == 3
    assert clusters.choose_count(past[:1], 3, 8, 1) == 5
