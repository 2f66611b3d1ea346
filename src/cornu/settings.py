"""The process-wide settings, as one object with checked setters.

`current` is the only instance. Users reach it through `cornu.config`; code of the library reads
`settings.current.floatx` and the like. `key()` is what compiled programs depend on.
"""

from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from cornu.context import local

FLOAT_TYPES = ("bfloat16", "float16", "float32", "float64")
DATA_FORMATS = ("channels_last", "channels_first")


@dataclass(slots=True)
class Settings:
    """Everything a user may set once for the whole process."""

    floatx: str = "float32"
    epsilon: float = 1e-7
    image_data_format: str = "channels_last"
    interactive_logging: bool = True
    traceback_filtering: bool = True
    flash_attention: bool | None = None  # None: where it can be; False: nowhere
    dtype_policy: Any = None  # of layers that are given none; None: floatx
    debug: tuple[str, ...] = ()  # kinds of reports on standard error
    max_epochs: int | None = None
    max_steps_per_epoch: int | None = None
    max_load_bytes: int | None = None  # of a model from a file; None: what the machine has

    def set_floatx(self, value: str) -> None:
        """Set the default dtype of weights and inputs."""
        if value not in FLOAT_TYPES:
            raise ValueError(f"floatx must be one of {', '.join(FLOAT_TYPES)}, got {value!r}.")
        self.floatx = value

    def set_epsilon(self, value: float) -> None:
        """Set the small constant that keeps divisions and logarithms finite."""
        if not 0 < float(value) < 1:
            raise ValueError(f"epsilon must be between 0 and 1, got {value!r}.")
        self.epsilon = float(value)

    def set_image_data_format(self, data_format: str) -> None:
        """Set the default axis of the channels of images: `channels_last` or `channels_first`."""
        if data_format not in DATA_FORMATS:
            raise ValueError(
                f"image_data_format must be one of {DATA_FORMATS}, got {data_format!r}."
            )
        self.image_data_format = data_format


current = Settings()


def enable_interactive_logging() -> None:
    """Write progress to the standard output."""
    current.interactive_logging = True


def disable_interactive_logging() -> None:
    """Be silent where `verbose` is not given."""
    current.interactive_logging = False


def is_interactive_logging_enabled() -> bool:
    """Whether progress is written where `verbose` is not given."""
    return current.interactive_logging


# The other settings change what is reported, or where a run or a load ends.
OF_PROGRAMS = ("floatx", "epsilon", "image_data_format", "flash_attention", "dtype_policy")
_of_programs = attrgetter(*OF_PROGRAMS)


def key() -> tuple[Any, ...]:
    """What a compiled program or a traced shape depends on, besides what it is made of.

    Every cache adds it to its keys (`core/programs/cache.py`). Of JAX's own settings only x64 is
    here, which decides dtypes; `jax.jit` compiles anew by itself where another one changes.
    """
    import jax  # settings are also read, in messages say, where nothing else has loaded it

    return (*_of_programs(current), local.target, jax.config.jax_enable_x64)
