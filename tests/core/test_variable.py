"""`Variable`: one concrete array, always."""

import copy
import os
import pickle

os.environ.setdefault("KERAS_BACKEND", "jax")

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

import cornu
from cornu.context import name_scope, using
from cornu.core.frame import Frame, is_tracer
from cornu.core.variable import Variable, owned

ops = cornu.ops  # the operators of variables are the ops'

FOREIGN = "Variable 'counter' was updated inside a transform that does not carry it"


@pytest.fixture
def counter():
    return Variable(0.0, name="counter")


class TestMaking:
    @pytest.mark.parametrize(
        "initial",
        [1, 1.5, True, [1, 2], [[1.0, 2.0]], np.arange(3), np.ones(2, "float16"), 1j],
        ids=repr,
    )
    def test_dtype_and_shape_of_values(self, initial):
        got, expected = Variable(initial), keras.Variable(initial)
        assert got.shape == tuple(expected.shape)
        if np.asarray(initial).dtype.kind in "fbc" or isinstance(initial, np.ndarray):
            assert got.dtype == expected.dtype

    def test_from_a_function_and_a_shape(self):
        v = Variable(lambda shape, dtype: jnp.full(shape, 7, dtype), shape=(2, 3), dtype="int32")
        assert v.value.tolist() == [[7, 7, 7], [7, 7, 7]]
        with pytest.raises(ValueError, match="by a function, so its shape must be given"):
            Variable(lambda shape, dtype: jnp.zeros(shape, dtype))

    @pytest.mark.parametrize("name", ["ones", "Zeros", "glorot_uniform", "he_normal"])
    def test_from_the_name_of_an_initializer(self, name):
        v = Variable(name, shape=(2, 3), dtype="float16")
        assert (v.shape, v.dtype) == ((2, 3), "float16")
        assert np.ptp(v.numpy()) == 0 or name not in ("ones", "Zeros")

    def test_of_a_wrong_or_shapeless_name(self):
        with pytest.raises(ValueError, match="by a function, so its shape must be given"):
            Variable("ones")
        with pytest.raises(ValueError, match="or 'ones'"):
            Variable("onse", shape=(2,))

    @pytest.mark.parametrize("shape", [(None, 3), (-1,), (2.5,)])
    def test_the_shape_is_known(self, shape):
        with pytest.raises(ValueError, match="needs a shape of known, non-negative sizes"):
            Variable(lambda shape, dtype: jnp.zeros(shape, dtype), shape=shape)

    def test_the_value_fits_the_shape(self):
        assert Variable([1.0, 2.0], shape=(2, 1)).shape == (2, 1)
        with pytest.raises(ValueError, match="initial value of variable 'v' has the wrong shape"):
            Variable([1.0, 2.0], shape=(3,), name="v")

    def test_names_and_paths(self):
        with name_scope("block"), name_scope("dense"):
            v = Variable(0.0, name="kernel")
        assert (v.name, v.path) == ("kernel", "block/dense/kernel")
        for wrong in ("a/b", 3):
            with pytest.raises(ValueError, match="name of a variable must be a string without '/'"):
                Variable(0.0, name=wrong)

    def test_arguments_are_checked(self):
        with pytest.raises(ValueError, match="aggregation must be one of"):
            Variable(0.0, aggregation="median")
        with pytest.raises(TypeError, match="Variable takes no argument 'trainabel'"):
            Variable(0.0, trainabel=False)

    def test_facts(self):
        v = Variable(np.ones((2, 3)), trainable=False, name="v", dtype="float32")
        assert (v.ndim, v.size, len(v), v.trainable) == (2, 6, 2, False)
        assert repr(Variable([1.0, 2.0], name="gain")) == (
            "<Variable path=gain, shape=(2,), dtype=float32, value=[1. 2.]>"
        )


class TestAssigning:
    def test_the_dtype_is_cast_and_the_shape_stays(self):
        v = Variable([1, 2], dtype="int32", name="v")
        assert v.assign([3.7, 4.2]).tolist() == [3, 4]
        assert v.dtype == v.value.dtype == "int32"
        with pytest.raises(ValueError, match="'v' has the wrong shape") as caught:
            v.assign([1, 2, 3])
        assert "expected: (2,)" in str(caught.value)
        assert "received: (3,)" in str(caught.value)

    def test_in_place_arithmetic(self, counter):
        assert float(counter.assign_add(3)) == 3
        assert float(counter.assign_sub(Variable(1.0))) == 2

    def test_a_list_of_traced_numbers(self):
        v = Variable([0.0, 0.0])

        @jax.jit
        def step(x):
            with Frame([v], [v.value]) as frame:
                v.assign([x, x * 2])
            return frame[v]

        assert step(3.0).tolist() == [3, 6]

    def test_inside_a_frame_values_are_jax_arrays(self, counter):
        with Frame([counter], [counter.value]):
            counter.assign(5.0)
            assert isinstance(counter.value, jax.Array)

    def test_each_variable_owns_its_buffer(self):
        a, b = Variable([1.0, 2.0]), Variable([0.0, 0.0])
        b.assign(a.value)
        c = Variable(a.value)
        jax.jit(lambda x: x + 1, donate_argnums=0)(a.value)  # the buffer of `a` is gone
        assert a._value.is_deleted()
        assert b.value.tolist() == c.value.tolist() == [1, 2]

    def test_what_the_user_holds_is_not_taken(self):
        array = jnp.ones(3)
        v = Variable(array)
        v.assign(array)
        jax.jit(lambda x: x * 2, donate_argnums=0)(v.value)
        assert array.tolist() == [1, 1, 1]
        numbers = np.ones(3, "float32")
        v = Variable(numbers)
        numbers[:] = 5
        assert v.numpy().tolist() == [1, 1, 1]

    def test_numpy_gives_a_copy(self, counter):
        before = counter.numpy()
        before += 1
        assert float(counter.value) == 0


class TestTracing:
    """No transform puts a tracer into a variable, and none drops a write."""

    @pytest.mark.parametrize(
        "transform",
        [
            lambda f: jax.jit(f)(1.0),
            lambda f: jax.grad(f)(1.0),
            lambda f: jax.vmap(f)(jnp.ones(2)),
            lambda f: jax.lax.scan(lambda c, x: (c, f(x)), 0.0, jnp.ones(2)),
            lambda f: jax.checkpoint(f)(1.0),
            lambda f: jax.eval_shape(f, 1.0),
            lambda f: jax.lax.fori_loop(0, 2, lambda i, s: f(s), 1.0),
            lambda f: jax.lax.cond(True, f, lambda x: x, 1.0),
        ],
        ids=["jit", "grad", "vmap", "scan", "checkpoint", "eval_shape", "fori_loop", "cond"],
    )
    @pytest.mark.parametrize("dependent", [True, False])
    def test_a_write_inside_a_foreign_transform_is_refused(self, counter, transform, dependent):
        def stateful(x):
            counter.assign_add(x if dependent else 1.0)
            return x * 2.0

        with pytest.raises(RuntimeError, match=FOREIGN) as caught:
            transform(stateful)
        assert "cornu.ops.scan" in str(caught.value)
        assert "stateless_call" in str(caught.value)
        assert float(counter.value) == 0
        # also where a frame outside of the transform carries the variable
        with Frame([counter], [counter.value]), pytest.raises(RuntimeError, match=FOREIGN):
            transform(stateful)

    @pytest.mark.parametrize("transform", ["jit", "grad", "vmap", "scan"])
    def test_a_stateful_layer_inside_a_foreign_transform_is_refused(self, transform):
        layer = cornu.layers.BatchNormalization(name="norm")
        x = jnp.ones((4, 2))
        layer(x)
        call = {
            "jit": lambda: jax.jit(lambda x: layer(x, training=True))(x),
            "grad": lambda: jax.grad(lambda x: layer(x, training=True).sum())(x),
            "vmap": lambda: jax.vmap(lambda x: layer(x, training=True))(x[None]),
            "scan": lambda: jax.lax.scan(lambda c, x: (c, layer(x, training=True)), 0, x[None]),
        }[transform]
        with pytest.raises(RuntimeError, match=r"'norm/moving_\w+' was updated inside a transform"):
            call()
        assert layer.moving_mean.numpy().tolist() == [0, 0]

    def test_reads_are_constants_of_the_users_own_jit(self, counter):
        counter.assign(2.0)
        assert float(jax.jit(lambda x: x * counter.value)(3.0)) == 6

    def test_an_error_in_the_middle_of_a_trace_leaves_the_variable_concrete(self, counter):
        def step(x):
            with Frame([counter], [x]):
                counter.assign(x * 2)
                raise ZeroDivisionError

        for transform in (jax.jit, jax.grad, jax.vmap, jax.checkpoint):
            argument = jnp.ones(2) if transform is jax.vmap else 1.0
            with pytest.raises(ZeroDivisionError):
                transform(step)(argument)
            assert not is_tracer(counter._value)
            assert float(counter.value) == 0
        counter.assign(1.0)

    def test_a_variable_made_during_a_trace_is_concrete(self):
        made = []

        @jax.jit
        def traced(x):
            made.append(Variable(lambda shape, dtype: jnp.ones(shape, dtype), shape=(2,)))
            return x * made[0].value

        assert traced(3.0).tolist() == [3, 3]
        assert not is_tracer(made[0]._value)
        assert made[0].numpy().tolist() == [1, 1]

    def test_a_variable_does_not_start_from_a_tracer(self):
        with pytest.raises(ValueError, match="start from a value that is being traced"):
            jax.jit(lambda x: Variable(x).value)(1.0)


class TestUse:
    def test_arithmetic(self):
        v = Variable([1.0, 2.0])
        assert (2 * v + 1 - v / 2).tolist() == [2.5, 4]
        assert (v @ v).tolist() == 5
        assert (-v)[0] == -1
        assert (v > 1).tolist() == [False, True]
        assert (v == 2).tolist() == [False, True]
        assert (np.ones(2, "float32") + v).tolist() == [2, 3]
        assert jnp.sum(jnp.asarray(v)) == ops.sum(v) == 3

    def test_as_a_sequence(self):
        assert [float(x) for x in Variable([1.0, 2.0])] == [1, 2]
        assert np.asarray(Variable([1.0, 2.0])).tolist() == [1, 2]
        with pytest.raises(TypeError, match="is a scalar and has no length"):
            len(Variable(1.0))

    def test_as_a_number(self):
        assert float(Variable(2.5)) == float(keras.Variable(2.5)) == 2.5
        assert int(Variable(2.5)) == int(keras.Variable(2.5)) == 2

    @pytest.mark.parametrize("value", [0.0, [1.0, 2.0]])
    def test_not_as_a_condition(self, value):
        for library in (cornu, keras):
            with pytest.raises(TypeError):
                bool(library.Variable(value))
        with pytest.raises(TypeError, match="'v' is neither true nor false"):
            bool(Variable(value, name="v"))

    def test_reads_in_the_dtype_of_the_computation(self):
        v, exact = Variable([1.0]), Variable([1.0], autocast=False)
        count = Variable([1], dtype="int32")
        with using(autocast="bfloat16"):
            assert v.value.dtype == "bfloat16"
            assert exact.value.dtype == "float32"
            assert count.value.dtype == "int32"
            v.assign_add([2.0**-20])  # kept in the variable's own precision
        assert float(v.value[0]) == 1 + 2.0**-20

    def test_copies_own_their_buffer(self):
        v = Variable([1.0, 2.0], trainable=False, name="v")
        v.constraint = abs
        v.note = "kept"
        twin = copy.deepcopy(v)
        twin.assign([0.0, 0.0])
        assert v.numpy().tolist() == [1, 2]
        assert (twin.path, twin.trainable, twin.constraint, twin.note) == ("v", False, abs, "kept")

    @pytest.mark.parametrize("library", [cornu, keras])
    @pytest.mark.parametrize(
        ("name", "value", "error"),
        [("constraint", "non_neg", ValueError), ("regularizer", 0.01, ValueError),
         ("overwrite_with_gradient", "yes", TypeError)],
    )  # fmt: skip
    def test_what_training_could_not_use_is_refused(self, library, name, value, error):
        v = library.Variable([1.0])
        with pytest.raises(error):
            setattr(v, name, value)
        assert not getattr(v, name)

    def test_pickle(self):
        v = Variable([1.0, 2.0], dtype="bfloat16", name="v")
        twin = pickle.loads(pickle.dumps(v))
        assert (twin.path, twin.dtype, twin.numpy().tolist()) == ("v", "bfloat16", [1, 2])


def test_an_owned_array_is_laid_out_as_asked():
    assert owned([1, 2], "float16").dtype == "float16"
    assert owned(jnp.ones(2), "int32").dtype == "int32"
