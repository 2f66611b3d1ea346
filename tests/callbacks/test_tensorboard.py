import json

import numpy as np
import pytest

import cornu as keras
from callbacks.events import read_events
from callbacks.small import data, fit, regression
from cornu.callbacks import TensorBoard
from cornu.callbacks.tensorboard import as_image


def events(folder, run):
    (path,) = (folder / run).glob("events.out.tfevents.*")
    return read_events(path)


def series(folder, run, tag):
    return [(e.step, e.scalar) for e in events(folder, run) if e.tag == tag]


def test_results_of_epochs_go_to_two_runs(tmp_path):
    history = fit(regression(), TensorBoard(tmp_path), validation_data=data()).history
    for name in ("loss", "mae"):
        found = series(tmp_path, "train", f"epoch_{name}")
        assert [step for step, _ in found] == [0, 1, 2]
        np.testing.assert_allclose([v for _, v in found], history[name], rtol=1e-6)
        validated = series(tmp_path, "validation", f"epoch_{name}")
        np.testing.assert_allclose([v for _, v in validated], history[f"val_{name}"], rtol=1e-6)
    assert series(tmp_path, "train", "epoch_learning_rate")[0][1] == pytest.approx(0.01)
    steps = [s for s, _ in series(tmp_path, "validation", "evaluation_loss_vs_iterations")]
    assert steps == [4, 8, 12]


def test_once_an_epoch_leaves_training_in_the_fast_strategy():
    assert not TensorBoard().listens_to_batches
    assert TensorBoard(update_freq="batch").listens_to_batches
    assert TensorBoard(write_steps_per_second=True).listens_to_batches
    assert TensorBoard(profile_batch=2).listens_to_batches


def test_every_second_batch(tmp_path):
    fit(regression(), TensorBoard(tmp_path, update_freq=2), epochs=2)
    assert [s for s, _ in series(tmp_path, "train", "batch_loss")] == [2, 4, 6, 8]


def test_how_fast_training_is(tmp_path):
    fit(regression(), TensorBoard(tmp_path, update_freq="batch", write_steps_per_second=True),
        epochs=1)  # fmt: skip
    assert len(series(tmp_path, "train", "batch_steps_per_second")) == 4
    assert series(tmp_path, "train", "epoch_steps_per_second")[0][1] > 0


def test_the_architecture_is_written_as_json(tmp_path):
    fit(regression(), TensorBoard(tmp_path), epochs=1)
    (graph,) = (e for e in events(tmp_path, "train") if e.tag == "keras")
    assert graph.plugin == "graph_keras_model"
    assert json.loads(graph.text)["class_name"] == "Sequential"


def test_histograms_and_images_of_weights(tmp_path):
    model = regression()
    fit(model, TensorBoard(tmp_path, histogram_freq=2, write_images=True), epochs=3)
    found = events(tmp_path, "train")
    tag = f"{model.layers[0].kernel.path}/histogram"
    assert [e.step for e in found if e.tag == tag] == [0, 2]
    assert [e.histogram["num"] for e in found if e.tag == tag] == [32.0, 32.0]
    assert sum(e.image is not None for e in found) == 8


def test_a_weight_as_an_image():
    assert as_image(np.array([[0.0, 1.0], [2.0, 4.0]])).tolist() == [[0, 63], [127, 255]]
    assert as_image(np.zeros((3, 3, 2, 5))).shape == (18, 5)
    assert as_image(np.float32(7.0)).tolist() == [[0]]


def test_tables_of_embeddings(tmp_path):
    model = keras.Sequential(
        [keras.Input((2,), dtype="int32"), keras.layers.Embedding(3, 2, name="words"),
         keras.layers.Flatten(), keras.layers.Dense(1)]
    )  # fmt: skip
    model.compile("sgd", "mse")
    callback = TensorBoard(tmp_path, embeddings_freq=1, embeddings_metadata="words.txt")
    model.fit(np.array([[0, 1], [1, 2]]), np.ones((2, 1)), verbose=0, callbacks=[callback])
    table = np.loadtxt(tmp_path / "train" / "words_embedding.tsv")
    np.testing.assert_allclose(table, model.get_layer("words").embeddings.numpy(), rtol=1e-5)
    config = (tmp_path / "train" / "projector_config.pbtxt").read_text()
    assert 'tensor_path: "words_embedding.tsv"' in config
    assert "words.txt" in config


def test_own_values_go_beside_the_others(tmp_path):
    board = TensorBoard(tmp_path)

    class Own(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            board.summary.scalar("mine", epoch * 2, epoch)

    fit(regression(), board, Own(), epochs=2)
    assert series(tmp_path, "train", "mine") == [(0, 0.0), (1, 2.0)]


def test_an_interrupted_training_leaves_a_whole_file(tmp_path):
    def fail(epoch, logs):
        raise KeyboardInterrupt

    stop = keras.callbacks.LambdaCallback(on_epoch_end=fail)
    with pytest.raises(KeyboardInterrupt):
        fit(regression(), TensorBoard(tmp_path), stop)
    assert len(series(tmp_path, "train", "epoch_loss")) == 1


@pytest.mark.parametrize(
    "arguments", [{"update_freq": 0}, {"update_freq": "step"}, {"profile_batch": (3, 2)},
                  {"profile_batch": "a"}]
)  # fmt: skip
def test_arguments_are_checked_at_once(arguments):
    with pytest.raises(ValueError, match=next(iter(arguments))):
        TensorBoard(**arguments)


def test_a_batch_or_several_to_profile():
    assert TensorBoard(profile_batch=0).profile_batch is None
    assert TensorBoard(profile_batch=2).profile_batch == (2, 2)
    assert TensorBoard(profile_batch="10, 20").profile_batch == (10, 20)
