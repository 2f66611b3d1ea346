"""Functional: graphs of layers and ops."""

import numpy as np
import pytest

import cornu as keras
from cornu import layers, ops


def two_inputs():
    a, b = keras.Input((2,), name="a"), keras.Input((3,), name="b")
    hidden = layers.Concatenate()([a, b])
    return keras.Model([a, b], layers.Dense(4)(hidden))


def test_several_inputs_in_every_form():
    model = two_inputs()
    a, b = np.ones((5, 2), "f"), np.zeros((5, 3), "f")
    expected = model([a, b])
    np.testing.assert_array_equal(model((a, b)), expected)
    np.testing.assert_array_equal(model({"a": a, "b": b}), expected)


def test_several_outputs_come_back_as_they_were_given():
    x = keras.Input((4,))
    y, z = layers.Dense(2, name="y")(x), layers.Dense(3, name="z")(x)
    listed = keras.Model(x, [y, z])
    assert [o.shape for o in listed(np.ones((1, 4)))] == [(1, 2), (1, 3)]
    assert listed.output_names == ["y", "z"]
    named = keras.Model(x, {"first": y, "second": z})
    assert {k: v.shape for k, v in named(np.ones((1, 4))).items()} == {
        "first": (1, 2),
        "second": (1, 3),
    }


def test_a_list_of_one_output_gives_the_array_as_in_keras():
    x = keras.Input((4,), name="x")
    model = keras.Model([x], [layers.Dense(2, name="y")(x)])
    data, labels = np.ones((3, 4), "f"), np.ones((3, 2), "f")
    assert model(data).shape == model([data]).shape == (3, 2)
    assert model.predict(data, verbose=0).shape == model.predict_on_batch([data]).shape == (3, 2)
    assert (model.input_shape, model.output_shape) == ((None, 4), (None, 2))
    # Symbolic outputs stay nested, in Keras too: `inner(x)[0]` is a tensor, not a row of one.
    assert [t.shape for t in model(keras.Input((4,)))] == [(None, 2)]
    assert model.compute_output_shape((None, 4)) == [(None, 2)]
    for loss, y in (("mse", labels), (["mse"], [labels]), ({"y": "mse"}, {"y": labels})):
        model.compile("sgd", loss, metrics=["mae"])
        assert set(model.fit([data], y, verbose=0).history) == {"loss", "mae"}
    named = keras.Model({"x": x}, {"y": model.output[0]})
    assert set(named({"x": data})) == {"y"}


def test_a_shared_layer_has_one_set_of_weights():
    shared = layers.Dense(3)
    a, b = keras.Input((4,)), keras.Input((4,))
    model = keras.Model([a, b], shared(a) - shared(b))
    assert len(model.weights) == 2
    x = np.random.default_rng(0).normal(size=(2, 4))
    np.testing.assert_allclose(model([x, x]), 0, atol=1e-6)


def test_operators_and_ops_on_symbolic_tensors():
    x = keras.Input((4,))
    y = ops.relu((x * 2 - 1) / 3 + x[:, :1])
    model = keras.Model(x, y)
    values = np.random.default_rng(0).normal(size=(3, 4)).astype("f")
    expected = np.maximum((values * 2 - 1) / 3 + values[:, :1], 0)
    np.testing.assert_allclose(model(values), expected, rtol=1e-6)


def test_nested_models_and_a_model_as_a_layer():
    inner_in = keras.Input((4,))
    inner = keras.Model(inner_in, layers.Dense(3)(inner_in), name="inner")
    x = keras.Input((4,))
    outer = keras.Model(x, layers.Dense(1)(inner(x) + inner(x * 2)))
    assert outer.count_params() == 15 + 4
    assert outer(np.ones((2, 4))).shape == (2, 1)
    assert outer.get_layer("inner") is inner


def test_a_missing_input_is_explained():
    a, b = keras.Input((2,)), keras.Input((2,))
    with pytest.raises(ValueError, match="cannot be computed from the given inputs"):
        keras.Model(a, layers.Dense(1)(a + b))


def difference():
    minuend, subtrahend = keras.Input((1,), name="zed"), keras.Input((1,), name="alf")
    inputs = {"zed": minuend, "alf": subtrahend}
    return keras.Model(inputs, minuend - subtrahend)


def test_a_dict_of_inputs_is_matched_by_key():
    model, two, one = difference(), np.full((2, 1), 2.0), np.ones((2, 1))
    assert model.predict({"alf": one, "zed": two}, verbose=0)[0] == 1.0
    with pytest.warns(UserWarning, match="in which the inputs were defined: 'zed', 'alf'"):
        assert model.predict([two, one], verbose=0)[0] == 1.0
    with pytest.raises(ValueError, match="the data hold 'zeed': did you mean 'zed'?"):
        model.predict({"zeed": two, "alf": one}, verbose=0)
    with pytest.raises(ValueError, match="pass it too"):
        model.predict({"alf": one}, verbose=0)


def test_entries_of_the_data_that_are_no_inputs_are_left_alone():
    model, data = difference(), {"zed": np.ones((2, 1)), "alf": np.ones((2, 1))}
    model.compile("sgd", "mse")
    rows = {**data, "id": np.array(["row 1", "row 2"])}
    assert model.predict(rows, verbose=0).tolist() == [[0.0], [0.0]]
    assert model.evaluate(((rows, np.ones((2, 1))) for _ in range(2)), verbose=0) == 1.0


def test_wrong_calls_are_explained():
    model = two_inputs()
    with pytest.raises(ValueError, match="takes 2 inputs, got 1"):
        model(np.ones((5, 2)))
    with pytest.raises(ValueError, match="got no value for its input 'b'"):
        model({"a": np.ones((5, 2)), "c": np.ones((5, 3))})
    with pytest.raises(ValueError, match="layer named 'denze'"):
        model.get_layer("denze")


def test_two_layers_of_one_name_are_refused():
    x = keras.Input((2,))
    y = layers.Dense(2, name="same")(x)
    with pytest.raises(ValueError, match="Two layers of the model are named 'same'"):
        keras.Model(x, layers.Dense(2, name="same")(y))


def test_a_subclass_may_hand_its_tensors_on():
    class Tower(keras.Model):
        def __init__(self, units=3):
            x = keras.Input((4,))
            super().__init__(inputs=x, outputs=layers.Dense(units)(x))
            self.units = units

    tower = Tower(units=5)
    assert isinstance(tower, Tower)
    assert tower(np.ones((2, 4))).shape == (2, 5)
    assert tower.output_shape == (None, 5)
    assert tower.get_config()["units"] == 5


def test_config_round_trip_keeps_the_graph():
    shared = layers.Dense(4, name="shared")
    a, b = keras.Input((4,), name="a"), keras.Input((4,), name="b")
    joined = layers.Concatenate(name="join")([shared(a), shared(b)])
    model = keras.Model({"a": a, "b": b}, [joined * 2.0, joined[:, 0]], name="graph")
    twin = keras.models.model_from_json(model.to_json())
    twin.set_weights(model.get_weights())
    inputs = {"a": np.ones((2, 4), "f"), "b": np.zeros((2, 4), "f")}
    for mine, other in zip(model(inputs), twin(inputs), strict=True):
        np.testing.assert_array_equal(mine, other)
    assert [layer.name for layer in twin.layers] == [layer.name for layer in model.layers]


def test_long_chains_do_not_exhaust_the_stack():
    x = y = keras.Input((2,))
    for _ in range(1500):
        y = layers.Activation("linear")(y)
    model = keras.Model(x, y)
    assert len(model.layers) == 1501


def test_the_summary_names_ops_as_keras_does():
    inputs = keras.Input((4,))
    lines = []
    keras.Model(inputs, keras.ops.relu(inputs * 2.0)).summary(print_fn=lines.append)
    text = "\n".join(lines)
    assert "(Multiply)" in text
    assert "(Relu)" in text
    assert "OpCall" not in text


@pytest.mark.parametrize(
    "nest",
    [
        lambda a, b, c: {"one": a, "two": [b, c]},
        lambda a, b, c: {"one": a, "two": {"x": b, "y": c}},
        lambda a, b, c: [a, (b, c)],
        lambda a, b, c: ({"x": a, "y": b}, c),
    ],
)
def test_nested_inputs_train_and_predict(nest):
    tensors = [keras.Input((2,), name=name) for name in "abc"]
    model = keras.Model(nest(*tensors), layers.Dense(1)(layers.Concatenate()(tensors)))
    model.compile("sgd", "mse")
    arrays = nest(*(np.full((6, 2), float(i), "f") for i in range(3)))
    history = model.fit(arrays, np.ones((6, 1)), epochs=2, batch_size=3, verbose=0)
    assert history.history["loss"][1] != history.history["loss"][0]
    kernel, bias = model.get_weights()
    expected = np.repeat(np.arange(3.0), 2) @ kernel + bias
    np.testing.assert_allclose(model.predict(arrays, verbose=0)[0], expected, rtol=1e-5)
    np.testing.assert_allclose(model(arrays)[0], expected, rtol=1e-5)


def test_a_model_of_the_end_of_another_owns_no_more_than_that_end(tmp_path):
    start = keras.Input((2,))
    middle = layers.Dense(4, name="first")(start)
    whole = keras.Model(start, layers.Dense(5, name="second")(middle))
    end = keras.Model(middle, whole.output)
    assert [layer.name for layer in end.layers[1:]] == ["second"]
    assert len(end.weights) == 2 and end.count_params() == 25
    assert [o.name for o in keras.Function(middle, whole.output).operations] == ["second"]
    x = np.ones((3, 4), "float32")
    np.testing.assert_allclose(end(x), whole.get_layer("second")(x), rtol=1e-6)
    end.save(tmp_path / "end.keras")
    np.testing.assert_allclose(keras.saving.load_model(tmp_path / "end.keras")(x), end(x))


@pytest.mark.parametrize("sequential", [False, True])
@pytest.mark.parametrize("declared", ["float32", "float16", "int32", "bool"])
def test_inputs_come_in_the_dtype_that_the_graph_was_made_for(declared, sequential):
    if sequential:
        model = keras.Sequential([keras.Input((2,), dtype=declared), layers.Identity()])
    else:
        inputs = keras.Input((2,), dtype=declared)
        model = keras.Model(inputs, ops.copy(inputs))
    expected = model.outputs[0].dtype
    for given in ("uint8", "int32", "bool", "float16", "float32"):
        assert model(np.ones((1, 2), given)).dtype == expected


def test_pixels_do_not_wrap_around():
    pixels = keras.Input((2,))
    model = keras.Model(pixels, pixels * 2 - 300)
    data = np.array([[0, 255]], "uint8")
    np.testing.assert_array_equal(model(data), [[-300, 210]])
    np.testing.assert_array_equal(model.predict(data, verbose=0), [[-300, 210]])


def test_rows_of_a_large_table_are_looked_up_exactly():
    ids = keras.Input((1,))
    seen = []
    table = layers.Embedding(2**24 + 2, 1, embeddings_initializer="zeros")
    table._identifiers = lambda x: seen.append(x) or x
    keras.Model(ids, table(ids))(np.array([[2**24 + 1]]))
    assert int(seen[-1][0, 0]) == 2**24 + 1  # which no float32 is


def test_under_mixed_precision_inputs_keep_their_precision():
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        inputs = keras.Input((2,))
        model = keras.Model(inputs, [inputs * 1, layers.Dense(2)(inputs)])
        assert [y.dtype.name for y in model(np.ones((1, 2), "f"))] == ["float32", "float16"]
    finally:
        keras.config.set_dtype_policy(policy)


def test_a_layer_that_was_called_twice_tells_of_the_first_call():
    layer, a, b = layers.Dense(2), keras.Input((3,)), keras.Input((3,))
    first, _ = layer(a), layer(b)
    assert layer.input is a and layer.output is first
    with pytest.raises(AttributeError, match="was not called"):
        _ = layers.Dense(2).output
