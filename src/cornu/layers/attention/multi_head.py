"""`MultiHeadAttention`.

    query (batch, Tq, dim) --dense--> (batch, Tq, heads, key_dim)  -+
    key   (batch, Tv, dim) --dense--> (batch, Tv, heads, key_dim)  -+-> attention of each head
    value (batch, Tv, dim) --dense--> (batch, Tv, heads, value_dim) +       |
                                                                            | gate of the query
    output (batch, Tq, dim) <--dense-- (batch, Tq, heads, value_dim) <------+ (use_gate)

Inputs with more axes are attended to over `attention_axes`; all other axes count as batch.
"""

import math
from typing import Any, Unpack

from cornu import activations, ops
from cornu.arguments import fraction, is_int, optional_int, positive_int
from cornu.core.masks import mask_of
from cornu.core.symbolic import KerasTensor
from cornu.errors import value_error
from cornu.layers.attention import attend
from cornu.layers.attention.settings import AttentionSettings, MultiHeadSettings
from cornu.layers.base.layer import Layer
from cornu.layers.base.settings import assign_settings, defaults_of, spelled_out
from cornu.layers.core.activation import Softmax
from cornu.layers.core.einsum_dense import EinsumDense
from cornu.layers.regularization import Dropout

_SHARED = tuple(defaults_of(AttentionSettings))


class ProjectedAttention(Layer):
    """What attention layers with dense projections share."""

    _takes_sparse = False

    _config_omits_none = frozenset()  # activity_regularizer is an argument here
    _shares_policy = True
    dropout: float = 0.0
    use_bias: bool = True
    sliding_window: int | None

    def __init__(self, **settings: Any):
        own = {name: settings.pop(name) for name in _SHARED}
        super().__init__(activity_regularizer=own.pop("activity_regularizer"), **settings)
        assign_settings(self, own)
        self.dropout = fraction(self.dropout, "dropout")
        self.sliding_window = optional_int(self.sliding_window, "sliding_window")
        self.supports_masking = True
        if self.flash_attention and self.dropout > 0:
            raise value_error(
                "Flash attention computes no weights that could be dropped.",
                fix="dropout=0.0, or flash_attention=None",
            )

    def _dense(self, equation: str, output_shape: Any, bias_axes: str, name: str) -> EinsumDense:
        """A projection, with initializers of its own that draw other numbers."""
        dense = EinsumDense(
            equation,
            output_shape=output_shape,
            bias_axes=bias_axes if self.use_bias else None,
            kernel_initializer=_fresh(self.kernel_initializer),
            bias_initializer=_fresh(self.bias_initializer),
            kernel_regularizer=self.kernel_regularizer,
            bias_regularizer=self.bias_regularizer,
            kernel_constraint=self.kernel_constraint,
            bias_constraint=self.bias_constraint,
            dtype=self.dtype_policy,
            name=name,
        )
        dense.supports_masking = True  # the steps stay what they are
        return dense

    def _heads(self, ndim: int, sizes: tuple[int, int], name: str) -> EinsumDense:
        """The projection `(batch, ..., dim) -> (batch, ..., heads, size)`."""
        axes = _letters(ndim - 1)
        equation = f"{axes}X,XYZ->{axes}YZ"
        return self._dense(equation, (*(None,) * (ndim - 2), *sizes), "YZ", name)

    def _merge(self, ndim: int, output_shape: tuple[int, ...]) -> EinsumDense:
        """The projection `(batch, ..., heads, size) -> (batch, ..., *output_shape)`."""
        axes = _letters(ndim - 1)
        out = "UVWTSRQ"[: len(output_shape)]
        equation = f"{axes}YZ,YZ{out}->{axes}{out}"
        shape = (*(None,) * (ndim - 2), *output_shape)
        return self._dense(equation, shape, out, "attention_output")

    def _prepare_weights(self) -> None:
        """The softmax and the dropout of the attention weights."""
        self._softmax = Softmax(dtype=self.dtype_policy)
        self._dropout_layer = Dropout(self.dropout, dtype=self.dtype_policy, seed=self.seed)

    def _attended(
        self, q: Any, k: Any, v: Any, masks: dict[str, Any], *, causal: Any, scores: Any,
        training: Any,
    ) -> tuple[Any, Any]:  # fmt: skip
        """The heads `(batch, queries, heads, size)` after attention, and its weights if asked for.

        Args:
            q: heads of the queries, `(batch, queries, heads, size)`.
            k: heads of the keys.
            v: heads of the values.
            masks: `query_mask`, `value_mask`, `key_mask`, `attention_mask`.
            causal: whether a query sees no later key.
            scores: whether the weights are asked for.
            training: whether some of them are dropped.
        """
        steps = scores or (training and self.dropout > 0)
        masks = {name: _of_samples(name, m) for name, m in masks.items()}
        attend.check_masks(q, k, **masks)
        query_mask = masks.pop("query_mask")
        sight = attend.visible(
            q.shape[1],
            k.shape[1],
            **masks,
            sliding_window=self.sliding_window,
            causal=causal and steps,  # the kernel knows by itself which keys are later
        )
        mask = attend.both(sight, attend.of_queries(query_mask))
        if not steps:
            # A query that sees no key gets the mean of all values here, zeros below, as in Keras.
            y = ops.dot_product_attention(
                q, k, v, mask=mask, is_causal=bool(causal), flash_attention=self.flash_attention
            )
            return y, None  # (batch, queries, heads, value_dim)
        return attend.in_steps(q, k, v, mask, self._softmax, self._dropout_layer, training)

    def _gated(self, gate: Any, heads: Any) -> Any:
        """The heads, each number of them let through as far as the query says."""
        return heads * activations.sigmoid(gate)

    def _config_value(self, name: str) -> Any:
        return None if name == "flash_attention" else super()._config_value(name)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["flash_attention"]  # a matter of the machine, not of the model
        return config


def _sizes(shape: Any) -> tuple[int, ...] | None:
    """The argument `output_shape` as a tuple; None stays None.

    Raises:
        ValueError: it is neither an int nor a tuple of ints.
    """
    sizes = (shape,) if is_int(shape) else shape
    if sizes is None:
        return None
    if not isinstance(sizes, (tuple, list)) or not all(is_int(n) and n > 0 for n in sizes):
        raise value_error(
            f"output_shape must be a positive int or a tuple of them, got {shape!r}.",
            fix="output_shape=64",
        )
    return tuple(int(n) for n in sizes)


def _of_samples(name: str, mask: Any) -> Any:
    """A mask of whole samples, `(batch,)`, as one of their steps."""
    if mask is None or mask.ndim != 1 or name == "attention_mask":
        return mask
    return ops.expand_dims(mask, -1)


def _letters(number: int) -> str:
    return "abcdefghijklmnop"[:number]


def _fresh(initializer: Any) -> Any:
    """A copy of an initializer, so that two weights do not start alike."""
    return type(initializer).from_config(initializer.get_config())


class MultiHeadAttention(ProjectedAttention):
    """Several attentions side by side, each with projections of its own.

    `layer(query, value, key=value)`: queries `(batch, Tq, dim)`, values and keys
    `(batch, Tv, dim)`, output `(batch, Tq, dim)`. With `query == value` it is self-attention.
    Vaswani et al. 2017, "Attention Is All You Need".

    Args:
        num_heads: number of heads.
        key_dim: size of each head of queries and keys.
        value_dim: size of each head of values; `key_dim` if None.
        dropout: share of the weights that are dropped while training.
        use_bias: whether the projections have biases.
        output_shape: shape of the output after the time axes; the size of the query if None.
        attention_axes: axes over which is attended; all but batch and features if None.
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
        >>> MultiHeadAttention(num_heads=4, key_dim=4)(x, x, use_causal_mask=True).shape
        (2, 6, 16)
    """

    num_heads: int = 0
    key_dim: int = 0
    value_dim: int = 0
    attention_axes: Any = None

    @spelled_out(
        output_shape="use_bias", attention_axes="output_shape", sliding_window="attention_axes"
    )
    def __init__(
        self,
        num_heads: int,
        key_dim: int,
        value_dim: int | None = None,
        *args: Any,
        **settings: Unpack[MultiHeadSettings],
    ):
        output_shape = settings.pop("output_shape")
        attention_axes = settings.pop("attention_axes")
        super().__init__(**settings)
        example = "MultiHeadAttention(num_heads=8, key_dim=64)"
        self.num_heads = positive_int(num_heads, "num_heads", example)
        self.key_dim = positive_int(key_dim, "key_dim", example)
        value_dim = self.key_dim if value_dim is None else value_dim
        self.value_dim = positive_int(value_dim, "value_dim", example)
        self.output_shape = _sizes(output_shape)
        self.attention_axes = (attention_axes,) if is_int(attention_axes) else attention_axes
        if self.attention_axes is not None:
            self.attention_axes = tuple(self.attention_axes)

    query_dense = property(lambda self: self._query_dense, doc="The projection of the queries.")
    key_dense = property(lambda self: self._key_dense, doc="The projection of the keys.")
    value_dense = property(lambda self: self._value_dense, doc="The projection of the values.")
    output_dense = property(lambda self: self._output_dense, doc="The projection of the heads.")

    def build(  # type: ignore[override]
        self, query_shape: Any, value_shape: Any, key_shape: Any = None
    ) -> None:
        key_shape = value_shape if key_shape is None else key_shape
        self._check_shapes(query_shape, value_shape, key_shape)
        ndim = len(query_shape)
        if self.attention_axes is None:
            self.attention_axes = tuple(range(1, ndim - 1))
        else:
            self.attention_axes = tuple(a % ndim for a in self.attention_axes)
        keys, values = (self.num_heads, self.key_dim), (self.num_heads, self.value_dim)
        self._query_dense = self._heads(ndim, keys, "query")
        self._query_dense.build(query_shape)
        self._key_dense = self._heads(len(key_shape), keys, "key")
        self._key_dense.build(key_shape)
        if self.use_gate:
            self._gate_dense = self._heads(ndim, values, "gate")
            self._gate_dense.build(query_shape)
        self._value_dense = self._heads(len(value_shape), values, "value")
        self._value_dense.build(value_shape)
        self._prepare_weights()
        output_shape = self.output_shape or (query_shape[-1],)
        self._output_dense = self._merge(ndim, output_shape)
        self._output_dense.build((*query_shape[:-1], *values))

    def _check_shapes(self, query: Any, value: Any, key: Any) -> None:
        if len(query) < 3 or len(query) != len(value):
            raise value_error(
                "MultiHeadAttention takes queries and values (batch, time, dim), with as many "
                "axes.",
                shapes=f"query {tuple(query)}, value {tuple(value)}",
                fix="x[:, None] makes one step of (batch, dim).",
            )
        if tuple(value[1:-1]) != tuple(key[1:-1]):
            raise value_error(
                "Values and keys have the same axes except the last.",
                shapes=f"value {tuple(value)}, key {tuple(key)}",
                fix="keys of the same sequence as the values: layer(query, value)",
            )
        attend.check_batches(query, value)
        for axis in self.attention_axes or ():
            if not -len(query) <= axis < len(query) or axis % len(query) in (0, len(query) - 1):
                raise value_error(
                    f"attention_axes must lie between the batch axis and the last, got {axis}.",
                    shapes=f"query {tuple(query)}",
                )

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
        back = None
        if self.attention_axes != (1,) or query.ndim != 3:
            q, k, v, masks, back = self._merged_axes(q, k, v, masks)
        heads, scores = self._attended(
            q, k, v, masks,
            causal=use_causal_mask, scores=return_attention_scores, training=training,
        )  # fmt: skip
        if back is not None:
            heads, scores = back(heads, scores)
        if gate is not None:
            heads = self._gated(gate, heads)
        output = self._output_dense(heads)
        return (output, scores) if return_attention_scores else output

    def _merged_axes(self, q: Any, k: Any, v: Any, masks: dict[str, Any]) -> Any:
        """Arrays `(batch, time, heads, size)` of such with more axes, their masks, the way back.

        Axes that are not attended to join the batch, the others become one time axis.
        """
        axes = self.attention_axes or ()
        others = [a for a in range(1, q.ndim - 2) if a not in axes]
        order = (0, *others, *axes)
        outer = [q.shape[a] for a in (0, *others)]
        queries, keys = [q.shape[a] for a in axes], [k.shape[a] for a in axes]

        def merge(x: Any, times: list[Any]) -> Any:
            shape = (math.prod(outer), math.prod(times), *x.shape[-2:])
            return ops.reshape(ops.transpose(x, (*order, x.ndim - 2, x.ndim - 1)), shape)

        def merge_steps(mask: Any, x: Any) -> Any:
            """A mask of leading axes of `x`, as one of the merged `(batch, time)`."""
            if mask is None:
                return None
            sizes = x.shape[:-2]
            mask = ops.reshape(mask, (*mask.shape, *(1,) * (len(sizes) - mask.ndim)))
            mask = ops.transpose(ops.broadcast_to(mask, sizes), order)
            return ops.reshape(mask, (math.prod(outer), -1))

        def merge_pairs(mask: Any) -> Any:
            """A mask `(batch, ..., heads, *queries, *keys)`, of which axes may be left out."""
            if mask is None:
                return None
            while mask.ndim < len(outer) + 1 + 2 * len(axes):
                mask = ops.expand_dims(mask, -2 * len(axes) - 1)
            heads = mask.shape[len(outer)]
            mask = ops.broadcast_to(mask, (*outer, heads, *queries, *keys))
            return ops.reshape(mask, (math.prod(outer), heads, math.prod(queries), math.prod(keys)))

        merged = {
            "query_mask": merge_steps(masks["query_mask"], q),
            "value_mask": merge_steps(masks["value_mask"], v),
            "key_mask": merge_steps(masks["key_mask"], k),
            "attention_mask": merge_pairs(masks["attention_mask"]),
        }

        def back(heads: Any, scores: Any) -> tuple[Any, Any]:
            heads = ops.reshape(heads, (*outer, *queries, *heads.shape[-2:]))
            inverse = sorted(range(len(order)), key=order.__getitem__)
            heads = ops.transpose(heads, (*inverse, heads.ndim - 2, heads.ndim - 1))
            if scores is not None:
                scores = ops.reshape(scores, (*outer, scores.shape[1], *queries, *keys))
            return heads, scores

        return merge(q, queries), merge(k, keys), merge(v, keys), merged, back

    def compute_output_shape(
        self, query_shape: Any, value_shape: Any, key_shape: Any = None
    ) -> tuple[Any, ...]:
        self._check_shapes(query_shape, value_shape, key_shape or value_shape)
        return (*query_shape[:-1], *(self.output_shape or (query_shape[-1],)))

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
        axes = self.attention_axes or ()
        others = [query.shape[a] for a in range(1, len(query.shape) - 1) if a not in axes]
        queries, keys = [query.shape[a] for a in axes], [value.shape[a] for a in axes]
        scores = (query.shape[0], *others, self.num_heads, *queries, *keys)
        return output, KerasTensor(scores, self.compute_dtype)
