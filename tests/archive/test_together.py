import json
import os
from pathlib import Path

import pytest

from cornu.archive.atomic import LIST
from cornu.archive.together import Pending, replace_together, unfinished
from cornu.errors import UnsafeFileError


def texts(**contents):
    return [
        (name, lambda path, text=text: path.write_text(text)) for name, text in contents.items()
    ]


class Cut(BaseException):
    """The process ends here."""


def saved_up_to(folder, monkeypatch, renames):
    """A save over an older one that ends at a rename, the first of which is that of the list."""
    replace_together(folder, texts(a="old", b="old", c="old"))
    replace, done = Path.replace, []

    def counted(self, target):
        if len(done) == renames:
            raise Cut
        done.append(target)
        return replace(self, target)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", counted)
        with pytest.raises(Cut):
            replace_together(folder, texts(a="new", b="new"), removed=["c"])


def read(folder):
    pending = Pending(folder)
    names = pending.names(sorted(p.name for p in folder.iterdir()))
    return {name: (folder / pending.place(name)).read_text() for name in names}


@pytest.mark.parametrize("renames", [0, 1, 2])
def test_whoever_reads_meets_all_old_files_or_all_new_ones(tmp_path, monkeypatch, renames):
    saved_up_to(tmp_path, monkeypatch, renames)
    old, new = dict.fromkeys("abc", "old"), dict.fromkeys("ab", "new")
    assert read(tmp_path) == (new if renames else old)
    unfinished(tmp_path).finish()
    assert {p.name: p.read_text() for p in tmp_path.iterdir()} == (new if renames else old)


def test_the_next_save_finishes_the_last_one(tmp_path, monkeypatch):
    saved_up_to(tmp_path, monkeypatch, 2)
    replace_together(tmp_path, texts(a="next"))
    assert {p.name: p.read_text() for p in tmp_path.iterdir()} == {"a": "next", "b": "new"}


def test_no_file_is_written_through_a_link(tmp_path):
    (tmp_path / "mine").write_text("mine")
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "a").symlink_to(tmp_path / "mine")
    with pytest.raises(UnsafeFileError, match="symbolic link"):
        replace_together(folder, texts(b="new", a="new"))
    with pytest.raises(UnsafeFileError, match="symbolic link"):
        replace_together(folder, texts(b="new"), removed=["a"])
    assert (tmp_path / "mine").read_text() == "mine"


HOSTILE = [
    {"files": {"a": "../x"}, "removed": []},
    {"files": {"a": "b"}, "removed": []},
    {"files": {"../a": "../.a.abcdefgh.cornu-tmp"}, "removed": []},
    {"files": {}, "removed": ["../a"]},
    {"files": {}, "removed": [["a"]]},
    {"files": [], "removed": []},
    [],
]


@pytest.mark.parametrize("content", HOSTILE, ids=str)
def test_a_list_from_a_stranger_is_refused_and_a_save_removes_it(tmp_path, content):
    folder = tmp_path / "folder"
    folder.mkdir()
    (tmp_path / "a").write_text("mine")
    (folder / LIST).write_text(json.dumps(content))
    with pytest.raises(ValueError, match="cornu-commit|member"):
        Pending(folder)
    replace_together(folder, texts(a="new"))
    assert os.listdir(folder) == ["a"] and (tmp_path / "a").read_text() == "mine"
