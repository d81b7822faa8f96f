"""torch and Keras on one thread, seeded; Keras networks as bytes that hold no code."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import BytesIO
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute with one torch thread inside: the same sums on every machine, and faster for small networks."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def dump_keras(network: keras.Model) -> dict[str, bytes]:
    """Return a Keras network as its layers (JSON) and weights (arrays). Name the layers: Keras would number them."""
    import numpy as np

    buffer = BytesIO()
    np.savez(buffer, **{f"{number:03d}": weights for number, weights in enumerate(network.get_weights())})
    layers = json.loads(network.to_json())
    layers.pop("compile_config", None)  # how it was trained is no part of what it predicts
    return {"layers.json": json.dumps(layers).encode(), "weights.npz": buffer.getvalue()}


def load_keras(files: Mapping[str, bytes]) -> keras.Model:
    """Load a network. Raises ValueError for a layer that holds code (Lambda): Keras' safe mode refuses it."""
    import numpy as np

    library = keras_on_torch()
    network = library.saving.deserialize_keras_object(json.loads(files["layers.json"]), safe_mode=True)
    with np.load(BytesIO(files["weights.npz"]), allow_pickle=False) as arrays:
        network.set_weights([arrays[name] for name in sorted(arrays.files)])
    return network


def keras_on_torch() -> Any:
    """Keras computing with torch, whatever else is installed; it reads its choice when it is first imported."""
    os.environ.setdefault("KERAS_BACKEND", "torch")
    import keras

    _keep_stderr_open()
    return keras


def _keep_stderr_open() -> None:
    """Let absl, which Keras logs with, write to the real standard error.

    Its handler holds the sys.stderr of the moment of import, and closes it with itself unless that still is sys.stderr.
    Dagster closes every log handler of the process at each run (logging.config.dictConfig): where pytest captured
    standard error at the import and something else did at the run, that closed pytest's file for all later tests.
    """
    from absl import logging as absl_logging

    absl_logging.get_absl_handler().python_handler.stream = sys.__stderr__
