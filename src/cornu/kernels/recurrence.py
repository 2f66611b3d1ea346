"""Loops over time: any cell, and LSTM and GRU with their gradients written out.

    x[0] --> step --> x[1] --> step --> ...      states flow along, outputs line up with xs
               |                 |
            output[0]         output[1]

A mask skips steps: where it is False, states and output are those of the step computed before.

| condition (CPU, known sizes)  | lowering                        | measured (ms, one core)        |
|-------------------------------|---------------------------------|--------------------------------|
| any cell                      | lax.scan, a step per iteration  | unrolling is never faster      |
| input projection              | inside the loop                 | ahead of it 11-12 against 5    |
| LSTM, GRU gradients           | gates kept as separate arrays;  | LSTM 100x32, 256 units: f+b 36 |
|                               | weight gradients after the loop | against 51 of autodiff         |
| float16, bfloat16             | computed in float32             | sums over time keep digits     |
| other platform, symbolic size | lax.scan, autodiff              | tuned there                    |
"""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from cornu.kernels.platform import tuned
from cornu.kernels.rows import tall_product

Tree = Any


def scan_time(
    step: Callable[[Tree, Tree], tuple[Tree, Tree]],
    initial: Tree,
    xs: Tree,
    reverse: bool = False,
    mask: jax.Array | None = None,
    unroll: bool | int = False,
    zero_output_for_mask: bool = False,
) -> tuple[Tree, Tree, Tree]:
    """Run a cell over time: `output[t], states = step(x[t], states)`.

    Args:
        step: `(x at one time, states) -> (output, new states)`; all are trees of arrays with the
            batch on the first axis.
        initial: states before the first step.
        xs: tree of `(time, batch, ...)` arrays.
        reverse: start at the last time. Outputs stay aligned with `xs` either way.
        mask: `(time, batch)` booleans. Where False the step is skipped: states and output are
            those of the step computed before it (a zero output before the first computed step).
        unroll: True writes all steps out one after the other; an int writes out so many at a time.
        zero_output_for_mask: give zeros at skipped steps instead of the output before.

    Returns:
        `(last_output, outputs, final_states)`: the output of the last step, all outputs
        `(time, batch, ...)`, the states after the last step.

    Example:

        >>> add = lambda x, s: (x + s, x + s)
        >>> scan_time(add, jnp.zeros(1), jnp.array([[1.0], [2.0], [3.0]]))[1][:, 0]
        Array([1., 3., 6.], dtype=float32)
    """
    if mask is None:

        def body(states, x):
            output, states = step(x, states)
            return states, output

        final, outputs = lax.scan(body, initial, xs, reverse=reverse, unroll=unroll)
    else:
        first = jax.tree.map(lambda a: a[0], xs)
        spec = jax.eval_shape(lambda x, s: step(x, s)[0], first, initial)
        zeros = jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), spec)

        def masked_body(carry, x_and_mask):
            states, before = carry
            x, here = x_and_mask
            output, new_states = step(x, states)
            states = _choose(here, new_states, states)
            last = _choose(here, output, before)
            shown = _choose(here, output, zeros) if zero_output_for_mask else last
            return (states, last), shown

        (final, _), outputs = lax.scan(
            masked_body, (initial, zeros), (xs, mask), reverse=reverse, unroll=unroll
        )
    last_output = jax.tree.map(lambda a: a[0 if reverse else -1], outputs)
    return last_output, outputs, final


def _choose(here: jax.Array | None, yes: Tree, no: Tree) -> Tree:
    """Per sample: `yes` where the mask `(batch,)` is True; everywhere without a mask."""
    if here is None:
        return yes

    def pick(a, b):
        return jnp.where(here.reshape(here.shape + (1,) * (a.ndim - here.ndim)), a, b)

    return jax.tree.map(pick, yes, no)


# ---- LSTM --------------------------------------------------------------------------------------


def lstm(
    x: jax.Array,
    h0: jax.Array,
    c0: jax.Array,
    kernel: jax.Array,
    recurrent_kernel: jax.Array,
    bias: jax.Array | None,
    mask: jax.Array | None = None,
    reverse: bool = False,
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Long short-term memory with sigmoid gates and tanh, gates in the order i, f, c, o.

        c = sigmoid(f) * c + sigmoid(i) * tanh(c~);   h = sigmoid(o) * tanh(c)

    Args:
        x: `(batch, time, features)`.
        h0, c0: `(batch, units)`.
        kernel: `(features, 4 * units)`.
        recurrent_kernel: `(units, 4 * units)`.
        bias: `(4 * units,)` or `None`.
        mask: `(batch, time)` booleans, False skips a step.
        reverse: start at the last time; outputs stay aligned with `x`.

    Returns:
        `(outputs (batch, time, units), last_h, last_c)`. Outputs before the first computed step
        are zero.

    Example:

        >>> zeros = jnp.zeros((2, 3))
        >>> lstm(jnp.ones((2, 5, 4)), zeros, zeros, jnp.ones((4, 12)), jnp.ones((3, 12)), None)[
        ...     0
        ... ].shape
        (2, 5, 3)
    """
    bias = jnp.zeros(kernel.shape[-1], kernel.dtype) if bias is None else bias
    arrays = (x.swapaxes(0, 1), h0, c0, kernel, recurrent_kernel, bias)
    mask = None if mask is None else mask.swapaxes(0, 1)
    if tuned(x):
        wide = jnp.promote_types(x.dtype, jnp.float32)
        hs, h, c = _lstm(*(a.astype(wide) for a in arrays), mask, reverse)
        hs, h, c = (a.astype(x.dtype) for a in (hs, h, c))
    else:
        hs, h, c = _lstm_scan(*arrays, mask, reverse)[0]
    return _from_first_step(hs, mask, reverse).swapaxes(0, 1), h, c


def _lstm_scan(x, h0, c0, w, u, b, mask, reverse):
    """The loop; also what its gradient needs: gates and cell states of each step."""

    def step(states, x_and_mask):
        h, c = states
        x, here = x_and_mask
        i, f, g, o = jnp.split(x @ w + h @ u + b, 4, -1)
        i, f, g, o = jax.nn.sigmoid(i), jax.nn.sigmoid(f), jnp.tanh(g), jax.nn.sigmoid(o)
        new_c = f * c + i * g
        new_h = o * jnp.tanh(new_c)
        h, c = _choose(here, (new_h, new_c), (h, c))
        return (h, c), (h, c, (i, f, g, o, new_c))

    (h, c), (hs, cs, kept) = lax.scan(step, (h0, c0), (x, mask), reverse=reverse)
    return (hs, h, c), (cs, kept)


@functools.partial(jax.custom_vjp, nondiff_argnums=(7,))
def _lstm(x, h0, c0, w, u, b, mask, reverse):
    return _lstm_scan(x, h0, c0, w, u, b, mask, reverse)[0]


def _lstm_forward(x, h0, c0, w, u, b, mask, reverse):
    results, kept = _lstm_scan(x, h0, c0, w, u, b, mask, reverse)
    return results, (x, h0, c0, w, u, mask, results[0], *kept)


def _lstm_backward(reverse, saved, gradients):
    x, h0, c0, w, u, mask, hs, cs, kept = saved
    dhs, dh, dc = gradients
    back = lax.optimization_barrier(u.T)

    def step(carry, now):
        dh, dc = carry
        dh_here, (i, f, g, o, c), before, here = now
        dh = dh + dh_here
        t = jnp.tanh(c)
        through = dc + dh * o * (1 - t * t)
        di = through * g * i * (1 - i)
        df = through * before * f * (1 - f)
        dg = through * i * (1 - g * g)
        do = dh * t * o * (1 - o)
        dz = jnp.concatenate([di, df, dg, do], -1)
        dz = _choose(here, dz, jnp.zeros_like(dz))
        return _choose(here, (dz @ back, through * f), (dh, dc)), dz

    now = (dhs, kept, _before(c0, cs, reverse), mask)
    (dh, dc), dz = lax.scan(step, (dh, dc), now, reverse=not reverse)
    dx, dw, du, db = _projections(x, _before(h0, hs, reverse), w, dz, dz)
    return dx, dh, dc, dw, du, db, None


_lstm.defvjp(_lstm_forward, _lstm_backward)


def _before(initial: jax.Array, states: jax.Array, reverse: bool) -> jax.Array:
    """For each step the state it started from, `(time, batch, units)`."""
    if reverse:
        return jnp.concatenate([states[1:], initial[None]])
    return jnp.concatenate([initial[None], states[:-1]])


def _projections(x, before, w, dz_x, dz_h):
    """Gradients of `x @ w + before @ u + b`, all steps in one product each."""
    rows = lambda a: a.reshape(-1, a.shape[-1])  # noqa: E731
    flat = rows(dz_x)
    dx = (flat @ w.T).reshape(x.shape)
    return dx, tall_product(rows(x), flat), tall_product(rows(before), rows(dz_h)), flat.sum(0)


def _from_first_step(hs: jax.Array, mask: jax.Array | None, reverse: bool) -> jax.Array:
    """Zeros before the first computed step, where `hs` holds the initial state."""
    if mask is None:
        return hs
    started = lax.cumsum(mask.astype(jnp.int32), reverse=reverse) > 0
    return jnp.where(started[..., None], hs, 0)


# ---- GRU ---------------------------------------------------------------------------------------


def gru(
    x: jax.Array,
    h0: jax.Array,
    kernel: jax.Array,
    recurrent_kernel: jax.Array,
    bias: jax.Array | None,
    mask: jax.Array | None = None,
    reverse: bool = False,
    reset_after: bool = True,
) -> tuple[jax.Array, jax.Array]:
    """Gated recurrent unit with sigmoid gates and tanh, gates in the order z, r, h.

        h~ = tanh(x W_h + r * (h U_h + b'_h))     reset after the product
        h~ = tanh(x W_h + (r * h) U_h + b_h)      reset before it
        h  = z * h + (1 - z) * h~

    Args:
        x: `(batch, time, features)`.
        h0: `(batch, units)`.
        kernel: `(features, 3 * units)`.
        recurrent_kernel: `(units, 3 * units)`.
        bias: `(2, 3 * units)` (of the input, of the state) with `reset_after`, `(3 * units,)`
            without, or `None`.
        mask: `(batch, time)` booleans, False skips a step.
        reverse: start at the last time; outputs stay aligned with `x`.
        reset_after: whether the reset gate acts after the product with the recurrent kernel.

    Returns:
        `(outputs (batch, time, units), last_h)`. Outputs before the first computed step are zero.

    Example:

        >>> gru(jnp.ones((2, 5, 4)), jnp.zeros((2, 3)), jnp.ones((4, 9)), jnp.ones((3, 9)), None)[
        ...     0
        ... ].shape
        (2, 5, 3)
    """
    none = jnp.zeros(kernel.shape[-1], kernel.dtype)
    b_x, b_h = (bias if reset_after else (bias, none)) if bias is not None else (none, none)
    arrays = (x.swapaxes(0, 1), h0, kernel, recurrent_kernel, b_x, b_h)
    mask = None if mask is None else mask.swapaxes(0, 1)
    if tuned(x):
        wide = jnp.promote_types(x.dtype, jnp.float32)
        hs, h = _gru(*(a.astype(wide) for a in arrays), mask, reverse, reset_after)
        hs, h = hs.astype(x.dtype), h.astype(x.dtype)
    else:
        hs, h = _gru_scan(*arrays, mask, reverse, reset_after)[0]
    return _from_first_step(hs, mask, reverse).swapaxes(0, 1), h


def _gru_scan(x, h0, w, u, b_x, b_h, mask, reverse, reset_after):
    """The loop; also what its gradient needs of each step."""
    units = h0.shape[-1]

    def step(h, x_and_mask):
        x, here = x_and_mask
        xz, xr, xn = jnp.split(x @ w + b_x, 3, -1)
        if reset_after:
            hz, hr, inner = jnp.split(h @ u + b_h, 3, -1)
        else:
            hz, hr = jnp.split(h @ u[:, : 2 * units], 2, -1)
        z, r = jax.nn.sigmoid(xz + hz), jax.nn.sigmoid(xr + hr)
        if reset_after:
            n = jnp.tanh(xn + r * inner)
        else:
            n = jnp.tanh(xn + (r * h) @ u[:, 2 * units :])
        kept = (z, r, n, inner) if reset_after else (z, r, n)
        h = _choose(here, z * h + (1 - z) * n, h)
        return h, (h, kept)

    h, (hs, kept) = lax.scan(step, h0, (x, mask), reverse=reverse)
    return (hs, h), kept


@functools.partial(jax.custom_vjp, nondiff_argnums=(7, 8))
def _gru(x, h0, w, u, b_x, b_h, mask, reverse, reset_after):
    return _gru_scan(x, h0, w, u, b_x, b_h, mask, reverse, reset_after)[0]


def _gru_forward(x, h0, w, u, b_x, b_h, mask, reverse, reset_after):
    results, kept = _gru_scan(x, h0, w, u, b_x, b_h, mask, reverse, reset_after)
    return results, (x, h0, w, u, mask, results[0], kept)


def _gru_backward(reverse, reset_after, saved, gradients):
    x, h0, w, u, mask, hs, kept = saved
    dhs, dh = gradients
    units = h0.shape[-1]
    back = lax.optimization_barrier(u.T)
    befores = _before(h0, hs, reverse)

    def step(dh, now):
        dh_here, (z, r, n, *inner), h, here = now
        dh = dh + dh_here
        dz = dh * (h - n) * z * (1 - z)
        dn = dh * (1 - z) * (1 - n * n)
        if reset_after:
            dr = dn * inner[0] * r * (1 - r)
            from_h = jnp.concatenate([dz, dr, dn * r], -1)
            before = dh * z + from_h @ back
        else:
            reset = dn @ back[2 * units :]
            dr = reset * h * r * (1 - r)
            from_h = jnp.concatenate([dz, dr], -1)
            before = dh * z + reset * r + from_h @ back[: 2 * units]
        from_x = jnp.concatenate([dz, dr, dn], -1)
        kept = (from_x, from_h) if reset_after else (from_x,)
        shown = _choose(here, kept, jax.tree.map(jnp.zeros_like, kept))
        return _choose(here, before, dh), shown

    now = (dhs, kept, befores, mask)
    dh, (from_x, *from_h) = lax.scan(step, dh, now, reverse=not reverse)
    if reset_after:
        dx, dw, du, db_x = _projections(x, befores, w, from_x, from_h[0])
        db_h = from_h[0].sum((0, 1))
    else:
        dx, dw, du, db_x = _projections(x, befores, w, from_x, from_x[..., : 2 * units])
        after = (kept[1] * befores).reshape(-1, units)
        last = tall_product(after, from_x[..., 2 * units :].reshape(-1, units))
        du, db_h = jnp.concatenate([du, last], -1), jnp.zeros_like(db_x)
    return dx, dh, dw, du, db_x, db_h, None


_gru.defvjp(_gru_forward, _gru_backward)
