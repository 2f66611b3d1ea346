"""Optimizers: how weights follow their gradients."""

from typing import Any

from cornu.absent import names_of
from cornu.core.objects.serialize import serialize_keras_object
from cornu.core.objects.vocabulary import Vocabulary
from cornu.errors import explain, value_error, without_super
from cornu.optimizers import legacy as legacy, schedules as schedules
from cornu.optimizers.adam import (
    Adam as Adam,
    Adamax as Adamax,
    AdamW as AdamW,
    Lamb as Lamb,
    Nadam as Nadam,
)
from cornu.optimizers.combine import (
    LossScaleOptimizer as LossScaleOptimizer,
    MultiOptimizer as MultiOptimizer,
    OptimizerMap as OptimizerMap,
)
from cornu.optimizers.gradient import (
    SGD as SGD,
    Adadelta as Adadelta,
    Adagrad as Adagrad,
    Ftrl as Ftrl,
    Lion as Lion,
    RMSprop as RMSprop,
)
from cornu.optimizers.matrix import (
    Adafactor as Adafactor,
    Muon as Muon,
    ScheduleFreeAdamW as ScheduleFreeAdamW,
)
from cornu.optimizers.optax import Optax as Optax
from cornu.optimizers.optimizer import Optimizer as Optimizer
from cornu.types import Config, OptimizerLike


class _Optimizers(Vocabulary):
    """The optimizers, which no function can replace."""

    def get(self, identifier: OptimizerLike) -> Any:
        """The optimizer that a name, a config, a class or an object means.

        Args:
            identifier: such as `"adam"`, `"AdamW"`, `SGD`, `SGD(0.1)`, or what `serialize`
                returned. None stays None.

        Raises:
            ValueError: no optimizer is meant by it.
        """
        found = super().get(identifier)
        if found is not None and not isinstance(found, Optimizer):
            raise value_error(
                f"optimizer must be an Optimizer, got {type(found).__name__}.",
                received=repr(found)[:80],
                fix="optimizer='adam'\nor optimizer=keras.optimizers.Adam(0.001)",
            )
        if found is not None and "_iterations" not in vars(found):
            raise RuntimeError(without_super(found))
        return found

    def _is_own(self, config: Config) -> bool:
        return not config.get("registered_name")  # whatever the module was called


_words = _Optimizers(
    "optimizer",
    vars(),
    Optimizer,
    spelled=str.lower,
    unnamed=(Optimizer, LossScaleOptimizer, MultiOptimizer, Optax),
)
get, deserialize = _words.get, _words.deserialize


def serialize(optimizer: Optimizer) -> Config:
    """The optimizer as JSON values.

    Example:

        >>> serialize(SGD(0.5))["class_name"]
        'SGD'
    """
    return serialize_keras_object(optimizer)


globals()["__getattr__"] = names_of(__name__)
