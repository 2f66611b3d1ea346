"""Callbacks that watch the results: the history of a training."""

from typing import Any

from cornu.callbacks.callback import Callback


class History(Callback):
    """The results of each epoch, kept in `history`; `fit` returns it.

    Attributes:
        epoch: numbers of the epochs.
        history: name -> list of values, one for each epoch.
    """

    listens_to_batches = False

    def __init__(self) -> None:
        super().__init__()
        self.epoch: list[int] = []
        self.history: dict[str, list[Any]] = {}

    def on_train_begin(self, logs: Any = None) -> None:
        self.epoch = []

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.epoch.append(epoch)
        for name, value in dict(logs or {}).items():
            self.history.setdefault(name, []).append(value)
        self.model.history = self
