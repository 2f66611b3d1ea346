"""`Embedding`: rows of a table that is learned."""

from typing import Any

from cornu import ops
from cornu.arguments import positive_int
from cornu.checks import check_indices
from cornu.context import local
from cornu.core.frame import is_tracer
from cornu.errors import warn
from cornu.layers.quantized.lora import weight_property
from cornu.layers.quantized.quantizable import Quantizable
from cornu.layers.quantized.weight import Weight
from cornu.numeric import is_integer
from cornu.quantizers.choose import read_config
from cornu.types import ConstraintLike, InitializerLike, RegularizerLike, Shape, Tensor


class Embedding(Quantizable):
    """Learned vectors by identifier: row `i` of a table.

    Input integers of any shape `(batch, ...)` from 0 to `input_dim - 1`, output
    `(batch, ..., output_dim)`. Identifiers outside the table are refused where values are known;
    inside a compiled program, which cannot raise, they give rows of NaN.

    Args:
        input_dim: number of rows, such as the size of a vocabulary.
        output_dim: length of the vectors.
        embeddings_initializer: initializer of the table, `(input_dim, output_dim)`.
        embeddings_regularizer: penalty on the table.
        embeddings_constraint: function applied to the table after each update.
        mask_zero: whether 0 is padding, which the layers after it skip.
        weights: initial values of the table.
        lora_rank: rank of a low-rank correction that is trained instead of the table.
        lora_alpha: its scale is `lora_alpha / lora_rank`; the rank if None.
        quantization_config: how `quantize` rounds the table; see `quantizers`.

    Example:

        >>> import numpy as np
        >>> Embedding(1000, 16)(np.array([[3, 7, 7], [1, 0, 0]])).shape
        (2, 3, 16)
    """

    embeddings = weight_property()
    _main_weight = "embeddings"
    _stored_beside = ()
    _modes = ("int8", "int4")
    rescales_inputs = True  # it looks them up
    _takes_sparse = False
    _config_omits_none = frozenset(("lora_rank", "lora_alpha"))
    _embeddings: Any = None

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        embeddings_initializer: InitializerLike = "uniform",
        embeddings_regularizer: RegularizerLike | None = None,
        embeddings_constraint: ConstraintLike | None = None,
        mask_zero: bool = False,
        weights: Any = None,
        lora_rank: int | None = None,
        lora_alpha: float | None = None,
        quantization_config: Any = None,
        **kwargs: Any,
    ):
        input_length = kwargs.pop("input_length", None)  # of older files; says nothing new
        if input_length is not None:
            kwargs.setdefault("input_shape", (input_length,))
        super().__init__(**kwargs)
        self.input_dim = positive_int(input_dim, "input_dim", "Embedding(1000, 16)")
        self.output_dim = positive_int(output_dim, "output_dim", "Embedding(1000, 16)")
        self._set_weight_settings(
            "embeddings", embeddings_initializer, embeddings_regularizer, embeddings_constraint
        )
        self.mask_zero = mask_zero
        self._set_lora(lora_rank, lora_alpha)
        self.quantization_config = read_config(quantization_config)
        self.supports_masking = mask_zero
        self.autocast = False  # identifiers must not be rounded
        if weights is not None:
            self.build()
            self.set_weights(weights if isinstance(weights, list) else [weights])

    def build(self, input_shape: Any = None) -> None:
        if self._embeddings is None:
            self._add_main_weight((self.input_dim, self.output_dim))
            self._apply_lora()

    def _rows_looked_up(self, inputs: Any) -> int | None:
        """The number of identifiers that have a row; None for a call that looks nothing up.

        It is asked with the arguments of a call, before the call is made.
        """
        return self.input_dim

    def call(self, inputs: Tensor) -> Tensor:
        ids = self._identifiers(inputs)
        rows = ops.take(self._embeddings.value, ids, axis=0)  # (batch, ..., output_dim)
        return ops.cast(self._corrected_rows(rows, ids), self.compute_dtype)

    def quantized_call(self, inputs: Tensor) -> Tensor:  # type: ignore[override]
        """Compute what `call` computes, with a quantized table."""
        return self._quantized_rows(self._identifiers(inputs))

    def _identifiers(self, inputs: Tensor) -> Tensor:
        """The inputs as integers; what has no row is refused where values are known.

        Inside a frame, a step is run again to find the origin of a NaN, and must get there.
        """
        if local.frame is None and not is_tracer(inputs):
            for finding in check_indices(inputs, (self.input_dim,)):
                if finding.severity == "error":
                    raise ValueError(finding.message)
                warn(finding.message)
        return inputs if is_integer(inputs.dtype) else ops.cast(inputs, "int32")

    def compute_output_shape(self, input_shape: Any) -> Any:
        return (*input_shape, self.output_dim)

    def compute_mask(self, inputs: Tensor, mask: Any = None) -> Any:
        return ops.not_equal(inputs, 0) if self.mask_zero else None

    def quantized_build(self, embeddings_shape: Shape, mode: str, config: Any = None) -> None:
        super().quantized_build(embeddings_shape, mode, config)

    def _quantizable_weights(self) -> list[Weight]:
        return [Weight("embeddings", (self.input_dim, self.output_dim), summed=1)]

    def load_own_variables(self, store: Any) -> None:
        if not self.built:
            self.build()
        super().load_own_variables(store)

    def _config_value(self, name: str) -> Any:
        return None if name == "weights" else super()._config_value(name)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        for name in ("autocast", "weights"):
            config.pop(name, None)
        return {"activity_regularizer": None, **config}
