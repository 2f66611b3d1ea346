"""Logs stay on the device until somebody looks."""

import json

import jax.numpy as jnp

from cornu.train.logs import Logs


def test_names_can_be_asked_without_fetching():
    logs = Logs({"loss": jnp.float32(0.5)})
    assert list(logs) == ["loss"]
    assert "loss" in logs
    assert not logs._fetched


def test_the_first_look_fetches_everything_as_python_numbers():
    logs = Logs({"loss": jnp.float32(0.5), "count": jnp.int32(3)})
    assert logs["loss"] == 0.5
    assert type(logs["count"]) is int
    assert logs.get("missing") is None


def test_copies_and_formatting_see_numbers():
    for copy in (dict, lambda logs: {**logs}, lambda logs: dict(**logs), lambda logs: {} | logs):
        logs = Logs({"loss": jnp.float32(0.25)})
        assert type(copy(logs)["loss"]) is float
        assert json.dumps(copy(logs)) == json.dumps(logs) == '{"loss": 0.25}'
    assert dict(Logs({"loss": jnp.float32(0.25)}).items()) == {"loss": 0.25}
    assert f"{Logs({'loss': jnp.float32(0.25)})}" == "{'loss': 0.25}"


def test_an_array_of_several_values_stays_an_array():
    logs = Logs({"confusion": jnp.ones((2, 2))})
    assert logs["confusion"].shape == (2, 2)
