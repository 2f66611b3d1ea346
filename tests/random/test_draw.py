"""The same numbers as Keras on JAX for the same integer seed; dropout by its moments."""

import os

os.environ["KERAS_BACKEND"] = "jax"

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

from cornu import ops, random
from cornu.core.symbolic import KerasTensor

LOGITS = np.random.default_rng(0).normal(size=(4, 5)).astype("float32")
DRAWS = [
    ("normal", ((3, 4),), {}),
    ("normal", ((3, 4),), {"mean": 2.0, "stddev": 0.5, "dtype": "bfloat16"}),
    ("uniform", ((3, 4),), {"minval": -1.0, "maxval": 3.0}),
    ("uniform", ((9,),), {"dtype": "float16"}),
    ("truncated_normal", ((50,),), {"mean": 1.0, "stddev": 2.0}),
    ("gamma", ((6,), 2.0), {}),
    ("beta", ((6,), 2.0, 3.0), {}),
    ("binomial", ((9,), 10.0, 0.3), {}),
    ("binomial", ((9,), 10.0, 0.3), {"dtype": "float16"}),
    ("randint", ((9,), 0, 7), {}),
    ("randint", ((9,), 0, 7), {"dtype": "uint8"}),
    ("categorical", (LOGITS, 6), {}),
    ("categorical", (LOGITS, 6), {"dtype": "int8"}),
    ("shuffle", (np.arange(20),), {}),
    ("shuffle", (np.arange(20).reshape(4, 5),), {"axis": 1}),
]


@pytest.mark.parametrize(("name", "args", "kwargs"), DRAWS)
def test_numbers_are_those_of_keras(name, args, kwargs):
    expected = getattr(keras.random, name)(*args, seed=5, **kwargs)
    got = getattr(random, name)(*args, seed=5, **kwargs)
    assert got.dtype == expected.dtype
    assert got.tolist() == expected.tolist()


def test_dropout_keeps_the_mean():
    x = jnp.ones((100, 100))
    y = random.dropout(x, 0.25, seed=1)
    assert set(np.unique(y)) == {0.0, np.float32(1 / 0.75)}
    assert abs(float(y.mean()) - 1) < 0.02
    assert random.dropout(x, 0.0) is x
    assert float(random.dropout(x, 1.0).sum()) == 0.0
    rows = random.dropout(x, 0.5, noise_shape=(100, 1), seed=1)
    assert bool((rows == rows[:, :1]).all())
    with pytest.raises(ValueError, match="rate"):
        random.dropout(x, 1.5)


def test_a_generator_gives_new_numbers_and_an_int_the_same():
    seeds = random.SeedGenerator(3)
    assert random.normal((2,), seed=seeds).tolist() != random.normal((2,), seed=seeds).tolist()
    assert random.normal((2,), seed=3).tolist() == random.normal((2,), seed=3).tolist()
    seeds = random.SeedGenerator(3)
    _, drawn = ops.scan(lambda c, _: (c, random.uniform((), seed=seeds)), 0, length=3)
    assert len(set(drawn.tolist())) == 3


def test_dtypes_are_checked():
    with pytest.raises(ValueError, match="randint"):
        random.uniform((2,), dtype="int32")
    with pytest.raises(ValueError, match="random.randint must be an integer dtype"):
        random.randint((2,), 0, 3, dtype="float32")
    with pytest.raises(ValueError, match="logits"):
        random.categorical(LOGITS[0], 2)


def test_symbolic_tensors_and_traces():
    assert random.dropout(KerasTensor((None, 3)), 0.5).shape == (None, 3)
    assert random.categorical(KerasTensor((None, 3)), 4).dtype == "int32"
    assert jax.jit(lambda: random.normal((2,), seed=1))().shape == (2,)
