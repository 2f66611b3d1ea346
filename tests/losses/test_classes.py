"""Losses as objects: settings, files, names."""

import pytest

from cornu import losses

KEPT = [
    losses.Huber(delta=2.5),
    losses.CosineSimilarity(axis=0),
    losses.SparseCategoricalCrossentropy(axis=1, ignore_class=3, from_logits=True),
    losses.BinaryFocalCrossentropy(True, 0.3, 1.5, label_smoothing=0.1),
    losses.Tversky(0.2, 0.8, axis=-1),
    losses.Circle(gamma=3.0, remove_diagonal=False, reduction="sum", name="pairs"),
]


@pytest.mark.parametrize("loss", KEPT, ids=lambda x: x.name)
def test_settings_survive_a_file(loss):
    again = losses.deserialize(losses.serialize(loss))
    assert type(again) is type(loss) and again.get_config() == loss.get_config()
    assert vars(again).keys() == vars(loss).keys()


def test_every_function_has_a_class():
    classes = {cls._function for cls in vars(losses).values() if hasattr(cls, "_function")}
    assert set(losses._words.functions.values()) == classes


def test_a_mistaken_name_gets_a_hint():
    with pytest.raises(ValueError, match="did you mean .*'sparse_categorical_crossentropy'"):
        losses.get("sparse_categorical_crossentrop")
