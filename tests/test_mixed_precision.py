"""Mixed precision from the policy to the file: what computes in which dtype, and that it learns."""

import keras as real_keras
import numpy as np
import pytest

import cornu as keras
from cornu import layers, mixed_precision, optimizers

RNG = np.random.default_rng(0)
X = RNG.normal(size=(64, 4)).astype("float32")
Y = (X @ RNG.normal(size=(4, 3))).argmax(-1)


@pytest.fixture(autouse=True)
def global_policy_restored():
    yield
    mixed_precision.set_global_policy("float32")


def classifier():
    keras.utils.set_random_seed(1)
    return keras.Sequential(
        [keras.Input((4,)), layers.Dense(16, "relu", name="wide"), layers.Dense(3, "softmax")]
    )


def trained(optimizer, **settings):
    """The model, and the losses of its epochs."""
    model = classifier()
    model.compile(optimizer, "sparse_categorical_crossentropy", **settings)
    losses = model.fit(X, Y, batch_size=16, epochs=6, shuffle=False, verbose=0).history["loss"]
    return model, np.array(losses)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_it_learns_as_in_single_precision(policy):
    _, single = trained(optimizers.Adam(0.01))
    mixed_precision.set_global_policy(policy)
    model, mixed = trained(optimizers.Adam(0.01))
    np.testing.assert_allclose(mixed, single, rtol=0.02)
    assert {v.dtype for v in model.weights} == {"float32"}
    assert {layer.compute_dtype for layer in model.layers} == {policy.removeprefix("mixed_")}
    scales = isinstance(model.optimizer, optimizers.LossScaleOptimizer)
    assert scales == (policy == "mixed_float16")
    assert model.predict(X, verbose=0).dtype == policy.removeprefix("mixed_")


@pytest.mark.parametrize("settings", [{}, {"steps_per_execution": 2}, {"run_eagerly": True}])
def test_the_loss_is_scaled_by_the_scale_of_its_step(settings):
    """Also after the scale has doubled, inside one compiled program."""
    _, plain = trained(optimizers.SGD(0.1), **settings)
    growing = optimizers.LossScaleOptimizer(optimizers.SGD(0.1), 8.0, dynamic_growth_steps=5)
    _, scaled = trained(growing, **settings)
    np.testing.assert_allclose(scaled, plain, rtol=1e-6)
    assert float(growing.dynamic_scale.value) == 8.0 * 2**4  # 24 steps


def test_a_scale_that_is_too_large_comes_down():
    """Gradients in float16 overflow at first; those steps are left out, the others count."""
    mixed_precision.set_global_policy("mixed_float16")
    optimizer = optimizers.LossScaleOptimizer(optimizers.SGD(0.1), initial_scale=2.0**24)
    _, losses = trained(optimizer)
    skipped = 24 - int(optimizer.iterations.value)
    assert 0 < skipped < 12
    assert float(optimizer.dynamic_scale.value) == 2.0 ** (24 - skipped)
    assert losses[-1] < losses[0]


def test_a_policy_for_each_layer():
    keras.utils.set_random_seed(1)
    half = layers.Dense(4, dtype="mixed_bfloat16")
    whole = layers.Dense(2, dtype="float32")
    model = keras.Sequential([keras.Input((4,)), half, whole])
    assert model(X).dtype == "float32" and half(X).dtype == "bfloat16"

    policies = keras.dtype_policies.DTypePolicyMap("float32", {"wide": "mixed_bfloat16"})
    wide, narrow = layers.Dense(4, dtype=policies, name="wide"), layers.Dense(2, dtype=policies)
    assert wide(X).dtype == "bfloat16" and narrow(X).dtype == "float32"
    again = layers.Dense.from_config(wide.get_config())
    assert again.dtype_policy.name == wide.dtype_policy.name
    assert again(X).dtype == "bfloat16"


def test_the_state_of_the_scale_is_saved(tmp_path):
    mixed_precision.set_global_policy("mixed_float16")
    model, _ = trained(optimizers.Adam(0.01))
    model.optimizer.dynamic_scale.assign(512.0)
    model.save(tmp_path / "model.keras")
    mixed_precision.set_global_policy("float32")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert again.layers[0].dtype_policy.name == "mixed_float16"
    assert float(again.optimizer.dynamic_scale.value) == 512.0
    for a, b in zip(again.optimizer.variables, model.optimizer.variables, strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())
    np.testing.assert_array_equal(again.predict(X, verbose=0), model.predict(X, verbose=0))


@pytest.mark.parametrize("library", [keras, real_keras])
def test_another_policy_of_a_layer_with_a_map_is_the_maps(library):
    policies = library.dtype_policies.DTypePolicyMap()
    layer = library.layers.Dense(2, dtype=policies)
    layer.build((None, 3))
    for name in ("mixed_bfloat16", "mixed_float16"):
        layer.dtype_policy = name
        assert policies[layer.path].name == name and layer.compute_dtype == name[6:]
