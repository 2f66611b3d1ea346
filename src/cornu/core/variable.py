"""`Variable`: identity, name and one concrete array.

A variable is read by `.value` (or used directly in arithmetic) and written by `.assign`. While a
program is traced, both go to the frame that carries the variable (see `core/frame.py`); the array
in the variable itself is replaced only by eager code and by the training loop between two steps.

Each variable owns its buffer: `assign` copies an array that somebody else may hold, because XLA
refuses to be given one buffer twice when buffers are donated.
"""

import contextlib
import itertools
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from cornu import bcoo, budget, names
from cornu.context import current_path, local
from cornu.core import dtypes
from cornu.core.forking import refuse_after_fork
from cornu.core.frame import eagerly, frame_for_writing, frame_of, is_tracer, is_tracing
from cornu.core.host import from_host
from cornu.errors import explain, type_error, value_error
from cornu.numeric import is_float

_serial = itertools.count()

_NOBODY = contextlib.nullcontext()

AGGREGATIONS = ("none", "mean", "sum", "only_first_replica")


class Variable:
    """An array with a name that is read, assigned, trained and saved.

    Args:
        initializer: an array-like, or a function `(shape, dtype) -> array` or the name of an
            initializer, which need `shape`.
        shape: tuple of ints.
        dtype: name of the dtype; from the initial value or `floatx` if None.
        trainable: whether optimizers update it.
        autocast: whether reads inside an autocast scope give the compute dtype.
        aggregation: how copies on several devices combine: "none", "mean", "sum" or
            "only_first_replica".
        synchronization: accepted as Keras does; there is one engine and nothing to choose.
        name: last part of the path; must not contain a slash.
        layout: how the array is laid out over devices; None asks the current distribution.

    Example:

        >>> v = Variable([1.0, 2.0], name="gain")
        >>> v.assign_add([0.5, 0.5]).shape
        (2,)
        >>> v.numpy().tolist()
        [1.5, 2.5]
    """

    # What the name of an initializer means; `initializers` says it.
    _initializer_named: "ClassVar[staticmethod[[str], Any]]"

    __slots__ = (
        "__dict__",
        "__weakref__",
        "_constraint",
        "_initializer",
        "_overwrite_with_gradient",
        "_regularizer",
        "_trainable",
        "_value",
        "aggregation",
        "autocast",
        "dtype",
        "made_trainable",
        "name",
        "path",
        "serial",
        "shape",
        "synchronization",
        "turn",
    )
    __array_priority__ = 100  # numpy arrays on the left hand side defer to us

    def __init__(
        self,
        initializer: Any,
        shape: Sequence[int] | None = None,
        dtype: Any = None,
        trainable: bool = True,
        autocast: bool = True,
        aggregation: str = "none",
        synchronization: str = "auto",
        name: str | None = None,
        layout: Any = None,
        **kwargs: Any,
    ):
        if kwargs:
            raise type_error(f"Variable takes no argument {next(iter(kwargs))!r}.")
        name = name or names.auto_name(self)
        if not isinstance(name, str) or "/" in name:
            raise value_error(f"The name of a variable must be a string without '/', got {name!r}.")
        if aggregation not in (None, *AGGREGATIONS):
            raise value_error(f"aggregation must be one of {AGGREGATIONS}, got {aggregation!r}.")
        if isinstance(initializer, str):
            initializer = self._initializer_named(initializer)
        self.name = name
        self.turn: Any = None  # of the threads that use it; see `turns.py`
        self.serial = next(_serial)  # those made later have greater ones
        self.path = f"{current_path()}/{name}" if current_path() else name
        self.autocast = bool(autocast)
        self.aggregation = aggregation or "none"
        self.synchronization = synchronization
        self.overwrite_with_gradient = False
        self.regularizer = None
        self.constraint = None
        self.made_trainable = bool(trainable)  # what it is by nature, also while frozen
        self._trainable = self.made_trainable
        self._initializer = initializer if callable(initializer) else None
        self._value = self._initial_value(initializer, shape, dtype, layout)
        self.dtype = self._value.dtype.name
        self.shape = tuple(self._value.shape)

    def _initial_value(self, initializer: Any, shape: Any, dtype: Any, layout: Any) -> jax.Array:
        if callable(initializer) and shape is None:
            raise value_error(
                f"Variable '{self.path}' is initialized by a function, so its shape must be given.",
                fix="shape=(3, 4)\nor another shape",
            )
        purse = budget.current()
        if shape is not None:
            shape = _concrete_shape(shape, self.path)
            if purse is not None:
                itemsize = dtypes.numpy_dtype(dtypes.standardize_dtype(dtype)).itemsize
                purse.take(shape, itemsize, self.path)
        on_one_device = layout is None and local.distribution is None
        if local.blanks is not None and callable(initializer) and on_one_device:
            blank = local.blanks.take(self, initializer, shape, dtypes.standardize_dtype(dtype))
            if blank is not None:
                return blank
        # A layer built for the first time during a trace still makes concrete variables. What their
        # values take is counted already.
        with eagerly(), _NOBODY if purse is None else budget.within(None):
            if callable(initializer):
                value = initializer(shape, dtype=dtypes.standardize_dtype(dtype))
            else:
                value = initializer.value if isinstance(initializer, Variable) else initializer
                if dtype is None and not hasattr(value, "dtype"):
                    # Plain Python numbers: floats become floatx, ints and bools stay what they are.
                    kind = np.asarray(value).dtype
                    dtype = dtypes.standardize_dtype(None if kind.kind == "f" else kind.name)
            value = owned(value, dtype)
            if is_tracer(value):
                raise value_error(
                    f"Variable '{self.path}' would start from a value that is being traced.",
                    fix="make it from a concrete array, or from an initializer and a shape.",
                )
            if shape is not None and tuple(value.shape) != shape:
                if value.size != np.prod(shape):
                    raise value_error(
                        f"The initial value of variable '{self.path}' has the wrong shape.",
                        expected=shape,
                        received=tuple(value.shape),
                    )
                value = value.reshape(shape)
        if layout is None and local.distribution is not None:
            layout = local.distribution.layout_of(self)
        return value if layout is None else jax.device_put(value, layout)

    # ---- reading and writing ------------------------------------------------------------------

    @property
    def value(self) -> jax.Array:
        """The current value; inside a frame that carries the variable, the frame's."""
        frame = local.frame and frame_of(self)
        value = frame[self] if frame else self._value
        if self.autocast and local.autocast is not None and is_float(self.dtype):
            return value.astype(local.autocast)
        return value

    def assign(self, value: Any) -> Any:
        """Replace the value; the shape must stay, the dtype is cast.

        Returns:
            The value that was written.

        Raises:
            ValueError: the shape differs.
            RuntimeError: a JAX transformation is being traced that does not carry the variable.
        """
        frame = local.frame and frame_for_writing(self)
        if frame:
            if not frame.is_current_trace():
                raise RuntimeError(_foreign_write(self))
            value = self._checked(value)
            # Outside of a trace a frame holds buffers that are donated, as the variable does.
            frame[self] = jnp.asarray(value) if is_tracing() else owned(value)
            return frame[self]
        if is_tracer(value) or is_tracing():
            raise RuntimeError(_foreign_write(self))
        with self.turn or _NOBODY:  # a step that is under way would overwrite it
            self._value = owned(self._checked(value), self.dtype, like=self._value)
            return self._value

    def assign_add(self, value: Any) -> Any:
        """Add to the value in place."""
        return self.assign(self._stored() + self._operand(value))

    def assign_sub(self, value: Any) -> Any:
        """Subtract from the value in place."""
        return self.assign(self._stored() - self._operand(value))

    def _stored(self) -> Any:
        """The value in the variable's own dtype, whatever the autocast scope."""
        frame = local.frame and frame_of(self)
        return frame[self] if frame else self._value

    def _operand(self, value: Any) -> Any:
        value = value.value if isinstance(value, Variable) else bcoo.dense(value)
        return jnp.asarray(value, dtype=self.dtype)

    def _checked(self, value: Any) -> Any:
        if isinstance(value, Variable):
            value = value.value
        if not isinstance(value, (jax.Array, np.ndarray)):
            value = bcoo.dense(value)
        if not isinstance(value, (jax.Array, np.ndarray)):
            parts = jax.tree.leaves(value) if isinstance(value, (list, tuple)) else ()
            as_array = jnp.asarray if any(map(is_tracer, parts)) else np.asarray
            value = as_array(value, dtype=dtypes.numpy_dtype(self.dtype))
        if tuple(value.shape) != self.shape:
            raise value_error(
                f"The value assigned to variable '{self.path}' has the wrong shape.",
                expected=self.shape,
                received=tuple(value.shape),
            )
        return value if value.dtype.name == self.dtype else value.astype(self.dtype)

    def numpy(self) -> np.ndarray:
        """The value as a numpy array of its own (a copy that later steps leave alone)."""
        with self.turn or _NOBODY:
            return np.array(self.value)

    # ---- facts --------------------------------------------------------------------------------

    @property
    def trainable(self) -> bool:
        """Whether optimizers update the variable."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        self._trainable = bool(value)

    @property
    def regularizer(self) -> Callable[[Any], Any] | None:
        """The penalty on the value, added to the loss; None if there is none."""
        return self._regularizer

    @regularizer.setter
    def regularizer(self, value: Callable[[Any], Any] | None) -> None:
        self._regularizer = _function_or_none(value, "regularizer", "keras.regularizers.L2(0.01)")

    @property
    def constraint(self) -> Callable[[Any], Any] | None:
        """What is applied to the value after each update; None if nothing is."""
        return self._constraint

    @constraint.setter
    def constraint(self, value: Callable[[Any], Any] | None) -> None:
        self._constraint = _function_or_none(value, "constraint", "keras.constraints.NonNeg()")

    @property
    def overwrite_with_gradient(self) -> bool:
        """Whether optimizers replace the value by its "gradient"."""
        return self._overwrite_with_gradient

    @overwrite_with_gradient.setter
    def overwrite_with_gradient(self, value: bool) -> None:
        if not isinstance(value, (bool, np.bool_)):
            raise type_error(
                f"overwrite_with_gradient must be True or False, got {value!r}.",
                fix="variable.overwrite_with_gradient = True",
            )
        self._overwrite_with_gradient = bool(value)

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of elements."""
        return int(np.prod(self.shape, dtype=int))

    def __repr__(self) -> str:
        shown = np.array2string(np.asarray(self._value), threshold=8, precision=4)
        return f"<Variable path={self.path}, shape={self.shape}, dtype={self.dtype}, value={shown}>"

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.asarray(self.value, dtype=dtype)

    def __jax_array__(self) -> jax.Array:
        return self.value

    def __len__(self) -> int:
        if not self.shape:
            raise type_error(f"Variable '{self.path}' is a scalar and has no length.")
        return self.shape[0]

    def __iter__(self) -> Any:
        return iter(self.value)

    def __bool__(self) -> bool:
        raise type_error(
            f"Variable '{self.path}' is neither true nor false.",
            fix="compare it: variable > 0; or ask for its presence: variable is not None.",
        )

    def __float__(self) -> float:
        return float(self.value)

    def __int__(self) -> int:
        return int(self.value)

    def __deepcopy__(self, memo: dict[int, Any]) -> "Variable":
        twin = memo[id(self)] = object.__new__(type(self))
        for slot in Variable.__slots__[2:]:
            setattr(twin, slot, getattr(self, slot))
        twin.__dict__.update(self.__dict__)
        twin.turn = None
        twin._value = owned(self._value, self.dtype)
        return twin

    # The arithmetic operators are given by `ops/operators.py`, which knows the operations.


def _function_or_none(value: Any, name: str, example: str) -> Any:
    """The value, if a variable can call it after an update or for the loss.

    Raises:
        ValueError: it is no function, so training would end there.
    """
    if value is not None and not callable(value):
        raise value_error(
            f"{name} of a variable must be a function or None, got {value!r}.",
            fix=f"variable.{name} = {example}",
        )
    return value


def serial_now() -> int:
    """A number above those of all variables made so far, and below those of all made later."""
    return next(_serial)


def owned(value: Any, dtype: Any = None, *, like: jax.Array | None = None) -> jax.Array:
    """A jax array that nobody else holds, laid out as `like` is if given."""
    if dtype is not None:
        dtype = dtypes.numpy_dtype(dtypes.standardize_dtype(dtype))
    sharding = None
    if like is not None and len(like.sharding.device_set) > 1:
        sharding = like.sharding
    if isinstance(value, jax.Array) and not is_tracer(value):
        if dtype is not None and value.dtype != dtype:
            value = value.astype(dtype)
            return value if sharding is None else jax.device_put(value, sharding)
        return jax.device_put(value, sharding, may_alias=False)
    if is_tracer(value):
        return value
    array = from_host(value, dtype)
    return array if sharding is None else jax.device_put(array, sharding)


def _concrete_shape(shape: Sequence[int], path: str) -> tuple[int, ...]:
    sizes = tuple(shape) if isinstance(shape, (list, tuple)) else (shape,)
    if not all(isinstance(n, (int, np.integer)) and n >= 0 for n in sizes):
        raise value_error(
            f"Variable '{path}' needs a shape of known, non-negative sizes, got {sizes}.",
            fix="give the size of every axis; only the batch axis of an input may stay None.",
        )
    return tuple(int(n) for n in sizes)


def _foreign_write(variable: Variable) -> str:
    return explain(
        f"Variable '{variable.path}' was updated inside a transform that does not carry it.",
        fix="use the transforms that do (cornu.ops.scan, while_loop, fori_loop, cond, map,\n"
        "vectorized_map, cornu.remat), or make a pure function of the state:\n"
        "model.stateless_call(trainable, non_trainable, x) inside jax.jit, jax.grad, jax.lax.scan.",
    )


refuse_after_fork(Variable, "__init__", "assign")  # what is there can be read, and saved
