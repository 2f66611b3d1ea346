"""`ImageDataGenerator` and its iterators: the batches of Keras for the same seed."""

import pickle

import numpy as np
import pandas as pd
import pytest
from keras.src.legacy.preprocessing import image as theirs
from PIL import Image

import cornu
from cornu.preprocessing import image as ours

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (10, 12, 12, 3)).astype("float32")
LABELS = np.arange(10) % 2
LAST = {"row_axis": 0, "col_axis": 1, "channel_axis": 2}

# Shifts are left out: Keras shifts along the height what is to be shifted along the width.
SETTINGS = [
    {},
    {"rotation_range": 30, "shear_range": 10, "zoom_range": 0.3, "fill_mode": "reflect"},
    {"horizontal_flip": True, "vertical_flip": True, "channel_shift_range": 20, "rescale": 1 / 255},
    {"brightness_range": (0.5, 1.5), "samplewise_std_normalization": True},
    {"zoom_range": (0.5, 0.9), "fill_mode": "constant", "cval": 7, "interpolation_order": 0},
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("photos")
    for number in range(9):
        path = root / ("cats" if number % 3 else "dogs") / f"{number}.png"
        path.parent.mkdir(exist_ok=True)
        small = RNG.integers(0, 256, (10, 11 + number, 3)).astype("uint8")
        Image.fromarray(small).save(path)
    return root


def same(a, b, atol=2e-3):
    if isinstance(b, tuple | list):
        assert len(a) == len(b)
        for x, y in zip(a, b, strict=True):
            same(x, y, atol)
    else:
        assert a.shape == b.shape and a.dtype == b.dtype
        np.testing.assert_allclose(a, b, atol=atol)


@pytest.mark.filterwarnings("ignore:.*samplewise_center")
@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("shuffle", [True, False])
def test_batches_of_arrays_are_those_of_keras(settings, shuffle):
    iterators = [
        module.ImageDataGenerator(**settings).flow(
            IMAGES, LABELS, batch_size=4, shuffle=shuffle, seed=7, sample_weight=LABELS / 2
        )
        for module in (ours, theirs)
    ]
    assert len(iterators[0]) == len(iterators[1]) == 3
    for _ in range(7):  # into the third epoch
        same(*(next(iterator) for iterator in iterators))


@pytest.mark.parametrize("class_mode", ["categorical", "binary", "sparse", "input", None])
def test_batches_of_folders_are_those_of_keras(folder, class_mode, capsys):
    for subset in ("training", "validation"):
        mine, other = (
            module.ImageDataGenerator(rotation_range=20, validation_split=0.4).flow_from_directory(
                str(folder), target_size=(9, 9), class_mode=class_mode, batch_size=3, seed=3,
                subset=subset, interpolation="bilinear",
            )
            for module in (ours, theirs)
        )  # fmt: skip
        assert mine.filenames == other.filenames and mine.class_indices == other.class_indices
        assert mine.classes.tolist() == other.classes.tolist() and mine.samples == other.samples
        assert mine.image_shape == other.image_shape and mine.num_classes == other.num_classes
        said = capsys.readouterr().out.splitlines()
        assert said[0] == said[1] == f"Found {mine.samples} images belonging to 2 classes."
        same(next(mine), next(other))


@pytest.mark.parametrize(
    "options",
    [
        {"y_col": "label"},
        {"y_col": "label", "class_mode": "sparse", "classes": ["b", "a"], "weight_col": "w"},
        {"y_col": ["x", "w"], "class_mode": "raw"},
        {"y_col": ["x", "w"], "class_mode": "multi_output"},
        {"y_col": "tags"},
        {"class_mode": None, "subset": "validation", "color_mode": "grayscale"},
    ],
)
@pytest.mark.filterwarnings("ignore:Found 1 invalid", "ignore:1 files in column")
def test_batches_of_data_frames_are_those_of_keras(folder, options):
    names = sorted(str(path.relative_to(folder)) for path in folder.rglob("*.png"))
    frame = pd.DataFrame({"filename": [*names, "gone.png"]}, dtype=object)
    frame["label"] = list("abcabcabca")
    frame["tags"] = [["a", "b"], ["a"], ["c"], "b", "c", ["b"], "a", "a", "b", "c"]
    frame["x"], frame["w"] = np.arange(10.0), np.arange(10) / 10
    mine, other = (
        module.ImageDataGenerator(horizontal_flip=True, validation_split=0.3).flow_from_dataframe(
            frame, str(folder), target_size=(8, 8), batch_size=4, seed=2, **options
        )
        for module in (ours, theirs)
    )
    assert mine.filenames == other.filenames
    same(next(mine), next(other))


@pytest.mark.filterwarnings("ignore:.*zca_whitening", "ignore:.*featurewise_center")
@pytest.mark.parametrize(
    "settings",
    [
        {"featurewise_std_normalization": True, "rescale": 1 / 255},
        {"zca_whitening": True, "zca_epsilon": 1e-2},
        {"featurewise_center": True, "data_format": "channels_first"},
    ],
)
def test_fit_learns_what_keras_learns(settings):
    images = IMAGES[:, :6, :6]
    images = images.transpose(0, 3, 1, 2) if "data_format" in settings else images
    mine, other = (m.ImageDataGenerator(**settings) for m in (ours, theirs))
    for generator in (mine, other):
        generator.fit(images, augment=True, rounds=2, seed=1)
    for name in ("mean", "std", "zca_whitening_matrix"):
        a, b = getattr(mine, name), getattr(other, name)
        assert (a is None) == (b is None)
        if a is not None:
            np.testing.assert_allclose(a, b, atol=1e-3)
    same(mine.standardize(images[0].copy()), other.standardize(images[0].copy()), atol=1e-2)


def test_shifts_go_along_the_axis_of_their_name():
    x = np.zeros((8, 16, 1), "float32")
    x[4, 8] = 1
    wide = ours.ImageDataGenerator(width_shift_range=[0.25], fill_mode="constant")
    high = ours.ImageDataGenerator(height_shift_range=[2], fill_mode="constant")
    for seed in range(4):
        assert set(np.argwhere(wide.random_transform(x, seed))[0][:2]) in ({4, 4 + 8}, {4})
        row, column, _ = np.argwhere(high.random_transform(x, seed))[0]
        assert row in (2, 6) and column == 8
    for settings in (
        {},
        {"theta": 90},
        {"theta": 30, "shear": 20},
        {"tx": 2, "zx": 0.5},
        {"ty": 1},
    ):
        square = ours.apply_affine_transform(IMAGES[0], **settings, **LAST)
        np.testing.assert_allclose(
            square, theirs.apply_affine_transform(IMAGES[0], **settings, **LAST), atol=1e-3
        )


def test_an_image_that_is_no_square_turns_about_its_middle():
    x = np.zeros((5, 9, 1))
    x[2, 4] = x[2, 5] = 1  # the middle, and right of it
    turned = ours.apply_affine_transform(x, theta=90, fill_mode="constant", **LAST)[..., 0]
    assert turned[2, 4] == pytest.approx(1) and turned.sum() == pytest.approx(2)
    assert turned[1, 4] == pytest.approx(1) or turned[3, 4] == pytest.approx(1)


def test_random_functions_draw_as_keras_does():
    for name, arguments in (
        ("random_rotation", (30,)), ("random_shear", (20,)), ("random_zoom", ((0.7, 1.2),)),
        ("random_channel_shift", (30,)), ("random_brightness", ((0.5, 1.5), False)),
    ):  # fmt: skip
        axes = {} if name == "random_brightness" else {"channel_axis": 2}
        axes |= LAST if name not in ("random_brightness", "random_channel_shift") else {}
        results = []
        for module in (ours, theirs):
            np.random.seed(4)
            results.append(getattr(module, name)(IMAGES[0], *arguments, **axes))
        np.testing.assert_allclose(*results, atol=1e-3)
    assert ours.random_shift(IMAGES[0], 0.2, 0.1, **LAST).shape == (12, 12, 3)


def test_batches_by_number_do_not_depend_on_who_asks_first():
    def new():
        return ours.ImageDataGenerator(rotation_range=40).flow(IMAGES, LABELS, 4, seed=5)

    forward, backward, copied = new(), new(), pickle.loads(pickle.dumps(new()))
    for index in (2, 0, 1):
        same(backward[index], forward[index], 0)
        same(copied[index], forward[index], 0)
    first = forward[0][0].copy()
    forward.on_epoch_end()
    assert not np.array_equal(forward[0][0], first)
    with pytest.raises(IndexError, match="There are 3 batches"):
        forward[3]


def test_a_tutorial_of_keras_2(folder, tmp_path):
    generator = ours.ImageDataGenerator(
        rescale=1 / 255, width_shift_range=0.2, validation_split=0.3
    )
    train, validation = (
        generator.flow_from_directory(
            folder, (8, 8), batch_size=2, class_mode="binary", subset=subset
        )
        for subset in ("training", "validation")
    )
    model = cornu.Sequential([cornu.layers.Flatten(), cornu.layers.Dense(1, "sigmoid")])
    model.compile("adam", "binary_crossentropy")
    model.fit(train, steps_per_epoch=len(train), epochs=2, validation_data=validation, verbose=0)
    for number, _ in enumerate(
        generator.flow(IMAGES, batch_size=1, save_to_dir=tmp_path, save_prefix="cat", seed=0)
    ):
        if number == 12:  # it never ends
            break
    assert len(list(tmp_path.glob("cat_*.png"))) == 13


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda g: ours.ImageDataGenerator(zoom_range=(1, 2, 3)), "zoom_range must be a pair"),
        (lambda g: ours.ImageDataGenerator(validation_split=2), "between 0 and 1"),
        (lambda g: g.flow(IMAGES, LABELS[:3]), "same number of samples"),
        (lambda g: g.flow(IMAGES[0]), "must have 4 axes"),
        (lambda g: g.flow(IMAGES, np.arange(10), subset="training"), "different classes"),
        (lambda g: g.flow(IMAGES, subset="train"), "subset must be"),
        (lambda g: ours.apply_affine_transform(IMAGES[0], 1, col_axis=1), "must be 0, 1 and 2"),
    ],
)
def test_wrong_arguments_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make(ours.ImageDataGenerator(validation_split=0.5))


def test_columns_of_the_data_frame_are_checked(folder):
    generator = ours.ImageDataGenerator()
    frame = pd.DataFrame({"filename": ["a.png"], "class": [1]})
    with pytest.raises(KeyError, match="did you mean 'filename'"):
        generator.flow_from_dataframe(frame, x_col="filname")
    with pytest.raises(TypeError, match="must hold text for class_mode='categorical'"):
        generator.flow_from_dataframe(frame, validate_filenames=False)


def test_one_line_names_the_way_of_today(monkeypatch):
    monkeypatch.setattr("cornu.preprocessing.advice._said", set())
    with pytest.warns(DeprecationWarning, match="image_dataset_from_directory") as said:
        ours.ImageDataGenerator()
        ours.ImageDataGenerator()
    assert len(said) == 1
