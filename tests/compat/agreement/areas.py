"""All differences, area by area; each area is walked once."""

import functools
import inspect
import os
import random
import tempfile
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import jax
import keras

import cornu
from compat.agreement import mistakes, scenes
from compat.agreement.walk import (
    LIBRARIES,
    Found,
    absent,
    aliases,
    kinship,
    members,
    parameters,
    public,
    settings,
    values,
)
from parity.harness import Case, build, example


def _public() -> Iterator[Found]:
    yield from absent()
    yield from aliases()
    for place, (theirs, ours) in public().items():
        yield from kinship(place, theirs, ours)
        if callable(theirs):
            yield from parameters(place, theirs, ours)
        if inspect.isclass(theirs) and inspect.isclass(ours):
            yield from members(place, theirs, ours)


def _looked_at(pairs: list[tuple[str, Any, Any]]) -> Iterator[Found]:
    for pair in pairs:
        yield from values(*pair)
    for pair in pairs:  # afterwards, because it may change what others show
        yield from settings(*pair)


def _layers() -> Iterator[Found]:
    pairs = []
    for case in mistakes.one_case_a_layer():
        pairs.append((f"layers.{case.name}()", *(build(library, case) for library in LIBRARIES)))
        pairs.append(
            (f"layers.{case.name} built", *(_built(library, case) for library in LIBRARIES))
        )
    yield from _looked_at(pairs)


def _built(library: Any, case: Case) -> Any:
    inputs, options = example(case)
    layer = build(library, case)
    layer(
        *jax.tree.map(lambda x: library.KerasTensor((None, *x.shape[1:]), str(x.dtype)), inputs),
        **options,
    )
    return layer


def _scene(scene: Callable[[Any], Iterator[tuple[str, Any]]]) -> Iterator[Found]:
    theirs = _made(scene, keras)
    ours = _made(scene, cornu)
    yield from _looked_at([(name, theirs[name], ours[name]) for name in ours])


def _made(scene: Any, library: Any) -> dict[str, Any]:
    library.utils.set_random_seed(1)
    library.backend.clear_session()
    return dict(scene(library))


def _mistakes() -> Iterator[Found]:
    yield from mistakes.of_calls()
    yield from mistakes.of_words()
    yield from mistakes.of_layers(mistakes.one_case_a_layer())


AREAS = {
    "public names": _public,
    "layers": _layers,
    "models": lambda: _scene(scenes.models),
    "other objects": lambda: _scene(scenes.things),
    "mistakes": _mistakes,
}


@functools.cache
def differences(area: str) -> list[Found]:
    """Everything in which Cornu differs from Keras in an area."""
    state, folder = random.getstate(), os.getcwd()
    try:
        with warnings.catch_warnings(), tempfile.TemporaryDirectory() as scratch:
            warnings.simplefilter("ignore")
            os.chdir(scratch)
            return list(AREAS[area]())
    finally:
        os.chdir(folder)
        random.setstate(state)
