"""Saves over old files in processes that are killed, interrupted, or find the disk full.

    python kills.py [--kills 150] [--full 100] [--seed 1] [--trainings 50]

Each attempt is a fork of this process that saves a new value over an old one. What happens to it
is drawn, and the same for the same seed:

    call        SIGKILL at the n-th call of a function, of Python or of C
    byte        killed in the system call that writes the n-th byte of a file
    interrupt   KeyboardInterrupt at the n-th call
    limit       no byte of a file can be written beyond the n-th
    full        the n-th call that writes, renames, flushes, ... finds no space

Afterwards the file has the old value or the new one, whole; and the next save goes well and leaves
nothing else behind. Prints what happened as JSON, and fails at the first that is wrong.
"""

import argparse
import collections
import errno
import json
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import traceback
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from cornu.archive.atomic import LIST
from disks.writers import writers

KILLS, FULL = ("call", "byte", "interrupt"), ("limit", "full")
DISK = {"write", "fsync", "replace", "rename", "mkdir", "truncate", "chmod", "flush"}
DONE, STOPPED, WRONG = 0, 3, 4
OLD, NEW, NEXT = 2, 3, 4


def forked(do):
    """How a process ended that does something; what it says is printed if that is wrong."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    signal.alarm(120)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    code = WRONG
    try:
        code = do()
    except KeyboardInterrupt:
        code = STOPPED
    except BaseException:
        traceback.print_exc()
    finally:
        sys.setprofile(None)
        sys.stderr.flush()
        os._exit(code)


def at_call(number, act, names=None):
    """Let something happen at the n-th call of a function, or of those with some names."""
    left = [number]

    def count(frame, event, argument):
        if event == "c_call" if names else event in ("call", "c_call"):
            if names and getattr(argument, "__name__", "") not in names:
                return
            left[0] -= 1
            if left[0] == 0:
                act()

    sys.setprofile(count)
    return left


def calls_of(save, names=None):
    """How many calls a save makes."""
    read, write = os.pipe()

    def counting():
        left = at_call(0, lambda: None, names)
        save()
        sys.setprofile(None)
        os.write(write, str(-left[0]).encode())
        return DONE

    assert forked(counting) == DONE
    return int(os.read(read, 100))


def attempt(writer, place, how, number):
    """One save to which something happens."""

    def save():
        def kill():
            os.kill(os.getpid(), signal.SIGKILL)

        def interrupt():
            raise KeyboardInterrupt

        def full():
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        if how in ("byte", "limit"):
            signal.signal(signal.SIGXFSZ, signal.SIG_DFL if how == "byte" else signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (number, number))
        elif how == "full":
            at_call(number, full, DISK)
        else:
            at_call(number, kill if how == "call" else interrupt)
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            try:
                writer.write(place, NEW)
            except OSError as error:
                # Ours, and for callbacks only before the first step.
                assert "could not" in str(error) and error.errno, error
                return STOPPED
        if how == "limit" and writer.warns and told:
            assert "training goes on" in str(told[-1].message), told[-1]
        return DONE

    return forked(save)


def files_in(place):
    return sorted(p.relative_to(place).as_posix() for p in place.rglob("*"))


def leftovers(names):
    return [n for n in names if "cornu-tmp" in n or "cornu-commit" in n]


def try_out(writer, folder, ways, attempts, chance):
    """So many attempts of one writer; how often which ended how."""
    begun = folder / writer.name
    begun.mkdir()
    writer.prepare(OLD)
    writer.write(begun, OLD)
    assert writer.read(begun) == OLD
    largest = max(p.stat().st_size for p in begun.rglob("*") if p.is_file())
    scratch = folder / f"{writer.name}.counted"
    shutil.copytree(begun, scratch)
    writer.prepare(NEW)
    calls = calls_of(lambda: writer.write(scratch, NEW))
    of_disk = calls_of(lambda: writer.write(scratch, NEW), DISK)
    ends = collections.Counter()
    for number in range(attempts):
        how = ways[number % len(ways)]
        most = {"call": calls, "interrupt": calls, "full": of_disk}.get(how, int(largest * 1.2) + 2)
        at = chance.randint(0 if how == "limit" else 1, most)
        place = folder / f"{writer.name}.{number}"
        shutil.copytree(begun, place)
        what = f"{writer.name}: {how} at {at}"
        writer.prepare(NEW)
        end = attempt(writer, place, how, at)
        assert end in (DONE, STOPPED, -signal.SIGKILL, -signal.SIGXFSZ), (what, end)
        left = writer.read(place)
        assert left in (OLD, NEW) or left in writer.between and left < NEW, (what, left)
        assert end != DONE or left == NEW or writer.warns, (what, "was done, and is not there")
        if how in FULL and not (place / writer.name / LIST).exists():
            assert not leftovers(files_in(place)), (what, files_in(place))
        writer.prepare(NEXT)
        writer.write(place, NEXT)
        assert writer.read(place) == NEXT, (what, "and a save after it")
        assert not leftovers(files_in(place)), (what, files_in(place))
        ended = "done" if end == DONE else "stopped" if end == STOPPED else "killed"
        ends[f"{how}: {ended}, {'new' if left == NEW else 'old' if left == OLD else 'part'}"] += 1
        shutil.rmtree(place)
    return ends


def main(kills, full, seed):
    everything = writers()
    result = {"kills": 0, "full disks": 0}
    with tempfile.TemporaryDirectory() as made:
        for writer in everything:
            chance = random.Random(f"{seed} {writer.name}")
            ends = collections.Counter()
            for name, ways, total in (("kills", KILLS, kills), ("full disks", FULL, full)):
                attempts = -(-total // len(everything))
                folder = Path(made, f"{writer.name} {name}")
                folder.mkdir()
                found = try_out(writer, folder, ways, attempts, chance)
                result[name] += sum(n for end, n in found.items() if "done" not in end)
                ends += found
            result[writer.name] = dict(sorted(ends.items()))
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=260)
    parser.add_argument("--full", type=int, default=160)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    main(options.kills, options.full, options.seed)
