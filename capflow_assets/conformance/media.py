"""Pictures and recordings of the small world, with vectors: those of one label lie together, more or less."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

DIMENSIONS, NOISE = 12, 0.9
PICTURES_OF_AN_ITEM = 4
SPEAKERS, SAID = 6, 40
WORDS = ("yes", "no", "returns", "delivery")
LABELLED = 0.9


def media(items: pd.DataFrame, seed: int) -> tuple[pd.DataFrame, dict[str, pd.DataFrame]]:
    """The table `media`, and the vectors of its pictures and recordings as features/media_image and media_audio.

    A picture shows its item's category, a recording is one of four words by one of six speakers, whose voice moves all
    their vectors; one in ten has no label.
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

    vectors = _centres(label, chance) + NOISE * chance.normal(size=(len(table), DIMENSIONS))
    if speaker is not None:
        vectors += 0.3 * _centres(speaker, chance)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    keys = table[["media_id", "item_id", "user_id"]].reset_index(drop=True)
    return keys.assign(md5=[f"md5 of {name}" for name in keys["media_id"]], embedding=vectors.tolist())


def _centres(names: pd.Series, chance: np.random.Generator) -> np.ndarray:
    import pandas as pd

    places, found = pd.factorize(names, sort=True)
    centres: np.ndarray = chance.normal(size=(len(found), DIMENSIONS))[places]
    return centres
