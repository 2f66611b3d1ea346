"""`SwapEMAWeights`: evaluate, predict and save with the averaged weights.

    train   weights w            averages a (optimizer, use_ema=True)
    test    weights a            w is put aside
    train   weights w

The averages stay where they are. What is put aside comes back at the end of the evaluation, at the
next beginning of anything, or when `_restore` is called, whichever is first; so an evaluation that
fails half way does not leave training with the wrong weights.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from cornu.callbacks.callback import Callback
from cornu.callbacks.notes import Kind, are_values_of, is_array, list_of, optional
from cornu.errors import value_error
from cornu.types import Logs


class SwapEMAWeights(Callback):
    """Swap the moving averages of the weights in for evaluation and prediction.

    Args:
        swap_on_epoch: whether to also swap between epochs, so that callbacks later in the list,
            such as `ModelCheckpoint`, see the averages.

    Raises:
        ValueError: the optimizer keeps no averages.

    Example:

        >>> weight = type("Weight", (), {"value": 1.0})()
        >>> weight.assign = lambda value: setattr(weight, "value", getattr(value, "value", value))
        >>> averages = {"built": True, "_weights_and_averages": lambda self: [(weight, 0.5)]}
        >>> optimizer = type("Optimizer", (), averages)()
        >>> swap = SwapEMAWeights()
        >>> swap.set_model(
        ...     type("Model", (), {"trainable_variables": [weight], "optimizer": optimizer})()
        ... )
        >>> swap.on_test_begin()
        >>> weight.value
        0.5
        >>> swap.on_test_end()
        >>> weight.value
        1.0
    """

    listens_to_batches = False
    _remembered: ClassVar[Mapping[str, Kind]] = {"_values_aside": optional(list_of(is_array))}

    def __init__(self, swap_on_epoch: bool = False):
        super().__init__()
        self.swap_on_epoch = swap_on_epoch
        self._aside: list[tuple[Any, Any]] | None = None  # (variable, its own value)

    @property
    def _values_aside(self) -> list[np.ndarray] | None:
        """The raw weights, while the averages are in the model."""
        return None if self._aside is None else [np.asarray(value) for _, value in self._aside]

    @_values_aside.setter
    def _values_aside(self, values: Sequence[np.ndarray] | None) -> None:
        self._aside = None if values is None else list(zip(self._averaged(), values, strict=True))

    def _can_go_on_from(self, notes: Mapping[str, Any]) -> bool:
        values = notes.get("_values_aside")
        return values is None or are_values_of(self._averaged(), values)

    def _averaged(self) -> list[Any]:
        optimizer = getattr(self.model, "optimizer", None)
        return [weight for weight, _ in optimizer._weights_and_averages()] if optimizer else []

    @property
    def _swapped(self) -> bool:
        """Whether the model holds the averages at this moment."""
        return self._aside is not None

    def _swap(self) -> None:
        """Put the averages into the model; without any, as before training, nothing changes."""
        self._restore()
        optimizer = getattr(self.model, "optimizer", None)
        if optimizer is None or not optimizer.built:
            return
        pairs = optimizer._weights_and_averages()
        if not pairs:
            raise value_error(
                f"SwapEMAWeights needs an optimizer with use_ema=True, got '{optimizer.name}'.",
                fix="keras.optimizers.Adam(0.001, use_ema=True)",
            )
        self._aside = [(weight, weight.value) for weight, _ in pairs]
        for weight, average in pairs:
            weight.assign(average)  # which copies: a step may be given the buffers of either

    def _restore(self) -> None:
        """Put the raw weights back, if the averages are in the model."""
        aside, self._aside = self._aside, None
        for weight, value in aside or ():
            weight.assign(value)

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self._restore()

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self._restore()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        if self.swap_on_epoch:
            self._swap()

    def on_train_end(self, logs: Logs | None = None) -> None:
        self._aside = None  # training ends with the averages in the model, swapped or not

    def on_test_begin(self, logs: Logs | None = None) -> None:
        self._swap()

    def on_test_end(self, logs: Logs | None = None) -> None:
        self._restore()

    def on_predict_begin(self, logs: Logs | None = None) -> None:
        self._swap()

    def on_predict_end(self, logs: Logs | None = None) -> None:
        self._restore()

    def _on_failure(self) -> None:
        """Called when an error or Ctrl-C ends what was begun."""
        self._restore()
