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
    md5: str = ""
    content: Any = None
    reason: str = ""


def build_media(job: EmbeddingJob) -> Outcome:
    """Encode new and changed files; NotAvailable if there is none that can be read."""
    run, embedding = job.run, job.embedding
    rows = job.read_rows()
    listed = rows.filter(rows["kind"] == embedding.medium)
    left_out, unchanged = LeftOut(), list[str]()
    keys = [name for name, _, _ in embedding.key]
    if not listed.count().to_pyarrow().as_py():
        raise NotAvailable(f"'{run.name}' sends no {NAMES[embedding.medium]}")
    encoder = media_encoder(embedding.medium, job.encoding, job.model.path if job.model else None)
    kept = None if job.reusable_version is None else job.read_vectors(job.reusable_version)
    with encode_to_parquet(job, encoder, _batches(job, listed, kept, unchanged, left_out), left_out) as (vectors, made):
        if not made and not unchanged:
            raise NotAvailable(f"'{run.name}': no {NAMES[embedding.medium]} can be used: {left_out.summary()}")
        everything = vectors if kept is None else vectors.union(_vectors_to_keep(listed.select(keys), kept, unchanged))
        return job.publish(everything, encoder, made, left_out)


def _batches(
    job: EmbeddingJob, listed: ibis.Table, kept: ibis.Table | None, unchanged: list[str], left_out: LeftOut
) -> Batches:
    """Read the files; yield the new ones to encode and append the ids of unchanged ones to `unchanged`."""
    id_column = job.embedding.id
    was = listed.mutate(was=_null()) if kept is None else _with_previous_md5(listed, kept, id_column)
    chosen = [*(name for name, _, _ in job.embedding.key), "uri", "was"]
    with ThreadPoolExecutor(THREADS) as pool:
        for batch in was.select(chosen).order_by(id_column).to_pyarrow_batches(chunk_size=BATCH):
            files = list(pool.map(lambda row: _read(job, row), batch.to_pylist()))
            yield _to_encode(batch, files, unchanged, left_out)


def _with_previous_md5(listed: ibis.Table, kept: ibis.Table, id_column: str) -> ibis.Table:
    marks = kept.select(id_column, was=kept[CONTENT_HASH])
    joined = listed.left_join(marks, id_column)
    return joined.select(*(name for name in listed.columns), "was")


def _null() -> ibis.Value:
    import ibis

    return ibis.null("string")


def _read(job: EmbeddingJob, row: dict[str, str]) -> File:
    """Read one file and decode it for its encoder. Raises SourceError if its place cannot be reached."""
    name = row[job.embedding.id]
    try:
        data = open_bytes(job.run.customer, row["uri"])
    except OutsideCollectionError:
        return File(name, reason="in no media source of the customer")
    md5 = hashlib.md5(data, usedforsecurity=False).hexdigest()
    if md5 == row["was"]:
        return File(name, md5)
    try:
        return File(name, md5, decode_file(job.embedding.medium, data))
    except Unreadable as reason:
        return File(name, md5, reason=str(reason))


def _to_encode(
    batch: pa.RecordBatch, files: list[File], unchanged: list[str], left_out: LeftOut
) -> tuple[pa.RecordBatch, list[Any]]:
    import pyarrow as pa

    unchanged += [file.name for file in files if file.content is None and not file.reason]
    for file in files:
        if file.reason:
            left_out.note(file.name, file.reason)
    new = [place for place, file in enumerate(files) if file.content is not None]
    rows = batch.take(pa.array(new, pa.int64()))
    marks = pa.array([files[place].md5 for place in new], pa.string())
    return rows.append_column(CONTENT_HASH, marks), [files[place].content for place in new]


def _vectors_to_keep(keys: ibis.Table, kept: ibis.Table, unchanged: list[str]) -> ibis.Table:
    """Return the kept vectors of unchanged files, with what the media table now says of each."""
    import ibis

    id_column = keys.columns[0]
    ids = ibis.memtable({id_column: unchanged}, schema={id_column: "string"})
    stay = kept.select(id_column, CONTENT_HASH, VECTOR).semi_join(ids, id_column)
    return keys.inner_join(stay, id_column).select(*keys.columns, CONTENT_HASH, VECTOR)
