"""`CompiledCall`: the compiled program of `predict`, found again without a walk over the layers.

    predict(a few samples)   train/predict.py  ---.
                                                   >-- CompiledCall.find -> program, variables
    model(x)                 models/quick_call.py -'

Asking a model of a hundred layers what it owns takes longer than its program does for one sample.
So the answer is kept for as long as a snapshot says that no attribute of any layer has changed.
"""

from typing import Any

from cornu.core.objects.tracking import Snapshot
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
    """

    def __init__(self) -> None:
        self.embedded_rows: Any = None
        self.repeatable: bool | None = None
        self.seen: set[Any] = set()
        self._asked: Snapshot | None = None
        self._program: PerStep | None = None

    def renew(self, model: TrainableModel) -> None:
        """Forget everything about a model that has changed."""
        if self._asked is None or not self._asked.holds():
            self._asked = Snapshot(model._flatten_layers())
            self.embedded_rows = embedded_rows(model)
            self.repeatable = self._program = None

    def find(self, model: TrainableModel, make: bool = False) -> PerStep | None:
        """The program of `predict`; None if there is none, or the model runs uncompiled.

        Args:
            model: the model.
            make: make the program, where there is none.
        """
        self.renew(model)
        if self._program is None:
            slots = model._state_slots("predict")
            look = strategy_for if make else kept_strategy
            found = look(model, "predict", slots)
            self._program = found if isinstance(found, PerStep) else None
        return self._program


def run(strategy: PerStep, batch: Tensors) -> Any:
    """The outputs of a program for a batch `(x,)`; its variables take in what it changes."""
    slots = strategy.slots
    with slots.turn:
        outputs, changes = tracing(lambda: strategy.program(slots.read(), batch), slots)
        slots.write(changes)
    return outputs
