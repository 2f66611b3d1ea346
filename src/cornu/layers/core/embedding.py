"""`Embedding` and `ReversibleEmbedding`: rows of a table that is learned."""

from typing import Any

from cornu import constraints, initializers, ops, regularizers
from cornu.core.symbolic import KerasTensor
from cornu.errors import explain
from cornu.kernels import gather
from cornu.layers.base import adapters
from cornu.layers.base.arguments import positive_int
from cornu.layers.base.layer import Layer


class Embedding(Layer):
    """A vector for each identifier: row `i` of a table that is learned.

    Input integers of any shape `(batch, ...)` from 0 to `input_dim - 1`, output
    `(batch, ..., output_dim)`. Identifiers outside the table give rows of NaN.

    Args:
        input_dim: number of rows, such as the size of a vocabulary.
        output_dim: length of the vectors.
        embeddings_initializer: of the table, `(input_dim, output_dim)`.
        embeddings_regularizer: penalty on the table.
        embeddings_constraint: applied to the table after each update.
        mask_zero: whether 0 is padding, which the layers after it skip.
        weights: initial values of the table.
        lora_rank: rank of a low-rank correction that is trained instead of the table.
        lora_alpha: its scale, `lora_alpha / lora_rank`; the rank if None.
        quantization_config: not offered yet.

    Example:

        >>> import numpy as np
        >>> Embedding(1000, 16)(np.array([[3, 7, 7], [1, 0, 0]])).shape
        (2, 3, 16)
    """

    config_omits_none = frozenset(("lora_rank", "lora_alpha"))
    embeddings: Any = None

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        embeddings_initializer: Any = "uniform",
        embeddings_regularizer: Any = None,
        embeddings_constraint: Any = None,
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
        adapters.refuse_quantization(self, quantization_config)
        self.input_dim = positive_int(input_dim, "input_dim", "Embedding(1000, 16)")
        self.output_dim = positive_int(output_dim, "output_dim", "Embedding(1000, 16)")
        self.embeddings_initializer = initializers.get(embeddings_initializer)
        self.embeddings_regularizer = regularizers.get(embeddings_regularizer)
        self.embeddings_constraint = constraints.get(embeddings_constraint)
        self.mask_zero = mask_zero
        self.lora_rank = lora_rank
        self.lora_alpha = lora_alpha if lora_alpha is not None else lora_rank
        self.lora_enabled = False
        self.quantization_config = quantization_config
        self.supports_masking = mask_zero
        self.autocast = False  # identifiers must not be rounded
        if weights is not None:
            self.build()
            self.set_weights(weights if isinstance(weights, list) else [weights])

    @property
    def makes_masks(self) -> bool:  # type: ignore[override]
        """Whether a mask is made of inputs that carry none."""
        return self.mask_zero

    def build(self, input_shape: Any = None) -> None:
        if self.embeddings is not None:
            return
        self.embeddings = self.add_weight(
            shape=(self.input_dim, self.output_dim), like="embeddings", name="embeddings"
        )
        if self.lora_rank:
            self.enable_lora(self.lora_rank, self.lora_alpha)

    def call(self, inputs: Any) -> Any:
        ids = inputs if "int" in str(inputs.dtype) else ops.cast(inputs, "int32")
        rows = gather.embedding_lookup(self.embeddings.value, ids)
        if self.lora_enabled:
            a, b = adapters.factors(self, self.embeddings)
            rows = rows + adapters.scale(self) * ops.matmul(
                gather.embedding_lookup(a.value, ids), b
            )
        return ops.cast(rows, self.compute_dtype)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return (*input_shape, self.output_dim)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        return ops.not_equal(inputs, 0) if self.mask_zero else None

    def enable_lora(
        self,
        rank: int,
        lora_alpha: float | None = None,
        a_initializer: Any = "he_uniform",
        b_initializer: Any = "zeros",
    ) -> None:
        """Freeze the table and train a correction of low rank beside it."""
        adapters.enable_lora(self, self.embeddings, rank, lora_alpha, a_initializer, b_initializer)

    def save_own_variables(self, store: Any) -> None:
        if self.built:
            adapters.save_own(self, store, self.embeddings)

    def load_own_variables(self, store: Any) -> None:
        if not self.built:
            self.build()
        adapters.load_own(self, store, self.embeddings)

    def _config_value(self, name: str) -> Any:
        return None if name == "weights" else super()._config_value(name)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        for name in ("autocast", "weights"):
            config.pop(name, None)
        return {"activity_regularizer": None, **config}


class ReversibleEmbedding(Embedding):
    """An embedding that also goes back, from vectors to a score for each identifier.

    `layer(ids)` gives `(batch, ..., output_dim)`; `layer(vectors, reverse=True)` gives
    `(batch, ..., input_dim)`: the products with the rows of the table, or of a second table.

    Args:
        input_dim: number of rows, such as the size of a vocabulary.
        output_dim: length of the vectors.
        tie_weights: whether one table serves both ways.
        embeddings_initializer: of the tables.
        embeddings_regularizer: penalty on the tables.
        embeddings_constraint: applied to the tables after each update.
        mask_zero: whether 0 is padding, which the layers after it skip.
        reverse_dtype: dtype in which the scores are computed; that of the vectors if None.
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
        embeddings_initializer: Any = "uniform",
        embeddings_regularizer: Any = None,
        embeddings_constraint: Any = None,
        mask_zero: bool = False,
        reverse_dtype: Any = None,
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
            raise ValueError(
                explain(f"logit_soft_cap is a positive number, got {logit_soft_cap!r}.", fix="30.0")
            )
        self.tie_weights = tie_weights
        self.reverse_dtype = reverse_dtype
        self.logit_soft_cap = logit_soft_cap
        self.reverse_embeddings: Any = None

    def build(self, input_shape: Any = None) -> None:
        if self.embeddings is not None:
            return
        super().build(input_shape)
        if not self.tie_weights:
            self.reverse_embeddings = self.add_weight(
                shape=(self.output_dim, self.input_dim),
                like="embeddings",
                name="reverse_embeddings",
            )

    def call(self, inputs: Any, reverse: bool = False) -> Any:
        if not reverse:
            return super().call(inputs)
        if self.reverse_embeddings is not None:
            table = self.reverse_embeddings.value
        else:
            table = ops.transpose(adapters.weight(self, self.embeddings))
        if self.reverse_dtype is not None:
            inputs, table = (
                ops.cast(inputs, self.reverse_dtype),
                ops.cast(table, self.reverse_dtype),
            )
        logits = ops.matmul(inputs, table)
        if self.logit_soft_cap is not None:
            cap = self.logit_soft_cap
            logits = ops.tanh(logits / cap) * cap
        return logits

    def compute_output_shape(self, input_shape: Any, reverse: bool = False) -> Any:
        if reverse:
            return (*input_shape[:-1], self.input_dim)
        return (*input_shape, self.output_dim)

    def compute_output_spec(self, inputs: Any, reverse: bool = False) -> Any:
        shape = self.compute_output_shape(inputs.shape, reverse)
        dtype = (self.reverse_dtype or inputs.dtype) if reverse else self.compute_dtype
        return KerasTensor(shape, dtype)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        if inputs.ndim > 2 and "float" in str(inputs.dtype):  # vectors, on the way back
            return mask
        return super().compute_mask(inputs, mask)

    def save_own_variables(self, store: Any) -> None:
        if self.built:
            adapters.save_own(self, store, self.embeddings, self.reverse_embeddings)

    def load_own_variables(self, store: Any) -> None:
        if not self.built:
            self.build()
        adapters.load_own(self, store, self.embeddings, self.reverse_embeddings)
