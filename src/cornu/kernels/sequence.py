"""Connectionist temporal classification: the loss, and reading labels off outputs.

A label sequence `a b` can be spelled over time with blanks (-) and repetitions: `-aa-b`, `a-bb-`.
The loss sums the probability of all spellings by a forward recursion over the extended labels

    state     0  1  2  3  4
    symbol    -  a  -  b  -        from each state: stay, go on by one, or skip a blank
                                   between two different labels

in logarithms; one step of a `lax.scan` per time step, all samples at once.
"""

import functools

import jax
import jax.numpy as jnp
from jax import lax

from cornu.budget import counted

_NEVER = -1e5  # the logarithm of a probability that is as good as zero; keeps gradients finite


def ctc_loss(
    labels: jax.Array,
    logits: jax.Array,
    label_lengths: jax.Array,
    logit_lengths: jax.Array,
    blank: int,
) -> jax.Array:
    """Minus the logarithm of the probability of each label sequence.

    Args:
        labels: `(batch, labels)` integers.
        logits: `(batch, time, classes)`.
        label_lengths, logit_lengths: `(batch,)`, how much of each row counts.
        blank: the class that means "no label".

    Returns:
        `(batch,)`.

    Example:

        >>> even = jnp.zeros((1, 1, 2))
        >>> one = jnp.array([1])
        >>> ctc_loss(jnp.array([[1]]), even, one, one, 0).round(4).tolist()
        [0.6930999755859375]
    """
    logp = jax.nn.log_softmax(logits, axis=-1)
    batch, count = labels.shape
    states = 2 * count + 1
    symbols = jnp.full((batch, states), blank, labels.dtype).at[:, 1::2].set(labels)
    # a blank may be skipped between two labels that differ
    differs = jnp.pad(labels[:, 1:] != labels[:, :-1], ((0, 0), (1, 0)))
    may_skip = jnp.zeros((batch, states), bool).at[:, 1::2].set(differs)
    emitted = jnp.take_along_axis(
        logp, jnp.broadcast_to(symbols[:, None, :], (batch, logp.shape[1], states)), axis=2
    )  # (batch, time, states)

    first = jnp.full((batch, states), _NEVER, logp.dtype)
    first = first.at[:, :2].set(emitted[:, 0, :2])

    def step(alpha: jax.Array, now: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, None]:
        t, logits_t = now
        one = jnp.pad(alpha, ((0, 0), (1, 0)), constant_values=_NEVER)[:, :states]
        two = jnp.pad(alpha, ((0, 0), (2, 0)), constant_values=_NEVER)[:, :states]
        two = jnp.where(may_skip, two, _NEVER)
        new = jnp.logaddexp(jnp.logaddexp(alpha, one), two) + logits_t
        return jnp.where((t < logit_lengths)[:, None], new, alpha), None

    times = jnp.arange(1, logp.shape[1])
    alpha, _ = lax.scan(step, first, (times, jnp.moveaxis(emitted, 1, 0)[1:]))
    last = 2 * label_lengths.astype("int32")
    end = jnp.take_along_axis(alpha, last[:, None], axis=1)[:, 0]
    label = jnp.take_along_axis(alpha, jnp.maximum(last - 1, 0)[:, None], axis=1)[:, 0]
    return -jnp.where(last > 0, jnp.logaddexp(end, label), end)


def ctc_greedy_decode(
    logits: jax.Array, lengths: jax.Array, merge_repeated: bool, blank: int
) -> tuple[jax.Array, jax.Array]:
    """The best class of each step, without repetitions and blanks.

    Args:
        logits: `(batch, time, classes)`.
        lengths: `(batch,)`, used steps.
        merge_repeated: whether a class repeated without a blank between is one label.
        blank: the class that means "no label"; negative ones count from the end.

    Returns:
        Labels `(1, batch, time)`, -1 behind the last, and minus the sum of the best scores
        `(batch, 1)`.
    """
    batch, time, classes = logits.shape
    blank = blank + classes if blank < 0 else blank
    best = jnp.argmax(logits, axis=-1).astype("int32")
    scores = jnp.max(logits, axis=-1)
    used = jnp.arange(time) < lengths[:, None]
    scores = -jnp.sum(jnp.where(used, scores, 0), axis=1, keepdims=True)
    keep = (best != blank) & used
    if merge_repeated:
        previous = jnp.pad(best, ((0, 0), (1, 0)), constant_values=-1)[:, :time]
        keep &= best != previous
    place = jnp.where(keep, jnp.cumsum(keep, axis=1) - 1, time)
    rows = jnp.arange(batch)[:, None]
    labels = jnp.full((batch, time), -1, "int32").at[rows, place].set(best, mode="drop")
    return labels[None], scores


def ctc_beam_search_decode(
    logits: jax.Array, lengths: jax.Array, beam_width: int, top_paths: int, blank: int
) -> tuple[jax.Array, jax.Array]:
    """The most probable label sequences, summed over the ways to spell them.

    Each candidate keeps the probability of its spellings that end in a blank and of those that end
    in its last label. A step extends all candidates by all classes; extensions with the same labels
    are merged, and the best `beam_width` stay.

    Args:
        logits: `(batch, time, classes)`.
        lengths: `(batch,)`, used steps.
        beam_width: candidates kept.
        top_paths: results returned.
        blank: the class that means "no label"; negative ones count from the end.

    Returns:
        Labels `(top_paths, batch, time)`, -1 behind the last, and log probabilities
        `(batch, top_paths)`.
    """
    classes = logits.shape[-1]
    blank = blank + classes if blank < 0 else blank
    search = functools.partial(_search, beam_width=beam_width, top_paths=top_paths, blank=blank)
    labels, scores = jax.vmap(search)(jax.nn.log_softmax(logits, axis=-1), lengths)
    return jnp.moveaxis(labels, 1, 0), scores


def _search(
    logp: jax.Array, length: jax.Array, *, beam_width: int, top_paths: int, blank: int
) -> tuple[jax.Array, jax.Array]:
    time, classes = logp.shape
    none = jnp.asarray(-jnp.inf, logp.dtype)
    labels = jnp.full((beam_width, time), -1, "int32")
    sizes = jnp.zeros(beam_width, "int32")
    in_blank = jnp.full(beam_width, none).at[0].set(0.0)
    in_label = jnp.full(beam_width, none)
    others = jnp.asarray([c for c in counted(range(classes)) if c != blank], "int32")

    def step(state: tuple[jax.Array, ...], now: tuple[jax.Array, jax.Array]) -> tuple:
        t, p = now
        labels, sizes, in_blank, in_label = state
        total = jnp.logaddexp(in_blank, in_label)
        last = jnp.where(
            sizes > 0, jnp.take_along_axis(labels, (sizes - 1)[:, None], axis=1)[:, 0], -1
        )
        # the same labels: a blank, or the last label once more
        stay_blank = total + p[blank]
        stay_label = jnp.where(sizes > 0, in_label + p[last], none)
        # one label more; the same label again needs a blank between
        from_ = jnp.where(others[None] == last[:, None], in_blank[:, None], total[:, None])
        grow = from_ + p[others][None]  # (beams, classes - 1)
        grown = jnp.broadcast_to(labels[:, None], (beam_width, classes - 1, time))
        at = jnp.arange(time) == sizes[:, None, None]
        grown = jnp.where(at, others[None, :, None], grown)
        all_labels = jnp.concatenate([labels, grown.reshape(-1, time)])
        all_sizes = jnp.concatenate([sizes, jnp.repeat(sizes + 1, classes - 1)])
        all_blank = jnp.concatenate([stay_blank, jnp.full(grow.size, none)])
        all_label = jnp.concatenate([stay_label, grow.reshape(-1)])
        # a grown candidate may have the labels of one that stayed: they are one candidate
        same = jnp.all(all_labels[:, None] == labels[None], axis=-1)  # (candidates, beams)
        same &= (sizes[None] == all_sizes[:, None]) & jnp.isfinite(total)[None]
        is_grown = jnp.arange(all_sizes.size) >= beam_width
        into = same & is_grown[:, None]
        gained = jax.nn.logsumexp(jnp.where(into, all_label[:, None], none), axis=0)
        merged = jnp.any(into, axis=1)
        all_label = jnp.where(merged, none, all_label)
        all_label = all_label.at[:beam_width].set(jnp.logaddexp(stay_label, gained))
        _, kept = lax.top_k(jnp.logaddexp(all_blank, all_label), beam_width)
        new = (all_labels[kept], all_sizes[kept], all_blank[kept], all_label[kept])
        going = t < length
        return tuple(jnp.where(going, a, b) for a, b in zip(new, state, strict=True)), None

    start = (labels, sizes, in_blank, in_label)
    (labels, sizes, in_blank, in_label), _ = lax.scan(step, start, (jnp.arange(time), logp))
    scores, order = lax.top_k(jnp.logaddexp(in_blank, in_label), top_paths)
    return labels[order], scores
