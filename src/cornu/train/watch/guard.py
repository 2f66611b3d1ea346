"""`Guard`: training stops at the first loss that is not finite, and says where it came from.

    epoch begin   a copy of all variables in host memory              some tens of microseconds
    every second  look at loss and weights; finite: a new copy        nothing in between
    epoch end     look at loss and weights; the loss is fetched anyway
    not finite    back to the copy, step by step until one of them breaks: that is the batch;
                  then layer by layer (`nonfinite.py`): that is the array

The loss that is shown is a mean over the epoch, so once it is not finite it stays so, and a look
now and then is enough. Copies are not made where they would cost more than 1 % of the time, or more
memory than `COPY_LIMIT`; then the message says that it knows less.
"""

import inspect
import math
import time
from collections.abc import Iterable
from typing import Any

import jax
import numpy as np

from cornu.data.source import Resident, Source
from cornu.findings import Finding
from cornu.reports.nonfinite import explain_nonfinite
from cornu.train.state import TrainState
from cornu.train.strategy import Chunk, Strategy
from cornu.train.trainable import TrainableModel
from cornu.train.watch.nonfinite import first_nonfinite
from cornu.types import Tensors

SECONDS_BETWEEN_LOOKS = 1.0
COPY_LIMIT = 256 << 20  # bytes of variables
KEPT_LIMIT = 64 << 20  # bytes of batches that cannot be read again, kept since the last copy
SHARE_OF_TIME = 0.01
HUGE = 1e5  # weights of this size say that the steps are too large
FREE = 1e-3  # seconds that a copy may always take


class Guard:
    """Watches the loss of one `fit`.

    Args:
        model: the trainer.
        strategy: how steps become dispatches.
        source: the data.
    """

    def __init__(self, model: TrainableModel, strategy: Strategy, source: Source):
        self._model, self._slots = model, strategy.slots
        self._strategy, self._source = strategy, source
        self._rereadable = isinstance(source, Resident)
        self._epoch = self._first = 0  # the place of the copy
        self._copy: TrainState | None = None
        self._sound = True  # whether the weights of the copy are finite
        self._cost, self._copied, self._look_at = 0.0, -math.inf, 0.0
        self._kept: list[tuple[int, Any]] = []
        self._kept_bytes = 0
        self._last: Any = None  # the batch of the last step, where batches come one by one

    def begin(self, epoch: int, step: int) -> None:
        """An epoch begins at a step."""
        self._epoch = epoch
        self._renew(step)

    def saw(self, chunk: Chunk, out: Any) -> None:
        """Steps were dispatched.

        Raises:
            FloatingPointError: this look found a loss that is not finite.
        """
        if chunk.data is not None:
            self._keep(chunk)
        if time.perf_counter() >= self._look_at:
            self.look(chunk.first + chunk.length, out)
            self._renew(chunk.first + chunk.length)

    def look(self, done: int, out: Any) -> None:
        """Look at the loss now.

        Args:
            done: how many steps of the epoch are over.
            out: what the last of them returned.

        Raises:
            FloatingPointError: the loss is not finite, or weights are not that were.
        """
        if self._model.stop_training:
            return
        loss = loss_of(out)
        if loss is not None and not math.isfinite(loss):
            raise FloatingPointError(self._explain(f"the loss is {loss}", done))
        if self._copy is not None and self._sound and not self._weights_are_finite():
            raise FloatingPointError(self._explain("weights are not finite any more", done))

    def _weights_are_finite(self) -> bool:
        with self._slots.turn:
            return _finite(self._slots.read().trainable)

    def _renew(self, step: int) -> None:
        """Take a new copy, if it is cheap enough."""
        begun = time.perf_counter()
        self._look_at = begun + SECONDS_BETWEEN_LOOKS
        self._first, self._kept, self._kept_bytes, self._copy = step, [], 0, None
        if self._cost > FREE and begun - self._copied < self._cost / SHARE_OF_TIME:
            return
        with self._slots.turn:
            values = self._slots.read()
            if sum(v.nbytes for part in values for v in part) > COPY_LIMIT:
                return
            self._copy = TrainState(*[[np.array(v) for v in part] for part in values])
        self._sound = _finite(self._copy.trainable)
        self._copied = time.perf_counter()
        self._cost = self._copied - begun

    def _keep(self, chunk: Chunk) -> None:
        self._last = chunk.data
        if self._rereadable or self._copy is None:
            return
        self._kept.append((chunk.first, chunk.data))
        self._kept_bytes += sum(a.nbytes for a in jax.tree.leaves(chunk.data))
        if self._kept_bytes > KEPT_LIMIT:
            self._kept, self._copy = [], None

    # ---- when it has happened -----------------------------------------------------------------

    def _explain(self, what: str, done: int) -> str:
        found = self._replay(done)
        weights = self._slots.read() if found is None else found[1]
        too_fast = _too_fast(self._model.optimizer, weights.trainable)
        if found is None:
            number = f"{done}" if done - self._first <= 1 else f"{self._first + 1} to {done}"
            finding = self._look_into(self._slots.read(), self._batch(done - 1))
        else:
            batch, before, data = found
            number = f"{batch + 1}"
            finding = self._look_into(before, data)
            self._slots.write(self._on_device(before))
        return explain_nonfinite(
            what, batch=number, epoch=self._epoch, finding=finding, replayed=found is not None,
            too_fast=too_fast,
        )  # fmt: skip

    def _look_into(self, state: TrainState, data: Tensors) -> Finding:
        return first_nonfinite(self._model, self._slots, self._on_device(state), data)

    def _replay(self, done: int) -> tuple[int, TrainState, Any] | None:
        """The first batch that leaves a loss or weights that are not finite, and the state before.

        None if that cannot be found.
        """
        if self._copy is None:
            return None
        state = self._on_device(self._copy)
        for number, data in self._batches(done):
            before = TrainState(*[[np.array(v) for v in part] for part in state])
            out, state = self._strategy.single_step(state, data)
            loss = loss_of(out)
            broken = loss is not None and not math.isfinite(loss)
            if broken or (self._sound and not _finite(state.trainable)):
                return number, before, data
        return None

    def _on_device(self, state: TrainState) -> TrainState:
        """Fresh arrays, laid out over devices as the variables are."""
        pairs = zip(state, self._slots.read(), strict=True)
        return TrainState(
            *[
                [jax.device_put(np.array(v), like.sharding) for v, like in zip(*pair, strict=True)]
                for pair in pairs
            ]
        )

    def _batches(self, done: int) -> Iterable[tuple[int, Any]]:
        if not self._rereadable:
            yield from self._kept
            return
        for number, batch in enumerate(self._source.batches(self._epoch, self._first), self._first):
            if number >= done:
                return
            yield number, batch.data

    def _batch(self, number: int) -> Any:
        if not self._rereadable:
            return self._last
        return next(iter(self._source.batches(self._epoch, number))).data


def _too_fast(optimizer: Any, weights: Iterable[Any]) -> tuple[str, str] | None:
    """What says that the steps are too large, and a better optimizer; None if nothing does."""
    sizes = [np.max(np.abs(a), where=np.isfinite(a), initial=0.0) for a in map(np.asarray, weights)]
    largest = float(max(sizes, default=0.0))
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)
    if largest < HUGE or optimizer is None:
        return None
    kind = type(optimizer).__name__
    default = inspect.signature(type(optimizer)).parameters.get("learning_rate")
    rate: Any = getattr(default, "default", None)
    if not isinstance(rate, float):
        rate = 0.001
    try:
        now = float(optimizer.learning_rate)
    except (TypeError, ValueError):  # a schedule
        return f"weights have grown to {largest:.2g}, so the learning rate is too large", (
            f"optimizer=keras.optimizers.{kind}({rate})"
        )
    better = rate if now > rate else now / 10
    return (
        f"weights have grown to {largest:.2g}: the learning rate, {now:g}, is too large",
        f"optimizer=keras.optimizers.{kind}({better:g})",
    )


def _finite(arrays: Iterable[Any]) -> bool:
    with np.errstate(all="ignore"):
        return all(bool(np.isfinite(np.sum(np.asarray(a)))) for a in arrays)


def loss_of(out: Any) -> float | None:
    """The loss in what a step returned; None if there is none that is one number."""
    loss = out.get("loss") if isinstance(out, dict) else None
    return float(np.asarray(loss)) if loss is not None and np.size(loss) == 1 else None
