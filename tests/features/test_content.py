"""What a table held before a date: no change of the past goes unnoticed, and nothing of the future counts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import ibis
import pandas as pd
import pytest

from capflow_assets.features.snapshots import cut_before
from capflow_assets.validated.anchors import snapshot_grid
from capflow_assets.validated.content import Content, bills_are_complete, content_before, summarise_content
from tests.features.feature_world import AS_OF, LINE_TYPES, frame, random_lines, world

LINES = random_lines(3, users=15, bills=150).sort_values(["ts", "bill_id", "item_id"], ignore_index=True)
DATES = snapshot_grid(AS_OF + timedelta(days=60))
T = datetime(2024, 3, 1)
HIT = int((LINES.ts >= T).argmax())  # the first line from T on
PAIR = LINES.index[(LINES.ts >= T) & LINES.store_id.notna() & LINES.channel.isna()][0]


def of(lines: pd.DataFrame) -> Content:
    return summarise_content("line_items", ibis.memtable(lines[list(LINE_TYPES)], schema=ibis.schema(LINE_TYPES)))


def with_value(row: int, **values: object) -> pd.DataFrame:
    return LINES.assign(**{name: LINES[name].where(LINES.index != row, value) for name, value in values.items()})


def swapped() -> pd.DataFrame:
    """Two lines of one moment exchange their amounts: every column holds the same values as before."""
    first, second = LINES[(LINES.ts >= T) & LINES.duplicated("bill_id", keep=False)].index[:2]
    amounts = LINES.amount.rename({first: second, second: first}).sort_index()
    assert LINES.amount[first] != LINES.amount[second]
    return LINES.assign(amount=amounts)


CHANGES: dict[str, Callable[[], pd.DataFrame]] = {
    "a late row": lambda: pd.concat([LINES, LINES.loc[[HIT]].assign(item_id="i99")]),
    "a row twice": lambda: pd.concat([LINES, LINES.loc[[HIT]]]),
    "a restated price": lambda: with_value(HIT, unit_price=0.01),
    "a deleted row": lambda: LINES.drop(index=HIT),
    "a value that is unknown now": lambda: with_value(HIT, item_id=None),
    "a value in another column": lambda: with_value(PAIR, store_id=None, channel=LINES.store_id[PAIR]),
    "values of two rows swapped": swapped,
    "a row of another moment": lambda: with_value(HIT, ts=LINES.ts[HIT] + timedelta(microseconds=1)),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_seen_at_exactly_the_dates_after_it(change: str) -> None:
    held, changed = of(LINES), of(CHANGES[change]())
    differ = {date for date in DATES if content_before(held, date) != content_before(changed, date)}
    assert differ == {date for date in DATES if date > T} != set(DATES)


def test_a_re_mapped_column_is_seen_at_every_date_with_a_row_before_it() -> None:
    held = of(LINES)
    for changed in (LINES.assign(channel=LINES.store_id), LINES.assign(discount=LINES.amount)):
        assert all(content_before(held, date) != content_before(of(changed), date) for date in DATES)


def test_order_and_the_future_change_nothing() -> None:
    future = LINES.sample(frac=0.5, random_state=1).assign(ts=DATES[0] + timedelta(days=9))
    held, changed = of(LINES), of(pd.concat([LINES.sample(frac=1, random_state=2), future]))
    assert all(content_before(held, date) == content_before(changed, date) for date in DATES[1:])


def test_an_answer_counts_from_when_it_came() -> None:
    schema = {"user_id": "string", "campaign_id": "string", "sent_at": "timestamp", "responded_at": "timestamp"}
    sent, first, second = DATES[4] - timedelta(days=5), DATES[3] - timedelta(days=1), DATES[2] + timedelta(days=1)

    def contacts(*answers: datetime | None) -> Content:
        rows = pd.DataFrame({"user_id": ["a", "b"], "campaign_id": "c", "sent_at": sent, "responded_at": answers})
        return summarise_content("contacts", ibis.memtable(rows, schema=schema))

    silent, early, late = contacts(None, None), contacts(first, None), contacts(None, second)
    assert [date for date in DATES if content_before(silent, date) != content_before(early, date)] == DATES[:4]
    assert [date for date in DATES if content_before(silent, date) != content_before(late, date)] == DATES[:2]


def test_what_has_no_time_counts_at_every_date() -> None:
    users = {"user_id": ["a", "b"], "first_seen": pd.to_datetime([None, DATES[3]])}
    held = summarise_content("users", ibis.memtable(pd.DataFrame(users)))
    renamed = summarise_content("users", ibis.memtable(pd.DataFrame({**users, "user_id": ["z", "b"]})))
    later = summarise_content("users", ibis.memtable(pd.DataFrame({**users, "user_id": ["a", "z"]})))
    assert all(content_before(held, date) != content_before(renamed, date) for date in DATES)
    assert [date for date in DATES if content_before(held, date) != content_before(later, date)] == DATES[:3]
    items = [summarise_content("items", ibis.memtable({"item_id": ["x", item]})) for item in "yz"]
    assert all(content_before(items[0], date) != content_before(items[1], date) for date in DATES)


def test_bills_are_whole_where_restating_would_change_nothing() -> None:
    """Every 13th bill goes on for hours; one of them lies over the anchor of 18 March."""
    anchor = datetime(2024, 3, 18)
    long = LINES.groupby("bill_id").ts.nunique()
    over = LINES.bill_id == long[long > 1].index[0]
    first = LINES[over].ts.min()
    lines = LINES.assign(ts=LINES.ts.where(~over, LINES.ts - first + anchor - timedelta(hours=1)))
    tables = world(lines)
    held = {name: summarise_content(name, tables[name]) for name in tables}
    found = {date: bills_are_complete(held["line_items"], held["bills"], date) for date in DATES}
    assert not found.pop(anchor)
    assert all(found.values())
    for date in found:
        plain, restated = (frame(cut_before(tables, date, known_whole)["bills"]) for known_whole in (True, False))
        pd.testing.assert_frame_equal(plain, restated, check_exact=True)


def test_bills_that_count_other_lines_than_there_are_are_not_whole() -> None:
    tables = world(LINES)
    bills = frame(tables["bills"]).sort_values("ts", ignore_index=True)
    one_more = bills.assign(line_item_count=bills.line_item_count + (bills.index == 0) - (bills.index == 1))
    held = summarise_content("line_items", tables["line_items"])
    sent = summarise_content("bills", ibis.memtable(one_more, schema=tables["bills"].schema()))
    assert not any(bills_are_complete(held, sent, date) for date in DATES)


def test_bills_are_not_called_whole_before_rows_of_the_same_interval() -> None:
    tables = world(LINES)
    held = {name: summarise_content(name, tables[name]) for name in tables}
    last = LINES.ts.max().to_pydatetime()
    assert bills_are_complete(held["line_items"], held["bills"], last + timedelta(microseconds=1))
    assert not bills_are_complete(held["line_items"], held["bills"], last)
