"""Which dtype policy a layer gets."""

from typing import Any

from cornu import dtype_policies
from cornu.core.context import current_path
from cornu.errors import explain


def policy_for(dtype: Any, name: str) -> Any:
    """The policy that a layer's `dtype` argument means, in a map by the layer's path.

    Args:
        dtype: a dtype, a policy, a map of policies, or None for the global one.
        name: of the layer.

    Raises:
        NotImplementedError: the policy quantizes weights.
    """
    policy = dtype_policies.get(dtype)
    if isinstance(policy, dtype_policies.DTypePolicyMap):
        policy = policy[f"{current_path()}/{name}" if current_path() else name]
    if policy.quantization_mode is not None:
        raise NotImplementedError(
            explain(
                f"Layer '{name}' asks for quantized weights ({policy.name}), which are not offered "
                "yet.",
                fix="dtype='mixed_bfloat16' computes in 16 bits.",
            )
        )
    return policy
