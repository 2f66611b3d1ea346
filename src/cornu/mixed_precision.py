"""Mixed precision: dtype policies by their older names."""

from cornu.absent import names_of
from cornu.dtype_policies import (
    DTypePolicy as DTypePolicy,
    dtype_policy as dtype_policy,
    set_dtype_policy as set_dtype_policy,
)
from cornu.optimizers import LossScaleOptimizer as LossScaleOptimizer

Policy = DTypePolicy
global_policy = dtype_policy
set_global_policy = set_dtype_policy

globals()["__getattr__"] = names_of(__name__)
