"""Data sets that make one batch at a time.

An epoch has a plan: the indices of its batches in the order of use. Batches are made one by one, or
by workers ahead of the consumer (`data/workers.py`).
"""

import pickle
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

from cornu import errors
from cornu.arguments import integer
from cornu.data.arrays import draw_seed, fewer_steps, permutation
from cornu.data.convert import to_batch
from cornu.data.position import Marks, random_streams, set_random_streams, set_state
from cornu.data.source import Batch, Source
from cornu.data.weights import weighted
from cornu.data.workers import Pool, WorkerProcess
from cornu.types import Tensors


class PyDataset:
    """Base class of data sets that make the batch of a given index.

    Write `__getitem__(index)`, which returns `(x, y)` (or `(x,)`, or `(x, y, sample_weight)`) for
    one batch, and `__len__`, the number of batches. An endless data set has a property
    `num_batches` that is None instead of `__len__`.

    Args:
        workers: number of batches that are made at the same time. 1 makes them one by one, in a
            thread ahead of training; 0 makes each in the main thread when it is needed.
        use_multiprocessing: whether to use processes instead of threads, which pays if
            `__getitem__` is slow Python code. The data set is pickled.
        max_queue_size: number of finished batches that may wait for their turn.

    Example:

        >>> class Squares(PyDataset):
        ...     def __len__(self):
        ...         return 2
        ...
        ...     def __getitem__(self, index):
        ...         return [index, index + 1], [index**2, (index + 1) ** 2]
        >>> list(Squares())
        [([0, 1], [0, 1]), ([1, 2], [1, 4])]
    """

    # class attributes, so that a subclass that forgets super().__init__() works all the same
    workers: int = 1
    use_multiprocessing: bool = False
    max_queue_size: int = 10

    def __init__(
        self, workers: int = 1, use_multiprocessing: bool = False, max_queue_size: int = 10
    ) -> None:
        self.workers = workers
        self.use_multiprocessing = use_multiprocessing
        self.max_queue_size = max_queue_size

    def __getitem__(self, index: int) -> Any:
        """The batch of this index: `(x,)`, `(x, y)` or `(x, y, sample_weight)`."""
        raise NotImplementedError(
            errors.explain(
                f"{type(self).__name__} must define __getitem__.",
                fix="define __getitem__(self, index), which returns (x, y).",
            )
        )

    @property
    def num_batches(self) -> int | None:
        """Number of batches per epoch; None for an endless data set."""
        if hasattr(self, "__len__"):
            return len(self)
        raise NotImplementedError(
            errors.explain(
                f"{type(self).__name__} must define its number of batches.",
                fix="define __len__(self), or a property num_batches (None if endless).",
            )
        )

    def on_epoch_begin(self) -> None:
        """Called before the first batch of each epoch."""

    def on_epoch_end(self) -> None:
        """Called after each epoch, for example to shuffle."""

    def __iter__(self) -> Iterator[Any]:
        """The batches from 0 on."""
        try:
            count = self.num_batches
        except NotImplementedError:  # it does not say, and goes on until nobody asks
            count = None
        index = 0
        while count is None or index < count:
            yield self[index]
            index += 1


def like_a_dataset(data: object) -> bool:
    """Whether something is a `PyDataset`, or has the methods of one."""
    methods = ("__getitem__", "__len__", "on_epoch_end")
    return isinstance(data, PyDataset) or all(hasattr(data, name) for name in methods)


class PyDatasetSource(Source):
    """The batches of a `PyDataset`, or of any object with its methods.

    Args:
        dataset: object with `__getitem__`, and `num_batches` or `__len__`. The three options of
            `PyDataset` and its two epoch methods are used where they exist.
        shuffle: whether to shuffle the batches each epoch.
        seed: seed of the order, together with the epoch; drawn and kept in `.seed` if None.
        steps: number of batches per epoch; the next epoch continues where the last one stopped.
        class_weight: dict from class to weight, multiplied into the sample weights.
        floatx: dtype to which float64 is converted.
        input_names: keys of a dict of inputs that are read; all of them if None.
        encode: function of the inputs of each batch that encodes text; None if there is none.
        warn_after: seconds until a warning names the worker that a batch waits for.
        give_up_after: seconds until that becomes a TimeoutError.

    The workers' processes get the data set when they start, and again each epoch if its class has
    its own `on_epoch_begin` or `on_epoch_end`.

    A run that goes on in the middle calls those two for the epochs that are over, and makes none of
    their batches. A data set that changes while it makes batches has `get_state()` and
    `set_state(state)` instead, which give and take nested dicts and lists of numbers and arrays.
    """

    def __init__(
        self,
        dataset: Any,
        *,
        shuffle: bool | str = False,
        seed: int | None = None,
        steps: int | None = None,
        class_weight: Mapping[int, float] | None = None,
        floatx: str = "float32",
        input_names: Collection[str] | None = None,
        encode: Callable[[Tensors], Any] | None = None,
        warn_after: float = 30.0,
        give_up_after: float = 600.0,
    ) -> None:
        self.dataset = dataset
        self.seed = draw_seed() if seed is None else int(seed)
        self._name = type(dataset).__name__
        self._shuffle = bool(shuffle)
        self._class_weight = class_weight
        self._floatx = floatx
        self._input_names = input_names
        self._encode = encode
        self._patience = (warn_after, give_up_after)
        self._workers = max(int(getattr(dataset, "workers", 1)), 1)
        self.reads_ahead = getattr(dataset, "workers", 1) != 0
        self._ahead = max(int(getattr(dataset, "max_queue_size", 10)), self._workers)
        self._in_processes = bool(getattr(dataset, "use_multiprocessing", False))
        self._changes = any(
            getattr(type(dataset), hook, None) is not getattr(PyDataset, hook)
            for hook in ("on_epoch_begin", "on_epoch_end")
        )
        self._processes: list[WorkerProcess] = []
        self._marks = Marks()
        self._begun: int | None = None  # the first epoch whose beginning the data set was told
        self._streams_at: dict[str, Any] = {}  # random numbers as each of its hooks found them

        available = self._available()
        if available is None:
            if steps is None:
                raise errors.value_error(
                    f"{self._name} is endless, so the number of steps per epoch must be given.",
                    fix="pass steps_per_epoch (or steps, or validation_steps).",
                )
            self._steps: int | None = integer(steps, "steps")
        else:
            self._steps = fewer_steps(steps, available)
        self.num_batches = self._steps or available

    def batches(self, epoch: int, first: int = 0) -> Iterator[Batch]:
        """The batches of one epoch, in order, made by the workers."""
        if first == 0:
            self._epoch_begin(epoch)
        plan = self._plan(epoch)
        self.num_batches = len(plan)
        plan = plan[first:]
        alone = self._workers == 1 and not self._in_processes  # who else draws is not known
        for number, (index, item) in enumerate(
            zip(plan, self._items(plan), strict=True), first + 1
        ):
            if self.keeps_positions and alone:
                self._marks.keep(number, streams=random_streams(), **self._state())
            batch = to_batch(
                item,
                f"Batch {index} of {self._name}",
                floatx=self._floatx,
                lists_are_batches=True,
                input_names=self._input_names,
                encode=self._encode,
            )
            if self._class_weight is not None:
                options = {"whole": False, "floatx": self._floatx}
                data = weighted(batch.data, self._class_weight, **options)
                batch = Batch(data, batch.size)
            yield batch

    def position(self, step: int | None = None) -> Any:
        """The seed, and the state of a data set that tells it, or what its hooks found."""
        hooks = {"streams_at": dict(self._streams_at)} if self._streams_at else {}
        return {"seed": self.seed, **hooks, **((step and self._marks.at(step)) or self._state())}

    def _state(self) -> dict[str, Any]:
        return {"state": self.dataset.get_state()} if hasattr(self.dataset, "get_state") else {}

    def go_to(self, epoch: int, step: int, position: Any) -> None:
        self.seed = int(position.get("seed", self.seed))
        self._streams_at = found = dict(position.get("streams_at", {}))
        if "state" in position:
            set_state(self.dataset, position["state"])
        elif self._begun is not None:
            # The hooks that the data set was told, each with the random numbers that it had.
            for over in range(self._begun, epoch):
                if over > self._begun:
                    self._replay(found, f"begin {over}", self._epoch_begin, over)
                self._replay(found, f"end {over}", self.epoch_end, over)
            if step and epoch > self._begun:
                self._replay(found, f"begin {epoch}", self._epoch_begin, epoch)
        self.close()  # processes have the data set as it was

    @staticmethod
    def _replay(
        found: dict[str, Any], moment: str, hook: Callable[[int], None], epoch: int
    ) -> None:
        if moment in found:
            set_random_streams(found[moment])
        hook(epoch)

    def _note_streams(self, moment: str) -> None:
        if self.keeps_positions and self._changes and not hasattr(self.dataset, "get_state"):
            self._streams_at[moment] = random_streams()

    def _epoch_begin(self, epoch: int) -> None:
        self._note_streams(f"begin {epoch}")
        if self._begun is None:
            self._begun = epoch
        if hasattr(self.dataset, "on_epoch_begin"):
            self.dataset.on_epoch_begin()

    def epoch_end(self, epoch: int) -> None:
        """Tell the data set."""
        self._note_streams(f"end {epoch}")
        if hasattr(self.dataset, "on_epoch_end"):
            self.dataset.on_epoch_end()

    def close(self) -> None:
        """End the workers' processes."""
        for process in self._processes:
            process.end()
        self._processes = []

    def _available(self) -> int | None:
        if hasattr(self.dataset, "num_batches"):
            return self.dataset.num_batches
        return len(self.dataset)

    def _plan(self, epoch: int) -> list[int]:
        """The numbers of the batches of one epoch."""
        available = self._available()
        if available is None:
            steps = self._steps or 0
            return list(range(epoch * steps, (epoch + 1) * steps))
        if available < 1:
            raise errors.value_error(f"{self._name} has no batches.", fix="check its __len__.")
        steps = self._steps or available
        plan: list[int] = []
        number, skip = divmod(epoch * steps, available)
        while len(plan) < steps:
            order = (
                permutation(self.seed, number, available).tolist()
                if self._shuffle
                else list(range(available))
            )
            plan += order[skip:]
            number, skip = number + 1, 0
        return plan[:steps]

    def _items(self, plan: Sequence[int]) -> Iterator[Any]:
        if self._in_processes:
            makers: list[Callable[[int], Any]] = [p.make for p in self._ready_processes()]
        else:
            makers = [self.dataset.__getitem__] * self._workers
        if len(makers) == 1 and not self._in_processes:
            for index in plan:
                with errors.located(f"batch {index} of {self._name}"):
                    item = makers[0](index)
                yield item
            return
        pool = Pool(makers, plan, self._ahead, self._name, self._patience)
        try:
            yield from pool.items()
        finally:
            if not pool.stop() or pool.failed:
                self.close()  # a process in the middle of something cannot be used again

    def _ready_processes(self) -> list[WorkerProcess]:
        if not self._processes or self._changes:
            try:
                pickled = pickle.dumps(self.dataset, protocol=pickle.HIGHEST_PROTOCOL)
            except Exception as error:  # pickling fails with almost any type of error
                raise errors.value_error(
                    f"{self._name} cannot be sent to other processes: {error}",
                    fix="use_multiprocessing=False makes batches in threads; or open files\n"
                    "and define functions at module level, where pickle finds them.",
                ) from error
            while len(self._processes) < self._workers:
                self._processes.append(WorkerProcess(len(self._processes), self._name))
            for process in self._processes:
                process.load(pickled)
        return self._processes
