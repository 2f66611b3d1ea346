"""`%load_ext cornu`: a notebook of Keras's runs on Cornu.

`import keras` and `tensorflow.keras` mean Cornu from there on, and an error about a name that was
never imported ends with the line that imports it.
"""

from typing import Any

from cornu.compat import alias
from cornu.compat.copied import explained


def load(shell: Any) -> None:
    """Answer `import keras` in a notebook, and explain its errors.

    Args:
        shell: shell of IPython.

    Raises:
        RuntimeError: the real Keras is imported already; the message says to restart the kernel.
    """
    alias.install()
    shell.set_custom_exc((NameError, ImportError), _show)


def unload(shell: Any) -> None:
    """Undo `load`."""
    alias.uninstall()
    shell.set_custom_exc((), None)


def _show(shell: Any, kind: type, error: BaseException, trace: Any, tb_offset: Any = None) -> None:
    explained(error)
    shell.showtraceback((kind, error, trace), tb_offset=tb_offset)
