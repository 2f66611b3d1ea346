"""`Layer`: an operation that owns variables.

A call goes through the steps of `layers/base/call.py`; variables are made when the input shapes are
first known (`layers/base/build.py`). What a layer owns (variables, seeds, layers, metrics) is read
off its attributes, in the order of assignment (`core/tracking.py`).
"""

from typing import Any, ClassVar

import numpy as np

from cornu import constraints, initializers, regularizers, tree
from cornu.core import dtypes
from cornu.core.context import current_path, local, using
from cornu.core.frame import AddedLoss, Frame, is_tracer
from cornu.core.lift import remat
from cornu.core.masks import table as mask_table
from cornu.core.operation import Operation
from cornu.core.symbolic import KerasTensor, infer
from cornu.core.tracking import owned_by, unique
from cornu.core.variable import Variable
from cornu.errors import did_you_mean, explain, trimmed
from cornu.layers.base import own
from cornu.layers.base.arguments import first_shape_given
from cornu.layers.base.build import (
    as_shapes,
    build_by_tracing,
    build_from_call,
    map_shapes,
    to_shapes,
    to_tensors,
    wrap_build,
)
from cornu.layers.base.call import Call
from cornu.layers.base.policy import policy_for
from cornu.metrics.metric import Metric
from cornu.random.seed import SeedGenerator


class Layer(Operation):
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

        >>> class Scale(Layer):
        ...     def build(self, input_shape):
        ...         self.gain = self.add_weight("gain", (input_shape[-1],), "ones")
        ...     def call(self, inputs):
        ...         return inputs * self.gain
        >>> layer = Scale()
        >>> layer(np.ones((2, 3))).shape, [w.path for w in layer.weights]
        ((2, 3), ['scale/gain'])
    """

    config_omits_none = frozenset(("activity_regularizer",))
    untracked_attributes: ClassVar = frozenset(("_losses", "_build_shapes", "_added"))

    converts_inputs = True  # whether arrays are turned into jax arrays before `call`
    makes_masks = False  # whether `compute_mask` makes a mask of inputs that carry none

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "build" in vars(cls):
            cls.build = wrap_build(cls.build)  # type: ignore[method-assign]

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
            raise ValueError(
                explain(
                    f"{type(self).__name__} takes no argument {next(iter(kwargs))!r}.",
                    fix=did_you_mean(next(iter(kwargs)), [*known, *_own_arguments(type(self))]),
                )
            )
        super().__init__(name)
        self.activity_regularizer = regularizers.get(activity_regularizer)
        self.dtype_policy = policy_for(dtype, self.name)
        self.autocast = bool(autocast)
        self.input_spec: Any = None
        self.supports_masking = False
        self.built = False
        self.path = f"{current_path()}/{self.name}" if current_path() else self.name
        self.first_input_shape = first_shape  # given as `input_shape=`, for a Sequential's first
        self.remat_mode = local.remat
        self._trainable = bool(trainable)
        self._is_building = False
        self._build_shapes: dict[str, Any] | None = None
        self._losses: list[Any] = []
        self._added: list[Variable] = []  # by add_weight, also those kept in no attribute

    # ---- calling ------------------------------------------------------------------------------

    @trimmed
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self._check_initialized()
        call = Call(self, args, kwargs)
        if call.outermost:
            with mask_table():
                return self._go_through(call)
        return self._go_through(call)

    def _check_initialized(self) -> None:
        if "_added" not in vars(self):
            raise RuntimeError(
                explain(
                    f"{type(self).__name__}.__init__ does not call super().__init__().",
                    fix="begin it with super().__init__(**kwargs).",
                )
            )

    def _go_through(self, call: Call) -> Any:
        if call.outermost and local.frame is None:
            self._clear_losses()
        call.convert_inputs()
        call.check_spec()
        if not self.built:
            self._build_once(call.shapes())
        call.fill_training()
        call.fill_masks()
        with call.scopes():
            outputs = call.record() if call.is_symbolic else call.run()
            return call.finish(outputs)

    def _build_once(self, shapes: dict[str, Any]) -> None:
        if type(self).build is Layer.build:
            self.built = True  # what it calls is built when it is called
            if self._sublayers() and shapes:
                self._build_shapes = {"input_shape": next(iter(shapes.values()))}
        else:
            build_from_call(self, shapes)

    def build(self, input_shape: Any) -> None:
        """Make the variables; subclasses override it.

        Args:
            input_shape: shape of the first argument of `call`, None where unknown; for containers
                of arrays the same container of shapes.
        """
        if self._sublayers():
            build_by_tracing(self, input_shape)

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the outputs; written by subclasses."""
        raise NotImplementedError(
            explain(
                f"{type(self).__name__} does not define `call`.",
                fix="def call(self, inputs): return ...",
            )
        )

    def rematerialized_call(self, layer_call: Any, *args: Any, **kwargs: Any) -> Any:
        """Call with intermediate results computed again in the backward pass."""
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
            *args: of the call.
            return_losses: also return the list of losses.
            **kwargs: of the call.

        Returns:
            `(outputs, non_trainable_variables)`, and the losses if asked for.

        Example:

            >>> from cornu.layers import BatchNormalization
            >>> layer = BatchNormalization(); layer.build((None, 3))
            >>> y, state = layer.stateless_call(
            ...     layer.trainable_variables, layer.non_trainable_variables, np.ones((2, 3)),
            ...     training=True)
            >>> y.shape, len(state)
            ((2, 3), 2)
        """
        if not self.built:
            raise ValueError(
                explain(
                    f"{type(self).__name__} '{self.name}' is not built, so its variables are not "
                    "known.",
                    fix="call it once on a sample, or call build(input_shape).",
                )
            )
        trainable, non_trainable = self.trainable_variables, self.non_trainable_variables
        for kind, variables, values in (
            ("trainable", trainable, trainable_variables),
            ("non-trainable", non_trainable, non_trainable_variables),
        ):
            if len(variables) != len(values):
                raise ValueError(
                    explain(
                        f"'{self.name}' has {len(variables)} {kind} variables, got {len(values)} "
                        "values.",
                        variables=", ".join(v.path for v in variables[:8]),
                    )
                )
        values = [_raw(v) for v in (*trainable_variables, *non_trainable_variables)]
        with Frame([*trainable, *non_trainable], values) as frame:
            outputs = self(*args, **kwargs)
            losses = self.losses if return_losses else None
        after = frame.values_of(non_trainable)
        return (outputs, after, losses) if return_losses else (outputs, after)

    # ---- shapes and masks ---------------------------------------------------------------------

    def compute_output_shape(self, *args: Any, **kwargs: Any) -> Any:
        """The shape of the outputs for given input shapes; nothing is computed or built."""
        layer = self if self.built else type(self).from_config(self.get_config())
        tensors = [to_tensors(shape, self.compute_dtype) for shape in args]
        named = {
            key.removesuffix("_shape"): to_tensors(shape, self.compute_dtype)
            for key, shape in kwargs.items()
        }
        if len(tensors) == 0 and set(named) == {"input"}:
            tensors, named = [named["input"]], {}
        return to_shapes(infer(layer, *tensors, **named))

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """Symbolic tensors like the outputs of `call` on these arguments."""
        if type(self).compute_output_shape is Layer.compute_output_shape:
            return super().compute_output_spec(*args, **kwargs)
        # A layer that says its output shape is believed.
        tensors = args[0] if args else next(iter(kwargs.values()))
        shapes = self.compute_output_shape(to_shapes(tensors))
        return map_shapes(lambda shape: KerasTensor(shape, self.compute_dtype), shapes)

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        """The mask of the outputs; by default that of the inputs."""
        return previous_mask

    # ---- variables ----------------------------------------------------------------------------

    def add_weight(
        self,
        *args: Any,
        shape: Any = None,
        initializer: Any = None,
        dtype: Any = None,
        trainable: bool = True,
        autocast: bool = True,
        regularizer: Any = None,
        constraint: Any = None,
        aggregation: str = "none",
        overwrite_with_gradient: bool = False,
        name: str | None = None,
        like: str | None = None,
    ) -> Variable:
        """Make a variable that belongs to the layer.

        Args:
            shape: tuple of ints; `()` if None.
            initializer: name, config or function; Glorot uniform for floats and zeros for other
                dtypes if None.
            dtype: the policy's variable dtype if None.
            trainable: whether optimizers update it.
            autocast: whether it is read in the dtype of the computation.
            regularizer: a penalty on the value, added to the loss.
            constraint: applied to the value after each update.
            aggregation: how copies on several devices combine.
            overwrite_with_gradient: whether its "gradient" replaces it.
            name: last part of its path.
            like: takes what is not given from the layer's attributes `<like>_initializer`,
                `<like>_regularizer` and `<like>_constraint`, and the name.

        Returns:
            The variable.
        """
        self._check_initialized()
        if args and isinstance(args[0], str):  # as older code has it
            name, *args = args  # type: ignore[assignment]
        if len(args) > 3:
            raise TypeError(
                explain(
                    f"add_weight takes 3 arguments by position, got {len(args)}.",
                    fix="add_weight(shape, initializer, dtype, trainable=..., name=...)",
                )
            )
        shape, initializer, dtype = (*args, *(shape, initializer, dtype)[len(args) :])
        if like is not None:
            name = name or like
            if initializer is None:
                initializer = getattr(self, f"{like}_initializer", None)
            regularizer = regularizer or getattr(self, f"{like}_regularizer", None)
            constraint = constraint or getattr(self, f"{like}_constraint", None)
        dtype = dtypes.standardize_dtype(dtype or self.variable_dtype)
        if initializer is None:
            initializer = "glorot_uniform" if "float" in dtype else "zeros"
        inside = self._is_building or (local.call is not None and local.call.layer is self)
        with using(path=current_path() if inside else self.path):
            variable = Variable(
                initializers.get(initializer),
                shape=() if shape is None else shape,
                dtype=dtype,
                trainable=trainable,
                autocast=autocast,
                aggregation=aggregation,
                name=name,
            )
        variable.regularizer = regularizers.get(regularizer)
        variable.constraint = constraints.get(constraint)
        variable.overwrite_with_gradient = overwrite_with_gradient
        variable.trainable = trainable and self.trainable  # of a layer made frozen, until it thaws
        self._added.append(variable)
        return variable

    def add_variable(
        self,
        shape: Any,
        initializer: Any,
        dtype: Any = None,
        trainable: bool = True,
        autocast: bool = True,
        regularizer: Any = None,
        constraint: Any = None,
        name: str | None = None,
    ) -> Variable:
        """`add_weight` with the shape and the initializer first."""
        return self.add_weight(
            shape=shape,
            initializer=initializer,
            dtype=dtype,
            trainable=trainable,
            autocast=autocast,
            regularizer=regularizer,
            constraint=constraint,
            name=name,
        )

    def _own_variables(self) -> list[Variable]:
        """The variables that the layer owns directly, in the order in which it got them."""
        return own.in_order(owned_by(self, Variable), self._added)

    def _sublayers(self) -> list["Layer"]:
        """The layers that the layer owns directly, in order."""
        return owned_by(self, Layer)

    def _flatten_layers(self, include_self: bool = True, recursive: bool = True) -> list["Layer"]:
        """The layers below, depth first, each once."""
        if not recursive:
            return ([self] if include_self else []) + self._sublayers()
        found: dict[int, Layer] = {}  # by identity: layers may own each other in circles
        waiting = [self]
        while waiting:
            layer = waiting.pop()
            if id(layer) not in found:
                found[id(layer)] = layer
                waiting += reversed(layer._sublayers())
        return list(found.values())[0 if include_self else 1 :]

    def _collect(self, *, with_seeds: bool) -> list[Variable]:
        """The variables of the layer itself."""
        variables = own.own_weights(self)
        if with_seeds:
            variables += [generator.state for generator in owned_by(self, SeedGenerator)]
        return variables

    def _collect_all(self, *, with_seeds: bool) -> list[Variable]:
        """The variables of the layer and of those below."""
        layers = self._flatten_layers()
        return unique(v for layer in layers for v in layer._collect(with_seeds=with_seeds))

    @property
    def variables(self) -> list[Variable]:
        """All variables of the layer and of what it owns, the states of seeds included."""
        return self._collect_all(with_seeds=True)

    @property
    def weights(self) -> list[Variable]:
        """All variables except the states of seeds."""
        return self._collect_all(with_seeds=False)

    @property
    def trainable_variables(self) -> list[Variable]:
        """The variables that optimizers update."""
        return [v for v in self.variables if v.trainable] if self.trainable else []

    @property
    def non_trainable_variables(self) -> list[Variable]:
        """The variables that optimizers leave alone: statistics, seeds, frozen weights."""
        if not self.trainable:
            return self.variables
        return [v for v in self.variables if not v.trainable]

    @property
    def trainable_weights(self) -> list[Variable]:
        """The weights that optimizers update."""
        return [v for v in self.weights if v.trainable] if self.trainable else []

    @property
    def non_trainable_weights(self) -> list[Variable]:
        """The weights that optimizers leave alone."""
        if not self.trainable:
            return self.weights
        return [v for v in self.weights if not v.trainable]

    @property
    def trainable(self) -> bool:
        """Whether the layer learns; setting it sets its variables and all layers below."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        for layer in self._flatten_layers():
            layer._trainable = bool(value)
            for variable in layer._own_variables():
                if variable.made_trainable:  # running statistics stay what they are
                    variable.trainable = bool(value)

    @property
    def metrics(self) -> list[Metric]:
        """The metrics of the layer and of the layers below."""
        return unique(m for layer in self._flatten_layers() for m in owned_by(layer, Metric))

    @property
    def metrics_variables(self) -> list[Variable]:
        """The variables of those metrics."""
        return unique(v for metric in self.metrics for v in metric.variables)

    def get_weights(self) -> list[np.ndarray]:
        """The weights as numpy arrays, in the order of `weights`."""
        return [v.numpy() for v in self.weights]

    def set_weights(self, weights: Any) -> None:
        """Assign numpy arrays to the weights, in the order of `weights`."""
        own.set_weights(self, weights)

    def count_params(self) -> int:
        """The number of elements of all weights.

        Raises:
            ValueError: the layer is not built, so the number is not known.
        """
        if not self.built:
            raise ValueError(
                explain(
                    f"Layer '{self.name}' is not built, so its parameters cannot be counted.",
                    fix="call it on a sample, or call build(input_shape).",
                )
            )
        return sum(v.size for v in self.weights)

    def save_own_variables(self, store: Any) -> None:
        """Put the weights that the layer owns itself into a mapping, by position."""
        own.save_own_variables(self, store)

    def load_own_variables(self, store: Any) -> None:
        """Take them back from such a mapping."""
        own.load_own_variables(self, store)

    # ---- losses -------------------------------------------------------------------------------

    def add_loss(self, loss: Any) -> None:
        """Add a scalar (or a list of scalars) to the loss of the model, during `call`."""
        for value in tree.flatten(loss):
            if callable(value):
                raise TypeError(
                    explain(
                        "add_loss takes a value, not a function.",
                        fix="call it inside `call`: self.add_loss(penalty(x))",
                    )
                )
            if local.frame is not None and (not is_tracer(value) or local.frame.is_current_trace()):
                local.frame.losses.append(AddedLoss(self, value))
            elif is_tracer(value):
                raise RuntimeError(
                    explain(
                        f"'{self.name}' adds a loss inside a transform that does not carry it.",
                        fix="use the transforms that do (cornu.ops.scan, cond, map, cornu.remat),\n"
                        "or layer.stateless_call(..., return_losses=True) inside jax.jit.",
                    )
                )
            else:
                self._losses.append(value)

    def _clear_losses(self) -> None:
        for layer in self._flatten_layers():
            layer._losses.clear()

    @property
    def losses(self) -> list[Any]:
        """What `add_loss` and activity regularizers added in the last call, and the penalties of
        regularizers on weights."""
        layers = self._flatten_layers()
        if local.frame is not None:
            ids = {id(layer) for layer in layers}
            added = [a.value for a in local.frame.losses if a.owner is None or id(a.owner) in ids]
        else:
            added = [loss for layer in layers for loss in layer._losses]
        penalties = [
            v.regularizer(v.value) for v in self.trainable_weights if v.regularizer is not None
        ]
        return added + penalties

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

    # ---- dtypes -------------------------------------------------------------------------------

    @property
    def dtype(self) -> str:
        """The dtype of the variables."""
        return self.variable_dtype

    @property
    def variable_dtype(self) -> str:
        """The dtype of the variables."""
        return self.dtype_policy.variable_dtype

    @property
    def compute_dtype(self) -> str:
        """The dtype of the computation."""
        return self.dtype_policy.compute_dtype

    @property
    def input_dtype(self) -> str:
        """The dtype to which float inputs are cast."""
        return self.compute_dtype

    @property
    def autocast_dtype(self) -> str | None:
        """The dtype in which variables are read during a call; None if their own."""
        compute = self.compute_dtype
        if not self.autocast or compute == self.variable_dtype or "float" not in compute:
            return None
        return compute

    @property
    def quantization_mode(self) -> str | None:
        """How the weights are quantized; None if they are not."""
        return self.dtype_policy.quantization_mode

    # ---- files --------------------------------------------------------------------------------

    def _config_value(self, name: str) -> Any:
        if name == "dtype":
            return self.dtype_policy
        return super()._config_value(name)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        if self.autocast:  # Keras leaves the default out
            config.pop("autocast", None)
        return config

    def get_build_config(self) -> dict[str, Any] | None:
        """The shapes with which the layer was built; None if it needs none."""
        shapes = self._build_shapes
        if shapes is None:
            return None
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

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}, built={self.built}>"


def _raw(value: Any) -> Any:
    return value.value if isinstance(value, Variable) else value


def _own_arguments(cls: Any) -> list[str]:
    from_init = getattr(cls.__init__, "__code__", None)
    return list(from_init.co_varnames[1 : from_init.co_argcount]) if from_init else []


Layer.build = wrap_build(Layer.build)  # type: ignore[method-assign]
