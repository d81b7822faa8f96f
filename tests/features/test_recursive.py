"""Recursive features: names that read back, what is generated and what is not, values, and what is pruned."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from capflow_assets.features.recursive.compile import compile_features
from capflow_assets.features.recursive.definitions import Aggregate, SourceColumn, depth, is_nested
from capflow_assets.features.recursive.generate import generate
from capflow_assets.features.recursive.names import name, parse, sentence
from capflow_assets.features.recursive.prune import prune
from capflow_assets.features.recursive.relationships import ENTITIES
from capflow_assets.features.sets.recursive import EVERYWHERE, RECURSIVE, decide_columns, recursive_with, sample
from capflow_assets.features.snapshots import cut_before
from tests.features.feature_world import AS_OF, frame, random_lines, world

ALL: dict[str, Collection[str]] = {entity: [*told.fields] for entity, told in ENTITIES.items()}
ALL["users"] = [*ALL["users"], "attribute_age", "attribute_paid_to_date"]


def users_of(tables: dict[str, Any]) -> dict[str, Any]:
    """The same tables with users: u0, u1, ... of whom the retailer knows an age in words or figures."""
    con = tables["bills"].get_backend()
    rows = [
        {
            "user_id": f"u{k}",
            "first_seen": AS_OF - timedelta(days=500 + k),
            "attribute_age": [f"{20 + k}", "old"][k % 2],
        }
        for k in range(40)
    ]
    return tables | {"users": con.create_table("users", pd.DataFrame(rows))}


@pytest.mark.parametrize("deepest", [1, 2, 3])
def test_a_name_reads_back_as_its_definition(deepest: int) -> None:
    made = generate(ALL, deepest, most=100_000).definitions
    assert {depth(found) for found in made} == set(range(1, deepest + 1))
    assert len({name(found) for found in made}) == len(made) > 50
    assert [parse(name(found)) for found in made] == list(made)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "mean_of_sum_of_amount_of_line_items_per_bill",
            "the average, over the user's bills, of the sum of amounts of their line items",
        ),
        ("count_of_bills", "the number of the user's bills"),
        ("max_of_price_of_its_item_of_line_items", "the largest item list price of the user's line items"),
        ("share_of_known_responded_at_of_contacts", "the share of the user's contacts with an answer"),
        ("distinct_count_of_category_of_its_item_of_line_items",
         "the number of different item categories of the user's line items"),
        ("ratio_of_last_of_amount_of_bills_to_mean_of_amount_of_bills",
         "the amount of the last of the user's bills, divided by the average amount of the user's bills"),
        ("number_in_attribute_age", "the user's age as a number"),
    ],
)  # fmt: skip
def test_a_name_is_told_as_a_sentence(text: str, told: str) -> None:
    assert sentence(parse(text)) == told


@pytest.mark.parametrize(
    "text", ["", "recency_days", "mean_of_", "sum_of_count_of_bills", "mean_of_sum_of_amount_of_bills"]
)
def test_other_names_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not the name of a recursive feature"):
        parse(text)


def test_nothing_is_generated_that_a_simpler_feature_says() -> None:
    made = {name(found) for found in generate(ALL, 3, most=100_000).definitions}
    for silly in (
        "sum_of_sum_of_amount_of_line_items_per_bill",
        "min_of_min_of_amount_of_line_items_per_bill",
        "sum_of_unit_price_of_line_items",
        "first_of_amount_of_line_items",
        "trend_of_days_since_ts_of_bills",
        "mean_of_bill_id_of_bills",
        "distinct_count_of_user_id_of_bills",
    ):
        assert silly not in made


def test_the_limit_keeps_the_simplest_and_counts_the_rest() -> None:
    everything = generate(ALL, 2, most=100_000)
    some = generate(ALL, 2, most=40)
    assert some.definitions == everything.definitions[:40]
    assert everything.left_out == 0
    assert some.left_out == len(everything.definitions) - 40
    with pytest.raises(ValueError, match="depth from 1 to 3"):
        generate(ALL, 4)


def test_what_the_customer_does_not_have_is_not_generated() -> None:
    made = generate({"bills": ["amount"], "line_items": ["amount"]}, 2).definitions
    assert made
    assert not [found for found in made if "item_id" in name(found) or "contact" in name(found) or "_ts" in name(found)]


def test_each_link_costs_one_grouping() -> None:
    import ibis

    tables = cut_before(world(random_lines(1, bills=20)), AS_OF)
    made = generate({table: rows.columns for table, rows in tables.items()}, 2).definitions
    links = 3 + ("contacts" in tables)  # bills, line items, line items of a bill, contacts
    few, many = (
        ibis.to_sql(compile_features(some, tables, AS_OF)).count("GROUP BY") for some in (nested(made)[:1], made)
    )
    assert len(made) > 150
    assert many - few <= links


def nested(made: Collection[Any]) -> list[Any]:
    """The aggregates of aggregates among them."""
    return [found for found in made if isinstance(found, Aggregate) and is_nested(found.operand)]


def test_nested_values_equal_pandas() -> None:
    tables = users_of(world(random_lines(3)))
    known = cut_before(tables, AS_OF)
    names = (
        "std_of_max_of_amount_of_line_items_per_bill",
        "trend_of_count_of_line_items_per_bill",
        "mean_of_share_of_is_return_of_line_items_per_bill",
        "min_of_median_of_quantity_of_line_items_per_bill",
        "last_of_sum_of_amount_of_line_items_per_bill",
        "std_of_amount_of_line_items",
        "number_in_attribute_age",
        "days_since_first_seen",
    )
    got = frame(recursive_with(names).build(known, AS_OF)).set_index("user_id")
    lines, bills = frame(known["line_items"]), frame(known["bills"]).dropna(subset="user_id")
    of_bill = lines.groupby("bill_id")
    bills = bills.set_index("bill_id").assign(
        largest=of_bill.amount.max(), n=of_bill.size(), returned=of_bill.is_return.mean(),
        usual=of_bill.quantity.median(), total=of_bill.amount.sum(),
        day=lambda b: (b.ts - pd.Timestamp(AS_OF)) // pd.Timedelta(days=1),
    )  # fmt: skip
    mine = bills.groupby("user_id")
    latest = bills[bills.ts == mine.ts.transform("max")].groupby("user_id")
    numbers = got.index.str[1:].astype(int)
    expected = pd.DataFrame(
        {
            names[0]: mine.largest.std(),
            names[1]: mine.apply(lambda b: slope(b.day, b.n)),
            names[2]: mine.returned.mean(),
            names[3]: mine.usual.min(),
            names[4]: latest.total.max(),
            names[5]: lines.groupby("user_id").amount.std(),
            names[6]: pd.Series(np.where(numbers % 2 == 0, 20.0 + numbers, np.nan), index=got.index),
            names[7]: pd.Series(500.0 + numbers, index=got.index),
        }
    ).loc[got.index]
    np.testing.assert_allclose(got.to_numpy(float), expected.to_numpy(float), rtol=1e-6, atol=2e-6)


def slope(x: pd.Series, y: pd.Series) -> float:
    """By least squares."""
    return float(np.polyfit(x, y, 1)[0]) if x.nunique() > 1 else float("nan")


def test_pruning_keeps_the_simplest_of_each_kind() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=500), rng.normal(size=500)
    holes = np.where(np.arange(500) < 100, np.nan, x)
    columns = {
        "simple": x, "same": x.copy(), "near": x + rng.normal(scale=0.05, size=500), "against": -3 * x + 1,
        "related": x + rng.normal(scale=0.4, size=500), "other": y, "constant": np.full(500, 7.0),
        "nothing": np.full(500, np.nan), "rare": np.where(np.arange(500) < 10, y, np.nan), "with_holes": holes,
    }  # fmt: skip
    pruned = prune(pd.DataFrame(columns))
    assert pruned.kept == ("simple", "related", "other", "with_holes")
    assert pruned.dropped["same"] == "equal to simple"
    assert pruned.dropped["near"].startswith("moves with simple (correlation 0.99")
    assert set(pruned.dropped) == {"same", "near", "against", "constant", "nothing", "rare"}


def test_the_decision_is_the_same_again_and_every_date_has_its_columns() -> None:
    tables = users_of(world(random_lines(5, bills=700)))
    known = cut_before(tables, AS_OF)
    made = decide_columns(known, AS_OF)
    assert made == decide_columns(known, AS_OF)
    assert made.candidates == len(made.names) + sum(
        count for reason, count in made.left_out.items() if "candidates" not in reason
    )
    chosen = recursive_with(made.names)
    for date in (AS_OF, AS_OF - timedelta(days=90)):
        assert tuple(chosen.build(cut_before(tables, date), date).columns) == ("user_id", *made.names)
    values = frame(chosen.build(known, AS_OF)).drop(columns="user_id")
    assert values.nunique().min() > 1
    related = values.corr().abs().to_numpy() - np.eye(values.shape[1])
    assert np.nanmax(related) < 1.0


def test_what_needs_a_table_that_is_not_there_is_null() -> None:
    names = ("count_of_bills", "count_of_contacts", "max_of_price_of_its_item_of_line_items", "days_since_first_seen")
    known = {
        table: rows for table, rows in cut_before(world(random_lines(2)), AS_OF).items() if table in RECURSIVE.tables
    }
    got = frame(recursive_with(names).build(known, AS_OF))
    assert got.count_of_bills.min() > 0
    assert got[list(names[1:])].isna().all(axis=None)


def test_a_sample_is_chosen_by_id_and_whole() -> None:
    known = cut_before(world(random_lines(4, users=300, bills=3_000)), AS_OF)
    some = sample(known, 60)
    users = set(frame(some["bills"]).user_id)
    assert 30 < len(users) < 90
    assert users == set(frame(sample(known, 60)["bills"]).user_id)
    everything = frame(known["bills"])
    assert len(frame(some["bills"])) == int(everything.user_id.isin(users).sum())


def test_the_columns_of_every_customer_are_ones_that_are_generated() -> None:
    made = {
        name(found) for found in generate({table: ALL[table] for table in RECURSIVE.tables}, 2, 100_000).definitions
    }
    assert set(EVERYWHERE) <= made
    assert parse("mean_of_amount_of_bills") == Aggregate("users", "mean", "bills", SourceColumn("bills", "amount"))


def test_featuretools_gives_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("featuretools", reason="featuretools is not installed: see benchmarks/recursive_features.py")
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "benchmarks"))
    import recursive_features as bench

    bench.make(tmp_path, 2_000)
    names = bench.definitions()
    bench.ours(tmp_path, names)
    bench.featuretools(tmp_path, names)
    assert max(bench.compare(tmp_path, names).values()) < bench.CLOSE
