"""Whom campaigns reached, who answered in time, and who bought after, of shoppers whose story can be read off."""

from __future__ import annotations

from datetime import datetime, timedelta

import ibis
import pandas as pd
import pytest

from capflow_assets.methods.contacts import most_frequent_values, response_counts, shrink_rate, treatment_outcomes

T = datetime(2024, 3, 1)
END = T + timedelta(days=30)


def contacts(rows: list[tuple[str | None, float | None, float | None, bool | None, str | None]]) -> ibis.Table:
    """Contacts of (user, days after T sent, days after T answered, treated, offer)."""
    days = [None if row[1] is None else T + timedelta(days=row[1]) for row in rows]
    answers = [None if row[2] is None else T + timedelta(days=row[2]) for row in rows]
    frame = pd.DataFrame(
        {
            "user_id": pd.Series([row[0] for row in rows], dtype="str"),
            "sent_at": pd.Series(days, dtype="datetime64[us]"),
            "responded_at": pd.Series(answers, dtype="datetime64[us]"),
            "treated": pd.Series([row[3] for row in rows], dtype="boolean"),
            "offer": pd.Series([row[4] for row in rows], dtype="str"),
        }
    )
    return ibis.memtable(frame)


def bills(rows: list[tuple[str | None, float, float, bool]]) -> ibis.Table:
    """Bills of (user, days after T, amount, is_return)."""
    frame = pd.DataFrame(rows, columns=["user_id", "days", "amount", "is_return"])
    return ibis.memtable(frame.assign(ts=T + pd.to_timedelta(frame.pop("days"), unit="D")))


def test_an_answer_counts_after_it_was_sent_and_before_the_end() -> None:
    told = contacts(
        [
            ("ann", 1, 2, True, "tea"),
            ("ann", 3, None, True, "tea"),
            ("bob", 1, 0.5, True, "tea"),  # before it was sent
            ("cid", 29, 30, True, "tea"),  # too late to be known
            ("dee", 1, 2, None, "tea"),  # no control group: it was sent
            ("eve", 1, 2, False, "tea"),  # held back
            ("fay", None, 2, True, "tea"),  # no time
            (None, 1, 2, True, "tea"),
        ]
    )
    found = response_counts(told, END, ["user_id"])
    assert list(found.itertuples(index=False, name=None)) == [
        ("ann", 2, 1), ("bob", 1, 0), ("cid", 1, 0), ("dee", 1, 1)
    ]  # fmt: skip


def test_a_contact_without_an_offer_is_no_pair() -> None:
    told = contacts([("ann", 1, 2, True, "tea"), ("ann", 1, 2, True, None)])
    assert response_counts(told, END, ["user_id", "offer"])["offer"].tolist() == ["tea"]
    assert response_counts(told, END, ["user_id"])["contacts"].tolist() == [2]


def test_the_most_sent_of_the_last_year_by_name() -> None:
    told = contacts(
        [
            ("ann", -1, None, True, "tea"),
            ("bob", -1, None, True, "tea"),
            ("bob", -2, None, True, "jam"),
            ("ann", -2, None, True, "cup"),
            ("ann", -366, None, True, "old"),
            ("ann", 0, None, True, "new"),
            ("ann", -3, None, False, "not sent"),
        ]
    )
    assert most_frequent_values(told, T, "offer", 20) == ["cup", "jam", "tea"]
    assert most_frequent_values(told, T, "offer", 2) == ["cup", "tea"]


def test_few_contacts_are_thought_to_be_as_usual() -> None:
    assert shrink_rate(pd.Series([0, 1, 90]), pd.Series([0, 1, 90]), 0.2).tolist() == pytest.approx([0.2, 3 / 11, 0.92])


def test_a_trial_follows_each_from_the_first_campaign_that_chose_them() -> None:
    told = contacts(
        [
            ("reached, bought", 1, None, True, None),
            ("held, bought", 1, None, False, None),
            ("held, then reached", 1, None, False, None),
            ("held, then reached", 9, None, True, None),
            ("bought before", 5, None, True, None),
            ("bought too late", 1, None, None, None),
            ("returned", 1, None, False, None),
            ("too late a contact", 16, None, True, None),
        ]
    )
    sold = bills(
        [
            ("reached, bought", 14.9, 5.0, False),
            ("reached, bought", 3, 5.0, False),
            ("held, bought", 2, 0.0, False),
            ("bought before", 4.9, 5.0, False),
            ("bought too late", 15, 5.0, False),
            ("returned", 3, -5.0, True),
            ("too late a contact", 17, 5.0, False),
            (None, 3, 5.0, False),
        ]
    )
    found = treatment_outcomes(told, sold, T + timedelta(days=16), 14)
    assert dict(zip(found["user_id"], zip(found["treated"], found["label"], strict=True), strict=True)) == {
        "bought before": (1, 0),
        "bought too late": (1, 0),
        "held, bought": (0, 1),
        "held, then reached": (1, 0),
        "reached, bought": (1, 1),
        "returned": (0, 0),
    }
