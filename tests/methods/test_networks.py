"""Networks: one thread inside and as many as before outside; a Keras network as bytes without code."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import pytest

from capflow_assets.methods.networks import keras_files, keras_from, keras_on_torch, one_thread

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
    files = keras_files(network)
    assert b"compile_config" not in files["layers.json"]
    rows = np.random.default_rng(1).random((5, 3))
    np.testing.assert_array_equal(keras_from(files).predict(rows, verbose=0), network.predict(rows, verbose=0))
    assert keras_files(keras_from(files)) == files


@needs_keras
def test_a_layer_with_code_is_refused() -> None:
    keras = keras_on_torch()
    network = keras.Sequential([keras.Input((3,)), keras.layers.Lambda(lambda rows: rows * 2)])
    with pytest.raises(ValueError, match="Lambda"):
        keras_from(keras_files(network))
