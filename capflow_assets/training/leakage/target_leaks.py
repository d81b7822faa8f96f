"""Target leaks: features that alone predict the outcome far better than any dissimilar feature does.

A merely good feature has rivals that come close; a leak leaves them far behind. A column's strength is between 0 and 1:
for two classes 2 x AUC - 1 (Gini), for amounts R squared, each minus two standard errors, so that few users prove
nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from capflow_assets.training.evaluation import roc
from capflow_assets.training.leakage.suspicion import Severity, Suspicion

if TYPE_CHECKING:
    import numpy as np

SURE = 0.96  # AUC .98: nobody predicts the future that well
STRONG, FAR = 0.80, 0.35  # blocks: AUC .90 or more, leaving a third of what the best rival leaves unexplained
NOTABLE, AHEAD = 0.60, 0.50  # warns: AUC .80 or more, leaving half of it
MIN_RIVALS = 3
ALIKE = 0.90  # rank correlation from which two columns count as the same
MIN_USERS = 30  # users of each class, or with an amount
ERRORS = 2.0
EDGE = 0.01  # outliers are winsorised to this quantile at each end


def find_target_leaks(columns: Mapping[str, np.ndarray], outcome: np.ndarray, binary: bool) -> Iterator[Suspicion]:
    """Yield the columns that know `outcome` (0 or 1 if `binary`, else amounts); null is NaN, rows are aligned."""
    strengths = {name: _strength(values, outcome, binary) for name, values in columns.items()}
    suspects = [name for name, strength in strengths.items() if strength >= NOTABLE]
    for name in suspects:
        rivals = {other: strengths[other] for other in columns if other != name and not _is_alike(columns, name, other)}
        best = max(rivals, key=lambda other: rivals[other], default="")
        severity = _severity(strengths[name], rivals.get(best, 0.0), len(rivals))
        if severity is not None:
            evidence = f"alone predicts the outcome with {_strength_text(strengths[name], binary)}"
            if best:
                evidence += f", the best dissimilar feature, {best}, only {_strength_text(strengths[best], binary)}"
            yield Suspicion(name, "knows the answer", severity, evidence)


def _severity(strength: float, rival: float, rivals: int) -> Severity | None:
    if strength >= SURE:
        return "block"
    if rivals < MIN_RIVALS:
        return None
    left, left_by_rival = 1.0 - strength, 1.0 - rival
    if strength >= STRONG and left <= FAR * left_by_rival:
        return "block"
    return "warn" if left <= AHEAD * left_by_rival else None


def _strength_text(strength: float, binary: bool) -> str:
    return f"an AUC of at least {(strength + 1) / 2:.3f}" if binary else f"an R² of at least {strength:.2f}"


def _strength(values: np.ndarray, outcome: np.ndarray, binary: bool) -> float:
    """Return how strongly a column predicts the outcome: where it is known, and for two classes by its missingness."""
    import numpy as np

    known = ~np.isnan(values)
    if not binary:
        return _r_squared(values[known], outcome[known])
    candidates = [(values[known], outcome[known])]
    if not known.all():
        candidates.append((known.astype(float), outcome))
    return max(_gini_strength(one, label) for one, label in candidates)


def _gini_strength(values: np.ndarray, label: np.ndarray) -> float:
    positives = int(label.sum())
    if min(positives, len(label) - positives) < MIN_USERS:
        return 0.0
    area, variance = roc.delong(label, values)
    above = max(float(area[0]), 1.0 - float(area[0]))
    return max(0.0, 2.0 * (above - ERRORS * float(variance[0, 0]) ** 0.5) - 1.0)


def _r_squared(values: np.ndarray, amounts: np.ndarray) -> float:
    """Return R squared of the better of two lines: through winsorised values, and through ranks."""
    import numpy as np
    from scipy.stats import rankdata

    if len(values) < MIN_USERS:
        return 0.0
    correlation = max(
        _correlation(_winsorise(values), _winsorise(amounts)), _correlation(rankdata(values), rankdata(amounts))
    )
    if correlation >= 1.0 - 1e-12:
        return 1.0
    least = np.tanh(np.arctanh(correlation) - ERRORS / np.sqrt(max(len(values) - 3, 1)))
    return float(max(least, 0.0) ** 2)


def _winsorise(values: np.ndarray) -> np.ndarray:
    import numpy as np

    low, high = np.quantile(values, [EDGE, 1 - EDGE])
    return np.clip(values, low, high) if high > low else values


def _correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Return the absolute correlation; 0 if one of them does not vary."""
    import numpy as np

    if one.std() == 0 or other.std() == 0:
        return 0.0
    return min(1.0, abs(float(np.corrcoef(one, other)[0, 1])))


def _is_alike(columns: Mapping[str, np.ndarray], one: str, other: str) -> bool:
    """Return whether two columns carry the same information, so that neither can clear the other of suspicion."""
    import numpy as np
    from scipy.stats import rankdata

    both = ~np.isnan(columns[one]) & ~np.isnan(columns[other])
    if both.sum() < MIN_USERS:
        return False
    return _correlation(rankdata(columns[one][both]), rankdata(columns[other][both])) >= ALIKE
