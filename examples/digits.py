"""Handwritten digits: a small convolutional network that makes one mistake in a hundred.

    28 x 28 pixels ─> Conv, pool ─> Conv, pool ─> Flatten ─> Dense ─> Dense ─> probabilities

A convolution looks at small patches, the same way everywhere; pooling keeps the strongest answer of
each neighbourhood. Two rounds of both turn strokes into parts of digits, and two Dense layers turn
those into an answer. `Dropout` hides half of what the first of them says while it learns, so that
the second cannot rely on any one detail.

Measured: test accuracy 0.991 in 6 epochs, 77 seconds of one CPU core.

    python examples/digits.py
"""

import argparse

import cornu as keras
from cornu import layers


def main(arguments=None):
    parser = argparse.ArgumentParser(description="Recognise digits with a convolutional network.")
    parser.add_argument("--epochs", type=int, default=6, help="times over the training data")
    parser.add_argument("--samples", type=int, default=60_000, help="training images to use")
    options = parser.parse_args(arguments)

    keras.utils.set_random_seed(0)
    (x_train, y_train), (x_test, y_test) = keras.datasets.mnist.load_data()
    x_train, y_train = x_train[: options.samples], y_train[: options.samples]

    model = keras.Sequential(
        [
            layers.Input((28, 28, 1)),
            layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(64, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(128, activation="relu"),
            layers.Dropout(0.5),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.summary()
    model.compile("adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])

    # Convolutions want an axis for the channels: one, for grey images.
    def images(pixels):
        return pixels[..., None].astype("float32") / 255

    model.fit(images(x_train), y_train, batch_size=64, epochs=options.epochs)
    _, accuracy = model.evaluate(images(x_test), y_test, verbose=0)
    print(f"Test accuracy: {accuracy:.4f}")


if __name__ == "__main__":
    main()
