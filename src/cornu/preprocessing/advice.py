"""One line, once per name and process, that says what to write today."""

from cornu.errors import explain, warn

_said: set[str] = set()


def advise(name: str, today: str) -> None:
    """Warn that a name is of Keras 2, unless that was said before.

    Args:
        name: the old name, below `keras.preprocessing`.
        today: what to write instead.

    Example:

        >>> import warnings
        >>> with warnings.catch_warnings(record=True) as said:
        ...     warnings.simplefilter("always")
        ...     for _ in range(2):
        ...         advise("text.example", "keras.layers.Example")
        >>> [str(s.message) for s in said]
        ['keras.preprocessing.text.example is of Keras 2.\\n  today: keras.layers.Example']
    """
    if name not in _said:
        _said.add(name)
        text = explain(f"keras.preprocessing.{name} is of Keras 2.", today=today)
        warn(text, DeprecationWarning)
