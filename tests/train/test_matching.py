import numpy as np
import pytest

from cornu.train.matching import Outputs, Term, align, loss_terms, match

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
    found = {term.path: term.loss for term in loss_terms(given, None, outputs)}
    assert [found.get(path) for path in outputs.paths] == expected


@pytest.mark.parametrize(
    ("given", "outputs", "expected"),
    [
        ({"p": "f", "q": "g"}, MIXED, ["p f", "q g"]),
        ({"p": ("f", [None, "g"])}, MIXED, ["p f", "p/1 g"]),  # of both, and of the second
        ({"p": ["f", ["g", "h"]]}, MIXED, ["p/0 f", "p/1 g", "p/1 h"]),  # a list beside a list
        (["f", {"x": "g"}], KEYED, [" f", "x g"]),
        (("f", ["g", "h"]), LISTED, [" f", "0 g", "1 h"]),
        (["f", ["g", "h"]], LISTED, ["0 f", "1 g", "1 h"]),
        ([["f"]], Outputs(0), [" f"]),
    ],
)
def test_a_loss_may_compare_a_part_of_the_outputs_or_all_of_them(given, outputs, expected):
    terms = loss_terms(given, None, outputs)
    assert ["/".join(map(str, t.path)) + f" {t.loss}" for t in terms] == expected


@pytest.mark.parametrize(
    ("losses", "factors", "expected"),
    [
        ("mse", [1, 2], [1, 2]),
        ("mse", {"second": 2}, [None, 2]),
        (["mse", "mae"], 3, [3, 3]),
        (["mse", ["mse", "mae"]], [1, [2, 3]], [1, 2, 3]),
        (["mse", ["mse", "mae"]], [1, 2, 3], [1, 2, 3]),
        (["mse", ["mse", "mae"]], [1, 2], [1, 2, 2]),
        ({"second": "mae", "first": "mse"}, [1, 2], [1, 2]),
        ({"second": "mae", "first": "mse"}, {"second": 2}, [None, 2]),
        (["mse", "mae"], {"second": 2}, [None, 2]),
    ],
)
def test_factors_go_with_the_losses_or_with_the_outputs(losses, factors, expected):
    assert [term.factor for term in loss_terms(losses, factors, LISTED)] == expected


def test_a_list_of_losses_for_less_or_more_than_there_is():
    with pytest.warns(UserWarning, match="a list of 1, the model has 2 outputs"):
        assert loss_terms(["mse"], None, LISTED) == [Term((0,), "mse")]
    with pytest.warns(UserWarning, match="for 1 output: their sum is minimized"):
        terms = loss_terms(["mse", "mae"], [1, 2], Outputs(0, ["only"]))
    assert terms == [Term((), "mse", 1), Term((), "mae", 2)]


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
        ({"p": ["mse", "mae", "mse"]}, MIXED, "a list of 3, the model has 2 outputs"),
    ],
)
def test_what_does_not_fit_is_refused(given, outputs, message):
    with pytest.raises(ValueError, match=message):
        loss_terms(given, None, outputs)


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
