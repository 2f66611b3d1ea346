"""Settings of layers that are declared once, with type and default, and shared by constructors.

    class CellSettings(LayerSettings, total=False):         activation: Annotated[..., "tanh"]

    @spelled_out()
    def __init__(self, units: int, *args: Any, **settings: Unpack[CellSettings])

    inspect.signature(SimpleRNNCell)                        (units, activation="tanh", ...)

Type checkers and editors read the `TypedDict`; `inspect` and `help` read the signature that
`spelled_out` publishes. A setting without a default is one that every layer takes: it is known to
type checkers, and part of `**kwargs` in the signature.
"""

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any, TypedDict, TypeVar, get_args

from cornu import constraints, initializers, regularizers
from cornu.types import DType, Shape

Init = TypeVar("Init", bound=Callable[..., None])

# What the name of a setting ends in -> what looks up the function that a user names.
_FINDERS: dict[str, Callable[..., Any]] = {
    "initializer": initializers.get,
    "regularizer": regularizers.get,
    "constraint": constraints.get,
}


class LayerSettings(TypedDict, total=False):
    """What every layer takes."""

    name: str | None
    dtype: DType | Any
    trainable: bool
    autocast: bool
    input_shape: Shape
    batch_input_shape: Shape
    batch_size: int


def defaults_of(settings: Any) -> dict[str, Any]:
    """The settings of a `TypedDict` that have a default, and their defaults."""
    fields = settings.__annotations__.items()
    return {name: t.__metadata__[0] for name, t in fields if hasattr(t, "__metadata__")}


def assign_settings(layer: Any, values: Mapping[str, Any]) -> None:
    """Make settings attributes of a layer: what a user names, such as "zeros", is looked up."""
    for name, value in values.items():
        find = _FINDERS.get(name.rpartition("_")[2])
        setattr(layer, name, find(value) if find else value)


def spelled_out(**after: str) -> Callable[[Init], Init]:
    """Decorate a constructor `(self, ..., *args, **settings: Unpack[...])`: publish its settings.

    The constructor gets all settings by name, with their defaults, however they were given.

    Args:
        after: setting -> the one that it follows by position, where that is not the order of the
            `TypedDict`.
    """

    def decorate(init: Init) -> Init:
        *sizes, _, settings = inspect.signature(init).parameters.values()
        (declared,) = get_args(settings.annotation)
        defaults = defaults_of(declared)
        order = [name for name in defaults if name not in after]
        for name, before in after.items():
            order.insert(order.index(before) + 1, name)
        spelled = [
            inspect.Parameter(
                name,
                inspect.Parameter.POSITIONAL_OR_KEYWORD,
                default=defaults[name],
                annotation=declared.__annotations__[name].__origin__,
            )
            for name in order
        ]
        rest = inspect.Parameter("kwargs", inspect.Parameter.VAR_KEYWORD, annotation=Any)
        signature = inspect.Signature([*sizes, *spelled, rest])

        @functools.wraps(init)
        def construct(self: Any, *args: Any, **kwargs: Any) -> None:
            if len(args) >= len(sizes):  # `sizes` has self
                kwargs = _by_name(signature, init.__qualname__, (self, *args), kwargs)
                args = ()
            init(self, *args, **{**defaults, **kwargs})

        construct.__signature__ = signature  # type: ignore[attr-defined]
        return construct  # type: ignore[return-value]

    return decorate


def _by_name(
    signature: inspect.Signature, owner: str, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> dict[str, Any]:
    """All arguments by name, without self."""
    try:
        given = dict(signature.bind(*args, **kwargs).arguments)
    except TypeError as error:
        raise TypeError(f"{owner}() got {error}") from None
    del given["self"]
    return {**given.pop("kwargs", {}), **given}
