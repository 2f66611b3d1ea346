"""Errors of copied programs, and the line that is missing."""

import subprocess
import sys

import pytest

from cornu.compat import notebook
from cornu.compat.copied import explained, missing_line


def error_of(code):
    try:
        exec(code, {})
    except Exception as error:
        return error
    raise AssertionError(f"no error in {code}")


@pytest.mark.parametrize(
    ("code", "line"),
    [
        ("Concatenate()", "from keras.layers import Concatenate"),
        ("Sequential()", "from keras import Sequential"),
        ("Adam()", "from keras.optimizers import Adam"),
        ("EarlyStopping()", "from keras.callbacks import EarlyStopping"),
        ("to_categorical([1])", "from keras.utils import to_categorical"),
        ("layers.Dense(1)", "from keras import layers"),
        ("tf.keras", "import tensorflow as tf"),
        ("np.ones(3)", "import numpy as np"),
        ("plt.plot()", "import matplotlib.pyplot as plt"),
        ("keras.Model", "import keras"),
        ("unicorn", None),
        ("def f():\n    x += 1\nf()", None),
        ("import no_such_package", None),
        ("1 / 0", None),
    ],
)
def test_missing_lines(code, line):
    assert missing_line(error_of(code)) == line


def test_packages_to_install():
    error = ModuleNotFoundError("No module named 'sklearn'", name="sklearn.datasets")
    assert missing_line(error) == "pip install scikit-learn"


def test_the_line_is_added_once():
    error = error_of("Dense(3)")
    explained(error)
    explained(error)
    assert error.__notes__ == ["  fix: from keras.layers import Dense"]


def test_cornu_run_adds_it(tmp_path):
    script = tmp_path / "copied.py"
    script.write_text("model = Sequential()\n")
    done = subprocess.run(
        [sys.executable, "-m", "cornu", "run", str(script)], capture_output=True, text=True
    )
    assert done.returncode == 1
    assert done.stderr.splitlines()[-2:] == [
        "NameError: name 'Sequential' is not defined",
        "  fix: from keras import Sequential",
    ]


class Shell:
    """As much of IPython as an extension sees."""

    def set_custom_exc(self, kinds, handler):
        self.kinds, self.handler = kinds, handler

    def showtraceback(self, given, tb_offset=None):
        self.shown = given[1]


def test_the_notebook_extension():
    program = """
import cornu
class Shell:
    def set_custom_exc(self, kinds, handler): self.kinds = kinds
shell = Shell()
cornu.load_ipython_extension(shell)
from keras.layers import Dense
import cornu.layers
assert Dense is cornu.layers.Dense and NameError in shell.kinds
cornu.unload_ipython_extension(shell)
import sys
print(shell.kinds, "keras" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout == "() False\n", done.stderr


def test_the_notebook_shows_the_error_with_the_line():
    shell, error = Shell(), error_of("Dense(3)")
    notebook._show(shell, NameError, error, None)
    assert shell.shown is error and "from keras.layers import Dense" in error.__notes__[0]
