"""`OrbaxCheckpoint`: checkpoints in the format of Orbax, written in the background.

    directory/3/...     the state after the third save: {"trainable": {"0": array, ...}, ...}
    directory/4/...     at most `max_to_keep` of them

Orbax is a package of its own (`pip install orbax-checkpoint`), for models that are spread over
several machines; for others `ModelCheckpoint` writes one plain file.
"""

import os
from typing import Any

import jax

from cornu.callbacks.checkpoint import CheckpointCallback, training_variables
from cornu.errors import need, value_error
from cornu.types import Logs


class OrbaxCheckpoint(CheckpointCallback):
    """Save the training state with Orbax.

    Args:
        directory: directory of the checkpoints.
        monitor: name of the result to monitor.
        verbose: 1 to print what is saved and why, 0 for silent.
        save_best_only: whether to save only when the result is better than any before.
        mode: "min", "max" or "auto"; see `MonitorCallback`.
        save_freq: "epoch", or a number of batches, counted across epochs.
        initial_value_threshold: initial best value, which the first save must improve on.
        max_to_keep: number of checkpoints to keep; all if None.
        save_on_background: whether to write checkpoints in the background while training goes on.
        save_weights_only: whether to leave out the optimizer and the metrics.

    Raises:
        ImportError: Orbax is not installed.
    """

    def __init__(
        self,
        directory: str | os.PathLike[str],
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        mode: str = "auto",
        save_freq: str | int = "epoch",
        initial_value_threshold: float | None = None,
        max_to_keep: int | None = 1,
        save_on_background: bool = True,
        save_weights_only: bool = False,
    ):
        super().__init__(monitor, verbose, save_best_only, mode, save_freq, initial_value_threshold)
        self._orbax = need(
            "orbax.checkpoint", for_="callbacks.OrbaxCheckpoint", install="orbax-checkpoint"
        )
        self.directory = os.path.abspath(os.fspath(directory))
        self.max_to_keep = max_to_keep
        self.save_on_background = save_on_background
        self.save_weights_only = save_weights_only
        self._manager: Any = None

    @property
    def manager(self) -> Any:
        """Orbax's `CheckpointManager` of the directory."""
        if self._manager is None:
            options = self._orbax.CheckpointManagerOptions(
                max_to_keep=self.max_to_keep,
                enable_async_checkpointing=self.save_on_background,
            )
            self._manager = self._orbax.CheckpointManager(self.directory, options=options)
        return self._manager

    def _variables(self) -> dict[str, dict[str, Any]]:
        """The variables by kind and number: names differ from one run of a script to the next."""
        kinds = training_variables(self.model)
        if self.save_weights_only:
            kinds = {k: v for k, v in kinds.items() if k in ("trainable", "non_trainable")}
        return {
            kind: {str(i): v for i, v in enumerate(variables)}
            for kind, variables in kinds.items()
            if variables
        }

    def _write(self, epoch: int, batch: int | None, logs: dict[str, Any]) -> str:
        last = self.manager.latest_step()
        number = 0 if last is None else last + 1
        state = jax.tree.map(lambda v: v.value, self._variables())
        # The next step is given these buffers, so what is written later must be a copy.
        state = jax.tree.map(lambda x: jax.device_put(x, may_alias=False), state)
        self.manager.save(number, args=self._orbax.args.StandardSave(state), force=True)
        return os.path.join(self.directory, str(number))

    def load(self, number: int | None = None) -> None:
        """Put the values of a checkpoint into the model.

        Args:
            number: number of the checkpoint; the latest if None.

        Raises:
            ValueError: there is no checkpoint.
        """
        self.wait_until_finished()
        number = self.manager.latest_step() if number is None else number
        if number is None:
            raise value_error(f"There is no checkpoint in {self.directory!r}.")
        variables = self._variables()
        like = jax.tree.map(lambda v: v.value, variables)
        state = self.manager.restore(number, args=self._orbax.args.StandardRestore(like))
        jax.tree.map(lambda variable, value: variable.assign(value), variables, state)

    def wait_until_finished(self) -> None:
        """Wait until everything is written."""
        self.manager.wait_until_finished()

    def is_multihost_enabled(self) -> bool:
        """Whether several machines train together."""
        return jax.process_count() > 1

    def is_primary_host(self) -> bool:
        """Whether this machine is the first of those that train together."""
        return jax.process_index() == 0

    def on_train_end(self, logs: Logs | None = None) -> None:
        if self._manager is not None:
            self.wait_until_finished()
