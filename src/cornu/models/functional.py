"""`Functional`: a Model whose call runs a graph of layers and ops."""

import inspect
from typing import Any, ClassVar

from cornu import tree
from cornu.core.graph.graph import Function
from cornu.core.graph.operation import Operation, node_of
from cornu.core.masks import infer_by_symbols, infer_with_masks, lent
from cornu.core.objects.serialize import budgeted
from cornu.core.objects.tracking import unique
from cornu.core.symbolic import KerasTensor
from cornu.core.text import has_text
from cornu.errors import did_you_mean, value_error, warn
from cornu.layers.base.build import to_shapes, to_tensors
from cornu.layers.base.freezing import set_trainable
from cornu.layers.base.layer import Layer
from cornu.layers.core.input import InputLayer
from cornu.models.graph_config import graph_from_config, graph_to_config
from cornu.models.inputs import fit_input
from cornu.models.model import Model
from cornu.types import Tensors


class Functional(Model):
    """A model defined by symbolic inputs and the outputs computed from them.

    Made by `Model(inputs, outputs)`. Inputs and outputs may be single tensors, lists or dicts;
    arrays are passed and returned in the same structure, but a list or tuple of one output gives
    the array itself. A dict of inputs is matched by key, and a dict passed to a list of inputs by
    the names of the inputs.

    Args:
        inputs: symbolic tensors, one or nested.
        outputs: symbolic tensors, one or nested.
        name: name of the model.

    Example:

        >>> from cornu.layers import Concatenate, Dense, Input
        >>> a, b = Input(shape=(2,), name="a"), Input(shape=(3,), name="b")
        >>> model = Functional([a, b], Dense(1)(Concatenate()([a, b])))
        >>> import numpy as np
        >>> model([np.ones((4, 2)), np.ones((4, 3))]).shape
        (4, 1)
    """

    _untracked_attributes: ClassVar[frozenset[str]] = Model._untracked_attributes | {"_graph"}
    _casts_inputs = False  # they are brought to the dtypes of the symbolic inputs

    _output_names: list[str] | None = None

    def __init__(self, inputs: Tensors, outputs: Tensors, name: str | None = None, **kwargs: Any):
        trainable = kwargs.pop("trainable", None)
        Model.__init__(self, name=name, **kwargs)
        self._graph = Function(*_from_inputs(inputs, outputs), name=self.name)
        self._check_names()
        self.built = True
        if trainable is not None:
            self.trainable = trainable

    def __getstate__(self) -> dict[str, Any]:
        state = super().__getstate__()
        return {
            "_graph": state.get("_graph"),
            **state,
        }  # first: it is in an order without recursion

    def _check_names(self) -> None:
        seen: dict[str, Operation] = {}
        for operation in self._graph.operations:
            if operation.name in seen:
                raise value_error(
                    f"Two layers of the model are named {operation.name!r}.",
                    fix="give one of them another name: Layer(..., name='...').",
                )
            seen[operation.name] = operation

    # ---- the graph ----------------------------------------------------------------------------

    @property
    def _built_graph(self) -> Function:
        return self._graph

    @property
    def inputs(self) -> list[KerasTensor]:
        """The symbolic inputs, in flat order."""
        return self._graph.inputs

    @property
    def outputs(self) -> list[KerasTensor]:
        """The symbolic outputs, in flat order."""
        return self._graph.outputs

    @property
    def inputs_struct(self) -> Any:
        """The symbolic inputs, nested as given."""
        return self._graph.inputs_struct

    @property
    def operations(self) -> list[Operation]:
        """The layers and ops of the graph, in Keras's order."""
        return self._graph.operations

    @property
    def input(self) -> Any:
        """The symbolic inputs, nested as given."""
        return self._graph.inputs_struct

    @property
    def output(self) -> Any:
        """The symbolic outputs, nested as given."""
        return self._graph.outputs_struct

    @property
    def input_shape(self) -> Any:
        """The shapes of the inputs, nested as given; of a single input, its shape."""
        return _shapes(self._graph.inputs_struct)

    @property
    def output_shape(self) -> Any:
        """The shapes of the outputs, nested as given; of a single output, its shape."""
        return _shapes(self._graph.outputs_struct)

    @property
    def input_names(self) -> list[str]:
        """The names of the inputs, in flat order."""
        return [_source_name(t) for t in self.inputs]

    @property
    def output_names(self) -> list[str]:
        """The names of the layers that make the outputs, in flat order; can be set."""
        return self._output_names or _distinct([_source_name(t) for t in self.outputs])

    @output_names.setter
    def output_names(self, names: Any) -> None:
        self._output_names = list(names)

    @property
    def _inputs_are_nested(self) -> bool:
        """Whether the model takes more than one input, or a dict of inputs."""
        return len(self.inputs) > 1 or isinstance(self.inputs_struct, dict)

    @property
    def _inputs_read(self) -> list[str] | None:
        """The entries of a dict of inputs that a call reads; None if that is not known."""
        if type(self).call is not Functional.call:
            return None
        struct = self.inputs_struct
        return list(struct) if isinstance(struct, dict) else self.input_names

    @property
    def layers(self) -> list[Layer]:
        """The layers of the graph, in Keras's order."""
        return [op for op in self._graph.operations if isinstance(op, Layer)]

    def _sublayers(self) -> list[Layer]:
        graph = vars(self).get("_graph")
        return (
            super()._sublayers() if graph is None else unique([*self.layers, *super()._sublayers()])
        )

    # ---- calling ------------------------------------------------------------------------------

    def call(
        self, inputs: Tensors, training: bool | None = None, mask: Tensors | None = None
    ) -> Any:
        return _unpacked(self._run(inputs, mask))

    def _run(self, inputs: Tensors, mask: Tensors | None) -> Any:
        """The outputs for values or symbolic tensors, nested as the model was given them."""
        flat = self.standardize_inputs(inputs)
        masks = [None] * len(flat) if mask is None else tree.flatten(mask)
        with lent(flat, masks):
            # The layers learn from the enclosing call whether they train.
            return self._graph.run(flat, lambda operation: operation)

    def standardize_inputs(self, inputs: Tensors) -> list[Any]:
        """The inputs of a call in flat order, in the ranks and dtypes of the graph.

        Raises:
            ValueError: an input is missing, or its shape does not fit.
        """
        if isinstance(inputs, dict):
            flat = self._from_dict(inputs)
        else:
            flat = tree.flatten(self._by_key(inputs))
        if len(flat) != len(self.inputs):
            raise value_error(
                f"Model '{self.name}' takes {len(self.inputs)} inputs, got {len(flat)}.",
                expected=", ".join(f"{t.name} {t.shape}" for t in self.inputs),
                received=", ".join(str(getattr(x, "shape", x)) for x in flat),
            )
        return [fit_input(self, self._graph, x, t) for x, t in zip(flat, self.inputs, strict=True)]

    def _by_key(self, inputs: Tensors) -> Any:
        """Inputs given in a list to a model that takes a dict: in the order of its definition."""
        struct = self.inputs_struct
        if not (isinstance(struct, dict) and isinstance(inputs, list | tuple)):
            return inputs
        if not len(inputs) == len(struct) > 1:
            return inputs
        names = ", ".join(map(repr, struct))
        warn(
            f"Model '{self.name}' takes a dict of inputs and got a {type(inputs).__name__}, which "
            f"is read in the order in which the inputs were defined: {names}."
        )
        return dict(zip(struct, inputs, strict=True))

    def _from_dict(self, inputs: dict[str, Any]) -> list[Any]:
        struct = self.inputs_struct
        keys = sorted(struct) if isinstance(struct, dict) else self.input_names
        if len(keys) == 1 and len(inputs) == 1 and not isinstance(struct, dict):
            return list(inputs.values())
        missing = [k for k in keys if k not in inputs]
        unused = [str(k) for k in inputs if k not in keys]
        if missing:
            raise value_error(
                f"Model '{self.name}' got no value for its input {missing[0]!r}.",
                received=", ".join(map(str, inputs)),
                fix=f"the data hold {unused[0]!r}: {did_you_mean(unused[0], missing)}"
                if unused
                else f"pass it too: {{{missing[0]!r}: ...}}",
            )
        if unused:
            warn(f"Model '{self.name}' has no inputs named {', '.join(unused)}; they are not used.")
        return [leaf for k in keys for leaf in tree.flatten(inputs[k])]

    def compute_output_spec(
        self, inputs: Tensors, training: bool | None = None, mask: Tensors | None = None
    ) -> Any:
        if type(self).call is not Functional.call:
            return infer_with_masks(self.call, inputs, training=training, mask=mask)
        if has_text(inputs):
            return infer_by_symbols(self.call, inputs)
        return infer_with_masks(self._run, inputs, mask)

    def compute_mask(self, inputs: Tensors, previous_mask: Any) -> None:
        """None: outputs carry the masks that the layers inside gave them."""

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The shapes of the outputs for given shapes of the inputs, nested like `output`."""
        return to_shapes(self.compute_output_spec(to_tensors(input_shape, self.compute_dtype)))

    def _output_specs(self, x: Any) -> Any:
        return _unpacked(self._graph.outputs_struct)

    # ---- configs ------------------------------------------------------------------------------

    def get_config(self) -> dict[str, Any]:
        cls: Any = type(self)
        own = {} if _is_given_graph(cls) and cls.__init__ is Functional.__init__ else (
            super().get_config()
        )  # fmt: skip
        if not _is_given_graph(cls):
            return own  # a subclass that makes its graph itself
        graph = graph_to_config(self._graph)
        own = {k: v for k, v in own.items() if k not in ("inputs", "outputs", "dtype")}
        return {"name": self.name, "trainable": self.trainable, **graph, **own}

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None
    ) -> Any:
        if "input_layers" not in config:
            return cls(**config)
        with budgeted(config):
            inputs, outputs = graph_from_config(config, custom_objects)
        known = ("name", "trainable", "layers", "input_layers", "output_layers")
        own = {k: v for k, v in config.items() if k not in known}
        model = cls(inputs, outputs, name=config.get("name"), **own)
        set_trainable(
            model, config.get("trainable", True) is not False
        )  # its layers have their own
        return model

    def get_build_config(self) -> dict[str, Any]:
        return {"input_shape": None}


def _is_given_graph(cls: Any) -> bool:
    """Whether the constructor of a class takes the tensors of a graph, or hands on what it gets."""
    parameters = inspect.signature(cls.__init__).parameters
    kinds = {p.kind for p in parameters.values()}
    hands_on = {inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD} <= kinds
    return hands_on or {"inputs", "outputs"} <= set(parameters)


def _from_inputs(inputs: Tensors, outputs: Tensors) -> tuple[Any, Any]:
    """Inputs and outputs of a graph whose inputs are all made by input layers.

    A tensor in the middle of another graph gives way to a new input: what made it, and the weights
    of that, are no part of the model.
    """

    def start(tensor: Any) -> Any:
        node = node_of(tensor)
        if node is None or node.is_input:
            return tensor
        layer = InputLayer(batch_shape=tensor.shape, dtype=tensor.dtype, name=tensor.name)
        return layer.output

    graph = Function(inputs, outputs)
    starts = [start(tensor) for tensor in graph.inputs]
    if all(new is old for new, old in zip(starts, graph.inputs, strict=True)):
        return inputs, outputs
    return tree.pack_sequence_as(inputs, starts), graph.run(starts, lambda operation: operation)


def _unpacked(struct: Any) -> Any:
    """What a list or tuple of one holds; anything else as it is."""
    return struct[0] if isinstance(struct, (list, tuple)) and len(struct) == 1 else struct


def _shapes(struct: Any) -> Any:
    tensors = tree.flatten(struct)
    return tensors[0].shape if len(tensors) == 1 else tree.map_structure(lambda t: t.shape, struct)


def _source_name(tensor: KerasTensor) -> str:
    return tensor._keras_history.operation.name if tensor._keras_history else tensor.name


def _distinct(names: list[str]) -> list[str]:
    """The names, numbered where one comes again."""
    counts: dict[str, int] = {}
    result = []
    for name in names:
        counts[name] = counts.get(name, 0) + 1
        result.append(name if counts[name] == 1 else f"{name}_{counts[name] - 1}")
    return result


Model._graph_class = Functional
