"""Which files are opened: regular ones, and none behind a link in a folder from elsewhere."""

import os

import numpy as np
import pytest

from cornu.archive.regular import open_regular, open_within
from cornu.archive.stores import H5Reader, ShardedReader, ShardedWriter
from cornu.callbacks import BackupAndRestore
from cornu.errors import UnsafeFileError


def test_a_regular_file_and_a_link_that_the_caller_names(tmp_path):
    (tmp_path / "file").write_bytes(b"content")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    for name in ("file", "link"):
        with open_regular(tmp_path / name, "The file") as file:
            assert file.read() == b"content"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes")
def test_what_is_no_regular_file_is_refused_without_waiting(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path):
        with pytest.raises(ValueError, match="not a regular file"):
            open_regular(path, "The file")
    with pytest.raises(FileNotFoundError, match="does not exist"):
        open_regular(tmp_path / "none", "The file")


@pytest.mark.parametrize("linked", ["a", "a/b"])
def test_links_within_a_folder(tmp_path, linked):
    """At any level; a link above the folder is the caller's own."""
    (tmp_path / "model" / "a").mkdir(parents=True)
    (tmp_path / "model" / "a" / "b").write_bytes(b"content")
    (tmp_path / "here").symlink_to(tmp_path / "model")
    with open_within(tmp_path / "here", "a/b") as file:
        assert file.read() == b"content"
    (tmp_path / "model" / linked).rename(tmp_path / "elsewhere")
    (tmp_path / "model" / linked).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UnsafeFileError, match=r"symbolic link(.|\n)*fix: .*cp -rL"):
        open_within(tmp_path / "model", "a/b")


def test_a_shard_and_a_backup_behind_links(tmp_path):
    with ShardedWriter(tmp_path / "m.weights.json", 1) as store:
        store.write("layers/dense", "h1", [np.ones(3, "float32")])
    shard = tmp_path / "m_00000.weights.h5"
    shard.rename(tmp_path / "elsewhere.h5")
    shard.symlink_to(tmp_path / "elsewhere.h5")
    with H5Reader(shard) as store:  # named by the caller
        assert store.paths() == ["layers/dense"]
    with pytest.raises(UnsafeFileError, match="symbolic link"):
        ShardedReader(tmp_path / "m.weights.json")
    (tmp_path / "latest.h5").symlink_to(shard)
    with pytest.raises(UnsafeFileError, match="symbolic link"):
        BackupAndRestore(tmp_path).on_train_begin()
