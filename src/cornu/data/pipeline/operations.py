"""What a `Dataset` becomes: `map`, `batch`, `shuffle` and the like, each a stage on top."""

import os
import random
from collections.abc import Callable
from typing import Any, Self

from cornu.arguments import integer, is_int
from cornu.data.pipeline.batching import Batched, Unbatched
from cornu.data.pipeline.caching import Cached
from cornu.data.pipeline.mapping import Filter, Function, Map
from cornu.data.pipeline.selections import Joined, Numbered, Repeat, Shuffle, Slice
from cornu.data.pipeline.stage import ENDLESS, Prefetch, Stage, usable_cores
from cornu.errors import type_error, value_error, warn

AUTOTUNE = -1  # as tf.data.AUTOTUNE: as many as pays


class Operations:
    """The methods of `Dataset` that give another one.

    Attributes:
        stage: last stage of the pipeline.
    """

    stage: Stage

    def _like(self, stage: Stage) -> Self:
        """Another data set, of a stage on top of this one's."""
        raise NotImplementedError

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
        use_multiprocessing: bool = False,
    ) -> Self:
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
            use_multiprocessing: whether the `num_parallel_calls` threads let processes call the
                function, which pays if it is slow Python code. The function and the elements are
                pickled; define it at module level.

        Example:

            >>> from cornu.data import Dataset
            >>> list(Dataset.range(3).map(lambda n: n * n))
            [np.int64(0), np.int64(1), np.int64(4)]
        """
        maps = sum(isinstance(stage, Map) for stage in self.stage.all_stages())
        function = Function(map_func, "map", seed=maps)
        workers = threads_of(num_parallel_calls)
        work = name or function.name
        return self._like(
            Map(self.stage, function, workers, rowwise, work, bool(use_multiprocessing))
        )

    def filter(self, predicate: Callable[..., Any], name: str | None = None) -> Self:
        """The elements for which a function is true; without random access.

        Example:

            >>> from cornu.data import Dataset
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
    ) -> Self:
        """Batches of neighbouring elements.

        Args:
            batch_size: number of elements per batch.
            drop_remainder: whether a last, smaller batch is left out.
            num_parallel_calls: number of batches that are made at the same time; see `map`.
            deterministic: accepted as in tf.data.
            name: accepted as in tf.data.

        Example:

            >>> from cornu.data import Dataset
            >>> [batch.tolist() for batch in Dataset.range(5).batch(2)]
            [[0, 1], [2, 3], [4]]
        """
        stage = Batched(self.stage, integer(batch_size, "batch_size"), bool(drop_remainder))
        stage.workers = max(stage.workers, threads_of(num_parallel_calls))
        return self._like(stage)

    def unbatch(self, name: str | None = None) -> Self:
        """The elements of batches, one by one; without random access.

        Example:

            >>> from cornu.data import Dataset
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
    ) -> Self:
        """The elements in random order, another one in each pass.

        Args:
            buffer_size: number of elements that are mixed with each other at least. Where the
                elements have an index all are, at no cost.
            seed: seed of the order, together with the number of the pass; drawn if None.
            reshuffle_each_iteration: False for the same order in each pass.
            name: accepted as in tf.data.

        Example:

            >>> from cornu.data import Dataset
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

    def take(self, count: int, name: str | None = None) -> Self:
        """The first elements; all of them for -1.

        Example:

            >>> from cornu.data import Dataset
            >>> len(Dataset.range(10).take(3))
            3
        """
        return self._like(
            Slice(self.stage, 0, None if count == -1 else integer(count, "count", least=0))
        )

    def skip(self, count: int, name: str | None = None) -> Self:
        """All elements but the first; none for -1.

        Example:

            >>> from cornu.data import Dataset
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

    def shard(self, num_shards: int, index: int, name: str | None = None) -> Self:
        """Every `num_shards`-th element, from number `index` on.

        Example:

            >>> from cornu.data import Dataset
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

    def repeat(self, count: int | None = None, name: str | None = None) -> Self:
        """Several passes one after the other; without end for None or -1.

        Example:

            >>> from cornu.data import Dataset
            >>> [int(n) for n in Dataset.range(2).repeat(3)]
            [0, 1, 0, 1, 0, 1]
        """
        endless = count is None or count == -1
        return self._like(Repeat(self.stage, None if endless else integer(count, "count", least=0)))

    def concatenate(self, dataset: "Operations", name: str | None = None) -> Self:
        """The elements of this data set, and then those of another.

        Example:

            >>> from cornu.data import Dataset
            >>> [int(n) for n in Dataset.range(2).concatenate(Dataset.range(5, 7))]
            [0, 1, 5, 6]
        """
        return self._like(Joined(self.stage, _stage_of(dataset)))

    def enumerate(self, start: int = 0, name: str | None = None) -> Self:
        """Pairs of a number and an element.

        Example:

            >>> from cornu.data import Dataset
            >>> list(Dataset.range(5, 7).enumerate())
            [(np.int64(0), np.int64(5)), (np.int64(1), np.int64(6))]
        """
        return self._like(Numbered(self.stage, integer(start, "start", least=0)))

    def prefetch(self, buffer_size: int = AUTOTUNE, name: str | None = None) -> Self:
        """Make elements in a thread, ahead of the consumer. `fit` does so in any case.

        Args:
            buffer_size: number of elements that may wait; 2 for `AUTOTUNE`.
            name: accepted as in tf.data.

        Example:

            >>> from cornu.data import Dataset
            >>> len(Dataset.range(5).prefetch(2))
            5
        """
        size = integer(buffer_size, "buffer_size", least=-1)
        return self if size == 0 else self._like(Prefetch(self.stage, 2 if size < 0 else size))

    def cache(self, filename: str | os.PathLike[str] = "", name: str | None = None) -> Self:
        """Make each element once, and keep it. What is random before is drawn once, too.

        Args:
            filename: file that keeps the elements, for this program and others; empty for memory.
                "disk" is a file below `CORNU_HOME` (`~/.cornu/cached`) that is named by a
                fingerprint of the data and functions. A file that was made of others is made anew.
                Elements on disk are numbers of one shape; smaller last batches are allowed.
            name: accepted as in tf.data.

        Raises:
            ValueError: the data set is endless; or the elements cannot be kept on disk.

        Example:

            >>> from cornu.data import Dataset
            >>> calls = []
            >>> data = Dataset.range(3).map(lambda n: calls.append(int(n)) or n).cache()
            >>> for _ in range(5):
            ...     numbers = list(data)
            >>> calls
            [0, 1, 2]
        """
        return self._like(Cached(self.stage, os.fspath(filename) or None))

    def apply(self, transformation_func: Callable[[Self], Any]) -> Any:
        """What a function makes of the data set.

        Example:

            >>> from cornu.data import Dataset
            >>> len(Dataset.range(10).apply(lambda data: data.take(3)))
            3
        """
        return transformation_func(self)

    def with_options(self, options: object, name: str | None = None) -> Self:
        """The data set itself; accepted as in tf.data."""
        return self


def threads_of(num_parallel_calls: int | None) -> int:
    """The number of threads that an argument `num_parallel_calls` asks for; 0 for none.

    Example:

        >>> threads_of(None), threads_of(3)
        (0, 3)
    """
    if num_parallel_calls is None:
        return 0
    if num_parallel_calls == AUTOTUNE:
        return usable_cores()
    return integer(num_parallel_calls, "num_parallel_calls")


def _stage_of(dataset: object) -> Stage:
    if not isinstance(dataset, Operations):
        raise type_error(
            f"concatenate takes a Dataset, got {type(dataset).__name__}.",
            fix="data.concatenate(Dataset.from_any(other))",
        )
    return dataset.stage
