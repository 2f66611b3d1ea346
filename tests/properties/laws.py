"""What the laws of the ops are tried on.

    @law(x=arrays(), axis=...)        a test that holds for every example

Shapes come from a few sizes, so that most examples meet programs that are compiled already. Floats
are whole multiples of 1/4 and small: sums and products of them are exact in float32, and equal
numbers occur.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import given, settings, strategies as st

SHAPES = ((), (3,), (0, 2), (2, 3), (2, 1, 4))
DTYPES = ("float32", "int32", "bool")


def law(examples: int = 8, **strategies: Any) -> Callable[..., Any]:
    """A test of a law: the same few examples in every run."""
    fixed = settings(derandomize=True, max_examples=examples, deadline=None, database=None)

    def decorate(test: Callable[..., Any]) -> Any:
        return fixed(given(**strategies)(test))

    return decorate


def numbers(shape: tuple[int, ...], dtype: str = "float32", seed: int = 0) -> np.ndarray:
    """An array of the shape: quarters in (-2, 2) as floats, else -8 to 7, else bools."""
    whole = np.random.default_rng(seed).integers(-8, 8, shape)
    if dtype == "bool":
        return whole > 0
    return (whole / 4 if dtype.startswith("float") else whole).astype(dtype)


def shapes(min_rank: int = 0, max_rank: int = 3, empty: bool = True) -> Any:
    """One of the shapes, of some ranks."""
    fitting = [s for s in SHAPES if min_rank <= len(s) <= max_rank and (empty or 0 not in s)]
    return st.sampled_from(fitting)


@st.composite
def arrays(draw: Any, min_rank: int = 0, dtypes: Any = DTYPES, empty: bool = True) -> np.ndarray:
    """An array of one of the shapes."""
    shape, dtype = draw(shapes(min_rank, empty=empty)), draw(st.sampled_from(dtypes))
    return numbers(shape, dtype, draw(st.integers(0, 3)))


def floats(min_rank: int = 0, empty: bool = False) -> Any:
    """A float32 array of one of the shapes."""
    return arrays(min_rank, ("float32",), empty)


@st.composite
def with_axis(draw: Any, source: Any, new: bool = False) -> tuple[np.ndarray, int]:
    """An array and one of its axes, from either end; with `new`, a place for another axis."""
    x = draw(source)
    rank = x.ndim + new
    return x, draw(st.integers(-rank, rank - 1))


def same(a: Any, b: Any) -> None:
    """Equal in values, shape and dtype."""
    assert np.shape(a) == np.shape(b)
    assert str(a.dtype) == str(b.dtype)
    np.testing.assert_array_equal(a, b)


def close(a: Any, b: Any, tol: float = 1e-5) -> None:
    """Equal in shape, and in values up to rounding."""
    assert np.shape(a) == np.shape(b)
    np.testing.assert_allclose(a, b, rtol=tol, atol=tol)
