"""The table of old and foreign names: what it advises is there, and every message asks it."""

import re

import keras as oracle
import numpy as np
import pytest

import cornu
from cornu import callbacks, glossary, layers, losses, metrics, optimizers
from cornu.errors import did_you_mean

TEXTS = [
    text
    for table in (
        glossary.ARGUMENTS,
        glossary.REMOVED_ARGUMENTS,
        glossary.TENSORFLOW,
        *glossary.WORDS.values(),
        *glossary.ATTRIBUTES.values(),
        *glossary.MODULES.values(),
    )
    for text in table.values()
]


@pytest.mark.parametrize("path", sorted(set(re.findall(r"\bkeras(?:\.\w+)+", "\n".join(TEXTS)))))
def test_what_is_advised_is_there(path):
    found = cornu
    for part in path.split(".")[1:]:
        found = getattr(found, part)


def called_on(kind):
    model = cornu.Sequential([cornu.Input((2,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    return {"model": model, "layer": model.layers[0], "optimizer": model.optimizer}[kind]


@pytest.mark.parametrize("kind", glossary.ATTRIBUTES)
def test_attributes_that_are_advised_are_there(kind):
    obj = called_on(kind)
    for text in glossary.ATTRIBUTES[kind].values():
        for name in re.findall(rf"(?<!')\b{kind}\.(\w+)", text):
            assert hasattr(obj, name), text


@pytest.mark.parametrize("kind", glossary.ATTRIBUTES)
def test_attributes_of_the_table_are_answered(kind):
    obj = called_on(kind)
    for name, text in glossary.ATTRIBUTES[kind].items():
        if not hasattr(obj, name):  # the words of layers hold for models only in part
            with pytest.raises(AttributeError) as caught:
                getattr(obj, name)
            assert text.split("\n")[0] in str(caught.value)


KINDS = {
    "loss": losses,
    "metric": metrics,
    "optimizer": optimizers,
    "activation": cornu.activations,
    "initializer": cornu.initializers,
    "regularizer": cornu.regularizers,
}


@pytest.mark.parametrize(
    ("kind", "name"), [(k, n) for k, words in glossary.WORDS.items() if k in KINDS for n in words]
)
def test_words_are_refused_with_todays(kind, name):
    with pytest.raises(ValueError) as caught:
        KINDS[kind].get(name)
    today = glossary.WORDS[kind][name]
    expected = f"did you mean {today!r}?" if today.isidentifier() else today.split("\n")[0]
    assert expected in str(caught.value)


@pytest.mark.parametrize(
    ("make", "hint"),
    [
        (lambda: layers.Dense(output_dim=3), "'units'"),
        (lambda: layers.Dropout(p=0.5), "'rate'"),
        (lambda: layers.Conv2D(3, 3, border_mode="same"), "'padding'"),
        (lambda: layers.BatchNormalization(mode=0), "leave it out"),
        (lambda: layers.LSTM(3, inner_activation="tanh"), "'recurrent_activation'"),
        (lambda: callbacks.ModelCheckpoint("a.keras", period=1), "leave it out"),
        (lambda: callbacks.EarlyStopping(n_iter_no_change=3), "'patience'"),
        (lambda: optimizers.Adam(betas=(0.9, 0.99)), "'beta_1'"),
        (lambda: cornu.Model(input=1, output=2), "input: did you mean 'inputs'"),
        (lambda: called_on("model").compile(learning_rate=0.1), "keras.optimizers.Adam"),
        (lambda: called_on("model").fit(np.ones((2, 2)), nb_epoch=1), "'epochs'"),
    ],
)
def test_arguments(make, hint):
    with pytest.raises((TypeError, ValueError), match=f"(?s)takes no argument.*{hint}"):
        make()


def test_all_unknown_arguments_are_told_at_once():
    with pytest.raises(ValueError) as caught:
        optimizers.Adam(lr=0.1, decay=1e-3)
    assert "'lr' and 'decay'" in str(caught.value)
    assert "lr: did you mean 'learning_rate'?" in str(caught.value)
    assert "decay: learning_rate=keras.optimizers.schedules." in str(caught.value)


@pytest.mark.parametrize("kind", KINDS)
def test_no_message_lists_more_than_ten_names(kind):
    with pytest.raises(ValueError) as caught:
        KINDS[kind].get(3)
    assert str(caught.value).count("'") <= 20 and len(str(caught.value)) < 500
    assert did_you_mean("zzz", map(str, range(99))).count("'") == 20


def test_pytorchs_order_of_arguments():
    with pytest.raises(ValueError, match=r"(?s)number of outputs only.*fix: +Dense\(128\)"):
        layers.Dense(784, 128)
    with pytest.warns(UserWarning, match=r"Conv2D\(32, 3\)\n.*filters come first"):
        layers.Conv2D(1, 32, 3)


def test_tensors_in_the_place_of_settings():
    a, b = cornu.Input((3,)), cornu.Input((3,))
    for make, fix in (
        (lambda: layers.Concatenate(a, b), r"Concatenate\(...\)\(\[first, second\]\)"),
        (lambda: layers.Dense(a), r"Dense\(...\)\(tensor\)"),
    ):
        with pytest.raises(TypeError, match=f"(?s)settings first.*{fix}"):
            make()


def test_layers_one_by_one():
    with pytest.raises(ValueError, match=r"(?s)in a list.*Sequential\(\[first, second"):
        cornu.Sequential(layers.Dense(3), layers.Dense(2))
    assert not cornu.Sequential([layers.Dense(2)], False).trainable


def test_a_negative_learning_rate():
    with pytest.warns(UserWarning, match=r"(?s)increases the loss.*learning_rate=1"):
        optimizers.Adam(-1)


def test_arguments_of_ops():
    with pytest.raises(TypeError, match="(?s)'dim'.*did you mean 'axis'"):
        cornu.ops.sum(np.ones((2, 3)), dim=1)


@pytest.mark.parametrize("arguments", [(32, 3), (1, 3), (1, 16, 16), (3, 32, 1), (64, 7, 2)])
def test_no_doubt_about_the_order_of_other_convolutions(arguments, recwarn):
    layers.Conv2D(*arguments)
    assert not recwarn.list


def test_what_keras_has_and_cornu_has_not_is_in_the_table():
    spaces = ("", "layers", "utils", "datasets", "callbacks", "losses", "metrics", "optimizers")
    for space in spaces:
        theirs = getattr(oracle, space) if space else oracle
        ours = getattr(cornu, space) if space else cornu
        absent = {n for n in dir(theirs) if not n.startswith("_")} - set(dir(ours))
        assert absent <= set(glossary.MODULES.get(space, {})), space
