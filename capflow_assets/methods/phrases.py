"""Features in words: the phrases of the feature sets, filled in with a shopper's own values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


UNKNOWN = "not much is known about this shopper yet"


def feature_phrases(names: Sequence[str], columns: Sequence[str]) -> dict[str, str]:
    """Return the phrase of each of `columns` from these feature sets; a plain one if none has it."""
    from capflow_assets.run.catalogue import feature_sets

    sets = feature_sets()
    told = {feature.name: feature.phrase for name in names if name in sets for feature in sets[name].features}
    return {column: told.get(column) or column.replace("_", " ") + " {value:,.4g}" for column in columns}


def strongest_reasons(
    contributions: np.ndarray,
    values: np.ndarray,
    columns: Sequence[str],
    told: Mapping[str, str],
    most: int = 3,
) -> list[list[str]]:
    """Return for each row up to `most` features with the largest contribution in the row's direction, in words.

    `contributions` and `values` are rows x columns; a missing value (NaN) is not told.
    """
    import numpy as np

    if not len(contributions):
        return []
    direction = np.where(contributions.sum(axis=1, keepdims=True) >= 0, 1.0, -1.0)
    push = np.where(np.isnan(values), -np.inf, contributions * direction)
    best = np.argsort(-push, axis=1, kind="stable")[:, :most]
    contributions, chosen = np.take_along_axis(push, best, axis=1), np.take_along_axis(values, best, axis=1)
    texts = [told[column] for column in columns]
    return [
        [texts[j].format(value=value) for j, value, strength in zip(row, seen, strengths, strict=True) if strength > 0]
        or [UNKNOWN]
        for row, seen, strengths in zip(best.tolist(), chosen.tolist(), contributions.tolist(), strict=True)
    ]
