"""`ActivationAttribute`: an attribute that holds an activation function, however it is given."""

from typing import Any

from cornu import activations


class ActivationAttribute:
    """An activation function; a name or None, which is linear, may be assigned at any time.

    Example:

        >>> class Unit:
        ...     activation = ActivationAttribute()
        >>> unit = Unit()
        >>> unit.activation = None
        >>> unit.activation(3.0)
        3.0
    """

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, instance: Any, owner: type) -> Any:
        if instance is None:
            return self
        try:
            return vars(instance)[self._name]
        except KeyError:
            raise AttributeError(self._name) from None

    def __set__(self, instance: Any, value: Any) -> None:
        vars(instance)[self._name] = activations.get(value)
