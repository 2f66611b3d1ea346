"""`Configurable`: the base of everything that can be saved.

It has one rule, that of scikit-learn: the constructor stores each argument under its own name. From
it follow `get_config`, `from_config` and copies, for classes of the library and of users; a class
needs its own `get_config` only where its arguments are not its state.

    class Scale(Layer):
        def __init__(self, factor, **kwargs):      # name, dtype, trainable: the parent's
            super().__init__(**kwargs)
            self.factor = factor

    Scale(2.0).get_config()  ->  {"name": "scale", "trainable": True, "dtype": {...}, "factor": 2.0}
"""

import functools
import inspect
from collections.abc import Callable
from typing import Any, ClassVar, Self

from cornu.core.objects import registry
from cornu.core.objects.serialize import (
    LAMBDA,
    PLAIN,
    deserialize_keras_object,
    function_in_files,
    serialize_keras_object,
)
from cornu.core.objects.shown import as_call
from cornu.errors import explain, type_error, unknown_arguments, warn

_MISSING = object()


class Configurable:
    """Base of classes whose objects are saved by the arguments of their constructor."""

    # Settings in every config, which are set afterwards where a constructor does not take them.
    _common_settings: ClassVar[tuple[str, ...]] = ()
    # Settings in configs that no constructor takes; `from_config` reads them.
    _only_in_configs: ClassVar[tuple[str, ...]] = ()
    # Arguments that a config omits while they are None, as Keras does.
    _config_omits_none: frozenset[str] = frozenset()

    # Attributes that copies and pickles make anew, and how: compiled programs and other things
    # that can be made again, lists that must not be shared. Each class adds its own.
    _made_anew: ClassVar[dict[str, Callable[[Any], Any]]] = {}

    _arguments: tuple[tuple[Any, ...], dict[str, Any]] = ((), {})

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        if (args or kwargs) and cls.__init__ is object.__init__:
            raise type_error(f"{cls.__name__} takes no arguments.")
        self = super().__new__(cls)
        object.__setattr__(self, "_arguments", (args, kwargs))
        if kwargs:
            check_names(cls, args, kwargs)
        return self

    def __repr__(self) -> str:
        return as_call(self)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if registry.is_builtin(cls) and not cls.__name__.startswith("_"):
            registry.register_builtin(cls)

    def __getstate__(self) -> dict[str, Any]:
        cls: Any = type(self)
        state = dict(vars(self))
        for name, make in _made_anew(cls).items():
            if name in state:
                state[name] = make(state[name])
        return state

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor, from which `from_config` makes the object again.

        Returns:
            A dict of plain values, in which objects are serialized.

        Raises:
            NotImplementedError: the value of an argument is not known, or is an object that cannot
                be saved.
        """
        config = {}
        cls: Any = type(self)
        for name in config_names(cls):
            value = self._config_value(name)
            if value is _MISSING:
                raise NotImplementedError(
                    explain(
                        f"{type(self).__name__} does not keep its argument {name!r}, so it cannot "
                        "be saved.",
                        fix=f"store it in the constructor (self.{name} = {name}),\n"
                        "or write get_config.",
                    )
                )
            if value is None and name in self._config_omits_none:
                continue
            try:
                config[name] = self._plain(name, value)
            except (TypeError, ValueError) as error:
                if registry.is_builtin(type(self)):
                    raise
                raise NotImplementedError(
                    explain(
                        f"{type(self).__name__} cannot be saved by its argument {name!r}: {error}",
                    )
                ) from error
        return config

    def _plain(self, name: str, value: Any) -> Any:
        cls: Any = type(self)
        is_users = not registry.is_builtin(cls.__init__) and name in signature_of(cls).parameters
        if is_users and inspect.isfunction(value) and registry.is_builtin(value):
            # Constructors of ours take names of functions; those of users want the functions.
            return function_in_files(value.__name__)
        return plain(value)

    def _config_value(self, name: str) -> Any:
        value = getattr(self, name, _MISSING)
        if value is not _MISSING and not inspect.ismethod(value):
            return value
        return _given(type(self), self._arguments).get(name, _MISSING)

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """The object that a config describes.

        Args:
            config: dict that `get_config` returned.
        """
        if not registry.is_builtin(cls) and registry.is_builtin(cls.get_config):
            # Classes of the library deserialize their arguments themselves.
            config = {key: deserialize_keras_object(value) for key, value in config.items()}
        plain_class: Any = cls
        accepted = accepted_names(plain_class)
        if accepted is None or registry.is_builtin(cls.__init__):
            return cls(**config)
        later = {k: config[k] for k in cls._common_settings if k in config and k not in accepted}
        made = cls(**{key: value for key, value in config.items() if key not in later})
        made._set_common(later)
        return made

    def _set_common(self, settings: dict[str, Any]) -> None:
        """Set those of `_common_settings` that the constructor does not take."""

    def _warn_if_unreadable(self, config: dict[str, Any]) -> None:
        """Warn if the constructor does not accept the config that a file will hold."""
        cls: Any = type(self)
        own_init, own_reader = cls.__init__, cls.from_config
        if registry.is_builtin(own_init) or not registry.is_builtin(own_reader):
            return
        accepted, parameters = accepted_names(cls), signature_of(cls).parameters.values()
        known = {*(config if accepted is None else accepted), *self._common_settings}
        unknown = [key for key in config if key not in known]
        named = [p for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
        missing = [p.name for p in named if p.default is p.empty and p.name not in config]
        if not unknown and not missing:
            return
        what = "does not take what its get_config returns" if unknown else (
            "needs what its get_config leaves out"
        )  # fmt: skip
        given = [str(p.replace(annotation=p.empty)) for p in named]
        example = ", ".join((*given, *(f"{name}=None" for name in unknown)))
        warn(
            explain(
                f"{cls.__name__}.__init__ {what}, so the file will not load as the class is now.",
                arguments=", ".join(map(repr, unknown or missing)),
                fix=f"def __init__(self, {example}, **kwargs): super().__init__(**kwargs)"
                if unknown
                else "def get_config(self): return {**super().get_config(), "
                + ", ".join(f"{name!r}: self.{name}" for name in missing)
                + "}",
            )
        )


@functools.cache
def _made_anew(cls: Any) -> dict[str, Callable[[Any], Any]]:
    tables = (vars(klass).get("_made_anew", {}) for klass in reversed(cls.__mro__))
    return {name: make for table in tables for name, make in table.items()}


def plain(value: Any) -> Any:
    """A value as in a config of Keras: objects are serialized, containers and lambdas kept."""
    if isinstance(value, PLAIN) or getattr(value, "__name__", "") == LAMBDA:
        return value  # clones use the lambda itself; a file gets a placeholder
    if isinstance(value, (list, tuple)):
        return (tuple if isinstance(value, tuple) else list)(plain(v) for v in value)
    if isinstance(value, dict):
        return {key: plain(v) for key, v in value.items()}
    return serialize_keras_object(value)


@functools.cache
def config_names(cls: Any) -> tuple[str, ...]:
    """Names of the arguments of a constructor, those passed on to parents first.

    Example:

        >>> class A(Configurable):
        ...     def __init__(self, name=None): ...
        >>> class B(A):
        ...     def __init__(self, units, **kwargs): ...
        >>> config_names(B)
        ('name', 'units')
    """
    names: list[str] = []
    for klass in cls.__mro__:
        if "__init__" not in vars(klass) or not issubclass(klass, Configurable):
            continue
        if "get_config" in vars(klass) and not registry.is_builtin(klass):
            continue  # it adds its arguments to what `super().get_config()` returns
        parameters = list(inspect.signature(vars(klass)["__init__"]).parameters.values())[1:]
        own = [p.name for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
        names = [*(n for n in own if n not in names), *names]
        if not any(p.kind is p.VAR_KEYWORD for p in parameters):
            break
    return tuple(names)


@functools.cache
def signature_of(cls: Any) -> inspect.Signature:
    """The signature of a constructor, without `self`."""
    signature = inspect.signature(cls.__init__)
    return signature.replace(parameters=list(signature.parameters.values())[1:])


@functools.cache
def accepted_names(cls: Any) -> tuple[str, ...] | None:
    """Names of the arguments that a constructor takes; None if it takes any name."""
    parameters = signature_of(cls).parameters.values()
    if any(p.kind is p.VAR_KEYWORD for p in parameters):
        return None
    return tuple(p.name for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.POSITIONAL_ONLY))


def check_names(cls: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """Raise a TypeError about unknown arguments, with a suggestion."""
    accepted = accepted_names(cls)
    if accepted is None:  # a parent raises, unless a required argument is missing, too
        accepted = config_names(cls)
        if not registry.is_builtin(cls) or _binds(cls, args, kwargs):
            return
    unknown = [name for name in kwargs if name not in accepted]
    if unknown:
        text = unknown_arguments(cls.__name__, unknown, accepted)
        passed_on = _passing_on(cls, unknown[0])
        if passed_on is not None:
            text = explain(text.partition("\n")[0], fix=passed_on)
        raise TypeError(text)


def _binds(cls: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """Whether all required arguments of a constructor are given."""
    needed = _needed(cls)
    return len(args) >= len(needed) or all(name in kwargs for name in needed[len(args) :])


@functools.cache
def _needed(cls: Any) -> tuple[str, ...]:
    parameters = signature_of(cls).parameters.values()
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return tuple(p.name for p in parameters if p.kind in kinds and p.default is p.empty)


def _passing_on(cls: Any, name: str) -> str | None:
    """The header of a constructor that passes an argument on to its parents, if they take it."""
    if registry.is_builtin(cls) or name not in config_names(cls.__base__):
        return None
    own = ", ".join(("self", *(str(p) for p in signature_of(cls).parameters.values())))
    return f"def __init__({own}, **kwargs):\n    super().__init__(**kwargs)"


def _given(cls: type, arguments: tuple[tuple[Any, ...], dict[str, Any]]) -> dict[str, Any]:
    """The arguments of a constructor call by name, with defaults filled in."""
    args, kwargs = arguments
    bound = signature_of(cls).bind_partial(*args, **kwargs)
    bound.apply_defaults()
    given = dict(bound.arguments)
    for parameter in signature_of(cls).parameters.values():
        if parameter.kind is parameter.VAR_KEYWORD:
            given |= given.pop(parameter.name, {})
    return given
