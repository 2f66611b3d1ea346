"""Caches of their own for the data sets of each test, and none of the user's."""

import types

import pytest


@pytest.fixture
def places(tmp_path, monkeypatch):
    """Where files are looked for: folders `own`, `cornu` and `keras`, all of them empty."""
    monkeypatch.setenv("CORNU_DATA", str(tmp_path / "own"))
    monkeypatch.setenv("CORNU_HOME", str(tmp_path / "cornu"))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    folders = {name: tmp_path / name for name in ("own", "cornu", "keras")}
    for folder in folders.values():
        (folder / "datasets").mkdir(parents=True)
    return types.SimpleNamespace(root=tmp_path, **folders)


@pytest.fixture
def offline(monkeypatch):
    """No network."""

    def no_network(*_, **__):
        import requests

        raise requests.ConnectionError("no route")

    monkeypatch.setattr("requests.get", no_network)
