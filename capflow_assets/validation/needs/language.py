"""Which language a customer's items are described in, told from a bounded sample."""

from __future__ import annotations

from collections import Counter
from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ibis

SAMPLE_ITEMS = 400
TOGETHER = 20  # one description is too short to tell


def detect_language(items: ibis.Table) -> tuple[str | None, float | None]:
    """The language of most descriptions (ISO 639-1) and the share of the sample in it, 0 to 1.

    Twenty descriptions at a time are told by py3langid; None without it (the extra `media`), or when it is not sure of
    any. Reads the first 400 items by item_id.
    """
    if find_spec("py3langid") is None:
        return None, None
    from capflow_resources.sources.media.decoding import detect_language

    described = items.filter(items["description"].notnull()).order_by("item_id").limit(SAMPLE_ITEMS)
    texts = described.select(text=described["description"].left(200).lower()).to_pyarrow()["text"].to_pylist()
    groups = (". ".join(texts[start : start + TOGETHER]) for start in range(0, len(texts), TOGETHER))
    told = Counter(found for group in groups if (found := detect_language(group)))
    if not told:
        return None, None
    name, count = min(told.items(), key=lambda pair: (-pair[1], pair[0]))
    return name, count / -(-len(texts) // TOGETHER)
