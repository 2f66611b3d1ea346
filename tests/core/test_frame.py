"""Frames: the values of variables during a trace."""

import os
import threading

os.environ.setdefault("KERAS_BACKEND", "jax")

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

import cornu
from cornu.context import local
from cornu.core.frame import (
    AddedLoss,
    Frame,
    StatelessScope,
    eagerly,
    effects_of,
    frame_for_writing,
    frame_of,
    is_tracer,
    is_tracing,
    purify,
)
from cornu.core.variable import Variable


@pytest.fixture
def v():
    return Variable(1.0, name="v")


@pytest.fixture
def w():
    return Variable([2.0, 3.0], name="w")


class TestFrame:
    def test_reads_and_writes_stay_inside(self, v):
        with Frame([v], [jnp.float32(5)]) as frame:
            assert float(v.value) == 5
            v.assign_add(1.0)
            assert float(v.value) == float(frame[v]) == 6
        assert float(v.value) == 1

    def test_frames_nest_and_the_innermost_that_knows_wins(self, v, w):
        with Frame([v, w], [jnp.float32(10), w.value * 10]) as outer:
            with Frame([v], [jnp.float32(100)]) as inner:
                assert float(v.value) == 100
                assert w.value.tolist() == [20, 30]
                v.assign(101.0)
                w.assign([0.0, 0.0])
            assert float(inner[v]) == 101
            assert float(outer[v]) == 10
            assert outer[w].tolist() == [0, 0]
        assert w.value.tolist() == [2, 3]

    def test_an_error_leaves_nothing_behind(self, v):
        with pytest.raises(ZeroDivisionError), Frame([v], [jnp.float32(5)]), Frame([], []):
            v.assign(7.0)
            raise ZeroDivisionError
        assert local.frame is None
        assert float(v.value) == 1

    def test_one_value_a_variable(self, v):
        with pytest.raises(ValueError, match="got 1 variables and 2 values"):
            Frame([v], [1, 2])

    def test_only_an_open_ended_frame_takes_writes_to_strangers(self, v, w):
        with Frame([v], [v.value]):
            assert frame_for_writing(w) is None
            w.assign([9.0, 9.0])
        assert w.value.tolist() == [9, 9]
        with Frame(open_ended=True) as frame:
            assert frame_of(w) is None
            assert frame_for_writing(w) is frame
            w.assign([0.0, 0.0])
            assert [id(held) for held in frame.held()] == [id(w)]
            assert w in frame
            assert v not in frame
        assert w.value.tolist() == [9, 9]

    def test_values_come_in_the_order_asked(self, v, w):
        with Frame([v, w], [1, 2]) as frame:
            assert frame.values_of([w, v]) == [2, 1]

    def test_another_thread_sees_the_concrete_value(self, v):
        seen = []
        started, done = threading.Event(), threading.Event()

        def reader():
            started.wait()
            seen.append((local.frame, float(v.value)))
            v.assign(3.0)
            done.set()

        thread = threading.Thread(target=reader)
        thread.start()

        @jax.jit
        def traced(x):
            with Frame([v], [x]):
                v.assign(v.value * 2)
                started.set()
                done.wait()  # the other thread reads and writes in the middle of the trace
                return v.value

        assert float(traced(5.0)) == 10
        thread.join()
        assert seen == [(None, 1.0)]
        assert float(v.value) == 3

    def test_settings_of_jax_do_not_make_another_trace(self, v):
        def doubled(x):
            precision = jax.default_matmul_precision("float32")
            with Frame([v], [x]) as frame, precision, jax.named_scope("scope"):
                v.assign(v.value * 2)
            return frame[v]

        assert float(jax.jit(doubled)(4.0)) == 8


class TestPurify:
    def test_values_in_values_out(self, v, w):
        def advance(x, *, times=1):
            v.assign_add(x * times)
            return w.value * v.value

        out, (after_w, after_v) = purify(advance, [w, v])([w.value, v.value], 2.0, times=3)
        assert out.tolist() == [14, 21]
        assert after_w.tolist() == [2, 3]
        assert float(after_v) == 7
        assert float(v.value) == 1

    def test_with_jit(self, v):
        pure = jax.jit(purify(lambda: v.assign_add(1.0), [v]))
        values = [v.value]
        for _ in range(3):
            _, values = pure(values)
        assert float(values[0]) == 4
        assert float(v.value) == 1

    def test_with_grad(self, w):
        pure = purify(lambda x: jnp.sum(w.value**2 * x), [w])
        grads = jax.grad(lambda values: pure(values, 2.0)[0])([w.value])
        assert grads[0].tolist() == [8, 12]

    def test_with_vmap_over_stacked_weights(self, w):
        stacked = jnp.stack([w.value, w.value * 10, w.value * 100])
        out, (after,) = jax.vmap(purify(lambda: w.assign(w.value + 1.0).sum(), [w]))([stacked])
        assert out.tolist() == [7, 52, 502]
        assert after.tolist() == [[3, 4], [21, 31], [201, 301]]

    def test_with_remat_inside_grad(self, v):
        pure = jax.checkpoint(purify(lambda x: jnp.sin(v.assign(v.value * x)), [v]))
        slope, (after,) = jax.grad(lambda x: pure([v.value], x), has_aux=True)(2.0)
        assert float(slope) == pytest.approx(np.cos(2.0), rel=1e-6)
        assert float(after) == 2

    def test_with_scan(self, v):
        pure = purify(lambda x: v.assign(v.value * x), [v])

        def body(values, x):
            out, values = pure(values, x)
            return values, out

        (after,), outs = jax.lax.scan(body, [v.value], jnp.array([2.0, 3.0, 4.0]))
        assert outs.tolist() == [2, 6, 24]
        assert float(after) == 24

    def test_with_losses(self):
        class Penalty(cornu.layers.Layer):
            def call(self, x):
                self.add_loss(jnp.sum(x))
                return x

        layer = Penalty()
        _, _, losses = jax.jit(purify(layer, [], with_losses=True))([], jnp.ones(3))
        assert [type(loss) for loss in losses] == [AddedLoss]
        assert losses[0].owner is layer
        assert float(losses[0].value) == 3


class TestEffects:
    def test_what_a_call_writes_is_found_without_computing(self, v, w):
        def fn(x):
            v.assign(jnp.sum(w.value) + x)  # w is read only

        written, losses = effects_of(fn, jax.ShapeDtypeStruct((), "float32"))
        assert len(written) == 1
        assert written[0] is v
        assert losses == []
        assert float(v.value) == 1


class TestEagerly:
    def test_computes_in_the_middle_of_a_trace(self, v):
        seen = {}

        @jax.jit
        def traced(x):
            assert is_tracing()
            with Frame([v], [x]), eagerly():
                seen["tracing"] = is_tracing()
                seen["value"] = jnp.ones(2).sum() * v.value
            return x

        traced(5.0)
        assert seen["tracing"] is False
        assert not is_tracer(seen["value"])
        assert float(seen["value"]) == 2  # of the variable, not of the frame


def stateless_program(library):
    """The same program in either library, and what it sees."""
    a, b = library.Variable(1.0), library.Variable(np.array([2.0, 3.0], "float32"))
    seen = []
    with library.StatelessScope(state_mapping=[(a, np.float32(5))]) as scope:
        seen += [float(a.value), np.asarray(b.value).tolist()]
        b.assign(b.value * 10)
        a.assign(a + 1.0)
        seen += [float(a.value), np.asarray(b.value).tolist()]
        with library.StatelessScope() as inner:
            a.assign(100.0)
            seen.append(float(a.value))
        seen += [float(a.value), float(inner.get_current_value(a))]
        scope.add_update((b, np.array([0.0, 0.0], "float32")))
    seen += [float(scope.get_current_value(a)), np.asarray(scope.get_current_value(b)).tolist()]
    seen += [scope.get_current_value(library.Variable(0.0)), float(a.value)]
    seen += [scope.collect_losses, scope.initialize_variables]
    return seen


def losses_in_scope(library):
    class Penalty(library.layers.Layer):
        def call(self, x):
            self.add_loss(library.ops.sum(x))
            return x

    layer = Penalty()
    with library.StatelessScope(collect_losses=True) as scope:
        layer(np.ones((1, 3), "float32"))
    return len(scope.losses)


class TestStatelessScope:
    def test_as_in_keras(self):
        assert stateless_program(cornu) == stateless_program(keras)

    def test_losses_are_collected_as_in_keras(self):
        assert losses_in_scope(cornu) == losses_in_scope(keras) == 1

    def test_inside_jit(self, v):
        @jax.jit
        def step(value):
            with StatelessScope(state_mapping=[(v, value)]) as scope:
                v.assign(v.value * 2)
            return scope.get_current_value(v)

        assert float(step(21.0)) == 42
        assert float(v.value) == 1

    @pytest.mark.parametrize("pair", [("name", np.ones(2)), (None, np.ones(3))])
    def test_pairs_that_do_not_fit_are_refused(self, pair):
        key, value = pair
        for library in (cornu, keras):
            variable = library.Variable(np.zeros(2))
            with pytest.raises(ValueError, match="must be|wrong shape|Invalid variable"):
                library.StatelessScope(state_mapping=[(key or variable, value)])


def test_a_variable_given_as_a_value_stands_for_its_value(v):
    with Frame([v], [v]) as frame:
        v.assign(v.value + 1)
        assert float(v.value) == 2.0
    assert float(frame[v]) == 2.0 and float(v.value) == 1.0


def test_stateless_methods_take_variables_for_values():
    weight = Variable([1.0, 2.0], name="weight")
    optimizer = cornu.optimizers.SGD(0.5)
    optimizer.build([weight])
    (after,), _ = optimizer.stateless_apply(optimizer.variables, [jnp.ones(2)], [weight])
    np.testing.assert_allclose(after, [0.5, 1.5])
    np.testing.assert_allclose(weight.value, [1.0, 2.0])
