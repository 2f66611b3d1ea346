"""Symbolic tensors and shape inference.

A `KerasTensor` has a shape, a dtype and the memory of the operation that made it. It computes
nothing: `infer` finds what a function would return by tracing it on shapes alone. What stands for
the unknown sizes (None) while tracing is tried in this order, until the function accepts it:

    infer(add, (None, 4), (3, 4))       None -> n         one symbolic size, the same for all
                                        None -> 48, 72    two traces; what differs is unknown,
                                                1         also from a third, if it is possible
                                        None -> 3, ...    the known size that it has to be

The last is for an unknown size that meets a known one: the sum above can only have the shape
(3, 4). Axes that have to meet nothing stay unknown.
"""

import functools
import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
import numpy as np
from jax import export
from jax._src import core as jax_core, dtypes as jax_dtypes

from cornu import bcoo, budget, names
from cornu.context import using
from cornu.core import dtypes, tracing
from cornu.core.frame import Frame
from cornu.errors import UnsafeFileError, explain, type_error, value_error

Shape = tuple[int | None, ...]

assert tracing, "what is traced is counted in loads"

PROBES = (48, 72)  # sizes that tiles, strides and splits of the usual kinds divide
SMALLEST = 1  # shows what is limited by a known size: the diagonal of (None, 3)
MOST_TRIALS = 16  # of known sizes in the place of unknown ones


_COPIED = ("shape", "dtype", "sparse", "name", "_keras_mask")
_FIXED = frozenset(("shape", "dtype", "sparse"))  # the operation that made a tensor says them


class SymbolicTensorError(ValueError):
    """A symbolic tensor was given to jax, whose notes about its own frames are not taken."""

    def add_note(self, note: str) -> None:
        """Take no note."""


class KerasTensor:
    """The shape and dtype of a tensor that will exist when a model runs.

    Args:
        shape: sizes of the axes, None where unknown.
        dtype: name of the dtype.
        sparse: whether the tensor will be sparse.
        ragged: must stay False; there are no ragged tensors here.
        record_history: kept for Keras's signature.
        name: shown in messages.
    """

    __slots__ = ("__weakref__", "_keras_history", "_keras_mask", "dtype", "name", "shape", "sparse")
    __array_priority__ = 100

    ragged = False
    ragged_rank = None
    row_splits_dtype = None

    def __init__(
        self,
        shape: Sequence[int | None],
        dtype: Any = "float32",
        sparse: bool = False,
        ragged: bool = False,
        record_history: bool = True,
        name: str | None = None,
        **kwargs: Any,
    ):
        if ragged:
            raise value_error(
                "There are no ragged tensors on JAX.",
                fix="pad to a common length, and give the mask to the layers.",
            )
        budget.spend(1)
        self.shape = standardize_shape(shape)
        self.dtype = dtypes.standardize_dtype(dtype)
        self.sparse = bool(sparse)
        self.name = name or names.auto_name(self)
        self._keras_history: Any = None
        self._keras_mask: Any = None

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _FIXED and hasattr(self, name):
            raise AttributeError(
                explain(
                    f"{name!r} of a symbolic tensor cannot be set.",
                    tensor=self,
                    fix="make another: keras.KerasTensor(shape, dtype, sparse=...)",
                )
            )
        _set(self, name, value)

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    # A copy comes with the calls that led to it, and these enter themselves in their operations and
    # tensors (see `core/graph/operation.py`).

    def __getstate__(self) -> dict[str, Any]:
        history = self._keras_history
        node = history.operation._inbound_nodes[history.node_index] if history else None
        return {name: getattr(self, name) for name in _COPIED} | {"_node": node}

    def __setstate__(self, state: dict[str, Any]) -> None:
        if not hasattr(self, "_keras_history"):  # else its node has entered itself
            self._keras_history = None
        for name in _COPIED:
            setattr(self, name, state[name])

    def __copy__(self) -> "KerasTensor":
        twin = object.__new__(type(self))
        for name in (*_COPIED, "_keras_history"):
            setattr(twin, name, getattr(self, name))
        return twin

    def __repr__(self) -> str:
        kind = ", sparse=True" if self.sparse else ""
        return f"<KerasTensor shape={self.shape}, dtype={self.dtype}{kind}, name={self.name}>"

    # ---- what needs values --------------------------------------------------------------------

    def _no_value(self, what: str) -> str:
        return explain(
            f"A symbolic tensor has no values yet, so it cannot be {what}.",
            tensor=self,
            fix="use keras.ops, or put the code into the `call` of a layer:\n"
            "class MyLayer(keras.layers.Layer):\n"
            "    def call(self, x): ...",
        )

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        raise TypeError(self._no_value("turned into a numpy array"))

    @property
    def __jax_array__(self) -> Any:  # raises where jax looks for it, in every function of jax
        # A ValueError: a TypeError jax would say in words of its own.
        raise SymbolicTensorError(self._no_value("passed to a function of jax"))

    def __iter__(self) -> Any:
        raise NotImplementedError(self._no_value("iterated over"))

    def __bool__(self) -> bool:
        raise TypeError(self._no_value("used as a condition"))

    def __float__(self) -> float:
        raise TypeError(self._no_value("turned into a number"))

    def __int__(self) -> int:
        raise TypeError(self._no_value("turned into a number"))

    # The operators, `reshape` and `squeeze` are given by `ops/operators.py`.


_set = object.__setattr__


def _answer_primitives() -> None:
    """Let JAX's primitives, `lax.exp` and all built on them, say what a symbolic tensor is.

    They do not look for `__jax_array__` but for the type of what they are given. Without this
    private part of JAX they speak of it in words of their own, and that is all.
    """
    register = getattr(jax_dtypes, "register_canonicalize_value_handler", None)
    if register is not None:
        register(KerasTensor, lambda tensor: tensor.__jax_array__)


_answer_primitives()


def standardize_shape(shape: Any) -> Shape:
    """A tuple of sizes, None where unknown.

    Raises:
        ValueError: it is not a sequence of non-negative sizes.

    Example:

        >>> standardize_shape([None, np.int64(3)])
        (None, 3)
    """
    if shape is None or isinstance(shape, (str, int)):
        raise value_error(
            f"A shape must be a tuple of sizes, got {shape!r}.",
            fix=f"shape=({shape if isinstance(shape, int) else 4},)",
        )
    sizes = []
    for size in shape:
        if size is not None and not isinstance(size, (int, np.integer)):
            raise value_error(f"Sizes in a shape must be int or None, got {size!r}.", shape=shape)
        if size is not None and size < 0:
            raise value_error(f"Sizes in a shape must be >= 0, got {size}.", shape=shape)
        sizes.append(None if size is None else int(size))
    return tuple(sizes)


class SymbolicScope:
    """A `with` block in which shapes are inferred and no values are computed.

    It tells layers and functions that ask; `compute_output_shape` and functional models open it by
    themselves.
    """

    def __enter__(self) -> "SymbolicScope":
        self._scope = using(symbolic=True)
        self._scope.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._scope.__exit__(*error)


def is_symbolic(x: Any) -> bool:
    """Whether the value is a symbolic tensor."""
    return isinstance(x, KerasTensor)


def any_symbolic(args: Any, kwargs: Any = None) -> bool:
    """Whether there is a symbolic tensor anywhere in the arguments of a call."""
    for value in args:
        if isinstance(value, KerasTensor):
            return True
        if isinstance(value, (list, tuple, dict)) and _holds_symbolic(value):
            return True
    if kwargs:
        for value in kwargs.values():
            if isinstance(value, KerasTensor):
                return True
            if isinstance(value, (list, tuple, dict)) and _holds_symbolic(value):
                return True
    return False


def _holds_symbolic(container: Any) -> bool:
    return any(isinstance(leaf, KerasTensor) for leaf in jax.tree.leaves(container))


@functools.cache
def _unknown_size() -> Any:
    size = export.symbolic_shape("None", constraints=["None >= 2"])[0]  # as messages show it
    _leave_no_frames(type(size))
    return size


def _leave_no_frames(unknown: type) -> None:
    """Let JAX take an unknown size without an error inside.

    It catches one and keeps it in a variable, which makes a circle of the error and its frame. With
    the frame all callers stay, and what they refer to, models and data, until Python looks for
    circles. Without this private part of JAX memory is used longer, and that is all.
    """
    plain: Any = getattr(jax_core, "_canonicalize_dimension", None)

    def checked(size: Any) -> Any:
        return size if type(size) is int or isinstance(size, unknown) else plain(size)

    if plain is not None:
        jax_core._canonicalize_dimension = checked


def infer(fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """What `fn` would return, with symbolic tensors in place of arrays; nothing is computed.

    Args:
        fn: any traceable function; what it writes to variables is dropped.
        *args: symbolic tensors, arrays and other values, nested as the function takes them.
        **kwargs: the same by keyword.

    Returns:
        The structure that `fn` returns, with a `KerasTensor` for each array.

    Example:

        >>> import jax.numpy as jnp
        >>> infer(lambda x: jnp.stack([x, x], -1), KerasTensor((None, 4))).shape
        (None, 4, 2)
    """
    leaves, treedef = jax.tree.flatten((args, kwargs))
    places = [i for i, leaf in enumerate(leaves) if isinstance(leaf, KerasTensor)]
    tensors = [leaves[i] for i in places]

    def run(*arrays: Any) -> Any:
        filled = list(leaves)
        for i, array in zip(places, arrays, strict=True):
            filled[i] = array
        a, k = treedef.unflatten(filled)
        with using(symbolic=True), Frame(open_ended=True):
            return fn(*a, **k)

    def trace(sizes: Any) -> Any:
        """Shapes of the results with a size for each unknown axis, or one for all."""
        each = sizes if isinstance(sizes, tuple) else itertools.repeat(sizes)
        feed = iter(each)
        return jax.eval_shape(run, *[_struct(t, feed) for t in tensors])

    unknown = [
        (k, axis) for k, t in enumerate(tensors) for axis, n in enumerate(t.shape) if n is None
    ]
    if not unknown:
        return _described(trace(None))
    try:
        return _described(trace(_unknown_size()))
    except UnsafeFileError:  # too much work, with any size
        raise
    except Exception as symbolic_error:
        others = [getattr(leaf, "shape", None) for leaf in leaves]
        trials = _trials(unknown, [t.shape for t in tensors], others)
        found = _with_numbers(trace, [(None,) * len(unknown), *trials])
        if found is None:
            raise symbolic_error from None
        return found[0]


def _with_numbers(
    trace: Callable[[Any], Any], trials: Sequence[tuple[int | None, ...]]
) -> tuple[Any] | None:
    """The result with the first sizes that the function accepts, as a tuple of one; else None.

    A size of None is probed. Only a `TypeError` or `ValueError` says that sizes do not fit.
    """
    for sizes in trials:
        try:
            if None in sizes:
                return (_by_probing(trace, functools.partial(_filled, sizes)),)
            return (_described(trace(sizes)),)
        except UnsafeFileError:
            raise
        except (TypeError, ValueError):
            continue
        except Exception:
            return None
    return None


def _described(found: Any) -> Any:
    def tensor(s: Any) -> KerasTensor:
        return KerasTensor(_known_sizes(s.shape), s.dtype.name, sparse=bcoo.is_sparse(s))

    return jax.tree.map(tensor, found, is_leaf=bcoo.is_sparse)


def _by_probing(trace: Callable[[Any], Any], sizes: Callable[[int], Any]) -> Any:
    """Trace with several sizes; an axis that comes out differently is unknown."""
    first, second = (trace(sizes(probe)) for probe in PROBES)

    def compare(a: Any, *others: Any) -> KerasTensor:
        columns = zip(a.shape, *[other.shape for other in others], strict=True)
        shape = [column[0] if len(set(column)) == 1 else None for column in columns]
        return KerasTensor(shape, a.dtype.name, sparse=bcoo.is_sparse(a))

    compared = functools.partial(jax.tree.map, compare, is_leaf=bcoo.is_sparse)
    try:
        return compared(first, second, trace(sizes(SMALLEST)))
    except Exception:  # too small for it, or a case of its own
        return compared(first, second)


def _filled(sizes: tuple[int | None, ...], probe: int) -> tuple[int, ...]:
    return tuple(probe if size is None else size for size in sizes)


def _trials(
    unknown: Sequence[tuple[int, int]], shapes: Sequence[Shape], others: Sequence[Any]
) -> list[tuple[int | None, ...]]:
    """Known sizes to try for the unknown axes, None for one that stays so: few known ones first.

    A size of 1 is no candidate: whatever accepts it broadcasts, and would accept any.
    """

    def candidates(tensor: int, axis: int) -> list[int]:
        near, far = [], []
        behind = axis - len(shapes[tensor])
        for shape in others:
            sizes = [n for n in shape or () if isinstance(n, int) and n > 1]
            for place in (behind, axis) if sizes else ():
                if -len(shape) <= place < len(shape) and shape[place] in sizes:
                    near.append(shape[place])
            far += sizes
        return list(dict.fromkeys([*near, *far]))

    choices = [[None, *candidates(*place)] for place in unknown]
    found = itertools.product(*[list(enumerate(c)) for c in itertools.islice(choices, 4)])
    ranked = sorted(found, key=lambda trial: sum(rank for rank, _ in trial))
    rest = (None,) * max(len(choices) - 4, 0)
    trials = [(*(size for _, size in trial), *rest) for trial in ranked[: MOST_TRIALS + 1]]
    return [trial for trial in trials if any(size is not None for size in trial)]


def _struct(tensor: KerasTensor, sizes: Iterator[Any]) -> Any:
    """A shape for the tracer, with the next of the sizes for each unknown axis."""
    shape = [next(sizes) if s is None else s for s in tensor.shape]
    if tensor.dtype == "string":
        raise type_error(
            "Strings cannot be computed with in a compiled program.",
            tensor=tensor,
            fix="encode them as numbers first: x = numpy.unique(x, return_inverse=True)[1]",
        )
    dtype = dtypes.numpy_dtype(tensor.dtype)
    return bcoo.blank(shape, dtype, 2) if tensor.sparse else jax.ShapeDtypeStruct(shape, dtype)


def _known_sizes(shape: Any) -> Shape:
    return tuple(s if isinstance(s, int) else None for s in shape)
