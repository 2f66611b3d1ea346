"""Weights by name in .safetensors files."""

import jax.numpy as jnp
import numpy as np
import pytest

from cornu import layers
from cornu.archive.safetensors import SafetensorsReader, write_safetensors
from cornu.models import Sequential, load_model

X = np.random.default_rng(0).normal(size=(3, 4)).astype("float32")


def small(units=3, name="small", first="h1"):
    return Sequential(
        [layers.Input((4,)), layers.Dense(units, name=first), layers.BatchNormalization(name="bn"),
         layers.Dense(2, name="out")],
        name=name,
    )  # fmt: skip


def same(first, second):
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(np.asarray(a), np.asarray(b))


def test_the_names_are_the_paths_of_variables(tmp_path):
    model = small()
    model.save_weights(tmp_path / "m.safetensors")
    with SafetensorsReader(tmp_path / "m.safetensors") as reader:
        assert set(reader.specs) == {v.path for v in model.weights}
        assert "small/h1/kernel" in reader.specs
    model.save_weights(tmp_path / "n.safetensors")
    assert (tmp_path / "m.safetensors").read_bytes() == (tmp_path / "n.safetensors").read_bytes()


def test_weights_come_back(tmp_path):
    model, other = small(), small()
    model.save_weights(tmp_path / "m.safetensors")
    other.load_weights(tmp_path / "m.safetensors")
    same(other.weights, model.weights)
    report = other.load_report
    assert report.complete and report.written_by.startswith("Cornu ")


def test_automatic_names_are_found_by_their_places(tmp_path):
    def made():  # dense_5, dense_6, ...: numbered through the process
        return Sequential([layers.Input((4,)), layers.Dense(3), layers.Dense(2)])

    model, other = made(), made()
    assert not {v.path for v in model.weights} & {v.path for v in other.weights}
    model.save_weights(tmp_path / "m.safetensors")
    other.load_weights(tmp_path / "m.safetensors")
    same(other.weights, model.weights)


def test_bfloat16_and_a_merged_kernel(tmp_path):
    half = Sequential([layers.Input((4,)), layers.Dense(3, dtype="bfloat16", name="h")], name="m")
    half.save_weights(tmp_path / "m.safetensors")
    with SafetensorsReader(tmp_path / "m.safetensors") as reader:
        assert reader.specs["m/h/kernel"][1] == jnp.bfloat16
    other = Sequential([layers.Input((4,)), layers.Dense(3, dtype="bfloat16", name="h")], name="m")
    other.load_weights(tmp_path / "m.safetensors")
    same(other.weights, half.weights)

    adapted = small()
    adapted.layers[0].enable_lora(2)
    adapted.layers[0].lora_kernel_b.assign(np.ones((2, 3), "f"))
    adapted.save_weights(tmp_path / "a.safetensors")
    plain = small()
    plain.load_weights(tmp_path / "a.safetensors")
    np.testing.assert_allclose(plain(X), adapted(X), rtol=1e-5, atol=1e-6)


def test_shapes_that_differ_are_named_and_change_nothing(tmp_path):
    small(3).save_weights(tmp_path / "m.safetensors")
    other = small(5)
    before = [w.numpy() for w in other.weights]
    with pytest.raises(ValueError, match="do not match model 'small'") as error:
        other.load_weights(tmp_path / "m.safetensors")
    assert "small/h1/kernel" in str(error.value) and "(4, 3) float32" in str(error.value)
    same(other.weights, before)
    with pytest.warns(UserWarning, match="Not everything was loaded"):
        other.load_weights(tmp_path / "m.safetensors", skip_mismatch=True)
    assert len(other.load_report.weights.mismatched) > 1


def test_files_of_other_programs_are_read_by_names(tmp_path):
    model = small()
    arrays = {v.path: np.full(v.shape, 2, "float32") for v in model.weights}
    write_safetensors(tmp_path / "m.safetensors", {**arrays, "more": np.ones(1, "float32")})
    with pytest.warns(UserWarning, match="'more'"):
        model.load_weights(tmp_path / "m.safetensors")
    assert all((w.numpy() == 2).all() for w in model.weights)
    arrays["small/h1/kernell"] = arrays.pop("small/h1/kernel")
    write_safetensors(tmp_path / "m.safetensors", arrays)
    with pytest.raises(ValueError, match="did you mean 'small/h1/kernell'"):
        model.load_weights(tmp_path / "m.safetensors")


def test_it_is_no_file_of_a_model(tmp_path):
    small().save_weights(tmp_path / "m.safetensors")
    with pytest.raises(ValueError, match="must end in '.keras'"):
        load_model(tmp_path / "m.safetensors")
