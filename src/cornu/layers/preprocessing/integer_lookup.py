"""`IntegerLookup`."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from cornu import settings
from cornu.arguments import one_of
from cornu.core.dtypes import numpy_dtype
from cornu.core.frame import is_tracer
from cornu.errors import type_error, value_error
from cornu.layers.preprocessing.encoding import encoded
from cornu.layers.preprocessing.hashes import farmhash64, siphash64
from cornu.layers.preprocessing.index_lookup import IndexLookup, VocabularyLike, index_dtype
from cornu.layers.preprocessing.vocabulary import MISSING, as_integers
from cornu.numeric import as_numbers
from cornu.types import Data, Tensor


class IntegerLookup(IndexLookup):
    """Turn integers, such as identifiers, into indices by a vocabulary, or indices into integers.

    Input: integers of any shape; output: indices of the same shape, or their encoding. Arrays are
    looked up on the host with all their 64 bits; in a compiled model the table is part of the
    program.

    Args:
        max_tokens: largest size of the vocabulary, special tokens included; no bound if None.
        num_oov_indices: number of indices for integers that are not in the vocabulary
            (out-of-vocabulary, OOV); with 0 such an integer is an error.
        mask_token: integer that stands for nothing: index 0 with `output_mode="int"`, and dropped
            in other modes. None if there is none.
        oov_token: integer to which OOV indices turn with `invert=True`.
        vocabulary: list or array of integers, or a file with one per line; learned by `adapt` if
            None.
        vocabulary_dtype: "int64".
        idf_weights: inverse document frequencies of the vocabulary, for "tf_idf".
        invert: whether to turn indices into integers.
        output_mode: "int" for indices, "one_hot" for each of them `(..., n, size)`, or for all of
            a sample `(..., size)`: "multi_hot" for presence, "count" for how often, "tf_idf" for
            the count times the inverse document frequency.
        sparse: whether those outputs are sparse arrays of JAX.
        pad_to_max_tokens: whether those outputs have `max_tokens` columns whatever the vocabulary.
        oov_method: how one of several OOV indices is chosen: "floormod" by the remainder,
            "farmhash" by the hash of the decimal digits.
        salt: one or two integers, with which OOV integers are hashed by SipHash.

    Raises:
        ValueError: the arguments contradict each other; or in a call, an input is no integer.
        RuntimeError: in a call, there is no vocabulary yet.

    Example:

        >>> layer = IntegerLookup(vocabulary=[12, 36, 1138])
        >>> layer([[36, 7], [1138, 12]]).tolist()
        [[2, 0], [3, 1]]
        >>> layer = IntegerLookup(output_mode="count")
        >>> layer.adapt([[12, 36], [12, 7]])
        >>> layer.get_vocabulary()
        [-1, 12, 36, 7]
        >>> layer([[12, 12, 5]]).tolist()
        [[1.0, 2.0, 0.0, 0.0]]
    """

    def __init__(
        self,
        max_tokens: int | None = None,
        num_oov_indices: int = 1,
        mask_token: int | None = None,
        oov_token: int = -1,
        vocabulary: VocabularyLike | None = None,
        vocabulary_dtype: str = "int64",
        idf_weights: Sequence[float] | np.ndarray | None = None,
        invert: bool = False,
        output_mode: str = "int",
        sparse: bool = False,
        pad_to_max_tokens: bool = False,
        oov_method: str = "floormod",
        salt: int | Sequence[int] | None = None,
        name: str | None = None,
        **kwargs: Any,
    ):
        if salt is not None and oov_method != "farmhash":
            raise value_error("salt needs oov_method='farmhash'.", fix="oov_method='farmhash'")
        super().__init__(
            max_tokens=max_tokens,
            num_oov_indices=num_oov_indices,
            mask_token=None if mask_token is None else _integer(mask_token, "mask_token"),
            oov_token=None if oov_token is None else _integer(oov_token, "oov_token"),
            vocabulary_dtype=one_of(vocabulary_dtype, ("int64",), "vocabulary_dtype"),
            vocabulary=vocabulary,
            idf_weights=idf_weights,
            invert=invert,
            output_mode=output_mode,
            sparse=sparse,
            pad_to_max_tokens=pad_to_max_tokens,
            oov_method=oov_method,
            name=name,
            salt=salt,
            **kwargs,
        )

    def update_state(self, data: Data) -> None:
        """Count the integers of a batch of shape `(samples,)` or `(samples, n)`."""
        values = _integers(data, "the data")
        width = values.shape[-1] if values.ndim > 1 else 1
        lengths = np.full(values.size // max(width, 1), width)
        self._new_counts().add_integers(values.ravel(), lengths)

    def call(self, inputs: Tensor) -> Any:
        if is_tracer(inputs):
            self._require_vocabulary()
            return self._traced(inputs)
        return super().call(inputs)

    def _lookup(self, inputs: Tensor) -> np.ndarray:
        values = _integers(inputs, f"the input of '{self.name}'")
        found = self._terms.integers.of(values)
        flat = values.ravel()
        found = self._replace_missing(found.ravel(), lambda places: flat[places].tolist())
        return found.reshape(values.shape)

    def _buckets(self, tokens: list[Any]) -> np.ndarray:
        if self.oov_method == "floormod":
            return np.mod(np.array(tokens, np.int64), self.num_oov_indices)
        digits = [str(token) for token in tokens]
        hashes = farmhash64(digits) if self.salt is None else siphash64(digits, self._key)
        return (hashes % np.uint64(self.num_oov_indices)).astype(np.int64)

    # ---- under a trace --------------------------------------------------------------------------

    def _traced(self, inputs: Tensor) -> Tensor:
        """The outputs for a tracer: the table is a constant of the program."""
        if inputs.dtype in (jnp.uint32, jnp.uint64):
            raise type_error(
                f"'{self.name}' takes signed integers in a compiled program, got {inputs.dtype}.",
                fix="x = x.astype('int32')",
            )
        values = inputs.astype(index_dtype())
        if self.invert:
            terms = np.concatenate([self._terms_in_front(), self._terms.by_place, [self.oov_token]])
            last = len(terms) - 1
            place = jnp.where((values >= 0) & (values < last), values, last)
            return jnp.asarray(terms.astype(index_dtype()))[place]
        indices = self._traced_indices(values)
        if self.output_mode == "int":
            return indices
        mode = "count" if self.output_mode == "tf_idf" else self.output_mode
        found = encoded(indices, mode, self._depth(), settings.current.floatx)
        return found if self._weights is None else found * self._weights.astype(found.dtype)

    def _traced_indices(self, values: Tensor) -> Tensor:
        if self.num_oov_indices == 0 or (
            self.num_oov_indices > 1 and self.oov_method != "floormod"
        ):
            # Errors and hashes of digits are made on the host.
            shape = jax.ShapeDtypeStruct(values.shape, numpy_dtype(index_dtype()))
            return jax.pure_callback(
                lambda v: self._lookup(v).astype(shape.dtype), shape, values,
                vmap_method="expand_dims",
            )  # fmt: skip
        found = self._terms.integers.of(values).astype(index_dtype())
        if self.num_oov_indices == 1:
            return found
        buckets = jnp.mod(values, self.num_oov_indices) + self._oov_start
        return jnp.where(found == MISSING, buckets, found)

    # ---- what a term is -------------------------------------------------------------------------

    def _as_terms(self, values: Tensor) -> list[int]:
        found = _integers(values, "vocabulary")
        if found.ndim != 1:
            raise value_error(
                f"The vocabulary must have one axis, got shape {found.shape}.",
                fix="vocabulary=[1, 2]",
            )
        return found.tolist()

    def _terms_in_lines(self, lines: list[str]) -> list[int]:
        return as_integers(lines, f"the vocabulary of '{self.name}'")


def _integer(value: Tensor, name: str) -> int:
    found = _integers(value, name)
    if found.ndim:
        raise type_error(f"{name} must be an integer, got {value!r}.", fix=f"{name}=0")
    return int(found)


def _integers(values: Tensor, what: str) -> np.ndarray:
    """Integers in 64 bits.

    Raises:
        ValueError: a value is none.
    """
    array = as_numbers(values.to_numpy() if hasattr(values, "to_numpy") else values, what)
    if array.dtype.kind in "iub":
        if array.dtype.itemsize == 8 and array.dtype.kind == "u" and (array >> 63).any():
            raise value_error(f"{what} holds {array.max()}, which is beyond 64 bits with a sign.")
        return array.astype(np.int64)
    whole = array.astype(np.int64) if np.isfinite(array).all() else None
    if whole is None or (whole != array).any():
        bad = array[~np.isfinite(array)] if whole is None else array[whole != array]
        raise value_error(
            f"{what} holds {bad.flat[0]}, which is no integer.",
            fix="Discretization for quantities, or fill what is missing: data.fillna(-1)",
        )
    return whole
