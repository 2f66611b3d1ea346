"""A matmul weight in another form: plain, or with a low-rank (LoRA) correction.

    plain   x @ kernel
    LoRA    x @ (kernel + (alpha / rank) * a @ b)       kernel frozen, a and b trained

A layer that has a kernel calls `weight(self)` where it would read the kernel, and offers
`enable_lora`. Files hold the merged kernel, so they load anywhere.

LoRA: Hu et al. 2021, "LoRA: Low-Rank Adaptation of Large Language Models".
"""

from typing import Any

from cornu import initializers, ops
from cornu.core.context import using
from cornu.errors import explain
from cornu.layers.base import own


def weight(layer: Any, kernel: Any) -> Any:
    """The kernel as the computation sees it, in whatever form it is kept."""
    if not layer.lora_enabled:
        return kernel.value
    a, b = factors(layer, kernel)
    return kernel + scale(layer) * ops.matmul(a, b)


def scale(layer: Any) -> float:
    """By what the product of the small matrices is multiplied."""
    return layer.lora_alpha / layer.lora_rank


def factors(layer: Any, kernel: Any) -> tuple[Any, Any]:
    """The two small matrices, which are kept as `lora_<name of the weight>_a` and `_b`."""
    return getattr(layer, f"lora_{kernel.name}_a"), getattr(layer, f"lora_{kernel.name}_b")


def enable_lora(
    layer: Any, kernel: Any, rank: int, lora_alpha: Any, a_initializer: Any, b_initializer: Any
) -> None:
    """Freeze the kernel and add two small trainable matrices beside it.

    Raises:
        ValueError: LoRA is on already, or the kernel has a constraint.
        RuntimeError: the layer is not built.
    """
    if kernel is None:
        raise RuntimeError(
            explain(
                f"Layer '{layer.name}' is not built, so LoRA has no kernel to work on.",
                fix="call the layer on a sample first, or build the model.",
            )
        )
    if kernel.constraint is not None:
        raise ValueError(
            explain(f"LoRA does not go together with a constraint on the kernel of '{layer.name}'.")
        )
    if layer.lora_enabled:
        raise ValueError(explain(f"LoRA is enabled on layer '{layer.name}' already."))
    if not isinstance(rank, int) or rank <= 0:
        raise ValueError(explain(f"The rank of LoRA is a positive int, got {rank!r}."))
    shapes = {"a": (*kernel.shape[:-1], rank), "b": (rank, kernel.shape[-1])}
    with using(path=layer.path):
        for side, initializer in (("a", a_initializer), ("b", b_initializer)):
            name = f"lora_{kernel.name}_{side}"
            factor = layer.add_weight(
                name=name, shape=shapes[side], initializer=initializers.get(initializer)
            )
            setattr(layer, name, factor)
    kernel.trainable = False
    layer.lora_enabled = True
    layer.lora_rank = rank
    layer.lora_alpha = lora_alpha if lora_alpha is not None else rank


def merged(layer: Any, kernel: Any) -> Any:
    """The kernel with the correction added, as files hold it."""
    return weight(layer, kernel)


def save_own(layer: Any, store: Any, kernel: Any, *others: Any) -> None:
    """Put the merged kernel and the other weights of a layer into a mapping, by position."""
    present = [merged(layer, kernel), *(v for v in others if v is not None)]
    for position, value in enumerate(present):
        store[str(position)] = value


def load_own(layer: Any, store: Any, kernel: Any, *others: Any) -> None:
    """Take them back; with LoRA the correction starts from zero again."""
    if not layer.lora_enabled:
        own.load_own_variables(layer, store)
        return
    for position, variable in enumerate([kernel, *(v for v in others if v is not None)]):
        variable.assign(store[str(position)])
    b = factors(layer, kernel)[1]
    b.assign(b.value * 0)


def refuse_quantization(layer: Any, config: Any) -> None:
    """Say that quantized weights are not offered here yet."""
    if config is not None:
        raise NotImplementedError(
            explain(
                f"{type(layer).__name__} does not offer quantized weights yet.",
                fix="leave quantization_config out; dtype='mixed_bfloat16' computes in 16 bits.",
            )
        )
