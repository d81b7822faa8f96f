"""Reviews of the small world: what shoppers write tells how many stars they give, and some items are better liked."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

REVIEWS, RATED = 600, 0.9
GLAD = ("lovely", "comfortable", "perfect", "beautiful", "recommend it", "fits well", "so happy", "great quality")
SORRY = ("returned", "itchy", "too small", "disappointed", "fell apart", "cheap fabric", "sent back", "waste of money")
PLAIN = ("the", "colour", "bought", "this", "for", "my", "sister", "in", "blue", "last", "week", "size", "shop", "and")


def reviews(lines: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Reviews by buyers of what they bought, up to a month later; one in ten without stars, a few without words.

    Six to nine of ten are content, by item; one word in seven is of the other mood, so that nobody can be sure.
    """
    import numpy as np
    import pandas as pd

    chance = np.random.default_rng(seed + 2)
    bought = lines.iloc[np.sort(chance.choice(len(lines), REVIEWS, replace=False))].reset_index(drop=True)
    liked = 0.6 + 0.3 * (bought["item_id"].str[-1].astype(int) % 2)
    glad = chance.random(REVIEWS) < liked
    stars = np.where(glad, chance.integers(4, 6, REVIEWS), chance.integers(1, 4, REVIEWS)).astype(float)
    delay = pd.to_timedelta(chance.integers(24, 30 * 24, REVIEWS), unit="h")
    texts = [_text(bool(mood), chance) for mood in glad]
    return pd.DataFrame(
        {
            "review_id": [f"r{number:04d}" for number in range(REVIEWS)],
            "user_id": bought["user_id"],
            "item_id": bought["item_id"],
            "ts": bought["ts"] + delay,
            "text": pd.Series(texts, dtype="str").where(chance.random(REVIEWS) < 0.97),
            "rating": pd.Series(stars).where(chance.random(REVIEWS) < RATED),
            "language": "en",
            "corrupt": False,
        }
    )


def _text(glad: bool, chance: np.random.Generator) -> str:
    words = []
    for _ in range(int(chance.integers(4, 10))):
        if chance.random() < 0.5:
            words.append(str(chance.choice(PLAIN)))
        else:
            words.append(str(chance.choice(GLAD if glad == (chance.random() < 6 / 7) else SORRY)))
    return " ".join(words)
