"""Lambda and identity."""

import numpy as np
import pytest

from cornu.core.objects.serialize import deserialize_keras_object, serialize_keras_object
from cornu.layers import Identity, Input, Lambda
from cornu.saving import register_keras_serializable

X = np.array([[1.0, 2.0]], "float32")


@register_keras_serializable("tests")
def doubled(x, factor=2.0):
    return x * factor


def test_a_named_function_is_saved_by_its_name():
    layer = Lambda(doubled, arguments={"factor": 3.0}, name="times")
    assert layer(X).tolist() == [[3, 6]]
    again = Lambda.from_config(layer.get_config())
    assert again(X).tolist() == [[3, 6]]


def test_a_lambda_is_copied_and_its_code_is_not_saved():
    layer = Lambda(lambda x: x + 1, name="plus")
    assert Lambda.from_config(layer.get_config())(X).tolist() == [[2, 3]]
    saved = serialize_keras_object(layer)
    with pytest.raises(ValueError, match="custom_objects"):
        deserialize_keras_object(saved)
    again = deserialize_keras_object(saved, custom_objects={"<lambda>": lambda x: x + 2})
    assert again(X).tolist() == [[3, 4]]


def test_mask_and_training_are_passed_to_functions_that_take_them():
    seen = []

    def look(x, mask=None, training=None):
        seen.append((mask is not None, training))
        return x

    Lambda(look, mask=lambda x, mask: mask)(X, mask=np.array([True]), training=True)
    assert seen == [(True, True)]


def test_the_output_shape_may_be_given():
    assert Lambda(lambda x: x, output_shape=(7,))(Input((2,))).shape == (None, 7)
    assert Lambda(lambda x: x[:, :1])(Input((2,))).shape == (None, 1)


def test_identity_keeps_containers():
    assert Identity()({"a": X})["a"].tolist() == X.tolist()
