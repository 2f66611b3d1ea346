"""Linear algebra on the last two axes; leading axes are batch axes."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from cornu.core.frame import is_tracer
from cornu.core.graph.op import op
from cornu.core.graph.operands import axes, tensor, to_float
from cornu.errors import value_error
from cornu.types import Axis, Tensor, Tensors


def _matrices(name: str, x: Tensor, *, square: bool = False) -> Any:
    x = to_float(x)
    if x.ndim < 2 or (square and x.shape[-1] != x.shape[-2]):
        kind = "square matrices (..., n, n)" if square else "matrices (..., n, m)"
        raise value_error(f"{name}: the argument must be {kind}.", received=tuple(x.shape))
    return x


def _same_rows(name: str, a: Tensor, b: Tensor) -> None:
    """Check that `b` has as many rows as `a`."""
    rows = b.shape[-1 if b.ndim == a.ndim - 1 else -2] if b.ndim else None
    if not (isinstance(rows, int) and isinstance(a.shape[-1], int)) or rows == a.shape[-1]:
        return
    raise value_error(
        f"{name}: b must have as many rows as a.",
        shapes=f"a {tuple(a.shape)}, b {tuple(b.shape)}",
    )


@op
def cholesky(x: Tensor, upper: bool = False) -> Tensor:
    """Cholesky factor L of positive definite matrices: `L @ L.T == x`.

    Args:
        x: `(..., n, n)`.
        upper: whether to return the upper triangular factor, `U.T @ U == x`.

    Raises:
        ValueError: a matrix is not positive definite (eager calls only; compiled code gives NaN).
    """
    root = jnp.linalg.cholesky(_matrices("cholesky", x, square=True), upper=upper)
    if not is_tracer(root) and bool(jnp.any(jnp.isnan(root))):
        raise value_error(
            "cholesky: the matrices must be positive definite.",
            received=f"{tuple(root.shape)}",
            fix="a matrix of the form A @ A.T + epsilon * I is positive definite.",
        )
    return root


@op(compiled=True)
def cholesky_inverse(x: Tensor, upper: bool = False) -> Tensor:
    """Inverse of a positive definite matrix, from its Cholesky factor."""
    root = _matrices("cholesky_inverse", x, square=True)
    unit = jnp.broadcast_to(jnp.eye(root.shape[-1], dtype=root.dtype), root.shape)
    half = jax.scipy.linalg.solve_triangular(root, unit, lower=not upper)
    turned = jnp.swapaxes(half, -1, -2)
    return half @ turned if upper else turned @ half


@op
def det(x: Tensor) -> Tensor:
    """Determinants of square matrices."""
    return jnp.linalg.det(_matrices("det", x, square=True))


@op
def eig(x: Tensor) -> tuple[Tensor, ...]:
    """Eigenvalues and right eigenvectors (as columns), complex; on CPU only."""
    return tuple(jnp.linalg.eig(_matrices("eig", x, square=True)))


@op
def eigh(x: Tensor) -> tuple[Tensor, ...]:
    """Eigenvalues, ascending, and eigenvectors (as columns) of symmetric matrices."""
    return tuple(jnp.linalg.eigh(_matrices("eigh", x, square=True)))


@op
def inv(x: Tensor) -> Tensor:
    """Inverses of square matrices.

    Example:

        >>> inv([[2.0, 0.0], [0.0, 4.0]]).tolist()
        [[0.5, 0.0], [0.0, 0.25]]
    """
    return jnp.linalg.inv(_matrices("inv", x, square=True))


@op(compiled=True)
def lu_factor(x: Tensor) -> Tensor:
    """LU decomposition with partial pivoting: both factors in one matrix, and the pivots."""
    lu, pivots = jax.scipy.linalg.lu_factor(_matrices("lu_factor", x))
    return lu, pivots


@op(compiled=True)
def matrix_rank(x: Tensor, tol: float | None = None) -> Tensor:
    """Rank: number of singular values above `tol`, a multiple of the precision if None."""
    x = _matrices("matrix_rank", x)
    values = jnp.linalg.svd(x, compute_uv=False)
    if tol is None:
        largest = jnp.max(values, axis=-1, keepdims=True)
        tol = largest * max(x.shape[-2:]) * jnp.finfo(x.dtype).eps
    return jnp.sum(values > tol, axis=-1).astype("int32")


@op(compiled=True, wide=True)
def norm(
    x: Tensor, ord: int | float | str | None = None, axis: Axis = None, keepdims: bool = False
) -> Tensor:
    """Norm of vectors along one axis, or of matrices along two.

    Args:
        x: array of any shape.
        ord: None (square root of the sum of squares), a number, `inf`, `-inf`, and for matrices
            "fro" or "nuc".
        axis: one axis, or two; all elements as one vector if None and `ord` is None.
        keepdims: whether reduced axes stay with size 1.

    Example:

        >>> float(norm([3.0, 4.0]))
        5.0
    """
    return jnp.linalg.norm(to_float(x), ord=ord, axis=axes(axis), keepdims=keepdims)


@op(compiled=True)
def pinv(x: Tensor, rcond: float | None = None) -> Tensor:
    """Moore-Penrose pseudo-inverse; `rcond` is the cutoff of singular values, see `lstsq`."""
    return jnp.linalg.pinv(_matrices("pinv", x), rtol=rcond)


@op
def qr(x: Tensor, mode: str = "reduced") -> tuple[Tensor, ...]:
    """QR decomposition: orthonormal columns, and an upper triangular matrix.

    Args:
        x: `(..., n, m)`.
        mode: "reduced" gives `(..., n, k)` and `(..., k, m)` with `k = min(n, m)`; "complete"
            `(..., n, n)` and `(..., n, m)`.
    """
    if mode not in ("reduced", "complete"):
        raise value_error(f"qr: mode must be 'reduced' or 'complete', got {mode!r}.")
    return tuple(jnp.linalg.qr(_matrices("qr", x), mode=mode))


@op(tensors=2)
def solve(a: Tensor, b: Tensor) -> Tensor:
    """Solve `a @ x == b` for x.

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
def solve_triangular(a: Tensor, b: Tensor, lower: bool = False) -> Tensor:
    """Solve `a @ x == b` for x, with triangular `a`; the other triangle is not read.

    Args:
        a: `(..., n, n)`.
        b: `(..., n, m)`, or vectors `(..., n)`.
        lower: whether `a` is lower triangular.
    """
    a, b = _matrices("solve_triangular", a, square=True), to_float(b)
    _same_rows("solve_triangular", a, b)
    if b.ndim == a.ndim - 1:
        return jax.scipy.linalg.solve_triangular(a, b[..., None], lower=lower)[..., 0]
    return jax.scipy.linalg.solve_triangular(a, b, lower=lower)


@op(file_name="SVD")
def svd(x: Tensor, full_matrices: bool = True, compute_uv: bool = True) -> tuple[Tensor, ...]:
    """Singular value decomposition: `u * s @ vh == x`.

    Args:
        x: `(..., n, m)`.
        full_matrices: whether `u` and `vh` are square.
        compute_uv: whether to return them besides the singular values.
    """
    found = jnp.linalg.svd(_matrices("svd", x), full_matrices=full_matrices, compute_uv=compute_uv)
    return tuple(found) if compute_uv else found


@op(tensors=2)
def lstsq(a: Tensor, b: Tensor, rcond: float | None = None) -> Tensor:
    """Least-squares solution of `a @ x == b`.

    Args:
        a: `(n, m)`.
        b: `(n, k)` or `(n,)`.
        rcond: cutoff of singular values, relative to the largest.
    """
    a, b = _matrices("lstsq", a), to_float(b)
    if a.shape[0] != b.shape[0]:
        raise value_error(
            "lstsq: b must have as many rows as a.", shapes=f"a {a.shape}, b {b.shape}"
        )
    return jnp.linalg.lstsq(a, b, rcond=rcond)[0]


@op(tensors=3, file_name="JVP", calls_back=True)
def jvp(
    fun: Callable[..., Any],
    primals: Sequence[Tensor],
    tangents: Sequence[Tensor],
    has_aux: bool = False,
) -> Tensors:
    """Jacobian-vector product: a function's value and directional derivative (forward mode).

    Args:
        fun: function of arrays.
        primals: arguments of `fun`, a tuple or list.
        tangents: direction, nested and shaped as `primals`.
        has_aux: whether `fun` returns `(value, aux)`.

    Returns:
        `(value, derivative)`, or `(value, derivative, aux)`.

    Example:

        >>> [float(v) for v in jvp(lambda x: x * x, (3.0,), (1.0,))]
        [9.0, 6.0]
    """
    points = tuple(tensor(p) for p in primals)
    directions = tuple(_like(t, p) for t, p in zip(tangents, points, strict=True))
    return jax.jvp(fun, points, directions, has_aux=has_aux)


def _like(tangent: Tensor, point: Tensor) -> Any:
    """The tangent in the dtype of the point."""
    x = tensor(tangent)
    return x if x.dtype == point.dtype else tensor(x, point.dtype)
