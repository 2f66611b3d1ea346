import errno
import os
import signal
import stat
import subprocess
import sys

import pytest

from cornu.archive.atomic import atomic_write, temporary_file, temporary_folder

LEFT = """
import os, signal, sys
from pathlib import Path
from cornu.archive.atomic import temporary_file, temporary_folder
with temporary_file(Path(sys.argv[1])) as file, temporary_folder(Path(sys.argv[1])) as folder:
    (folder / "part").write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_new_content_replaces_old(tmp_path):
    path = tmp_path / "model.keras"
    path.write_text("old")
    with atomic_write(path) as temporary:
        assert temporary.parent == tmp_path
        temporary.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert os.listdir(tmp_path) == ["model.keras"]


@pytest.mark.parametrize("failure", [RuntimeError, KeyboardInterrupt])
def test_the_old_file_survives_a_failure(tmp_path, failure):
    path = tmp_path / "model.keras"
    path.write_text("old")
    with pytest.raises(failure), atomic_write(path) as temporary:
        temporary.write_text("half")
        raise failure
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["model.keras"]


def test_a_missing_directory_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError), atomic_write(tmp_path / "no" / "x"):
        pass


@pytest.mark.skipif(os.name != "posix", reason="permissions and links of POSIX")
def test_permissions_and_links_stay(tmp_path):
    real, link, new = tmp_path / "real", tmp_path / "link", tmp_path / "new"
    real.write_text("old")
    real.chmod(0o640)
    link.symlink_to(real)
    with atomic_write(link) as temporary:
        temporary.write_text("new")
    assert link.is_symlink() and real.read_text() == "new"
    assert stat.S_IMODE(real.stat().st_mode) == 0o640

    before = os.umask(0o027)
    try:
        with atomic_write(new) as temporary:
            temporary.write_text("x")
    finally:
        os.umask(before)
    assert stat.S_IMODE(new.stat().st_mode) == 0o640


def test_a_name_of_the_greatest_length(tmp_path):
    path = tmp_path / ("x" * 250)
    with atomic_write(path) as temporary:
        temporary.write_text("x")
    assert path.read_text() == "x"


@pytest.mark.skipif(os.name != "posix", reason="locks of POSIX")
def test_what_a_killed_process_left_is_removed_and_nothing_else(tmp_path):
    path = tmp_path / "model.keras"
    mine = [".model.keras.notes.cornu-tmp", ".other.keras.abcdefgh.cornu-tmp", ".model.keras.tmp"]
    for name in mine:
        (tmp_path / name).write_text("mine")
    done = subprocess.run([sys.executable, "-c", LEFT, str(path)])
    assert done.returncode == -signal.SIGKILL
    assert len(os.listdir(tmp_path)) == len(mine) + 3
    with temporary_file(path) as alive, temporary_folder(path) as folder:
        with atomic_write(path) as temporary:
            temporary.write_text("new")
        assert alive.exists() and folder.exists()  # they belong to a process that lives
    assert sorted(os.listdir(tmp_path)) == sorted([*mine, "model.keras"])


@pytest.mark.parametrize(
    "number, told", [(errno.ENOSPC, "free some space"), (errno.EDQUOT, "quota"), (errno.EIO, "")]
)
def test_an_error_says_what_was_kept_and_what_to_do(tmp_path, number, told):
    path = tmp_path / "model.keras"
    path.write_text("old")
    said = "model.keras' could not be written"
    with pytest.raises(OSError, match=said) as caught, atomic_write(path):
        raise OSError(number, os.strerror(number))
    assert caught.value.errno == number and told in str(caught.value)
    assert path.read_text() == "old" and os.listdir(tmp_path) == ["model.keras"]


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
@pytest.mark.skipif(os.name == "posix" and os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written_to(tmp_path):
    tmp_path.chmod(0o500)
    try:
        said = "a folder that you may write to"
        with pytest.raises(PermissionError, match=said), atomic_write(tmp_path / "x"):
            pass
    finally:
        tmp_path.chmod(0o700)


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_system_calls_that_are_interrupted_are_begun_again(tmp_path):
    path, heard = tmp_path / "model.keras", []
    before = signal.signal(signal.SIGALRM, lambda *_: heard.append(1))
    signal.siginterrupt(signal.SIGALRM, True)
    signal.setitimer(signal.ITIMER_REAL, 1e-4, 1e-4)
    try:
        for _ in range(20):
            with atomic_write(path) as temporary:
                temporary.write_bytes(bytes(2**20))
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert heard and path.stat().st_size == 2**20
