"""Which dtype policy holds for a layer, and which one files say.

    dtype="mixed_bfloat16"                    this one
    dtype=DTypePolicyMap(policy_map={...})    the one for the layer's path

A layer reads `_policy`, which `Dtypes` keeps up to date: that of its path where there is a map.

A layer that makes layers of its own, such as attention with its projections, gives them its policy.
If those were quantized since, no single policy makes them again; files hold a map for it then.
"""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from cornu import dtype_policies
from cornu.numeric import is_float
from cornu.quantizers.choose import config_of_policy


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


def with_policy_named(config: dict[str, Any]) -> dict[str, Any]:
    """A config that says a plain policy by its name, as users do who write `dtype="float16"`."""
    stored = config.get("dtype")
    if not isinstance(stored, dict):
        return config
    policy = dtype_policies.get(stored)
    plain = type(policy) in (dtype_policies.DTypePolicy, dtype_policies.FloatDTypePolicy)
    return {**config, "dtype": policy.name} if plain else config


class Dtypes:
    """The part of a layer that knows in which dtypes it keeps variables and computes."""

    if TYPE_CHECKING:
        autocast: bool
        path: str
        built: bool
        quantize: Callable[..., None]
        _quantizes: bool
        _dtype_policy: Any
        _policy: Any

    _casts_inputs = True  # whether floats are cast to the dtype of the computation before `call`
    _casts_variables = True  # whether float variables are read in that dtype during `call`

    @property
    def dtype(self) -> str:
        """The dtype of the variables."""
        return self.variable_dtype

    @property
    def dtype_policy(self) -> Any:
        """In which dtype the layer keeps its variables, and in which it computes.

        May be set to a name, a policy, or a map of policies by the paths of layers. Where the layer
        has a map, another policy becomes the map's for this layer.
        """
        return self._dtype_policy

    @dtype_policy.setter
    def dtype_policy(self, value: Any) -> None:
        policy, before = dtype_policies.get(value), self._dtype_policy
        held, quantized = policy_of(policy, self), self.quantization_mode is not None
        if held.quantization_mode and self._quantizes and self.built and not quantized:
            self.quantize(config=config_of_policy(held))
            return
        is_map = isinstance(before, dtype_policies.DTypePolicyMap)
        if is_map and not isinstance(policy, dtype_policies.DTypePolicyMap):
            if self.path in before:
                del before[self.path]
            before[self.path] = policy
            policy = before
        self._set_policy(policy)

    def _set_policy(self, policy: Any) -> None:
        self._dtype_policy = policy
        self._find_policy()

    def _find_policy(self) -> None:
        """Look up the policy that holds for the layer, which a map has by its path."""
        self._policy = policy_of(self._dtype_policy, self)

    @property
    def variable_dtype(self) -> str:
        """The dtype of the variables."""
        return self._policy.variable_dtype

    @property
    def compute_dtype(self) -> str:
        """The dtype of the computation."""
        return self._policy.compute_dtype

    @property
    def input_dtype(self) -> str:
        """The dtype to which float inputs are cast."""
        return self.compute_dtype

    @property
    def _autocast_dtype(self) -> str | None:
        """The dtype in which variables are read during a call; None if their own."""
        compute = self.compute_dtype
        if (
            not self.autocast
            or not self._casts_variables
            or compute == self.variable_dtype
            or not is_float(compute)
        ):
            return None
        return compute

    @property
    def quantization_mode(self) -> str | None:
        """How the weights are quantized; None if they are not."""
        return self._policy.quantization_mode
