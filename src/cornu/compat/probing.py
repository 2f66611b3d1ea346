"""Who asks for TensorFlow: a script that wants `tf.keras`, or code that can do without TensorFlow.

    import tensorflow as tf                     gets the stand-in, which has tf.keras

    try:
        import tensorflow as tf                 learns that there is no TensorFlow, and goes on as
    except ImportError:                         it does without; the stand-in would be taken for
        tf = None                               the real one

The second is how packages look for what they can use. A script is run by somebody who wants it to
work with Cornu, so its own imports get the stand-in, also when they stand in a `try`.
"""

import ast
import linecache
import sys
import types
from typing import TypeGuard

_IMPORTING = ("importlib", "importlib._bootstrap", "cornu.compat.alias", __name__)
_CAUGHT = ("ImportError", "ModuleNotFoundError", "Exception", "BaseException")


def asks_only() -> bool:
    """Whether a module is looked for, and not imported: `importlib.util.find_spec(name)`."""
    return _asking().f_globals.get("__name__") == "importlib.util"


def can_do_without() -> bool:
    """Whether an import that is under way may fail: it is in a `try` that catches its error.

    No for an import of a script, and for one that names Keras: `from tensorflow import keras`.
    """
    frame = _asking()
    if frame.f_globals.get("__name__") == "__main__":
        return False
    lines = linecache.getlines(frame.f_code.co_filename, frame.f_globals)
    try:
        tree = ast.parse("".join(lines))
    except SyntaxError:  # a cell of a notebook, with its magic
        return False
    line, guarded = frame.f_lineno, False
    for node in ast.walk(tree):
        if isinstance(node, ast.Try) and any(map(_catches, node.handlers)):
            guarded |= node.body[0].lineno <= line <= (node.body[-1].end_lineno or 0)
        elif _names_keras(node) and node.lineno <= line <= (node.end_lineno or 0):
            return False
    return guarded


def _asking() -> types.FrameType:
    """The frame of the code that imports, or asks for, a module."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__") in _IMPORTING:
        frame = frame.f_back
    return frame


def _catches(handler: ast.ExceptHandler) -> bool:
    """Whether an `except` clause catches the error of an import."""
    if handler.type is None:
        return True
    names = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(isinstance(name, ast.Name) and name.id in _CAUGHT for name in names)


def _names_keras(node: ast.AST) -> TypeGuard[ast.Import | ast.ImportFrom]:
    """Whether a statement imports Keras from TensorFlow."""
    if isinstance(node, ast.ImportFrom):
        names = [f"{node.module}.{alias.name}" for alias in node.names]
    else:
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
    return any(f"{name}.".startswith("tensorflow.keras.") for name in names)
