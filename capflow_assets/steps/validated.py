"""validated/<table>: write, audit, publish. What failed its audit is never published."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from capflow_assets.steps import raw
from capflow_assets.steps.code_version import code_version
from capflow_assets.steps.fresh import reuse
from capflow_assets.steps.outcome import Blocked, Check, NotAvailable, Outcome
from capflow_assets.steps.run import DERIVED, CustomerRun, fingerprint
from capflow_assets.tables import TABLES, clean, derive_bills, drop, filled_columns, filled_when_derived
from capflow_assets.validation.audit import Audit, Failure, audit

if TYPE_CHECKING:
    import ibis

CHECK = "schema"


def validate(run: CustomerRun, asset: str) -> Outcome:
    """Clean one raw table, judge every row, and publish the good ones if few enough are bad."""
    table = asset.removeprefix("validated/")
    source = _source(run, table)
    mark = _mark(run, table, source)
    if fresh := reuse(run, asset, mark):
        return Outcome(**{**vars(fresh), "check": Check(CHECK, True, dict(fresh.facts))})
    cleaned, dropped = _cleaned(run, table)
    result = audit(cleaned, TABLES[table], _filled(run, table), run.customer.thresholds)
    facts = {"dropped": dropped, "failures": [_row(failure) for failure in result.failures], "rows": result.rows}
    if not result.passed:
        return _refuse(run, asset, result, facts, mark)
    if result.failures:
        run.write(f"quarantine/{table}", result.rejected, {"fingerprint": mark})
    inputs = {source: run.number(source)}
    written = run.write(asset, result.accepted, {"fingerprint": mark, "inputs": inputs, "dropped": dropped})
    facts |= {"rows": written.rows, "version": written.version, "set_aside": result.rows - written.rows}
    return Outcome(asset, "done", facts=facts, check=Check(CHECK, True, facts), fingerprint=mark)


def is_current(run: CustomerRun, table: str) -> bool:
    """Whether the published table is what today's data, mapping and bounds give: proof that its audit passed."""
    version = run.version(f"validated/{table}")
    if version is None:
        return False
    source = f"raw/{table}" if table in run.customer.tables else f"validated/{DERIVED[table]}"
    return bool(version.facts["fingerprint"] == _mark(run, table, source))


def _mark(run: CustomerRun, table: str, source: str) -> str:
    return fingerprint(
        source={source: run.number(source)},
        mapping=repr(run.customer.tables.get(table)),
        timezone=run.customer.timezone,
        bounds=dict(run.customer.thresholds),
        code=code_version(__name__, "capflow_assets.tables", "capflow_assets.validation.audit"),
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


def _cleaned(run: CustomerRun, table: str) -> tuple[ibis.Table, dict[str, int]]:
    """The cleaned rows, computed once and kept in the engine, and how many were left out on the customer's wish."""
    mapping = run.customer.tables.get(table)
    if mapping is None:
        return derive_bills(run.read(f"validated/{DERIVED[table]}")).cache(), {}
    dropped = drop(raw.rows(run, table), mapping)
    reasons = {row["reason"]: row["rows"] for row in dropped.reasons.to_pyarrow().to_pylist()}
    return clean(table, dropped.kept, mapping, run.customer.timezone).cache(), reasons


def _filled(run: CustomerRun, table: str) -> set[str]:
    mapping = run.customer.tables.get(table)
    return filled_when_derived(run.customer.tables[DERIVED[table]]) if mapping is None else filled_columns(mapping)


def _refuse(run: CustomerRun, asset: str, result: Audit, facts: dict[str, Any], mark: str) -> Outcome:
    run.publish_verdict(result.reasons)
    return Outcome(
        asset, "blocked", "; ".join(result.reasons), facts, check=Check(CHECK, False, facts), fingerprint=mark
    )


def _row(failure: Failure) -> dict[str, Any]:
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
