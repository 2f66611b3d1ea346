"""The logits behind a probability.

A cross-entropy is best computed from logits, but a model often ends in a softmax or a sigmoid. In a
`with remember_logits():` block (the training step opens one) these two note their inputs, which a
loss finds by their outputs:

    logits --softmax--> probabilities --loss--> logits_of(probabilities)  ->  logits
                             |                        ^
                             +----- id -> logits -----+         nothing outlives the block
"""

from contextlib import AbstractContextManager

from cornu.context import local, using
from cornu.core.graph.operands import tensor
from cornu.types import Tensor


def remember_logits() -> AbstractContextManager[None]:
    """Let `softmax` and `sigmoid` note their inputs for the length of a `with` block."""
    return using(logits={})


def note_logits(output: Tensor, logits: Tensor, kind: str) -> None:
    """Note that `output` is the `kind` ("softmax" over the last axis, or "sigmoid") of `logits`."""
    if local.logits is not None:
        local.logits[id(output)] = (output, logits, kind)  # the output keeps its id taken


def logits_of(y: Tensor, kind: str | None = None) -> Tensor | None:
    """The input of the softmax or sigmoid that gave `y`; None if it is not known.

    Args:
        y: output of a function in this thread's open `remember_logits` block.
        kind: the only function that counts, "softmax" or "sigmoid"; None for both.

    Returns:
        The logits, of the shape of `y`, or None.

    Example:

        >>> import jax.numpy as jnp
        >>> from cornu.activations import sigmoid
        >>> with remember_logits():
        ...     y = sigmoid(jnp.array([0.5]))
        ...     float(logits_of(y)[0]), logits_of(y, "softmax")
        (0.5, None)
        >>> logits_of(y) is None
        True
    """
    note = local.logits and local.logits.get(id(y))
    return note[1] if note and kind in (None, note[2]) else None


def same_logits(old: Tensor, new: Tensor) -> None:
    """Carry the note of `old` over to `new`, which is the same tensor in another dtype."""
    note = local.logits and local.logits.get(id(old))
    if note and new is not old:
        note_logits(new, tensor(note[1], new.dtype), note[2])
