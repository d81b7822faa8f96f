"""Whether every row that a customer sent is accounted for by what lies in the lake."""

from __future__ import annotations

import json
from typing import Any

from capflow_assets.validated.audit.record import audit_document
from capflow_resources.home import Home


def audit_of(home: Home, customer: str, table: str) -> dict[str, Any]:
    """What the last audit of a table said."""
    found: dict[str, Any] = json.loads(home.lake.document(customer, audit_document(table)) or b"{}")
    return found


def accounted(home: Home, customer: str, table: str) -> None:
    """Rows sent = rows used + rows set aside + rows left out, each counted in the lake."""
    found, lake = audit_of(home, customer, table), home.lake
    sent, aside, used = (lake.version(customer, f"{layer}/{table}") for layer in ("raw", "quarantine", "validated"))
    assert found["set_aside"] == (aside.rows if aside else 0)
    if found["passed"]:
        assert used is not None
        assert found["accepted"] == used.rows
    if sent is not None:
        assert found["accepted"] + found["set_aside"] + sum(found["left_out"].values()) == found["rows"] == sent.rows
