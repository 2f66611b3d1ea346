"""Time loops against Keras' layers (values) and against the plain scan (gradients).

Tolerance: a few dozen dependent float32 steps; 2e-5 of the largest value leaves a margin of ten.
"""

import os

os.environ.setdefault("KERAS_BACKEND", "jax")

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from cornu.kernels.platform import targeting
from cornu.kernels.recurrence import gru, lstm, scan_time
from kernels.side_by_side import as_written, assert_near, optimized

BATCH, TIME, FEATURES, UNITS = 3, 6, 4, 5
MASK = jnp.array(
    [[0, 1, 1, 0, 1, 0], [1, 1, 1, 1, 1, 1], [0, 0, 0, 0, 0, 0]], bool
)  # late start with gaps, complete, nothing at all


def normal(*shape, seed=0):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape).astype("float32") * 0.5)


# ---- scan_time -----------------------------------------------------------------------------------


def running_sum(x, total):
    return total + x, total + x


def test_outputs_line_up_with_the_input_in_both_directions():
    xs = jnp.arange(1.0, 5.0)[:, None]
    last, outputs, final = scan_time(running_sum, jnp.zeros(1), xs)
    assert outputs[:, 0].tolist() == [1, 3, 6, 10] and last == final == 10
    last, outputs, final = scan_time(running_sum, jnp.zeros(1), xs, reverse=True)
    assert outputs[:, 0].tolist() == [10, 9, 7, 4] and last == final == 10


def test_a_mask_carries_output_and_state_over():
    xs = jnp.arange(1.0, 6.0)[:, None]
    mask = jnp.array([0, 1, 0, 1, 0], bool)[:, None]
    last, outputs, final = scan_time(running_sum, jnp.full(1, 10.0), xs, mask=mask)
    assert outputs[:, 0].tolist() == [0, 12, 12, 16, 16] and last == final == 16
    _, outputs, _ = scan_time(
        running_sum, jnp.full(1, 10.0), xs, mask=mask, zero_output_for_mask=True
    )
    assert outputs[:, 0].tolist() == [0, 12, 0, 16, 0]


def test_trees_of_inputs_states_and_outputs():
    def step(x, states):
        total, count = states["total"] + x["a"] * x["b"], states["count"] + 1
        return (total, count), {"total": total, "count": count}

    start = {"total": jnp.zeros(2), "count": jnp.zeros(2, jnp.int32)}
    xs = {"a": jnp.ones((3, 2)), "b": jnp.full((3, 2), 2.0)}
    for unroll in (False, True, 2):
        (total, count), _, final = scan_time(step, start, xs, unroll=unroll)
        assert total.tolist() == [6, 6] and count.tolist() == [3, 3]
        assert final["total"].tolist() == [6, 6]


# ---- fused layers --------------------------------------------------------------------------------


def lstm_arrays(bias=True):
    return (
        normal(BATCH, TIME, FEATURES),
        normal(BATCH, UNITS, seed=1),
        normal(BATCH, UNITS, seed=2),
        normal(FEATURES, 4 * UNITS, seed=3),
        normal(UNITS, 4 * UNITS, seed=4),
        normal(4 * UNITS, seed=5) if bias else None,
    )


def gru_arrays(reset_after, bias=True):
    shape = (2, 3 * UNITS) if reset_after else (3 * UNITS,)
    return (
        normal(BATCH, TIME, FEATURES),
        normal(BATCH, UNITS, seed=1),
        normal(FEATURES, 3 * UNITS, seed=3),
        normal(UNITS, 3 * UNITS, seed=4),
        normal(*shape, seed=5) if bias else None,
    )


# With a mask the Keras comparisons start from a state of zeros: before the first computed step,
# Keras shows the initial state in one of its loops and zeros in the other.
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("reverse", [False, True])
def test_lstm_equals_keras(masked, reverse):
    keras = pytest.importorskip("keras")
    x, h0, c0, *weights = lstm_arrays()
    h0 = 0 * h0 if masked else h0
    layer = keras.layers.LSTM(UNITS, return_sequences=True, return_state=True, go_backwards=reverse)
    layer.build(x.shape)
    layer.set_weights([np.asarray(w) for w in weights])
    mask = MASK if masked else None
    wanted, h, c = layer(x, initial_state=[h0, c0], mask=mask)
    wanted = jnp.flip(jnp.asarray(wanted), 1) if reverse else wanted  # Keras reverses the outputs
    got, got_h, got_c = lstm(x, h0, c0, *weights, mask, reverse)
    for mine, theirs in ((got, wanted), (got_h, h), (got_c, c)):
        assert_near(mine, jnp.asarray(theirs))


@pytest.mark.parametrize("reset_after", [False, True])
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("reverse", [False, True])
def test_gru_equals_keras(reset_after, masked, reverse):
    keras = pytest.importorskip("keras")
    x, h0, *weights = gru_arrays(reset_after)
    h0 = 0 * h0 if masked else h0
    layer = keras.layers.GRU(
        UNITS,
        return_sequences=True,
        return_state=True,
        go_backwards=reverse,
        reset_after=reset_after,
    )
    layer.build(x.shape)
    layer.set_weights([np.asarray(w) for w in weights])
    mask = MASK if masked else None
    wanted, h = layer(x, initial_state=h0, mask=mask)
    wanted = jnp.flip(jnp.asarray(wanted), 1) if reverse else wanted
    got, got_h = gru(x, h0, *weights, mask, reverse, reset_after)
    assert_near(got, jnp.asarray(wanted))
    assert_near(got_h, jnp.asarray(h))


def test_outputs_before_the_first_computed_step_are_zero():
    x, h0, c0, *weights = lstm_arrays()
    outputs, h, c = lstm(x, h0, c0, *weights, MASK)
    assert not outputs[0, 0].any() and outputs[0, 1].any()
    assert not outputs[2].any()  # nothing computed: no output, and the state stays
    assert_near(h[2], h0[2])
    assert_near(c[2], c0[2])


def weighted_sum(results):
    """A scalar that every result takes part in, with different weights."""
    return sum((r * normal(*r.shape, seed=9 + n)).sum() for n, r in enumerate(results))


CELLS = {
    "lstm": (lstm, lstm_arrays(), ()),
    "lstm without bias": (lstm, lstm_arrays(bias=False), ()),
    "gru reset after": (gru, gru_arrays(True), (True,)),
    "gru reset before": (gru, gru_arrays(False), (False,)),
    "gru without bias": (gru, gru_arrays(True, bias=False), (True,)),
}


# The bias plays no part in how masks and directions are handled: one way with each will do.
DIRECTIONS = [
    (name, masked, reverse)
    for name in CELLS
    for masked in (False, True)
    for reverse in (False, True)
    if "without bias" not in name or masked != reverse
]


@pytest.mark.parametrize(("name", "masked", "reverse"), DIRECTIONS)
def test_gradients_equal_those_of_the_plain_scan(name, masked, reverse):
    cell, arrays, last = CELLS[name]
    mask = MASK if masked else None
    numbers = tuple(n for n, a in enumerate(arrays) if a is not None)
    slopes = jax.grad(lambda *a: weighted_sum(cell(*a, mask, reverse, *last)), numbers)
    got = optimized(slopes, *arrays)
    with targeting("gpu"):
        wanted = as_written(lambda *a: slopes(*a), *arrays)  # the plain form
    for mine, theirs in zip(got, wanted, strict=True):
        assert_near(mine, theirs)


@pytest.mark.parametrize("name", ["lstm", "gru reset after"])
def test_training_inside_a_loop(name):
    cell, (x, *arrays), last = CELLS[name]

    def descend(arrays):
        gradient = jax.grad(lambda a: weighted_sum(cell(x, *a, None, False, *last)))
        step = lambda _, a: jax.tree.map(lambda p, g: p - 0.01 * g, a, gradient(a))  # noqa: E731
        return lax.fori_loop(0, 3, step, arrays)

    got = optimized(descend, arrays)
    with targeting("gpu"):
        wanted = as_written(lambda a: descend(a), arrays)
    for mine, theirs in zip(got, wanted, strict=True):
        assert_near(mine, theirs)


@pytest.mark.parametrize("masked, reverse", [(False, False), (True, True)])
@pytest.mark.parametrize("name", ["lstm", "gru reset after"])
def test_gradient_of_a_gradient(name, masked, reverse):
    cell, (x, *arrays), last = CELLS[name]
    mask = MASK if masked else None
    value = lambda x: weighted_sum(cell(x, *arrays, mask, reverse, *last))  # noqa: E731
    norm = lambda x: jnp.square(jax.grad(value)(x)).sum()  # noqa: E731
    got = optimized(jax.grad(norm), x)
    with targeting("gpu"):
        wanted = as_written(lambda x: jax.grad(norm)(x), x)  # traced anew: another lowering
    assert_near(got, wanted, 1e-4)


@pytest.mark.parametrize("name", ["lstm", "gru reset after"])
def test_vmap_over_sequences_values_and_gradients(name):
    cell, (x, *arrays), last = CELLS[name]
    value = lambda x: weighted_sum(cell(x, *arrays, None, False, *last))  # noqa: E731
    for function in (lambda x: cell(x, *arrays, None, False, *last)[0], jax.grad(value)):
        together = jax.jit(jax.vmap(function))(jnp.stack([x, 2 * x]))
        assert_near(together[1], jax.jit(function)(2 * x))


@pytest.mark.parametrize("name", CELLS)
def test_no_steps_leave_the_state_as_it_is(name):
    cell, (x, *arrays), last = CELLS[name]
    outputs, h, *_ = cell(x[:, :0], *arrays, None, False, *last)
    assert outputs.shape == (BATCH, 0, UNITS) and (h == arrays[0]).all()


def test_float64_is_computed_in_float64():
    with jax.enable_x64(True):
        arrays = [np.asarray(a, "float64") for a in lstm_arrays()]
        loss = lambda *a: weighted_sum(lstm(*a))  # noqa: E731
        got = jax.grad(loss, (0, 3, 4, 5))(*arrays)
        with targeting("gpu"):
            wanted = jax.grad(loss, (0, 3, 4, 5))(*arrays)
        for mine, theirs in zip(got, wanted, strict=True):
            assert mine.dtype == jnp.float64
            assert_near(mine, theirs, 1e-12)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_keeps_its_type(dtype):
    arrays = [a.astype(dtype) for a in lstm_arrays()]
    results = lstm(*arrays)
    assert {str(r.dtype) for r in results} == {dtype}
    exact = lstm(*(a.astype("float32") for a in arrays))[0]
    assert_near(results[0].astype("float32"), exact, float(jnp.finfo(dtype).eps))


@pytest.mark.parametrize("spec", [f"b, {TIME}, {FEATURES}", f"b, t, {FEATURES}"])
def test_symbolic_sizes(spec):
    x, h0, c0, *weights = lstm_arrays()
    shape = jax.export.symbolic_shape(spec)

    def run(x):
        zeros = jnp.zeros((x.shape[0], UNITS))
        return lstm(x, zeros, zeros, *weights)[0]

    exported = jax.export.export(jax.jit(run))(jax.ShapeDtypeStruct(shape, jnp.float32))
    assert_near(exported.call(x), run(x))
