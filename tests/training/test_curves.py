"""Curves: a small PNG for every task, from the numbers that it shows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from capflow_assets.contract.model import PREDICTED_COLUMNS, Task
from capflow_assets.training.evaluation.curves import draw_curves, mean_by_tenth

COUNT = 300
USERS = [f"u{number:03d}" for number in range(COUNT)]


def example(task: Task) -> tuple[pd.DataFrame, pd.DataFrame]:
    chance = np.random.default_rng(1)
    score = chance.random(COUNT)
    if task == "binary":
        outcome = pd.DataFrame({"user_id": USERS, "label": (chance.random(COUNT) < score).astype(int)})
        return outcome, pd.DataFrame({"user_id": USERS, "score": score})
    if task == "regression":
        return pd.DataFrame({"user_id": USERS, "value": score}), pd.DataFrame({"user_id": USERS, "value": score * 1.1})
    if task == "ranking":
        shown = [(user, rank, f"i{rank}") for user in USERS for rank in range(1, 11)]
        bought = pd.DataFrame({"user_id": USERS, "item_id": [f"i{k}" for k in chance.geometric(0.3, COUNT)]})
        return bought, pd.DataFrame(shown, columns=["user_id", "rank", "item_id"])
    if task == "choice":
        label = np.where(chance.random(COUNT) < 0.7, "shirt", "shoes")
        return pd.DataFrame({"user_id": USERS, "label": "shirt"}), pd.DataFrame({"user_id": USERS, "label": label})
    if task == "uplift":
        treated = chance.random(COUNT) < 0.5
        treated[0] = True
        answered = chance.random(COUNT) < 0.1 + 0.5 * treated * score
        outcome = pd.DataFrame({"user_id": USERS, "treated": treated.astype(int), "label": answered.astype(int)})
        return outcome, pd.DataFrame({"user_id": USERS, "score": score})
    labels = np.where(score > 0.5, "champions", "lost")
    return pd.DataFrame({"user_id": USERS, "value": score * 100}), pd.DataFrame({"user_id": USERS, "label": labels})


@pytest.mark.parametrize("task", sorted(PREDICTED_COLUMNS))
def test_every_task_has_a_small_picture(task: Task) -> None:
    outcome, prediction = example(task)
    picture = draw_curves(task, "A model", outcome, prediction)
    assert picture.startswith(b"\x89PNG")
    assert 2_000 < len(picture) < 25_000
    assert picture == draw_curves(task, "A model", outcome, prediction)


@pytest.mark.parametrize("task", sorted(PREDICTED_COLUMNS))
def test_a_few_users_are_enough_for_a_picture(task: Task) -> None:
    outcome, prediction = example(task)
    alone = outcome.head(5 if task == "uplift" else 1)
    assert draw_curves(task, "A model", alone, prediction).startswith(b"\x89PNG")


def test_tenths_start_with_the_highest_predictions() -> None:
    outcome = pd.DataFrame({"user_id": USERS, "value": np.arange(COUNT, dtype=float)})
    means = mean_by_tenth(outcome, outcome.sample(frac=1, random_state=1), "value", "value")
    assert len(means) == 10
    assert means["actual"].tolist() == means["predicted"].tolist()
    assert means["actual"].iloc[0] == pytest.approx(284.5)
    assert means["actual"].is_monotonic_decreasing
