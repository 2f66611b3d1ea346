"""Which object is stored at which path, and what a file has of it.

`walk` follows the paths Keras writes. An object's attributes are visited in sorted order, public
ones first, and what is found decides the path:

    model.head = Dense()                     head
    model._aux = Dense()                     _aux             sorts as "~_aux", after all letters
    model.blocks = [Dense(), LSTM()]         blocks/dense, blocks/lstm       class, not name
    model.pair = {"a": Dense(), "b": ...}    pair/dense, pair/dense_1        order of the dict
    model.deep = [[Dense()], [Dense()]]      deep/container/dense, deep/container_1/dense

    an object seen before      keeps its first path, and still uses up a number
    Sequential, Functional     `layers` comes before all other attributes

The walk knows no layers: it is handed a function from an object to its attributes, and one that
says what counts as an object with a path of its own.

`plan_load` compares what a model expects with what a store declares, reading no array. Whatever is
missing, unused or of another shape is named with its likely cause. What a reader refuses as
unsafe never reaches the plan.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import jax.numpy as jnp

from cornu.archive.safeh5 import Spec, fits, shown
from cornu.errors import explain

# Keras before 3.0 names the attribute that holds a model's layers differently.
BRIEF = 5  # differences in a message
REBUILD = (
    "build the model as the saved one was built,\n"
    "or load what fits with load_weights(..., skip_mismatch=True)."
)
_OLD_LAYERS = "_layer_checkpoint_dependencies"


def walk(
    root: Any,
    children: Callable[[Any], Iterable[tuple[str, Any]]],
    is_saveable: Callable[[Any], bool],
    layers_first: Callable[[Any], bool] = lambda obj: False,
) -> Iterator[tuple[str, Any]]:
    """Every object below `root` once, with the path Keras stores it at.

    Args:
        root: object at the path `""`.
        children: function from an object to its attributes as (name, value), in any order, without
            those that every layer, model or optimizer has, but with `layers` of a model.
        is_saveable: function that says whether a value has variables of its own to store.
        layers_first: function that says whether `layers` of an object is visited first.

    Yields:
        (inner path, object), in the order of visits.

    Example:

        >>> class Node:
        ...     def __init__(self, **attributes):
        ...         self.__dict__.update(attributes)
        >>> leaf = Node()
        >>> root = Node(b=[Node(), [leaf]], _c=leaf, a=Node())
        >>> found = walk(root, lambda n: vars(n).items(), lambda value: isinstance(value, Node))
        >>> [path for path, _ in found]
        ['', 'a', 'b/node', 'b/container/node']
    """
    seen: set[int] = set()
    keep: list[Any] = []  # an id is only unique while its object lives

    def visit(obj: Any, path: str) -> Iterator[tuple[str, Any]]:
        if id(obj) in seen:
            return
        seen.add(id(obj))
        keep.append(obj)
        yield path, obj
        first = layers_first(obj)
        attributes = sorted(
            children(obj), key=lambda item: "" if first and item[0] == "layers" else _turn(item[0])
        )
        for name, value in attributes:
            below = f"{path}/{name}" if path else name
            if is_saveable(value):
                yield from visit(value, below)
            elif isinstance(value, (list, tuple, dict)):
                yield from visit_container(value, below, ())

    def visit_container(
        container: Any, path: str, around: tuple[int, ...]
    ) -> Iterator[tuple[str, Any]]:
        if id(container) in around:  # a list that contains itself
            return
        used: Counter[str] = Counter()

        def numbered(name: str) -> str:
            used[name] += 1
            return f"{path}/{name}" if used[name] == 1 else f"{path}/{name}_{used[name] - 1}"

        for value in container.values() if isinstance(container, dict) else container:
            if is_saveable(value):
                yield from visit(value, numbered(_class_name(value)))
            elif isinstance(value, (list, tuple, dict)):
                yield from visit_container(value, numbered("container"), (*around, id(container)))

    try:
        yield from visit(root, "")
    finally:
        keep.clear()  # the functions above refer to each other, so it waits for a collection


def _turn(name: str) -> str:
    """Sort key of an attribute: private ones after the public ones."""
    return f"~{name}" if name.startswith("_") else name


def _class_name(obj: object) -> str:
    """Snake case of the class; `_Private` gives `__private`, as in the files of Keras."""
    name = re.sub(r"\W+", "", type(obj).__name__)
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()


class Reader(Protocol):
    """What `plan_load` asks of a store."""

    label: str

    def paths(self) -> list[str]: ...

    def shapes(self, inner_path: str) -> list[Spec]: ...


@dataclass(frozen=True)
class Difference:
    """One object on which model and file disagree.

    Attributes:
        path: inner path in the model, or in the file if only the file has it.
        expected: shapes and dtypes of its variables in the model; None without the object.
        found: shapes and dtypes in the file; None without the object.
        cause: probable cause.
    """

    path: str
    expected: tuple[Spec, ...] | None
    found: tuple[Spec, ...] | None
    cause: str

    def __str__(self) -> str:
        model = "-" if self.expected is None else shown(self.expected)
        file = "-" if self.found is None else shown(self.found)
        facts = {"model": model, "file": file, "cause": self.cause}
        return explain(repr(self.path or "the model itself"), **facts)


@dataclass(frozen=True)
class Report:
    """Which objects of a model a store has.

    Attributes:
        source: name of the store in messages.
        matched: dict from path in the model to path in the store.
        missing: objects that only the model has.
        unused: objects that only the store has.
        mismatched: objects whose variables differ.
    """

    source: str
    matched: Mapping[str, str]
    missing: tuple[Difference, ...] = ()
    unused: tuple[Difference, ...] = ()
    mismatched: tuple[Difference, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether the store has everything the model expects; it may have more."""
        return not self.missing and not self.mismatched

    def misfit(self, model: str, fix: str | None = REBUILD) -> ValueError:
        """The error about a model that does not match: one line per difference, the first few."""
        every = [*self.missing, *self.mismatched, *self.unused]
        lines = [self.describe().split("\n")[0]]
        for found in every[:BRIEF]:
            ours, theirs = (
                "-" if specs is None else shown(specs) for specs in (found.expected, found.found)
            )
            lines.append(f"  {found.path[:80]!r}: model {ours}, file {theirs}: {found.cause}")
        if len(every) > BRIEF:
            lines.append(f"  ... and {len(every) - BRIEF} more")
        what = explain(f"The weights do not match model {model!r}.", fix=fix)
        return ValueError("\n".join([what, *lines]))

    def describe(self) -> str:
        """The report as text: a sentence, then each difference with both sides and its cause."""
        counts = {
            "missing in the file": self.missing,
            "of another shape": self.mismatched,
            "unused": self.unused,
        }
        said = ", ".join(f"{len(found)} {what}" for what, found in counts.items() if found)
        lines = [f"{self.source}: {len(self.matched)} objects match{', ' + said if said else ''}."]
        for what, found in counts.items():
            if found:
                lines += ["", f"{what}:"]
                lines += [f"  {line}" for f in found[:20] for line in str(f).split("\n")]
                if len(found) > 20:
                    lines.append(f"  ... and {len(found) - 20} more")
        return "\n".join(lines)


def plan_load(expected: Mapping[str, Sequence[Spec]], reader: Reader) -> Report:
    """Compare the variables a model expects with those a store declares; reads no array.

    Args:
        expected: dict from inner path to shapes and dtypes of the variables. Objects without
            variables match whether the store lists them or not.
        reader: store that is open for reading.

    Returns:
        A `Report`.

    Raises:
        UnsafeFileError: the reader refuses the store.

    Example:

        >>> class Store:
        ...     label = "The file 'a.weights.h5'"
        ...     def paths(self): return ["layers/dense"]
        ...     def shapes(self, path): return [((4, 3), "float32")]
        >>> report = plan_load({"layers/dense": [((4, 5), "float32")]}, Store())
        >>> print(report.describe())
        The file 'a.weights.h5': 0 objects match, 1 of another shape.
        <BLANKLINE>
        of another shape:
          'layers/dense'
            model: (4, 5) float32
            file:  (4, 3) float32
            cause: the number of outputs differs: units, filters or classes.
    """
    have = {path: tuple(reader.shapes(path)) for path in reader.paths()}
    renamed = {_modern(path): path for path in have}
    matched: dict[str, str] = {}
    missing, mismatched = [], []
    for path, specs in expected.items():
        wanted = tuple(specs)
        stored = path if path in have else renamed.get(path)
        if stored is None or (wanted and not have[stored]):
            if wanted:
                missing.append((path, wanted))
        elif _same(wanted, have[stored]):
            matched[path] = stored
        else:
            cause = why_mismatched(wanted, have[stored])
            mismatched.append(Difference(path, wanted, have[stored], cause))
    used = {*matched.values(), *(renamed.get(d.path, d.path) for d in mismatched)}
    left = {path: found for path, found in have.items() if found and path not in used}
    twins = defaultdict(list)
    for path, found in left.items():
        twins[_shapes(found)].append(path)
    orphans = defaultdict(list)
    for path, wanted in missing:
        orphans[_shapes(wanted)].append(path)
    return Report(
        reader.label,
        matched,
        tuple(Difference(p, w, None, _why_missing(p, twins[_shapes(w)])) for p, w in missing),
        tuple(Difference(p, None, f, _why_unused(p, orphans[_shapes(f)])) for p, f in left.items()),
        tuple(mismatched),
    )


def _modern(path: str) -> str:
    return path.replace(_OLD_LAYERS, "layers")


def _shapes(specs: Sequence[Spec]) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(shape) for shape, _ in specs)


def _same(expected: Sequence[Spec], found: Sequence[Spec]) -> bool:
    return _shapes(expected) == _shapes(found) and all(
        fits(jnp.dtype(f[1]), e[1]) for e, f in zip(expected, found, strict=True)
    )


def why_mismatched(expected: Sequence[Spec], found: Sequence[Spec]) -> str:
    """What probably made the variables of a model and of a file differ, as a sentence."""
    if len(expected) != len(found):
        return (
            f"{len(expected)} variables in the model, {len(found)} in the file: an option such as "
            "use_bias differs, or it is another class."
        )
    pairs = zip(_shapes(expected), _shapes(found), strict=True)
    want, have = next((pair for pair in pairs if pair[0] != pair[1]), ((), ()))
    if want == have:
        return "the kind of numbers differs: one side is quantized, or counts in integers."
    if len(want) != len(have):
        return "the number of axes differs: it is another kind of layer."
    differ = [i - len(want) for i, (w, h) in enumerate(zip(want, have, strict=True)) if w != h]
    if sorted(want) == sorted(have):
        return "the axes are in another order: the file comes from another library or version."
    if differ == [-1]:
        return "the number of outputs differs: units, filters or classes."
    if differ == [-2]:
        return "the number of inputs differs: the input shape, or the layer before."
    return "the sizes differ: the model is configured in another way."


def _why_missing(path: str, twins: Sequence[str]) -> str:
    if twins:
        return f"the file has these shapes at {twins[0]!r}: an attribute or the order changed."
    if re.search(r"(^|/)container(_\d+)?(/|$)", path):
        return "Keras before 3.15 does not store layers in nested lists or dicts."
    if re.search(r"(^|/)optimizer(/|$)", path):
        return "the file was saved before training or without the optimizer."
    return "the file was saved from a model without this object."


def _why_unused(path: str, orphans: Sequence[str]) -> str:
    if orphans:
        return f"the model has these shapes at {orphans[0]!r}: an attribute or the order changed."
    if re.search(r"(^|/)optimizer(/|$)", path):
        return "the model is not compiled, so it has no optimizer to restore."
    return "the file was saved from a model with this object, and this model has none."
