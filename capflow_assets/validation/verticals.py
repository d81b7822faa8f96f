"""Bounds of verticals, shipped and the operator's own, for customers whose own history is too short."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from capflow_assets.validation.history.figures import EVERY
from capflow_assets.validation.kpis.kpis import KPIS
from partitions.verticals_file import load_verticals, normalise_vertical

FILE = "verticals.yaml"
LEAST_CUSTOMERS = 5
_ROOM = 1.5

_CAFE = {"return_share": 0.05, "anonymous_share": 1.0}  # few cups come back, and most guests show no card
_GROCER = {"return_share": 0.1, "anonymous_share": 0.98}
_FASHION = {"return_share": 0.7}  # half of what is ordered online goes back
SHIPPED: Mapping[str, Mapping[str, float]] = {
    "fashion": _FASHION,
    "footwear": _FASHION,
    "grocery": _GROCER,
    "supermarket": _GROCER,
    "food_and_beverage": _CAFE,
    "restaurant": _CAFE,
    "cafe": _CAFE,
    "coffee": _CAFE,
    "vending": _CAFE,
    "furniture": {"longest_gap_days": 60, "return_share": 0.4},
    "pharmacy": {"return_share": 0.1, "anonymous_share": 0.98},
}
"""Thresholds by vertical and figure, with the same meaning as in a customer file."""


def load_thresholds(vertical: str, home: Path | None = None) -> dict[str, float]:
    """Load the bounds of a vertical: the operator's ($CAPFLOW_HOME/verticals.yaml) before the shipped ones.

    Raises VerticalsFileError for a file with mistakes.
    """
    own = load_verticals(home / FILE, (*KPIS, *EVERY)) if home else {}
    return {**SHIPPED.get(normalise_vertical(vertical), {}), **own.get(normalise_vertical(vertical), {})}


def propose_bounds(reports: Sequence[Mapping[str, float | None]]) -> dict[str, float]:
    """Propose bounds that all these customers keep with a margin: 1.5 times the largest share among them.

    `reports` are the KPI values of passed customers of one vertical. Only shares where large is bad get a bound: the
    number of bills or users is a customer's own matter. Raises ValueError for fewer than five customers.
    """
    from capflow_assets.validation.bounds import AT_MOST, BOUNDS

    if len(reports) < LEAST_CUSTOMERS:
        raise ValueError(f"{len(reports)} customers passed; at least {LEAST_CUSTOMERS} are needed to learn from")
    found: dict[str, float] = {}
    for kpi in (kpi for kpi in KPIS if kpi in AT_MOST and kpi in BOUNDS and kpi.endswith("_share")):
        values = [value for one in reports if (value := one.get(kpi)) is not None]
        if len(values) >= LEAST_CUSTOMERS and max(values) > 0:
            found[kpi] = min(1.0, float(f"{_ROOM * max(values):.2g}"))
    return found
