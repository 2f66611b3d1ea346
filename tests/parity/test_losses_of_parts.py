"""Losses nested otherwise than one for each output have Keras's names, values and gradients."""

import keras as oracle
import numpy as np
import pytest

import cornu
from cornu import tree

X = np.linspace(-1, 1, 12).reshape(4, 3)
Y = np.linspace(0, 1, 4).reshape(4, 1)


def of_all(y_true, y_pred):
    """A loss over outputs in any structure."""
    pairs = zip(tree.flatten(y_true), tree.flatten(y_pred), strict=True)
    return sum(((t - p) ** 2).mean(-1) for t, p in pairs)  # (batch,)


NESTED = {
    "all and each": (lambda a, b: [a, b], (of_all, ["mse", "mae"]), (0.5, [1.0, 2.0])),
    "all and each of a dict": (
        lambda a, b: {"x": a, "y": b}, [of_all, {"x": "mse", "y": "mae"}], None,
    ),
    "a part": (lambda a, b: {"p": (a, b), "q": a}, {"p": of_all, "q": "mse"}, {"p": 3.0, "q": 1.0}),
    "a part and one of it": (
        lambda a, b: {"p": (a, b), "q": a}, {"p": [of_all, (None, "mae")], "q": "mse"}, None,
    ),
    "only the first": (lambda a, b: [a, b], ["mse"], None),
}  # fmt: skip


@pytest.mark.parametrize("case", NESTED)
@pytest.mark.filterwarnings("ignore:loss is a list of 1")
def test_losses_over_parts_of_the_outputs(case):
    nest, loss, factors = NESTED[case]
    results = []
    for package in (cornu, oracle):
        inputs = package.Input((3,))
        made = [
            package.layers.Dense(1, name=name, kernel_initializer="ones")(inputs) for name in "ab"
        ]
        model = package.Model(inputs, nest(*made))
        model.compile("sgd", loss, loss_weights=factors)
        weights = nest(np.arange(4.0), np.ones(4))
        if case == "all and each of a dict":  # Keras takes none there
            weights = None
        options = {"verbose": 0, "batch_size": 2, "shuffle": False}
        model.fit(X, nest(Y, -Y), epochs=2, **options)
        model.fit(X, nest(Y, -Y), sample_weight=weights, **options)
        weights = np.concatenate(model.get_weights(), None)
        results.append(model.history.history | {"weights": weights})
    assert list(results[0]) == list(results[1])
    for name, values in results[0].items():
        np.testing.assert_allclose(values, results[1][name], rtol=1e-5, err_msg=name)


def test_a_model_may_make_several_outputs_of_one_before_it_compares():
    results = []
    for package in (cornu, oracle):

        class Twice(package.Model):
            def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
                return super().compute_loss(x, y, [y_pred, 2 * y_pred], sample_weight, training)

            def compute_metrics(self, x, y, y_pred, sample_weight=None):
                return super().compute_metrics(x, y[0], y_pred, sample_weight)

        inputs = package.Input((3,))
        outputs = package.layers.Dense(1, kernel_initializer="ones")(inputs)
        model = Twice(inputs, outputs)
        model.compile("sgd", ["mse", "mae"], metrics=["mse"])
        results.append(model.fit(X, (Y, -Y), verbose=0, epochs=2, shuffle=False).history)
    assert sorted(results[0]) == sorted(results[1])
    for name, values in results[0].items():
        np.testing.assert_allclose(values, results[1][name], rtol=1e-5, err_msg=name)
