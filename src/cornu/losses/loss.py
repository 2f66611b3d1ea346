"""`Loss`: from targets and predictions to the number that training minimizes.

    y_true, y_pred --call--> values per sample (or time step)  --weights, mask--> reduction --> loss

The shape of `values` is usually that of `y_pred` without its last axis. Weights and masks apply to
its leading axes: `(batch,)` or `(batch, 1)` weights samples, `(batch, time)` weights time steps.

    reduction                  result
    "sum_over_batch_size"      sum(weights * values) / number of values; "mean" is the same
    "mean_with_sample_weight"  sum(weights * values) / sum(weights)
    "sum"                      sum(weights * values)
    "none", None               weights * values
"""

import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeVar, cast

from cornu import dtype_policies, names, ops, settings, tree
from cornu.arguments import one_of
from cornu.core.logits import same_logits
from cornu.core.masks import mask_of, set_mask
from cornu.core.objects.configurable import Configurable, plain
from cornu.core.objects.registry import is_builtin
from cornu.core.objects.serialize import deserialize_keras_object
from cornu.core.symbolic import is_symbolic
from cornu.errors import explain, returns_nothing, value_error, without_super
from cornu.types import Config, DTypeLike, Tensor

REDUCTIONS = ("sum_over_batch_size", "mean", "mean_with_sample_weight", "sum", "none", None)


class Loss(Configurable):
    """Base class of all losses. Subclasses define `call(y_true, y_pred)`.

    Every loss takes `reduction`, `name` and `dtype`, which are described here only.

    Args:
        name: name of the loss; made from the class name if None.
        reduction: reduction of the values per sample to the loss: "sum_over_batch_size" (the
            default, also "mean"), "mean_with_sample_weight", "sum", or "none" or None to keep them.
        dtype: dtype, or dtype policy, of the computation; `floatx` if None.

    Example:

        >>> class Worst(Loss):
        ...     def call(self, y_true, y_pred):
        ...         return ops.max(ops.abs(y_true - y_pred), axis=-1)
        >>> float(Worst()(ops.array([[0.0, 1.0]]), ops.array([[3.0, 1.0]])))
        3.0
    """

    # The label that replaces those of weight zero, for losses that are NaN at invalid labels.
    _placeholder_label: int | None = None
    _labels_are_classes = False  # whether targets are class indices, which must not become floats

    def __init__(
        self,
        name: str | None = None,
        reduction: str | None = "sum_over_batch_size",
        dtype: DTypeLike | None = None,
    ):
        one_of(reduction, REDUCTIONS, "reduction")
        self.name = name or names.auto_name(self)
        self.reduction = reduction
        self._given_dtype = dtype
        self._dtype_policy = dtype_policies.get(dtype or settings.current.floatx)

    @property
    def dtype(self) -> str:
        """The dtype of the computation."""
        return self._dtype_policy.compute_dtype

    def __call__(
        self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None
    ) -> Tensor:
        """The loss of a batch.

        Args:
            y_true: targets, `(batch, ...)`.
            y_pred: predictions, `(batch, ...)`.
            sample_weight: weights per sample `(batch,)` or per time step `(batch, time)`.

        Returns:
            A scalar; the weighted values with reduction "none".
        """
        if "_dtype_policy" not in vars(self):
            raise RuntimeError(without_super(self))
        mask = combined_mask(*[mask_of(x) for x in tree.flatten(y_pred)])
        y_pred = tree.map_structure(self._converted, y_pred)
        if not self._labels_are_classes:
            y_true = tree.map_structure(self._converted, y_true)
        if self._placeholder_label is not None:
            for weights in (sample_weight, mask):
                y_true = replace_unweighted(y_true, weights, self._placeholder_label)
        values = self.call(y_true, y_pred)
        if values is None:
            raise ValueError(returns_nothing(getattr(self, "fn", self.call)))
        mask = combined_mask(mask, mask_of(values))
        return reduce_weighted(values, sample_weight, mask, self.reduction, self.dtype)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """The loss per sample; defined by subclasses."""
        raise NotImplementedError(
            explain(
                f"{type(self).__name__} must define call(self, y_true, y_pred).",
                fix="def call(self, y_true, y_pred): return ...  # one value per sample",
            )
        )

    def _converted(self, x: Tensor) -> Tensor:
        if x is None:
            return None
        converted = ops.cast(x, self.dtype) if is_symbolic(x) else as_dtype(x, self.dtype)
        same_logits(x, converted)
        return converted

    def get_config(self) -> Config:
        """`name` and `reduction`; for a class without a `get_config`, all constructor arguments."""
        config = {"name": self.name, "reduction": self.reduction}
        if not is_builtin(type(self)) and is_builtin(type(self).get_config):
            config = super().get_config()
            config.pop("dtype", None)
        if self._given_dtype is not None:
            config["dtype"] = plain(self._given_dtype)
        return config


def as_dtype(x: Tensor, dtype: str) -> Tensor:
    """A tensor in a dtype; the same object if it already has that dtype."""
    x = ops.convert_to_tensor(x)
    if x.dtype == dtype:
        return x
    if "complex" in str(x.dtype) and "complex" not in dtype:
        raise value_error(
            f"Losses and metrics need real numbers, got {x.dtype}.",
            shape=tuple(x.shape),
            fix="y = numpy.abs(y)\n"
            "or two outputs, for both parts: y = numpy.stack([y.real, y.imag], -1)",
        )
    return ops.cast(x, dtype)


class FunctionLoss(Loss):
    """Base of the built-in losses: a class for a function `(y_true, y_pred, **settings)`.

    The settings are those attributes of the loss that have the names of further parameters of the
    function. They are passed to it and are part of the config.
    """

    _function: Callable[..., Any]

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: DTypeLike | None = None,
    ):
        super().__init__(name or self._function.__name__, reduction, dtype)
        self.fn = self._function

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        if hasattr(y_true, "shape") and hasattr(y_pred, "shape"):
            y_true, y_pred = same_rank(y_true, y_pred)
        return self._function(y_true, y_pred, **self._settings())

    def _settings(self) -> dict[str, Any]:
        return {n: getattr(self, n) for n in _setting_names(self._function) if hasattr(self, n)}

    def get_config(self) -> Config:
        return {**super().get_config(), **{k: plain(v) for k, v in self._settings().items()}}


@functools.cache
def _setting_names(function: Callable[..., Any]) -> tuple[str, ...]:
    return tuple(inspect.signature(function).parameters)[2:]


class LossFunctionWrapper(Loss):
    """A loss made from any function `fn(y_true, y_pred, **kwargs)`.

    Args:
        fn: function that returns one value per sample.
        reduction: see `Loss`.
        name: name of the loss; the name of the function if None.
        dtype: see `Loss`.
        **kwargs: keyword arguments of `fn`.

    Example:

        >>> def worst(y_true, y_pred):
        ...     return ops.max(ops.abs(y_true - y_pred), axis=-1)
        >>> float(LossFunctionWrapper(worst)(ops.array([[0.0, 1.0]]), ops.array([[3.0, 1.0]])))
        3.0
    """

    def __init__(
        self,
        fn: Callable[..., Any],
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: DTypeLike | None = None,
        **kwargs: Any,
    ):
        super().__init__(name or getattr(fn, "__name__", None), reduction, dtype)
        self.fn = fn
        self._placeholder_label = getattr(fn, "_placeholder_label", None)
        self._fn_kwargs = kwargs

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        if hasattr(y_true, "shape") and hasattr(y_pred, "shape"):
            y_true, y_pred = same_rank(y_true, y_pred)
        return self.fn(y_true, y_pred, **self._fn_kwargs)

    def get_config(self) -> Config:
        settings_ = {key: plain(value) for key, value in self._fn_kwargs.items()}
        return {**super().get_config(), "fn": plain(self.fn), **settings_}

    @classmethod
    def from_config(cls, config: Config) -> "LossFunctionWrapper":
        config = dict(config)
        fn = config.pop("fn")
        if isinstance(fn, str):
            fn = {"class_name": "function", "config": fn}
        return cls(deserialize_keras_object(fn), **deserialize_keras_object(config))


# ---- dtypes and shapes ------------------------------------------------------------------------

_HALF = {"float16": "float32", "bfloat16": "float32"}
Function = TypeVar("Function", bound=Callable[..., Any])


def in_full_precision(function: Function) -> Function:
    """Decorate a loss function: half-precision predictions are cast to float32 for it.

    In float16, squares overflow from 256 on, and `1 - epsilon` is 1, so that logarithms become
    infinite. The result is cast back to the dtype of the predictions.

    Example:

        >>> @in_full_precision
        ... def mean_square(y_true, y_pred):
        ...     return ops.mean(ops.square(y_pred))
        >>> float(mean_square(None, ops.array([0.0, 256.0], "float16")))
        32768.0
    """

    @functools.wraps(function)
    def computed(y_true: Tensor, y_pred: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        dtype = str(getattr(y_pred, "dtype", None))
        if dtype not in _HALF:
            return function(y_true, y_pred, *args, **kwargs)
        wide = ops.cast(y_pred, _HALF[dtype])
        same_logits(y_pred, wide)
        values = function(y_true, wide, *args, **kwargs)
        result = ops.cast(values, dtype)
        if (mask := mask_of(values)) is not None:
            set_mask(result, mask)
        return result

    computed.direction = "down"  # type: ignore[attr-defined]  # as metrics say it
    return cast(Function, computed)


def same_rank(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Two tensors with the same rank, if they differ by a last axis of size one.

    `(n,)` and `(n, 1)` both become `(n, 1)`; with more axes the extra axis is squeezed.

    Example:

        >>> [x.shape for x in same_rank(ops.ones((4,)), ops.ones((4, 1)))]
        [(4, 1), (4, 1)]
        >>> [x.shape for x in same_rank(ops.ones((4, 3, 1)), ops.ones((4, 3)))]
        [(4, 3), (4, 3)]
    """
    if len(a.shape) == len(b.shape) + 1 and a.shape[-1] == 1:
        return (a, ops.expand_dims(b, -1)) if len(b.shape) == 1 else (ops.squeeze(a, -1), b)
    if len(b.shape) == len(a.shape) + 1 and b.shape[-1] == 1:
        return (ops.expand_dims(a, -1), b) if len(a.shape) == 1 else (a, ops.squeeze(b, -1))
    return a, b


def tensor(x: Tensor) -> Tensor:
    """The argument as a tensor; a symbolic tensor is returned as it is."""
    return x if is_symbolic(x) else ops.convert_to_tensor(x)


def paired(y_true: Tensor, y_pred: Tensor) -> tuple[Tensor, Tensor]:
    """Both as tensors in the dtype of `y_pred`, with the ranks matched by `same_rank`."""
    y_pred = tensor(y_pred)
    y_true = tensor(y_true)
    if str(y_true.dtype) != str(y_pred.dtype):
        y_true = ops.cast(y_true, y_pred.dtype)
    return same_rank(y_true, y_pred)


def comparable(y_true: Tensor, y_pred: Tensor) -> tuple[Tensor, Tensor]:
    """`paired`, for elementwise functions.

    Raises:
        ValueError: the shapes do not broadcast.

    Example:

        >>> [x.shape for x in comparable(ops.ones((4,)), ops.ones((4, 1)))]
        [(4, 1), (4, 1)]
    """
    y_true, y_pred = paired(y_true, y_pred)
    sizes = zip(reversed(y_true.shape), reversed(y_pred.shape), strict=False)
    if not all(m == n or m == 1 or n == 1 or None in (m, n) for m, n in sizes):
        raise value_error(
            "Targets and predictions have shapes that do not broadcast.",
            y_true=tuple(y_true.shape),
            y_pred=tuple(y_pred.shape),
            fix="targets with the shape of the predictions: as many units in the last layer as\n"
            "values per target, after Flatten or pooling if the predictions have more axes.",
        )
    return y_true, y_pred


def aligned(values: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Values and weights with the axes of the weights aligned to the leading axes of the values.

    Weights of shape `(batch,)` for values of shape `(batch, time)` are one weight per sample, also
    where both sizes are equal.
    """
    values, weights = same_rank(values, weights)
    rank, full = len(weights.shape), len(values.shape)
    leading = zip(weights.shape, values.shape, strict=False)
    if 0 < rank < full and weights.shape[0] != 1 and all(m in (1, n) for m, n in leading):
        weights = ops.reshape(weights, (*weights.shape, *[1] * (full - rank)))
    return values, weights


def replace_unweighted(labels: Tensor, weights: Tensor, other: int) -> Tensor:
    """The labels, with those of weight zero replaced.

    Args:
        labels: integer labels, `(batch, ...)`.
        weights: weights of the leading axes of `labels`; None, or weights that do not broadcast,
            change nothing.
        other: label to put in their place.

    Example:

        >>> replace_unweighted([5, -1, 2], [1.0, 0.0, 1.0], 0).tolist()
        [5, 0, 2]
    """
    if weights is None or is_symbolic(labels) or is_symbolic(weights):
        return labels
    labels = tensor(labels)
    values, beside = aligned(labels, tensor(weights))
    sizes = zip(reversed(beside.shape), reversed(values.shape), strict=False)
    if len(beside.shape) > len(values.shape) or any(n not in (1, m) for n, m in sizes):
        return labels
    return ops.reshape(ops.where(ops.equal(beside, 0), other, values), labels.shape)


# ---- weights, masks, reductions ---------------------------------------------------------------


def combined_mask(*masks: Tensor | None) -> Tensor:
    """The logical and of all masks that are not None; None if there is none."""
    given = [mask for mask in masks if mask is not None]
    return functools.reduce(ops.logical_and, given) if given else None


def weights_and_mask(
    sample_weight: Tensor | None, mask: Tensor | None, dtype: str, reduction: str | None
) -> Tensor:
    """Weights that are zero where the mask is False; None if all weights are one.

    For a mean over all values the other weights are scaled up by `size / sum(mask)`.
    """
    if mask is None:
        return None if sample_weight is None else as_dtype(sample_weight, dtype)
    mask = as_dtype(mask, dtype)
    if reduction in ("mean", "sum_over_batch_size"):
        size = ops.cast(ops.size(mask), dtype)
        mask = mask * (size / (ops.sum(mask) + settings.current.epsilon))
    if sample_weight is None:
        return mask
    mask, weights = aligned(mask, as_dtype(sample_weight, dtype))
    return weights * mask


def broadcast_weights(
    values: Tensor, weights: Tensor, *, trailing: bool = True
) -> tuple[Tensor, Tensor]:
    """`aligned`, with a check that the weights broadcast to the values.

    Args:
        values: values, `(batch, ...)`.
        weights: weights of the leading axes of `values`, or of all.
        trailing: whether weights with fewer axes may also match the trailing axes.

    Raises:
        ValueError: the weights do not broadcast to the values.
    """
    values, weights = aligned(values, weights)
    if len(weights.shape) > len(values.shape) and weights.size == 1:
        weights = ops.reshape(weights, ())
    shape, full = tuple(weights.shape), tuple(values.shape)
    fits = len(shape) <= len(full) if trailing else len(shape) in (0, len(full)) or shape == (1,)
    sizes = zip(reversed(shape), reversed(full), strict=False)
    if not fits or any(n not in (1, m) and None not in (n, m) for n, m in sizes):
        raise value_error(
            "sample_weight does not broadcast to the values.",
            values=full,
            sample_weight=shape,
            fix="one weight per sample, (batch,), or per time step, (batch, time).",
        )
    return values, weights


def reduce_weighted(
    values: Tensor,
    sample_weight: Tensor | None,
    mask: Tensor | None,
    reduction: str | None,
    dtype: str,
) -> Tensor:
    """The loss from values per sample or time step.

    Args:
        values: values, `(batch, ...)`.
        sample_weight: weights that broadcast to the leading axes of `values`; None for ones.
        mask: mask, True where a value counts; None if all count.
        reduction: name of the reduction; see the table in the module.
        dtype: dtype of the result; sums are computed in float32 at least.
    """
    result = dtype
    dtype = _HALF.get(dtype, dtype)
    values = as_dtype(values, dtype)
    weights = weights_and_mask(sample_weight, mask, dtype, reduction)
    if weights is not None:
        if values.shape:  # a scalar loss of the batch is weighted by all weights
            values, weights = broadcast_weights(values, weights)
        values = values * weights
    return as_dtype(_reduced(values, weights, reduction, dtype), result)


def _reduced(values: Tensor, weights: Tensor, reduction: str | None, dtype: str) -> Tensor:
    if reduction in ("none", None) or not values.shape:
        return values
    total = ops.sum(values)
    if reduction == "sum":
        return total
    if reduction == "mean_with_sample_weight" and weights is not None:
        return ops.divide_no_nan(total, ops.sum(weights))
    return ops.divide_no_nan(total, ops.cast(ops.size(values), dtype))
