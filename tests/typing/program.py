"""A program as users write it, for type checkers: never run, checked by mypy and by pyright.

`assert_type` says what an editor must know; each `type: ignore` stands on a mistake that a checker
must find, and is itself an error where it finds none.
"""

from typing import Any, assert_type

import cornu as keras
from cornu import layers
from cornu.callbacks import EarlyStopping, History
from cornu.data import AUTOTUNE, Dataset
from cornu.losses import MeanSquaredError
from cornu.metrics import Mean
from cornu.optimizers import Adam

# ---- what is made -----------------------------------------------------------------------------

assert_type(layers.Dense(3), layers.Dense)
assert_type(keras.Sequential([layers.Dense(3)]), keras.Sequential)
assert_type(layers.LSTM(3, "tanh", return_sequences=True, name="lstm"), layers.LSTM)
assert_type(layers.ConvLSTM2D(3, (2, 2), 1, "same", unroll=True), layers.ConvLSTM2D)
inputs = keras.Input(shape=(4,))
model = keras.Model(inputs, layers.Dense(1)(inputs))
assert_type(model, keras.Model)
assert_type(Adam(0.001), Adam)
assert_type(MeanSquaredError(), MeanSquaredError)
assert_type(Mean(), Mean)
assert_type(EarlyStopping(patience=3), EarlyStopping)
assert_type(keras.saving.load_model("model.keras"), keras.Model)
assert_type(keras.models.model_from_json("{}"), keras.Model)
assert_type(keras.models.clone_model(model), keras.Model)

data = Dataset.from_arrays([[1.0]], [[1.0]])
assert_type(data.map(lambda x, y: (x, y), num_parallel_calls=AUTOTUNE).shuffle(8), Dataset)
assert_type(data.batch(2).cache().prefetch(2), Dataset)
assert_type(keras.utils.split_dataset(data, 0.5), tuple[Dataset, Dataset])
assert_type(len(data), int)

# ---- what is done with it ---------------------------------------------------------------------

model.compile("adam", "mse", metrics=["accuracy"])
history = model.fit([[1.0]], [[1.0]], epochs=3)
assert_type(history, History)
assert_type(history.history, dict[str, list[Any]])
assert_type(model.layers, list[layers.Layer])
assert_type(model.count_params(), int)
print(model.layers[0].kernel)  # which weights a layer has, no type says
model.optimizer.learning_rate = 0.1

# ---- classes of one's own ---------------------------------------------------------------------


class Scale(layers.Layer):
    def __init__(self, factor: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.factor = factor

    def build(self, input_shape: Any) -> None:
        self.gain = self.add_weight(shape=(input_shape[-1],), initializer="ones")

    def call(self, inputs: Any, training: bool = False) -> Any:
        return inputs * self.gain * self.factor


class Steps(keras.Model):
    def call(self, inputs: Any) -> Any:
        return inputs

    def train_step(self, data: Any) -> dict[str, Any]:
        return {"loss": 0.0}

    def test_step(self, state: Any, data: Any) -> Any:
        return {}, state

    def compute_loss(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        return y_pred - y


class Watch(EarlyStopping):
    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        print(epoch, logs)


assert_type(Scale(2.0), Scale)
assert_type(Steps(), Steps)
assert_type(Watch(), Watch)

# ---- mistakes ---------------------------------------------------------------------------------

layers.Dense("3")  # type: ignore[arg-type]
layers.Dense()  # type: ignore[call-arg]
layers.Dense(3).call()  # type: ignore[call-arg]
layers.Densee(3)  # type: ignore[attr-defined]
keras.Sequental()  # type: ignore[attr-defined]
Scale()  # type: ignore[call-arg]
layers.LSTM(3, return_sequence=True)  # type: ignore[call-arg]
layers.GRU(3, dropout="half")  # type: ignore[arg-type]
