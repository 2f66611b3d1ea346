"""Outputs of a model as the checks of labels see them, and how findings are made."""

import re
from dataclasses import dataclass

from cornu.checks.targets import DISTANCES

SPARSE = {"sparse_categorical_crossentropy"}
CATEGORICAL = {"categorical_crossentropy", "categorical_focal_crossentropy"}
BINARY = {"binary_crossentropy", "binary_focal_crossentropy"}
PROBABILITY = SPARSE | CATEGORICAL | BINARY
ELEMENTWISE = DISTANCES | {
    "poisson",
    "cosine_similarity",
    "kl_divergence",
    "hinge",
    "squared_hinge",
}
ALIASES = {
    "mse": "mean_squared_error",
    "mae": "mean_absolute_error",
    "mape": "mean_absolute_percentage_error",
    "msle": "mean_squared_logarithmic_error",
    "bce": "binary_crossentropy",
    "logcosh": "log_cosh",
    "kld": "kl_divergence",
    "kldivergence": "kl_divergence",
    "kullback_leibler_divergence": "kl_divergence",
}
GIVE_PROBABILITIES = {"softmax", "sigmoid", "hard_sigmoid"}
GIVE_ANYTHING = {"relu", "relu6", "leaky_relu", "elu", "selu", "gelu", "silu", "swish", "tanh"}


@dataclass(frozen=True)
class Output:
    """One output of a model, as far as labels must match it.

    Attributes:
        name: name of the output, for labels given as a dict.
        loss: name of its loss (function, class or alias); None for a custom one.
        shape: shape with the batch axis, None for a free axis.
        activation: name of the last activation, "linear" if there is none, None if unknown.
        from_logits: whether the loss takes logits.
        ignore_class: label that the loss ignores.
        axis: axis of the classes; other than -1 is not checked.
        masked: whether a mask may exclude positions from the loss.
        accuracy: whether its accuracy is measured.
    """

    name: str
    loss: str | None
    shape: tuple[int | None, ...]
    activation: str | None = None
    from_logits: bool = False
    ignore_class: int | None = None
    axis: int = -1
    masked: bool = False
    accuracy: bool = False


def loss_name(loss: str | None) -> str | None:
    """The name of a loss function from its class name, alias or itself.

    Example:

        >>> loss_name("MeanSquaredError"), loss_name("mse"), loss_name("my_loss")
        ('mean_squared_error', 'mean_squared_error', 'my_loss')
    """
    if loss is None:
        return None
    snake = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", loss).lower()
    return ALIASES.get(snake, snake)
