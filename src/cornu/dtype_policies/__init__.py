"""Dtype policies: the dtype of a layer's weights and that of its computations."""

from cornu.absent import names_of
from cornu.dtype_policies.lookup import (
    deserialize as deserialize,
    get as get,
    serialize as serialize,
    set_dtype_policy as set_dtype_policy,
)
from cornu.dtype_policies.map import DTypePolicyMap as DTypePolicyMap
from cornu.dtype_policies.policy import (
    DTypePolicy as DTypePolicy,
    FloatDTypePolicy as FloatDTypePolicy,
    dtype_policy as dtype_policy,
)
from cornu.dtype_policies.quantized import (
    QUANTIZATION_MODES as QUANTIZATION_MODES,
    AWQDTypePolicy as AWQDTypePolicy,
    GPTQDTypePolicy as GPTQDTypePolicy,
    Int4DTypePolicy as Int4DTypePolicy,
    QuantizedDTypePolicy as QuantizedDTypePolicy,
    QuantizedFloat8DTypePolicy as QuantizedFloat8DTypePolicy,
)

globals()["__getattr__"] = names_of(__name__)
