"""Looking for mistakes in data and labels before the first step.

The checks themselves know arrays and a small description of the model's outputs; here a model is
described to them. What is only suspicious becomes a warning, what cannot train as meant an error.
"""

import warnings
from typing import Any

from cornu import tree
from cornu.checks import Output, check_inputs, check_labels, check_split
from cornu.data.source import Resident, Source
from cornu.train.objective import CompileLoss, object_name
from cornu.train.step import unpack_x_y_sample_weight

# Layers after which the scale of the inputs does not matter.
RESCALING = ("Rescaling", "Normalization", "BatchNormalization", "LayerNormalization", "Embedding")


def check_data(model: Any, source: Source, validation: Source | None) -> None:
    """Raise on the first mistake in arrays, and warn of what is suspicious.

    Data that come one by one are not looked at. A model with a training step of its own may mean
    anything by its labels, so only its inputs are.

    Raises:
        ValueError: the data do not fit the model or the loss.
    """
    if not isinstance(source, Resident):
        return
    x, y, sample_weight = unpack_x_y_sample_weight(source.arrays)
    findings = check_inputs(x, input_shapes(model), rescales=_rescales(model))
    outputs = describe_outputs(model)
    if y is not None and outputs is not None:
        findings += check_labels(y, outputs, sample_weight)
        if isinstance(validation, Resident):
            _, y_held_out, _ = unpack_x_y_sample_weight(validation.arrays)
            if y_held_out is not None:
                findings += check_split(y, y_held_out, outputs)
    for finding in findings:
        if finding.severity == "error":
            raise ValueError(finding.message)
        warnings.warn(finding.message, stacklevel=4)


def input_shapes(model: Any) -> Any:
    """The shapes that the model expects, nested as its inputs; None if it does not say."""
    struct = getattr(model, "inputs_struct", None)
    return None if struct is None else tree.map_structure(lambda t: tuple(t.shape), struct)


def _rescales(model: Any) -> bool:
    layers = [layer for layer in getattr(model, "layers", ()) if layer.weights or _rescaling(layer)]
    return bool(layers) and _rescaling(layers[0])


def _rescaling(layer: Any) -> bool:
    return type(layer).__name__ in RESCALING


def describe_outputs(model: Any) -> list[Output] | None:
    """The outputs of a model and their losses; None if the model trains in a way of its own."""
    loss: CompileLoss | None = model._compiled.loss
    if loss is None or not loss.built or model.steps_itself:
        return None
    tensors = getattr(model, "outputs", None)
    if not tensors or len(tensors) != len(loss.losses):
        return None
    names = model.output_names
    return [
        _describe(name, tensor, entry)
        for name, tensor, entry in zip(names, tensors, loss.losses, strict=True)
    ]


def _describe(name: str, tensor: Any, loss: Any) -> Output:
    function = getattr(loss, "function", None) or getattr(loss, "fn", None)
    word = None if loss is None else object_name(function if function is not None else loss)
    return Output(
        name=name,
        loss=word,
        shape=tuple(tensor.shape),
        activation=_last_activation(tensor),
        from_logits=bool(getattr(loss, "from_logits", False)),
        ignore_class=getattr(loss, "ignore_class", None),
        axis=getattr(loss, "axis", -1),
        masked=tensor._keras_mask is not None,
    )


def _last_activation(tensor: Any) -> str | None:
    """The name of the activation that made an output; None where that is not plain to see."""
    history = tensor._keras_history
    if history is None:
        return None
    layer = history.operation
    kind = type(layer).__name__
    if kind == "Softmax":
        return "softmax"
    activation = getattr(layer, "activation", None)
    if kind not in ("Dense", "Activation") or activation is None:
        return None
    return getattr(activation, "__name__", None)
