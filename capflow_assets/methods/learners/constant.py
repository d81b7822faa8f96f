"""Constant: the median for every row. With it in the blend, columns that tell nothing get no say."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from capflow_assets.methods.learners.base import Objective, Rows

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Constant:
    """One number for all."""

    name: str = "constant"
    objectives: tuple[Objective, ...] = ("mae",)

    def fit(self, rows: Rows, objective: Objective, parameters: Mapping[str, Any], seed: int) -> bytes:
        """The number, as JSON."""
        import numpy as np

        return json.dumps({"median": float(np.median(rows.target))}).encode()

    def raw(self, content: bytes, matrix: np.ndarray) -> np.ndarray:
        """The number for each row."""
        import numpy as np

        return np.full(len(matrix), json.loads(content)["median"])

    def pushes(self, content: bytes, matrix: np.ndarray) -> np.ndarray:
        """No column adds anything to the number that every row starts from."""
        import numpy as np

        return np.hstack([np.zeros(matrix.shape), self.raw(content, matrix)[:, None]])


CONSTANT = Constant()
