"""One function in three modes: on arrays, under a trace, on symbolic tensors."""

import json
import os

os.environ.setdefault("KERAS_BACKEND", "jax")

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

import cornu
from cornu import ops
from cornu.core.graph.op import TABLE, OpCall, op, op_from_config, shape_rule
from cornu.core.graph.operands import pair, tensor, to_float, weak
from cornu.core.symbolic import KerasTensor
from cornu.core.variable import Variable


@pytest.fixture(autouse=True)
def table_restored():
    before = dict(TABLE)
    yield
    TABLE.clear()
    TABLE.update(before)


class TestModes:
    @pytest.fixture
    def weigh(self):
        @op(tensors=2)
        def weigh_by(x, weights, axis=-1):
            return jnp.sum(tensor(x) * tensor(weights), axis)

        return weigh_by

    def test_on_arrays_it_computes(self, weigh):
        assert weigh([[1.0, 2.0]], np.array([3.0, 4.0])).tolist() == [11]

    def test_under_a_trace_it_traces(self, weigh):
        grad = jax.jit(jax.grad(lambda x: weigh(x, jnp.array([3.0, 4.0]))))(jnp.ones(2))
        assert grad.tolist() == [3, 4]

    def test_on_symbolic_tensors_it_adds_a_node(self, weigh):
        x = KerasTensor((None, 4))
        y = weigh(x, np.ones(4), axis=1)
        operation = y._keras_history.operation
        assert y.shape == (None,)
        assert isinstance(operation, OpCall)
        assert operation.name.startswith("weigh_by")
        assert operation.get_config() == {"name": operation.name, "axis": 1}
        node = operation._inbound_nodes[0]
        assert node.input_tensors == [x]
        assert node.args[1].tolist() == [1, 1, 1, 1]

    def test_a_recorded_call_runs_again_on_values(self, weigh):
        y = weigh(KerasTensor((None, 2)), np.array([3.0, 4.0]), axis=1)
        operation = y._keras_history.operation
        args, kwargs = operation._inbound_nodes[0].args, operation._inbound_nodes[0].kwargs
        assert operation(np.ones((1, 2)), *args[1:], **kwargs).tolist() == [7]

    def test_any_argument_may_be_symbolic(self, weigh):
        y = weigh(np.ones((5, 4)), weights=KerasTensor((4,)))
        assert y.shape == (5,)

    def test_an_op_that_cannot_be_traced_has_a_rule(self):
        @op
        def on_the_host(x, times=2):
            return np.tile(np.asarray(x), times)

        @shape_rule(on_the_host)
        def _longer(x, times=2):
            return KerasTensor((x.shape[0] * times,), x.dtype)

        assert on_the_host(KerasTensor((4,)), times=3).shape == (12,)
        assert on_the_host([1, 2]).tolist() == [1, 2, 1, 2]


class TestErrors:
    def test_name_the_op_and_what_it_was_given(self):
        with pytest.raises((TypeError, ValueError)) as caught:
            ops.matmul(np.ones((2, 3), "float32"), np.ones((4, 5), "float32"))
        text = str(caught.value)
        assert text.startswith("matmul does not accept its arguments:")
        assert "x1 float32 (2, 3), x2 float32 (4, 5)" in text

    def test_with_symbolic_tensors_they_are_value_errors(self):
        with pytest.raises(ValueError, match="matmul") as caught:
            ops.matmul(KerasTensor((None, 3)), KerasTensor((4, 5)))
        assert "(None, 3)" in str(caught.value)
        with pytest.raises(ValueError):  # as Keras
            keras.ops.matmul(keras.KerasTensor((None, 3)), keras.KerasTensor((4, 5)))


# The same call in either library.
CALLS = {
    "absolute": lambda k, x, y: k.ops.absolute(x),
    "matmul": lambda k, x, y: k.ops.matmul(x, y),
    "concatenate": lambda k, x, y: k.ops.concatenate([x, x], axis=1),
    "reshape": lambda k, x, y: k.ops.reshape(x, (-1, 2)),
    "mean": lambda k, x, y: k.ops.mean(x, axis=1, keepdims=True),
    "expand_dims": lambda k, x, y: k.ops.expand_dims(x, 0),
    "softmax": lambda k, x, y: k.ops.softmax(x, axis=0),
    "clip": lambda k, x, y: k.ops.clip(x, 0, 1),
    "einsum": lambda k, x, y: k.ops.einsum("ij,jk->ik", x, y),
    "add": lambda k, x, y: x + 1,
    "get_item": lambda k, x, y: x[:, 1],
    "transpose": lambda k, x, y: k.ops.transpose(x),
    "cast": lambda k, x, y: k.ops.cast(x, "int32"),
    "stack": lambda k, x, y: k.ops.stack([x, x], -1),
    "top_k": lambda k, x, y: k.ops.top_k(x, 2)[0],
    "norm": lambda k, x, y: k.ops.norm(x),
}


def saved_op(library, call):
    y = call(library, library.KerasTensor((2, 4)), library.KerasTensor((4, 3)))
    config = library.saving.serialize_keras_object(y._keras_history.operation)
    config["config"].pop("name", None)
    return json.loads(json.dumps(config))


class TestFiles:
    @pytest.mark.parametrize("name", CALLS)
    def test_a_graph_op_is_saved_as_keras_does(self, name):
        assert saved_op(cornu, CALLS[name]) == saved_op(keras, CALLS[name])

    @pytest.mark.parametrize("name", CALLS)
    def test_and_read_again(self, name):
        y = CALLS[name](cornu, KerasTensor((2, 4)), KerasTensor((4, 3)))
        operation = y._keras_history.operation
        saved = json.loads(json.dumps(cornu.saving.serialize_keras_object(operation)))
        again = cornu.saving.deserialize_keras_object(saved)
        assert again.name == operation.name
        assert again.function is operation.function
        node = operation._inbound_nodes[0]
        out = again(*node.args, **node.kwargs)
        assert (out[0] if name == "top_k" else out).shape == y.shape

    def test_unknown_ops_and_settings(self):
        assert op_from_config("NoSuchOp", {}) is None
        with pytest.raises(ValueError, match="The operation 'Absolute' takes no setting 'evil'"):
            op_from_config("Absolute", {"evil": 1})

    def test_a_name_of_its_own(self):
        @op(file_name="Other")
        def mine(x):
            return x

        assert TABLE["Other"] is mine


class TestWhatOpsAccept:
    @pytest.mark.parametrize(
        ("given", "dtype"),
        [
            (1.5, "float32"), (1, "int32"), (True, "bool"), ([1, 2], "int32"),
            ([1.0, 2], "float32"), (np.ones(2, "float16"), "float16"), (Variable(1.0), "float32"),
            ([Variable(1.0), 2.0], "float32"), ([np.float16(1)], "float16"),
        ],
        ids=repr,
    )  # fmt: skip
    def test_as_tensors(self, given, dtype):
        assert isinstance(tensor(given), jax.Array)
        assert tensor(given).dtype == dtype
        assert tensor(given, "int8").dtype == "int8"

    @pytest.mark.parametrize(
        ("wrong", "kind"), [(None, ValueError), ("text", TypeError), (b"bytes", TypeError)]
    )
    def test_not_as_tensors(self, wrong, kind):
        with pytest.raises(kind, match="An op needs an array of numbers"):
            tensor(wrong)

    def test_python_scalars_stay_weak(self):
        assert weak(2.0) == 2.0
        assert type(weak(2.0)) is float
        x, y = pair(np.ones(2, "float16"), 2.5)
        assert (x + y).dtype == "float16"
        x, y = pair(2.5, np.ones(2, "int8"))
        assert (x + y).dtype == keras.ops.add(2.5, np.ones(2, "int8")).dtype == "float32"

    def test_to_float(self):
        assert to_float([1, 2]).dtype == "float32"
        assert to_float(np.ones(2, "float16")).dtype == "float16"
