"""`Embedding` and `ReversibleEmbedding`: rows of a table that is learned."""

from typing import Any

import jax.numpy as jnp

from cornu import constraints, initializers, ops, regularizers
from cornu.arguments import positive_int
from cornu.checks import check_indices
from cornu.context import local
from cornu.core.frame import is_tracer
from cornu.core.symbolic import KerasTensor
from cornu.errors import value_error, warn
from cornu.kernels import gather
from cornu.layers.base.layer import Layer
from cornu.layers.quantized import lora, modes
from cornu.layers.quantized.weight import Product, Weight
from cornu.numeric import is_integer


class Embedding(Layer):
    """A vector for each identifier: row `i` of a table that is learned.

    Input integers of any shape `(batch, ...)` from 0 to `input_dim - 1`, output
    `(batch, ..., output_dim)`. Identifiers outside the table are refused where values are known;
    inside a compiled program, which cannot raise, they give rows of NaN.

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
        quantization_config: how `quantize` rounds the table; see `quantizers`.

    Example:

        >>> import numpy as np
        >>> Embedding(1000, 16)(np.array([[3, 7, 7], [1, 0, 0]])).shape
        (2, 3, 16)
    """

    rescales_inputs = True  # it looks them up
    _takes_sparse = False

    _config_omits_none = frozenset(("lora_rank", "lora_alpha"))
    lora_embeddings_a: Any
    lora_embeddings_b: Any
    _embeddings: Any = None

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
        self.input_dim = positive_int(input_dim, "input_dim", "Embedding(1000, 16)")
        self.output_dim = positive_int(output_dim, "output_dim", "Embedding(1000, 16)")
        self.embeddings_initializer = initializers.get(embeddings_initializer)
        self.embeddings_regularizer = regularizers.get(embeddings_regularizer)
        self.embeddings_constraint = constraints.get(embeddings_constraint)
        self.mask_zero = mask_zero
        self.lora_rank = lora_rank
        self.lora_alpha = lora_alpha if lora_alpha is not None else lora_rank
        self.lora_enabled = False
        self.quantization_config = modes.read_config(quantization_config)
        self.supports_masking = mask_zero
        self.autocast = False  # identifiers must not be rounded
        if weights is not None:
            self.build()
            self.set_weights(weights if isinstance(weights, list) else [weights])

    def build(self, input_shape: Any = None) -> None:
        if self._embeddings is not None:
            return
        shape = (self.input_dim, self.output_dim)
        if self.quantization_mode is None:
            self._embeddings = self.add_weight(shape=shape, like="embeddings", name="embeddings")
        else:
            self.quantized_build(shape, self.quantization_mode, self.quantization_config)
        if self.lora_rank:
            self.enable_lora(self.lora_rank, self.lora_alpha)

    @property
    def embeddings(self) -> Any:
        """The table: the variable; the corrected array with LoRA; integers if it is quantized.

        Raises:
            AttributeError: the layer is not built.
        """
        return modes.shown(self, "_embeddings", self._few_bits)

    def _rows_looked_up(self, inputs: Any) -> int | None:
        """How many identifiers have a row; asked with the arguments of a call, before it is made.

        None for a call that looks nothing up.
        """
        return self.input_dim

    def call(self, inputs: Any) -> Any:
        ids = self._identifiers(inputs)
        rows = gather.embedding_lookup(self._embeddings.value, ids)
        rows = lora.corrected_rows(self, "embeddings", rows, ids)
        return ops.cast(rows, self.compute_dtype)

    def _identifiers(self, inputs: Any) -> Any:
        """The inputs as integers; what has no row is refused where values are known.

        Inside a frame a step is run, which looks for the place of a NaN, and must come to it.
        """
        if local.frame is None and not is_tracer(inputs):
            for finding in check_indices(inputs, (self.input_dim,)):
                if finding.severity == "error":
                    raise ValueError(finding.message)
                warn(finding.message)
        return _integers(inputs)

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
        shape = (self.input_dim, self.output_dim)
        lora.enable_lora(
            self, self._embeddings, rank, lora_alpha, a_initializer, b_initializer, shape
        )

    # ---- few bits -----------------------------------------------------------------------------

    def _few_bits(self) -> list[Weight]:
        """The table, whose rows have a scale each."""
        shape = (self.input_dim, self.output_dim)
        return [
            Weight(
                name="embeddings",
                attribute="_embeddings",
                shape=shape,
                summed=(1,),
                place=lambda scale: scale.reshape(-1),
                take=lambda scale: scale[:, None],
                matrix=shape,
                rows=1,
                packed=1,
            )
        ]

    @property
    def variable_serialization_spec(self) -> dict[str | None, list[str]]:
        """What files hold of the layer in each mode of quantization, in order."""
        return _FILES

    def quantize(self, mode: Any = None, type_check: bool = True, config: Any = None) -> None:
        """Round the table of the built layer to few bits; see `Layer.quantize`."""
        modes.quantize(self, Embedding, mode, type_check, config)

    def quantized_build(self, embeddings_shape: Any, mode: str, config: Any = None) -> None:
        """Make the variables of the table in few bits."""
        modes.build(self, self._few_bits(), mode, config)

    def quantized_call(self, inputs: Any) -> Any:
        """What `call` computes, with a table in few bits."""
        return modes.lookup(self, self._few_bits()[0], self._identifiers(inputs))

    def save_own_variables(self, store: Any) -> None:
        modes.save_own(self, store)

    def load_own_variables(self, store: Any) -> None:
        if not self.built:
            self.build()
        modes.load_own(self, store)

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
            raise value_error(
                f"logit_soft_cap is a positive number, got {logit_soft_cap!r}.", fix="30.0"
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

    def call(self, inputs: Any, reverse: bool = False) -> Any:
        if not reverse:
            return super().call(inputs)
        if self.reverse_embeddings is not None:
            table = self.reverse_embeddings.value
        else:
            table = ops.transpose(lora.weight(self, self._embeddings))
        table = ops.cast(table, self.reverse_dtype or self.compute_dtype)
        if self.reverse_dtype is not None:
            inputs = ops.cast(inputs, self.reverse_dtype)
        return self._capped(ops.matmul(inputs, table))

    def _capped(self, logits: Any) -> Any:
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

    # ---- few bits -----------------------------------------------------------------------------

    def _few_bits(self) -> list[Weight]:
        """The table, whose rows have a scale each; and the second table, with one a column."""
        weights = super()._few_bits()
        if self.tie_weights:
            return weights
        shape = (self.output_dim, self.input_dim)
        back = Weight(
            name="reverse_embeddings",
            attribute="reverse_embeddings",
            shape=shape,
            summed=(0,),
            place=lambda scale: scale.reshape(-1),
            take=lambda scale: scale,
            matrix=shape,
            rows=0,
            packed=0,
            zero_dtype=self.variable_dtype,
        )
        return [*weights, back]

    @property
    def variable_serialization_spec(self) -> dict[str | None, list[str]]:
        """What files hold of the layer in each mode of quantization, in order."""
        return _FILES if self.tie_weights else _FILES_OF_TWO

    def quantize(self, mode: Any = None, type_check: bool = True, config: Any = None) -> None:
        """Round the tables of the built layer to few bits; see `Layer.quantize`."""
        modes.quantize(self, ReversibleEmbedding, mode, type_check, config)

    @property
    def inputs_quantizer(self) -> Any:
        """What rounds the vectors on the way back; None if they stay in floats."""
        return modes.inputs_quantizer(self, lambda: _BACK[self.tie_weights])

    def quantized_call(self, inputs: Any, reverse: bool = False) -> Any:
        """What `call` computes, with tables in few bits."""
        if not reverse:
            return super().quantized_call(inputs)
        if self.reverse_dtype is not None:
            inputs = ops.cast(inputs, self.reverse_dtype)
        weight = self._few_bits()[-1]
        return self._capped(modes.multiply(self, weight, _BACK[self.tie_weights], inputs))


def _integers(ids: Any) -> Any:
    return ids if is_integer(ids.dtype) else ops.cast(ids, "int32")


def _product(x: Any, table: Any, rows: int) -> Any:
    """Products with the rows of a table, or with its columns; of integers, with sums in int32."""
    sums = jnp.int32 if is_integer(table.dtype) else None
    return jnp.einsum("...d,nd->...n" if rows else "...d,dn->...n", x, table,
                      preferred_element_type=sums)  # fmt: skip


_BACK = {
    True: Product(lambda x, table: _product(x, table, 1), summed=(-1,)),
    False: Product(lambda x, table: _product(x, table, 0), summed=(-1,)),
}

_FILES: dict[str | None, list[str]] = {
    None: ["embeddings"],
    "int8": ["embeddings", "embeddings_scale"],
    "int4": ["embeddings", "embeddings_scale", "embeddings_zero", "g_idx"],
}
_FILES_OF_TWO: dict[str | None, list[str]] = {
    None: ["embeddings", "reverse_embeddings"],
    "int8": [*_FILES["int8"], "reverse_embeddings", "reverse_embeddings_scale"],
    "int4": [
        *_FILES["int4"],
        *("reverse_embeddings", "reverse_embeddings_scale", "reverse_embeddings_zero"),
    ],
}
