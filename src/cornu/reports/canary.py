"""A small program that some versions of XLA compute wrongly on the CPU, to see if this one does.

jaxlib 0.10.2 and 0.11 hand reductions to YNNPACK, which sums wrong rows where there are more than
32768, and reads memory that is not its own for arrays of rank 7 and 8. The engine keeps reductions
from it (`engine/runtime.py`); the canary tells whether that is so, whatever the version. What ends
a process is judged by what XLA hands over, never run.
"""

import importlib.metadata
import re
from typing import NamedTuple

ROWS = 33_000  # a few more than 2^15, where the rows begin to be wrong
# What XLA may hand to the library, as its text of a program says it.
HANDED_OVER = {"reduce(": "reductions", "dot(": "products", "convolution(": "convolutions"}


class Canary(NamedTuple):
    """What was found.

    Args:
        jaxlib: version of jaxlib.
        library: operations that XLA hands to YNNPACK, of "reductions", "products", "convolutions".
        wrong: number of wrong rows.
    """

    jaxlib: str
    library: tuple[str, ...]
    wrong: int

    @property
    def is_safe(self) -> bool:
        """Whether all numbers are right, and no reduction is handed over."""
        return not self.wrong and "reductions" not in self.library

    def problem(self) -> str | None:
        """What is unsafe, in a sentence; None if nothing is."""
        if self.is_safe:
            return None
        rows = f"{self.wrong:,} of {ROWS:,} rows of a small program are"
        seen = rows if self.wrong else "sums may be"
        return (
            f"jaxlib {self.jaxlib} hands reductions to YNNPACK in this process: {seen} wrong, and "
            f"arrays of rank 7 or 8 may end the process."
        )


def listen() -> Canary:
    """Compile and run the program, in less than a tenth of a second.

    Returns:
        What came out.

    Example:

        >>> listen().wrong
        0
    """
    import jax  # loaded when asked: the command line starts without
    import jax.numpy as jnp
    import numpy as np

    matrix = np.array([[1, 2, 0], [0, 1, 3], [2, 0, 1]], "float32")
    x = np.arange(3 * ROWS, dtype="float32").reshape(ROWS, 3) % 7
    lengths = jax.vmap(lambda row: jnp.sum(jnp.square(jnp.asarray(matrix) @ row)))
    program = jax.jit(lengths).lower(x).compile()
    expected = np.square(x @ matrix.T).sum(1)  # whole numbers: no rounding
    wrong = int((np.asarray(program(x)) != expected).sum())
    return Canary(importlib.metadata.version("jaxlib"), handed_over(program.as_text()), wrong)


def handed_over(text: str) -> tuple[str, ...]:
    """The operations that a compiled program hands to YNNPACK, by its HLO text.

    Example:

        >>> handed_over("ENTRY main { a = f32[] reduce(b) }")
        ()
    """
    bodies = dict(re.findall(r"^%?([\w.\-]+) \([^\n]*\{\n(.*?)^\}", text, re.DOTALL | re.MULTILINE))
    calls = re.findall(r"calls=%?([\w.\-]+)[^\n]*__ynn_fusion", text)
    within = "".join(bodies.get(name, "") for name in calls)
    return tuple(name for word, name in HANDED_OVER.items() if f" {word}" in within)
