"""Vectors of items' texts, and what an encoder learned from the texts, stored with the version that it encoded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from capflow_assets.contract.embedding import CONTENT_HASH
from capflow_assets.contract.outcome import NotAvailable, Outcome
from capflow_assets.features.embeddings.batches import LeftOut
from capflow_assets.features.embeddings.encoders import FittedEncoder, learns, text_encoder
from capflow_assets.features.embeddings.encoding import EmbeddingJob, checksum, encode_to_parquet
from capflow_assets.features.embeddings.text import compose_texts, explain_too_few
from capflow_assets.features.facts import EmbeddingFacts, EncoderFit
from capflow_assets.raw.staging import stage_rows
from capflow_assets.run.reuse import unchanged_outcome

if TYPE_CHECKING:
    import ibis

    from capflow_assets.features.embeddings.batches import Batches
    from capflow_resources.lake import TableVersion

BATCH = 2048
MOST_CHANGED = 0.1
"""An encoder that learns does so again when more texts than this share are new since then."""


@dataclass(frozen=True)
class Work:
    """The texts to encode, and the version whose other vectors are reused, with what its encoder had learned."""

    todo: ibis.Table
    count: int
    before: TableVersion | None = None
    learned: bytes | None = None


def build_text(job: EmbeddingJob) -> Outcome:
    """Encode new and changed texts of items; NotAvailable if too few items are described."""
    run, id_column = job.run, job.embedding.id
    with stage_rows(run, job.embedding.name, compose_texts(job.read_rows())) as composed:
        counts = composed.aggregate(
            items=composed.count(), described=composed["described"].sum(), worded=composed["worded"].sum()
        )
        found = {name: value or 0 for name, value in counts.to_pyarrow().to_pylist()[0].items()}
        if reason := explain_too_few(found["items"], found["described"]):
            raise NotAvailable(f"'{run.name}': {reason}")
        left_out = LeftOut()
        if found["items"] > found["worded"]:
            left_out.reasons["without a real word"] = found["items"] - found["worded"]
        worded = composed.filter("worded").select(id_column, CONTENT_HASH, "text")
        work = _work(job, worded, found["worded"])
        kept = (
            None if work.before is None else job.read_vectors(work.before).semi_join(worded, [id_column, CONTENT_HASH])
        )
        if work.before is not None and not work.count and _rows(kept) == work.before.rows:
            return unchanged_outcome(work.before, job.asset, "every text")
        fitted = _encoder(job, work)
        with encode_to_parquet(job, fitted.encoder, _batches(work.todo), left_out) as (vectors, made):
            if not made and kept is None:
                raise NotAvailable(f"'{run.name}': {left_out.summary()}")
            everything = vectors if kept is None else vectors.union(kept.select(vectors.columns))
            return job.publish(
                everything, fitted.encoder, made, left_out, _store_fit(job, fitted, work, found["worded"])
            )


def _rows(table: ibis.Table | None) -> int:
    return 0 if table is None else int(table.count().to_pyarrow().as_py())


def _work(job: EmbeddingJob, worded: ibis.Table, count: int) -> Work:
    """Return the texts without a vector of the same encoder; all of them if too many are new for what it learned."""
    version = job.reusable_version
    if version is None:
        return Work(worded, count)
    todo = worded.anti_join(job.read_vectors(version), [job.embedding.id, CONTENT_HASH])
    new = _rows(todo)
    if not learns(job.encoding):
        return Work(todo, new, version)
    fit = _fit_of(version)
    learned = job.run.home.lake.document(job.run.name, _document(job, fit.sha256))
    if learned is None or fit.since + new > MOST_CHANGED * count:
        return Work(worded, count)
    return Work(todo, new, version, learned)


def _encoder(job: EmbeddingJob, work: Work) -> FittedEncoder:
    def contents() -> Iterator[str]:
        for _, found in _batches(work.todo):
            yield from found

    path: Path | None = job.model.path if job.model else None
    return text_encoder(job.encoding, path, contents, work.learned)


def _batches(todo: ibis.Table) -> Batches:
    """Yield texts by md5: all items mixed, in the same order each time, equal texts side by side."""
    for batch in todo.order_by([CONTENT_HASH, *todo.drop(CONTENT_HASH, "text").columns]).to_pyarrow_batches(
        chunk_size=BATCH
    ):
        yield batch, batch["text"].to_pylist()


def _store_fit(job: EmbeddingJob, fitted: FittedEncoder, work: Work, count: int) -> EncoderFit | None:
    """Store what was learned; return its checksum and how many texts are new since then."""
    if not fitted.learned:
        return None
    total = checksum(fitted.learned)
    if work.learned is None:
        job.run.home.lake.put_document(job.run.name, _document(job, total), fitted.learned)
        return EncoderFit(total, count, 0)
    assert work.before is not None
    fit = _fit_of(work.before)
    return replace(fit, since=fit.since + work.count)


def _fit_of(version: TableVersion) -> EncoderFit:
    fit = EmbeddingFacts.from_json(version.facts).fit
    assert fit is not None, "an encoder that learns records its fit"
    return fit


def _document(job: EmbeddingJob, total: str) -> str:
    return f"encoders/{job.embedding.name}/{total}.npz"
