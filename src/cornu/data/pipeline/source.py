"""A `Dataset` as the source of batches of `fit`, `evaluate` and `predict`.

Without `steps` an epoch is one pass over the pipeline. With `steps` epochs are cut from one endless
run of passes, as in `data/arrays.py`. The number of a pass is what the stages call their epoch:

    number of the pass  =  base + epoch       base: passes that the Dataset had before, so that a
                                              second `fit` sees other orders than the first

Which batch comes next follows from these numbers and the seeds alone, whatever the number of
workers. So a run that goes on in the middle of an epoch needs no more than them; only a pipeline
without random access reads again what it had read.
"""

from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import partial
from itertools import islice
from typing import Any

import numpy as np

from cornu.arguments import integer
from cornu.data.arrays import ArraySource, fewer_steps
from cornu.data.convert import only_read, to_batch
from cornu.data.pipeline.batching import Batched
from cornu.data.pipeline.dataset import Dataset
from cornu.data.pipeline.elements import TEXT, leaves
from cornu.data.pipeline.origins import Arrays
from cornu.data.pipeline.selections import Selection, rows_of
from cornu.data.pipeline.stage import ENDLESS, Prefetch, Stage
from cornu.data.pipeline.waits import Waits
from cornu.data.position import Marks, random_streams
from cornu.data.prefetch import prefetched, to_device
from cornu.data.source import Batch, Source
from cornu.data.weights import weighted
from cornu.errors import value_error
from cornu.types import Tensors


def pipeline_source(
    dataset: Dataset,
    *,
    steps: int | None = None,
    class_weight: Mapping[int, float] | None = None,
    floatx: str = "float32",
    input_names: Collection[str] | None = None,
    encode: Callable[[Any], Any] | None = None,
) -> Source:
    """The source of a `Dataset`: rows of arrays where nothing is computed, else batch by batch.

    Args:
        dataset: the data.
        steps: number of batches per epoch.
        class_weight: dict from class to weight, multiplied into the sample weights.
        floatx: dtype to which float64 is converted.
        input_names: keys of a dict of inputs that are read; all of them if None.
        encode: function of the inputs of each batch that encodes text; None if there is none.
    """
    stage = dataset.stage
    if stage.length == ENDLESS and steps is None:
        raise value_error(
            "The Dataset is endless, so the number of steps per epoch must be given.",
            fix="pass steps_per_epoch (or steps, or validation_steps).",
        )
    if not stage.batched and any(isinstance(s, Arrays) for s in stage.all_stages()):
        raise value_error(
            "The Dataset must give batches, got single samples.", fix="dataset = dataset.batch(32)"
        )
    options: dict[str, Any] = {"steps": steps, "class_weight": class_weight, "floatx": floatx}
    found = _arrays_of(stage)
    if found is not None and (steps is None or found[1].is_full):
        return _Rows(dataset, *found, input_names, **options)
    return _Batches(dataset, input_names=input_names, encode=encode, **options)


def _arrays_of(stage: Stage) -> tuple[Arrays, Batched] | None:
    """The arrays whose rows are the samples, and the stage that batches them."""
    while isinstance(stage, Prefetch):
        (stage,) = stage.inputs
    if not isinstance(stage, Batched) or not stage.length or stage.length == ENDLESS:
        return None
    below = stage.inputs[0].all_stages()
    origins = [s for s in below if isinstance(s, Arrays)]
    if len(origins) != 1 or not all(isinstance(s, Arrays | Selection | Prefetch) for s in below):
        return None
    if any(a.dtype.kind in TEXT for a in leaves(origins[0].arrays)):
        return None
    return origins[0], stage


class _Passes:
    """The numbers of the passes that a source makes of its Dataset, and what a backup needs."""

    _dataset: Dataset
    _base: int | None = None

    def _number(self, epoch: int) -> int:
        if self._base is None:
            self._base = max(self._dataset.passes - epoch, 0)
        return self._base + epoch

    def _seeds(self) -> dict[str, Any]:
        return {"base": self._base or 0, "seeds": self._dataset.seeds}

    def _restore(self, position: Any) -> None:
        base = position.get("base", 0)
        if type(base) is not int or not 0 <= base < 2**31:
            raise value_error(f"The backup says base of the data is {base!r:.80}.")
        self._base = base
        if "seeds" in position:
            self._dataset.seeds = position["seeds"]


class _Rows(_Passes, ArraySource):
    """A pipeline that only chooses rows of arrays."""

    def __init__(
        self,
        dataset: Dataset,
        arrays: Arrays,
        batched: Batched,
        input_names: Collection[str] | None,
        *,
        steps: int | None,
        **options: Any,
    ) -> None:
        self._dataset, self._chooser = dataset, batched.inputs[0]
        data = arrays.arrays if isinstance(arrays.arrays, tuple) else (arrays.arrays,)
        data = (only_read(data[0], input_names), *data[1:])
        super().__init__(
            *data, batch_size=batched.size, inputs_are_nested=_is_nested(data[0]), **options
        )
        self.fresh_batches = False
        self._in_32_bits = (arrays.length or 0) < 2**31
        assert batched.length is not None and self._chooser.length is not None
        self._rows = self._chooser.length
        if batched.drop_remainder:
            self._rows = batched.length * batched.size
        steps = fewer_steps(steps, batched.length)
        self.num_batches = steps or batched.length
        self.num_samples = steps * batched.size if steps else self._rows

    def order(self, epoch: int) -> np.ndarray:
        self._number(epoch)
        return super().order(epoch)

    def _pass(self, number: int) -> np.ndarray:
        assert self._base is not None
        rows = rows_of(self._chooser, self._base + number, np.arange(self._rows))
        return rows.astype("int32") if self._in_32_bits else rows

    def position(self, step: int | None = None) -> Any:
        return self._seeds()

    def go_to(self, epoch: int, step: int, position: Any) -> None:
        super().go_to(epoch, step, {})
        self._restore(position)

    def epoch_end(self, epoch: int) -> None:
        self._dataset.passes = self._number(epoch) + 1


def _is_nested(x: Tensors) -> bool:
    return isinstance(x, list | tuple)


class _Batches(_Passes, Source):
    """A pipeline that makes its batches."""

    reads_ahead = False  # it does that itself, and measures what training waits for
    fresh_batches = True

    def __init__(
        self,
        dataset: Dataset,
        *,
        steps: int | None,
        class_weight: Mapping[int, float] | None,
        floatx: str,
        input_names: Collection[str] | None,
        encode: Callable[[Any], Any] | None,
    ) -> None:
        self._dataset, self._stage = dataset, dataset.stage
        self._steps = None if steps is None else integer(steps, "steps")
        if self._stage.length not in (None, ENDLESS):
            self._steps = fewer_steps(steps, self._stage.length)
        known = None if self._stage.length == ENDLESS else self._stage.length
        self.num_batches = self._steps or known
        self.batch_size = _batch_size(self._stage)
        self._class_weight = class_weight
        self._options: dict[str, Any] = {
            "floatx": floatx, "input_names": input_names, "encode": encode,
        }  # fmt: skip
        self._marks = Marks()
        self._running: Iterator[tuple[Place, Any]] | None = None
        self._made_until: Place | None = None  # where the running pass goes on
        self._used_until: Place | None = None
        dataset.waits = self._waits = Waits(self._stage.all_stages())

    # ---- in order -----------------------------------------------------------------------------

    def batches(self, epoch: int, first: int = 0) -> Iterator[Batch]:
        """The batches of one epoch, made by the workers of the pipeline."""
        place = self._place(epoch, first)
        self._marks.keep(first, at=list(place))
        in_turn = self.keeps_positions and not self._stage.workers and not self._stage.ahead
        notes: deque[dict[str, Any]] = deque()  # beside each batch that is under way
        batches: Iterator[Batch] = self._made(place, first, notes, in_turn)
        if not in_turn:
            batches = prefetched(batches, place=partial(to_device, fresh=True))
        try:
            for step, batch in enumerate(self._waits.counted(batches), first + 1):
                note = notes.popleft()
                self._used_until = note["at"]
                self._marks.keep(step, **note)
                yield batch
        finally:
            batches.close()  # type: ignore[attr-defined]

    def _place(self, epoch: int, first: int) -> "Place":
        """The pass, and the batch of it, with which an epoch goes on from step `first`."""
        number, length = self._number(epoch), self._stage.length
        if self._steps is None:
            return number, first
        done = epoch * self._steps + first
        if length == ENDLESS:
            return number - epoch, done
        if length is not None:
            over, index = divmod(done, length)
            return number - epoch + over, index
        return (number - epoch, 0) if self._used_until is None or not done else self._used_until

    def _made(
        self, place: "Place", first: int, notes: "deque[dict[str, Any]]", in_turn: bool
    ) -> Iterator[Batch]:
        if self._running is None or self._steps is None or self._made_until != place:
            self._stop()
            self._running = self._from(*place)
        wanted = None if self._steps is None else self._steps - first
        for after, item in islice(self._running, wanted):
            self._made_until = after
            batch = to_batch(item, "The Dataset", lists_are_batches=True, **self._options)
            if self._class_weight is not None:
                options = {"whole": False, "floatx": self._options["floatx"]}
                data = weighted(batch.data, self._class_weight, **options)
                batch = Batch(data, batch.size)
            streams = {"streams": random_streams()} if in_turn else {}
            notes.append({"at": after, **streams})
            yield batch

    def _from(self, number: int, index: int) -> Iterator[tuple["Place", Any]]:
        """Batches from a place on, each with the place after it; with `steps` pass after pass."""
        found = True
        while found:
            found = self._steps is not None and index > 0  # what is left of a pass may be nothing
            for after, item in self._stage.placed(number, index):
                found = self._steps is not None
                yield (number, after), item
            number, index = number + 1, 0

    # ---- where it is --------------------------------------------------------------------------

    def position(self, step: int | None = None) -> Any:
        """The seeds, and the place where the next batch is."""
        mark = dict(self._marks.at(step) or {})
        if step is None:
            mark.pop("streams", None)
        if "at" in mark:
            mark["at"] = list(mark["at"])
        return {**self._seeds(), **mark}

    def go_to(self, epoch: int, step: int, position: Any) -> None:
        self._stop()
        self._restore(position)
        at = position.get("at", [0, 0])
        if not _is_place(at):
            raise value_error(f"The backup says the place in the data is {at!r:.80}.")
        self._used_until = (at[0], at[1])

    def epoch_end(self, epoch: int) -> None:
        self._dataset.passes = self._number(epoch) + 1

    def _stop(self) -> None:
        if self._running is not None:
            self._running.close()  # type: ignore[attr-defined]
        self._running = None

    def close(self) -> None:
        """End the threads and processes."""
        self._stop()
        for stage in self._stage.all_stages():
            stage.close()


Place = tuple[int, int]  # number of a pass, and of a batch in it


def _is_place(at: object) -> bool:
    return (
        isinstance(at, list | tuple)
        and len(at) == 2
        and all(type(n) is int and 0 <= n < ENDLESS for n in at)
    )


def _batch_size(stage: Stage) -> int | None:
    """The number of samples of a full batch, where one stage says it."""
    sizes = [s.size for s in stage.all_stages() if isinstance(s, Batched)]
    return sizes[-1] if len(sizes) == 1 else None
