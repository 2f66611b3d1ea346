"""`ReversibleEmbedding`: a table that maps identifiers to vectors, and vectors to scores."""

from typing import Any

from cornu import ops
from cornu.core.symbolic import KerasTensor
from cornu.errors import value_error
from cornu.layers.core.embedding import Embedding
from cornu.layers.quantized.weight import Weight
from cornu.quantizers.products import Product, einsum_of
from cornu.types import ConstraintLike, DType, InitializerLike, RegularizerLike, Tensor


class ReversibleEmbedding(Embedding):
    """An embedding that also goes back, from vectors to a score for each identifier.

    `layer(ids)` gives `(batch, ..., output_dim)`; `layer(vectors, reverse=True)` gives
    `(batch, ..., input_dim)`: the products with the rows of the table, or of a second table.

    Args:
        input_dim: number of rows, such as the size of a vocabulary.
        output_dim: length of the vectors.
        tie_weights: whether one table serves both ways.
        embeddings_initializer: initializer of the tables.
        embeddings_regularizer: penalty on the tables.
        embeddings_constraint: function applied to the tables after each update.
        mask_zero: whether 0 is padding, which the layers after it skip.
        reverse_dtype: dtype of the scores and their computation; that of the vectors if None.
        logit_soft_cap: scores `s` become `cap * tanh(s / cap)`; left as they are if None.

    Example:

        >>> import numpy as np
        >>> layer = ReversibleEmbedding(100, 8)
        >>> vectors = layer(np.array([[3, 7]]))
        >>> layer(vectors, reverse=True).shape
        (1, 2, 100)
    """

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        tie_weights: bool = True,
        embeddings_initializer: InitializerLike = "uniform",
        embeddings_regularizer: RegularizerLike | None = None,
        embeddings_constraint: ConstraintLike | None = None,
        mask_zero: bool = False,
        reverse_dtype: DType | None = None,
        logit_soft_cap: float | None = None,
        **kwargs: Any,
    ):
        super().__init__(
            input_dim,
            output_dim,
            embeddings_initializer=embeddings_initializer,
            embeddings_regularizer=embeddings_regularizer,
            embeddings_constraint=embeddings_constraint,
            mask_zero=mask_zero,
            **kwargs,
        )
        if logit_soft_cap is not None and logit_soft_cap <= 0:
            raise value_error(
                f"logit_soft_cap must be positive, got {logit_soft_cap!r}.", fix="30.0"
            )
        self.tie_weights = tie_weights
        self.reverse_dtype = reverse_dtype
        self.logit_soft_cap = logit_soft_cap
        self.reverse_embeddings: Any = None

    def build(self, input_shape: Any = None) -> None:
        if self._embeddings is not None:
            return
        super().build(input_shape)
        if not self.tie_weights and self.quantization_mode is None:
            self.reverse_embeddings = self.add_weight(
                shape=(self.output_dim, self.input_dim),
                like="embeddings",
                name="reverse_embeddings",
            )

    def _rows_looked_up(self, inputs: Any, reverse: bool = False) -> int | None:
        return None if reverse else self.input_dim

    def call(self, inputs: Tensor, reverse: bool = False) -> Tensor:
        if not reverse:
            return super().call(inputs)
        if self.reverse_embeddings is not None:
            table = self.reverse_embeddings.value
        else:
            table = ops.transpose(self._corrected_weight())  # (output_dim, input_dim)
        table = ops.cast(table, self.reverse_dtype or self.compute_dtype)
        if self.reverse_dtype is not None:
            inputs = ops.cast(inputs, self.reverse_dtype)
        return self._capped(ops.matmul(inputs, table))  # (batch, ..., input_dim)

    def _capped(self, logits: Tensor) -> Tensor:
        if self.logit_soft_cap is None:
            return logits
        return ops.tanh(logits / self.logit_soft_cap) * self.logit_soft_cap

    def compute_output_shape(self, input_shape: Any, reverse: bool = False) -> Any:
        if reverse:
            return (*input_shape[:-1], self.input_dim)
        return (*input_shape, self.output_dim)

    def compute_output_spec(self, inputs: Any, reverse: bool = False) -> Any:
        shape = self.compute_output_shape(inputs.shape, reverse)
        dtype = (self.reverse_dtype or inputs.dtype) if reverse else self.compute_dtype
        return KerasTensor(shape, dtype)

    def compute_mask(self, inputs: Any, mask: Any = None, reverse: bool = False) -> Any:
        return mask if reverse else super().compute_mask(inputs, mask)

    def _quantizable_names(self) -> tuple[str, ...]:
        return ("embeddings",) if self.tie_weights else ("embeddings", "reverse_embeddings")

    def _quantizable_weights(self) -> list[Weight]:
        weights = super()._quantizable_weights()
        if self.tie_weights:
            return weights
        back = Weight(
            "reverse_embeddings",
            (self.output_dim, self.input_dim),
            packed=0,
            zero_dtype=self.variable_dtype,
            attribute="reverse_embeddings",
        )
        return [*weights, back]

    def _product(self) -> Product:
        equation = "...d,nd->...n" if self.tie_weights else "...d,dn->...n"
        return Product(einsum_of(equation), summed=(-1,))

    def quantized_call(  # type: ignore[override]
        self, inputs: Tensor, reverse: bool = False
    ) -> Tensor:
        """Compute what `call` computes, with quantized tables."""
        if not reverse:
            return super().quantized_call(inputs)
        if self.reverse_dtype is not None:
            inputs = ops.cast(inputs, self.reverse_dtype)
        return self._capped(self._quantized_product(self._quantizable_weights()[-1], inputs))
