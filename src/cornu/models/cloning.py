"""`clone_model`: the same architecture with new weights.

Sequential    each layer is cloned, in order
Functional    the graph is run once more on new inputs, each layer answered by its clone
other models  made again from their config
"""

import functools
from collections.abc import Callable
from typing import Any

from cornu import tree
from cornu.core.graph.op import OpCall
from cornu.core.graph.operation import Operation
from cornu.core.symbolic import KerasTensor
from cornu.errors import value_error
from cornu.layers.base.freezing import freeze_alike, set_trainable
from cornu.layers.base.layer import Layer
from cornu.layers.core.input import InputLayer
from cornu.models.functional import Functional
from cornu.models.model import Model
from cornu.models.sequential import Sequential
from cornu.types import Tensors


def clone_model(
    model: Any,
    input_tensors: Any = None,
    clone_function: Callable[[Any], Any] | None = None,
    call_function: Callable[..., Any] | None = None,
    recursive: bool = False,
    **kwargs: Any,
) -> Model:
    """A model of the same architecture, with weights of its own.

    Args:
        model: what to clone; it stays as it is. A compiled model has a compiled clone, with a fresh
            optimizer.
        input_tensors: symbolic tensors to build upon, nested as the model's inputs; new inputs if
            None.
        clone_function: takes a layer and returns what stands in its place; a layer of the same
            class and config if None. It is not asked about inputs and plain operations.
        call_function: takes a clone and the arguments of a call, and makes the call; for graphs.
        recursive: clone the models inside in the same way, instead of handing them to
            `clone_function` as layers.

    Raises:
        ValueError: an argument does not apply to this kind of model.

    Example:

        >>> from cornu.layers import Dense, Input
        >>> inputs = Input(shape=(4,))
        >>> model = Functional(inputs, Dense(2, name="out")(inputs))
        >>> clone = clone_model(model)
        >>> clone.layers[-1].name, clone.layers[-1] is model.layers[-1]
        ('out', False)
    """
    if kwargs:
        raise value_error(f"clone_model takes no argument {next(iter(kwargs))!r}.")
    made = _cloned(model, input_tensors, clone_function, call_function, recursive)
    if getattr(model, "compiled", False):
        made._compile_like(model)
    return made


def _cloned(
    model: Any, input_tensors: Any, clone_function: Any, call_function: Any, recursive: bool
) -> Any:
    clone = _cloner(clone_function, call_function, recursive)
    if isinstance(model, Sequential):
        if call_function is not None:
            raise value_error(
                "call_function needs a graph, and a Sequential is a list of layers.",
                fix="use clone_function, or keras.Model(inputs, outputs).",
            )
        return _clone_sequential(model, input_tensors, clone)
    if isinstance(model, Functional):
        return _clone_functional(model, input_tensors, clone, call_function or _plain_call)
    if input_tensors is not None or clone_function is not None or call_function is not None:
        raise value_error(
            f"'{model.name}' is neither a Sequential nor a graph, so its layers cannot be "
            "cloned one by one.",
            fix="clone_model(model), which makes the model from its config",
        )
    return _same_again(model)


def _cloner(
    clone_function: Callable[[Any], Any] | None,
    call_function: Callable[..., Any] | None,
    recursive: bool,
) -> Callable[[Operation], Any]:
    def clone(operation: Operation) -> Any:
        if isinstance(operation, OpCall):
            return OpCall(operation.function, dict(operation.settings), operation.name)
        if recursive and isinstance(operation, (Sequential, Functional)):
            calls = None if isinstance(operation, Sequential) else call_function
            return _cloned(operation, None, clone_function, calls, recursive=True)
        made = (clone_function or _same_again)(operation)
        if not isinstance(made, Operation):
            raise value_error(
                f"clone_function must return a layer, got {type(made).__name__} for "
                f"'{operation.name}'.",
                fix="return layer.__class__.from_config(layer.get_config())",
            )
        return made

    return clone


def _same_again(layer: Any) -> Any:
    made = type(layer).from_config(layer.get_config())
    if isinstance(layer, Layer):
        freeze_alike(layer, made)
    return made


def _plain_call(operation: Any, *args: Any, **kwargs: Any) -> Any:
    return operation(*args, **kwargs)


def _clone_sequential(model: Any, input_tensors: Any, clone: Callable[[Any], Any]) -> Any:
    made = Sequential(name=model.name)
    set_trainable(made, model.trainable)
    if input_tensors is not None:
        flat = tree.flatten(input_tensors)
        if len(flat) != 1 or not isinstance(flat[0], KerasTensor):
            raise value_error(
                "To clone a Sequential, input_tensors must be one symbolic tensor.",
                received=input_tensors,
                fix="input_tensors=keras.Input(shape=(...))",
            )
        made.add(InputLayer(batch_shape=flat[0].shape, dtype=flat[0].dtype))
    elif model._input_layer is not None:
        made.add(_same_again(model._input_layer))
    for layer in model.layers:
        made.add(clone(layer))
    return made


def _clone_functional(
    model: Any, input_tensors: Any, clone: Callable[[Any], Any], call: Callable[..., Any]
) -> Any:
    inputs = model.inputs_struct
    if input_tensors is None:
        input_tensors = tree.map_structure(_new_input, inputs)
    else:
        _check_structure(inputs, input_tensors)
    clones: dict[int, Any] = {}

    def answered(operation: Any) -> Callable[..., Any]:
        if id(operation) not in clones:
            clones[id(operation)] = clone(operation)
        return functools.partial(call, clones[id(operation)])

    outputs = model._graph.run(input_tensors, answered)
    takes_graph = type(model).__init__ is Functional.__init__
    made = (type(model) if takes_graph else Functional)(input_tensors, outputs, name=model.name)
    set_trainable(made, model.trainable)
    return made


def _new_input(tensor: KerasTensor) -> KerasTensor:
    history = tensor._keras_history
    if history is not None and isinstance(history.operation, InputLayer):
        return _same_again(history.operation).output
    return InputLayer(batch_shape=tensor.shape, dtype=tensor.dtype).output


def _check_structure(inputs: Tensors, given: Any) -> None:
    try:
        tree.assert_same_structure(inputs, given)
        symbolic = all(isinstance(t, KerasTensor) for t in tree.flatten(given))
    except (TypeError, ValueError):
        symbolic = False
    if not symbolic:
        raise value_error(
            "input_tensors must be symbolic tensors, nested as the inputs of the model.",
            expected=inputs,
            received=given,
        )
