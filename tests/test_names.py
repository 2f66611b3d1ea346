"""Automatic names."""

import pytest

from cornu import names
from cornu.names import auto_name, next_number, reset_names, to_snake_case, unique_name


@pytest.fixture(autouse=True)
def fresh_counters(monkeypatch):
    monkeypatch.setattr(names, "_counters", type(names._counters)())
    monkeypatch.setattr(names, "_numbers", type(names._numbers)())


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("Dense", "dense"),
        ("Conv2DTranspose", "conv2d_transpose"),
        ("GlobalAveragePooling1D", "global_average_pooling1d"),
        ("LSTM", "lstm"),
        ("GRUCell", "gru_cell"),
        ("ReLU", "re_lu"),
        ("PReLU", "p_re_lu"),
        ("already_snake", "already_snake"),
        ("_Private", "private"),
        ("My-Layer!", "my_layer"),
    ],
)
def test_snake_case(given, expected):
    assert to_snake_case(given) == expected


def test_names_are_numbered_from_the_second():
    assert [unique_name("dense") for _ in range(3)] == ["dense", "dense_1", "dense_2"]
    assert unique_name("conv2d") == "conv2d"


def test_numbers_are_counted_apart_from_names():
    assert unique_name("dense") == "dense"
    assert [next_number("dense"), next_number("dense"), next_number("")] == [1, 2, 1]


def test_an_object_is_named_after_its_class():
    class MyBlock: ...

    assert [auto_name(MyBlock()), auto_name(MyBlock())] == ["my_block", "my_block_1"]


def test_numbering_starts_anew():
    unique_name("dense")
    next_number("dense")
    reset_names()
    assert unique_name("dense") == "dense"
    assert next_number("dense") == 1
