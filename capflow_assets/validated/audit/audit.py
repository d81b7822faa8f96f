"""The audit of one table: which rows keep its rules, which are set aside and why, and whether the table may be used."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import reduce
from operator import add, and_, or_
from typing import TYPE_CHECKING, Any

from capflow_assets.contract.table import Table
from capflow_assets.validated.audit.rules import RowRule, ShapeFault, row_rules, shape_faults
from capflow_assets.validated.audit.violation import Violation
from capflow_assets.validated.readmitted import AS_THEY_ARE, GIVEN

if TYPE_CHECKING:
    import ibis

INVALID_SHARE = 0.01
SAMPLE_ROWS = 5
SAME_KEY = "another row has the same"


@dataclass(frozen=True)
class Audit:
    """The result of an audit: `accepted` rows keep every rule, `rejected` ones do not and say why in `reason`.

    `rows` and `set_aside` are counts; `readmitted` counts the accepted rows that an analyst gave back, by how. The two
    expressions are lazy and split the rows without loss or overlap. A failure `blocks` when its share is above its
    bound or when the fault is in the table's shape.
    """

    table: str
    rows: int
    set_aside: int
    readmitted: Mapping[str, int]
    failures: tuple[Violation, ...]
    accepted: ibis.Table
    rejected: ibis.Table

    @property
    def passed(self) -> bool:
        """Whether the accepted rows may be used."""
        return not any(failure.blocks for failure in self.failures)

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why the table is blocked, one text each: what, where and what to do."""
        return tuple(f"{fault.message} {fault.remedy}".strip() for fault in self.failures if fault.blocks)


def audit_table(cleaned: ibis.Table, table: Table, mapped: set[str] | None, bounds: Mapping[str, float]) -> Audit:
    """Check every row of a cleaned table against the table's declaration.

    `mapped` names the columns that the customer's file fills (None: all); the others may be empty throughout.
    `bounds["invalid_share"]` is the largest share of rows, 0 to 1, that may be set aside (default 0.01), by one rule
    and by all together. Of several rows with one key, the first by all columns in order is kept. Bearable rules are
    waived for rows whose column `GIVEN` says that they were accepted as they are. Queries `cleaned` once for the
    counts and once more for the sample of each broken rule: pass a stored table, not a long computation.
    """
    bound = float(bounds.get("invalid_share", INVALID_SHARE))
    faults = shape_faults(cleaned, table)
    rules = _waive_rules(cleaned, row_rules(cleaned, table, mapped))
    key = () if {fault.column for fault in faults} & set(table.key) else table.key
    counted = _count_broken(cleaned, rules, key)

    found = [
        (rule, count, cleaned.filter(rule.broken)) for rule, count in zip(rules, counted.by_rule, strict=True) if count
    ]
    judged = cleaned.mutate(reason=_reason_column([rule for rule, _, _ in found]))
    if counted.surplus:
        copies = _duplicate_key_rule(judged, table)
        judged = judged.mutate(reason=copies.broken.ifelse(f"{copies.text}; ", judged["reason"]))
        found.append((copies, counted.surplus, judged.filter(judged["reason"] == f"{copies.text}; ").drop("reason")))

    failures = [_shape_violation(table, fault) for fault in faults]
    failures += [_row_violation(table, rule, count, counted.rows, bound, offending) for rule, count, offending in found]
    failures += _table_violations(table, failures, counted, bound)
    accepted = judged.filter(judged["reason"] == "").drop("reason") if found else cleaned
    rejected = judged.filter(judged["reason"] != "")
    rejected = rejected.mutate(reason=rejected["reason"].left(rejected["reason"].length() - 2))
    readmitted = _count_readmitted(accepted)
    set_aside = counted.broken + counted.surplus
    return Audit(
        table.name, counted.rows, set_aside, readmitted, tuple(failures), _drop_given(accepted), _drop_given(rejected)
    )


@dataclass(frozen=True)
class _Counted:
    """Counts of rows: all; those that break any rule; those that break a rule without a bound of its own; surplus rows
    of a key among the sound ones; those that break each rule."""

    rows: int
    broken: int
    counting: int
    surplus: int
    by_rule: tuple[int, ...]


def _waive_rules(cleaned: ibis.Table, rules: tuple[RowRule, ...]) -> tuple[RowRule, ...]:
    """Return the rules, the bearable ones waived for rows that an analyst accepted as they are."""
    if GIVEN not in cleaned.columns:
        return rules
    waived = (cleaned[GIVEN] == AS_THEY_ARE).fill_null(False)
    return tuple(replace(rule, broken=rule.broken & ~waived) if rule.bearable else rule for rule in rules)


def _drop_given(rows: ibis.Table) -> ibis.Table:
    return rows.drop(GIVEN) if GIVEN in rows.columns else rows


def _count_readmitted(accepted: ibis.Table) -> Mapping[str, int]:
    if GIVEN not in accepted.columns:
        return {}
    given = accepted.filter(accepted[GIVEN].notnull())
    counted = given.group_by(GIVEN).aggregate(rows=given.count()).order_by(GIVEN).to_pyarrow().to_pylist()
    return {row[GIVEN]: int(row["rows"]) for row in counted}


def _count_broken(cleaned: ibis.Table, rules: tuple[RowRule, ...], key: tuple[str, ...]) -> _Counted:
    """Count broken rules and surplus keys in one query."""
    import ibis

    def any_of(some: Iterable[RowRule]) -> Any:
        return reduce(or_, (rule.broken for rule in some), ibis.literal(False))

    sums = {f"rule_{index}": rule.broken.sum() for index, rule in enumerate(rules)}
    broken = any_of(rules)
    counting = any_of(rule for rule in rules if rule.allowed is None)
    totals = {"broken": broken.cast("int64").sum(), "counting": counting.cast("int64").sum()}
    query = cleaned.aggregate(rows=cleaned.count(), **totals, **sums)
    if key:
        keyed = cleaned.filter(~broken, *(cleaned[name].notnull() for name in key))
        groups = keyed.group_by(list(key)).aggregate(copies=keyed.count() - 1)
        query = query.cross_join(groups.aggregate(surplus=groups["copies"].sum()))
    found = {name: int(count or 0) for name, count in query.to_pyarrow().to_pylist()[0].items()}
    by_rule = tuple(found[name] for name in sums)
    return _Counted(found["rows"], found["broken"], found["counting"], found.get("surplus", 0), by_rule)


def _reason_column(rules: list[RowRule]) -> ibis.ir.StringColumn:
    import ibis

    texts = (ibis.ifelse(rule.broken, f"{rule.text}; ", "") for rule in rules)
    return reduce(add, texts, ibis.literal(""))


def _duplicate_key_rule(judged: ibis.Table, table: Table) -> RowRule:
    import ibis

    candidate = reduce(and_, (judged[name].notnull() for name in table.key), judged["reason"] == "")
    order = [judged[name] for name in judged.columns if name != GIVEN]
    if GIVEN in judged.columns:  # a readmitted row never replaces one that the source sends
        order.insert(0, judged[GIVEN].asc(nulls_first=True))
    window = ibis.window(group_by=[*table.key, candidate], order_by=order)
    names = " and ".join(table.key)
    remedy = f"Send each {names} once, or map the column that tells the rows apart (tables.{table.name}.columns)."
    later = candidate & (ibis.row_number().over(window) > 0)
    return RowRule("unique", ", ".join(table.key), later, f"{SAME_KEY} {names}", remedy)


def _shape_violation(table: Table, fault: ShapeFault) -> Violation:
    return Violation(fault.check, table.name, fault.column, 0, 0.0, 0.0, True, fault.message, fault.remedy)


def _row_violation(
    table: Table, rule: RowRule, count: int, rows: int, bound: float, offending: ibis.Table
) -> Violation:
    first = (
        _drop_given(offending).order_by(list(_drop_given(offending).columns)).limit(SAMPLE_ROWS)
    )  # the same on every run
    share, allowed = count / rows, bound if rule.allowed is None else rule.allowed
    message = f"{table.name}: in {count:,} of {rows:,} rows {rule.text} (allowed: {allowed:.2%})."
    place = f"quarantine/{table.name}"
    blocks = share > allowed
    return Violation(
        rule.check,
        table.name,
        rule.column,
        count,
        share,
        allowed,
        blocks,
        message,
        rule.remedy,
        sample_rows(first),
        place,
    )


def _table_violations(table: Table, failures: list[Violation], counted: _Counted, bound: float) -> list[Violation]:
    """Return what blocks the table as a whole: no rows, or many rules that each set a few rows aside."""
    if not counted.rows:
        remedy = f"Check that tables.{table.name}.source in the customer's file names a source with rows."
        return [Violation("has_rows", table.name, "", 0, 0.0, bound, True, f"{table.name} has no rows.", remedy)]
    rows, set_aside = counted.rows, counted.counting + counted.surplus
    if set_aside <= bound * rows or any(failure.blocks for failure in failures):
        return []
    message = f"{table.name}: all rules together set {set_aside:,} of {rows:,} rows aside (allowed: {bound:.2%})."
    remedy = "Correct the rows at the source, or raise thresholds.invalid_share in the customer's file."
    share, place = set_aside / rows, f"quarantine/{table.name}"
    return [Violation("invalid_share", table.name, "", set_aside, share, bound, True, message, remedy, (), place)]


def sample_rows(few: ibis.Table) -> tuple[dict[str, Any], ...]:
    """Fetch a few rows as JSON-ready values, unescaped."""
    return tuple({name: _to_json_value(value) for name, value in row.items()} for row in few.to_pyarrow().to_pylist())


def _to_json_value(value: Any) -> Any:
    """Convert a value for JSON: dates to ISO text, numbers that are not finite to None."""
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float) and value - value != 0:
        return None
    return value if isinstance(value, str | int | float | bool | None) else str(value)
