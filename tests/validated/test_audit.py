"""Every row of a small world is judged as one would by hand."""

import json
import math

import ibis
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capflow_assets.contract.table import Column, Rule, Table
from capflow_assets.validated.audit.audit import Audit, audit_table
from capflow_assets.validated.audit.schema import ROW_CHECKS, pandera_schema

BILLS = Table(
    "bills",
    "One row a bill.",
    (
        Column("bill_id", "string", "the bill", nullable=False),
        Column("user_id", "string", "who bought"),
        Column("ts", "timestamp", "when", nullable=False),
        Column(
            "amount",
            "float64",
            "money",
            rules=(Rule("greater_than_or_equal_to", {"min_value": 0}, "Set tables.bills.returns."),),
        ),
        Column("channel", "string", "where", rules=(Rule("isin", {"allowed_values": ["shop", "web"]}, "Map it."),)),
    ),
    key=("bill_id",),
)
SCHEMA = {"bill_id": "string", "user_id": "string", "ts": "timestamp(6)", "amount": "float64", "channel": "string"}
GOOD = ("b1", "u1", "2024-01-01T10:00:00", 5.0, "shop")


@pytest.fixture
def con():
    return ibis.duckdb.connect(threads=1)


def table(con, rows, schema=SCHEMA) -> ibis.Table:
    """`rows` (tuples in the schema's order) as a table of the connection."""
    con.con.execute(f"create or replace table world ({', '.join(f'{n} {_sql(t)}' for n, t in schema.items())})")
    if rows:
        con.con.executemany(f"insert into world values ({', '.join('?' * len(schema))})", rows)
    return con.table("world")


def _sql(dtype: str) -> str:
    return {"string": "varchar", "timestamp(6)": "timestamp", "float64": "double", "int64": "bigint"}[dtype]


def ids(rows: ibis.Table) -> list[str]:
    return sorted(row["bill_id"] or "" for row in rows.to_pyarrow().to_pylist())


def found(result: Audit) -> dict[tuple[str, str], int]:
    return {(failure.check, failure.column): failure.rows for failure in result.failures}


def many(count: int) -> list[tuple]:
    return [(f"g{n:04}", *GOOD[1:]) for n in range(count)]


def test_clean_rows_pass_as_they_are(con):
    cleaned = table(con, many(3))
    result = audit_table(cleaned, BILLS, None, {})
    assert (result.passed, result.rows, result.set_aside, result.failures) == (True, 3, 0, ())
    assert ids(result.accepted) == ["g0000", "g0001", "g0002"]
    assert result.rejected.count().execute() == 0
    assert result.rejected.columns == (*cleaned.columns, "reason")


def test_each_fault_is_counted_sampled_and_set_aside_with_its_reason(con):
    bad = [
        (None, "u", "2024-01-01", 1.0, "shop"),
        ("no_ts", "u", None, 1.0, "web"),
        ("minus", "u", "2024-01-01", -1.0, "phone"),
        ("nan", "u", "2024-01-01", math.nan, None),
        ("inf", "u", "2024-01-01", math.inf, None),
        ("null_amount", None, "2024-01-01", None, None),
    ]
    result = audit_table(table(con, many(994) + bad), BILLS, None, {})
    assert found(result) == {
        ("not_null", "bill_id"): 1,
        ("not_null", "ts"): 1,
        ("finite", "amount"): 2,
        ("greater_than_or_equal_to", "amount"): 1,
        ("isin", "channel"): 1,
    }
    assert result.passed
    assert result.rows == 1000
    assert result.set_aside == 5
    assert "null_amount" in ids(result.accepted)
    assert result.accepted.count().execute() == 995
    reasons = {row["bill_id"]: row["reason"] for row in result.rejected.to_pyarrow().to_pylist()}
    assert reasons["minus"].startswith("amount breaks greater_than_or_equal_to(0); channel breaks isin(")
    assert reasons[None] == "bill_id is empty"
    minus = next(failure for failure in result.failures if failure.check.startswith("greater"))
    assert minus.sample == (
        {"bill_id": "minus", "user_id": "u", "ts": "2024-01-01T00:00:00", "amount": -1.0, "channel": "phone"},
    )
    assert minus.remedy == "Set tables.bills.returns."
    assert minus.share == 0.001
    assert not minus.blocks
    json.dumps([failure.sample for failure in result.failures], allow_nan=False)


@pytest.mark.parametrize(
    ("bad", "bounds", "passed"), [(1, {}, True), (2, {}, False), (2, {"invalid_share": 0.02}, True)]
)
def test_the_bound_itself_still_passes_and_one_row_more_blocks(con, bad, bounds, passed):
    rows = many(100 - bad) + [(f"x{n}", "u", "2024-01-01", -1.0, "web") for n in range(bad)]
    result = audit_table(table(con, rows), BILLS, None, bounds)
    assert result.passed is passed
    assert result.set_aside == bad
    assert bool(result.reasons) is not passed


def test_many_small_faults_block_together(con):
    rows = [*many(98), ("x", "u", "2024-01-01", -1.0, "web"), ("y", "u", None, 1.0, "web")]
    result = audit_table(table(con, rows), BILLS, None, {})
    assert [failure.check for failure in result.failures if failure.blocks] == ["invalid_share"]
    assert "2 of 100 rows" in result.reasons[0]
    assert "thresholds.invalid_share" in result.reasons[0]


def test_surplus_rows_of_a_key_are_counted_exactly_and_the_first_is_kept(con):
    rows = [*many(300), ("b", "u", "2024-01-02", 2.0, "web"), ("b", "u", "2024-01-01", 2.0, "web")]
    rows.append(("b", "a", "2024-01-03", -1.0, "web"))  # broken: neither kept nor counted as surplus
    for order in (rows, rows[::-1]):
        result = audit_table(table(con, order), BILLS, None, {})
        assert found(result) == {("greater_than_or_equal_to", "amount"): 1, ("unique", "bill_id"): 1}
        kept = result.accepted.filter(result.accepted.bill_id == "b").to_pyarrow().to_pylist()
        assert [row["ts"].day for row in kept] == [1]
        assert result.set_aside == result.rejected.count().execute() == 2
        unique = result.failures[-1]
        assert unique.sample[0]["ts"] == "2024-01-02T00:00:00"
        assert "reason" not in unique.sample[0]


def test_rows_without_a_key_are_not_copies_of_each_other(con):
    rows = [(None, f"u{n}", "2024-01-01", 1.0, "web") for n in range(4)]
    result = audit_table(table(con, rows), BILLS, {"user_id"}, {})
    assert result.passed
    assert result.failures == ()


def test_a_column_that_the_customer_does_not_map_may_be_empty(con):
    rows = [(f"b{n}", "u", None, 1.0, "web") for n in range(5)]
    assert audit_table(table(con, rows), BILLS, {"bill_id", "amount"}, {}).passed
    blocked = audit_table(table(con, rows), BILLS, {"bill_id", "ts"}, {})
    assert not blocked.passed
    assert found(blocked) == {("not_null", "ts"): 5}
    assert len(blocked.failures[0].sample) == 5
    assert "tables.bills.columns.ts" in blocked.reasons[0]


def test_no_rows_block(con):
    result = audit_table(table(con, []), BILLS, None, {})
    assert [failure.check for failure in result.failures] == ["has_rows"]
    assert not result.passed
    assert result.accepted.count().execute() == 0


def test_missing_and_mistyped_columns_block_and_their_rules_are_not_asked(con):
    schema = {name: kind for name, kind in SCHEMA.items() if name not in ("user_id", "bill_id")} | {"amount": "string"}
    result = audit_table(table(con, [("2024-01-01", "five", "web")], schema), BILLS, None, {"invalid_share": 1.0})
    assert found(result) == {
        ("column_exists", "bill_id"): 0,
        ("column_exists", "user_id"): 0,
        ("column_type", "amount"): 0,
    }
    assert not result.passed
    assert "bills.amount holds string, not float64." in result.reasons[2]


def test_further_columns_go_through(con):
    result = audit_table(table(con, [(*GOOD, "gold")], SCHEMA | {"attribute_tier": "string"}), BILLS, None, {})
    assert result.passed
    assert result.accepted.columns[-1] == "attribute_tier"


def test_a_rule_that_pandera_lacks_is_named_with_the_nearest():
    wrong = Table("t", "", (Column("a", "float64", "", rules=(Rule("greater_then", {"min_value": 0}, ""),)),))
    with pytest.raises(
        ValueError, match=r"tables.t.a: pandera has no row check 'greater_then'; did you mean 'greater_than'"
    ):
        pandera_schema(wrong)
    odd = Table("t", "", (Column("a", "float64", "", rules=(Rule("greater_than", {"least": 0}, ""),)),))
    with pytest.raises(ValueError, match=r"refuses \{'least': 0\}"):
        pandera_schema(odd)


def test_every_row_check_of_pandera_can_be_put_into_one_query(con):
    """The contract with pandera's internals: each check hands back one boolean a row."""
    number = {"min_value": 1, "max_value": 2}
    arguments = {
        "equal_to": {"value": "web"}, "greater_than": {"min_value": 1}, "greater_than_or_equal_to": {"min_value": 1},
        "in_range": number, "isin": {"allowed_values": ["web"]}, "less_than": {"max_value": 1},
        "less_than_or_equal_to": {"max_value": 1}, "not_equal_to": {"value": "web"},
        "notin": {"forbidden_values": ["web"]}, "str_contains": {"pattern": "w"}, "str_endswith": {"string": "b"},
        "str_length": number, "str_matches": {"pattern": "w"}, "str_startswith": {"string": "w"},
    }  # fmt: skip
    assert set(arguments) == set(ROW_CHECKS)
    text = ("equal_to", "isin", "not_equal_to", "notin")
    rules = {name: Rule(name, given, "") for name, given in arguments.items()}
    words = tuple(rule for name, rule in rules.items() if name.startswith("str_") or name in text)
    numbers = tuple(rule for name, rule in rules.items() if rule not in words)
    declared = Table(
        "t", "", (Column("word", "string", "", rules=words), Column("number", "float64", "", rules=numbers))
    )
    rows = table(con, [("web", 1.0), ("x", 3.0), (None, None)], {"word": "string", "number": "float64"})
    broken = found(audit_table(rows, declared, None, {}))
    assert broken == {
        ("equal_to", "word"): 1, ("isin", "word"): 1, ("not_equal_to", "word"): 1, ("notin", "word"): 1,
        ("str_contains", "word"): 1, ("str_endswith", "word"): 1, ("str_length", "word"): 1,
        ("str_matches", "word"): 1, ("str_startswith", "word"): 1, ("greater_than", "number"): 1,
        ("in_range", "number"): 1, ("less_than", "number"): 2, ("less_than_or_equal_to", "number"): 1,
    }  # fmt: skip


ROWS = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "c", "d", None]),
        st.sampled_from(["u", "<b>u</b>", None]),
        st.sampled_from(["2024-01-01", "2024-01-02", None]),
        st.sampled_from([1.0, -1.0, math.nan, None]),
        st.sampled_from(["shop", "phone", None]),
    ),
    max_size=12,
)


@settings(max_examples=12, deadline=None)
@given(rows=ROWS)
def test_rows_are_split_without_loss_and_the_counts_agree_with_counting_by_hand(rows):
    result = audit_table(table(ibis.duckdb.connect(threads=1), rows), BILLS, None, {})
    broken = [
        r for r in rows
        if r[0] is None or r[2] is None or (r[3] is not None and not r[3] >= 0) or r[4] not in ("shop", "web", None)
    ]  # fmt: skip
    sound = [r for r in rows if r not in broken]
    kept = {key: min((r for r in sound if r[0] == key), key=_order) for key in {r[0] for r in sound}}
    assert result.set_aside == len(rows) - len(kept) == result.rejected.count().execute()
    assert found(result).get(("unique", "bill_id"), 0) == len(sound) - len(kept)
    accepted = result.accepted.to_pyarrow().to_pylist()
    assert {r["bill_id"]: (r["user_id"], r["ts"].date().isoformat(), r["amount"]) for r in accepted} == {
        key: row[1:4] for key, row in kept.items()
    }


def _order(row: tuple) -> tuple:
    return tuple((value is None, value if value is not None else "") for value in row)
