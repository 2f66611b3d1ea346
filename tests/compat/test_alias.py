"""`import keras` answered by Cornu. Each case runs in a Python of its own: imports are global."""

import importlib
import subprocess
import sys
import textwrap

import pytest

import cornu
from cornu.compat.alias import OLDER, Alias, real_name
from cornu.compat.stand_in import TensorFlow


def python(program):
    """What a program prints; its error if it fails."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_which_names_are_answered():
    assert real_name("keras") == "cornu"
    assert real_name("keras.layers") == "cornu.layers"
    assert real_name("tf_keras.optimizers.schedules") == "cornu.optimizers.schedules"
    assert real_name("tensorflow.keras.utils") == "cornu.utils"
    assert real_name("cornu.utils.np_utils") in OLDER
    for name in ("keras_tuner", "tensorflow", "tensorflow.data", "tensorflow_datasets", "numpy"):
        assert real_name(name) is None


def test_the_modules_are_the_same_objects():
    out = python("""
        import sys
        import cornu.compat
        cornu.compat.install()
        import keras, tf_keras, tensorflow as tf
        import cornu, cornu.losses
        import keras.losses, tensorflow.keras.losses
        from tf_keras import losses
        assert keras is tf_keras is tf.keras is cornu
        assert keras.losses is losses is sys.modules["tensorflow.keras.losses"] is cornu.losses
        assert keras.losses.Huber is cornu.losses.Huber
        assert cornu.__spec__.name == "cornu" and cornu.losses.__spec__.name == "cornu.losses"
        from tensorflow.keras.optimizers.schedules import ExponentialDecay
        print(ExponentialDecay.__module__)
    """)
    assert out == "cornu.optimizers.schedules\n"


def test_paths_of_keras_1_and_2():
    out = python("""
        import cornu.compat
        cornu.compat.install()
        from keras.layers.core import Dense, Dropout
        from keras.layers.convolutional import Conv2D
        from keras.layers.recurrent import Dense as again
        from keras.utils import np_utils
        from keras.utils.np_utils import to_categorical
        import cornu.layers
        assert Dense is again is cornu.layers.Dense and Conv2D is cornu.layers.Conv2D
        assert np_utils.to_categorical is to_categorical is cornu.utils.to_categorical
        print(cornu.layers.core.dense.Dense is Dense)
    """)
    assert out == "True\n"


def test_what_is_not_there_says_so():
    out = python("""
        import cornu.compat
        cornu.compat.install()
        for line in ("import tensorflow.data", "import keras.layer", "from keras import laiers",
                     "import tensorflow as tf; tf.random"):
            try:
                exec(line)
            except (ImportError, AttributeError) as error:
                print(type(error).__name__, error)
    """)
    assert "ModuleNotFoundError This is Cornu in TensorFlow's place" in out
    assert "instead: numpy arrays, or keras.utils.PyDataset" in out
    assert "Cornu has no module 'keras.layer'" in out and "did you mean 'layers'" in out
    assert "ImportError cornu has no 'laiers'" in out
    assert (
        "AttributeError This is Cornu in TensorFlow's place: it has tf.keras, and no tf.random"
        in out
    )


def test_nothing_is_installed_by_importing():
    out = python("""
        import sys
        import cornu, cornu.compat
        before = list(sys.meta_path)
        cornu.compat.install()
        cornu.compat.install()
        print(len(sys.meta_path) - len(before))
        import keras
        cornu.compat.uninstall()
        print(sys.meta_path == before, "keras" in sys.modules, "cornu" in sys.modules)
    """)
    assert out == "1\nTrue False True\n"


def test_after_the_real_keras_it_is_too_late():
    out = python("""
        import sys, types
        sys.modules["keras"] = types.ModuleType("keras")
        import cornu.compat
        try:
            cornu.compat.install()
        except RuntimeError as error:
            print(error)
    """)
    assert "keras is imported already, and not from Cornu." in out
    assert "before the first import of it" in out


def test_an_error_inside_a_module_is_not_taken_for_a_missing_one():
    out = python("""
        import sys
        import cornu.compat
        cornu.compat.install()
        sys.modules["cornu.ops"] = None  # what an import of a removed module meets
        try:
            import keras.losses
        except ModuleNotFoundError as error:
            print(error.name)
    """)
    assert out == "cornu.ops\n"


def test_the_stand_in_alone():
    tf = TensorFlow(keras="keras")
    assert tf.keras == "keras"
    assert "Cornu" in tf.__version__
    assert not hasattr(tf, "Session")
    assert tf.Variable is cornu.Variable
    assert isinstance(cornu.ops.ones((2,)), tf.Tensor)
    with pytest.raises(AttributeError, match="cornu.value_and_grad"):
        _ = tf.GradientTape


@pytest.mark.parametrize(
    ("lines", "stands_in"),
    [
        ("import tensorflow as tf", True),
        ("try:\n    import tensorflow as tf\nexcept ImportError:\n    tf = None", False),
        ("try:\n    import tensorflow as tf\nexcept (KeyError, Exception):\n    tf = None", False),
        ("try:\n    import tensorflow as tf\nexcept:\n    tf = None", False),
        ("try:\n    import tensorflow as tf\nexcept KeyError:\n    tf = None", True),
        ("try:\n    import tensorflow as tf\nfinally:\n    pass", True),
        ("try:\n    from tensorflow import keras as tf\nexcept ImportError:\n    tf = None", True),
        ("try:\n    import tensorflow.keras as tf\nexcept ImportError:\n    tf = None", True),
        ("try:\n    x\nexcept Exception:\n    import tensorflow as tf", True),
        ("try:\n    import importlib\n    tf = importlib.import_module('tensorflow')\n"
         "except ImportError:\n    tf = None", False),
        ("import importlib.util\ntf = importlib.util.find_spec('tensorflow')", False),
        ("def load():\n    try:\n        import tensorflow\n        return tensorflow\n"
         "    except ImportError:\n        return None\ntf = load()", False),
    ],
)  # fmt: skip
def test_who_can_do_without_tensorflow(tmp_path, monkeypatch, lines, stands_in):
    (tmp_path / "asking.py").write_text(lines)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "meta_path", [Alias(), *sys.meta_path])
    before = dict(sys.modules)
    try:
        assert (importlib.import_module("asking").tf is not None) == stands_in
        script = {"__name__": "__main__"}
        exec(compile(lines, tmp_path / "asking.py", "exec"), script)
        assert (script["tf"] is not None) == (stands_in or "find_spec" not in lines)
    finally:
        for name in set(sys.modules) - set(before):
            if name.startswith(("tensorflow", "asking")):
                del sys.modules[name]
