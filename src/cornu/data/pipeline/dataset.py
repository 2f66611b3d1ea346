"""`Dataset`: elements with an index, and what one does with them before training.

    data = Dataset.from_arrays(images, labels)          elements (image, label)
    data = data.map(prepare, num_parallel_calls=4)      (prepare(image, label)), in four threads
    data = data.shuffle(len(data)).batch(32)            batches, another order in each epoch
    model.fit(data, epochs=10)

A `Dataset` is a chain of stages (`stage.py`) and never changes; each method gives another one.
"""

import weakref
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple, Self

import numpy as np

from cornu.arguments import integer
from cornu.data.pipeline.batching import is_full
from cornu.data.pipeline.elements import lists_as_arrays, mapped, to_numpy
from cornu.data.pipeline.foreign import foreign_stage
from cornu.data.pipeline.grain import as_grain
from cornu.data.pipeline.iterator import DatasetIterator, checked_place
from cornu.data.pipeline.mapping import name_of
from cornu.data.pipeline.operations import Operations
from cornu.data.pipeline.origins import Arrays, Generated, Indexed, One, Range, Sourced
from cornu.data.pipeline.selections import Shuffle, Zipped
from cornu.data.pipeline.stage import ENDLESS, Stage
from cornu.data.pipeline.waits import Waits
from cornu.errors import did_you_mean, explain, make_error, type_error, value_error
from cornu.types import Data, DType, Tensor, Tensors

UNKNOWN, INFINITE = -2, -1  # cardinalities, as in tf.data


class Spec(NamedTuple):
    """Shape and dtype of a leaf of elements; None is a size that varies."""

    shape: tuple[int | None, ...]
    dtype: np.dtype[Any]


class Dataset(Operations):
    """A data set: elements in order, each a numpy array or a tuple or dict of arrays.

    Made by `from_arrays`, `from_tensor_slices`, `from_source`, `from_generator` and their like,
    not by calling the class. `len(data)`, `data[i]` and `for element in data` work where the number
    of elements is known; `filter`, `unbatch` and `from_generator` leave only the `for` loop.

    What an element is depends on its index and the number of the pass alone, so the same program
    gives the same batches whatever the number of threads.

    Attributes:
        class_names: names of the classes, where the data came from folders that have them.
        file_paths: files that the data came from.

    Example:

        >>> import numpy as np
        >>> data = Dataset.from_arrays(np.arange(6.0), np.arange(6) % 2)
        >>> data = data.map(lambda x, y: (x / 10, y)).batch(4)
        >>> for x, y in data:
        ...     print(x.tolist(), y.tolist())
        [0.0, 0.1, 0.2, 0.3] [0, 1, 0, 1]
        [0.4, 0.5] [0, 1]
    """

    def __init__(
        self,
        stage: Stage,
        class_names: Sequence[str] | None = None,
        file_paths: Sequence[str] | None = None,
    ) -> None:
        if not isinstance(stage, Stage):
            raise type_error(
                f"A Dataset is made of a stage, got {type(stage).__name__}.",
                fix="Dataset.from_arrays(x, y), or Dataset.from_any(data)",
            )
        self.stage = stage
        self.class_names = class_names
        self.file_paths = file_paths
        self.passes = 0  # number of passes that were begun
        self.waits: Waits | None = None
        self._spec: Any = None
        self._start: tuple[int, int] | None = None  # where the next iterator begins
        self._latest: weakref.ref[DatasetIterator] | None = None

    # ---- where elements come from -------------------------------------------------------------

    @classmethod
    def from_tensor_slices(cls, tensors: Tensors, name: str | None = None) -> "Dataset":
        """The rows of arrays.

        Args:
            tensors: an array, or a tuple or dict of arrays with the same first axis.
            name: accepted as in tf.data.

        Example:

            >>> data = Dataset.from_tensor_slices({"x": [1, 2, 3], "y": ["a", "b", "c"]})
            >>> data[1]
            {'x': np.int64(2), 'y': np.str_('b')}
        """
        return cls(Arrays(lists_as_arrays(tensors)))

    @classmethod
    def from_arrays(cls, *arrays: Tensors) -> "Dataset":
        """The rows of arrays: of one alone, or tuples `(x, y)`, `(x, y, sample_weight)`.

        Args:
            *arrays: inputs, targets and sample weights; each an array `(samples, ...)`, or a tuple
                or dict of arrays.

        Example:

            >>> import numpy as np
            >>> Dataset.from_arrays(np.zeros((5, 2)), np.arange(5))[3]
            (array([0., 0.]), np.int64(3))
        """
        return cls.from_tensor_slices(arrays[0] if len(arrays) == 1 else arrays)

    @classmethod
    def from_tensors(cls, tensors: Tensors, name: str | None = None) -> "Dataset":
        """One element.

        Example:

            >>> len(Dataset.from_tensors([1, 2, 3]))
            1
        """
        return cls(One(lists_as_arrays(tensors)))

    @classmethod
    def from_source(
        cls,
        source: Indexed,
        *,
        class_names: Sequence[str] | None = None,
        file_paths: Sequence[str] | None = None,
        batched: bool = False,
    ) -> "Dataset":
        """The elements of an object with `__len__` and `__getitem__`.

        Args:
            source: the object; thread-safe, if elements are made in several threads. It may have
                `gather(indices)`, which returns a batch of elements at once, `fingerprint()`, a
                text that changes when the data do, and `work`, what it does ("decoding").
            class_names: names of the classes.
            file_paths: files that the data came from.
            batched: whether its elements are batches.

        Example:

            >>> Dataset.from_source([10, 20, 30]).batch(2)[1]
            array([30])
        """
        stage = Sourced(source)
        stage.batched = batched
        return cls(stage, class_names, file_paths)

    @classmethod
    def from_generator(
        cls,
        generator: Callable[..., Any],
        output_types: object = None,
        output_shapes: object = None,
        args: Sequence[Any] | None = None,
        output_signature: object = None,
        name: str | None = None,
    ) -> "Dataset":
        """What a generator function yields, called anew for each pass.

        Args:
            generator: function that returns an iterator or iterable of elements.
            output_types: accepted as in tf.data; elements have the dtypes that are yielded.
            output_shapes: likewise.
            args: arguments of the function.
            output_signature: likewise.
            name: likewise.

        Example:

            >>> data = Dataset.from_generator(lambda: iter([1, 2, 3]))
            >>> list(data.map(lambda x: 2 * x))
            [np.int64(2), np.int64(4), np.int64(6)]
        """
        if not callable(generator):
            raise type_error(
                f"from_generator needs a function, got {type(generator).__name__}, "
                "which can be read once only.",
                fix="Dataset.from_generator(make), where `def make():` yields the elements.",
            )
        given = tuple(args or ())
        return cls(
            Generated(lambda: generator(*given), f"the generator {name_of(generator)!r}",
                      convert=lambda item: mapped(to_numpy, item))
        )  # fmt: skip

    @classmethod
    def from_any(cls, data: Data) -> "Dataset":
        """A data set of this or another library, or arrays.

        Args:
            data: a `Dataset`, a `PyDataset`, arrays or a data frame; a data set or loader of grain,
                torch, tf.data or Hugging Face; an Arrow table; a function that returns an iterator;
                anything that can be read again and again. Where they have an index, so has the
                result. Rows of tables become dicts.

        Raises:
            TypeError: it is none of these, or an iterator, which can be read once only.

        Example:

            >>> Dataset.from_any({"x": [1, 2], "y": [3.0, 4.0]})[1]
            {'x': np.int64(2), 'y': np.float64(4.0)}
        """
        if isinstance(data, Dataset):
            return data
        stage = foreign_stage(data)
        if stage is not None:
            return cls(stage)
        if callable(data) and not hasattr(data, "__iter__") and not isinstance(data, type):
            return cls.from_generator(data)
        return cls.from_tensor_slices(data)

    @classmethod
    def range(
        cls, *args: int, output_type: DType | None = None, name: str | None = None
    ) -> "Dataset":
        """Integers.

        Args:
            *args: `stop`, or `start, stop`, or `start, stop, step`, as in `range`.
            output_type: dtype of the elements, int64 if None.
            name: accepted as in tf.data.

        Example:

            >>> list(Dataset.range(2, 8, 3))
            [np.int64(2), np.int64(5)]
        """
        numbers = range(*args)
        return cls(Range(numbers.start, numbers.stop, numbers.step, output_type or "int64"))

    @classmethod
    def zip(cls, *args: Any, datasets: object = None, name: str | None = None) -> "Dataset":
        """The elements of several data sets side by side, as many as the shortest has.

        Args:
            *args: data sets, or one tuple or dict of them.
            datasets: the same, by its older name.
            name: accepted as in tf.data.

        Example:

            >>> a, b = Dataset.range(3), Dataset.range(10, 15)
            >>> list(Dataset.zip(a, b))[-1]
            (np.int64(2), np.int64(12))
        """
        together = datasets if datasets is not None else args[0] if len(args) == 1 else args
        return _zipped(together)

    # ---- reading ------------------------------------------------------------------------------

    def __len__(self) -> int:
        length = self.stage.length
        if length is None or length == ENDLESS:
            raise make_error(
                TypeError,
                "The Dataset is endless." if length == ENDLESS else
                "The number of elements is unknown before they have been read.",
                fix="data.cardinality() returns -1 if endless and -2 if unknown.",
            )  # fmt: skip
        return length

    def __bool__(self) -> bool:
        return True  # as tf.data: `if data:` asks whether there is one

    def cardinality(self) -> int:
        """The number of elements; -1 if endless, -2 if unknown.

        Example:

            >>> Dataset.range(3).cardinality(), Dataset.range(3).repeat().cardinality()
            (3, -1)
        """
        length = self.stage.length
        return UNKNOWN if length is None else INFINITE if length == ENDLESS else length

    def __getitem__(self, index: int) -> Any:
        """An element, as the first pass has it."""
        if not self.stage.indexed:
            raise type_error(
                "This Dataset has no random access.",
                fix="next(iter(data.skip(n))): after filter, unbatch and from_generator, elements "
                "come in order.",
            )
        number, length = integer(index, "index", least=-ENDLESS), self.stage.length or 0
        if not -length <= number < length:
            raise IndexError(f"index {number} is out of bounds for {length} elements.")
        return self.stage.get(0, number % length if length != ENDLESS else number)

    def __iter__(self) -> "DatasetIterator":
        number, index = self._start or (self.passes, 0)
        self._start = None
        self.passes = number + 1
        iterator = DatasetIterator(self, number, index)
        self._latest = weakref.ref(iterator)
        return iterator

    def as_numpy_iterator(self) -> "DatasetIterator":
        """The elements in order.

        Example:

            >>> next(Dataset.range(3).as_numpy_iterator())
            np.int64(0)
        """
        return iter(self)

    def get_single_element(self, name: str | None = None) -> Any:
        """The element of a data set of one.

        Example:

            >>> Dataset.range(3).batch(3).get_single_element().tolist()
            [0, 1, 2]
        """
        found = list(islice(self, 2))
        if len(found) != 1:
            count = "none" if not found else "more"
            raise value_error(f"The Dataset must have one element, and has {count}.")
        return found[0]

    @property
    def element_spec(self) -> Any:
        """Shapes and dtypes of an element; the first axis of a batch is None if it varies.

        An element is made to find out.

        Example:

            >>> import numpy as np
            >>> Dataset.from_arrays(np.zeros((9, 2), "float32")).batch(4).element_spec
            Spec(shape=(None, 2), dtype=dtype('float32'))
        """
        if self._spec is None:
            first = next(self.stage.each(0), self)
            if first is self:
                raise value_error("An empty Dataset has no element_spec.")
            open_ = self.stage.batched and not is_full(self.stage)

            def spec(leaf: Tensor) -> Spec:
                shape = np.shape(leaf)
                return Spec(
                    (None, *shape[1:]) if open_ and shape else shape, np.asarray(leaf).dtype
                )

            self._spec = mapped(spec, first)
        return self._spec

    # ---- where it is --------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """Where the latest iterator is, as numbers that JSON can hold.

        Returns:
            The number of the pass, the index of the next element, and the seeds of the shuffles.

        Example:

            >>> data = Dataset.range(10).shuffle(10, seed=1)
            >>> iterator = iter(data)
            >>> first = [int(next(iterator)) for _ in range(3)]
            >>> state = data.state()
            >>> rest = [int(n) for n in iterator]
            >>> other = Dataset.range(10).shuffle(10).restore(state)
            >>> rest == [int(n) for n in other]
            True
        """
        latest = None if self._latest is None else self._latest()
        if latest is not None:
            return latest.get_state()
        number, index = self._start or (self.passes, 0)
        return {"pass": number, "index": index, "seeds": self.seeds}

    def restore(self, state: Mapping[str, Any]) -> "Dataset":
        """Let the next iterator continue where `state` says.

        Args:
            state: result of `state()`, of this data set or of one that was made alike.

        Returns:
            The data set itself.
        """
        self._start = checked_place(state)
        self.seeds = state["seeds"]
        self._latest = None
        return self

    def to_grain(self) -> Any:
        """The data set as one of grain: a `MapDataset`, or an `IterDataset` without an index.

        Its elements are those of the first pass, also when grain repeats it.

        Example:

            >>> import numpy as np
            >>> list(Dataset.from_arrays(np.arange(4)).to_grain().map(lambda n: 2 * n))
            [np.int64(0), np.int64(2), np.int64(4), np.int64(6)]
        """
        return as_grain(self)

    @property
    def seeds(self) -> list[int]:
        """The seeds of all shuffles, from the origin on."""
        return [s.seed for s in self.stage.all_stages() if isinstance(s, Shuffle)]

    @seeds.setter
    def seeds(self, seeds: Sequence[int]) -> None:
        stages = [s for s in self.stage.all_stages() if isinstance(s, Shuffle)]
        valid = isinstance(seeds, list | tuple) and len(seeds) == len(stages)
        if not valid or not all(type(n) is int and 0 <= n < 2**64 for n in seeds):
            raise value_error(
                f"The state has the seeds {seeds!r:.80}, and the Dataset {len(stages)} shuffles.",
                fix="make the Dataset as before, or delete the backup to start anew.",
            )
        for stage, seed in zip(stages, seeds, strict=True):
            stage.seed = seed

    def report(self) -> str:
        """Who waited for whom in the last `fit`, in one line.

        Returns:
            How much of the time training waited for data, divided among the kinds of work by their
            times, and what would help: `input 63 %: decoding 51, augmenting 9, copying 3; fix: ...`

        Example:

            >>> Dataset.range(3).report()
            'input 0 %: no training has waited for these data.'
        """
        return (self.waits or Waits([])).text()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        known = [n for n in dir(type(self)) if not n.startswith("_")]
        raise AttributeError(
            explain(f"Dataset has no attribute {name!r}.", fix=did_you_mean(name, known))
        )

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "waits": None, "_latest": None}

    def __repr__(self) -> str:
        known = {UNKNOWN: "unknown number of", INFINITE: "endless"}
        count = known.get(self.cardinality(), str(self.cardinality()))
        return f"<Dataset: {count} {'batches' if self.stage.batched else 'elements'}>"

    def _like(self, stage: Stage) -> Self:
        return type(self)(stage, self.class_names, self.file_paths)


def _zipped(together: object) -> Dataset:
    if isinstance(together, Dataset):
        return together
    if isinstance(together, Mapping):
        keys = list(together)
        return _zipped(tuple(together.values())).map(
            lambda *parts: dict(zip(keys, parts, strict=True)), rowwise=True, name="zip"
        )
    if not isinstance(together, tuple | list) or not together:
        raise type_error(
            f"zip takes data sets, got {type(together).__name__}.", fix="Dataset.zip(a, b)"
        )
    return Dataset(Zipped(*(_zipped(part).stage for part in together)))
