"""A graph of layers and ops <-> JSON, in the grammar of Keras's files.

    {"layers": [{"class_name": "Dense", "config": {...}, "name": "dense",
                 "inbound_nodes": [{"args": [<tensor "input", 0, 0>], "kwargs": {}}]},
                ...],
     "input_layers": ["input", 0, 0], "output_layers": [["dense", 0, 0]]}

Nodes are numbered within the graph: a layer that is also used elsewhere has more of them.
"""

from collections import Counter, deque
from typing import Any

from cornu import tree
from cornu.core.graph.graph import Function
from cornu.core.graph.operation import Node, Operation, node_of
from cornu.core.objects.serialize import deserialize_keras_object, serialize_keras_object
from cornu.core.symbolic import KerasTensor, any_symbolic
from cornu.errors import value_error


def graph_to_config(graph: Function) -> dict[str, Any]:
    """The layers of a graph with the calls between them, its inputs and its outputs."""
    numbers = _number_nodes(graph)

    def reference(tensor: KerasTensor) -> list[Any]:
        history = tensor._keras_history
        node = node_of(tensor)
        return [history.operation.name, numbers[id(node)], history.tensor_index]

    def plain(value: Any) -> Any:
        if isinstance(value, KerasTensor):
            config = {
                "shape": value.shape,
                "dtype": value.dtype,
                "keras_history": reference(value),
            }
            return {"class_name": "__keras_tensor__", "config": config}
        if isinstance(value, (list, tuple)):
            return type(value)(plain(v) for v in value)
        if isinstance(value, dict):
            return {k: plain(v) for k, v in value.items()}
        return serialize_keras_object(value)

    layers = []
    for operation in graph.operations:
        nodes = [n for n in operation._inbound_nodes if id(n) in numbers and not n.is_input]
        entry = serialize_keras_object(operation)
        entry["name"] = operation.name
        entry["inbound_nodes"] = [{"args": plain(n.args), "kwargs": plain(n.kwargs)} for n in nodes]
        layers.append(entry)
    return {
        "layers": layers,
        "input_layers": _references(graph.inputs_struct, reference),
        "output_layers": _references(graph.outputs_struct, reference),
    }


def _references(struct: Any, reference: Any) -> Any:
    if isinstance(struct, KerasTensor):
        return reference(struct)
    return tree.map_structure(reference, struct)


def _number_nodes(graph: Function) -> dict[int, int]:
    """id(node) -> its number among the calls of its operation in this graph."""
    starts = [node for t in graph.inputs if (node := node_of(t)) is not None]
    inside = {id(n): n for n in (*starts, *graph.nodes)}
    numbers = {}
    for operation in graph.operations:
        own = [n for n in operation._inbound_nodes if id(n) in inside]
        numbers.update({id(n): i for i, n in enumerate(own)})
    return numbers


def graph_from_config(config: dict[str, Any], custom_objects: Any = None) -> tuple[Any, Any]:
    """Make the layers and call them again; the symbolic inputs and outputs, nested as saved.

    Calls may refer to layers that come later in the list: such a call waits until all its inputs
    are there, and the later calls of its layer with it. Each is looked at once, whatever the order.

    Raises:
        ValueError: calls remain whose inputs nobody makes.
    """
    operations: dict[str, Operation] = {}
    calls: dict[str, list[Node]] = {}
    left: dict[str, deque[Any]] = {}
    for entry in config["layers"]:
        operation = deserialize_keras_object(
            {k: v for k, v in entry.items() if k not in ("name", "inbound_nodes")}, custom_objects
        )
        if not isinstance(operation, Operation):
            raise value_error(
                f"{entry.get('class_name')!r} is not a layer, so no graph can call it."
            )
        name = entry.get("name", operation.name)
        operations[name] = operation
        calls[name] = [n for n in operation._inbound_nodes if n.is_input]
        left.setdefault(name, deque()).extend(entry.get("inbound_nodes", ()))
    missing: Counter[str] = Counter()  # layer -> inputs that its next call waits for
    waiting: dict[tuple[str, int], list[str]] = {}  # call that is not made yet -> layers
    ready = deque(left)
    while ready:
        name = ready.popleft()
        while left[name] and not missing[name]:
            node = left[name][0]
            absent = [place for place in _places(node, calls) if len(calls[place[0]]) <= place[1]]
            if absent:
                missing[name] = len(absent)
                for place in absent:
                    waiting.setdefault(place, []).append(name)
                break
            _make_call(name, operations[name], left[name].popleft(), calls)
            for other in waiting.pop((name, len(calls[name]) - 1), ()):
                missing[other] -= 1
                if not missing[other]:
                    ready.append(other)
    lost = [name for name, nodes in left.items() for _ in nodes]
    if lost:
        raise value_error(
            f"The inputs of {len(lost)} calls in the graph are made by no layer.",
            layers=", ".join(sorted(set(lost))[:8]),
        )
    return _tensors(config["input_layers"], calls), _tensors(config["output_layers"], calls)


def _make_call(name: str, operation: Operation, node: Any, calls: dict[str, list[Node]]) -> None:
    """Make a saved call whose inputs are all there."""
    args, kwargs = _arguments(node, calls)
    if getattr(operation, "op_name", ("", ""))[1] == "GetItem":
        # JSON has no tuples: what stood between the brackets was one.
        args = tuple(tuple(a) if isinstance(a, list) else a for a in args)
    if not any_symbolic(args, kwargs):
        # It would be computed at once, on whatever the file says.
        raise value_error(f"The call of {name!r} in the graph takes no tensor of it.")
    before = len(operation._inbound_nodes)
    operation(*args, **kwargs)
    calls[name].append(operation._inbound_nodes[before])


def _places(node: Any, calls: dict[str, list[Node]]) -> list[tuple[str, int]]:
    """The calls whose results a saved call takes, each once, as layer and number."""
    if not isinstance(node, dict):
        raise value_error("The graph is written in the form of Keras 2, which is not read here.")
    found: dict[tuple[str, int], None] = {}
    inside = [node.get("args"), node.get("kwargs")]
    while inside:
        value = inside.pop()
        if isinstance(value, dict) and value.get("class_name") == "__keras_tensor__":
            name, number = _reference(value["config"]["keras_history"], calls)[:2]
            found[name, number] = None
        elif isinstance(value, dict) and not ("class_name" in value and "config" in value):
            inside += value.values()
        elif isinstance(value, (list, tuple)):
            inside += value
    return list(found)


def _arguments(node: Any, calls: dict[str, list[Node]]) -> tuple[Any, Any]:
    """The arguments of a saved call."""

    def real(value: Any) -> Any:
        if isinstance(value, dict) and value.get("class_name") == "__keras_tensor__":
            return _tensor(value["config"]["keras_history"], calls)
        if isinstance(value, dict) and "class_name" in value and "config" in value:
            return deserialize_keras_object(value)
        if isinstance(value, (list, tuple)):
            return type(value)(real(v) for v in value)
        if isinstance(value, dict):
            return {k: real(v) for k, v in value.items()}
        return value

    return tuple(real(node.get("args", []))), real(node.get("kwargs", {}))


def _reference(reference: Any, calls: dict[str, list[Node]]) -> tuple[str, int, int]:
    """A reference to a tensor that the graph may hold: layer, number of the call, of the output."""
    if not _is_reference(reference):
        raise value_error(f"The graph refers to a tensor by {str(reference)[:80]}.")
    name, node_index, tensor_index = reference
    if name not in calls:
        raise value_error(f"The graph refers to a layer {name[:80]!r} that it does not hold.")
    if node_index < 0 or tensor_index < 0:
        raise value_error(f"The graph refers to a call of {name[:80]!r} below zero.")
    return name, node_index, tensor_index


def _tensor(reference: Any, calls: dict[str, list[Node]]) -> KerasTensor:
    name, node_index, tensor_index = _reference(reference, calls)
    nodes = calls[name]
    if node_index >= len(nodes) or tensor_index >= len(nodes[node_index].output_tensors):
        raise value_error(f"The graph has no tensor {str(reference)[:80]}.")
    return nodes[node_index].output_tensors[tensor_index]


def _tensors(struct: Any, calls: dict[str, list[Node]]) -> Any:
    """Symbolic tensors for saved references, nested as they are."""
    if _is_reference(struct):
        return _tensor(struct, calls)
    if isinstance(struct, dict):
        return {k: _tensors(v, calls) for k, v in struct.items()}
    return type(struct)(_tensors(v, calls) for v in struct)


def _is_reference(value: Any) -> bool:
    return (
        isinstance(value, (list, tuple))
        and len(value) == 3
        and isinstance(value[0], str)
        and all(isinstance(v, int) for v in value[1:])
    )
