"""`Layer`: an operation that owns variables.

A call goes through the steps of `layers/base/call.py`; variables are made when the input shapes are
first known (`layers/base/build.py`). What a layer owns (variables, seeds, layers, metrics) is read
off its attributes (`layers/base/owner.py`).
"""

from typing import Any, ClassVar, Self

from cornu import bcoo, dtype_policies, regularizers, tree
from cornu.arguments import yes_or_no
from cornu.context import current_path, local
from cornu.core.forking import refuse_after_fork
from cornu.core.frame import Frame
from cornu.core.graph.operation import Operation
from cornu.core.objects.configurable import config_names, plain
from cornu.core.objects.registry import is_builtin
from cornu.core.programs.lift import remat
from cornu.core.symbolic import KerasTensor, infer
from cornu.core.text import as_text, is_text
from cornu.core.turns import others_loop, turn_of
from cornu.core.variable import Variable
from cornu.errors import explain, trimmed, type_error, unknown_arguments, value_error
from cornu.layers.base import own
from cornu.layers.base.build import (
    as_shapes,
    build_by_tracing,
    build_from_call,
    map_shapes,
    sketch_of,
    sketching,
    takes_no_shape,
    to_shapes,
    to_tensors,
    warn_of_maker,
    wrap_build,
)
from cornu.layers.base.call import Call
from cornu.layers.base.freezing import after_build, before_build, freeze_parts, frozen_parts
from cornu.layers.base.input_spec import first_shape_given
from cornu.layers.base.losses import Losses
from cornu.layers.base.owner import Owner
from cornu.layers.base.policy import Dtypes, policy_for_files, with_policy_named


class Layer(Owner, Losses, Dtypes, Operation):
    """A computation with variables.

    Subclasses make variables in `build(self, input_shape)` (or `__init__`) and compute in
    `call(self, inputs)`. Layers kept in attributes, also in lists and dicts, belong to the layer.

    Args:
        activity_regularizer: a penalty on the outputs, added to the loss.
        trainable: whether optimizers update the layer's trainable variables.
        dtype: dtype or dtype policy; the global policy if None.
        autocast: whether float inputs and variables are cast to the dtype of the computation.
        name: without slashes; numbered from the class name if None.

    Example:

        >>> import numpy as np
        >>> class Scale(Layer):
        ...     def build(self, input_shape):
        ...         self.gain = self.add_weight("gain", (input_shape[-1],), "ones")
        ...     def call(self, inputs):
        ...         return inputs * self.gain
        >>> layer = Scale()
        >>> layer(np.ones((2, 3))).shape, [w.path for w in layer.weights]
        ((2, 3), ['scale/gain'])
    """

    _config_omits_none = frozenset(("activity_regularizer",))
    _kinds: ClassVar[tuple[str, ...]] = ("layer",)
    _also_takes: ClassVar[tuple[str, ...]] = ()  # arguments that no constructor names
    _user_settings = frozenset(("trainable", "dtype_policy", "supports_masking", "input_spec"))
    _common_settings = ("name", "trainable", "dtype")
    _untracked_attributes: ClassVar = frozenset(("_losses", "_build_shapes", "_added"))

    _made_anew: ClassVar = {"_added": list, "_losses": list}

    _passes_inputs_on = False  # whether they go to layers inside, which judge them, as they are
    _converts_inputs = True  # whether arrays are turned into jax arrays before `call`
    _quantizes = False  # whether the class has its own `quantized_call`
    _takes_sparse = True  # whether `call` computes with sparse arrays, else made dense before
    _defines_masks = False  # whether the class has its own `compute_mask`, which may make masks
    _repeatable = True  # whether outputs follow from inputs and weights alone, and have no masks
    _ends_in_activation = False  # whether `call` ends in `activation`; not if overridden
    _weightless = False  # whether there is nothing to build, unless a subclass has a `build`
    _takes_stored = False  # whether `load_own_variables` takes arrays of any shape from a file
    _shares_policy = False  # whether the layers that it makes get its policy, and files hold theirs

    input_spec: Any = None  # what the first argument of a call must look like, an `InputSpec`
    supports_masking: bool = False  # whether outputs get the masks that `compute_mask` says
    path: str = ""  # names of what the layer is in and its own, joined by "/"
    takes_strings: bool = False  # whether `call` takes numpy arrays of text, and runs in numpy
    _pads_with: int | None = None  # number that fills rows of text up, where their width is free
    rescales_inputs: bool = False  # whether inputs of any scale will do, as in a normalization
    supports_jit: bool = True  # False runs the model eagerly, unless `compile` says otherwise
    quantization_config: Any = None

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        if args and isinstance(args[0], KerasTensor) and not cls._also_takes and is_builtin(cls):
            several = len([a for a in args if isinstance(a, KerasTensor)]) > 1
            raise type_error(
                f"{cls.__name__} is made of settings first, and called on tensors then.",
                fix=f"{cls.__name__}(...)([first, second])"
                if several
                else f"{cls.__name__}(...)(tensor)",
            )
        return super().__new__(cls, *args, **kwargs)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "build" in vars(cls):
            cls.build = wrap_build(cls.build)  # type: ignore[method-assign]
        if "quantized_call" in vars(cls):
            cls._quantizes = True
        if "call" in vars(cls):
            cls._ends_in_activation = vars(cls).get("_ends_in_activation", False)
        if "compute_mask" in vars(cls):
            cls._defines_masks = True
            cls.supports_masking = vars(cls).get("supports_masking", True)

    def __init__(
        self,
        *,
        activity_regularizer: Any = None,
        trainable: bool = True,
        dtype: Any = None,
        autocast: bool = True,
        name: str | None = None,
        **kwargs: Any,
    ):
        first_shape = first_shape_given(kwargs)
        if kwargs:
            known = ["name", "dtype", "trainable", "activity_regularizer", "input_shape"]
            cls: Any = type(self)
            known += [*config_names(cls), *self._also_takes]
            raise ValueError(unknown_arguments(type(self).__name__, kwargs, known))
        super().__init__(name)
        self.activity_regularizer = regularizers.get(activity_regularizer)
        self.path = f"{current_path()}/{self.name}" if current_path() else self.name
        self._set_policy(dtype_policies.get(dtype))
        self.autocast = bool(autocast)
        self.input_spec = None
        self.built = self._weightless and type(self).build is Layer.build
        self._first_input_shape = first_shape  # given as `input_shape=`, for a Sequential's first
        self._remat_mode = local.remat
        self._trainable = yes_or_no(trainable, "trainable")
        self._frozen_from_start = not trainable  # so its parts will be, too
        self._is_building = False
        self._build_shapes: dict[str, Any] | None = None
        self._made_in_call = local.call is not None
        self._makes_layers = False  # in its `call`, where nobody keeps them
        self._losses: list[Any] = []  # by add_loss outside of traces
        self._added: list[Variable] = []  # by add_weight, also those kept in no attribute

    # ---- calling ------------------------------------------------------------------------------

    @trimmed
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self._check_initialized()
        if self.takes_strings and args and (self._converts_inputs or local.text is not None):
            args = (as_text(args[0]), *args[1:])
            if local.text is not None and any(map(is_text, tree.flatten(args[0]))):
                return local.text.call(self, self._called, args, kwargs)
        return self._called(*args, **kwargs)

    def _called(self, *args: Any, **kwargs: Any) -> Any:
        call = Call(self, args, kwargs)
        if call.outermost and local.frame is None and others_loop():
            with turn_of(self.variables):
                return self._go_through(call)
        return self._go_through(call)

    def _go_through(self, call: Call) -> Any:
        if call.outermost and local.frame is None:
            self._clear_losses()
        call.convert_inputs()
        call.check_spec()
        if not self.built:
            call.makes_parts = type(self).build is Layer.build and bool(self._sublayers())
            self._build_once(call.shapes())
        call.fill_training()
        call.fill_masks()
        with call.scopes():
            outputs = call.record() if call.is_symbolic else call.run()
            return call.finish(outputs)

    def _build_once(self, shapes: dict[str, Any]) -> None:
        if self.quantization_mode is not None and not self._quantizes:
            self.quantized_call()  # says that there is none
        if type(self).build is Layer.build:
            self.built = True  # what it calls is built when it is called
            after_build(self, before_build(self))
            if self._sublayers() and shapes:
                self._build_shapes = {"input_shape": next(iter(shapes.values()))}
        else:
            build_from_call(self, shapes)
        if self._made_in_call and local.call is not None:
            warn_of_maker(self, local.call.layer)

    def build(self, input_shape: Any) -> None:
        """Make the variables; subclasses override it.

        Args:
            input_shape: shape of the first argument of `call`, None where unknown; for containers
                of arrays the same container of shapes.
        """
        if self._sublayers() and input_shape is not None:
            build_by_tracing(self, input_shape)

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the outputs; written by subclasses."""
        raise NotImplementedError(
            explain(
                f"{type(self).__name__} does not define `call`.",
                fix="def call(self, inputs): return ...",
            )
        )

    @property
    def _computation(self) -> Any:
        """The method that computes: `call`, or `quantized_call` if weights are quantized."""
        return self.call if self._policy.quantization_mode is None else self.quantized_call

    def rematerialized_call(self, layer_call: Any, *args: Any, **kwargs: Any) -> Any:
        """Call with intermediate results computed again in the backward pass."""
        mode = self._remat_mode  # None where somebody asks for it outside of a scope
        if mode is not None and not mode.applies(self, lambda: layer_call(*args, **kwargs)):
            return layer_call(*args, **kwargs)
        return remat(layer_call)(*args, **kwargs)

    def stateless_call(
        self,
        trainable_variables: Any,
        non_trainable_variables: Any,
        *args: Any,
        return_losses: bool = False,
        **kwargs: Any,
    ) -> Any:
        """Call as a pure function of the variables' values; the variables are left alone.

        Args:
            trainable_variables: values in the order of `trainable_variables`.
            non_trainable_variables: values in the order of `non_trainable_variables`.
            *args: positional arguments of `call`.
            return_losses: whether to return the list of losses, too.
            **kwargs: keyword arguments of `call`.

        Returns:
            `(outputs, non_trainable_variables)`, and the losses if asked for.

        Example:

            >>> import numpy as np
            >>> from cornu.layers import BatchNormalization
            >>> layer = BatchNormalization(); layer.build((None, 3))
            >>> y, state = layer.stateless_call(
            ...     layer.trainable_variables, layer.non_trainable_variables, np.ones((2, 3)),
            ...     training=True)
            >>> y.shape, len(state)
            ((2, 3), 2)
        """
        if not self.built:
            raise value_error(
                f"{type(self).__name__} '{self.name}' is not built, so its variables are not "
                "known.",
                fix="call it once on a sample, or call build(input_shape).",
            )
        trainable, non_trainable = self.trainable_variables, self.non_trainable_variables
        for kind, variables, values in (
            ("trainable", trainable, trainable_variables),
            ("non-trainable", non_trainable, non_trainable_variables),
        ):
            if len(variables) != len(values):
                raise value_error(
                    f"'{self.name}' has {len(variables)} {kind} variables, got {len(values)} "
                    "values.",
                    variables=", ".join(v.path for v in variables[:8]),
                )
        values = [_raw(v) for v in (*trainable_variables, *non_trainable_variables)]
        # What metrics take in is not among the results, so it stays inside.
        measured = self.metrics_variables
        values += [v._stored() for v in measured]
        with Frame([*trainable, *non_trainable, *measured], values) as frame:
            outputs = self(*args, **kwargs)
            losses = self.losses if return_losses else None
        after = frame.values_of(non_trainable)
        return (outputs, after, losses) if return_losses else (outputs, after)

    # ---- shapes and masks ---------------------------------------------------------------------

    def compute_output_shape(self, *args: Any, **kwargs: Any) -> Any:
        """The shape of the outputs for given input shapes; nothing is computed or built."""
        tensors = [to_tensors(shape, self.compute_dtype) for shape in args]
        named = {
            key.removesuffix("_shape"): to_tensors(shape, self.compute_dtype)
            for key, shape in kwargs.items()
        }
        if len(tensors) == 0 and set(named) == {"input"}:
            tensors, named = [named["input"]], {}
        if self.built:
            return to_shapes(infer(self, *tensors, **named))
        with sketching():
            return to_shapes(infer(sketch_of(self), *tensors, **named))

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """Symbolic tensors like the outputs of `call` on these arguments."""
        says_shape = type(self).compute_output_shape is not Layer.compute_output_shape
        given = bcoo.leaves((args, kwargs))
        if not says_shape or (
            any(getattr(x, "sparse", False) for x in given) and is_builtin(type(self).call)
        ):
            return self._spec_of_call(*args, **kwargs)
        # A layer that says its output shape is believed.
        tensors = args[0] if args else next(iter(kwargs.values()))
        shapes = self.compute_output_shape(to_shapes(tensors))
        return map_shapes(lambda shape: KerasTensor(shape, self.compute_dtype), shapes)

    def _spec_of_call(self, *args: Any, **kwargs: Any) -> Any:
        """Symbolic tensors like the outputs, found by running the computation on shapes."""
        if local.call is not None and local.call.layer is self:  # in the middle of a call
            return infer(self._computation, *args, **kwargs)
        if self.built:
            return infer(self, *args, **kwargs)
        with sketching():
            return infer(sketch_of(self), *args, **kwargs)

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        """The mask of the outputs; by default that of the inputs."""
        return previous_mask

    def _final_activation(self) -> str | None:
        activation = getattr(self, "activation", None) if self._ends_in_activation else None
        return getattr(activation, "__name__", None)

    def add_metric(self, *args: Any, **kwargs: Any) -> None:
        """Not offered any more; the message says what to use."""
        raise NotImplementedError(
            explain(
                "add_metric is no longer offered.",
                fix="keep a metric in an attribute and update it in call:\n"
                "self.norm = keras.metrics.Mean(name='norm')      # in __init__\n"
                "self.norm.update_state(value)                    # in call",
            )
        )

    # ---- quantized weights --------------------------------------------------------------------

    def quantize(self, mode: Any = None, type_check: bool = True, config: Any = None) -> None:
        """Quantize the weights of the built layer, and compute with those from then on.

        `Dense`, `EinsumDense`, `Embedding` and `ReversibleEmbedding` offer it.

        Args:
            mode: "int8", "int4", or "float8" for training in 8-bit floats.
            type_check: whether subclasses of those are refused, whose computation may be another.
            config: how weights and inputs are rounded; see `quantizers`.

        Raises:
            ValueError: the layer is not built or is quantized already, or the arguments contradict
                each other.
            NotImplementedError: the layer or the mode does not offer it.

        Example:

            >>> from cornu.layers import Dense
            >>> layer = Dense(4); layer.build((None, 8))
            >>> layer.quantize("int8")
            >>> layer.kernel.dtype, layer.dtype_policy.name
            ('int8', 'int8_from_float32')
        """
        raise NotImplementedError(
            explain(
                f"{type(self).__name__} '{self.name}' cannot be quantized.",
                fix="Dense, EinsumDense, Embedding and ReversibleEmbedding can.",
            )
        )

    def quantized_build(self, input_shape: Any, mode: str) -> None:
        """Make the quantized variables; layers that offer it override it."""
        raise NotImplementedError(
            explain(
                f"{type(self).__name__} does not define `quantized_build`.",
                fix="Dense, EinsumDense, Embedding and ReversibleEmbedding do.",
            )
        )

    def quantized_call(self, *args: Any, **kwargs: Any) -> Any:
        """Compute with quantized weights; layers that offer it override it."""
        raise NotImplementedError(
            explain(
                f"{type(self).__name__} '{self.name}' cannot be quantized, and its dtype policy "
                "asks for it.",
                policy=self._policy.name,
                fix="give this policy to Dense, EinsumDense or Embedding alone,\n"
                "or make the model in floats and call model.quantize('int8').",
            )
        )

    # ---- files --------------------------------------------------------------------------------

    def _config_value(self, name: str) -> Any:
        if name == "dtype":
            return policy_for_files(self)
        return super()._config_value(name)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        if self.autocast:  # Keras leaves the default out
            config.pop("autocast", None)
        if not is_builtin(type(self).__init__):  # which may not pass them on, so they are not named
            common = {"trainable": self.trainable, "dtype": plain(policy_for_files(self))}
            config = {"name": self.name, **common, **config}
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """Make a layer from what `get_config` returned."""
        return super().from_config(with_policy_named(config))

    def _set_common(self, settings: dict[str, Any]) -> None:
        if "name" in settings:
            self.path = self.path.removesuffix(self.name) + settings["name"]
            self.name = settings["name"]
        if settings.get("dtype") is not None:
            self.dtype_policy = settings["dtype"]
        if not settings.get("trainable", True):
            self.trainable = False

    def get_build_config(self) -> dict[str, Any] | None:
        """The shapes with which the layer was built; None if it needs none."""
        shapes = self._build_shapes
        if shapes is None:
            # It was built without a shape, and needs none.
            return {"input_shape": None} if self._added and not self._sublayers() else None
        if len(shapes) == 1:
            return {"input_shape": next(iter(shapes.values()))}
        return {"shapes_dict": shapes}

    def build_from_config(self, config: dict[str, Any]) -> None:
        """Build with the shapes of a config."""
        shapes = config.get("shapes_dict")
        if shapes:
            build_from_call(self, {k: as_shapes(v) for k, v in shapes.items()})
        elif config.get("input_shape") is not None:
            self.build(as_shapes(config["input_shape"]))
        elif "input_shape" in config and takes_no_shape(type(self).build):
            self.build(None)

    def _notes_for_files(self) -> dict[str, Any]:
        """What stands beside the config in a file; Keras does not look at it."""
        places = frozen_parts(self)
        return {} if places is None else {"frozen_parts": places}

    def _read_notes(self, notes: dict[str, Any]) -> None:
        """Take what `_notes_for_files` wrote, from all that stands beside the config."""
        freeze_parts(self, notes.get("frozen_parts"))

    def save_own_variables(self, store: Any) -> None:
        """Put the weights that the layer owns itself into a mapping, by position."""
        own.save_own_variables(self, store)

    def load_own_variables(self, store: Any) -> None:
        """Take them back from such a mapping."""
        own.load_own_variables(self, store)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}, built={self.built}>"


def _raw(value: Any) -> Any:
    return value.value if isinstance(value, Variable) else value


Layer.build = wrap_build(Layer.build)  # type: ignore[method-assign]
refuse_after_fork(Layer, "__call__")
