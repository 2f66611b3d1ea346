"""A layer's own weights, to and from a store: what files hold of one layer."""

from typing import Any

import numpy as np

from cornu.core.objects.tracking import unique
from cornu.errors import value_error


def save_own_variables(layer: Any, store: Any) -> None:
    """Put the layer's own weights into a mapping, by position."""
    for position, variable in enumerate(own_weights(layer)):
        store[str(position)] = variable


def load_own_variables(layer: Any, store: Any) -> None:
    """Assign the layer's own weights from a mapping.

    Raises:
        ValueError: the number of arrays or a shape differs.
    """
    assign_all(layer, store, own_weights(layer))


def assign_all(layer: Any, store: Any, variables: list[Any]) -> None:
    """Assign arrays from a mapping to variables of a layer, by position.

    Raises:
        ValueError: the number of arrays or a shape differs.
    """
    if len(store.keys()) != len(variables):
        if not variables and not layer.built:
            raise value_error(
                f"Layer '{layer.name}' has no variables yet, the file holds {len(store.keys())}.",
                fix="build the model before loading: model.build(input_shape), or call it "
                "on a sample.",
            )
        raise value_error(
            f"Layer '{layer.name}' has {len(variables)} variables, the file holds "
            f"{len(store.keys())}.",
            variables=", ".join(f"{v.path} {v.shape}" for v in variables),
        )
    for position, variable in enumerate(variables):
        variable.assign(store[str(position)])


def in_order(assigned: list[Any], made: list[Any]) -> list[Any]:
    """A layer's variables in the order in which it got them, each once.

    Args:
        assigned: those found in its attributes, in order of assignment.
        made: those of `add_weight`, which belong to the layer from then on, in order.
    """
    made = unique(made)
    places = {id(variable): place for place, variable in enumerate(made)}
    found: list[Any] = []
    done = 0  # how many of the made ones have been listed
    for variable in assigned:
        place = places.get(id(variable))
        if place is None:
            found.append(variable)
        elif place >= done:
            found += made[done : place + 1]
            done = place + 1
    return found + made[done:]


def own_weights(layer: Any) -> list[Any]:
    """The weights that the layer owns itself, in the order of files."""
    own = layer._own_variables()
    return [v for v in own if v.made_trainable] + [v for v in own if not v.made_trainable]


def set_weights(owner: Any, weights: Any) -> None:
    """Assign arrays to `owner.weights`, in order.

    Raises:
        ValueError: the number of arrays or a shape differs.
    """
    variables = owner.weights
    if len(weights) != len(variables):
        raise value_error(
            f"'{owner.name}' has {len(variables)} weights, got {len(weights)} arrays.",
            expected=", ".join(f"{v.path} {v.shape}" for v in variables[:8]),
            fix="pass the list that get_weights() of a model of the same shape returns.",
        )
    for variable, array in zip(variables, weights, strict=True):
        if tuple(np.shape(array)) != variable.shape:
            raise value_error(
                f"The weight for '{variable.path}' has the wrong shape.",
                expected=variable.shape,
                received=tuple(np.shape(array)),
            )
    for variable, array in zip(variables, weights, strict=True):
        variable.assign(array)
