"""`Call`: one call of a layer, its arguments bound once.

`Layer.__call__` goes through named steps; each is a short method here. What depends on the class
alone (which arguments `call` takes, which of them are masks) is worked out once for each class.

    bind -> convert inputs -> check the spec -> build
         -> fill training -> fill masks -> run -> finish
"""

import functools
import inspect
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from numbers import Number
from typing import Any, NamedTuple

import jax
import numpy as np

from cornu import bcoo, errors, tree
from cornu.context import local, name_scope, using
from cornu.core.graph.operation import Node
from cornu.core.host import from_host
from cornu.core.masks import mask_of, set_mask
from cornu.core.objects.registry import is_builtin
from cornu.core.symbolic import KerasTensor, any_symbolic
from cornu.core.text import same
from cornu.core.variable import Variable
from cornu.errors import did_you_mean, explain, type_error, warn
from cornu.layers.base.input_spec import check_inputs, describe, no_array
from cornu.numeric import are_numbers, as_numbers, is_float, refuse_what_wraps


class Enclosing(NamedTuple):
    """What a layer passes on to the layers that it calls.

    Attributes:
        layer: the layer whose `call` runs.
        training: the flag that holds during the call.
        makes_parts: whether `call` may still make weights and layers that the layer keeps.
    """

    layer: Any
    training: bool | None
    makes_parts: bool = False


class CallSignature(NamedTuple):
    """What the class says about the arguments of `call`."""

    signature: inspect.Signature
    names: tuple[str, ...]
    takes_training: bool
    takes_any_keyword: bool
    default_training: bool | None
    masks: tuple[str, ...]  # names of mask arguments
    is_ours: bool  # whether `call` is the library's


@functools.cache
def signature_of_call(cls: Any) -> CallSignature:
    """The signature of `cls.call`, without `self`."""
    signature = inspect.signature(cls.call)
    parameters = list(signature.parameters.values())[1:]
    names = tuple(p.name for p in parameters)
    training = next((p for p in parameters if p.name == "training"), None)
    default = training.default if training is not None else None
    return CallSignature(
        signature=signature.replace(parameters=parameters),
        names=names,
        takes_training=training is not None,
        takes_any_keyword=any(p.kind is p.VAR_KEYWORD for p in parameters),
        default_training=default if isinstance(default, bool) else None,
        masks=tuple(n for n in names if n == "mask" or n.endswith("_mask")),
        is_ours=is_builtin(cls.call),
    )


@functools.cache
def required_arguments(cls: Any) -> tuple[str, ...]:
    """The arguments that a call of the class cannot do without."""
    parameters = signature_of_call(cls).signature.parameters.values()
    starred = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return tuple(p.name for p in parameters if p.default is p.empty and p.kind not in starred)


def takes_mask(layer: Any) -> bool:
    """Whether the layer's `call` takes the mask of its input."""
    cls: Any = type(layer)
    return "mask" in signature_of_call(cls).masks


@functools.cache
def further_arguments(compute_mask: Any) -> tuple[str, ...]:
    """The arguments of `call` that a `compute_mask` takes after the inputs and their mask."""
    return tuple(inspect.signature(compute_mask).parameters)[3:]


def is_array(x: Any) -> bool:
    """Whether the value is an array, a symbolic tensor or a variable."""
    known = (jax.Array, np.ndarray, KerasTensor, Variable, jax.ShapeDtypeStruct)
    return isinstance(x, known) or bcoo.is_sparse(x)


def holds_arrays(value: Any) -> bool:
    """Whether the value is an array or a container of nothing but arrays."""
    if is_array(value):
        return True
    leaves = bcoo.leaves(value)
    return bool(leaves) and all(is_array(x) for x in leaves)


class Call:
    """One call of a layer.

    Attributes:
        layer: what is called.
        arguments: name -> value, in the order of the signature.
        training: the flag that holds during the call.
        is_symbolic: whether shapes are asked for rather than values.
        makes_parts: whether it is the first call of a layer without a `build`, which is built by
            being called.
    """

    __slots__ = (
        "arguments", "given", "is_symbolic", "layer", "makes_parts", "outermost", "signature",
        "training",
    )  # fmt: skip

    def __init__(self, layer: Any, args: tuple[Any, ...], kwargs: dict[str, Any]):
        self.layer = layer
        cls: Any = type(layer)
        self.signature = signature_of_call(cls)
        self.outermost = local.call is None
        self.makes_parts = False
        self.is_symbolic = any_symbolic(args, kwargs)
        self.given = (args, kwargs)
        explicit = kwargs.get("training")
        if "training" in kwargs and not self._takes("training"):
            kwargs = {k: v for k, v in kwargs.items() if k != "training"}
        if "mask" in kwargs and kwargs["mask"] is None and not self._takes("mask"):
            kwargs = {k: v for k, v in kwargs.items() if k != "mask"}
        try:
            self.arguments = self.signature.signature.bind(*args, **kwargs).arguments
        except TypeError as error:
            raise TypeError(self._wrong_arguments(error, args, kwargs)) from None
        self.training = self._resolve_training(explicit)

    def _takes(self, name: str) -> bool:
        return name in self.signature.names or self.signature.takes_any_keyword

    def _wrong_arguments(
        self, error: TypeError, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> str:
        unknown = [k for k in kwargs if not self._takes(k)]
        fix = did_you_mean(unknown[0], self.signature.names) if unknown else None
        if len(args) > len(self.signature.names) and all(map(is_array, args)):
            fix = "several inputs go in a list: layer([x1, x2])"
        return explain(
            f"{describe(self.layer)} was called with the wrong arguments: {error}.",
            expected=f"call{self.signature.signature}",
            **({"fix": fix} if fix else {}),
        )

    # ---- steps, in order ----------------------------------------------------------------------

    @property
    def first(self) -> Any:
        """The first argument, in which most layers take their input."""
        for name, value in self.arguments.items():
            if self._kind(name) is inspect.Parameter.VAR_POSITIONAL:
                return value[0] if value else None
            return value
        return None

    def _kind(self, name: str) -> Any:
        return self.signature.signature.parameters[name].kind

    def convert_inputs(self) -> None:
        """Turn arrays into jax arrays, floats into the dtype that the layer computes in."""
        layer = self.layer
        policy, dtype = layer._policy, layer.input_dtype
        casts = layer.autocast and layer._casts_inputs
        may_be_text = layer.takes_strings or layer._passes_inputs_on or not self.signature.is_ours

        def convert(x: Any) -> Any:
            if isinstance(x, Variable):
                x = x.value
            if not isinstance(x, (jax.Array, KerasTensor)) and hasattr(x, "tocsr"):
                x = x.toarray()  # a matrix of scipy
            if isinstance(x, np.ndarray):
                if x.dtype.kind in "OUSTmM" and may_be_text and not are_numbers(x):
                    return x  # layers that take it handle it on the host
                x = as_numbers(x)
                refuse_what_wraps(x, "x")
                x = from_host(x)
            if bcoo.is_sparse(x):
                if not layer._takes_sparse:
                    x = bcoo.dense(x)
                elif casts and is_float(x.dtype):
                    return bcoo.astype(x, dtype)
            elif isinstance(x, KerasTensor) and x.sparse and not layer._takes_sparse:
                x = KerasTensor(x.shape, x.dtype)
            if not isinstance(x, (jax.Array, KerasTensor)):
                return x
            converted = policy.convert_input(x, casts, dtype)
            if converted is not x:
                mask = mask_of(x)
                if mask is not None:
                    set_mask(converted, mask)
            return converted

        def convert_known(x: Any) -> Any:  # a layer that takes text may ask what x was
            return same(convert(x), x)

        if layer._converts_inputs:
            by = convert if local.text is None else convert_known
            for name, value in self.arguments.items():
                if name != "training":
                    self.arguments[name] = tree.map_structure(by, value)

    def check_spec(self) -> None:
        """Compare the first argument with the layer's `input_spec`.

        Layers of the library take nothing but arrays and numbers; those of users may take more.
        """
        if self.layer.input_spec is not None:
            check_inputs(self.layer.input_spec, self.first, self.layer)
        elif self.signature.is_ours and self.layer._converts_inputs and not is_array(self.first):
            for leaf in tree.flatten(self.first):
                if not (leaf is None or hasattr(leaf, "shape") or isinstance(leaf, Number)):
                    raise ValueError(no_array(describe(self.layer), leaf))

    def tensor_arguments(self) -> dict[str, Any]:
        """The arguments that are arrays or containers of arrays, masks left out."""
        return {
            name: value
            for name, value in self.arguments.items()
            if name not in self.signature.masks and holds_arrays(value)
        }

    def shapes(self) -> dict[str, Any]:
        """`<argument>_shape` -> shape (or a container of shapes), for `build`."""

        def shape(x: Any) -> Any:
            return None if x is None else tuple(s if isinstance(s, int) else None for s in x.shape)

        return {
            f"{name}_shape": tree.map_structure(shape, value)
            for name, value in self.arguments.items()
            if name != "mask" and holds_arrays(value)
        }

    def _resolve_training(self, explicit: bool | None) -> bool | None:
        """The caller's flag, else the enclosing call's, else the default of `call`."""
        if self.signature.takes_training and self.arguments.get("training") is not None:
            given: Any = self.arguments["training"]
            if getattr(given, "shape", ()) or isinstance(given, (list, tuple, dict)):
                raise type_error(
                    f"training is True or False, got {type(given).__name__}.",
                    fix=f"{type(self.layer).__name__} takes one input; several go in a list to "
                    "a layer that takes a list.",
                )
            return given
        if explicit is not None:
            return explicit
        if local.call is not None and local.call.training is not None:
            return local.call.training
        return self.signature.default_training

    def fill_training(self) -> None:
        """Pass the flag to `call` if it takes one."""
        if self.signature.takes_training and self.training is not None:
            self.arguments["training"] = self.training

    def fill_masks(self) -> None:
        """Pass masks that the inputs carry to mask arguments that were not given."""
        if not self.signature.masks:
            return
        tensors = self.tensor_arguments()
        wanted = {f"{name}_mask": value for name, value in tensors.items()}
        if tensors:  # the mask of states and the like is not meant by `mask`
            wanted["mask"] = next(iter(tensors.values()))
        for name, value in wanted.items():
            if name in self.signature.masks and self.arguments.get(name) is None:
                masks = tree.map_structure(mask_of, value)
                if any(m is not None for m in tree.flatten(masks)):
                    self.arguments[name] = masks

    @contextmanager
    def scopes(self) -> Iterator[None]:
        """What holds while `call` runs: name, dtype of reads, training flag, place in errors."""
        layer = self.layer
        with ExitStack() as stack:
            stack.enter_context(errors.located(layer.name, self._circumstances()))
            stack.enter_context(name_scope(layer.name))
            stack.enter_context(
                using(
                    autocast=layer._autocast_dtype,
                    call=Enclosing(layer, self.training, self.makes_parts),
                )
            )
            yield

    def _circumstances(self) -> str:
        return "" if self.training is None else f", called with training={self.training}"

    def bound(self) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Positional and keyword arguments for `call`."""
        bound = inspect.BoundArguments(self.signature.signature, self.arguments)
        return bound.args, bound.kwargs

    def run(self) -> Any:
        """Compute."""
        args, kwargs = self.bound()
        if self.layer._remat_mode is not None:
            return self.layer.rematerialized_call(self.layer._computation, *args, **kwargs)
        return self.layer._computation(*args, **kwargs)

    def record(self) -> Any:
        """Find shapes and remember the call, with the arguments that the caller gave."""
        args, kwargs = self.bound()
        outputs = self.layer.compute_output_spec(*args, **kwargs)
        given_args, given_kwargs = self.given
        Node(self.layer, given_args, given_kwargs, outputs)
        return outputs

    def finish(self, outputs: Any) -> Any:
        """Add the activity loss and give the outputs their masks."""
        layer = self.layer
        if layer.activity_regularizer is not None and not self.is_symbolic:
            for output in bcoo.leaves(outputs):
                penalty = layer.activity_regularizer(bcoo.dense(output))
                layer.add_loss(penalty / max(output.shape[0], 1) if output.ndim else penalty)
        masks = self._first_masks()
        makes_masks = layer.supports_masking and layer._defines_masks
        if makes_masks or any(m is not None for m in tree.flatten(masks)):
            self._set_output_masks(outputs, masks)
        return outputs

    def _first_masks(self) -> Any:
        """The masks of the first argument: given, or found on it."""
        masks = self.arguments.get("mask")
        if masks is None:
            name = next(iter(self.arguments), "")
            masks = self.arguments.get(f"{name}_mask")
        return tree.map_structure(mask_of, self.first) if masks is None else masks

    def _set_output_masks(self, outputs: Any, masks: Any) -> None:
        layer = self.layer
        flat = bcoo.leaves(outputs)
        if all(mask_of(x) is not None for x in flat):
            return
        if not layer.supports_masking:
            if not self.signature.masks:
                warn(f"{describe(layer)} does not use the mask of its input; the mask ends here.")
            return
        asked = further_arguments(type(layer).compute_mask)
        given = {name: self.arguments[name] for name in asked if name in self.arguments}
        computed = layer.compute_mask(self.first, masks, **given)
        if computed is None:
            return
        for x, mask in zip(flat, tree.flatten(computed), strict=False):
            if mask is not None and mask_of(x) is None:
                set_mask(x, mask)
