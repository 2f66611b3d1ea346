"""Settings of the process, through `cornu.config`."""

import dataclasses

import pytest

from cornu import config, settings
from cornu.core.objects.serialize import deserialize_keras_object
from cornu.errors import UnsafeFileError


@pytest.fixture(autouse=True)
def restored():
    before = dataclasses.asdict(settings.current)
    yield
    for name, value in before.items():
        setattr(settings.current, name, value)


def test_defaults():
    fresh = settings.Settings()
    assert (fresh.floatx, fresh.epsilon, fresh.image_data_format) == (
        "float32",
        1e-7,
        "channels_last",
    )
    assert (fresh.max_epochs, fresh.max_steps_per_epoch, fresh.flash_attention) == (None,) * 3


@pytest.mark.parametrize("name", settings.FLOAT_TYPES)
def test_floatx(name):
    config.set_floatx(name)
    assert config.floatx() == name


@pytest.mark.parametrize("wrong", ["int32", "float", None, 32])
def test_floatx_is_a_float_type(wrong):
    with pytest.raises(ValueError, match="floatx must be one of bfloat16, float16, float32"):
        config.set_floatx(wrong)
    assert config.floatx() == "float32"


def test_epsilon():
    config.set_epsilon(1e-3)
    assert config.epsilon() == 1e-3
    for wrong in (0, 1.0, -1e-3):
        with pytest.raises(ValueError, match="epsilon must be between 0 and 1"):
            config.set_epsilon(wrong)
    assert config.epsilon() == 1e-3


def test_image_data_format():
    config.set_image_data_format("channels_first")
    assert config.image_data_format() == "channels_first"
    config.set_image_data_format(data_format="channels_last")
    assert config.image_data_format() == "channels_last"
    with pytest.raises(ValueError, match="image_data_format must be one of"):
        config.set_image_data_format("NHWC")


@pytest.mark.parametrize("what", ["interactive_logging", "traceback_filtering", "flash_attention"])
def test_switches(what):
    is_on = getattr(config, f"is_{what}_enabled")
    getattr(config, f"disable_{what}")()
    assert is_on() is False
    getattr(config, f"enable_{what}")()
    assert is_on() is True


def test_limits_to_try_a_script_out():
    config.set_max_epochs(2)
    config.set_max_steps_per_epoch(3)
    assert (config.max_epochs(), config.max_steps_per_epoch()) == (2, 3)


def test_there_is_one_engine():
    assert config.backend() == "jax"
    config.set_backend("jax")
    with pytest.raises(ValueError, match="The backend must be 'jax', got 'torch'"):
        config.set_backend("torch")
    assert config.is_nnx_enabled() is False


def test_code_in_files_cannot_be_enabled():
    with pytest.warns(UserWarning, match="Code in a file is never run, so nothing is enabled"):
        config.enable_unsafe_deserialization()
    code = {"class_name": "__lambda__", "config": {"value": ["4wEAAA==", None, None]}}
    for safe_mode in (True, False):
        with pytest.raises(UnsafeFileError, match="holds the code of a Python lambda"):
            deserialize_keras_object(code, safe_mode=safe_mode)


def test_floatx_is_the_dtype_of_what_is_made_afterwards():
    from cornu.core.variable import Variable

    config.set_floatx("bfloat16")
    assert Variable(1.5).dtype == "bfloat16"
    assert Variable(1).dtype.startswith("int")


def test_a_setting_that_does_not_exist_cannot_be_set():
    with pytest.raises(AttributeError):
        settings.current.flotx = "float16"
