"""Patterns say what `re` says, in time that does not depend on how they are built."""

import random
import re
import time

import pytest

from cornu import patterns
from cornu.core.objects.vetting import vet_objects
from cornu.errors import UnsafeFileError

ATOMS = [
    "a", "b", "c", "/", "_", "1", ".", r"\d", r"\W", "[a-c]", "[^/]", r"[\w/]", r"\.", r"\b", "^",
    "$", r"\s", " ", "-", r"\n",
]  # fmt: skip
COUNTS = ["*", "+", "?", "{2}", "{1,2}", "{,2}", "{2,}", "{0}", "*?", "+?"]


def drawn(draw, depth=0):
    """A pattern at random."""
    kind = draw.random()
    if depth > 3 or kind < 0.5:
        return draw.choice(ATOMS)
    inner = drawn(draw, depth + 1)
    if kind < 0.65:
        return inner + drawn(draw, depth + 1)
    if kind < 0.8:
        return f"({inner}|{drawn(draw, depth + 1)})"
    return f"(?:{inner}){draw.choice(COUNTS)}"


def test_what_re_says():
    draw = random.Random(0)
    for _ in range(5_000):
        pattern = drawn(draw)
        text = "".join(draw.choice("aabbcc/_1. \n-") for _ in range(draw.randrange(8)))
        patterns.require_linear(pattern)
        said = patterns.fits(pattern, text), patterns.found(pattern, text)
        wanted = bool(re.fullmatch(pattern, text)), bool(re.search(pattern, text))
        assert said == wanted, (pattern, text)


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|a)*b", "(a*)*c", "(.*a){12}"])
def test_no_pattern_takes_ever(pattern):
    start = time.process_time()
    patterns.fits(pattern, "a" * 200 + "!")
    patterns.found(pattern, "a" * 200 + "!")
    assert time.process_time() - start < 2


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("(((", "too early"), ("a)", "not opened"), ("[a", "too early"), ("a**", "of a count"),
        ("*", "count of nothing"), (r"\1", "escape"), ("(?=a)", "another kind"), ("x" * 9_000, "m"),
        ("(a{90}){90}", "many"), ("a{9999999}", "out of range"), ("[b-a]", "before its start"),
        ("(" * 99, "too deeply"),
    ],
)  # fmt: skip
def test_what_is_refused(pattern, why):
    with pytest.raises(ValueError, match=why):
        patterns.require_linear(pattern)


def test_a_users_own_pattern_may_be_of_any_kind():
    assert patterns.fits(r"(?i)DENSE(?!_1)", "dense") and not patterns.found(r"a(?=b)", "ac")
    with pytest.raises(ValueError, match="not a regular expression"):
        patterns.fits("(((", "a")


@pytest.mark.parametrize("pattern", ["(((", "(a)\\1", "(?=a)", 7])
@pytest.mark.parametrize("key", ["policy_map", "optimizer_map", "exclude_layers", "layout_map"])
def test_patterns_of_files(key, pattern):
    patterns_of = (lambda p: [p]) if key == "exclude_layers" else (lambda p: {p: "float32"})
    config = {"class_name": "X", "config": {"name": "x", key: patterns_of("(a+)+$")}}
    vet_objects(config)
    config["config"][key] = patterns_of(pattern)
    with pytest.raises(UnsafeFileError, match=f"{key}(.|\n)*pattern"):
        vet_objects(config)
