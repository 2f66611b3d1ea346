"""What belongs to which output of a model.

Losses, metrics, factors, labels and weights are given as one thing for all outputs, nested like the
outputs, as a flat list in their order, or as a dict by their names. Here each becomes a flat list
with one entry for each output, in the order in which `tree.flatten` lists the outputs:

    outputs                     {"p": [a, b], "q": c}
    losses                      {"p": ["mse", "mae"], "q": "mse"}
    flat                        ["mse", "mae", "mse"]
    names in results            p/a_loss, p/b_loss, q_loss

Names are those of Keras: the key in a dict; in a list the name of the layer that made the output,
with the keys and positions above it in front.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from cornu import tree
from cornu.errors import did_you_mean, explain


class Outputs:
    """The outputs of a model, their structure and their names.

    Args:
        structure: the outputs, nested.
        layer_names: of the layers that make them, in flat order; None where that is not known.

    Attributes:
        count: how many there are.
        paths: where each is in the structure.
        layer_names: as given, if there are as many as outputs.

    Example:

        >>> outputs = Outputs({"p": [1, 2], "q": 3}, ["a", "b", "c"])
        >>> outputs.loss_names(), outputs.prefixes()
        (['p/a', 'p/b', 'q'], ['a_', 'b_', 'c_'])
    """

    def __init__(self, structure: Any, layer_names: Sequence[str] | None = None):
        self.structure = structure
        self.paths = [path for path, _ in tree.flatten_with_path(structure)]
        self.count = len(self.paths)
        known = layer_names is not None and len(layer_names) == self.count
        self.layer_names = list(layer_names or ()) if known else None

    @property
    def keyed(self) -> bool:
        """Whether they are a dict whose values are single outputs."""
        return isinstance(self.structure, Mapping) and all(len(path) == 1 for path in self.paths)

    def names(self) -> list[str]:
        """A name for each, by which users and messages mean it."""
        if self.keyed:
            return [str(path[0]) for path in self.paths]
        return self.layer_names or [f"output_{i}" for i in range(self.count)]

    def prefixes(self) -> list[str]:
        """What stands before the names of each output's metrics."""
        if self.count == 1 or not (self.keyed or self.layer_names):
            return [""] * self.count
        return [f"{name}_" for name in self.names()]

    def loss_names(self, losses: Sequence[str | None] = ()) -> list[str]:
        """The name of each output's loss, without the `_loss` at its end.

        Args:
            losses: names of the losses themselves, for outputs that have none.
        """
        return [self._loss_name(i, losses[i] if losses else None) for i in range(self.count)]

    def _loss_name(self, number: int, loss: str | None) -> str:
        path = self.paths[number]
        above = "".join(f"{step}/" for step in path[:-1])
        if path and isinstance(_at(self.structure, path[:-1]), Mapping):
            return f"{above}{path[-1]}"
        name = self.layer_names[number] if self.layer_names else loss
        return f"{above}{name or f'output_{number}'}"


def match(given: Any, outputs: Outputs, what: str, *, many: bool = False) -> list[Any]:
    """One entry for each output, from what the user gave.

    Args:
        given: one thing, a list, a dict, or nested like the outputs.
        outputs: of the model.
        what: "loss" or "metrics", for messages.
        many: whether an entry may be a list of things.

    Returns:
        A list in the flat order of the outputs, None where an output has no entry.

    Raises:
        ValueError: a name or a number of entries does not fit.
    """
    if isinstance(given, Mapping) and (by_name := _by_name(given, outputs)) is not None:
        return by_name
    return _descend(given, outputs.structure, outputs, what, many)


def _by_name(given: Mapping[Any, Any], outputs: Outputs) -> list[Any] | None:
    """The entries of a dict by the names of layers; None if it is not one."""
    if (
        outputs.layer_names is None
        or isinstance(outputs.structure, Mapping)
        and _shares_keys(given, outputs.structure)
    ):
        return None
    if not all(key in outputs.layer_names for key in given):
        return None
    return [given.get(name) for name in outputs.layer_names]


def _shares_keys(a: Mapping[Any, Any], b: Mapping[Any, Any]) -> bool:
    return any(key in b for key in a)


def _descend(given: Any, structure: Any, outputs: Outputs, what: str, many: bool) -> list[Any]:
    count = len(tree.flatten(structure))
    if given is None:
        return [None] * count
    if isinstance(given, Mapping):
        if not isinstance(structure, Mapping):
            names = outputs.names()
            unknown = [key for key in given if key not in names] or list(given)
            raise ValueError(_unknown(unknown[0], names, what))
        unknown = [key for key in given if key not in structure]
        if unknown:
            raise ValueError(_unknown(unknown[0], map(str, structure), what))
        return [
            entry
            for key, inner in children(structure)
            for entry in _descend(given.get(key), inner, outputs, what, many)
        ]
    if not isinstance(given, list | tuple):
        if what == "y" and count > 1:
            raise ValueError(_too_few(1, count))
        return [given] * count
    if not tree.is_nested(structure):
        # One of several outputs may have several losses; [a, b] for a single one is a mistake.
        if many or (what in ("loss", "loss_weights") and outputs.count > 1):
            return [given]
        if len(given) == 1:
            return list(given)
    else:
        inside = [inner for _, inner in children(structure)]
        if len(given) == len(inside):
            return [
                entry
                for one, inner in zip(given, inside, strict=True)
                for entry in _descend(one, inner, outputs, what, many)
            ]
        if len(given) == count:  # flat, in the order of the outputs
            return list(given)
        if many and not any(isinstance(one, list | tuple | Mapping) for one in given):
            return [list(given)] * count
    raise ValueError(
        explain(
            f"{what} is a list of {len(given)}, the model has {count} "
            f"output{'s' if count > 1 else ''}.",
            outputs=", ".join(outputs.names()),
            fix=f"give one entry for each output, or a dict: {what}={{name: ...}}",
        )
    )


def align(given: Any, outputs: Outputs, what: str = "y", used: Sequence[int] = ()) -> list[Any]:
    """Labels or weights for each output, in flat order; None where an output has none.

    Args:
        given: an array, or arrays nested like the outputs, in a flat list, or in a dict by name.
        outputs: of the model.
        what: "y" or "sample_weight", for messages.
        used: numbers of the outputs that need one; as many arrays may be given for these alone.

    Raises:
        ValueError: a name or a number of arrays does not fit.
    """
    if given is None:
        return [None] * outputs.count
    if isinstance(given, Mapping) and (
        isinstance(outputs.structure, Mapping) or outputs.layer_names
    ):
        return match(given, outputs, what)
    flat = tree.flatten(given)
    if len(flat) != outputs.count and len(flat) == len(used):
        by_number = dict(zip(used, flat, strict=True))
        return [by_number.get(number) for number in range(outputs.count)]
    if len(flat) != outputs.count:
        if what == "y":
            raise ValueError(_too_few(len(flat), outputs.count))
        raise ValueError(
            explain(
                f"{what} holds {len(flat)} arrays, the model has {outputs.count} outputs.",
                fix="pass one array for all outputs, or one for each.",
            )
        )
    return flat


def children(structure: Any) -> list[tuple[Any, Any]]:
    """The keys or positions of one level of a structure and what is there, in flat order.

    Example:

        >>> children({"b": 1, "a": [2, 3]}), children((4, 5))
        ([('a', [2, 3]), ('b', 1)], [(0, 4), (1, 5)])
    """
    if isinstance(structure, Mapping):
        return [(key, structure[key]) for key in sorted(structure)]
    return list(enumerate(structure))


def order_given(given: Any, structure: Any) -> list[int]:
    """The numbers of the outputs, in the order in which dicts of the user name them.

    Example:

        >>> order_given({"b": "mse", "a": "mae"}, {"a": 1, "b": 2})
        [1, 0]
    """
    return [number for number, _ in _ordered(given, structure, 0)]


def _ordered(given: Any, structure: Any, start: int) -> list[tuple[int, Any]]:
    if not tree.is_nested(structure):
        return [(start, structure)]
    begins = {}
    for key, inner in children(structure):
        begins[key] = (start, inner)
        start += len(tree.flatten(inner))
    keys = list(begins)
    if isinstance(given, Mapping) and isinstance(structure, Mapping):
        keys = [key for key in given if key in begins] + [key for key in keys if key not in given]
    return [
        found
        for key in keys
        for found in _ordered(_part(given, key), begins[key][1], begins[key][0])
    ]


def _part(given: Any, key: Any) -> Any:
    if isinstance(given, Mapping):
        return given.get(key)
    return given[key] if isinstance(given, list | tuple) and key in range(len(given)) else None


def _at(structure: Any, path: tuple[Any, ...]) -> Any:
    for step in path:
        structure = structure[step]
    return structure


def _unknown(key: Any, known: Any, what: str) -> str:
    return explain(
        f"{what} names the output {key!r}, which the model does not have.",
        fix=did_you_mean(str(key), known),
    )


def _too_few(arrays: int, count: int) -> str:
    return explain(
        f"y holds {arrays} arrays of labels for {count} outputs.",
        fix="pass one array of labels for each output, nested as the outputs are.",
    )
