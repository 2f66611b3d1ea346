"""`import keras` answered by Cornu, on request.

    import keras.layers             asks sys.meta_path, and `Alias` stands in front
        keras | tf_keras | tensorflow.keras   ->   cornu
        sys.modules["keras.layers"] = cornu.layers           the same object, not a copy

So `keras.layers.Dense is cornu.layers.Dense`, whichever way a program spells it. Nothing is
installed by importing Cornu: `install()` does it, and `cornu run script.py` does before the script.

Keras 1 and 2 had paths that Keras 3 has not (`keras.layers.core`, `keras.utils.np_utils`), and many
tutorials still use them. They answer with the names of the package above them. Packages import
private names of Keras, `keras.src...`: see `keras_src.py`.
"""

import functools
import importlib
import sys
import types
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder

import cornu
from cornu.absent import message
from cornu.compat import keras_src
from cornu.compat.probing import asks_only, can_do_without
from cornu.compat.stand_in import TensorFlow, refusal
from cornu.errors import make_error
from cornu.version import KERAS_VERSION, __version__

NAMES = ("keras", "tf_keras", "tensorflow.keras")
ROOTS = ("keras", "tf_keras", "tensorflow")

# Paths of Keras 1 and 2, and where their names are now.
OLDER = {
    f"cornu.{package}.{name}": f"cornu.{package}"
    for package, names in {
        "layers": "advanced_activations convolutional core embeddings merge noise normalization "
        "pooling recurrent wrappers",
        "utils": "data_utils generic_utils np_utils vis_utils",
    }.items()
    for name in names.split()
}


def real_name(name: str) -> str | None:
    """The name of Cornu's module for an imported name; None if the import is no concern of ours.

    Example:

        >>> real_name("tensorflow.keras.layers"), real_name("keras"), real_name("kerastuner")
        ('cornu.layers', 'cornu', None)
    """
    for alias in NAMES:
        if name == alias or name.startswith(alias + "."):
            return "cornu" + name[len(alias) :]
    return name if name in OLDER or keras_src.real_path(name) is not None else None


class Alias(MetaPathFinder, Loader):
    """Finds modules of Cornu under the names of Keras, and hands them over as they are."""

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,
        target: types.ModuleType | None = None,
    ) -> ModuleSpec | None:
        """The import system's question: who loads `fullname`?

        Raises:
            ModuleNotFoundError: it is a part of TensorFlow other than `tensorflow.keras`, or
                TensorFlow where code can do without it, or a private module of Keras that is not
                served.
        """
        real = real_name(fullname)
        if real is None:
            if fullname.startswith("tensorflow."):
                raise ModuleNotFoundError(refusal(fullname.partition(".")[2]), name=fullname)
            if fullname != "tensorflow" or asks_only():
                return None
            if can_do_without():
                raise ModuleNotFoundError(
                    "There is no TensorFlow: Cornu stands in for tf.keras alone.", name=fullname
                )
            return ModuleSpec(fullname, self)
        private = keras_src.real_path(real)
        if private is not None:
            if private not in keras_src.PRIVATE:
                raise ModuleNotFoundError(keras_src.refusal(private), name=fullname)
        elif real == fullname and PathFinder.find_spec(fullname, path) is not None:
            return None  # an older path under which a module of Cornu's own stands
        return ModuleSpec(fullname, self)

    def create_module(self, spec: ModuleSpec) -> types.ModuleType:
        """The module for a name that `find_spec` answered."""
        real = real_name(spec.name)
        if real is None:
            return TensorFlow(importlib.import_module("cornu"))
        private = keras_src.real_path(spec.name)
        if private is not None:
            return keras_src.Private(private)
        if real == spec.name:
            return types.ModuleType(real)
        try:
            module = importlib.import_module(real)
        except ModuleNotFoundError as error:
            if error.name is None or not (real + ".").startswith(error.name + "."):
                raise  # the module is there, and something that it needs is not
            raise ModuleNotFoundError(_not_here(spec.name), name=spec.name) from None
        spec.loader_state = module.__spec__
        return module

    def exec_module(self, module: types.ModuleType) -> None:
        """Undo the one change that the import system made to a module that was loaded before."""
        if module.__spec__ is not None and module.__spec__.loader_state is not None:
            module.__spec__ = module.__spec__.loader_state
        if module.__name__ in OLDER:
            above = importlib.import_module(OLDER[module.__name__])
            module.__getattr__ = functools.partial(getattr, above)  # type: ignore[method-assign]


def _not_here(name: str) -> str:
    """The message for a module that Keras may have and Cornu has not."""
    parent, _, last = name.rpartition(".")
    what, *hints = message(real_name(parent) or parent, last).split("\n")
    what = f"Cornu has no module {name!r}; `import keras` means Cornu here."
    return "\n".join([what, *hints])


def install() -> None:
    """Make `keras`, `tf_keras` and `tensorflow.keras` mean Cornu from now on.

    Packages ask `keras.__version__` and `keras.version()` what they may use: these are the version
    of Keras that Cornu offers from here on. Cornu's own is `cornu --version`.

    Call it before the first import of any of them. Calling it again changes nothing.

    Raises:
        RuntimeError: the real Keras or TensorFlow is imported already.

    Example:

        >>> import cornu.compat
        >>> cornu.compat.install()  # doctest: +SKIP
        >>> from tensorflow.keras.layers import Dense  # doctest: +SKIP
        >>> Dense.__module__  # doctest: +SKIP
        'cornu.layers.core.dense'
    """
    for name in ROOTS:
        module = sys.modules.get(name)
        if module is not None and not _is_ours(module):
            raise make_error(
                RuntimeError,
                f"{name} is imported already, and not from Cornu.",
                file=getattr(module, "__file__", None),
                fix="call cornu.compat.install() before the first import of it,\n"
                "or start the program by `cornu run script.py`.",
            )
    if not any(isinstance(finder, Alias) for finder in sys.meta_path):
        sys.meta_path.insert(0, Alias())
        cornu.__version__ = KERAS_VERSION
        importlib.import_module(keras_src.ROOT)  # `import keras` alone gives `keras.src`


def uninstall() -> None:
    """Undo `install`: the next `import keras` looks for Keras itself.

    Modules that hold on to what they imported keep it.
    """
    sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, Alias)]
    for name, module in list(sys.modules.items()):
        private = isinstance(module, keras_src.Private)
        if private or (name.partition(".")[0] in ROOTS and _is_ours(module)):
            del sys.modules[name]
    vars(cornu).pop("src", None)
    cornu.__version__ = __version__


def _is_ours(module: types.ModuleType) -> bool:
    """Whether a module came from here."""
    return isinstance(module, TensorFlow) or module.__name__.partition(".")[0] == "cornu"
