"""validated/<table>: clean, audit, publish. A table that fails its audit is never published."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from capflow_assets.contract.outcome import CHECKS, Blocked, Check, NotAvailable, Outcome
from capflow_assets.raw.source_rows import source_rows
from capflow_assets.run.catalogue import plugin_module, tables
from capflow_assets.run.code_version import code_version
from capflow_assets.run.customer_run import DERIVED, CustomerRun, fingerprint
from capflow_assets.run.reuse import find_reusable
from capflow_assets.validated.audit.audit import Audit, audit_table
from capflow_assets.validated.audit.record import AuditRecord, load_audit, store_audit
from capflow_assets.validated.audit.violation import Violation
from capflow_assets.validated.content import summarise_content
from capflow_assets.validated.facts import ValidatedFacts
from capflow_assets.validated.identity import identity_columns
from capflow_assets.validated.readmitted import put_back
from capflow_assets.validated.tables import clean, derive_bills, drop_rows, required_columns, required_when_derived

if TYPE_CHECKING:
    import ibis

CHECK = CHECKS["validated"]


def validate(run: CustomerRun, asset: str) -> Outcome:
    """Clean one raw table, audit every row, and publish the accepted ones if few enough are rejected."""
    table = asset.removeprefix("validated/")
    source = _source(run, table)
    current = _fingerprint(run, table, source)
    audited = load_audit(run, table)
    if (reused := find_reusable(run, asset, current)) and audited and audited.fingerprint == current:
        return Outcome(**{**vars(reused), "check": Check(CHECK, True, dict(reused.facts))})
    cleaned = _clean_rows(run, table)
    result = audit_table(cleaned.rows, tables()[table], columns_to_fill(run, table), run.customer.thresholds)
    record = AuditRecord(
        table,
        result.passed,
        rows=result.rows + sum(cleaned.left_out.values()),
        accepted=result.rows - result.set_aside,
        set_aside=result.set_aside,
        readmitted=sum(result.readmitted.values()),
        given_back=dict(result.readmitted),
        left_out=cleaned.left_out,
        waiting=cleaned.given - sum(result.readmitted.values()),
        source=source,
        raw=run.number(source),
        given=run.number(f"readmitted/{table}"),
        fingerprint=current,
        violations=result.failures,
    )
    store_audit(run, record, result.rejected, identity_columns(cleaned.columns, run.customer.tables.get(table)))
    shown = {name: getattr(record, name) for name in ("rows", "set_aside", "left_out", "readmitted")}
    shown |= {"failures": [_violation_row(failure) for failure in result.failures]}
    if not result.passed:
        return _block(run, asset, result, shown, current)
    inputs = {name: n for name in (source, f"readmitted/{table}") if (n := run.number(name)) is not None}
    facts = ValidatedFacts(current, inputs, cleaned.left_out, summarise_content(table, result.accepted))
    written = run.write(asset, result.accepted, facts.to_facts())
    shown |= {"rows": written.rows, "version": written.version}
    return Outcome(asset, "done", facts=shown, check=Check(CHECK, True, shown), fingerprint=current)


def is_current(run: CustomerRun, table: str) -> bool:
    """Return whether the published table was made from today's data, mapping and bounds: then its audit passed."""
    version = run.version(f"validated/{table}")
    if version is None:
        return False
    source = f"raw/{table}" if table in run.customer.tables else f"validated/{DERIVED[table]}"
    return ValidatedFacts.from_facts(version.facts).fingerprint == _fingerprint(run, table, source)


def columns_to_fill(run: CustomerRun, table: str) -> set[str]:
    """Return the columns of a table that this customer fills."""
    mapping = run.customer.tables.get(table)
    return required_when_derived(run.customer.tables[DERIVED[table]]) if mapping is None else required_columns(mapping)


def _fingerprint(run: CustomerRun, table: str, source: str) -> str:
    return fingerprint(
        source={source: run.number(source)},
        given_back=run.number(f"readmitted/{table}"),
        mapping=repr(run.customer.tables.get(table)),
        timezone=run.customer.timezone,
        bounds=dict(run.customer.thresholds),
        code=code_version(__name__, plugin_module("table", table)),
    )


def _source(run: CustomerRun, table: str) -> str:
    if table in run.customer.tables:
        source = f"raw/{table}"
        if run.version(source) is None:
            raise NotAvailable(f"{source} was never materialised for '{run.name}'")
        return source
    if table in DERIVED:
        source = f"validated/{DERIVED[table]}"
        if not is_current(run, DERIVED[table]):
            raise Blocked(f"{table} of '{run.name}' are derived from {source}, which has not passed its audit")
        return source
    raise NotAvailable(f"'{run.name}' does not send {table}: tables.{table} is not in its customer file")


@dataclass(frozen=True)
class _Cleaned:
    """The rows to audit, materialised in the engine; the number left out at the customer's request, by reason; the
    number that an analyst gave back; and the table's columns."""

    rows: ibis.Table
    left_out: dict[str, int]
    given: int
    columns: list[str]


def _clean_rows(run: CustomerRun, table: str) -> _Cleaned:
    mapping = run.customer.tables.get(table)
    left_out: dict[str, int] = {}
    if mapping is None:
        rows = derive_bills(run.read(f"validated/{DERIVED[table]}"))
    else:
        dropped = drop_rows(source_rows(run, table), mapping)
        left_out = dropped.counts()
        rows = clean(table, dropped.kept, mapping, run.customer.timezone)
    rows, columns = rows.cache(), list(rows.columns)
    if mapping is not None and mapping.options.get("distinct"):
        further = _count_rows(dropped.kept) - _count_rows(rows)
        left_out |= {"distinct": further} if further else {}
    given = run.version(f"readmitted/{table}")
    if given is None:
        return _Cleaned(rows, left_out, 0, columns)
    returned = put_back(rows, run.read(f"readmitted/{table}"), identity_columns(columns, mapping))
    return _Cleaned(returned.cache(), left_out, given.rows, columns)


def _count_rows(table: ibis.Table) -> int:
    return int(table.count().to_pyarrow().as_py())


def _block(run: CustomerRun, asset: str, result: Audit, facts: dict[str, Any], fingerprint: str) -> Outcome:
    run.publish_verdict(result.reasons)
    check = Check(CHECK, False, facts)
    return Outcome(asset, "blocked", "; ".join(result.reasons), facts, check=check, fingerprint=fingerprint)


def _violation_row(failure: Violation) -> dict[str, Any]:
    sample = json.dumps(failure.sample[:2], default=str)
    return {
        "check": failure.check,
        "column": failure.column,
        "rows": failure.rows,
        "share": failure.share,
        "bound": failure.bound,
        "blocks": failure.blocks,
        "remedy": failure.remedy,
        "sample": sample,
    }
