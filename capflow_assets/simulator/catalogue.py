"""The items that a simulated retailer sells: popularity, prices, companions and promotions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from capflow_assets.simulator.retailer import Retailer
from capflow_assets.simulator.vocabulary import VOCABULARIES, Vocabulary

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

_ZIPF = 0.85
_PROMOTED_SHARE = 0.06
_SALE_SHARE = 0.4


@dataclass(frozen=True)
class Catalogue:
    """Items and how they sell: `items` is the table; arrays are indexed by its row.

    `style_weights` (styles x items) is popularity within a style; `companion` the item that often goes with an item;
    `promotions` (weeks x items) the discount rate of that week, 0 for none.
    """

    items: pd.DataFrame
    styles: tuple[str, ...]
    style: np.ndarray
    popularity: np.ndarray
    style_weights: np.ndarray
    companion: np.ndarray
    promotions: np.ndarray


def make_catalogue(retailer: Retailer) -> Catalogue:
    """Make the retailer's catalogue, with a long tail of rarely bought items (Zipf)."""
    import numpy as np

    random = retailer.random("catalogue")
    vocabulary = VOCABULARIES[retailer.vertical]
    count = retailer.rhythm.items
    style = random.permutation(np.arange(count) % len(vocabulary.styles))
    popularity = 1.0 / (1 + random.permutation(count)) ** _ZIPF
    style_weights = np.where(style == np.arange(len(vocabulary.styles))[:, None], popularity, 0.0)
    return Catalogue(
        items=_items(retailer, style, random),
        styles=tuple(vocabulary.styles),
        style=style,
        popularity=popularity,
        style_weights=style_weights,
        companion=_companions(style, random),
        promotions=_promotions(retailer, count, random),
    )


def _items(retailer: Retailer, style: np.ndarray, random: np.random.Generator) -> pd.DataFrame:
    import numpy as np
    import pandas as pd

    vocabulary = VOCABULARIES[retailer.vertical]
    count = len(style)
    product = random.permutation(np.arange(count) % len(vocabulary.products))
    variant = random.integers(0, 9, count)
    low, high = np.array([(p[2], p[3]) for p in vocabulary.products], dtype=float)[product].T
    price = np.round(low + (high - low) * random.beta(1.5, 2.5, count), 1 if high.max() < 20 else 0)
    chosen = zip(style, product, variant, strict=True)
    return pd.DataFrame(
        {
            "item_id": [f"I{number:04d}" for number in range(1, count + 1)],
            "description": [_text(vocabulary, int(s), int(p), int(v)) for s, p, v in chosen],
            "category": [vocabulary.products[p][0] for p in product],
            "brand": np.array(vocabulary.brands)[random.integers(0, len(vocabulary.brands), count)],
            "price": np.round(np.maximum(price, 1) - 0.05, 2),
        }
    )


def _text(vocabulary: Vocabulary, style: int, product: int, variant: int) -> str:
    """Return the item's text: one of nine variants of a product in a style."""
    category, noun, _, _ = vocabulary.products[product]
    name, (adjectives, details) = list(vocabulary.styles.items())[style]
    if category.split(" > ")[0] in vocabulary.simple:
        return vocabulary.simple_text.format(noun=noun, style=name, extra=vocabulary.extras[variant % 3]).capitalize()
    return f"{adjectives[variant // 3]} {noun} with {details[variant % 3]}".capitalize()


def _companions(style: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Return for each item another item of its style (itself only where a style has one item)."""
    import numpy as np

    companion = np.arange(len(style))
    for name in np.unique(style):
        ring = random.permutation(np.flatnonzero(style == name))
        companion[ring] = np.roll(ring, 1)
    return companion


def _promotions(retailer: Retailer, count: int, random: np.random.Generator) -> np.ndarray:
    """Draw the promotions: a few items every week, and many in the months of the sales."""
    import numpy as np
    import pandas as pd

    weeks = pd.date_range(retailer.start, periods=(retailer.days + 6) // 7, freq="7D")
    share = np.where(weeks.month.isin(retailer.rhythm.sale_months), _SALE_SHARE, _PROMOTED_SHARE)
    promoted = random.random((len(weeks), count)) < share[:, None]
    promoted[:, 0] |= ~promoted.any(axis=1)
    return promoted * random.choice((0.1, 0.2, 0.3), (len(weeks), count))
