"""The verdict on a customer's data, and the gate that every layer after the report goes through.

The pipeline asks it before each such step (`admit` in run/pipeline.py), so that no step can forget it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Literal

FIELDS = ("customer", "status", "reasons", "raw", "validated", "judged_at")


@dataclass(frozen=True)
class Verdict:
    """The verdict of validation on one customer's data, and the versions that it judged.

    `raw` and `validated` give the version of each table that was judged; `judged_at` is ISO 8601 in UTC.
    A blocked verdict has at least one reason and a passed one has none, else ValueError.
    """

    customer: str
    status: Literal["passed", "blocked"]
    reasons: tuple[str, ...]
    raw: Mapping[str, int]
    validated: Mapping[str, int]
    judged_at: str

    def __post_init__(self) -> None:
        if self.status not in ("passed", "blocked"):
            raise ValueError(f"the verdict on '{self.customer}' is '{self.status}': it must be passed or blocked.")
        if (self.status == "blocked") != bool(self.reasons):
            raise ValueError(f"the verdict on '{self.customer}' is {self.status} with {len(self.reasons)} reasons.")

    def to_json(self) -> str:
        """Return the verdict as JSON."""
        return json.dumps(asdict(self), sort_keys=True)

    @staticmethod
    def from_json(text: str) -> Verdict:
        """Return the verdict that `to_json` wrote; ValueError for anything else."""
        try:
            found = json.loads(text)
            versions = [{str(table): int(found[layer][table]) for table in found[layer]} for layer in FIELDS[3:5]]
            strings = [str(found[name]) for name in ("customer", "status", "judged_at")]
            reasons = tuple(str(reason) for reason in found["reasons"])
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            message = f"this is not a verdict that CapFlow wrote ({error!r}). Validate the customer again."
            raise ValueError(message) from error
        customer, status, judged_at = strings
        return Verdict(customer, status, reasons, versions[0], versions[1], judged_at)  # type: ignore[arg-type]


def find_refusal(
    customer: str, verdict: Verdict | None, raw_versions: Mapping[str, int], validated_versions: Mapping[str, int]
) -> str | None:
    """Return why a customer must not go past its validated tables; None if it may.

    Fails closed: no verdict, another customer's, a blocked one, or one on other versions than those stored now.
    """
    again = f"Run: capflow run --customer {customer}"
    if verdict is None:
        return f"'{customer}' is blocked: its data was never judged. {again}"
    if verdict.customer != customer:
        return f"'{customer}' is blocked: the verdict found is on '{verdict.customer}'. {again}"
    if verdict.status != "passed":
        reasons = " ".join(verdict.reasons)
        return f"'{customer}' is blocked by its data: {reasons} Then run: capflow run --customer {customer}"
    if not validated_versions:
        return f"'{customer}' is blocked: it has no validated table. {again}"
    for layer, judged, stored in (
        ("raw", verdict.raw, raw_versions),
        ("validated", verdict.validated, validated_versions),
    ):
        if dict(judged) != dict(stored):
            changed = sorted(t for t in {*judged, *stored} if judged.get(t) != stored.get(t))
            tables = ", ".join(f"{layer}/{table}" for table in changed)
            return f"'{customer}' is blocked: {tables} changed after the verdict of {verdict.judged_at}. {again}"
    return None
