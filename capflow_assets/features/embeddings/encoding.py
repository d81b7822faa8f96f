"""One embedding of one customer: what encodes it, which vectors are reused, and how all of them are published."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from capflow_assets.contract.embedding import VECTOR, Embedding, Encoder
from capflow_assets.contract.outcome import Outcome
from capflow_assets.features.embeddings.batches import LeftOut, encode_batches, vector_schema
from capflow_assets.features.facts import EmbeddingFacts, EncoderFit
from capflow_assets.run.code_version import code_version
from capflow_assets.run.customer_run import CustomerRun
from capflow_assets.run.customer_run import fingerprint as hash_inputs
from capflow_resources.lake import TableVersion
from capflow_resources.weights import Weights
from partitions.customer import Encoding

if TYPE_CHECKING:
    import ibis

    from capflow_assets.features.embeddings.batches import Batches

PACKAGE = "capflow_assets.features.embeddings"
MODULES = {
    "lsa": ("text", "lsa"),
    "words": ("text", "word_average", "word_vectors"),
    "sentence-transformers": ("text", "sentences"),
    "pixels": ("pixels",),
    "clip": ("pixels", "sentences"),
    "mfcc": ("mfcc",),
}
"""What decides a vector, by kind of encoder: when it changes, all vectors are made anew."""


@dataclass(frozen=True)
class EmbeddingJob:
    """One embedding of one customer: its encoder, and the version of the same encoder whose vectors are reused."""

    run: CustomerRun
    embedding: Embedding
    encoding: Encoding
    model: Weights | None

    @property
    def asset(self) -> str:
        """features/<name>."""
        return f"features/{self.embedding.name}"

    @property
    def source(self) -> str:
        """The table that is embedded."""
        return f"validated/{self.embedding.table}"

    @cached_property
    def made_by(self) -> str:
        """The fingerprint of the encoder, its settings, weights and code: vectors with the same one can be compared."""
        code = code_version(__name__, *(f"{PACKAGE}.{module}" for module in MODULES[self.encoding.kind]))
        weighed = self.model.sha256 if self.model else None
        return hash_inputs(kind=self.encoding.kind, options=dict(self.encoding.options), model=weighed, code=code)

    @cached_property
    def fingerprint(self) -> str:
        """The fingerprint of the whole table."""
        return hash_inputs(validated=self.run.number(self.source), made_by=self.made_by)

    @cached_property
    def reusable_version(self) -> TableVersion | None:
        """The version whose vectors may be reused."""
        version = self.run.version(self.asset)
        same = version is not None and EmbeddingFacts.from_json(version.facts).made_by == self.made_by
        return version if same and not self.run.force else None

    def read_rows(self) -> ibis.Table:
        """Read the validated table in this process."""
        return self._read(self.source, self.run.number(self.source))

    def read_vectors(self, version: TableVersion) -> ibis.Table:
        """Read the vectors of a version."""
        return self._read(self.asset, version.version)

    def _read(self, asset: str, number: int | None) -> ibis.Table:
        return self.run.home.lake.read(self.run.name, asset, self.run.landing, number)

    def publish(
        self, vectors: ibis.Table, encoder: Encoder, made: int, left_out: LeftOut, fit: EncoderFit | None = None
    ) -> Outcome:
        """Write all vectors, with what encoded them."""
        model = {} if self.model is None else {"state": self.model.state, "sha256": self.model.sha256}
        facts = EmbeddingFacts(
            fingerprint=self.fingerprint,
            made_by=self.made_by,
            encoder={"kind": self.encoding.kind, **self.encoding.options},
            dimensions=encoder.dimensions,
            model=model,
            inputs={self.source: self.run.number(self.source)},
            left_out=left_out.reasons,
            fit=fit,
        )
        written = self.run.write(self.asset, vectors, facts.to_json())
        metadata: dict[str, Any] = {
            "rows": written.rows,
            "version": written.version,
            "encoder": self.encoding.kind,
            "dimensions": encoder.dimensions,
            "encoded": made,
            "reused": written.rows - made,
        }
        if left_out.reasons:
            metadata |= {"left_out": left_out.summary(), "examples": "; ".join(left_out.examples)}
        if model:
            metadata["model_sha256"] = model["sha256"]
        return Outcome(self.asset, "done", facts=metadata, fingerprint=self.fingerprint)


@contextmanager
def encode_to_parquet(
    job: EmbeddingJob, encoder: Encoder, batches: Batches, left_out: LeftOut
) -> Iterator[tuple[ibis.Table, int]]:
    """Encode batches to a file under the home, removed afterwards; yield its table and the number of rows."""
    import pyarrow.parquet as pq

    folder = job.run.home.path / "staging" / job.run.name / f"{job.embedding.name}_vectors"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    made = 0
    try:
        with pq.ParquetWriter(folder / "vectors.parquet", vector_schema(job.embedding, encoder.dimensions)) as writer:
            for batch in encode_batches(job.embedding, encoder, batches, left_out):
                writer.write_batch(batch)
                made += batch.num_rows
        yield _as_in_the_lake(job.run.landing.read_parquet(str(folder / "vectors.parquet"))), made
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _as_in_the_lake(vectors: ibis.Table) -> ibis.Table:
    """Return vectors as lists of any length: Delta has no lists of a fixed length."""
    return vectors.mutate(**{VECTOR: vectors[VECTOR].cast("array<float32>")})


def checksum(learned: bytes) -> str:
    """Return the SHA-256 that identifies a fit."""
    return hashlib.sha256(learned).hexdigest()
