"""Names of the Keras 2 optimizers: constructing one raises an error with its replacement."""

from typing import Any, NoReturn

from cornu.absent import names_of
from cornu.errors import explain


class Optimizer:
    """Raises an `ImportError` that names the replacement.

    Example:

        >>> Adam(0.1)
        Traceback (most recent call last):
        ImportError: optimizers.legacy.Adam is an optimizer of Keras 2, which is not part of this...
    """

    def __init__(self, *args: Any, **kwargs: Any) -> NoReturn:
        name = type(self).__name__
        raise ImportError(
            explain(
                f"optimizers.legacy.{name} is an optimizer of Keras 2, which is not part of this "
                "library.",
                fix=f"keras.optimizers.{name} in place of keras.optimizers.legacy.{name}\n"
                "with learning_rate for lr, and a schedule for decay.",
            )
        )


class Adagrad(Optimizer):
    """See `optimizers.Adagrad`."""


class Adam(Optimizer):
    """See `optimizers.Adam`."""


class Ftrl(Optimizer):
    """See `optimizers.Ftrl`."""


class RMSprop(Optimizer):
    """See `optimizers.RMSprop`."""


class SGD(Optimizer):
    """See `optimizers.SGD`."""


globals()["__getattr__"] = names_of(__name__)
