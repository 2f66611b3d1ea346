"""Old and foreign names, and today's word for each: Keras 1 and 2, tf.keras, PyTorch, scikit-learn.

The one table behind every message about a name that is not known. A value is today's name, which
is then suggested, or a sentence on what to do instead, which is then shown.

    errors.did_you_mean("nb_epoch", known, "argument")   ARGUMENTS, WORDS[kind], spelling
    attributes.py     model.predict_classes              ATTRIBUTES
    absent.py         from keras.layers import Linear    MODULES
    compat            tf.GradientTape                    TENSORFLOW

A name stands here only as long as it is not there: what is added to the library is found first.
"""


def _by_old_name(table: dict[str, str]) -> dict[str, str]:
    """Old name -> today's, of a table from today's to the old ones, which blanks separate."""
    return {old: today for today, names in table.items() for old in names.split()}


# Arguments: today's name, and the old ones.
ARGUMENTS: dict[str, str] = _by_old_name({
    "alpha": "negative_slope",
    "axis": "dim",
    "beta_1": "beta1 betas",
    "beta_2": "beta2",
    "bias_constraint": "b_constraint",
    "bias_regularizer": "b_regularizer",
    "data_format": "dim_ordering",
    "dropout": "dropout_W",
    "epochs": "max_iter n_epochs nb_epoch nb_epochs num_epochs",
    "epsilon": "eps",
    "filters": "nb_filter nb_filters num_filters out_channels",
    "inplace": "in_place",
    "input_dim": "num_embeddings",
    "inputs": "input",
    "keepdims": "keepdim",
    "kernel_constraint": "W_constraint",
    "kernel_initializer": "init",
    "kernel_regularizer": "W_regularizer",
    "learning_rate": "lr",
    "loss": "criterion",
    "metrics": "metric",
    "min_delta": "min_lr_delta tol",
    "negative_slope": "alpha",
    "nesterov": "nesterov_momentum",
    "optimizer": "optim",
    "output_dim": "embedding_dim",
    "outputs": "output",
    "padding": "border_mode",
    "patience": "n_iter_no_change",
    "pool_size": "pool_length",
    "rate": "p",
    "recurrent_activation": "inner_activation",
    "recurrent_dropout": "dropout_U",
    "recurrent_initializer": "inner_init",
    "stddev": "sigma",
    "steps_per_epoch": "samples_per_epoch",
    "strides": "stride subsample subsample_length",
    "units": "hidden_size n_units neurons num_units out_features output_dim",
    "use_bias": "bias",
    "validation_split": "test_size validation_fraction",
    "validation_steps": "nb_val_samples",
})  # fmt: skip

_DEVICE = "leave it out: JAX chooses the device; `cornu doctor` lists them."
_FOUND = "leave it out: the number of inputs is found when the layer is first called."
_RATE = (
    "give it to the optimizer: compile(optimizer=keras.optimizers.Adam(learning_rate=0.001), ...)"
)

# Arguments that need more than another name; those of one class or function under its name.
REMOVED_ARGUMENTS: dict[str, str] = {
    "BatchNormalization.mode": "leave it out: there is one mode, statistics for each feature.",
    "ModelCheckpoint.period": "leave it out to save after every epoch; every n batches: "
    "save_freq=n.",
    "ReduceLROnPlateau.epsilon": "min_delta",
    "alpha": "leave it out.",
    "batch_first": "leave it out: the batch always comes first, (batch, time, features).",
    "bidirectional": "layers.Bidirectional(layers.LSTM(...))",
    "compile.learning_rate": _RATE,
    "compile.lr": _RATE,
    "fit.learning_rate": _RATE,
    "fit.metrics": "give them to compile: compile(..., metrics=['accuracy'])",
    "fit.loss": "give it to compile: compile(loss='mse', ...)",
    "fit.optimizer": "give it to compile: compile(optimizer='adam', ...)",
    "concat_axis": "layers.Concatenate(axis=...)",
    "decay": "learning_rate=keras.optimizers.schedules.InverseTimeDecay(...)",
    "device": "leave it out: JAX chooses the device.",
    "in_channels": _FOUND,
    "in_features": _FOUND,
    "input_length": "leave it out: the length is found when the layer is first called.",
    "input_size": _FOUND,
    "input_tensor": "keras.Model(inputs=tensor, outputs=...)",
    "mode": "leave it out.",
    "nb_col": "kernel_size=(rows, columns)",
    "nb_row": "kernel_size=(rows, columns)",
    "nb_worker": "keras.utils.PyDataset(workers=..., use_multiprocessing=True)",
    "num_layers": "stack layers: several LSTM, all but the last with return_sequences=True.",
    "period": "leave it out.",
    "random_state": "keras.utils.set_random_seed(0), before the model is made.",
    "weights": "layer.set_weights([...]), once the layer is built.",
}

_PROBABLY = (
    "loss='binary_crossentropy' for one sigmoid output,\n"
    "'sparse_categorical_crossentropy' for integer labels, 'categorical_crossentropy' for one-hot."
)

_RMSE = (
    "loss='mse' has the same minimum; "
    "metrics=[keras.metrics.RootMeanSquaredError()] shows the root."
)

_F1 = "keras.metrics.F1Score(); with threshold=0.5 for several yes-or-no labels."

# Names that are given as text: kind -> today's name, and the old ones.
WORDS: dict[str, dict[str, str]] = {
    "loss": _by_old_name({
        "binary_crossentropy": "bceloss binary_cross binary_cross_entropy binary_log_loss",
        "categorical_crossentropy": "categorical_cross categorical_cross_entropy",
        "huber": "huberloss smooth_l1 smoothl1loss",
        "keras.losses.BinaryCrossentropy(from_logits=True)": "bcewithlogitsloss",
        "keras.losses.CategoricalCrossentropy(from_logits=True)": "softmax_cross_entropy",
        "keras.losses.SparseCategoricalCrossentropy(from_logits=True)": "crossentropyloss",
        "kl_divergence": "kldivloss",
        _RMSE: "rmse root_mean_squared_error",
        "mae": "absolute_error l1 l1loss",
        "mse": "l2 mseloss neg_mean_squared_error squared_error",
        "sparse_categorical_crossentropy": "sparse_cross_entropy",
        _PROBABLY: "cross_entropy crossentropy log_loss logloss nll nllloss",
    }),
    "metric": _by_old_name({
        "accuracy": "accuracy_score",
        "auc": "auroc roc_auc roc_auc_score",
        "keras.metrics.BinaryCrossentropy() or keras.metrics.SparseCategoricalCrossentropy()":
            "log_loss",
        "keras.metrics.F1Score(average='macro')": "f1_macro",
        "keras.metrics.MeanIoU(num_classes=...)": "jaccard",
        "keras.metrics.R2Score()": "r2 r_squared",
        "keras.metrics.SpecificityAtSensitivity(0.5)": "specificity",
        "precision": "precision_score",
        "recall": "recall_score sensitivity tpr",
        "root_mean_squared_error": "rmse",
        "top_k_categorical_accuracy": "top_5_accuracy",
        _F1: "f1 fscore",
    }),
    "optimizer": _by_old_name({
        "adam": "adamoptimizer bfgs lbfgs",
        "keras.optimizers.SGD(0.01, momentum=0.9)": "momentum",
        "keras.optimizers.SGD(0.01, momentum=0.9, nesterov=True)": "nag nesterov",
        "rmsprop": "rms_prop",
        "sgd": "gd gradient_descent gradientdescent gradientdescentoptimizer",
    }),
    "activation": _by_old_name({
        "layers.PReLU(), as a layer of its own": "prelu",
        "leaky_relu": "leakyrelu lrelu",
        "linear": "identity none",
        "log_softmax": "logsoftmax",
        "sigmoid": "logistic",
    }),
    "initializer": _by_old_name({
        "glorot_normal": "xavier_normal",
        "glorot_uniform": "xavier xavier_uniform",
        "he_normal": "he kaiming_normal",
        "he_uniform": "kaiming_uniform",
        "lecun_normal": "lecun",
        "random_normal": "gaussian",
    }),
    # Of a training's history.
    "result": {
        "acc": "accuracy",
        "accuracy": "acc",
        "mae": "mean_absolute_error",
        "mean_absolute_error": "mae",
        "mean_squared_error": "mse",
        "mse": "mean_squared_error",
        "val_acc": "val_accuracy",
        "val_accuracy": "val_acc",
    },
    "regularizer": {"weight_decay": "l2", "ridge": "l2", "lasso": "l1"},
}  # fmt: skip

_WEIGHTS = "trainable_variables; as arrays: get_weights()"
_CALLED = "{name} = layer(inputs), or layer.call in a class of your own"

# Attributes of objects: kind -> name -> what to write instead.
ATTRIBUTES: dict[str, dict[str, str]] = {
    "model": {
        "children": "model.layers",
        "coef_": "model.get_weights()",
        "cpu": _DEVICE,
        "cuda": _DEVICE,
        "eval": "leave it out: predict and evaluate run the model as it is used, "
        "model(x, training=False) too.",
        "evaluate_generator": "model.evaluate(generator)",
        "export": "model.save('model.keras'), or jax.export for other languages.",
        "fit_generator": "model.fit(generator)",
        "forward": "model(x); a subclass defines call(self, inputs).",
        "load_state_dict": "model.load_weights('model.weights.h5')",
        "lr": "model.optimizer.learning_rate",
        "modules": "model.layers",
        "named_parameters": "[(v.path, v) for v in model.trainable_variables]",
        "parameters": "model.trainable_variables; as arrays: model.get_weights()",
        "partial_fit": "model.train_on_batch(x, y)",
        "predict_classes": "model.predict(x).argmax(-1),\n"
        "or (model.predict(x) > 0.5).astype(int) with one sigmoid output.",
        "predict_generator": "model.predict(generator)",
        "predict_proba": "model.predict(x)",
        "requires_grad_": "model.trainable = False",
        "score": "model.evaluate(x, y)",
        "state_dict": "model.get_weights(), or model.save_weights('model.weights.h5')",
        "to": _DEVICE,
        "to_yaml": "model.to_json()",
        "train": "model.fit(x, y); for one call: model(x, training=True)",
        "uses_learning_phase": "the argument training of call: model(x, training=True)",
        "zero_grad": "leave it out: gradients are values here; see keras.value_and_grad.",
    },
    "layer": {
        "W": "layer.kernel",
        "add_update": "assign the variable in call: self.count.assign_add(1)",
        "b": "layer.bias",
        "cuda": _DEVICE,
        "forward": "layer(x); a subclass defines call(self, inputs).",
        "get_input_at": "layer.input",
        "get_input_shape_at": "layer.input.shape",
        "get_output_at": "layer.output",
        "get_output_shape_at": "layer.output.shape",
        "input_shape": "layer.input.shape, or model.input_shape",
        "output_shape": "layer.output.shape, or layer.compute_output_shape(input_shape)",
        "parameters": "layer.trainable_variables; as arrays: layer.get_weights()",
        "requires_grad_": "layer.trainable = False",
        "state_dict": "layer.get_weights()",
        "to": _DEVICE,
        "updates": "leave it out: variables that call assigns are carried along.",
        "weight": "layer.kernel",
    },
    "optimizer": {
        "compute_gradients": "keras.value_and_grad(loss, variables)",
        "decay": "learning_rate=keras.optimizers.schedules.InverseTimeDecay(...)",
        "get_gradients": "keras.value_and_grad(loss, variables)",
        "get_updates": "optimizer.apply(gradients, variables)",
        "minimize": "value, gradients = keras.value_and_grad(loss, variables)(),\n"
        "optimizer.apply(gradients, variables)",
        "param_groups": "optimizer.learning_rate = 0.001",
        "state_dict": "optimizer.variables",
        "step": "optimizer.apply(gradients, variables)",
        "zero_grad": "leave it out: gradients are values here; see keras.value_and_grad.",
    },
}

_TABLE_OF_WORDS = (
    "a dict: index = {word: i + 1 for i, word in enumerate(words)}; ids = [index[w] for w in text]"
)
_SESSION = "leave the line out, there is no session."
_LABELS = "keras.utils.to_categorical(y), or keras.ops.one_hot(y, number)"

# Names of modules: the module below the root -> name -> what to write instead. One that is a
# name of the same module is suggested as a correction.
MODULES: dict[str, dict[str, str]] = {
    "": {
        "Module": "Model",
        "applications": "a model of your own, or keras.saving.load_model of one saved by Keras.",
        "distillation": "docs/guides/distillation.md",
        "distribution": "leave it out: training runs on one device.",
        "engine": "keras.layers.Layer, keras.Model and keras.Input",
        "estimator": "keras.Model",
        "experimental": "the same name without `experimental`.",
        "export": "keras.saving.save_model, or jax.export",
        "nn": "keras.layers",
        "objectives": "losses",
        "optim": "optimizers",
        "python": "the same name without `python`.",
        "src": "the same name without `src`: keras.layers, keras.losses, ...",
        "tensor": "keras.ops.convert_to_tensor(...)",
        "visualization": "matplotlib",
        "wrappers": "a class of your own with fit and predict, around a model.",
    },
    "backend": {
        "batch_dot": "keras.ops.einsum or keras.ops.matmul",
        "batch_flatten": "keras.ops.reshape(x, (len(x), -1))",
        "cast_to_floatx": "keras.ops.cast(x, keras.config.floatx())",
        "constant": "keras.ops.convert_to_tensor(...)",
        "dropout": "keras.random.dropout(x, rate)",
        "eval": "keras.ops.convert_to_numpy(x)",
        "flatten": "keras.ops.ravel(x)",
        "function": "keras.Model(inputs, outputs).predict",
        "get_session": _SESSION,
        "get_value": "variable.numpy()",
        "gradients": "keras.value_and_grad(function, variables)",
        "image_dim_ordering": "keras.config.image_data_format()",
        "in_test_phase": "the argument training of call: call(self, inputs, training=False)",
        "in_train_phase": "the argument training of call: call(self, inputs, training=False)",
        "int_shape": "x.shape",
        "l2_normalize": "keras.ops.normalize(x)",
        "learning_phase": "the argument training of call: model(x, training=True)",
        "permute_dimensions": "keras.ops.transpose(x, axes)",
        "placeholder": "keras.Input(shape=(...))",
        "pow": "keras.ops.power(x, n)",
        "random_binomial": "keras.random.binomial",
        "random_normal": "keras.random.normal",
        "random_uniform": "keras.random.uniform",
        "repeat_elements": "keras.ops.repeat(x, n, axis)",
        "reverse": "keras.ops.flip(x, axis)",
        "set_image_dim_ordering": "keras.config.set_image_data_format('channels_last')",
        "set_learning_phase": "the argument training of call: model(x, training=True)",
        "set_session": _SESSION,
        "set_value": "variable.assign(value)",
        "switch": "keras.ops.where(condition, a, b), or keras.ops.cond",
        "tensorflow_backend": "keras.backend",
        "variable": "keras.Variable(value)",
    },
    "callbacks": {"BaseLogger": "leave it out.", "Checkpoint": "ModelCheckpoint"},
    "datasets": {
        "cifar": "cifar10",
        "iris": "sklearn.datasets.load_iris(return_X_y=True)",
    },
    "layers": {
        "AtrousConvolution2D": "keras.layers.Conv2D(filters, kernel_size, dilation_rate=2)",
        "BatchNorm": "BatchNormalization",
        "BatchNorm1d": "BatchNormalization",
        "BatchNorm2d": "BatchNormalization",
        "CategoryEncoding": _LABELS,
        "CenterCrop": "keras.ops.image.crop_images",
        "ConvTranspose2d": "Conv2DTranspose",
        "CuDNNGRU": "GRU",
        "CuDNNLSTM": "LSTM",
        "Deconvolution2D": "Conv2DTranspose",
        "Discretization": "numpy.digitize(x, bins)",
        "Dropout2d": "SpatialDropout2D",
        "FeatureSpace": "pandas.get_dummies, and one column a feature.",
        "FullyConnected": "Dense",
        "GELU": "keras.layers.Activation('gelu')",
        "HashedCrossing": _TABLE_OF_WORDS,
        "Hashing": "keras.ops.mod(ids, number)",
        "LayerNorm": "LayerNormalization",
        "Linear": "Dense",
        "LocallyConnected1D": "keras.layers.Conv1D",
        "LocallyConnected2D": "keras.layers.Conv2D",
        "MelSpectrogram": "keras.ops.stft",
        "Merge": "Concatenate",
        "Module": "Layer",
        "ModuleList": "a list in an attribute: self.blocks = [keras.layers.Dense(4)]",
        "MultiheadAttention": "MultiHeadAttention",
        "Normalization": "(x - x.mean(0)) / x.std(0), or keras.layers.BatchNormalization() as the "
        "first layer.",
        "Pipeline": "keras.Sequential([...])",
        "ReLU6": "keras.layers.ReLU(max_value=6)",
        "Rescaling": "x / 255 before the data go in, or keras.layers.Lambda in the model.",
        "Resizing": "keras.ops.image.resize(x, (height, width))",
        "STFTSpectrogram": "keras.ops.stft",
        "SiLU": "keras.layers.Activation('silu')",
        "Sigmoid": "keras.layers.Activation('sigmoid')",
        "Tanh": "keras.layers.Activation('tanh')",
        "ThresholdedReLU": "keras.layers.ReLU(threshold=1.0)",
        "TimeDistributedDense": "keras.layers.Dense(units), which works on the last axis.",
        "Upsample": "UpSampling2D",
        "RandomHeight": "RandomZoom(height_factor=0.2, width_factor=0)",
        "RandomWidth": "RandomZoom(height_factor=0, width_factor=0.2)",
    },
    "losses": {
        "BCELoss": "BinaryCrossentropy",
        "mae": "mean_absolute_error",
        "mape": "mean_absolute_percentage_error",
        "mse": "mean_squared_error",
        "msle": "mean_squared_logarithmic_error",
        "CrossEntropyLoss": "keras.losses.SparseCategoricalCrossentropy(from_logits=True)",
        "L1Loss": "MeanAbsoluteError",
        "MSELoss": "MeanSquaredError",
        "NLLLoss": "SparseCategoricalCrossentropy",
        "SmoothL1Loss": "Huber",
    },
    "metrics": {
        "mae": "MeanAbsoluteError",
        "mape": "MeanAbsolutePercentageError",
        "mse": "MeanSquaredError",
        "msle": "MeanSquaredLogarithmicError",
        "r2_score": "R2Score",
        "rmse": "RootMeanSquaredError",
    },
    "models": {
        "Graph": "keras.Model(inputs, outputs)",
        "Module": "Model",
        "model_from_config": "keras.Model.from_config(config)",
        "model_from_yaml": "model_from_json",
    },
    "optimizers": {
        "AdamOptimizer": "Adam",
        "GradientDescentOptimizer": "SGD",
        "TFOptimizer": "keras.optimizers.Optax, or an optimizer by its name.",
    },
    "quantizers": {"AWQConfig": "keras.quantizers.Int4QuantizationConfig()",
                   "GPTQConfig": "keras.quantizers.Int4QuantizationConfig()"},
    "utils": {
        "FeatureSpace": "pandas.get_dummies, and one column a feature.",
        "GeneratorEnqueuer": "keras.utils.PyDataset",
        "HDF5Matrix": "h5py.File('data.h5')['x'][:]",
        "OrderedEnqueuer": "keras.utils.PyDataset",
        "bounding_boxes": "arrays of numpy.",
        "model_to_dot": "model.summary()",
        "multi_gpu_model": "leave the line out.",
        "plot_model": "model.summary()",
        "print_summary": "model.summary()",
        "probas_to_classes": "probabilities.argmax(-1)",
        "split_dataset": "sklearn.model_selection.train_test_split(x, y)",
        "timeseries_dataset_from_array": "numpy.lib.stride_tricks.sliding_window_view(x, length, "
        "axis=0)",
    },
}  # fmt: skip

# Parts of TensorFlow, where Cornu stands in its place.
TENSORFLOW: dict[str, str] = {
    "GradientTape": "cornu.value_and_grad(function, variables)",
    "cast": "keras.ops.cast",
    "config": "`cornu doctor` lists the devices",
    "constant": "keras.ops.convert_to_tensor",
    "convert_to_tensor": "keras.ops.convert_to_tensor",
    "data": "numpy arrays, or keras.utils.PyDataset",
    "function": "nothing: training steps are compiled as they are",
    "image": "keras.ops.image",
    "linalg": "keras.ops",
    "math": "keras.ops",
    "nn": "keras.ops, or names such as activation='relu'",
    "random": "keras.utils.set_random_seed, keras.random",
    "reduce_mean": "keras.ops.mean",
    "reduce_sum": "keras.ops.sum",
}


def word(kind: str, name: str, owner: str = "") -> tuple[str, ...]:
    """Today's words for a name, best first: names, or sentences on what to do.

    Args:
        kind: "argument", or what a text names: "loss", "metric", "optimizer", ...
        name: what was written.
        owner: whose argument it is.

    Example:

        >>> word("argument", "lr"), word("loss", "L1Loss"), word("loss", "mse")
        (('learning_rate',), ('mae',), ())
    """
    if kind == "argument":
        places = ((REMOVED_ARGUMENTS, f"{owner}.{name}"), (ARGUMENTS, name),
                  (REMOVED_ARGUMENTS, name))  # fmt: skip
        return tuple(table[key] for table, key in places if key in table)
    found = WORDS.get(kind, {}).get(name.lower().replace("-", "_").replace(" ", "_"))
    return () if found is None else (found,)
