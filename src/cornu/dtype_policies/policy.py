"""`DTypePolicy`: the dtype of a layer's weights and that of its computations.

policy            variables   computes in
float32           float32     float32
mixed_bfloat16    float32     bfloat16
mixed_float16     float32     float16     (with loss scaling in the optimizer)
bfloat16          bfloat16    bfloat16
"""

from cornu import settings
from cornu.core import dtypes
from cornu.core.objects import registry
from cornu.core.objects.configurable import Configurable
from cornu.core.symbolic import KerasTensor
from cornu.errors import did_you_mean, type_error, value_error
from cornu.numeric import is_float
from cornu.types import Config, Tensor


class DTypePolicy(Configurable):
    """The dtype of a layer's variables and of its computations.

    Args:
        name: dtype for both, or "mixed_float16" or "mixed_bfloat16"; the global policy if None.

    Example:

        >>> policy = DTypePolicy("mixed_bfloat16")
        >>> policy.variable_dtype, policy.compute_dtype
        ('float32', 'bfloat16')
    """

    def __init__(self, name: str | None = None):
        if name is None:
            name = dtype_policy().name
        if not isinstance(name, str):
            raise type_error(f"name must be a string, got {type(name).__name__}.")
        self._name = name
        self._compute_dtype, self._variable_dtype = self._parse(name)

    @property
    def name(self) -> str:
        """The name of the policy."""
        return self._name

    @property
    def compute_dtype(self) -> str:
        """The dtype of a layer's computations."""
        return self._compute_dtype

    @property
    def variable_dtype(self) -> str:
        """The dtype of a layer's variables."""
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
            raise value_error(
                f"{name!r} is not a dtype policy.", fix=did_you_mean(name, known)
            ) from None
        return dtype, dtype

    @property
    def quantization_mode(self) -> str | None:
        """The quantization mode; None if weights are not quantized."""
        return None

    def convert_input(self, x: Tensor, autocast: bool, dtype: str) -> Tensor:
        """Floating-point arrays cast to the dtype of the computation; other values unchanged."""
        dtype = dtypes.standardize_dtype(dtype)
        if not (autocast and hasattr(x, "dtype") and is_float(x.dtype)):
            return x
        if dtypes.standardize_dtype(x.dtype) == dtype:
            return x
        if isinstance(x, KerasTensor):
            return KerasTensor(x.shape, dtype, sparse=x.sparse)
        return x.astype(dtype)

    def get_config(self) -> Config:
        return {"name": self.name}

    def _kind(self) -> type:
        """The class whose policies are equal to this one if the configs are equal."""
        return type(self)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, DTypePolicy) or self._kind() is not other._kind():
            return False
        return self.get_config() == other.get_config()

    def __hash__(self) -> int:
        return hash((self._kind(), self.name))

    def __repr__(self) -> str:
        return f'<{self._kind().__name__} "{self.name}">'


class FloatDTypePolicy(DTypePolicy):
    """The older name of `DTypePolicy`."""

    def _kind(self) -> type:
        return DTypePolicy


registry.register_builtin(
    FloatDTypePolicy, "keras"
)  # its module in files, like that of `DTypePolicy`


def dtype_policy() -> DTypePolicy:
    """The global policy, which layers use by default."""
    policy: DTypePolicy | None = settings.current.dtype_policy
    return DTypePolicy(settings.current.floatx) if policy is None else policy


def set_global(policy: DTypePolicy | None) -> None:
    """Set the global policy; None restores `floatx`."""
    settings.current.dtype_policy = policy
