"""Vectors of items' texts, and what an encoder learned from the texts, stored with the version that it encoded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from capflow_assets.contract.embedding import CONTENT_HASH
from capflow_assets.contract.outcome import NotAvailable, Outcome
from capflow_assets.features.embeddings.batches import LeftOut
from capflow_assets.features.embeddings.encoders import FittedEncoder, learns, text_encoder
from capflow_assets.features.embeddings.encoding import EmbeddingJob, checksum, encode_to_parquet
from capflow_assets.features.embeddings.text import compose_texts, explain_too_few
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


def build_text(making: EmbeddingJob) -> Outcome:
    """Encode new and changed texts of items; NotAvailable if too few items are described."""
    run, id_column = making.run, making.embedding.id
    with stage_rows(run, making.embedding.name, compose_texts(making.rows())) as composed:
        counts = composed.aggregate(
            items=composed.count(), described=composed["described"].sum(), worded=composed["worded"].sum()
        )
        found = {name: value or 0 for name, value in counts.to_pyarrow().to_pylist()[0].items()}
        if reason := explain_too_few(found["items"], found["described"]):
            raise NotAvailable(f"'{run.name}': {reason}")
        left = LeftOut()
        if found["items"] > found["worded"]:
            left.reasons["without a real word"] = found["items"] - found["worded"]
        worded = composed.filter("worded").select(id_column, CONTENT_HASH, "text")
        work = _work(making, worded, found["worded"])
        kept = None if work.before is None else making.kept(work.before).semi_join(worded, [id_column, CONTENT_HASH])
        if work.before is not None and not work.count and _rows(kept) == work.before.rows:
            return unchanged_outcome(work.before, making.asset, "every text")
        fitted = _encoder(making, work)
        with encode_to_parquet(making, fitted.encoder, _batches(work.todo), left) as (vectors, made):
            if not made and kept is None:
                raise NotAvailable(f"'{run.name}': {left.told()}")
            everything = vectors if kept is None else vectors.union(kept.select(vectors.columns))
            return making.publish(everything, fitted.encoder, made, left, _fit(making, fitted, work, found["worded"]))


def _rows(table: ibis.Table | None) -> int:
    return 0 if table is None else int(table.count().to_pyarrow().as_py())


def _work(making: EmbeddingJob, worded: ibis.Table, count: int) -> Work:
    """Return the texts without a vector of the same encoder; all of them if too many are new for what it learned."""
    version = making.before
    if version is None:
        return Work(worded, count)
    todo = worded.anti_join(making.kept(version), [making.embedding.id, CONTENT_HASH])
    new = _rows(todo)
    if not learns(making.encoding):
        return Work(todo, new, version)
    fit = version.facts["fit"]
    learned = making.run.home.lake.document(making.run.name, _document(making, fit["sha256"]))
    if learned is None or fit["since"] + new > MOST_CHANGED * count:
        return Work(worded, count)
    return Work(todo, new, version, learned)


def _encoder(making: EmbeddingJob, work: Work) -> FittedEncoder:
    def contents() -> Iterator[str]:
        for _, found in _batches(work.todo):
            yield from found

    path: Path | None = making.model.path if making.model else None
    return text_encoder(making.encoding, path, contents, work.learned)


def _batches(todo: ibis.Table) -> Batches:
    """Yield texts by md5: all items mixed, in the same order each time, equal texts side by side."""
    for batch in todo.order_by([CONTENT_HASH, *todo.drop(CONTENT_HASH, "text").columns]).to_pyarrow_batches(
        chunk_size=BATCH
    ):
        yield batch, batch["text"].to_pylist()


def _fit(making: EmbeddingJob, fitted: FittedEncoder, work: Work, count: int) -> dict[str, Any]:
    """Store what was learned; return its checksum and how many texts are new since then."""
    if not fitted.learned:
        return {}
    total = checksum(fitted.learned)
    if work.learned is None:
        making.run.home.lake.put_document(making.run.name, _document(making, total), fitted.learned)
        return {"fit": {"sha256": total, "texts": count, "since": 0}}
    assert work.before is not None
    fit = work.before.facts["fit"]
    return {"fit": {**fit, "since": fit["since"] + work.count}}


def _document(making: EmbeddingJob, total: str) -> str:
    return f"encoders/{making.embedding.name}/{total}.npz"
