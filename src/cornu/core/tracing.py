"""What JAX does during a load, counted as it does it: by the primitive, not by the name of an op.

    Diff(n=10**7)      traces ten million subtractions        refused after some ten thousand
    HSplit(10**6)      one primitive with a million results   refused before it makes them
    jnp.ones(10**9)    a primitive that is run                refused before its memory is taken

JAX hands each primitive to the trace that is current, and the two kinds of traces that a load meets
are told to count first. Without these private classes of JAX nothing is counted here, and what JAX
does is bounded by the sizes of files and variables alone.
"""

import functools
import math
from typing import Any

from jax._src import core as jax_core
from jax._src.interpreters import partial_eval

from cornu import budget

_FEW = 8  # sizes that every primitive may have: of axes, of a window


def _price(tracers: Any, params: dict[str, Any]) -> int:
    """Units for a primitive: more for one with many operands or many results."""
    many = sum(len(v) for v in params.values() if type(v) is tuple and len(v) > _FEW)
    return 1 + len(tracers) // 4 + many


def _count(cls: Any, *, runs: bool) -> None:
    """Let traces of a class count their primitives; `runs` if it computes them."""
    plain = getattr(cls, "process_primitive", None)
    if plain is None:
        return

    @functools.wraps(plain)
    def process_primitive(self: Any, primitive: Any, tracers: Any, params: Any, /) -> Any:
        purse = budget.current()
        if purse is not None:
            purse.work(_price(tracers, params))
            if runs:
                purse.work(_elements(primitive, tracers, params) // budget.ELEMENTS)
        return plain(self, primitive, tracers, params)

    cls.process_primitive = process_primitive


def _elements(primitive: Any, operands: Any, params: dict[str, Any]) -> int:
    """Elements of the results of a primitive that is about to run; 0 if that is not known."""
    try:
        found = primitive.abstract_eval(*map(jax_core.typeof, operands), **params)[0]
    except Exception:  # the primitive says itself what is wrong
        return 0
    results = found if isinstance(found, (list, tuple)) else [found]
    return sum(math.prod(getattr(result, "shape", ())) for result in results)


def _watch() -> None:
    _count(getattr(partial_eval, "DynamicJaxprTrace", None), runs=False)
    _count(getattr(jax_core, "EvalTrace", None), runs=True)


budget.WATCHES.append(_watch)
