"""`Sequential`: a model that is a list of layers."""

import math
from collections.abc import Sequence
from typing import Any, ClassVar

from cornu import dtype_policies, tree
from cornu.context import name_scope
from cornu.core.frame import eagerly
from cornu.core.graph.graph import Function
from cornu.core.masks import infer_by_symbols, infer_with_masks, lent
from cornu.core.objects.serialize import budgeted, deserialize_keras_object, serialize_keras_object
from cornu.core.symbolic import KerasTensor, infer
from cornu.core.text import has_text
from cornu.errors import did_you_mean, explain, returns_nothing, trimmed, type_error, value_error
from cornu.layers.base.build import is_shape, to_tensors
from cornu.layers.base.call import required_arguments
from cornu.layers.base.freezing import set_trainable
from cornu.layers.base.layer import Layer
from cornu.layers.core.input import InputLayer
from cornu.models.functional import Functional
from cornu.models.inputs import fit_input
from cornu.models.model import Model
from cornu.types import Tensors

_SETTINGS = ("name", "trainable", "dtype", "layers", "build_input_shape")


class Sequential(Model):
    """A stack of layers, each called with the output of the one before.

    Where the input shape is known, from a `keras.Input` in front or `input_shape=` of the first
    layer, the layers are built as they are added; else at the first call.

    Args:
        layers: first layers of the stack; `add` appends others.
        trainable: whether the weights of the layers are trained.
        name: name of the model.

    Example:

        >>> from cornu.layers import Dense
        >>> model = Sequential([Dense(512, activation="relu", input_shape=(784,)), Dense(10)])
        >>> model.count_params()
        407050
    """

    _untracked_attributes: ClassVar[frozenset[str]] = Model._untracked_attributes | {
        "_graph", "_end", "_input_layer",
    }  # fmt: skip
    _casts_inputs = False  # each layer casts its own

    def __init__(
        self,
        layers: Sequence[Any] | None = None,
        trainable: bool = True,
        name: str | None = None,
    ):
        if isinstance(trainable, Layer):  # PyTorch's way
            raise value_error(
                "Sequential takes its layers in a list, got them one by one.",
                fix="keras.Sequential([first, second])",
            )
        super().__init__(name=name)
        self._stack: list[Layer] = []
        self._input_layer: InputLayer | None = None
        self._end: KerasTensor | None = None  # symbolic output of the layers so far
        self._graph: Function | None = None
        self._sizes_taken: dict[tuple[Any, ...], bool] = {}
        for layer in _as_list(layers):
            self.add(layer)
        if not trainable:
            self.trainable = False

    def __getstate__(self) -> dict[str, Any]:
        # The graph comes first: its calls are in an order without recursion.
        return {"_graph": self._built_graph, **super().__getstate__(), "_stack": [*self._stack]}

    # ---- the list -----------------------------------------------------------------------------

    @trimmed
    def add(self, layer: Any, rebuild: bool = True) -> None:
        """Append a layer.

        Args:
            layer: layer, or the result of `keras.Input`.
            rebuild: no effect; the layer is built at once where the input shape is known.

        Raises:
            ValueError: it is not a layer, or another layer has its name.
        """
        if isinstance(layer, KerasTensor) and layer._keras_history is not None:
            layer = layer._keras_history.operation
        if not isinstance(layer, Layer):
            raise ValueError(_not_a_layer(layer))
        if isinstance(layer, InputLayer):
            if self._stack or self._input_layer is not None:
                raise value_error(
                    f"Sequential '{self.name}' has layers already, and an input must come first.",
                    fix="put keras.Input(...) at the start of the list.",
                )
            self._start_from(layer)
            return
        if any(layer is other for other in self._stack):
            raise value_error(
                f"Layer '{layer.name}' is in the model already.",
                fix="make a second layer, or use the functional API to share one.",
            )
        if any(layer.name == other.name for other in self._stack):
            raise value_error(
                f"Sequential '{self.name}' has a layer named {layer.name!r} already.",
                fix=f"name={layer.name + '_2'!r} in one of them",
            )
        if not self._stack and self._input_layer is None:
            shape = _known_input_shape(layer)
            if shape is not None:
                self._start_from(InputLayer(batch_shape=shape))
        if self._end is not None:
            self._end = self._connect(layer, self._end)
        self._stack.append(layer)
        self._changed()

    def pop(self, rebuild: bool = True) -> Layer:
        """Remove the last layer and return it."""
        if not self._stack:
            raise value_error(f"Sequential '{self.name}' has no layers to remove.")
        layer = self._stack.pop()
        if self._input_layer is not None and self._end is not None:
            last = self._stack[-1] if self._stack else self._input_layer
            self._end = last._inbound_nodes[-1].output_tensors[0]
        self._changed()
        return layer

    def _start_from(self, layer: InputLayer) -> None:
        self._input_layer = layer
        self._end = layer.output

    def _connect(self, layer: Layer, tensor: KerasTensor) -> KerasTensor:
        _require_one_input(layer)
        with eagerly(), name_scope(self.name):
            output = layer(tensor)
        if output is None:
            raise ValueError(returns_nothing(layer.call))
        if not isinstance(output, KerasTensor):
            raise value_error(
                f"Layer '{layer.name}' has several outputs; in a Sequential it must have one.",
                fix="use the functional API: keras.Model(inputs, outputs).",
            )
        return output

    def _changed(self) -> None:
        self._graph = None
        self._forget_programs()
        self._sizes_taken = {}
        self.built = self._end is not None and bool(self._stack)

    @property
    def layers(self) -> list[Layer]:
        """The layers, without the input."""
        return list(self._stack)

    # ---- building and calling -----------------------------------------------------------------

    def build(self, input_shape: Any = None) -> None:
        """Build the layers for inputs of a shape.

        Args:
            input_shape: shape of the input with its batch axis, such as `(None, 784)`.
        """
        if self._input_layer is not None:
            wanted = self._input_layer.batch_shape
            shape = input_shape if is_shape(input_shape) else wanted
            if not _fits(shape, wanted) and not self._takes_sizes(tuple(shape), wanted):
                raise value_error(
                    f"Sequential '{self.name}' already has an input of another shape.",
                    shapes=f"input {wanted}, asked for {tuple(shape)}",
                    fix="remove the call of build: the layers are built for the input.",
                )
            return
        if input_shape is None:
            raise value_error(
                f"Sequential '{self.name}' needs an input shape to be built, got {input_shape}.",
                fix="model.build((None, 784)), or keras.Input(shape=(784,)) as first layer.",
            )
        if not self._stack:
            raise value_error(
                f"Sequential '{self.name}' has no layers yet.",
                fix="model.add(keras.layers.Dense(10))",
            )
        if not is_shape(input_shape):  # of several arrays: no graph, each layer is called in turn
            self._through(to_tensors(input_shape, self.compute_dtype))
            return
        dtype = "string" if self._stack[0].takes_strings else None
        start = InputLayer(batch_shape=(None, *tuple(input_shape)[1:]), dtype=dtype)
        tensor: KerasTensor = start.output
        for layer in self._stack:
            _require_one_input(layer)
            # The scope of the model is open here: `build` runs inside it.
            try:
                tensor = layer(tensor)
            except NotImplementedError:  # its shapes depend on values: no graph
                return
            if not isinstance(tensor, KerasTensor):
                raise value_error(
                    f"Layer '{layer.name}' must have a single output in a Sequential."
                )
        self._input_layer, self._end = start, tensor

    @property
    def _built_graph(self) -> Function | None:
        if self._graph is None and self._end is not None and self._input_layer is not None:
            self._graph = Function(self._input_layer.output, self._end, name=self.name)
        return self._graph

    def call(
        self, inputs: Tensors, training: bool | None = None, mask: Tensors | None = None
    ) -> Any:
        graph = self._built_graph
        if graph is not None and not isinstance(inputs, (list, tuple, dict)):
            inputs = fit_input(self, graph, inputs, graph.inputs[0])
        with lent(inputs, tree.map_structure(lambda x: None, inputs) if mask is None else mask):
            return self._through(inputs)

    def _through(self, x: Any) -> Any:
        for layer in self._stack:
            x = layer(x)
        return x

    def _takes_sizes(self, shape: tuple[Any, ...], wanted: tuple[Any, ...]) -> bool:
        """Whether the layers take inputs of other sizes than those they were built for.

        Longer series and larger images fit many layers; only the sizes of weights are fixed. As
        many numbers in other axes also fit layers that only count them, after a Flatten: that is no
        other size but another order, and is taken only where a size more is taken as well.
        """
        if len(shape) != len(wanted):
            return False
        sizes = tuple(n if isinstance(n, int) else None for n in shape[1:])
        if sizes not in self._sizes_taken:
            trials: list[tuple[Any, ...]] = [sizes]
            now, before = [n for n in sizes if n], [n for n in wanted[1:] if n]
            known = len(now) == len(sizes) == len(before)
            if known and sizes != wanted[1:] and math.prod(now) == math.prod(before):
                trials.append((now[0] + 1, *now[1:]))
            self._sizes_taken[sizes] = all(map(self._runs_on, trials))
        return self._sizes_taken[sizes]

    def _runs_on(self, sizes: tuple[Any, ...]) -> bool:
        """Whether the layers take a sample of these sizes."""
        start = KerasTensor((None, *sizes), self.inputs_struct.dtype)  # type: ignore[union-attr]
        try:
            infer(self._through, start)
        except (TypeError, ValueError):
            return False
        return True

    def _input_shape_for(self, shape: Any) -> Any:
        """The shape that is expected of an input of a given one: that itself, if it is taken."""
        wanted = self.input_shape
        return shape if self._takes_sizes(shape, wanted) else wanted

    def compute_output_spec(
        self, inputs: Tensors, training: bool | None = None, mask: Tensors | None = None
    ) -> Any:
        if has_text(inputs):
            return infer_by_symbols(self.call, inputs)
        return infer_with_masks(self.call, inputs, training=training, mask=mask)

    def compute_mask(self, inputs: Tensors, previous_mask: Any) -> None:
        """None: the output carries the mask that the layers gave it."""

    # ---- facts --------------------------------------------------------------------------------

    def _defined(self, what: str) -> Function:
        graph = self._built_graph
        if graph is None:
            raise AttributeError(
                explain(
                    f"Sequential '{self.name}' has no {what} yet: its input shape is not known.",
                    fix="model.build((None, 784)), or keras.Input(shape=(784,)) as first layer.",
                )
            )
        return graph

    @property
    def inputs(self) -> list[KerasTensor]:
        """The symbolic input in a list."""
        return self._defined("inputs").inputs

    @property
    def outputs(self) -> list[KerasTensor]:
        """The symbolic output in a list."""
        return self._defined("outputs").outputs

    @property
    def inputs_struct(self) -> KerasTensor | None:
        """The symbolic input; None while the shape is not known."""
        return None if self._input_layer is None else self._input_layer.output

    @property
    def input(self) -> Any:
        """The symbolic input."""
        return self._defined("input").inputs[0]

    @property
    def output(self) -> Any:
        """The symbolic output."""
        return self._defined("output").outputs[0]

    @property
    def input_shape(self) -> Any:
        """The shape of the input."""
        return self._defined("input_shape").inputs[0].shape

    @property
    def output_shape(self) -> Any:
        """The shape of the output."""
        return self._defined("output_shape").outputs[0].shape

    @property
    def input_dtype(self) -> str:
        """The dtype to which float inputs are cast: that of the first layer."""
        return self._stack[0].input_dtype if self._stack else self.compute_dtype

    @property
    def output_names(self) -> list[str]:
        """The name of the last layer, in a list."""
        return [self._stack[-1].name] if self._stack else []

    @property
    def _inputs_are_nested(self) -> bool:
        return False

    def _output_specs(self, x: Any) -> Any:
        if self._end is None:
            super()._output_specs(x)
        return super()._output_specs(x) if self._end is None else self._end

    # ---- configs ------------------------------------------------------------------------------

    def get_config(self) -> dict[str, Any]:
        entries: list[Layer] = [*([self._input_layer] if self._input_layer else []), *self._stack]
        config: dict[str, Any] = {
            "name": self.name,
            "trainable": self.trainable,
            "dtype": serialize_keras_object(self.dtype_policy),
            "layers": [serialize_keras_object(layer) for layer in entries],
        }
        if self._input_layer is not None:
            config["build_input_shape"] = self._input_layer.batch_shape
        return config

    @classmethod
    def from_config(cls, config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
        if isinstance(config, list):  # how the first versions wrote it
            config = {"layers": config}
        for key in config:
            if key not in _SETTINGS:
                raise type_error(
                    f"Sequential takes no argument {key!r}.", fix=did_you_mean(key, _SETTINGS)
                )
        model = cls(name=config.get("name"))
        if config.get("dtype") is not None:
            model.dtype_policy = dtype_policies.get(config["dtype"])
        with budgeted(config):
            for entry in config["layers"]:
                model.add(deserialize_keras_object(entry, custom_objects))
            shape = config.get("build_input_shape")
            if not model.built and shape and is_shape(shape):
                model.build(tuple(shape))
        set_trainable(
            model, config.get("trainable", True) is not False
        )  # its layers have their own
        return model

    def get_build_config(self) -> dict[str, Any] | None:
        if self._input_layer is None:
            return None
        return {"input_shape": self._input_layer.batch_shape}


def _fits(shape: Any, wanted: Any) -> bool:
    """Whether two shapes agree after the batch axis, as far as both are known."""
    return len(shape) == len(wanted) and all(
        a == b or a is None or b is None for a, b in zip(shape[1:], wanted[1:], strict=True)
    )


def _as_list(layers: Any) -> list[Any]:
    if layers is None:
        return []
    return list(layers) if isinstance(layers, (list, tuple)) else [layers]


def _known_input_shape(layer: Layer) -> Any:
    """The input shape that a first layer knows: given to it, or of the model that it is."""
    if layer._first_input_shape is not None:
        return layer._first_input_shape
    graph = layer._built_graph if isinstance(layer, (Sequential, Functional)) else None
    return graph.inputs[0].shape if graph is not None and len(graph.inputs) == 1 else None


def _require_one_input(layer: Layer) -> None:
    """Raise ValueError where the `call` of a layer needs more than one argument."""
    cls: Any = type(layer)
    needed = required_arguments(cls)
    if len(needed) > 1:
        raise value_error(
            f"The layers of a Sequential take one input; {cls.__name__}.call needs "
            f"{', '.join(needed)}.",
            fix="use the functional API: keras.Model(inputs, layer(x, y)), or give the others "
            f"a default:\ndef call(self, {needed[0]}, {needed[1]}=None): ...",
        )


def _not_a_layer(value: Any) -> str:
    if isinstance(value, type):
        return explain(
            f"{value.__name__} is a class, not a layer.",
            fix=f"{value.__name__}() in place of {value.__name__}",
        )
    return explain(
        f"A Sequential consists of layers, got {type(value).__name__}.",
        fix="keras.layers.Lambda(...) makes a layer of a function"
        if callable(value)
        else "model = keras.Sequential([keras.layers.Dense(10)])",
    )
