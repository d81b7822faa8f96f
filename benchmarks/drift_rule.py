"""How often each "has it dipped?" rule cries wolf, and how often it catches a real dip. Takes under a minute.

300 simulated customers for each size n, one model each: a reference of 2,000 users (a holdout), later batches of n
users, 30 % positives. With a reference as small as the batches, at n = 300, false alarms of `dipped` rise to .13.
False alarm: any alarm in 20 batches while the true AUC stays .75. Caught: an alarm within 8 batches at a true .65.
Run: python benchmarks/drift_rule.py
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
from scipy.special import ndtri

from capflow_assets.performance.realised import Performance, find_dip
from capflow_assets.training.evaluation.roc import delong

CUSTOMERS = 300
POSITIVE_SHARE = 0.3
REFERENCE_USERS = 2_000
GOOD, BAD = 0.75, 0.65
QUIET_BATCHES, BAD_BATCHES = 20, 8
Rule = Callable[[list[Performance], Performance], bool]


def batch(rng: np.random.Generator, users: int, true_auc: float, number: int) -> Performance:
    """The measured AUC of one batch: normal scores whose classes lie so far apart that the true AUC is `true_auc`."""
    label = rng.random(users) < POSITIVE_SHARE
    score = rng.standard_normal(users) + label * math.sqrt(2) * ndtri(true_auc)
    area, variance = delong(label.astype(int), score)
    error = math.sqrt(float(variance[0, 0]))
    return Performance("auc", float(area[0]), error, users, datetime(2024, 1, 1) + timedelta(days=number))


def exact(performance: Performance) -> Performance:
    """The same, as if it had no error of its own."""
    return replace(performance, standard_error=0.0)


RULES: dict[str, Rule] = {
    "drop over .03": lambda history, reference: any(reference.value - b.value > 0.03 for b in history),
    "one batch, z at 1 %": lambda history, reference: any(
        (reference.value - b.value) / math.hypot(b.standard_error, reference.standard_error) > 2.326 for b in history
    ),
    "CUSUM without the reference's error": lambda history, reference: find_dip(history, exact(reference)) is not None,
    "CUSUM (dipped)": lambda history, reference: find_dip(history, reference) is not None,
}


def rates(users: int, customers: int = CUSTOMERS, seed: int = 1) -> dict[str, tuple[float, float]]:
    """Each rule's share of customers with a false alarm, and of real dips caught."""
    rng = np.random.default_rng([seed, users])
    alarms = {rule: [0, 0] for rule in RULES}
    for _ in range(customers):
        reference = batch(rng, REFERENCE_USERS, GOOD, 0)
        quiet = [batch(rng, users, GOOD, k + 1) for k in range(QUIET_BATCHES)]
        bad = [batch(rng, users, BAD, k + 1) for k in range(BAD_BATCHES)]
        for name, rule in RULES.items():
            alarms[name][0] += rule(quiet, reference)
            alarms[name][1] += rule(bad, reference)
    return {name: (false / customers, caught / customers) for name, (false, caught) in alarms.items()}


def main() -> None:
    """Print the table."""
    sizes = (300, 1_000, 5_000)
    found = {users: rates(users) for users in sizes}
    lines = ["rule: false alarms / caught".ljust(38) + "".join(f"n = {users:,}".rjust(14) for users in sizes)]
    for rule in RULES:
        cells = (f"{found[users][rule][0]:.2f} / {found[users][rule][1]:.2f}".rjust(14) for users in sizes)
        lines.append(rule.ljust(38) + "".join(cells))
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
