"""Input: where graphs begin."""

import keras
import pytest

import cornu

LIBRARIES = [cornu, keras]


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize(
    "said",
    [{"shape": (4,)}, {"batch_size": 5}, {"batch_shape": (2, 4)}, {"dtype": "int32"},
     {"sparse": True}],
)  # fmt: skip
def test_what_is_said_beside_a_tensor_agrees_with_it(library, said):
    tensor = library.KerasTensor((2, 3), "float32")
    with pytest.raises(ValueError):
        library.layers.InputLayer(input_tensor=tensor, **said)
    agreeing = {"shape": (3,), "batch_size": 2, "dtype": "float32", "sparse": False}
    layer = library.layers.InputLayer(input_tensor=tensor, **agreeing)
    assert layer.output is tensor


@pytest.mark.parametrize("library", LIBRARIES)
def test_the_older_name_of_the_shape_warns(library):
    with pytest.warns(UserWarning, match="deprecated"):
        layer = library.layers.InputLayer(input_shape=(3,), batch_size=2)
    assert layer.batch_shape == (2, 3)
