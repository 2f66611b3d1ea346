"""`Attention` and `AdditiveAttention`: attention without weights of its own, or nearly.

scores (batch, Tq, Tv) = how well each query fits each key
softmax over the keys that the masks let a query see
output (batch, Tq, dim) = the values, weighted
"""

import functools
from typing import Any

import jax.numpy as jnp

from cornu import activations, ops, random
from cornu.arguments import fraction, one_of
from cornu.errors import value_error
from cornu.layers.base.build import is_shape
from cornu.layers.base.layer import Layer
from cornu.layers.convolutional.base import shown
from cornu.random.seed import SeedGenerator


class Attention(Layer):
    """Values weighted by how well queries fit keys: `softmax(query @ key.T) @ value`.

    Input `[query, value]` or `[query, value, key]` of shapes `(batch, Tq, dim)`,
    `(batch, Tv, dim)` and `(batch, Tv, dim)`; the keys are the values if not given. Output
    `(batch, Tq, dim)`. A mask is a list `[query_mask, value_mask]` of `(batch, T)`. Further axes
    between batch and time count as batch.

    Args:
        use_scale: whether scores are multiplied by a number that is learned.
        score_mode: "dot" for products, "concat" for `sum(tanh(query + key))`.
        dropout: share of the weights that are dropped while training.
        seed: int for the same dropout in each run of a program.

    Example:

        >>> import numpy as np
        >>> Attention()([np.ones((2, 4, 8)), np.ones((2, 6, 8))]).shape
        (2, 4, 8)
    """

    _takes_sparse = False

    def __init__(
        self,
        use_scale: bool = False,
        score_mode: str = "dot",
        dropout: float = 0.0,
        seed: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.use_scale = use_scale
        self.score_mode = one_of(score_mode, ("dot", "concat"), "score_mode")
        self.dropout = fraction(dropout, "dropout")
        self.seed = seed
        if self.dropout > 0:
            self.seed_generator = SeedGenerator(seed)
        self.supports_masking = True
        self.scale: Any = None
        self.concat_score_weight: Any = None

    def build(self, input_shape: Any) -> None:
        self._check_inputs(input_shape)
        if self.use_scale:
            self.scale = self.add_weight(shape=(), initializer="ones", name="scale")
        if self.score_mode == "concat":
            self.concat_score_weight = self.add_weight(
                shape=(), initializer="ones", name="concat_score_weight"
            )

    def _check_inputs(self, shapes: Any) -> None:
        kind = type(self).__name__
        if is_shape(shapes) or not isinstance(shapes, (list, tuple)):
            number = "one array"
        elif len(shapes) in (2, 3):
            return
        else:
            number = f"a list of {len(shapes)}"
        raise value_error(
            f"{kind} takes a list [query, value] or [query, value, key], got {number}.",
            fix=f"{kind}()([query, value])",
        )

    def _check_fit(self, query: Any, value: Any, key: Any) -> None:
        """Raise ValueError where the shapes do not fit together, as far as they are known."""

        def differ(a: Any, b: Any) -> bool:
            return isinstance(a, int) and isinstance(b, int) and a != b

        if (
            len(query) < 2
            or {len(value), len(key)} != {len(query)}
            or differ(query[-1], key[-1])
            or differ(value[-2], key[-2])
        ):
            raise value_error(
                f"The inputs of {type(self).__name__} '{self.name}' do not fit together.",
                shapes=f"query {shown(query)}, value {shown(value)}, key {shown(key)}",
                fix="query (batch, Tq, dim), value (batch, Tv, any), key (batch, Tv, dim); the "
                "values are the keys if none are given. Dense(dim) brings them to one size.",
            )

    def _calculate_scores(self, query: Any, key: Any) -> Any:
        """How well each query fits each key, `(batch, Tq, Tv)`."""
        if self.score_mode == "dot":
            found = ops.matmul(query, ops.swapaxes(key, -1, -2))  # (batch, ..., Tq, Tv)
            return found if self.scale is None else found * self.scale.value
        both = ops.expand_dims(query, -2) + ops.expand_dims(key, -3)  # (batch, Tq, Tv, dim)
        if self.scale is not None:
            both = both * self.scale.value
        return self.concat_score_weight.value * ops.sum(ops.tanh(both), axis=-1)

    def call(
        self,
        inputs: Any,
        mask: Any = None,
        training: bool = False,
        return_attention_scores: bool = False,
        use_causal_mask: bool = False,
    ) -> Any:
        self._check_inputs([tuple(x.shape) for x in inputs])
        self._check_mask(inputs, mask)
        query, value, key = inputs[0], inputs[1], inputs[2 if len(inputs) > 2 else 1]
        self._check_fit(query.shape, value.shape, key.shape)
        query_mask = None if mask is None else mask[0]
        weights = self._weights(self._calculate_scores(query, key), mask, use_causal_mask)
        if training and self.dropout > 0:
            weights = random.dropout(weights, self.dropout, seed=self.seed_generator)
        outputs = ops.matmul(weights, value)
        if query_mask is not None:
            counts = ops.expand_dims(ops.cast(query_mask, "bool"), -1)  # (batch, ..., Tq, 1)
            outputs = ops.where(counts, outputs, ops.zeros_like(outputs))
        return (outputs, weights) if return_attention_scores else outputs

    def _weights(self, scores: Any, mask: Any, causal: bool) -> Any:
        """The softmax of the scores over the keys that a query may see; 0 for the others."""
        seen = [] if mask is None else [m for m in mask[1:] if m is not None]
        allowed = [ops.expand_dims(ops.cast(m, "bool"), -2) for m in seen]  # (batch, ..., 1, Tv)
        if causal:
            rows, columns = (ops.arange(n) for n in scores.shape[-2:])
            allowed.append(ops.greater_equal(ops.expand_dims(rows, -1), columns))  # (Tq, Tv)
        if not allowed:
            return activations.softmax(scores, axis=-1)
        visible = functools.reduce(ops.logical_and, allowed)
        low = jnp.finfo(scores.dtype).min
        weights = activations.softmax(ops.where(visible, scores, low), axis=-1)
        return ops.where(visible, weights, ops.zeros_like(weights))

    def _check_mask(self, inputs: Any, mask: Any) -> None:
        if mask is None:
            return
        if not isinstance(mask, (list, tuple)) or not 2 <= len(mask) <= len(inputs):
            raise value_error(
                f"The mask of {type(self).__name__} is a list [query_mask, value_mask], got "
                f"{type(mask).__name__}"
                + (f" of {len(mask)}." if isinstance(mask, (list, tuple)) else "."),
                fix="mask=[None, value_mask]",
            )
        names = ("query_mask", "value_mask", "key_mask")
        for name, m, x in zip(names, mask, inputs, strict=False):
            if m is not None and shown(m.shape) != shown(x.shape[:-1]) and 1 not in m.shape:
                raise value_error(
                    f"The {name} of {type(self).__name__} '{self.name}' does not fit.",
                    shapes=f"{name} {shown(m.shape)}, inputs {shown(x.shape)}",
                    fix="booleans (batch, time), True where a step counts",
                )

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        return None if mask is None else mask[0]

    def compute_output_shape(self, input_shape: Any) -> Any:
        self._check_inputs(input_shape)
        return (*input_shape[0][:-1], input_shape[1][-1])

    def compute_output_spec(
        self,
        inputs: Any,
        mask: Any = None,
        return_attention_scores: bool = False,
        training: bool | None = None,
        use_causal_mask: bool = False,
    ) -> Any:
        self._check_inputs([tuple(x.shape) for x in inputs])
        return self._spec_of_call(
            inputs,
            mask=mask,
            return_attention_scores=return_attention_scores,
            training=bool(training),
            use_causal_mask=use_causal_mask,
        )


class AdditiveAttention(Attention):
    """Attention whose scores are `sum(scale * tanh(query + key))`, with a scale that is learned.

    Input and output as `Attention`. Bahdanau et al. 2015.

    Args:
        use_scale: whether there is a scale `(dim,)`.
        dropout: share of the weights that are dropped while training.

    Example:

        >>> import numpy as np
        >>> AdditiveAttention()([np.ones((2, 4, 8)), np.ones((2, 6, 8))]).shape
        (2, 4, 8)
    """

    def __init__(self, use_scale: bool = True, dropout: float = 0.0, **kwargs: Any):
        kwargs.pop("score_mode", None)
        super().__init__(use_scale=use_scale, dropout=dropout, **kwargs)

    def build(self, input_shape: Any) -> None:
        self._check_inputs(input_shape)
        if self.use_scale:
            self.scale = self.add_weight(
                shape=(input_shape[0][-1],), initializer="glorot_uniform", name="scale"
            )

    def _calculate_scores(self, query: Any, key: Any) -> Any:
        both = ops.tanh(ops.expand_dims(query, -2) + ops.expand_dims(key, -3))
        if self.scale is not None:
            both = both * self.scale.value
        return ops.sum(both, axis=-1)  # (batch, Tq, Tv)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["score_mode"]
        return config
