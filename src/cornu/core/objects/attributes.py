"""Unknown attributes: names of older versions and other libraries, and misspelt settings.

    model.predict_classes            AttributeError that says what to write instead (`glossary.py`)
    optimizer.lr = 0.1               sets the setting that has this older name
    model.trainble = False           a warning: setting it has no effect
    layer.kernel = array             an error: values of a weight are set by `assign`

Only what is set from outside is checked; methods of an object may set any attribute.
"""

import difflib
import functools
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import jax
import numpy as np

from cornu import glossary
from cornu.core.variable import Variable
from cornu.errors import explain, warn

_CLOSE = 0.85  # similarity of a misspelling, from 0 to 1


class Attributes:
    """Base of objects whose users may know them by the names of another library or version."""

    # Tables of `glossary.ATTRIBUTES` that apply.
    _kinds: ClassVar[tuple[str, ...]] = ()
    # Settings of a finished object, whose misspellings are warned of.
    _user_settings: ClassVar[frozenset[str]] = frozenset()
    # Older names of attributes.
    _older_names: ClassVar[Mapping[str, str]] = {}

    # Names that need no check, and names of weights; a pair of sets per set of settings.
    _ordinary: ClassVar[set[str]] = set()
    _weight_names: ClassVar[set[str]] = set()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "_user_settings" in vars(cls):
            cls._ordinary, cls._weight_names = set(), set()

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            cls = type(self)
            if any(name in vars(c) for c in cls.__mro__):
                # A property raised an AttributeError, whose message says more.
                return object.__getattribute__(self, name)
            if name in cls._older_names:
                return getattr(self, cls._older_names[name])
            for kind in cls._kinds:
                if name in glossary.ATTRIBUTES[kind]:
                    today = glossary.ATTRIBUTES[kind][name]
                    raise AttributeError(explain(f"{cls.__name__} has no {name!r}.", instead=today))
            # With the name and the object, Python's traceback suggests similar names.
            raise AttributeError(
                f"{cls.__name__!r} object has no attribute {name!r}", name=name, obj=self
            )

    def __setattr__(self, name: str, value: Any) -> None:
        if name in self._ordinary and value.__class__ is not Variable:
            _set(self, name, value)
            return
        cls: Any = type(self)
        meant = meant_by(cls, name)
        if meant is not None and name not in vars(self) and _from_outside(self):
            if name in self._older_names:
                setattr(self, meant, value)
                return
            _warn(self, name, meant)
        is_property = isinstance(getattr(cls, name, None), property)
        if isinstance(value, Variable):
            self._keep(value)
            self._weight_names.add(name)
            self._ordinary.discard(name)
        elif name not in self._weight_names and not is_property and meant is None:
            self._ordinary.add(name)
        elif isinstance(value, (np.ndarray, jax.Array)) and _from_outside(self):
            held = getattr(self, name, None) if is_property else vars(self).get(name)
            if isinstance(held, Variable):
                raise AttributeError(_no_weight(self, name))
        _set(self, name, value)

    def _keep(self, variable: Variable) -> None:
        """Called with each variable that becomes an attribute; may refuse it by raising."""


_set = object.__setattr__


@functools.cache
def meant_by(cls: type[Attributes], name: str) -> str | None:
    """The setting of which a new attribute is an older name or a misspelling; None for others.

    Example:

        >>> class Thing(Attributes):
        ...     _user_settings = frozenset({"trainable"})
        >>> meant_by(Thing, "trainble"), meant_by(Thing, "is_trainable"), meant_by(Thing, "size")
        ('trainable', None, None)
    """
    if name.startswith("_") or any(name in vars(c) for c in cls.__mro__):
        return None
    if name in cls._older_names:
        return cls._older_names[name]
    close = difflib.get_close_matches(name, cls._user_settings, n=1, cutoff=_CLOSE)
    # A name that contains that of the setting is no misspelling: `trainables`, `is_trainable`.
    return close[0] if close and close[0] not in name else None


def _from_outside(obj: Any) -> bool:
    """Whether the statement that sets an attribute is outside of the methods of the object."""
    frame = sys._getframe(2)
    return frame.f_code.co_varnames[:1] != ("self",) or frame.f_locals.get("self") is not obj


def _warn(obj: Any, name: str, meant: str) -> None:
    warn(
        explain(
            f"{type(obj).__name__} has no setting {name!r}, so setting it has no effect.",
            fix=f"did you mean {meant!r}?",
        )
    )


def _no_weight(obj: Any, name: str) -> str:
    return explain(
        f"{type(obj).__name__}.{name} is a variable, and cannot be replaced by an array.",
        fix=f"layer.{name}.assign(array)",
    )
