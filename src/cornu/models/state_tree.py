"""All state of a model as nested dicts, by the paths of its variables, and back.

    {"trainable_variables":     {"model": {"dense": {"kernel": array, "bias": array}}},
     "non_trainable_variables": {...}, "optimizer_variables": {...}, "metrics_variables": {...}}

Loops of one's own, checkpointers and debuggers take such a tree as it is.
"""

from typing import Any

import jax.numpy as jnp
import numpy as np

from cornu.core.variable import Variable
from cornu.errors import did_you_mean, value_error

FORMATS = ("backend_tensor", "numpy_array")


def parts_of(model: Any) -> dict[str, list[Variable]]:
    """The four kinds of variables, by the names that they have in the tree."""
    optimizer = getattr(model, "optimizer", None)
    return {
        "trainable_variables": model.trainable_variables,
        "non_trainable_variables": model.non_trainable_variables,
        "optimizer_variables": optimizer.variables if optimizer is not None else [],
        "metrics_variables": model.metrics_variables,
    }


def get_state_tree(model: Any, value_format: str) -> dict[str, dict[str, Any]]:
    """The values of all variables; see `Model.get_state_tree`."""
    if value_format not in FORMATS:
        raise value_error(
            f"value_format must be one of {', '.join(map(repr, FORMATS))}, got {value_format!r}.",
            fix=did_you_mean(str(value_format), FORMATS),
        )
    # Copies: the buffers of the variables are given away by the next training step.
    read = np.array if value_format == "numpy_array" else jnp.array
    tree: dict[str, dict[str, Any]] = {}
    for part, variables in parts_of(model).items():
        tree[part] = {}
        for variable in variables:
            *folders, name = variable.path.split("/")
            place = tree[part]
            for folder in folders:
                place = place.setdefault(folder, {})
            if name in place:
                raise value_error(
                    f"Two variables of the model have the path {variable.path!r}, and a tree "
                    "has one place for them.",
                    fix="give the layers names of their own: Layer(..., name='...').",
                )
            place[name] = read(variable.value)
    return tree


def set_state_tree(model: Any, state_tree: dict[str, Any]) -> None:
    """Put values into the variables; see `Model.set_state_tree`."""
    parts = parts_of(model)
    found: list[tuple[Variable, Any]] = []
    for part, values in state_tree.items():
        if part not in parts:
            raise value_error(f"A state tree has no part {part!r}.", fix=did_you_mean(part, parts))
        by_path = {variable.path: variable for variable in parts[part]}
        for path, value in _leaves(values):
            if path not in by_path:
                raise value_error(
                    f"The model has no variable {path!r} among its {part}.",
                    fix=did_you_mean(path, by_path)
                    or "take the tree from `get_state_tree` of a model built in the same way.",
                )
            if np.shape(value) != tuple(by_path[path].shape):
                raise value_error(
                    f"The value for {path!r} must have the shape of the variable.",
                    expected=tuple(by_path[path].shape),
                    received=np.shape(value),
                )
            found.append((by_path[path], value))
    for variable, value in found:  # nothing is assigned before all has been found
        variable.assign(value)


def _leaves(tree: Any, path: str = "") -> list[tuple[str, Any]]:
    if not isinstance(tree, dict):
        return [(path, tree)]
    inner = ((f"{path}/{name}" if path else str(name), value) for name, value in tree.items())
    return [leaf for name, value in inner for leaf in _leaves(value, name)]
