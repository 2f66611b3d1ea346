"""Tutorial 0: classify pictures of clothes in a few lines.

What the post teaches: images are normalised by dividing their pixels by 255, a `Flatten` layer
turns a picture of 28 x 28 pixels into 784 numbers, a hidden `Dense` layer learns from them, and an
output layer with one unit a class and `softmax` says how likely each class is. `compile` chooses
the optimizer (Adam), the loss (sparse categorical cross-entropy, for labels that are class numbers)
and the metrics; `fit` goes over the training data for so many epochs.

With two classes instead of ten, the output layer has one unit with `sigmoid`, and the loss is
binary cross-entropy.

    python examples/tutorial_0_fashion_mnist.py --epochs 10
"""

import argparse

import cornu as keras

CLOTHES = [
    "T-shirt/top", "trouser", "pullover", "dress", "coat",
    "sandal", "shirt", "sneaker", "bag", "ankle boot",
]  # fmt: skip


def load_images():
    """Fashion-MNIST where it is at hand or can be downloaded, else MNIST; with names of classes."""
    try:
        return *keras.datasets.fashion_mnist.load_data(), CLOTHES
    except ConnectionError:
        print("Fashion-MNIST is not here and cannot be downloaded: this run uses MNIST instead.")
    return *keras.datasets.mnist.load_data(), [f"digit {k}" for k in range(10)]


def main(arguments=None):
    parser = argparse.ArgumentParser(description="Classify pictures of clothes.")
    parser.add_argument("--epochs", type=int, default=10, help="times over the training data")
    parser.add_argument("--samples", type=int, default=60_000, help="training images to use")
    options = parser.parse_args(arguments)

    # Data to train on, and data to test with.
    (x_train, y_train), (x_test, y_test), names = load_images()
    x_train, y_train = x_train[: options.samples], y_train[: options.samples]
    print("Training images:", x_train.shape, " pixels from", x_train.min(), "to", x_train.max())
    print("Test images:    ", x_test.shape)

    # Pixels from 0..255 to 0..1.
    x_train = x_train / 255.0
    x_test = x_test / 255.0

    # Three layers: the input is flattened, a hidden layer, an output for each class.
    model = keras.models.Sequential(
        [
            keras.layers.Flatten(input_shape=(28, 28)),
            keras.layers.Dense(128, activation="relu"),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    model.summary()

    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x_train, y_train, epochs=options.epochs)

    test_loss, test_accuracy = model.evaluate(x_test, y_test, verbose=0)
    print(f"Test accuracy: {test_accuracy:.4f}  (loss {test_loss:.4f})")

    # Softmax gives a probability for each class; the likeliest is the answer.
    probabilities = model.predict(x_test[:5], verbose=0)
    print("The first five test images:")
    for row, label in zip(probabilities, y_test[:5], strict=True):
        answer = row.argmax()
        print(f"  {names[answer]:12} with {row[answer]:6.1%}    it is: {names[label]}")


if __name__ == "__main__":
    main()
