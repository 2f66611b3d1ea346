"""Connectionist temporal classification: label sequences without their places in time.

A network says at each step which label it hears, or that it hears none. `ctc_loss` sums over all
ways to spell the target with such steps; `ctc_decode` finds a likely spelling.
"""

from typing import Any

import jax.numpy as jnp

from cornu.core.graph.op import op
from cornu.core.graph.operands import tensor, to_float
from cornu.errors import did_you_mean, value_error
from cornu.kernels import sequence


@op(tensors=4, file_name="CTCLoss", compiled=True)
def ctc_loss(
    target: Any, output: Any, target_length: Any, output_length: Any, mask_index: int = 0
) -> Any:
    """Connectionist temporal classification: how unlikely a label sequence is.

    Args:
        target: labels `(batch, labels)`.
        output: logits `(batch, time, classes)`.
        target_length: used labels `(batch,)`.
        output_length: used steps `(batch,)`.
        mask_index: the class that means "no label".

    Returns:
        `(batch,)`, minus the logarithm of the probability of each target, in float32 at least.
    """
    target, output = tensor(target).astype("int32"), to_float(output)
    output = output.astype(jnp.promote_types(output.dtype, "float32"))
    if target.ndim != 2 or output.ndim != 3:
        raise value_error(
            "ctc_loss takes targets (batch, labels) and outputs (batch, time, classes).",
            shapes=f"target {target.shape}, output {output.shape}",
        )
    return sequence.ctc_loss(
        target, output, tensor(target_length), tensor(output_length), mask_index
    )


@op(tensors=2, file_name="CTCDecode", compiled=True)
def ctc_decode(
    inputs: Any,
    sequence_lengths: Any,
    strategy: str = "greedy",
    beam_width: int = 100,
    top_paths: int = 1,
    merge_repeated: bool = True,
    mask_index: int = 0,
) -> Any:
    """Label sequences read off the outputs of a network trained with `ctc_loss`.

    Args:
        inputs: logits `(batch, time, classes)`.
        sequence_lengths: used steps `(batch,)`.
        strategy: "greedy" takes the best class of each step; "beam_search" sums over the ways to
            spell a label sequence.
        beam_width: candidates kept by the beam search.
        top_paths: how many results of the beam search.
        merge_repeated: whether a class repeated without a blank between is one label.
        mask_index: the class that means "no label".

    Returns:
        Labels `(paths, batch, time)`, filled up with -1, and scores `(batch, paths)`.
    """
    inputs = to_float(inputs)
    inputs = inputs.astype(jnp.promote_types(inputs.dtype, jnp.float32))
    lengths = tensor(sequence_lengths).astype("int32")
    if strategy == "greedy":
        return sequence.ctc_greedy_decode(inputs, lengths, merge_repeated, mask_index)
    if strategy == "beam_search":
        return sequence.ctc_beam_search_decode(inputs, lengths, beam_width, top_paths, mask_index)
    raise value_error(
        f"ctc_decode has no strategy {strategy!r}.",
        fix=did_you_mean(strategy, ["greedy", "beam_search"]),
    )
