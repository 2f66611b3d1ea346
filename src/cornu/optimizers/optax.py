"""A gradient transformation of optax as an optimizer.

    state = transformation.init(weights)
    updates, state = transformation.update(gradients, state, weights)
    weights += learning_rate * updates

The weights are passed as a list, in the order of `build`. Every array of the state becomes a
variable, which is updated, donated and saved like the slots of any other optimizer.

A transformation consists of functions, which are not saved. A file holds the name of the function
that made it, and `custom_objects` says at loading what the name means.
"""

import re
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from cornu.core.frame import eagerly
from cornu.core.objects.registry import find_custom, get_registered_name
from cornu.core.variable import Variable
from cornu.errors import explain, type_error, value_error
from cornu.optimizers.optimizer import Optimizer
from cornu.optimizers.step import State, Update
from cornu.types import Config, ScheduleLike, Tensor


class Optax(Optimizer):
    """Any `optax.GradientTransformation`, with the shared arguments of `Optimizer`.

    Args:
        transformation: object with `init(weights) -> state` and
            `update(gradients, state, weights) -> (updates, state)`; or a function that returns one,
            whose name is saved in files.
        learning_rate: factor of the updates, which in optax already include the learning rate and
            the sign; a number, which callbacks can change, or a schedule.

    Example:

        >>> from typing import NamedTuple
        >>> class Descent(NamedTuple):          # optax.sgd(0.5)
        ...     init = staticmethod(lambda weights: ())
        ...     update = staticmethod(lambda gs, state, weights: ([-0.5 * g for g in gs], state))
        >>> weight = Variable([1.0, 2.0])
        >>> Optax(Descent()).apply([jnp.array([1.0, -1.0])], [weight])
        >>> weight.numpy().tolist()
        [0.5, 2.5]
    """

    def __init__(
        self, transformation: Any, learning_rate: ScheduleLike = 1.0, *args: Any, **shared: Any
    ):
        self._name_in_files = UNNAMED
        if not _transforms(transformation) and callable(transformation):
            self._name_in_files = _name_of(transformation)
            transformation = _made_by(transformation)
        if not _transforms(transformation):
            raise type_error(
                "transformation must have the methods init and update, got "
                f"{type(transformation).__name__}.",
                fix="Optax(optax.adam(1e-3))",
            )
        super().__init__(learning_rate, *args, **shared)
        self.transformation = transformation

    def _create_variables(self, variables: list[Variable]) -> None:
        super()._create_variables(variables)
        with eagerly():
            weights = [v.value for v in variables if not v.overwrite_with_gradient]
            state = self.transformation.init(weights)
        leaves, self._structure = jax.tree_util.tree_flatten_with_path(state)
        self._common = [self._add_leaf(path, leaf) for path, leaf in leaves]

    def _add_leaf(self, path: tuple[Any, ...], leaf: Tensor) -> Variable:
        leaf = jnp.asarray(leaf)
        name = re.sub(r"\W+", "_", jax.tree_util.keystr(path)).strip("_") or "state"
        return self.add_variable(
            leaf.shape, lambda shape, dtype: leaf, dtype=leaf.dtype.name, name=name
        )

    def _rest_and_update(
        self, variables: list[Variable], indices: list[int]
    ) -> tuple[list[Variable], Update]:
        if len(indices) != len(self._trainable_variables):
            raise value_error(
                "Optax updates all weights at once, so each needs a gradient: "
                f"{len(self._trainable_variables)}, got {len(indices)}.",
                fix="freeze the weights without one: layer.trainable = False.",
            )
        order = sorted(range(len(indices)), key=indices.__getitem__)

        def update(
            chosen: list[int],
            state: State,
            params: list[Any],
            grads: list[Tensor],
            rate: Tensor,
            t: Tensor,
        ) -> tuple[list[Any], list[Any]]:
            positions = [chosen.index(i) for i in order if i in chosen]  # in the order of `build`
            tree = jax.tree.unflatten(self._structure, state.rest)
            given = [grads[i] for i in positions], tree, [params[i] for i in positions]
            updates, tree = self.transformation.update(*given)
            after = list(params)
            for i, u in zip(positions, updates, strict=True):
                after[i] = params[i] + (rate * u).astype(params[i].dtype)
            return after, jax.tree.leaves(tree)

        return self._common, update

    def _config_value(self, name: str) -> Any:
        return self._name_in_files if name == "transformation" else super()._config_value(name)

    @classmethod
    def from_config(cls, config: Config, custom_objects: Config | None = None) -> Any:
        """Create an optimizer from what `get_config` returned.

        Raises:
            TypeError: the name of the transformation is not in `custom_objects`.
        """
        named = config.get("transformation")
        if isinstance(named, str):
            found = find_custom(named, custom_objects)
            if found is None:
                raise TypeError(_unknown(named))
            config = {**config, "transformation": found}
        made = super().from_config(config, custom_objects)
        if isinstance(named, str):
            made._name_in_files = named
        return made


UNNAMED = "transformation"  # the name in files of one that was not made by a named function


def _transforms(value: object) -> bool:
    return all(callable(getattr(value, method, None)) for method in ("init", "update"))


def _name_of(function: Callable[..., Any]) -> str:
    name = get_registered_name(function)
    return name if name.replace(">", "_").replace(".", "_").isidentifier() else UNNAMED


def _made_by(function: Callable[..., Any]) -> Any:
    try:
        return function()
    except TypeError as error:
        raise type_error(
            f"{_name_of(function)} must return a transformation when called without arguments.",
            error=str(error)[:200],
            fix="Optax(optax.adam(1e-3)), or Optax(lambda: optax.adam(1e-3))",
        ) from error


def _unknown(name: str) -> str:
    short = name.rpartition(">")[2]
    return explain(
        "The model was compiled with a transformation of optax, which files do not hold. "
        f"The file calls it {name!r}.",
        fix="pass the same transformation; its state is in the file:\n"
        f"load_model(path, custom_objects={{{short!r}: optax.adam(1e-3)}})\n"
        "or load_model(path, compile=False), and compile in code.",
    )
