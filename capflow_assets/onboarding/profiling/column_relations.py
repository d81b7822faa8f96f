"""How columns of a table are related: which one determines another, and which two multiply to a third."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

PAIRS = 50  # fewer pairs of rows say nothing about a dependency
CENT = 0.011
TRIED, MOST_TRIED = 4_000, 10  # rows and columns that are tried for products


def encode_values(column: pa.ChunkedArray, nothing: Collection[str] = ()) -> np.ndarray[Any, Any]:
    """Return the column's values as integer codes, one per distinct value; -1 for null and for words in `nothing`."""
    import numpy as np

    encoded = _dictionary_encode(column)
    codes: np.ndarray[Any, Any] = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    values = encoded.dictionary
    if str(values.type) == "string" and len(values):
        empty = np.array([value is None or value.strip().lower() in nothing for value in values.to_pylist()])
        codes = np.where((codes >= 0) & empty[codes], -1, codes)
    return codes


def parse_floats(column: pa.ChunkedArray) -> np.ndarray[Any, Any]:
    """Return the column's values as floats, also from text; NaN where a value is no number."""
    import numpy as np

    encoded = _dictionary_encode(column)
    floats = np.array([_float(value) for value in encoded.dictionary.to_pylist()] + [np.nan])
    return floats[encoded.indices.fill_null(len(floats) - 1).to_numpy(zero_copy_only=False)]


def _dictionary_encode(column: pa.ChunkedArray) -> Any:
    import pyarrow as pa

    whole = pa.chunked_array(column.chunks, type=column.type).combine_chunks()
    return whole.dictionary_encode()


def _float(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return float("nan")


def measure_dependencies(columns: Mapping[str, np.ndarray[Any, Any]]) -> dict[str, dict[str, float]]:
    """Return for columns `a` and `b` how likely two random rows with the same `a` have the same `b`, above chance.

    0 is chance, 1 always (chance-corrected agreement, like Cohen's kappa). Rows where either is missing are left out;
    so is an `a` that hardly repeats.
    """
    import numpy as np

    if not columns:
        return {}
    shuffled = np.random.default_rng(0).permutation(len(next(iter(columns.values()))))
    mixed = {name: values[shuffled] for name, values in columns.items()}
    chance = {name: _chance(values) for name, values in mixed.items()}
    dependencies: dict[str, dict[str, float]] = {}
    for a, values in mixed.items():
        order = np.argsort(values, kind="stable")
        same = (values[order][1:] == values[order][:-1]) & (values[order][1:] >= 0)
        first, second = order[:-1][same], order[1:][same]
        if len(first) >= min(PAIRS, len(values) // 10):
            dependencies[a] = {b: _above_chance(mixed[b], first, second, chance[b]) for b in mixed if b != a}
    return dependencies


def _chance(values: np.ndarray[Any, Any]) -> float:
    import numpy as np

    counts = np.bincount(values[values >= 0])
    total = counts.sum()
    return float(((counts / total) ** 2).sum()) if total else 1.0


def _above_chance(
    values: np.ndarray[Any, Any], first: np.ndarray[Any, Any], second: np.ndarray[Any, Any], chance: float
) -> float:
    import numpy as np

    left, right = values[first], values[second]
    both_present = (left >= 0) & (right >= 0)
    if both_present.sum() < 5 or chance >= 0.999:
        return 0.0
    return max(0.0, (float(np.mean(left[both_present] == right[both_present])) - chance) / (1 - chance))


@dataclass(frozen=True)
class Product:
    """quantity x unit_price - discount = amount, on `share` of the rows where that is no accident."""

    quantity: str
    unit_price: str
    amount: str
    discount: str | None
    share: float


def find_products(numbers: Mapping[str, np.ndarray[Any, Any]]) -> list[Product]:
    """Return which columns multiply to which, the surest first.

    Rows with a quantity of 0 or 1, or a price of 0 or 1, prove nothing.
    """
    import numpy as np

    candidates: list[Product] = []
    names = list(numbers)[:MOST_TRIED]
    for amount, (one, other) in itertools.product(names, itertools.combinations(names, 2)):
        if amount in (one, other):
            continue
        a, x, y = (numbers[name][:TRIED] for name in (amount, one, other))
        informative = (np.abs(x) > 1) & (np.abs(y) > 0) & (np.abs(y) != 1) & np.isfinite(a)
        if informative.sum() < 30:
            continue
        share = float(np.mean(np.abs(x * y - a)[informative] <= CENT + 1e-9))
        quantity, price = (one, other) if _wholeness(x) >= _wholeness(y) else (other, one)
        if share > 0.9:
            candidates.append(Product(quantity, price, amount, None, share))
            continue
        candidates += [
            Product(quantity, price, amount, name, share)
            for name in names
            if name not in (amount, one, other)
            and (share := float(np.mean(np.abs(x * y - numbers[name][:TRIED] - a)[informative] <= CENT + 1e-9))) > 0.9
        ]
    # Equal shares: the product without a discount first, since a column of zeros would do as a discount.
    return sorted(candidates, key=lambda product: (-product.share, product.discount is not None))


def _wholeness(values: np.ndarray[Any, Any]) -> float:
    import numpy as np

    finite = values[np.isfinite(values)]
    return float(np.mean(finite == np.floor(finite))) if len(finite) else 0.0


def quantity_correlation(numbers: Mapping[str, np.ndarray[Any, Any]], quantity: str, money: str) -> float | None:
    """Return the Spearman correlation of a money column with the quantity; None when the quantity hardly varies.

    A total rises with the quantity, a unit price does not.
    """
    import numpy as np
    from scipy.stats import spearmanr

    x, y = np.abs(numbers[quantity]), np.abs(numbers[money])
    usable = np.isfinite(x) & np.isfinite(y) & (y > 0) & (x > 0)
    if usable.sum() < 200 or len(np.unique(x[usable])) < 2 or np.mean(x[usable] == np.median(x[usable])) > 0.98:
        return None
    varied = usable & (x != np.median(x[usable]))
    if varied.sum() < 100 or len(np.unique(y[usable])) < 2:
        return None
    return float(spearmanr(x[usable], y[usable]).statistic)
