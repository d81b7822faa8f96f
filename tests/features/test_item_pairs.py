"""Items in the same baskets: by hand, as the recommendation model counts them, and where baskets are too large."""

from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from capflow_assets.features.sets import item_pairs
from capflow_assets.features.sets.item_pairs import ITEM_PAIRS
from capflow_assets.features.snapshots import cut_before
from capflow_assets.methods.recommend.co_purchase import similarity, user_item_matrix
from tests.features.feature_world import AS_OF, frame, lines_of, random_lines, world

JUNE = datetime(2024, 6, 1)


def bills(*baskets: str) -> pd.DataFrame:
    """One bill a text of items, a letter each; nobody's."""
    rows = [(f"b{k}", None, item, JUNE - timedelta(days=k + 1)) for k, basket in enumerate(baskets) for item in basket]
    return lines_of("bill_id user_id item_id ts", *rows)


def test_known_baskets() -> None:
    pairs = frame(ITEM_PAIRS.build(cut_before(world(bills("abb", "ab", "abc", "c", "a")), JUNE), JUNE))
    assert list(zip(pairs.item_id, pairs.other_item_id, strict=True)) == [("a", "b"), ("b", "a")]
    assert list(pairs.bills_together) == [3, 3]
    assert list(pairs.support) == [3 / 5] * 2
    assert list(pairs.confidence) == [3 / 4, 1.0]
    assert list(pairs.lift) == pytest.approx([3 * 5 / (4 * 3)] * 2)
    assert list(pairs.similarity) == pytest.approx([3 / np.sqrt(12) * 3 / 13] * 2)


def test_similarity_is_that_of_the_recommendation_model_with_bills_for_shoppers() -> None:
    tables = cut_before(world(random_lines(11)), AS_OF)
    pairs = frame(ITEM_PAIRS.build(tables, AS_OF))
    lines = frame(tables["line_items"])
    year = lines[(lines.ts >= AS_OF - timedelta(days=365)) & (lines.quantity > 0) & ~lines.is_return]
    items = tuple(sorted(year.item_id.unique()))
    on_bills = year[["bill_id", "item_id"]].drop_duplicates().rename(columns={"bill_id": "user_id"})
    expected = similarity(user_item_matrix(on_bills, items), neighbours=len(items), shrinkage=10.0)
    assert len(pairs) == (expected.toarray() > 0).sum() > 100
    found = pairs.pivot(index="item_id", columns="other_item_id", values="similarity").reindex(
        index=items, columns=items
    )
    np.testing.assert_allclose(found.fillna(0.0).to_numpy(), expected.toarray(), rtol=1e-6)


def test_large_bills_and_rare_items_are_left_out_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(item_pairs, "MOST_ITEMS_ON_BILL", 3)
    monkeypatch.setattr(item_pairs, "MOST_ITEMS", 2)
    tables = cut_before(world(bills("ab", "ab", "bc", "bc", "abcd", "d")), JUNE)
    pairs = frame(ITEM_PAIRS.build(tables, JUNE))
    assert set(pairs.item_id) == {"a", "b", "c"}, "a and c are on equally many bills: both stay"
    assert set(pairs.bills_together) == {2}
    assert list(pairs.support) == [2 / 5] * 4
    assert ITEM_PAIRS.left_out is not None
    assert ITEM_PAIRS.left_out(tables, JUNE).to_pyarrow().to_pylist() == [
        {"bills_of_more_than_100_items": 1, "items_on_those_bills": 4, "items_not_among_the_5000": 1}
    ]


def test_a_basket_of_very_many_items_makes_no_pairs() -> None:
    rows = pd.DataFrame({"item_id": [f"i{k}" for k in range(20_000)], "bill_id": "b1", "user_id": "ann"})
    lines = lines_of("item_id bill_id user_id", *rows.itertuples(index=False)).assign(ts=JUNE - timedelta(days=1))
    assert len(frame(ITEM_PAIRS.build(cut_before(world(lines), JUNE), JUNE))) == 0
