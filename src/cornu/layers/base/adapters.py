"""A matmul weight in another form: plain, or with a low-rank (LoRA) correction.

    plain   x @ kernel
    LoRA    x @ (kernel + (alpha / rank) * a @ b)       kernel frozen, a and b trained

A layer that has a kernel calls `weight(self)` where it would read the kernel, and offers
`enable_lora`. Files hold the merged kernel, so they load anywhere.

LoRA: Hu et al. 2021, "LoRA: Low-Rank Adaptation of Large Language Models".
"""

from typing import Any

from cornu import initializers, ops
from cornu.errors import explain


def weight(layer: Any, kernel: Any) -> Any:
    """The kernel as the computation sees it, in whatever form it is kept."""
    if not layer.lora_enabled:
        return kernel.value
    scale = layer.lora_alpha / layer.lora_rank
    return kernel + scale * ops.matmul(layer.lora_kernel_a, layer.lora_kernel_b)


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
    if getattr(layer, "kernel_constraint", None) or getattr(layer, "embeddings_constraint", None):
        raise ValueError(
            explain(f"LoRA does not go together with a constraint on the kernel of '{layer.name}'.")
        )
    if layer.lora_enabled:
        raise ValueError(explain(f"LoRA is enabled on layer '{layer.name}' already."))
    if not isinstance(rank, int) or rank <= 0:
        raise ValueError(explain(f"The rank of LoRA is a positive int, got {rank!r}."))
    layer.lora_kernel_a = layer.add_weight(
        name="lora_kernel_a",
        shape=(*kernel.shape[:-1], rank),
        initializer=initializers.get(a_initializer),
    )
    layer.lora_kernel_b = layer.add_weight(
        name="lora_kernel_b",
        shape=(rank, kernel.shape[-1]),
        initializer=initializers.get(b_initializer),
    )
    kernel.trainable = False
    layer.lora_enabled = True
    layer.lora_rank = rank
    layer.lora_alpha = lora_alpha if lora_alpha is not None else rank


def merged(layer: Any, kernel: Any) -> Any:
    """The kernel with the correction added, as files hold it."""
    return weight(layer, kernel)


def refuse_quantization(layer: Any, config: Any) -> None:
    """Say that quantized weights are not offered here yet."""
    if config is not None:
        raise NotImplementedError(
            explain(
                f"{type(layer).__name__} does not offer quantized weights yet.",
                fix="leave quantization_config out; dtype='mixed_bfloat16' computes in 16 bits.",
            )
        )
