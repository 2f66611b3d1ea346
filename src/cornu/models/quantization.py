"""`model.quantize`: quantize the layers of a model."""

from collections.abc import Callable
from typing import Any

from cornu import patterns
from cornu.errors import value_error, warn
from cornu.layers.base.layer import Layer
from cornu.layers.base.own import own_weights
from cornu.layers.quantized.quantizable import check_layer
from cornu.quantizers.choose import config_for
from cornu.train.trainer import Trainer


def quantize_layers(
    model: Any,
    mode: str | None = None,
    config: Any = None,
    filters: Any = None,
    type_check: bool = True,
    **unknown: Any,
) -> None:
    """Quantize the layers of a model that support it.

    Args:
        model: model that is built.
        mode: "int8", "int4" or "float8".
        config: quantizers of weights and inputs.
        filters: layers to quantize, by name or by a function; see `Model.quantize`.
        type_check: whether to leave out subclasses of the layers that support it.

    Raises:
        ValueError: the arguments contradict each other, or a layer is not built or is quantized
            already.
    """
    if unknown:
        raise value_error(
            f"quantize takes no argument {next(iter(unknown))!r}.",
            known="mode, config, filters, type_check",
        )
    config = config_for(mode, config)
    wanted = _wanted(filters)
    if not model.built:
        raise value_error(
            f"Model '{model.name}' is not built, so it has no weights to quantize.",
            fix="call it on a sample first, or call build(input_shape).",
        )
    layers = [x for x in model._flatten_layers() if wanted(x) and not isinstance(x, Trainer)]
    offering = [layer for layer in layers if type(layer).quantize is not Layer.quantize]
    for layer in offering:
        check_layer(layer, config)  # all of them, before the first is changed
    left = [layer for layer in layers if layer not in offering and own_weights(layer)]
    for layer in offering:
        try:
            layer.quantize(config.mode, type_check=type_check, config=config)
        except NotImplementedError:
            left.append(layer)
    if left:
        names = ", ".join(f"{layer.name} ({type(layer).__name__})" for layer in left[:20])
        warn(
            f"These layers do not support {config.mode!r} and keep their weights as they are: "
            f"{names}."
        )


def _wanted(filters: Any) -> Callable[[Any], bool]:
    """A predicate for the layers that `filters` selects."""
    if filters is None:
        return lambda layer: True
    if isinstance(filters, str):
        filters = [filters]
    if isinstance(filters, (list, tuple)) and all(isinstance(f, str) for f in filters):
        return lambda layer: any(patterns.found(f, layer.name) for f in filters)
    if callable(filters):
        return lambda layer: bool(filters(layer))
    raise value_error(
        "filters must be a regular expression, a list of them, or a function of a layer.",
        received=repr(filters),
        fix="filters='dense', or filters=lambda layer: layer.name != 'logits'",
    )
