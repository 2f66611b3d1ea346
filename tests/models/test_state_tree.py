"""State trees: every variable under its path, and back."""

import keras as oracle
import numpy as np
import pytest

import cornu


def trained(library):
    layers = library.layers
    model = library.Sequential(
        [
            layers.Input((3,)),
            layers.Dense(2, name="head"),
            layers.BatchNormalization(name="norm"),
        ],
        name="net",
    )
    model.compile(library.optimizers.Adam(name="adam"), "mse", metrics=["mae"])
    model.fit(np.ones((4, 3)), np.ones((4, 2)), verbose=0)
    return model


def shapes(tree):
    if isinstance(tree, dict):
        return {name: shapes(value) for name, value in tree.items()}
    return tree.shape, str(tree.dtype)


def test_the_tree_is_that_of_keras():
    assert shapes(trained(cornu).get_state_tree()) == shapes(trained(oracle).get_state_tree())


def test_a_tree_goes_into_another_model():
    model, other = trained(cornu), trained(cornu)
    other.fit(np.ones((4, 3)), np.zeros((4, 2)), verbose=0)
    other.set_state_tree(model.get_state_tree("numpy_array"))
    for mine, theirs in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    assert other.optimizer.iterations.numpy() == 1


def test_values_survive_the_next_step():
    model = trained(cornu)
    kernel = model.get_state_tree()["trainable_variables"]["net"]["head"]["kernel"]
    before = np.array(kernel)
    model.fit(np.ones((4, 3)), np.zeros((4, 2)), verbose=0)
    np.testing.assert_array_equal(kernel, before)


def test_a_part_of_a_tree():
    model = trained(cornu)
    kernel = np.zeros((3, 2), "float32")
    model.set_state_tree({"trainable_variables": {"net": {"head": {"kernel": kernel}}}})
    np.testing.assert_array_equal(model.layers[0].kernel, kernel)


def test_mistakes_are_named():
    model = trained(cornu)
    with pytest.raises(ValueError, match="numpy_array"):
        model.get_state_tree("numpy")
    with pytest.raises(ValueError, match="trainable_variables"):
        model.set_state_tree({"trainable": {}})
    with pytest.raises(ValueError, match="net/head/kernel"):
        model.set_state_tree({"trainable_variables": {"net": {"head": {"kernl": 1.0}}}})
    with pytest.raises(ValueError, match="shape"):
        model.set_state_tree(
            {"trainable_variables": {"net": {"head": {"kernel": np.zeros((1, 2))}}}}
        )


def test_two_variables_of_one_path_are_refused():
    class Twins(cornu.Model):
        def __init__(self):
            super().__init__()
            self.pair = [cornu.layers.Dense(2, name="one"), cornu.layers.Dense(2, name="one")]

        def call(self, x):
            return self.pair[0](x) + self.pair[1](x)

    model = Twins()
    model(np.ones((1, 3), "float32"))
    with pytest.raises(ValueError, match="Two variables of the model have the path"):
        model.get_state_tree()
