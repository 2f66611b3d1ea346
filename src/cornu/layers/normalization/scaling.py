"""What normalizations have in common: inputs that are not cast, a scale `gamma`, a shift `beta`."""

from typing import Annotated, Any

from cornu.arguments import is_int
from cornu.core.variable import Variable
from cornu.errors import type_error, value_error
from cornu.layers.base.layer import Layer
from cornu.layers.base.settings import LayerSettings, assign_settings, defaults_of
from cornu.types import Axis, ConstraintLike, InitializerLike, RegularizerLike, Shape


class ScaleSettings(LayerSettings, total=False):
    """Whether there are a `gamma` and a `beta`, and what they are like."""

    center: Annotated[bool, True]
    scale: Annotated[bool, True]
    beta_initializer: Annotated[InitializerLike, "zeros"]
    gamma_initializer: Annotated[InitializerLike, "ones"]
    beta_regularizer: Annotated[RegularizerLike | None, None]
    gamma_regularizer: Annotated[RegularizerLike | None, None]
    beta_constraint: Annotated[ConstraintLike | None, None]
    gamma_constraint: Annotated[ConstraintLike | None, None]


class Normalizing(Layer):
    """Base of layers that normalize; what they compute does not depend on the inputs' scale."""

    rescales_inputs = True
    _takes_sparse = False
    _casts_inputs = False  # statistics are those of the numbers that come in
    _casts_variables = False


class Scaling(Normalizing):
    """Base of normalizations whose result is multiplied by `gamma` and shifted by `beta`."""

    center: bool
    scale: bool

    def __init__(self, epsilon: float = 1e-3, **settings: Any):
        own = {n: settings.pop(n, default) for n, default in defaults_of(ScaleSettings).items()}
        super().__init__(**settings)
        self.epsilon = float(epsilon)
        assign_settings(self, own)
        self.supports_masking = True
        self.gamma: Variable | None = None
        self.beta: Variable | None = None

    def _add_scale_and_shift(self, shape: Shape) -> None:
        if self.scale:
            self.gamma = self.add_weight(shape=shape, like="gamma")
        if self.center:
            self.beta = self.add_weight(shape=shape, like="beta")


def checked_axes(axis: Axis) -> int | list[int]:
    """The axis, or a list of axes; the layer turns one axis into a list when it is built.

    Raises:
        TypeError: it is neither.
    """
    if isinstance(axis, (list, tuple)) and all(is_int(a) for a in axis):
        return [int(a) for a in axis]
    if not is_int(axis):
        raise type_error(f"axis must be an int or a list of ints, got {axis!r}.", fix="axis=-1")
    return int(axis)


def sizes_along(layer: Layer, input_shape: Shape, axis: int | list[int]) -> tuple[int, ...]:
    """The sizes of the axes that a layer has weights for.

    Raises:
        ValueError: an axis does not exist, or its size is not known.
    """
    axes = axis if isinstance(axis, list) else [axis]
    ndim = len(input_shape)
    if any(not -ndim <= a < ndim for a in axes):
        raise value_error(
            f"{type(layer).__name__} '{layer.name}' has no axis {axis} in its inputs.",
            shapes=f"inputs {tuple(input_shape)}",
            fix=f"axis=-1\nor an axis from 1 to {ndim - 1}",
        )
    sizes = [n for a in axes if (n := input_shape[a]) is not None]
    if len(sizes) < len(axes):
        raise value_error(
            f"{type(layer).__name__} '{layer.name}' needs axes of known size.",
            shapes=f"inputs {tuple(input_shape)}, axis {axis}",
            fix="keras.Input(shape=(..., features))",
        )
    return tuple(sizes)
