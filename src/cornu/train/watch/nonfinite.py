"""Where a step makes the first number that is not finite.

    batch -> variables -> forward, layer by layer -> loss -> backward, layer by layer -> update
      the first of these that holds NaN or infinity, while everything before it is finite

The step runs uncompiled, with the same variables, seeds among them. Each layer's `call` is wrapped
for that time: going forward its input and output are looked at; going backward a zero is added to
its input, and the gradient of that zero is what the layer passes back.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import jax
import jax.numpy as jnp

from cornu import tree
from cornu.core.frame import Frame, is_tracer
from cornu.core.logits import remember_logits
from cornu.findings import Finding
from cornu.numeric import is_float
from cornu.reports.nonfinite import count_nonfinite, nonfinite
from cornu.train.state import StateSlots, TrainState, flat
from cornu.train.step import loss_of, unpack_x_y_sample_weight
from cornu.train.trainable import TrainableModel
from cornu.types import Tensors


def first_nonfinite(
    model: TrainableModel, slots: StateSlots, state: TrainState, data: Tensors
) -> Finding:
    """Look at one step.

    Args:
        model: the trainer.
        slots: the variables of the state.
        state: their values before the step.
        data: the batch.
    """
    return (
        _in_data(data)
        or _in_variables(slots, state)
        or _in_forward(model, slots, state, data)
        or (None if model._steps_itself else _in_backward(model, slots, state, data))
        or nonfinite("nothing", "nothing that a run of the layers one by one shows")
    )


def _in_data(data: Tensors) -> Finding | None:
    for name, part in zip(("x", "y", "sample_weight"), unpack_x_y_sample_weight(data), strict=True):
        for path, leaf in tree.flatten_with_path(part):
            found = "" if leaf is None else count_nonfinite(leaf)
            if found:
                where = "".join(f"[{key!r}]" for key in path)
                return nonfinite("data", f"{name}{where} of the batch", found)
    return None


def _in_variables(slots: StateSlots, state: TrainState) -> Finding | None:
    # The sums of metrics are not what is computed with.
    for part, values in list(zip(slots.parts, state, strict=True))[:3]:
        for variable, value in zip(part, values, strict=True):
            found = count_nonfinite(value)
            if found:
                return nonfinite("variable", f"the variable '{variable.path}'", found)
    return None


def _in_forward(
    model: TrainableModel, slots: StateSlots, state: TrainState, data: Tensors
) -> Finding | None:
    found: list[Finding] = []

    def look(layer: Any, number: int, args: tuple[Any, ...], run: Callable[..., Any]) -> Any:
        if not found and (bad := _count(args)):
            found.append(nonfinite("input", f"the input of {_named(layer)}", bad))
        outputs = run(*args)
        if not found and (bad := _count(outputs)):
            detail = f"{bad}; {_sizes(layer, args)}"
            found.append(nonfinite("output", f"the output of {_named(layer)}", detail))
        return outputs

    with watched(model, look), remember_logits():
        loss, outputs = _loss(model, slots, state.trainable, state, data)
    if found:
        return found[0]
    if bad := _count(outputs):
        return nonfinite("output", "the output of the model", bad)
    if bad := _count(loss):
        return nonfinite("loss", "the loss", f"{loss}; the outputs of the model are finite")
    return None


def _in_backward(
    model: TrainableModel, slots: StateSlots, state: TrainState, data: Tensors
) -> Finding | None:
    inputs: dict[tuple[int, int], tuple[Any, Any]] = {}  # layer and number of its call -> zero

    def note(layer: Any, number: int, args: tuple[Any, ...], run: Callable[..., Any]) -> Any:
        x = args[0] if args else None
        if isinstance(x, jax.Array) and not is_tracer(x) and is_float(x.dtype):
            inputs[id(layer), number] = (layer, jnp.zeros(x.shape, x.dtype))
        return run(*args)

    def add(zeros: dict[str, Any]) -> Callable[..., Any]:
        def call(layer: Any, number: int, args: tuple[Any, ...], run: Callable[..., Any]) -> Any:
            zero = zeros.get(f"{id(layer)} {number}")
            return run(*args) if zero is None else run(args[0] + zero, *args[1:])

        return call

    with watched(model, note), remember_logits():
        _loss(model, slots, state.trainable, state, data)
    zeros = {f"{layer} {number}": zero for (layer, number), (_, zero) in inputs.items()}

    def objective(trainable: list[Any], zeros: dict[str, Any]) -> Any:
        with watched(model, add(zeros)), remember_logits():
            loss, _ = _loss(model, slots, trainable, state, data)
        return loss if model.optimizer is None else model.optimizer.scale_loss(loss)

    with Frame(slots.optimizer, state.optimizer):
        gradients, passed = jax.grad(objective, argnums=(0, 1))(state.trainable, zeros)
    weights = {
        id(v): (v, bad)
        for v, g in zip(slots.trainable, gradients, strict=True)
        if (bad := _count(g))
    }
    for (key, number), (layer, _) in reversed(inputs.items()):
        if bad := _count(passed[f"{key} {number}"]):
            what = f"the gradient that {_named(layer)} passes back to its input"
            return nonfinite("gradient", what, f"{bad}; outputs and loss are finite")
        for variable in layer.trainable_variables:
            if id(variable) in weights:
                return _gradient_of(*weights[id(variable)])
    for variable, bad in reversed(list(weights.values())):
        return _gradient_of(variable, bad)
    if model.optimizer is None:
        return None
    with Frame(slots.variables, flat(state)) as frame:
        model.optimizer.apply(gradients, slots.trainable)
    after = frame.values_of(slots.trainable)
    for variable, value in zip(slots.trainable, after, strict=True):
        if bad := _count(value):
            what = f"the variable '{variable.path}' after the update"
            return nonfinite("update", what, f"{bad}; its gradient is finite")
    return None


def _gradient_of(variable: Any, bad: str) -> Finding:
    what = f"the gradient of '{variable.path}'"
    return nonfinite("gradient", what, f"{bad}; outputs and loss are finite")


def _loss(
    model: TrainableModel, slots: StateSlots, trainable: list[Any], state: TrainState, data: Any
) -> tuple[Any, Any]:
    """The loss and the outputs, as the default step computes them."""
    x, y, sample_weight = unpack_x_y_sample_weight(jax.tree.map(jnp.asarray, data))
    variables = [*slots.trainable, *slots.non_trainable, *slots.metrics]
    with Frame(variables, [*trainable, *state.non_trainable, *state.metrics]):
        y_pred = model(x, training=True)
        loss = loss_of(model, x, y, y_pred, sample_weight, training=True)
    return loss, y_pred


@contextmanager
def watched(model: TrainableModel, look: Callable[..., Any]) -> Iterator[None]:
    """Let `look(layer, number of its call, args, run)` stand for the `call` of each inner layer."""
    layers = model._flatten_layers(include_self=False)
    own: dict[int, Any] = {id(layer): vars(layer).get("call") for layer in layers}
    calls: dict[int, int] = {}

    def wrap(layer: Any, run: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            number = calls[id(layer)] = calls.get(id(layer), -1) + 1
            return look(layer, number, args, lambda *given: run(*given, **kwargs))

        return call

    try:
        for layer in layers:
            vars(layer)["call"] = wrap(layer, layer.call)
        yield
    finally:
        for layer in layers:
            before = own[id(layer)]
            if before is None:
                vars(layer).pop("call", None)
            else:
                vars(layer)["call"] = before


def _count(values: Tensors) -> str:
    """`count_nonfinite` of the first array that has any; empty if none has."""
    for leaf in jax.tree.leaves(values):
        if isinstance(leaf, jax.Array) and not is_tracer(leaf) and (bad := count_nonfinite(leaf)):
            return bad
    return ""


def _sizes(layer: Any, args: tuple[Any, ...]) -> str:
    """How large what a layer computes with is: numbers near 1e38 say that training diverges."""
    weights = [v.value for v in layer.weights]
    parts = [
        f"its {what} finite, up to {max(_largest(a) for a in arrays):.2g}"
        for what, arrays in (("input is", jax.tree.leaves(args)), ("weights are", weights))
        if arrays
    ]
    return ", ".join(parts)


def _largest(array: Any) -> float:
    array = jnp.asarray(array)
    return float(jnp.max(jnp.abs(array.astype("float32")))) if array.size else 0.0


def _named(layer: Any) -> str:
    return f"layer '{layer.name}' ({type(layer).__name__})"
