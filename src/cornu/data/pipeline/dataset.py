"""`Dataset`: elements with an index, and what one does with them before training.

    data = Dataset.from_arrays(images, labels)          elements (image, label)
    data = data.map(prepare, num_parallel_calls=4)      (prepare(image, label)), in four threads
    data = data.shuffle(len(data)).batch(32)            batches, another order in each epoch
    model.fit(data, epochs=10)

A `Dataset` is a chain of stages (`stage.py`) and never changes; each method gives another one.
"""

import os
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from cornu.arguments import integer, is_int
from cornu.data.pipeline.batching import Batched, Unbatched
from cornu.data.pipeline.elements import mapped, to_numpy
from cornu.data.pipeline.mapping import Filter, Function, Map, name_of
from cornu.data.pipeline.origins import Arrays, Generated, Indexed, One, Range, Sourced
from cornu.data.pipeline.selections import Joined, Numbered, Repeat, Shuffle, Slice, Zipped
from cornu.data.pipeline.stage import ENDLESS, Prefetch, Stage
from cornu.data.pipeline.waits import Waits
from cornu.errors import make_error, type_error, value_error, warn
from cornu.types import DType, Tensors

AUTOTUNE = -1  # as tf.data.AUTOTUNE: as many as pays
UNKNOWN, INFINITE = -2, -1  # cardinalities, as in tf.data


class Dataset:
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
        return cls(Arrays(_lists_as_arrays(tensors)))

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
        return cls(One(_lists_as_arrays(tensors)))

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

    # ---- what becomes of them -----------------------------------------------------------------

    def map(
        self,
        map_func: Callable[..., Any],
        num_parallel_calls: int | None = None,
        deterministic: bool | None = None,
        synchronous: bool | None = None,
        use_unbounded_threadpool: bool = False,
        name: str | None = None,
        *,
        rowwise: bool = False,
    ) -> "Dataset":
        """What a function makes of each element.

        The function may call numpy, JAX, layers and ops; it is called with numpy arrays. Random
        layers inside give each element numbers of its own, which follow from their seeds, the pass
        and the index of the element.

        Args:
            map_func: function of an element; of the parts of an element that is a tuple.
            num_parallel_calls: number of threads that call it at the same time, which pays where it
                lets others run (numpy, JAX, decoders do; plain Python does not). `AUTOTUNE`, -1:
                one per core. None: none of its own.
            deterministic: accepted as in tf.data; elements always come in order.
            synchronous: accepted as in tf.data.
            use_unbounded_threadpool: accepted as in tf.data.
            name: what the function does, in a report of times; its own name if None.
            rowwise: whether the function may be called with a batch of elements instead, since it
                treats each row by itself, as `x / 255` does; that is many times faster.

        Example:

            >>> list(Dataset.range(3).map(lambda n: n * n))
            [np.int64(0), np.int64(1), np.int64(4)]
        """
        maps = sum(isinstance(stage, Map) for stage in self.stage.all_stages())
        function = Function(map_func, "map", seed=maps)
        workers = threads_of(num_parallel_calls)
        return self._like(Map(self.stage, function, workers, rowwise, name or function.name))

    def filter(self, predicate: Callable[..., Any], name: str | None = None) -> "Dataset":
        """The elements for which a function is true; without random access.

        Example:

            >>> list(Dataset.range(5).filter(lambda n: n % 2 == 0))
            [np.int64(0), np.int64(2), np.int64(4)]
        """
        return self._like(Filter(self.stage, Function(predicate, "filter", seed=0)))

    def batch(
        self,
        batch_size: int,
        drop_remainder: bool = False,
        num_parallel_calls: int | None = None,
        deterministic: bool | None = None,
        name: str | None = None,
    ) -> "Dataset":
        """Batches of neighbouring elements.

        Args:
            batch_size: number of elements per batch.
            drop_remainder: whether a last, smaller batch is left out.
            num_parallel_calls: number of batches that are made at the same time; see `map`.
            deterministic: accepted as in tf.data.
            name: accepted as in tf.data.

        Example:

            >>> [batch.tolist() for batch in Dataset.range(5).batch(2)]
            [[0, 1], [2, 3], [4]]
        """
        stage = Batched(self.stage, integer(batch_size, "batch_size"), bool(drop_remainder))
        stage.workers = max(stage.workers, threads_of(num_parallel_calls))
        return self._like(stage)

    def unbatch(self, name: str | None = None) -> "Dataset":
        """The elements of batches, one by one; without random access.

        Example:

            >>> list(Dataset.from_tensors([1, 2]).unbatch())
            [np.int64(1), np.int64(2)]
        """
        return self._like(Unbatched(self.stage))

    def shuffle(
        self,
        buffer_size: int,
        seed: int | None = None,
        reshuffle_each_iteration: bool | None = True,
        name: str | None = None,
    ) -> "Dataset":
        """The elements in random order, another one in each pass.

        Args:
            buffer_size: number of elements that are mixed with each other at least. Where the
                elements have an index all are, at no cost.
            seed: seed of the order, together with the number of the pass; drawn if None.
            reshuffle_each_iteration: False for the same order in each pass.
            name: accepted as in tf.data.

        Example:

            >>> data = Dataset.range(5).shuffle(5, seed=1)
            >>> [int(n) for n in data], [int(n) for n in data]
            ([0, 1, 2, 4, 3], [3, 1, 4, 2, 0])
        """
        size = integer(buffer_size, "buffer_size")
        if seed is None:
            seed = random.randrange(2**31)
        elif not is_int(seed) or seed < 0:
            raise value_error(f"seed must be a non-negative integer, got {seed!r}.", fix="seed=1")
        reshuffle = reshuffle_each_iteration is not False
        return self._like(Shuffle(self.stage, size, int(seed), reshuffle))

    def take(self, count: int, name: str | None = None) -> "Dataset":
        """The first elements; all of them for -1.

        Example:

            >>> len(Dataset.range(10).take(3))
            3
        """
        return self._like(
            Slice(self.stage, 0, None if count == -1 else integer(count, "count", least=0))
        )

    def skip(self, count: int, name: str | None = None) -> "Dataset":
        """All elements but the first; none for -1.

        Example:

            >>> len(Dataset.range(10).skip(3))
            7
        """
        first = ENDLESS if count == -1 else integer(count, "count", least=0)
        if any(isinstance(s, Shuffle) and s.reshuffles for s in self.stage.all_stages()):
            warn(
                "skip after shuffle leaves out other elements in each pass, so that those of take "
                "and skip are mixed.\n"
                "  fix: shuffle(..., reshuffle_each_iteration=False)\n"
                "       or split first: train, rest = data.skip(n).shuffle(...), data.take(n)"
            )
        return self._like(Slice(self.stage, first, None))

    def shard(self, num_shards: int, index: int, name: str | None = None) -> "Dataset":
        """Every `num_shards`-th element, from number `index` on.

        Example:

            >>> [int(n) for n in Dataset.range(10).shard(4, 1)]
            [1, 5, 9]
        """
        num_shards, index = integer(num_shards, "num_shards"), integer(index, "index", least=0)
        if index >= num_shards:
            raise value_error(
                f"index must be less than num_shards, got {index} and {num_shards}.",
                fix=f"index={num_shards - 1}",
            )
        return self._like(Slice(self.stage, index, None, num_shards))

    def repeat(self, count: int | None = None, name: str | None = None) -> "Dataset":
        """Several passes one after the other; without end for None or -1.

        Example:

            >>> [int(n) for n in Dataset.range(2).repeat(3)]
            [0, 1, 0, 1, 0, 1]
        """
        endless = count is None or count == -1
        return self._like(Repeat(self.stage, None if endless else integer(count, "count", least=0)))

    def concatenate(self, dataset: "Dataset", name: str | None = None) -> "Dataset":
        """The elements of this data set, and then those of another.

        Example:

            >>> [int(n) for n in Dataset.range(2).concatenate(Dataset.range(5, 7))]
            [0, 1, 5, 6]
        """
        return self._like(Joined(self.stage, _stage_of(dataset)))

    def enumerate(self, start: int = 0, name: str | None = None) -> "Dataset":
        """Pairs of a number and an element.

        Example:

            >>> list(Dataset.range(5, 7).enumerate())
            [(np.int64(0), np.int64(5)), (np.int64(1), np.int64(6))]
        """
        return self._like(Numbered(self.stage, integer(start, "start", least=0)))

    def prefetch(self, buffer_size: int = AUTOTUNE, name: str | None = None) -> "Dataset":
        """Make elements in a thread, ahead of the consumer. `fit` does so in any case.

        Args:
            buffer_size: number of elements that may wait; 2 for `AUTOTUNE`.
            name: accepted as in tf.data.

        Example:

            >>> len(Dataset.range(5).prefetch(2))
            5
        """
        size = integer(buffer_size, "buffer_size", least=-1)
        return self if size == 0 else self._like(Prefetch(self.stage, 2 if size < 0 else size))

    def apply(self, transformation_func: Callable[["Dataset"], Any]) -> Any:
        """What a function makes of the data set.

        Example:

            >>> len(Dataset.range(10).apply(lambda data: data.take(3)))
            3
        """
        return transformation_func(self)

    def with_options(self, options: object, name: str | None = None) -> "Dataset":
        """The data set itself; accepted as in tf.data."""
        return self

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

    def __iter__(self) -> Iterator[Any]:
        number, self.passes = self.passes, self.passes + 1
        return self.stage.each(number)

    def as_numpy_iterator(self) -> Iterator[Any]:
        """The elements in order.

        Example:

            >>> next(Dataset.range(3).as_numpy_iterator())
            np.int64(0)
        """
        return iter(self)

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

    def __repr__(self) -> str:
        known = {UNKNOWN: "unknown number of", INFINITE: "endless"}
        count = known.get(self.cardinality(), str(self.cardinality()))
        return f"<Dataset: {count} {'batches' if self.stage.batched else 'elements'}>"

    def _like(self, stage: Stage) -> "Dataset":
        return Dataset(stage, self.class_names, self.file_paths)


def threads_of(num_parallel_calls: int | None) -> int:
    """The number of threads that an argument `num_parallel_calls` asks for; 0 for none.

    Example:

        >>> threads_of(None), threads_of(3)
        (0, 3)
    """
    if num_parallel_calls is None:
        return 0
    if num_parallel_calls == AUTOTUNE:
        usable = getattr(os, "sched_getaffinity", None)
        return len(usable(0)) if usable is not None else os.cpu_count() or 1
    return integer(num_parallel_calls, "num_parallel_calls")


def _lists_as_arrays(tensors: Tensors) -> Any:
    """Lists of numbers or text as arrays, as in tf.data; tuples and dicts are structures."""
    if isinstance(tensors, tuple):
        parts = [_lists_as_arrays(part) for part in tensors]
        return type(tensors)(*parts) if hasattr(tensors, "_fields") else tuple(parts)
    if isinstance(tensors, Mapping):
        return {key: _lists_as_arrays(part) for key, part in tensors.items()}
    return None if tensors is None else to_numpy(tensors)


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


def _stage_of(dataset: object) -> Stage:
    if not isinstance(dataset, Dataset):
        raise type_error(
            f"concatenate takes a Dataset, got {type(dataset).__name__}.",
            fix="data.concatenate(Dataset.from_any(other))",
        )
    return dataset.stage
