"""Layers that number categories by a hash, so that no vocabulary has to be learned.

    Hashing          one feature          hash("cat") mod num_bins
    HashedCrossing   several together     hash("cat", 3) mod num_bins

The hashes are those of TensorFlow, which Keras takes: FarmHash64, with a salt SipHash. They are
made on the host. In a compiled program, which only numbers reach, crosses are computed by it
(`crossing.py`), and `Hashing` asks the host.
"""

from collections.abc import Callable, Sequence
from typing import Any, Unpack

import jax
import jax.numpy as jnp
import numpy as np

from cornu import ops, settings
from cornu.arguments import is_int, one_of, positive_int
from cornu.core.frame import is_tracer
from cornu.core.host import from_host
from cornu.core.symbolic import KerasTensor, infer
from cornu.core.text import as_text, is_text
from cornu.errors import type_error, value_error
from cornu.layers.base.layer import Layer
from cornu.layers.base.settings import LayerSettings
from cornu.layers.preprocessing.crossing import crossed
from cornu.layers.preprocessing.encoding import MODES, encoded
from cornu.layers.preprocessing.hashes import CROSSING_KEY, combined, farmhash64, siphash64
from cornu.types import Config, DTypeLike, Tensor


class _Bins(Layer):
    """Base of both: bins that are found on the host, and then encoded."""

    takes_strings = True
    _weightless = True
    _converts_inputs = False
    output_mode: str
    num_bins: int
    sparse: bool

    def _find_bins(self, *inputs: np.ndarray) -> np.ndarray:
        """The bin of each element, int64, of arrays of text or numbers."""
        raise NotImplementedError

    def _encoded(self, inputs: Sequence[Tensor]) -> Tensor:
        """The output for arrays of the same shape, and tracers among them."""
        if any(map(is_tracer, inputs)):
            bins = self._traced_bins(inputs)
        else:
            bins = from_host(self._find_bins(*inputs), np.int32)
        return self._encode(bins)

    def _traced_bins(self, inputs: Sequence[Tensor]) -> Tensor:
        """The bins in compiled code: the host is asked."""

        def find(*arrays: Tensor) -> np.ndarray:
            return self._find_bins(*map(np.asarray, arrays)).astype("int32")

        shape = jax.ShapeDtypeStruct(inputs[0].shape, jnp.int32)
        return jax.pure_callback(find, shape, *inputs, vmap_method="broadcast_all")

    def _encode(self, bins: Tensor) -> Tensor:
        dtype = self.compute_dtype
        if self.output_mode == "int":
            wide = dtype == "int64" and jax.config.jax_enable_x64
            return ops.cast(bins, dtype if wide or dtype != "int64" else "int32")
        return encoded(bins, self.output_mode, self.num_bins, dtype, sparse=self.sparse)

    @property
    def _categories(self) -> int:
        return self.num_bins

    def _spec(self, like: KerasTensor) -> Any:
        return infer(self._encode, KerasTensor(like.shape, "int32"))


class Hashing(_Bins):
    """Number categories by a hash: `hash(value) mod num_bins`.

    Input of strings or integers of any shape (floats are truncated); output of the same shape for
    "int", else as of `CategoryEncoding` with `num_bins` categories.

    Args:
        num_bins: number of bins, the one of `mask_value` included.
        mask_value: value that gets bin 0 for itself; the others get bins from 1 on.
        salt: key of SipHash, two integers or one for both, so that collisions cannot be
            foreseen; FarmHash64 without a key if None.
        output_mode: "int", "one_hot", "multi_hot" or "count".
        sparse: whether the output is a sparse array; not for "int".

    Raises:
        ValueError: an argument is out of its range.
        TypeError: the inputs are neither strings nor numbers.

    Example:

        >>> Hashing(num_bins=3)([["A"], ["B"], ["C"], ["D"], ["E"]]).tolist()
        [[1], [0], [1], [1], [2]]
    """

    def __init__(
        self,
        num_bins: int,
        mask_value: str | int | None = None,
        salt: int | Sequence[int] | None = None,
        output_mode: str = "int",
        sparse: bool = False,
        **kwargs: Unpack[LayerSettings],
    ):
        if kwargs.get("dtype") is None:
            kwargs["dtype"] = "int64" if output_mode == "int" else settings.current.floatx
        super().__init__(**kwargs)
        self.num_bins = positive_int(num_bins, "num_bins", "Hashing(num_bins=10)")
        self.output_mode = one_of(output_mode, ("int", *MODES), "output_mode")
        if output_mode == "int" and self.dtype_policy.name not in ("int32", "int64"):
            raise value_error(
                f"With output_mode='int', dtype must be 'int32' or 'int64', got {self.dtype!r}.",
                fix="output_mode='one_hot'",
            )
        if sparse and output_mode == "int":
            raise value_error(
                "sparse=True needs an output_mode of vectors, got 'int'.",
                fix="output_mode='one_hot'",
            )
        self.mask_value = mask_value
        self.salt = _key(salt)
        self.sparse = sparse

    def call(self, inputs: Tensor) -> Tensor:
        return self._encoded([_array(inputs)])

    def _find_bins(self, values: np.ndarray) -> np.ndarray:  # type: ignore[override]
        masked = None
        count = self.num_bins
        if self.mask_value is not None and count > 1:
            count -= 1
            masked = _equal(values, self.mask_value)
        bins = _of_distinct(self._hash, values) % np.uint64(count)
        bins = bins.astype("int64").reshape(values.shape)
        return bins if masked is None else np.where(masked, 0, bins + 1)

    def _hash(self, texts: Sequence[str | bytes]) -> np.ndarray:
        return farmhash64(texts) if self.salt is None else siphash64(texts, self.salt)

    def compute_output_spec(self, inputs: Tensor) -> Any:
        return self._spec(inputs)


class HashedCrossing(_Bins):
    """Number combinations of categories by a hash: `hash(first, second, ...) mod num_bins`.

    Input of two or more arrays of strings or integers, all of shape `()`, `(batch,)` or
    `(batch, 1)`; output of the same shape for "int", or `(..., num_bins)` for "one_hot".

    Args:
        num_bins: number of bins.
        output_mode: "int" or "one_hot".
        sparse: whether the output is a sparse array; not for "int".

    Raises:
        ValueError: there is one input alone, or shapes differ or have more axes.
        TypeError: an input is neither strings nor integers.

    Example:

        >>> HashedCrossing(num_bins=5)((["A", "B", "A"], [101, 101, 102])).tolist()
        [1, 4, 3]
    """

    def __init__(
        self,
        num_bins: int,
        output_mode: str = "int",
        sparse: bool = False,
        name: str | None = None,
        dtype: DTypeLike | None = None,
        **kwargs: Any,
    ):
        if output_mode == "int" and dtype is None:
            dtype = "int64"
        super().__init__(name=name, dtype=dtype, **kwargs)
        self.num_bins = positive_int(num_bins, "num_bins", "HashedCrossing(num_bins=10)")
        self.output_mode = one_of(output_mode, ("int", "one_hot"), "output_mode")
        self.sparse = sparse

    def __call__(self, inputs: Sequence[Tensor], *args: Any, **kwargs: Any) -> Any:
        # Each input by itself: one array of a list of lists would turn integers into text.
        inputs = [x if hasattr(x, "shape") else np.asarray(x) for x in self._several(inputs)]
        return super().__call__(inputs, *args, **kwargs)

    def call(self, inputs: Sequence[Tensor]) -> Tensor:
        return self._encoded(self._checked([_array(x) for x in self._several(inputs)]))

    def _several(self, inputs: Sequence[Tensor]) -> Sequence[Tensor]:
        if not isinstance(inputs, list | tuple) or len(inputs) < 2:
            raise value_error(
                f"HashedCrossing '{self.name}' takes two inputs or more.",
                fix="layer([first, second])",
            )
        return inputs

    def _checked(self, inputs: Sequence[Tensor]) -> Sequence[Tensor]:
        shapes = [tuple(x.shape) for x in inputs]
        if len(set(shapes)) > 1 or len(shapes[0]) > 2 or shapes[0][1:] not in ((), (1,)):
            raise value_error(
                f"The inputs of HashedCrossing '{self.name}' must all have shape (), (batch,) or "
                "(batch, 1).",
                shapes=", ".join(map(str, shapes)),
            )
        for x in inputs:
            if not is_text(x) and str(x.dtype) != "string" and np.dtype(x.dtype).kind not in "iub":
                raise type_error(
                    f"HashedCrossing '{self.name}' crosses strings and integers, got {x.dtype}.",
                    fix="bins of numbers: keras.layers.Discretization(num_bins=10)",
                )
        return inputs

    def _find_bins(self, *inputs: np.ndarray) -> np.ndarray:
        hashes = np.full(inputs[0].size, CROSSING_KEY)
        for values in inputs:
            flat = values.ravel()
            own = farmhash64(flat.tolist()) if is_text(values) else flat.astype("int64")
            hashes = combined(hashes, own.view("uint64"))
        return (hashes % np.uint64(self.num_bins)).astype("int64").reshape(inputs[0].shape)

    def _traced_bins(self, inputs: Sequence[Tensor]) -> Tensor:
        return crossed(list(map(jnp.asarray, inputs)), self.num_bins)

    def compute_output_spec(self, inputs: Sequence[Tensor]) -> Any:
        return self._spec(self._checked(self._several(inputs))[0])

    def get_config(self) -> Config:
        config = super().get_config()
        config.pop("trainable", None)
        return {**config, "dtype": self.dtype}


def _array(values: Tensor) -> Any:
    """Text or numbers as an array of numpy, unless it is a tracer."""
    if is_tracer(values):
        return values
    array = np.asarray(as_text(values))
    if array.dtype.kind in "biu" or is_text(array) or not array.size:
        return array
    if array.dtype.kind == "f" or array.dtype.name == "bfloat16":
        if not np.isfinite(array).all():
            raise value_error("NaN and infinities have no hash.", fix="x = numpy.nan_to_num(x)")
        return array
    raise type_error(
        f"Hashes are of strings and integers, got {array.dtype}.", fix="x = x.astype(str)"
    )


def _of_distinct(
    hash_of: Callable[[Sequence[str | bytes]], np.ndarray], values: np.ndarray
) -> np.ndarray:
    """The hashes of values in flat order; those of numbers are of their decimal digits."""
    if is_text(values):
        return hash_of(values.ravel().tolist())
    if values.dtype.kind == "b":
        values = np.where(values, "true", "false")
        return hash_of(values.ravel().tolist())
    if values.dtype.kind not in "iu":
        values = values.astype("int64")
    distinct, place = np.unique(values, return_inverse=True)
    return hash_of(distinct.astype("S20").tolist())[place.ravel()]


def _equal(values: np.ndarray, wanted: str | int) -> np.ndarray:
    if is_text(values) != isinstance(wanted, str | bytes):
        raise type_error(
            f"mask_value must be of the kind of the inputs, got {wanted!r} for {values.dtype}.",
            fix="mask_value='' for strings\nor mask_value=0 for integers",
        )
    return np.asarray(values == wanted)


def _key(salt: int | Sequence[int] | None) -> list[int] | None:
    if salt is None:
        return None
    key = [salt, salt] if is_int(salt) else salt
    if isinstance(key, list | tuple) and len(key) == 2 and all(map(is_int, key)):
        return [int(k) for k in key]
    raise value_error(f"salt must be an int or two ints, got {salt!r}.", fix="salt=[133, 137]")
