"""Generators, and data loaders of other libraries.

They are known by their methods and the name of their module; nothing foreign is imported.

    what                     a new pass          length
    generator, iterator      no, read once       learned when it ends
    torch DataLoader         iter()              len(), if it has one
    tf.data.Dataset          as_numpy_iterator() cardinality()
    grain MapDataset, ...    iter()              len(), if it has one
    other iterable           iter()              learned when it ends

With `steps` an epoch is that many batches, and the next one continues where the last one stopped,
in a new pass when the data end. An epoch never holds a batch twice. Without, it is one pass.

A run that goes on in the middle asks an iterator that has `get_state` and `set_state` (grain's do)
to continue there; of any other it reads again what the run before had read of this pass.
"""

import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from itertools import islice
from typing import Any

from cornu.arguments import integer
from cornu.data.convert import to_batch
from cornu.data.position import Marks, random_streams, set_state
from cornu.data.source import Batch, Source
from cornu.data.weights import weighted
from cornu.errors import explain, value_error, warn
from cornu.types import Tensors


class IterableSource(Source):
    """Batches of any iterable.

    Args:
        start: function that returns an iterator over the batches.
        name: name of the data in messages.
        once: whether `start` returns the same iterator again, so that there is only one pass.
        num_batches: number of batches per pass, if known.
        batch_size: number of samples per batch, if known.
        endless: whether a pass never ends.
        lists_are_batches: whether a list means the same as a tuple.
        steps: number of batches per epoch.
        class_weight: dict from class to weight, multiplied into the sample weights.
        floatx: dtype to which float64 is converted.
        input_names: keys of a dict of inputs that are read; all of them if None.
        encode: function of the inputs of each batch that encodes text; None if there is none.

    Example:

        >>> source = IterableSource(lambda: iter([([1, 2],), ([3],)]), name="the list", once=False)
        >>> [batch.size for batch in source.batches(0)], source.num_batches
        ([2, 1], 2)
    """

    def __init__(
        self,
        start: Callable[[], Iterator[Any]],
        *,
        name: str,
        once: bool,
        num_batches: int | None = None,
        batch_size: int | None = None,
        endless: bool = False,
        lists_are_batches: bool = False,
        steps: int | None = None,
        class_weight: Mapping[int, float] | None = None,
        floatx: str = "float32",
        input_names: Collection[str] | None = None,
        encode: Callable[[Tensors], Any] | None = None,
    ) -> None:
        if endless and steps is None:
            raise value_error(
                f"{name} is endless, so the number of steps per epoch must be given.",
                fix="pass steps_per_epoch (or steps, or validation_steps).",
            )
        self._start = start
        self._name = name
        self._once = once
        self._lists_are_batches = lists_are_batches
        self._steps = None if steps is None else integer(steps, "steps")
        self._class_weight = class_weight
        self._floatx = floatx
        self._input_names = input_names
        self._encode = encode
        self._running: Iterator[Any] | None = None
        self._ended = False
        self._taken = 0
        self._marks = Marks()
        self._continued: Iterator[Any] | None = None  # where `go_to` went, until it is used
        self.num_batches = self._steps or num_batches
        self.batch_size = batch_size

    def batches(self, epoch: int, first: int = 0) -> Iterator[Batch]:
        """The batches of one epoch; fewer than `steps`, with a warning, when the data end."""
        count = first
        for item in self._items(first):
            batch = to_batch(
                item, self._name, floatx=self._floatx, lists_are_batches=self._lists_are_batches,
                input_names=self._input_names, encode=self._encode,
            )  # fmt: skip
            if self._class_weight is not None:
                options = {"whole": False, "floatx": self._floatx}
                data = weighted(batch.data, self._class_weight, **options)
                batch = Batch(data, batch.size)
            count += 1
            yield batch
        if count == 0 and epoch == 0 and not self._taken:
            raise value_error(
                f"{self._name} gave no batch.", fix="check that it was not read before."
            )
        if self._steps is None and count:
            self.num_batches = count
        elif count < (self._steps or 1):
            self._warn(count, epoch)

    def _items(self, first: int) -> Iterator[Any]:
        continued, self._continued = self._continued, None
        if self._steps is None:
            running = self._new_pass() if continued is None else continued
            self._mark(first, running)
            for number, item in enumerate(running, first + 1):
                self._taken += 1
                self._mark(number, running)
                yield item
            return
        if continued is not None:
            self._running = continued
        may_go_on = self._running is not None  # in the next pass, when this one ends
        for number in range(first, self._steps):
            if self._running is None:
                self._running = self._new_pass()
            if number == first:
                self._mark(number, self._running)
            item = next(self._running, self)  # `self` marks the end: no loader yields it
            if item is self and may_go_on and not self._once:
                may_go_on = False
                self._running = self._new_pass()
                item = next(self._running, self)
            if item is self:
                self._running = None
                return
            self._taken += 1
            self._mark(number + 1, self._running)
            yield item

    def _new_pass(self) -> Iterator[Any]:
        if not self._once:
            self._taken = 0
        return iter(self._start())

    def _mark(self, batch: int, running: object) -> None:
        if self.keeps_positions:
            state = running.get_state() if hasattr(running, "get_state") else None
            streams = {"streams": random_streams()} if batch else {}
            self._marks.keep(batch, taken=self._taken, state=state, **streams)

    def position(self, step: int | None = None) -> Any:
        """How many batches of the pass were read, and what the iterator says of its state."""
        mark = self._marks.at(step)
        if mark is None or step is not None:
            return mark
        return {name: value for name, value in mark.items() if name != "streams"}

    def go_to(self, epoch: int, step: int, position: Any) -> None:
        if "taken" not in position or (not step and self._steps is None):
            return  # nothing was read, or a new pass begins
        before, state = self._taken, position.get("state")
        self._continued = running = self._new_pass()
        if state is not None and hasattr(running, "set_state"):
            set_state(running, state)
        else:
            ahead = position["taken"] - (before if self._once else 0)
            next(islice(running, max(ahead - 1, 0), ahead), None)
        self._taken = position["taken"]

    def _warn(self, count: int, epoch: int) -> None:
        if self._ended:
            return
        self._ended = True
        wanted = f"{count} of {self._steps} batches" if self._steps else "no batch"
        when = f"in epoch {epoch + 1}" if epoch or self._steps else "is left"  # validation counts 0
        warn(
            explain(
                f"{self._name} ran out of data: {wanted} {when}.",
                fix="a generator is read once: make it endless and pass steps_per_epoch,\n"
                "or write a PyDataset."
                if self._once
                else "check the number of steps.",
            )
        )

    def close(self) -> None:
        """Let go of a pass that is not finished; the user's own generator stays open."""
        if self._running is not None and not self._once and hasattr(self._running, "close"):
            self._running.close()
        self._running = None


def foreign_source(data: Any, **options: Any) -> IterableSource | None:
    """The source for a generator or a foreign loader, or None if `data` is neither.

    Args:
        data: data of any kind.
        **options: `steps`, `class_weight`, `floatx` and `input_names` of `IterableSource`.
    """
    kind = type(data).__name__
    if made_by(data, "tensorflow") and hasattr(data, "as_numpy_iterator"):
        count = int(data.cardinality())  # -1 is endless, -2 unknown
        return IterableSource(
            data.as_numpy_iterator,
            name="The tf.data.Dataset",
            once=False,
            num_batches=count if count >= 0 else None,
            endless=count == -1,
            **options,
        )
    if made_by(data, "torch.utils.data") and hasattr(data, "collate_fn"):
        return IterableSource(
            lambda: iter(data),
            name="The DataLoader",
            once=False,
            num_batches=_length(data),
            batch_size=data.batch_size,
            lists_are_batches=True,
            **options,
        )
    if made_by(data, "grain") and hasattr(data, "__iter__") and not hasattr(data, "__next__"):
        length = _length(data)  # sys.maxsize after .repeat()
        return IterableSource(
            lambda: iter(data),
            name=f"The grain {kind}",
            once=False,
            num_batches=None if length == sys.maxsize else length,
            endless=length == sys.maxsize,
            lists_are_batches=True,
            **options,
        )
    if hasattr(data, "__next__"):
        return IterableSource(lambda: data, name=f"The {kind}", once=True, **options)
    return None


def made_by(data: object, module: str) -> bool:
    """Whether the object's class, or one that it derives from, comes from a module or package."""
    return any((c.__module__ + ".").startswith(module + ".") for c in type(data).__mro__)


def _length(data: Any) -> int | None:
    try:
        return len(data)
    except (TypeError, NotImplementedError):  # a stream
        return None
