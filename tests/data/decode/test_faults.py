"""Files that cannot be read are named, skipped and counted; reading never hangs."""

import os
import pickle

import pytest

from cornu.data.decode import faults
from cornu.data.decode.faults import Faults, UnreadableFileError, read_file
from cornu.data.skip import SkipElement


def broken(data):
    raise SyntaxError("broken PNG file")


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(b"x")
    with pytest.raises(UnreadableFileError, match=r"a.png cannot be read as an image") as caught:
        Faults("raise", "an image").read(str(path), broken)
    assert "broken PNG file" in str(caught.value) and "on_error='skip'" in str(caught.value)


def test_skipped_files_are_counted_and_the_first_gives_a_warning(tmp_path):
    skipping = Faults("skip", "an image")
    with pytest.warns(UserWarning, match="a.png cannot be read") as caught:
        for name in ("a.png", "b.png", "a.png"):
            with pytest.raises(SkipElement):
                skipping.read(str(tmp_path / name), len)
    assert len(caught) == 1
    assert [os.path.basename(path) for path in skipping.skipped] == ["a.png", "b.png"]
    assert list(pickle.loads(pickle.dumps(skipping)).skipped) == list(skipping.skipped)


def test_pipes_and_huge_files_are_refused_at_once(tmp_path, monkeypatch):
    pipe = tmp_path / "pipe.jpg"
    os.mkfifo(pipe)
    with pytest.raises(ValueError, match="not a regular file"):
        read_file(str(pipe))
    monkeypatch.setattr(faults, "MAX_FILE_BYTES", 10)
    (tmp_path / "large").write_bytes(bytes(11))
    with pytest.raises(ValueError, match="at most 10 bytes"):
        read_file(str(tmp_path / "large"))


def test_what_is_no_fault_of_the_file_passes():
    with pytest.raises(ImportError), Faults("skip", "a sound").watching("a.flac"):
        raise ImportError("soundfile")
    with pytest.raises(ValueError, match="on_error must be"):
        Faults("ignore", "a sound")
