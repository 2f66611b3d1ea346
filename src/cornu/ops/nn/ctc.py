"""Connectionist temporal classification (Graves et al., 2006): sequences without alignment.

A network predicts a label or the blank at each step. `ctc_loss` sums over all alignments of the
target; `ctc_decode` finds a likely label sequence.
"""

import jax.numpy as jnp

from cornu.core.graph.op import op
from cornu.core.graph.operands import tensor, to_float
from cornu.errors import did_you_mean, value_error
from cornu.kernels import sequence
from cornu.types import Tensor


@op(tensors=4, file_name="CTCLoss", compiled=True)
def ctc_loss(
    target: Tensor,
    output: Tensor,
    target_length: Tensor,
    output_length: Tensor,
    mask_index: int = 0,
) -> Tensor:
    """CTC loss: negative log-likelihood of label sequences.

    Args:
        target: labels `(batch, labels)`.
        output: logits `(batch, time, classes)`.
        target_length: number of labels per sample `(batch,)`.
        output_length: number of steps per sample `(batch,)`.
        mask_index: index of the blank class.

    Returns:
        `(batch,)`, in float32 at least.
    """
    target, output = tensor(target).astype("int32"), to_float(output)
    output = output.astype(jnp.promote_types(output.dtype, "float32"))
    if target.ndim != 2 or output.ndim != 3:
        raise value_error(
            "ctc_loss: target must have shape (batch, labels), output (batch, time, classes).",
            shapes=f"target {target.shape}, output {output.shape}",
        )
    return sequence.ctc_loss(
        target, output, tensor(target_length), tensor(output_length), mask_index
    )


@op(tensors=2, file_name="CTCDecode", compiled=True)
def ctc_decode(
    inputs: Tensor,
    sequence_lengths: Tensor,
    strategy: str = "greedy",
    beam_width: int = 100,
    top_paths: int = 1,
    merge_repeated: bool = True,
    mask_index: int = 0,
) -> Tensor:
    """Label sequences decoded from the outputs of a network trained with `ctc_loss`.

    Args:
        inputs: logits `(batch, time, classes)`.
        sequence_lengths: number of steps per sample `(batch,)`.
        strategy: "greedy" takes the best class of each step; "beam_search" sums over the
            alignments of a sequence.
        beam_width: number of candidates that the beam search keeps.
        top_paths: number of sequences that the beam search returns.
        merge_repeated: whether equal labels without a blank between are merged.
        mask_index: index of the blank class.

    Returns:
        Labels `(paths, batch, time)`, padded with -1, and scores `(batch, paths)`.
    """
    inputs = to_float(inputs)
    inputs = inputs.astype(jnp.promote_types(inputs.dtype, jnp.float32))
    lengths = tensor(sequence_lengths).astype("int32")
    if strategy == "greedy":
        return sequence.ctc_greedy_decode(inputs, lengths, merge_repeated, mask_index)
    if strategy == "beam_search":
        return sequence.ctc_beam_search_decode(inputs, lengths, beam_width, top_paths, mask_index)
    raise value_error(
        f"ctc_decode: strategy must be 'greedy' or 'beam_search', got {strategy!r}.",
        fix=did_you_mean(strategy, ["greedy", "beam_search"]),
    )
