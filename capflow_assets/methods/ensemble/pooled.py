"""Pooling: make a model's features comparable between retailers, by each shopper's percentile at their retailer.

Each feature becomes the share of the retailer's shoppers who have less of it (0 to 1), so that neither currency nor
basket size matters and a fit on one retailer's shoppers carries over to another's. Each retailer's grid is learned from
its own shoppers and stored with the version.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any

from capflow_assets.methods.ensemble.learners import Rows, canonicalise

if TYPE_CHECKING:
    import numpy as np

STEPS = 100
MOST_ROWS = 5_000  # of one date of one customer


@dataclass(frozen=True)
class Contribution:
    """A customer's contribution to a pool: column names, and rows without ids of each past date, the oldest first."""

    columns: tuple[str, ...]
    parts: tuple[Rows, ...]

    def to_bytes(self) -> bytes:
        """Return an .npz that loads without pickle."""
        import numpy as np

        arrays: dict[str, Any] = {"columns": np.array(self.columns, dtype=np.str_)}
        for number, part in enumerate(self.parts):
            arrays[f"matrix{number}"] = part.matrix.astype("float32")
            arrays[f"target{number}"] = part.target.astype("float32")
        buffer = BytesIO()
        np.savez_compressed(buffer, **arrays)
        return buffer.getvalue()

    @classmethod
    def from_bytes(cls, content: bytes) -> Contribution:
        """Load what `to_bytes` wrote."""
        import numpy as np

        with np.load(BytesIO(content), allow_pickle=False) as arrays:
            count = sum(name.startswith("matrix") for name in arrays.files)
            parts = tuple(
                Rows(arrays[f"matrix{number}"].astype(float), arrays[f"target{number}"].astype(float))
                for number in range(count)
            )
            return cls(tuple(arrays["columns"].tolist()), parts)


def quantile_grids(matrix: np.ndarray) -> list[list[float]]:
    """Return the percentiles of each column; [] for a column without values."""
    import numpy as np

    found = []
    for column in matrix.T:
        known = column[~np.isnan(column)]
        found.append(np.quantile(known, np.linspace(0, 1, STEPS + 1)).tolist() if len(known) else [])
    return found


def percentile_ranks(matrix: np.ndarray, grids: Sequence[Sequence[float]]) -> np.ndarray:
    """Return the rank of each value in its grid, from 0 to 1, the middle for ties; NaN if unknown."""
    import numpy as np

    found = np.full(matrix.shape, np.nan)
    for number, edges in enumerate(grids):
        known = ~np.isnan(matrix[:, number])
        if edges and known.any():
            values = matrix[known, number]
            below, up_to = np.searchsorted(edges, values, "left"), np.searchsorted(edges, values, "right")
            found[known, number] = (below + up_to) / (2 * (STEPS + 1))
    return found


def build_contribution(parts: Sequence[Rows], columns: Sequence[str], seed: int) -> Contribution:
    """Build a customer's contribution: a random sample of rows of each past date, each value as its percentile rank."""
    import numpy as np

    grids = quantile_grids(parts[-1].matrix)
    contributed = []
    for part in parts:
        lot = np.sort(np.random.default_rng(seed).permutation(len(part))[:MOST_ROWS])
        sample = canonicalise(part).take(lot)
        contributed.append(Rows(percentile_ranks(sample.matrix, grids), sample.target))
    return Contribution(tuple(columns), tuple(contributed))


def stack_contributions(contributions: Mapping[str, Contribution], columns: Sequence[str]) -> list[Rows]:
    """Stack all contributions as two parts, earlier dates and each customer's latest; a missing column is NaN."""
    import numpy as np

    earlier, latest = list[Rows](), list[Rows]()
    for _, contributed in sorted(contributions.items()):
        place = {name: number for number, name in enumerate(contributed.columns)}
        for number, part in enumerate(contributed.parts):
            matrix = np.full((len(part), len(columns)), np.nan)
            for position, name in enumerate(columns):
                if name in place:
                    matrix[:, position] = part.matrix[:, place[name]]
            (latest if number == len(contributed.parts) - 1 else earlier).append(Rows(matrix, part.target))
    return [_concatenate(rows) for rows in (earlier, latest) if rows]


def _concatenate(parts: Sequence[Rows]) -> Rows:
    import numpy as np

    return Rows(np.concatenate([part.matrix for part in parts]), np.concatenate([part.target for part in parts]))
