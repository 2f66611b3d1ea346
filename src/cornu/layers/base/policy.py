"""Which dtype policy holds for a layer, and which one files say.

    dtype="mixed_bfloat16"                    this one
    dtype=DTypePolicyMap(policy_map={...})    the one for the layer's path

A layer that makes layers of its own, such as attention with its projections, gives them its policy.
If those were quantized since, no single policy makes them again; files hold a map for it then.
"""

import re
from typing import Any

from cornu import dtype_policies


def policy_of(policy: Any, layer: Any) -> Any:
    """The policy that holds for a layer.

    Args:
        policy: a policy, or a map of policies by paths.
        layer: whose path is looked up.
    """
    if isinstance(policy, dtype_policies.DTypePolicyMap):
        return policy[layer.path]
    return policy


def policy_for_files(layer: Any) -> Any:
    """The policy, or the map of policies, that makes the layer and those inside as they are."""
    policy = layer.dtype_policy
    if not layer._shares_policy or isinstance(policy, dtype_policies.DTypePolicyMap):
        return policy
    inside = {
        f"(.*/)?{re.escape(layer.name)}/{re.escape(part.name)}": part.dtype_policy
        for part in layer._sublayers()
        if part.quantization_mode not in (None, policy.quantization_mode)
    }
    return dtype_policies.DTypePolicyMap(policy, inside) if inside else policy
