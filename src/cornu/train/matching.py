"""What belongs to which output of a model.

Losses, metrics, factors, labels and weights are given as one thing for all outputs, nested like the
outputs, as a flat list in their order, or as a dict by their names. Here metrics, labels and
weights become a flat list with one entry for each output, in the order in which `tree.flatten`
lists the outputs, and losses become terms, each with the place of what it compares:

    outputs                     {"p": (a, b), "q": c}
    metrics                     {"p": ("mse", "mae"), "q": "mse"}
    flat                        ["mse", "mae", "mse"]
    losses                      {"p": [f, (None, "mae")], "q": "mse"}
    terms                       f of p, both at once; "mae" of p/b; "mse" of q
    names in results            p_loss, p/b_loss, q_loss

Names are those of Keras: the key in a dict; in a list the name of the layer that made the output,
with the keys and positions above it in front.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from cornu import tree
from cornu.errors import NoSuchNameError, did_you_mean, explain, value_error, warn

Path = tuple[Any, ...]


class NoSuchOutputError(NoSuchNameError, ValueError):
    """A dict names, or a list goes on to, an output that the model does not have."""


class Term(NamedTuple):
    """A loss, and the place in the structure of the outputs of what it compares.

    Attributes:
        path: keys and positions; that of an output, or of a part of the structure that holds some.
        loss: loss as the user gave it.
        factor: its weight in the sum; None for 1.
    """

    path: Path
    loss: Any
    factor: Any = None


class Outputs:
    """The outputs of a model, their structure and their names.

    Args:
        structure: the outputs, nested.
        layer_names: names of the layers that make them, in flat order; None if unknown.

    Attributes:
        count: how many there are.
        paths: where each is in the structure.
        layer_names: as given, if there are as many as outputs.

    Example:

        >>> outputs = Outputs({"p": [1, 2], "q": 3}, ["a", "b", "c"])
        >>> outputs.loss_name(("p", 1), "mse"), outputs.loss_name(("p",), "mse")
        ('p/b', 'p')
        >>> outputs.prefixes()
        ['a_', 'b_', 'c_']
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

    def loss_name(self, path: Path, loss: str) -> str:
        """The name of what a loss compares, without the `_loss` at its end.

        Args:
            path: the place of an output, or of several.
            loss: the name of the loss itself, for an output that has none.
        """
        part = at(self.structure, path)
        if tree.is_nested(part) and not path:
            return "_".join(map(str, part) if isinstance(part, Mapping) else self.names())
        above = "".join(f"{step}/" for step in path[:-1])
        if tree.is_nested(part) or (path and isinstance(at(self.structure, path[:-1]), Mapping)):
            return f"{above}{path[-1]}"
        name = self.layer_names[self.paths.index(path)] if self.layer_names else loss
        return f"{above}{name}"


def loss_terms(loss: Any, factors: Any, outputs: Outputs) -> list[Term]:
    """The losses of `compile`, each with its factor and the place of what it compares.

    A single loss is for each output. In anything nested, a loss stands where what it compares
    stands in the outputs, and may compare several of them at once. A list that is not nested like
    the outputs holds several losses of all of them.

    Args:
        loss: one thing, a list, a dict, or nested.
        factors: a number, or numbers nested like the losses or the outputs, or in a flat list.
        outputs: outputs of the model.

    Raises:
        ValueError: a name or a number of entries does not fit.

    Example:

        >>> outputs = Outputs({"p": [1, 2], "q": 3}, ["a", "b", "c"])
        >>> for term in loss_terms({"p": ["mse", "mae"], "q": "mse"}, {"q": 0.5}, outputs):
        ...     print(*term)
        ('p', 0) mse None
        ('p', 1) mae None
        ('q',) mse 0.5
    """
    if not tree.is_nested(loss):
        flat = match(factors, outputs, "loss_weights")
        return [Term(path, loss, f) for path, f in zip(outputs.paths, flat, strict=True)]
    if _stands_beside(factors, loss):
        return _terms(loss, factors, outputs.structure, (), outputs)
    leaves = tree.flatten(factors)
    by_number = isinstance(loss, Mapping) and len(leaves) == outputs.count
    if len(leaves) == len(tree.flatten(loss)) and not isinstance(factors, Mapping) | by_number:
        return _terms(loss, tree.pack_sequence_as(loss, leaves), outputs.structure, (), outputs)
    by_output = dict(zip(outputs.paths, match(factors, outputs, "loss_weights"), strict=True))
    terms = _terms(loss, None, outputs.structure, (), outputs)
    return [term._replace(factor=by_output.get(term.path)) for term in terms]


def _stands_beside(factors: Any, loss: Any) -> bool:
    """Whether factors are nested like losses; a number stands beside any number of them."""
    if not tree.is_nested(factors):
        return True
    if isinstance(factors, Mapping):
        return isinstance(loss, Mapping) and all(
            key in loss and _stands_beside(factor, loss[key]) for key, factor in factors.items()
        )
    if not isinstance(loss, list | tuple) or len(factors) != len(loss):
        return False
    return all(map(_stands_beside, factors, loss))


def _terms(loss: Any, factor: Any, part: Any, path: Path, outputs: Outputs) -> list[Term]:
    """The terms of some losses for a part of the outputs."""
    if loss is None:
        return []
    if not tree.is_nested(loss):
        return [Term(path, loss, factor)]
    if isinstance(loss, Mapping) and not path and (named := _by_name(loss, outputs)) is not None:
        if isinstance(factor, Mapping):
            factor = [factor.get(name) for name in outputs.layer_names or ()]
        return _gathered(named, factor, list(enumerate(outputs.paths)), outputs)
    if isinstance(loss, Mapping):
        if not isinstance(part, Mapping):
            raise NoSuchOutputError(_unknown(loss, outputs.names(), "loss"))
        if any(key not in part for key in loss):
            raise NoSuchOutputError(_unknown(loss, part, "loss"))
        return _gathered(loss, factor, [(key, (*path, key)) for key in loss], outputs)
    flat = not any(map(tree.is_nested, loss))
    inside = [(*path, *below) for below, _ in tree.flatten_with_path(part)]
    if flat and len(loss) == len(inside):  # in the order of the outputs
        return _gathered(loss, factor, list(enumerate(inside)), outputs)
    if tree.is_nested(part) and (_alike(loss, part) or isinstance(part, type(loss))):
        keys = [key for key, _ in children(part)]
        if len(loss) > len(keys):
            raise NoSuchOutputError(_wrong_number("loss", loss, outputs, len(inside)))
        if len(loss) < len(keys):
            warn(_wrong_number("loss", loss, outputs, len(inside)))
        places = [(n, (*path, key)) for n, key in enumerate(keys[: len(loss)])]
        return _gathered(loss, factor, places, outputs)
    if not path and not tree.is_nested(part) and len(loss) > 1:
        warn(
            explain(
                f"loss is a list of {len(loss)} for 1 output: their sum is minimized.",
                fix="loss='mse'\nand to measure others: metrics=['mae']",
            )
        )
    return _gathered(loss, factor, [(n, path) for n in range(len(loss))], outputs)


def _gathered(
    loss: Any, factor: Any, places: Sequence[tuple[Any, Path]], outputs: Outputs
) -> list[Term]:
    """The terms of the entries of a list or dict, which stand at some places of the outputs."""
    found = []
    for key, path in places:
        its = factor.get(key) if isinstance(factor, Mapping) else factor
        its = factor[key] if isinstance(factor, list | tuple) else its
        found += _terms(loss[key], its, at(outputs.structure, path), path, outputs)
    return found


def _alike(given: Any, part: Any) -> bool:
    """Whether lists, tuples and dicts are nested in the same way, down to single entries."""
    if not tree.is_nested(part) or not tree.is_nested(given):
        return not tree.is_nested(part) and not tree.is_nested(given)
    inside = [inner for _, inner in children(part)]
    if isinstance(given, Mapping):
        return isinstance(part, Mapping) and given.keys() == part.keys()
    return len(given) == len(inside) and all(map(_alike, given, inside))


def match(given: Any, outputs: Outputs, what: str, *, many: bool = False) -> list[Any]:
    """One entry for each output, from what the user gave.

    Args:
        given: one thing, a list, a dict, or nested like the outputs.
        outputs: outputs of the model.
        what: "metrics", "loss_weights" or "y", for messages.
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
            raise NoSuchOutputError(_unknown(given, outputs.names(), what))
        if any(key not in structure for key in given):
            raise NoSuchOutputError(_unknown(given, structure, what))
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
        if many:
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
    raise ValueError(_wrong_number(what, given, outputs, count))


def _wrong_number(what: str, given: Any, outputs: Outputs, count: int) -> str:
    have = f"{count} output{'s' if count > 1 else ''}"
    return explain(
        f"{what} is a list of {len(given)}, the model has {have}.",
        outputs=", ".join(outputs.names()),
        fix=f"give one entry for each output, or a dict: {what}={{name: ...}}",
    )


def align(given: Any, outputs: Outputs, what: str = "y", used: Sequence[int] = ()) -> list[Any]:
    """Labels or weights for each output, in flat order; None where an output has none.

    Args:
        given: an array, or arrays nested like the outputs, in a flat list, or in a dict by name.
        outputs: outputs of the model.
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
        raise value_error(
            f"{what} holds {len(flat)} arrays, the model has {outputs.count} outputs.",
            fix="pass one array for all outputs, or one for each.",
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


def at(structure: Any, path: Path) -> Any:
    """What stands at a place of a structure."""
    for step in path:
        structure = structure[step]
    return structure


def _unknown(given: Mapping[Any, Any], known: Iterable[Any], what: str) -> str:
    known = list(known)
    key = next(iter([key for key in given if key not in known] or given))
    return explain(
        f"{what} names the output {key!r}, which the model does not have.",
        fix=did_you_mean(str(key), map(str, known)),
    )


def _too_few(arrays: int, count: int) -> str:
    return explain(
        f"y holds {arrays} arrays of labels for {count} outputs.",
        fix="pass one array of labels for each output, nested as the outputs are.",
    )
