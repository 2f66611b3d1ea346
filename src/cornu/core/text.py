"""Text in models: what layers make of it on the host, before the compiled program.

XLA has no text. So a batch is encoded first: the layers that take text run in numpy, and the
program gets their results.

    record    the model is called once on a few rows, as far as shapes go; each call of a layer that
              takes text is noted, with where its arguments came from
    encode    these calls are made on a batch, on the host     ["good film"] -> [[12, 7]]
    compute   in the program the same calls return those results; text itself is a `Text`, a
              place without values

What a model does with text must depend on its inputs alone, and be the same in each call.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np

from cornu import tree
from cornu.context import local, using
from cornu.core.frame import eagerly
from cornu.core.graph.operation import Operation
from cornu.core.symbolic import infer
from cornu.errors import type_error, value_error
from cornu.types import Shape, Tensor, Tensors


class Encoded(NamedTuple):
    """The inputs of a model, encoded.

    Attributes:
        arrays: the inputs that hold no text, and what layers made of those that do. Their names say
            how the inputs were nested, so a compiled program never takes one nesting for another.
    """

    arrays: dict[str, Any]


class Text:
    """A place for an array of text: a shape without values.

    Attributes:
        number: number of the value among all that a program knows.
    """

    dtype = "string"

    def __init__(self, shape: Shape, number: int):
        self.shape, self.number = tuple(shape), number

    @property
    def ndim(self) -> int:
        return len(self.shape)

    def reshape(self, shape: Shape) -> "Text":
        return Text(shape, self.number)


def is_text(x: Tensor) -> bool:
    """Whether a value is an array of text, or a place for one.

    Example:

        >>> is_text(np.array(["a"])), is_text(np.array([1.0])), is_text("a")
        (True, False, False)
    """
    if isinstance(x, Text):
        return True
    if not isinstance(x, np.ndarray):
        return False
    if x.dtype.kind == "O":
        return x.size > 0 and isinstance(x.flat[0], str | bytes)
    return x.dtype.kind in "UST"


def has_text(tensors: Tensors) -> bool:
    """Whether one of several symbolic tensors, nested, stands for text."""
    return any(getattr(t, "dtype", None) == "string" for t in tree.flatten(tensors))


def as_text(value: Tensor) -> Any:
    """Texts, nested lists of them and columns of tables as numpy arrays; all else as it is.

    Example:

        >>> as_text(["a", "bc"]).tolist(), as_text([1, 2]), as_text([np.array([b"a"])])
        (['a', 'bc'], [1, 2], [array(['a'], dtype='<U1')])
    """
    if isinstance(value, str | bytes):
        return _decoded(np.array(value))
    if hasattr(value, "to_numpy") and not hasattr(value, "columns"):
        value = value.to_numpy()
    if isinstance(value, np.ndarray):
        return _decoded(value) if is_text(value) else value
    if isinstance(value, list | tuple) and isinstance(_first(value), str | bytes):
        return _decoded(np.array(value))
    if isinstance(value, dict):
        return {name: as_text(item) for name, item in value.items()}
    if isinstance(value, list | tuple) and any(map(_is_array, value)):
        return type(value)(as_text(item) for item in value)
    return value


def may_be_text(value: object) -> bool:
    """Whether inputs may hold text, without a look at all of them."""
    if isinstance(value, np.ndarray):
        return value.dtype.kind in "OUST"
    if isinstance(value, dict):
        return any(map(may_be_text, value.values()))
    if isinstance(value, list | tuple):
        return isinstance(_first(value), str | bytes) or any(
            may_be_text(item) for item in value if _is_array(item)
        )
    return isinstance(value, str | bytes) or (
        hasattr(value, "to_numpy") and not hasattr(value, "columns")
    )


def _is_array(value: Tensor) -> bool:
    return hasattr(value, "shape") or hasattr(value, "to_numpy")


def _first(value: Tensor) -> Any:
    while isinstance(value, list | tuple) and value:
        value = value[0]
    return value


def _decoded(array: np.ndarray) -> np.ndarray:
    """Text of any kind as Python's texts, or of fixed width; bytes are read as UTF-8."""
    if array.dtype.kind == "S":
        return np.char.decode(array, "utf-8")
    if array.dtype.kind != "O" or not any(isinstance(item, bytes) for item in array.flat):
        return array
    texts = [t.decode() if isinstance(t, bytes) else t for t in array.flat]
    return np.array(texts, object).reshape(array.shape)


def as_rank(x: Tensor, ndim: int) -> Any:
    """Text with an axis of size 1 more or less at its end; other ranks stay as they are."""
    shape = tuple(x.shape)
    if len(shape) == ndim + 1 and shape[-1] == 1:
        shape = shape[:-1]
    elif len(shape) == ndim - 1:
        shape = (*shape, 1)
    else:
        return x
    return same(x.reshape(shape), x)


def same(found: Tensor, x: Tensor) -> Any:
    """What a model made of one of its inputs, with the dtype and rank that it takes.

    A layer that takes text gets the input itself in its place.
    """
    number = None if local.text is None else local.text.number_of(x)
    if number is not None:
        local.text.note(found, number)
    return found


class _Ref(NamedTuple):
    """An argument of a call that comes with the inputs, or from a call before."""

    number: int
    ndim: int


class _Step(NamedTuple):
    """One call of a layer on the host."""

    layer: Any
    args: Any  # with a `_Ref` for each array
    kwargs: Any
    results: list[int]  # numbers of what it returned
    are_text: list[bool]
    structure: Any  # of what it returned

    @property
    def numbers_made(self) -> list[int]:
        """The numbers of those results that are no text."""
        return [n for n, text in zip(self.results, self.are_text, strict=True) if not text]


class Program:
    """The calls of layers that take text, in the order of one call of a model."""

    def __init__(self) -> None:
        self.steps: list[_Step] = []
        self.nesting = ""  # see `nesting_of`
        self.structure: Any = None  # the inputs, with the number of each
        self.texts: dict[int, int] = {}  # number of an input that is text -> its rank

    def encode(self, x: Tensor) -> Encoded:
        """Run the calls on inputs, on the host.

        Raises:
            ValueError: the inputs are not nested as those on which the program was recorded.
        """
        numbers = tree.flatten(self.structure)
        values = dict(zip(numbers, tree.flatten(x), strict=True))
        with eagerly(), using(text=None, call=None):
            for step in self.steps:
                args, kwargs = (_filled(part, values) for part in (step.args, step.kwargs))
                outputs = tree.flatten(step.layer(*args, **kwargs))
                for number, text, output in zip(step.results, step.are_text, outputs, strict=True):
                    values[number] = output if text else _widened(output, step.layer._pads_with)
        return Encoded({name: values[n] for n, name in self.names.items()})

    @property
    def names(self) -> dict[int, str]:
        """The numbers of the arrays of an encoded batch, and their names."""
        results = [n for step in self.steps for n in step.numbers_made]
        inputs = [n for n in tree.flatten(self.structure) if n not in self.texts]
        return {n: f"{self.nesting}#{n}" for n in inputs + results}

    def arrays_of(self, encoded: Encoded) -> dict[int, Any]:
        """The arrays of an encoded batch by number."""
        return {n: encoded.arrays[name] for n, name in self.names.items()}

    def inputs_of(self, encoded: Encoded) -> Any:
        """The inputs in their structure, with a place for each text."""
        arrays = self.arrays_of(encoded)
        batch = next((a.shape[0] for a in arrays.values()), None)

        def value(number: int) -> Any:
            if number in self.texts:
                return Text((batch, *[1] * (self.texts[number] - 1)), number)
            return arrays[number]

        return tree.map_structure(value, self.structure)


def nesting_of(x: Tensors) -> str:
    """How inputs are nested, and which of them are text.

    Example:

        >>> nesting_of({"b": np.ones(1), "a": np.array(["x"])})
        "{'b': 1, 'a': 'text 0'}"
    """
    numbers = [f"text {i}" if is_text(leaf) else i for i, leaf in enumerate(tree.flatten(x))]
    return str(tree.pack_sequence_as(x, numbers))


def nesting_of_encoded(encoded: Encoded) -> str:
    """The nesting of the inputs of which a batch was encoded."""
    return next(iter(encoded.arrays)).rpartition("#")[0]


def _widened(array: Tensor, padding: int | None) -> np.ndarray:
    """Rows of one of few widths, so that few programs are compiled for rows of any length."""
    array = np.asarray(array)
    if padding is None or array.ndim < 2 or not array.shape[-1]:
        return array
    step = 1 << max((array.shape[-1] - 1).bit_length() - 3, 0)  # four widths for each doubling
    missing = -array.shape[-1] % step
    width = [(0, 0)] * (array.ndim - 1) + [(0, missing)]
    return np.pad(array, width, constant_values=padding) if missing else array


def _filled(part: Tensors, values: dict[int, Any]) -> Any:
    def value(leaf: Tensor) -> Any:
        if not isinstance(leaf, _Ref):
            return leaf
        found = values[leaf.number]
        return as_rank(found, leaf.ndim)

    return _map_leaves(value, part)


def _map_leaves(function: Callable[[Any], Any], part: Tensors) -> Any:
    """`tree.map_structure` that takes a `_Ref` for a leaf."""
    return jax.tree.map(function, part, is_leaf=lambda x: isinstance(x, _Ref) or x is None)


class Recorder:
    """Makes the calls of layers that take text, and notes them in a program."""

    def __init__(self) -> None:
        self.program = Program()
        self._known: dict[int, tuple[Any, int]] = {}  # id -> what it is of, kept alive; number
        self._values: list[Any] = []  # by number

    def note(self, value: Tensor, number: int | None = None) -> int:
        """Give a value its number, or that of another that holds the same."""
        if number is None:
            number = len(self._values)
            self._values.append(value)
        self._known[id(value)] = (value, number)
        return number

    def number_of(self, value: Tensor) -> int | None:
        """The number of a value that came with the inputs, or from a layer that takes text."""
        return self._known[id(value)][1] if id(value) in self._known else None

    def _ref(self, value: Tensor) -> _Ref:
        """What stands for a value in a program.

        Raises:
            TypeError: it neither came with the inputs nor from a layer that takes text.
        """
        number = self.number_of(value)
        if number is not None:
            return _Ref(number, len(value.shape))
        raise type_error(
            "A layer that takes text got a value that was computed inside the model.",
            value=f"{type(value).__name__} of shape {getattr(value, 'shape', ())}",
            fix="pass it as an input of the model, or encode the text in the data set:\n"
            "data = data.map(lambda x, y: (encode(x), y))",
        )

    def call(
        self, layer: Operation, call: Callable[..., Any], args: Tensors, kwargs: Tensors
    ) -> Any:
        """Make one call, on values."""

        def ref(leaf: Tensor) -> Any:
            return self._ref(leaf) if hasattr(leaf, "shape") else leaf

        noted: tuple[Any, Any] = _map_leaves(ref, (list(args), kwargs))
        with eagerly(), using(text=None):
            given, named = (_filled(part, dict(enumerate(self._values))) for part in noted)
            outputs = call(*given, **named)
        outputs = tree.map_structure(lambda a: a if is_text(a) else np.asarray(a), outputs)
        flat = tree.flatten(outputs)
        self.program.steps.append(
            _Step(
                layer,
                noted[0],
                noted[1],
                [self.note(a) for a in flat],
                [is_text(a) for a in flat],
                outputs,
            )
        )
        return outputs


class Answers:
    """Answers the calls of a program with results that were encoded before."""

    def __init__(self, program: Program, encoded: Encoded):
        self._steps = {_key(s.layer, s.args, s.kwargs): s for s in reversed(program.steps)}
        self._arrays = program.arrays_of(encoded)
        self._known = {id(array): (array, n) for n, array in self._arrays.items()}
        self._rows = next((a.shape[0] for a in self._arrays.values()), None)

    def note(self, value: Tensor, number: int) -> None:
        """Give a value the number of another that holds the same."""
        self._known[id(value)] = (value, number)

    def number_of(self, value: Tensor) -> int | None:
        """The number of a value that came with the inputs."""
        return self._known[id(value)][1] if id(value) in self._known else None

    def call(
        self, layer: Operation, call: Callable[..., Any], args: Tensors, kwargs: Tensors
    ) -> Any:
        """What the call returned when it was made."""

        def ref(leaf: Tensor) -> Any:
            if isinstance(leaf, Text):
                return _Ref(leaf.number, leaf.ndim)
            if hasattr(leaf, "shape"):
                number = self.number_of(leaf)
                return _Ref(-1 if number is None else number, len(leaf.shape))
            return leaf

        step = self._steps.get(_key(layer, *_map_leaves(ref, (list(args), kwargs))))
        if step is None:
            raise value_error(
                f"Layer '{layer.name}' got text that it did not get when the model was first "
                "called.",
                fix="call layers that take text in every call of the model, in the same way.",
            )

        def result(number: int, like: Tensor) -> Any:
            if number in self._arrays:
                return self._arrays[number]
            return Text((self._rows, *like.shape[1:]), number)

        flat = map(result, step.results, tree.flatten(step.structure))
        return tree.pack_sequence_as(step.structure, list(flat))


def _key(layer: object, args: Tensors, kwargs: Tensors) -> Any:
    leaves = jax.tree.leaves((args, kwargs), is_leaf=lambda x: isinstance(x, _Ref))
    return id(layer), *[leaf for leaf in leaves if isinstance(leaf, _Ref)]


def answering(program: Program, encoded: Encoded, call: Callable[[Any], Any]) -> Any:
    """Call a model with the inputs of an encoded batch."""
    with using(text=Answers(program, encoded)):
        return call(program.inputs_of(encoded))


def recorded(call: Callable[[Any], Any], x: Tensor) -> Program:
    """The program of a model that takes text.

    Args:
        call: the model.
        x: a few rows of its inputs, as arrays.
    """
    recorder = Recorder()
    program = recorder.program
    program.nesting = nesting_of(x)
    program.structure = tree.map_structure(recorder.note, x)
    program.texts = {
        number: leaf.ndim
        for number, leaf in zip(tree.flatten(program.structure), tree.flatten(x), strict=True)
        if is_text(leaf)
    }
    with using(text=recorder):
        infer(lambda: call(x))
    return program
