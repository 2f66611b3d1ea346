"""Which fixes are applied by a test, and that none names what does not exist."""

import collections
import re
import sys

import numpy
import numpy.lib.recfunctions
import pytest

import cornu as keras
from cornu import errors
from cornu.findings import Finding
from fixes.applying import run
from fixes.inventory import SOURCE, sites, texts
from fixes.tables import TABLES

# How many places give a fix that no program applies: prose, or code that is not tried yet. Names
# that are like others are left out, as one mechanism that several programs apply. It may only fall;
# 131 came with the preprocessing layers, augmentation and data sets, and wait for their programs.
MOST_NOT_APPLIED = 476

NAMESPACES = {
    name: getattr(keras, name)
    for name in (
        "activations", "callbacks", "config", "constraints", "datasets", "initializers", "layers",
        "losses", "metrics", "mixed_precision", "models", "ops", "optimizers", "quantizers",
        "random", "regularizers", "saving", "utils",
    )
} | {"keras": keras, "cornu": keras, "numpy": numpy}  # fmt: skip
DOTTED = re.compile(r"(?<![\w.])(" + "|".join(NAMESPACES) + r")((?:\.[A-Za-z_]\w*)+)")
METHODS = re.compile(r"\bmodel\.([a-z_]+)\(")
CLASSES = re.compile(r"(?<![\w.'\"])([A-Z][a-z]\w+)\(")
# Classes of other libraries, and what stands for a class of the user.
OTHERS = {"DataLoader", "Layer", "MyLayer", "PyDataset"}


def missing_names(text):
    """The names in a text that the library does not have."""
    for root, path in DOTTED.findall(text):
        found = NAMESPACES[root]
        for part in path.strip(".").split("."):
            found = getattr(found, part, None)
        if found is None:
            yield root + path
    yield from (f"model.{m}" for m in METHODS.findall(text) if not hasattr(keras.Sequential, m))
    for name in CLASSES.findall(text):
        known = any(hasattr(n, name) for n in NAMESPACES.values())
        if not known and name not in OTHERS:
            yield name


@pytest.mark.parametrize(("file", "parts"), texts().items(), ids=texts())
def test_a_fix_names_only_what_exists(file, parts):
    missing = [name for part in parts for name in missing_names(part)]
    assert not missing, f"{file} names {missing}"


def test_names_that_do_not_exist_are_found():
    text = "keras.layers.Nothing(1) or utils.nothing, model.nothing(x), Nothing(3)"
    assert list(missing_names(text)) == [
        "keras.layers.Nothing", "utils.nothing", "model.nothing", "Nothing",
    ]  # fmt: skip


@pytest.fixture(scope="module")
def met():
    """The sites of the fixes that the programs meet."""
    known = collections.defaultdict(list)
    for site in sites():
        known[site.file].append(site)
    found = set()
    original, make = errors.explain, Finding.__init__

    def note(frame):
        while frame is not None:
            file = frame.f_code.co_filename.partition(f"{SOURCE.name}/")[2]
            hits = [s for s in known.get(file, ()) if s.first <= frame.f_lineno <= s.last]
            if hits:
                found.add(hits[-1])
                break
            frame = frame.f_back

    def recorder(what, *, fix=None, **facts):
        if fix is not None:
            note(sys._getframe(1))
        return original(what, fix=fix, **facts)

    def make_finding(self, *args, **kwargs):  # its message is built later, somewhere else
        make(self, *args, **kwargs)
        if self.fix is not None:
            note(sys._getframe(1))

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Finding, "__init__", make_finding)
        for name, module in list(sys.modules.items()):
            if name.startswith("cornu.") and vars(module).get("explain") is original:
                patched.setattr(module, "explain", recorder)
        for programs in TABLES.values():
            for program in programs.values():
                run(program.source)
    return found


def test_fewer_and_fewer_fixes_are_not_applied(met):
    rest = [site for site in sites() if site not in met and not site.suggests]
    counted = collections.Counter(site.package for site in rest)
    assert len(rest) <= MOST_NOT_APPLIED, f"write a program for the new ones: {counted}"
    assert len(met) >= 90
