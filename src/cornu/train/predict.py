"""`predict`: few shapes in, one array out.

Each new batch size would compile a program of its own. So the last, smaller batch is filled up to
the next of a few sizes (the powers of two, and the batch size) with copies of its last row, and the
rows that were added are cut off the outputs. Batches stay as they are in uncompiled steps, and in
models in which a row's outputs depend on the other rows, which is tried once for each program.
"""

from collections.abc import Iterator
from typing import Any

import jax
import numpy as np

from cornu import bcoo, settings, tree
from cornu.core.symbolic import is_symbolic
from cornu.core.text import Encoded
from cornu.data.arrays import BATCH_SIZE
from cornu.data.source import Batch, Resident, Source
from cornu.errors import value_error
from cornu.numeric import refuse_what_wraps
from cornu.train.carried import tracing
from cornu.train.compiled_call import CompiledCall, run
from cornu.train.listening import callback_list, note_steps
from cornu.train.loop import run_epoch
from cornu.train.prepare import open_source, prepare
from cornu.train.strategy import PerStep, Strategy, strategy_for
from cornu.train.text import encoded
from cornu.train.trainable import TrainableModel
from cornu.train.watch.preflight import (
    check_columns,
    check_values,
    require_rows,
    tell_nonfinite,
)
from cornu.types import Tensors


class Collector:
    """The outputs of all batches, put together at the end."""

    def __init__(self) -> None:
        self._batches: list[Any] = []
        self._told = 0  # batches whose outputs were told

    def add(self, outputs: Tensors) -> None:
        """Keep the outputs of a batch; they may still be on their way."""
        self._batches.append(outputs)

    def latest(self) -> Any:
        """The outputs of the batches that were added since the last time, as numpy arrays."""
        new = jax.device_get(self._batches[self._told :])
        self._batches[self._told :] = new
        self._told = len(self._batches)
        return jax.tree.map(lambda *parts: np.concatenate(parts), *new) if len(new) > 1 else new[0]

    def outputs(self) -> Any:
        """Numpy arrays with the rows of all batches."""
        if not self._batches:
            return None
        fetched = jax.device_get(self._batches)

        def join(*parts: Any) -> np.ndarray:
            if len(parts) > 1 and not np.ndim(parts[0]):
                raise value_error(
                    f"The model returns one number per batch, and there are {len(parts)} batches.",
                    fix="batch_size=len(x)",
                )
            return np.concatenate(parts) if len(parts) > 1 else np.array(parts[0])

        return jax.tree.map(join, *fetched)


def bucket_of(size: int, batch_size: int) -> int:
    """The size to which a batch of `size` rows is filled up.

    Example:

        >>> [bucket_of(n, 32) for n in (1, 3, 20, 32)]
        [1, 4, 32, 32]
    """
    return min(1 << (size - 1).bit_length(), batch_size)


def rows_stand_apart(strategy: PerStep, batch: Tensors, rows: int) -> bool:
    """Whether a row's outputs are the same, to the bit, whatever the rows are that fill up a batch.

    The program runs on two made-up batches that differ in what is added alone. What normalizes by
    the batch, or returns something of a batch as a whole, shows it.

    Args:
        strategy: the program of `predict`.
        batch: structure of what has the shapes and dtypes of the rows that are kept.
        rows: number of rows of the batch that is filled up.
    """
    leaves = jax.tree.leaves(batch, is_leaf=bcoo.is_sparse)
    if any(map(bcoo.is_sparse, leaves)):
        return True  # sparse batches are filled up with zeros alone
    kept, slots = leaves[0].shape[0], strategy.slots

    def run(fill: int) -> Any:
        made = jax.tree.map(lambda a: _made_up(a, kept, rows, fill), batch)
        return tracing(lambda: strategy.program(slots.read(), made), slots)[0]

    with slots.turn:
        outputs = zip(jax.tree.leaves(run(0)), jax.tree.leaves(run(1)), strict=True)
    return all(
        a.ndim > 0
        and len(a) == rows
        and np.array_equal(np.asarray(a)[:kept], np.asarray(b)[:kept], equal_nan=True)
        for a, b in outputs
    )


def _with_rows(array: Any, rows: int) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct((rows, *array.shape[1:]), array.dtype)


def _made_up(like: Any, kept: int, rows: int, fill: int) -> np.ndarray:
    """An array whose last rows are `fill` for identifiers, and far above or below the rest else."""
    shape, dtype = (rows, *like.shape[1:]), np.dtype(like.dtype)
    if dtype.kind in "iub":
        array, value = np.ones(shape, dtype), fill
    else:
        array, value = np.random.default_rng(0).normal(size=shape).astype(dtype), 18 * fill - 9
    array[kept:] = value
    return array


class _Padded(Source):
    """A source with its last batch filled up.

    Attributes:
        added: number of rows that were added so far.
    """

    def __init__(self, source: Source):
        self._source = source
        self.added = 0
        self.batch_size = source.batch_size
        self.num_batches, self.num_samples = source.num_batches, source.num_samples
        self.reads_ahead = source.reads_ahead

    def batches(self, epoch: int, first: int = 0) -> Iterator[Batch]:
        assert self.batch_size is not None
        for batch in self._source.batches(epoch, first):
            target = bucket_of(batch.size, self.batch_size)
            if target == batch.size:
                yield batch
            else:
                self.added += target - batch.size
                data = tree.map_structure(
                    lambda a, n=target: None if a is None else filled(a, n), batch.data
                )
                yield Batch(data, batch.size)


def filled(array: Any, rows: int) -> Any:
    """The array with its last row repeated up to a number of rows; a sparse one with zeros."""
    if bcoo.is_sparse(array):
        return bcoo.with_rows(array, rows)
    array = np.asarray(array)
    return np.concatenate([array, np.repeat(array[-1:], rows - len(array), axis=0)])


def size_of(x: Tensors, nested: bool) -> int:
    """The number of samples in numpy arrays of numbers; 0 for anything else.

    Args:
        x: an array, or where `nested` a list, tuple or dict of arrays.
        nested: whether the model takes several inputs.
    """
    arrays = [x] if isinstance(x, np.ndarray) else jax.tree.leaves(x) if nested else []
    plain = all(isinstance(a, np.ndarray) and a.dtype.kind in "fiub" and a.ndim for a in arrays)
    plain = plain and not any(isinstance(a, np.ma.MaskedArray) for a in arrays)
    sizes = {len(a) for a in arrays} if plain else set()
    return sizes.pop() if len(sizes) == 1 else 0


def predict(
    model: TrainableModel,
    x: Tensors,
    batch_size: int | None,
    verbose: Any,
    steps: int | None,
    callbacks: Any,
) -> Any:
    """The outputs for a data set; see `Trainer.predict`."""
    x = encoded(model, x)
    if not verbose and callbacks is None and steps is None and model.jit_compile:
        outputs = _predict_at_once(model, x, batch_size)
        if outputs is not None:
            return outputs
    check_columns(x, model._record.columns)
    source, example = open_source(model, x, batch_size=batch_size, steps=steps)
    try:
        if example is not None and model.built:
            check_values(model, source, example)
        prepare(model, example, "predict")
        listeners = callback_list(
            model, callbacks, verbose, epochs=1, steps=steps or source.num_batches
        )
        slots = model._state_slots("predict")
        model.make_predict_function()
        strategy = strategy_for(model, "predict", slots, source, listeners)
        model.stop_predicting = False
        listeners.on_predict_begin()
        collector = Collector()
        batches = source
        if source.num_samples is not None and source.batch_size is not None:
            last = source.num_samples % source.batch_size
            if _may_fill(model, strategy, example, last, source.batch_size):
                batches = _Padded(source)
        told = listeners.wants_every_batch("predict")

        def tell(batch: int, done: int, outputs: Tensors) -> bool:
            note_steps(listeners, batch, done)
            listeners.on_predict_batch_end(
                batch, {"outputs": collector.latest() if told else outputs}
            )
            return model.stop_predicting

        with listeners.told_of_failure():
            run_epoch(
                strategy, batches, steps=steps,
                before=listeners.on_predict_batch_begin, after=tell,
                keep=collector.add, every=model._steps_in_a_group,
            )  # fmt: skip
            listeners.on_predict_end()
    finally:
        source.close()
    outputs = collector.outputs()
    if isinstance(batches, _Padded) and batches.added:
        outputs = jax.tree.map(lambda a: a[: len(a) - batches.added], outputs)
    tell_nonfinite(outputs, source.arrays if isinstance(source, Resident) else None)
    return outputs


def _may_fill(
    model: TrainableModel, strategy: Strategy, example: Tensors, size: int, most: int
) -> bool:
    """Whether a batch of `size` rows is to be filled up, and may be."""
    rows = bucket_of(size, most) if size else size
    if rows == size or not isinstance(strategy, PerStep):
        return False
    if strategy.rows_apart is None:
        batch = tree.map_structure(
            lambda a: None if a is None else a if bcoo.is_sparse(a) else _with_rows(a, size),
            example,
        )
        strategy.rows_apart = _outputs_have_rows(model) and rows_stand_apart(strategy, batch, rows)
    return strategy.rows_apart


def _outputs_have_rows(model: TrainableModel) -> bool:
    """Whether all outputs have a row for each sample, as far as a graph says it."""
    free = {
        name: [t.shape[:1] == (None,) for t in tree.flatten(tensors) if is_symbolic(t)]
        for name in ("inputs", "outputs")
        if (tensors := getattr(model, name, None))
    }
    return not all(free.get("inputs", ())) or all(free.get("outputs", ()))


def _predict_at_once(model: TrainableModel, x: Tensors, batch_size: int | None) -> Any:
    """The outputs for arrays of one batch, if its program is there already.

    Asking for a few samples again and again goes this way, past everything that a data set of
    any kind and size needs; None where it cannot.
    """
    size = size_of(x, nested=bool(model._inputs_are_nested) or isinstance(x, Encoded))
    if not 0 < size <= (batch_size or BATCH_SIZE):
        return None
    call: CompiledCall = model._compiled_call
    strategy = call.find(model)
    if strategy is None:
        return None
    if call.embedded_rows is not None:
        require_rows(x, call.embedded_rows)
    floatx = settings.current.floatx

    def ready(a: np.ndarray) -> np.ndarray:
        refuse_what_wraps(a, "x")
        return a.astype(floatx, copy=False) if a.dtype.kind == "f" else a

    most = batch_size or BATCH_SIZE
    batch = (jax.tree.map(ready, x),)
    fills = _may_fill(model, strategy, batch, size, most)
    if fills:
        rows = bucket_of(size, most)
        batch = jax.tree.map(lambda a: filled(a, rows), batch)
    outputs = jax.tree.map(np.array, run(strategy, batch))
    if fills:
        outputs = jax.tree.map(lambda a: a[:size], outputs)
    tell_nonfinite(outputs, (x,))
    return outputs
