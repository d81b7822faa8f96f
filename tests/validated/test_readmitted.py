"""Rows that are given back replace the ones that are sent, one for one, however often they are alike."""

from __future__ import annotations

from collections import Counter

import ibis
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capflow_assets.validated.identity import row_id
from capflow_assets.validated.readmitted import AS_THEY_ARE, CORRECTED, GIVEN, put_back

NAMES = ("a", "n")
KINDS = {"a": "string", "n": "float64"}
ENTRY = {"row_id": "string", "given": "int64", "how": "string", "changed": "string", **KINDS}
ROW = st.tuples(st.sampled_from(["x", "x; n=1.0", None]), st.sampled_from([1.0, -1.0, None]))


@pytest.fixture(scope="module")
def con() -> ibis.BaseBackend:
    return ibis.duckdb.connect(threads=1)


def table(con: ibis.BaseBackend, rows: list[tuple], kinds: dict[str, str]) -> ibis.Table:
    columns = {name: [row[place] for row in rows] for place, name in enumerate(kinds)}
    import pyarrow as pa

    data = pa.table(columns, schema=ibis.schema(kinds).to_pyarrow())
    return con.create_table(ibis.util.gen_name("t"), data, temp=True)


def ids(con: ibis.BaseBackend, rows: list[tuple]) -> dict[tuple, str]:
    named = table(con, sorted(set(rows), key=repr), KINDS)
    found = named.mutate(id=row_id(named, NAMES)).to_pyarrow().to_pylist()
    return {(row["a"], row["n"]): row["id"] for row in found}


def test_rows_that_differ_have_other_ids_and_the_order_of_columns_does_not_matter(con: ibis.BaseBackend) -> None:
    values: list[tuple] = [
        (None, None), ("", None), ("x", None), ("x", 1.0), ("x; n=1.0", None), ("x;; n=1.0", None), ("x", -1.0),
        ("X", 1.0), ("n; ", None), (" x", 1.0), ("x", 0.1), ("x", 0.1000000001), ("☕", 1.0),
    ]  # fmt: skip
    named = ids(con, values)
    assert len(set(named.values())) == len(values)
    rows = table(con, values, KINDS)
    turned = rows.select("n", "a")
    assert set(turned.select(id=row_id(turned, ("n", "a"))).to_pyarrow()["id"].to_pylist()) == set(named.values())


@settings(max_examples=15, deadline=None)
@given(sent=st.lists(ROW, max_size=8), back=st.lists(st.tuples(ROW, st.booleans()), max_size=4))
def test_as_many_rows_change_as_were_given_back(con: ibis.BaseBackend, sent: list, back: list) -> None:
    """Against counting by hand: of each row, at most as many as are there are replaced; none is added or lost."""
    named = ids(con, [*sent, *(row for row, _ in back)])
    entries = [
        (named[row], 0, AS_THEY_ARE if kept else CORRECTED, "," if kept else ",n,", row[0], 7.0) for row, kept in back
    ]
    found = put_back(table(con, sent, KINDS), table(con, entries, ENTRY), NAMES).to_pyarrow().to_pylist()
    assert len(found) == len(sent)
    expected: Counter = Counter()
    for row, count in Counter(sent).items():
        given_back = [kept for other, kept in sorted(back, key=lambda pair: not pair[1]) if other == row]
        ways = sorted(AS_THEY_ARE if kept else CORRECTED for kept in given_back)[:count]
        for way in ways:
            expected[(row[0], 7.0 if way == CORRECTED else row[1], way)] += 1
        expected[(*row, None)] += count - len(ways)
    assert Counter((row["a"], row["n"], row[GIVEN]) for row in found) == +expected


def test_a_correction_changes_only_what_it_names_and_may_empty_a_column(con: ibis.BaseBackend) -> None:
    rows = [("x", 1.0), ("y", 2.0)]
    named = ids(con, rows)
    entries = [(named["x", 1.0], 0, CORRECTED, ",a,", None, 99.0)]
    found = put_back(table(con, rows, KINDS), table(con, entries, ENTRY), NAMES).to_pyarrow().to_pylist()
    assert sorted((row["a"], row["n"]) for row in found if row["a"]) == [("y", 2.0)]
    assert [(row["n"], row[GIVEN]) for row in found if row["a"] is None] == [(1.0, CORRECTED)]
