"""Checks of labels: each mistake with its message, and correct programs with none."""

import numpy as np
import pytest

from cornu.checks import Output, check_labels, check_split

RNG = np.random.default_rng(0)
CLASSES = RNG.integers(0, 3, 60)
ONE_HOT = np.eye(3)[CLASSES]
ZERO_ONE = RNG.integers(0, 2, 60)

SPARSE, CATEGORICAL, BINARY = (
    "sparse_categorical_crossentropy",
    "categorical_crossentropy",
    "binary_crossentropy",
)


def out(loss, *axes, activation="softmax", **more):
    return Output("out", loss, (None, *axes), activation, **more)


def error(y, output, **more):
    findings = check_labels(y, [output], **more)
    assert [f.severity for f in findings] == ["error"], findings
    assert len(findings[0].message.splitlines()) <= 6
    return findings[0].message


def warning(y, output, **more):
    findings = check_labels(y, [output], **more)
    assert [f.severity for f in findings] == ["warning"], findings
    return findings[0].message


# ---- correct programs ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("y", "output"),
    [
        (CLASSES, out(SPARSE, 3)),
        (CLASSES[:, None], out("SparseCategoricalCrossentropy", 3)),
        (CLASSES.astype("float32"), out(SPARSE, 3)),
        (CLASSES, out(SPARSE, 3, activation="linear", from_logits=True)),
        (CLASSES, out(SPARSE, 3, activation=None)),
        (CLASSES.reshape(12, 5), out(SPARSE, 5, 3)),
        (CLASSES.reshape(12, 5), out(SPARSE, None, 3)),
        (ONE_HOT, out(CATEGORICAL, 3)),
        (ONE_HOT * 0.8 + 0.1, out(CATEGORICAL, 3)),
        (-2.5 * ONE_HOT, out(CATEGORICAL, 3)),  # policy gradients weight their one-hot rows
        (ZERO_ONE, out(BINARY, 1, activation="sigmoid")),
        (ZERO_ONE[:, None].astype(bool), out(BINARY, 1, activation="sigmoid")),
        (ZERO_ONE, out(BINARY, 1, activation="linear", from_logits=True)),
        (RNG.integers(0, 2, (60, 3)), out(BINARY, 3, activation="sigmoid")),
        (RNG.random((60, 8, 8, 1)), out(BINARY, 8, 8, 1, activation="sigmoid")),
        (RNG.random(60), out("mse", 1, activation="linear")),
        (RNG.random((60, 1)), out("mse", activation="linear")),
        (RNG.random((60, 5)), out("mae", 5, 1, activation="linear")),
        (RNG.random((60, 3)), out("Huber", 3, activation="linear")),
        (RNG.integers(0, 100, (60, 7)), out(None, 3)),  # a loss of the user's own
        (RNG.integers(0, 100, (60, 7)), out("ctc", 9, 30)),
        (CLASSES - 1, out(SPARSE, 3, ignore_class=-1)),
    ],
)
def test_correct_programs_give_no_finding(y, output):
    assert check_labels(y, [output]) == []


def test_labels_that_do_not_count_are_not_looked_at():
    y = CLASSES.copy()
    y[::4] = -1
    weight = (y >= 0).astype("float32")
    assert check_labels(y, [out(SPARSE, 3)], weight) == []
    assert "Labels contain -1" in error(y, out(SPARSE, 3))
    padded = np.where(np.arange(60) % 5 == 4, -100, CLASSES).reshape(12, 5)
    assert "-100" in warning(padded, out(SPARSE, 5, 3))
    assert "-1" in warning(y, out(SPARSE, 3, masked=True))


# ---- kinds of labels ----------------------------------------------------------------------------


def test_integer_labels_with_categorical_crossentropy():
    for y in (CLASSES, CLASSES[:, None]):
        message = error(y, out("CategoricalCrossentropy", 3))
        assert 'loss="sparse_categorical_crossentropy"' in message
        assert "to_categorical(y, 3)" in message


def test_one_hot_labels_with_sparse_crossentropy():
    message = error(ONE_HOT, out(SPARSE, 3))
    assert 'loss="categorical_crossentropy"' in message
    assert "y.argmax(-1)" in message


def test_labels_out_of_range():
    message = error(np.where(CLASSES == 2, 5, CLASSES), out(SPARSE, 3))
    assert message.startswith("Labels contain 5, but the model has 3 outputs (0..2).")
    assert "units=6 in layer" in message
    assert "y = y - 1" in error(CLASSES + 1, out(SPARSE, 3))
    assert "number the classes from 0" in error(CLASSES - 1, out(SPARSE, 3))
    assert "binary_crossentropy" in error(ZERO_ONE, out(SPARSE, 1, activation="sigmoid"))


def test_labels_that_are_no_whole_numbers():
    assert "Labels are not whole numbers: y contains 0.5." in error(
        np.array([0, 0.5]), out(SPARSE, 3)
    )


def test_text_labels():
    assert "return_inverse" in error(np.array(["cat", "dog"]), out(SPARSE, 2))


def test_binary_labels_outside_0_and_1():
    sigmoid = out(BINARY, 1, activation="sigmoid")
    message = error(ZERO_ONE + 1, sigmoid)
    assert "y goes from 1 to 2" in message
    assert 'y = (y == 2).astype("float32")' in message
    assert "(y == 1)" in error(ZERO_ONE * 2 - 1, sigmoid)
    pixels = RNG.integers(0, 256, (60, 784)).astype("float32")
    assert "/ 255" in error(pixels, out(BINARY, 784, activation="sigmoid"))
    assert 'units=3, activation="softmax" in layer' in error(CLASSES, sigmoid)


def test_nan_in_labels():
    y = np.array([0.5, np.nan, 1.0])
    assert error(y, out("mse", 1)).startswith("1 NaN in y, first at row 1.")
    assert check_labels(y, [out(None, 1)]) == []


def test_several_ones_in_a_row():
    message = warning(np.array([[1, 1, 0], [0, 1, 0]]), out(CATEGORICAL, 3))
    assert "sigmoid" in message


# ---- last layer and loss ------------------------------------------------------------------------


def test_probabilities_for_a_loss_of_logits():
    message = warning(CLASSES, out(SPARSE, 3, from_logits=True))
    assert "from_logits=False" in message
    assert "activation=None in layer" in message


def test_logits_for_a_loss_of_probabilities():
    message = warning(CLASSES, out(SPARSE, 3, activation="linear"))
    assert 'activation="softmax"' in message and "from_logits=True" in message
    message = warning(ZERO_ONE, out(BINARY, 1, activation="linear"))
    assert 'activation="sigmoid"' in message
    assert "'relu'" in warning(ZERO_ONE, out(BINARY, 1, activation="relu"))


def test_softmax_over_one_output():
    message = error(ZERO_ONE, out(BINARY, 1))
    assert "always 1" in message and 'activation="sigmoid"' in message
    assert "always 0" in error(ZERO_ONE, out(CATEGORICAL, 1, activation="sigmoid"))


# ---- shapes -------------------------------------------------------------------------------------


def test_one_label_for_several_sigmoids():
    for y in (CLASSES, CLASSES[:, None]):
        message = error(y, out(BINARY, 3, activation="sigmoid"))
        assert "one class of 3" in message and "3 columns of 0 and 1" in message


def test_targets_and_outputs_of_different_width():
    linear = {"activation": "linear"}
    message = error(RNG.random(60), out("mse", 3, **linear))
    assert "gives 3 numbers for each sample, y one" in message
    assert "y (60,), output (None, 3)" in message
    assert "y has 3 columns, the model 2 outputs." in error(ONE_HOT, out("mse", 2, **linear))


def test_an_output_that_stretches_is_only_a_warning():
    message = warning(ONE_HOT, out("mse", 1, activation="linear"))
    assert "y has 3 columns, the model 1 output." in message


def test_targets_that_stretch_are_only_a_warning():
    message = warning(RNG.random((60, 1)), out("mse", 3, activation="linear"))
    assert "each is compared with several" in message


@pytest.mark.parametrize(
    ("y", "output"),
    [
        (CLASSES, out(SPARSE, 3, 3)),
        (CLASSES, out(BINARY, 8, 8, 1, activation="sigmoid")),
        (ONE_HOT, out(CATEGORICAL, 4, 4, 3)),
        (RNG.random(60), out("mse", 10, 1, activation="linear")),
    ],
)
def test_a_forgotten_flatten(y, output):
    message = error(y, output)
    assert "layers.Flatten() before layer" in message
    assert str(output.shape) in message


# ---- several outputs, splits, size --------------------------------------------------------------


def test_labels_of_several_outputs_are_named():
    outputs = [
        Output("kind", SPARSE, (None, 3), "softmax"),
        Output("size", "mse", (None, 1), "linear"),
    ]
    by_name = check_labels({"kind": CLASSES + 3, "size": RNG.random(60)}, outputs)
    assert "Labels of y['kind'] contain 3, 4, 5" in by_name[0].message
    in_a_list = check_labels([CLASSES, RNG.random((60, 2))], outputs)
    assert [f.message.split()[0] for f in in_a_list] == ["y[1]"]


def test_labels_of_nested_outputs_are_named():
    sparse = Output("a", "sparse_categorical_crossentropy", (None, 3), "softmax")
    plain = Output("b", "mean_squared_error", (None, 1))
    y = {"p": [np.array([0, 5, 1]), np.zeros((3, 1))]}
    (finding,) = check_labels(y, [sparse, plain])
    assert "Labels of y['p'][0] contain 5" in finding.message
    none_of_them = {"p": [np.array([1.0, 0.0, 1.0]), np.ones(3)]}
    assert not check_labels(y, [sparse, plain], none_of_them)


def test_a_class_of_the_validation_data_alone():
    y = np.sort(CLASSES)
    found = check_split(y[:35], y[35:], [out(SPARSE, 3)])
    assert [f.severity for f in found] == ["warning"]
    assert found[0].message.startswith("Class 2 of y appears only in the validation data")
    one_hot = np.eye(3)[y]
    assert len(check_split(one_hot[:35], one_hot[35:], [out(CATEGORICAL, 3)])) == 1


def test_splits_that_are_fine():
    assert check_split(CLASSES[:40], CLASSES[40:], [out(SPARSE, 3)]) == []
    ages = np.arange(60)  # a quantity has no classes
    assert check_split(ages[:40], ages[40:], [out("mse", 1)]) == []
    rare = np.array([0, 1] * 20 + [7])  # a rare class may fall into either part
    assert check_split(rare[:20], rare[20:], [out(SPARSE, 8)]) == []


def test_large_labels_are_sampled_but_wrong_ones_in_bulk_are_found(monkeypatch):
    monkeypatch.setattr("cornu.checks.labels.MANY", 1000)
    y = np.full((5000, 3), 2.0)
    assert "goes from 2 to 2" in error(y, out(BINARY, 3, activation="sigmoid"))
