"""The tables of the synthetic shop beside its sales: contacts, media, reviews, and the vectors of items' texts."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

EVERY_DAYS, FIRST_DAY = 10, 20
CHOSEN, TREATED, WILLING = 0.6, 0.6, 0.4
GONE_DAYS, GONE = 60, 0.5  # factor on the response rate of shoppers who left so long ago
CHANNELS = ("email", "sms", "mail")
OFFERS = ("10 % off", "free delivery")
MEDIA_DIMENSIONS, NOISE = 12, 0.9
PICTURES_OF_AN_ITEM = 4
SPEAKERS, SAID = 6, 40
WORDS = ("yes", "no", "returns", "delivery")
LABELLED = 0.9
REVIEWS, RATED = 600, 0.9
GLAD = ("lovely", "comfortable", "perfect", "beautiful", "recommend it", "fits well", "so happy", "great quality")
SORRY = ("returned", "itchy", "too small", "disappointed", "fell apart", "cheap fabric", "sent back", "waste of money")
PLAIN = ("the", "colour", "bought", "this", "for", "my", "sister", "in", "blue", "last", "week", "size", "shop", "and")
TEXT_DIMENSIONS = 16
SPREAD = 0.15  # how far the items of a taste lie apart, for each dimension
UNDESCRIBED = 6  # every so many items have no vector


def contacts(bills: pd.DataFrame, start: datetime, days: int, seed: int) -> pd.DataFrame:
    """Return a campaign every ten days to random shoppers seen by then; two fifths of those chosen are the control.

    Some shoppers respond often, some hardly ever, and each prefers one channel and one offer. Those whose last visit
    was two months ago, and who will not come again, respond half as often.
    """
    import numpy as np
    import pandas as pd

    chance = np.random.default_rng(seed + 1)
    visits = bills.groupby("user_id")["ts"]
    first, last = visits.min().sort_index(), visits.max().sort_index()
    willing = np.where(chance.random(len(first)) < WILLING, 0.95, 0.02)
    likes, wants = chance.integers(0, len(CHANNELS), len(first)), chance.integers(0, len(OFFERS), len(first))
    parts = []
    for number, day in enumerate(range(FIRST_DAY, days, EVERY_DAYS)):
        sent = start + timedelta(days=day, hours=9)
        chosen = np.flatnonzero((first < sent).to_numpy() & (chance.random(len(first)) < CHOSEN))
        way, offer = number % len(CHANNELS), (number // len(CHANNELS)) % len(OFFERS)
        pull = willing[chosen] * np.where(likes[chosen] == way, 1.0, 0.5) * np.where(wants[chosen] == offer, 1.0, 0.7)
        pull *= np.where((last < sent - timedelta(days=GONE_DAYS)).to_numpy()[chosen], GONE, 1.0)
        treated = chance.random(len(chosen)) < TREATED
        answers = treated & (chance.random(len(chosen)) < pull)
        delay = pd.to_timedelta(chance.integers(1, 72, len(chosen)), unit="h")
        parts.append(
            pd.DataFrame(
                {
                    "user_id": first.index[chosen],
                    "campaign_id": f"c{number:03d}",
                    "channel": CHANNELS[way],
                    "offer": OFFERS[offer],
                    "sent_at": sent,
                    "responded_at": pd.Series(sent + delay).where(answers),
                    "treated": treated,
                }
            )
        )
    return pd.concat(parts, ignore_index=True).astype({"user_id": "str"})


def contact_features(told: pd.DataFrame, as_of: datetime) -> pd.DataFrame:
    """Return contacts and response rates of each shopper before `as_of`, indexed by user_id.

    The overall rate is smoothed as in the feature set, but by a constant that needs nobody else's responses.
    """
    import pandas as pd

    sent = told[(told["sent_at"] < as_of) & told["treated"].astype(bool)]
    answered = sent["responded_at"] < as_of
    by_user = answered.groupby(sent["user_id"])
    found = {"contacts": by_user.size(), "response_rate": (by_user.sum() + 1) / (by_user.size() + 10)}
    for way in CHANNELS:
        one = answered[sent["channel"] == way]
        found[f"{way}_response_rate"] = one.groupby(sent["user_id"]).mean()
    return pd.DataFrame(found)


def media(items: pd.DataFrame, seed: int) -> tuple[pd.DataFrame, dict[str, pd.DataFrame]]:
    """Return the table `media`, and the vectors of its pictures and recordings as features/media_image and media_audio.

    A picture shows its item's category. A recording is one of four words by one of six speakers, whose voice shifts all
    their vectors. One in ten has no label.
    """
    import numpy as np
    import pandas as pd

    chance = np.random.default_rng(seed + 3)
    shown = items.loc[items.index.repeat(PICTURES_OF_AN_ITEM), ["item_id", "category"]].reset_index(drop=True)
    category = shown["category"].str.split(" > ").str[0]
    pictures = _table("image", len(shown), category, chance).assign(item_id=shown["item_id"], user_id=None)
    speaker = pd.Series([f"speaker {number % SPEAKERS}" for number in range(SPEAKERS * SAID)], dtype="str")
    word = pd.Series(chance.choice(WORDS, len(speaker)), dtype="str")
    recordings = _table("audio", len(speaker), word, chance).assign(item_id=None, user_id=speaker)
    table = pd.concat([pictures, recordings], ignore_index=True).astype({"item_id": "str", "user_id": "str"})
    sets = {
        "features/media_image": _vectors(table[table["kind"] == "image"], category, None, chance),
        "features/media_audio": _vectors(table[table["kind"] == "audio"], word, speaker, chance),
    }
    return table, sets


def _table(kind: str, count: int, label: pd.Series, chance: np.random.Generator) -> pd.DataFrame:
    import pandas as pd

    ids = [f"{kind}-{number:04d}" for number in range(count)]
    told = label.where(chance.random(count) < LABELLED)
    return pd.DataFrame({"media_id": ids, "kind": kind, "uri": ids, "label": told, "corrupt": False})


def _vectors(
    table: pd.DataFrame, label: pd.Series, speaker: pd.Series | None, chance: np.random.Generator
) -> pd.DataFrame:
    import numpy as np

    vectors = _centres(label, chance) + NOISE * chance.normal(size=(len(table), MEDIA_DIMENSIONS))
    if speaker is not None:
        vectors += 0.3 * _centres(speaker, chance)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    keys = table[["media_id", "item_id", "user_id"]].reset_index(drop=True)
    return keys.assign(md5=[f"md5 of {name}" for name in keys["media_id"]], embedding=vectors.tolist())


def _centres(names: pd.Series, chance: np.random.Generator) -> np.ndarray:
    import pandas as pd

    places, found = pd.factorize(names, sort=True)
    centres: np.ndarray = chance.normal(size=(len(found), MEDIA_DIMENSIONS))[places]
    return centres


def reviews(lines: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Return reviews by buyers of what they bought, up to a month later; some without a rating or a text.

    60 to 90 % are positive, depending on the item; one word in seven is of the opposite mood, as noise.
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


def item_text(items: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Return features/item_text of these items: `item_id`, `md5` and `embedding` (float32, of length 1)."""
    import numpy as np
    import pandas as pd

    chance = np.random.default_rng([seed, 11])
    taste, names = pd.factorize(items["category"].str.split(" > ").str[0])
    centres = chance.normal(size=(len(names), TEXT_DIMENSIONS))
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    vectors = centres[taste] + chance.normal(scale=SPREAD, size=(len(items), TEXT_DIMENSIONS))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype("float32")
    frame = pd.DataFrame({"item_id": items["item_id"], "md5": [f"{number:032x}" for number in range(len(items))]})
    described = np.arange(len(items)) % UNDESCRIBED != UNDESCRIBED - 1
    return frame.assign(embedding=list(vectors))[described].reset_index(drop=True)
