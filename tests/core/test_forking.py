"""A fork that comes too late says so; one before, and a subprocess, work."""

import os
import subprocess
import sys
import textwrap

import pytest

CODE = """
    import os, subprocess, sys
    import numpy as np
    import cornu as keras

    x = np.ones((2, 3), "float32")

    def made():
        return keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])

    def status_of(work):
        child = os.fork()
        if child:
            return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        try:
            work()
            os._exit(0)
        except RuntimeError as error:
            os._exit(3 if "spawn" in str(error) else 4)

    assert status_of(made) == 0
    model = made()
    model.compile("sgd", "mse")
    late = [made, lambda: model(x), lambda: model.predict(x, verbose=0), lambda: model.fit(x, x),
            lambda: keras.Variable(1.0)]
    assert [status_of(work) for work in late] == [3] * len(late)
    harmless = [model.get_weights, lambda: np.asarray(model.layers[0].kernel),
                lambda: model.save(sys.argv[1])]
    assert [status_of(work) for work in harmless] == [0] * len(harmless)
    assert np.array_equal(keras.models.load_model(sys.argv[1])(x), model(x))
    assert status_of(lambda: x.sum()) == 0
    assert subprocess.run([sys.executable, "-c", "pass"]).returncode == 0
    assert model(x).shape == (2, 2)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_forks(tmp_path):
    program = [sys.executable, "-W", "ignore", "-c", textwrap.dedent(CODE)]
    subprocess.run([*program, str(tmp_path / "model.keras")], check=True, timeout=120)
