"""Reuse: an asset is not made again when its inputs and code are the same and its table is still in the lake."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from capflow_assets.contract.outcome import Outcome
from capflow_assets.run.customer_run import CustomerRun
from capflow_resources.lake import TableVersion


def find_reusable(run: CustomerRun, asset: str, fingerprint: str) -> Outcome | None:
    """Return the outcome of the published table if it has this fingerprint; None if it must be made again."""
    version = run.version(asset)
    if run.force or version is None or version.facts.get("fingerprint") != fingerprint:
        return None
    return unchanged_outcome(version, asset)


def unchanged_outcome(
    version: TableVersion, asset: str, read: str = "", source_facts: Mapping[str, Any] | None = None
) -> Outcome:
    """Return the outcome of a published table that stays as it is; `read` says what was read to find that out."""
    unchanged = f"unchanged since version {version.version}"
    reason = f"{read}, {unchanged}" if read else unchanged
    noticed = {name: fact for name, fact in (source_facts or {}).items() if name != "columns"}
    facts = {"rows": version.rows, "version": version.version, **noticed}
    return Outcome(asset, "reused", reason, facts, fingerprint=str(version.facts.get("fingerprint", "")))
