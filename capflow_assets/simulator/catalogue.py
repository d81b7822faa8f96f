"""The items a simulated retailer sells, their popularity, prices, companions and promotions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from capflow_assets.simulator.retailer import Retailer
from capflow_assets.simulator.vocabulary import WORDS, Words

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
    """The retailer's catalogue, with a long tail of seldom bought items (Zipf)."""
    import numpy as np

    random = retailer.random("catalogue")
    words = WORDS[retailer.vertical]
    count = retailer.rhythm.items
    style = random.permutation(np.arange(count) % len(words.styles))
    popularity = 1.0 / (1 + random.permutation(count)) ** _ZIPF
    style_weights = np.where(style == np.arange(len(words.styles))[:, None], popularity, 0.0)
    return Catalogue(
        items=_items(retailer, style, random),
        styles=tuple(words.styles),
        style=style,
        popularity=popularity,
        style_weights=style_weights,
        companion=_companions(style, random),
        promotions=_promotions(retailer, count, random),
    )


def _items(retailer: Retailer, style: np.ndarray, random: np.random.Generator) -> pd.DataFrame:
    import numpy as np
    import pandas as pd

    words = WORDS[retailer.vertical]
    count = len(style)
    product = random.permutation(np.arange(count) % len(words.products))
    variant = random.integers(0, 9, count)
    low, high = np.array([(p[2], p[3]) for p in words.products], dtype=float)[product].T
    price = np.round(low + (high - low) * random.beta(1.5, 2.5, count), 1 if high.max() < 20 else 0)
    chosen = zip(style, product, variant, strict=True)
    return pd.DataFrame(
        {
            "item_id": [f"I{number:04d}" for number in range(1, count + 1)],
            "description": [_text(words, int(s), int(p), int(v)) for s, p, v in chosen],
            "category": [words.products[p][0] for p in product],
            "brand": np.array(words.brands)[random.integers(0, len(words.brands), count)],
            "price": np.round(np.maximum(price, 1) - 0.05, 2),
        }
    )


def _text(words: Words, style: int, product: int, variant: int) -> str:
    """The item's text: one of nine variants of a product in a style."""
    category, noun, _, _ = words.products[product]
    name, (adjectives, details) = list(words.styles.items())[style]
    if category.split(" > ")[0] in words.simple:
        return words.simple_text.format(noun=noun, style=name, extra=words.extras[variant % 3]).capitalize()
    return f"{adjectives[variant // 3]} {noun} with {details[variant % 3]}".capitalize()


def _companions(style: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """For each item another item of its style (itself only where a style has one item)."""
    import numpy as np

    companion = np.arange(len(style))
    for name in np.unique(style):
        ring = random.permutation(np.flatnonzero(style == name))
        companion[ring] = np.roll(ring, 1)
    return companion


def _promotions(retailer: Retailer, count: int, random: np.random.Generator) -> np.ndarray:
    """A few items every week, and many in the months of the sales."""
    import numpy as np
    import pandas as pd

    weeks = pd.date_range(retailer.start, periods=(retailer.days + 6) // 7, freq="7D")
    share = np.where(weeks.month.isin(retailer.rhythm.sale_months), _SALE_SHARE, _PROMOTED_SHARE)
    promoted = random.random((len(weeks), count)) < share[:, None]
    promoted[:, 0] |= ~promoted.any(axis=1)
    return promoted * random.choice((0.1, 0.2, 0.3), (len(weeks), count))
