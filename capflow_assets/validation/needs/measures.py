"""Measures of tables that models' needs refer to; only those that some model asks for are computed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from capflow_assets.validation.needs.real_words import ENOUGH_WORDS, count_real_words

if TYPE_CHECKING:
    import ibis

SAMPLE_ITEMS = 400
TOGETHER = 20  # one description is too short to classify
Measured = Mapping[str, Any]


@dataclass(frozen=True)
class Group:
    """The measures `names` of one table, in one query. `measure` takes the table and its rows in quarantine, if any."""

    table: str
    names: tuple[str, ...]
    measure: Callable[[ibis.Table, ibis.Table | None], Measured]


def measure_tables(
    asked: Set[str], tables: Mapping[str, ibis.Table], set_aside: Mapping[str, ibis.Table]
) -> dict[str, float | str | None]:
    """Compute the measures in `asked`, by name; None for those of a table that the customer does not send.

    `tables` are validated, `set_aside` their rows in quarantine where there are some.
    """
    found: dict[str, float | str | None] = {}
    for group in GROUPS:
        wanted = [name for name in group.names if name in asked]
        if wanted and group.table in tables:
            values = group.measure(tables[group.table], set_aside.get(group.table))
            found |= {name: values[name] for name in wanted}
        else:
            found |= dict.fromkeys(wanted)
    return found


def _fetch_row(query: ibis.Table) -> dict[str, Any]:
    row: dict[str, Any] = query.to_pyarrow().to_pylist()[0]
    return {name: value or 0 for name, value in row.items()}


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


def _measure_lines(lines: ibis.Table, _: ibis.Table | None) -> Measured:
    return _fetch_row(lines.aggregate(items=lines["item_id"].nunique()))


def _measure_descriptions(items: ibis.Table, _: ibis.Table | None) -> Measured:
    enough = count_real_words(items["description"]) >= ENOUGH_WORDS
    found = _fetch_row(items.aggregate(items=items.count(), described=enough.sum()))
    return {"described_share": _share(found["described"], found["items"])}


def detect_language(items: ibis.Table) -> tuple[str | None, float | None]:
    """Detect the language of most descriptions (ISO 639-1) and its share of the sample, 0 to 1.

    py3langid classifies twenty descriptions at a time; None without it (the extra `media`), or when it is not sure of
    any. Reads the first 400 items by item_id.
    """
    if find_spec("py3langid") is None:
        return None, None
    from capflow_resources.sources.media.decoding import detect_language

    described = items.filter(items["description"].notnull()).order_by("item_id").limit(SAMPLE_ITEMS)
    texts = described.select(text=described["description"].left(200).lower()).to_pyarrow()["text"].to_pylist()
    groups = (". ".join(texts[start : start + TOGETHER]) for start in range(0, len(texts), TOGETHER))
    languages = Counter(found for group in groups if (found := detect_language(group)))
    if not languages:
        return None, None
    name, count = min(languages.items(), key=lambda pair: (-pair[1], pair[0]))
    return name, count / -(-len(texts) // TOGETHER)


def _measure_language(items: ibis.Table, _: ibis.Table | None) -> Measured:
    name, share = detect_language(items)
    return {"language": name, "language_share": share}


def _measure_campaigns(contacts: ibis.Table, _: ibis.Table | None) -> Measured:
    held_back = (contacts["treated"] == False).fill_null(False)  # noqa: E712 - a column
    found = _fetch_row(
        contacts.aggregate(
            contacts=contacts.count(), campaigns=contacts["campaign_id"].nunique(), control=held_back.sum()
        )
    )
    return {**found, "treated": found["contacts"] - found["control"]}


def _measure_reviews(reviews: ibis.Table, _: ibis.Table | None) -> Measured:
    return _fetch_row(reviews.aggregate(reviews=(count_real_words(reviews["text"]) >= ENOUGH_WORDS).sum()))


def _measure_media(media: ibis.Table, set_aside: ibis.Table | None) -> Measured:
    """Measure media. A file is readable when it was decoded; one that its source never opened does not count."""
    readable = (media["corrupt"] == False).fill_null(False)  # noqa: E712 - a column
    image, audio = media["kind"] == "image", media["kind"] == "audio"
    found = _fetch_row(
        media.aggregate(
            images=(readable & image).sum(),
            recordings=(readable & audio).sum(),
            audio_seconds=media["duration_seconds"].sum(where=readable & audio),
            every_image=image.sum(),
            every_recording=audio.sum(),
        )
    )
    if set_aside is not None:
        kind = set_aside["kind"]
        held = _fetch_row(set_aside.aggregate(images=(kind == "image").sum(), recordings=(kind == "audio").sum()))
        found["every_image"] += held["images"]
        found["every_recording"] += held["recordings"]
    return {
        "images": found["images"],
        "readable_image_share": _share(found["images"], found["every_image"]),
        "audio_seconds": round(float(found["audio_seconds"]), 3),
        "readable_audio_share": _share(found["recordings"], found["every_recording"]),
    }


GROUPS = (
    Group("line_items", ("items",), _measure_lines),
    Group("items", ("described_share",), _measure_descriptions),
    Group("items", ("language", "language_share"), _measure_language),
    Group("contacts", ("contacts", "campaigns", "treated", "control"), _measure_campaigns),
    Group("reviews", ("reviews",), _measure_reviews),
    Group("media", ("images", "readable_image_share", "audio_seconds", "readable_audio_share"), _measure_media),
)
TABLE_OF: Mapping[str, str] = {name: group.table for group in GROUPS for name in group.names}
"""The table of each measure."""
