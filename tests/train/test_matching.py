import numpy as np
import pytest

from cornu.train.matching import Outputs, align, match

MIXED = Outputs({"p": [0, 0], "q": 0}, ["a", "b", "c"])
LISTED = Outputs([0, 0], ["first", "second"])
KEYED = Outputs({"x": 0, "z": 0}, ["one", "two"])


@pytest.mark.parametrize(
    ("given", "outputs", "expected"),
    [
        (None, LISTED, [None, None]),
        ("mse", LISTED, ["mse", "mse"]),
        (["mse", None], LISTED, ["mse", None]),
        ({"second": "mae"}, LISTED, [None, "mae"]),
        ({"z": "mae"}, KEYED, [None, "mae"]),
        ({"two": "mae"}, KEYED, [None, "mae"]),
        (["mse", "mae"], KEYED, ["mse", "mae"]),
        ({"q": "mae"}, MIXED, [None, None, "mae"]),
        ({"p": ["mse", None]}, MIXED, ["mse", None, None]),
        ({"c": "mae", "a": "mse"}, MIXED, ["mse", None, "mae"]),
        (["mse", "mae", "mape"], MIXED, ["mse", "mae", "mape"]),
    ],
)
def test_losses_for_outputs(given, outputs, expected):
    assert match(given, outputs, "loss") == expected


def test_a_flat_list_of_metrics_is_for_every_output_where_the_numbers_differ():
    assert match(["mae", "mse", "mape"], LISTED, "metrics", many=True) == [
        ["mae", "mse", "mape"],
        ["mae", "mse", "mape"],
    ]


@pytest.mark.parametrize(
    ("given", "outputs", "message"),
    [
        ({"third": "mse"}, LISTED, "loss names the output 'third'"),
        ({"first": "mse", "third": "mse"}, LISTED, "loss names the output 'third'"),
        ({"p": {"a": "mse"}}, MIXED, "loss names the output 'a'"),
        (["mse", "mae", "mse"], LISTED, "a list of 3, the model has 2 outputs"),
        (["mse", "mae"], Outputs(0, ["only"]), "a list of 2, the model has 1 output\\."),
        ({"p": ["mse", "mae", "mse"]}, MIXED, "a list of 3, the model has 2 outputs"),
    ],
)
def test_what_does_not_fit_is_refused(given, outputs, message):
    with pytest.raises(ValueError, match=message):
        match(given, outputs, "loss")


def test_labels_go_by_name_whatever_the_order_of_the_names():
    backwards = Outputs([0, 0], ["b", "a"])
    assert align({"a": 1, "b": 2}, backwards) == [2, 1]
    assert align({"a": 1}, backwards) == [None, 1]
    assert align({"p": [1, 2], "q": 3}, MIXED) == [1, 2, 3]
    assert align([1, [2, 3]], Outputs([0, [0, 0]])) == [1, 2, 3]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"p": np.zeros(3), "q": np.zeros(3)}, "1 arrays of labels for 2 outputs"),
        ([1, 2], "2 arrays of labels for 3 outputs"),
        ({"r": 1}, "y names the output 'r'"),
    ],
)
def test_labels_that_do_not_fit_are_refused(given, message):
    with pytest.raises(ValueError, match=message):
        align(given, MIXED)
