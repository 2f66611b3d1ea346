"""Operations held against their definition instead of against Keras.

    (call, what it has to give)     the call takes a library of operations

Control flow and functions of functions, which no row of data can say; and what is wrong in
Keras 3.15.1, where agreeing with it would be a mistake. `AGREED` names those that Keras passes too.
"""

import jax
import jax.numpy as jnp
import numpy as np

INF, NAN = float("inf"), float("nan")
ONE_TO_FOUR = np.arange(1.0, 5.0, dtype="float32")
SQUARE = np.array([[1.0, 2.0], [3.0, 4.0]], "float32")


def log_of_one_plus_exp(library):
    @library.custom_gradient
    def function(x):
        e = library.exp(x)
        return library.log(1 + e), lambda upstream: upstream * (1 - 1 / (1 + e))

    return jax.grad(function)(jnp.float32(100.0))


def simplex(x):
    """The nearest point of the probability simplex, by trying every size of the support."""
    ordered = np.sort(x)[::-1]
    sizes = [k for k in range(1, len(x) + 1) if 1 + k * ordered[k - 1] > ordered[:k].sum()]
    count = sizes[-1]
    return np.maximum(x - (ordered[:count].sum() - 1) / count, 0)


def gaussian(taps, sigma):
    weights = np.exp(-0.5 * ((np.arange(taps) - (taps - 1) / 2) / sigma) ** 2)
    return weights / weights.sum()


POINT = np.zeros((1, 5, 5, 1), "float32")
POINT[0, 2, 2, 0] = 1
BLURRED = np.zeros((1, 5, 5, 1), "float32")
BLURRED[0, 1:4, 1:4, 0] = np.outer(gaussian(3, 1.0), gaussian(3, 2.0))
SCORES = np.array([0.5, -1.0, 1.2, 1.1], "float32")

DEFINED = {
    "scan": (lambda o: o.scan(lambda c, x: (c + x, c * x), 0.0, ONE_TO_FOUR), (10, [0, 2, 9, 24])),
    "scan in reverse": (
        lambda o: o.scan(lambda c, x: (c + x, c), 0.0, ONE_TO_FOUR, reverse=True),
        (10, [9, 7, 4, 0]),
    ),
    "associative_scan": (
        lambda o: o.associative_scan(lambda a, b: a + b, ONE_TO_FOUR),
        [1, 3, 6, 10],
    ),
    "while_loop": (lambda o: o.while_loop(lambda i: i < 10, lambda i: (i + 4,), (0,)), [12]),
    "while_loop with a limit": (
        lambda o: o.while_loop(lambda i: i < 10, lambda i: (i + 1,), (0,), maximum_iterations=3),
        [3],
    ),
    "fori_loop": (lambda o: o.fori_loop(1, 5, lambda i, total: total + i, 0), 10),
    "cond": (
        lambda o: o.cond(np.bool_(False), lambda: ONE_TO_FOUR, lambda: -ONE_TO_FOUR),
        -ONE_TO_FOUR,
    ),
    "switch": (lambda o: o.switch(1, [lambda x: x, lambda x: x * 2], ONE_TO_FOUR), 2 * ONE_TO_FOUR),
    "switch beyond the end": (
        lambda o: o.switch(7, [lambda x: x, lambda x: x * 2], ONE_TO_FOUR),
        2 * ONE_TO_FOUR,
    ),
    "map": (lambda o: o.map(lambda x: x * x, ONE_TO_FOUR), [1, 4, 9, 16]),
    "vectorized_map": (lambda o: o.vectorized_map(lambda r: o.sum(r), SQUARE), [3, 7]),
    "vectorize": (lambda o: o.vectorize(lambda a, b: a + b)(ONE_TO_FOUR, 10.0), ONE_TO_FOUR + 10),
    "jvp": (lambda o: o.jvp(lambda x: x * x, (3.0,), (1.0,)), (9, 6)),
    "custom_gradient": (log_of_one_plus_exp, 1),
    "convert_to_numpy": (lambda o: o.convert_to_numpy(jnp.ones(2)), [1, 1]),
    "dtype": (lambda o: o.dtype(np.ones(2, "int8")) == "int8", True),
    "is_tensor": (lambda o: [o.is_tensor(x) for x in (jnp.ones(2), np.ones(2), 1)], [1, 0, 0]),
    # ---- wrong in Keras 3.15.1
    "sparsemax": (lambda o: o.sparsemax(SCORES), simplex(SCORES)),
    "image.gaussian_blur": (
        lambda o: o.image.gaussian_blur(POINT, (3, 3), (1.0, 2.0), data_format="channels_last"),
        BLURRED,
    ),
    "image.elastic_transform": (
        lambda o: o.image.elastic_transform(np.full((4, 4, 1), 0.5, "float32"), seed=1),
        np.full((4, 4, 1), 0.5),
    ),
    "hypot of infinities": (lambda o: o.hypot([INF, 3.0, -INF], [-INF, 4.0, NAN]), [INF, 5, INF]),
    "isclose of infinities": (lambda o: o.isclose([INF, INF, -INF], [INF, -INF, 1.0]), [1, 0, 0]),
    "nancumsum of infinities": (lambda o: o.nancumsum([1.0, INF, NAN, 2.0]), [1, INF, INF, INF]),
    "nancumprod of infinities": (lambda o: o.nancumprod([2.0, INF, NAN, 3.0]), [2, INF, INF, INF]),
    "roll by two": (lambda o: o.roll(SQUARE, (1, 1), axis=(0, 1)), [[4, 3], [2, 1]]),
    "select broadcasts": (
        lambda o: o.select([np.array([[True], [False]])], [SQUARE[0]], 7.0),
        [[1, 2], [7, 7]],
    ),
    "normalize of zeros": (
        lambda o: jax.grad(lambda x: o.sum(o.normalize(x, order=2)))(jnp.zeros(3)) < INF,
        [1, 1, 1],
    ),
    "in_top_k of ties": (lambda o: o.in_top_k([0, 2], [[0.5, 0.5, 0.1]] * 2, 1), [1, 0]),
    "in_top_k of more axes": (
        lambda o: o.in_top_k([[0, 1], [2, 2]], [[[3.0, 2.0, 1.0]] * 2] * 2, 1),
        [[1, 0], [0, 0]],
    ),
    "logsumexp keeps the dtype": (
        lambda o: str(o.logsumexp(np.ones(2, "float16")).dtype) == "float16",
        True,
    ),
    "shifts keep the dtype": (
        lambda o: str(o.bitwise_left_shift(np.ones(2, "int8"), np.ones(2, "int8")).dtype) == "int8",
        True,
    ),
    "istft of single samples": (
        lambda o: o.istft((np.ones((4, 1), "float32"),) * 2, 1, 1, 1, center=False, window=None),
        [1, 1, 1, 1],
    ),
}

AGREED = {
    "scan", "scan in reverse", "associative_scan", "while_loop", "while_loop with a limit",
    "fori_loop", "cond", "switch", "switch beyond the end", "map", "vectorized_map", "vectorize",
    "jvp", "custom_gradient", "convert_to_numpy", "dtype", "is_tensor", "roll by two",
}  # fmt: skip
