"""Low-rank corrections of the layers that have a matmul weight."""

import numpy as np
import pytest

from cornu.layers import Conv1D, Conv2D, Dense, EinsumDense, Embedding

IMAGE = np.random.default_rng(0).normal(size=(2, 5, 5, 3)).astype("float32")
ROWS = np.random.default_rng(1).normal(size=(2, 4, 3)).astype("float32")
IDS = np.array([[1, 2], [3, 0]])

LAYERS = [
    (lambda: Dense(4), ROWS, "kernel"),
    (lambda: Conv2D(4, 3), IMAGE, "kernel"),
    (lambda: EinsumDense("abc,cd->abd", (None, 4), bias_axes="d"), ROWS, "kernel"),
    (lambda: Embedding(5, 6), IDS, "embeddings"),
]


@pytest.mark.parametrize(
    ("make", "x", "name"), LAYERS, ids=["dense", "conv", "einsum", "embedding"]
)
def test_a_file_holds_the_merged_weight(make, x, name):
    layer = make()
    before = layer(x)
    layer.enable_lora(2)
    np.testing.assert_allclose(layer(x), before, atol=1e-6)  # the correction starts at zero
    assert [v.name for v in layer.non_trainable_variables] == [name]
    b = getattr(layer, f"lora_{name}_b")
    b.assign(np.ones(b.shape))
    corrected = layer(x)
    assert float(np.abs(corrected - before).max()) > 1e-3

    store = {}
    layer.save_own_variables(store)
    store = {key: np.asarray(getattr(value, "value", value)) for key, value in store.items()}
    plain = make()
    plain(x)
    plain.load_own_variables(store)
    np.testing.assert_allclose(plain(x), corrected, atol=1e-5)
    layer.load_own_variables(store)
    np.testing.assert_allclose(layer(x), corrected, atol=1e-5)


def test_lora_needs_a_built_layer_and_comes_once():
    with pytest.raises(ValueError, match="not built"):
        Dense(3).enable_lora(2)
    layer = Dense(3)
    layer(ROWS)
    layer.enable_lora(2)
    with pytest.raises(ValueError, match="already"):
        layer.enable_lora(2)


def test_the_factors_are_regularized_as_the_kernel():
    layer = Dense(5, kernel_regularizer="l2", lora_rank=2)
    layer(np.ones((2, 4)))
    assert len(layer.losses) == 2


def test_the_kernel_of_a_convolution_shows_the_correction():
    layer = Conv1D(3, 2)
    layer.build((None, 4, 2))
    before = layer.kernel.numpy()
    layer.enable_lora(2)
    layer.lora_kernel_a.assign(np.ones(layer.lora_kernel_a.shape))
    layer.lora_kernel_b.assign(np.ones(layer.lora_kernel_b.shape))
    np.testing.assert_allclose(layer.kernel, before + 2, rtol=1e-5)
