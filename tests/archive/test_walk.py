"""The walk is compared with the files that real Keras writes for the same objects."""

import h5py
import keras
import numpy as np
import pytest
from keras import layers

from cornu.archive.safeh5 import DIGEST
from cornu.archive.stores import H5Reader, H5Writer
from cornu.archive.walk import plan_load, walk
from cornu.errors import UnsafeFileError

# ---- Keras objects as the walk wants to see them ----------------------------------------------


def plain_attributes(obj):
    """What every object of its kind has, and is therefore not stored by name."""
    optimizer = isinstance(obj, keras.optimizers.Optimizer)
    plain = keras.optimizers.Optimizer(0.1, name="x") if optimizer else layers.Layer()
    extra = {"_functional"} if isinstance(obj, keras.Sequential) else set()
    return set(dir(plain)) | extra


def children(obj):
    for name in set(dir(obj)) - plain_attributes(obj):
        try:
            yield name, getattr(obj, name)
        except Exception:  # properties of objects that are not built
            continue


def is_saveable(value):
    return isinstance(value, (layers.Layer, keras.optimizers.Optimizer))


def layers_first(obj):
    return any(c.__name__ in ("Sequential", "Functional") for c in type(obj).__mro__)


def our_walk(model):
    return list(walk(model, children, is_saveable, layers_first))


# ---- models ----------------------------------------------------------------------------------


def dense(name):
    layer = layers.Dense(2, name=name)
    layer.build((None, 3))
    return layer


def compiled(model, optimizer="adam"):
    model.compile(optimizer, "mse", metrics=["mae"])
    model.optimizer.build(model.trainable_variables)
    return model


class Sub(keras.Model):
    """A model that is only a bag of attributes."""

    def __init__(self, **attributes):
        super().__init__(name="sub")
        for name, value in attributes.items():
            setattr(self, name, value)
        self.built = True

    def call(self, x):
        return x


class SubLayer(layers.Layer):
    def __init__(self, **attributes):
        super().__init__(name="sublayer")
        for name, value in attributes.items():
            setattr(self, name, value)
        self.built = True

    @property
    def late(self):
        return self.deep[0][0]

    def call(self, x):
        return x


class _Hidden(layers.Layer):
    pass


def sequential():
    model = keras.Sequential([keras.Input((4,))])
    for layer in (
        layers.Dense(3, name="h1"),
        layers.BatchNormalization(),
        layers.Dropout(0.1),
        layers.Dense(3),
        layers.Dense(2),
    ):
        model.add(layer)
    return compiled(model)


def functional_with_shared_layers():
    inputs = keras.Input((3,))
    shared, other = layers.Dense(3, name="shared"), layers.Dense(3)
    a = shared(inputs)
    x = layers.Concatenate()([a, shared(a), other(a)])
    x = layers.Dense(3)(x) * 2.0
    return compiled(keras.Model(inputs, x + keras.ops.sum(x)), "adamw")


def nested_compiled():
    inner = compiled(keras.Sequential([keras.Input((3,)), layers.Dense(2)]))
    return compiled(keras.Sequential([keras.Input((3,)), inner, layers.Dense(2)]), "sgd")


def attention_and_recurrence():
    inputs = keras.Input((4, 3))
    x = layers.MultiHeadAttention(2, 2, dropout=0.1)(inputs, inputs)
    x = layers.Bidirectional(layers.LSTM(2, return_sequences=True))(x)
    x = layers.TimeDistributed(layers.Dense(2))(x)
    x = layers.RNN([layers.GRUCell(2), layers.LSTMCell(2)], return_sequences=True)(x)
    x = layers.GRU(3)(x)
    return keras.Model(inputs, x)


def containers_in_a_model():
    return Sub(
        blocks=[dense("b0"), dense("b1")],
        named={"p": dense("p"), "a": dense("a")},
        nested=[[dense("n0")], [dense("n1")]],
        head=dense("head"),
        Zed=dense("Zed"),
        _private=dense("private"),
        zz=layers.Dropout(0.1),
    )


def containers_in_a_layer():
    twice, deep = dense("twice"), dense("deep")
    layer = SubLayer(
        d={"b": dense("db"), "a": twice, "n": {"x": dense("dn")}, "t": (dense("dt"), 3)},
        empties=[[], [1], {}, None, "x", [dense("e3")]],
        again=[twice, dense("a1"), twice, dense("a3")],
        order=[[deep, dense("o1")], deep, [[dense("o2")]]],
        deep=[[dense("late")]],
        same=twice,
        kinds=[layers.LSTM(2), layers.Conv2DTranspose(1, 1), _Hidden(), layers.GRUCell(2)],
        metric=keras.metrics.Mean(),
        mixed=[keras.losses.MeanSquaredError(), dense("m")],
        seed=keras.random.SeedGenerator(1),
        unordered={dense("in a set")},
        optimizer_of_mine=keras.optimizers.SGD(name="mine"),
    )
    model = keras.Sequential([layer])
    model.built = True
    return model


def subclass_of_functional():
    class Net(keras.Model):
        def __init__(self):
            inputs = keras.Input((3,))
            self.stem = layers.Dense(2, name="stem")
            super().__init__(inputs, layers.Dense(1)(self.stem(inputs)))
            self.extra = dense("extra")

    return Net()


def subclass_of_sequential():
    class Net(keras.Sequential):
        def __init__(self):
            super().__init__([keras.Input((3,)), layers.Dense(2)])
            self.blocks = [self.layers[0], dense("block")]

    return Net()


def loss_scaling_and_averages():
    inner = keras.optimizers.AdamW(use_ema=True, gradient_accumulation_steps=2)
    return compiled(
        keras.Sequential([keras.Input((3,)), layers.Normalization(), layers.Dense(2)]),
        keras.optimizers.LossScaleOptimizer(inner),
    )


MODELS = [
    sequential,
    functional_with_shared_layers,
    nested_compiled,
    attention_and_recurrence,
    containers_in_a_model,
    containers_in_a_layer,
    subclass_of_functional,
    subclass_of_sequential,
    loss_scaling_and_averages,
]


@pytest.mark.parametrize("make", MODELS, ids=lambda make: make.__name__)
def test_paths_are_those_of_keras(tmp_path, make):
    model = make()
    path = tmp_path / "model.weights.h5"
    model.save_weights(path)
    objects = our_walk(model)
    with H5Reader(path) as store:
        assert sorted(path for path, _ in objects) == store.paths()
        for inner, obj in objects:
            assert store.name(inner) == obj.name, inner


@pytest.mark.parametrize("make", [sequential, nested_compiled, containers_in_a_model])
def test_a_file_written_along_the_walk_is_that_of_keras(tmp_path, make):
    model = make()
    theirs, ours = tmp_path / "theirs.weights.h5", tmp_path / "ours.weights.h5"
    model.save_weights(theirs)
    with H5Reader(theirs) as source, H5Writer(ours) as target:
        for inner, obj in our_walk(model):
            target.write(inner, obj.name, source.read(inner, source.shapes(inner)))
    with h5py.File(theirs) as a, h5py.File(ours) as b:
        names: list[str] = []
        a.visit(names.append)
        found: list[str] = []
        b.visit(found.append)
        assert names == found
        for name in names:
            mine = {key: value for key, value in b[name].attrs.items() if key != DIGEST}
            assert mine == dict(a[name].attrs)
    before = [np.array(w) for w in model.get_weights()]
    model.set_weights([w * 0 for w in before])
    model.load_weights(ours)
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


# ---- the rules alone, without Keras ------------------------------------------------------------


class Node:
    def __init__(self, **attributes):
        self.__dict__.update(attributes)


class LSTMCell(Node):
    pass


def paths(root, first=()):
    found = walk(
        root, lambda n: vars(n).items(), lambda v: isinstance(v, Node), lambda obj: obj in first
    )
    return [path for path, _ in found]


def test_public_attributes_come_first_in_alphabetical_order():
    assert paths(Node(b=Node(), _a=Node(), Z=Node(), a=Node())) == ["", "Z", "a", "b", "_a"]


def test_the_first_path_wins_and_the_number_is_used_up():
    one = Node()
    assert paths(Node(a=one, b=[one, Node()])) == ["", "a", "b/node_1"]


def test_layers_first_when_asked():
    one = Node()
    root = Node(a=one, layers=[one])
    assert paths(root) == ["", "a"]
    assert paths(root, first=[root]) == ["", "layers/node"]


def test_classes_are_counted_each_for_itself():
    root = Node(x=[Node(), LSTMCell(), Node(), [LSTMCell()]])
    assert paths(root)[1:] == ["x/node", "x/lstm_cell", "x/node_1", "x/container/lstm_cell"]


def test_circles_end():
    root = Node()
    root.me = root
    root.list = [Node()]
    root.list.append(root.list)
    root.a = Node(up=root)
    assert paths(root) == ["", "a", "list/node"]


# ---- the report --------------------------------------------------------------------------------

F32 = "float32"


class Store:
    label = "The file 'a.weights.h5'"

    def __init__(self, **objects):
        self.objects = {path.replace("__", "/"): specs for path, specs in objects.items()}

    def paths(self):
        return sorted(self.objects)

    def shapes(self, path):
        return self.objects[path]


def test_a_complete_match():
    specs = [((4, 3), F32), ((3,), F32)]
    report = plan_load(
        {"": [], "layers/dense": specs, "layers/dropout": []}, Store(layers__dense=specs)
    )
    assert report.complete
    assert report.matched == {"layers/dense": "layers/dense"}
    assert report.describe() == "The file 'a.weights.h5': 1 objects match."


@pytest.mark.parametrize(
    ("model", "file", "cause"),
    [
        ([((4, 5), F32)], [((4, 3), F32)], "number of outputs"),
        ([((5, 3), F32)], [((4, 3), F32)], "number of inputs"),
        ([((3, 4), F32)], [((4, 3), F32)], "axes are in another order"),
        ([((3, 3, 1, 8), F32)], [((9, 8), F32)], "number of axes"),
        ([((5, 5), F32)], [((4, 3), F32)], "sizes differ"),
        ([((4, 3), F32)], [((4, 3), "int8")], "quantized"),
        ([((4, 3), F32)], [((4, 3), F32), ((3,), F32)], "use_bias"),
    ],
)
def test_a_mismatch_names_path_shapes_and_cause(model, file, cause):
    report = plan_load({"layers/dense": model}, Store(layers__dense=file))
    assert not report.complete and not report.missing and not report.unused
    (difference,) = report.mismatched
    assert cause in difference.cause
    text = report.describe()
    assert "'layers/dense'" in text and "1 of another shape" in text
    assert str(model[0][0]) in text and str(file[0][0]) in text


def test_floats_of_another_width_match():
    assert plan_load({"a": [((2,), "bfloat16")]}, Store(a=[((2,), "float64")])).complete


def test_a_renamed_attribute_is_recognised():
    specs = [((4, 3), F32)]
    report = plan_load({"encoder": specs}, Store(backbone=specs))
    assert [d.path for d in report.missing] == ["encoder"]
    assert [d.path for d in report.unused] == ["backbone"]
    assert "'backbone'" in report.missing[0].cause
    assert "'encoder'" in report.unused[0].cause
    assert "1 missing in the file, 1 unused" in report.describe()


@pytest.mark.parametrize(
    ("path", "cause"),
    [
        ("blocks/container_1/dense", "before 3.15"),
        ("optimizer", "without the optimizer"),
        ("head", "without this object"),
    ],
)
def test_causes_of_a_missing_object(path, cause):
    report = plan_load({path: [((3,), F32)]}, Store())
    assert cause in report.missing[0].cause


def test_an_object_the_model_lacks_is_unused_and_the_rest_complete():
    report = plan_load({}, Store(optimizer=[((), "int32")], layers__dropout=[]))
    assert report.complete
    assert [d.path for d in report.unused] == ["optimizer"]
    assert "not compiled" in report.unused[0].cause


def test_the_old_name_of_layers_is_found():
    specs = [((4, 3), F32)]
    store = Store(_layer_checkpoint_dependencies__dense=specs)
    store.objects = {"_layer_checkpoint_dependencies/dense": specs}
    report = plan_load({"layers/dense": specs}, store)
    assert report.matched == {"layers/dense": "_layer_checkpoint_dependencies/dense"}
    assert not report.unused


def test_long_reports_are_cut():
    report = plan_load({f"a{i}": [((i,), F32)] for i in range(100)}, Store())
    assert "... and 80 more" in report.describe()


def test_a_refusal_is_never_a_difference():
    class Hostile(Store):
        def shapes(self, path):
            raise UnsafeFileError("no")

    with pytest.raises(UnsafeFileError):
        plan_load({"a": []}, Hostile(a=[]))
