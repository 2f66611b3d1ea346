"""Pictures as text."""

import io

import numpy as np
import pytest

from cornu.reports.picture import draw_image, side_by_side


def draw(image, width=None):
    return draw_image(image, width, stream=io.StringIO())


def test_two_pixels_above_each_other_share_a_character():
    assert draw([[1, 0, 1, 0], [0, 1, 1, 0]], width=4) == "▀▄█ "


def test_grey_is_a_shade():
    image = np.repeat([[0.0, 0.3, 0.5, 0.7, 1.0]], 2, axis=0)
    assert draw(image, width=5) == " ░▒▓█"


def test_a_digit_takes_one_character_a_pixel_and_half_the_lines():
    lines = draw(np.eye(28)).split("\n")
    assert len(lines) == 14 and {len(line) for line in lines} == {28}


def test_a_small_image_is_drawn_twice_as_large():
    lines = draw(np.eye(8)).split("\n")
    assert len(lines) == 8 and {len(line) for line in lines} == {16}
    assert lines[0].startswith("██ ")


def test_any_range_of_values_and_a_channel_axis():
    image = np.array([[0, 8], [16, 0]])
    expected = draw(image)
    assert draw(image * 10.0) == expected
    assert draw(image[..., None].astype(np.uint8)) == expected


def test_negative_values_are_the_paper():
    assert draw([[-1.0, 1.0], [-1.0, 1.0]], width=2) == " █"


def test_blank_and_boolean_images():
    assert draw(np.zeros((4, 4)), width=4) == "    \n    "
    assert draw([[True, False], [True, False]], width=2) == "█ "


def test_shrinking_keeps_the_mean():
    image = np.zeros((8, 8))
    image[:, :4] = 1
    assert draw(image, width=4) == "\n".join(["██  "] * 2)


def test_an_ascii_stream_gets_ascii():
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    text = draw_image(np.linspace(0, 1, 64).reshape(8, 8), stream=stream)
    assert text.isascii() and "@" in text and "." in text


@pytest.mark.parametrize(
    ("image", "fix"),
    [
        (np.zeros((5, 28, 28)), r"x\[0\]"),
        (np.zeros((28, 28, 3)), r"x\.mean\(-1\)"),
        (np.zeros((0, 3)), "gray"),
        (np.array([["a"]]), "gray"),
        (np.array([[np.nan, 1.0]]), "nan_to_num"),
    ],
)
def test_what_is_no_image_is_refused(image, fix):
    with pytest.raises(ValueError, match=fix):
        draw(image)


def test_pictures_next_to_each_other_with_captions():
    text = side_by_side(["##\n##", "ooo"], ["a", "wide one"], width=40)
    assert text.split("\n") == ["##    ooo", "##  wide one", "a"]


def test_a_full_line_starts_a_new_row():
    text = side_by_side(["####"] * 5, width=10)
    assert text.split("\n\n") == ["####  ####", "####  ####", "####"]


def test_captions_must_be_as_many():
    with pytest.raises(ValueError, match="2 pictures and 1 captions"):
        side_by_side(["a", "b"], ["x"])
