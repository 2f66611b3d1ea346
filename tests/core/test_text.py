"""Text as numpy arrays, and the calls of layers that take it."""

import numpy as np
import pytest

from cornu.core.text import Encoded, _widened, as_rank, as_text, is_text


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("é", "é"),
        (["a", "b"], ["a", "b"]),
        ([["a"], ["b"]], [["a"], ["b"]]),
        (np.array([b"a", "\xe9".encode()], object), ["a", "é"]),
        (np.array([b"a"]), ["a"]),
        (np.array(["a"], np.dtypes.StringDType()), ["a"]),
    ],
)
def test_as_text(value, expected):
    found = as_text(value)
    assert is_text(found) and found.tolist() == expected


def test_what_is_no_text_stays_as_it_is():
    x = np.ones(3)
    assert as_text(x) is x
    assert as_text([1, 2]) == [1, 2]
    assert as_text(None) is None
    assert not is_text(np.array([None], object))


def test_containers():
    found = as_text({"a": ["x"], "b": np.ones(2)})
    assert is_text(found["a"]) and not is_text(found["b"])
    both = as_text([np.array([b"x"]), np.ones(1)])
    assert both[0].tolist() == ["x"]


def test_rank():
    x = np.array(["a", "b"])
    assert as_rank(x, 2).shape == (2, 1)
    assert as_rank(x[:, None], 1).shape == (2,)
    assert as_rank(x, 1) is x


def test_an_encoded_batch_is_a_container():
    import jax

    assert len(jax.tree.leaves(Encoded({"a": np.ones(1), "b": np.ones(2)}))) == 2


def test_rows_of_few_widths():
    widths = [_widened(np.ones((2, n), int), 0).shape[1] for n in range(1, 65)]
    assert all(0 <= found - n <= n / 2 for n, found in enumerate(widths, 1))
    assert len(set(widths)) <= 20
    assert _widened(np.ones((1, 9), int), 7).tolist() == [[1] * 9 + [7]]
    assert _widened(np.ones((1, 9), int), None).shape == (1, 9)
