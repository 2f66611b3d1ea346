"""Deferred build: variables are made when the shapes of the inputs are first known.

`build` of a class is wrapped once, when the class is defined: it runs outside of any trace, inside
the layer's name scope, remembers the shapes, and marks the layer as built.
"""

import copy
import functools
import inspect
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from cornu import errors, names, tree
from cornu.context import current_path, local, name_scope, using
from cornu.core.frame import eagerly
from cornu.core.symbolic import KerasTensor, infer
from cornu.errors import explain, value_error, warn
from cornu.layers.base.freezing import after_build, before_build


def wrap_build(build: Callable[..., Any]) -> Callable[..., Any]:
    """What a class's `build` becomes; a call of it by a subclass's `build` runs it plainly."""

    @functools.wraps(build)
    def built_in_scope(self: Any, *args: Any, **kwargs: Any) -> Any:
        if self._is_building:
            return build(self, *args, **kwargs)
        if self.built and (self._build_shapes is not None or self._added):
            # A second time would make every variable again.
            _require_same(self, _shapes_given(build, self, args, kwargs))
            return None
        self._is_building = True
        kept = before_build(self)
        try:
            with eagerly(), errors.located(self.name, ", while being built"), name_scope(self.name):
                self.path = current_path()
                self._find_policy()
                result = build(self, *args, **kwargs)
        finally:
            self._is_building = False
        after_build(self, kept)
        self._build_shapes = _shapes_given(build, self, args, kwargs)
        self.built = True
        return result

    return built_in_scope


def _require_same(layer: Any, shapes: dict[str, Any] | None) -> None:
    """That a layer which is built is not asked to become another one.

    Raises:
        ValueError: the shapes are of another kind than those with which it was built.
    """
    if shapes is None or layer._build_shapes is None:
        return
    before, now = (list(s.values()) for s in (layer._build_shapes, shapes))
    sizes = [_last_sizes(before), _last_sizes(now)]
    if all(a == b or a is None or b is None for a, b in zip(*sizes, strict=False)):
        return
    raise value_error(
        f"{type(layer).__name__} '{layer.name}' is already built for other shapes.",
        built=before[0] if len(before) == 1 else before,
        asked=now[0] if len(now) == 1 else now,
        fix="make a new layer: its variables have the sizes of the first build.",
    )


def _last_sizes(shapes: Any) -> list[Any]:
    """The size of the last axis of each shape: variables seldom depend on the others."""
    if shapes is None:
        return []
    if is_shape(shapes):
        return [shapes[-1] if len(shapes) else None]
    values = shapes.values() if isinstance(shapes, dict) else shapes
    return [size for value in values for size in _last_sizes(value)] if _nests(shapes) else []


def _nests(value: Any) -> bool:
    return isinstance(value, (dict, list, tuple))


def _shapes_given(build: Any, layer: Any, args: Any, kwargs: Any) -> dict[str, Any] | None:
    arguments = inspect.signature(build).bind(layer, *args, **kwargs).arguments
    arguments.pop(next(iter(arguments)))  # self
    return dict(arguments) or None


@functools.cache
def shape_names(build: Callable[..., Any]) -> tuple[str, ...] | None:
    """The shape arguments that a `build` takes; None if it takes any."""
    parameters = list(inspect.signature(build).parameters.values())[1:]
    if any(p.kind is p.VAR_KEYWORD for p in parameters):
        return None
    return tuple(p.name for p in parameters if p.kind is not p.VAR_POSITIONAL)


@functools.cache
def takes_no_shape(build: Callable[..., Any]) -> bool:
    """Whether a `build` has a default for its shape, and so can do without."""
    parameters = list(inspect.signature(build).parameters.values())[1:]
    return len(parameters) == 1 and parameters[0].default is None


def _require_shapes(layer: Any, names: tuple[str, ...], shapes: dict[str, Any]) -> None:
    """Raise ValueError where `build` asks for what is no shape of an argument of the call."""
    parameters = inspect.signature(layer.build).parameters
    missing = [n for n in names if n not in shapes and parameters[n].default is inspect._empty]
    if missing:
        raise value_error(
            f"build of {type(layer).__name__} takes {missing[0]!r}, which the call does not give.",
            received=", ".join(shapes),
            fix="name its arguments after those of call: x_shape for call(self, x)",
        )


def build_from_call(layer: Any, shapes: dict[str, Any]) -> None:
    """Call the layer's `build` with the shapes of a call, by the names that it takes."""
    names = shape_names(type(layer).build)
    if names is None:
        layer.build(**shapes)
    elif len(names) == 1:
        first = next(iter(shapes.values()), None)
        layer.build(first)
    elif names:
        _require_shapes(layer, names, shapes)
        layer.build(**{name: shapes[name] for name in names if name in shapes})
    else:
        layer.build()


def warn_of_maker(layer: Any, maker: Any) -> None:
    """Warn that a `call` made a layer with weights, which nobody keeps; once for each maker.

    Raises:
        ValueError: the maker keeps it, and is built: another call would make it again.
    """
    if maker._makes_layers or not layer.trainable_weights or is_sketching():
        return
    args, kwargs = layer._arguments
    given = [*map(repr, args), *(f"{name}={value!r}" for name, value in kwargs.items())]
    kind = f"{type(layer).__name__}({', '.join(given)})"
    name = names.to_snake_case(type(layer).__name__)
    fix = f"self.{name} = keras.layers.{kind}    # in __init__\nself.{name}(...)    # in call"
    if any(layer is own for own in maker._flatten_layers()):
        maker._check_makes_parts(f"the layer {kind}", fix)
        return
    maker._makes_layers = True
    warn(
        explain(
            f"{type(maker).__name__}.call makes the layer {kind}: nobody keeps its weights, and "
            "they are not trained.",
            fix=fix,
        )
    )


def build_by_tracing(layer: Any, input_shape: Any) -> None:
    """Build what a layer calls by running its `call` on shapes alone.

    Raises:
        ValueError: `call` cannot run on the shape alone.
    """
    tensors = to_tensors(input_shape, layer.compute_dtype)
    try:
        infer(layer.call, tensors)
    except Exception as error:
        raise value_error(
            f"{type(layer).__name__} '{layer.name}' could not be built from its input shape.",
            input_shape=input_shape,
            error=f"{type(error).__name__}: {error}",
            fix="call it once on real data, or write its `build` method.",
        ) from error


def is_sketching() -> bool:
    """Whether only the shapes of variables are of interest, so that none is initialized."""
    return local.sketching


@contextmanager
def sketching() -> Iterator[None]:
    """Make layers only to look at shapes: no numbers are drawn, and no names are used up."""
    state = random.getstate()
    try:
        with names.kept(), using(sketching=True):
            yield
    finally:
        random.setstate(state)


def sketch_of(layer: Any) -> Any:
    """A layer like the given one that may be built in its place."""
    try:
        return type(layer).from_config(layer.get_config())
    except NotImplementedError:  # it cannot be saved, and so has no config
        return copy.deepcopy(layer)


def is_shape(value: Any) -> bool:
    """Whether the value is one shape rather than a container of shapes."""
    return isinstance(value, (tuple, list)) and all(s is None or isinstance(s, int) for s in value)


def map_shapes(fn: Callable[[Any], Any], shapes: Any) -> Any:
    """Apply a function to each shape of a nested structure of shapes."""
    if shapes is None or is_shape(shapes):
        return fn(shapes)
    if isinstance(shapes, dict):
        return {key: map_shapes(fn, value) for key, value in shapes.items()}
    if isinstance(shapes, (list, tuple)):
        return type(shapes)(map_shapes(fn, value) for value in shapes)
    raise value_error(f"A shape must be a tuple of sizes, got {shapes!r}.", fix="(None, 784)")


def to_tensors(shapes: Any, dtype: str) -> Any:
    """Symbolic tensors of the given shapes."""
    return map_shapes(lambda s: None if s is None else KerasTensor(s, dtype), shapes)


def to_shapes(tensors: Any) -> Any:
    """The shapes of symbolic tensors."""
    return tree.map_structure(lambda t: tuple(t.shape), tensors)


def as_shapes(value: Any) -> Any:
    """Shapes as tuples, from the lists of a file."""
    return map_shapes(lambda shape: None if shape is None else tuple(shape), value)
