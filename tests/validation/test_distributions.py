"""Histograms of users are what one counts by hand, stay small, and say in words why they are empty."""

from collections import Counter
from datetime import datetime, timedelta

from capflow_assets.validation.kpis.distributions import (
    LATENCY_LIMIT,
    NO_REPEATS,
    NO_TIMES,
    NO_USERS,
    RECENCY_LIMIT,
    REPEAT_LIMIT,
    measure_distributions,
)

AS_OF = datetime(2024, 4, 1)


def of(tables, as_of=AS_OF):
    return {shape.name: shape for shape in measure_distributions(tables["bills"], as_of)}


def test_three_users_by_hand(retailer, make_line):
    lines = [
        make_line("1", "ann", "tea", "2024-03-01 23:00"),
        make_line("2", "ann", "tea", "2024-03-02 01:00"),  # two hours later, the next day
        make_line("3", "ann", "tea", "2024-03-02 20:00"),  # the same visit
        make_line("4", "ann", "tea", "2024-03-12 01:00"),
        make_line("5", "bob", "tea", "2024-03-31 23:59"),
        make_line("6", "bob", "tea", "2024-04-01 00:00"),  # not before as_of
        make_line("7", "cay", "tea", "2019-01-01 00:00"),
        make_line("8", None, "tea", "2024-03-01 00:00"),
        make_line("9", "bob", "tea", "2024-03-01 00:00", is_return=True),
    ]
    shapes = of(retailer(lines))
    assert shapes["recency"].counts == ((1, 1), (20, 1), (RECENCY_LIMIT, 1))
    assert shapes["latency"].counts == ((1, 1), (10, 1))
    assert shapes["repeat"].counts == ((1, 2), (4, 1))
    assert [shape.quantile(0.5) for shape in shapes.values()] == [20, 1, 1]
    assert all(shape.note == "" for shape in shapes.values())


def test_many_users_still_give_few_rows(retailer, make_line):
    lines = [make_line(f"{u}-{n}", f"u{u}", "tea", AS_OF - timedelta(days=1 + u * 40 + n * (u + 1) * 10))
             for u in range(60) for n in range(u + 1)]  # fmt: skip
    shapes = of(retailer(lines))
    assert shapes["repeat"].counts[-1] == (REPEAT_LIMIT, 11)
    assert max(value for value, _ in shapes["recency"].counts) == RECENCY_LIMIT
    assert max(value for value, _ in shapes["latency"].counts) == LATENCY_LIMIT
    assert shapes["latency"].total == sum(range(60))


def test_emptiness_is_told_in_words(retailer, make_line):
    timeless = of(retailer([make_line("1", "u", "tea", None)]))
    assert (timeless["recency"].note, timeless["latency"].note) == (NO_TIMES, NO_TIMES)
    assert timeless["repeat"].counts == ((1, 1),)
    assert timeless["recency"].quantile(0.5) is None
    once = of(retailer([make_line("1", "u", "tea", "2024-01-01")]))
    assert (once["recency"].note, once["latency"].note) == ("", NO_REPEATS)
    for lines in ([], [make_line("1", None, "tea", "2024-01-01")]):
        assert {shape.note for shape in of(retailer(lines)).values()} == {NO_USERS}


def test_a_real_retailer_agrees_with_plain_counting(giftco):
    as_of = datetime(2010, 11, 1)
    visits: dict[str, set] = {}
    bills: Counter = Counter()
    for row in giftco["bills"].to_pyarrow().to_pylist():
        if row["user_id"] and not row["is_return"] and row["ts"] < as_of:
            bills[row["user_id"]] += 1
            visits.setdefault(row["user_id"], set()).add(row["ts"].date())
    gaps = Counter(
        (b - a).days for days in visits.values() for a, b in zip(sorted(days), sorted(days)[1:], strict=False)
    )
    since = Counter((as_of.date() - max(days)).days for days in visits.values())
    shapes = of(giftco, as_of)
    assert dict(shapes["recency"].counts) == since
    assert dict(shapes["latency"].counts) == gaps
    clipped: Counter = Counter()
    for count in bills.values():
        clipped[min(count, REPEAT_LIMIT)] += 1
    assert dict(shapes["repeat"].counts) == clipped
