"""What an op costs: called on arrays, and on symbolic tensors. Microseconds a call.

    python benchmarks/eager_ops.py [name ...]       names select rows by their beginning

    jax      the function of jax.numpy, jax.nn, jax.lax, ... that the op stands for
    cornu    the op on the same arrays
    more     the difference; up to 20 microseconds are promised
    first    the op on symbolic tensors with an unknown first axis, shapes that it has not met
    again    the same on shapes that it has met; up to 1000 microseconds are promised for both

Arrays are tiny, so that the time is all dispatch. Both sides run in turns, one round after the
other, and the fastest round of each counts: what else the machine does is left out. Ops that have
no counterpart in jax show their own time. Functions of loops and branches are defined once, as a
user would who cares about speed. Pin the process to one core (`taskset -c 1`) on a busy machine.

`scan`, `while_loop`, `fori_loop` and `map` are compiled at each call, about 20 milliseconds, since
what their functions read may have changed; jax keeps the program of a function object that it has
seen, except for `map`. Loops that run often belong in `jax.jit`. `cond` and `switch` run the branch
that they take.
"""

import sys
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from cornu import ops, random
from cornu.core.programs import cache
from cornu.core.symbolic import KerasTensor

PROMISE = 20  # microseconds more than jax
INFERENCE = 1000  # microseconds for the shape of an op
CALLS = 20  # a round
ROUNDS = 8

Call = Callable[..., Any]


def normal(*shape: int) -> jax.Array:
    return jnp.asarray(np.random.default_rng(0).normal(size=shape).astype("float32"))


X, Y, V, CUBE = normal(4, 4), normal(4, 4), normal(4), normal(4, 4, 4)
POSITIVE, INSIDE = jnp.abs(X) + 0.1, jnp.tanh(X)
N, M = jnp.arange(4, dtype="int32"), jnp.arange(16, dtype="int32").reshape(4, 4)
MASK = X > 0
IMAGE, KERNEL, SIGNAL = normal(1, 6, 6, 2), normal(3, 3, 2, 4), normal(2, 50)
RGB = jnp.abs(normal(2, 12, 12, 3))
DEFINITE = X @ X.T + jnp.eye(4)
Q = normal(2, 5, 2, 4)
SPECTRUM = (normal(2, 10, 17), normal(2, 10, 17))
POINTS = jnp.asarray([[0, 0], [11, 0], [0, 11], [11, 11]], "float32")
LABELS, LENGTHS = jnp.asarray([[1, 2], [2, 3]]), jnp.asarray([2, 2])
LOGITS, STEPS = normal(2, 6, 5), jnp.asarray([6, 6])
BATCHED = {id(x) for x in (X, Y, CUBE, POSITIVE, INSIDE, M, MASK, IMAGE, SIGNAL, RGB, Q, *SPECTRUM)}


class Row:
    """One call: an op, its arguments, and the function of jax that takes the same."""

    def __init__(
        self, *args: Any, theirs: Call | None = None, symbolic: bool = True, **kwargs: Any
    ):
        self.args, self.kwargs, self.theirs, self.symbolic = args, kwargs, theirs, symbolic

    def ours(self, function: Call) -> Call:
        args, kwargs = self.args, self.kwargs
        return lambda: function(*args, **kwargs)

    def jax(self, name: str) -> Call | None:
        """The call of jax: the one given, or the one of the same name."""
        if self.theirs is not None:
            return self.theirs
        places = (jnp, jax.nn, jnp.linalg, jax.scipy.special, jax.ops, lax)
        found = next((getattr(p, name) for p in places if hasattr(p, name)), None)
        return None if found is None else self.ours(found)

    def symbols(self, function: Call) -> Call:
        """The op on symbolic tensors with an unknown first axis."""

        def symbol(x: Any) -> Any:
            return KerasTensor((None, *x.shape[1:]), x.dtype) if id(x) in BATCHED else x

        args, kwargs = jax.tree.map(symbol, (self.args, self.kwargs))
        return lambda: function(*args, **kwargs)


def carry_on(carry: Any, x: Any) -> Any:
    return carry + x, carry * x


def going(i: Any, x: Any) -> Any:
    return i < 4


def on(i: Any, x: Any) -> Any:
    return i + 1, x * 2


def going_pair(state: Any) -> Any:
    return going(*state)


def on_pair(state: Any) -> Any:
    return on(*state)


def add_index(i: Any, x: Any) -> Any:
    return x + i


def twice(x: Any) -> Any:
    return x * 2


def once() -> Any:
    return X


FLOATS = [
    "absolute", "abs", "angle", "arcsinh", "arctan", "cbrt", "ceil", "celu", "conj",
    "conjugate", "copy", "cos", "cosh", "deg2rad", "elu", "erf", "erfc", "exp", "exp2", "expm1",
    "fabs", "floor", "gelu", "glu", "hard_sigmoid", "hard_silu", "hard_swish", "hard_tanh",
    "i0", "imag", "isfinite", "isinf", "isnan", "isneginf", "isposinf", "isreal", "leaky_relu",
    "log_sigmoid", "log_softmax", "negative", "rad2deg", "real", "relu", "relu6", "selu",
    "sigmoid", "sign", "signbit", "silu", "sin", "sinc", "sinh", "softmax", "softplus",
    "softsign", "sparse_plus", "sparse_sigmoid", "square", "squareplus", "swish", "tan", "tanh",
    "trunc", "ravel", "fliplr", "flipud", "flip", "round", "nan_to_num", "logical_not", "sum",
    "mean", "var", "std", "max", "min", "amax", "amin", "prod", "any", "all", "ptp", "median",
    "nanmax", "nanmin", "nanmean", "nanmedian", "nanprod", "nanstd", "nansum", "nanvar",
    "count_nonzero", "argmax", "argmin", "nanargmax", "nanargmin", "cumsum", "cumprod",
    "nancumsum", "nancumprod", "sort", "argsort", "diff", "transpose", "tril", "triu", "diag",
    "diagonal", "diagflat", "trace", "zeros_like", "ones_like", "empty_like", "nonzero",
    "corrcoef", "det", "inv", "slogdet", "norm", "pinv", "qr", "svd", "matrix_rank",
    "logsumexp", "trapezoid", "average", "array",
]  # fmt: skip
PAIRS = [
    "add", "arctan2", "divide", "equal", "floor_divide", "fmax", "fmin", "fmod", "greater",
    "greater_equal", "heaviside", "hypot", "isclose", "allclose", "less", "less_equal",
    "logaddexp", "logaddexp2", "logical_and", "logical_or", "logical_xor", "maximum", "minimum",
    "mod", "multiply", "nextafter", "not_equal", "power", "subtract", "true_divide", "matmul",
    "dot", "inner", "outer", "vdot", "kron", "tensordot", "append",
]  # fmt: skip
BITS = [
    "bitwise_and", "bitwise_or", "bitwise_xor", "bitwise_left_shift", "bitwise_right_shift",
    "left_shift", "right_shift", "gcd", "lcm",
]  # fmt: skip

IMAGE_LAYOUT = ("NHWC", "HWIO", "NHWC")
DEPTHWISE = normal(3, 3, 2, 1)

ROWS: dict[str, Row] = {
    **{name: Row(X) for name in FLOATS},
    **{name: Row(X, Y) for name in PAIRS},
    **{name: Row(M, M) for name in BITS},
    **{name: Row(POSITIVE) for name in ("log", "log10", "log1p", "log2", "sqrt", "reciprocal")},
    **{name: Row(INSIDE) for name in ("arccos", "arcsin", "arctanh", "erfinv")},
    **{name: Row(M) for name in ("bitwise_invert", "bitwise_not")},
    "where": Row(MASK, X, Y),
    "nonzero": Row(X, symbolic=False),
    "rsqrt": Row(POSITIVE, theirs=lambda: lax.rsqrt(POSITIVE)),
    "arccosh": Row(POSITIVE + 1),
    "softsign": Row(X, theirs=lambda: jax.nn.soft_sign(X)),
    "array_split": Row(X, 3, axis=1),
    "hard_shrink": Row(X),
    "soft_shrink": Row(X),
    "tanh_shrink": Row(X),
    "threshold": Row(X, 0.2, -1.0),
    "sparsemax": Row(X),
    "add a number": Row(X, 2.0, theirs=lambda: jnp.add(X, 2.0)),
    "sum over an axis": Row(X, axis=1, theirs=lambda: jnp.sum(X, axis=1)),
    "view": Row(X, "int32", theirs=lambda: X.view("int32")),
    "ldexp": Row(X, N),
    "divide_no_nan": Row(X, Y),
    "clip": Row(X, -1.0, 1.0),
    "quantile": Row(X, 0.3, axis=1),
    "percentile": Row(X, 30, axis=1),
    "nanquantile": Row(X, 0.3, axis=1),
    "nanpercentile": Row(X, 30, axis=1),
    "argpartition": Row(X, 2),
    "einsum": Row("ij,jk->ik", X, Y, theirs=lambda: jnp.einsum("ij,jk->ik", X, Y)),
    "cross": Row(normal(4, 3), normal(4, 3)),
    "correlate": Row(V, V),
    "vander": Row(V, 3),
    "reshape": Row(X, (2, 8)),
    "expand_dims": Row(X, 1),
    "squeeze": Row(X[:, None], 1),
    "moveaxis": Row(X, 0, 1),
    "swapaxes": Row(X, 0, 1),
    "broadcast_to": Row(X, (2, 4, 4)),
    "tile": Row(X, (1, 2)),
    "repeat": Row(X, 2, 1, theirs=lambda: jnp.repeat(X, 2, 1)),
    "rot90": Row(X),
    "roll": Row(X, 1, 1),
    "pad": Row(X, ((1, 0), (0, 1))),
    "concatenate": Row([X, Y]),
    "stack": Row([X, Y]),
    "vstack": Row([X, Y]),
    "hstack": Row([X, Y]),
    "dstack": Row([X, Y]),
    "split": Row(X, 2, 1),
    "hsplit": Row(X, 2),
    "vsplit": Row(X, 2, symbolic=False),
    "dsplit": Row(CUBE, 2),
    "meshgrid": Row(V, V),
    "get_item": Row(X, (slice(None), 1), theirs=lambda: X[:, 1]),
    "take": Row(X, N, axis=1),
    "take_along_axis": Row(X, M % 4, axis=1),
    "select": Row([MASK], [X], 0.0),
    "unique": Row(N, symbolic=False),
    "isin": Row(M, N),
    "searchsorted": Row(V, X),
    "digitize": Row(X, V),
    "unravel_index": Row(N, (3, 4)),
    "bincount": Row(N, symbolic=False),
    "histogram": Row(V, symbolic=False),
    "zeros": Row((4, 4)),
    "ones": Row((4, 4)),
    "empty": Row((4, 4)),
    "full": Row((4, 4), 7.0),
    "full_like": Row(X, 7.0),
    "eye": Row(4),
    "identity": Row(4),
    "tri": Row(4),
    "arange": Row(4),
    "linspace": Row(0, 1, 5),
    "logspace": Row(0, 1, 5),
    "geomspace": Row(1, 8, 4),
    **{name: Row(6) for name in ("bartlett", "blackman", "hamming", "hanning")},
    "kaiser": Row(6, 8.0),
    "size": Row(X),
    "ndim": Row(X),
    "shape": Row(X),
    "dtype": Row(X),
    "is_tensor": Row(X),
    "cast": Row(X, "int32", theirs=lambda: X.astype("int32")),
    "saturate_cast": Row(X, "uint8"),
    "convert_to_tensor": Row(X),
    "convert_to_numpy": Row(X, theirs=lambda: np.asarray(X), symbolic=False),
    "stop_gradient": Row(X),
    "custom_gradient": Row(twice, symbolic=False),
    "vectorize": Row(twice),
    "unstack": Row(X, axis=1, theirs=lambda: jnp.unstack(X, axis=1)),
    "slice": Row(X, (1, 2), (2, 2), theirs=lambda: lax.dynamic_slice(X, (1, 2), (2, 2))),
    "slice_update": Row(
        X, (1, 2), X[:2, :2], theirs=lambda: lax.dynamic_update_slice(X, X[:2, :2], (1, 2))
    ),
    "scatter": Row(N[:, None], X, (5, 4), theirs=lambda: jnp.zeros((5, 4)).at[N].add(X)),
    "scatter_update": Row(X, N[:, None], Y, theirs=lambda: X.at[N].set(Y)),
    "scan": Row(carry_on, V, X, theirs=lambda: lax.scan(carry_on, V, X)),
    "associative_scan": Row(jnp.add, X, theirs=lambda: lax.associative_scan(jnp.add, X)),
    "while_loop": Row(
        going, on, (0, X), theirs=lambda: lax.while_loop(going_pair, on_pair, (0, X))
    ),
    "fori_loop": Row(0, 4, add_index, X),
    "cond": Row(True, once, once, theirs=lambda: lax.cond(True, once, once)),
    "switch": Row(1, [twice, jnp.sin], X),
    "map": Row(twice, X),
    "vectorized_map": Row(twice, X, theirs=lambda: jax.vmap(twice)(X)),
    "jvp": Row(twice, (X,), (X,), theirs=lambda: jax.jvp(twice, (X,), (X,)), symbolic=False),
    **{f"segment_{how}": Row(X, N, 4) for how in ("sum", "max", "min", "prod")},
    "top_k": Row(X, 2),
    "in_top_k": Row(N, X, 2),
    "fft": Row((X, Y), theirs=lambda: jnp.fft.fft(lax.complex(X, Y))),
    "fft2": Row((X, Y), theirs=lambda: jnp.fft.fft2(lax.complex(X, Y))),
    "ifft2": Row((X, Y), theirs=lambda: jnp.fft.ifft2(lax.complex(X, Y))),
    "rfft": Row(X, theirs=lambda: jnp.fft.rfft(X)),
    "irfft": Row((X, Y), theirs=lambda: jnp.fft.irfft(lax.complex(X, Y))),
    "extract_sequences": Row(SIGNAL, 8, 4),
    "stft": Row(SIGNAL, 20, 5, 32),
    "istft": Row(SPECTRUM, 20, 5, 32),
    "view_as_complex": Row(normal(4, 2)),
    "view_as_real": Row(lax.complex(X, Y)),
    "cdist": Row(X, Y),
    "logdet": Row(DEFINITE, theirs=lambda: jnp.linalg.slogdet(DEFINITE)),
    "cholesky": Row(DEFINITE),
    "cholesky_inverse": Row(DEFINITE),
    "eigh": Row(DEFINITE),
    "eig": Row(DEFINITE, theirs=lambda: jnp.linalg.eig(DEFINITE)),
    "lu_factor": Row(DEFINITE, theirs=lambda: jax.scipy.linalg.lu_factor(DEFINITE)),
    "solve": Row(DEFINITE, Y),
    "solve_triangular": Row(
        DEFINITE, Y, theirs=lambda: jax.scipy.linalg.solve_triangular(DEFINITE, Y)
    ),
    "lstsq": Row(X, Y),
    "one_hot": Row(N, 4),
    "multi_hot": Row(M % 4, 4),
    "binary_crossentropy": Row(INSIDE, POSITIVE, from_logits=True),
    "categorical_crossentropy": Row(POSITIVE, POSITIVE),
    "sparse_categorical_crossentropy": Row(N, POSITIVE),
    "ctc_loss": Row(LABELS, LOGITS, LENGTHS, STEPS, symbolic=False),
    "ctc_decode": Row(LOGITS, STEPS, symbolic=False),
    "normalize": Row(X),
    "moments": Row(X, axes=[0]),
    "batch_normalization": Row(X, V, V * V, -1),
    "layer_normalization": Row(X),
    "rms_normalization": Row(X),
    "conv": Row(
        IMAGE,
        KERNEL,
        theirs=lambda: lax.conv_general_dilated(
            IMAGE, KERNEL, (1, 1), "VALID", dimension_numbers=IMAGE_LAYOUT
        ),
    ),
    "conv_transpose": Row(
        IMAGE,
        normal(3, 3, 4, 2),
        2,
        theirs=lambda: lax.conv_transpose(IMAGE, KERNEL, (2, 2), "VALID"),
    ),
    "depthwise_conv": Row(
        IMAGE,
        DEPTHWISE,
        theirs=lambda: lax.conv_general_dilated(
            IMAGE,
            DEPTHWISE.reshape(3, 3, 1, 2),
            (1, 1),
            "VALID",
            dimension_numbers=IMAGE_LAYOUT,
            feature_group_count=2,
        ),
    ),
    "separable_conv": Row(IMAGE, DEPTHWISE, normal(1, 1, 2, 4)),
    "max_pool": Row(
        IMAGE,
        2,
        theirs=lambda: lax.reduce_window(
            IMAGE, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID"
        ),
    ),
    "average_pool": Row(
        IMAGE,
        2,
        theirs=lambda: lax.reduce_window(IMAGE, 0.0, lax.add, (1, 2, 2, 1), (1, 2, 2, 1), "VALID"),
    ),
    "adaptive_average_pool": Row(IMAGE, 4),
    "adaptive_max_pool": Row(IMAGE, 4),
    "depth_to_space": Row(normal(1, 2, 3, 8), 2),
    "space_to_depth": Row(IMAGE, 2),
    "unfold": Row(IMAGE, (1, 1)),
    "fold": Row(normal(2, 12, 20), (6, 5), 2),
    "dot_product_attention": Row(Q, Q, Q),
    "polar": Row(X, Y),
    "psnr": Row(X, Y, 2.0),
    "rearrange": Row(CUBE, "a b c -> a (c b)"),
    "image.affine_transform": Row(RGB, normal(8)),
    "image.crop_images": Row(RGB, 1, 2, 1, 0),
    "image.elastic_transform": Row(RGB, seed=1, symbolic=False),
    "image.extract_patches": Row(RGB, 3),
    "image.extract_patches_3d": Row(normal(1, 4, 4, 4, 2), 2),
    "image.gaussian_blur": Row(RGB),
    "image.hsv_to_rgb": Row(RGB),
    "image.map_coordinates": Row(
        X, Y[:2], 1, theirs=lambda: jax.scipy.ndimage.map_coordinates(X, Y[:2], 1)
    ),
    "image.pad_images": Row(
        RGB, 1, 2, 1, 0, theirs=lambda: jnp.pad(RGB, ((0, 0), (1, 1), (2, 0), (0, 0)))
    ),
    "image.perspective_transform": Row(RGB, POINTS, POINTS + 1),
    "image.resize": Row(
        RGB,
        (6, 6),
        theirs=lambda: jax.image.resize(RGB, (2, 6, 6, 3), "linear", antialias=False),
    ),
    "image.rgb_to_grayscale": Row(RGB),
    "image.rgb_to_hsv": Row(RGB),
    "image.scale_and_translate": Row(
        RGB[0], (8, 8, 3), V[:2] ** 2 + 1, V[:2], (0, 1), "linear", symbolic=False
    ),
    "image.sobel_edges": Row(RGB),
    "image.ssim": Row(RGB, RGB),
    "random.uniform": Row((4, 4), seed=1),
    "random.normal": Row((4, 4), seed=1),
    "random.truncated_normal": Row((4, 4), seed=1),
    "random.randint": Row((4, 4), 0, 9, seed=1),
    "random.categorical": Row(X, 3, seed=1),
    "random.gamma": Row((4, 4), 2.0, seed=1),
    "random.beta": Row((4, 4), 2.0, 3.0, seed=1),
    "random.binomial": Row((4, 4), 5.0, 0.3, seed=1),
    "random.dropout": Row(X, 0.5, seed=1),
    "random.shuffle": Row(X, seed=1),
}


def op_named(name: str) -> Call:
    place: Any = random if name.startswith("random.") else ops
    name = {"add a number": "add", "sum over an axis": "sum"}.get(name, name)
    for part in name.removeprefix("random.").split("."):
        place = getattr(place, part)
    return place


def microseconds(call: Call) -> float:
    start = time.perf_counter()
    for _ in range(CALLS):
        call()
    return (time.perf_counter() - start) / CALLS * 1e6


def compare(theirs: Call | None, ours: Call) -> tuple[float, float]:
    """The fastest round of each, in microseconds a call; NaN for what is not there."""
    jax.block_until_ready((theirs() if theirs else None, ours()))
    if microseconds(ours) > 5000:
        return (float("nan") if theirs is None else microseconds(theirs)), microseconds(ours)
    rounds = [
        (float("nan") if theirs is None else microseconds(theirs), microseconds(ours))
        for _ in range(ROUNDS)
    ]
    return min(a for a, _ in rounds), min(b for _, b in rounds)


def inference(row: Row, function: Call) -> tuple[float, float]:
    """Of the first call on symbolic tensors and of the next ones, in microseconds."""
    call = row.symbols(function)
    if not row.symbolic or not made_of_symbols(call()):
        return float("nan"), float("nan")
    first = min(timed_first(row, function) for _ in range(3))
    return first, min(microseconds(call) for _ in range(3))


def made_of_symbols(result: Any) -> bool:
    return any(isinstance(x, KerasTensor) for x in jax.tree.leaves(result))


def timed_first(row: Row, function: Call) -> float:
    """One call with nothing remembered."""
    cache.forget_all()
    call = row.symbols(function)
    start = time.perf_counter()
    call()
    return (time.perf_counter() - start) * 1e6


def shown(value: float) -> str:
    return f"{value:8.1f}" if value == value else " " * 7 + "-"


def main() -> None:
    """Measure the rows that the command line names, and print them, the worst first."""
    wanted = tuple(sys.argv[1:])
    rows = []
    for name, row in ROWS.items():
        if name.startswith(wanted or ""):
            function = op_named(name)
            try:
                times = compare(row.jax(name), row.ours(function))
                rows.append((name, *times, *inference(row, function)))
            except (TypeError, ValueError) as error:
                print(f"{name}: {error}", file=sys.stderr)
    heads = ("jax", "cornu", "more", "first", "again")
    print(f"{'op':32s}" + " ".join(f"{h:>8s}" for h in heads) + "   microseconds")
    for name, theirs, ours, first, again in sorted(rows, key=over_jax, reverse=True):
        times = (theirs, ours, ours - theirs, first, again)
        notes = "  over 20 more" if ours - theirs > PROMISE else ""
        notes += "  slow inference" if first > INFERENCE or again > INFERENCE else ""
        print(f"{name:32s}" + " ".join(map(shown, times)) + notes)
    names = [n for n in dir(ops) if n[0] != "_" and callable(getattr(ops, n))]
    names += [
        f"image.{n}" for n in dir(ops.image) if callable(getattr(ops.image, n)) and n[0] != "_"
    ]
    if not wanted:
        print("without a row:", ", ".join(sorted(set(names) - set(ROWS))) or "none")


def over_jax(row: tuple[Any, ...]) -> float:
    _, theirs, ours, *_ = row
    return ours - theirs if theirs == theirs else ours - 1e6


if __name__ == "__main__":
    main()
