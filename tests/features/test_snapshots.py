"""Point in time: what `cut_before` and `cut_window` let through, and that nothing from the future changes the past."""

from datetime import UTC, datetime, timedelta
from typing import Any

import ibis
import numpy as np
import pandas as pd
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from capflow_assets.features.snapshots import build_snapshots, cut_before, cut_window, snapshot_dates
from capflow_assets.run.catalogue import feature_sets
from tests.features.feature_world import frame, random_contacts, random_lines, world

MAY = datetime(2024, 5, 1)
JUNE = datetime(2024, 6, 1)


def test_dates_are_as_of_and_the_anchors_before_it_while_there_are_sales() -> None:
    fixed = [datetime(2024, 5, 17), datetime(2024, 4, 17), datetime(2024, 3, 18), datetime(2024, 2, 17)]
    fixed += [datetime(2024, 1, 18), datetime(2023, 12, 19), datetime(2023, 11, 19)]
    assert snapshot_dates(JUNE, datetime(2020, 1, 1)) == [JUNE, *fixed]
    assert snapshot_dates(JUNE + timedelta(days=1), datetime(2020, 1, 1)) == [JUNE + timedelta(days=1), *fixed]
    assert snapshot_dates(fixed[0], datetime(2020, 1, 1)) == fixed
    assert snapshot_dates(JUNE, MAY) == [JUNE, fixed[0]]
    assert snapshot_dates(MAY, MAY) == []


def test_a_date_with_a_time_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        cut_before({}, datetime(2024, 6, 1, tzinfo=UTC))


def test_a_table_without_a_rule_is_refused() -> None:
    with pytest.raises(ValueError, match="'weather'"):
        cut_before({"weather": ibis.memtable({"ts": [MAY]})}, JUNE)


def test_bills_without_line_items_are_refused() -> None:
    with pytest.raises(ValueError, match="line_items"):
        cut_before({"bills": world(random_lines(1, bills=5))["bills"]}, JUNE)


def test_each_table_is_cut_by_its_own_time() -> None:
    schema = {"user_id": "string", "campaign_id": "string", "sent_at": "timestamp", "responded_at": "timestamp"}
    sent = [MAY, MAY, JUNE, JUNE - timedelta(seconds=1)]
    contacts = pd.DataFrame(
        {"user_id": list("abcd"), "campaign_id": "c", "sent_at": sent, "responded_at": [MAY, JUNE, JUNE, None]}
    )
    tables = {
        "contacts": ibis.memtable(contacts, schema=schema),
        "users": ibis.memtable({"user_id": list("abc"), "first_seen": [MAY, JUNE, None]}),
        "reviews": ibis.memtable({"user_id": list("abc"), "item_id": list("xyz"), "ts": [MAY, JUNE, None]}),
        "items": ibis.memtable({"item_id": ["x"]}),
        "media": ibis.memtable({"media_id": ["m"]}),
    }
    known = {name: table.execute() for name, table in cut_before(tables, JUNE).items()}
    assert list(known["contacts"].user_id) == ["a", "b", "d"]
    assert list(known["contacts"].responded_at.notna()) == [True, False, False]
    assert list(known["users"].user_id) == ["a", "c"]
    assert list(known["reviews"].user_id) == ["a"]
    undated = cut_before(tables, JUNE, undated=("reviews",))
    assert list(undated["reviews"].execute().user_id) == ["a", "c"]
    assert list(undated["contacts"].execute().user_id) == ["a", "b", "d"]
    assert len(known["items"]) == len(known["media"]) == 1
    later = {name: table.execute() for name, table in cut_window(tables, MAY + timedelta(days=1), JUNE).items()}
    assert list(later["contacts"].user_id) == ["d"]
    assert list(later["reviews"].user_id) == []
    assert list(later["users"].user_id) == ["a", "c"]


def test_a_window_is_closed_at_its_start_and_open_at_its_end() -> None:
    tables = world(
        _lines(("b1", MAY), ("b2", MAY - timedelta(seconds=1)), ("b3", JUNE), ("b4", JUNE - timedelta(seconds=1)))
    )
    seen = cut_window(tables, MAY, JUNE)
    assert set(frame(seen["bills"]).bill_id) == set(frame(seen["line_items"]).bill_id) == {"b1", "b4"}
    with pytest.raises(ValueError, match="not before"):
        cut_window(tables, JUNE, MAY)


def test_a_derived_bill_over_the_date_holds_only_what_was_known() -> None:
    tables = world(_lines(("b1", MAY), ("b1", JUNE), ("b2", MAY)))
    bills = frame(cut_before(tables, JUNE)["bills"]).set_index("bill_id")
    assert list(frame(tables["bills"]).set_index("bill_id").amount) == [20.0, 10.0]
    assert list(bills.amount) == [10.0, 10.0]
    assert list(bills.line_item_count) == [1, 1]


@pytest.mark.parametrize(("count", "amount"), [(2, 17.5), (None, 17.5), (3, 20.0)])
def test_a_sent_bill_keeps_its_amount_unless_lines_are_missing(count: int | None, amount: float) -> None:
    tables = world(_lines(("b1", MAY), ("b1", MAY)))
    sent = frame(tables["bills"]).assign(amount=17.5, line_item_count=count)
    tables["bills"] = tables["bills"].get_backend().create_table("sent", sent, schema=tables["bills"].schema())
    assert list(frame(cut_before(tables, JUNE)["bills"]).amount) == [amount]


def test_a_sent_bill_without_any_line_stays() -> None:
    tables = world(_lines(("b1", MAY)))
    assert len(frame(cut_before(tables | {"line_items": tables["line_items"].limit(0)}, JUNE)["bills"])) == 1


def test_snapshots_are_the_features_at_each_date_under_one_another() -> None:
    tables, dates = world(random_lines(7)), [JUNE, MAY]
    for feature_set in feature_sets().values():
        both = frame(build_snapshots(feature_set, tables, dates))
        assert list(both.columns[: len(feature_set.key) + 1]) == [*feature_set.key, "as_of"]
        for date in dates:
            alone = frame(feature_set.build(cut_before(tables, date), date))
            part = both[both.as_of == date].drop(columns="as_of").reset_index(drop=True)
            pd.testing.assert_frame_equal(part, alone, check_exact=True)
    with pytest.raises(ValueError, match="no date"):
        build_snapshots(feature_sets()["rfm"], tables, [])


@settings(max_examples=3, deadline=None, derandomize=True, phases=[Phase.generate])
@given(seed=st.integers(0, 10_000), as_of_line=st.integers(0, 100), bills_sent=st.booleans())
def test_the_future_changes_nothing_known_before(seed: int, as_of_line: int, bills_sent: bool) -> None:
    """Lines and bills at and after T are added, changed and deleted; T lies inside bills that go on after it."""
    lines = random_lines(seed, users=12, bills=90)
    long_bills = lines[lines.duplicated("bill_id") & (lines.bill_id.str[1:].astype(int) % 13 == 0)]
    as_of = long_bills.ts.iloc[as_of_line % len(long_bills)].to_pydatetime()
    rng = np.random.default_rng(seed)
    other_lines = _another_future(lines, as_of, rng)
    contacts = random_contacts(seed, users=12, until=as_of)
    tables, others = world(lines, contacts=contacts), world(other_lines, contacts=_another_answer(contacts, as_of))
    if bills_sent:
        bills = frame(tables["bills"]).assign(
            amount=lambda b: b.amount + 1, line_item_count=lambda b: b.line_item_count + 1
        )
        tables = _with_bills(tables, bills)
        others = _with_bills(others, _another_future(bills, as_of, rng))
    expected, got = _known(tables, as_of), _known(others, as_of)
    assert expected.keys() == got.keys()
    for name in expected:
        pd.testing.assert_frame_equal(got[name], expected[name], check_exact=True, obj=name)


def _known(tables: dict[str, Any], as_of: datetime) -> dict[str, pd.DataFrame]:
    """Everything that may be learned as of a date: tables, a label window that ends there, all features."""
    found = {f"before {name}": table for name, table in cut_before(tables, as_of).items()}
    cut = cut_window(tables, as_of - timedelta(days=60), as_of)
    found |= {f"window {name}": table for name, table in cut.items()}
    found |= {s.name: build_snapshots(s, tables, [as_of]) for s in feature_sets().values()}
    return {name: table.execute().sort_values(list(table.columns), ignore_index=True) for name, table in found.items()}


def _another_future(rows: pd.DataFrame, as_of: datetime, rng: np.random.Generator) -> pd.DataFrame:
    """The same rows before `as_of`; later ones are deleted or changed, and copies of old rows added."""
    past, future = rows[rows.ts < as_of], rows[rows.ts >= as_of]
    kept = future[rng.random(len(future)) < 0.5]
    copied = past.sample(frac=0.4, random_state=int(rng.integers(1_000)))
    changed = pd.concat([kept, copied]).assign(
        amount=999.0, store_id="s9", channel="web", is_return=False, user_id="u0"
    )
    delays = pd.to_timedelta(rng.integers(0, 40 * 86_400, len(changed)) * rng.integers(0, 2, len(changed)), unit="s")
    return pd.concat([past, changed.assign(ts=(as_of + delays).astype(rows.ts.dtype))])


def _another_answer(contacts: pd.DataFrame, as_of: datetime) -> pd.DataFrame:
    """The same contacts before `as_of`; of later ones half are gone, and every answer that came later came at once."""
    kept = contacts[~(contacts.sent_at >= as_of) | (np.arange(len(contacts)) % 2 == 0)]
    return kept.assign(responded_at=kept.responded_at.mask(kept.responded_at >= as_of, as_of))


def _with_bills(tables: dict[str, Any], bills: pd.DataFrame) -> dict[str, Any]:
    con = tables["bills"].get_backend()
    unique = bills.drop_duplicates("bill_id")
    return tables | {"bills": con.create_table("sent", unique, schema=tables["bills"].schema())}


def _lines(*bills: tuple[str, datetime]) -> pd.DataFrame:
    """One line of 10.00 for each (bill, time) given."""
    lines = random_lines(0, bills=60).head(len(bills))
    constant = {
        "user_id": "u1",
        "quantity": 1.0,
        "unit_price": 10.0,
        "discount": 0.0,
        "amount": 10.0,
        "is_return": False,
    }
    return lines.assign(bill_id=[b for b, _ in bills], ts=[ts for _, ts in bills], **constant)
