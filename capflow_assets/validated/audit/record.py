"""What a table's last audit left in the lake: rejected rows in quarantine/<table>, and a document with all counts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from capflow_assets.run.customer_run import CustomerRun
from capflow_assets.validated.audit.violation import Violation
from capflow_assets.validated.identity import ROW_ID, row_id

if TYPE_CHECKING:
    import ibis


@dataclass(frozen=True)
class AuditRecord:
    """The document of one table's last audit.

    `rows` of the raw (or derived) table are `accepted`, `set_aside` or `left_out` (by reason, at the customer's
    request). `readmitted` of the accepted ones were given back by an analyst (`given_back` by how), who gave back
    `waiting` more that had no effect. `raw` is the version of `source` that was read, `given` the version of
    readmitted/<table>. With another `fingerprint`, or none, the table is audited again.
    """

    table: str
    passed: bool
    rows: int
    accepted: int
    set_aside: int
    readmitted: int
    given_back: Mapping[str, int]
    left_out: Mapping[str, int]
    waiting: int
    source: str
    raw: int | None
    given: int | None
    fingerprint: str
    violations: tuple[Violation, ...] = field(default_factory=tuple)

    def to_json(self) -> str:
        """Write the document as JSON text, without NaN."""
        document = asdict(self)
        document["offences"] = document.pop("violations")
        return json.dumps(document, allow_nan=False)

    @staticmethod
    def from_json(text: str | bytes) -> AuditRecord:
        """Read the document that `to_json` wrote; facts that an older version did not write are empty."""
        found: dict[str, Any] = json.loads(text)
        violations = (Violation(**{**one, "sample": tuple(one["sample"])}) for one in found.get("offences", ()))
        return AuditRecord(
            found["table"],
            found["passed"],
            found["rows"],
            found["accepted"],
            found["set_aside"],
            found.get("readmitted", 0),
            found.get("given_back", {}),
            found.get("left_out", {}),
            found.get("waiting", 0),
            found.get("source", ""),
            found.get("raw"),
            found.get("given"),
            found.get("fingerprint", ""),
            tuple(violations),
        )


def audit_document(table: str) -> str:
    """Return the name of a table's audit document in the lake."""
    return f"validation/audit/{table}.json"


def load_audit(run: CustomerRun, table: str) -> AuditRecord | None:
    """Load the record of a table's last audit; None if there was none."""
    content = run.home.lake.document(run.name, audit_document(table))
    return None if content is None else AuditRecord.from_json(content)


def store_audit(run: CustomerRun, record: AuditRecord, rejected: ibis.Table, identity: list[str]) -> None:
    """Publish the rejected rows with their row ids, then the record; `identity` names the columns of a row's id."""
    rejected = rejected.mutate(**{ROW_ID: row_id(rejected, identity)})
    facts = {"fingerprint": record.fingerprint}
    publish_rows(run, f"quarantine/{record.table}", rejected if record.set_aside else None, facts)
    run.home.lake.put_document(run.name, audit_document(record.table), record.to_json().encode())


def publish_rows(run: CustomerRun, asset: str, rows: ibis.Table | None, facts: Mapping[str, Any]) -> int:
    """Publish rows to blame and return their number; with None, empty the table of an earlier day.

    A table that was never there is not made, so a clean customer has no table of bad rows at all.
    """
    if rows is not None:
        return run.write(asset, rows, facts).rows
    before = run.version(asset)
    if before is not None and before.rows:
        run.write(asset, run.read(asset).limit(0), facts)
    return 0
