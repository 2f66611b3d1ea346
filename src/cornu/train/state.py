"""The state of training: which Variables it is, and their values as a pytree.

    slots = StateSlots(model...)          the Variables, each once
    state = slots.read()                  -> TrainState of arrays      (a list comprehension)
    logs, state = program(state, batch)   one compiled program; the old buffers are given away
    slots.write(state)                    <- back into the Variables   (plain slot writes)

The variables are current between any two dispatches: callbacks may read or assign any of them.
"""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from cornu.context import local
from cornu.core.frame import frame_for_writing
from cornu.core.turns import turn_of
from cornu.core.variable import Variable


class TrainState(NamedTuple):
    """Values of everything that a training step changes: the tuple that custom steps unpack."""

    trainable: list[Any]  # weights that the optimizer updates
    non_trainable: list[Any]  # running statistics, seeds, frozen weights
    optimizer: list[Any]  # iteration, learning rate, slots
    metrics: list[Any]  # running sums


def flat(state: TrainState) -> list[Any]:
    """The values in the order of `StateSlots.variables`."""
    return [value for part in state for value in part]


class StateSlots:
    """The Variables behind a `TrainState`; a variable that is listed twice is kept once.

    Args:
        trainable: weights that the optimizer updates.
        non_trainable: running statistics, seeds, frozen weights.
        optimizer: its variables.
        metrics: those of the metrics.
        late: variables that a step reads or writes and no list names; they stand at the end of
            `non_trainable`.
        again: gives the slots anew, after a step has made variables.

    Attributes:
        late: those of `late` that no list names.
        makes_anew: whether each trace of the step makes variables of its own.
    """

    def __init__(
        self,
        trainable: Iterable[Variable] = (),
        non_trainable: Iterable[Variable] = (),
        optimizer: Iterable[Variable] = (),
        metrics: Iterable[Variable] = (),
        late: Iterable[Variable] = (),
        again: "Callable[[], StateSlots] | None" = None,
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
        self.late = once(late)
        self.non_trainable += self.late
        self.makes_anew = False
        self.attempts = 0  # traces that were given up since the last that was not
        self._again = again
        self._turn: Any = None

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

    def meet(self, variables: Iterable[Variable]) -> None:
        """Take in variables that a step was found to read or write, for its next trace."""
        lists = self if self._again is None else self._again()
        a, b, c, d = lists.parts
        all_ = StateSlots(a, b, c, d, late=(*self.late, *variables))
        self.trainable, self.non_trainable, self.optimizer, self.metrics = all_.parts
        self.late = [*lists.late, *all_.late]
        self._turn = None
        self.attempts += 1
        self.makes_anew = self.makes_anew or self.attempts > 2

    @property
    def turn(self) -> Any:
        """What to hold, in a `with` block, from a `read` until the `write` of what came of it."""
        if self._turn is None:
            self._turn = turn_of(self.variables)
        return self._turn

    def read(self) -> TrainState:
        """The present values; of the frame that this thread is in, if it carries some of them."""
        if local.frame is not None:
            return TrainState(*[[v._stored() for v in part] for part in self.parts])
        return TrainState(*[[v._value for v in part] for part in self.parts])

    def write(self, state: Any) -> None:
        """Put new values into the Variables; None stands for a value that stays."""
        for part, values in zip(self.parts, state, strict=True):
            for variable, value in zip(part, values, strict=True):
                if value is not None:
                    frame = local.frame and frame_for_writing(variable)
                    if frame:
                        frame[variable] = value
                    else:
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
