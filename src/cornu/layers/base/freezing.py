"""Which parts of a layer are frozen, also where its config does not say so.

A graph's config holds the configs of its layers, and so whether each of them learns. What a class
makes by itself (in `__init__` or `build`) is in no config; files note it beside the config:

    {"class_name": "Tuner", "config": {"trainable": true, ...}, "frozen_parts": ["base", "heads.0"]}

Keras does not look at this entry. A file without it means that a frozen layer is frozen wholly, and
the same holds for a layer that is made with `trainable=False`.
"""

from collections.abc import Iterator
from typing import Any

from cornu.core.objects.tracking import attributes, inside


def parts_of(layer: Any, *, hidden_only: bool = False) -> dict[str, Any]:
    """Every layer below a layer, once, by its place: attributes, and positions in containers.

    Args:
        layer: the layer.
        hidden_only: leave out the layers of a graph, whose configs are in its own, and what is
            below them.

    Example:

        >>> from cornu.layers import Dense, TimeDistributed
        >>> list(parts_of(TimeDistributed(Dense(2))))
        ['layer']
    """
    found: dict[str, Any] = {}
    in_config = layer.layers if hidden_only and hasattr(type(layer), "inputs_struct") else ()
    seen = {id(layer), *(id(part) for part in in_config)}
    waiting = [("", layer)]
    while waiting:
        path, owner = waiting.pop()
        for name, part in _children(owner):
            if id(part) not in seen:
                seen.add(id(part))
                found[path + name] = part
                waiting.append((f"{path}{name}.", part))
    return found


def _children(owner: Any) -> Iterator[tuple[str, Any]]:
    """The layers that a layer owns directly: those of attributes, then those of its graph."""
    below = {id(part): part for part in owner._sublayers()}
    for name, value in attributes(owner):
        if id(value) in below:
            yield name, below.pop(id(value))
        elif isinstance(value, (list, tuple, dict, set, frozenset)):
            for position, item in enumerate(inside(value)):
                if id(item) in below:
                    yield f"{name}.{position}", below.pop(id(item))
    yield from ((f"layers.{n}", part) for n, part in enumerate(below.values()))


def set_trainable(layer: Any, value: bool) -> None:
    """Say whether a layer learns, without a word to the layers below."""
    layer._trainable = bool(value)
    for variable in layer._own_variables():
        if variable.made_trainable:  # running statistics stay what they are
            variable.trainable = bool(value)


def frozen_parts(layer: Any) -> list[str] | None:
    """The places of frozen parts that its config does not tell of; None if it tells all."""
    parts = parts_of(layer, hidden_only=True)
    if layer.trainable and all(part.trainable for part in parts.values()):
        return None
    return [place for place, part in parts.items() if not part.trainable] if parts else None


def freeze_parts(layer: Any, places: Any) -> None:
    """Freeze the parts at these places and no others; where nothing is noted, as the layer is.

    Args:
        layer: just made from its config.
        places: what `frozen_parts` gave, or None.
    """
    parts = parts_of(layer, hidden_only=True)
    if isinstance(places, (list, tuple)):
        named = set(map(str, places))
        for place, part in parts.items():
            set_trainable(part, place not in named)
    elif not layer.trainable:
        for part in parts.values():
            set_trainable(part, False)
    layer._frozen_from_start = False


def freeze_alike(source: Any, twin: Any) -> None:
    """Freeze in a twin what is frozen in its source, at the same places."""
    parts = parts_of(twin)
    set_trainable(twin, source.trainable)
    for place, part in parts_of(source).items():
        if place in parts:
            set_trainable(parts[place], part.trainable)
    twin._frozen_from_start = False


def before_build(layer: Any) -> frozenset[int] | None:
    """The parts of a frozen layer that keep what was said of them; None if it learns."""
    if layer._trainable:
        return None
    return frozenset() if layer._frozen_from_start else frozenset(map(id, layer._flatten_layers()))


def after_build(layer: Any, kept: frozenset[int] | None) -> None:
    """Freeze what a frozen layer has made in its `build`, and all of one that was made frozen."""
    if kept is not None:
        for part in layer._flatten_layers(include_self=False):
            if id(part) not in kept:
                set_trainable(part, False)
        layer._frozen_from_start = False
