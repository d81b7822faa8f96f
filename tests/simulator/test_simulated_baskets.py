"""Baskets have a structure that a recommender can learn: items of one style, and companions, are bought together."""

import numpy as np
import pandas as pd

from capflow_assets.simulator import SimulatedData
from capflow_assets.simulator.baskets import choose


def hits_of_ten(world: SimulatedData) -> tuple[float, float]:
    """How often the last item of a later basket is among ten guesses: by co-purchase with its first, by popularity."""
    sold = world.line_items[~world.line_items["is_return"]]
    item = pd.Series(pd.factorize(world.items["item_id"])[0], index=world.items["item_id"])
    sold = sold.assign(item=item[sold["item_id"]].to_numpy())
    past = sold["ts"] < sold["ts"].quantile(0.7)
    baskets = pd.crosstab(pd.factorize(sold.loc[past, "bill_id"])[0], sold.loc[past, "item"])
    baskets = baskets.reindex(columns=range(len(item)), fill_value=0).to_numpy(dtype=np.float32)
    together, bought = baskets.T @ baskets, baskets.sum(axis=0)
    np.fill_diagonal(together, 0)
    later = sold[~past].groupby("bill_id")["item"].agg(["first", "last"]).query("first != last")
    first, last = later["first"].to_numpy(), later["last"].to_numpy()
    guesses = np.argsort(-together[first] - 1e-6 * bought, axis=1)[:, :10]
    popular = np.argsort(-bought)[:10]
    return float((guesses == last[:, None]).any(axis=1).mean()), float(np.isin(last, popular).mean())


def test_co_purchase_beats_popularity(boutique: SimulatedData, cafe: SimulatedData) -> None:
    for world in (boutique, cafe):
        by_basket, by_popularity = hits_of_ten(world)
        assert by_basket > 1.5 * by_popularity


def test_items_of_a_style_are_bought_together(boutique: SimulatedData) -> None:
    sold = boutique.line_items[~boutique.line_items["is_return"]].merge(boutique.item_styles, on="item_id")
    pairs = sold[["bill_id", "item_id", "style"]].merge(sold[["bill_id", "item_id", "style"]], on="bill_id")
    pairs = pairs[pairs["item_id_x"] < pairs["item_id_y"]]
    by_chance = (sold["style"].value_counts(normalize=True) ** 2).sum()
    assert (pairs["style_x"] == pairs["style_y"]).mean() > 3 * by_chance


def test_users_keep_to_their_taste(boutique: SimulatedData) -> None:
    sold = boutique.line_items.dropna(subset="user_id").merge(boutique.item_styles, on="item_id")
    sold = sold.merge(boutique.truth, on="user_id")
    by_chance = 1 / boutique.item_styles["style"].nunique()
    assert (sold["style"] == sold["favourite_style"]).mean() > 3 * by_chance


def test_few_items_make_much_of_the_sales(boutique: SimulatedData) -> None:
    share = boutique.line_items["item_id"].value_counts(normalize=True)
    assert share.head(len(boutique.items) // 10).sum() > 0.3
    assert len(share) > 0.95 * len(boutique.items)


def test_choose_follows_each_rows_own_weights() -> None:
    weights = np.array([[1.0, 0.0, 3.0], [0.0, 5.0, 0.0]])
    rows = np.repeat([0, 1], 4000)
    chosen = choose(weights, rows, np.random.default_rng(0))
    assert set(chosen[rows == 1]) == {1}
    assert set(chosen[rows == 0]) == {0, 2}
    assert abs((chosen[rows == 0] == 2).mean() - 0.75) < 0.03
