"""Networks: one thread inside and as many as before outside; a Keras network as bytes without code."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from capflow_assets.methods.networks import dump_keras, keras_on_torch, load_keras, one_thread

REPOSITORY = Path(__file__).resolve().parents[2]
needs_keras = pytest.mark.skipif(find_spec("keras") is None, reason="needs capflow[keras]")


def test_threads_are_given_back() -> None:
    torch = pytest.importorskip("torch", reason="needs capflow[deep]")
    before = torch.get_num_threads()
    with one_thread():
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == before


@needs_keras
def test_a_keras_network_is_the_same_when_loaded() -> None:
    keras = keras_on_torch()
    assert keras.backend.backend() == "torch"
    layers = [keras.Input((3,), name="in"), keras.layers.Dense(12, name="hidden"), keras.layers.Dense(1, name="out")]
    network = keras.Sequential(layers, name="network")
    network.compile(loss="mse")
    files = dump_keras(network)
    assert b"compile_config" not in files["layers.json"]
    rows = np.random.default_rng(1).random((5, 3))
    np.testing.assert_array_equal(load_keras(files).predict(rows, verbose=0), network.predict(rows, verbose=0))
    assert dump_keras(load_keras(files)) == files


@needs_keras
def test_a_layer_with_code_is_refused() -> None:
    keras = keras_on_torch()
    network = keras.Sequential([keras.Input((3,)), keras.layers.Lambda(lambda rows: rows * 2)])
    with pytest.raises(ValueError, match="Lambda"):
        load_keras(dump_keras(network))


@needs_keras
def test_keras_leaves_a_replaced_standard_error_open() -> None:
    """In a process of its own: where it fails, it closes what pytest captures with, and no later test can run."""
    script = """
import io, logging.config, sys, types

sys.modules["keras"] = types.ModuleType("keras")  # only the handler of absl matters here, and Keras takes seconds
captured = sys.stderr = io.StringIO()
import absl.logging
from capflow_assets.methods.networks import keras_on_torch

keras_on_torch()
sys.stderr = sys.__stderr__
logging.config.dictConfig({"version": 1, "disable_existing_loggers": False})  # as Dagster does at each run
sys.exit(captured.closed)
"""
    assert subprocess.run([sys.executable, "-c", script], cwd=REPOSITORY, check=False).returncode == 0
