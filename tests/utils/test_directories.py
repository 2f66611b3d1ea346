"""`image_`, `text_` and `audio_dataset_from_directory`: what tutorials do with them."""

import inspect
import wave

import grain
import keras
import numpy as np
import pytest
from PIL import Image

import cornu
from cornu.data import Dataset
from cornu.utils import (
    audio_dataset_from_directory,
    image_dataset_from_directory,
    text_dataset_from_directory,
)

OURS = {"decode", "on_error", "extensions", "encoding", "format"}


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    root = tmp_path_factory.mktemp("photos")
    rng = np.random.default_rng(0)
    for number in range(12):
        path = (
            root / ("cats" if number % 3 else "dogs") / f"{number}.{'jpg' if number % 2 else 'png'}"
        )
        path.parent.mkdir(exist_ok=True)
        small = rng.integers(0, 256, (4, 5, 3)).astype("uint8")
        Image.fromarray(small).resize((20 + number, 18), Image.BICUBIC).save(path)
    return root


@pytest.fixture(scope="module")
def sounds(tmp_path_factory):
    root = tmp_path_factory.mktemp("sounds")
    for number in range(6):
        path = root / str(number % 2) / f"{number}.wav"
        path.parent.mkdir(exist_ok=True)
        with wave.open(str(path), "wb") as file:
            file.setparams((1, 2, 8000, 0, "NONE", ""))
            file.writeframes(np.full(100 + number, 1000 * number, "<i2").tobytes())
    return root


@pytest.fixture(scope="module")
def texts(tmp_path_factory):
    root = tmp_path_factory.mktemp("texts")
    for number in range(5):
        path = root / ("neg" if number % 2 else "pos") / f"{number}.txt"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"Größe {number}\r\n" * (number + 1), encoding="utf-8", newline="")
    return root


@pytest.mark.parametrize("name", ["image", "text", "audio"])
def test_arguments_are_those_of_keras(name):
    function = f"{name}_dataset_from_directory"
    theirs = inspect.signature(getattr(keras.utils, function)).parameters
    ours = inspect.signature(getattr(cornu.utils, function)).parameters
    kept = [p for p in ours if p in theirs or p not in OURS]
    assert kept == list(theirs)
    assert [ours[p].default for p in kept] == [theirs[p].default for p in kept]
    own = [p for p in ours.values() if p.name not in theirs]
    assert all(p.kind is p.KEYWORD_ONLY for p in own)


@pytest.mark.parametrize("options", [
    {}, {"label_mode": "categorical"}, {"label_mode": "binary", "batch_size": 5},
    {"label_mode": None}, {"color_mode": "grayscale", "crop_to_aspect_ratio": True},
    {"color_mode": "rgba", "data_format": "channels_first", "interpolation": "bicubic"},
    {"labels": None, "batch_size": None},
])  # fmt: skip
def test_exact_images_are_those_of_keras(photos, options):
    options = {"image_size": (10, 16), "shuffle": False, "verbose": False, **options}
    ours = image_dataset_from_directory(photos, decode="exact", **options)
    theirs = keras.utils.image_dataset_from_directory(photos, format="grain", **options)
    assert isinstance(ours, Dataset)
    assert ours.class_names == theirs.class_names and ours.file_paths == theirs.file_paths
    for our, their in zip(ours, theirs, strict=True):
        pair = isinstance(their, tuple | list)
        for o, t in zip(our if pair else [our], their if pair else [their], strict=True):
            np.testing.assert_allclose(o, np.asarray(t), atol=2e-3)
            assert o.dtype == np.asarray(t).dtype


def test_a_tutorial_from_folders_to_fit(photos, capsys):
    train, validation = image_dataset_from_directory(
        photos, validation_split=0.25, subset="both", seed=1337, image_size=(12, 12), batch_size=4
    )
    assert capsys.readouterr().out == (
        "Found 12 files belonging to 2 classes.\n"
        "Using 9 files for training.\nUsing 3 files for validation.\n"
    )
    assert train.class_names == ["cats", "dogs"]
    assert not set(train.file_paths) & set(validation.file_paths)
    orders = [np.concatenate([y for _, y in train]).tolist() for _ in range(4)]
    assert len({tuple(order) for order in orders}) > 1
    train = train.map(lambda x, y: (x / 255, y)).shuffle(10).prefetch(2)
    model = cornu.Sequential([cornu.layers.Flatten(), cornu.layers.Dense(2)])
    model.compile("adam", cornu.losses.SparseCategoricalCrossentropy(from_logits=True))
    history = model.fit(train, validation_data=validation, epochs=2, verbose=0)
    assert len(history.history["val_loss"]) == 2


def test_the_same_batches_in_grain(photos):
    options = {"image_size": (8, 8), "shuffle": False, "batch_size": 5, "verbose": False}
    theirs = image_dataset_from_directory(photos, format="grain", **options)
    assert isinstance(theirs, grain.IterDataset) and theirs.class_names == ["cats", "dogs"]
    for a, b in zip(theirs, image_dataset_from_directory(photos, **options), strict=True):
        np.testing.assert_array_equal(a[0], b[0])
        np.testing.assert_array_equal(a[1], b[1])
    mixed = image_dataset_from_directory(photos, **{**options, "shuffle": True, "format": "grain"})
    assert sum(len(x) for x, _ in mixed) == 12


@pytest.mark.parametrize("format", ["tf", "grain"])
def test_damaged_files_are_named_or_skipped(photos, tmp_path, format):
    (tmp_path / "cats").mkdir()
    good = next((photos / "cats").glob("*.jpg")).read_bytes()
    for number in range(6):
        (tmp_path / "cats" / f"{number}.jpg").write_bytes(good if number % 3 else good[:200])
    options = {"image_size": (8, 8), "verbose": False, "shuffle": False, "format": format}
    with pytest.raises(ValueError, match=r"0.jpg cannot be read as an image"):
        list(image_dataset_from_directory(tmp_path, **options))
    with pytest.warns(UserWarning, match="is skipped"):
        data = image_dataset_from_directory(tmp_path, on_error="skip", **options)
        assert [len(x) for x, _ in data] == [4]
    assert [path[-5:] for path in data.skipped_files] == ["0.jpg", "3.jpg"]


def test_texts(texts):
    data = text_dataset_from_directory(texts, shuffle=False, verbose=False, batch_size=3)
    (x, y), (rest, _) = data
    assert x[1] == "Größe 3\r\n" * 4 and x.dtype.kind in "TO"
    assert [len(batch) for batch in (x, rest)] == [3, 2]
    assert y.tolist() == [0, 0, 1]
    short = text_dataset_from_directory(texts, labels=None, max_length=4, verbose=False)
    assert {str(text) for text in next(iter(short))} == {"Größ"}
    in_grain = text_dataset_from_directory(texts, shuffle=False, verbose=False, format="grain")
    assert str(next(iter(in_grain))[0][1]) == "Größe 3\r\n" * 4


def test_a_text_in_another_encoding_is_named(tmp_path):
    (tmp_path / "a.txt").write_bytes("naïve".encode("latin-1"))
    options = {"labels": None, "verbose": False}
    with pytest.raises(ValueError, match=r"a.txt cannot be read as a text") as caught:
        list(text_dataset_from_directory(tmp_path, **options))
    assert "byte 2 is not utf-8; encoding='latin-1'" in str(caught.value)
    (text,) = next(iter(text_dataset_from_directory(tmp_path, encoding="latin-1", **options)))
    assert text == "naïve"


def test_sounds(sounds):
    data = audio_dataset_from_directory(sounds, shuffle=False, verbose=False)
    ((x, y),) = data
    assert x.shape == (6, 105, 1) and y.tolist() == [0, 0, 0, 1, 1, 1]
    assert x[1, 101, 0] == 2000 / 32768 and x[1, 102, 0] == 0
    cut = audio_dataset_from_directory(
        sounds, labels=None, verbose=False, output_sequence_length=60, sampling_rate=4000,
        validation_split=0.5, subset="both", seed=0,
    )  # fmt: skip
    assert [next(iter(part)).shape for part in cut] == [(3, 60, 1)] * 2
    ((ragged, _),) = audio_dataset_from_directory(sounds, ragged=True, verbose=False)
    assert sorted(len(sound) for sound in ragged) == list(range(100, 106))


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"image_size": (1, 2, 3)}, "image_size must be"),
        ({"crop_to_aspect_ratio": True, "pad_to_aspect_ratio": True}, "cannot both be True"),
        ({"label_mode": "sparse"}, "label_mode must be one of"),
        ({"format": "torch"}, "format must be one of"),
        ({"data_format": "NHWC"}, "data_format must be"),
        ({"batch_size": 0}, "batch_size"),
        ({"validation_split": 0.01, "subset": "both"}, "No images are left for validation"),
    ],
)
def test_wrong_arguments_are_named(photos, arguments, message):
    with pytest.raises(ValueError, match=message):
        image_dataset_from_directory(photos, verbose=False, **arguments)
