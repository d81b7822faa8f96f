"""Readmission of quarantined rows: an analyst corrects or accepts them, and the next run audits them again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from capflow_assets.quarantine.held_rows import QUARANTINE, QuarantineError, read_held
from capflow_assets.quarantine.returned_file import read_returned
from capflow_assets.run.catalogue import tables
from capflow_assets.run.customer_run import CustomerRun, fingerprint
from capflow_assets.validated.asset import columns_to_fill
from capflow_assets.validated.audit.audit import SAME_KEY
from capflow_assets.validated.audit.record import load_audit
from capflow_assets.validated.audit.rules import RowRule, row_rules
from capflow_assets.validated.identity import ROW_ID
from capflow_assets.validated.readmitted import AS_THEY_ARE, CORRECTED
from capflow_resources.turns import one_at_a_time

if TYPE_CHECKING:
    import ibis


@dataclass(frozen=True)
class Readmission:
    """The result of a readmission: `rows` given back, `unchanged` rows of the file without a correction, and how many
    of `rows` still break which rule."""

    table: str
    rows: int
    unchanged: int
    still_broken: Mapping[str, int]


def readmit(run: CustomerRun, table: str, path: Path, as_they_are: bool, who: str, why: str) -> Readmission:
    """Record the rows of a file in `readmitted/<table>`; the next run puts them back where they came from.

    The file is one that `export` wrote, without the rows that stay in quarantine. Rows are matched by `row_id`; other
    columns that differ from the quarantine are corrections. `as_they_are` accepts rows unchanged, whatever rules they
    break, as long as the rules are bearable. Waits for a run of this customer to end. Raises QuarantineError, and
    records nothing, when one row of the file cannot be taken.
    """
    with one_at_a_time(run.home.path / "turns" / run.name):
        rows = read_held(run, f"{QUARANTINE}/{table}")
        found = read_returned(run.landing, rows, path)
        if as_they_are:
            chosen = _materialise(run, _values_in_quarantine(rows, found))
            _refuse_unbearable(run, table, chosen, path)
            broken: dict[str, int] = {}
        else:
            chosen = _materialise(run, found.filter(found["changed"] != ","))
            broken = _count_broken(_rules_for(run, table, chosen), chosen)
        count, unchanged = _count_rows(chosen), _count_rows(found) - _count_rows(chosen)
        if not count:
            raise QuarantineError(
                f"{path}: no row differs from quarantine/{table} of '{run.name}': correct some, or accept them with "
                "--as-they-are"
            )
        _record(run, table, chosen, AS_THEY_ARE if as_they_are else CORRECTED, who, why)
        return Readmission(table, count, unchanged, broken)


@dataclass(frozen=True)
class UndoneReadmission:
    """A readmission that was undone: its rows, who made it, when (UTC) and why."""

    table: str
    rows: int
    who: str
    given_at: datetime
    why: str


def undo_readmission(run: CustomerRun, table: str) -> UndoneReadmission:
    """Undo the newest readmission of a table: from the next run on its rows are audited as the source sends them.

    An earlier readmission of the same rows that it replaced before any run had read it is not restored. Waits for a run
    of this customer to end. Raises QuarantineError when nothing is given back.
    """
    with one_at_a_time(run.home.path / "turns" / run.name):
        asset = f"readmitted/{table}"
        before = run.version(asset)
        entries = run.home.lake.read(run.name, asset, run.landing, before.version) if before else None
        last = None if entries is None else entries["given"].max().to_pyarrow().as_py()
        if entries is None or last is None:
            raise QuarantineError(f"no row of {table} of '{run.name}' is given back: there is nothing to undo")
        newest = entries.filter(entries["given"] == last)
        one = newest.select("who", "given_at", "why").limit(1).to_pyarrow().to_pylist()[0]
        undone = UndoneReadmission(table, _count_rows(newest), **one)
        now = datetime.now(UTC).replace(tzinfo=None)
        run.write(asset, entries.filter(entries["given"] < last), {"fingerprint": fingerprint(undone=last, at=now)})
        return undone


def _materialise(run: CustomerRun, rows: ibis.Table) -> ibis.Table:
    """Materialise rows in a temporary table of the connection."""
    import ibis

    return run.landing.create_table(ibis.util.gen_name("given_back"), rows, temp=True)


def _values_in_quarantine(rows: ibis.Table, found: ibis.Table) -> ibis.Table:
    """Return the file's rows with their values in quarantine, ignoring changes in the file."""
    import ibis

    order = [rows[name].asc(nulls_first=True) for name in rows.columns]
    copy = ibis.row_number().over(group_by=ROW_ID, order_by=order)
    wanted = found.group_by(ROW_ID).aggregate(wanted_=found.count())
    numbered = rows.mutate(copy_=copy).inner_join(wanted, ROW_ID)
    return numbered.filter(numbered["copy_"] < numbered["wanted_"]).select(*rows.columns, changed=ibis.literal(","))


def _rules_for(run: CustomerRun, table: str, rows: ibis.Table) -> tuple[RowRule, ...]:
    return row_rules(rows, tables()[table], columns_to_fill(run, table))


def _refuse_unbearable(run: CustomerRun, table: str, rows: ibis.Table, path: Path) -> None:
    """Raise QuarantineError for rows that later layers cannot use: without a key or time, or with a duplicate key."""
    rules = [rule for rule in _rules_for(run, table, rows) if not rule.bearable]
    same = rows["reason"].contains(SAME_KEY)
    key = ", ".join(tables()[table].key)
    rules.append(RowRule("unique", key, same, f"{SAME_KEY} {' and '.join(tables()[table].key)}", ""))
    counts = _count_broken(tuple(rules), rows)
    if counts:
        broken = ", ".join(f"{text} ({count:,})" for text, count in counts.items())
        raise QuarantineError(
            f"{path}: {broken}: such rows of {table} cannot be accepted as they are, because nothing can be computed "
            "with them. Correct them or take them out of the file; nothing was given back"
        )


def _count_broken(rules: tuple[RowRule, ...], rows: ibis.Table) -> dict[str, int]:
    """Count the rows that break each rule, without the rules that none breaks."""
    sums = {f"rule_{index}": rule.broken.sum() for index, rule in enumerate(rules)}
    found = rows.aggregate(**sums).to_pyarrow().to_pylist()[0]
    return {rule.text: int(found[name]) for name, rule in zip(sums, rules, strict=True) if found[name]}


def _count_rows(table: ibis.Table) -> int:
    return int(table.count().to_pyarrow().as_py())


def _record(run: CustomerRun, table: str, rows: ibis.Table, how: str, who: str, why: str) -> None:
    import ibis

    asset = f"readmitted/{table}"
    before = run.version(asset)
    given = 0 if before is None else before.version + 1
    now = datetime.now(UTC).replace(tzinfo=None)
    entries = rows.drop("reason").mutate(
        given=ibis.literal(given, "int64"),
        how=ibis.literal(how),
        who=ibis.literal(who),
        given_at=ibis.literal(now, "timestamp"),
        why=ibis.literal(why),
    )
    if before is not None:
        entries = _append_entries(run.home.lake.read(run.name, asset, run.landing, before.version), entries, run, table)
    run.write(asset, entries, {"fingerprint": fingerprint(given=given, who=who, why=why, at=now)})


def _append_entries(before: ibis.Table, new: ibis.Table, run: CustomerRun, table: str) -> ibis.Table:
    """Append new entries; an old one that no run has read yet is dropped when its row is given back again."""
    audited = load_audit(run, table)
    fresh = before["given"] > (-1 if audited is None or audited.given is None else audited.given)
    again = before.filter(fresh).semi_join(new, ROW_ID)
    kept = before.anti_join(again, [ROW_ID, "given"])
    kinds = {**before.schema(), **new.schema()}
    return _align_columns(kept, kinds).union(_align_columns(new, kinds))


def _align_columns(rows: ibis.Table, kinds: Mapping[str, Any]) -> ibis.Table:
    """Cast rows to these columns and types; missing columns are null."""
    import ibis

    columns = {name: rows[name].cast(kind) if name in rows.columns else ibis.null(kind) for name, kind in kinds.items()}
    return rows.select(**columns)
