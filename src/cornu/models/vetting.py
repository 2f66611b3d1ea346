"""What is refused before the config of a file is turned into objects.

    code     {"class_name": "__lambda__", ...}, and Keras 2's [code, defaults, closure] of a Lambda
    sizes    units, filters, input_dim, ...: a layer never has more outputs than it has weights, so
             a number beyond all that the weights file holds is there to fill the memory

Names need no pass of their own: they are looked up in a closed table and nothing is imported.
"""

import math
from collections.abc import Iterator
from typing import Any

from cornu.errors import UnsafeFileError, explain

# Arguments that are sizes of axes of weights.
SIZES = (
    "units", "filters", "input_dim", "output_dim", "num_heads", "num_query_heads", "head_dim",
    "key_dim", "value_dim", "intermediate_size", "depth_multiplier", "lora_rank",
)  # fmt: skip
_SLACK = 2**22  # elements; a layer that is not built has no weights in the file


def vet_config(config: Any, *, what: str, stored: int | None = None) -> None:
    """Refuse code, and sizes that the weights of the file do not account for.

    Args:
        config: JSON values.
        what: how messages name the text they come from, such as `"config.json"`.
        stored: number of elements of all arrays in the weights file; None if there is none.

    Raises:
        UnsafeFileError: the message names the layer.

    Example:

        >>> vet_config({"class_name": "Dense", "config": {"units": 3}}, what="a.json", stored=12)
    """
    for name, class_name, config_ in _objects(config):
        if class_name == "__lambda__" or _is_old_lambda(class_name, config_):
            raise UnsafeFileError(
                explain(
                    f"Layer {name!r} in {what} holds the code of a Python lambda, which loading "
                    "would have to run.",
                    fix="write the lambda as a registered function and save the model again:\n"
                    "@keras.saving.register_keras_serializable()\n"
                    "def my_function(x): ...",
                )
            )
        if stored is not None and isinstance(config_, dict):
            size = _size(config_)
            if size > stored + _SLACK:
                raise UnsafeFileError(
                    explain(
                        f"Layer {name!r} in {what} asks for far more memory than the weights of "
                        "the file fill.",
                        elements=f"{size} at least",
                        file=f"{stored} elements",
                    )
                )


def _objects(config: Any) -> Iterator[tuple[str, Any, Any]]:
    """(name of the layer it is in, class name, config) of each object in a config."""
    waiting = [("model", config)]
    while waiting:
        name, value = waiting.pop()
        if isinstance(value, dict):
            inner = value.get("config")
            if "class_name" in value:
                if isinstance(inner, dict) and isinstance(inner.get("name"), str):
                    name = inner["name"]
                yield name, value["class_name"], inner
            waiting += [(name, item) for item in value.values()]
        elif isinstance(value, list):
            waiting += [(name, item) for item in value]


def _is_old_lambda(class_name: Any, config: Any) -> bool:
    if class_name != "Lambda" or not isinstance(config, dict):
        return False
    kinds = [config.get(f"{part}_type") for part in ("function", "output_shape", "mask")]
    return "lambda" in kinds or isinstance(config.get("function"), list)


def _size(config: dict[str, Any]) -> int:
    """A lower bound of the number of weights, from the sizes that a config names."""
    sizes = [config.get(key) for key in SIZES]
    largest = max((n for n in sizes if isinstance(n, int)), default=0)
    table: list[Any] = [config.get("input_dim"), config.get("output_dim")]
    product = math.prod(table) if all(isinstance(n, int) for n in table) else 0
    return max(largest, product)
