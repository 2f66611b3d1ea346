"""`Model`: a layer that owns a training loop."""

import functools
import json
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Self

from cornu.core.forking import refuse_after_fork
from cornu.core.objects.registry import CustomObjectScope
from cornu.core.objects.serialize import serialize_keras_object
from cornu.core.symbolic import infer
from cornu.core.text import Encoded, answering, as_text, nesting_of_encoded
from cornu.errors import did_you_mean, explain, value_error
from cornu.layers.base.layer import Layer
from cornu.models.quantization import quantize_layers
from cornu.models.quick_call import quick_outputs
from cornu.models.state_tree import get_state_tree, set_state_tree
from cornu.reports.summary import summarize
from cornu.storage import persistence, weights_files
from cornu.storage.own_functions import warn_of_lambdas
from cornu.train.trainer import Trainer
from cornu.types import FilePath


class Model(Trainer, Layer):
    """Layers grouped into one object that is trained, evaluated and saved.

    Three ways to make one:

    * from symbolic tensors: `Model(inputs, outputs)`;
    * a list of layers: `Sequential([...])`;
    * a subclass that makes layers in `__init__` and calls them in `call(self, inputs)`.

    Args:
        inputs: symbolic tensors, nested as the inputs of a call.
        outputs: symbolic tensors, nested as the outputs of a call.
        name: name of the model.

    Example:

        >>> from cornu.layers import Dense, Input
        >>> inputs = Input(shape=(4,))
        >>> model = Model(inputs, Dense(2)(inputs), name="small")
        >>> model.count_params()
        10
    """

    _kinds = ("model", "layer")
    _also_takes = ("inputs", "outputs")
    _user_settings = Layer._user_settings | {
        "optimizer", "run_eagerly", "jit_compile", "steps_per_execution", "stop_training",
    }  # fmt: skip

    _passes_inputs_on = True
    _untracked_attributes: ClassVar[frozenset[str]] = (
        Trainer._untracked_attributes | Layer._untracked_attributes
    )

    # The `LoadReport` of the last load of a file; None for a model that was not loaded.
    load_report: Any = None

    # `Model(inputs, outputs)` is a `Functional`, which is a `Model`: `functional.py` sets this.
    _graph_class: ClassVar[Any] = None

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        if cls is Model and gives_graph(args, kwargs):
            cls = Model._graph_class
        return super().__new__(cls, *args, **kwargs)

    def __init__(self, *args: Any, **kwargs: Any):
        if gives_graph(args, kwargs):
            # A subclass that passes tensors to `super().__init__` is a graph from here on: its
            # class is replaced by one of the same name that has the methods of `Functional` too.
            cls: Any = type(self)
            self.__class__ = _as_graph(cls)
            Model._graph_class.__init__(self, *args, **kwargs)
            return
        Trainer.__init__(self)
        Layer.__init__(self, *args, **kwargs)

    def __reduce_ex__(self, protocol: Any) -> Any:
        cls = vars(type(self)).get("_class_in_files")
        if cls is None:
            return super().__reduce_ex__(protocol)
        return _new_graph, (cls,), self.__getstate__()  # pickle finds the class that was written

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if args and type(args[0]) is Encoded:
            program, _ = self._compiled_call.texts[nesting_of_encoded(args[0])]
            return answering(program, args[0], lambda x: self(x, *args[1:], **kwargs))
        if args and isinstance(args[0], str | list):  # perhaps of texts
            args = (as_text(args[0]), *args[1:])
        outputs = quick_outputs(self, args, kwargs)
        return super().__call__(*args, **kwargs) if outputs is None else outputs

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the outputs; defined by subclasses."""
        raise NotImplementedError(
            explain(
                f"Model {type(self).__name__} does not define `call`.",
                fix="def call(self, inputs): return self.dense(inputs)",
            )
        )

    def __repr__(self) -> str:
        text = super().__repr__()
        if not self.built:
            return text
        return f"{text[:-1]}, layers={len(self.layers)}, parameters={self.count_params():,}>"

    @property
    def _inputs_are_nested(self) -> bool | None:
        """Whether the model takes more than one input, or a dict of inputs; None if unknown."""
        return None

    @property
    def _inputs_read(self) -> list[str] | None:
        """The entries of a dict of inputs that a call reads; None if that is not known."""
        return None

    def _takes_sizes(self, shape: tuple[Any, ...], wanted: tuple[Any, ...]) -> bool:
        """Whether inputs of other sizes than the model was made for are taken all the same."""
        return False

    def _output_specs(self, x: Any) -> Any:
        """Symbolic tensors like the outputs for symbolic inputs; builds what is not built."""
        return infer(self, x)

    # ---- layers -------------------------------------------------------------------------------

    @property
    def layers(self) -> list[Layer]:
        """The layers that the model owns directly, in order."""
        return self._flatten_layers(include_self=False, recursive=False)

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """A layer by its name or its position.

        Raises:
            ValueError: there is no such layer.
        """
        if (name is None) == (index is None):
            raise value_error(
                "get_layer needs either a name or an index.", fix='get_layer("dense")'
            )
        if index is not None:
            if not -len(self.layers) <= index < len(self.layers):
                raise value_error(
                    f"'{self.name}' has {len(self.layers)} layers, and none at index {index}."
                )
            return self.layers[index]
        for layer in self.layers:
            if layer.name == name:
                return layer
        names = [layer.name for layer in self.layers]
        raise value_error(
            f"'{self.name}' has no layer named {name!r}.", fix=did_you_mean(name, names)
        )

    def summary(
        self,
        line_length: int | None = None,
        positions: Sequence[float] | None = None,
        print_fn: Callable[[str], Any] | None = None,
        expand_nested: bool = False,
        show_trainable: bool = False,
        layer_range: Sequence[str] | None = None,
    ) -> None:
        """Print the layers with their output shapes and numbers of parameters.

        Args:
            line_length: number of characters per line.
            positions: ends of the columns, as fractions of a line or in characters.
            print_fn: function that is called with the text, instead of printing it.
            expand_nested: whether to show the layers of models inside.
            show_trainable: whether to show which layers are trainable.
            layer_range: names of the first and the last layer to show.
        """
        summarize(
            self,
            line_length=line_length,
            positions=positions,
            print_fn=print_fn,
            expand_nested=expand_nested,
            show_trainable=show_trainable,
            layer_range=layer_range,
        )

    def quantize(  # type: ignore[override]
        self,
        mode: str | None = None,
        config: Any = None,
        filters: Any = None,
        **kwargs: Any,
    ) -> None:
        """Quantize the weights of the layers, and compute with the quantized weights from then on.

        A warning names the layers with weights that cannot be quantized; they stay as they are.

        Args:
            mode: "int8", "int4", or "float8" for training in 8-bit floats.
            config: quantizers of weights and inputs; see `cornu.quantizers`.
            filters: regular expression for the names of the layers to quantize, a list of those,
                or a function from a layer to a bool.
            **kwargs: `type_check=False` also quantizes subclasses of the layers that support it.

        Raises:
            ValueError: the arguments contradict each other, or a layer is not built or is
                quantized already.

        Example:

            >>> from cornu.layers import Dense, Input
            >>> inputs = Input(shape=(4,))
            >>> model = Model(inputs, Dense(2, name="head")(inputs))
            >>> model.quantize("int8", filters="head")
            >>> model.get_layer("head").quantization_mode
            'int8'
        """
        quantize_layers(self, mode, config, filters, **kwargs)
        self._forget_programs()

    # ---- state --------------------------------------------------------------------------------

    def get_state_tree(self, value_format: str = "backend_tensor") -> dict[str, dict[str, Any]]:
        """Copies of all variables, as nested dicts by their paths.

        Args:
            value_format: "backend_tensor" for JAX arrays, "numpy_array" for numpy arrays.

        Returns:
            A dict with the entries "trainable_variables", "non_trainable_variables",
            "optimizer_variables" and "metrics_variables".

        Raises:
            ValueError: `value_format` is unknown.

        Example:

            >>> from cornu.layers import Dense, Input
            >>> inputs = Input(shape=(4,))
            >>> model = Model(inputs, Dense(2, name="head")(inputs))
            >>> model.get_state_tree()["trainable_variables"]["head"]["kernel"].shape
            (4, 2)
        """
        with self._state_slots("train").turn:
            return get_state_tree(self, value_format)

    def set_state_tree(self, state_tree: dict[str, Any]) -> None:
        """Assign the values of a tree, or of a part of one, to the variables.

        Args:
            state_tree: nested dicts, as `get_state_tree` returns them.

        Raises:
            ValueError: the model has no such variable, or a shape does not fit.
        """
        set_state_tree(self, state_tree)

    # ---- files --------------------------------------------------------------------------------

    def save(
        self, filepath: FilePath, overwrite: bool = True, zipped: bool | None = None, **kwargs: Any
    ) -> None:
        """Save the model to a `.keras` file; see `cornu.saving.save_model`."""
        with self._state_slots("train").turn:
            persistence.save_model(self, filepath, overwrite, zipped, **kwargs)

    def save_weights(
        self,
        filepath: FilePath,
        overwrite: bool = True,
        max_shard_size: float | None = None,
        **kwargs: Any,
    ) -> None:
        """Save the weights to a `.weights.h5` file; see `cornu.saving.save_weights`."""
        with self._state_slots("train").turn:
            weights_files.save_weights(self, filepath, overwrite, max_shard_size, **kwargs)

    def _check_saving(self, filepath: FilePath) -> None:
        """Raise or warn now if the model could not be saved there later."""
        persistence.check_saving(self, filepath)

    def load_weights(self, filepath: FilePath, skip_mismatch: bool = False, **kwargs: Any) -> None:
        """Load the weights of a file; see `cornu.saving.load_weights`."""
        weights_files.load_weights(self, filepath, skip_mismatch, **kwargs)

    # ---- configs ------------------------------------------------------------------------------

    def to_json(self, **kwargs: Any) -> str:
        """The architecture as JSON, for `model_from_json`."""
        config = serialize_keras_object(self)
        warn_of_lambdas(config)
        return json.dumps(config, **kwargs)

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None
    ) -> Any:
        """Make a model from what `get_config` returned.

        Args:
            config: arguments of the constructor, with serialized objects.
            custom_objects: dict from name to class or function, for what is not built in.
        """
        with CustomObjectScope(custom_objects or {}):
            if "input_layers" in config and not issubclass(cls, Model._graph_class):
                plain: Any = cls
                graph: Any = Model._graph_class if plain is Model else _as_graph(plain)
                return graph.from_config(config)
            return super().from_config(config)

    def build_from_config(self, config: dict[str, Any]) -> None:
        """Build with the input shapes of a config, if it has any."""
        if not self.built and any(config.values()):
            super().build_from_config(config)


refuse_after_fork(Model, "__call__")


def gives_graph(args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """Whether the arguments of a constructor are the inputs and outputs of a graph."""
    return len(args) >= 2 or ("outputs" in kwargs and (len(args) == 1 or "inputs" in kwargs))


@functools.cache
def _as_graph(cls: Any) -> type:
    """A subclass of Model that is a graph too, under the same name."""
    members = {
        "__module__": cls.__module__,
        "__qualname__": cls.__qualname__,
        "_class_in_files": cls,
    }
    return type(cls.__name__, (cls, Model._graph_class), members)


def _new_graph(cls: Any) -> Any:
    """An empty graph of a user's class, which its state is put into."""
    graph: Any = _as_graph(cls)
    return graph.__new__(graph)
