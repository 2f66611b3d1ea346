"""The one loop behind `fit`, `evaluate` and `predict`.

For each chunk: read the variables, run one compiled program, write the variables, tell whoever
listens. Everything else (epochs, validation, what to do with outputs) is with the callers.
"""

import collections
import contextlib
from collections.abc import Callable
from typing import Any

import jax

from cornu.core.turns import looping
from cornu.data.source import Source
from cornu.engine import collector
from cornu.errors import explain, value_error
from cornu.train.carried import tracing
from cornu.train.logs import Logs
from cornu.train.state import StateSlots
from cornu.train.strategy import Chunk, Strategy
from cornu.train.watch.interrupt import Interrupts


class WeightsLostError(RuntimeError):
    """A step failed after it had been given the buffers of the weights."""


def run_epoch(
    strategy: Strategy,
    source: Source,
    *,
    epoch: int = 0,
    first: int = 0,
    steps: int | None = None,
    before: Callable[[int], None] | None = None,
    after: Callable[[int, int, Any], bool] | None = None,
    keep: Callable[[Any], None] | None = None,
    watch: Callable[[Chunk, Any], None] | None = None,
    every: int = 1,
) -> tuple[Any, int]:
    """Run the steps of one epoch.

    Args:
        strategy: how steps become dispatches.
        source: the data.
        epoch: number of the epoch, for the order of the data.
        first: number of the first step; those before it were done already.
        steps: greatest number of steps, those before the first included.
        before: called with the number of the first step of each group of steps.
        after: called after each group of steps with the number of its last step, counted as if
            the group were full, with how many steps of the epoch are done, and with what the last
            of them returned; the epoch ends when it returns True.
        keep: called first after each chunk, with what it returned.
        watch: called last, with the chunk and what it returned.
        every: steps in a group, if a chunk does not hold more; the last group may be smaller.

    Returns:
        What the last chunk returned (None if there was no data), and the number of steps run.
    """
    slots = strategy.slots
    out: Any = None
    begun, done, told = 0, 0, True
    in_flight: collections.deque[Any] = collections.deque()
    with (
        looping(),
        Interrupts() as interrupts,
        contextlib.closing(strategy.chunks(source, epoch, steps, first)) as chunks,
    ):
        for chunk in chunks:
            if told:
                begun = chunk.first
                if before is not None:
                    before(begun)
            interrupts.holding = True
            with collector.paused() if strategy.fresh else contextlib.nullcontext():
                out = _dispatch(chunk, slots)
            strategy.fresh = False
            interrupts.release()
            in_flight.append(out)
            if len(in_flight) > strategy.in_flight:
                jax.block_until_ready(in_flight.popleft())
            done = chunk.first + chunk.length
            if keep is not None:
                keep(out)
            told = done % every == 0
            if after is not None and told and after(done - 1, done, out):
                break
            if watch is not None:
                watch(chunk, out)
        if after is not None and not told:
            after(begun + every - 1, done, out)
    return out, done


def _dispatch(chunk: Chunk, slots: StateSlots) -> Any:
    """Read the variables, run the program, write the variables."""
    with slots.turn:
        try:
            out, state = tracing(lambda: chunk.run(slots.read()), slots)
        except Exception as error:
            _explain_lost_buffers(slots, error)
            raise
        slots.write(state)
    return out


def _explain_lost_buffers(slots: StateSlots, error: Exception) -> None:
    """A dispatch that fails half way has already given away the weights' memory: say so."""
    values = [v._value for v in slots.variables]
    if any(isinstance(x, jax.Array) and x.is_deleted() for x in values):
        raise WeightsLostError(
            explain(
                "The step failed after it had taken the memory of the weights, which are lost.",
                error=f"{type(error).__name__}: {str(error)[:300]}",
                fix="load the last checkpoint (callbacks.BackupAndRestore or ModelCheckpoint keep "
                "one),\nand try a smaller batch_size if memory ran out.",
            )
        ) from error


def as_logs(out: Any) -> Logs:
    """What a step returned, as logs, by name: the order in which compiled programs give a dict.

    A result that is a dict itself, as that of all compiled metrics is, stands for its entries.
    """
    if not isinstance(out, dict):
        raise value_error(
            f"A step must return a dict of results, got {type(out).__name__}.",
            fix='return {"loss": loss, ...}',
        )
    flat: dict[str, Any] = {}
    for name, value in out.items():
        flat.update(value if isinstance(value, dict) else {name: value})
    return Logs(dict(sorted(flat.items())))
