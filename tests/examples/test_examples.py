"""The examples on real data run, shortened, and print their result."""

import importlib.util
import re
from pathlib import Path

import pytest

from cornu import demo

FOLDER = Path(__file__).parents[2] / "examples"

# name -> its data, arguments that make it short, a pattern of its result, the least (or most) of it
EXAMPLES = {
    "digits": (["mnist.npz"], ["--samples", "1280"], r"Test accuracy: ([\d.]+)", 0.3),
    "photographs": (["cifar10-images.zip"], ["--samples", "128"], r"Test accuracy: ([\d.]+)", 0.05),
    "spoken_digits": (
        ["spoken-digits.zip"], ["--samples", "960"], r"Test accuracy: ([\d.]+)", 0.15,
    ),
    "movie_reviews": (
        ["movie-reviews-positive.txt", "movie-reviews-negative.txt"],
        ["--samples", "1280"], r"Test accuracy: ([\d.]+)", 0.45,
    ),
    "houses": (["housing.csv"], ["--samples", "64"], r"absolute error: ([\d.]+)", 1),
    "temperatures": (
        ["daily-min-temperatures.csv"], ["--samples", "900"], r"the GRU: +([\d.]+)", 1.5,
    ),
    "shakespeare": (
        ["shakespeare.txt"], ["--samples", "256", "--write", "5"], r"Bits a character: ([\d.]+)", 3,
    ),
}  # fmt: skip


def load(name, monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))  # as Python does for a script
    spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_runs_and_prints_its_result(name, monkeypatch, capsys):
    data, short, pattern, least = EXAMPLES[name]
    if name == "photographs":
        pytest.importorskip("PIL", reason="Pillow reads JPEG files")
    if demo.files_at_hand(data) is None:
        pytest.skip(f"{data[0]} is not in CORNU_DATA; tests download nothing")
    load(name, monkeypatch).main(["--epochs", "1", *short])
    out = capsys.readouterr().out
    assert "Epoch 1/1" in out
    assert least < float(re.search(pattern, out).group(1)) < 30


@pytest.mark.parametrize("name", sorted(EXAMPLES.keys() - {"digits"}))
def test_an_example_says_which_data_it_lacks(name, monkeypatch, tmp_path):
    if name == "photographs":
        pytest.importorskip("PIL", reason="Pillow reads JPEG files")
    monkeypatch.setenv("CORNU_DATA", str(tmp_path))
    with pytest.raises(SystemExit) as stopped:
        load(name, monkeypatch).main([])
    text = str(stopped.value)
    assert EXAMPLES[name][0][0] in text or EXAMPLES[name][0][-1] in text
    assert str(tmp_path) in text and "https://" in text


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_states_its_measured_result(name):
    text = (FOLDER / f"{name}.py").read_text("utf-8")
    assert re.search(r"\nMeasured: [^\n]*\d\.\d", text) and "RESULT" not in text
