"""LoRA: a low-rank correction beside a frozen kernel."""

import numpy as np
import pytest

from cornu import layers
from cornu.core.programs.lift import value_and_grad

X = np.random.default_rng(0).normal(size=(2, 5)).astype("float32")


@pytest.fixture
def dense():
    layer = layers.Dense(3, name="d")
    layer(X)
    return layer


def test_at_first_nothing_changes_but_what_is_trained(dense):
    before = dense(X)
    dense.enable_lora(2)
    np.testing.assert_allclose(dense(X), before, rtol=1e-6)
    assert [v.path for v in dense.trainable_variables] == [
        "d/bias", "d/lora_kernel_a", "d/lora_kernel_b",
    ]  # fmt: skip
    assert [v.path for v in dense.non_trainable_variables] == ["d/kernel"]
    assert (dense.lora_kernel_a.shape, dense.lora_kernel_b.shape) == ((5, 2), (2, 3))


def test_the_correction_is_added_with_its_scale(dense):
    kernel = dense.kernel.numpy()
    dense.enable_lora(2, lora_alpha=6)
    a, b = np.ones((5, 2), "float32"), np.ones((2, 3), "float32")
    dense.lora_kernel_a.assign(a)
    dense.lora_kernel_b.assign(b)
    kernel = kernel + 6 / 2 * a @ b
    np.testing.assert_allclose(dense.kernel, kernel, rtol=1e-6)
    np.testing.assert_allclose(dense(X), X @ kernel + dense.bias.numpy(), rtol=1e-5, atol=1e-5)


def test_gradients_reach_the_correction_alone(dense):
    dense.enable_lora(1)
    dense.lora_kernel_b.assign(np.ones((1, 3)))
    value, grads = value_and_grad(lambda: dense(X).sum(), dense.trainable_variables)()
    assert [g.shape for g in grads] == [(3,), (5, 1), (1, 3)]
    assert all(np.abs(g).sum() > 0 for g in grads)


def test_files_hold_the_merged_kernel(dense):
    dense.enable_lora(2)
    dense.lora_kernel_b.assign(np.ones((2, 3)))
    expected = dense(X)
    store = {}
    dense.save_own_variables(store)
    arrays = {key: np.asarray(value) for key, value in store.items()}
    assert sorted(arrays) == ["0", "1"]
    plain = layers.Dense(3)
    plain.build((None, 5))
    plain.load_own_variables(arrays)
    np.testing.assert_allclose(plain(X), expected, rtol=1e-5, atol=1e-6)
    dense.load_own_variables(arrays)  # the correction starts from zero again
    np.testing.assert_allclose(dense(X), expected, rtol=1e-5, atol=1e-6)


def test_by_the_constructor():
    layer = layers.Dense(3, lora_rank=2)
    layer(X)
    assert layer.lora_enabled
    assert layer.get_config()["lora_rank"] == 2
    again = layers.Dense.from_config(layer.get_config())
    again(X)
    assert again.lora_kernel_a.shape == (5, 2)


def test_what_is_refused(dense):
    with pytest.raises(ValueError, match="is not built, so LoRA has no kernel to work on"):
        layers.Dense(3).enable_lora(2)
    with pytest.raises(ValueError, match="rank must be a positive integer, got 0"):
        dense.enable_lora(0)
    constrained = layers.Dense(3, kernel_constraint="non_neg")
    constrained(X)
    with pytest.raises(ValueError, match="cannot be combined with the constraint"):
        constrained.enable_lora(2)
    dense.enable_lora(2)
    with pytest.raises(ValueError, match="LoRA is enabled on layer 'd' already"):
        dense.enable_lora(2)
