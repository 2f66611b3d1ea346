"""`GroupedQueryAttention`: neighbouring heads of queries share a head of keys and values.

Its public name is `GroupQueryAttention`. With one group a query head it is multi-head attention,
with one group for all it is multi-query attention. Ainslie et al. 2023, "GQA".
"""

from typing import Any, Unpack

from cornu.arguments import positive_int
from cornu.core.masks import mask_of
from cornu.core.symbolic import KerasTensor
from cornu.errors import value_error
from cornu.layers.attention import attend
from cornu.layers.attention.multi_head import ProjectedAttention
from cornu.layers.attention.settings import AttentionSettings
from cornu.layers.base.settings import spelled_out


class GroupedQueryAttention(ProjectedAttention):
    """Attention with fewer heads of keys and values than of queries.

    `layer(query, value, key=value)`: queries `(batch, Tq, dim)`, values and keys
    `(batch, Tv, dim)`, output `(batch, Tq, dim)`.

    Args:
        head_dim: size of each head.
        num_query_heads: number of heads of the queries.
        num_key_value_heads: number of heads of keys and values, which divides that of the queries.
        dropout: share of the weights that are dropped while training.
        use_bias: whether the projections have biases.
        sliding_window: how many steps to either side a query sees; all if None.
        flash_attention: False computes all scores at once; None takes what
            `config.enable_flash_attention` and `disable_flash_attention` have set.
        kernel_initializer: initializer of the kernels.
        bias_initializer: initializer of the biases.
        kernel_regularizer: penalty on the kernels.
        bias_regularizer: penalty on the biases.
        activity_regularizer: penalty on the outputs.
        kernel_constraint: applied to the kernels after each update.
        bias_constraint: applied to the biases after each update.
        use_gate: whether the heads are multiplied by a sigmoid of a projection of the query.
        seed: int for the same dropout in each run of a program.

    Example:

        >>> import numpy as np
        >>> x = np.ones((2, 6, 16))
        >>> layer = GroupedQueryAttention(head_dim=4, num_query_heads=4, num_key_value_heads=2)
        >>> layer(x, x).shape
        (2, 6, 16)
    """

    _name_in_files = "GroupQueryAttention"

    @spelled_out()
    def __init__(
        self,
        head_dim: int,
        num_query_heads: int,
        num_key_value_heads: int,
        *args: Any,
        **settings: Unpack[AttentionSettings],
    ):
        super().__init__(**settings)
        example = "GroupQueryAttention(head_dim=64, num_query_heads=8, num_key_value_heads=2)"
        self.head_dim = positive_int(head_dim, "head_dim", example)
        self.num_query_heads = positive_int(num_query_heads, "num_query_heads", example)
        self.num_key_value_heads = positive_int(num_key_value_heads, "num_key_value_heads", example)
        if self.num_query_heads % self.num_key_value_heads:
            raise value_error(
                f"{num_query_heads} heads of queries cannot share {num_key_value_heads} heads "
                "of keys evenly.",
                fix="a num_key_value_heads that divides num_query_heads",
            )
        self.num_repeats = self.num_query_heads // self.num_key_value_heads

    def build(  # type: ignore[override]
        self, query_shape: Any, value_shape: Any, key_shape: Any = None
    ) -> None:
        key_shape = value_shape if key_shape is None else key_shape
        self._check_shapes(query_shape, value_shape, key_shape)
        queries = (self.num_query_heads, self.head_dim)
        keys = (self.num_key_value_heads, self.head_dim)
        self._query_dense = self._heads(3, queries, "query")
        self._query_dense.build(query_shape)
        self._key_dense = self._heads(3, keys, "key")
        self._key_dense.build(key_shape)
        if self.use_gate:
            self._gate_dense = self._heads(3, queries, "gate")
            self._gate_dense.build(query_shape)
        self._value_dense = self._heads(3, keys, "value")
        self._value_dense.build(value_shape)
        self._prepare_weights()
        self._output_dense = self._merge(3, (query_shape[-1],))
        self._output_dense.build((*query_shape[:-1], *queries))

    def _check_shapes(self, query: Any, value: Any, key: Any) -> None:
        if {len(query), len(value), len(key)} != {3} or value[1] != key[1]:
            raise value_error(
                "GroupQueryAttention takes queries, values and keys (batch, time, dim), of "
                "which the last two have as many steps.",
                shapes=f"query {tuple(query)}, value {tuple(value)}, key {tuple(key)}",
                fix="x[:, None] makes one step of (batch, dim).",
            )
        attend.check_batches(query, value)

    def call(
        self,
        query: Any,
        value: Any,
        key: Any = None,
        query_mask: Any = None,
        value_mask: Any = None,
        key_mask: Any = None,
        attention_mask: Any = None,
        return_attention_scores: bool = False,
        training: bool | None = None,
        use_causal_mask: bool = False,
    ) -> Any:
        key = value if key is None else key
        masks = {
            "query_mask": mask_of(query) if query_mask is None else query_mask,
            "value_mask": value_mask,
            "key_mask": key_mask,
            "attention_mask": attention_mask,
        }
        gate = self._gate_dense(query) if self.use_gate else None
        q, k, v = self._query_dense(query), self._key_dense(key), self._value_dense(value)
        heads, scores = self._attended(
            q, k, v, masks,
            causal=use_causal_mask, scores=return_attention_scores, training=training,
        )  # fmt: skip
        if gate is not None:
            heads = self._gated(gate, heads)
        output = self._output_dense(heads)
        return (output, scores) if return_attention_scores else output

    def compute_output_shape(
        self, query_shape: Any, value_shape: Any, key_shape: Any = None
    ) -> tuple[Any, ...]:
        self._check_shapes(query_shape, value_shape, key_shape or value_shape)
        return tuple(query_shape)

    def compute_output_spec(
        self,
        query: Any,
        value: Any,
        key: Any = None,
        query_mask: Any = None,
        value_mask: Any = None,
        key_mask: Any = None,
        attention_mask: Any = None,
        return_attention_scores: bool = False,
        training: bool | None = None,
        use_causal_mask: bool = False,
    ) -> Any:
        key_shape = None if key is None else key.shape
        shape = self.compute_output_shape(query.shape, value.shape, key_shape)
        output = KerasTensor(shape, self.compute_dtype)
        if not return_attention_scores:
            return output
        scores = (query.shape[0], self.num_query_heads, query.shape[1], value.shape[1])
        return output, KerasTensor(scores, self.compute_dtype)
