"""Line items: what a customer does not send is worked out, and sums are net of returns."""

from datetime import datetime

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capflow_assets.run.catalogue import tables as canonical_tables
from capflow_assets.validated.tables import clean
from partitions.customer import ColumnMapping, ReturnRule

NOON = datetime(2024, 1, 5, 12)


def test_one_line_as_most_customers_send_it(cleaned):
    data = {
        "bill_id": ["b1"],
        "user_id": [13085.0],
        "item_id": [" 0017 "],
        "ts": [datetime(2024, 7, 1, 12)],
        "quantity": [3],
        "unit_price": ["2.50"],
        "discount": [0.5],
    }
    assert cleaned("line_items", data) == [
        {
            "bill_id": "b1",
            "user_id": "13085",
            "item_id": "0017",
            "ts": datetime(2024, 7, 1, 11),
            "quantity": 3.0,
            "unit_price": 2.5,
            "discount": 0.5,
            "amount": 7.0,
            "store_id": None,
            "channel": None,
            "is_return": False,
        }
    ]


def test_types_and_order_are_the_declared_ones_whatever_is_mapped(con, mapping_of):
    import ibis

    raw = con.create_table("bare", pa.table({"item_id": ["a"], "amount": [1.0]}), overwrite=True)
    schema = clean("line_items", raw, mapping_of("line_items", ["item_id", "amount"]), "Europe/London").schema()
    declared = {column.name: ibis.dtype(column.dtype) for column in canonical_tables()["line_items"].columns}
    assert [(name, dtype.copy(nullable=True)) for name, dtype in schema.items()] == list(declared.items())


@pytest.mark.parametrize(
    ("sent", "quantity", "unit_price", "discount", "amount"),
    [
        ({"unit_price": [4.0]}, 1.0, 4.0, 0.0, 4.0),
        ({"amount": [6.0], "quantity": [3]}, 3.0, 2.0, 0.0, 6.0),
        ({"amount": [6.0], "quantity": [3], "discount": [1.5]}, 3.0, 2.5, 1.5, 6.0),
        ({"amount": [5.0], "unit_price": [4.0]}, 1.0, 4.0, 0.0, 5.0),
        ({"unit_price": [4.0], "discount": [None]}, 1.0, 4.0, 0.0, 4.0),
        ({"unit_price": [4.0], "quantity": [-2]}, -2.0, 4.0, 0.0, -8.0),
        ({"amount": [-8.0], "quantity": [-2]}, -2.0, 4.0, 0.0, -8.0),
        ({"amount": [6.0], "quantity": [0]}, 0.0, None, 0.0, 6.0),
        ({"unit_price": ["n/a"], "quantity": ["two"]}, None, None, 0.0, None),
        ({"unit_price": [float("nan")]}, 1.0, None, 0.0, None),
    ],
)
def test_money_is_worked_out_from_what_is_sent(cleaned, sent, quantity, unit_price, discount, amount):
    (line,) = cleaned("line_items", {"item_id": ["a"], **sent})
    assert (line["quantity"], line["unit_price"], line["discount"], line["amount"]) == (
        quantity,
        unit_price,
        discount,
        amount,
    )


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ({"quantity": [2]}, (False, 2.0, 1.0, 7.0)),
        ({"quantity": [-2], "discount": [0.0]}, (True, -2.0, 0.0, -8.0)),
        ({"bill_id": ["C17"], "quantity": [2]}, (True, -2.0, -1.0, -7.0)),
        ({"bill_id": ["C17"], "quantity": [-2], "discount": [0.0]}, (True, -2.0, 0.0, -8.0)),
        ({"bill_id": ["c17"]}, (False, 1.0, 1.0, 3.0)),
        ({"is_return": ["yes"], "quantity": [2]}, (True, -2.0, -1.0, -7.0)),
        ({"is_return": [0], "quantity": [2]}, (False, 2.0, 1.0, 7.0)),
        ({"is_return": [None], "quantity": [None]}, (False, None, 1.0, None)),
        ({"is_return": [True], "quantity": [2], "amount": [7.0]}, (True, -2.0, -1.0, -7.0)),
        ({"is_return": [True], "quantity": [2], "amount": [-7.0]}, (True, -2.0, -1.0, -7.0)),
    ],
)
def test_a_return_is_the_mirror_image_of_a_sale(cleaned, sent, expected):
    data = {"bill_id": ["17"], "item_id": ["a"], "unit_price": [4.0], "discount": [1.0], **sent}
    (line,) = cleaned("line_items", data, returns=ReturnRule("bill_id", "C"))
    assert (line["is_return"], line["quantity"], line["discount"], line["amount"]) == expected
    assert line["unit_price"] == 4.0


def test_lines_of_one_shopper_at_one_moment_and_store_are_one_bill(cleaned):
    data = {
        "user_id": ["ann", "ann", "ann", "ann", "bob", None, None, None],
        "item_id": ["tea", "cake", "tea", "tea", "tea", "tea", "tea", "cake"],
        "ts": [NOON, NOON, NOON.replace(minute=1), NOON, NOON, NOON, NOON, NOON],
        "store_id": ["s1", "s1", "s1", "s2", "s1", "s1", "s1", "s1"],
        "amount": [1.0] * 8,
    }
    lines = cleaned("line_items", data)
    bills = {}
    for line in lines:
        bills.setdefault(line["bill_id"], []).append((line["user_id"], line["item_id"]))
    assert sorted(map(sorted, bills.values()), key=str) == [
        [("ann", "cake"), ("ann", "tea")],
        [("ann", "tea")],
        [("ann", "tea")],
        [("bob", "tea")],
        [(None, "cake")],
        [(None, "tea")],
        [(None, "tea")],
    ]
    assert "u:2024-01-05T12:00:00:s1:ann" in bills


def test_without_times_a_shopper_s_lines_are_one_bill(cleaned):
    data = {"user_id": ["ann", "ann", "bob", None], "item_id": ["a", "b", "a", "a"], "amount": [1.0] * 4}
    lines = cleaned("line_items", data)
    assert len({line["bill_id"] for line in lines}) == 3
    assert all(line["ts"] is None and line["bill_id"] for line in lines)


LINE = st.tuples(
    st.sampled_from([None, "ann", "bob"]),
    st.sampled_from(["tea", "cake", None]),
    st.sampled_from([NOON, NOON.replace(second=1), None]),
    st.sampled_from([1.0, 2.0, None]),
)


@settings(max_examples=25, deadline=None)
@given(st.lists(LINE, min_size=1, max_size=8), st.randoms(use_true_random=False))
def test_the_order_of_rows_and_later_rows_change_no_bill(con, mapping_of, lines, random):
    names = ["user_id", "item_id", "ts", "amount"]
    mapping = mapping_of("line_items", names)
    schema = pa.schema(
        [("user_id", "string"), ("item_id", "string"), ("ts", pa.timestamp("us")), ("amount", "float64")]
    )

    def result(rows):
        data = pa.table([list(column) for column in zip(*rows, strict=True)], schema=schema)
        raw = con.create_table("shuffled", data, overwrite=True)
        found = con.to_pyarrow(clean("line_items", raw, mapping, "UTC")).to_pylist()
        return sorted((tuple(row.values()) for row in found), key=str)

    shuffled = random.sample(lines, len(lines))
    before = result(lines)
    assert result(shuffled) == before
    assert len(before) == len(lines)
    later = [(user, item, NOON.replace(hour=13), amount) for user, item, _, amount in lines]
    assert set(map(str, before)) <= set(map(str, result(lines + later)))
    anonymous = [row[0] for row in before if row[1] is None]
    assert len(set(anonymous)) == len(anonymous)


def test_a_constant_fills_every_row(cleaned):
    data = {"item_id": ["a"], "amount": [1.0], "channel": ["store"]}
    (line,) = cleaned("line_items", data, columns={"channel": ColumnMapping(value="store")})
    assert line["channel"] == "store"
