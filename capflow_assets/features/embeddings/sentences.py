"""Pretrained models of sentence-transformers, for texts and (CLIP) for pictures; from a folder, safetensors only.

N. Reimers, I. Gurevych, "Sentence-BERT", EMNLP 2019; A. Radford et al., "Learning Transferable Visual Models From
Natural Language Supervision", ICML 2021.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from capflow_assets.contract.embedding import EmbeddingError, normalise_rows
from capflow_assets.features.embeddings.tokens import plain_text

if TYPE_CHECKING:
    import numpy as np

BATCH = 64


@dataclass(frozen=True)
class SentenceEncoder:
    """A loaded model, on the `device` that it computes on: cuda if there is one, else cpu."""

    model: Any
    device: str
    dimensions: int

    def encode(self, contents: Sequence[Any]) -> np.ndarray:
        """Return the vectors of texts, or of pictures if the model reads them, of length 1."""
        import numpy as np

        given = [plain_text(content) if isinstance(content, str) else content for content in contents]
        found = self.model.encode(given, batch_size=BATCH, convert_to_numpy=True, show_progress_bar=False)
        return normalise_rows(np.asarray(found, dtype=np.float64))


def load_sentences(folder: Path, where: str) -> SentenceEncoder:
    """Load the model in a folder; nothing is fetched and no code of the folder is run. Raises EmbeddingError.

    `where` names the setting that asks for it.
    """
    missing = [name for name in ("torch", "sentence_transformers") if find_spec(name) is None]
    if missing:
        raise EmbeddingError(f"{where} needs {' and '.join(missing)}: pip install 'capflow[deep]'")
    if not any(folder.rglob("*.safetensors")):
        remedy = "save it with SentenceTransformer.save (safe_serialization), pickled weights are not opened"
        raise EmbeddingError(f"{where}: {folder} holds no *.safetensors; {remedy}")
    import torch
    from sentence_transformers import SentenceTransformer

    device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        model = SentenceTransformer(
            str(folder),
            device=device,
            local_files_only=True,
            trust_remote_code=False,
            model_kwargs={"use_safetensors": True},
        )
    except Exception as error:  # anything: the files of a model are somebody else's
        what = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        raise EmbeddingError(f"{where}: {folder} is no model of sentence-transformers ({what})") from error
    return SentenceEncoder(model.eval(), device, len(model.encode("a", show_progress_bar=False)))
