"""Lookup of policies by name, dtype or config."""

from typing import Any

from cornu import settings
from cornu.core import dtypes
from cornu.core.objects.serialize import deserialize_one, serialize_keras_object
from cornu.dtype_policies.policy import DTypePolicy, dtype_policy, set_global
from cornu.dtype_policies.quantized import QUANTIZATION_MODES, quantized
from cornu.errors import value_error
from cornu.types import Config, DTypeLike


def get(identifier: Any) -> DTypePolicy:
    """The policy for an identifier; the global policy for None.

    Args:
        identifier: name such as `"mixed_bfloat16"` or `"int8_from_float32"`, dtype, config or
            policy.

    Raises:
        ValueError: the identifier is unknown.

    Example:

        >>> get("gptq/4/128_from_mixed_bfloat16").group_size
        128
    """
    if identifier is None:
        return dtype_policy()
    if isinstance(identifier, DTypePolicy):
        return identifier
    if isinstance(identifier, dict):
        policy = deserialize(identifier)
        if not isinstance(policy, DTypePolicy):
            raise value_error(
                f"The config must be that of a dtype policy, got one of {type(policy).__name__}."
            )
        return policy
    if isinstance(identifier, str):
        if identifier.startswith(QUANTIZATION_MODES):
            return quantized(identifier)
        return DTypePolicy(identifier)
    return DTypePolicy(dtypes.standardize_dtype(identifier))


def set_dtype_policy(policy: DTypeLike) -> None:
    """Set the global policy, which layers created from now on use by default.

    Args:
        policy: policy, also by name or config.

    Raises:
        ValueError: the policy is None or unknown.

    Example:

        >>> set_dtype_policy("mixed_bfloat16")
        >>> dtype_policy().compute_dtype
        'bfloat16'
        >>> set_dtype_policy("float32")
    """
    if policy is None:
        raise value_error(
            "The global dtype policy cannot be None.",
            fix=f"keras.config.set_dtype_policy({settings.current.floatx!r})",
        )
    set_global(get(policy))


def serialize(dtype_policy: DTypePolicy) -> Config:
    """The config of a policy."""
    return serialize_keras_object(dtype_policy)


def deserialize(config: Config, custom_objects: Config | None = None) -> DTypePolicy:
    """The policy that a config describes."""
    return deserialize_one(config, custom_objects)
