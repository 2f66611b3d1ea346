"""`Loss`: from targets and predictions to the number that training makes small.

    y_true, y_pred --call--> values, one a sample (or a step)  --weights, mask--> reduction --> loss

The shape of `values` is that of `y_pred` without its last axis, as a rule. Weights and masks belong
to its leading axes: `(batch,)` or `(batch, 1)` weighs samples, `(batch, time)` steps.

    reduction                  result
    "sum_over_batch_size"      sum(weights * values) / number of values; also under the name "mean"
    "mean_with_sample_weight"  sum(weights * values) / sum(weights)
    "sum"                      sum(weights * values)
    "none", None               weights * values
"""

import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeVar, cast

from cornu import dtype_policies, names, ops, settings, tree
from cornu.core.logits import same_logits
from cornu.core.masks import mask_of, set_mask
from cornu.core.objects.configurable import Configurable, plain
from cornu.core.objects.registry import is_builtin
from cornu.core.objects.serialize import deserialize_keras_object
from cornu.core.symbolic import is_symbolic
from cornu.errors import did_you_mean, explain, returns_nothing, value_error, without_super
from cornu.types import DTypeLike, Tensor

REDUCTIONS = ("sum_over_batch_size", "mean", "mean_with_sample_weight", "sum", "none", None)


class Loss(Configurable):
    """Base of all losses. Subclasses write `call(y_true, y_pred)`.

    Args:
        name: of the loss; from the class if None.
        reduction: how values become one number; see the table in the module.
        dtype: in which to compute; `floatx` if None.

    Example:

        >>> class Worst(Loss):
        ...     def call(self, y_true, y_pred):
        ...         return ops.max(ops.abs(y_true - y_pred), axis=-1)
        >>> float(Worst()(ops.array([[0.0, 1.0]]), ops.array([[3.0, 1.0]])))
        3.0
    """

    # A label that stands for those of weight zero, where the loss of some labels is NaN.
    _label_left_out: int | None = None
    _labels_are_classes = False  # whether integer targets name classes, and so must stay exact

    def __init__(
        self,
        name: str | None = None,
        reduction: str | None = "sum_over_batch_size",
        dtype: DTypeLike | None = None,
    ):
        if reduction not in REDUCTIONS:
            raise value_error(
                f"There is no reduction {reduction!r}.",
                fix=did_you_mean(reduction, map(str, REDUCTIONS)),
            )
        self.name = name or names.auto_name(self)
        self.reduction = reduction
        self._given_dtype = dtype
        self._dtype_policy = dtype_policies.get(dtype or settings.current.floatx)

    @property
    def dtype(self) -> str:
        """The dtype in which the loss is computed."""
        return self._dtype_policy.compute_dtype

    def __call__(
        self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None
    ) -> Tensor:
        """The loss of a batch.

        Args:
            y_true: targets, `(batch, ...)`.
            y_pred: predictions, `(batch, ...)`.
            sample_weight: weights of samples `(batch,)`, or of steps `(batch, time)`.

        Returns:
            A scalar, or with reduction "none" the weighted values.
        """
        if "_dtype_policy" not in vars(self):
            raise RuntimeError(without_super(self))
        mask = both_masks(*[mask_of(x) for x in tree.flatten(y_pred)])
        y_pred = tree.map_structure(self._converted, y_pred)
        if not self._labels_are_classes:
            y_true = tree.map_structure(self._converted, y_true)
        if self._label_left_out is not None:
            for weights in (sample_weight, mask):
                y_true = where_counted(y_true, weights, self._label_left_out)
        values = self.call(y_true, y_pred)
        if values is None:
            raise ValueError(returns_nothing(getattr(self, "fn", self.call)))
        mask = both_masks(mask, mask_of(values))
        return reduce_weighted(values, sample_weight, mask, self.reduction, self.dtype)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """The loss of each sample; written by subclasses."""
        raise NotImplementedError(
            explain(
                f"{type(self).__name__} does not say what the loss of a sample is.",
                fix="def call(self, y_true, y_pred): return ...  # one number a sample",
            )
        )

    def _converted(self, x: Tensor) -> Tensor:
        if x is None:
            return None
        converted = ops.cast(x, self.dtype) if is_symbolic(x) else as_dtype(x, self.dtype)
        same_logits(x, converted)
        return converted

    def get_config(self) -> dict[str, Any]:
        """Name and reduction; of a class that writes no `get_config` all that it was made with."""
        config = {"name": self.name, "reduction": self.reduction}
        if not is_builtin(type(self)) and is_builtin(type(self).get_config):
            config = super().get_config()
            config.pop("dtype", None)
        if self._given_dtype is not None:
            config["dtype"] = plain(self._given_dtype)
        return config


def as_dtype(x: Tensor, dtype: str) -> Tensor:
    """A tensor in a dtype; the same object if it has it already."""
    x = ops.convert_to_tensor(x)
    if x.dtype == dtype:
        return x
    if "complex" in str(x.dtype) and "complex" not in dtype:
        raise value_error(
            f"Losses and metrics compare real numbers, got {x.dtype}, whose imaginary parts "
            "would be lost.",
            shape=x.shape,
            fix="y = numpy.abs(y)\n"
            "or both parts, from two outputs: y = numpy.stack([y.real, y.imag], -1)",
        )
    return ops.cast(x, dtype)


class FunctionLoss(Loss):
    """A loss given by a function `(y_true, y_pred, **settings)` of its class.

    The settings of the function are the attributes of the loss that have the names of the
    function's further parameters, and make up its config together with what every loss has.

    Args:
        reduction: see `Loss`.
        name: of the loss; that of the function if None.
        dtype: see `Loss`.
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

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **{k: plain(v) for k, v in self._settings().items()}}


@functools.cache
def _setting_names(function: Callable[..., Any]) -> tuple[str, ...]:
    return tuple(inspect.signature(function).parameters)[2:]


class LossFunctionWrapper(Loss):
    """A loss made of any function `(y_true, y_pred, **settings)`.

    Args:
        fn: gives one number a sample.
        reduction: see `Loss`.
        name: of the loss; that of the function if None.
        dtype: see `Loss`.
        **kwargs: settings that are passed on to the function.

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
        self._label_left_out = getattr(fn, "_label_left_out", None)
        self._fn_kwargs = kwargs

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        if hasattr(y_true, "shape") and hasattr(y_pred, "shape"):
            y_true, y_pred = same_rank(y_true, y_pred)
        return self.fn(y_true, y_pred, **self._fn_kwargs)

    def get_config(self) -> dict[str, Any]:
        settings_ = {key: plain(value) for key, value in self._fn_kwargs.items()}
        return {**super().get_config(), "fn": plain(self.fn), **settings_}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "LossFunctionWrapper":
        config = dict(config)
        fn = config.pop("fn")
        if isinstance(fn, str):
            fn = {"class_name": "function", "config": fn}
        return cls(deserialize_keras_object(fn), **deserialize_keras_object(config))


# ---- dtypes and shapes ------------------------------------------------------------------------

_HALF = {"float16": "float32", "bfloat16": "float32"}
Function = TypeVar("Function", bound=Callable[..., Any])


def in_full_precision(function: Function) -> Function:
    """The function, computed in float32 where predictions are in half precision.

    In float16, squares overflow from 256 on, and `1 - epsilon` is 1, so that logarithms become
    infinite. The result has the dtype of the predictions again.

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

    return cast(Function, computed)


def same_rank(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Two tensors of which one may have a last axis of size one too many or too few.

    `(n,)` beside `(n, 1)` becomes `(n, 1)`; with more axes the extra one is dropped.

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
    """A tensor from what losses accept; a symbolic one stays as it is."""
    return x if is_symbolic(x) else ops.convert_to_tensor(x)


def paired(y_true: Tensor, y_pred: Tensor) -> tuple[Tensor, Tensor]:
    """Both as tensors of the dtype of `y_pred` and, where a last axis of one differs, one rank."""
    y_pred = tensor(y_pred)
    y_true = tensor(y_true)
    if str(y_true.dtype) != str(y_pred.dtype):
        y_true = ops.cast(y_true, y_pred.dtype)
    return same_rank(y_true, y_pred)


def comparable(y_true: Tensor, y_pred: Tensor) -> tuple[Tensor, Tensor]:
    """`paired`, for functions that compare element with element.

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
            "Targets and predictions do not fit together.",
            y_true=tuple(y_true.shape),
            y_pred=tuple(y_pred.shape),
            fix="targets of the shape of the predictions: as many units in the last layer as\n"
            "numbers in a target, and Flatten or pooling before it if it has more axes.",
        )
    return y_true, y_pred


def aligned(values: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Values and weights whose axes stand under each other, so that they broadcast.

    Weights of fewer axes belong to the leading ones: `(batch,)` beside `(batch, time)` is one
    weight a sample, also where the batch is as long as the time.
    """
    values, weights = same_rank(values, weights)
    few, many = len(weights.shape), len(values.shape)
    leading = zip(weights.shape, values.shape, strict=False)
    if 0 < few < many and weights.shape[0] != 1 and all(m in (1, n) for m, n in leading):
        weights = ops.reshape(weights, (*weights.shape, *[1] * (many - few)))
    return values, weights


def where_counted(labels: Tensor, weights: Tensor, other: int) -> Tensor:
    """Labels, with another one in the place of those whose weight is zero.

    Args:
        labels: `(batch, ...)`.
        weights: weights of the leading axes of `labels`; None, or others, change nothing.
        other: what stands in the place.

    Example:

        >>> where_counted([5, -1, 2], [1.0, 0.0, 1.0], 0).tolist()
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


def both_masks(*masks: Tensor | None) -> Tensor:
    """True where all masks that are there say so; None if there is none."""
    given = [mask for mask in masks if mask is not None]
    return functools.reduce(ops.logical_and, given) if given else None


def weights_and_mask(
    sample_weight: Tensor | None, mask: Tensor | None, dtype: str, reduction: str | None
) -> Tensor:
    """Weights in which steps that the mask leaves out have weight zero; None if all count one.

    With a mean over all values, what is left weighs correspondingly more.
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


def weighed(values: Tensor, weights: Tensor, *, trailing: bool = True) -> tuple[Tensor, Tensor]:
    """`aligned`, with weights that broadcast to the values.

    Args:
        values: `(batch, ...)`.
        weights: for the leading axes of `values`, or for all.
        trailing: whether weights of fewer axes may belong to the last ones.

    Raises:
        ValueError: there are more weights than values, or another number.
    """
    values, weights = aligned(values, weights)
    if len(weights.shape) > len(values.shape) and weights.size == 1:
        weights = ops.reshape(weights, ())
    few, many = tuple(weights.shape), tuple(values.shape)
    fits = len(few) <= len(many) if trailing else len(few) in (0, len(many)) or few == (1,)
    sizes = zip(reversed(few), reversed(many), strict=False)
    if not fits or any(n not in (1, m) and None not in (n, m) for n, m in sizes):
        raise value_error(
            "sample_weight does not fit the values that it weighs.",
            values=many,
            sample_weight=few,
            fix="one weight a sample (batch,), or one a step (batch, time).",
        )
    return values, weights


def reduce_weighted(
    values: Tensor,
    sample_weight: Tensor | None,
    mask: Tensor | None,
    reduction: str | None,
    dtype: str,
) -> Tensor:
    """One number from the losses of samples or steps.

    Args:
        values: `(batch, ...)`.
        sample_weight: broadcasts to the leading axes of `values`; None for all one.
        mask: True where a value counts; None for everywhere.
        reduction: see the table in the module.
        dtype: of the result; sums are taken in float32 at least.
    """
    result = dtype
    dtype = _HALF.get(dtype, dtype)
    values = as_dtype(values, dtype)
    weights = weights_and_mask(sample_weight, mask, dtype, reduction)
    if weights is not None:
        if values.shape:  # one number for the batch counts as often as there are weights
            values, weights = weighed(values, weights)
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
