"""Tutorial 3: one problem, two ways to write a model.

What the post teaches: the same problem, handwritten digits, can be solved by a `Sequential` model,
a plain stack, or with the functional API, where each layer is called on what another one gave. Only
the second can take a path that splits and joins: here a picture goes through three Dense layers,
becomes a picture of 28 x 28 again, and is set beside the original by `Concatenate`.

Mended: a stray dot in `.Dense(256)`, and the imports of `Concatenate` and `Model`. The post says
that Keras has a ready `classification_model()`; it has not.

The first Dense layer of the functional model has 2**14 = 16,384 units, which makes 21.7 million
parameters. The summary shows it so; training takes a narrower one unless asked:

    python examples/tutorial_3_two_ways.py --width 16384
"""

import argparse

import cornu as keras
from cornu.datasets import mnist
from cornu.layers import Concatenate, Dense, Flatten, Input, Reshape
from cornu.models import Model, Sequential
from cornu.utils import to_categorical


def sequential_model():
    """A stack: 784 -> 256 -> 128 -> 10."""
    model = Sequential()
    model.add(Flatten(input_shape=[28, 28]))
    model.add(Dense(256, activation="relu"))
    model.add(Dense(128, activation="relu"))
    model.add(Dense(10, activation="softmax"))
    return model


def functional_model(width=2**14):
    """A path around: the picture, and beside it what three layers made of it."""
    input_ = Input(shape=[28, 28])
    flatten = Flatten(input_shape=[28, 28])(input_)
    hidden1 = Dense(width, activation="relu")(flatten)
    hidden2 = Dense(512, activation="relu")(hidden1)
    hidden3 = Dense(28 * 28, activation="relu")(hidden2)
    reshape = Reshape((28, 28))(hidden3)
    concat_ = Concatenate()([input_, reshape])
    flatten2 = Flatten(input_shape=[28, 28])(concat_)
    output = Dense(10, activation="softmax")(flatten2)
    return Model(inputs=[input_], outputs=[output])


def train(model, data, epochs):
    """Compile, fit and evaluate; the same for both models."""
    (x_train, y_train), (x_test, y_test) = data
    model.compile(loss="categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
    model.fit(x_train, y_train, epochs=epochs, batch_size=128)
    loss, accuracy = model.evaluate(x_test, y_test, verbose=0)
    print(f"Test accuracy of '{model.name}': {accuracy:.4f}  (loss {loss:.4f})\n")


def main(arguments=None):
    parser = argparse.ArgumentParser(description="Sequential and functional models.")
    parser.add_argument("--epochs", type=int, default=3, help="times over the training data")
    parser.add_argument("--samples", type=int, default=60_000, help="training images to use")
    parser.add_argument(
        "--width", type=int, default=512, help="of the functional model's first layer in training"
    )
    options = parser.parse_args(arguments)

    print("keras is", keras.__name__, keras.__version__)

    (X_train, y_train), (X_test, y_test) = mnist.load_data()
    X_train, y_train = X_train[: options.samples], y_train[: options.samples]
    X_train = X_train / 255
    X_test = X_test / 255
    y_train = to_categorical(y_train, 10)
    y_test = to_categorical(y_test, 10)
    data = (X_train, y_train), (X_test, y_test)

    print("\n--- 1. The Sequential model")
    model = sequential_model()
    model.summary()
    train(model, data, options.epochs)

    print("--- 2. The functional API, as in the post")
    functional_model().summary()
    print(f"\nTrained with {options.width:,} units in the first layer:")
    train(functional_model(options.width), data, options.epochs)


if __name__ == "__main__":
    main()
