"""Columns in one program: what the layers say one by one, also after they have learned again."""

import threading

import numpy as np
import pytest

from cornu.layers import Hashing, IntegerLookup, Normalization, StringLookup
from cornu.layers.preprocessing.columns_program import ColumnsProgram

TABLE = {
    "n": np.array([[1.0], [2.0], [4.0]], "float32"),
    "s": np.array([["a"], ["b"], ["a"]]),
    "i": np.array([[1], [2], [3]], "int32"),
}


@pytest.fixture
def made():
    layers = {
        "n": Normalization(), "s": StringLookup(output_mode="one_hot"), "i": IntegerLookup()
    }  # fmt: skip
    for name, layer in layers.items():
        layer.adapt(TABLE[name])
    calls = []

    def function(columns):
        calls.append(columns)
        return {name: layer(columns[name]) for name, layer in layers.items()}

    return layers, function, ColumnsProgram(function, list(layers.values())), calls


def same(found, expected):
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, 1e-6)


def test_a_shape_that_comes_again_is_compiled(made):
    _, function, program, calls = made
    expected = function(TABLE)
    for _ in range(4):
        same(program(TABLE), expected)
    count = len(calls)
    same(program(TABLE), expected)
    assert len(calls) == count  # the program runs, not the function
    few = {name: column[:2] for name, column in TABLE.items()}
    same(program(few), function(few))


def test_layers_that_learn_again_are_read_anew(made):
    layers, function, program, _ = made
    for _ in range(3):
        program(TABLE)
    layers["n"].adapt(TABLE["n"] * 3)
    layers["i"].adapt([[3], [3], [2]])
    same(program(TABLE), function(TABLE))
    same(program(TABLE), function(TABLE))


def test_integers_beyond_32_bits_stay_on_the_host():
    layer = Hashing(1000)
    program = ColumnsProgram(lambda columns: layer(columns["i"]), [layer])
    large = {"i": np.array([[2**40], [2**40 + 1]])}
    for _ in range(3):
        assert (program(large) == layer(large["i"])).all()


def test_threads(made):
    _, function, program, _ = made
    expected, found = function(TABLE), []
    threads = [
        threading.Thread(target=lambda: found.extend(program(TABLE) for _ in range(5)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 20
    for one in found:
        same(one, expected)
