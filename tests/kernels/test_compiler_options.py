"""Options of the compiler: for the programs that need them, and without other numbers."""

import numpy as np

import cornu as keras
from cornu.kernels.compiler_options import compiler_options
from cornu.kernels.platform import targeting


class Shaped:
    def __init__(self, *shape):
        self.shape = shape


def test_only_large_narrow_arrays_ask_for_one():
    second = {"xla_backend_optimization_level": 2}
    assert compiler_options([Shaped(3, 3), Shaped(10_000, 16)]) == second
    assert compiler_options([Shaped(100, 16)]) is None
    assert compiler_options([Shaped(100_000, 8), Shaped(100_000, 32)]) is None
    assert compiler_options([Shaped(1 << 20)]) is None
    assert compiler_options([]) is None
    with targeting("gpu"):
        assert compiler_options([Shaped(10_000, 16)]) is None


def trained(rows, run_eagerly, epochs=2):
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [keras.Input((3,), dtype="int32"), keras.layers.Embedding(rows, 16),
         keras.layers.Flatten(), keras.layers.Dense(1)]
    )  # fmt: skip
    model.compile("adam", "mse", run_eagerly=run_eagerly)
    x = np.random.default_rng(0).integers(0, rows, (50, 3)).astype("int32")
    y = x.sum(1, keepdims=True).astype("float32") / rows
    history = model.fit(x, y, batch_size=16, epochs=epochs, verbose=0).history["loss"]
    return history, model.predict(x, verbose=0)


def test_a_large_table_of_embeddings_learns_the_same():
    (losses, outputs), (wanted, eager) = trained(5000, False), trained(5000, True)
    np.testing.assert_allclose(losses, wanted, rtol=1e-4)
    np.testing.assert_allclose(outputs, eager, rtol=1e-4, atol=1e-5)
