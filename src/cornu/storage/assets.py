"""Assets: files that layers save beside their weights, such as vocabularies.

    layer.save_assets(directory)   writes files   ->   members  assets/layers/lookup/vocabulary.txt
    layer.load_assets(directory)   reads them     <-   of its own path only

A member is never unpacked to a place that an archive names: each layer that asks gets a fresh
directory, and what is below its path is copied there under checked relative names. Layers of the
library say which files they read, and get their bytes.
"""

import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from cornu.archive.safezip import check_member_name
from cornu.core.objects.registry import is_builtin
from cornu.errors import UnsafeFileError, make_error

FOLDER = "assets"
MAX_BYTES = 4 * 2**30


def save_assets(objects: Mapping[str, Any], folder: Path) -> list[tuple[str, Path]]:
    """Let objects write their assets below `folder`; returns names of members and files.

    Args:
        objects: dict from the path of an object in the file to the object.
        folder: empty directory.
    """
    members = []
    for number, (path, obj) in enumerate(objects.items()):
        if not hasattr(obj, "save_assets"):
            continue
        place = folder / str(number)
        place.mkdir()
        obj.save_assets(str(place))
        for file in sorted(f for f in place.rglob("*") if f.is_file()):
            inner = file.relative_to(place).as_posix()
            name = "/".join(part for part in (FOLDER, path, inner) if part)
            members.append((check_member_name(name), file))
    return members


def load_assets(
    objects: Mapping[str, Any],
    names: Iterable[str],
    copy: Callable[[str, Path], int],
    read: Callable[[str], bytes],
) -> None:
    """Load the assets of objects.

    Args:
        objects: dict from the path of an object in the file to the object.
        names: names of all members.
        copy: function that writes a member to a path and returns its size in bytes.
        read: function that returns the bytes of a member.

    Raises:
        UnsafeFileError: the assets are too large.
        ValueError: the name of a member is not a file name.
    """
    names, total = dict.fromkeys(names), 0
    for path, obj in objects.items():
        if not hasattr(obj, "load_assets"):
            continue
        prefix = f"{FOLDER}/{path}/" if path else f"{FOLDER}/"
        if is_builtin(type(obj).load_assets):
            found = [n for n in obj._asset_names if prefix + n in names]
            obj._read_assets({n: read(prefix + n) for n in found})
            continue
        with tempfile.TemporaryDirectory() as made:
            for name in (n for n in names if n.startswith(prefix) and not n.endswith("/")):
                inner = check_member_name(name.removeprefix(prefix))
                target = Path(made, inner)
                target.parent.mkdir(parents=True, exist_ok=True)
                total += copy(name, target)
                if total > MAX_BYTES:
                    raise make_error(
                        UnsafeFileError,
                        "The assets of the file are too large.",
                        limit=f"{MAX_BYTES} bytes",
                    )
            obj.load_assets(made)
