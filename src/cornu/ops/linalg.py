"""Linear algebra on the last two axes; leading axes are a batch."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from cornu.core.frame import is_tracer
from cornu.core.graph.op import op
from cornu.core.graph.operands import axes, tensor, to_float
from cornu.errors import value_error


def _matrices(name: str, x: Any, *, square: bool = False) -> Any:
    x = to_float(x)
    if x.ndim < 2 or (square and x.shape[-1] != x.shape[-2]):
        kind = "square matrices (..., n, n)" if square else "matrices (..., n, m)"
        raise value_error(f"{name} takes {kind}.", received=f"{tuple(x.shape)}")
    return x


def _same_rows(name: str, a: Any, b: Any) -> None:
    """That there is one row of `b` for each row of `a`."""
    rows = b.shape[-1 if b.ndim == a.ndim - 1 else -2] if b.ndim else None
    if not (isinstance(rows, int) and isinstance(a.shape[-1], int)) or rows == a.shape[-1]:
        return
    raise value_error(
        f"{name}: b has one row for each row of a.",
        shapes=f"a {tuple(a.shape)}, b {tuple(b.shape)}",
    )


@op
def cholesky(x: Any, upper: bool = False) -> Any:
    """The triangular root L of positive definite matrices: `L @ L.T == x`.

    Args:
        x: `(..., n, n)`.
        upper: return the upper triangle, `U.T @ U == x`.

    Raises:
        ValueError: a matrix is not positive definite (eager calls only; compiled code gives NaN).
    """
    root = jnp.linalg.cholesky(_matrices("cholesky", x, square=True), upper=upper)
    if not is_tracer(root) and bool(jnp.any(jnp.isnan(root))):
        raise value_error(
            "cholesky takes positive definite matrices; one of these is not.",
            received=f"{tuple(root.shape)}",
            fix="a matrix of the form A @ A.T + epsilon * I is positive definite.",
        )
    return root


@op(compiled=True)
def cholesky_inverse(x: Any, upper: bool = False) -> Any:
    """The inverse of a positive definite matrix, from its Cholesky root."""
    root = _matrices("cholesky_inverse", x, square=True)
    unit = jnp.broadcast_to(jnp.eye(root.shape[-1], dtype=root.dtype), root.shape)
    half = jax.scipy.linalg.solve_triangular(root, unit, lower=not upper)
    turned = jnp.swapaxes(half, -1, -2)
    return half @ turned if upper else turned @ half


@op
def det(x: Any) -> Any:
    """Determinants of square matrices."""
    return jnp.linalg.det(_matrices("det", x, square=True))


@op
def eig(x: Any) -> Any:
    """Eigenvalues and right eigenvectors (as columns), complex; on CPU only."""
    return tuple(jnp.linalg.eig(_matrices("eig", x, square=True)))


@op
def eigh(x: Any) -> Any:
    """Eigenvalues, ascending, and eigenvectors (as columns) of symmetric matrices."""
    return tuple(jnp.linalg.eigh(_matrices("eigh", x, square=True)))


@op
def inv(x: Any) -> Any:
    """Inverses of square matrices.

    Example:

        >>> inv([[2.0, 0.0], [0.0, 4.0]]).tolist()
        [[0.5, 0.0], [0.0, 0.25]]
    """
    return jnp.linalg.inv(_matrices("inv", x, square=True))


@op(compiled=True)
def lu_factor(x: Any) -> Any:
    """LU decomposition with row exchanges: both triangles in one matrix, and the exchanges."""
    lu, pivots = jax.scipy.linalg.lu_factor(_matrices("lu_factor", x))
    return lu, pivots


@op(compiled=True)
def matrix_rank(x: Any, tol: Any = None) -> Any:
    """How many singular values are larger than `tol`; a multiple of the precision if None."""
    x = _matrices("matrix_rank", x)
    values = jnp.linalg.svd(x, compute_uv=False)
    if tol is None:
        largest = jnp.max(values, axis=-1, keepdims=True)
        tol = largest * max(x.shape[-2:]) * jnp.finfo(x.dtype).eps
    return jnp.sum(values > tol, axis=-1).astype("int32")


@op(compiled=True, wide=True)
def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    """Norm of vectors along one axis, or of matrices along two.

    Args:
        x: array of any shape.
        ord: None (square root of the sum of squares), a number, `inf`, `-inf`, and for matrices
            "fro" or "nuc".
        axis: one axis, or two; all elements as one vector if None and `ord` is None.
        keepdims: whether folded axes stay with size 1.

    Example:

        >>> float(norm([3.0, 4.0]))
        5.0
    """
    return jnp.linalg.norm(to_float(x), ord=ord, axis=axes(axis), keepdims=keepdims)


@op(compiled=True)
def pinv(x: Any, rcond: Any = None) -> Any:
    """Moore-Penrose inverse: singular values below `rcond` times the largest count as zero."""
    return jnp.linalg.pinv(_matrices("pinv", x), rtol=rcond)


@op
def qr(x: Any, mode: str = "reduced") -> Any:
    """Orthonormal columns and an upper triangle whose product is the matrix.

    Args:
        x: `(..., n, m)`.
        mode: "reduced" gives `(..., n, k)` and `(..., k, m)` with `k = min(n, m)`; "complete"
            `(..., n, n)` and `(..., n, m)`.
    """
    if mode not in ("reduced", "complete"):
        raise value_error(f"qr: mode is 'reduced' or 'complete', got {mode!r}.")
    return tuple(jnp.linalg.qr(_matrices("qr", x), mode=mode))


@op(tensors=2)
def solve(a: Any, b: Any) -> Any:
    """The x with `a @ x == b`.

    Args:
        a: `(..., n, n)`.
        b: `(..., n, m)`, or vectors `(..., n)`.
    """
    a, b = _matrices("solve", a, square=True), to_float(b)
    _same_rows("solve", a, b)
    if b.ndim == a.ndim - 1:
        return jnp.linalg.solve(a, b[..., None])[..., 0]
    return jnp.linalg.solve(a, b)


@op(tensors=2)
def solve_triangular(a: Any, b: Any, lower: bool = False) -> Any:
    """The x with `a @ x == b` where `a` is triangular; the other triangle is not read.

    Args:
        a: `(..., n, n)`.
        b: `(..., n, m)`, or vectors `(..., n)`.
        lower: which triangle.
    """
    a, b = _matrices("solve_triangular", a, square=True), to_float(b)
    _same_rows("solve_triangular", a, b)
    if b.ndim == a.ndim - 1:
        return jax.scipy.linalg.solve_triangular(a, b[..., None], lower=lower)[..., 0]
    return jax.scipy.linalg.solve_triangular(a, b, lower=lower)


@op(file_name="SVD")
def svd(x: Any, full_matrices: bool = True, compute_uv: bool = True) -> Any:
    """Singular value decomposition: `u * s @ vh == x`.

    Args:
        x: `(..., n, m)`.
        full_matrices: whether `u` and `vh` are square.
        compute_uv: whether they are returned, or the singular values alone.
    """
    found = jnp.linalg.svd(_matrices("svd", x), full_matrices=full_matrices, compute_uv=compute_uv)
    return tuple(found) if compute_uv else found


@op(tensors=2)
def lstsq(a: Any, b: Any, rcond: Any = None) -> Any:
    """The x that comes closest to `a @ x == b` in the sum of squares.

    Args:
        a: `(n, m)`.
        b: `(n, k)` or `(n,)`.
        rcond: singular values below it times the largest count as zero.
    """
    a, b = _matrices("lstsq", a), to_float(b)
    if a.shape[0] != b.shape[0]:
        raise value_error("lstsq: a and b have the same rows.", shapes=f"a {a.shape}, b {b.shape}")
    return jnp.linalg.lstsq(a, b, rcond=rcond)[0]


@op(tensors=3, file_name="JVP", calls_back=True)
def jvp(fun: Callable[..., Any], primals: Any, tangents: Any, has_aux: bool = False) -> Any:
    """A function's value and its derivative in a direction (forward mode).

    Args:
        fun: function of arrays.
        primals: its arguments, a tuple or list.
        tangents: the direction, as the arguments.
        has_aux: whether `fun` returns something else besides.

    Returns:
        `(value, derivative)`, with `has_aux` also what `fun` returns besides.

    Example:

        >>> [float(v) for v in jvp(lambda x: x * x, (3.0,), (1.0,))]
        [9.0, 6.0]
    """
    points = tuple(tensor(p) for p in primals)
    directions = tuple(_like(t, p) for t, p in zip(tangents, points, strict=True))
    return jax.jvp(fun, points, directions, has_aux=has_aux)


def _like(tangent: Any, point: Any) -> Any:
    """The tangent in the dtype of the point."""
    x = tensor(tangent)
    return x if x.dtype == point.dtype else tensor(x, point.dtype)
