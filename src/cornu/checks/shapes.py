"""Checks of the shape of an input, and the line of code that fixes it.

    model (None, 32, 32, 3), x (8, 3, 32, 32)   x = numpy.moveaxis(x, 1, -1)
    model (None, 28, 28, 1), x (8, 784)         x = x.reshape(len(x), 28, 28, 1)

Numbers are reshaped only where their order stays what it is: axes of the same sizes in another
order are moved instead.
"""

import math
from typing import NamedTuple

Sizes = tuple[int | None, ...]


class Misfit(NamedTuple):
    """What is wrong with a shape, and how to fix it."""

    what: str
    fix: str


def fits(shape: Sizes, expected: Sizes) -> bool:
    """Whether a shape has the expected axes, None standing for any size."""
    return len(shape) == len(expected) and all(
        e is None or s is None or s == e for s, e in zip(shape, expected, strict=True)
    )


def misfit(name: str, shape: Sizes, expected: Sizes, samples: int | None = None) -> Misfit | None:
    """What is wrong with an input of a model; None if nothing is.

    Args:
        name: name of the input in messages.
        shape: shape of the input, with the batch axis.
        expected: expected shape, with None for a free axis and for the batch.
        samples: number of labels, if any.

    Example:

        >>> print(misfit("x", (8, 3, 32, 32), (None, 32, 32, 3)).fix)
        x = numpy.moveaxis(x, 1, -1)
    """
    want, have = expected[1:], shape[1:]
    if fits(have, want):
        return None
    if want and want[-1] == 1 and fits(have, want[:-1]):  # a last axis of 1 is added ...
        return None
    if have and have[-1] == 1 and fits(have[:-1], want):  # ... or taken away by the model
        return None
    for look in (_batch_axis, _channel_axis, _order_of_axes, _order_of_numbers, _last_axis, _size):
        found = look(name, shape, expected, samples)
        if found is not None:
            return found
    return Misfit(
        f"{name} has another shape than the model expects.",
        f"make the model for this shape: keras.Input(shape={have})",
    )


def _batch_axis(name: str, shape: Sizes, expected: Sizes, samples: int | None) -> Misfit | None:
    want = expected[1:]
    if fits(shape, want):
        if samples is not None and samples == shape[0]:
            fix = f"keras.Input(shape={shape[1:]})\nor input_shape={shape[1:]}"
            if want[0] is None:
                fix += f"\none sample of {shape[0]} steps: x, y = x[None], y[None]"
            return Misfit(
                f"The input shape of the model, {want}, has an axis for the samples, where the "
                "shape of one sample belongs.",
                fix,
            )
        return Misfit(f"{name} has no batch axis.", f"{name} = {name}[None]")
    if len(want) >= 3 and want[-1] == 1 and fits(shape, want[:-1]):
        what = f"{name} has neither a batch axis nor a channel axis."
        return Misfit(what, f"{name} = {name}[None, ..., None]")
    return None


def _channel_axis(name: str, shape: Sizes, expected: Sizes, samples: int | None) -> Misfit | None:
    want, have = expected[1:], shape[1:]
    if len(want) < 3 or not fits(have, want[:-1]):
        return None
    fix = f"{name} = {name}[..., None]"
    if want[-1] is not None and want[-1] > 1:
        fix = f"{name} = numpy.repeat({name}[..., None], {want[-1]}, axis=-1)"
    return Misfit(f"{name} has no channel axis, which images need.", fix)


def _order_of_axes(name: str, shape: Sizes, expected: Sizes, samples: int | None) -> Misfit | None:
    """The sizes that are expected, in another order."""
    want, have = expected[1:], shape[1:]
    if len(have) != len(want) or None in want or sorted(map(str, have)) != sorted(map(str, want)):
        return None
    if fits((*have[1:], have[0]), want):
        what = f"{name} has its channels first, the model expects them last."
        if len(want) < 3:
            what = f"{name} has its two axes exchanged."
        return Misfit(what, f"{name} = numpy.moveaxis({name}, 1, -1)")
    if fits((have[-1], *have[:-1]), want):
        what = f"{name} has its channels last, the model expects them first."
        return Misfit(what, f"{name} = numpy.moveaxis({name}, -1, 1)")
    left, order = list(enumerate(have, 1)), [0]
    for size in want:
        axis = next(pair for pair in left if pair[1] == size)
        left.remove(axis)
        order.append(axis[0])
    return Misfit(
        f"{name} has the axes of the model in another order.",
        f"{name} = numpy.transpose({name}, {tuple(order)})",
    )


def _order_of_numbers(
    name: str, shape: Sizes, expected: Sizes, samples: int | None
) -> Misfit | None:
    """The same number of elements in other axes: one side is flat, or differs by sizes of 1."""
    want, have = expected[1:], shape[1:]
    if not want or None in want or None in have:
        return None
    if math.prod(s or 0 for s in have) != math.prod(s or 0 for s in want):
        return None
    long_want, long_have = ([s for s in sizes if s != 1] for sizes in (want, have))
    if long_want != long_have and min(len(long_want), len(long_have)) > 1:
        return None
    sizes = "".join(f", {size}" for size in want)
    fix = f"{name} = {name}.reshape(len({name}){sizes})"
    if len(long_have) == 1 and len(want) == 3 and want[-1] in (3, 4):
        planes = f"{name}.reshape(len({name}), {want[2]}, {want[0]}, {want[1]})"
        fix = f"pixel after pixel: {fix}\n"
        fix += f"channel after channel: {name} = numpy.moveaxis({planes}, 1, -1)"
    return Misfit(f"{name} has other axes than the model expects.", fix)


def _last_axis(name: str, shape: Sizes, expected: Sizes, samples: int | None) -> Misfit | None:
    want, have = expected[1:], shape[1:]
    if len(have) != len(want) or not want or not fits(have[:-1], want[:-1]):
        return None
    word = "features" if len(want) < 3 else "channels"
    plural = word if want[-1] != 1 else word[:-1]
    what = f"The model expects {want[-1]} {plural}, {name} has {have[-1]}."
    images = {
        (3, 1): f"{name} = {name}.mean(-1, keepdims=True)",
        (4, 1): f"{name} = {name}[..., :3].mean(-1, keepdims=True)",
        (1, 3): f"{name} = numpy.repeat({name}, 3, axis=-1)",
        (4, 3): f"{name} = {name}[..., :3]",
    }
    other = f"or make the model for these: keras.Input(shape={have})"
    last: tuple[int | None, int | None] = (have[-1], want[-1])
    if len(want) >= 3 and last in images:
        return Misfit(what, f"{images[last]}\n{other}")
    return Misfit(what, f"pass the {word} that the model was made for,\n{other}")


def _size(name: str, shape: Sizes, expected: Sizes, samples: int | None) -> Misfit | None:
    want, have = expected[1:], shape[1:]
    if len(have) == len(want) == 3 and have[-1] == want[-1] and None not in want:
        return Misfit(
            f"{name} holds images of {have[0]} x {have[1]}, the model expects "
            f"{want[0]} x {want[1]}.",
            f"{name} = keras.ops.image.resize({name}, {want[:2]})",
        )
    if len(want) == 1 and len(have) > 1:
        return Misfit(
            f"Each sample of {name} has {len(have)} axes, the model expects {want[0]} features.",
            f"make the model for this shape: keras.Input(shape={have}),\n"
            "and layers.Flatten() as its first layer",
        )
    return None
