"""Loops and branches do what Python's do."""

import itertools

import numpy as np
from hypothesis import strategies as st

from cornu import Variable, ops
from properties.laws import close, law, numbers, same

LENGTHS = st.sampled_from([1, 2, 5])
SEEDS = st.integers(0, 3)


@law(n=LENGTHS, reverse=st.booleans(), unroll=st.sampled_from([1, 2, True]), seed=SEEDS)
def test_scan_is_a_loop(n, reverse, unroll, seed):
    def step(carry, x):
        total, last = carry
        return (total + x, x), total * last

    xs = numbers((n, 2), seed=seed)
    start = (np.zeros(2, "float32"), np.ones(2, "float32"))
    carry, ys = ops.scan(step, start, xs, reverse=reverse, unroll=unroll)

    state, outputs = start, [None] * n
    for i in reversed(range(n)) if reverse else range(n):
        state, outputs[i] = step(state, xs[i])
    for got, wanted in zip(carry, state, strict=True):
        same(got, wanted)
    same(ys, np.stack(outputs))


@law(n=LENGTHS, seed=SEEDS)
def test_scan_with_a_variable(n, seed):
    total = Variable(np.zeros(2, "float32"))

    def step(carry, x):
        total.assign_add(x * carry)
        return carry + 1, total.value

    xs = numbers((n, 2), seed=seed)
    carry, ys = ops.scan(step, np.float32(1), xs)
    assert float(carry) == n + 1
    steps = np.cumsum(xs * np.arange(1, n + 1, dtype="float32")[:, None], 0)
    same(ys, steps)
    same(total.value, steps[-1])


COMBINATIONS = {
    "sum": (lambda a, b: a + b, ops.cumsum),
    "product": (lambda a, b: a * b, ops.cumprod),
    "maximum": (ops.maximum, lambda x, axis: np.maximum.accumulate(x, axis)),
}


@law(n=LENGTHS, how=st.sampled_from(sorted(COMBINATIONS)), reverse=st.booleans(), seed=SEEDS)
def test_associative_scan_is_the_running_result(n, how, reverse, seed):
    combine, running = COMBINATIONS[how]
    x = numbers((2, n), seed=seed)
    got = ops.associative_scan(combine, x, reverse=reverse, axis=1)
    turned = np.flip(x, 1) if reverse else x
    wanted = np.asarray(running(turned, axis=1))
    close(got, np.flip(wanted, 1) if reverse else wanted)


@law(start=st.integers(-3, 12), step=st.integers(1, 4), limit=st.sampled_from([None, 0, 2]))
def test_while_loop_is_while(start, step, limit):
    i, rounds = start, 0
    while i < 10 and (limit is None or rounds < limit):
        i, rounds = i + step, rounds + 1
    got = ops.while_loop(
        lambda i, s, n: i < 10, lambda i, s, n: (i + s, s, n + 1), (start, step, 0), limit
    )
    assert [int(x) for x in got] == [i, step, rounds]


@law(lower=st.integers(-2, 2), upper=st.integers(-2, 4), seed=SEEDS)
def test_fori_loop_is_for(lower, upper, seed):
    x = numbers((3,), seed=seed)
    total = x
    for i in range(lower, upper):
        total = total * np.float32(0.5) + np.float32(i)
    same(ops.fori_loop(lower, upper, lambda i, t: t * 0.5 + i, x), total)


@law(index=st.integers(-1, 4), seed=SEEDS)
def test_switch_takes_the_branch_nearest_in_range(index, seed):
    branches = [lambda x: x + 1, lambda x: x * 2, lambda x: -x]
    x = numbers((3,), seed=seed)
    same(ops.switch(index, branches, x), branches[min(max(index, 0), 2)](x))
    same(
        ops.cond(index > 1, lambda: branches[0](x), lambda: branches[1](x)),
        branches[0](x) if index > 1 else branches[1](x),
    )


@law(n=LENGTHS, seed=SEEDS)
def test_map_and_vectorized_map_are_list_comprehensions(n, seed):
    def f(pair):
        return pair["a"] * 2 - pair["b"].sum()

    pair = {"a": numbers((n, 3), seed=seed), "b": numbers((n, 2), seed=seed + 1)}
    wanted = np.stack([f({k: v[i] for k, v in pair.items()}) for i in range(n)])
    same(ops.map(f, pair), wanted)
    same(ops.vectorized_map(f, pair), wanted)


@law(seed=SEEDS)
def test_running_results_by_scan_and_by_itertools(seed):
    xs = numbers((5,), "int32", seed)
    _, ys = ops.scan(lambda c, x: (c * 2 + x, c * 2 + x), 0, xs)
    wanted = itertools.accumulate(xs.tolist(), lambda c, x: c * 2 + x)
    assert ys.tolist() == list(wanted)
