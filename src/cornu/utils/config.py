"""`Config`: settings by name, as attributes and as items, which can be frozen."""

import json
from collections.abc import ItemsView, Iterator, KeysView, ValuesView
from typing import Any

from cornu.errors import did_you_mean, explain, value_error


class Config:
    """A dict whose items are attributes too, and that can be frozen.

    Args:
        **kwargs: names and values of the settings.

    Raises:
        AttributeError: there is no setting of this name.
        ValueError: a setting is changed while the config is frozen.

    Example:

        >>> config = Config(learning_rate=0.1, momentum=0.9)
        >>> config.learning_rate = 0.5
        >>> config["units"] = 32
        >>> config.freeze()
        >>> config.as_dict()
        {'learning_rate': 0.5, 'momentum': 0.9, 'units': 32}
        >>> config.lerning_rate
        Traceback (most recent call last):
        AttributeError: The config has no setting 'lerning_rate'.
          fix: did you mean 'learning_rate'?
    """

    _config: dict[str, Any]
    _frozen: bool

    def __init__(self, **kwargs: Any) -> None:
        object.__setattr__(self, "_config", kwargs)
        object.__setattr__(self, "_frozen", False)

    @property
    def frozen(self) -> bool:
        """Whether changes are refused."""
        return self._frozen

    def freeze(self) -> None:
        """Refuse changes from now on."""
        object.__setattr__(self, "_frozen", True)

    def unfreeze(self) -> None:
        """Allow changes again."""
        object.__setattr__(self, "_frozen", False)

    def as_dict(self) -> dict[str, Any]:
        """A new dict of the settings."""
        return dict(self._config)

    def to_json(self) -> str:
        """The settings as a JSON text."""
        return json.dumps(self._config)

    def keys(self) -> KeysView[str]:
        """The names of the settings."""
        return self._config.keys()

    def values(self) -> ValuesView[Any]:
        """The values of the settings."""
        return self._config.values()

    def items(self) -> ItemsView[str, Any]:
        """Names and values of the settings."""
        return self._config.items()

    def get(self, keyname: str, value: object = None) -> Any:
        """A setting, or `value` if there is none of this name."""
        return self._config.get(keyname, value)

    def pop(self, *args: Any) -> Any:
        """Remove a setting, given its name; returns its value, or the second argument."""
        return self._changing().pop(*args)

    def update(self, *args: Any, **kwargs: Any) -> None:
        """Set several settings, given as `dict.update` takes them."""
        self._changing().update(*args, **kwargs)

    def _changing(self) -> dict[str, Any]:
        if self._frozen:
            raise value_error("A frozen config cannot be changed.", fix="settings.unfreeze()")
        return self._config

    def __setattr__(self, name: str, value: object) -> None:
        if name in dir(type(self)):  # a method, or an attribute of a subclass
            object.__setattr__(self, name, value)
        else:
            self._changing()[name] = value

    def __delattr__(self, name: str) -> None:
        self.__getattr__(name)
        del self._changing()[name]

    def __getattr__(self, name: str) -> Any:
        config = vars(self).get("_config", {})  # a copy has none yet
        if name in config:
            return config[name]
        what = f"The config has no setting {name!r}."
        raise AttributeError(explain(what, fix=did_you_mean(name, config) if config else None))

    def __setitem__(self, key: str, item: object) -> None:
        self._changing()[key] = item

    def __getitem__(self, key: str) -> Any:
        return self._config[key]

    def __delitem__(self, key: str) -> None:
        del self._changing()[key]

    def __contains__(self, item: object) -> bool:
        return item in self._config

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._config))

    def __len__(self) -> int:
        return len(self._config)

    def __repr__(self) -> str:
        return f"<Config {self._config}>"
