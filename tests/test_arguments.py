"""Checks of arguments: what passes, and what the message says of what does not."""

import jax.numpy as jnp
import numpy as np
import pytest

from cornu import arguments


@pytest.mark.parametrize("value", [3, np.int64(3), np.uint8(3)])
def test_an_integer_of_python_or_numpy_becomes_one_of_python(value):
    assert type(arguments.positive_int(value, "units")) is int
    assert type(arguments.integer(value, "epochs")) is int
    assert arguments.per_axis(value, 2, "strides") == (3, 3)
    assert arguments.optional_int(value, "window") == 3


def test_an_array_of_one_integer_counts_as_one_where_python_takes_it_for_one():
    assert arguments.integer(jnp.asarray(3), "epochs") == 3


@pytest.mark.parametrize("value", [0, -3, True, 2.0, "3", None, (3,)])
def test_positive_int_names_the_argument_and_shows_a_call(value):
    with pytest.raises(ValueError) as caught:
        arguments.positive_int(value, "units", "LSTM(32)")
    assert str(caught.value) == (
        f"units must be a positive integer, got {value!r}.\n  fix: LSTM(32)"
    )


@pytest.mark.parametrize(
    ("value", "kind", "says", "fix"),
    [
        ("5", TypeError, "epochs must be an integer, got '5'.", "epochs=5"),
        (2.5, TypeError, "epochs must be an integer, got 2.5.", "epochs=2"),
        (float("inf"), TypeError, "epochs must be an integer, got inf.", "epochs=1"),
        (True, TypeError, "epochs must be an integer, got True.", "epochs=1"),
        (np.ones(2), TypeError, "epochs must be an integer, got array([1., 1.]).", "epochs=1"),
        (0, ValueError, "epochs must be at least 1, got 0.", "epochs=1"),
    ],
)
def test_integer_distinguishes_the_type_from_the_size(value, kind, says, fix):
    with pytest.raises(kind) as caught:
        arguments.integer(value, "epochs")
    assert str(caught.value) == f"{says}\n  fix: {fix}"


def test_an_optional_integer_may_be_none():
    assert arguments.optional_int(None, "sliding_window") is None
    with pytest.raises(ValueError, match="steps must be an integer >= 2 or None, got 1"):
        arguments.optional_int(1, "steps", least=2)


@pytest.mark.parametrize("value", [-0.5, "a", True, None, float("nan")])
def test_non_negative(value):
    assert arguments.non_negative(0, "stddev") == 0
    with pytest.raises(ValueError, match=f"stddev must be a number >= 0, got {value!r}"):
        arguments.non_negative(value, "stddev")


@pytest.mark.parametrize("value", [-0.1, 1.5, float("nan")])
def test_a_fraction_lies_between_0_and_1(value):
    assert arguments.fraction(1, "rate") == 1
    assert arguments.fraction(np.float32(0.5), "rate") == 0.5
    with pytest.raises(ValueError, match=f"rate must be a number from 0 to 1, got {value}"):
        arguments.fraction(value, "rate")
    with pytest.raises(TypeError, match="rate must be a number from 0 to 1, got 'a'"):
        arguments.fraction("a", "rate")


@pytest.mark.parametrize("value", [0, (1, 2, 3), (1, -1), "ab", None, 1.5, (1, True)])
def test_one_positive_integer_per_axis(value):
    with pytest.raises(ValueError, match="strides must be a positive integer or 2 of them, got"):
        arguments.per_axis(value, 2, "strides")


def test_zero_per_axis_where_it_is_allowed():
    assert arguments.per_axis([0, 1], 2, "output_padding", least=0) == (0, 1)
    with pytest.raises(ValueError, match="pad must be a non-negative integer, got -1"):
        arguments.per_axis(-1, 1, "pad", least=0)


@pytest.mark.parametrize("value", [-1, "ab", (1,), ((1, 2, 3), 1), ((1, -1), 1), None])
def test_pairs_per_axis(value):
    assert arguments.pairs_per_axis((1, (2, 3)), 2, "padding") == ((1, 1), (2, 3))
    with pytest.raises(ValueError, match="padding must be a non-negative integer, or 2 entries"):
        arguments.pairs_per_axis(value, 2, "padding")


def test_one_of_lists_the_choices_and_suggests_one():
    with pytest.raises(ValueError) as caught:
        arguments.one_of("vaild", ("valid", "same", "causal"), "padding")
    assert str(caught.value) == (
        "padding must be 'valid', 'same' or 'causal', got 'vaild'.\n  fix: did you mean 'valid'?"
    )


def test_the_data_format_is_that_of_the_process_unless_it_is_given():
    assert arguments.channels_format(None) == "channels_last"
    assert arguments.channels_format("channels_first") == "channels_first"
    with pytest.raises(ValueError, match="data_format must be 'channels_last' or 'channels_first'"):
        arguments.channels_format("last")


@pytest.mark.parametrize("value", [2, "yes", None, 0.0])
def test_yes_or_no(value):
    assert arguments.yes_or_no(np.bool_(True), "trainable") is True
    assert arguments.yes_or_no(0, "trainable") is False
    with pytest.raises(ValueError, match="trainable must be True or False, got"):
        arguments.yes_or_no(value, "trainable")
