"""Checks of the values of targets against the range of the last activation.

    last activation tanh, targets up to 50      the output never reaches them
    no activation, targets of size 1e6          the steps of an optimizer are far too small
    metrics=["accuracy"], targets 0.37, 1.52    hardly any number is equal to another
    every label the same class                  there is nothing to tell apart

Training works but learns little, so these are warnings.
"""

from collections.abc import Iterator

import numpy as np

from cornu.checks.inputs import spread_rows
from cornu.findings import Finding, warning
from cornu.types import Tensor

# Losses that compare an output with a target as it is.
DISTANCES = {
    "mean_squared_error",
    "mean_absolute_error",
    "mean_absolute_percentage_error",
    "mean_squared_logarithmic_error",
    "huber",
    "log_cosh",
}
RANGES = {
    "tanh": (-1.0, 1.0),
    "sigmoid": (0.0, 1.0),
    "hard_sigmoid": (0.0, 1.0),
    "softmax": (0.0, 1.0),
    "relu": (0.0, np.inf),
    "relu6": (0.0, 6.0),
    "softplus": (0.0, np.inf),
}
OUTSIDE = 0.05  # fraction of the targets that may lie outside of what an activation gives
HUGE = 1e4  # targets of this size want to be scaled
FEW = 32  # labels: with fewer of them, one class may be all that was drawn


def check_targets(loss: str, name: str, y: np.ndarray, output: Tensor) -> Iterator[Finding]:
    """Warnings about the targets of a regression.

    Args:
        loss: name of the loss function.
        name: name of the targets in messages.
        y: targets.
        output: an `Output`, with the last activation.
    """
    if loss not in DISTANCES or y.dtype == bool or not y.size:
        return
    rows = spread_rows(y).astype("float64")
    low, high = float(rows.min()), float(rows.max())
    layer = f"layer {output.name!r}"
    if output.activation in RANGES:
        least, most = RANGES[output.activation]
        slack = 1e-3 * max(high - low, 1.0)
        outside = np.mean((rows < least - slack) | (rows > most + slack))
        if outside > OUTSIDE:
            limits = f"{least:g} to {most:g}" if np.isfinite(most) else f"{least:g} and more"
            yield warning(
                f"The last {layer} gives {limits} ({output.activation}), but {name} goes from "
                f"{low:.4g} to {high:.4g}.",
                fix=f"activation=None in {layer}",
            )
    elif output.activation == "linear" and loss != "mean_absolute_percentage_error":
        size = max(abs(float(rows.mean())), float(rows.std()))
        if size > HUGE and loss != "mean_squared_logarithmic_error":
            yield warning(
                f"{name} holds values of size {size:.2g}; models learn best to give values of "
                "size 1.",
                fix=f"mean, spread = {name}.mean(0), {name}.std(0); {name} = ({name} - mean) / "
                "spread\nthe outputs are then those of model.predict(x) * spread + mean",
            )
    if output.accuracy and not np.array_equal(rows, np.rint(rows)):
        yield warning(
            f"Accuracy counts equal classes, but {name} holds numbers such as "
            f"{float(rows[rows != np.rint(rows)][0]):.3g}.",
            fix='metrics=["mae"]',
        )


def check_classes_differ(name: str, classes: dict[int, int], output: Tensor) -> Iterator[Finding]:
    """A warning if all labels are of one class.

    Args:
        name: name of the labels in messages.
        classes: number of samples per class.
        output: an `Output`, whose number of units says whether other classes are expected.
    """
    if len(classes) == 1 and sum(classes.values()) >= FEW:
        only = next(iter(classes))
        yield warning(
            f"Every label of {name} is {only}, so there is nothing to tell apart.",
            fix=f"numpy.unique({name}, return_counts=True) shows the classes; were they lost when "
            "the\nlabels were read or selected?",
        )
