"""Whether a result is already there: same inputs, same code, and the table still in the lake."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from capflow_assets.contract.outcome import Outcome
from capflow_assets.run.customer_run import CustomerRun
from capflow_resources.lake import TableVersion


def reuse(run: CustomerRun, asset: str, mark: str) -> Outcome | None:
    """The published table's outcome when it was made from exactly these inputs, None when it must be made anew."""
    version = run.version(asset)
    if run.force or version is None or version.facts.get("fingerprint") != mark:
        return None
    return unchanged(version, asset)


def unchanged(version: TableVersion, asset: str, read: str = "", noticed: Mapping[str, Any] | None = None) -> Outcome:
    """The outcome of a published table that stays as it is; `read` says what was read to find that out."""
    reason = (
        f"{read}, unchanged since version {version.version}" if read else f"unchanged since version {version.version}"
    )
    shown = {name: fact for name, fact in (noticed or {}).items() if name != "columns"}
    facts = {"rows": version.rows, "version": version.version, **shown}
    return Outcome(asset, "reused", reason, facts, fingerprint=str(version.facts.get("fingerprint", "")))
