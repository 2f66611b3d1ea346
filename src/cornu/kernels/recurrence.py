"""Loops over time."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

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
        mask: `(time, batch)` booleans. Where False, the step is skipped: states and output are those
            of the step computed before it (a zero output before the first computed step).
        unroll: True writes the steps out one after the other; an int writes out so many at a time.
        zero_output_for_mask: give zeros at skipped steps instead of the output before.

    Returns:
        `(last_output, outputs, final_states)`: the output of the step computed last, all outputs
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


def _choose(here: jax.Array, yes: Tree, no: Tree) -> Tree:
    """Per sample: `yes` where the mask `(batch,)` is True."""

    def pick(a, b):
        return jnp.where(here.reshape(here.shape + (1,) * (a.ndim - here.ndim)), a, b)

    return jax.tree.map(pick, yes, no)


def lstm(x, h0, c0, kernel, recurrent_kernel, bias, mask=None, reverse=False):
    units = h0.shape[-1]

    def step(x, states):
        h, c = states
        z = x @ kernel + h @ recurrent_kernel
        z = z if bias is None else z + bias
        i, f, g, o = (z[..., n * units : (n + 1) * units] for n in range(4))
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        h = jax.nn.sigmoid(o) * jnp.tanh(c)
        return h, (h, c)

    mask = None if mask is None else mask.swapaxes(0, 1)
    _, outputs, (h, c) = scan_time(step, (h0, c0), x.swapaxes(0, 1), reverse, mask)
    return outputs.swapaxes(0, 1), h, c


def gru(x, h0, kernel, recurrent_kernel, bias, mask=None, reverse=False, reset_after=True):
    units = h0.shape[-1]
    bx, bh = (bias[0], bias[1]) if bias is not None and bias.ndim == 2 else (bias, None)

    def step(x, h):
        zx = x @ kernel
        zx = zx if bx is None else zx + bx
        if reset_after:
            zh = h @ recurrent_kernel
            zh = zh if bh is None else zh + bh
            z = jax.nn.sigmoid(zx[..., :units] + zh[..., :units])
            r = jax.nn.sigmoid(zx[..., units : 2 * units] + zh[..., units : 2 * units])
            n = jnp.tanh(zx[..., 2 * units :] + r * zh[..., 2 * units :])
        else:
            zh = h @ recurrent_kernel[:, : 2 * units]
            z = jax.nn.sigmoid(zx[..., :units] + zh[..., :units])
            r = jax.nn.sigmoid(zx[..., units : 2 * units] + zh[..., units:])
            n = jnp.tanh(zx[..., 2 * units :] + (r * h) @ recurrent_kernel[:, 2 * units :])
        h = z * h + (1 - z) * n
        return h, h

    mask = None if mask is None else mask.swapaxes(0, 1)
    _, outputs, h = scan_time(step, h0, x.swapaxes(0, 1), reverse, mask)
    return outputs.swapaxes(0, 1), h
