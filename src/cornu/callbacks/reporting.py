"""Callbacks that show how training goes: the progress bar."""

from cornu.callbacks.callback import Callback
from cornu.reports.progress import Progress
from cornu.types import Logs


class ProgbarLogger(Callback):
    """The progress bar of `fit`, `evaluate` and `predict`.

    It draws by the clock, a few times a second, and looks at results only when it draws, so it does
    not slow training down and need not hear of every batch.
    """

    listens_to_batches = False

    def __init__(self) -> None:
        super().__init__()
        self._progress: Progress | None = None
        self._training = False
        self._seen = 0

    def _open(self, steps: int | None) -> Progress:
        mode = "line" if self.params.get("verbose") == 2 else None
        return Progress(steps, mode=mode)

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self._training = True
        self._progress = self._open(self.params.get("steps"))

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        assert self._progress is not None
        self._progress.total_steps = self.params.get("steps")
        compiles = self.params.pop("compiles", False)  # in the first epoch alone
        self._progress.start(epoch + 1, self.params.get("epochs"), compiles=compiles)
        self._seen = 0

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        assert self._progress is not None
        self._seen = self._steps_done(batch)
        self._progress.update(self._seen, logs or {})

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        assert self._progress is not None
        if self._progress.total_steps is None:
            self._progress.total_steps = self._seen
        self._progress.update(self._seen, logs or {}, finished=True)

    def on_train_end(self, logs: Logs | None = None) -> None:
        self._training = False
        self._close()

    def _on_failure(self) -> None:
        self.on_train_end()  # an interrupted bar must not leave the cursor in the middle of a line

    def on_test_begin(self, logs: Logs | None = None) -> None:
        if not self._training:
            self._progress = self._open(self.params.get("steps"))

    def on_test_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        if not self._training and self._progress is not None:
            self._seen = self._steps_done(batch)
            self._progress.update(self._seen, logs or {})

    def on_test_end(self, logs: Logs | None = None) -> None:
        if not self._training:
            self._finish(logs)

    def on_predict_begin(self, logs: Logs | None = None) -> None:
        self._progress = self._open(self.params.get("steps"))

    def on_predict_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        assert self._progress is not None
        self._seen = self._steps_done(batch)
        self._progress.update(self._seen, {})

    def on_predict_end(self, logs: Logs | None = None) -> None:
        self._finish(None)

    def _finish(self, logs: Logs | None) -> None:
        if self._progress is not None:
            if self._progress.total_steps is None:
                self._progress.total_steps = self._seen
            self._progress.update(self._seen, logs or {}, finished=True)
        self._close()

    def _close(self) -> None:
        if self._progress is not None:
            self._progress.close()
            self._progress = None
