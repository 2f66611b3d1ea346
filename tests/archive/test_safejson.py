import json
import math

import pytest

from cornu.archive.safejson import parse
from cornu.errors import UnsafeFileError


@pytest.mark.parametrize(
    "value",
    [
        {"config": {"units": 3, "shape": [None, 4], "rate": 0.5, "name": 'ä \\ " [{,'}},
        ["\\\\", '\\"', "[[[[", "", {}],
        "text",
        12,
        None,
        10**38,
    ],
)
def test_ordinary_json_comes_back(value):
    assert parse(json.dumps(value)) == value
    assert parse(json.dumps(value, ensure_ascii=False).encode()) == value


def test_nan_and_infinity_as_python_writes_them():
    assert math.isnan(parse("[NaN]")[0])
    assert parse("-Infinity") == -math.inf


@pytest.mark.parametrize("depth", [5_000, 200_000])
@pytest.mark.parametrize(("start", "end"), [("[", "]"), ('{"a":', "}")])
def test_deep_nesting_is_refused(depth, start, end):
    with pytest.raises(UnsafeFileError, match="nested too deeply"):
        parse(start * depth + "1" + end * depth)


def test_depth_counts_brackets_outside_strings_only():
    assert parse('["' + "[" * 1000 + '"]') == ["[" * 1000]
    assert parse("[" * 128 + "]" * 128)
    with pytest.raises(UnsafeFileError):
        parse("[" * 129 + "]" * 129)


def test_brackets_hidden_behind_a_quote_that_never_ends():
    with pytest.raises(ValueError):
        parse('"' + "[" * 100_000)
    with pytest.raises(ValueError):
        parse('\\"' + "[" * 100_000 + '"' + "[" * 100_000)


def test_size_counts_spaces():
    with pytest.raises(UnsafeFileError, match="too large"):
        parse(b"{}" + b" " * 2**20, max_bytes=2**20)


def test_ten_million_layers_are_refused():
    with pytest.raises(UnsafeFileError, match="too many values"):
        parse('{"layers": [' + "{}," * 10**7 + "{}]}")


def test_duplicate_keys_are_refused_at_any_depth():
    with pytest.raises(UnsafeFileError, match="same key twice"):
        parse('{"a": [{"class_name": "Dense", "class_name": "Lambda"}]}')


@pytest.mark.parametrize("digits", [65, 5_000, 1_000_000])
def test_huge_integers_are_refused(digits):
    with pytest.raises(UnsafeFileError, match="long number"):
        parse(f'{{"units": {"9" * digits}}}')


def test_a_huge_string_is_measured_quickly():
    assert len(parse('"' + "\\n" * 10**6 + '"')) == 10**6


@pytest.mark.parametrize(
    "text", ["", "{", "[1,]", "{'a': 1}", "nul", "[1] 2", b"\xff\xfe{}", "\x00"]
)
def test_what_is_not_json_says_so(text):
    with pytest.raises(ValueError, match="config.json is not"):
        parse(text, what="config.json")


def test_the_message_names_the_place():
    with pytest.raises(ValueError, match="line 2, column 3"):
        parse("{\n  x}")


@pytest.mark.parametrize("block", [1, 2, 3, 5])
@pytest.mark.parametrize(
    "text",
    [
        r'["\\", [[1]]]',
        r'["\"[[[[", [[1]]]',
        r'["\\\"[[[", [[1]]]',
        r'[[["a\\"]]]',
        '["é]]]", [[1]]]',
    ],
)
def test_a_text_measured_in_blocks(block, text, monkeypatch):
    """A backslash and its letter may come to stand in two blocks."""
    monkeypatch.setattr("cornu.archive.safejson._BLOCK", block)
    assert parse(text, max_depth=3) == json.loads(text)
    with pytest.raises(UnsafeFileError, match="(?s)too deeply.*depth: 3"):
        parse(text, max_depth=2)
