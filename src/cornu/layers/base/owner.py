"""`Owner`: what a layer owns, its variables and layers, read off its attributes.

    layer.kernel = layer.add_weight(...)     a variable, which stands in an attribute
    layer.blocks = [Dense(4), Dense(4)]      layers, also in lists and dicts

The order is that of assignment (`core/objects/tracking.py`), and the same everywhere: in `weights`,
in files, in summaries.
"""

from typing import TYPE_CHECKING, Any

import numpy as np

from cornu import constraints, initializers, regularizers
from cornu.context import current_path, local, using
from cornu.core import dtypes
from cornu.core.objects.attributes import Attributes
from cornu.core.objects.tracking import owned_by, unique
from cornu.core.turns import turn_of
from cornu.core.variable import Variable
from cornu.errors import type_error, value_error, without_super
from cornu.layers.base import own
from cornu.layers.base.build import is_sketching
from cornu.layers.base.freezing import set_trainable
from cornu.layers.base.settings import assign_settings
from cornu.metrics.metric import Metric
from cornu.numeric import is_float
from cornu.random.seed import SeedGenerator
from cornu.types import ConstraintLike, InitializerLike, RegularizerLike

_IN_BUILD = """make it in build:
def build(self, input_shape):
    self.scale = self.add_weight(shape=(input_shape[-1],))"""


class Owner(Attributes):
    """The part of a layer that makes and lists variables."""

    if TYPE_CHECKING:
        name: str
        path: str
        built: bool
        variable_dtype: str
        _trainable: bool
        _is_building: bool
        _added: list[Variable]

        # `model.layers[0].kernel`: which weights a layer has, no type says.
        def __getattr__(self, name: str) -> Any: ...

    def _check_initialized(self) -> None:
        if "_added" not in vars(self):
            raise RuntimeError(without_super(self))

    def _check_makes_parts(self, what: str, fix: str) -> None:
        """Raise ValueError where the layer's own `call` makes what each call would make again."""
        call = local.call
        if call is None or call.layer is not self or call.makes_parts or self._is_building:
            return
        raise value_error(
            f"{type(self).__name__}.call makes {what}, but the layer is built: another call "
            "would make it again, untrained.",
            fix=fix,
        )

    def _keep(self, variable: Variable) -> None:
        inside = local.call is not None and local.call.layer is self
        if inside and not any(variable is known for known in self._own_variables()):
            self._check_makes_parts("a variable", _IN_BUILD)

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

        Raises:
            ValueError: the layer's own `call` makes it.
        """
        self._check_initialized()
        self._check_makes_parts("a weight", _IN_BUILD)
        if args and isinstance(args[0], str):  # as older code has it
            name, *args = args  # type: ignore[assignment]
        if len(args) > 3:
            raise type_error(
                f"add_weight takes 3 arguments by position, got {len(args)}.",
                fix="add_weight(shape, initializer, dtype, trainable=..., name=...)",
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
            initializer = "glorot_uniform" if is_float(dtype) else "zeros"
        if is_sketching():  # only its shape will be looked at
            initializer = "zeros"
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

    def _set_weight_settings(
        self,
        name: str,
        initializer: InitializerLike,
        regularizer: RegularizerLike | None,
        constraint: ConstraintLike | None,
    ) -> None:
        """Keep the settings of a weight, which `add_weight(like=name)` reads.

        Args:
            name: start of the attributes `<name>_initializer`, `_regularizer` and `_constraint`.
            initializer: initializer of the weight.
            regularizer: penalty on the weight.
            constraint: function applied to the weight after each update.
        """
        settings = {
            "initializer": initializer,
            "regularizer": regularizer,
            "constraint": constraint,
        }
        assign_settings(self, {f"{name}_{kind}": value for kind, value in settings.items()})

    def _drop_variable(self, attribute: str) -> None:
        """Let go of a variable that an attribute holds; the attribute becomes None."""
        gone = getattr(self, attribute)
        self._added = [v for v in self._added if v is not gone]
        vars(self).pop(attribute, None)  # what takes its place comes at the end of the order
        setattr(self, attribute, None)

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

    def _sublayers(self) -> list[Any]:
        """The layers that the layer owns directly, in order."""
        return owned_by(self, Owner)

    def _flatten_layers(self, include_self: bool = True, recursive: bool = True) -> list[Any]:
        """The layers below, depth first, each once."""
        if not recursive:
            return ([self] if include_self else []) + self._sublayers()
        found: dict[int, Any] = {}  # by identity: layers may own each other in circles
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
            set_trainable(layer, value)
            layer._frozen_from_start = False

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
        with turn_of(self.weights):
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
            raise value_error(
                f"Layer '{self.name}' is not built, so its parameters cannot be counted.",
                fix="call it on a sample, or call build(input_shape).",
            )
        return sum(v.size for v in self.weights)
