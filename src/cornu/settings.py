"""The process-wide settings, as one object with checked setters.

`current` is the only instance. Users reach it through `cornu.config`; code of the library reads
`settings.current.floatx` and the like.
"""

from dataclasses import dataclass

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
    flash_attention: bool | None = None  # None: where the hardware has it
    max_epochs: int | None = None
    max_steps_per_epoch: int | None = None
    max_load_bytes: int | None = None  # of a model from a file; None: what the machine has

    def set_floatx(self, value: str) -> None:
        """Set the dtype of weights and inputs when nothing else is said."""
        if value not in FLOAT_TYPES:
            raise ValueError(f"floatx is one of {', '.join(FLOAT_TYPES)}; got {value!r}.")
        self.floatx = value

    def set_epsilon(self, value: float) -> None:
        """Set the small constant that keeps divisions and logarithms finite."""
        if not 0 < float(value) < 1:
            raise ValueError(f"epsilon lies between 0 and 1; got {value!r}.")
        self.epsilon = float(value)

    def set_image_data_format(self, data_format: str) -> None:
        """Set where images keep their channels: `channels_last` or `channels_first`."""
        if data_format not in DATA_FORMATS:
            raise ValueError(f"image_data_format is one of {DATA_FORMATS}; got {data_format!r}.")
        self.image_data_format = data_format


current = Settings()
