"""Every operation as rows of data: its name, its inputs and its settings.

A row is run by Keras (on its JAX backend) and by Cornu; `test_ops.py` compares values, dtypes,
symbolic shapes, gradients, what a file says, and the type of the exception.

    Row("concatenate", [A(2, 3), A(2, 1)], axis=-1)
          name          arguments           settings
"""

import zlib
from typing import Any, NamedTuple

import numpy as np


class A(NamedTuple("A", [("shape", tuple), ("kind", str), ("low", float), ("high", float)])):
    """An input: evenly distributed numbers in a shape, the same in every run."""

    def __new__(cls, *shape: int, kind: str = "float32", low: float = -2.0, high: float = 2.0):
        return super().__new__(cls, shape, kind, low, high)

    def value(self) -> np.ndarray:
        rng = np.random.default_rng(zlib.crc32(repr(self).encode()))
        if self.kind == "bool":
            return rng.random(self.shape) < 0.5
        if self.kind.startswith(("int", "uint")):
            low = max(self.low, 0) if self.kind[0] == "u" else self.low
            return rng.integers(int(low), int(self.high) + 1, self.shape).astype(self.kind)
        if self.kind == "complex64":
            parts = rng.uniform(self.low, self.high, (2, *self.shape))
            return (parts[0] + 1j * parts[1]).astype("complex64")
        return rng.uniform(self.low, self.high, self.shape).astype(self.kind)


def ints(*shape: int, low: float = 0, high: float = 4) -> A:
    """Integers."""
    return A(*shape, kind="int32", low=low, high=high)


def bools(*shape: int) -> A:
    """Bools."""
    return A(*shape, kind="bool")


def positive(*shape: int) -> A:
    """Positive numbers."""
    return A(*shape, low=0.1, high=2.0)


def inner(*shape: int) -> A:
    """Numbers inside (-0.9, 0.9)."""
    return A(*shape, low=-0.9, high=0.9)


class Row:
    """One call.

    Args:
        name: of the op, with `image.` in front where Keras has it there.
        *args: inputs and settings as they are passed.
        symbolic: whether it is compared on symbolic tensors with an unknown first axis: not where
            the op takes none, and not where Keras's symbolic result is unlike its own real one.
        grad: whether it is differentiable here.
        file: whether a file says the same.
        traceable: whether Keras can trace it in compiled code.
        tol: largest difference, relative and absolute.
        **kwargs: further settings.
    """

    def __init__(
        self,
        name: str,
        *args: Any,
        symbolic: bool = True,
        grad: bool = True,
        file: bool = True,
        traceable: bool = True,
        tol: float = 2e-5,
        **kwargs: Any,
    ):
        self.name, self.args, self.kwargs = name, args, kwargs
        self.symbolic, self.grad, self.file, self.tol = symbolic, grad, file, tol
        self.traceable = traceable

    def __repr__(self) -> str:
        shown = [_brief(a) for a in self.args] + [f"{k}={v}" for k, v in self.kwargs.items()]
        return f"{self.name}({', '.join(shown)})"


def _brief(arg: Any) -> str:
    if isinstance(arg, A):
        return f"{arg.kind}{list(arg.shape)}"
    return (
        "[...]"
        if isinstance(arg, (list, tuple)) and any(isinstance(a, A) for a in arg)
        else str(arg)
    )


UNARY_ANY = [
    "absolute",
    "abs",
    "angle",
    "arcsinh",
    "arctan",
    "cbrt",
    "ceil",
    "conj",
    "conjugate",
    "copy",
    "cos",
    "cosh",
    "deg2rad",
    "exp",
    "exp2",
    "expm1",
    "fabs",
    "floor",
    "imag",
    "isfinite",
    "isinf",
    "isnan",
    "isneginf",
    "isposinf",
    "isreal",
    "negative",
    "rad2deg",
    "real",
    "sign",
    "signbit",
    "sin",
    "sinc",
    "sinh",
    "square",
    "tan",
    "tanh",
    "trunc",
    "ravel",
    "fliplr",
    "flipud",
    "i0",
    "round",
    "nan_to_num",
    "logical_not",
    "relu",
    "relu6",
    "sigmoid",
    "silu",
    "swish",
    "softsign",
    "log_sigmoid",
    "hard_sigmoid",
    "hard_silu",
    "hard_swish",
    "hard_tanh",
    "selu",
    "tanh_shrink",
    "sparse_plus",
    "sparse_sigmoid",
    "softplus",
    "leaky_relu",
    "elu",
    "celu",
    "gelu",
    "hard_shrink",
    "soft_shrink",
    "squareplus",
    "softmax",
    "log_softmax",
    "erf",
    "erfc",
    "glu",
]
UNARY_POSITIVE = ["log", "log10", "log1p", "log2", "sqrt", "rsqrt", "reciprocal", "arccosh"]
UNARY_INSIDE = ["arccos", "arcsin", "arctanh", "erfinv"]
BINARY = [
    "add",
    "arctan2",
    "divide",
    "equal",
    "fmax",
    "fmin",
    "greater",
    "greater_equal",
    "hypot",
    "less",
    "less_equal",
    "logaddexp",
    "logaddexp2",
    "logical_and",
    "logical_or",
    "logical_xor",
    "maximum",
    "minimum",
    "multiply",
    "nextafter",
    "not_equal",
    "subtract",
    "true_divide",
    "divide_no_nan",
    "floor_divide",
    "mod",
    "fmod",
    "heaviside",
    "isclose",
]
BITS = [
    "bitwise_and",
    "bitwise_or",
    "bitwise_xor",
    "bitwise_left_shift",
    "bitwise_right_shift",
    "left_shift",
    "right_shift",
    "gcd",
    "lcm",
]
REDUCTIONS = [
    "all",
    "any",
    "amax",
    "amin",
    "max",
    "min",
    "mean",
    "median",
    "sum",
    "prod",
    "std",
    "var",
    "ptp",
    "nanmax",
    "nanmin",
    "nanmean",
    "nansum",
    "nanprod",
    "nanstd",
    "nanvar",
    "nanmedian",
    "count_nonzero",
    "logsumexp",
]
RUNNING = ["cumsum", "cumprod", "nancumsum", "nancumprod"]
INDICES = ["argmax", "argmin", "nanargmax", "nanargmin", "argsort", "sort"]

NO_KEEPDIMS = {"count_nonzero"}

TURNED = np.array(
    [[0.93, 0.21, 0.7, -0.31, 1.13, -0.8, 0, 0], [1.0, 0, 2.3, 0, 1, -1.7, 0, 0]], "float32"
)

ROWS = [
    *[Row(name, A(2, 4)) for name in UNARY_ANY],
    *[Row(name, positive(2, 4)) for name in UNARY_POSITIVE],
    *[Row(name, inner(2, 4)) for name in UNARY_INSIDE],
    # the gradients of the next rows are those of these, and of the broadcasting besides
    *[Row(name, A(2, 4), positive(2, 4), grad=False) for name in BINARY],
    *[Row(name, A(3, 2, 4), positive(4), grad=name != "nextafter") for name in BINARY],
    *[Row(name, ints(2, 4), ints(4)) for name in BITS],
    *[Row(name, ints(2, 4)) for name in ("bitwise_invert", "bitwise_not")],
    *[Row(name, A(2, 3, 4)) for name in REDUCTIONS],
    *[Row(name, A(2, 3, 4), axis=1) for name in REDUCTIONS],
    *[
        Row(name, A(2, 3, 4), axis=(0, -1), grad=False)
        for name in REDUCTIONS
        if "median" not in name
    ],
    *[
        Row(name, A(2, 3, 4), axis=-1, keepdims=True, grad=False)
        for name in REDUCTIONS
        if name not in NO_KEEPDIMS
    ],
    *[Row(name, A(2, 3)) for name in RUNNING],
    *[Row(name, A(2, 3), axis=1) for name in RUNNING],
    *[Row(name, A(2, 3), axis=1) for name in INDICES],
    *[
        Row(name, A(2, 3), axis=-1, keepdims=True)
        for name in INDICES
        if name.startswith("arg") and "sort" not in name
    ],
    # ---- arithmetic
    Row("power", positive(2, 3), A(3)),
    Row("power", A(2, 3), 2),
    Row("power", ints(2, 3), 2),
    Row("power", 2.0, A(2, 3)),
    Row("ldexp", A(2, 3), ints(3)),
    Row("clip", A(2, 3), -1, 1),
    Row("clip", A(2, 3), 0.0, 0.5),
    Row("round", A(2, 3), 1, grad=False),
    Row("max", A(2, 3), initial=1.0),
    Row("min", A(2, 3), axis=1, initial=-1.0),
    Row("prod", A(2, 3), dtype="float16", tol=1e-2),
    Row("average", A(2, 3), axis=1),
    Row("average", A(2, 3), axis=1, weights=positive(2, 3)),
    Row("average", A(2, 3), axis=1, weights=positive(3)),
    Row("quantile", A(2, 5), 0.3, axis=1),
    Row("quantile", A(2, 5), [0.3, 0.5], axis=1, keepdims=True),
    Row("quantile", A(2, 5), 0.3, axis=1, method="nearest"),
    Row("percentile", A(2, 5), 30, axis=1),
    Row("nanquantile", A(2, 5), 0.3, axis=1),
    Row("nanpercentile", A(2, 5), 30, axis=1),
    Row("allclose", A(2, 3), A(2, 3)),
    Row("isclose", A(2, 3), A(2, 3), equal_nan=True),
    Row("diff", A(2, 5), axis=1),
    Row("diff", A(2, 5), n=2, axis=1),
    Row("trapezoid", A(2, 5)),
    Row("trapezoid", A(2, 5), dx=0.5),
    Row("trapezoid", A(2, 5), A(2, 5), symbolic=False),
    Row("argpartition", A(2, 5), 2, axis=1, file=False),
    # ---- products
    Row("matmul", A(2, 3), A(3, 4)),
    Row("matmul", A(5, 2, 3), A(5, 3, 4)),
    Row("matmul", A(2, 3), A(3)),
    Row("dot", A(2, 3), A(3, 4)),
    Row("dot", A(2, 3), 2.0),
    Row("einsum", "ij,jk->ik", A(2, 3), A(3, 4)),
    Row("einsum", "bij,bjk->bik", A(2, 3, 4), A(2, 4, 5)),
    Row("tensordot", A(2, 3, 4), A(3, 4, 5)),
    Row("tensordot", A(2, 3), A(4, 3), axes=[[1], [1]]),
    Row("inner", A(2, 3), A(4, 3)),
    Row("outer", A(3), A(4)),
    Row("vdot", A(3), A(3), symbolic=False),
    Row("kron", A(2, 3), A(2, 2)),
    Row("cross", A(2, 3), A(2, 3)),
    Row("correlate", A(5), A(3), mode="valid", symbolic=False),
    Row("correlate", A(5), A(3), mode="same", symbolic=False),
    Row("correlate", A(5), A(3), mode="full", symbolic=False),
    Row("corrcoef", A(3, 5), symbolic=False),
    Row("vander", A(4), 3),
    Row("slogdet", A(3, 3), symbolic=False),
    # ---- shape
    Row("reshape", A(2, 6), (-1, 3, 2)),
    Row("reshape", A(2, 6), (12,), symbolic=False),
    Row("transpose", A(2, 3, 4)),
    Row("transpose", A(2, 3, 4), (0, 2, 1)),
    Row("expand_dims", A(2, 3), -1),
    Row("expand_dims", A(2, 3), (0, 2)),
    Row("squeeze", A(2, 1, 3), axis=1),
    Row("squeeze", A(2, 1, 3, 1), axis=(1, 3)),
    Row("moveaxis", A(2, 3, 4), 0, -1),
    Row("swapaxes", A(2, 3, 4), 1, 2),
    Row("broadcast_to", A(1, 3), (4, 3), symbolic=False),
    Row("tile", A(2, 3), (1, 2)),
    Row("repeat", A(2, 3), 2, axis=1),
    Row("repeat", A(2, 3), 2, symbolic=False),
    Row("rot90", A(2, 3), 1),
    Row("rot90", A(2, 3, 4), k=2, axes=(1, 2), symbolic=False),
    Row("flip", A(2, 3)),
    Row("flip", A(2, 3), axis=1),
    Row("roll", A(2, 3), 1),
    Row("roll", A(2, 3), 2, axis=1),
    Row("pad", A(2, 3), ((0, 0), (1, 2))),
    Row("pad", A(2, 3), 1),
    Row("pad", A(2, 3), ((0, 0), (1, 2)), constant_values=5.0),
    Row("pad", A(2, 3), ((0, 0), (1, 2)), mode="reflect"),
    Row("pad", A(2, 3), ((0, 0), (1, 2)), mode="symmetric"),
    Row("view", A(2, 3), "int32", grad=False),
    # ---- joining and cutting
    Row("concatenate", [A(2, 3), A(2, 1)], axis=-1),
    Row("concatenate", [A(2, 3), ints(2, 3)]),
    Row("stack", [A(2, 3), A(2, 3)], axis=1),
    Row("vstack", [A(2, 3), A(2, 3)]),
    Row("hstack", [A(2, 3), A(2, 3)]),
    Row("dstack", [A(2, 3), A(2, 3)]),
    Row("append", A(2, 3), A(2, 3), axis=1),
    Row("append", A(2, 3), A(2, 3), symbolic=False),
    Row("split", A(2, 6), 3, axis=1),
    Row("split", A(2, 6), [1, 4], axis=1),
    Row("split", A(4, 6), 2, symbolic=False),
    Row("array_split", A(2, 5), 2, axis=1),
    Row("hsplit", A(2, 6), 2),
    Row("vsplit", A(4, 6), 2, symbolic=False),
    Row("dsplit", A(2, 3, 6), 2),
    Row("meshgrid", A(3), A(4)),
    Row("meshgrid", A(3), A(4), indexing="ij"),
    # ---- choosing
    Row("take", A(2, 3), [0, -1], axis=1),
    Row("take", A(2, 3), ints(2, 2, high=2), axis=1),
    Row("take", A(2, 3), [0, 5], symbolic=False),
    Row("take_along_axis", A(2, 3), ints(2, 2, high=2), axis=1),
    Row("where", bools(2, 3), A(2, 3), A(3)),
    Row("where", bools(2, 3), A(2, 3), 0.0),
    Row("where", bools(2, 3), symbolic=False, traceable=False),
    Row("nonzero", bools(2, 3), symbolic=False, traceable=False),
    Row("select", [bools(2, 3), bools(2, 3)], [A(2, 3), positive(2, 3)], 1.0),
    Row("get_item", A(2, 3, 4), (slice(None), 0)),
    Row("get_item", A(2, 3, 4), (Ellipsis, None, slice(1, 3)), symbolic=False),
    Row("diag", A(3)),
    Row("diag", A(3, 3), k=1, symbolic=False),
    Row("diagflat", A(2, 2)),
    Row("diagonal", A(2, 3, 4), axis1=1, axis2=2),
    Row("trace", A(2, 3, 4), axis1=1, axis2=2),
    Row("tril", A(2, 3, 4)),
    Row("triu", A(2, 3, 4), k=1),
    Row("unique", ints(7), symbolic=False, traceable=False),
    Row(
        "unique", ints(7), return_counts=True, return_inverse=True, symbolic=False, traceable=False
    ),
    Row("unique", ints(7), size=6, fill_value=9, symbolic=False),
    Row("isin", ints(2, 3), ints(2)),
    Row("searchsorted", np.array([0.0, 0.5, 1.0], "float32"), A(2, 3)),
    Row("searchsorted", np.array([0, 1, 2], "int32"), ints(4), side="right"),
    Row("digitize", A(2, 3), np.array([0.0, 0.5], "float32")),
    Row("unravel_index", ints(4), (3, 4)),
    Row("bincount", ints(6), symbolic=False, traceable=False),
    Row(
        "bincount", ints(6), weights=A(6), minlength=7, symbolic=False, grad=False, traceable=False
    ),
    Row("bincount", ints(2, 6), minlength=7, traceable=False),
    Row("histogram", A(9), bins=3, symbolic=False, grad=False),
    Row("histogram", A(9), bins=4, range=(-1.0, 1.0), symbolic=False, grad=False),
    # ---- new arrays
    *[Row(name, (2, 3), symbolic=False) for name in ("zeros", "ones", "empty")],
    *[Row(name, (2, 3), dtype="int8", symbolic=False) for name in ("zeros", "ones")],
    *[Row(name, A(2, 3)) for name in ("zeros_like", "ones_like", "empty_like")],
    *[Row(name, A(2, 3), dtype="int32") for name in ("zeros_like", "ones_like")],
    Row("full", (2, 3), 7, symbolic=False),
    Row("full", (2,), 7, dtype="int32", symbolic=False),
    Row("full_like", A(2, 3), 7),
    Row("full_like", ints(2, 3), 2.5),
    Row("eye", 3, symbolic=False),
    Row("eye", 3, 4, k=1, dtype="int32", symbolic=False),
    Row("identity", 3, symbolic=False),
    Row("tri", 3, 4, k=1, symbolic=False),
    Row("arange", 5, symbolic=False),
    Row("arange", 1, 5, 2, symbolic=False),
    Row("arange", 0, 1, 0.25, symbolic=False),
    Row("arange", 5, dtype="float16", symbolic=False),
    Row("linspace", 0, 1, 5, symbolic=False),
    Row("linspace", A(2), positive(2), 4, axis=-1, symbolic=False),
    Row("linspace", 0, 1, 5, endpoint=False, symbolic=False),
    Row("linspace", 0, 4, 5, dtype="int32", symbolic=False),
    Row("linspace", 0, 1, 5, retstep=True, symbolic=False),
    Row("logspace", 0, 2, 5, symbolic=False),
    Row("geomspace", 1, 8, 4, symbolic=False),
    Row("array", A(2, 3), dtype="int32", grad=False),
    *[
        Row(name, 6, symbolic=False, traceable=False)
        for name in ("bartlett", "blackman", "hamming", "hanning")
    ],
    Row("kaiser", 6, 8.0, symbolic=False, traceable=False),
    Row("size", A(2, 3), symbolic=False),
    Row("ndim", A(2, 3), symbolic=False),
    Row("shape", A(2, 3), symbolic=False),
    # ---- core
    Row("cast", A(2, 3), "int32"),
    Row("cast", ints(2, 3), "float16"),
    Row("saturate_cast", A(2, 3, low=-500, high=500), "uint8"),
    Row("saturate_cast", A(2, 3, low=-1e12, high=1e12), "int32", grad=False),
    Row("saturate_cast", ints(2, 3, low=-900, high=900), "int8"),
    Row("saturate_cast", A(2, 3, low=-1e6, high=1e6), "float16"),
    Row("convert_to_tensor", A(2, 3)),
    Row("convert_to_tensor", A(2, 3), "int32", grad=False),
    Row("convert_to_tensor", 2.5, symbolic=False),
    Row("convert_to_tensor", [1, 2.5], symbolic=False),
    Row("stop_gradient", A(2, 3)),
    Row("unstack", A(2, 3), axis=1),
    Row("unstack", A(4, 3), num=4, axis=0, symbolic=False),
    Row("slice", A(3, 4), (1, 2), (2, 2), symbolic=False),
    Row("slice", A(3, 4), np.array([1, 2]), (2, 2), symbolic=False),
    Row("slice_update", A(3, 4), (1, 2), A(2, 2), symbolic=False),
    Row("scatter", ints(4, 1, high=2), A(4, 3), (5, 3)),
    Row("scatter", ints(4, 2, high=2), A(4), (5, 3), symbolic=False),
    Row("scatter_update", A(5, 3), ints(4, 1, high=2), A(4, 3), reduction="add"),
    Row("scatter_update", A(5, 3), np.array([[0], [2]]), A(2, 3)),
    Row("scatter_update", A(5), np.array([[0], [2]]), A(2), reduction="mul", grad=False),
    Row("scatter_update", A(5), np.array([[0], [2]]), A(2), reduction="max"),
    # ---- math
    Row("segment_sum", A(6, 2), np.array([0, 0, 1, 2, 2, 1]), num_segments=4),
    Row("segment_max", A(6, 2), np.array([0, 0, 1, 2, 2, 1]), num_segments=3),
    Row("segment_min", A(6, 2), np.array([0, 0, 1, 2, 2, 1]), num_segments=3),
    Row("segment_prod", A(6, 2), np.array([0, 0, 1, 2, 2, 1]), num_segments=4, grad=False),
    Row("top_k", A(2, 5), 2),
    Row("in_top_k", ints(2, high=4), A(2, 5), 2),
    Row("fft", (A(2, 8), A(2, 8))),
    Row("fft2", (A(2, 4, 8), A(2, 4, 8))),
    Row("ifft2", (A(2, 4, 8), A(2, 4, 8))),
    Row("rfft", A(2, 8)),
    Row("rfft", A(2, 8), fft_length=6),
    Row("irfft", (A(2, 5), A(2, 5))),
    Row("irfft", (A(2, 5), A(2, 5)), fft_length=7),
    Row("extract_sequences", A(2, 20), 8, 4),
    Row("extract_sequences", A(2, 20), 7, 3),
    Row("stft", A(2, 50), 20, 5, 32, tol=1e-4),
    Row("stft", A(2, 50), 20, 5, 32, window="hamming", center=False, tol=1e-4),
    Row("stft", A(2, 50), 16, 5, 16, window=None, tol=1e-4),
    Row(
        "stft",
        A(2, 50),
        4,
        5,
        16,
        window=np.array([1.0, 2.0, 2.0, 1.0], "float32"),
        tol=1e-4,
        file=False,
    ),
    Row("istft", (A(2, 10, 17), A(2, 10, 17)), 20, 5, 32, tol=1e-3, grad=False),
    Row("istft", (A(2, 10, 17), A(2, 10, 17)), 32, 8, 32, center=False, tol=1e-3, grad=False),
    Row("istft", (A(2, 10, 17), A(2, 10, 17)), 20, 5, 32, length=40, tol=1e-3, grad=False),
    Row("view_as_complex", A(3, 2), grad=False),
    Row("view_as_real", A(3, kind="complex64"), grad=False),
    Row("cdist", A(3, 2), A(4, 2), tol=1e-4),
    Row("logdet", np.array([[2.0, 0.5], [0.5, 1.0]], "float32"), symbolic=False),
    # ---- linalg
    Row("cholesky", np.array([[2.0, 0.5], [0.5, 1.0]], "float32"), symbolic=False),
    Row("cholesky", np.array([[2.0, 0.5], [0.5, 1.0]], "float32"), upper=True, symbolic=False),
    Row("cholesky_inverse", np.array([[2.0, 0.0], [0.5, 1.0]], "float32"), symbolic=False),
    Row(
        "cholesky_inverse",
        np.array([[2.0, 0.5], [0.0, 1.0]], "float32"),
        upper=True,
        symbolic=False,
    ),
    Row("det", A(2, 3, 3), tol=1e-4),
    Row("inv", A(2, 3, 3), tol=1e-2),
    Row("solve", A(2, 3, 3), A(2, 3, 4), tol=1e-2),
    Row("solve", A(3, 3), A(3), tol=1e-2, symbolic=False),
    Row("solve_triangular", positive(3, 3), A(3, 2), lower=True, tol=1e-2, symbolic=False),
    Row("solve_triangular", positive(3, 3), A(3), tol=1e-2, symbolic=False),
    Row("norm", A(2, 3)),
    Row("norm", A(2, 3), axis=1),
    Row("norm", A(2, 3), ord=1, axis=1, keepdims=True),
    Row("norm", A(2, 3), ord=np.inf, axis=1, file=False),
    Row("norm", A(4, 2, 3), ord="fro", axis=(1, 2)),
    Row("norm", A(4, 2, 3), ord=2, axis=(1, 2), tol=1e-4),
    Row("norm", A(4, 2, 3), ord="nuc", axis=(1, 2), tol=1e-4),
    Row("norm", A(2, 3), ord=0, axis=1),
    Row("norm", ints(2, 3), ord=3, axis=1),
    Row("pinv", A(3, 2), tol=1e-4, grad=False),
    Row("qr", A(3, 2), grad=False, symbolic=False, tol=1e-4),
    Row("qr", A(3, 2), mode="complete", grad=False, symbolic=False, tol=1e-4),
    Row("svd", A(3, 2), full_matrices=False, grad=False, tol=1e-4, symbolic=False),
    Row("svd", A(4, 3, 2), compute_uv=False, tol=1e-4),
    Row("eigh", np.array([[2.0, 0.5], [0.5, 1.0]], "float32"), symbolic=False, grad=False),
    Row("eig", np.array([[2.0, 0.5], [0.2, 1.0]], "float32"), symbolic=False, grad=False),
    Row("lu_factor", A(3, 3), symbolic=False, grad=False),
    Row("matrix_rank", np.array([[1.0, 2.0], [2.0, 4.0]], "float32"), symbolic=False),
    Row("lstsq", A(4, 2), A(4), tol=1e-4, symbolic=False, grad=False),
    Row("lstsq", A(4, 2), A(4, 3), tol=1e-4, symbolic=False, grad=False),
    # ---- nn
    Row("leaky_relu", A(2, 3), negative_slope=0.1),
    Row("elu", A(2, 3), alpha=0.5),
    Row("celu", A(2, 3), alpha=0.5),
    Row("gelu", A(2, 3), approximate=False),
    Row("hard_shrink", A(2, 3), 0.8),
    Row("soft_shrink", A(2, 3), 0.8),
    Row("squareplus", A(2, 3), 1),
    Row("threshold", A(2, 3), 0.2, -1.0),
    Row("softmax", A(2, 3, 4), axis=1),
    Row("softmax", A(2, 3, 4), axis=(1, 2)),
    Row("softmax", A(2, 3), axis=None, symbolic=False),
    Row("log_softmax", A(2, 3, 4), axis=1),
    Row("one_hot", ints(2, 3), 4),
    Row("one_hot", ints(2, 3), 4, axis=1),
    Row("one_hot", ints(2, 3, low=-1, high=9), 4, dtype="int32"),
    Row("multi_hot", ints(2, 3), 5, symbolic=False),
    Row("multi_hot", ints(3), 5, symbolic=False),
    Row("binary_crossentropy", A(2, 3, low=0, high=1), A(2, 3, low=0, high=1)),
    Row("binary_crossentropy", A(2, 3, low=0, high=1), A(2, 3), from_logits=True),
    Row("categorical_crossentropy", positive(2, 3), positive(2, 3)),
    Row("categorical_crossentropy", positive(2, 3), A(2, 3), from_logits=True),
    Row("categorical_crossentropy", positive(2, 3, 4), positive(2, 3, 4), axis=1, symbolic=False),
    Row(
        "categorical_crossentropy",
        positive(2, 3, 4),
        A(2, 3, 4),
        from_logits=True,
        axis=1,
        symbolic=False,
    ),
    Row("sparse_categorical_crossentropy", ints(2, high=2), positive(2, 3)),
    Row("sparse_categorical_crossentropy", ints(2, 1, high=2), positive(2, 3)),
    Row("sparse_categorical_crossentropy", ints(2, high=2), A(2, 3), from_logits=True),
    Row(
        "ctc_loss",
        ints(2, 2, low=1, high=3),
        A(2, 5, 4),
        np.array([2, 1]),
        np.array([5, 4]),
        tol=1e-4,
        symbolic=False,
    ),
    Row(
        "ctc_loss",
        np.array([[1, 1, 2]]),
        A(1, 6, 4),
        np.array([3]),
        np.array([6]),
        grad=False,
        tol=1e-4,
        symbolic=False,
    ),
    Row("ctc_decode", A(2, 8, 4), np.array([8, 5]), grad=False, symbolic=False),
    Row(
        "ctc_decode",
        A(2, 8, 4),
        np.array([8, 5]),
        merge_repeated=False,
        mask_index=1,
        grad=False,
        symbolic=False,
    ),
    Row("normalize", A(2, 3)),
    Row("normalize", A(2, 3), axis=0, order=1, symbolic=False),
    Row("normalize", A(2, 3), order=3),
    Row("moments", A(2, 3, 4), axes=[0, 2]),
    Row("moments", A(2, 3, 4), axes=[1], keepdims=True),
    Row("moments", A(2, 3, kind="float16"), axes=[1], tol=1e-2),
    Row("batch_normalization", A(2, 3, 4), A(4), positive(4), -1),
    Row("batch_normalization", A(2, 3, 4), A(3), positive(3), 1, A(3), positive(3), epsilon=1e-5),
    Row("layer_normalization", A(2, 3, 4)),
    Row("layer_normalization", A(2, 3, 4), A(4), positive(4), epsilon=1e-5),
    Row("layer_normalization", A(2, 3, 4), A(3, 4), positive(3, 4), axis=(1, 2)),
    Row("rms_normalization", A(2, 3, 4)),
    Row("rms_normalization", A(2, 3, 4), A(4), epsilon=1e-3),
    Row("conv", A(2, 8, 3), A(3, 3, 4)),
    Row("conv", A(2, 8, 7, 3), A(3, 2, 3, 4), strides=2, padding="same", tol=1e-4),
    Row("conv", A(2, 8, 7, 4), A(3, 2, 2, 6), dilation_rate=2, tol=1e-4, symbolic=False),
    Row("conv", A(2, 3, 8, 7), A(3, 2, 3, 4), data_format="channels_first", tol=1e-4),
    Row("conv", A(1, 5, 5, 5, 2), A(2, 2, 2, 2, 3), tol=1e-4),
    Row("conv_transpose", A(2, 4, 3), A(3, 5, 3), strides=2, tol=1e-4),
    Row("conv_transpose", A(2, 4, 5, 3), A(3, 2, 5, 3), strides=2, padding="same", tol=1e-4),
    Row(
        "conv_transpose",
        A(2, 4, 5, 3),
        A(3, 3, 5, 3),
        strides=2,
        padding="same",
        output_padding=1,
        tol=1e-4,
    ),
    Row(
        "conv_transpose",
        A(2, 3, 4, 5),
        A(3, 2, 5, 3),
        strides=2,
        data_format="channels_first",
        tol=1e-4,
    ),
    Row("depthwise_conv", A(2, 8, 7, 3), A(3, 2, 3, 2), tol=1e-4),
    Row("depthwise_conv", A(2, 8, 3), A(3, 3, 2), strides=2, padding="same", tol=1e-4),
    Row("separable_conv", A(2, 8, 7, 3), A(3, 2, 3, 2), A(1, 1, 6, 4), tol=1e-4),
    Row("max_pool", A(2, 8, 3), 2, strides=2),
    Row("max_pool", A(2, 8, 7, 3), (3, 2), strides=2, padding="same"),
    Row("max_pool", A(2, 3, 8, 7), 2, strides=2, data_format="channels_first"),
    Row("average_pool", A(2, 8, 7, 3), 2, strides=1),
    Row("average_pool", A(2, 8, 7, 3), 3, strides=2, padding="same"),
    Row("adaptive_average_pool", A(2, 8, 6, 3), 2, symbolic=False),
    Row("adaptive_average_pool", A(2, 5, 4, 2), (3, 2), symbolic=False),
    Row("adaptive_max_pool", A(2, 5, 4, 2), (3, 2), symbolic=False),
    Row("adaptive_max_pool", A(2, 7, 3), 3, symbolic=False),
    Row("depth_to_space", A(1, 2, 3, 8), 2),
    Row("space_to_depth", A(1, 4, 6, 2), 2),
    Row("unfold", A(2, 3, 6, 5), 2),
    Row("unfold", A(2, 3, 6, 5), (2, 3), padding=1, stride=2, dilation=1),
    Row("fold", A(2, 12, 20), (6, 5), 2),
    Row("fold", A(2, 12, 12), (6, 4), 2, stride=2, padding=1),
    Row("dot_product_attention", A(2, 5, 2, 4), A(2, 6, 2, 4), A(2, 6, 2, 4), tol=1e-4),
    Row(
        "dot_product_attention",
        A(2, 5, 2, 4),
        A(2, 5, 2, 4),
        A(2, 5, 2, 4),
        is_causal=True,
        tol=1e-4,
    ),
    Row("dot_product_attention", A(2, 5, 4, 4), A(2, 5, 2, 4), A(2, 5, 2, 4), scale=0.5, tol=1e-4),
    Row(
        "dot_product_attention",
        A(2, 5, 2, 4),
        A(2, 5, 2, 4),
        A(2, 5, 2, 4),
        mask=bools(2, 2, 5, 5),
        bias=A(2, 2, 5, 5),
        tol=1e-4,
    ),
    Row("polar", A(2, 3), A(2, 3), grad=False, symbolic=False),
    Row("psnr", A(2, 3), positive(2, 3), 2.0),
    # ---- einops
    Row("rearrange", A(2, 3, 4), "b h w -> b w h", symbolic=False),
    Row("rearrange", A(2, 3, 4), "b h w -> b (h w)", symbolic=False),
    Row("rearrange", A(2, 6, 4), "b (h p) w -> b h (p w)", p=2, symbolic=False, traceable=False),
    # ---- images
    Row("image.rgb_to_grayscale", A(2, 4, 5, 3)),
    Row("image.rgb_to_grayscale", A(2, 4, 5, 3, kind="uint8", high=255)),
    Row("image.rgb_to_grayscale", A(3, 4, 5), data_format="channels_first", symbolic=False),
    Row("image.rgb_to_hsv", A(2, 4, 5, 3, low=0, high=1), grad=False, tol=1e-4),
    Row("image.hsv_to_rgb", A(2, 4, 5, 3, low=0, high=1), grad=False, tol=1e-4),
    *[
        Row(
            "image.resize",
            A(2, 4, 5, 3),
            size,
            interpolation=how,
            antialias=smooth,
            tol=1e-4,
            grad=size == (7, 3) and not smooth,
        )
        for how in ("bilinear", "nearest", "bicubic", "lanczos3", "lanczos5")
        for size, smooth in (((7, 3), False), ((7, 3), True), ((8, 10), False))
    ],
    Row("image.resize", A(2, 4, 5, 3, kind="uint8", high=255), (8, 10)),
    # Sums that end in .5 but for an error of rounding are rounded up or down.
    Row("image.resize", A(2, 4, 5, 3, kind="uint8", high=255), (7, 3), tol=0.03),
    Row("image.resize", A(2, 4, 5, 3, kind="uint8", high=255), (7, 3), interpolation="bicubic"),
    Row("image.resize", A(2, 8, 5, 3), (4, 4), crop_to_aspect_ratio=True),
    Row("image.resize", A(2, 8, 5, 3), (4, 4), pad_to_aspect_ratio=True, fill_value=1.0),
    Row("image.resize", A(3, 8, 5), (4, 4), data_format="channels_first"),
    Row(
        "image.scale_and_translate",
        A(4, 5, 3),
        (8, 7, 3),
        np.array([2.0, 1.5], "float32"),
        np.array([0.5, 0.0], "float32"),
        (0, 1),
        "linear",
        symbolic=False,
        file=False,
    ),
    Row("image.pad_images", A(2, 4, 5, 3), 1, 2, 3, 4),
    Row("image.pad_images", A(2, 4, 5, 3), 1, 2, target_height=9, target_width=9),
    Row("image.crop_images", A(2, 4, 5, 3), 1, 2, 1, 0),
    Row("image.crop_images", A(2, 4, 5, 3), 1, 2, target_height=2, target_width=2),
    Row("image.extract_patches", A(2, 6, 4, 3), (3, 2)),
    Row("image.extract_patches", A(2, 7, 5, 3), (3, 2)),
    Row("image.extract_patches", A(2, 7, 5, 3), (3, 2), strides=(1, 2), padding="same"),
    Row("image.extract_patches", A(2, 7, 5, 3), (3, 2), strides=1, dilation_rate=2),
    Row("image.extract_patches", A(3, 6, 4), 2, data_format="channels_first", symbolic=False),
    Row("image.extract_patches_3d", A(2, 4, 4, 4, 3), 2, file=False),
    *[
        Row(
            "image.affine_transform",
            A(2, 5, 6, 3),
            TURNED,
            interpolation=how,
            fill_mode=mode,
            fill_value=0.5,
            tol=1e-4,
            symbolic=False,
            grad=how == "bilinear" and mode in ("constant", "reflect"),
        )
        for how in ("bilinear", "nearest")
        for mode in ("constant", "nearest", "wrap", "mirror", "reflect")
    ],
    Row("image.affine_transform", A(5, 6, 3), TURNED[0], symbolic=False, tol=1e-4),
    *[
        Row(
            "image.perspective_transform",
            A(2, 5, 6, 3),
            np.array([[[0, 0], [5, 0], [0, 4], [5, 4]]] * 2, "float32"),
            np.array([[[1, 0], [5, 1], [0, 3], [4, 4]]] * 2, "float32"),
            interpolation=how,
            tol=1e-3,
            grad=False,
            symbolic=False,
        )
        for how in ("bilinear", "nearest")
    ],
    *[
        Row(
            "image.map_coordinates",
            A(5, 6),
            A(2, 9, low=-7, high=12),
            order,
            mode,
            0.5,
            tol=1e-4,
            file=False,
            grad=order == 1 and mode in ("constant", "mirror"),
        )
        for order in (0, 1)
        for mode in ("constant", "nearest", "wrap", "mirror", "reflect")
    ],
    Row("image.sobel_edges", A(2, 5, 6, 3), tol=1e-4),
    Row("image.ssim", A(2, 5, 6, 3, low=0, high=1), positive(2, 5, 6, 3), filter_size=3, tol=1e-4),
]
