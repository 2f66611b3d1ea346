"""Tutorial 4: compile, fit, evaluate, predict, and how to see over- and underfitting.

What the post teaches: a model has an input layer, hidden layers and an output layer; `compile`
configures it (optimizer, loss, metrics), `fit` trains it, `evaluate` measures it on test data and
`predict` answers for new data. A model that stays at a low accuracy even on its training data
underfits: it is too simple, or saw too little variety. A model that gets better and better on its
training data and no longer on other data overfits: it learns the examples by heart.
Regularisation, which limits what it may learn, is one remedy.

Mended: the post says that a model overfits because of too much training data. It is the other way
round: few examples are easy to learn by heart, and more of them are the best remedy.

The post shows arguments that Keras 3 no longer has (`workers`, `use_multiprocessing`,
`max_queue_size`, `sample_weight_mode`). They are accepted: with the values that they had where
nobody set them, as here, silently, and with others with a DeprecationWarning each.

    python examples/tutorial_4_compile_fit_evaluate_predict.py
"""

import argparse

import cornu as keras


def small_model(hidden_units, regularizer=None):
    """An input layer, a hidden layer and an output layer, without compilation."""
    model = keras.Sequential()

    input_layer = keras.layers.Flatten(data_format=None)
    model.add(input_layer)

    hidden_layer = keras.layers.Dense(
        hidden_units, activation="relu", use_bias=True, kernel_initializer="glorot_uniform",
        bias_initializer="zeros", kernel_regularizer=regularizer, bias_regularizer=None,
        activity_regularizer=None, kernel_constraint=None, bias_constraint=None,
    )  # fmt: skip
    model.add(hidden_layer)

    output_layer = keras.layers.Dense(10, activation="softmax")
    model.add(output_layer)
    return model


def compare(title, model, few, held_out, epochs):
    """Train on few examples, and look at the accuracy on them and on others."""
    model.compile("adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(
        *few, epochs=epochs, batch_size=32, validation_data=held_out, verbose=0
    ).history
    seen, unseen = history["accuracy"][-1], history["val_accuracy"][-1]
    verdict = "underfits" if seen < 0.8 else "overfits" if seen - unseen > 0.1 else "fits"
    print(f"  {title:34} {seen:9.1%} {unseen:9.1%} {seen - unseen:7.1%}  {verdict}")


def main(arguments=None):
    parser = argparse.ArgumentParser(description="compile, fit, evaluate, predict.")
    parser.add_argument("--epochs", type=int, default=5, help="times over the training data")
    parser.add_argument("--samples", type=int, default=60_000, help="training images to use")
    options = parser.parse_args(arguments)

    (x_train, y_train), (x_test, y_test) = keras.datasets.mnist.load_data()
    x_train, x_test = x_train[: options.samples] / 255, x_test / 255
    y_train = y_train[: options.samples]
    held_out = max(len(x_train) // 6, 1)

    print("--- Building and configuration")
    model = small_model(128)
    model.compile(
        optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"],
        loss_weights=None, sample_weight_mode=None, weighted_metrics=None,
    )  # fmt: skip

    print("\n--- Training, with every argument that the post lists")
    history = model.fit(
        x=x_train[held_out:], y=y_train[held_out:], batch_size=32, epochs=options.epochs,
        verbose=1, callbacks=None, validation_split=0.0,
        validation_data=(x_train[:held_out], y_train[:held_out]), shuffle=True,
        class_weight=None, sample_weight=None, initial_epoch=0, steps_per_epoch=None,
        validation_steps=None, validation_batch_size=None, validation_freq=1,
        max_queue_size=10, workers=1, use_multiprocessing=False,
    )  # fmt: skip
    print("history:", {name: [round(v, 4) for v in vs] for name, vs in history.history.items()})
    model.summary()  # a Flatten without input_shape learns the shape from the data

    print("\n--- Evaluation")
    loss, accuracy = model.evaluate(x=x_test, y=y_test, verbose=2)
    print(f"loss: {loss:.3f}")
    print(f"accuracy: {accuracy:.3f}")
    print("with return_dict=True:", model.evaluate(x_test, y_test, verbose=0, return_dict=True))

    print("\n--- Prediction for images that the model has never seen")
    predictions = model.predict(x_test[:3], verbose=0)
    for row, label in zip(predictions, y_test[:3], strict=True):
        print(f"  {row.argmax()} with {row.max():.1%}; it is {label}")

    print("\n--- Over- and underfitting, on few examples")
    few = x_train[:1000], y_train[:1000]
    others = x_test[:2000], y_test[:2000]
    epochs = 6 * options.epochs
    title = f"{len(few[0]):,} examples, {epochs} epochs; accuracy"
    print(f"  {title:34} {'on them':>9} {'on others':>9} {'gap':>7}")
    compare("too small: 2 hidden units", small_model(2), few, others, epochs)
    compare("large: 512 hidden units", small_model(512), few, others, epochs)
    compare(
        "the same, regularised (L2)",
        small_model(512, keras.regularizers.L2(0.1)), few, others, epochs,
    )  # fmt: skip
    if len(x_train) >= 10_000:
        compare(
            f"the same on {min(len(x_train), 20_000):,} examples",
            small_model(512), (x_train[:20_000], y_train[:20_000]), others, max(epochs // 6, 1),
        )  # fmt: skip
    print("  Low on both: too simple. A wide gap: learned by heart. A limit on the weights narrows")
    print("  the gap; more examples close it.")


if __name__ == "__main__":
    main()
