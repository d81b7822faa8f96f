"""Raw tables as retailers send them at their worst, each with the mapping that reads it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa

from partitions.customer import ColumnMapping, ReturnRule, TableMapping

NAN, INF = float("nan"), float("inf")


@dataclass(frozen=True)
class Case:
    """One raw table, whose columns are named as the canonical ones, and how it is read."""

    table: str
    columns: Mapping[str, Any]
    formats: Mapping[str, str] = field(default_factory=dict)
    zones: Mapping[str, str] = field(default_factory=dict)
    more: Mapping[str, Any] = field(default_factory=dict)
    timezone: str = "Europe/London"

    def raw(self) -> pa.Table:
        """The rows."""
        arrays = {
            name: value if isinstance(value, pa.Array) else pa.array(value) for name, value in self.columns.items()
        }
        length = max(map(len, arrays.values()))
        filled = {name: pa.concat_arrays([array] * length)[:length] for name, array in arrays.items()}
        return pa.table({n: a.cast("string") if a.type == pa.null() else a for n, a in filled.items()})

    def mapping(self) -> TableMapping:
        """How it is read."""
        named = [name for name in self.columns if not name.startswith("attribute_")]
        columns = {name: ColumnMapping((name,), None, self.formats.get(name), self.zones.get(name)) for name in named}
        return TableMapping(self.table, "s", columns, **self.more)


MOMENTS = [
    "2024-07-01 12:00:00", " 2024-07-01T12:00:00.25 ", "2024-07-01T12:00:00Z", "2024-07-01T12:00:00z",
    "2024-07-01T12:00:00+02:00", "2024-07-01 12:00:00-0300", "2024-07-01 12:00:00-03", "2024-07-01 12:00:00 +01:00",
    "2024-07-01", "2024-7-1", "2024/07/01", "2024/07/01 08:15", "2024-07-01 9:05", "2024-07-01 12:00",
    "2024-07-01 12", "2024-07", "2024", "2024-07/01", "01/07/2024", "2024-13-45", "2024-02-30", "2023-02-29",
    "infinity", "epoch", "now", "today", "", "   ", None, "2024-07-01 24:00:00", "2024-07-01 25:00:00",
    "2024-07-01 12:60:00", "2024-07-01 12:00:00.123456", "2024-07-01 12:00:00.1234567", "2024-07-01 12:00:00.9999999",
    "2024-03-31 01:30:00", "2024-10-27 00:59:59", "2024-10-27 01:00:00", "2024-10-27 01:30:00", "2024-10-27 02:00:00",
    "1970-01-01", "1969-12-31 23:59:59.5", "2024-07-01 12:00:00 UTC", "2024-07-01T12:00:00 Europe/Paris",
    "2024-07-01x", "x2024-07-01", "20240701", "2024-07-01  12:00", "9999-12-31 23:59:59", "0001-01-01",
]  # fmt: skip
LOCAL = [
    datetime(2024, 7, 1, 12), datetime(2024, 1, 5, 12, 0, 0, 5), datetime(2024, 3, 31, 1, 30), None,
    datetime(2024, 10, 27, 1, 30), datetime(2024, 3, 31, 2, 30), datetime(2024, 10, 27, 2, 59, 59, 999_999),
    datetime(2024, 11, 3, 1, 30), datetime(2024, 3, 10, 2, 30), datetime(2024, 4, 7, 1, 45), datetime(1965, 6, 1, 8),
    datetime(2024, 10, 6, 2, 15), datetime(2061, 7, 1), datetime(2024, 4, 7, 2, 30), datetime(2024, 9, 29, 2, 30),
]  # fmt: skip
NUMBERS = [
    "2", " 2 ", "two", "1e2", "-1", "+5", ".5", "5.", "1_0", "5d", "5f", "0x10", "nan", "NaN", "inf", "-Infinity", "",
    None, "1,5", "1 000", "12.345678901234567", "99999999999999999999", "1e400", "-0", "--5", "\t7\n",
]  # fmt: skip
FLAGS = ["Yes", "no", "T", "f", "1", "0", "maybe", "", None, " TRUE ", "x"]
DOUBLES = [
    13085.0, 1.5, NAN, INF, -INF, -4.0, 1e20, 1e-7, 0.1, 12345678.5, 0.0005, 1e16, 9007199254740993.0, None, 0.0,
    123456789.125, 1e-4, 3e-5, 2.0**53, 1.7976931348623157e308, -98765432.25, 100.0, 1e15 + 0.5,
]  # fmt: skip
DECIMALS = pa.array([Decimal("12.00"), Decimal("12.50"), None, Decimal("-0.05"), Decimal("0.00")], pa.decimal128(12, 2))
LINE = {"item_id": ["a"], "unit_price": ["1.10"]}

CASES = {
    "line_items, all as text": Case(
        "line_items",
        {
            "bill_id": ["b1", "C17", " c17 ", None, ""],
            "user_id": ["13085", " 13085.0 ", "", None, "\t"],
            "item_id": ["0017 ", "POST", "post", "tee"],
            "ts": MOMENTS,
            "quantity": NUMBERS,
            "unit_price": ["2.50", "-1", "0", None, "1.005", "3.333333333333333"],
            "discount": ["0.5", None, "x"],
            "is_return": FLAGS,
        },
        more={"returns": ReturnRule("bill_id", "C"), "drop_items": ("Post",), "drop_duplicates": True},
    ),
    "line_items without bills, typed": Case(
        "line_items",
        {
            "user_id": pa.array([1.0, 2.0, NAN, None, 1.0], pa.float64()),
            "item_id": pa.array([7, 8, None], pa.int64()),
            "ts": pa.array([*LOCAL, *LOCAL], pa.timestamp("us")),
            "amount": pa.array([Decimal("0.10"), Decimal("-2.20"), None, Decimal("19.99")], pa.decimal128(9, 2)),
            "quantity": pa.array([1, 2, -3, 0, None], pa.int32()),
            "store_id": pa.array(["s1", None], pa.string()),
        },
    ),
    "line_items of New York, epoch": Case(
        "line_items",
        {**LINE, "user_id": ["ann"], "ts": pa.array([1719835200.0, 1719835200.5, -1.25, 1e18, NAN, None, 1e11, -1e13])},
        formats={"ts": "epoch_seconds"},
        timezone="America/New_York",
    ),
    "users and their attributes": Case(
        "users",
        {
            "user_id": pa.array(DOUBLES),
            "first_seen": pa.array(LOCAL, pa.timestamp("us")),
            "attribute_decimal": DECIMALS,
            "attribute_flag": pa.array([True, False, None]),
            "attribute_day": pa.array([date(2024, 2, 29), None]),
            "attribute_moment": pa.array([datetime(2024, 1, 5, 12), datetime(2024, 1, 5, 12, 0, 0, 500_000)]),
            "attribute_whole": pa.array([2**53 + 1, -(2**63), 0, None], pa.int64()),
            "attribute_text": [" own ", "", "\tx\n", "naïve ☕", None, "\\d 'q' \"z\" $1"],
            "attribute_small": pa.array([0.1, 1.5, NAN, 16777216.0], pa.float32()),
        },
        more={"attributes": ("decimal", "flag", "day", "moment", "whole", "text", "small")},
        timezone="Australia/Lord_Howe",
    ),
    "users once each": Case(
        "users",
        {
            "user_id": ["ann", "ann", "bob", "ann", None, "bob", ""],
            "first_seen": ["31.12.2024 9:05", "1.2.2023 10:00", "2024-01-01", "31.04.2024 9:05", "29.02.2024 24:00"],
            "attribute_city": ["Rome", "Oslo", "Rome", None],
        },
        formats={"first_seen": "%d.%m.%Y %H:%M"},
        more={"attributes": ("city",), "options": {"distinct": True}},
        timezone="Europe/Berlin",
    ),
    "contacts, American dates": Case(
        "contacts",
        {
            "user_id": ["u"],
            "campaign_id": pa.array([1.0, 2.5]),
            "sent_at": ["7/1/2024 12:00", "07/01/2024 12:00", "31/12/2024 12:00", "2024-07-01 12:00:07.5",
                        "7/1/24 12:00", " 7/1/2024 12:00 ", "7/1/2024", "x7/1/2024 12:00", "7/1/2024 12:00:30",
                        "2/29/2023 1:00", None],
            "responded_at": ["01 Jul 2024", "1 july 2024", "31 Dec 1999", "31 Foo 1999", "", "1 Mai 2024",
                             "29 FEB 2024"],
            "treated": pa.array([1, 0, None, 7]),
        },
        formats={"sent_at": "%m/%d/%Y %H:%M", "responded_at": "%d %b %Y"},
    ),
    "contacts, numbers and halves of a day": Case(
        "contacts",
        {
            "user_id": ["u"],
            "campaign_id": ["c"],
            "sent_at": pa.array([20240701, 20241301, 20240229, 1, None, 202407011], pa.int64()),
            "responded_at": ["12:30 AM 01-07-24", "12:30 PM 01-07-24", "1:05 pm 31-12-68", "11:59 PM 31-12-69",
                             "13:00 PM 01-07-24", "0:30 AM 01-07-24", "1:05 XM 31-12-68", None],
        },
        formats={"sent_at": "%Y%m%d", "responded_at": "%I:%M %p %d-%m-%y"},
        zones={"responded_at": "UTC"},
        timezone="Pacific/Auckland",
    ),
    "contacts, epoch and moments with a zone": Case(
        "contacts",
        {
            "user_id": ["u"],
            "campaign_id": ["c"],
            "sent_at": ["1719835200000", "1719835200000.4", "soon", "", None, "1e12"],
            "responded_at": pa.array([datetime(2024, 7, 1, 12, tzinfo=UTC), None], pa.timestamp("us", "UTC")),
            "treated": pa.array([True, False, None]),
        },
        formats={"sent_at": "epoch_milliseconds"},
    ),
    "items once each": Case(
        "items",
        {
            "item_id": ["a", "a", "a", "a", "b", "b", None, "c", "a", "a"],
            "description": [None, None, "TEA ", "Tee", "x", "y", "z", None, "TEA", "damaged?"],
            "price": ["1.5", "1.5", "abc", None, "-3"],
            "category": ["Drinks > Tea", None],
        },
        more={"options": {"distinct": True}},
    ),
    "reviews": Case(
        "reviews",
        {"user_id": ["u", None], "item_id": pa.array([1, 2]), "ts": pa.array([date(2024, 7, 1), None]),
         "text": ["good\nvery", "", "  "], "rating": ["5", "4.5", "five"]},
        timezone="Asia/Kolkata",
    ),
    "reviews, copies and anonymous": Case(
        "reviews",
        {"user_id": ["u", "u", "u", None, None, "ü"], "item_id": ["i", "i", "i", "i", "i", "i|"],
         "ts": ["2024-07-01 10:00:00.2", "2024-07-01 10:00:00.7", "2024-07-01 10:00:00.2", None, None, "2024-07-01"],
         "text": ["schön|\nso", "schön|\nso", "schön|\nso", "nice", "nice", "喜歡"], "rating": [5, 4, 5, 1, 2, None]},
    ),
    "reviews once each": Case(
        "reviews",
        {"user_id": ["u", "u", None, None], "item_id": ["i"], "text": ["a", "a", "a", "b"], "rating": [5, 4, 5, 1]},
        more={"options": {"distinct": True}},
    ),
    "media": Case(
        "media",
        {"media_id": pa.array([1, 2, 3]), "kind": ["image", "audio", "film"], "uri": ["a.png", None], "item_id": ["i"]},
    ),
    "bills": Case(
        "bills",
        {"bill_id": ["1", "2", "3", "3"], "user_id": ["u", None], "amount": ["5", "-5", "x", "0.015"],
         "line_item_count": pa.array([2.4, 2.5, 3.5, -2.5, 1e30, NAN, None]), "is_return": [None, None, "no"],
         "ts": ["2024-07-01 10:00:00"]},
    ),
}  # fmt: skip
