"""The one gate for values from outside: what becomes an array of numbers, and what does not.

    masked array          plain, if nothing is masked; else an error: the mask would be lost
    Python objects        floats, if all are numbers or None, which is NaN
    whole numbers         within 32 bits, where the engine has no more: others would wrap around
    text, dates, records, rows of different lengths     an error, with what to do instead

`fit`, `evaluate`, `predict`, the methods for one batch, calls of models and layers, and ops all
pass through here, so they take the same and say the same.
"""

import numbers
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from cornu.errors import explain, value_error


def as_numbers(value: Any, name: str = "x") -> np.ndarray:
    """A numpy array of numbers.

    Args:
        value: an array, a number, nested lists of them, or what has `__array__`.
        name: what messages call it.

    Raises:
        ValueError: it holds something else, or hides some of its values behind a mask.

    Example:

        >>> as_numbers(np.array([1, None], dtype=object))
        array([ 1., nan])
    """
    try:
        array = value if isinstance(value, np.ndarray) else np.asarray(value)
    except ValueError:  # numpy's word for rows of different lengths
        raise ValueError(ragged(name)) from None
    if isinstance(array, np.ma.MaskedArray):
        array = _without_mask(array, name)
    array = np.asarray(array)  # and no matrix, whose products are others
    if array.dtype == object and are_numbers(array):
        return array.astype("float64")
    refuse_what_is_no_number(array, name)
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))


def _without_mask(array: np.ma.MaskedArray, name: str) -> np.ndarray:
    hidden = int(np.ma.count_masked(array))
    if hidden:
        raise value_error(
            f"{name} is a masked array, of which {hidden} of {array.size} values are masked; "
            "the mask would be lost.",
            fix=f"fill them: {name} = {name}.filled(0)\n"
            "or leave these samples out of the loss with sample_weight.",
        )
    return array.data


def are_numbers(array: np.ndarray) -> bool:
    """Whether an array of Python objects holds numbers, or nothing, in every place."""
    number = (numbers.Real, np.bool_, type(None))
    return bool(array.size) and all(isinstance(item, number) for item in array.flat)


def ragged(name: str) -> str:
    """The message about rows of different lengths."""
    return explain(
        f"The rows of {name} differ in length.",
        fix=f"n = max(map(len, {name}))\n"
        f"{name} = [list(row) + [0] * (n - len(row)) for row in {name}]",
    )


def refuse_what_is_no_number(array: Any, name: str) -> None:
    """Raise for text, dates, records and other objects.

    Args:
        array: a numpy or jax array.
        name: what messages call it.

    Raises:
        ValueError: it holds no numbers.
    """
    kind = array.dtype.kind
    if array.dtype.names is not None:
        raise value_error(
            f"{name} is a structured array with the fields {', '.join(array.dtype.names[:10])}.",
            fix="from numpy.lib.recfunctions import structured_to_unstructured\n"
            f"{name} = structured_to_unstructured({name})",
        )
    if kind in "OUSTmM":
        first = array.ravel()[0] if array.size else None
        if kind == "O" and isinstance(first, list | tuple | np.ndarray):
            raise ValueError(ragged(name))
        if kind in "UST" or isinstance(first, str | bytes):
            fix = f"{name} = numpy.unique({name}, return_inverse=True)[1]"
            if not name.startswith("y"):
                fix = f"number the categories: {fix}.reshape(numpy.shape({name}))"
            raise value_error(f"{name} holds text (dtype {array.dtype}).", fix=fix)
        what = "dates or times" if kind in "mM" else "Python objects"
        raise value_error(
            f"{name} holds {what} (dtype {array.dtype}), not numbers.",
            fix=f'{name} = {name}.astype("float32")',
        )
    if kind == "V" and not is_known(array.dtype):
        raise value_error(f"{name} holds bytes without a meaning (dtype {array.dtype}).")


def is_float(dtype: object) -> bool:
    """Whether a dtype, or the name of one, is floating, the half and eighth precisions included.

    Example:

        >>> is_float("bfloat16"), is_float(np.dtype("int8"))
        (True, False)
    """
    return "float" in _name_of(dtype)


def is_integer(dtype: object) -> bool:
    """Whether a dtype, or the name of one, is a signed or unsigned integer.

    Example:

        >>> is_integer("uint8"), is_integer(np.dtype("bool"))
        (True, False)
    """
    return "int" in _name_of(dtype)


def _name_of(dtype: object) -> str:
    if isinstance(dtype, str):
        return dtype
    return getattr(dtype, "name", None) or getattr(dtype, "__name__", None) or str(dtype)


def is_known(dtype: Any) -> bool:
    """Whether a dtype that numpy itself lacks, as bfloat16, is one of jax's."""
    return bool(jnp.issubdtype(dtype, jnp.number))


def refuse_what_wraps(array: Any, name: str) -> None:
    """Raise for whole numbers that the engine, with its 32 bits, would take for others.

    Args:
        array: a numpy array; others, and those of other dtypes, are left alone.
        name: what messages call it.

    Raises:
        ValueError: a number is beyond 32 bits.

    Example:

        >>> refuse_what_wraps(np.array([1, 2**40]), "x")
        Traceback (most recent call last):
        ValueError: x holds 1099511627776, which is beyond 32 bits and would become another number.
          fix: quantities: x = x.astype("float32")
               identifiers: x = numpy.unique(x, return_inverse=True)[1].reshape(numpy.shape(x))
               or with 64 bits: jax.config.update("jax_enable_x64", True) before all else
    """
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "iu" or not array.size:
        return
    if array.dtype.itemsize < 8 or jax.config.jax_enable_x64:
        return
    limits = np.iinfo("int32" if array.dtype.kind == "i" else "uint32")
    low, high = array.min(), array.max()
    if low >= limits.min and high <= limits.max:
        return
    raise value_error(
        f"{name} holds {high if high > limits.max else low}, which is beyond 32 bits and "
        "would become another number.",
        fix=f'quantities: {name} = {name}.astype("float32")\n'
        f"identifiers: {name} = numpy.unique({name}, return_inverse=True)[1]"
        f".reshape(numpy.shape({name}))\n"
        'or with 64 bits: jax.config.update("jax_enable_x64", True) before all else',
    )
