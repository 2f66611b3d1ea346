"""Policies of layers with quantized weights.

The name of a policy has the quantization mode and the source policy:

    int8_from_mixed_bfloat16        mode _from_ source
    int4/128_from_float32           mode/block size
    gptq/4/128_from_float32         mode/bits/group size

| mode   | weights                          | class                                        |
|--------|----------------------------------|----------------------------------------------|
| int8   | int8, per-channel scale          | QuantizedDTypePolicy                         |
| int4   | int4, per-channel scale          | QuantizedDTypePolicy                         |
| int4/  | int4, scale per block            | Int4DTypePolicy                              |
| float8 | float8, scale from history       | QuantizedFloat8DTypePolicy                   |
| gptq/  | 2, 3, 4 or 8 bits, by GPTQ       | GPTQDTypePolicy                              |
| awq/   | 4 bits, by AWQ                   | AWQDTypePolicy                               |

A policy describes the quantization in configs; it changes no weights.
"""

from typing import ClassVar

from cornu.arguments import is_int, one_of
from cornu.dtype_policies.policy import DTypePolicy
from cornu.errors import type_error, value_error
from cornu.types import Config

QUANTIZATION_MODES = ("int8", "float8", "int4", "gptq", "awq")


class QuantizedDTypePolicy(DTypePolicy):
    """The dtypes of a source policy, with quantized weights.

    Args:
        mode: quantization mode: "int8", "int4", "float8", "gptq" or "awq".
        source_name: name of the source policy; the global policy if None.

    Raises:
        ValueError: the mode is unknown, or "int8" is combined with float16 computations.

    Example:

        >>> policy = QuantizedDTypePolicy("int8", "mixed_bfloat16")
        >>> policy.name, policy.compute_dtype, policy.quantization_mode
        ('int8_from_mixed_bfloat16', 'bfloat16', 'int8')
    """

    def __init__(self, mode: str, source_name: str | None = None):
        self._quantization_mode = self._read_mode(mode)
        source = DTypePolicy(source_name)
        self._mode = mode
        self._source_name = source.name
        self._name = f"{mode}_from_{source.name}"
        self._compute_dtype = source.compute_dtype
        self._variable_dtype = source.variable_dtype
        if mode == "int8" and self.compute_dtype == "float16":
            raise value_error(
                "int8 cannot compute in float16, in which its sums overflow.",
                received=self.name,
                fix="source_name='mixed_bfloat16' or 'float32'",
            )

    @property
    def quantization_mode(self) -> str:
        """The quantization mode without sizes: one of `QUANTIZATION_MODES`."""
        return self._quantization_mode

    def _read_mode(self, mode: str) -> str:
        """Check the mode and store its sizes."""
        return one_of(mode, QUANTIZATION_MODES, "mode")

    def get_config(self) -> Config:
        return {"mode": self._mode, "source_name": self._source_name}


class QuantizedFloat8DTypePolicy(QuantizedDTypePolicy):
    """Policy of "float8": 8-bit floats, scaled by the maximum magnitudes of past steps.

    Args:
        mode: "float8".
        source_name: name of the source policy; the global policy if None.
        amax_history_length: number of past maxima that determine the scale.

    Example:

        >>> QuantizedFloat8DTypePolicy("float8", "float32", 16).amax_history_length
        16
    """

    default_amax_history_length: ClassVar[int] = 1024

    def __init__(
        self,
        mode: str,
        source_name: str | None = None,
        amax_history_length: int = default_amax_history_length,
    ):
        super().__init__(mode, source_name)
        if not is_int(amax_history_length):
            raise type_error(
                f"amax_history_length must be an integer, got {amax_history_length!r}.",
                fix="amax_history_length=1024",
            )
        self._amax_history_length = amax_history_length

    @property
    def amax_history_length(self) -> int:
        """The number of past maxima that determine the scale."""
        return self._amax_history_length

    def get_config(self) -> Config:
        return {**super().get_config(), "amax_history_length": self.amax_history_length}


class _WithSizes(QuantizedDTypePolicy):
    """Base of policies whose mode has sizes: `name/size/size`."""

    form: ClassVar[str]
    bits: ClassVar[tuple[int, ...]]

    @property
    def mode(self) -> str:
        """The quantization mode without sizes."""
        return str(self.quantization_mode)

    def _sizes(self, mode: str) -> list[int]:
        """The sizes of a mode of the given `form`."""
        name, *parts = str(mode).split("/")
        wanted, *slots = self.form.split("/")
        try:
            sizes = [int(part) for part in parts]
        except ValueError:
            sizes = []
        if name != wanted or len(sizes) != len(slots):
            example = self.form.replace("<weight_bits>", "4").replace("<group_size>", "128")
            raise value_error(
                f"The mode of {type(self).__name__} must have the form {self.form!r}.",
                received=repr(mode),
                fix=f"mode={example.replace('<block_size>', '128')!r}",
            )
        return sizes

    def _check_size(self, size: int, what: str) -> int:
        if size != -1 and size < 1:
            raise value_error(f"{what} must be positive, or -1 for per-channel scales, got {size}.")
        return size

    def _check_bits(self, bits: int) -> int:
        if bits not in self.bits:
            known = ", ".join(map(str, self.bits))
            raise value_error(
                f"The weight bits of {type(self).__name__} must be one of {known}, got {bits}."
            )
        return bits


class Int4DTypePolicy(_WithSizes):
    """Policy of int4 weights with a scale per block of inputs.

    Args:
        mode: `"int4/<block_size>"`; -1 for per-channel scales.
        source_name: name of the source policy; the global policy if None.

    Example:

        >>> Int4DTypePolicy("int4/128", "float32").block_size
        128
    """

    form = "int4/<block_size>"
    block_size: int

    def _read_mode(self, mode: str) -> str:
        (size,) = self._sizes(mode)
        self.block_size = self._check_size(size, "The block size")
        return "int4"


class GPTQDTypePolicy(_WithSizes):
    """Policy of weights quantized by GPTQ, which compensates rounding errors weight by weight.

    Args:
        mode: `"gptq/<weight_bits>/<group_size>"`, with 2, 3, 4 or 8 bits; group size -1 for
            per-channel scales.
        source_name: name of the source policy; the global policy if None.

    Example:

        >>> policy = GPTQDTypePolicy("gptq/4/128", "float32")
        >>> policy.weight_bits, policy.group_size, policy.quantization_mode
        (4, 128, 'gptq')
    """

    form = "gptq/<weight_bits>/<group_size>"
    bits = (2, 3, 4, 8)
    weight_bits: int
    group_size: int

    def _read_mode(self, mode: str) -> str:
        bits, size = self._sizes(mode)
        self.weight_bits = self._check_bits(bits)
        self.group_size = self._check_size(size, "The group size")
        return "gptq"


class AWQDTypePolicy(_WithSizes):
    """Policy of 4-bit weights quantized by AWQ, which preserves channels of large activations.

    Args:
        mode: `"awq/4/<group_size>"`; group size -1 for per-channel scales.
        source_name: name of the source policy; the global policy if None.

    Example:

        >>> AWQDTypePolicy("awq/4/-1", "mixed_bfloat16").name
        'awq/4/-1_from_mixed_bfloat16'
    """

    form = "awq/<weight_bits>/<group_size>"
    bits = (4,)
    weight_bits: int
    group_size: int

    def _read_mode(self, mode: str) -> str:
        bits, size = self._sizes(mode)
        self.weight_bits = self._check_bits(bits)
        self.group_size = self._check_size(size, "The group size")
        return "awq"


_BY_KIND: dict[str, type[QuantizedDTypePolicy]] = {
    "float8": QuantizedFloat8DTypePolicy,
    "gptq": GPTQDTypePolicy,
    "awq": AWQDTypePolicy,
    "int4/": Int4DTypePolicy,
}


def quantized(name: str) -> QuantizedDTypePolicy:
    """The quantized policy with a name such as `"int8_from_float32"`.

    Raises:
        ValueError: the name has another form, or a part of it is unknown.

    Example:

        >>> quantized("int4/64_from_float32").block_size
        64
    """
    parts = name.split("_from_")
    if len(parts) != 2:
        raise value_error(
            f"The name of a quantized policy must be '<mode>_from_<policy>', got {name!r}.",
            fix=f"{parts[0] + '_from_float32'!r}",
        )
    mode, source = parts
    kind, slash, _ = mode.partition("/")
    cls = _BY_KIND.get(kind) or _BY_KIND.get(kind + slash) or QuantizedDTypePolicy
    return cls(mode, source)
