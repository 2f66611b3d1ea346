"""Messages: their layout, suggestions, places, and tracebacks."""

import sys
import traceback

import numpy as np
import pytest

import cornu
from cornu import config, errors
from cornu.errors import did_you_mean, explain, located, need, trimmed


def test_a_message_says_what_happened_then_facts_then_the_fix():
    text = explain(
        "x has 4 features, not 5.", fix="add one,\nor drop one.", shapes="x (8, 4)", axis=1
    )
    assert text.split("\n") == [
        "x has 4 features, not 5.",
        "  shapes: x (8, 4)",
        "  axis:   1",
        "  fix:    add one,",
        "          or drop one.",
    ]


def test_a_message_without_facts_is_one_line():
    assert explain("It is so.") == "It is so."


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("sdg", "did you mean 'sgd'?"),
        ("ADAM", "did you mean 'adam'?"),
        ("adamx", "did you mean 'adamax' or 'adam'?"),
        ("zebra", "known names: 'adam', 'adamax', 'sgd'"),
        (None, "known names: 'adam', 'adamax', 'sgd'"),
    ],
)
def test_suggestions(name, hint):
    assert did_you_mean(name, ["sgd", "adam", "adamax"]) == hint


def test_a_long_list_of_names_is_cut():
    hint = did_you_mean("zebra", [f"{n:03}" for n in range(100)])
    assert hint.count("'") == 20
    assert hint.endswith(", and 90 more")


def test_a_name_is_listed_in_one_spelling():
    names = ["MeanSquaredError", "mean_squared_error", "MSE", "mse"]
    assert did_you_mean("zebra", names) == "known names: 'mean_squared_error', 'mse'"
    assert did_you_mean("mean_squared_erorr", names) == "did you mean 'mean_squared_error'?"


@pytest.mark.parametrize(
    ("kind", "name", "known", "hint"),
    [
        ("argument", "nb_epoch", ["epochs", "verbose"], "did you mean 'epochs'?"),
        ("argument", "output_dim", ["units"], "did you mean 'units'?"),
        ("argument", "output_dim", ["output_shape"], "did you mean 'output_shape'?"),
        ("loss", "L1Loss", ["mae", "mse"], "did you mean 'mae'?"),
        ("loss", "auc", ["mae", "mse"], "known names: 'mae', 'mse'"),
        ("metric", "r2", ["accuracy"], "keras.metrics.R2Score()"),
    ],
)
def test_old_and_foreign_names(kind, name, known, hint):
    assert did_you_mean(name, known, kind) == hint


def test_a_missing_package_is_named_with_what_to_install():
    with pytest.raises(ImportError) as caught:
        need("no_such_package.part", for_="drawing unicorns", install="unicorn")
    assert str(caught.value) == (
        "The package 'unicorn' is needed for drawing unicorns.\n  fix: pip install unicorn"
    )
    assert need("json", for_="reading") is sys.modules["json"]


def test_places_are_joined_into_one_note_outermost_first():
    with pytest.raises(KeyError) as caught, located("model"), located("block", ", training=True"):
        raise KeyError("x")
    assert caught.value.__notes__ == ["  where:  model > block, training=True"]


def test_foreign_notes_stay():
    with pytest.raises(ValueError) as caught, located("layer"):
        error = ValueError("no")
        error.add_note("said by somebody else")
        raise error
    assert caught.value.__notes__ == ["said by somebody else", "  where:  layer"]


def test_an_error_that_takes_no_notes_passes_unchanged():
    class SealedError(Exception):
        def __setattr__(self, name, value):
            if name != "__traceback__":
                raise AttributeError(name)

    with pytest.raises(SealedError), located("layer"):
        raise SealedError


def test_an_unsafe_file_is_a_value_error():
    assert issubclass(errors.UnsafeFileError, ValueError)


def files_in(error):
    return [frame.name for frame in traceback.extract_tb(error.__traceback__)]


def library_method(callback):
    """Stands for a public method that calls a function of the user."""
    code = "def inner(callback):\n    return callback()\n"
    scope = {"__name__": "cornu.made_up"}
    exec(compile(code, "inner.py", "exec"), scope)
    return trimmed(scope["inner"])(callback)


def users_function():
    raise ValueError("mine")


def test_tracebacks_leave_the_library_out():
    with pytest.raises(ValueError) as caught:
        library_method(users_function)
    names = files_in(caught.value)
    assert "users_function" in names
    assert "inner" not in names


def test_tracebacks_show_everything_on_request():
    config.disable_traceback_filtering()
    try:
        with pytest.raises(ValueError) as caught:
            library_method(users_function)
    finally:
        config.enable_traceback_filtering()
    assert "inner" in files_in(caught.value)


def test_a_warning_points_at_the_line_of_the_user_from_any_depth():
    model = cornu.Sequential([cornu.Input((2,)), cornu.layers.Dense(1)])
    model.compile("sgd", "mse")
    x, y = np.ones((4, 2)), np.array([0, 1, 0, 1])
    triggers = [
        lambda: model.fit(x, y, class_weight={0: 1.0}, steps_per_epoch=9, verbose=0),
        lambda: cornu.optimizers.SGD(-0.1),
        lambda: setattr(model, "trainble", False),
        lambda: errors.warn("from outside of the library"),
    ]
    for trigger in triggers:
        with pytest.warns(UserWarning) as caught:
            trigger()
        assert {warning.filename for warning in caught} == {__file__}
