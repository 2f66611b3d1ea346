"""Nested structures, side by side with Keras's `keras.tree`."""

import collections
import os

os.environ.setdefault("KERAS_BACKEND", "jax")

import jax
import keras
import pytest

from cornu import tree

Point = collections.namedtuple("Point", ["x", "y"])

STRUCTURES = [
    1,
    None,
    [],
    [1, [2, (3, None)]],
    {"b": [1, 2], "a": {"d": None, "c": 4}},
    Point(1, [2, 3]),
    (1, {"k": Point([], None)}),
    collections.OrderedDict([("z", 1), ("a", 2)]),
    collections.defaultdict(list, {"z": [1], "a": 2}),
    collections.deque([1, [2]], maxlen=3),
    {"z": {2: 0, "k": 1, 1: 2}, "a": collections.OrderedDict(z=1, a=None)},
    {1, 2},
    jax.tree_util.Partial(len, [1]),  # a container for JAX alone
]


def spelled_out(structure):
    """A structure in which kinds of containers and the order of keys count for equality."""
    children = structure
    if isinstance(structure, dict):
        children = structure.items()
    if isinstance(structure, (dict, list, tuple, collections.deque)):
        return (type(structure), [spelled_out(child) for child in children])
    return structure


@pytest.mark.parametrize("structure", STRUCTURES, ids=repr)
class TestLikeKeras:
    def test_flatten(self, structure):
        assert tree.flatten(structure) == keras.tree.flatten(structure)

    def test_flatten_with_path(self, structure):
        assert tree.flatten_with_path(structure) == keras.tree.flatten_with_path(structure)

    def test_is_nested(self, structure):
        assert tree.is_nested(structure) == keras.tree.is_nested(structure)

    def test_map_structure(self, structure):
        def twice(leaf):
            return (leaf, leaf)

        got = tree.map_structure(twice, structure)
        assert spelled_out(got) == spelled_out(keras.tree.map_structure(twice, structure))

    def test_pack_sequence_as(self, structure):
        flat = [f"leaf {i}" for i in range(len(tree.flatten(structure)))]
        expected = keras.tree.pack_sequence_as(structure, flat)
        assert spelled_out(tree.pack_sequence_as(structure, flat)) == spelled_out(expected)

    def test_lists_to_tuples(self, structure):
        got = tree.lists_to_tuples(structure)
        assert got == keras.tree.lists_to_tuples(structure)
        found = []
        tree.traverse(lambda node: found.append(node) if isinstance(node, list) else None, got)
        assert found == [] or isinstance(structure, collections.defaultdict)

    @pytest.mark.parametrize("top_down", [True, False])
    def test_traverse(self, structure, top_down):
        def change(node):
            if node is None:
                return tree.MAP_TO_NONE
            return "list" if isinstance(node, list) else None

        def change_keras(node):
            found = change(node)
            return keras.tree.MAP_TO_NONE if found is tree.MAP_TO_NONE else found

        got = tree.traverse(change, structure, top_down)
        expected = keras.tree.traverse(change_keras, structure, top_down)
        assert spelled_out(got) == spelled_out(expected)


def test_none_is_a_leaf_unless_asked():
    assert tree.map_structure(lambda x: "leaf", [None, 1]) == ["leaf", "leaf"]
    assert tree.map_structure(lambda x: "leaf", [None, 1], none_is_leaf=False) == [None, "leaf"]


def test_map_over_several_structures():
    total = tree.map_structure(
        lambda a, b, c: a + b + c, [1, {"x": 2}], [10, {"x": 20}], [0, {"x": 5}]
    )
    assert total == [11, {"x": 27}]


@pytest.mark.parametrize("first", [{"b": 2, "a": 1}, collections.OrderedDict(b=2, a=1)], ids=repr)
@pytest.mark.parametrize("second", [{"a": 10, "b": 20}, collections.OrderedDict(a=10, b=20)])
def test_kinds_of_dicts_are_alike(first, second):
    got = tree.map_structure(lambda a, b: a + b, first, second)
    assert spelled_out(got) == spelled_out(type(first)(b=22, a=11))
    tree.assert_same_structure(second, first)


@pytest.mark.parametrize("none_is_leaf", [True, False])
@pytest.mark.parametrize("others", [([1, None],), ([None, 1],), ([1, {"a": None}],), ((1, None),)])
def test_what_differs_differs_in_keras(others, none_is_leaf):
    outcomes = []
    for library in (tree, keras.tree):
        try:
            got = library.map_structure(lambda *x: x, [1, None], *others, none_is_leaf=none_is_leaf)
        except ValueError:
            got = ValueError
        outcomes.append(got)
    assert outcomes[0] == outcomes[1]


def test_map_over_structures_that_differ():
    with pytest.raises(ValueError, match="Two structures should be alike, but differ"):
        tree.map_structure(lambda a, b: a, [1, 2], [1, [2]])
    with pytest.raises(ValueError, match="needs at least one structure"):
        tree.map_structure(lambda: None)


def test_map_up_to():
    shapes = {"a": (2, 3), "b": [(4,), 5]}
    got = tree.map_structure_up_to({"a": 0, "b": 0}, lambda s: s, shapes)
    assert got == shapes
    with pytest.raises(ValueError, match="alike, but differ"):
        tree.map_structure_up_to([0, 0], lambda s: s, {"a": 1})


def test_same_structure():
    tree.assert_same_structure([1, (2, None)], ["x", ("y", 3)])
    for other in ([1, 2, 3], (1, (2, None)), [1, [2, None]]):
        with pytest.raises(ValueError, match="alike"):
            tree.assert_same_structure([1, (2, None)], other)


@pytest.mark.filterwarnings("ignore:The `check_types` argument:DeprecationWarning")
@pytest.mark.parametrize("check_types", [None, True, False])
def test_the_types_of_containers_always_count(check_types):
    for library in (tree, keras.tree):
        library.assert_same_structure([1, 2], ["x", None], check_types=check_types)
        with pytest.raises(ValueError, match="but differ|instance of list"):
            library.assert_same_structure([1, 2], (1, 2), check_types=check_types)


def test_same_paths():
    tree.assert_same_paths([1, (2, 3)], (1, [2, 3]))
    with pytest.raises(ValueError, match="same paths") as caught:
        tree.assert_same_paths({"a": 1, "b": 2}, {"a": 1, "c": 2})
    assert "'b'" in str(caught.value)
    assert "'c'" in str(caught.value)


def test_pack_needs_as_many_items_as_leaves():
    with pytest.raises(ValueError, match="2 leaves, the sequence 3 items"):
        tree.pack_sequence_as([0, None], [1, 2, 3])


def test_shapes_can_be_mapped_as_leaves():
    for shapes in ((2, 3), [None, 4], {"a": (None, 3), "b": [(2,), (4, 5)], "c": None}, [[1], []]):
        got = tree.map_shape_structure(lambda shape: ("shape", shape), shapes)
        assert got == keras.tree.map_shape_structure(lambda shape: ("shape", shape), shapes)
