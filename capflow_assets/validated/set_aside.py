"""What became of the rows of a table: those set aside lie in quarantine/<table>, all counts in a document beside it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from capflow_assets.run.customer_run import CustomerRun
from capflow_assets.validated.audit.audit import Audit
from capflow_assets.validated.identity import ROW_ID, row_id

if TYPE_CHECKING:
    import ibis


def audit_document(table: str) -> str:
    """The name of a table's audit in the lake."""
    return f"validation/audit/{table}.json"


def load_audit(run: CustomerRun, table: str) -> dict[str, Any]:
    """What the last audit of a table said, empty when there was none.

    `rows` of the raw (or derived) table are `accepted`, `set_aside` or `left_out` (by reason, on the customer's wish).
    `readmitted` of the accepted ones were given back by an analyst (`given_back` by how), who gave back `waiting` more
    that changed nothing. `raw` is the version of `source` that was read, `offences` are dataclasses.asdict of Offence.
    """
    content = run.home.lake.document(run.name, audit_document(table))
    return json.loads(content) if content else {}


def store_audit(
    run: CustomerRun, table: str, result: Audit, identity: list[str], counts: Mapping[str, Any]
) -> dict[str, Any]:
    """Publish the rows that offend and then the audit; the audit's document is returned.

    The document names the fingerprint of all that was judged: with another one, or none, the table is audited again.
    """
    rejected = result.rejected
    rejected = rejected.mutate(**{ROW_ID: row_id(rejected, identity)})
    publish_rows(
        run, f"quarantine/{table}", rejected if result.set_aside else None, {"fingerprint": counts["fingerprint"]}
    )
    left_out = counts["left_out"]
    found = {
        "table": table,
        "passed": result.passed,
        "rows": result.rows + sum(left_out.values()),
        "accepted": result.rows - result.set_aside,
        "set_aside": result.set_aside,
        "readmitted": sum(result.readmitted.values()),
        "given_back": dict(result.readmitted),
        **counts,
        "offences": [asdict(offence) for offence in result.failures],
    }
    run.home.lake.put_document(run.name, audit_document(table), json.dumps(found, allow_nan=False).encode())
    return found


def publish_rows(run: CustomerRun, asset: str, rows: ibis.Table | None, facts: Mapping[str, Any]) -> int:
    """Publish rows to blame and return their number; without any (None), rows of an earlier day go.

    What was empty stays as it is, so that a clean customer has no table of bad rows at all.
    """
    if rows is not None:
        return run.write(asset, rows, facts).rows
    before = run.version(asset)
    if before is not None and before.rows:
        run.write(asset, run.read(asset).limit(0), facts)
    return 0
