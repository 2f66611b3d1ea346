"""Settings of the whole process: getters and setters."""

from cornu.absent import names_of
from cornu.dtype_policies import dtype_policy as dtype_policy, set_dtype_policy as set_dtype_policy
from cornu.engine.compilations import debug as debug, set_debug as set_debug
from cornu.engine.runtime import describe as engine, tune_process as tune_process
from cornu.errors import explain, value_error, warn
from cornu.settings import (
    current,
    disable_interactive_logging as disable_interactive_logging,
    enable_interactive_logging as enable_interactive_logging,
    is_interactive_logging_enabled as is_interactive_logging_enabled,
)

set_floatx = current.set_floatx
set_epsilon = current.set_epsilon
set_image_data_format = current.set_image_data_format

__all__ = [
    "backend", "debug", "disable_flash_attention", "disable_interactive_logging",
    "disable_traceback_filtering", "dtype_policy", "enable_flash_attention",
    "enable_interactive_logging", "enable_traceback_filtering", "enable_unsafe_deserialization",
    "engine", "epsilon", "floatx", "image_data_format", "is_flash_attention_enabled",
    "is_interactive_logging_enabled", "is_nnx_enabled", "is_traceback_filtering_enabled",
    "max_epochs", "max_load_bytes", "max_steps_per_epoch", "set_backend", "set_debug",
    "set_dtype_policy", "set_epsilon", "set_floatx", "set_image_data_format", "set_max_epochs",
    "set_max_load_bytes", "set_max_steps_per_epoch", "tune_process",
]  # fmt: skip


def backend() -> str:
    """The backend: always `"jax"`."""
    return "jax"


def set_backend(backend: str) -> None:
    """Accepts `"jax"`, the only backend.

    Raises:
        ValueError: another backend is given.
    """
    if backend != "jax":
        raise value_error(f"The backend must be 'jax', got {backend!r}.")


def floatx() -> str:
    """The default dtype of weights and inputs."""
    return current.floatx


def epsilon() -> float:
    """The small constant that keeps divisions and logarithms finite."""
    return current.epsilon


def image_data_format() -> str:
    """The default axis of the channels of images."""
    return current.image_data_format


def enable_traceback_filtering() -> None:
    """Leave the library's own frames out of tracebacks."""
    current.traceback_filtering = True


def disable_traceback_filtering() -> None:
    """Show every frame of a traceback."""
    current.traceback_filtering = False


def is_traceback_filtering_enabled() -> bool:
    """Whether tracebacks leave the library's frames out."""
    return current.traceback_filtering


def enable_flash_attention() -> None:
    """Compute attention without keeping all scores at once, wherever that is possible.

    On a CPU that is the default, in blocks of queries. On an NVIDIA GPU attention in half precision
    is computed by cuDNN from then on, where cuDNN takes the shapes; else, and on a TPU, by XLA.
    """
    current.flash_attention = True


def disable_flash_attention() -> None:
    """Compute attention from all scores at once, `(batch, heads, queries, keys)`."""
    current.flash_attention = False


def is_flash_attention_enabled() -> bool | None:
    """False after `disable_flash_attention`, True after `enable_flash_attention`, else None.

    None leaves the choice to the lowering, which is as good as True on a CPU.
    """
    return current.flash_attention


def enable_unsafe_deserialization() -> None:
    """Warn that nothing is enabled: code in a file is never run, whatever is set."""
    warn(
        explain(
            "Code in a file is never run, so nothing is enabled; a lambda in a file stays refused.",
            fix="register the function (keras.saving.register_keras_serializable) or pass it as\n"
            "custom_objects, and save the model again.",
        )
    )


def is_nnx_enabled() -> bool:
    """Whether variables are flax's; they never are."""
    return False


def max_epochs() -> int | None:
    """The number of epochs at which every `fit` stops; None for no limit."""
    return current.max_epochs


def set_max_epochs(max_epochs: int | None) -> None:
    """Stop every `fit` after the given number of epochs, to try a script out."""
    current.max_epochs = max_epochs


def max_steps_per_epoch() -> int | None:
    """The number of steps at which every epoch ends; None for no limit."""
    return current.max_steps_per_epoch


def set_max_steps_per_epoch(max_steps_per_epoch: int | None) -> None:
    """End every epoch after the given number of steps, to try a script out."""
    current.max_steps_per_epoch = max_steps_per_epoch


def max_load_bytes() -> int | None:
    """The memory that a model from a file may take; None for what the machine has."""
    return current.max_load_bytes


def set_max_load_bytes(max_load_bytes: int | None) -> None:
    """Refuse models from files that need more memory than this, before any is taken."""
    current.max_load_bytes = max_load_bytes


globals()["__getattr__"] = names_of(__name__)
