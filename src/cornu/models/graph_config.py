"""A graph of layers and ops <-> JSON, in the grammar of Keras's files.

    {"layers": [{"class_name": "Dense", "config": {...}, "name": "dense",
                 "inbound_nodes": [{"args": [<tensor "input", 0, 0>], "kwargs": {}}]},
                ...],
     "input_layers": ["input", 0, 0], "output_layers": [["dense", 0, 0]]}

Nodes are numbered within the graph: a layer that is also used elsewhere has more of them.
"""

from collections import deque
from typing import Any

from cornu import tree
from cornu.core.graph import Function
from cornu.core.operation import Node, Operation, node_of
from cornu.core.serialize import deserialize_keras_object, serialize_keras_object
from cornu.core.symbolic import KerasTensor, any_symbolic
from cornu.errors import explain


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

    Calls may refer to layers that come later in the list, so a call whose inputs are not there yet
    waits for another round.

    Raises:
        ValueError: calls remain whose inputs nobody makes.
    """
    operations: dict[str, Operation] = {}
    calls: dict[str, list[Node]] = {}
    waiting: deque[tuple[str, dict[str, Any]]] = deque()
    for entry in config["layers"]:
        operation = deserialize_keras_object(
            {k: v for k, v in entry.items() if k not in ("name", "inbound_nodes")}, custom_objects
        )
        if not isinstance(operation, Operation):
            raise ValueError(
                explain(f"{entry.get('class_name')!r} is not a layer, so no graph can call it.")
            )
        name = entry.get("name", operation.name)
        operations[name] = operation
        calls[name] = [n for n in operation._inbound_nodes if n.is_input]
        waiting.extend((name, node) for node in entry.get("inbound_nodes", ()))
    postponed = 0
    while waiting and postponed < len(waiting):
        name, node = waiting.popleft()
        # The calls of one layer keep their order: an earlier one may be waiting too.
        blocked = any(other == name for other, _ in list(waiting)[len(waiting) - postponed :])
        arguments = None if blocked else _arguments(node, calls)
        if arguments is None:
            waiting.append((name, node))
            postponed += 1
            continue
        args, kwargs = arguments
        operation = operations[name]
        if getattr(operation, "op_name", ("", ""))[1] == "GetItem":
            # JSON has no tuples: what stood between the brackets was one.
            args = tuple(tuple(a) if isinstance(a, list) else a for a in args)
        if not any_symbolic(args, kwargs):
            # It would be computed at once, on whatever the file says.
            raise ValueError(explain(f"The call of {name!r} in the graph takes no tensor of it."))
        before = len(operation._inbound_nodes)
        operation(*args, **kwargs)
        calls[name].append(operation._inbound_nodes[before])
        postponed = 0
    if waiting:
        raise ValueError(
            explain(
                f"The calls of {len(waiting)} layers lead nowhere.",
                layers=", ".join(sorted({name for name, _ in waiting})[:8]),
            )
        )
    return _tensors(config["input_layers"], calls), _tensors(config["output_layers"], calls)


def _arguments(node: Any, calls: dict[str, list[Node]]) -> tuple[Any, Any] | None:
    """The arguments of a saved call; None while a tensor among them does not exist."""
    if not isinstance(node, dict):
        raise ValueError(
            explain("The graph is written in the form of Keras 2, which is not read here.")
        )
    missing = False

    def real(value: Any) -> Any:
        nonlocal missing
        if isinstance(value, dict) and value.get("class_name") == "__keras_tensor__":
            tensor = _tensor(value["config"]["keras_history"], calls)
            missing = missing or tensor is None
            return tensor
        if isinstance(value, dict) and "class_name" in value and "config" in value:
            return deserialize_keras_object(value)
        if isinstance(value, (list, tuple)):
            return type(value)(real(v) for v in value)
        if isinstance(value, dict):
            return {k: real(v) for k, v in value.items()}
        return value

    args, kwargs = real(node.get("args", [])), real(node.get("kwargs", {}))
    return None if missing else (tuple(args), kwargs)


def _tensor(reference: Any, calls: dict[str, list[Node]]) -> KerasTensor | None:
    name, node_index, tensor_index = reference[:3]
    nodes = calls.get(name)
    if nodes is None:
        raise ValueError(explain(f"The graph refers to a layer {name!r} that it does not hold."))
    if node_index >= len(nodes):
        return None
    return nodes[node_index].output_tensors[tensor_index]


def _tensors(struct: Any, calls: dict[str, list[Node]]) -> Any:
    """Symbolic tensors for saved references, nested as they are."""
    if _is_reference(struct):
        tensor = _tensor(struct, calls)
        if tensor is None:
            raise ValueError(explain(f"The graph has no tensor {struct}."))
        return tensor
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
