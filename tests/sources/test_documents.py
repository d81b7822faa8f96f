"""Nested documents become columns: nothing invented, nothing lost, and types that hold every document's value."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capflow_resources.sources.documents.flatten import DocumentError, Shape, choose_type, describe_kinds, to_text

BILL = {
    "_id": "b1",
    "user": {"id": "u7", "address": {"city": "Ghent"}},
    "lines": [{"sku": "a", "price": Decimal("19.90")}, {"sku": "b", "tags": ["x", 1]}],
    "codes": ["one", "two"],
}


def texts(documents, *columns, explode=""):
    return Shape(columns, explode).extract(documents)[1]


def kinds(documents, column):
    return Shape((column,)).extract(documents)[0][0]


def test_objects_become_dotted_columns_and_lists_json_text():
    assert texts([BILL, {"_id": "b2"}], "_id", "user.address.city", "codes") == [
        ["b1", "b2"],
        ["Ghent", None],
        ['["one", "two"]', None],
    ]
    assert json.loads(texts([BILL], "user")[0][0]) == BILL["user"]
    assert json.loads(texts([BILL], "lines")[0][0])[0] == {"sku": "a", "price": 19.9}


def test_a_list_is_exploded_into_rows_with_the_document_s_own_fields():
    bills = [BILL, {"_id": "b2", "lines": []}, {"_id": "b3"}, {"_id": "b4", "lines": {"sku": "c"}}]
    assert texts(bills, "_id", "lines.sku", "lines.price", "user.id", explode="lines") == [
        ["b1", "b1", "b4"],
        ["a", "b", "c"],
        ["19.9", None, None],
        ["u7", "u7", None],
    ]
    assert texts([BILL], "_id", "codes", explode="codes") == [["b1", "b1"], ["one", "two"]]
    assert texts([{"order": {"rows": [{"sku": 1}]}}], "order.rows.sku", explode="order.rows") == [["1"]]


def test_a_field_with_a_dot_in_its_name_is_found_and_two_of_one_name_are_refused():
    assert texts([{"a.b": 1}, {"a": {"b": 2}}, {"a.b": {"c": 3}}], "a.b", "a.b.c")[1] == [None, None, "3"]
    assert texts([{"a.b": 1}, {"a": {"b": 2}}], "a.b") == [["1", "2"]]
    with pytest.raises(DocumentError, match=r"two fields that are both 'a\.b'"):
        texts([{"a.b": 1, "a": {"b": 2}}], "a.b")


def test_what_is_asked_of_a_store_covers_every_place_a_column_may_be_in():
    assert Shape(("a.b.c", "d"), "a.b").fields == ("a", "a.b", "a.b.c", "d")


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        ([1, 2**60], "int64"),
        ([1, 2.5, None], "float64"),
        ([1, Decimal("2.50")], "float64"),
        ([2**60, 2.5], "string"),
        ([2**70], "string"),
        ([Decimal("0.1234567890123456789")], "string"),
        ([1, "1"], "string"),
        ([True, False], "boolean"),
        ([True, 1], "string"),
        ([b"\x00"], "binary"),
        ([datetime(2025, 1, 1, tzinfo=UTC)], "timestamp('UTC')"),
        ([datetime(2025, 1, 1, tzinfo=UTC), "2025-01-01"], "string"),
        ([None], "string"),
        ([[1], "a"], "string"),
    ],
)
def test_a_column_s_type_holds_all_of_its_values(values, dtype):
    assert choose_type(kinds([{"v": value} for value in values], "v")) == dtype


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (13085.0, ("decimal", "13085")),
        (Decimal("13085"), ("whole", "13085")),
        (Decimal("1E+3"), ("whole", "1000")),
        (Decimal("20.00"), ("decimal", "20")),
        (Decimal("-0.10"), ("decimal", "-0.1")),
        (Decimal("12345678901234567.89"), ("text", "12345678901234567.89")),
        (Decimal("1E+6000"), ("text", "1E+6000")),
        (UUID(int=7), ("text", "00000000-0000-0000-0000-000000000007")),
        (datetime(2025, 1, 1, 12, tzinfo=UTC), ("time", "2025-01-01T12:00:00+00:00")),
        (b"\x00\xff", ("binary", "00ff")),
    ],
)
def test_values_as_text(value, told):
    assert to_text(value) == told


@given(st.decimals(min_value=-(10**9), max_value=10**9, places=4))
def test_money_is_the_same_double_that_a_csv_file_gives(amount):
    kind, text = to_text(amount)
    assert float(text) == float(str(amount))
    assert kind in ("whole", "decimal")


PLAIN = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=5))


@settings(max_examples=50)
@given(st.lists(st.dictionaries(st.sampled_from(["a", "b"]), PLAIN)), st.randoms())
def test_the_order_of_documents_changes_no_type_and_no_row(documents, random):
    shape = Shape(("a", "b"))
    mixed = list(documents)
    random.shuffle(mixed)
    one, other = shape.extract(documents), shape.extract(mixed)
    assert one[0] == other[0]
    rows = [sorted(zip(*each[1], strict=True), key=repr) for each in (one, other)]
    assert rows[0] == rows[1]


def test_all_columns_are_named_with_what_they_hold():
    names = Shape((), "lines").names([BILL, {"_id": 3, "empty": {}, "none": None}])
    assert names == {
        "_id": "mixed",
        "user.id": "text",
        "user.address.city": "text",
        "lines.sku": "text",
        "lines.price": "number",
        "lines.tags": "list",
        "codes": "list",
        "empty": "list",
        "none": "empty",
    }
    assert describe_kinds({"whole", "decimal", "null"}) == "number"
