"""Calls of lookups, in plain values: what Keras with TensorFlow said to them is recorded beside.

    python tests/layers/preprocessing/lookup_cases.py     writes lookups.json, where TensorFlow is

A case is (class, arguments, data to adapt to or None, inputs or None).
"""

import json
import os
import sys
from pathlib import Path

RECORDED = Path(__file__).parent / "lookups.json"

ABC = ["a", "b", "c"]
TEXTS = ["foo bar", "bar baz", "baz bada boom"]
ODD = (
    "A\u00a0b c\u2003d e\x1cf g\x85h i\u3000j\tk\nl\x0bm\x0cn\ro \u00c9 \u00dcB \u1e9e \u0130 "
    "don't a-b _x_ \u201cq\u201d x\u2026y "
    "'z' 1,2 $5 `~^|\\ [a]{b}(c)<d>=e+f*g/h.i:j;k?l@m#n&o%p\"q! u\x00v \U0001f600"
)  # fmt: skip

SHAPES = ["a", ["a", "z"], [["a"], ["z"]], [["a", "b", "a"], ["z", "z", "c"]], [[["a"]], [["z"]]]]
MODES = ["int", "one_hot", "multi_hot", "count"]
WORDS = ["a", "x", "y", "z", "hello", "", "\u00e9", "a longer text of more than thirty-two letters"]
NUMBERS = [[10, 30, 5, -1, 0, 6, -3, 2**40]]

STRINGS = [
    *(("StringLookup", {"vocabulary": ABC, "output_mode": m}, None, x)
      for m in MODES for x in SHAPES),
    *(("StringLookup", {"vocabulary": ABC, "output_mode": m, "mask_token": "", "max_tokens": 7,
                        "pad_to_max_tokens": True, "num_oov_indices": 2}, None, [["a", "", "z"]])
      for m in MODES),
    ("StringLookup", {"vocabulary": ABC, "output_mode": "tf_idf", "idf_weights": [1.0, 2.0, 4.0]},
     None, SHAPES[3]),
    ("StringLookup", {"vocabulary": ["[UNK]", *ABC], "output_mode": "tf_idf", "max_tokens": 6,
                      "idf_weights": [0.5, 1.0, 2.0, 3.0], "pad_to_max_tokens": True},
     None, SHAPES[3]),
    *(("StringLookup", {"vocabulary": ABC, "num_oov_indices": n, "salt": s}, None, WORDS)
      for n, s in [(3, None), (1000, None), (1000, 7), (10, [1, 2**40])]),
    *(("StringLookup", {"vocabulary": ABC, "invert": True, "mask_token": m}, None,
       [[0, 1, 2, 3, 4, 9, -1]]) for m in (None, "m")),
    ("StringLookup", {"vocabulary": ABC, "num_oov_indices": 0}, None, [["c", "a"]]),
    ("StringLookup", {"vocabulary": ABC, "num_oov_indices": 0}, None, [["x", "a"]]),
    ("StringLookup", {"max_tokens": 5, "num_oov_indices": 2, "mask_token": "[M]"},
     [["b", "a"], ["c", "a"], ["[M]", "\u00e9"], ["d", "d"], ["[UNK]", "z"]], [["d", "z", "[M]"]]),
    ("StringLookup", {"output_mode": "tf_idf"}, [["b", "a"], ["c", "a"], ["a", "a"]], [["a", "b"]]),
    ("StringLookup", {"output_mode": "tf_idf", "max_tokens": 5, "pad_to_max_tokens": True},
     ["b", "a", "a"], [["a", "b"]]),
]  # fmt: skip

INTEGERS = [
    *(("IntegerLookup", {"vocabulary": [10, 20, 30], "output_mode": m}, None, NUMBERS)
      for m in MODES),
    ("IntegerLookup", {"vocabulary": [10, 20, 30], "mask_token": 0, "num_oov_indices": 3}, None,
     NUMBERS),
    *(("IntegerLookup", {"vocabulary": [10, 20, 30], "num_oov_indices": 100,
                         "oov_method": "farmhash", "salt": s}, None, NUMBERS)
      for s in (None, [1, 2])),
    ("IntegerLookup", {"vocabulary": [10, 20, 30], "invert": True, "mask_token": 0}, None,
     [[0, 1, 2, 3, 4, 9]]),
    ("IntegerLookup", {}, [[1, 2], [3, 3], [-1, 7]], [[3, 2, 8]]),
    ("IntegerLookup", {"mask_token": 0, "max_tokens": 4}, [1, 0, 0, 3, 3], [[3, 2, 0]]),
    ("IntegerLookup", {"output_mode": "tf_idf"}, [[1, 2], [1, 1], [2, 7]], [[1, 1, 8]]),
]  # fmt: skip

VECTORS = [
    *(("TextVectorization", {**options}, TEXTS, x) for options, x in [
        ({}, ["foo qux bar", "qux baz"]),
        ({}, [["foo qux bar"], ["qux baz"]]),
        ({}, [[["foo qux bar"], ["qux baz"]]]),
        ({}, "foo qux bar"),
        ({}, ["", " "]),
        ({"output_sequence_length": 5}, "foo qux bar"),
        ({"output_sequence_length": 2}, ["foo qux bar", "baz"]),
        ({"output_sequence_length": 5}, ["foo qux bar", "baz"]),
        *(({"output_mode": m, **pad}, x) for m in ("multi_hot", "count", "tf_idf")
          for pad in ({}, {"pad_to_max_tokens": True, "max_tokens": 10})
          for x in ("foo qux bar bar", ["foo qux bar bar", "qux"])),
        ({"ngrams": 2}, ["foo qux bar bar", "qux baz", ""]),
        ({"ngrams": (2, 1)}, ["bar baz bada boom", "qux"]),
        ({"ngrams": (3,), "output_mode": "count"}, ["bar baz bada boom", "qux"]),
        ({"split": "character"}, ["foo b", "\u00e9 \u00fc"]),
        ({"split": None}, ["foo bar", "zz"]),
        ({"split": None, "output_mode": "multi_hot"}, ["foo bar", "zz"]),
        ({"max_tokens": 4}, ["bar baz boom"]),
    ]),
    *(("TextVectorization", {"split": None, **options}, [["foo", "bar"], ["baz", "Bar"]],
       [["foo", "bar!"], ["zz", "baz"]])
      for options in ({"output_sequence_length": 3}, {"ngrams": 2}, {"output_mode": "count"})),
    *(("TextVectorization", {"standardize": s, "split": w}, [ODD], [ODD])
      for s in ("lower_and_strip_punctuation", "lower", "strip_punctuation", None)
      for w in ("whitespace", "character")),
    ("TextVectorization", {"vocabulary": ["the", "cat"]}, None, ["the cat sat"]),
    ("TextVectorization", {"vocabulary": ["", "[UNK]", "the", "cat"]}, None, ["the cat sat"]),
]  # fmt: skip

CASES = [*STRINGS, *INTEGERS, *VECTORS]


def ask(layers, case, array):
    """What a library says: the result with its dtype, the vocabulary and the config."""
    name, options, data, inputs = case
    try:
        layer = getattr(layers, name)(name="lookup", **options)
        if data is not None:
            layer.adapt(array(data))
        found = layer(array(inputs))
    except Exception as error:
        return {"error": type(error).__name__}
    found = array(found)
    values = [v.decode() if isinstance(v, bytes) else v for v in found.ravel().tolist()]
    vocabulary = [v if isinstance(v, str) else int(v) for v in layer.get_vocabulary()]
    config = {k: v for k, v in layer.get_config().items() if k != "dtype"}
    return {"values": values, "shape": list(found.shape), "vocabulary": vocabulary,
            "config": config}  # fmt: skip


if __name__ == "__main__":
    os.environ |= {"TF_CPP_MIN_LOG_LEVEL": "3", "KERAS_BACKEND": "tensorflow"}
    import keras
    import numpy as np

    answers = [ask(keras.layers, case, np.asarray) for case in CASES]
    lines = ",\n".join(json.dumps(a, ensure_ascii=True) for a in answers)
    RECORDED.write_text(f"[\n{lines}\n]\n")
    print(len(answers), [a["error"] for a in answers if "error" in a], file=sys.stderr)
