"""Control flow and transforms of functions that read and write variables."""

import copy

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cornu import layers, ops
from cornu.core.frame import Frame, is_tracer, purify
from cornu.core.programs import lift
from cornu.core.remat_scope import RematScope
from cornu.core.variable import Variable

X = jnp.arange(12, dtype="float32").reshape(4, 3)  # (time or batch, features)


@pytest.fixture
def count():
    return Variable(0, dtype="int32", name="count")


def tick(count, x=None):
    count.assign_add(1)
    return x


# Each loop and transform as something that runs `step(x)` four times, or once.
FOUR_TIMES = {
    "scan": lambda step: lift.scan(lambda c, x: (c, step(x)), 0, X)[1],
    "map": lambda step: lift.map(step, X),
    "fori_loop": lambda step: lift.fori_loop(0, 4, lambda i, s: step(X[i]), X[0]),
    "while_loop": lambda step: lift.while_loop(
        lambda s: s[0] < 4, lambda s: (s[0] + 1, step(X[s[0]])), (0, X[0])
    ),
}
ONCE = {
    "cond": lambda step: lift.cond(True, step, lambda x: x, X),
    "switch": lambda step: lift.switch(1, [lambda x: x, step, lambda x: -x], X),
    "remat": lambda step: lift.remat(step)(X),
    "vmap": lambda step: lift.vmap(step)(X),
    "value_and_grad": lambda step: lift.value_and_grad(lambda x: step(x).sum(), [])(X),
}


@pytest.mark.parametrize("how", FOUR_TIMES)
class TestLoops:
    def test_writes_are_carried_from_step_to_step(self, how, count):
        total = Variable(jnp.zeros(3))

        def step(x):
            tick(count)
            total.assign_add(x * 2)
            return x

        FOUR_TIMES[how](step)
        assert int(count.value) == 4
        assert total.value.tolist() == (X.sum(0) * 2).tolist()

    def test_reads_see_the_present_value(self, how, count):
        scale = Variable(10.0)

        def step(x):
            y = x * scale.value * count.value  # count is written below, scale is not
            tick(count)
            return y

        out = FOUR_TIMES[how](step)
        last = out[1] if how == "while_loop" else out
        last = last[-1] if how in ("scan", "map") else last
        assert last.tolist() == (X[3] * 30).tolist()

    def test_what_else_is_read_may_change_between_calls(self, how):
        scale, factors = Variable(2.0), [1.0]

        def step(x):
            return x * scale.value * factors[0]

        def last():
            out = FOUR_TIMES[how](step)
            out = out[1] if how == "while_loop" else out
            return (out[-1] if how in ("scan", "map") else out).tolist()

        assert last() == (X[3] * 2).tolist()
        scale.assign(3.0)
        factors[0] = 10.0
        assert last() == (X[3] * 30).tolist()

    def test_batch_normalization_keeps_its_statistics(self, how):
        layer = layers.BatchNormalization(momentum=0.5)
        batches = jnp.stack([X, X + 1, X + 2, X + 3])
        layer.build((None, 3))
        eager = copy.deepcopy(layer)
        for x in batches:
            eager(x, training=True)
        {
            "scan": lambda step: lift.scan(lambda c, x: (c, step(x)), 0, batches),
            "map": lambda step: lift.map(step, batches),
            "fori_loop": lambda step: lift.fori_loop(0, 4, lambda i, s: step(batches[i]), X),
            "while_loop": lambda step: lift.while_loop(
                lambda s: s[0] < 4, lambda s: (s[0] + 1, step(batches[s[0]])), (0, X)
            ),
        }[how](lambda x: layer(x, training=True))
        for got, expected in zip(layer.variables, eager.variables, strict=True):
            np.testing.assert_allclose(got.numpy(), expected.numpy(), rtol=1e-6)

    def test_a_seed_advances_once_a_step(self, how):
        layer = layers.Dropout(0.5, seed=7)
        FOUR_TIMES[how](lambda x: layer(x, training=True))
        assert layer.seed_generator.state.numpy().tolist() == [7, 4]

    def test_inside_jit_the_write_goes_to_the_frame(self, how, count):
        def four():
            FOUR_TIMES[how](lambda x: tick(count, x))

        _, (after,) = jax.jit(purify(four, [count]))([jnp.int32(10)])
        assert int(after) == 14
        assert int(count.value) == 0


@pytest.mark.parametrize("how", ONCE)
class TestOnce:
    def test_a_write_arrives(self, how, count):
        ONCE[how](lambda x: tick(count, x))
        assert int(count.value) == 1

    def test_a_seed_advances_once(self, how):
        layer = layers.Dropout(0.5, seed=7)
        ONCE[how](lambda x: layer(x, training=True))
        assert layer.seed_generator.state.numpy().tolist() == [7, 1]

    def test_an_error_changes_nothing(self, how, count):
        def fails(x):
            tick(count)
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            ONCE[how](fails)
        assert int(count.value) == 0
        assert not is_tracer(count._value)


class TestBranches:
    @pytest.mark.parametrize(("which", "expected"), [(0, (1, 5)), (1, (0, 7)), (2, (0, 5))])
    def test_what_other_branches_write_stays(self, which, expected, count):
        other = Variable(5, dtype="int32")

        def second(x):
            other.assign_add(2)
            return x

        lift.switch(which, [lambda x: tick(count, x), second, lambda x: x], X)
        assert (int(count.value), int(other.value)) == expected

    def test_the_untaken_branch_of_cond_writes_nothing(self, count):
        assert float(lift.cond(False, lambda: tick(count, 1.0), lambda: 2.0)) == 2
        assert int(count.value) == 0


class TestVmap:
    def test_lanes_that_agree_may_write(self, count):
        layer = layers.Dropout(0.5, seed=3)
        out = ops.vectorized_map(lambda x: layer(x, training=True) * tick(count, 1.0), X)
        assert out.shape == X.shape
        assert int(count.value) == 1

    def test_lanes_that_differ_may_not(self):
        total = Variable(jnp.zeros(3), name="total")
        with pytest.raises(RuntimeError, match="a different value in each lane") as caught:
            ops.vectorized_map(lambda x: total.assign_add(x), X)
        assert "total" in str(caught.value)
        assert "cornu.ops.map" in str(caught.value)
        assert total.value.tolist() == [0, 0, 0]

    def test_errors_of_jax_stay_as_they_are(self, count):
        with pytest.raises(ValueError, match="inconsistent sizes"):
            lift.vmap(lambda x, y: tick(count, x))(jnp.ones(2), jnp.ones(3))

    def test_axes(self, count):
        out = lift.vmap(lambda x, y: tick(count, x * y), in_axes=(1, None), out_axes=1)(X, 2.0)
        assert out.tolist() == (X * 2).tolist()


class TestRemat:
    def test_arguments_that_are_no_arrays_stay_what_they_are(self, count):
        @lift.remat
        def fn(x, training, mode=None, *, scale):
            tick(count)
            return x * scale if training and mode is None else x

        assert fn(X, True, scale=2.0).tolist() == (X * 2).tolist()
        assert fn(X, False, "other", scale=2.0).tolist() == X.tolist()

    def test_a_layer_that_asks_what_it_is_in(self):
        with RematScope("full"):
            layer = layers.BatchNormalization(momentum=0.0)
        layer.build((None, 3))
        layer(X, training=True)
        assert layer.moving_mean.numpy().tolist() == X.mean(0).tolist()

    def test_gradients(self):
        dense = layers.Dense(2)
        dense.build((None, 3))

        def loss(x):
            return (lift.remat(dense)(x) ** 2).sum()

        value, grads = lift.value_and_grad(loss, dense.trainable_variables)(X)
        plain = lift.value_and_grad(lambda x: (dense(x) ** 2).sum(), dense.trainable_variables)(X)
        assert float(value) == pytest.approx(float(plain[0]), rel=1e-6)
        for got, expected in zip(grads, plain[1], strict=True):
            np.testing.assert_allclose(got, expected, rtol=1e-5)


class TestValueAndGrad:
    def test_reads_writes_and_aux(self, count):
        w = Variable([1.0, 2.0])

        def loss(x, square, *, shift):
            tick(count)
            y = w.value**2 if square else w.value
            return (y * x).sum() + shift, {"y": y}

        call = lift.value_and_grad(loss, [w], has_aux=True)
        (value, aux), (grad,) = call(jnp.array([3.0, 4.0]), True, shift=1.0)
        assert float(value) == 20
        assert aux["y"].tolist() == [1, 4]
        assert grad.tolist() == [6, 16]
        assert int(count.value) == 1

    def test_a_write_to_a_differentiated_variable_is_kept(self):
        w = Variable(3.0)

        def loss():
            value = w.value**2
            w.assign(w.value * 10)
            return value

        value, (grad,) = lift.value_and_grad(loss, [w])()
        assert (float(value), float(grad), float(w.value)) == (9, 6, 30)

    def test_inside_a_frame(self):
        w = Variable(3.0)

        @jax.jit
        def step(value):
            with Frame([w], [value]):
                return lift.value_and_grad(lambda: w.value**2, [w])()

        value, (grad,) = step(5.0)
        assert (float(value), float(grad)) == (25, 10)


class TestCompositions:
    def test_remat_of_scan_of_dropout_inside_grad(self):
        drop, dense = layers.Dropout(0.5, seed=1), layers.Dense(3)
        dense.build((None, 3))

        def body(carry, x):
            return drop(dense(carry[None])[0], training=True) + x, None

        def loss():
            return lift.remat(lambda: lift.scan(body, jnp.zeros(3), X)[0].sum())()

        def unrolled():
            carry = jnp.zeros(3)
            for x in X:
                carry, _ = body(carry, x)
            return carry.sum()

        value, grads = lift.value_and_grad(loss, dense.trainable_variables)()
        assert drop.seed_generator.state.numpy().tolist() == [1, 4]
        drop.seed_generator.state.assign([1, 0])
        expected, expected_grads = lift.value_and_grad(unrolled, dense.trainable_variables)()
        assert float(value) == pytest.approx(float(expected), rel=1e-5)
        for got, want in zip(grads, expected_grads, strict=True):
            np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-5)

    def test_scan_inside_scan(self, count):
        def outer(carry, x):
            carry, _ = lift.scan(lambda c, y: (c + tick(count, y), None), carry, x)
            return carry, count.value

        total, counts = lift.scan(outer, 0.0, X)
        assert float(total) == float(X.sum())
        assert counts.tolist() == [3, 6, 9, 12]
        assert int(count.value) == 12

    def test_cond_inside_scan(self, count):
        def body(carry, x):
            big = x.sum() > 10
            return carry, lift.cond(big, lambda: tick(count, 1.0), lambda: 0.0)

        _, taken = lift.scan(body, 0, X)  # sums 3, 12, 21, 30
        assert taken.tolist() == [0, 1, 1, 1]
        assert int(count.value) == 3

    def test_lstm_inside_scan_inside_grad(self):
        lstm = layers.LSTM(2)
        lstm.build((None, 3, 1))
        sequences = jnp.ones((4, 2, 3, 1))  # (steps, batch, time, features)

        def loss():
            return lift.scan(lambda c, x: (c + lstm(x).sum(), None), 0.0, sequences)[0]

        value, grads = lift.value_and_grad(loss, lstm.trainable_variables)()
        assert float(value) == pytest.approx(4 * float(lstm(sequences[0]).sum()), rel=1e-5)
        assert all(np.abs(g).sum() > 0 for g in grads)


class Penalty(layers.Layer):
    """Adds the sum of its inputs to the loss."""

    def call(self, x):
        self.add_loss(jnp.sum(x))
        return x


class Around(layers.Layer):
    """Calls a layer inside a transform."""

    def __init__(self, transform, inner):
        super().__init__()
        self.transform, self.inner = transform, inner

    def call(self, x):
        self.transform(self.inner)
        return x


class TestLosses:
    @pytest.mark.parametrize("how", [*FOUR_TIMES, *ONCE])
    def test_added_inside_arrive_outside(self, how):
        layer = Around({**FOUR_TIMES, **ONCE}[how], Penalty())
        for _ in range(2):  # those of the last call alone
            layer(X)
            assert [float(loss) for loss in layer.losses] == [66]

        @jax.jit
        def pure(x):
            return layer.stateless_call([], [], x, return_losses=True)[2]

        assert [float(loss) for loss in pure(X)] == [66]

    def test_of_the_branch_that_was_taken(self):
        first, second = Penalty(), Penalty()

        class Either(layers.Layer):
            def __init__(self):
                super().__init__()
                self.parts = [first, second]

            def call(self, x):
                return lift.cond(x[0, 0] == 0, first, lambda x: second(x * 10), x)

        layer = Either()
        layer(X)
        assert [float(loss) for loss in layer.losses] == [66]
        layer(X + 1)
        assert [float(loss) for loss in layer.losses] == [780]
        # in a program both branches have a loss, and that of the one not taken is zero
        traced = jax.jit(lambda x: layer.stateless_call([], [], x, return_losses=True)[2])
        assert [float(loss) for loss in traced(X)] == [66, 0]

    @pytest.mark.parametrize("transform", [jax.vmap, jax.jit, jax.checkpoint])
    def test_inside_a_foreign_transform_are_refused(self, transform):
        layer = Around(lambda inner: transform(inner)(X), Penalty())
        layer.built = True
        with pytest.raises(RuntimeError, match="adds a loss inside a transform"):
            layer(X)
        with pytest.raises(RuntimeError, match="adds a loss inside a transform"):
            jax.jit(lambda x: layer.stateless_call([], [], x))(X)

    def test_without_a_layer_around_they_are_those_of_the_last_call(self):
        layer = Penalty()
        for _ in range(2):
            lift.remat(layer)(X)
            assert [float(loss) for loss in layer.losses] == [66]


class TestBuildingDuringATrace:
    @pytest.mark.parametrize(
        "first_call",
        [
            lambda layer: jax.eval_shape(layer, X),
            lambda layer: jax.jit(layer)(X),
            lambda layer: lift.scan(lambda c, x: (c, layer(x[None])), 0, X),
            lambda layer: lift.remat(layer)(X),
            lambda layer: jax.vmap(layer)(X[None]),
            lambda layer: jax.grad(lambda x: layer(x).sum())(X),
        ],
        ids=["eval_shape", "jit", "scan", "remat", "vmap", "grad"],
    )
    def test_variables_are_concrete_and_train_afterwards(self, first_call):
        layer = layers.Dense(2, kernel_initializer="ones")
        first_call(layer)
        assert layer.built
        assert [v.numpy().tolist() for v in layer.weights] == [[[1, 1]] * 3, [0, 0]]
        _, grads = lift.value_and_grad(lambda: layer(X).sum(), layer.trainable_variables)()
        for variable, grad in zip(layer.trainable_variables, grads, strict=True):
            variable.assign_sub(0.1 * grad)
        np.testing.assert_allclose(layer.bias.numpy(), [-0.4, -0.4], rtol=1e-6)
