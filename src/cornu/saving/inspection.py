"""What is in a file of a model or of weights, without loading it."""

import os

from cornu.archive import inspect
from cornu.storage.vetting import judge, loading


def inspect_file(filepath: str | os.PathLike[str]) -> inspect.Inspection:
    """Inspect an untrusted file: nothing in it is run, imported or loaded.

    Args:
        filepath: `.keras`, `.h5`, `.weights.h5`, `.weights.json` or `.safetensors` file, or the
            directory of a saved model.

    Returns:
        Its layers, arrays and members, who wrote it, and `findings`: what loading refuses, what
        it needs, and what is out of the ordinary.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file has an unknown suffix.

    Example:

        >>> import tempfile
        >>> from cornu.layers import Dense, Input
        >>> from cornu.models import Sequential
        >>> model = Sequential([Input((4,)), Dense(2, name="out")])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     model.save(f"{folder}/m.keras")
        ...     found = inspect_file(f"{folder}/m.keras")
        >>> found.parameters, [(layer.name, layer.inputs) for layer in found.layers][-1]
        (10, ('out', '(None, 4)'))
    """
    with loading(f"the file {os.fspath(filepath)!r}"):
        return inspect.inspect_file(filepath, judge)
