"""`CategoryEncoding`: categories that are numbered already, as vectors."""

from typing import Unpack

from cornu import ops
from cornu.arguments import one_of, positive_int
from cornu.context import local
from cornu.core.frame import is_tracer
from cornu.errors import value_error
from cornu.layers.base.data_layer import DataLayer
from cornu.layers.base.settings import LayerSettings
from cornu.layers.preprocessing.encoding import MODES, encoded
from cornu.types import Tensor


class CategoryEncoding(DataLayer):
    """Encode integer categories as one-hot, multi-hot or count vectors.

    Input of integers `(..., n)`; output `(..., num_tokens)`, or `(..., n, num_tokens)` for
    "one_hot" and n > 1. A negative integer stands for nothing.

    Args:
        num_tokens: number of categories; the integers are below it.
        output_mode: "multi_hot", 1 at each category that a sample holds; "one_hot", a vector per
            integer; "count", the number of times that a sample holds each category.
        sparse: whether the output is a sparse array.

    Raises:
        ValueError: num_tokens is not a positive integer, there is no such mode, or an integer of
            an array is not below num_tokens. Compiled code ignores such an integer.

    Example:

        >>> CategoryEncoding(num_tokens=3, output_mode="count")([[0, 2, 2]]).tolist()
        [[1.0, 0.0, 2.0]]
    """

    _weightless = True
    _takes_sparse = False
    _casts_inputs = False

    def __init__(
        self,
        num_tokens: int | None = None,
        output_mode: str = "multi_hot",
        sparse: bool = False,
        **kwargs: Unpack[LayerSettings],
    ):
        super().__init__(**kwargs)
        if num_tokens is None:
            raise value_error(
                "num_tokens, the number of categories, must be given, got None.",
                fix="CategoryEncoding(num_tokens=10)\nor learn the categories: IntegerLookup()",
            )
        self.num_tokens = positive_int(num_tokens, "num_tokens", "CategoryEncoding(num_tokens=10)")
        mode = "multi_hot" if output_mode == "binary" else output_mode
        self.output_mode = one_of(mode, MODES, "output_mode")
        self.sparse = sparse

    def call(self, inputs: Tensor, count_weights: Tensor | None = None) -> Tensor:
        dtype = self.compute_dtype
        inputs = ops.convert_to_tensor(inputs)
        if count_weights is not None:
            if self.output_mode != "count":
                raise value_error(
                    f"count_weights weigh counts, and output_mode is {self.output_mode!r}.",
                    fix="CategoryEncoding(..., output_mode='count')",
                )
            count_weights = ops.convert_to_tensor(count_weights, dtype)
        if local.frame is None and not is_tracer(inputs) and inputs.size:
            self._check_range(int(inputs.max()))
        return encoded(inputs, self.output_mode, self.num_tokens, dtype, count_weights, self.sparse)

    @property
    def _categories(self) -> int:
        return self.num_tokens

    def _check_range(self, highest: int) -> None:
        if highest >= self.num_tokens:
            raise value_error(
                f"CategoryEncoding '{self.name}' got category {highest}; with "
                f"num_tokens={self.num_tokens} the largest is {self.num_tokens - 1}.",
                fix=f"CategoryEncoding(num_tokens={highest + 1})",
            )

    def compute_mask(self, inputs: Tensor, previous_mask: Tensor | None) -> None:
        return None
