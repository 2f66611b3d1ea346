"""Strategies: how a step and a data set become compiled dispatches.

| strategy | when                                                  | program                  |
|----------|-------------------------------------------------------|--------------------------|
| Eager    | `run_eagerly=True`                                    | the step, uncompiled     |
| PerStep  | somebody listens to batches, or data come one by one  | jit(step)                |
| Chunked  | nobody listens, and the data are arrays               | jit(loop over the steps) |

`Chunked` puts the arrays on the device once. Its program runs `n` steps, and `n` is an argument of
the program rather than part of it: one compiled program serves chunks of every length, so the
lengths adapt to the time that a step takes, and where an epoch is cut does not change one bit of
the result. The last, smaller batch of an epoch runs through a program of its own shape, because
padding it would change losses and batch statistics; it is compiled in another thread while the
first epoch runs.
"""

import contextlib
import time
from collections.abc import Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from itertools import islice
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from cornu import settings
from cornu.callbacks.callback_list import CallbackList
from cornu.data.peek import example_of
from cornu.data.prefetch import prefetched, to_device
from cornu.data.source import Batch, Resident, Source
from cornu.engine import collector
from cornu.kernels.compiler_options import compiler_options
from cornu.train.carried import tracing
from cornu.train.state import StateSlots, TrainState, only_changes
from cornu.train.step import Step, step_of
from cornu.train.trainable import TrainableModel
from cornu.types import Tensors

# A chunk lasts about as long as a user waits for the progress bar to move.
SECONDS_PER_CHUNK = 0.1

# Batches of dispatches that have not finished take at most about this much memory.
BYTES_IN_FLIGHT = 64 << 20

# XLA's CPU backend runs these on a slow path inside loops, in forms that our kernels avoid.
SLOW_IN_LOOPS = ("select_and_scatter_add", "select_and_gather_add", "reduce_window_max")


def strategy_for(
    model: TrainableModel,
    kind: str,
    slots: StateSlots,
    source: Source | None = None,
    listeners: CallbackList | None = None,
) -> "Strategy":
    """How the steps of a model are dispatched; compiled before if they came before.

    Args:
        model: built, and compiled where the step needs that.
        kind: "train", "test" or "predict".
        slots: the variables that the step reads and writes.
        source: the data.
        listeners: who may listen to single batches; None for a batch alone.
    """
    if not model.jit_compile:
        return Eager(step_of(model, kind, slots))
    per_execution = model.steps_per_execution
    can_loop = (
        kind != "predict"
        and isinstance(source, Resident)
        and source.fits_device
        and listeners is not None
        and (not listeners.wants_every_batch(kind) or per_execution not in (1, "auto"))
    )
    kept = kept_strategy(model, kind, slots, can_loop)
    if kept is not None:
        return kept
    step = step_of(model, kind, slots)
    options = compiler_options(model.trainable_variables if kind == "train" else ())
    name = f"{kind}_step"
    program: Strategy | None = None
    if can_loop:
        assert source is not None
        length = None if per_execution in (1, "auto") else per_execution
        loop = Chunked(step, name, length, options)
        batch = example_of(source)[1]
        if not tracing(lambda: loop.is_slow(slots.read(), batch), slots):
            program = loop
    program = program or PerStep(step, name, donate=kind != "predict", options=options)
    model._programs[kind, slots.key, can_loop, settings.key()] = program
    return program


def kept_strategy(
    model: TrainableModel, kind: str, slots: StateSlots, can_loop: bool = False
) -> "Strategy | None":
    """The strategy that was made before for these variables; None if there is none."""
    wanted = kind, can_loop, settings.key()
    for (its_kind, _, *others), program in list(model._programs.items()):
        # Its step may have met variables since, which the slots name now.
        if (its_kind, *others) == wanted and program.slots.key == slots.key:
            return program
    return None


class Chunk(NamedTuple):
    """Steps that run in one dispatch."""

    first: int  # number of the first step in the epoch
    length: int  # how many steps
    samples: int  # how many samples they hold
    run: Any  # state -> (out, state)
    data: Any = None  # the batch, where it is one alone


class Strategy:
    """Turns a step and a source into dispatches.

    Args:
        step: what to do for a batch.
        name: shown by compilers and profilers.
    """

    # How many dispatches may be under way before the loop waits for the oldest.
    in_flight = 16

    # Whether the next dispatch is the first, which also traces and compiles.
    fresh = True

    def __init__(self, step: Step, name: str = "step"):
        self.step = step
        self.name = name

    @property
    def slots(self) -> StateSlots:
        """The variables that the step reads and writes."""
        assert self.step.slots is not None
        return self.step.slots

    def chunks(
        self, source: Source, epoch: int, steps: int | None, first: int = 0
    ) -> Generator[Chunk, None, None]:
        """The dispatches of one epoch, in order: steps from `first`, before `steps` if given."""
        raise NotImplementedError

    def release(self) -> None:
        """Let go of what an epoch leaves on the device."""

    def single_step(self, state: TrainState, data: Tensors) -> tuple[Any, TrainState]:
        """One step, as it is done for a batch alone; the buffers of the state are given away."""
        return _once(self.step, state, data)


# What is compiled is a function of the step, not a method of the strategy: a program refers to its
# function, so the strategy would be in a circle with it, and live until the next collection.


def _once(step: Step, state: TrainState, data: Tensors) -> tuple[Any, TrainState]:
    out, state = step.update(state, data)
    return step.results(out, state), state


def _changes(step: Step, state: TrainState, data: Tensors) -> tuple[Any, TrainState]:
    out, after = _once(step, state, data)
    return out, only_changes(state, after)


def _loop(
    step: Step,
    update: Any,
    state: TrainState,
    arrays: Tensors,
    order: Any,
    start: Any,
    count: Any,
    batch_size: int,
) -> tuple[Any, TrainState]:
    """`count` steps, from number `start`, on the batches that `order` gives the rows of."""

    def batch(i: Any) -> Any:
        rows = lax.dynamic_slice(order, ((start + i) * batch_size,), (batch_size,))
        return jax.tree.map(lambda a: a.at[rows].get(mode="promise_in_bounds"), arrays)

    def body(i: Any, carry: Any) -> Any:
        _, state = carry
        return update(state, batch(i))

    shapes = jax.eval_shape(update, state, batch(0))
    out = jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), shapes[0])
    # A custom step may change the dtype of a value; the loop's carry must not.
    state = jax.tree.map(lambda x, s: jnp.asarray(x, s.dtype), state, shapes[1])
    out, state = lax.fori_loop(0, count, body, (out, state))
    return step.results(out, state), state


def _limited(
    batches: Iterator[Batch], steps: int | None, first: int
) -> Generator[Batch, None, None]:
    """The batches from number `first`, before number `steps`; a generator is not asked for more."""
    try:
        yield from islice(batches, None if steps is None else max(steps - first, 0))
    finally:
        if hasattr(batches, "close"):
            batches.close()


class Eager(Strategy):
    """Every operation by itself: slow, and open to a debugger."""

    def chunks(
        self, source: Source, epoch: int, steps: int | None, first: int = 0
    ) -> Generator[Chunk, None, None]:
        with contextlib.closing(_limited(source.batches(epoch, first), steps, first)) as batches:
            for i, batch in enumerate(batches, first):
                data = batch.data
                yield Chunk(
                    i, 1, batch.size, lambda state, d=data: _once(self.step, state, d), data
                )


class PerStep(Strategy):
    """One compiled step for each batch; batches that take time to make are read ahead.

    Args:
        step: what to do for a batch.
        name: shown by compilers and profilers.
        donate: whether a step is given the buffers of the state; not where it changes little of it:
            then only what it changes comes back.
        options: options of the compiler.

    Attributes:
        rows_apart: whether no output for a row depends on the other rows; None if nobody knows.
    """

    rows_apart: bool | None = None

    def __init__(
        self,
        step: Step,
        name: str = "step",
        donate: bool = True,
        options: dict[str, Any] | None = None,
    ):
        super().__init__(step, name)
        once = _named(partial(_once if donate else _changes, step), name)
        self.program = jax.jit(once, donate_argnums=0 if donate else (), compiler_options=options)

    def single_step(self, state: TrainState, data: Tensors) -> tuple[Any, TrainState]:
        return self.program(state, data)

    def chunks(
        self, source: Source, epoch: int, steps: int | None, first: int = 0
    ) -> Generator[Chunk, None, None]:
        batches = _limited(source.batches(epoch, first), steps, first)
        # What is made ahead may draw random numbers: a run that is to resume exactly does without.
        if source.reads_ahead and not source.keeps_positions:
            batches = prefetched(batches, place=partial(to_device, fresh=source.fresh_batches))
        with contextlib.closing(batches):
            for i, batch in enumerate(batches, first):
                data = batch.data
                if i == first:
                    self.in_flight = _how_many(data)
                yield Chunk(i, 1, batch.size, lambda state, d=data: self.program(state, d), data)


def _how_many(data: Tensors) -> int:
    """How many dispatches with such a batch may be under way: each holds its batch in memory."""
    size = sum(getattr(leaf, "nbytes", 0) for leaf in jax.tree.leaves(data))
    return max(2, min(Strategy.in_flight, BYTES_IN_FLIGHT // max(size, 1)))


class Chunked(Strategy):
    """Many steps for each dispatch, over arrays that stay on the device.

    Args:
        step: what to do for a batch.
        name: shown by compilers and profilers.
        length: steps for each dispatch; adapted to the time that they take if None.
        options: options of the compiler.
    """

    in_flight = 0  # a chunk is long enough to wait for, and its time is measured

    def __init__(
        self,
        step: Step,
        name: str = "step",
        length: int | None = None,
        options: dict[str, Any] | None = None,
    ):
        super().__init__(step, name)
        self.length = length
        # Traced once, for the look at what is slow in loops and for the loop itself.
        self.update = jax.jit(step.update)
        compiled = partial(jax.jit, donate_argnums=0, compiler_options=options)
        self.single = compiled(_named(partial(_once, step), name))
        loop = _named(partial(_loop, step, self.update), f"{name}_loop")
        self.program = compiled(loop, static_argnames="batch_size")
        self._seconds_per_step: float | None = None
        self._on_device: tuple[Any, Any] | None = None
        self._rest: tuple[Any, Future[Any]] | None = None  # shapes of the last batch, its program

    def single_step(self, state: TrainState, data: Tensors) -> tuple[Any, TrainState]:
        return self.single(state, data)

    def is_slow(self, state: TrainState, data: Tensors) -> bool:
        """Whether XLA's CPU backend would run a part of the step on its slow path in a loop.

        Args:
            state: values or shapes of the state.
            data: values or shapes of a batch.
        """
        if jax.default_backend() != "cpu":
            return False
        with collector.paused():
            return _has_slow(self.update.trace(state, data).jaxpr.jaxpr)

    def arrays_of(self, source: Resident) -> Any:
        """The source's arrays on the device, moved there once."""
        held = self._on_device  # another thread may put its own there
        if held is None or held[0] is not source:
            self._on_device = held = (source, jax.tree.map(jax.device_put, source.arrays))
        return held[1]

    def release(self) -> None:
        self._on_device = None

    def chunks(
        self, source: Source, epoch: int, steps: int | None, first: int = 0
    ) -> Generator[Chunk, None, None]:
        assert isinstance(source, Resident)
        size = source.batch_size
        order = np.asarray(source.order(epoch), np.int32)
        total = source.num_batches if steps is None else min(steps, source.num_batches)
        full = min(total, source.num_samples // size)
        arrays, rows = self.arrays_of(source), jax.device_put(order)
        rest = order[full * size :] if full < total else None
        while first < full:
            length = self._next_length(full - first)
            begun = time.perf_counter()

            def run(state: TrainState, first: int = first, length: int = length) -> Any:
                if rest is not None:
                    self._compile_ahead(state, arrays, len(rest))
                return self.program(state, arrays, rows, first, length, batch_size=size)

            yield Chunk(first, length, length * size, run)
            self._learn(length, time.perf_counter() - begun)
            first += length
        if rest is not None:
            data = jax.tree.map(lambda a: _taken(a, rest), source.arrays)
            yield Chunk(full, 1, len(rest), lambda state: self._last(state, data, len(rest)))

    def _compile_ahead(self, state: TrainState, arrays: Tensors, rows: int) -> None:
        """Begin to compile the program of the last batch; tracing is done here, in this thread."""
        batch = _shapes_of(arrays, rows)
        if self._rest is None or self._rest[0] != batch:
            lowered = self.single.lower(state, batch)
            compiler = ThreadPoolExecutor(1, thread_name_prefix="compile")
            self._rest = (batch, compiler.submit(lowered.compile))
            compiler.shutdown(wait=False)

    def _last(self, state: TrainState, data: Tensors, rows: int) -> tuple[Any, TrainState]:
        rest = self._rest
        if rest is not None and rest[0] == _shapes_of(data, rows):
            return rest[1].result()(state, data)
        return self.single(state, data)  # the epoch began at its last batch

    def _next_length(self, left: int) -> int:
        if self.length is not None:
            return min(self.length, left)
        if self._seconds_per_step is None:
            return 1
        return max(1, min(left, int(SECONDS_PER_CHUNK / max(self._seconds_per_step, 1e-7))))

    def _learn(self, length: int, seconds: float) -> None:
        """Remember how long a step takes; the first dispatch also compiles and is not counted."""
        known = self._seconds_per_step
        measured = seconds / length
        self._seconds_per_step = measured if known is None else min(known * 2, measured)


def _shapes_of(arrays: Tensors, rows: int) -> Any:
    """What a batch of this number of rows of the arrays looks like."""
    return jax.tree.map(lambda a: jax.ShapeDtypeStruct((rows, *a.shape[1:]), a.dtype), arrays)


def _taken(a: Any, rows: np.ndarray) -> Any:
    """Some rows of an array; those of numpy on the host, where it takes no program of its own."""
    if isinstance(a, np.ndarray):
        return jax.device_put(a[rows])
    return jnp.take(a, jax.device_put(rows), axis=0)


def _named(fn: Any, name: str) -> Any:
    """The function under a name that compilers and profilers show."""

    def call(*args: Any, **kwargs: Any) -> Any:
        return fn(*args, **kwargs)

    call.__name__ = call.__qualname__ = name
    return call


def _has_slow(jaxpr: Any) -> bool:
    for equation in jaxpr.eqns:
        name = equation.primitive.name
        if name in SLOW_IN_LOOPS:
            return True
        if name == "conv_general_dilated" and not _canonical(equation):
            return True
        for parameter in equation.params.values():
            for inner in parameter if isinstance(parameter, (tuple, list)) else (parameter,):
                inner = getattr(inner, "jaxpr", inner)
                if hasattr(inner, "eqns") and _has_slow(inner):
                    return True
    return False


def _canonical(equation: Any) -> bool:
    """Whether a convolution has batch and channels where the fast path expects them."""
    numbers = equation.params["dimension_numbers"]
    rank = len(numbers.lhs_spec)
    images = (0, rank - 1, *range(1, rank - 1))
    kernel = (rank - 1, rank - 2, *range(rank - 2))
    plain = equation.params["feature_group_count"] == equation.params["batch_group_count"] == 1
    return plain and (numbers.lhs_spec, numbers.rhs_spec, numbers.out_spec) == (
        images,
        kernel,
        images,
    )
