"""Which rows of a table keep its rules, which are set aside and why, and whether the table may be used at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import reduce
from operator import add, and_, or_
from typing import TYPE_CHECKING, Any

from capflow_assets.tables.base import Table
from capflow_assets.validation.rules import RowRule, row_rules, shape_faults

if TYPE_CHECKING:
    import ibis

INVALID_SHARE = 0.01
SAMPLE_ROWS = 5


@dataclass(frozen=True)
class Failure:
    """One rule that a table broke: in how many rows, what share of all, five of them, and what to do.

    `blocks` is True when the share is above `bound` or when the fault is in the table's shape. `sample` holds the
    customer's own values, JSON-ready and unescaped.
    """

    check: str
    column: str
    rows: int
    share: float
    bound: float
    sample: tuple[dict[str, Any], ...]
    remedy: str
    blocks: bool
    message: str


@dataclass(frozen=True)
class Audit:
    """What a table's rows are worth: `accepted` keep every rule, `rejected` do not and say why in `reason`.

    `rows` and `set_aside` are counts; the two expressions are lazy and split the rows without loss or overlap.
    """

    table: str
    rows: int
    set_aside: int
    failures: tuple[Failure, ...]
    accepted: ibis.Table
    rejected: ibis.Table

    @property
    def passed(self) -> bool:
        """Whether the accepted rows may be used."""
        return not any(failure.blocks for failure in self.failures)

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why the table is blocked: what, where and what to do, one text each."""
        return tuple(f"{fault.message} {fault.remedy}".strip() for fault in self.failures if fault.blocks)


def audit(cleaned: ibis.Table, table: Table, mapped: set[str] | None, bounds: Mapping[str, float]) -> Audit:
    """Judge every row of a cleaned table against its declaration.

    `mapped` names the columns that the customer's file fills (None: all); the others may be empty throughout.
    `bounds["invalid_share"]` is the largest share of rows, 0 to 1, that may be set aside (default 0.01), by one rule
    and by all together. Of several rows with one key, the first by all columns in order is kept. Reads `cleaned` in
    one query for the counts and one a failed rule for its sample: hand in something stored, not a long computation.
    """
    bound = float(bounds.get("invalid_share", INVALID_SHARE))
    faults = shape_faults(cleaned, table)
    rules = row_rules(cleaned, table, mapped)
    key = () if {fault.column for fault in faults} & set(table.key) else table.key
    rows, broken, surplus, counts = _count(cleaned, rules, key)

    found = [(rule, count, cleaned.filter(rule.broken)) for rule, count in zip(rules, counts, strict=True) if count]
    judged = cleaned.mutate(reason=_reason([rule for rule, _, _ in found]))
    if surplus:
        copies = _copy_rule(judged, table)
        judged = judged.mutate(reason=copies.broken.ifelse(f"{copies.text}; ", judged["reason"]))
        found.append((copies, surplus, judged.filter(judged["reason"] == f"{copies.text}; ").drop("reason")))

    failures = [Failure(f.check, f.column, 0, 0.0, 0.0, (), f.remedy, True, f.message) for f in faults]
    failures += [_failure(table, rule, count, rows, bound, offending) for rule, count, offending in found]
    failures += _overall(table, failures, rows, broken + surplus, bound)
    accepted = judged.filter(judged["reason"] == "").drop("reason") if found else cleaned
    rejected = judged.filter(judged["reason"] != "")
    rejected = rejected.mutate(reason=rejected["reason"].left(rejected["reason"].length() - 2))
    return Audit(table.name, rows, broken + surplus, tuple(failures), accepted, rejected)


def _count(cleaned: ibis.Table, rules: tuple[RowRule, ...], key: tuple[str, ...]) -> tuple[int, int, int, list[int]]:
    """Rows, rows that break any rule, surplus rows of a key among the others, rows per broken rule: one query."""
    import ibis

    sums = {f"rule_{index}": rule.broken.sum() for index, rule in enumerate(rules)}
    broken = reduce(or_, (rule.broken for rule in rules), ibis.literal(False))
    query = cleaned.aggregate(rows=cleaned.count(), broken=broken.cast("int64").sum(), **sums)
    if key:
        keyed = cleaned.filter(~broken, *(cleaned[name].notnull() for name in key))
        groups = keyed.group_by(list(key)).aggregate(copies=keyed.count() - 1)
        query = query.cross_join(groups.aggregate(surplus=groups["copies"].sum()))
    found = {name: int(count or 0) for name, count in query.to_pyarrow().to_pylist()[0].items()}
    return found["rows"], found["broken"], found.get("surplus", 0), [found[name] for name in sums]


def _reason(rules: list[RowRule]) -> ibis.ir.StringColumn:
    import ibis

    texts = (ibis.ifelse(rule.broken, f"{rule.text}; ", "") for rule in rules)
    return reduce(add, texts, ibis.literal(""))


def _copy_rule(judged: ibis.Table, table: Table) -> RowRule:
    import ibis

    candidate = reduce(and_, (judged[name].notnull() for name in table.key), judged["reason"] == "")
    window = ibis.window(group_by=[*table.key, candidate], order_by=[judged[name] for name in judged.columns])
    names = " and ".join(table.key)
    remedy = f"Send each {names} once, or map the column that tells the rows apart (tables.{table.name}.columns)."
    later = candidate & (ibis.row_number().over(window) > 0)
    return RowRule("unique", ", ".join(table.key), later, f"another row has the same {names}", remedy)


def _failure(table: Table, rule: RowRule, count: int, rows: int, bound: float, offending: ibis.Table) -> Failure:
    first = offending.order_by(list(offending.columns)).limit(SAMPLE_ROWS)  # the same ones on every run and engine
    found = first.to_pyarrow().to_pylist()
    sample = tuple({name: _plain(value) for name, value in row.items()} for row in found)
    share = count / rows
    message = f"{table.name}: in {count:,} of {rows:,} rows {rule.text} (allowed: {bound:.2%})."
    return Failure(rule.check, rule.column, count, share, bound, sample, rule.remedy, share > bound, message)


def _overall(table: Table, failures: list[Failure], rows: int, set_aside: int, bound: float) -> list[Failure]:
    """What blocks a table as a whole: no rows, or many rules that each set a few rows aside."""
    place = f"tables.{table.name}.source"
    if not rows:
        remedy = f"Check that {place} in the customer's file names a source with rows."
        return [Failure("has_rows", "", 0, 0.0, bound, (), remedy, True, f"{table.name} has no rows.")]
    if set_aside <= bound * rows or any(failure.blocks for failure in failures):
        return []
    message = f"{table.name}: all rules together set {set_aside:,} of {rows:,} rows aside (allowed: {bound:.2%})."
    remedy = "Correct the rows at the source, or raise thresholds.invalid_share in the customer's file."
    return [Failure("invalid_share", "", set_aside, set_aside / rows, bound, (), remedy, True, message)]


def _plain(value: Any) -> Any:
    """A value that survives JSON: dates as ISO text, what is not a finite number as None."""
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float) and value - value != 0:
        return None
    return value if isinstance(value, str | int | float | bool | None) else str(value)
