"""Rule: a probability from a rule that needs no fit on these rows, as one member among the learners.

With few rows a good rule is hard to beat; blended with the learners it is a start to improve on.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from capflow_assets.methods.ensemble.learners.base import Objective, Rows

if TYPE_CHECKING:
    import numpy as np

LEAST = 1e-6  # of a probability, and of what is left to certainty


@dataclass(frozen=True)
class RuleLearner:
    """The log-odds of the probability in the column parameters["rule_column"]."""

    name: str = "rule"
    file: str = "rule.json"
    objectives: tuple[Objective, ...] = ("binary",)

    def fit(self, rows: Rows, objective: Objective, parameters: Mapping[str, Any], seed: int) -> bytes:
        """Return JSON: the column, and its mean log-odds, used for rows without a value."""
        import numpy as np

        column = int(parameters["rule_column"])
        log_odds = _log_odds(rows.matrix[:, column])
        known = log_odds[~np.isnan(log_odds)]
        usual = round(float(known.mean()), 10) if len(known) else 0.0
        return json.dumps({"column": column, "usual": usual}).encode()

    def raw(self, content: bytes, matrix: np.ndarray) -> np.ndarray:
        """Return log-odds."""
        import numpy as np

        rule = json.loads(content)
        log_odds = _log_odds(matrix[:, rule["column"]])
        return np.where(np.isnan(log_odds), rule["usual"], log_odds)

    def contributions(self, content: bytes, matrix: np.ndarray) -> np.ndarray:
        """Attribute the whole difference from the mean to its column; the mean is the base value."""
        import numpy as np

        rule = json.loads(content)
        parts = np.zeros((len(matrix), matrix.shape[1] + 1))
        parts[:, rule["column"]] = self.raw(content, matrix) - rule["usual"]
        parts[:, -1] = rule["usual"]
        return parts


RULE = RuleLearner()


def _log_odds(probability: np.ndarray) -> np.ndarray:
    import numpy as np

    kept = np.clip(probability, LEAST, 1 - LEAST)
    return np.asarray(np.log(kept) - np.log1p(-kept))
