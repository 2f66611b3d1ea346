"""Programs with one mistake each; every fix of their message has to make them run.

`x` is (64, 4), `y` classes 0 to 2, `hot` the same one-hot. The last statement is where the mistake
is met. `check` is true of the names of the program afterwards; where only some alternatives of a
fix are for this very program, `only` picks them.
"""

from typing import NamedTuple


class Program(NamedTuple):
    """A program and what has to hold when it is mended."""

    source: str
    check: str = "True"
    only: tuple[int, ...] | None = None


def mlp(end: str, units: int = 3, activation: str = '"softmax"', loss: str | None = None,
        inputs: str = "(4,)", before: str = "", more: str = "") -> str:  # fmt: skip
    """A model of one layer, compiled, and what happens to it."""
    loss = loss or '"sparse_categorical_crossentropy"'
    return (
        f"{before}\nmodel = keras.Sequential([keras.Input({inputs}), "
        f"layers.Dense({units}, activation={activation}, name='last')])\n"
        f'model.compile(optimizer="adam", loss={loss}{more})\n{end}'
    )


FIT = "model.fit(x, y, verbose=0, batch_size=64)"
PREDICT = "out = model.predict(x, verbose=0)"


def images(have: str, want: str, before: str = "") -> str:
    """A model of images of one size, asked for others."""
    return (
        f"x = rng.random({have})\nold = x\n{before}"
        f"model = keras.Sequential([keras.Input({want}), layers.Flatten(), layers.Dense(2)])\n"
        f"{PREDICT}"
    )


def own_layer(*lines: str) -> str:
    """A model with a layer of the user's, whose `call` is these lines."""
    body = "".join(f"        {line}\n" for line in lines)
    return (
        f"class Own(layers.Layer):\n    def call(self, x):\n{body}"
        "model = keras.Sequential([keras.Input((4,)), Own(), layers.Dense(3)])"
    )


def own_loss(*lines: str) -> str:
    """A training with a loss of the user's, which is these lines."""
    body = "".join(f"    {line}\n" for line in lines)
    return (
        f"def own(a, b):\n{body}"
        "model = keras.Sequential([keras.Input((4,)), layers.Dense(3)])\n"
        "model.compile('adam', own)\nmodel.fit(x, hot, verbose=0, batch_size=64)"
    )


DATA = {
    "channels first": Program(images("(8, 3, 6, 5)", "(6, 5, 3)"),
                              "np.array_equal(x[:, 1, 2, 0], old[:, 0, 1, 2])"),
    "channels last": Program(images("(8, 6, 5, 3)", "(3, 6, 5)"),
                             "np.array_equal(x[:, 0, 1, 2], old[:, 1, 2, 0])"),
    "height and width": Program(images("(8, 6, 5, 3)", "(5, 6, 3)"),
                                "np.array_equal(x[:, 2, 1], old[:, 1, 2])"),
    "time and features": Program(images("(8, 5, 4)", "(4, 5)"),
                                 "np.array_equal(x[:, 1, 2], old[:, 2, 1])"),
    "one image": Program(images("(6, 6, 3)", "(6, 6, 3)"), "np.array_equal(x[0], old)"),
    "one grey image": Program(images("(6, 6)", "(6, 6, 1)"), "np.array_equal(x[0, ..., 0], old)"),
    "grey images for colours": Program(images("(8, 6, 6)", "(6, 6, 3)"),
                                       "np.array_equal(x[..., 2], old)"),
    "colour for grey": Program(images("(8, 6, 6, 3)", "(6, 6, 1)"), "len(out) == 8"),
    "grey for colour": Program(images("(8, 6, 6, 1)", "(6, 6, 3)"), "len(out) == 8"),
    "alpha": Program(images("(8, 6, 6, 4)", "(6, 6, 3)"), "len(out) == 8"),
    "another size": Program(images("(8, 8, 8, 3)", "(6, 6, 3)"), "len(out) == 8"),
    "flat images": Program(images("(8, 36)", "(6, 6, 1)"),
                           "np.array_equal(x[:, 1, 2, 0], old[:, 8])"),
    "flat colour images": Program(images("(8, 108)", "(6, 6, 3)"), "x.shape == (8, 6, 6, 3)"),
    "images for a flat model": Program(images("(8, 6, 6)", "(36,)"),
                                       "np.array_equal(x[:, 8], old[:, 1, 2])"),
    "batch size in the shape": Program(mlp(FIT, inputs="(64, 4)"), "len(model.predict(x)) == 64",
                                       only=(0,)),
    "free axis for the samples": Program(mlp(FIT, inputs="(None, 4)"), only=(0, 2)),
    "wrong number of features": Program(mlp(FIT, inputs="(5,)")),
    "x and y exchanged": Program(mlp(FIT, before="x, y = y, x"), "x.shape == (64, 4)"),
    "NaN in x": Program(mlp(FIT, before="x[3, 1] = np.nan"), "len(x) == len(y)"),
    "infinity in x": Program(mlp(FIT, before="x[3, 1] = np.inf"), "abs(x).max() < 9"),
    "infinity in y": Program(mlp(FIT, activation="None", loss='"mse"',
                                 before="y = hot.copy(); y[3, 1] = np.inf"), "y.max() == 1"),
    "NaN in an evaluation": Program(
        mlp("out = model.evaluate(x, y, verbose=0)", before="x[3, 1] = np.nan"), "out > 0"),
    "raw pixels": Program(mlp(FIT, inputs="(64,)",
                              before="x = rng.integers(0, 256, (64, 64)).astype('uint8')"),
                          "x.max() <= 1"),
    "columns of wild size": Program(mlp(FIT, before="x = x * 1e5 + 1e7"), "abs(x).max() < 9",
                                    only=(0,)),
    "text": Program(mlp(FIT, before="x = np.array([list('abca')] * 64)"), "x.shape == (64, 4)"),
    "text labels": Program(mlp(FIT, before="y = np.array(list('abc'))[y]"),
                           "set(y.tolist()) == {0, 1, 2}"),
    "rows of two lengths": Program(mlp(FIT, before="x = [[1.0, 2, 3, 4], [1.0]] * 32"),
                                   "len(x) == 64"),
    "a structured array": Program(
        mlp(FIT, inputs="(2,)", before="x = np.ones(64, dtype=[('a', 'f4'), ('b', 'i4')])"),
        "x.shape == (64, 2)"),
    "objects": Program(
        mlp(FIT, before="class Half:\n    def __float__(self): return 0.5\n"
            "x = np.array([[Half()] * 4] * 64)"), "x.dtype == 'float32'"),
    "columns in another order": Program(
        "import pandas\nx = pandas.DataFrame(x, columns=list('abcd'))\n"
        "model = keras.Sequential([keras.Input((4,)), layers.Dense(3)])\n"
        "model.compile('adam', 'mse')\nmodel.fit(x, hot, verbose=0, batch_size=64)\n"
        f"x = x[list('dcba')]\n{PREDICT}", "list(x.columns) == list('abcd')"),
    "identifiers beyond the table": Program(
        "x = np.arange(64).reshape(16, 4)\n"
        "model = keras.Sequential([keras.Input((4,)), layers.Embedding(9, 2)])\n" + PREDICT,
        "out.shape == (16, 4, 2)"),
    "negative identifiers": Program(
        "x = -np.arange(4).reshape(1, 4)\n"
        "model = keras.Sequential([keras.Input((4,)), layers.Embedding(3, 2)])\n"
        "model.layers[0].input_dim = 4; model = keras.Sequential("
        "[keras.Input((4,)), layers.Embedding(4, 2), layers.Flatten(), layers.Dense(1)])\n"
        "model.compile('adam', 'mse')\nmodel.fit(x, np.ones((1, 1)), verbose=0)", "x.min() == 0"),
    "numbers for an embedding": Program(
        "model = keras.Sequential([keras.Input((4,)), layers.Embedding(256, 2), layers.Flatten(), "
        "layers.Dense(3)])\nmodel.compile('adam', 'mse')\n"
        "model.fit(x, hot, verbose=0, batch_size=64)", "x.shape == (64, 4)"),
}  # fmt: skip

LABELS = {
    "integers for categorical": Program(mlp(FIT, loss='"categorical_crossentropy"')),
    "one-hot for sparse": Program(mlp(FIT, before="y = hot")),
    "classes from 1": Program(mlp(FIT, before="y = y + 1"), "y.min() == 0"),
    "a class beyond the outputs": Program(mlp(FIT, before="y = np.where(y == 2, 5, y)")),
    "negative classes": Program(mlp(FIT, before="y = y - 1")),
    "to_categorical of 1 to 3": Program(
        mlp(FIT, loss='"categorical_crossentropy"', before="y = keras.utils.to_categorical(y + 1)"),
        "np.array_equal(y, hot)", only=(0,)),
    "numbers as classes": Program(mlp(FIT, before="y = y + 0.5")),
    "binary labels 1 and 2": Program(mlp(FIT, 1, '"sigmoid"', '"binary_crossentropy"',
                                         before="y = y % 2 + 1"), "set(y.tolist()) == {0, 1}"),
    "three classes for one sigmoid": Program(mlp(FIT, 1, '"sigmoid"', '"binary_crossentropy"')),
    "a quantity for one sigmoid": Program(mlp(FIT, 1, '"sigmoid"', '"binary_crossentropy"',
                                              before="y = -x[:, 0]")),
    "no softmax": Program(mlp(FIT, activation="None")),
    "no sigmoid": Program(mlp(FIT, 1, "None", '"binary_crossentropy"', before="y = y % 2")),
    "softmax over one": Program(mlp(FIT, 1, loss='"binary_crossentropy"', before="y = y % 2")),
    "softmax and logits": Program(mlp(
        FIT, loss="keras.losses.SparseCategoricalCrossentropy(from_logits=True)")),
    "sigmoid over classes": Program(mlp(FIT, activation='"sigmoid"')),
    "several ones": Program(mlp(FIT, loss='"categorical_crossentropy"',
                                before="y = (rng.random((64, 3)) > 0.3).astype('float32')")),
    "one label for three sigmoids": Program(mlp(FIT, 3, '"sigmoid"', '"binary_crossentropy"')),
    "one target for three outputs": Program(mlp(FIT, 3, "None", '"mse"', before="y = x[:, 0]")),
    "two columns for three outputs": Program(mlp(FIT, 3, "None", '"mse"', before="y = x[:, :2]")),
    "targets that stretch": Program(mlp(FIT, 3, "None", '"mse"', before="y = x[:, :1]")),
    "a forgotten Flatten": Program(mlp(FIT, inputs="(2, 2)", before="x = x.reshape(64, 2, 2)")),
    "targets beyond tanh": Program(mlp(FIT, 1, '"tanh"', '"mse"', before="y = 50 + x[:, 0]")),
    "negative targets for relu": Program(mlp(FIT, 1, '"relu"', '"mse"',
                                             before="y = -abs(x[:, 0])")),
    "huge targets": Program(mlp(FIT, 1, "None", '"mse"', before="y = x[:, 0] * 1e6"),
                            "abs(y).max() < 9", only=(0,)),
    "accuracy of numbers": Program(mlp(FIT, 1, "None", '"mse"', before="y = x[:, 0]",
                                       more=', metrics=["accuracy"]')),
    "sorted labels": Program(mlp(FIT[:-1] + ", validation_split=0.3)", before="y = np.sort(y)")),
}  # fmt: skip

TRAINING = {
    "epochs as text": Program(mlp(FIT[:-1] + ', epochs="2")')),
    "half an epoch": Program(mlp(FIT[:-1] + ", epochs=2.5)")),
    "epochs below zero": Program(mlp(FIT[:-1] + ", epochs=-1)")),
    "batch size zero": Program(mlp("model.fit(x, y, verbose=0, batch_size=0)"), only=()),
    "validation_split in percent": Program(mlp(FIT[:-1] + ", validation_split=20)")),
    "class_weight in a word": Program(
        mlp('class_weight = "balanced"\n' + FIT[:-1] + ", class_weight=class_weight)")),
    "class_weight as a list": Program(
        mlp("class_weight = [1.0, 2.0, 3.0]\n" + FIT[:-1] + ", class_weight=class_weight)")),
    "no labels": Program(mlp("model.fit(x, verbose=0)")),
    "no labels to evaluate": Program(mlp("model.evaluate(x, verbose=0)")),
    "no labels to validate": Program(
        mlp("x_val, y_val = x, y\n" + FIT[:-1] + ", validation_data=x)")),
    "not compiled": Program(
        "model = keras.Sequential([keras.Input((4,)), layers.Dense(3)])\n"
        "model.fit(x, hot, verbose=0)", only=()),
    "a learning rate far too large": Program(mlp(
        "model.fit(x, hot, verbose=0, epochs=9, batch_size=16)", 3, "None", '"mse"'
    ).replace('optimizer="adam"', "optimizer=keras.optimizers.SGD(1e6)"), only=(0,)),
    "an argument that is like another": Program(mlp(FIT[:-1] + ", epoch=2)")),
    "a loss that is like another": Program(mlp(FIT, loss='"sparse_categorical_crossentrop"')),
    "a class among callbacks": Program(
        mlp(FIT[:-1] + ", callbacks=[keras.callbacks.TerminateOnNaN])")),
    "a lambda among callbacks": Program(mlp(FIT[:-1] + ", callbacks=[lambda logs: None])")),
    "a monitor without validation": Program(
        mlp("x_val, y_val = x, y\n" + FIT[:-1] + ', callbacks=[keras.callbacks.EarlyStopping()])'),
        only=(1,)),
    "a monitor that is like another": Program(mlp(
        FIT[:-1] + ', callbacks=[keras.callbacks.EarlyStopping(monitor="acc")])',
        more=', metrics=["accuracy"]')),
    "a field that is like another": Program(mlp(
        FIT[:-1] + ', callbacks=[keras.callbacks.ModelCheckpoint(folder + "/{acc}.keras")])',
        more=', metrics=["accuracy"]', before="import tempfile\nfolder = tempfile.mkdtemp()")),
    "a plateau and a schedule": Program(mlp(
        FIT[:-1] + ", callbacks=[keras.callbacks.ReduceLROnPlateau('loss')])"
    ).replace('optimizer="adam"',
              "optimizer=keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(0.1, 9))"),
        only=()),
    "steps beyond the data": Program(mlp(FIT[:-1] + ", steps_per_epoch=9)")),
}  # fmt: skip

OWN = {
    "an if in call": Program(
        own_layer("if ops.mean(x) > 0:", "    x = x * 2", "return x")),
    "an if that returns": Program(
        own_layer("if ops.mean(x) > 0:", "    return x", "return -x")),
    "an if in one line": Program(own_layer("y = x if ops.mean(x) > 0 else -x", "return y")),
    "numpy in call": Program(own_layer("return np.exp(x)")),
    "float in call": Program(own_layer("return x * float(ops.mean(x))")),
    "int in call": Program(own_layer("return x * int(ops.sum(x))")),
    "item in call": Program(own_layer("return x * ops.mean(x).item()")),
    "a condition as index": Program(own_layer("return x[x > 0]")),
    "no return in call": Program(own_layer("x * 2")),
    "no return after a name": Program(own_layer("y = x * 2")),
    "an if in a loss": Program(
        own_loss("if ops.mean(a) > 0:", "    return ops.mean(b)", "return ops.mean(b - a)")),
    "numpy in a loss": Program(own_loss("return np.mean((np.array(a) - np.array(b)) ** 2)")),
    "no return in a loss": Program(own_loss("ops.mean((a - b) ** 2)")),
    "no return in a metric": Program(
        "def own(a, b):\n    ops.mean(b)\n" + mlp(FIT, more=", metrics=[own]")),
}  # fmt: skip

LAYERS = {
    "stacked LSTM": Program(
        "model = keras.Sequential([keras.Input((5, 4)), layers.LSTM(3, name='one'), "
        "layers.LSTM(3)])"
    ),
    "a GRU on a Bidirectional": Program(
        "model = keras.Sequential([keras.Input((5, 4)), layers.Bidirectional(layers.LSTM(3)), "
        "layers.GRU(2)])",
        only=(),
    ),
    "an LSTM of a table": Program("model = keras.Sequential([layers.LSTM(3)])\n" + PREDICT),
    "images without channels": Program(
        "x = rng.random((4, 8, 8))\nmodel = keras.Sequential([layers.Conv2D(2, 3)])\n" + PREDICT
    ),
    "a layer of too many axes": Program(
        "x = rng.random((4, 5, 3, 2))\n"
        "model = keras.Sequential([layers.LSTM(3, name='lstm')])\n" + PREDICT
    ),
    "a dict for one input": Program(
        "x = {'q': x}\nmodel = keras.Sequential([keras.Input((4,)), layers.Dense(2)])\n" + PREDICT
    ),
    "two arguments to merge": Program(
        "x1, x2 = keras.Input((4,)), keras.Input((4,))\nlayer = layers.Add()\nx = layer(x1, x2)"
    ),
    "a number as regularizer": Program("layers.Dense(3, kernel_regularizer=0.01)"),
    "an activation that is like another": Program("layers.Dense(3, activation='rellu')"),
    "an argument like another": Program("layers.Dense(3, activaton='relu')"),
    "an initializer like another": Program("layers.Dense(3, kernel_initializer='glorot_unifrm')"),
    "units that are no number": Program("layers.Dense('many')"),
    "a rate above 1": Program("layers.Dropout(1.5)"),
    "a window of no size": Program("layers.MaxPooling2D(0)"),
    "a padding that does not exist": Program("layers.Conv2D(2, 3, padding='sam')"),
    "a class in a Sequential": Program(
        "from cornu.layers import Flatten\nkeras.Sequential([Flatten])"
    ),
    "a shape that is a number": Program("keras.Input(4)"),
    "one input to merge": Program("layers.Add()(keras.Input((4,)))", only=()),
    "a negative slope": Program("layers.LeakyReLU(negative_slope=-1.0)"),
    "a regularizer like another": Program("layers.Dense(3, bias_regularizer='l22')"),
    "a wrapper around no layer": Program("layers.Bidirectional(3)"),
    "a time-distributed number": Program("layers.TimeDistributed(3)"),
    "a function that is none": Program("layers.Lambda(3)"),
    "a repetition that is no number": Program("layers.RepeatVector('x')"),
    "sizes of attention that are no whole numbers": Program(
        "layers.MultiHeadAttention(2, 4, output_shape=8.0)"
    ),
    "quantized and not": Program(
        "layer = layers.Dense(2)\nlayer.build((None, 4))\nlayer.quantized_call(x)", only=(0,)
    ),
    "a word for trainable": Program("layers.Dense(3, trainable='yes')"),
    "strides and dilation": Program("layers.ConvLSTM2D(2, 3, strides=2, dilation_rate=3)"),
    "words for a layer": Program("layers.Dense(2)('some words')", only=()),
    "a layer for a layer": Program("layers.Dense(2)(layers.Dense(3))", only=()),
    "a weight made in call": Program(
        own_layer("return x * self.add_weight(shape=(4,))") + "\nmodel(x)", only=()
    ),
    "two inputs in a row": Program(
        "class Two(layers.Layer):\n    def call(self, x, y): return x\n"
        "keras.Sequential([keras.Input((4,)), Two()])",
        only=(),
    ),
    "an input unlike its tensor": Program(
        "tensor = keras.KerasTensor((None, 3))\nkeras.Input((4,), tensor=tensor)"
    ),
    "an older name of a shape": Program("layers.InputLayer(input_shape=(4,))"),
    "a shape that is set": Program("keras.Input((4,)).shape = (None, 3)", only=()),
    "a constraint in a word": Program(
        "variable = keras.Variable(1.0)\nvariable.constraint = 'non_neg'", only=()
    ),
    "a flag in a word": Program(
        "variable = keras.Variable(1.0)\nvariable.overwrite_with_gradient = 'yes'", only=()
    ),
    "a built-in of another name": Program(
        "config = {'class_name': 'Dense', 'module': 'keras.layers', 'registered_name': 'Mine', "
        "'config': {'units': 2}}\nkeras.saving.deserialize_keras_object(config)",
        only=(-1,),
    ),
    "a local file that is not there": Program(
        "keras.utils.get_file(origin='file:///no/such/file')", only=()
    ),
    "two names of one": Program(
        "keras.Sequential([layers.Dense(2, name='d'), layers.Dense(2, name='d')])", only=()
    ),
}

ARGUMENTS = {
    "a device that is not there": Program("place = keras.device('cpu:99')"),
    "a device without a name": Program("place = keras.device('')"),
    "several losses for one output": Program(
        mlp(FIT, 1, "None", '["mse", "mae"]', before="y = x[:, 0]"), only=(0,)),
    "too many losses": Program(
        "inputs = keras.Input((4,))\noutputs = [layers.Dense(3)(inputs), layers.Dense(3)(inputs)]\n"
        "model = keras.Model(inputs, outputs)\nmodel.compile('adam', ['mse', 'mse', 'mae'])\n"
        "model.fit(x, [hot, hot], verbose=0)", only=()),
    "an optimizer around another inside": Program(
        "inner = keras.optimizers.MultiOptimizer(keras.optimizers.SGD(0.1))\n"
        "keras.optimizers.OptimizerMap(keras.optimizers.SGD(0.1))['a'] = inner", only=()),
    "a loss of a batch that is an array": Program(
        "class Own(keras.Model):\n"
        "    def compute_loss(self, y_pred=None, **others):\n        return y_pred\n"
        "inputs = keras.Input((4,))\nmodel = Own(inputs, layers.Dense(1)(inputs))\n"
        "model.compile('adam', 'mse')\nmodel.fit(x, y, verbose=0)", only=()),
    "an optimizer without a rule": Program(
        "class Own(keras.optimizers.Optimizer):\n    pass\n"
        "Own(0.1).apply([1.0], [keras.Variable(1.0)])", only=()),
    "a loss without a call": Program(
        "class Own(keras.losses.Loss):\n    pass\nOwn()(x, x)", only=()),
    "a softmax of single numbers": Program("ops.softmax(x[:, :1])", only=()),
    "a wrong metric for classes": Program(mlp(FIT, more=', metrics=["categorical_accuracy"]')),
    "a wrong metric for one-hot": Program(
        mlp(FIT, loss='"categorical_crossentropy"', before="y = hot",
            more=', metrics=["sparse_categorical_accuracy"]'), only=(0,)),
    "classes for a categorical loss": Program(
        "loss = keras.losses.CategoricalCrossentropy()\nloss(y, hot)"),
    "one-hot for a sparse loss": Program(
        "y = hot\nloss = keras.losses.SparseCategoricalCrossentropy()\nloss(y, hot)"),
    "weights in place of metrics": Program(
        "model = keras.Sequential([keras.Input((4,)), layers.Dense(3)])\n"
        'model.compile("adam", "mse", ["mae"])'),
    "no loss": Program(
        'model = keras.Sequential([keras.Input((4,)), layers.Dense(3)])\nmodel.compile("adam")\n'
        "model.fit(x, hot, verbose=0)"),
    "a split of next to nothing": Program(mlp(FIT[:-1] + ", validation_split=0.99)")),
    "a stratified quantity": Program(mlp(
        FIT[:-1] + ", validation_split=0.2, validation_pick='stratified')", 1, "None", '"mse"',
        before="y = x[:, 0]")),
    "one-hot of too few classes": Program("keras.utils.to_categorical([0, 5], 3)"),
    "one-hot of negative classes": Program(
        "x = np.array([-1, 0])\nkeras.utils.to_categorical(x, 3)"),
    "one-hot of text": Program("x = np.array(['a', 'b'])\nkeras.utils.to_categorical(x)"),
    "a seed that is text": Program("keras.initializers.RandomNormal(seed='a')"),
    "a learning rate that is text": Program("keras.optimizers.Adam('fast')"),
    "a momentum of 2": Program("keras.optimizers.SGD(0.1, momentum=2.0)"),
    "an axis that is none": Program(
        "layers.Concatenate(axis=9)([keras.Input((4,)), keras.Input((4,))])"),
    "an axis of a normalization": Program("layers.LayerNormalization(axis=9)(keras.Input((4,)))"),
    "groups that do not divide": Program("layers.GroupNormalization(groups=3)(keras.Input((4,)))"),
    "filters that groups do not divide": Program("layers.Conv2D(3, 3, groups=2)"),
    "a shape to reshape to": Program("layers.Reshape('x')"),
    "an input without a shape": Program("keras.Input()"),
    "channels that are not known": Program(
        "inputs = keras.Input(shape=(8, 8, None))\nlayers.Conv2D(2, 3)(inputs)"),
    "a window larger than the image": Program("layers.Conv2D(2, 9)(keras.Input((4, 4, 1)))"),
    "a pool larger than the image": Program("layers.MaxPooling2D(9)(keras.Input((4, 4, 1)))"),
    "an input_shape that is a number": Program("layers.Dense(3, input_shape=4)"),
    "a norm of a layer without a kernel": Program("layers.SpectralNormalization(3)"),
    "a list for one input": Program("x = [x, x]\nlayers.Dense(2)(x)"),
    "a dropout rate of 1": Program(
        "layer = layers.GaussianDropout(1.0)\nlayer(x, training=True)", only=()
    ),
    "a range of fractions": Program("layers.AlphaDropout(2.0)"),
}  # fmt: skip
