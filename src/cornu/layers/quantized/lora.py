"""A matmul weight in another form: plain, or with a low-rank (LoRA) correction.

    plain   x @ kernel
    LoRA    x @ (kernel + (alpha / rank) * a @ b)       kernel frozen, a and b trained

A layer that has a kernel calls `weight(self)` where it would read the kernel, and offers
`enable_lora`. Files hold the merged kernel, so they load anywhere.

LoRA: Hu et al. 2021, "LoRA: Low-Rank Adaptation of Large Language Models".
"""

from typing import Any

from cornu import initializers, ops
from cornu.arguments import positive_int
from cornu.context import using
from cornu.errors import explain, value_error
from cornu.kernels import gather
from cornu.layers.base import own


def unbuilt(layer: Any, weight: str) -> str:
    """The message about a weight that is asked for before the layer is built."""
    return explain(
        f"{type(layer).__name__} '{layer.name}' is not built, so it has no {weight}.",
        fix="call it on a sample first, or call build(input_shape).",
    )


def weight(layer: Any, kernel: Any) -> Any:
    """The kernel as the computation sees it: the variable's value, corrected if LoRA is on."""
    if not layer.lora_enabled:
        return kernel.value
    return kernel + correction(layer, kernel.name)


def factors(layer: Any, name: str) -> tuple[Any, Any]:
    """The two small matrices, which are kept as `lora_<name of the weight>_a` and `_b`."""
    return getattr(layer, f"lora_{name}_a"), getattr(layer, f"lora_{name}_b")


def correction(layer: Any, name: str) -> Any:
    """What LoRA adds to the weight of that name."""
    a, b = factors(layer, name)
    return layer.lora_alpha / layer.lora_rank * ops.matmul(a, b)


def corrected_rows(layer: Any, name: str, rows: Any, ids: Any) -> Any:
    """Rows of a table with what LoRA adds to them, if it is on."""
    if not layer.lora_enabled:
        return rows
    a, b = factors(layer, name)
    added = ops.matmul(gather.embedding_lookup(a.value, ids), b)
    return rows + layer.lora_alpha / layer.lora_rank * added


def enable_lora(
    layer: Any,
    kernel: Any,
    rank: int,
    lora_alpha: Any,
    a_initializer: Any,
    b_initializer: Any,
    shape: Any = None,
) -> None:
    """Freeze the kernel and add two small trainable matrices beside it.

    Args:
        layer: to which the matrices are added.
        kernel: the variable; None if the layer is not built.
        rank: the number of columns of the first matrix, and of rows of the second.
        lora_alpha: the correction is multiplied by `lora_alpha / rank`; the rank if None.
        a_initializer: of the first matrix.
        b_initializer: of the second.
        shape: of the kernel in floats, if the variable has another one.

    Raises:
        ValueError: the layer is not built, LoRA is on already, or the kernel has a constraint.
    """
    if kernel is None:
        raise value_error(
            f"Layer '{layer.name}' is not built, so LoRA has no kernel to work on.",
            fix="call the layer on a sample first, or build the model.",
        )
    if kernel.constraint is not None:
        raise value_error(
            f"LoRA does not go together with a constraint on the kernel of '{layer.name}'."
        )
    if layer.lora_enabled:
        raise value_error(f"LoRA is enabled on layer '{layer.name}' already.")
    positive_int(rank, "rank", "enable_lora(4)")
    shape = kernel.shape if shape is None else shape
    shapes = {"a": (*shape[:-1], rank), "b": (rank, shape[-1])}
    with using(path=layer.path):
        for side, initializer in (("a", a_initializer), ("b", b_initializer)):
            name = f"lora_{kernel.name}_{side}"
            factor = layer.add_weight(
                name=name,
                shape=shapes[side],
                initializer=initializers.get(initializer),
                regularizer=getattr(layer, f"{kernel.name}_regularizer", None),
            )
            setattr(layer, name, factor)
    kernel.trainable = False
    layer.lora_enabled = True
    layer.lora_rank = rank
    layer.lora_alpha = lora_alpha if lora_alpha is not None else rank


def save_own(layer: Any, store: Any, kernel: Any, *others: Any) -> None:
    """Put the merged kernel and the other weights of a layer into a mapping, by position."""
    present = [weight(layer, kernel), *(v for v in others if v is not None)]
    for position, value in enumerate(present):
        store[str(position)] = value


def load_own(layer: Any, store: Any, kernel: Any, *others: Any) -> None:
    """Take them back; with LoRA the correction starts from zero again."""
    own.assign_all(layer, store, [v for v in (kernel, *others) if v is not None])
    forget_correction(layer, kernel)


def forget_correction(layer: Any, kernel: Any) -> None:
    """Let the correction start from zero again, if there is one."""
    if layer.lora_enabled:
        b = factors(layer, kernel.name)[1]
        b.assign(b.value * 0)
