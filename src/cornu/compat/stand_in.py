"""A module that stands where TensorFlow would, for scripts that say `tf.keras`.

It holds `keras` and `__version__`, and the two types that callbacks of packages compare with:
`isinstance(learning_rate, (tf.Variable, tf.Tensor))`. Whatever else is asked of it is refused in
plain words, with what Cornu has for the same purpose where that is known.
"""

import importlib
import types
from typing import Any

from cornu.errors import explain
from cornu.glossary import TENSORFLOW
from cornu.version import __version__

_TYPES = {"Tensor": "jax.Array", "Variable": "cornu.Variable"}


class TensorFlow(types.ModuleType):
    """The stand-in: a module named `tensorflow` that has `keras` and hardly more.

    Args:
        keras: module that becomes `tf.keras`.

    Example:

        >>> tf = TensorFlow(keras="the module")
        >>> tf.keras
        'the module'
        >>> tf.nn
        Traceback (most recent call last):
        AttributeError: This is Cornu in TensorFlow's place: it has tf.keras, and no tf.nn.
          instead: keras.ops, or names such as activation='relu'
          fix:     change that line, or run the script by `python` where TensorFlow is installed.
    """

    def __init__(self, keras: Any):
        super().__init__("tensorflow", "Cornu's stand-in for TensorFlow: it has tf.keras alone.")
        self.__version__ = f"{__version__} (Cornu's stand-in)"
        self.__path__: list[str] = []  # a package, so that `import tensorflow.keras` is looked for
        self.keras = keras

    def __getattr__(self, name: str) -> Any:
        if name in _TYPES:
            module, _, last = _TYPES[name].rpartition(".")
            return getattr(importlib.import_module(module), last)
        raise AttributeError(refusal(name))


def refusal(name: str) -> str:
    """The message for a part of TensorFlow that is not here.

    Args:
        name: dotted name below `tensorflow`.
    """
    facts = {"instead": TENSORFLOW[name]} if name in TENSORFLOW else {}
    return explain(
        f"This is Cornu in TensorFlow's place: it has tf.keras, and no tf.{name}.",
        **facts,
        fix="change that line, or run the script by `python` where TensorFlow is installed.",
    )
