"""Features that know the answer: alone they tell the outcome far better than any unlike feature does.

A merely good feature has rivals that come near it; a leak leaves them far behind. How much a column tells is between
0 and 1, for two classes 2 x AUC - 1 (Gini), for amounts R squared, each less two standard errors, so that few users
prove nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from capflow_assets.training.evaluation import roc
from capflow_assets.training.leakage.suspicion import Severity, Suspicion

if TYPE_CHECKING:
    import numpy as np

SURE = 0.96  # AUC .98: nobody tells the future that well
STRONG, FAR = 0.80, 0.35  # blocks: AUC .90 or more, leaving a third of what the best unlike feature leaves unsaid
NOTABLE, AHEAD = 0.60, 0.50  # warns: AUC .80 or more, leaving half of it
FEWEST_RIVALS = 3
ALIKE = 0.90  # rank correlation from which two columns say the same
FEWEST = 30  # users of each class, or with an amount
ERRORS = 2.0
EDGE = 0.01  # outliers are drawn in to this quantile at each end


def find_target_leaks(columns: Mapping[str, np.ndarray], outcome: np.ndarray, binary: bool) -> Iterator[Suspicion]:
    """The columns that know `outcome` (0 or 1 for `binary`, else amounts); null is NaN, rows are the same in all."""
    told = {name: _told(values, outcome, binary) for name, values in columns.items()}
    suspects = [name for name, much in told.items() if much >= NOTABLE]
    for name in suspects:
        rivals = {other: told[other] for other in columns if other != name and not _alike(columns, name, other)}
        best = max(rivals, key=lambda other: rivals[other], default="")
        severity = _severity(told[name], rivals.get(best, 0.0), len(rivals))
        if severity is not None:
            against = f", the best unlike it, {best}, {_said(told[best], binary)}" if best else ""
            evidence = f"alone tells the outcome with {_said(told[name], binary)}{against}"
            yield Suspicion(name, "knows the answer", severity, evidence)


def _severity(much: float, rival: float, rivals: int) -> Severity | None:
    if much >= SURE:
        return "block"
    if rivals < FEWEST_RIVALS:
        return None
    left, left_by_rival = 1.0 - much, 1.0 - rival
    if much >= STRONG and left <= FAR * left_by_rival:
        return "block"
    return "warn" if left <= AHEAD * left_by_rival else None


def _said(much: float, binary: bool) -> str:
    return f"an AUC of at least {(much + 1) / 2:.3f}" if binary else f"an R² of at least {much:.2f}"


def _told(values: np.ndarray, outcome: np.ndarray, binary: bool) -> float:
    """How much a column tells of the outcome: where it is known, and for two classes by where it is not."""
    import numpy as np

    known = ~np.isnan(values)
    if not binary:
        return _explained(values[known], outcome[known])
    readings = [(values[known], outcome[known])]
    if not known.all():
        readings.append((known.astype(float), outcome))
    return max(_gini(one, label) for one, label in readings)


def _gini(values: np.ndarray, label: np.ndarray) -> float:
    positives = int(label.sum())
    if min(positives, len(label) - positives) < FEWEST:
        return 0.0
    area, variance = roc.delong(label, values)
    above = max(float(area[0]), 1.0 - float(area[0]))
    return max(0.0, 2.0 * (above - ERRORS * float(variance[0, 0]) ** 0.5) - 1.0)


def _explained(values: np.ndarray, amounts: np.ndarray) -> float:
    """R squared of the better of two lines: through the values with outliers drawn in, and through the ranks."""
    import numpy as np
    from scipy.stats import rankdata

    if len(values) < FEWEST:
        return 0.0
    correlation = max(
        _correlation(_drawn_in(values), _drawn_in(amounts)), _correlation(rankdata(values), rankdata(amounts))
    )
    if correlation >= 1.0 - 1e-12:
        return 1.0
    least = np.tanh(np.arctanh(correlation) - ERRORS / np.sqrt(max(len(values) - 3, 1)))
    return float(max(least, 0.0) ** 2)


def _drawn_in(values: np.ndarray) -> np.ndarray:
    import numpy as np

    low, high = np.quantile(values, [EDGE, 1 - EDGE])
    return np.clip(values, low, high) if high > low else values


def _correlation(one: np.ndarray, other: np.ndarray) -> float:
    """The absolute correlation; 0 where one of them does not vary."""
    import numpy as np

    if one.std() == 0 or other.std() == 0:
        return 0.0
    return min(1.0, abs(float(np.corrcoef(one, other)[0, 1])))


def _alike(columns: Mapping[str, np.ndarray], one: str, other: str) -> bool:
    """Whether two columns say the same, so that one cannot clear the other of knowing too much."""
    import numpy as np
    from scipy.stats import rankdata

    both = ~np.isnan(columns[one]) & ~np.isnan(columns[other])
    if both.sum() < FEWEST:
        return False
    return _correlation(rankdata(columns[one][both]), rankdata(columns[other][both])) >= ALIKE
