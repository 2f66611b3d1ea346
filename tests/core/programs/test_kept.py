"""Loops that are compiled once for a function, and stay right when something changes."""

import functools
import gc
import itertools
import weakref

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cornu import layers, ops, random, utils
from cornu.core.frame import StatelessScope, purify
from cornu.core.variable import Variable

XS = jnp.arange(4.0)
FACTOR = 2.0


def total(body, xs=XS):
    """A scan of a sum: the last carry."""
    return float(ops.scan(body, 0.0, xs)[0])


def runs_of(counter):
    """How often `next(counter)` was called; a counter's state is seen by nobody."""
    return next(counter)


LOOPS = {
    "scan": lambda step: ops.scan(step["scan"], 0.0, XS)[0],
    "fori_loop": lambda step: ops.fori_loop(0, 4, step["fori_loop"], 0.0),
    "while_loop": lambda step: ops.while_loop(*step["while_loop"], (0, 0.0))[1],
    "while_loop with a limit": lambda step: ops.while_loop(
        *step["while_loop"], (0, 0.0), maximum_iterations=4
    )[1],
}


def steps(step):
    """`step(i, total) -> total` as the functions of each loop, made once."""
    while_loop = (lambda i, t: i < 4, lambda i, t: (i + 1, step(i, t)))
    return {
        "scan": lambda carry, x: (step(x, carry), x),
        "fori_loop": step,
        "while_loop": while_loop,
        "while_loop with a limit": while_loop,
    }


@pytest.mark.parametrize("how", LOOPS)
class TestLoops:
    def test_python_runs_until_the_program_is_there(self, how):
        runs = itertools.count()

        def step(i, t):
            next(runs)
            return t + i

        functions = steps(step)
        results = [float(LOOPS[how](functions)) for _ in range(3)]
        before = runs_of(runs)
        results += [float(LOOPS[how](functions)) for _ in range(3)]
        assert results == [6.0] * 6
        assert runs_of(runs) == before + 1  # the count itself

    def test_variables_are_arguments_and_results(self, how):
        scale, count = Variable(1.0), Variable(0, dtype="int32")

        def step(i, t):
            count.assign_add(1)
            return t + scale.value * i

        functions, results = steps(step), []
        for factor in (1.0, 2.0, 3.0, 4.0):
            scale.assign(factor)
            results.append(float(LOOPS[how](functions)))
        assert results == [6.0, 12.0, 18.0, 24.0]
        assert int(count.value) == 16

    def test_a_trace_around_it_carries_what_is_written(self, how):
        count = Variable(0, dtype="int32")

        def step(i, t):
            count.assign_add(1)
            return t + i

        functions = steps(step)
        for _ in range(3):
            LOOPS[how](functions)
        program = jax.jit(purify(lambda: LOOPS[how](functions), [count]))
        out, (after,) = program([jnp.int32(100)])
        assert (float(out), int(after), int(count.value)) == (6.0, 104, 12)
        with StatelessScope() as scope:
            LOOPS[how](functions)
        assert int(scope.get_current_value(count)) == 16
        assert int(count.value) == 12


class Holder:
    """An object with a setting and a body that reads it."""

    def __init__(self, factor):
        self.factor = factor

    def body(self, carry, x):
        return carry + self.factor * x, x


def by_cell():
    factor = 2.0

    def body(carry, x):
        return carry + factor * x, x

    def change(value):
        nonlocal factor
        factor = value

    return body, change


def by_global():
    def body(carry, x):
        return carry + FACTOR * x, x

    def change(value):
        globals()["FACTOR"] = value

    change(2.0)
    return body, change


def by_helper():
    def helper(x):
        return FACTOR * x

    def body(carry, x):
        return carry + helper(x), x

    return body, by_global()[1]


def by_default():
    def body(carry, x, factor=2.0):
        return carry + factor * x, x

    def change(value):
        body.__defaults__ = (value,)

    return body, change


def by_list():
    held = {"factors": [2.0]}

    def body(carry, x):
        return carry + held["factors"][0] * x, x

    return body, lambda value: held["factors"].__setitem__(0, value)


def by_numpy_array():
    held = np.array([2.0], "float32")

    def body(carry, x):
        return carry + held[0] * x, x

    return body, lambda value: held.__setitem__(0, value)


def by_jax_array():
    factor = jnp.float32(2.0)

    def body(carry, x):
        return carry + factor * x, x

    def change(value):
        nonlocal factor
        factor = jnp.float32(value)

    return body, change


def by_attribute():
    holder = Holder(2.0)

    def body(carry, x):
        return carry + holder.factor * x, x

    return body, functools.partial(setattr, holder, "factor")


def by_method():
    holder = Holder(2.0)
    return holder.body, functools.partial(setattr, holder, "factor")


def by_partial():
    holder = Slotted()

    def body(held, carry, x):
        return carry + held.factor * x, x

    return functools.partial(body, holder), functools.partial(setattr, holder, "factor")


class Slotted:
    __slots__ = ("factor",)


def by_class():
    class Settings:
        factor = 2.0

    def body(carry, x):
        return carry + Settings.factor * x, x

    return body, functools.partial(setattr, Settings, "factor")


@pytest.mark.parametrize(
    "make",
    [
        by_cell, by_global, by_helper, by_default, by_list, by_numpy_array, by_jax_array,
        by_attribute, by_method, by_class, by_partial,
    ],
)  # fmt: skip
def test_what_the_function_reads_may_change(make):
    body, change = make()
    for factor in (2.0, 2.0, 2.0, 3.0, 3.0, 3.0, 2.0):
        change(factor)
        assert total(body) == 6.0 * factor


def test_a_function_whose_surroundings_keep_changing():
    body, change = by_cell()
    for factor in range(15):
        change(float(factor))
        assert total(body) == 6.0 * factor


def test_methods_are_kept_too():
    runs = itertools.count()

    class Body:
        def step(self, carry, x):
            next(runs)
            return carry + x, x

    owner = Body()
    for _ in range(3):
        assert total(owner.step) == 6.0
    before = runs_of(runs)
    assert total(owner.step) == 6.0
    assert runs_of(runs) == before + 1
    assert total(Body().step) == 6.0  # another object's is another function
    assert runs_of(runs) > before + 2


def test_layers_with_state():
    rows = jnp.arange(24.0).reshape(4, 2, 3)
    results = {}
    for how in ("kept", "fresh"):
        norm, drop = layers.BatchNormalization(), layers.Dropout(0.5, seed=3)
        norm.build((2, 3))
        runs = itertools.count()

        def body(carry, x, norm=norm, drop=drop, runs=runs):
            next(runs)
            return carry, drop(norm(x, training=True), training=True)

        outs = []
        for _ in range(4):
            step = body if how == "kept" else (lambda c, x, body=body: body(c, x))
            outs.append(np.asarray(ops.scan(step, 0.0, rows)[1]))
        norm.trainable = False  # it takes the running statistics from now on
        outs.append(np.asarray(ops.scan(body, 0.0, rows)[1]))
        results[how] = outs, [v.numpy() for v in (*norm.variables, *drop.variables)]
        results[how + " runs"] = runs_of(runs)
    for a, b in zip(*(results[how][0] for how in ("kept", "fresh")), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5)
    for a, b in zip(*(results[how][1] for how in ("kept", "fresh")), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5)
    assert results["kept runs"] < results["fresh runs"]


def test_added_losses():
    layer = layers.ActivityRegularization(l2=1.0)

    def fresh_loss():
        layer(jnp.ones(2))
        return layer.losses[0]

    def body(carry, x):
        return carry, layer(x)

    expected = 3 * float(fresh_loss())
    for _ in range(4):
        ops.scan(body, 0.0, jnp.ones((3, 2)))
        (loss,) = layer.losses
        np.testing.assert_allclose(loss, expected, rtol=1e-6)


def test_random_numbers_start_anew_with_the_seed():
    def body(carry, x):
        return carry + random.uniform(()), x

    sums = []
    for _ in range(4):
        utils.set_random_seed(5)
        sums.append([total(body) for _ in range(3)])
    assert sums[0] == sums[1] == sums[2] == sums[3]
    assert len(set(sums[0])) == 3


def test_shapes_and_settings_are_told_apart():
    def body(carry, x):
        return carry + ops.sum(x), ops.ones(())

    for _ in range(3):
        assert total(body) == 6.0
        assert total(body, XS[:2]) == 1.0
        assert total(body, jnp.ones((3, 2))) == 6.0
        reverse = ops.scan(body, 0.0, XS, reverse=True)[0]
        assert float(reverse) == 6.0
    assert [float(ops.fori_loop(0, n, lambda i, t: t + i, 0.0)) for n in (3, 4)] == [3.0, 6.0]


def test_gradients_go_through():
    def body(carry, x):
        return carry * x, x

    def last(xs):
        return ops.scan(body, jnp.float32(1.0), xs)[0]

    for _ in range(3):
        assert float(last(XS + 1)) == 24.0
    assert jax.grad(last)(XS + 1).tolist() == [24.0, 12.0, 8.0, 6.0]


def test_functions_and_what_they_hold_are_let_go():
    def make():
        layer = layers.ActivityRegularization(l2=1.0)
        count = Variable(0, dtype="int32")

        def body(carry, x):
            count.assign_add(1)
            return carry, layer(x)

        layer.body = body
        for _ in range(3):
            ops.scan(body, 0.0, jnp.ones((3, 2)))
        return [weakref.ref(x) for x in (body, layer, count)]

    held = make()
    gc.collect()
    assert [ref() for ref in held] == [None, None, None]


def test_a_function_that_reaches_too_much_is_not_kept():
    held = np.ones(2**19, "float32")  # two mebibytes: nobody compares them at each call

    def body(carry, x):
        return carry + held[-1] * x, x

    for factor in (1.0, 1.0, 1.0, 2.0, 3.0):
        held[-1] = factor
        assert total(body) == 6.0 * factor
