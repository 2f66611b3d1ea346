"""`DTypePolicyMap`: policies by layer path.

"decoder/dense"    an entry with that path           -> its policy
"encoder/dense_3"  one matching pattern "encoder/.*" -> its policy
any other path                                       -> the default policy
"""

from collections.abc import Iterator, MutableMapping
from typing import Any

from cornu import patterns
from cornu.core.objects.serialize import deserialize_keras_object
from cornu.dtype_policies.lookup import get, serialize
from cornu.dtype_policies.policy import DTypePolicy, dtype_policy
from cornu.errors import type_error, value_error
from cornu.types import Config, DTypeLike


class DTypePolicyMap(DTypePolicy, MutableMapping):
    """Dict from layer path to policy, with a default policy for all other paths.

    A map without a default policy is saved without dtypes: quantized layers stay quantized, and
    compute with the global policy of the program that loads them.

    Args:
        default_policy: policy of unlisted paths; the global policy if None.
        policy_map: dict from path to policy; a path may be a regular expression, which must match
            whole paths.

    Example:

        >>> policies = DTypePolicyMap()
        >>> policies["model/dense"] = DTypePolicy("bfloat16")
        >>> policies["model/dense"].name, policies["model/other"].name
        ('bfloat16', 'float32')
    """

    def __init__(
        self, default_policy: DTypeLike | None = None, policy_map: dict[str, Any] | None = None
    ):
        if policy_map is not None and not isinstance(policy_map, dict):
            raise type_error(f"policy_map must be a dict, got {type(policy_map).__name__}.")
        self._default = None if default_policy is None else get(default_policy)
        self._policies = {path: get(policy) for path, policy in (policy_map or {}).items()}

    @property
    def name(self) -> str:
        """The name of the map, from that of its default policy."""
        return "map_" + self.default_policy.name

    @property
    def default_policy(self) -> DTypePolicy:
        """The policy of unlisted paths."""
        return self._default or dtype_policy()

    @property
    def variable_dtype(self) -> str:
        return self.default_policy.variable_dtype

    @property
    def compute_dtype(self) -> str:
        return self.default_policy.compute_dtype

    @property
    def quantization_mode(self) -> str | None:
        return self.default_policy.quantization_mode

    def __getitem__(self, path: str) -> DTypePolicy:
        if path in self._policies:
            return self._policies[path]
        matches = [known for known in self._policies if patterns.fits(known, path)]
        if len(matches) > 1:
            raise value_error(
                f"Several patterns of the policy map match {path!r}.", patterns=matches
            )
        return self._policies[matches[0]] if matches else self.default_policy

    def __setitem__(self, path: str, policy: DTypeLike) -> None:
        if path in self._policies:
            raise value_error(
                f"{path!r} is already in the policy map.", fix=f"del policy_map[{path!r}]"
            )
        self._policies[path] = get(policy)

    def __delitem__(self, path: str) -> None:
        del self._policies[path]

    def __contains__(self, path: object) -> bool:
        return path in self._policies

    def __len__(self) -> int:
        return len(self._policies)

    def __iter__(self) -> Iterator[str]:
        return iter(self._policies)

    def get_config(self) -> Config:
        policies = {path: serialize(policy) for path, policy in self._policies.items()}
        if self._default is None:
            policies = {path: _without_dtypes(stored) for path, stored in policies.items()}
            return {"default_policy": None, "policy_map": policies}
        return {"default_policy": serialize(self._default), "policy_map": policies}

    @classmethod
    def from_config(cls, config: Config, custom_objects: Config | None = None) -> "DTypePolicyMap":
        """Create a map from what `get_config` returned; policies may be names."""
        return cls(**deserialize_keras_object(config, custom_objects))

    def __repr__(self) -> str:
        entries = {path: policy.name for path, policy in self._policies.items()}
        return f"<DTypePolicyMap {self.default_policy.name}, {entries}>"


def _without_dtypes(stored: Config) -> Config:
    """The config of a policy without dtypes, which takes those of the global policy when loaded."""
    open_names = {key: None for key in ("name", "source_name") if key in stored["config"]}
    return {**stored, "config": {**stored["config"], **open_names}}
