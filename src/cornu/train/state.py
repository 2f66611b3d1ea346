"""The state of training: which Variables it is, and their values as a pytree.

    slots = StateSlots(model...)          the Variables, each once
    state = slots.read()                  -> TrainState of arrays      (a list comprehension)
    logs, state = program(state, batch)   one compiled program; the old buffers are given away
    slots.write(state)                    <- back into the Variables   (plain slot writes)

The variables are current between any two dispatches: callbacks may read or assign any of them.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

from cornu.core.variable import Variable


class TrainState(NamedTuple):
    """Values of everything that a training step changes: the tuple that custom steps unpack."""

    trainable: list[Any]  # weights that the optimizer updates
    non_trainable: list[Any]  # running statistics, seeds, frozen weights
    optimizer: list[Any]  # iteration, learning rate, slots
    metrics: list[Any]  # running sums


class StateSlots:
    """The Variables behind a `TrainState`; a variable that is listed twice is kept once."""

    def __init__(
        self,
        trainable: Iterable[Variable] = (),
        non_trainable: Iterable[Variable] = (),
        optimizer: Iterable[Variable] = (),
        metrics: Iterable[Variable] = (),
    ):
        seen: set[int] = set()

        def once(variables: Iterable[Variable]) -> list[Variable]:
            kept = []
            for variable in variables:
                if id(variable) not in seen:
                    seen.add(id(variable))
                    kept.append(variable)
            return kept

        self.trainable = once(trainable)
        self.non_trainable = once(non_trainable)
        self.optimizer = once(optimizer)
        self.metrics = once(metrics)

    @property
    def key(self) -> tuple[tuple[int, ...], ...]:
        """What a compiled program depends on: which variables stand where."""
        return tuple(tuple(id(v) for v in part) for part in self.parts)

    @property
    def parts(self) -> tuple[list[Variable], ...]:
        """The four lists of Variables, in the order of `TrainState`."""
        return self.trainable, self.non_trainable, self.optimizer, self.metrics

    @property
    def variables(self) -> list[Variable]:
        """All Variables, in order."""
        return [v for part in self.parts for v in part]

    def read(self) -> TrainState:
        """The present values."""
        return TrainState(*[[v._value for v in part] for part in self.parts])

    def write(self, state: Any) -> None:
        """Put new values into the Variables; None stands for a value that stays."""
        for part, values in zip(self.parts, state, strict=True):
            for variable, value in zip(part, values, strict=True):
                if value is not None:
                    variable._value = value


def only_changes(before: TrainState, after: Any) -> TrainState:
    """The new values, with None where a value is the very object that it was.

    Example:

        >>> weights, count = [1.5], [0]
        >>> only_changes(TrainState(weights, count, [], []), TrainState(weights, [1], [], []))
        TrainState(trainable=[None], non_trainable=[1], optimizer=[], metrics=[])
    """
    parts = zip(before, after, strict=True)
    return TrainState(
        *[[None if n is o else n for o, n in zip(old, new, strict=True)] for old, new in parts]
    )
