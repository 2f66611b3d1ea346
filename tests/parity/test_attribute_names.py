"""Names of our own machinery stay out of the way of attributes that users give their classes."""

import inspect

import keras as oracle
import numpy as np
import pytest

import cornu
from cornu import callbacks, layers, losses, metrics, ops, optimizers

# What has a public name here and none in Keras, and why.
ADDITIONS = {
    "load_report": "what the last load of a file did",
    "current_run": "the run of `fit` that is training the model, for callbacks",
    "track_loss": "adds to the mean that is shown as `loss`, for own training steps",
    "rule": "the update of one weight, which own optimizers write",
    "slots": "the arrays that `rule` gets, which own optimizers declare",
    "listens_to_batches": "whether the last step of each group is enough for a callback",
    "direction": "whether more or less of a metric is better, for callbacks that look for the best",
    "rescales_inputs": "whether a layer takes inputs of any scale, for the check of the data",
    "takes_strings": "whether the `call` of a layer takes text, and runs in numpy",
    "convert_weight": "a value as an array, which only some of Keras's preprocessing layers have",
    "reset_state": "begins what `adapt` learns anew, as for other layers that adapt",
    "update_state": "adds one batch to it",
    "draw": "the parameters of each image, which layers of pixels write",
    "change": "what such a layer makes of the images by them",
    "load": "of OrbaxCheckpoint: puts a checkpoint into the model",
}
# Attributes that instances of Keras's classes get later, or under the same name elsewhere.
KERAS_HAS_LATER = {
    "compiled", "optimizer", "quantization_config", "state_size", "steps_per_execution",
    "stop_evaluating", "stop_predicting", "output_names", "inputs_struct", "manager",
    "true_positives", "squared_sum", "best_epoch", "epoch", "built",
    "history", "stop_training", "bias", "kernel", "gamma", "beta", "scale", "alpha", "rank",
    "concat_score_weight", "seed_generator", "data_format", "channel_axis", "top_k", "class_id",
    "get_monitor_value", "inputs_quantizer", "total_cm", "supports_jit", "momentums", "monitor_op",
    "single_state", "generator",
    "loss", "train_function", "test_function", "predict_function",
}  # fmt: skip
NAMESPACES = (
    "layers", "models", "optimizers", "metrics", "losses", "callbacks", "initializers",
    "regularizers", "constraints",
)  # fmt: skip
# Nobody derives from these, or they are not of Keras.
CLOSED = ("InputSpec", "CallbackList", "LoadReport")


def classes(module):
    return {
        name: value
        for name, value in vars(module).items()
        if inspect.isclass(value) and not name.startswith("_") and name not in CLOSED
    }


CASES = [
    pytest.param(cls, getattr(getattr(oracle, space), name), id=f"{space}.{name}")
    for space in NAMESPACES
    for name, cls in classes(getattr(cornu, space)).items()
    if hasattr(getattr(oracle, space), name)
]


def public(obj):
    names = set(dir(obj)) if inspect.isclass(obj) else set(vars(obj))
    return {name for name in names if not name.startswith("_")}


def made(cls):
    """An instance with as few arguments as possible; None where it wants more than a number."""
    for arguments in ((), (2,)):
        try:
            return cls(*arguments)
        except Exception:
            continue
    return None


@pytest.mark.parametrize(("ours", "theirs"), CASES)
def test_no_public_name_that_keras_has_not(ours, theirs):
    arguments = {n for c in ours.__mro__ for n in inspect.signature(c.__init__).parameters}
    known = public(theirs) | arguments | set(ADDITIONS) | KERAS_HAS_LATER
    one, other = made(ours), made(theirs)
    found = public(ours) | (public(one) if one is not None else set())
    if other is not None:
        known |= public(other)
    assert found <= known


INNER = (
    "trained", "current_run", "in_order", "computation", "output_specs", "state_slots",
    "steps_itself", "measures_itself", "begins_at", "forget_programs", "spec_of_call", "remat_mode",
    "autocast_dtype", "track_loss", "graph", "policy", "units", "programs", "strategy",
)  # fmt: skip


def test_a_model_may_call_its_attributes_as_it_likes():
    class Own(cornu.Model):
        def __init__(self):
            super().__init__()
            self.inner = layers.Dense(1)
            for name in INNER:
                setattr(self, name, True)

        def call(self, x):
            return self.inner(x)

    model = Own()
    model.compile("sgd", "mse")
    x = np.ones((4, 2), "float32")
    model.fit(x, x[:, :1], verbose=0)
    assert model.evaluate(x, x[:, :1], verbose=0) >= 0
    assert model.predict(x, verbose=0).shape == (4, 1)
    assert all(getattr(model, name) is True for name in INNER)


def test_an_optimizer_may_call_its_attributes_as_it_likes():
    class Own(optimizers.Optimizer):
        def __init__(self, learning_rate=0.5):
            super().__init__(learning_rate)
            self.slots = self.common = self.averages = self.later_slots = self.decay_of = 3
            self.rule = "steepest descent"

        def update_step(self, gradient, variable, learning_rate):
            self.assign_sub(variable, learning_rate * gradient)

    weight = cornu.Variable([1.0])
    Own().apply([ops.ones(1)], [weight])
    assert weight.numpy().tolist() == [0.5]


def test_a_callback_a_metric_and_a_loss_may_too():
    class Watch(callbacks.Callback):
        def __init__(self):
            super().__init__()
            self.hears_last = self.siblings = self.remembered = self.on_failure = 3

        def on_epoch_end(self, epoch, logs=None):
            self.seen = logs["loss"]

    class Error(losses.MeanSquaredError):
        function = None

    class Count(metrics.Mean):
        counted = folds_last_axis = None

    model = cornu.Sequential([cornu.Input((2,)), layers.Dense(1)])
    model.compile("sgd", Error(), metrics=[metrics.MeanSquaredError()])
    watch, x = Watch(), np.ones((4, 2), "float32")
    model.fit(x, x[:, :1], callbacks=[watch], verbose=0)
    assert watch.seen >= 0 and watch.siblings == 3
    count = Count()
    count.update_state([1.0, 3.0])
    assert float(count.result()) == 2.0
