"""Gives symbolic tensors and Variables their operators, by pointing at the ops.

`x + y`, `x[0]` and `abs(x)` on a `KerasTensor` or a `Variable` are the ops of the same meaning. The
types stand on a lower floor and cannot know the ops, so the ops are assigned to them here.
"""

from collections.abc import Callable
from typing import Any

from cornu.core.symbolic import KerasTensor
from cornu.core.variable import Variable
from cornu.ops import numpy
from cornu.ops.core import tensors

# method -> op; with an `r` in front of the name the operands change places.
_BINARY = {
    "add": numpy.add,
    "and": numpy.logical_and,
    "floordiv": numpy.floor_divide,
    "matmul": numpy.matmul,
    "mod": numpy.mod,
    "mul": numpy.multiply,
    "or": numpy.logical_or,
    "pow": numpy.power,
    "sub": numpy.subtract,
    "truediv": numpy.true_divide,
    "xor": numpy.logical_xor,
}
_COMPARISONS = {
    "ge": numpy.greater_equal,
    "gt": numpy.greater,
    "le": numpy.less_equal,
    "lt": numpy.less,
    "ne": numpy.not_equal,
}
_UNARY = {"abs": numpy.absolute, "invert": numpy.logical_not, "neg": numpy.negative}


def _give(cls: type, name: str, method: Callable[..., Any]) -> None:
    method.__name__ = name
    method.__qualname__ = f"{cls.__name__}.{name}"
    setattr(cls, name, method)


def _forward(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda self, other: function(self, other)


def _reflected(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda self, other: function(other, self)


def _alone(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda self: function(self)


for _cls in (KerasTensor, Variable):
    for _name, _function in _BINARY.items():
        _give(_cls, f"__{_name}__", _forward(_function))
        _give(_cls, f"__r{_name}__", _reflected(_function))
    for _name, _function in _COMPARISONS.items():
        _give(_cls, f"__{_name}__", _forward(_function))
    for _name, _function in _UNARY.items():
        _give(_cls, f"__{_name}__", _alone(_function))
    _give(_cls, "__getitem__", lambda self, key: numpy.get_item(self, key))
    _give(_cls, "__pos__", lambda self: self)
    _give(_cls, "__round__", lambda self, ndigits=None: numpy.round(self, ndigits or 0))

# Variables compare by value; symbolic tensors by identity, as keys of dicts and sets do.
_give(Variable, "__eq__", _forward(numpy.equal))
_give(KerasTensor, "reshape", lambda self, newshape: numpy.reshape(self, newshape))
_give(KerasTensor, "squeeze", lambda self, axis=None: numpy.squeeze(self, axis))
_give(KerasTensor, "astype", lambda self, dtype: tensors.cast(self, dtype))
