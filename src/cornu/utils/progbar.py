"""`Progbar`: the progress bar of `fit`, for loops of the user's own."""

from collections.abc import Iterable, Sequence

import numpy as np

from cornu import settings
from cornu.errors import value_error
from cornu.reports.progress import Progress
from cornu.types import Tensor


class Progbar:
    """A progress bar that averages metrics over the steps.

    Args:
        target: number of steps; None if unknown.
        width: width of the bar in characters.
        verbose: 0 for nothing, 1 for a bar, 2 for one line at the end. Where the output is no
            terminal, 1 writes one line at the end, too.
        interval: seconds between two drawings.
        stateful_metrics: names of metrics that are shown as they are and not averaged.
        stateless_metrics: names of the only metrics that are averaged, instead of
            `stateful_metrics`.
        unit_name: name of what is counted.

    Raises:
        ValueError: both `stateful_metrics` and `stateless_metrics` are given.

    Example:

        >>> bar = Progbar(3, verbose=2)
        >>> for step in range(3):
        ...     bar.update(step + 1, [("loss", 1 / (step + 1))])  # doctest: +ELLIPSIS
        3/3 - 0s - ...s/step - loss: 0.3333
    """

    def __init__(
        self,
        target: int | None,
        width: int = 20,
        verbose: int = 1,
        interval: float = 0.05,
        stateful_metrics: Iterable[str] | None = None,
        stateless_metrics: Iterable[str] | None = None,
        unit_name: str = "step",
    ) -> None:
        if stateful_metrics is not None and stateless_metrics is not None:
            raise value_error(
                "stateful_metrics and stateless_metrics cannot both be given.",
                fix="name the metrics of one kind; all others are of the other.",
            )
        self.target, self.width, self.verbose = target, width, verbose
        self.interval, self.unit_name = interval, unit_name
        averaged = stateless_metrics is not None
        self.stateful_metrics = None if averaged else set(stateful_metrics or ())
        self.stateless_metrics = set(stateless_metrics or ()) if averaged else None
        self._sums: dict[str, tuple[float, int]] = {}  # of the values, and of the steps
        self._seen = 0
        mode = "line" if verbose == 2 else None
        self._progress = Progress(
            target or None, mode=mode, width=width, interval=interval, unit=unit_name
        )

    def update(
        self,
        current: int,
        values: Sequence[tuple[str, Tensor]] | None = None,
        finalize: bool | None = None,
    ) -> None:
        """Report that `current` steps are done.

        Args:
            current: number of steps done so far.
            values: pairs of the name and the value of a metric. A value counts for the steps since
                the last report; at the end it is shown as it is.
            finalize: whether this is the end; when `target` is reached if None.
        """
        if finalize is None:
            finalize = self.target is not None and current >= self.target
        steps = max(current - self._seen, 1)
        for name, value in values or ():
            number = float(np.mean(value))
            if finalize or not self._is_averaged(name):
                self._sums[name] = number, 1
            else:
                total, count = self._sums.get(name, (0.0, 0))
                self._sums[name] = total + number * steps, count + steps
        self._seen = current
        if self.verbose in (1, 2) and settings.current.interactive_logging:
            means = {name: total / count for name, (total, count) in self._sums.items()}
            self._progress.update(current, means, finished=finalize)

    def add(self, n: int, values: Sequence[tuple[str, Tensor]] | None = None) -> None:
        """Report that `n` more steps are done."""
        self.update(self._seen + n, values)

    def _is_averaged(self, name: str) -> bool:
        if self.stateless_metrics is not None:
            return name in self.stateless_metrics
        return name not in (self.stateful_metrics or ())
