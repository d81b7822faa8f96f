"""features/item_text, media_image, media_audio: encode what is new or has changed, reuse all other vectors.

They are computed in this process, batch by batch, whatever the customer's engine; on Spark that is the driver.
"""

from __future__ import annotations

from capflow_assets.contract.embedding import Embedding
from capflow_assets.contract.outcome import NotAvailable, Outcome
from capflow_assets.features.embeddings.build_media import build_media
from capflow_assets.features.embeddings.build_text import build_text
from capflow_assets.features.embeddings.encoding import EmbeddingJob
from capflow_assets.features.facts import EmbeddingFacts
from capflow_assets.run.catalogue import embeddings
from capflow_assets.run.customer_run import CustomerRun
from capflow_assets.run.reuse import find_reusable
from capflow_resources.sources.errors import file_name
from capflow_resources.weights import find_weights
from partitions.embeddings_form import NONE, default_encoding


def build(run: CustomerRun, asset: str) -> Outcome:
    """Encode what is new or has changed, reuse all other vectors, and publish both."""
    job = _job(run, embeddings()[asset.removeprefix("features/")])
    if fresh := find_reusable(run, asset, job.fingerprint):
        return fresh
    return build_text(job) if job.embedding.medium == "text" else build_media(job)


def _job(run: CustomerRun, embedding: Embedding) -> EmbeddingJob:
    where = f"embeddings.{embedding.medium}"
    encoding = run.customer.embeddings.get(embedding.medium, default_encoding(embedding.medium))
    if encoding.kind == NONE:
        raise NotAvailable(f"{where} is {NONE} in {file_name(run.customer)}")
    if embedding.table not in run.tables():
        raise NotAvailable(f"'{run.name}' does not send {embedding.table}")
    if not encoding.model:
        return EmbeddingJob(run, embedding, encoding, None)
    version = run.version(f"features/{embedding.name}")
    recorded = EmbeddingFacts.from_json(version.facts).model if version else None
    return EmbeddingJob(run, embedding, encoding, find_weights(run.customer, where, encoding.model, recorded))
