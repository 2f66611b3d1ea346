"""`import keras` without a Keras: the error says how to have it. Each in a Python of its own."""

import subprocess
import sys
import textwrap
from pathlib import Path

import cornu

SOURCE = Path(cornu.__file__).parents[1]


def python(program):
    """What a program prints, in an environment without packages."""
    program = f"import sys; sys.path.insert(0, {str(SOURCE)!r})\n" + textwrap.dedent(program)
    done = subprocess.run(
        [sys.executable, "-S", "-c", program], capture_output=True, text=True, cwd="/"
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_import_keras_says_how():
    out = python("""
        import cornu as keras
        for line in ("import keras", "from keras.layers import Dense", "import tf_keras"):
            try:
                exec(line)
            except ModuleNotFoundError as error:
                print(error, error.name)
    """)
    assert out.count("cornu.compat.install()") == 3 and out.count("%load_ext cornu") == 3
    assert "No module named 'keras'" in out and "No module named 'tf_keras'" in out


def test_who_only_asks_hears_no():
    out = python("""
        import importlib.util, sys
        import cornu
        before = len(sys.meta_path)
        import importlib; importlib.reload(cornu)
        print(importlib.util.find_spec("keras"), importlib.util.find_spec("numpy"))
        print(len(sys.meta_path) - before)
        try:
            import something_else
        except ModuleNotFoundError as error:
            print(error)
    """)
    assert out == "None None\n0\nNo module named 'something_else'\n"
