"""Losses: what training makes small, as functions and as objects with a reduction."""

from typing import Any

from cornu.absent import names_of
from cornu.core.objects.vocabulary import Vocabulary
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
from cornu.types import Config, LossLike

_words = Vocabulary(
    "loss",
    vars(),
    Loss,
    functions=(__name__,),
    short={
        "bce": binary_crossentropy,
        "kld": kl_divergence,
        "mae": mean_absolute_error,
        "mape": mean_absolute_percentage_error,
        "mse": mean_squared_error,
        "msle": mean_squared_logarithmic_error,
    },
)
get = _words.get


def serialize(loss: LossLike) -> Any:
    """The loss as JSON values.

    Example:

        >>> serialize(Huber(2.0))["config"]["delta"]
        2.0
    """
    return _words.serialize(loss)


def deserialize(name: LossLike, custom_objects: Config | None = None) -> Any:
    """The loss that `serialize` described, or that a name means."""
    return _words.deserialize(name, custom_objects)


globals()["__getattr__"] = names_of(__name__)
