"""Options of XLA for one program, where its own choice is slow.

| condition (CPU)                    | option            | measured                                |
|------------------------------------|-------------------|-----------------------------------------|
| a step that changes a large array  | second level of   | Adam on (80000, 16): .7 ms against 2.6; |
| whose last axis is 9 to 31 long (a | LLVM, not the     | epoch of wide-and-deep .051 s against   |
| table of embeddings)               | third             | .073                                    |
| anything else                      | none              | depthwise convolutions: 25 % slower     |

Rows of the benchmark: `options adam 80000x16`.

The third level writes out loops of so few steps before it looks for vectors, and finds none.
"""

import math
from collections.abc import Iterable
from typing import Any

from cornu.kernels.platform import target

NARROW = range(9, 32)
LARGE = 1 << 16  # numbers


def compiler_options(variables: Iterable[Any]) -> dict[str, Any] | None:
    """What `jax.jit` should tell the compiler of a step that changes these variables.

    Example:

        >>> from types import SimpleNamespace
        >>> compiler_options([SimpleNamespace(shape=(64, 64))]) is None
        True
    """
    if target() == "cpu" and any(map(_is_narrow, variables)):
        return {"xla_backend_optimization_level": 2}
    return None


def _is_narrow(variable: Any) -> bool:
    shape = variable.shape
    return len(shape) > 1 and shape[-1] in NARROW and math.prod(shape) >= LARGE
