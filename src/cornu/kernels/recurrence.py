"""Loops over time: any cell, and LSTM and GRU with their gradients written out.

    x[0] --> step --> x[1] --> step --> ...      states flow along, outputs line up with xs
               |                 |
            output[0]         output[1]

A mask skips steps: where it is False, states and output are those of the step computed before.

| condition (CPU, known sizes)  | lowering                        | measured                       |
|-------------------------------|---------------------------------|--------------------------------|
| any cell                      | lax.scan, a step per iteration  | unrolling is never faster      |
| gates                         | the `tanh` of `gates.py`        | forward, batch 256: 6.6        |
|                               |                                 | against 7.0                    |
| input projection              | inside the loop                 | ahead of it 11-12 against 5    |
| LSTM, with gradients          | per step one product, [x,1,h] @ | forward + gradients 11.0; two  |
|                               | all weights; [x, 1, h] is kept  | products, h kept alone 11.5;   |
|                               | for the gradient of all         | gates in one array 12.1;       |
|                               | weights, one product            | autodiff 13.2                  |
| LSTM, GRU: backward loop      | gradients of the gates written  | a concatenation that the scan  |
|                               | side by side right where they   | keeps: 2 % more                |
|                               | stay                            |                                |
| float16, bfloat16             | computed in float32             | sums over time keep digits     |
| other platform, symbolic size | lax.scan, autodiff              | tuned there                    |

Rows of the benchmark: `lstm 28x128, 128 units`, `gru 28x128, 128 units`.

(LSTM of 28 steps, 28 features, 128 units, batch 128 where no other is named.)

Of these 11.0 ms 7.7 are the matrix products, near the peak of the core. The rest is vectorized;
it fills, writes and reads what the steps keep, 11 MB, and the gradients of the gates, 7 MB. Tried
without success: gradients written over the kept gates (XLA copies the whole array at each step),
one kept array for all (no faster), four products a step backward (1.1 ms more), gates scaled ahead
of the loop (no faster), unrolling.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from cornu.kernels.derivatives import Arrays, Differentiable, Tree
from cornu.kernels.gates import sigmoid, tanh
from cornu.kernels.platform import tuned
from cornu.kernels.rows import tall_product


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
        unroll: True for no loop; an int for the number of steps per iteration.
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

        def body(states: Tree, x: Tree) -> tuple[Tree, Tree]:
            output, states = step(x, states)
            return states, output

        final, outputs = lax.scan(body, initial, xs, reverse=reverse, unroll=unroll)
    else:
        first = jax.tree.map(lambda a: a[0], xs)
        spec = jax.eval_shape(lambda x, s: step(x, s)[0], first, initial)
        zeros = jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), spec)

        def masked_body(carry: Arrays, x_and_mask: Arrays) -> tuple[Tree, Tree]:
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

    def pick(a: jax.Array, b: jax.Array) -> jax.Array:
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
    if tuned(x) and x.shape[1]:
        wide = jnp.promote_types(x.dtype, jnp.float32)
        hs, h, c = _lstm(*(a.astype(wide) for a in arrays), mask, reverse)
        hs, h, c = (a.astype(x.dtype) for a in (hs, h, c))
    else:
        hs, h, c = _lstm_scan(*arrays, mask, reverse)
    return _from_first_step(hs, mask, reverse).swapaxes(0, 1), h, c


def _lstm_gates(z: jax.Array) -> tuple[jax.Array, ...]:
    i, f, g, o = jnp.split(z, 4, -1)
    return sigmoid(i), sigmoid(f), tanh(g), sigmoid(o)


def _lstm_scan(
    x: jax.Array,
    h0: jax.Array,
    c0: jax.Array,
    w: jax.Array,
    u: jax.Array,
    b: jax.Array,
    mask: jax.Array | None,
    reverse: bool,
) -> Arrays:
    """The loop; its gradient is that of the plain form."""

    def step(states: Tree, x_and_mask: Arrays) -> Arrays:
        h, c = states
        x, here = x_and_mask
        i, f, g, o = _lstm_gates(x @ w + h @ u + b)
        new_c = f * c + i * g
        states = _choose(here, (o * tanh(new_c), new_c), states)
        return states, states[0]

    (h, c), hs = lax.scan(step, (h0, c0), (x, mask), reverse=reverse)
    return hs, h, c


_lstm = Differentiable(_lstm_scan, nondiff_argnums=(7,))


def _lstm_forward(
    x: jax.Array,
    h0: jax.Array,
    c0: jax.Array,
    w: jax.Array,
    u: jax.Array,
    b: jax.Array,
    mask: jax.Array | None,
    reverse: bool,
) -> tuple[Arrays, Arrays]:
    """The loop, keeping what the gradient needs of each step.

    `[x, 1, h]` goes into one product with one matrix of all weights: kept as it is, it is one
    side of the product that gives all weight gradients.
    """
    ones = jnp.ones((*x.shape[:2], 1), x.dtype)
    weights = lax.optimization_barrier(jnp.concatenate([w, b[None], u]))

    def step(states: Tree, x_and_mask: Arrays) -> Arrays:
        h, c = states
        x1, here = x_and_mask
        inputs = jnp.concatenate([x1, h], -1)
        i, f, g, o = gates = _lstm_gates(inputs @ weights)
        new_c = f * c + i * g
        h, c = states = _choose(here, (o * tanh(new_c), new_c), states)
        return states, (h, c, gates, inputs)

    x1 = jnp.concatenate([x, ones], -1)
    (h, c), (hs, cs, gates, inputs) = lax.scan(step, (h0, c0), (x1, mask), reverse=reverse)
    return (hs, h, c), (inputs, gates, c0, cs, w, u, mask)


def _lstm_backward(reverse: bool, saved: Arrays, gradients: Arrays) -> Arrays:
    inputs, gates, c0, cs, w, u, mask = saved
    dhs, dh, dc = gradients
    time, units = len(cs), c0.shape[-1]
    back = lax.optimization_barrier(u.T)

    def step(n: jax.Array, carry: Arrays) -> Arrays:
        dh, dc, dzs = carry
        t = n if reverse else time - 1 - n
        (i, f, g, o), c, dh_here, here = _at(t, (gates, cs, dhs, mask))
        before = jnp.where(n == time - 1, c0, _at(t + 1 if reverse else t - 1, cs))
        dh = dh + dh_here
        y = tanh(c)
        through = dc + dh * o * (1 - y * y)
        dz = (
            through * g * i * (1 - i),
            through * before * f * (1 - f),
            through * i * (1 - g * g),
            dh * y * o * (1 - o),
        )
        dzs = _write(dzs, t, _choose(here, dz, jax.tree.map(jnp.zeros_like, dz)))
        dh, dc = _choose(here, (_at(t, dzs) @ back, through * f), (dh, dc))
        return dh, dc, dzs

    dzs = jnp.zeros((*cs.shape[:2], 4 * units), cs.dtype)
    dh, dc, dzs = lax.fori_loop(0, time, step, (dh, dc, dzs))
    dx, dw = _projection(inputs, w, dzs)
    features = len(w)
    return dx, dh, dc, dw[:features], dw[features + 1 :], dw[features], None


_lstm.defvjp(_lstm_forward, _lstm_backward)


def _at(t: jax.Array | int, arrays: Tree) -> Tree:
    """What the arrays `(time, ...)` hold at one time."""
    return jax.tree.map(lambda a: lax.dynamic_index_in_dim(a, t, keepdims=False), arrays)


def _write(stack: jax.Array, t: jax.Array | int, blocks: tuple[jax.Array, ...]) -> jax.Array:
    """Write blocks of columns `(batch, units)` side by side at one time of the stack.

    One update for each block: XLA:CPU computes it right where it goes, while a concatenation is
    made of single rows and then copied.
    """
    for k, block in enumerate(blocks):
        stack = lax.dynamic_update_slice(stack, block[None], (t, 0, k * block.shape[-1]))
    return stack


def _projection(x: jax.Array, w: jax.Array, dz: jax.Array) -> Arrays:
    """Gradients of `x @ w` to both, all steps in one product each; x may have more columns."""
    rows = lambda a: a.reshape(-1, a.shape[-1])  # noqa: E731
    dx = (rows(dz) @ w.T).reshape(*x.shape[:2], len(w))
    return dx, tall_product(rows(x), rows(dz))


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
    if tuned(x) and x.shape[1]:
        wide = jnp.promote_types(x.dtype, jnp.float32)
        hs, h = _gru(*(a.astype(wide) for a in arrays), mask, reverse, reset_after)
        hs, h = hs.astype(x.dtype), h.astype(x.dtype)
    else:
        hs, h = _gru_scan(*arrays, mask, reverse, reset_after)[0]
    return _from_first_step(hs, mask, reverse).swapaxes(0, 1), h


def _gru_scan(
    x: jax.Array,
    h0: jax.Array,
    w: jax.Array,
    u: jax.Array,
    b_x: jax.Array,
    b_h: jax.Array,
    mask: jax.Array | None,
    reverse: bool,
    reset_after: bool,
) -> tuple[Arrays, Arrays]:
    """The loop; also what its gradient needs of each step."""
    units = h0.shape[-1]

    def step(h: jax.Array, x_and_mask: Arrays) -> Arrays:
        x, here = x_and_mask
        xz, xr, xn = jnp.split(x @ w + b_x, 3, -1)
        if reset_after:
            hz, hr, inner = jnp.split(h @ u + b_h, 3, -1)
        else:
            hz, hr = jnp.split(h @ u[:, : 2 * units], 2, -1)
        z, r = sigmoid(xz + hz), sigmoid(xr + hr)
        n = tanh(xn + (r * inner if reset_after else (r * h) @ u[:, 2 * units :]))
        new_h = _choose(here, z * h + (1 - z) * n, h)
        return new_h, (new_h, (z, r, n, inner if reset_after else None, h))

    h, (hs, kept) = lax.scan(step, h0, (x, mask), reverse=reverse)
    return (hs, h), kept


def _gru_forward(
    x: jax.Array, h0: jax.Array, w: jax.Array, u: jax.Array, *rest: Any
) -> tuple[Arrays, Arrays]:
    results, kept = _gru_scan(x, h0, w, u, *rest)
    _, _, mask, *_ = rest
    return results, (x, w, u, mask, kept)


def _gru_results(*arguments: Any) -> Arrays:
    return _gru_scan(*arguments)[0]


_gru = Differentiable(_gru_results, nondiff_argnums=(7, 8))


def _gru_backward(reverse: bool, reset_after: bool, saved: Arrays, gradients: Arrays) -> Arrays:
    x, w, u, mask, kept = saved
    dhs, dh = gradients
    (time, batch), units = x.shape[:2], dh.shape[-1]
    back = lax.optimization_barrier(u.T)

    def step(n: jax.Array, carry: Arrays) -> Arrays:
        dh, from_x, from_h = carry
        t = n if reverse else time - 1 - n
        (z, r, n, inner, h), dh_here, here = _at(t, (kept, dhs, mask))
        dh = dh + dh_here
        dz = dh * (h - n) * z * (1 - z)
        dn = dh * (1 - z) * (1 - n * n)
        reset = dn * inner if reset_after else dn @ back[2 * units :]
        dr = reset * r * (1 - r) if reset_after else reset * h * r * (1 - r)
        shown = (dz, dr, dn, dn * r)
        dz, dr, dn, dnr = _choose(here, shown, jax.tree.map(jnp.zeros_like, shown))
        from_x = _write(from_x, t, (dz, dr, dn))
        if reset_after:
            from_h = _write(from_h, t, (dz, dr, dnr))
            before = dh * z + _at(t, from_h) @ back
        else:
            before = dh * z + reset * r + _at(t, from_x)[:, : 2 * units] @ back[: 2 * units]
        return _choose(here, before, dh), from_x, from_h

    stack = jnp.zeros((time, batch, 3 * units), dh.dtype)
    carry = (dh, stack, stack if reset_after else None)
    dh, from_x, from_h = lax.fori_loop(0, time, step, carry)
    ones = jnp.ones((time, batch, 1), x.dtype)
    dx, dw = _projection(jnp.concatenate([x, ones], -1), w, from_x)
    dw, db_x = dw[:-1], dw[-1]
    _, r, _, _, h = kept
    rows = lambda a: a.reshape(-1, a.shape[-1])  # noqa: E731
    if reset_after:
        du, db_h = tall_product(rows(h), rows(from_h)), from_h.sum((0, 1))
    else:
        gates = tall_product(rows(h), rows(from_x[..., : 2 * units]))
        du = jnp.concatenate([gates, tall_product(rows(r * h), rows(from_x[..., 2 * units :]))], -1)
        db_h = jnp.zeros_like(db_x)
    return dx, dh, dw, du, db_x, db_h, None


_gru.defvjp(_gru_forward, _gru_backward)
