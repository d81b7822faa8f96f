"""Feature set "recursive": deep feature synthesis over the customer's own tables; its data decides the columns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from capflow_assets.contract.feature_set import ColumnDecision, Feature, FeatureSet
from capflow_assets.features.recursive.compile import compile_features, dtype
from capflow_assets.features.recursive.definitions import Definition
from capflow_assets.features.recursive.generate import MOST, generate
from capflow_assets.features.recursive.names import name, parse, phrase, sentence
from capflow_assets.features.recursive.prune import prune

if TYPE_CHECKING:
    import ibis

DEPTH = 2
MOST_KEPT = 100
SAMPLED_USERS = 4_000
OF_SIXTEEN_BITS = 65_536

DESCRIPTION = "Aggregates of aggregates over the customer's own tables: its data decides the columns."
TABLES = ("bills", "line_items")
OPTIONAL_TABLES = ("users", "items", "contacts")

# Used until a customer's data has decided: one of each kind, from the tables that every customer has.
EVERYWHERE = (
    "count_of_line_items",
    "sum_of_quantity_of_line_items",
    "mean_of_unit_price_of_line_items",
    "median_of_amount_of_line_items",
    "distinct_count_of_item_id_of_line_items",
    "share_of_is_return_of_line_items",
    "std_of_amount_of_bills",
    "trend_of_amount_of_bills",
    "first_of_amount_of_bills",
    "mean_of_hour_of_ts_of_bills",
    "min_of_days_since_ts_of_bills",
    "distinct_count_of_weekday_of_ts_of_bills",
    "share_of_weekend_of_ts_of_bills",
    "mean_of_sum_of_amount_of_line_items_per_bill",
    "std_of_mean_of_unit_price_of_line_items_per_bill",
    "max_of_distinct_count_of_item_id_of_line_items_per_bill",
    "last_of_count_of_line_items_per_bill",
    "log1p_of_sum_of_amount_of_line_items",
    "ratio_of_last_of_amount_of_bills_to_mean_of_amount_of_bills",
    "ratio_of_sum_of_discount_of_line_items_to_sum_of_amount_of_line_items",
)


def decide_columns(tables: Mapping[str, ibis.Table], as_of: datetime) -> ColumnDecision:
    """Choose the features that this customer's data supports: generate from its columns, prune on a sample of users.

    `tables` hold rows before `as_of` only; their columns decide what is generated. At most MOST candidates are computed
    and MOST_KEPT kept, the simplest first; the rest is counted by reason.
    """
    generated = generate({table: rows.columns for table, rows in tables.items()}, DEPTH)
    values = compile_features(generated.definitions, sample(tables, SAMPLED_USERS), as_of).drop("user_id").to_pandas()
    pruned = prune(values)
    kept = pruned.kept[:MOST_KEPT]
    left_out = Counter(_kind(reason) for reason in pruned.dropped.values())
    left_out[f"beyond the {MOST} simplest candidates"] += generated.left_out
    left_out[f"beyond the {MOST_KEPT} simplest that say something"] += len(pruned.kept) - len(kept)
    return ColumnDecision(
        names=kept,
        candidates=len(generated.definitions),
        users_sampled=len(values),
        left_out={reason: count for reason, count in sorted(left_out.items()) if count},
    )


def recursive_with(names: Sequence[str]) -> FeatureSet:
    """Return the set with exactly the features of these names, in that order; ValueError for an unknown name."""
    definitions = tuple(map(parse, names))

    def build(tables: Mapping[str, ibis.Table], as_of: datetime) -> ibis.Table:
        return compile_features(definitions, tables, as_of)

    return FeatureSet(
        name="recursive",
        description=DESCRIPTION,
        tables=TABLES,
        features=tuple(map(_feature, definitions)),
        build=build,
        optional_tables=OPTIONAL_TABLES,
    )


def sample(tables: Mapping[str, ibis.Table], users: int) -> dict[str, ibis.Table]:
    """Return the tables of about `users` shoppers, chosen by the md5 of their ids: the same on every engine and day."""
    known = int(tables["bills"].user_id.nunique().execute())
    if known <= users:
        return dict(tables)
    limit = f"{OF_SIXTEEN_BITS * users // known:04x}"
    return {
        table: rows.filter(rows.user_id.hexdigest("md5")[:4] < limit) if "user_id" in rows.columns else rows
        for table, rows in tables.items()
    }


def _feature(definition: Definition) -> Feature:
    text = sentence(definition)
    return Feature(name(definition), dtype(definition), f"{text[0].upper()}{text[1:]}.", phrase(definition))


def _kind(reason: str) -> str:
    """Return a reason without its figures, to count by."""
    for kind in ("missing", "the same for every user", "equal to", "moves with"):
        if reason.startswith(kind):
            return {"missing": "missing almost everywhere", "equal to": "equal to a simpler one"}.get(
                kind, "moves with a simpler one" if kind == "moves with" else kind
            )
    return reason


RECURSIVE = replace(recursive_with(EVERYWHERE), decide=decide_columns, with_columns=recursive_with)
