"""What a program can tell of Cornu is what it can tell of Keras, but for what is listed.

See `walk.py` for what is compared, `scenes.py` and `mistakes.py` for on what, and `differences.py`
for what is meant to differ.
"""

from fnmatch import fnmatchcase

import pytest

from compat.agreement.areas import AREAS, differences
from compat.agreement.differences import DIFFERENCES
from compat.agreement.walk import every_name

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


def test_the_whole_api_is_walked():
    assert len(every_name()) > 1000
