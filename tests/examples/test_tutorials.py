"""The tutorials run, shortened, and print what they promise."""

import importlib.util
import re
import warnings
from pathlib import Path

import pytest

from cornu import demo
from cornu.utils import files

FOLDER = Path(__file__).parents[2] / "examples"

needs_mnist = pytest.mark.skipif(
    demo.files_at_hand(["mnist.npz"]) is None,
    reason="mnist.npz is neither in CORNU_DATA nor in a cache; tests download nothing",
)


@pytest.fixture
def run(capsys, monkeypatch):
    """Run a tutorial's `main` and return what it prints. A download fails at once."""

    def no_network(origin, *_, **__):
        raise ConnectionError(f"no network in tests: {origin}")

    monkeypatch.setattr(files, "download", no_network)

    def run_it(name, *arguments):
        path = FOLDER / f"{name}.py"
        spec = importlib.util.spec_from_file_location(name, path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        module.main(list(arguments))
        return capsys.readouterr().out

    return run_it


def number(pattern, text):
    """The number that a pattern finds in a text."""
    return float(re.search(pattern, text).group(1))


@needs_mnist
def test_tutorial_0(run, monkeypatch):
    out = run("tutorial_0_fashion_mnist", "--epochs", "2", "--samples", "2000")
    assert "Training images: (2000, 28, 28)  pixels from 0 to 255" in out
    assert "(None, 784)" in out and "100,480" in out and "1,290" in out and "101,770" in out
    assert number(r"Test accuracy: ([\d.]+)", out) > 0.6
    assert out.count("it is: ") == 5


@needs_mnist
def test_tutorial_1(run):
    out = run("tutorial_1_mnist", "--epochs", "2", "--samples", "3000")
    assert out.startswith("(3000, 28, 28)\n3000\n")
    assert "(None, 512)" in out and "401,920" in out
    assert "(None, 10)" in out and "5,130" in out
    assert "Total params: 407,050" in out
    assert "Epoch 2/2 - 24/24" in out
    assert number(r"test_acc =  ([\d.]+)", out) > 0.8


def test_tutorial_2(run):
    out = run("tutorial_2_sequential", "--epochs", "10")
    assert "25" in out and "18" in out and "43 parameters" in out  # 4*5+5, 5*3+3
    history = re.search(r"\{'accuracy': \[(.*)\], 'loss': \[(.*)\]\}", out)
    assert [len(values.split(",")) for values in history.groups()] == [10, 10]
    loss, accuracy = map(float, re.search(r"\n\[([\d.]+), ([\d.]+)\]\n", out).groups())
    assert loss < 1 and accuracy > 0.6
    assert "array([[" in out and "dtype=float32)" in out
    assert out.count("the class is") == 3


@needs_mnist
def test_tutorial_3(run):
    out = run("tutorial_3_two_ways", "--epochs", "1", "--samples", "2000", "--width", "64")
    assert "200,960" in out and "32,896" in out and "235,146" in out  # the Sequential model
    assert "(None, 28, 56)" in out and "Connected to" in out
    assert "12,861,440" in out and "8,389,120" in out and "402,192" in out and "15,690" in out
    assert "Total params: 21,668,442" in out
    accuracies = re.findall(r"Test accuracy of '\w+': ([\d.]+)", out)
    assert len(accuracies) == 2 and min(map(float, accuracies)) > 0.5


@needs_mnist
def test_tutorial_4(run):
    with warnings.catch_warnings():
        warnings.simplefilter("error", DeprecationWarning)  # older arguments have their defaults
        out = run("tutorial_4_compile_fit_evaluate_predict", "--epochs", "2", "--samples", "1200")
    assert re.search(r"history: \{.*'val_loss': \[[\d.]+, [\d.]+\]\}", out)
    assert number(r"\naccuracy: ([\d.]+)", out) > 0.6
    assert "with return_dict=True: {" in out
    rows = dict(re.findall(r"\n  (too small|large|the same, regul)[^%]* ([\d.]+)%", out))
    assert float(rows["too small"]) < 60 < 95 < float(rows["large"])
    assert "underfits" in out and "overfits" in out
