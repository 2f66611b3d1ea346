"""`CompiledCall`: the compiled program of `predict`, found again without a walk over the layers.

    predict(a few samples)   train/predict.py  ---.
                                                   >-- CompiledCall.find -> program, variables
    model(x)                 models/quick_call.py -'

Asking a model of a hundred layers what it owns takes longer than its program does for one sample.
So the answer is kept for as long as a snapshot says that no attribute of any layer has changed.
"""

from collections.abc import Callable
from typing import Any

from cornu.core.objects.tracking import Snapshot
from cornu.core.text import Program
from cornu.train.carried import tracing
from cornu.train.strategy import PerStep, kept_strategy, strategy_for
from cornu.train.trainable import TrainableModel
from cornu.train.watch.preflight import embedded_rows
from cornu.types import Tensors


class CompiledCall:
    """What a model keeps to be asked quickly.

    Attributes:
        embedded_rows: what `preflight.embedded_rows` says of the model.
        repeatable: whether every call does the same; None where nobody has asked.
        seen: structures and shapes of the inputs with which the model was called.
        texts: the calls of layers that take text by the nesting of the inputs, and the layers when
            they were recorded; see `train/text.py`.
    """

    def __init__(self) -> None:
        self.embedded_rows: Any = None
        self.repeatable: bool | None = None
        self.seen: set[Any] = set()
        self.texts: dict[str, tuple[Program, Snapshot]] = {}
        self._asked: Snapshot | None = None
        self._program: PerStep | None = None

    def renew(self, model: TrainableModel) -> None:
        """Forget everything about a model that has changed."""
        if self._asked is None or not self._asked.holds():
            self._asked = Snapshot(model._flatten_layers())
            self.embedded_rows = embedded_rows(model)
            self.repeatable = self._program = None

    def find(self, model: TrainableModel) -> PerStep | None:
        """The program of `predict`; None if there is none, or the model runs uncompiled."""
        self.renew(model)
        return self.program(model, kept_strategy)

    def program(
        self, model: TrainableModel, look: Callable[..., Any] = strategy_for
    ) -> PerStep | None:
        """The program of `predict`, made if it is not there; `renew` must have been called.

        Args:
            model: the model.
            look: function that finds the strategy, or makes it.
        """
        if self._program is None:
            found = look(model, "predict", model._state_slots("predict"))
            self._program = found if isinstance(found, PerStep) else None
        return self._program


def run(strategy: PerStep, batch: Tensors) -> Any:
    """The outputs of a program for a batch `(x,)`; its variables take in what it changes."""
    slots = strategy.slots
    with slots.turn:
        outputs, changes = tracing(lambda: strategy.program(slots.read(), batch), slots)
        slots.write(changes)
    return outputs
