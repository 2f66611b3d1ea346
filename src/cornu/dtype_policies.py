"""Dtype policies: in which dtype a layer keeps its weights, and in which it computes.

policy            variables   computes in
float32           float32     float32
mixed_bfloat16    float32     bfloat16
mixed_float16     float32     float16     (with loss scaling in the optimizer)
bfloat16          bfloat16    bfloat16
"""

import re
from collections.abc import Iterator, MutableMapping
from typing import Any

from cornu import settings
from cornu.core import dtypes
from cornu.core.configurable import Configurable
from cornu.core.serialize import deserialize_keras_object
from cornu.core.symbolic import KerasTensor
from cornu.errors import did_you_mean, explain

QUANTIZATION_MODES = ("int8", "float8", "int4", "gptq", "awq")


class DTypePolicy(Configurable):
    """The dtype of a layer's variables and of its computations.

    Args:
        name: a dtype for both, or `mixed_float16` or `mixed_bfloat16`; the global policy if None.

    Example:

        >>> policy = DTypePolicy("mixed_bfloat16")
        >>> policy.variable_dtype, policy.compute_dtype
        ('float32', 'bfloat16')
    """

    quantization_mode: str | None = None

    def __init__(self, name: str | None = None):
        if name is None:
            name = dtype_policy().name
        if not isinstance(name, str):
            raise TypeError(explain(f"A policy's name is a string, got {type(name).__name__}."))
        self._name = name
        self._compute_dtype, self._variable_dtype = self._parse(name)

    @property
    def name(self) -> str:
        """What the policy is called in configs."""
        return self._name

    @property
    def compute_dtype(self) -> str:
        """The dtype in which a layer computes."""
        return self._compute_dtype

    @property
    def variable_dtype(self) -> str:
        """The dtype in which a layer keeps its variables."""
        return self._variable_dtype

    def _parse(self, name: str) -> tuple[str, str]:
        if name.startswith("mixed_"):
            compute = name.removeprefix("mixed_")
            if compute in ("float16", "bfloat16"):
                return compute, "float32"
        try:
            dtype = dtypes.standardize_dtype(name)
        except ValueError:
            known = ["mixed_float16", "mixed_bfloat16", *dtypes.ALLOWED]
            raise ValueError(
                explain(f"{name!r} is not a dtype policy.", fix=did_you_mean(name, known))
            ) from None
        return dtype, dtype

    def convert_input(self, x: Any, autocast: bool, dtype: str) -> Any:
        """A float array in the dtype of the computation; anything else as it is."""
        dtype = dtypes.standardize_dtype(dtype)
        if not (autocast and hasattr(x, "dtype") and dtypes.is_float(x.dtype)):
            return x
        if dtypes.standardize_dtype(x.dtype) == dtype:
            return x
        if isinstance(x, KerasTensor):
            return KerasTensor(x.shape, dtype, sparse=x.sparse)
        return x.astype(dtype)

    def get_config(self) -> dict[str, Any]:
        return {"name": self.name}

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.get_config() == other.get_config()

    def __hash__(self) -> int:
        return hash((type(self), self.name))

    def __repr__(self) -> str:
        return f'<{type(self).__name__} "{self.name}">'


class FloatDTypePolicy(DTypePolicy):
    """A policy of floating dtypes; the older name of `DTypePolicy`."""


_process: dict[str, DTypePolicy | None] = {"policy": None}


def dtype_policy() -> DTypePolicy:
    """The policy of layers that are given none."""
    policy = _process["policy"]
    return DTypePolicy(settings.current.floatx) if policy is None else policy


def set_dtype_policy(policy: Any) -> None:
    """Set the policy of layers made from now on, by name or as an object; None resets it.

    Example:

        >>> set_dtype_policy("mixed_bfloat16")
        >>> dtype_policy().compute_dtype
        'bfloat16'
        >>> set_dtype_policy("float32")
    """
    _process["policy"] = None if policy is None else get(policy)


def get(identifier: Any) -> DTypePolicy:
    """The policy that a name, a dtype, a config or a policy means; the global one for None."""
    if identifier is None:
        return dtype_policy()
    if isinstance(identifier, (DTypePolicy, DTypePolicyMap)):
        return identifier  # type: ignore[return-value]
    if isinstance(identifier, dict):
        return deserialize(identifier)
    if isinstance(identifier, str):
        return DTypePolicy(identifier)
    return DTypePolicy(dtypes.standardize_dtype(identifier))


def serialize(policy: DTypePolicy) -> dict[str, Any]:
    """The policy as a config for files."""
    return {
        "module": "keras",
        "class_name": type(policy).__name__,
        "config": policy.get_config(),
        "registered_name": None,
    }


def deserialize(
    config: dict[str, Any], custom_objects: dict[str, Any] | None = None
) -> DTypePolicy:
    """The policy that a config describes."""
    return deserialize_keras_object(config, custom_objects)


class DTypePolicyMap(Configurable, MutableMapping):
    """Policies by the path of a layer; the default policy for paths that are not listed.

    Args:
        default_policy: for unlisted paths; the global policy if None.
        policy_map: path -> policy; a path may be a regular expression that fits whole paths.

    Example:

        >>> policies = DTypePolicyMap()
        >>> policies["model/dense"] = DTypePolicy("bfloat16")
        >>> policies["model/dense"].name, policies["model/other"].name
        ('bfloat16', 'float32')
    """

    def __init__(self, default_policy: Any = None, policy_map: dict[str, Any] | None = None):
        if policy_map is not None and not isinstance(policy_map, dict):
            raise TypeError(
                explain(f"policy_map is a dict of paths, got {type(policy_map).__name__}.")
            )
        self._default = None if default_policy is None else get(default_policy)
        self._policies = {path: get(policy) for path, policy in (policy_map or {}).items()}

    @property
    def name(self) -> str:
        """Name of the map, from its default policy."""
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
        matches = [known for known in self._policies if re.fullmatch(known, path)]
        if len(matches) > 1:
            raise ValueError(
                explain(f"Several entries of the policy map fit {path!r}.", entries=matches)
            )
        return self._policies[matches[0]] if matches else self.default_policy

    def __setitem__(self, path: str, policy: Any) -> None:
        if path in self._policies:
            raise ValueError(explain(f"{path!r} is in the policy map already."))
        self._policies[path] = get(policy)

    def __delitem__(self, path: str) -> None:
        del self._policies[path]

    def __contains__(self, path: object) -> bool:
        return path in self._policies

    def __len__(self) -> int:
        return len(self._policies)

    def __iter__(self) -> Iterator[str]:
        return iter(self._policies)

    def get_config(self) -> dict[str, Any]:
        policies = {path: serialize(policy) for path, policy in self._policies.items()}
        default = None if self._default is None else serialize(self._default)
        return {"default_policy": default, "policy_map": policies}
