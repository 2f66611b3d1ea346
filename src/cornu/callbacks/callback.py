"""`Callback`: something that listens to training. Many of them are called by a `CallbackList`.

    fit       train_begin   (epoch_begin (train_batch_begin train_batch_end)* epoch_end)* train_end
    evaluate  test_begin    (test_batch_begin test_batch_end)*                             test_end
    predict   predict_begin (predict_batch_begin predict_batch_end)*                    predict_end

A hook is called only for the callbacks that override it. Whether anybody wants to hear of every
single batch decides how many steps run in one go, so a callback for which the last step of each
group is enough says `listens_to_batches = False`.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

from cornu.callbacks.notes import Kind
from cornu.core.objects.configurable import check_names
from cornu.core.objects.registry import is_builtin
from cornu.core.objects.shown import as_call

HOOKS = tuple(
    f"on_{what}_{edge}"
    for what in ("train", "test", "predict", "epoch", "train_batch", "test_batch", "predict_batch")
    for edge in ("begin", "end")
)


class Callback:
    """Something that happens at certain moments of `fit`, `evaluate` and `predict`.

    Subclasses override the hooks that they need. `self.model` is the model and `self.params` a dict
    with `epochs`, `steps` and `verbose`.

    Example:

        >>> class PrintLoss(Callback):
        ...     def on_epoch_end(self, epoch, logs=None):
        ...         print(epoch, logs["loss"])
        >>> PrintLoss().on_epoch_end(0, {"loss": 0.5})
        0 0.5
    """

    listens_to_batches = True
    # Attributes that a training which goes on after an interruption needs; see BackupAndRestore.
    # Their values are numbers, texts, arrays, or dicts and lists of them; properties do too. Where
    # each has a kind (`notes.py`), a backup with anything else in it is refused.
    _remembered: ClassVar[Mapping[str, Kind] | tuple[str, ...]] = ()
    # Whether it decides what happens when the loss is not finite.
    _handles_nonfinite = False
    # Whether it asks where the data are (`Fit.data_positions`), so that they must keep count.
    _needs_positions = False
    # Whether it is called after those that do not say so, wherever it stands in the list.
    _hears_last = False
    # Whether it asks for all callbacks of the training, itself among them; their list sets them.
    _needs_siblings = False
    _siblings: Sequence["Callback"] = ()

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        if kwargs:
            check_names(cls, args, kwargs)
        return super().__new__(cls)

    def _can_go_on_from(self, notes: Mapping[str, Any]) -> bool:
        """Whether what a backup says of `_remembered`, each of its kind, fits this training."""
        return True

    def __repr__(self) -> str:
        return as_call(self, always=("monitor",))

    @property
    def _may_add_results(self) -> bool:
        """Whether its hooks may put results of their own into the logs."""
        return not is_builtin(type(self)) and overrides(self, "on_epoch_end")

    def __init__(self) -> None:
        self.params: dict[str, Any] = {}
        self._model: Any = None

    @property
    def model(self) -> Any:
        """The model that is trained, evaluated or asked."""
        return self._model

    def set_params(self, params: dict[str, Any]) -> None:
        """Called first, with `epochs`, `steps` and `verbose`."""
        self.params = params

    def set_model(self, model: Any) -> None:
        """Called first, with the model."""
        self._model = model

    def _steps_done(self, batch: int) -> int:
        """How many steps of the epoch are over at the end of a batch.

        The last batch of an epoch may be numbered higher: `steps_per_execution` numbers its groups
        of steps as if they all were full.
        """
        steps = self.params.get("steps")
        return batch + 1 if steps is None else min(batch + 1, steps)

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Before an epoch, counted from 0."""

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """After an epoch; `logs` holds its results, those on validation data as `val_...`."""

    def on_batch_begin(self, batch: int, logs: Any = None) -> None:
        """The older name of `on_train_batch_begin`."""

    def on_batch_end(self, batch: int, logs: Any = None) -> None:
        """The older name of `on_train_batch_end`."""

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Before a training step, counted from 0 in each epoch."""
        self.on_batch_begin(batch, logs=logs)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """After a training step, or the last of a group; `logs` holds the results of the epoch."""
        self.on_batch_end(batch, logs=logs)

    def on_test_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Before a step of `evaluate` or of validation."""

    def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
        """After a step of `evaluate` or of validation."""

    def on_predict_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Before a step of `predict`."""

    def on_predict_batch_end(self, batch: int, logs: Any = None) -> None:
        """After a step of `predict`; `logs` holds the `outputs`."""

    def on_train_begin(self, logs: Any = None) -> None:
        """At the start of `fit`."""

    def on_train_end(self, logs: Any = None) -> None:
        """At the end of `fit`."""

    def on_test_begin(self, logs: Any = None) -> None:
        """At the start of `evaluate` or of validation."""

    def on_test_end(self, logs: Any = None) -> None:
        """At the end of `evaluate` or of validation."""

    def on_predict_begin(self, logs: Any = None) -> None:
        """At the start of `predict`."""

    def on_predict_end(self, logs: Any = None) -> None:
        """At the end of `predict`."""

    def _on_failure(self) -> None:
        """When an error or Ctrl-C ends `fit`, `evaluate` or `predict`; no other hook follows."""


def overrides(callback: Callback, hook: str) -> bool:
    """Whether a callback does something at a hook.

    One that is not derived from `Callback` does something at every hook that it has.
    """
    cls = type(callback)
    names = [hook]
    if hook.startswith("on_train_batch"):
        names.append(hook.replace("on_train_batch", "on_batch"))
    return hasattr(callback, hook) and any(
        getattr(cls, name, None) is not getattr(Callback, name) or name in vars(callback)
        for name in names
    )
