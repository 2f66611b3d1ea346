"""The native kernels: built, tested and used where there is a compiler; else left alone."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cornu.kernels.conv import conv, conv_transpose
from cornu.kernels.native import build, calls, library
from cornu.kernels.platform import targeting
from cornu.kernels.window import Geometry

needs_compiler = pytest.mark.skipif(
    build.find_compiler() is None, reason="there is no C++ compiler on this machine"
)


def forget():
    """Look for the library anew."""
    library.library_path.cache_clear()
    library.lanes.cache_clear()


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A library in a home of its own; its lanes."""
    if build.find_compiler() is None:
        pytest.skip("there is no C++ compiler on this machine")
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CORNU_HOME", str(home))
        forget()
        path = build.build()
        assert path == library.library_path() and path.parent == home / "native"
        assert list(path.parent.iterdir()) == [path]  # nothing else is left
        yield library.load(path)
    forget()


@pytest.fixture
def native(built, monkeypatch):
    """The library in use."""
    monkeypatch.setattr(library, "lanes", lambda: built)


def normal(*shape, seed=0):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape).astype("float32"))


def steps(fn, *args):
    """Names of the custom calls in a program."""
    text = jax.jit(lambda *a: fn(*a)).lower(*args).as_text()
    return [name for name in library.CALLS for _ in range(text.count(f"@{name}("))]


def near(got, wanted):
    assert got.shape == wanted.shape and got.dtype == wanted.dtype
    assert np.abs(got - wanted).max() <= 2e-5 * np.abs(wanted).max()


def grads(x, k, **options):
    """The gradients of a function of the convolution that bends."""
    return jax.grad(lambda x, k: jnp.tanh(conv(x, k, **options) / 8).sum(), (0, 1))(x, k)


CASES = {
    # x, kernel, strides, padding
    "3x3 same": ((3, 9, 8, 16), (3, 3, 16, 32), 1, "same"),
    "3x3 valid": ((3, 9, 12, 16), (3, 3, 16, 16), 1, "valid"),
    "stride 2": ((3, 12, 11, 16), (3, 3, 16, 16), 2, "same"),
    "stride 2, valid, a row left over": ((2, 12, 13, 8), (3, 3, 8, 16), 2, "valid"),
    "even kernel": ((2, 9, 8, 12), (4, 2, 12, 48), 1, "same"),
    "three channels": ((2, 9, 8, 3), (3, 3, 3, 16), 1, "same"),
    "several strips": ((2, 90, 60, 32), (5, 5, 32, 16), 1, "same"),
    "one sample": ((1, 8, 8, 64), (3, 3, 64, 64), 1, "same"),
    "more samples than parts": ((37, 5, 5, 16), (3, 3, 16, 16), 1, "same"),
    "pads on one side": ((2, 6, 7, 16), (3, 3, 16, 16), 1, ((3, 0), (1, 4))),
}


@pytest.mark.parametrize("name", CASES)
def test_values_and_gradients_are_those_of_xla(name, built, monkeypatch):
    x_shape, k_shape, strides, padding = CASES[name]
    x, k = normal(*x_shape), normal(*k_shape, seed=1)
    options = {"strides": strides, "padding": padding}
    wanted = conv(x, k, **options), *grads(x, k, **options)
    monkeypatch.setattr(library, "lanes", lambda: built)
    assert steps(lambda x, k: conv(x, k, **options), x, k) == ["cornu_conv"]
    if x_shape[-1] >= calls.FEWEST_INPUTS:
        assert "cornu_conv_weights" in steps(lambda x, k: grads(x, k, **options), x, k)
    got = conv(x, k, **options), *grads(x, k, **options)
    for g, w in zip(got, wanted, strict=True):
        near(g, w)


def test_in_a_loop_under_vmap_and_twice_differentiated(native, built, monkeypatch):
    xs, k = normal(3, 2, 6, 6, 16), normal(3, 3, 16, 16, seed=1)

    def second(x):
        return jax.grad(lambda k: (grads(x, k)[0] ** 2).sum() + (grads(x, k)[1] ** 2).sum())(k)

    def looped(xs):
        return jax.lax.scan(lambda total, x: (total + conv(x, k).sum(), grads(x, k)[1]), 0.0, xs)

    found = jax.jit(looped)(xs), jax.vmap(lambda x: conv(x, k))(xs), second(xs[0])
    monkeypatch.setattr(library, "lanes", lambda: 0)
    wanted = jax.jit(lambda xs: looped(xs))(xs), jax.vmap(lambda x: conv(x, k))(xs), second(xs[0])
    for g, w in zip(jax.tree.leaves(found), jax.tree.leaves(wanted), strict=True):
        near(g, w)


def test_half_precision_is_computed_in_float32(native):
    x, k = normal(2, 6, 6, 16).astype("bfloat16"), normal(3, 3, 16, 16).astype("bfloat16")
    assert steps(conv, x, k) == ["cornu_conv"]
    wanted = conv(x.astype("float32"), k.astype("float32")).astype("bfloat16")
    np.testing.assert_array_equal(conv(x, k).astype("float32"), wanted.astype("float32"))


def test_the_same_numbers_in_every_run(native):
    x, k = normal(40, 12, 12, 16), normal(3, 3, 16, 16, seed=1)
    first, second = grads(x, k), grads(x, k)
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a, b)


def test_what_it_leaves_to_xla(native):
    x, k = normal(2, 8, 8, 16), normal(3, 3, 16, 16)
    assert not steps(lambda x, k: conv(x, k, dilation=2), x, k)
    assert not steps(lambda x, k: conv(x, k, (1, 2)), x, k)
    assert not steps(lambda x, k: conv_transpose(x, k, 2), x, k)
    assert not steps(conv, x, normal(3, 3, 16, 10))  # channels that fill no vector
    assert not steps(conv, x, normal(3, 3, 16, 128))
    assert not steps(conv, x[:, :, 0], k[0])  # one axis
    assert not steps(conv, x[:, :, :5], k)  # three columns
    assert steps(conv, x, k) == ["cornu_conv"]


def test_a_program_for_another_machine_does_not_use_it(native):
    with targeting("cpu"):
        assert not steps(conv, normal(2, 8, 8, 16), normal(3, 3, 16, 16))


def test_an_empty_batch(native):
    assert conv(normal(0, 8, 8, 16), normal(3, 3, 16, 16)).shape == (0, 6, 6, 16)


# ---- where it is not there -----------------------------------------------------------------------


def test_not_built_and_switched_off(tmp_path, monkeypatch):
    monkeypatch.setenv("CORNU_HOME", str(tmp_path))
    forget()
    assert library.lanes() == 0
    assert "cornu build-kernels" in library.describe()
    monkeypatch.setenv("CORNU_NATIVE", "off")
    assert library.describe() == "off by CORNU_NATIVE"
    geometry = Geometry((1, 1), ((0, 0), (0, 0)), (1, 1), (1, 1))
    assert not calls.takes_conv(normal(2, 8, 8, 16), normal(3, 3, 16, 16), geometry)


def test_without_a_compiler(monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CXX", raising=False)
    with pytest.raises(RuntimeError, match=r"no C\+\+ compiler.*\n.*install g\+\+"):
        build.build()
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(RuntimeError, match="CXX=no-such-compiler is not found"):
        build.build()


def script(path: Path, body: str) -> str:
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


@pytest.mark.skipif(os.name != "posix", reason="writes a shell script")
@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("echo 'error: no space left' >&2; exit 3", "compiler ended with 3(.|\n)*no space left"),
        ('for last; do :; done; echo nonsense > "$last"', "the test ended with 1"),
    ],
)
def test_what_fails_leaves_nothing_behind(tmp_path, monkeypatch, body, message):
    monkeypatch.setattr(library, "library_path", lambda: tmp_path / "native" / "x.so")
    monkeypatch.setattr(build, "library_path", library.library_path)
    monkeypatch.setenv("CXX", script(tmp_path / "compiler", body))
    with pytest.raises(RuntimeError, match=message):
        build.build()
    assert list((tmp_path / "native").iterdir()) == []


@needs_compiler
def test_a_library_that_computes_something_else_is_refused(tmp_path):
    source = tmp_path / "wrong.cc"
    source.write_text(library.SOURCE.read_text().replace("sum[t][v] += ", "sum[t][v] -= "))
    made = tmp_path / "wrong.so"
    options = [o for o in build.OPTIONS if o != "-O3"]
    compiler = build.find_compiler()
    include = jax.ffi.include_dir()
    subprocess.run([compiler, *options, "-I", include, source, "-o", made], check=True)
    command = [sys.executable, "-m", "cornu.kernels.native.check", str(made)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "largest difference" in done.stdout
