"""What a program can tell of Cornu is what it can tell of Keras, but for what is listed.

See `walk.py` for what is compared, `scenes.py` and `mistakes.py` for on what, and `differences.py`
for what is meant to differ.
"""

import re
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from compat.agreement.areas import AREAS, differences
from compat.agreement.differences import DIFFERENCES
from compat.agreement.walk import every_name

PAGE = Path(__file__).parents[3] / "docs" / "compatibility.md"
PATTERNS = [(key, row.line) for row in DIFFERENCES for key in row.keys]


@pytest.mark.parametrize("area", AREAS)
def test_every_difference_is_listed(area):
    found = differences(area)
    unlisted = [f for f in found if not any(fnmatchcase(f.key, key) for key, _ in PATTERNS)]
    assert not unlisted, "\n" + "\n".join(map(str, unlisted))


def test_every_listed_difference_is_there():
    keys = [f.key for area in AREAS for f in differences(area)]
    gone = [key for key, _ in PATTERNS if not any(fnmatchcase(k, key) for k in keys)]
    assert not gone


def listed():
    """The part of the page that stands for the list; run this file to write it there."""
    return "\n\n" + "\n".join(f"- {row.line}" for row in DIFFERENCES) + "\n\n"


MARKED = re.compile(r"(?<=<!-- differences -->).*?(?=<!-- end of differences -->)", re.DOTALL)


def test_the_page_holds_the_list():
    assert MARKED.search(PAGE.read_text())[0] == listed()


def test_the_whole_api_is_walked():
    assert len(every_name()) > 1000


if __name__ == "__main__":
    PAGE.write_text(MARKED.sub(lambda _: listed(), PAGE.read_text()))
