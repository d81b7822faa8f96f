"""Vectors of pictures and recordings: each file is read once, and encoded if its bytes are new."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from capflow_assets.contract.embedding import CONTENT_HASH, VECTOR, Unreadable
from capflow_assets.contract.outcome import NotAvailable, Outcome
from capflow_assets.features.embeddings.batches import LeftOut
from capflow_assets.features.embeddings.encoders import decode_file, media_encoder
from capflow_assets.features.embeddings.encoding import EmbeddingJob, encode_to_parquet
from capflow_resources.sources.media.collection_rows import OutsideCollectionError
from capflow_resources.sources.media.media import open_bytes

if TYPE_CHECKING:
    import ibis
    import pyarrow as pa

    from capflow_assets.features.embeddings.batches import Batches

BATCH = 32
THREADS = 8
NAMES = {"image": "picture", "audio": "recording"}


@dataclass(frozen=True)
class File:
    """One file: the MD5 of its bytes, and its `content` if it is new or the `reason` why it cannot be used."""

    name: str
    mark: str = ""
    content: Any = None
    reason: str = ""


def build_media(making: EmbeddingJob) -> Outcome:
    """Encode new and changed files; NotAvailable if there is none that can be read."""
    run, embedding = making.run, making.embedding
    rows = making.rows()
    listed = rows.filter(rows["kind"] == embedding.medium)
    left, same = LeftOut(), list[str]()
    keys = [name for name, _, _ in embedding.key]
    if not listed.count().to_pyarrow().as_py():
        raise NotAvailable(f"'{run.name}' sends no {NAMES[embedding.medium]}")
    encoder = media_encoder(embedding.medium, making.encoding, making.model.path if making.model else None)
    kept = None if making.before is None else making.kept(making.before)
    with encode_to_parquet(making, encoder, _batches(making, listed, kept, same, left), left) as (vectors, made):
        if not made and not same:
            raise NotAvailable(f"'{run.name}': no {NAMES[embedding.medium]} can be used: {left.told()}")
        everything = vectors if kept is None else vectors.union(_reused_vectors(listed.select(keys), kept, same))
        return making.publish(everything, encoder, made, left, {})


def _batches(
    making: EmbeddingJob, listed: ibis.Table, kept: ibis.Table | None, same: list[str], left: LeftOut
) -> Batches:
    """Read the files; yield the new ones to encode and append the ids of unchanged ones to `same`."""
    id_column = making.embedding.id
    was = listed.mutate(was=_null()) if kept is None else _with_previous_md5(listed, kept, id_column)
    chosen = [*(name for name, _, _ in making.embedding.key), "uri", "was"]
    with ThreadPoolExecutor(THREADS) as pool:
        for batch in was.select(chosen).order_by(id_column).to_pyarrow_batches(chunk_size=BATCH):
            found = list(pool.map(lambda row: _read(making, row), batch.to_pylist()))
            yield _to_encode(batch, found, same, left)


def _with_previous_md5(listed: ibis.Table, kept: ibis.Table, id_column: str) -> ibis.Table:
    marks = kept.select(id_column, was=kept[CONTENT_HASH])
    joined = listed.left_join(marks, id_column)
    return joined.select(*(name for name in listed.columns), "was")


def _null() -> ibis.Value:
    import ibis

    return ibis.null("string")


def _read(making: EmbeddingJob, row: dict[str, str]) -> File:
    """Read one file and decode it for its encoder. Raises SourceError if its place cannot be reached."""
    name = row[making.embedding.id]
    try:
        data = open_bytes(making.run.customer, row["uri"])
    except OutsideCollectionError:
        return File(name, reason="in no media source of the customer")
    mark = hashlib.md5(data, usedforsecurity=False).hexdigest()
    if mark == row["was"]:
        return File(name, mark)
    try:
        return File(name, mark, decode_file(making.embedding.medium, data))
    except Unreadable as reason:
        return File(name, mark, reason=str(reason))


def _to_encode(
    batch: pa.RecordBatch, found: list[File], same: list[str], left: LeftOut
) -> tuple[pa.RecordBatch, list[Any]]:
    import pyarrow as pa

    same += [file.name for file in found if file.content is None and not file.reason]
    for file in found:
        if file.reason:
            left.note(file.name, file.reason)
    new = [place for place, file in enumerate(found) if file.content is not None]
    rows = batch.take(pa.array(new, pa.int64()))
    marks = pa.array([found[place].mark for place in new], pa.string())
    return rows.append_column(CONTENT_HASH, marks), [found[place].content for place in new]


def _reused_vectors(keys: ibis.Table, kept: ibis.Table, same: list[str]) -> ibis.Table:
    """Return the kept vectors of unchanged files, with what the media table now says of each."""
    import ibis

    id_column = keys.columns[0]
    ids = ibis.memtable({id_column: same}, schema={id_column: "string"})
    stay = kept.select(id_column, CONTENT_HASH, VECTOR).semi_join(ids, id_column)
    return keys.inner_join(stay, id_column).select(*keys.columns, CONTENT_HASH, VECTOR)
