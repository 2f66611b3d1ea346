"""How many programs are compiled: one for each kind of step and shape, and no more."""

import jax
import numpy as np
import pytest

import cornu as keras
from cornu.engine.compilations import counted
from train.models import blobs, classifier


class EveryBatch(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        self.seen = batch


@pytest.mark.parametrize("samples", [70, 9])
def test_a_training_with_validation_evaluation_and_prediction(samples):
    """Full batches run in loops; what is left over of an epoch is a shape of its own."""
    x, y = blobs(samples)
    full, rest = int(samples >= 16), int(samples % 16 > 0)
    model = classifier()
    with counted() as programs:
        for _ in range(2):
            model.fit(x, y, batch_size=16, epochs=3, validation_data=(x, y), verbose=0)
            model.evaluate(x, y, batch_size=16, verbose=0)
            model.predict(x, batch_size=16, verbose=0)
    assert programs["train_step_loop"] == programs["test_step_loop"] == full
    assert programs["train_step"] == programs["test_step"] == rest
    assert programs["predict_step"] <= full + rest
    assert set(programs) <= {
        "train_step_loop", "train_step", "test_step_loop", "test_step", "predict_step",
    }  # fmt: skip


def test_a_training_on_numpy_arrays_compiles_its_two_programs_alone(caplog):
    x, y = blobs(83)
    with jax.log_compiles():
        classifier().fit(x, y, batch_size=16, verbose=0)
    messages = [record.getMessage().split() for record in caplog.records]
    compiled = sorted(words[1] for words in messages if words[0] == "Compiling")
    assert compiled == ["jit(train_step)", "jit(train_step_loop)"]


def test_steps_one_by_one_need_one_program_for_each_size_of_batch():
    x, y = blobs(70)
    model = classifier()
    with counted() as programs:
        for _ in range(2):
            model.fit(x, y, batch_size=16, epochs=2, verbose=0, callbacks=[EveryBatch()])
        for i in range(0, 64, 16):
            model.train_on_batch(x[i : i + 16], y[i : i + 16])
    assert programs == {"train_step": 2}


def test_a_new_learning_rate_and_new_weights_compile_nothing():
    x, y = blobs(32)
    model = classifier()
    model.fit(x, y, verbose=0)
    with counted() as programs:
        model.optimizer.learning_rate = 0.5
        model.set_weights([w * 2 for w in model.get_weights()])
        model.fit(x, y, verbose=0, callbacks=[keras.callbacks.LearningRateScheduler(lambda e: 0.1)])
    assert not programs


def test_predicting_every_number_of_samples_takes_a_handful_of_sizes():
    x, _ = blobs(100)
    model = classifier()
    with counted() as programs:
        for count in range(1, 101):
            assert model.predict(x[:count], verbose=0).shape == (count, 3)
    assert programs["predict_step"] <= 6  # 1, 2, 4, 8, 16, 32


def test_the_report(capsys):
    x, y = blobs(32)
    keras.config.set_debug("compile")
    try:
        classifier().fit(x, y, verbose=0)
        assert keras.config.debug() == ("compile",)
    finally:
        keras.config.set_debug()
    assert "compiled train_step_loop (" in capsys.readouterr().err
    classifier(units=9).fit(x, np.zeros(32), verbose=0)
    assert "compiled" not in capsys.readouterr().err
    with pytest.raises(ValueError, match="did you mean 'compile'"):
        keras.config.set_debug("compiled")
