"""Gray images as text, for looking at a digit in a terminal.

A character cell is about twice as tall as wide, so each one shows two cells of the picture, one
above the other:

    upper  lower     drawn
    equal  equal     a shade:  blank ░ ▒ ▓ █        by their mean
    light  dark      ▀                              where they differ by more than a half
    dark   light     ▄

Light is drawn as ink, which is right on the dark background of most terminals, and shows the
strokes of a digit on any. Streams that cannot encode these characters get `.:-=+*#%@`.
"""

import itertools
import sys
from collections.abc import Sequence
from typing import TextIO

import numpy as np
from numpy.typing import ArrayLike

from cornu import errors
from cornu.reports import screen

SHADES = " ░▒▓█"
UPPER, LOWER = "▀", "▄"
PLAIN_SHADES = " .:-=+*#%@"
SMALL = 20  # images narrower than this get two characters a pixel


def draw_image(pixels: ArrayLike, width: int | None = None, *, stream: TextIO | None = None) -> str:
    """Draw a gray image with characters, the largest value as full ink.

    Args:
        pixels: `(height, width)` or `(height, width, 1)`, numbers or booleans. Blank stands for
            the smallest value or 0, whichever is less.
        width: characters per line. If None, one per pixel (two if the image is less than 20 wide),
            and at most the width of `stream`.
        stream: stream to which the text is printed, which decides about the characters; standard
            output if None.

    Returns:
        Lines of equal length, joined; about half as many as they are long for a square image.

    Raises:
        ValueError: the image is not of this shape, is empty, or holds NaN or infinity.

    Example:

        >>> import io
        >>> cross = [[0, 9, 0, 9], [0, 0, 9, 0], [0, 9, 0, 9], [9, 9, 9, 9]]
        >>> print(draw_image(cross, width=4, stream=io.StringIO()).replace(" ", "."))
        .▀▄▀
        ▄█▄█
    """
    stream = sys.stdout if stream is None else stream
    image = _grey(pixels)
    height, across = image.shape
    if width is None:
        width = min(across * (2 if across < SMALL else 1), screen.columns(stream))
    if width < 1:
        raise errors.value_error(f"width must be >= 1, got {width}.")
    rows = max(1, round(height / across * width / 2))
    cells = _resized(image, 2 * rows, width)
    upper, lower = cells[0::2], cells[1::2]  # (rows, width)
    mean = (upper + lower) / 2

    fancy = screen.can_write(stream, SHADES + UPPER + LOWER)
    shades = np.array(list(SHADES if fancy else PLAIN_SHADES))
    drawn = shades[np.minimum((mean * len(shades)).astype(int), len(shades) - 1)]
    if fancy:
        drawn = np.where(upper - lower > 0.5, UPPER, drawn)
        drawn = np.where(lower - upper > 0.5, LOWER, drawn)
    return "\n".join("".join(line) for line in drawn)


def side_by_side(
    pictures: Sequence[str],
    captions: Sequence[str] | None = None,
    *,
    width: int | None = None,
    gap: int = 2,
) -> str:
    """Arrange drawn pictures in rows, with captions centered below.

    Args:
        pictures: texts of any size, such as `draw_image` returns.
        captions: one text per picture, of one or several lines.
        width: characters per line; the width of the standard output if None.
        gap: number of blanks between two pictures.

    Example:

        >>> print(side_by_side(["##\\n##", "/\\\\\\n\\\\/"], ["box", "gem"], width=20))
        ##   /\\
        ##   \\/
        box  gem
    """
    captions = [""] * len(pictures) if captions is None else list(captions)
    if len(captions) != len(pictures):
        raise errors.value_error(
            f"There are {len(pictures)} pictures and {len(captions)} captions."
        )
    width = screen.columns(sys.stdout) if width is None else width
    blocks = [_block(p, c) for p, c in zip(pictures, captions, strict=True)]

    rows: list[list[list[str]]] = []
    used = 0
    for block in blocks:
        across = len(block[0])
        if rows and used + gap + across <= width:
            rows[-1].append(block)
            used += gap + across
        else:
            rows.append([block])
            used = across
    return "\n\n".join(_joined(row, " " * gap) for row in rows)


def _block(picture: str, caption: str) -> list[str]:
    """Picture and caption as lines of equal length, each centred as a whole."""
    lines, under = picture.split("\n"), caption.split("\n") if caption else []
    across = max(map(len, [*lines, *under]))
    inner = max(map(len, lines))
    return [f"{line.ljust(inner):^{across}}" for line in lines] + [f"{c:^{across}}" for c in under]


def _joined(blocks: Sequence[Sequence[str]], gap: str) -> str:
    """Blocks next to each other, tops aligned."""
    sizes = [len(block[0]) for block in blocks]
    lines = []
    for parts in itertools.zip_longest(*blocks, fillvalue=""):
        line = gap.join(part.ljust(size) for part, size in zip(parts, sizes, strict=True))
        lines.append(line.rstrip())
    return "\n".join(lines)


def _grey(pixels: ArrayLike) -> np.ndarray:
    """The image as floats between 0 and 1."""
    image = np.asarray(pixels)
    if image.ndim == 3 and image.shape[-1] == 1:
        image = image[..., 0]
    if image.ndim != 2 or 0 in image.shape or image.dtype.kind not in "biuf":
        batch = image.ndim >= 3 and image.shape[-1] not in (3, 4)
        raise errors.value_error(
            "An image must hold numbers in the shape (height, width).",
            received=f"shape {image.shape}, dtype {image.dtype}",
            fix="pass one image: x[0]." if batch else "pass gray pixels, such as x.mean(-1).",
        )
    image = image.astype(np.float64)
    if not np.isfinite(image).all():
        raise errors.value_error(
            f"The image holds {np.sum(~np.isfinite(image))} values that are NaN or infinite.",
            fix="draw np.nan_to_num(image).",
        )
    low, high = min(0.0, image.min()), image.max()
    return (image - low) / (high - low) if high > low else np.zeros_like(image)


def _resized(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """Means over equal parts: a pixel counts by how much of it lies in the part."""
    return _parts(height, image.shape[0]) @ image @ _parts(width, image.shape[1]).T


def _parts(parts: int, size: int) -> np.ndarray:
    """`(parts, size)`: how much each of `size` pixels weighs in each of `parts` equal stretches."""
    ends = np.linspace(0, size, parts + 1)
    starts, stops = ends[:-1, None], ends[1:, None]
    pixel = np.arange(size)
    overlap = np.minimum(stops, pixel + 1) - np.maximum(starts, pixel)
    return np.clip(overlap, 0, None) * parts / size
