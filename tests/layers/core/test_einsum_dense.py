"""EinsumDense: how large its first weights are."""

import keras
import numpy as np
import pytest

from cornu import layers


@pytest.mark.parametrize(
    ("equation", "output", "inputs"),
    [
        ("abc,cde->abde", (None, 8, 32), (None, 4, 256)),
        ("abde,dec->abc", (None, 256), (None, 4, 8, 32)),
    ],
)
def test_first_weights_are_as_large_as_those_of_keras(equation, output, inputs):
    deviations = []
    for library in (keras.layers, layers):
        layer = library.EinsumDense(equation, output_shape=output)
        layer.build(inputs)
        deviations.append(np.std(layer.kernel.numpy() if library is layers else layer.kernel))
    np.testing.assert_allclose(deviations[1], deviations[0], rtol=0.02)  # 65,536 random numbers
    assert layer.get_config()["kernel_initializer"]["config"]["input_axes"] is None


def test_more_sizes_than_axes_are_left_over():
    assert layers.EinsumDense("ab,b->a", output_shape=(3,))(np.ones((2, 3))).shape == (2,)
