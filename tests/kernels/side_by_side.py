"""A kernel beside a plain form of it: values and gradients, one program for each."""

import jax
import jax.numpy as jnp
import numpy as np

# The plain form need not be fast, so LLVM may leave it as it is.
AS_WRITTEN = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}
# The kernel is compiled as for users, however lightly other programs of the tests are.
AS_FOR_USERS = {"xla_backend_optimization_level": 3, "xla_llvm_disable_expensive_passes": False}


def normal(*shape, seed=0):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape).astype("float32"))


def assert_near(got, wanted, tolerance=2e-5):
    """Within a part of the largest value."""
    assert got.shape == wanted.shape and got.dtype == wanted.dtype
    got, wanted = np.asarray(got, "float64"), np.asarray(wanted, "float64")
    assert np.abs(got - wanted).max() <= tolerance * max(np.abs(wanted).max(), 1.0)


def as_written(fn, *arrays):
    """The result of a plain form."""
    return jax.jit(fn, compiler_options=AS_WRITTEN)(*arrays)


def optimized(fn, *arrays):
    """The result of a kernel, compiled as for users."""
    return jax.jit(fn, compiler_options=AS_FOR_USERS)(*arrays)


def pulled(fn):
    """The value of a function and the gradients that a normal cotangent pulls back."""

    def both(*arrays):
        value, pull = jax.vjp(fn, *arrays)
        return value, *pull(normal(*value.shape, seed=9).astype(value.dtype))

    return both


def assert_same_values_and_gradients(kernel, plain, *arrays, tolerance=2e-5):
    """A kernel and its plain form agree, forwards and backwards."""
    got, wanted = optimized(pulled(kernel), *arrays), as_written(pulled(plain), *arrays)
    for mine, theirs in zip(got, wanted, strict=True):
        assert_near(mine, theirs, tolerance)
