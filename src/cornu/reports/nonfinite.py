"""What to say when the loss of a training is NaN or infinite: where it began, and what to try.

FloatingPointError: Training broke at batch 17 of epoch 3: the loss is nan.
  first:  the output of layer 'ratio' (Lambda): 12 NaN of 640 numbers; its input is finite,
          up to 2.5
  before: everything was finite; the model has its weights from before this batch
  fix:    look for a logarithm, a root, a division or an exponential in it.
"""

import numpy as np

from cornu.errors import explain
from cornu.findings import ERROR, Finding
from cornu.numeric import is_float
from cornu.types import Tensor

KINDS = ("data", "variable", "input", "output", "loss", "gradient", "update", "nothing")

_CLIP = "optimizer=keras.optimizers.Adam(0.001, clipnorm=1.0)"
_FIXES = {
    "data": "x = numpy.nan_to_num(x, posinf=0, neginf=0); numpy.isfinite finds the rows.",
    "variable": "make the model anew, or load weights from before.",
    "input": "look for a logarithm, a root, a division or an exponential before this layer.",
    "output": "look for a logarithm, a root, a division or an exponential in it. Numbers that\n"
    f"have become huge want smaller steps: {_CLIP}",
    "loss": "look at the labels of this batch; losses of probabilities are safer as losses of\n"
    "logits: no last activation, and from_logits=True.",
    "gradient": "a root or a norm has no slope at 0: add a small number inside it.\n"
    f"or clip the gradients: {_CLIP}",
    "update": f"smaller steps: {_CLIP}",
    "nothing": f"smaller steps: {_CLIP}",
}


def nonfinite(kind: str, where: str, what: str = "") -> Finding:
    """Where numbers that are not finite appeared first in a step.

    Args:
        kind: one of `KINDS`.
        where: what they are in: "the output of layer 'ratio' (Lambda)".
        what: how many they are, and what is still finite.
    """
    return Finding(ERROR, what, where=where, kind=kind)


def count_nonfinite(array: Tensor) -> str:
    """How many numbers are not finite, in words; empty if all are.

    Example:

        >>> count_nonfinite(np.array([1.0, np.nan, np.inf]))
        '1 NaN and 1 infinite of 3 numbers'
    """
    array = np.asarray(array)
    if array.dtype.kind not in "fcV" and not is_float(array.dtype):
        return ""
    wide = array.astype("float32") if array.dtype.kind == "V" or array.itemsize < 4 else array
    nans, infinite = int(np.isnan(wide).sum()), int(np.isinf(wide).sum())
    parts = [f"{n} {word}" for n, word in ((nans, "NaN"), (infinite, "infinite")) if n]
    return f"{' and '.join(parts)} of {array.size} numbers" if parts else ""


def explain_nonfinite(
    what: str,
    *,
    batch: str,
    epoch: int,
    finding: Finding,
    replayed: bool,
    too_fast: tuple[str, str] | None = None,
) -> str:
    """The message.

    Args:
        what: what was observed, "the loss is nan".
        batch: batch that broke it, counted from 1, or a range of batches if that is not known.
        epoch: index of the epoch, counted from 0.
        finding: result of the search in that batch.
        replayed: whether the batch was run again from the weights before it; if not, the finding
            is about the current weights.
        too_fast: if the weights were huge before, a sentence that says so, and the optimizer to
            use instead.
    """
    if replayed:
        before = "everything was finite; the model has its weights from before this batch"
        if finding.kind == "variable":
            before = "this variable was not finite any more"
        elif finding.kind == "nothing":
            before = "when the batch ran once more, by itself, everything was finite"
    else:
        before = "not known: no copy of the weights from before is at hand, so this is about the "
        before += "weights\nas they are now"
    fix = _FIXES[finding.kind]
    reason = {}
    if too_fast is not None and finding.kind not in ("data", "variable"):
        reason, fix = {"cause": too_fast[0]}, too_fast[1]
    return explain(
        f"Training broke at batch {batch} of epoch {epoch + 1}: {what}.",
        **reason,
        first=f"{finding.where}: {finding.what}" if finding.what else finding.where,
        before=before,
        fix=f"{fix}\n"
        "fit(..., check=False) trains on, and callbacks.TerminateOnNaN() stops without an error.",
    )
