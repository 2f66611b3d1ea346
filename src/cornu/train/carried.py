"""`Carried`: what a step reads and writes, whether a list names it or not.

    model.trainable_variables, .metrics, optimizer ...    carried from the start
    a metric that makes its variables with the first batch
    a metric, a statistic or a seed of a loss             found by the first trace of the step,
    a Variable that a callback anneals                    and carried from then on

Variables that no list names would be constants of the compiled program, and what is written to them
would be lost. So the frame of a step takes every write and notes every read; a trace that meets an
unknown variable is given up, and done again with it.
"""

from collections.abc import Callable, Sequence
from typing import Any

from cornu.core.frame import Frame
from cornu.core.variable import serial_now
from cornu.errors import explain
from cornu.train.state import StateSlots, TrainState


class LateStateError(RuntimeError):
    """A step was traced that reads or writes variables that its state does not hold yet.

    Attributes:
        variables: these.
    """

    def __init__(self, variables: list[Any]):
        names = ", ".join(v.path for v in variables)
        super().__init__(
            explain(
                f"The step uses variables that are not in the state it was given: {names}.",
                fix="call fit, evaluate or train_on_batch once before: they make all variables.",
            )
        )
        self.variables = variables


class Carried(Frame):
    """The values of a step's variables, for the length of a `with` block.

    Args:
        slots: the variables of the step.
        values: values of `slots.variables`, in their order.

    Raises:
        LateStateError: at the end, if the block met variables that are not among these.
    """

    __slots__ = ("_slots", "_carried", "_begun")

    def __init__(self, slots: StateSlots, values: Sequence[Any]):
        variables = slots.variables
        super().__init__(variables, values, open_ended=True, reads={})
        self._slots = slots
        self._carried = {id(v) for v in variables}

    def __enter__(self) -> "Carried":
        self._begun = serial_now()
        super().__enter__()
        return self

    def __exit__(self, kind: Any = None, *error: Any) -> None:
        super().__exit__(kind, *error)
        if kind is not None:
            return
        assert self.reads is not None
        met = {id(v): v for v in (*self.held(), *self.reads.values())}
        late = {key: v for key, v in met.items() if key not in self._carried}
        if self._slots.makes_anew:  # what every trace makes for itself lives no longer than it
            late = {key: v for key, v in late.items() if v.serial < self._begun}
        if isinstance(self._outer, Carried):  # one trace finds all of them
            self._outer.reads.update(late)  # type: ignore[union-attr]
        elif late:
            raise LateStateError(list(late.values()))

    def update(self, variables: Sequence[Any], values: Sequence[Any]) -> None:
        """Set the values of some variables."""
        for variable, value in zip(variables, values, strict=True):
            self[variable] = value

    def state(self) -> TrainState:
        """The values of the slots."""
        return TrainState(*map(self.values_of, self._slots.parts))


def tracing(run: Callable[[], Any], slots: StateSlots) -> Any:
    """What `run` returns, which traces a step; again with the variables that it met late."""
    while True:
        try:
            result = run()
        except LateStateError as late:
            slots.meet(late.variables)
        else:
            slots.attempts = 0
            return result
