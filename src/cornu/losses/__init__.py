"""Losses: what training makes small, as functions and as objects with a reduction."""

import inspect
from typing import Any

from cornu.absent import names_of
from cornu.core.objects.serialize import deserialize_keras_object, resolve, serialize_keras_object
from cornu.losses.classes import (
    CTC as CTC,
    BinaryCrossentropy as BinaryCrossentropy,
    BinaryFocalCrossentropy as BinaryFocalCrossentropy,
    CategoricalCrossentropy as CategoricalCrossentropy,
    CategoricalFocalCrossentropy as CategoricalFocalCrossentropy,
    CategoricalGeneralizedCrossEntropy as CategoricalGeneralizedCrossEntropy,
    CategoricalHinge as CategoricalHinge,
    Circle as Circle,
    CosineSimilarity as CosineSimilarity,
    Dice as Dice,
    Hinge as Hinge,
    Huber as Huber,
    KLDivergence as KLDivergence,
    LogCosh as LogCosh,
    MeanAbsoluteError as MeanAbsoluteError,
    MeanAbsolutePercentageError as MeanAbsolutePercentageError,
    MeanSquaredError as MeanSquaredError,
    MeanSquaredLogarithmicError as MeanSquaredLogarithmicError,
    Poisson as Poisson,
    SparseCategoricalCrossentropy as SparseCategoricalCrossentropy,
    SquaredHinge as SquaredHinge,
    Tversky as Tversky,
)
from cornu.losses.crossentropy import (
    binary_crossentropy as binary_crossentropy,
    binary_focal_crossentropy as binary_focal_crossentropy,
    categorical_crossentropy as categorical_crossentropy,
    categorical_focal_crossentropy as categorical_focal_crossentropy,
    categorical_generalized_cross_entropy as categorical_generalized_cross_entropy,
    sparse_categorical_crossentropy as sparse_categorical_crossentropy,
)
from cornu.losses.functions import (
    FUNCTIONS,
    categorical_hinge as categorical_hinge,
    circle as circle,
    cosine_similarity as cosine_similarity,
    ctc as ctc,
    dice as dice,
    hinge as hinge,
    huber as huber,
    kl_divergence as kl_divergence,
    log_cosh as log_cosh,
    mean_absolute_error as mean_absolute_error,
    mean_absolute_percentage_error as mean_absolute_percentage_error,
    mean_squared_error as mean_squared_error,
    mean_squared_logarithmic_error as mean_squared_logarithmic_error,
    poisson as poisson,
    squared_hinge as squared_hinge,
    tversky as tversky,
)
from cornu.losses.loss import Loss as Loss, LossFunctionWrapper as LossFunctionWrapper

_SHORT = {
    "bce": binary_crossentropy,
    "kld": kl_divergence,
    "mae": mean_absolute_error,
    "mape": mean_absolute_percentage_error,
    "mse": mean_squared_error,
    "msle": mean_squared_logarithmic_error,
}
_CLASSES = (
    (BinaryCrossentropy, BinaryFocalCrossentropy, CTC, CategoricalCrossentropy)
    + (CategoricalFocalCrossentropy, CategoricalGeneralizedCrossEntropy, CategoricalHinge)
    + (Circle, CosineSimilarity, Dice, Hinge, Huber, KLDivergence, LogCosh, Loss)
    + (LossFunctionWrapper, MeanAbsoluteError, MeanAbsolutePercentageError, MeanSquaredError)
    + (MeanSquaredLogarithmicError, Poisson, SparseCategoricalCrossentropy, SquaredHinge, Tversky)
)
_TABLE: dict[str, Any] = {
    **{cls.__name__: cls for cls in _CLASSES},
    **FUNCTIONS,
    **_SHORT,
    **{name.upper(): function for name, function in _SHORT.items()},
}


def get(identifier: Any) -> Any:
    """The loss that a name, a config, a class or a callable means; None for None.

    A name in snake case or a short form means the function, the name of a class an object.

    Raises:
        ValueError: there is no such loss.

    Example:

        >>> get("mse").__name__, get("Huber").delta
        ('mean_squared_error', 1.0)
    """
    return resolve("loss", identifier, _TABLE)


def serialize(loss: Any) -> Any:
    """The loss as JSON values.

    Example:

        >>> serialize(Huber(2.0))["config"]["delta"]
        2.0
    """
    if inspect.isfunction(loss) and FUNCTIONS.get(loss.__name__) is loss:
        return {
            "module": "builtins",
            "class_name": "function",
            "config": loss.__name__,
            "registered_name": "function",
        }
    return serialize_keras_object(loss)


def deserialize(name: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """The loss that `serialize` described, or that a name means."""
    if isinstance(name, str) or (isinstance(name, dict) and "module" not in name):
        return get(name)
    return deserialize_keras_object(name, custom_objects)


globals()["__getattr__"] = names_of(__name__)
