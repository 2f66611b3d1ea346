"""Ctrl-C waits until the result of a step is safe."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import cornu as keras
from cornu.train.watch.interrupt import Interrupts
from train.models import blobs, classifier


def press_ctrl_c():
    os.kill(os.getpid(), signal.SIGINT)


def test_an_interrupt_waits_while_a_step_runs():
    with Interrupts() as interrupts:
        interrupts.holding = True
        press_ctrl_c()
        with pytest.raises(KeyboardInterrupt):
            interrupts.release()


def test_outside_of_a_step_it_comes_at_once():
    with Interrupts(), pytest.raises(KeyboardInterrupt):
        press_ctrl_c()


def test_the_second_one_does_not_wait():
    with Interrupts() as interrupts:
        interrupts.holding = True
        press_ctrl_c()
        with pytest.raises(KeyboardInterrupt):
            press_ctrl_c()


def test_the_handler_before_comes_back():
    before = signal.getsignal(signal.SIGINT)
    with Interrupts():
        assert signal.getsignal(signal.SIGINT) is not before
    assert signal.getsignal(signal.SIGINT) is before


def test_an_interrupted_fit_keeps_weights_and_history():
    class Stop(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 2:
                press_ctrl_c()

    x, y = blobs()
    model = classifier()
    with pytest.raises(KeyboardInterrupt) as caught:
        model.fit(x, y, epochs=5, verbose=0, callbacks=[Stop()])
    assert len(model.history.history["loss"]) == 2
    assert str(caught.value) == (
        "Stopped in epoch 3 of 5; 2 epochs are in model.history. fit(..., initial_epoch=2) goes on."
    )
    assert np.isfinite(model.predict(x, verbose=0)).all()


def test_ctrl_c_at_any_moment_of_a_real_process():
    script = Path(__file__).with_name("interrupted.py")
    path = os.pathsep.join([str(script.parents[2]), os.environ.get("PYTHONPATH", "")])
    ended = subprocess.run(
        [sys.executable, str(script), "8"], env={**os.environ, "PYTHONPATH": path},
        capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    found = json.loads(ended.stdout)
    assert found["caught"] == 8
    assert found["steps"] >= 120 * found["epochs"]  # what was done of broken epochs is kept too
