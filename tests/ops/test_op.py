"""The op mechanism: three modes, promotion, messages, files."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cornu import ops
from cornu.core.graph.op import TABLE, OpCall, op, op_from_config
from cornu.core.graph.operands import pair, tensor, to_float
from cornu.core.symbolic import KerasTensor
from cornu.core.variable import Variable


def test_one_function_in_three_modes():
    x = jnp.arange(3.0)
    assert ops.square(x).tolist() == [0.0, 1.0, 4.0]
    assert jax.jit(ops.square)(x).tolist() == [0.0, 1.0, 4.0]
    y = ops.square(KerasTensor((None, 3)))
    assert y.shape == (None, 3)
    assert y._keras_history.operation.op_name == ("keras.src.ops.numpy", "Square")


def test_a_file_names_the_package_of_an_op_and_not_its_module():
    assert ops.max_pool.__module__ == "cornu.ops.nn.pooling"
    assert ops.max_pool.keras_module == "keras.src.ops.nn"
    assert ops.image.resize.keras_module == "keras.src.ops.image"
    mine = op(lambda x: x, file_name="Mine")
    assert mine.keras_module == "keras.src.ops.test_op"
    assert TABLE.pop("Mine") is mine


def test_what_ops_accept():
    v = Variable([1.0, 2.0])
    for x in ([1.0, 2.0], np.array([1.0, 2.0]), jnp.array([1.0, 2.0]), v, (1.0, 2.0)):
        assert ops.sum(x).tolist() == 3.0
    assert tensor([v, [3.0, 4.0]]).tolist() == [[1.0, 2.0], [3.0, 4.0]]
    assert tensor(2.5).dtype == "float32" and not tensor(2.5).weak_type
    with pytest.raises(ValueError, match="numbers"):
        tensor(None)


def test_a_scalar_decides_no_more_than_the_kind():
    half = jnp.ones(2, "float16")
    assert ops.add(half, 2.5).dtype == "float16"
    assert ops.add(jnp.ones(2, "int8"), 2).dtype == "int8"
    mixed = ops.add(jnp.ones(2, "int8"), 0.5)
    assert mixed.dtype == "float32" and not mixed.weak_type
    assert [str(x.dtype) for x in pair(1, 2.0)] == ["float32", "float32"]
    assert to_float(3).dtype == "float32"


def test_messages_name_the_op_and_what_it_got():
    with pytest.raises(ValueError, match=r"add does not accept") as error:
        ops.add(np.zeros((2, 3), "float32"), np.zeros(4, "float32"))
    assert "x1 float32 (2, 3), x2 float32 (4,)" in str(error.value)
    with pytest.raises(ValueError, match=r"x1 float32 \(None, 3\)"):
        ops.matmul(KerasTensor((None, 3)), np.zeros((4, 2), "float32"))


def test_errors_of_the_users_functions_pass_untouched():
    def body(carry, x):
        raise ValueError("mine")

    with pytest.raises(ValueError, match="^mine"):
        ops.scan(body, 0.0, jnp.arange(3.0))


def test_settings_and_tensors_are_told_apart():
    a, b = KerasTensor((None, 3)), KerasTensor((None, 1))
    y = ops.concatenate([a, b], axis=-1)
    operation, index, _ = y._keras_history
    assert operation.get_config() == {"name": operation.name, "axis": -1}
    assert operation._inbound_nodes[index].args == ([a, b],)


def test_a_config_makes_the_op_again():
    x = jnp.arange(6.0).reshape(2, 3)
    call = op_from_config("Sum", {"name": "total", "axis": 1, "keepdims": True})
    assert isinstance(call, OpCall) and call.name == "total"
    assert call(x).tolist() == [[3.0], [12.0]]
    einsum = op_from_config("Einsum", {"subscripts": "ij->i"})
    assert einsum(x).tolist() == [3.0, 12.0]
    assert op_from_config("NoSuchOp", {}) is None
    with pytest.raises(ValueError, match="axes"):
        op_from_config("Sum", {"axes": 1})


def test_tensors_by_keyword_come_back():
    x, w = KerasTensor((None, 3)), KerasTensor((None, 3))
    y = ops.average(x, axis=1, weights=w)
    operation, index, _ = y._keras_history
    node = operation._inbound_nodes[index]
    values = {id(x): jnp.array([[1.0, 4.0, 0.0]]), id(w): jnp.array([[2.0, 1.0, 0.0]])}
    args, kwargs = node.filled(values)
    assert operation(*args, **kwargs).tolist() == [2.0]


def test_the_table_names_each_op_once():
    assert TABLE["BatchNorm"] is ops.batch_normalization
    assert len({id(f) for f in TABLE.values()}) == len(TABLE)


def test_every_op_says_what_it_does():
    for name in dir(ops.numpy):
        function = getattr(ops.numpy, name)
        if hasattr(function, "class_name"):
            assert function.__doc__ and function.__doc__.strip().split("\n")[0].endswith((".", ":"))
