"""Which names files may use: a closed table."""

import sys

import pytest

import cornu
from cornu import layers
from cornu.core.objects import registry
from cornu.core.objects.registry import (
    CustomObjectScope,
    find_builtin,
    find_custom,
    get_custom_objects,
    get_registered_name,
    get_registered_object,
    register_keras_serializable,
)
from cornu.core.objects.serialize import deserialize_keras_object, serialize_keras_object


@pytest.fixture(autouse=True)
def registry_restored():
    objects, names = dict(registry._custom), dict(registry._custom_names)
    yield
    registry._custom.clear()
    registry._custom.update(objects)
    registry._custom_names.clear()
    registry._custom_names.update(names)


def make_layer():
    class Twice(layers.Layer):
        def call(self, x):
            return x * 2

    return Twice


class TestUsersObjects:
    def test_by_decorator(self):
        twice = register_keras_serializable("my_lab")(make_layer())
        assert get_registered_name(twice) == "my_lab>Twice"
        assert get_registered_object("my_lab>Twice") is twice
        saved = serialize_keras_object(twice(name="t"))
        assert saved["registered_name"] == "my_lab>Twice"
        assert type(deserialize_keras_object(saved)) is twice

    def test_by_decorator_with_another_name(self):
        @register_keras_serializable(name="other")
        def function(x):
            return x

        assert get_registered_name(function) == "Custom>other"
        assert deserialize_keras_object(serialize_keras_object(function)) is function

    def test_by_scope(self):
        twice = make_layer()
        saved = serialize_keras_object(twice(name="t"))
        with CustomObjectScope({"Twice": twice}):
            assert type(deserialize_keras_object(saved)) is twice
        with pytest.raises(TypeError, match="No class is known by the name 'Twice'"):
            deserialize_keras_object(saved)

    def test_scopes_nest_and_end_after_an_error(self):
        first, second = make_layer(), make_layer()
        with CustomObjectScope({"A": first, "B": first}):
            with CustomObjectScope({"A": second}):
                assert find_custom("A") is second
                assert find_custom("B") is first
            assert find_custom("A") is first
        with pytest.raises(KeyError), CustomObjectScope({"A": first}):
            raise KeyError
        assert find_custom("A") is None

    def test_by_argument(self):
        twice = make_layer()
        saved = serialize_keras_object(twice(name="t"))
        again = deserialize_keras_object(saved, custom_objects={"Twice": twice})
        assert type(again) is twice

    def test_by_the_table_itself(self):
        twice = make_layer()
        get_custom_objects()["Twice"] = twice
        assert find_custom("Twice") is twice
        assert find_custom("any_package>Twice") is twice

    def test_a_class_needs_a_config(self):
        with pytest.raises(ValueError, match="Plain has no `get_config`"):

            @register_keras_serializable()
            class Plain: ...

    def test_the_users_own_comes_before_the_built_in_of_the_name(self):
        mine = register_keras_serializable("my_lab", "Dense")(make_layer())
        saved = serialize_keras_object(mine(name="d"))
        assert type(deserialize_keras_object(saved)) is mine
        plain = serialize_keras_object(layers.Dense(2))
        assert type(deserialize_keras_object(plain)) is layers.Dense


class TestBuiltIns:
    @pytest.mark.parametrize(
        ("module", "name", "expected"),
        [
            ("keras.layers", "Dense", "layers.Dense"),
            ("keras.initializers", "GlorotUniform", "initializers.GlorotUniform"),
            ("keras", "Sequential", "Sequential"),
            ("keras.optimizers.schedules", "CosineDecay", "optimizers.schedules.CosineDecay"),
            ("keras.random", "SeedGenerator", "random.SeedGenerator"),
            # older and private spellings
            ("tensorflow.keras.layers", "Dense", "layers.Dense"),
            ("tf_keras.layers", "Dense", "layers.Dense"),
            ("keras.src.layers.core.dense", "Dense", "layers.Dense"),
            ("keras.layers.core", "Dense", "layers.Dense"),
            ("keras.src.models.functional", "Functional", "models.functional.Functional"),
        ],
    )
    def test_names_in_files(self, module, name, expected):
        found = cornu
        for part in expected.split("."):
            found = getattr(found, part)
        assert find_builtin(module, name) is found

    def test_there_are_no_others(self):
        for module, name in [
            ("keras.layers", "Variable"), ("keras.core", "Frame"), ("os", "system"),
            ("cornu.core.frame", "Frame"), ("keras.layers", "__init__"), ("builtins", "eval"),
        ]:  # fmt: skip
            assert find_builtin(module, name) is None

    def test_internal_classes_are_not_for_files(self):
        names = {name for _, name in registry._builtins}
        assert not {"OpCall", "Function", "Operation", "Configurable"} & names


class TestRefusals:
    @pytest.mark.parametrize(
        "config",
        [
            {"module": "os", "class_name": "system", "config": {"command": "true"}},
            {"module": "os", "class_name": "system", "config": {}, "registered_name": "os>system"},
            {"module": "builtins", "class_name": "eval", "config": {"source": "1"}},
            {"module": "builtins", "class_name": "function", "config": "os.system"},
            {"module": "builtins", "class_name": "function", "config": "system"},
            {"class_name": "function", "config": "builtins.eval"},
            {"module": "antigravity", "class_name": "fly", "config": {}},
            {"module": "this", "class_name": "s", "config": {}, "registered_name": "this"},
            {"module": "subprocess", "class_name": "Popen", "config": {"args": ["true"]}},
            {"module": "keras.src.ops.numpy", "class_name": "__import__", "config": {}},
            {
                "module": "cornu.engine.runtime",
                "class_name": "ProgramCache",
                "config": {"path": "/"},
            },
            {"module": "keras.layers", "class_name": "../../Dense", "config": {}},
            {"class_name": "Popen", "config": {}},
        ],
        ids=lambda c: f"{c.get('module')}.{c['class_name']}",
    )
    @pytest.mark.parametrize("safe_mode", [True, False])
    def test_nothing_is_imported_by_a_name(self, config, safe_mode):
        before = set(sys.modules)
        with pytest.raises(TypeError, match="is known by the name"):
            deserialize_keras_object(config, safe_mode=safe_mode)
        assert set(sys.modules) == before

    def test_nor_deep_inside(self):
        saved = serialize_keras_object(layers.Dense(2, kernel_regularizer="l2"))
        saved["config"]["kernel_regularizer"] = {
            "module": "antigravity", "class_name": "fly", "config": {}, "registered_name": None,
        }  # fmt: skip
        with pytest.raises(TypeError, match="No class is known by the name 'fly'"):
            deserialize_keras_object(saved)
        assert "antigravity" not in sys.modules

    def test_the_message_suggests_names_and_says_how_to_register(self):
        config = {"module": "keras.layers", "class_name": "Dence", "config": {}}
        with pytest.raises(TypeError, match="No class is known by the name 'Dence'") as caught:
            deserialize_keras_object(config)
        text = str(caught.value)
        assert "did you mean 'Dense'" in text
        assert "@keras.saving.register_keras_serializable()" in text
        assert "custom_objects={'Dence': ...}" in text
