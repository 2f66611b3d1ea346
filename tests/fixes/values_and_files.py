"""Programs with one mistake each: values from outside, files and disks, arguments of one object."""

from fixes.programs import FIT, PREDICT, Program, mlp, own_layer

CLASS = "@keras.saving.register_keras_serializable()\nclass Own"
BACKUP = (
    "import shutil, tempfile\nfolder = f'{tempfile.gettempdir()}/backup-{os.getpid()}'\n"
    "shutil.rmtree(folder, ignore_errors=True)\n"
    "def train(units, epochs):\n"
    "    model = keras.Sequential([keras.Input((4,)), layers.Dense(units)])\n"
    "    model.compile('sgd', 'mse')\n"
    "    own = keras.callbacks.BackupAndRestore(folder, delete_checkpoint=False)\n"
    "    model.fit(x, hot[:, :units], epochs=epochs, verbose=0, batch_size=64, callbacks=[own])\n"
)
FOLDER = "import tempfile\nfolder = tempfile.mkdtemp()\nos.chdir(folder)\n"
COMPLEX = "x = (x + 1j * x).astype('complex64')\n"

VALUES = {
    "a masked array": Program(
        mlp(FIT, before="x = np.ma.masked_less(x, 0)"), "x.min() == 0 and (x == 0).any()", only=(0,)
    ),
    "numbers beyond 32 bits": Program(
        mlp(FIT, before="x = np.arange(256).reshape(64, 4) + 2**40"),
        "x.dtype == 'float32' or x.max() == 255", only=(0, 1),
    ),
    "a complex input": Program(
        f"{COMPLEX}model = keras.Sequential([keras.Input((4,)), layers.Dense(3)])\n{PREDICT}",
        "x.dtype == 'float32'", only=(0,),
    ),
    "a complex input to take": Program(
        f"{COMPLEX}inputs = keras.Input((4,))\nmodel = keras.Model(inputs, ops.abs(inputs))\n"
        "out = model(x)", "np.allclose(out, abs(x))", only=(2,),
    ),
    "complex targets": Program(
        "y = (x + 1j * x).astype('complex64')\nout = keras.losses.MeanSquaredError()(y, x)",
        "y.dtype == 'float32'", only=(0,),
    ),
    "missing identifiers": Program(
        "x[0, 0] = np.nan\nx = abs(x)\n"
        "model = keras.Sequential([keras.Input((4,)), layers.Embedding(9, 2), layers.Flatten(), "
        "layers.Dense(3)])\nmodel.compile('adam', 'mse')\n"
        "model.fit(x, hot, verbose=0, batch_size=64)", "x.dtype == 'int32' and x[0, 0] == 0",
    ),
    "sizes that depend on values": Program(
        "inputs = keras.Input((4,))\nmodel = keras.Model(inputs, ops.nonzero(inputs > 0))\n"
        + PREDICT, "len(out[0]) == (x > 0).sum()",
    ),
    "a number of values in call": Program(
        own_layer("return x * ops.sum(ops.unique(x))"),
    ),
    "one number for a batch": Program(
        "inputs = keras.Input((4,))\nmodel = keras.Model(inputs, ops.sum(inputs))\n"
        "out = model.predict(x, verbose=0)", "np.allclose(out, x.sum(), rtol=1e-4)",
    ),
    "a text for a shape": Program("tensor = keras.KerasTensor(4)"),
    "probabilities for class numbers": Program(
        "x = np.array([[0.5, 1.0]])\nkeras.utils.to_categorical(x)", "x.tolist() == [1]"),
    "one place in an image": Program(
        "x = x[:8]\ncoordinates = np.array([1.0, 2.0])\n"
        "out = ops.image.map_coordinates(x, coordinates, order=1)", "np.allclose(out, x[1, 2])",
    ),
    "pixels at a traced size": Program(
        "import jax\nsize = jax.numpy.array([3, 3])\n"
        "blur = jax.jit(lambda s: ops.image.gaussian_blur(x.reshape(1, 8, 8, 4), kernel_size=s))\n"
        "blur(size)",
    ),
    "a seed that is missing": Program(
        "import jax\nkeys = jax.random.split(jax.random.PRNGKey(0), 3)\n"
        "def draw(seed): return keras.random.normal((2,))\nout = jax.lax.map(draw, keys)",
        "len(np.unique(out)) == 6",
    ),
    "the number of classes in a program": Program(
        "import jax\nout = jax.jit(lambda x: keras.utils.to_categorical(x))(y)",
        "out.shape == (64, 10)",
    ),
    "whole numbers of a normal distribution": Program("keras.random.normal((2,), dtype='int32')"),
    "one-hot targets": Program(
        "y = hot\nout = keras.losses.categorical_generalized_cross_entropy(y, abs(hot), q=0.5)",
        "y.shape == (64,)",
    ),
}  # fmt: skip

FILES = {
    "a backup of another model": Program(BACKUP + "train(3, 1)\ntrain(2, 2)", only=(-1,)),
    "a backup that is over": Program(BACKUP + "train(3, 3)\ntrain(3, 1)", only=(0,)),
    "a backup without a folder": Program("keras.callbacks.BackupAndRestore('')"),
    "a model under another ending": Program(
        f"{FOLDER}model = keras.Sequential([keras.Input((4,)), layers.Dense(3)])\n"
        "model.save('model.model')",
        "os.path.exists(folder + '/model.keras')",
    ),
    "a model under the name of weights": Program(
        f"{FOLDER}model = keras.Sequential([keras.Input((4,)), layers.Dense(3)])\n"
        "model.save('a.weights.h5')",
        only=(),
    ),
    "a checkpoint of weights": Program(
        "keras.callbacks.ModelCheckpoint('a.weights.h5')", only=(0,)),
    "a checkpoint of another ending": Program("keras.callbacks.ModelCheckpoint('model')"),
    "weights under another ending": Program(
        "keras.callbacks.ModelCheckpoint('model.h5x', save_weights_only=True)"),
    "a config of an argument that is not taken": Program(
        f"{CLASS}(layers.Layer):\n    def __init__(self): super().__init__()\n"
        "    def get_config(self): return {**super().get_config(), 'size': 3}\n"
        "    def call(self, x): return x\n"
        "keras.saving.serialize_keras_object(Own())",
    ),
    "a config that leaves out an argument": Program(
        f"{CLASS}(layers.Layer):\n    def __init__(self, size, **kwargs):\n"
        "        super().__init__(**kwargs); self.size = size\n"
        "    def get_config(self): return super().get_config()\n"
        "    def call(self, x): return x\n"
        "keras.saving.serialize_keras_object(Own(3))",
    ),
}  # fmt: skip

OBJECTS = {
    "a setting that is like another": Program(
        "layer = layers.Dense(3)\nlayer.trainble = False", "layer.trainable is False"),
    "a policy of None": Program("keras.config.set_dtype_policy(None)"),
    "filters in PyTorch's order": Program("layer = layers.Conv2D(3, 32, 3)", "layer.filters == 32"),
    "a negative learning rate": Program(
        "optimizer = keras.optimizers.SGD(-0.1)", "float(optimizer.learning_rate) > 0"),
    "a key that is no variable": Program(
        "variable, value = keras.Variable(1.0), 2.0\n"
        "scope = keras.StatelessScope(state_mapping=[('name', value)])"),
    "a function of the weights to JaxLayer": Program(
        "layer = layers.JaxLayer(lambda params, inputs: inputs)", only=()),
    "a padding of ops": Program("ops.max_pool(x[:, :, None], 2, padding='full')"),
    "negative zeros around": Program("layers.ZeroPadding2D(padding=-1)"),
    "a range of one layer": Program(
        "model = keras.Sequential([keras.Input((4,)), layers.Dense(3, name='a')])\n"
        "model.summary(layer_range=['a'])"),
    "no positions for columns": Program(
        "model = keras.Sequential([keras.Input((4,)), layers.Dense(3)])\n"
        "model.summary(positions=[0.8, 0.4, 1.0])"),
    "no classes for nothing": Program("x = []\nkeras.utils.to_categorical(x)"),
    "averages that nobody keeps": Program(
        "model = keras.Sequential([keras.Input((4,)), layers.Dense(3)])\n"
        "model.compile(optimizer=keras.optimizers.Adam(0.001), loss='mse')\n"
        "model.fit(x, hot, verbose=0, validation_data=(x, hot), "
        "callbacks=[keras.callbacks.SwapEMAWeights()])"),
    "a data format": Program("layers.Conv2D(2, 3, data_format='last')"),
    "a word for a rate": Program("layers.SpatialDropout1D(rate='half')"),
    "axes in a word": Program("layers.Dot(axes='last')"),
    "three axes": Program("layers.Dot(axes=(1, 2, 3))"),
    "the batch axis": Program("layers.Dot(axes=0)([keras.Input((4,)), keras.Input((4,))])",
                              only=(0,)),
    "an axis in a word": Program("layers.BatchNormalization(axis='last')"),
    "a profile in a word": Program("keras.callbacks.TensorBoard(profile_batch='all')"),
    "no optimizer inside": Program("keras.optimizers.LossScaleOptimizer('adam2')"),
    "a block of text": Program("keras.quantizers.Int4QuantizationConfig(block_size='x')"),
    "a block of no size": Program("keras.quantizers.Int4QuantizationConfig(block_size=-3)"),
    "a metric of which the sense is not known": Program(
        mlp(FIT[:-1] + ", callbacks=[keras.callbacks.EarlyStopping('own')])",
            before="def own(a, b): return ops.mean(b)", more=", metrics=[own]")),
    "layers one by one": Program(
        "first, second = layers.Dense(2), layers.Dense(3)\nkeras.Sequential(first, second)"),
    "a variable of no shape": Program("keras.Variable(keras.initializers.Zeros())"),
    "a quantizer in a word": Program(
        "keras.quantizers.Int8QuantizationConfig(weight_quantizer='x')"),
    "blocks of an own quantizer": Program(
        "own = keras.quantizers.AbsMaxQuantizer(axis=0, value_range=(-8, 7))\n"
        "keras.quantizers.Int4QuantizationConfig(weight_quantizer=own, block_size=8)"),
    "a bound of another name": Program(
        "layers.BatchNormalization(renorm=True, renorm_clipping={'min': 1.0})"),
    "a sequence without layers": Program("model = keras.Sequential()\nmodel.build((None, 4))"),
    "too few values of a schedule": Program(
        "keras.optimizers.schedules.PiecewiseConstantDecay([100], [0.1])"),
    "a Lion without momentum": Program("keras.optimizers.Lion(0.1, beta_1=0.0)"),
}  # fmt: skip
