"""Users, items, contacts, reviews, media and bills: typed columns, one row a key where the customer asks."""

from datetime import datetime
from decimal import Decimal

import pyarrow as pa
import pytest

from capflow_assets.run.catalogue import tables as canonical_tables
from capflow_assets.validated.tables import clean, derive_bills, drop_rows
from partitions.customer import ColumnMapping

NOON = datetime(2024, 1, 5, 12)


@pytest.mark.parametrize("table", sorted(canonical_tables()))
def test_every_table_has_its_columns_and_types_even_from_text(con, mapping_of, table):
    import ibis

    columns = canonical_tables()[table].columns
    raw = con.create_table("texts", pa.table({column.name: ["x", "", None] for column in columns}), overwrite=True)
    result = clean(table, raw, mapping_of(table, [column.name for column in columns]), "Europe/London")
    types = {name: dtype.copy(nullable=True) for name, dtype in result.schema().items()}
    assert types == {column.name: ibis.dtype(column.dtype) for column in columns}
    assert result.count().execute() == 3
    texts = [column.name for column in columns if column.dtype == "string" and column.name != "bill_id"]
    assert all(row[name] != "" for row in con.to_pyarrow(result).to_pylist() for name in texts)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (13085.0, "13085"),
        (1.5, "1.5"),
        (float("nan"), None),
        (Decimal("12.00"), "12"),
        (Decimal("12.50"), "12.50"),
        (7, "7"),
        ("007", "007"),
        ("13085.0", "13085.0"),
        ("  ", None),
        (-4.0, "-4"),
        (1e20, "1e+20"),
    ],
)
def test_ids_are_text_as_they_are_written(cleaned, value, expected):
    assert cleaned("items", {"item_id": [value]})[0]["item_id"] == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [("Yes", True), ("0", False), ("T", True), ("maybe", None), (1, True), (0.0, False), (True, True), ("", None)],
)
def test_flags_are_read_from_words_and_numbers(cleaned, value, expected):
    data = {"user_id": ["ann"], "campaign_id": ["c"], "treated": [value]}
    assert cleaned("contacts", data)[0]["treated"] is expected


def test_users_keep_their_attributes_as_text(cleaned):
    data = {"user_id": ["ann"], "attribute_kids": [2.0], "attribute_home": [" own "]}
    (user,) = cleaned("users", data, attributes=("Kids", "home"))
    assert user == {"user_id": "ann", "first_seen": None, "attribute_kids": "2", "attribute_home": "own"}


def test_distinct_keeps_the_fullest_then_the_most_frequent_row_of_a_key(cleaned):
    data = {
        "item_id": ["a", "a", "a", "a", "b", "b", None, "c"],
        "description": [None, None, "TEA ", "Tee", "x", "y", "z", None],
        "brand": [None] * 8,
    }
    data["description"] += ["TEA", "damaged?"]
    data["item_id"] += ["a", "a"]
    data["brand"] += [None, None]
    rows = cleaned("items", data, options={"distinct": True})
    assert [(row["item_id"], row["description"]) for row in rows] == [("a", "TEA"), ("b", "x"), ("c", None)]
    assert len(cleaned("items", data)) == 10, "without distinct, every row stays for validation to judge"


def test_distinct_users_were_first_seen_at_their_earliest_row(cleaned):
    data = {
        "user_id": ["ann", "ann", "ann", None],
        "first_seen": [NOON.replace(day=9), NOON, NOON.replace(day=9), NOON],
        "attribute_city": ["Rome", "Oslo", "Rome", "Rome"],
    }
    (user,) = cleaned("users", data, attributes=("city",), options={"distinct": True})
    assert user == {"user_id": "ann", "first_seen": NOON, "attribute_city": "Rome"}


REVIEWS = {
    "user_id": ["ann", "ann", "ann", "bob", None, None],
    "item_id": ["pot"] * 6,
    "ts": [NOON, NOON, NOON.replace(microsecond=7), NOON, None, None],
    "text": ["good", "good", "good", "good", None, None],
    "rating": [5, 5, 4, 5, 1, 2],
}


def test_a_review_without_an_id_gets_one_that_stays_whatever_else_is_sent(cleaned):
    rows = cleaned("reviews", REVIEWS)
    ids = [row["review_id"] for row in rows]
    assert len(set(ids)) == len(rows) == 6, "nothing is lost, and no two share an id"
    first = [name for name in ids if "-" not in name]
    assert sorted(len(name) for name in first) == [32, 32, 32]
    anns = {row["review_id"]: row["rating"] for row in rows if row["user_id"] == "ann"}
    (stem,) = [name for name in anns if name in first]
    assert {name.removeprefix(stem): rating for name, rating in anns.items()} in (
        {"": 4, "-2": 5, "-3": 5},
        {"": 5, "-2": 5, "-3": 4},
    )
    (bob,) = [row["review_id"] for row in rows if row["user_id"] == "bob"]
    alone = {name: [values[3]] for name, values in REVIEWS.items()}
    assert cleaned("reviews", alone)[0]["review_id"] == bob


def test_distinct_reviews_are_those_of_another_shopper_item_second_or_text(cleaned):
    rows = cleaned("reviews", REVIEWS, options={"distinct": True})
    assert sorted((row["user_id"] or "", row["rating"]) for row in rows) == [("", 1), ("ann", 5), ("bob", 5)]


def test_ids_of_reviews_that_are_sent_are_kept(cleaned):
    rows = cleaned("reviews", {"review_id": ["7", "7", None], "item_id": ["a", "b", "c"], "text": ["x", "y", "z"]})
    assert [row["review_id"] for row in rows] == ["7", "7", None], "validation judges them"


def test_bills_add_up_to_the_cent_and_leave_nothing_out(con):
    lines = pa.table(
        {
            "bill_id": ["1", "1", "1", "2", "3"],
            "user_id": ["ann", "ann", "ann", None, "bob"],
            "ts": [NOON.replace(minute=5), NOON, NOON, NOON, None],
            "amount": [0.1, 0.2, -0.05, 5.0, -3.0],
            "store_id": ["s"] * 5,
            "channel": pa.array([None] * 5, pa.string()),
            "is_return": [False, False, True, False, True],
        }
    )
    bills = derive_bills(con.create_table("lines", lines, overwrite=True)).order_by("bill_id")
    assert bills.columns == tuple(column.name for column in canonical_tables()["bills"].columns)
    assert [tuple(row.values()) for row in con.to_pyarrow(bills).to_pylist()] == [
        ("1", "ann", NOON, 0.25, 3, "s", None, False),
        ("2", None, NOON, 5.0, 1, "s", None, False),
        ("3", "bob", None, -3.0, 1, "s", None, True),
    ]


def test_bills_that_are_sent_are_returns_below_zero_unless_they_say_so(cleaned):
    data = {"bill_id": ["1", "2"], "amount": ["5", "-5"], "line_item_count": [2.4, 1e30]}
    assert [(row["is_return"], row["line_item_count"]) for row in cleaned("bills", data)] == [(False, 2), (True, None)]
    assert cleaned("bills", {**data, "is_return": [True, False]})[0]["is_return"] is True


@pytest.fixture
def lines(con):
    data = {"item_id": ["POST", "post ", "tea", "tea", "tea", "Tea", None], "amount": [1, 2, 3, 3, 3, 3, 9]}
    return con.create_table("with_postage", pa.table(data), overwrite=True)


def test_what_is_no_goods_is_left_out_and_counted(con, lines, mapping_of):
    mapping = mapping_of("line_items", ["item_id", "amount"], drop_items=("Post", "M"), drop_duplicates=True)
    dropped = drop_rows(lines, mapping)
    assert dropped.counts() == {"drop_items: POST": 2, "drop_duplicates": 2}
    kept = con.to_pyarrow(dropped.kept).to_pylist()
    assert sorted((str(row["item_id"]), row["amount"]) for row in kept) == [("None", 9), ("Tea", 3), ("tea", 3)]


def test_nothing_is_left_out_unasked(lines, mapping_of):
    dropped = drop_rows(lines, mapping_of("line_items", ["item_id", "amount"]))
    assert dropped.counts() == {}
    assert dropped.kept.count().execute() == 7


def test_numbers_as_item_codes_are_matched_as_text(con, mapping_of):
    raw = con.create_table("coded", pa.table({"item_id": [9.0, 10.0]}), overwrite=True)
    assert drop_rows(raw, mapping_of("line_items", ["item_id"], drop_items=("9",))).counts() == {"drop_items: 9": 1}


def test_a_joined_category_is_text(cleaned):
    columns = {"category": ColumnMapping(("a", "b"))}
    (item,) = cleaned("items", {"item_id": ["a"], "category": ["Drinks > Tea"]}, columns=columns)
    assert item["category"] == "Drinks > Tea"
