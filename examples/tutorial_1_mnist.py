"""Tutorial 1: what Keras is, shown on handwritten digits.

What the post teaches: a network is a `Sequential` to which layers are added one by one; `compile`
declares optimizer, loss and metrics at once, with no session to open and no variables to
initialise; images become rows of 784 numbers between 0 and 1, labels become one-hot rows
(`to_categorical`); `summary` shows the structure, `fit` trains, `evaluate` measures on test data.
The two layers have 784 * 512 + 512 = 401,920 and 512 * 10 + 10 = 5,130 parameters, 407,050 in all.

Mended: `keras.np_utils.categorical` in the text is `keras.utils.to_categorical`.

    python examples/tutorial_1_mnist.py
"""

import argparse

from cornu import layers, models
from cornu.datasets import mnist
from cornu.utils import to_categorical


def main(arguments=None):
    parser = argparse.ArgumentParser(description="Recognise handwritten digits.")
    parser.add_argument("--epochs", type=int, default=5, help="times over the training data")
    parser.add_argument("--samples", type=int, default=60_000, help="training images to use")
    options = parser.parse_args(arguments)

    (train_images, train_labels), (test_images, test_labels) = mnist.load_data()
    train_images, train_labels = train_images[: options.samples], train_labels[: options.samples]

    print(train_images.shape)
    print(len(train_labels))

    network = models.Sequential()
    network.add(layers.Dense(512, activation="relu", input_shape=(28 * 28,)))
    network.add(layers.Dense(10, activation="softmax"))

    network.compile(optimizer="rmsprop", loss="categorical_crossentropy", metrics=["accuracy"])

    # Pixels from 0..255 to 0..1, a row for each image.
    train_images = train_images.reshape((len(train_images), 28 * 28))
    train_images = train_images.astype("float32") / 255

    test_images = test_images.reshape((len(test_images), 28 * 28))
    test_images = test_images.astype("float32") / 255

    # Labels as one-hot rows: 3 becomes [0, 0, 0, 1, 0, 0, 0, 0, 0, 0].
    train_labels = to_categorical(train_labels, 10)
    test_labels = to_categorical(test_labels, 10)

    print(network.summary())  # `summary` prints by itself; the None it returns is printed too
    network.fit(train_images, train_labels, epochs=options.epochs, batch_size=128)
    test_loss, test_acc = network.evaluate(test_images, test_labels)
    print("test_acc = ", test_acc)


if __name__ == "__main__":
    main()
