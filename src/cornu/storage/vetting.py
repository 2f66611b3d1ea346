"""Vetting of a config before a model is made of it: code, sizes and amount of work.

    text --safejson--> config --vet_config--> config ---------> model --shapes--> weights
                         |                      |
                         code, slots, files     every variable against a budget, which is what
                         sizes, amount of work  the weights of the file account for
                                                (budget.py)

sizes    units, filters, input_dim, ...: a layer never has more outputs than it has weights, so a
         number beyond all that the weights file holds is there to fill the memory
work     a model that holds a model twice, which holds one twice, ... is short to write and takes
         ever to trace; what all calls together trace is counted first, and what tracing does
         while it does it
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from cornu import budget
from cornu.core.objects import registry
from cornu.core.objects.serialize import SPECIAL, find_class, find_function
from cornu.core.objects.vetting import objects, vet_objects
from cornu.errors import (
    UnsafeFileError,
    frames_of,
    is_explained,
    is_of_a_library,
    make_error,
    shorten,
    value_error,
)
from cornu.types import Config

# Arguments that are sizes of axes of weights, or of tables that a layer makes.
SIZES = (
    "units", "filters", "input_dim", "output_dim", "num_heads", "num_query_heads", "head_dim",
    "key_dim", "value_dim", "intermediate_size", "depth_multiplier", "lora_rank", "fft_length",
    "num_mel_bins", "num_thresholds",
)  # fmt: skip
# What wrong values lead to where nobody expects them.
_MISTAKES = (LookupError, AttributeError, ArithmeticError, RecursionError, AssertionError)
_NAMED = 200  # names that a judgement tells
MAX_WORK = 200_000  # objects that are made and calls that are traced; large models have 20,000


def vet_config(config: Config, *, what: str, stored: int | None = None) -> None:
    """Refuse code, and sizes that the weights of the file do not account for.

    Args:
        config: JSON values.
        what: name of the text in messages, such as "config.json".
        stored: number of elements of all arrays in the weights file; None without one.

    Raises:
        UnsafeFileError: the config is refused; the message names the layer.

    Example:

        >>> vet_config({"class_name": "Dense", "config": {"units": 3}}, what="a.json", stored=12)
    """
    work = _work(config)
    if work > MAX_WORK:
        raise make_error(
            UnsafeFileError,
            f"The model in {what} has too many calls of layers.",
            calls=work,
            limit=MAX_WORK,
        )
    purse = budget.current()
    if purse is not None:
        purse.require(budget.OBJECT * work)
    vet_objects(config, what=what)
    if stored is None:
        return
    for name, _, value in objects(config):
        size = _size(value.get("config"))
        if size > stored + budget.SLACK_ELEMENTS:
            raise make_error(
                UnsafeFileError,
                f"Layer {name!r} in {what} needs far more memory than the weights of the file.",
                elements=f"{size} at least",
                file=f"{stored} elements",
            )


@contextmanager
def loading(what: str, *, size: int = 0, safe_mode: bool = True) -> Iterator[None]:
    """Load a file within a budget; errors become short ones of our own.

    Args:
        what: name of the file in messages.
        size: size of a text in bytes; files that are opened inside are added.
        safe_mode: whether work and memory are limited by the size of the file.

    Raises:
        UnsafeFileError: the file asks for more than it accounts for.
        ValueError: the file is damaged, or does not describe a model.

    Example:

        >>> with loading("config.json"):
        ...     {}["units"]
        Traceback (most recent call last):
        ValueError: config.json does not describe a model that can be made.
          error: KeyError: 'units'
          fix:   the file is damaged, or written by another version; get it again from its source.
    """
    try:
        with budget.within(budget.Budget(what, size, trusted=not safe_mode)):
            yield
    except Exception as error:
        if _is_told(error):
            shorten(error)
            raise
        raise value_error(
            f"{what[:1].upper()}{what[1:]} does not describe a model that can be made."
            if what.startswith("the ")
            else f"{what} does not describe a model that can be made.",
            error=f"{type(error).__name__}: {str(error)[:300]}",
            fix="the file is damaged, or written by another version; get it again from its source.",
        ) from error


def _is_told(error: Exception) -> bool:
    """Whether an error says what it is: in our words, or in those of a class of the user's."""
    if isinstance(error, _MISTAKES):
        return False
    if isinstance(error, (UnsafeFileError, NotImplementedError, OSError, ImportError)):
        return True
    return is_explained(error) or not all(is_of_a_library(f.tb_frame) for f in frames_of(error))


def bounded(stored: int | None, arrays: int = 0) -> None:
    """Limit the variables of the current load to what the file has for them.

    Args:
        stored: number of elements of all arrays in the file; None for a text without weights.
        arrays: number of arrays in the file.
    """
    purse = budget.current()
    assert purse is not None, "outside of `loading`"
    if stored is None:
        purse.without_weights()
    else:
        purse.stored(stored, arrays)


def _work(value: object) -> int:
    """Objects to make and calls to trace: what is inside an object is traced by each of its calls.

    The depth of a config is limited where its text is parsed, so this may call itself.
    """
    if isinstance(value, list):
        return sum(_work(item) for item in value if isinstance(item, (dict, list)))
    if not isinstance(value, dict):
        return 0
    calls = value.get("inbound_nodes")
    inside = sum(_work(item) for key, item in value.items() if key != "inbound_nodes")
    if "class_name" not in value:
        return inside
    return (1 + inside) * max(1, len(calls) if isinstance(calls, list) else 1)


def _size(config: Config | None) -> int:
    """A lower bound of the number of weights, from the sizes that a config names."""
    if not isinstance(config, dict):
        return 0
    sizes = [config.get(key) for key in SIZES]
    largest = max((n for n in sizes if isinstance(n, int)), default=0)
    table: list[Any] = [config.get("input_dim"), config.get("output_dim")]
    product = math.prod(table) if all(isinstance(n, int) for n in table) else 0
    return max(largest, product)


def judge(config: Config, stored: int | None) -> list[tuple[str, str]]:
    """Findings about a config before it is loaded, as (level, sentence).

    Args:
        config: JSON values.
        stored: number of elements of all arrays in the file.

    Returns:
        "danger" for what loading refuses, "warning" for unregistered names, "note" for custom
        classes and functions.

    Example:

        >>> judge({"class_name": "Blk", "config": {}, "registered_name": "my>Blk"}, 0)
        [('warning', "It needs 'my>Blk', which is not registered here.")]
    """
    said = []
    try:
        vet_config(config, what="the config", stored=stored)
    except UnsafeFileError as error:
        said.append(("danger", str(error).split("\n")[0]))
    needed: dict[str, bool] = {}
    for _, _, value in objects(config):
        if len(needed) >= _NAMED:
            break
        kind, inner = value["class_name"], value.get("config")
        texts = (value.get("module") or "", value.get("registered_name") or "", kind)
        if "config" not in value or not all(isinstance(t, str) for t in texts) or kind in SPECIAL:
            continue
        try:
            if kind == "function":
                found, name = find_function(inner, value.get("registered_name")), str(inner)
            elif str(value.get("module")).startswith("keras.src.ops"):
                continue
            else:
                name = str(value.get("registered_name") or kind)
                found = find_class(value)
            if not registry.is_builtin(found):
                needed[name] = True
        except (TypeError, ValueError, AttributeError):
            short = kind.removeprefix("Custom>")  # how Keras 2.11 to 2.15 write their optimizers
            if registry.find_builtin("keras.optimizers", short) is not None:
                continue
            needed[str(inner if kind == "function" else value.get("registered_name") or kind)] = (
                False
            )
    for name, known in needed.items():
        if known:
            said.append(("note", f"It uses {name[:80]!r}, which is registered here."))
        else:
            said.append(("warning", f"It needs {name[:80]!r}, which is not registered here."))
    return said
