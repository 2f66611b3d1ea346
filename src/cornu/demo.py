"""`cornu demo`: the tutorials' first network, from data to a saved model, on this machine.

    find_data -> build -> fit -> evaluate -> predict -> save -> load, and predict again

The data are MNIST or Fashion-MNIST where they are at hand or can be downloaded; else what is at
hand, in the end the 1,797 small digits that scikit-learn brings. One line says which, and why.
"""

import http.client
import os
import shutil
import sys
import tempfile
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import cornu
from cornu import errors
from cornu.reports import picture, screen

DIGITS = tuple("0123456789")
CLOTHES = (
    "T-shirt", "trouser", "pullover", "dress", "coat",
    "sandal", "shirt", "sneaker", "bag", "ankle boot",
)  # fmt: skip

PATIENCE = 4  # seconds that a server may take to say that it is there
PICTURE = 24  # characters a line of a drawn image: three fit on a line of 80


@dataclass
class Data:
    """Images between 0 and 1, `(samples, height, width)`, with their classes as numbers."""

    name: str
    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    classes: Sequence[str] = DIGITS
    epochs: int = 5  # that bring a small network about as far as it goes


def run(
    *,
    fashion: bool = False,
    epochs: int | None = None,
    convolutional: bool = False,
    save: str | os.PathLike[str] | None = None,
) -> None:
    """Train a small classifier, show what it learned, save it and load it again.

    Args:
        fashion: learn Fashion-MNIST, clothes instead of digits.
        epochs: times through the data; None takes what suits the data.
        convolutional: a small convolutional network instead of two Dense layers.
        save: the file for the model, `.keras`; None makes a temporary folder.

    Raises:
        FileNotFoundError: there are no data, and none can be had.
        RuntimeError: the model that was loaded predicts something else than the one saved.
    """
    data = find_data(fashion)
    height, width = data.x_train.shape[1:]
    print(
        f"Data: {data.name}: {len(data.x_train):,} images of {height} x {width} pixels to learn, "
        f"{len(data.x_test):,} to be tested on.\n"
    )
    model = convolutional_network(data) if convolutional else dense_network(data)
    model.summary()
    print()

    to_categorical = cornu.utils.to_categorical
    began = time.perf_counter()
    model.fit(
        data.x_train,
        to_categorical(data.y_train, len(data.classes)),
        batch_size=128,
        epochs=data.epochs if epochs is None else epochs,
    )
    print(f"Trained in {time.perf_counter() - began:.1f} seconds.\n")

    y_test = to_categorical(data.y_test, len(data.classes))
    loss, accuracy = model.evaluate(data.x_test, y_test, batch_size=1000, verbose=0)
    probabilities = model.predict(data.x_test, batch_size=1000, verbose=0)
    wrong = np.flatnonzero(probabilities.argmax(-1) != data.y_test)
    print(
        f"Test: {accuracy:.2%} of the {len(y_test):,} test images are right, "
        f"{len(wrong):,} are wrong; the loss is {loss:.4f}.\n"
    )
    show_predictions(data, probabilities, wrong)
    save_and_load(model, data.x_test, probabilities, save)


# ---- networks ---------------------------------------------------------------------------------


def dense_network(data: Data) -> Any:
    """The network of the tutorials: 512 units, then one for each class.

    Over MNIST it has 407,050 parameters. Input `(batch, height, width)`.
    """
    layers = cornu.layers
    network = cornu.Sequential(
        [
            cornu.Input(shape=data.x_train.shape[1:]),
            layers.Flatten(),
            layers.Dense(512, activation="relu"),
            layers.Dense(len(data.classes), activation="softmax"),
        ],
        name="dense_network",
    )
    return _compiled(network)


def convolutional_network(data: Data) -> Any:
    """Two convolutions with pooling, then one unit for each class.

    Input `(batch, height, width)`, at least 4 by 4.
    """
    layers = cornu.layers
    network = cornu.Sequential(
        [
            cornu.Input(shape=data.x_train.shape[1:]),
            layers.Reshape((*data.x_train.shape[1:], 1)),
            layers.Conv2D(32, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(64, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dropout(0.5),
            layers.Dense(len(data.classes), activation="softmax"),
        ],
        name="convolutional_network",
    )
    return _compiled(network)


def _compiled(network: Any) -> Any:
    network.compile(optimizer="rmsprop", loss="categorical_crossentropy", metrics=["accuracy"])
    return network


# ---- what comes out ---------------------------------------------------------------------------


def show_predictions(data: Data, probabilities: np.ndarray, wrong: np.ndarray) -> None:
    """Draw the first test images and the first that are wrong, with what the model says."""
    size = PICTURE if data.x_test.shape[-1] > PICTURE else None
    count = max(1, (screen.columns(sys.stdout) + 2) // (PICTURE + 2))
    _show(
        "The first test images, and what the model says:", data, probabilities, range(count), size
    )
    if len(wrong):
        _show("Where it errs:", data, probabilities, wrong[:count], size)


def _show(
    title: str, data: Data, probabilities: np.ndarray, which: Iterable[int], size: int | None
) -> None:
    drawings, captions = [], []
    for index in which:
        said, is_ = int(probabilities[index].argmax()), int(data.y_test[index])
        drawings.append(picture.draw_image(data.x_test[index], size))
        caption = f"{data.classes[said]} ({probabilities[index, said]:.0%})"
        captions.append(caption if said == is_ else f"{caption}\nbut it is {data.classes[is_]}")
    print(title, picture.side_by_side(drawings, captions), sep="\n", end="\n\n")


def save_and_load(
    model: Any, x: np.ndarray, probabilities: np.ndarray, save: str | os.PathLike[str] | None
) -> None:
    """Save the model, load the file, and compare predictions."""
    if save is None:
        path = Path(tempfile.mkdtemp(prefix="cornu-demo-")) / "demo.keras"
    else:
        path = Path(save).expanduser()
    model.save(path)
    print(f"Saved: {path} ({path.stat().st_size / 1e6:.1f} MB)")
    loaded = cornu.saving.load_model(path)
    difference = np.abs(loaded.predict(x, batch_size=1000, verbose=0) - probabilities).max()
    if not difference <= 1e-6:
        raise RuntimeError(
            errors.explain(
                "The model that was loaded predicts something else than the one that was saved.",
                difference=f"up to {difference:.2g} in a probability",
                file=path,
            )
        )
    exactly = "exactly" if difference == 0 else f"within {difference:.1g}"
    print(f"Loaded: it predicts the same for all {len(x):,} test images, {exactly}.")
    print(f"\nNext: {command()} summary {path}")


def command() -> str:
    """How the command `cornu` is written here: as one word only where the shell finds this one."""
    own = Path(sys.executable).parent / "cornu"
    found = shutil.which("cornu")
    if not own.exists() or (found is not None and Path(found).samefile(own)):
        return "cornu"
    return str(own.relative_to(Path.cwd()) if own.is_relative_to(Path.cwd()) else own)


# ---- data -------------------------------------------------------------------------------------


def find_data(fashion: bool = False) -> Data:
    """MNIST or Fashion-MNIST if at hand or to be had, else the next best, with a line that says so.

    Raises:
        FileNotFoundError: none of them is here, and scikit-learn is not installed either.
        ValueError: a file is there and holds something else.
    """
    reasons = []
    wanted = [("Fashion-MNIST", load_clothes)] if fashion else []
    for name, load in [*wanted, ("MNIST", load_digits)]:
        try:
            data = load()
        except (ConnectionError, PermissionError) as error:
            reasons.append(f"{name} is not here ({_first_line(error)})")
            continue
        break
    else:
        data = small_digits("; ".join(reasons))
    if reasons:
        print(f"{'; '.join(reasons)}: this is {data.name} instead.")
    return data


def load_digits() -> Data:
    """MNIST.

    Raises:
        ConnectionError: it is not here, and its server does not answer in a few seconds.
    """
    mnist = cornu.datasets.mnist
    _check_reach(mnist.ORIGIN, ["mnist.npz"])
    return _scaled("MNIST", *mnist.load_data())


def load_clothes() -> Data:
    """Fashion-MNIST.

    Raises:
        ConnectionError: it is not here, and its server does not answer in a few seconds.
    """
    fashion_mnist = cornu.datasets.fashion_mnist
    names = list(fashion_mnist.FILES.values())
    _check_reach(fashion_mnist.ORIGIN, names, "fashion-mnist")
    return _scaled("Fashion-MNIST", *fashion_mnist.load_data(), classes=CLOTHES)


def small_digits(reasons: str = "") -> Data:
    """The 1,797 digits that come with scikit-learn: 1,437 to learn and 360 to be tested on.

    Args:
        reasons: why nothing better is there, for the message.
    """
    try:
        sklearn = errors.need("sklearn.datasets", for_="its digits", install="scikit-learn")
    except ImportError as error:
        raise FileNotFoundError(
            errors.explain(
                "There are no images to learn from.",
                reasons=f"{reasons or 'none looked for'}; scikit-learn is not installed",
                fix="pip install 'cornu[demo]'\n"
                f"or put mnist.npz into a folder and set CORNU_DATA to it ({_origin()})",
            )
        ) from error
    bunch = sklearn.load_digits()
    order = np.random.default_rng(0).permutation(len(bunch.images))
    images = (bunch.images[order] / 16).astype("float32")
    labels = bunch.target[order]
    train, test = slice(None, -360), slice(-360, None)
    return Data(
        "scikit-learn's small digits",
        images[train], labels[train], images[test], labels[test],
        epochs=30,
    )  # fmt: skip


def _origin() -> str:
    return str(cornu.datasets.mnist.ORIGIN)


def _scaled(name: str, train: Any, test: Any, classes: Sequence[str] = DIGITS) -> Data:
    """Pixels from 0..255 to 0..1."""
    (x_train, y_train), (x_test, y_test) = train, test
    return Data(
        name,
        x_train.astype("float32") / 255, y_train, x_test.astype("float32") / 255, y_test,
        classes,
    )  # fmt: skip


def files_at_hand(names: Sequence[str], folder: str = "") -> list[Path] | None:
    """The files of a data set if all are on this machine: in `CORNU_DATA` or one of the caches."""
    files = cornu.utils.files
    given = [p for p in os.environ.get("CORNU_DATA", "").split(os.pathsep) if p]
    places = [Path(p).expanduser() for p in given]
    places += [files.home_folder() / "datasets", files.keras_folder("datasets")]
    found = []
    for name in names:
        paths = [p for place in places if (p := place / folder / name).is_file()]
        if not paths:
            return None
        found.append(paths[0])
    return found


def _check_reach(origin: str, names: Sequence[str], folder: str = "") -> None:
    """Raise ConnectionError if files would have to be downloaded and the server is out of reach."""
    if files_at_hand(names, folder) is None and not _answers(origin):
        host = urllib.parse.urlsplit(origin).hostname
        raise ConnectionError(f"{host} does not answer")


def _answers(address: str, patience: float = PATIENCE) -> bool:
    """Whether a server answers soon.

    The question is put in a thread: looking up a name offline may take longer than any time limit
    that a socket keeps.
    """
    answers = []

    def ask() -> None:
        request = urllib.request.Request(address, method="HEAD")
        try:
            with urllib.request.urlopen(request, timeout=patience):
                answers.append(True)
        except urllib.error.HTTPError:  # an answer, if only to say no to this address
            answers.append(True)
        except (OSError, http.client.HTTPException):
            answers.append(False)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(patience)
    return answers == [True]


def _first_line(error: Exception) -> str:
    return str(error).split("\n")[0].rstrip(".")
