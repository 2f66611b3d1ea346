"""The commonest mistakes, made in both libraries: what types of exceptions come of them."""

import importlib
import inspect
from collections.abc import Iterator
from typing import Any

import jax
import numpy as np

from compat.agreement.walk import LIBRARIES, Found, mistake, public
from parity import layers as rows
from parity.harness import Case, build, example

# Functions that change the state of the library, or load data.
NOT_CALLED = (
    "clear_session", "enable_unsafe_deserialization", "disable_interactive_logging",
    "enable_interactive_logging", "load_data", "get_word_index", "enable_traceback_filtering",
    "get_uid", "disable_traceback_filtering", "enable_flash_attention", "disable_flash_attention",
)  # fmt: skip


class Foreign:
    """Something that no library knows."""


NO_CONFIGS = {
    "no such name": "no_such",
    "no text": "",
    "a number": 3,
    "a fraction": 1.5,
    "a list": [1],
    "an array": np.ones(2),
    "bytes": b"x",
    "an empty dict": {},
    "a dict without a class": {"a": 1},
    "an unknown class": {"class_name": "NoSuch", "config": {}},
    "an object": Foreign(),
}
SPACES = (
    "activations", "constraints", "initializers", "losses", "metrics", "optimizers",
    "optimizers.schedules", "regularizers", "layers", "dtype_policies", "quantizers",
)  # fmt: skip


def of_calls() -> Iterator[Found]:
    """Everything public without its arguments, and with one that it does not know."""
    for path, (theirs, ours) in public().items():
        if not callable(theirs) or path.rpartition(".")[2] in NOT_CALLED:
            continue
        needed = 0
        if inspect.isclass(theirs) and (needed := _needed(theirs)) is None:
            continue
        yield from mistake(f"{path}()", theirs, ours)
        yield from mistake(
            f"{path}(no_such_argument=1)",
            lambda f=theirs, n=needed: f(*[2] * n, no_such_argument=1),
            lambda f=ours, n=needed: f(*[2] * n, no_such_argument=1),
        )


def _needed(cls: type) -> int | None:
    try:
        found = inspect.signature(cls).parameters.values()
    except (TypeError, ValueError):
        return None
    return len([p for p in found if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD])


def of_words() -> Iterator[Found]:
    """What `get`, `deserialize` and `serialize` cannot mean."""
    for space in SPACES:
        modules = [importlib.import_module(f"{library.__name__}.{space}") for library in LIBRARIES]
        for function in ("get", "deserialize", "serialize"):
            if not hasattr(modules[0], function):
                continue
            for what, value in NO_CONFIGS.items():
                attempts = [lambda f=getattr(m, function), v=value: f(v) for m in modules]
                yield from mistake(f"{space}.{function}({what})", *attempts)


# What a layer is called with instead of its inputs.
WRONG = {
    "a scalar": lambda shape, dtype: ((), dtype),
    "an axis more": lambda shape, dtype: ((1, *shape), dtype),
    "an axis less": lambda shape, dtype: (shape[1:], dtype),
    "booleans": lambda shape, dtype: (shape, "bool"),
    "unknown sizes": lambda shape, dtype: ((None,) * len(shape), dtype),
}


def of_layers(cases: list[Case]) -> Iterator[Found]:
    """Layers called with tensors of wrong ranks and dtypes, with nothing, and with too much."""
    for case in cases:
        inputs, options = example(case)

        def called(library: Any, *more: Any, wrong: Any = None, case=case, **keywords: Any) -> Any:
            def symbol(x: Any) -> Any:
                shape, dtype = x.shape, str(x.dtype)
                return library.KerasTensor(*(wrong(shape, dtype) if wrong else (shape, dtype)))

            inputs, options = example(case)
            build(library, case)(*jax.tree.map(symbol, inputs), *more, **options, **keywords)

        for what, wrong in WRONG.items():
            attempts = [lambda k=k, w=wrong, f=called: f(k, wrong=w) for k in LIBRARIES]
            yield from mistake(f"layers.{case.name}(...)({what})", *attempts)
        attempts = [lambda k=k, c=case: build(k, c)() for k in LIBRARIES]
        yield from mistake(f"layers.{case.name}(...)()", *attempts)
        attempts = [lambda k=k, f=called: f(k, no_such_argument=1) for k in LIBRARIES]
        yield from mistake(f"layers.{case.name}(...)(x, no_such_argument=1)", *attempts)


def one_case_a_layer() -> list[Case]:
    """The first row of the parity tables for each layer."""
    found: dict[str, Case] = {}
    for table in vars(rows).values():
        for row in table if isinstance(table, list) else ():
            if isinstance(row, Case):
                found.setdefault(row.name, row)
    return list(found.values())
