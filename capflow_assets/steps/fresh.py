"""Whether a result is already there: same inputs, same code, and the table still in the lake."""

from __future__ import annotations

from capflow_assets.steps.outcome import Outcome
from capflow_assets.steps.run import CustomerRun


def reuse(run: CustomerRun, asset: str, mark: str) -> Outcome | None:
    """The published table's outcome when it was made from exactly these inputs, None when it must be made anew."""
    version = run.version(asset)
    if run.force or version is None or version.facts.get("fingerprint") != mark:
        return None
    facts = {"rows": version.rows, "version": version.version}
    return Outcome(asset, "reused", f"unchanged since version {version.version}", facts, fingerprint=mark)
