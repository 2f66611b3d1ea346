"""Tutorial 2: the Sequential model, from layers to predictions.

What the post teaches: a model is a stack of layers, added one by one or given as a list; the first
layer is told how many inputs there are (`input_dim`). One unit with `sigmoid` answers yes or no
and goes with the loss `binary_crossentropy`; several units with `softmax` choose a class and go
with `categorical_crossentropy`. `fit` returns a history with one value an epoch, `evaluate` a list
of the loss and the metrics, `predict` a row of probabilities for each observation.

Mended: the post says that the losses do not apply sigmoid or softmax, which is why the last layer
does; a last layer without an activation gives logits, and then the loss is told so
(`BinaryCrossentropy(from_logits=True)`).

The data of the post have four features and three classes and are not published: this script takes
the iris flowers where scikit-learn is installed, else three clouds of points made up here.

    python examples/tutorial_2_sequential.py
"""

import argparse

import numpy as np

from cornu.layers import Dense
from cornu.models import Sequential
from cornu.utils import to_categorical


def load_flowers():
    """Features `(samples, 4)`, classes `(samples,)`, shuffled, and what they are."""
    rng = np.random.default_rng(0)
    try:
        from sklearn.datasets import load_iris
    except ImportError:
        y = np.repeat([0, 1, 2], 50)
        centres = np.array([[5.0, 3.4, 1.5, 0.2], [5.9, 2.8, 4.3, 1.3], [6.6, 3.0, 5.6, 2.0]])
        x = centres[y] + rng.normal(scale=0.35, size=(150, 4))
        source = "150 points in three clouds (scikit-learn is not installed)"
    else:
        x, y = load_iris(return_X_y=True)
        source = "150 iris flowers of three kinds"
    order = rng.permutation(len(x))
    return x[order].astype("float32"), y[order], source


def main(arguments=None):
    parser = argparse.ArgumentParser(description="The Sequential model.")
    parser.add_argument("--epochs", type=int, default=5, help="times over the training data")
    parser.add_argument("--samples", type=int, default=120, help="observations to train on")
    options = parser.parse_args(arguments)

    print("--- A stack of layers, one by one and as a list")
    model = Sequential()
    layer1 = Dense(5, input_dim=4)
    model.add(layer1)
    layer2 = Dense(3, activation="relu")
    model.add(layer2)
    model.summary()

    layer1 = Dense(5, input_dim=4)
    layer2 = Dense(3, activation="relu")
    model = Sequential([layer1, layer2])
    print("as a list:", [layer.name for layer in model.layers], model.count_params(), "parameters")

    features, classes, source = load_flowers()
    print("\nData:", source)
    eval_data, eval_classes = features[120:147], classes[120:147]
    new_data = features[147:]  # 3 new observations
    data, train_classes = features[:120][: options.samples], classes[:120][: options.samples]

    print("\n--- Two classes: is it a flower of the first kind?")
    model = Sequential()
    layer1 = Dense(5, activation="relu", input_dim=4)
    model.add(layer1)
    layer2 = Dense(1, activation="sigmoid")
    model.add(layer2)
    model.compile("adam", loss="binary_crossentropy", metrics=["accuracy"])
    is_first = (train_classes == 0).astype("float32").reshape(-1, 1)
    model.fit(data, is_first, batch_size=20, epochs=options.epochs, verbose=0)
    print("probabilities:", model.predict(new_data, verbose=0).ravel())

    print("\n--- Three classes")
    model = Sequential()
    layer1 = Dense(200, activation="relu", input_dim=4)
    model.add(layer1)
    layer2 = Dense(200, activation="relu")
    model.add(layer2)
    layer3 = Dense(3, activation="softmax")
    model.add(layer3)
    model.compile("adam", loss="categorical_crossentropy", metrics=["accuracy"])

    labels = to_categorical(train_classes, 3)
    train_output = model.fit(data, labels, batch_size=20, epochs=options.epochs)
    print(train_output.history)

    eval_labels = to_categorical(eval_classes, 3)
    print(model.evaluate(eval_data, eval_labels))  # the loss, then the accuracy

    predictions = model.predict(new_data)
    print(f"{predictions!r}")
    for number, row in enumerate(predictions, 1):
        print(f"observation {number}: the class is {row.argmax()} (it is {classes[146 + number]})")


if __name__ == "__main__":
    main()
