"""Layers around functions and modules of other libraries.

    JaxLayer   a pure function of jax: params and inputs to outputs
    FlaxLayer  a module of flax, by its `init` and `apply`

The arrays of `params` become trainable variables of the layer, those of `state` non-trainable ones,
so they are trained, listed and saved as those of any layer. Programs of TensorFlow and modules of
PyTorch do not run inside a compiled JAX program; their layers say so.
"""

import inspect
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, NoReturn

import jax
import jax.numpy as jnp
import numpy as np

from cornu.core.dtypes import numpy_dtype
from cornu.core.objects.configurable import plain
from cornu.core.objects.serialize import deserialize_keras_object
from cornu.core.variable import Variable
from cornu.errors import explain, value_error, warn
from cornu.layers.base.build import map_shapes
from cornu.layers.base.layer import Layer
from cornu.random.seed import SeedGenerator
from cornu.types import Config, DType, FilePath, Shape, Tensor, Tensors

_CALL = ("params", "state", "rng", "inputs", "training")
_INIT = ("rng", "inputs", "training")


def _arguments_of(function: Callable[..., Any], known: tuple[str, ...], name: str) -> list[str]:
    """The names of a function's arguments, which must be among the known ones.

    Raises:
        ValueError: there is another one, or no `inputs`.
    """
    parameters = inspect.signature(function).parameters.values()
    named = [p.name for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    unknown = [n for n in named if n not in known]
    if "inputs" not in named or unknown:
        what = f"no argument {unknown[0]!r}" if unknown else "an argument `inputs`"
        raise value_error(
            f"{name} has {what}.",
            received=f"{name}({', '.join(named)})",
            fix=f"{name} takes some of ({', '.join(known)}), by these names",
        )
    return named


def _value(leaf: Tensor) -> Tensor:
    """The array of a variable; anything else as it is."""
    return leaf.value if isinstance(leaf, Variable) else leaf


def _array(leaf: Tensor) -> Tensor:
    """The NumPy array of a variable; anything else as it is."""
    return leaf.numpy() if isinstance(leaf, Variable) else leaf


class JaxLayer(Layer):
    """A function of jax as a layer.

    `call_fn(params, state, rng, inputs, training)` returns the outputs, or, if it takes `state`,
    `(outputs, new_state)`. `init_fn(rng, inputs, training)` returns `params`, or `(params, state)`
    if `call_fn` takes a state. Both may leave arguments out; they are found by name.

    Args:
        call_fn: computes the outputs.
        init_fn: makes params and state from inputs of the right shape, unless they are given.
        params: arrays in lists and dicts, instead of those of `init_fn`.
        state: arrays in lists and dicts, instead of those of `init_fn`.
        seed: seed of the random numbers.
        native_serialization_platforms: accepted as Keras does.

    Example:

        >>> import numpy as np
        >>> def scale(params, inputs):
        ...     return params["gain"] * inputs
        >>> layer = JaxLayer(scale, params={"gain": np.full(3, 2.0)}, name="scale")
        >>> layer(np.ones((1, 3)))[0].tolist(), layer.weights[0].path
        ([2.0, 2.0, 2.0], 'scale/params_gain')
    """

    _config_omits_none = frozenset(("activity_regularizer", "params", "state"))
    _repeatable = False

    def __init__(
        self,
        call_fn: Callable[..., Any],
        init_fn: Callable[..., Any] | None = None,
        params: Tensors = None,
        state: Tensors = None,
        seed: int | None = None,
        native_serialization_platforms: Sequence[str] | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.call_fn = call_fn
        self.init_fn = init_fn
        self.seed = seed
        self.native_serialization_platforms = native_serialization_platforms
        self._call_arguments = _arguments_of(call_fn, _CALL, "call_fn")
        self._init_arguments = [] if init_fn is None else _arguments_of(init_fn, _INIT, "init_fn")
        self.has_state = "state" in self._call_arguments
        self._has_params = "params" in self._call_arguments
        missing = [
            name
            for name, arrays in (("params", params), ("state", state))
            if name in self._call_arguments and arrays is None and init_fn is None
        ]
        if missing and params is None and state is None:
            raise value_error(
                f"{type(self).__name__} needs init_fn, or the arrays that it would make.",
                fix="init_fn=init_fn\nor params=params" + ", state=state" * self.has_state,
            )
        if missing:
            warn(
                f"call_fn of {type(self).__name__} takes {' and '.join(missing)} and gets None: "
                f"give init_fn=..., or {', '.join(f'{name}=...' for name in missing)}"
            )
        self.seed_generator = SeedGenerator(seed)
        self.params: Any = None
        self.state: Any = None
        if params is not None:
            self.params = self._variables("params", params, trainable=True)
        if state is not None:
            self.state = self._variables("state", state, trainable=False)
        self.built = self._has_arrays

    def _variables(self, kind: str, arrays: Tensors, *, trainable: bool) -> Tensors:
        """The arrays as variables, in the same containers."""

        def make(path: tuple[Any, ...], array: Tensor) -> Tensor:
            steps = [str(getattr(k, "key", getattr(k, "idx", k))).replace("/", "_") for k in path]
            leaf, array = array, np.asarray(array)
            if array.dtype.kind in "OSU":
                return leaf  # a setting, such as a name, which goes to `call_fn` as it is
            if array.dtype.kind == "f":
                array = array.astype(numpy_dtype(self.variable_dtype))
            return self.add_weight(
                shape=array.shape,
                dtype=array.dtype.name,
                initializer=lambda shape, dtype=None: jnp.asarray(array),
                trainable=trainable,
                name="_".join([kind, *steps]),
            )

        return jax.tree_util.tree_map_with_path(make, arrays)

    @property
    def _has_arrays(self) -> bool:
        """Whether everything is there that `call_fn` takes, or that will ever be."""
        if self.init_fn is None:
            return True
        given = {"params": self.params, "state": self.state}
        return all(name not in self._call_arguments or given[name] is not None for name in given)

    def build(self, input_shape: Shape) -> None:
        if self._has_arrays:
            return
        ones = map_shapes(
            lambda s: jnp.ones([1 if n is None else n for n in s], self.compute_dtype), input_shape
        )
        given = {"rng": self.seed_generator.next(), "inputs": ones, "training": True}
        made = self.init_fn(**{name: given[name] for name in self._init_arguments})  # type: ignore[misc]
        if self._has_params and self.has_state:
            params, state = made
        else:
            params, state = (made, None) if self._has_params else (None, made)
        if self._has_params and self.params is None:
            self.params = self._variables("params", params, trainable=True)
        if self.has_state and self.state is None:
            self.state = self._variables("state", state, trainable=False)

    def call(self, inputs: Tensors, training: bool = False) -> Tensors:
        given: dict[str, Any] = {"inputs": inputs, "training": training}
        if "params" in self._call_arguments:
            given["params"] = jax.tree.map(_value, self.params)
        if self.has_state:
            given["state"] = jax.tree.map(_value, self.state)
        if "rng" in self._call_arguments:
            given["rng"] = self.seed_generator.next()
        outputs = self.call_fn(**{name: given[name] for name in self._call_arguments})
        if self.has_state:
            outputs, state = outputs
            self._assign_state(state)
        return outputs

    def _assign_state(self, state: Tensors) -> None:
        """Assign the state that `call_fn` returned."""
        held, returned = jax.tree.structure(self.state), jax.tree.structure(state)
        if held != returned:
            raise value_error(
                f"call_fn of {type(self).__name__} '{self.name}' must return a state of the "
                "same structure as the one that it takes.",
                taken=held,
                returned=returned,
            )
        for variable, value in zip(
            jax.tree.leaves(self.state), jax.tree.leaves(state), strict=True
        ):
            if isinstance(variable, Variable):
                variable.assign(value)

    def _config_value(self, name: str) -> Any:
        if name in ("params", "state"):  # made by init_fn again, or saved with their structure
            held = getattr(self, name)
            kept = held is not None and self.init_fn is None
            return jax.tree.map(_array, held) if kept else None
        return super()._config_value(name)

    def get_config(self) -> Config:
        return {name: plain(value) for name, value in super().get_config().items()}

    @classmethod
    def from_config(cls, config: Config) -> Any:
        config = dict(config)
        for name in ("call_fn", "init_fn", "params", "state"):
            if isinstance(config.get(name), dict):
                config[name] = deserialize_keras_object(config[name])
        return cls(**config)


class FlaxLayer(JaxLayer):
    """A module of flax (`flax.linen`) as a layer.

    The collection "params" becomes trainable variables, the other collections non-trainable ones.

    Args:
        module: the module.
        method: the module's method to call, a function `(module, inputs, training)`; its `__call__`
            if None. The argument `training` is passed if there is one.
        variables: collections to start from, instead of those of `module.init`.

    Example of use:

        model = keras.Sequential([FlaxLayer(MyModule()), keras.layers.Dense(10)])
    """

    def __init__(
        self,
        module: Any,
        method: str | Callable[..., Any] | None = None,
        variables: dict[str, Any] | None = None,
        **kwargs: Any,
    ):
        for needed in ("init", "apply"):
            if not hasattr(module, needed):
                raise value_error(
                    f"FlaxLayer takes a module of flax, got {type(module).__name__}, which has "
                    f"no `{needed}`.",
                    fix="an instance of a subclass of flax.linen.Module",
                )
        called = method if callable(method) else getattr(type(module), method or "__call__")
        takes_training = "training" in inspect.signature(called).parameters
        options: dict[str, Any] = {} if method is None else {"method": method}

        def mode(training: bool) -> dict[str, Any]:
            return {"training": bool(training)} if takes_training else {}

        def apply(
            params: Tensors, state: Config, rng: Tensor, inputs: Tensors, training: bool
        ) -> Any:
            outputs, changed = module.apply(
                {"params": params, **state},
                inputs,
                rngs={"dropout": rng},
                mutable=list(state) if training and state else [],
                **options,
                **mode(training),
            )
            return outputs, {**state, **changed}

        def init(rng: Tensor, inputs: Tensors, training: bool) -> Any:
            first, second = jax.random.split(rng)
            made = module.init(
                {"params": first, "dropout": second}, inputs, **options, **mode(training)
            )
            return made.get("params", {}), {k: v for k, v in made.items() if k != "params"}

        given: dict[str, Any] = {}
        if variables is not None:
            given["params"] = variables.get("params", {})
            given["state"] = {k: v for k, v in variables.items() if k != "params"}
        super().__init__(apply, init, **given, **kwargs)
        self.module = module
        self.method = method

    def get_config(self) -> dict[str, Any]:
        raise NotImplementedError(
            explain(
                f"'{self.name}' holds a module of flax, whose code is not saved.",
                fix="save the weights (model.save_weights), and make the model again to load them.",
            )
        )


class _Refused(Layer):
    """A layer of Keras around a program that does not run inside a compiled JAX program."""

    _what: ClassVar[str]
    _instead: ClassVar[str]

    @classmethod
    def _refuse(cls) -> NoReturn:
        """Say why, and what to use."""
        raise NotImplementedError(
            explain(f"{cls._what} does not run inside a compiled JAX program.", fix=cls._instead)
        )

    @classmethod
    def from_config(
        cls, config: Config, custom_objects: Config | None = None, safe_mode: bool | None = None
    ) -> Any:
        """Refused, as the constructor is."""
        cls._refuse()


class TFSMLayer(_Refused):
    """Refused: a SavedModel is a program of TensorFlow, which does not run inside JAX.

    Args:
        filepath: folder of the SavedModel.
        call_endpoint: name of the function for inference.
        call_training_endpoint: name of the function for training.
        trainable: whether its variables are trained.

    Raises:
        NotImplementedError: always.
    """

    _what = "A SavedModel, a program of TensorFlow,"
    _instead = (
        "load the .keras or .weights.h5 file that the model was exported from;\n"
        "without one, write the model as layers and set its weights from the checkpoint."
    )

    def __init__(
        self,
        filepath: FilePath,
        call_endpoint: str = "serve",
        call_training_endpoint: str | None = None,
        trainable: bool = True,
        name: str | None = None,
        dtype: DType | None = None,
    ):
        self._refuse()


class TorchModuleWrapper(_Refused):
    """Refused: a module of PyTorch does not run inside a compiled JAX program.

    Args:
        module: the module.
        output_shape: shape of its outputs.

    Raises:
        NotImplementedError: always.
    """

    _what = "A module of PyTorch"
    _instead = (
        "write it as a layer, and set its weights from module.state_dict();\n"
        "as a function of jax, it goes into layers.JaxLayer."
    )

    def __init__(
        self, module: Any, name: str | None = None, output_shape: Shape | None = None, **kwargs: Any
    ):
        self._refuse()

    def parameters(self, recurse: bool = True) -> Any:
        """Refused: there is no module whose parameters could be listed."""
        self._refuse()
