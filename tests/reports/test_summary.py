"""The summary shows what Keras users know; real Keras is asked for the text to expect."""

import io
import os

os.environ.setdefault("KERAS_BACKEND", "jax")

import pytest

from cornu.reports.summary import summarize, summary_text

keras = pytest.importorskip("keras")
layers = keras.layers


@pytest.fixture(autouse=True)
def fresh_names():
    keras.utils.clear_session()


def keras_says(model, **options):
    lines = []
    model.summary(print_fn=lambda text, **_: lines.append(text), **options)
    return "\n".join(lines).rstrip("\n")


def classifier():
    return keras.Sequential(
        [
            keras.Input((28, 28)),
            layers.Flatten(),
            layers.Dense(128, activation="relu"),
            layers.Dropout(0.2),
            layers.Dense(10),
        ],
        name="mnist",
    )


def branches():
    left, right = keras.Input((8,), name="left"), keras.Input((4,), name="right")
    a, b = layers.Dense(3, name="a")(left), layers.Dense(3, name="b")(right)
    return keras.Model([left, right], layers.Add(name="sum")([a, b]) * 2.0, name="branches")


def nested():
    innermost = keras.Sequential([keras.Input((6,)), layers.Dense(5, name="deep")], name="two")
    x = keras.Input((6,), name="i")
    inner = keras.Model(x, layers.Dense(4, name="mid")(innermost(x)), name="one")
    return keras.Sequential([inner, layers.Dense(2, name="top")], name="outer")


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__(name="sub")
        self.first, self.second = layers.Dense(3, name="first"), layers.Dense(4, name="second")

    def call(self, x):
        return self.second(self.first(x))


def called_on_arrays():
    model = Subclassed()
    model(keras.ops.zeros((2, 5)))
    return model


def fitted():
    model = classifier()
    model.compile("adam", "mse")
    model.optimizer.build(model.trainable_variables)
    return model


def half_precision():
    return keras.Sequential(
        [
            keras.Input((8,)),
            layers.Dense(30, dtype="mixed_bfloat16"),
            layers.Dense(2, dtype="float16"),
        ]
    )


def normalised():
    return keras.Sequential([keras.Input((8,)), layers.BatchNormalization(name="bn")])


def empty():
    return keras.Sequential(name="empty")


@pytest.mark.parametrize(
    ("make", "options"),
    [
        (classifier, {}),
        (classifier, {"layer_range": ["flatten.*", "dropout.*"]}),
        (classifier, {"positions": [0.3, 0.6, 1.0]}),
        (branches, {}),
        (nested, {}),
        (nested, {"expand_nested": True}),
        (called_on_arrays, {}),
        (fitted, {}),
        (half_precision, {}),
        (normalised, {}),
        (empty, {}),
    ],
)
def test_the_text_is_that_of_keras(make, options):
    model = make()
    assert summary_text(model, **options) == keras_says(model, **options)


def test_long_names_are_shown_whole():
    name = "a_layer_whose_name_is_longer_than_its_column"
    model = keras.Sequential([keras.Input((8,)), layers.Dense(3, name=name)])
    assert f"│ {name} " in summary_text(model)
    assert "…" in keras_says(model)  # what this is better than


def test_the_trainable_column():
    model = classifier()
    model.layers[1].trainable = False
    text = summary_text(model, show_trainable=True)
    rows = [line for line in text.splitlines() if line.startswith("│")]
    assert "┃ Trainable ┃" in text
    assert [row.split("│")[-2].strip() for row in rows] == ["-", "N", "-", "Y"]
    assert " Non-trainable params: 100,480 (392.50 KB)" in text


def test_a_layer_called_twice_shows_both_calls_and_shapes():
    flat, deep = keras.Input((4,), name="flat"), keras.Input((3, 4), name="deep")
    shared = layers.Dense(8, name="shared")
    text = summary_text(keras.Model([flat, deep], [shared(flat), shared(deep)]))
    assert "(None, 8) " in text and "(None, 3, 8)" in text
    assert "flat[0][0]," in text and "deep[0][0]" in text
    assert "?" not in text


def test_calls_in_other_models_are_not_shown():
    layer = layers.Dense(4, name="used_twice")
    x = keras.Input((4,), name="x")
    model = keras.Model(x, layer(x))
    layer(keras.Input((7, 4)))  # a second call, of no concern to the model
    text = summary_text(model)
    assert "(None, 4) " in text
    assert "(None, 7, 4)" not in text and "Connected to" not in text


def test_several_outputs_are_one_list():
    x = keras.Input((None, 8), name="x")
    model = keras.Model(x, layers.LSTM(4, return_state=True, name="lstm")(x))
    assert "│ [(None, 4), (None, 4), (None, 4)] │" in summary_text(model)


def test_inner_connections_of_a_nested_graph():
    inner = branches()
    x, y = keras.Input((8,), name="x"), keras.Input((4,), name="y")
    text = summary_text(keras.Model([x, y], inner([x, y])), expand_nested=True)
    assert "└ a (Dense)" in text and "left[0][0]" in text


def test_inputs_without_a_layer():
    class Bare:  # a symbolic tensor that no operation made
        shape, _keras_history = (None, 3), None

    class Doubled:
        name, _inbound_nodes = "doubled", []

    class Output:
        shape, _keras_history = (None, 6), (Doubled, 0, 0)

    class Call:
        input_tensors, output_tensors = [Bare()], [Output()]

    class Model:
        name, layers, inputs, outputs = "m", [Doubled()], [Bare()], [Output()]
        trainable_weights, non_trainable_weights = (), ()

    Output._keras_history = (Model.layers[0], 0, 0)
    Doubled._inbound_nodes.append(Call())
    assert "│ doubled (Doubled)               │ (None, 6) " in summary_text(Model())


def test_an_ascii_stream_gets_ascii():
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    text = summary_text(nested(), expand_nested=True, stream=stream)
    assert text.isascii() and "- deep (Dense)" in text and "?" not in text


def test_a_model_that_is_not_built_says_what_to_do():
    model = keras.Sequential([layers.Flatten(), layers.Dense(3)])
    text = summary_text(model)
    assert text.count("0 (unbuilt)") == 2 and "│ ? " in text
    assert "2 layers are not built" in text
    assert "model.build(input_shape)" in text


def test_no_question_mark_once_the_input_is_known():
    model = Subclassed()
    model(keras.Input((5,)))
    text = summary_text(model)
    assert "?" not in text and "unbuilt" not in text


@pytest.mark.parametrize("length", [40, 60, 100, 160])
def test_line_length_is_kept(length):
    lines = summary_text(branches(), line_length=length).splitlines()
    table = [line for line in lines if line[0] in "┏┃┡│├└"]
    assert {len(line) for line in table} == {length}


def test_absolute_positions():
    text = summary_text(classifier(), positions=[30, 60, 76])
    top = text.splitlines()[1]
    assert (top.index("┳"), top.rindex("┳"), top.index("┓")) == (30, 59, 75)


def test_print_fn_gets_the_whole_text_once():
    model, texts = classifier(), []
    summarize(model, print_fn=texts.append)
    assert texts == [summary_text(model)]
    assert texts[0].startswith('Model: "mnist"') and "Total params: 101,770" in texts[0]


def test_without_print_fn_it_is_printed(capsys):
    model = classifier()
    summarize(model)
    assert capsys.readouterr().out == summary_text(model) + "\n"


def test_an_unknown_layer_range_names_the_close_ones():
    model = keras.Sequential([keras.Input((2,)), layers.Dense(1, name="encoder")])
    with pytest.raises(ValueError, match="did you mean 'encoder'"):
        summary_text(model, layer_range=["encodr", "encoder"])
    with pytest.raises(ValueError, match="first and the last"):
        summary_text(model, layer_range=["encoder"])


@pytest.mark.parametrize("positions", [[0.5, 1.0], [0.2, 0.4, 0.6, 1.0]])
def test_as_many_positions_as_columns(positions):
    with pytest.raises(ValueError, match=f"must have 3 entries.*got {len(positions)}"):
        summary_text(classifier(), positions=positions)


def test_positions_rise():
    with pytest.raises(ValueError, match="must be increasing"):
        summary_text(classifier(), positions=[0.8, 0.4, 1.0])
