"""SASRec: it learns an order that popularity cannot know, the same each time, and leaves torch as it was."""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd
import pytest

from capflow_assets.methods.recommend import sasrec
from capflow_assets.methods.recommend.sasrec import Sequences, followers, last_of_each

torch = pytest.importorskip("torch")

ITEMS = 8
PARAMETERS = {
    "length": 6, "dimensions": 16, "blocks": 1, "heads": 1, "dropout": 0.0, "learning_rate": 0.02, "steps": 200,
    "negatives": 50,
}  # fmt: skip


def circle(shoppers: int = 200) -> Sequences:
    """Who bought item n buys n + 1 the next time, each item as often as any other."""
    items = (np.arange(shoppers)[:, None] + np.arange(6)) % ITEMS + 1
    days = np.tile(np.arange(6) * 20, (shoppers, 1))
    return Sequences(items, days, items, days)


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    return sasrec.train(circle(), ITEMS, 30, PARAMETERS, 1)


def test_the_next_of_the_circle_is_foretold(files: dict[str, bytes]) -> None:
    history = np.array([[0, 0, 0, 3, 4, 5], [0, 0, 0, 0, 8, 1]])
    found = next(sasrec.scores(files, history, ITEMS, PARAMETERS))
    assert (found.argmax(axis=1) + 1).tolist() == [6, 2]


def test_the_same_seed_gives_the_same_bytes_and_another_one_others(files: dict[str, bytes]) -> None:
    short = {**PARAMETERS, "steps": 4}
    one, two, other = (sasrec.train(circle(), ITEMS, 30, short, seed) for seed in (1, 1, 2))
    assert one == two
    assert one != other


def test_torch_is_left_as_it_was() -> None:
    threads, strict, state = (
        torch.get_num_threads(),
        torch.are_deterministic_algorithms_enabled(),
        torch.get_rng_state(),
    )
    sasrec.train(circle(20), ITEMS, 30, {**PARAMETERS, "steps": 2}, 9)
    assert torch.get_num_threads() == threads
    assert torch.are_deterministic_algorithms_enabled() == strict
    assert torch.equal(torch.get_rng_state(), state)


def test_the_batch_changes_nothing(files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    histories = circle(40).items
    together = np.concatenate(list(sasrec.scores(files, histories, ITEMS, PARAMETERS)))
    monkeypatch.setattr(sasrec, "SCORED_AT_ONCE", 7)
    parts = list(sasrec.scores(files, histories, ITEMS, PARAMETERS))
    assert [len(part) for part in parts] == [7, 7, 7, 7, 7, 5]
    assert np.concatenate(parts) == pytest.approx(together, abs=1e-12)


def test_a_later_purchase_is_not_seen_by_an_earlier_position(files: dict[str, bytes]) -> None:
    from safetensors.torch import load

    network = sasrec._network(torch, ITEMS, PARAMETERS)
    network.load_state_dict(load(files["sasrec.safetensors"]))
    one, two = (network.eval()(torch.tensor([[1, 2, 3, 4, 5, last]])) for last in (6, 2))
    assert torch.allclose(one[:, :-1], two[:, :-1])
    assert not torch.allclose(one[:, -1], two[:, -1])


def test_targets_are_bought_on_later_days_within_the_horizon() -> None:
    items, days = torch.tensor([[0, 1, 2, 3]]), torch.tensor([[0, 10, 10, 45]])
    later, when = torch.tensor([[1, 2, 3, 4]]), torch.tensor([[10, 10, 45, 60]])
    lot = torch.Generator().manual_seed(1)
    place, wanted = sasrec._targets(torch, [items, days, later, when], 30, lot)
    assert place.tolist() == [3]  # day 45 is 35 days after day 10, day 60 is 15 after day 45
    assert wanted.tolist() == [4]


def test_the_last_purchases_are_kept_in_order() -> None:
    rows = [("a", 2, 5), ("a", 1, 5), ("a", 3, 1), ("a", 4, 9), ("b", 1, 1), ("stranger", 1, 1)]
    items, days = last_of_each(pd.DataFrame(rows, columns=["user_id", "number", "day"]), ["a", "b"], 3)
    assert items.tolist() == [[1, 2, 4], [0, 0, 1]]
    assert days.tolist() == [[5, 5, 9], [0, 0, 1]]


def test_followers_are_counted_within_the_horizon_and_named_from_three_shoppers_on() -> None:
    items = np.array([[1, 2]] * 3 + [[1, 3]] * 2 + [[3, 1]] * 3 + [[2, 3]] * 3)
    days = np.array([[0, 5]] * 8 + [[0, 50]] * 3)
    found = followers(Sequences(items, days, items, days), 3, 30).toarray()
    assert found[0, 1] == pytest.approx(3 * 8 / (5 * 3))
    assert found[0, 2] == 0  # two shoppers
    assert found[1, 2] == 0  # 50 days later


def test_without_torch_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ValueError, match=r"pip install 'capflow\[deep\]'"):
        sasrec.train(circle(2), ITEMS, 30, PARAMETERS, 1)
    monkeypatch.undo()
    monkeypatch.setitem(sys.modules, "safetensors.torch", None)
    with pytest.raises(ValueError, match="safetensors"):
        sasrec.train(circle(2), ITEMS, 30, PARAMETERS, 1)
