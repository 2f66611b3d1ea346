"""A transformation of gradients in the form of optax, as an optimizer.

    state = transformation.init(weights)
    updates, state = transformation.update(gradients, state, weights)
    weights += learning_rate * updates

The weights are given as a list, in the order of `build`. Every array in the state becomes a
variable, so that it is trained, donated and saved as the slots of any other optimizer.
"""

import re
from typing import Any

import jax
import jax.numpy as jnp

from cornu.core.frame import eagerly
from cornu.core.variable import Variable
from cornu.errors import explain
from cornu.optimizers.optimizer import Optimizer
from cornu.optimizers.step import State, Update


class Optax(Optimizer):
    """Any `optax.GradientTransformation`, alone or chained, with the shared options.

    Args:
        transformation: an object with `init(weights) -> state` and
            `update(gradients, state, weights) -> (updates, state)`.
        learning_rate: multiplies the updates, which in optax already hold a learning rate and the
            sign; a number, so that callbacks can lower it, or a schedule.

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

    def __init__(self, transformation: Any, learning_rate: Any = 1.0, *args: Any, **shared: Any):
        if not all(callable(getattr(transformation, m, None)) for m in ("init", "update")):
            raise TypeError(
                explain(
                    "transformation has the methods init and update, got "
                    f"{type(transformation).__name__}.",
                    fix="Optax(optax.adam(1e-3))",
                )
            )
        super().__init__(learning_rate, *args, **shared)
        self.transformation = transformation

    def build(self, variables: Any = None, var_list: Any = None) -> None:
        if self.built:
            return
        super().build(variables, var_list)
        with eagerly():
            weights = [v.value for v in self._trainable_variables if not v.overwrite_with_gradient]
            state = self.transformation.init(weights)
        leaves, self._structure = jax.tree_util.tree_flatten_with_path(state)
        self._common = [self._add_leaf(path, leaf) for path, leaf in leaves]

    def _add_leaf(self, path: Any, leaf: Any) -> Variable:
        leaf = jnp.asarray(leaf)
        name = re.sub(r"\W+", "_", jax.tree_util.keystr(path)).strip("_") or "state"
        return self.add_variable(
            leaf.shape, lambda shape, dtype: leaf, dtype=leaf.dtype.name, name=name
        )

    def _rest_and_update(
        self, variables: list[Any], places: list[int]
    ) -> tuple[list[Variable], Update]:
        if len(places) != len(self._trainable_variables):
            raise ValueError(
                explain(
                    "A transformation updates all weights at once, so each needs a gradient: "
                    f"{len(self._trainable_variables)}, got {len(places)}.",
                    fix="freeze the weights that have none: layer.trainable = False.",
                )
            )
        order = sorted(range(len(places)), key=places.__getitem__)

        def update(
            chosen: list[int], state: State, params: list[Any], grads: list[Any], rate: Any, t: Any
        ) -> tuple[list[Any], list[Any]]:
            turn = [chosen.index(i) for i in order if i in chosen]  # as they were built
            tree = jax.tree.unflatten(self._structure, state.rest)
            given = [grads[i] for i in turn], tree, [params[i] for i in turn]
            updates, tree = self.transformation.update(*given)
            after = list(params)
            for i, u in zip(turn, updates, strict=True):
                after[i] = params[i] + (rate * u).astype(params[i].dtype)
            return after, jax.tree.leaves(tree)

        return self._common, update

    def get_config(self) -> dict[str, Any]:
        """A transformation cannot be saved; its state can.

        Raises:
            NotImplementedError: always.
        """
        raise NotImplementedError(
            explain(
                "An optax transformation is made of functions, which files cannot hold.",
                fix="model.save_weights('model.weights.h5'); to go on, build and compile the model "
                "in code, then load_weights.",
            )
        )
