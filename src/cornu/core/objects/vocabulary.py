"""Words: the names of losses, metrics, optimizers, initializers and their kind.

    "huber", "Huber", {"class_name": "Huber", ...}, Huber, Huber(2.0), a function
                                |
                               get    ->  an object or a function   <-  deserialize  <-+
                                                                  ->   serialize    ->  JSON values

A public module makes its vocabulary of its own namespace, so whatever it imports or defines is
known by its name:

    _words = Vocabulary("loss", vars(), Loss, functions=("cornu.losses",), short={"mse": ...})
    get, deserialize = _words.get, _words.deserialize
"""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from cornu.core.objects import registry
from cornu.core.objects.serialize import (
    SPECIAL,
    deserialize_keras_object,
    deserialize_one,
    serialize_in_full,
)
from cornu.errors import did_you_mean, value_error
from cornu.types import Config, Identifier


class Vocabulary:
    """The names of one kind of object, and what they mean.

    Args:
        kind: name of the kind in messages, such as "loss".
        face: namespace of the public module, with what can be named.
        base: class from which the classes of this kind derive; None if functions alone can be
            named.
        functions: modules whose functions can be named, and which files may name. Where a class has
            the same name, the name means the class.
        spelled: function that gives the second spelling of the name of each class.
        short: further names, which are known in upper case, too.
        unnamed: classes that only configs can name, because they need arguments.

    Example:

        >>> from cornu import regularizers
        >>> words = Vocabulary("penalty", vars(regularizers), regularizers.Regularizer)
        >>> words.get("L2").l2, words.get({"class_name": "L1", "config": {"l1": 0.5}}).l1
        (0.01, 0.5)
        >>> words.get("orthogonal")
        Traceback (most recent call last):
        ValueError: There is no penalty named 'orthogonal'.
          fix: did you mean 'OrthogonalRegularizer'?
    """

    def __init__(
        self,
        kind: str,
        face: Mapping[str, Any],
        base: type | None = None,
        *,
        functions: tuple[str, ...] = (),
        spelled: Callable[[str], str] | None = None,
        short: Mapping[str, Any] | None = None,
        unnamed: tuple[type, ...] = (),
    ):
        self.kind = kind
        self.package = face["__name__"].replace("cornu", "keras", 1)
        shown = {name: value for name, value in face.items() if not name.startswith("_")}
        self.functions = {
            name: value
            for name, value in shown.items()
            if inspect.isfunction(value) and functions and value.__module__.startswith(functions)
        }
        registry.register_functions(self.functions)
        classes = {
            name: value
            for name, value in shown.items()
            if base is not None and inspect.isclass(value) and issubclass(value, base)
        }
        if spelled is not None:
            classes |= {spelled(cls.__name__): cls for cls in classes.values()}
        short = dict(short or {})
        # Everything that a config can name, and what a name alone means.
        self.known: dict[str, Any] = {
            **self.functions,
            **classes,
            **short,
            **{name.upper(): value for name, value in short.items()},
        }
        self.names = {name: v for name, v in self.known.items() if v not in unnamed}

    def __repr__(self) -> str:
        return f"Vocabulary({self.kind!r})"

    def get(self, identifier: Identifier) -> Any:
        """The object or function that a name, a config, a class or an object means.

        Args:
            identifier: such as `"mse"`, `"MeanSquaredError"`, `MeanSquaredError`, an object, a
                function, or what `serialize` returned. None stays None.

        Raises:
            ValueError: nothing of this kind is meant by it.
        """
        found = self.find(identifier)
        return found() if inspect.isclass(found) else found

    def deserialize(self, config: Any, custom_objects: Config | None = None) -> Any:
        """The object or function that `serialize` described, or that a name means.

        Args:
            config: JSON values.
            custom_objects: names to use besides the built-in and the registered ones.

        Raises:
            ValueError: nothing of this kind is meant by it.
        """
        with registry.CustomObjectScope(custom_objects or {}):
            return None if config is None else self.get(config)

    def serialize(self, value: Any) -> Any:
        """An object or function as JSON values, from which `deserialize` makes it again."""
        return serialize_in_full(value)

    def find(self, identifier: Identifier) -> Any:
        """What `get` returns, but a class as it is.

        Raises:
            ValueError: nothing of this kind is meant by it.
        """
        if identifier is None:
            return None
        found = identifier
        if isinstance(identifier, str):
            found = registry.find_custom(identifier) or _word(identifier, self.names)
            if found is None:
                raise self._unknown(identifier)
        elif isinstance(identifier, dict):
            found = self._described(identifier)
        if not callable(found) and not hasattr(found, "get_config"):
            raise value_error(
                f"{identifier!r} is not {'an' if self.kind[0] in 'aeiou' else 'a'} {self.kind}.",
                fix="give a name, a function, or an instance; "
                + did_you_mean(identifier, self.names, self.kind),
            )
        return found

    def _described(self, config: Config) -> Any:
        """What a config describes, of this version or of an older one."""
        name = config.get("class_name")
        if not isinstance(name, str) or name in (*SPECIAL, "function"):
            return deserialize_one(config)
        found = _word(name, self.known)
        if "module" in config:
            if inspect.isclass(found) and self._is_own(config):  # in any spelling
                config = {**config, "module": self.package, "class_name": found.__name__}
            return deserialize_keras_object(config)
        found = registry.find_custom(name) or found
        if found is None:
            raise self._unknown(name)
        if inspect.isclass(found) and hasattr(found, "from_config"):
            return found.from_config(config.get("config", {}))
        return found

    def _is_own(self, config: Config) -> bool:
        """Whether a config names a built-in of this kind, in the module of any version."""
        module = str(config["module"])
        return (
            not config.get("registered_name")
            and registry.is_keras(module)
            and self.package.rpartition(".")[2] in module.split(".")
        )

    def _unknown(self, name: str) -> ValueError:
        fix = did_you_mean(name, self.names, self.kind)
        return value_error(f"There is no {self.kind} named {name!r}.", fix=fix)


def _word(name: str, table: Mapping[str, Any]) -> Any:
    return table.get(name) or table.get(name.lower())
