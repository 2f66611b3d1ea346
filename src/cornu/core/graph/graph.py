"""`Function`: the part of a graph between given inputs and outputs, as something that runs.

Nodes are walked back from the outputs to the inputs, then sorted by depth: the longest way to an
output decides, and calls of one operation share the largest depth of all. This is the order in
which Keras lists layers, so weights and files come in the same order.

    depth   2        1          0
            x --> dense --> softmax --> y
"""

import collections
from collections.abc import Callable, Sequence
from typing import Any

import jax

from cornu import bcoo, tree
from cornu.core.graph.operation import Node, Operation, node_of
from cornu.core.symbolic import KerasTensor, Shape, infer
from cornu.errors import explain, value_error


def get_source_inputs(tensor: object) -> Any:
    """The symbolic tensors that a symbolic tensor was computed from, each once.

    Args:
        tensor: symbolic tensor; anything else is returned as it is.

    Returns:
        A list of the tensors that inputs introduce, in the order in which they are first used.

    Example:

        >>> from cornu import layers
        >>> a, b = layers.Input((2,), name="a"), layers.Input((2,), name="b")
        >>> [x.name for x in get_source_inputs(layers.Dense(3)(a) + layers.Dense(3)(b))]
        ['a', 'b']
    """
    if not isinstance(tensor, KerasTensor):
        return tensor
    sources: dict[int, KerasTensor] = {}
    seen, waiting = set(), [tensor]
    while waiting:
        current = waiting.pop()
        if id(current) in seen:
            continue
        seen.add(id(current))
        node = node_of(current)
        if node is None:
            sources[id(current)] = current
        elif node.is_input:
            sources |= {id(output): output for output in node.output_tensors}
        else:
            waiting.extend(reversed(node.input_tensors))
    return list(sources.values())


class Function(Operation):
    """The computation from `inputs` to `outputs`.

    Args:
        inputs: symbolic tensors, nested as callers will pass them.
        outputs: symbolic tensors that were computed from them, nested as callers will get them.
        name: name of the operation.

    Attributes:
        nodes: the calls to make, in order.
        operations: what is called, in the order of Keras.
    """

    _untracked_attributes = frozenset(
        ("inputs_struct", "outputs_struct", "inputs", "outputs", "nodes", "operations")
    )

    def __init__(self, inputs: Any, outputs: Any, name: str | None = None):
        super().__init__(name)
        self.connect(inputs, outputs)

    def connect(self, inputs: Any, outputs: Any) -> None:
        """Find the graph between the tensors."""
        self.inputs_struct, self.outputs_struct = inputs, outputs
        self.inputs: list[KerasTensor] = tree.flatten(inputs)
        self.outputs: list[KerasTensor] = tree.flatten(outputs)
        for what, tensors in (("input", self.inputs), ("output", self.outputs)):
            if not tensors:
                raise value_error(f"A graph must have an {what}, got {tensors}.")
            for tensor in tensors:
                if not isinstance(tensor, KerasTensor):
                    raise value_error(
                        f"Every {what} of a graph must be a symbolic tensor, got "
                        f"{type(tensor).__name__}.",
                        fix="start from keras.Input(shape=...) and call layers on it.",
                    )
        self.nodes, self.operations = sort_graph(self.inputs, self.outputs)

    def __getstate__(self) -> dict[str, Any]:
        # Calls come before those that build on them, so copying does not recurse into the depth.
        return {"_upstream": upstream(self.outputs), **super().__getstate__()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__({k: v for k, v in state.items() if k != "_upstream"})

    def call(self, inputs: Any) -> Any:
        for value, tensor in zip(self.flat_inputs(inputs), self.inputs, strict=True):
            if not fits(getattr(value, "shape", tensor.shape), tensor.shape):
                raise value_error(
                    f"'{self.name}' does not accept its input.",
                    expected=tensor.shape,
                    received=tuple(value.shape),
                )
        return self.run(inputs, lambda operation: operation)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The shapes of the outputs for given shapes of the inputs, nested like those."""
        structure = jax.tree.structure(self.inputs_struct)
        shapes = structure.flatten_up_to(input_shape)
        like = [KerasTensor(s, t.dtype) for s, t in zip(shapes, self.inputs, strict=True)]
        outputs = infer(self.call, jax.tree.unflatten(structure, like))
        return jax.tree.map(lambda t: t.shape, outputs)

    def run(self, inputs: Any, caller: Callable[[Operation], Callable[..., Any]]) -> Any:
        """Run the graph on values, calling each operation through `caller(operation)`."""
        values = {
            id(tensor): value
            for tensor, value in zip(self.inputs, self.flat_inputs(inputs), strict=True)
        }
        for node in self.nodes:
            args, kwargs = node.filled(values)
            outputs = caller(node.operation)(*args, **kwargs)
            for tensor, value in zip(node.output_tensors, bcoo.leaves(outputs), strict=True):
                values[id(tensor)] = value
        return tree.map_structure(lambda tensor: values[id(tensor)], self.outputs_struct)

    def flat_inputs(self, inputs: Any) -> list[Any]:
        """The inputs of a call as a flat list, in the order of `self.inputs`."""
        flat = tree.flatten(inputs)
        if len(flat) != len(self.inputs):
            raise value_error(
                f"'{self.name}' takes {len(self.inputs)} inputs, got {len(flat)}.",
                expected=[t.shape for t in self.inputs],
                received=[tuple(getattr(x, "shape", ())) for x in flat],
            )
        return flat


def fits(shape: Any, expected: Shape) -> bool:
    """Whether an array of a shape can stand for a symbolic tensor; unknown sizes are any.

    Example:

        >>> fits((8, 3), (None, 3)), fits((8, 3), (4, 3)), fits((8,), (None, 3))
        (True, False, False)
    """
    if len(shape) != len(expected):
        return False
    return all(None in (n, m) or n == m for n, m in zip(shape, expected, strict=True))


def upstream(tensors: Sequence[KerasTensor]) -> list[Node]:
    """All calls that led to the tensors, parents before children."""
    order: dict[int, Node] = {}
    waiting = [(node, False) for node in map(node_of, reversed(tensors)) if node is not None]
    while waiting:
        node, parents_done = waiting.pop()
        if parents_done:
            order[id(node)] = node
        elif id(node) not in order:
            waiting.append((node, True))
            waiting += [(n, False) for n in reversed(node.parent_nodes) if id(n) not in order]
    return list(order.values())


def sort_graph(
    inputs: Sequence[KerasTensor], outputs: Sequence[KerasTensor]
) -> tuple[list[Node], list[Operation]]:
    """The nodes between inputs and outputs in order of execution, and the operations in Keras's.

    Raises:
        ValueError: an output depends on a tensor that is not among the inputs.
    """
    visited, first_seen = _walk_back(inputs, outputs)
    node_depth: dict[int, int] = collections.defaultdict(int)
    operation_depth: dict[int, int] = {}
    for node in reversed(visited):
        depth = max(node_depth[id(node)], operation_depth.get(id(node.operation), 0))
        node_depth[id(node)] = operation_depth[id(node.operation)] = depth
        for parent in node.parent_nodes:
            node_depth[id(parent)] = max(node_depth[id(parent)], depth + 1)

    # Sorting is stable, and parents come before children in `visited`.
    nodes = sorted(visited, key=lambda node: -node_depth[id(node)])
    starts = {id(tensor) for tensor in inputs}
    run = [n for n in nodes if not all(id(t) in starts for t in n.output_tensors)]
    running = {id(node) for node in run}
    # What makes a tensor that the graph starts from is no part of it, unless it is an input layer.
    operations = {
        id(node.operation): node.operation
        for node in visited
        if node.is_input or id(node) in running
    }
    for tensor in inputs:  # an input that no output needs is part of the model all the same
        source = node_of(tensor)
        if source is not None and source.is_input and id(source.operation) not in operations:
            operations[id(source.operation)] = source.operation
            operation_depth[id(source.operation)] = 0
            first_seen[id(source.operation)] = -1
    in_order = sorted(
        operations.values(), key=lambda op: (-operation_depth[id(op)], first_seen[id(op)])
    )
    return run, in_order


def _walk_back(
    inputs: Sequence[KerasTensor], outputs: Sequence[KerasTensor]
) -> tuple[list[Node], dict[int, int]]:
    """Nodes with parents before children, and when each operation was first met on the way back.

    Depth first without recursion: a model may be thousands of layers deep.
    """
    starts = {id(tensor) for tensor in inputs}
    order: list[Node] = []
    finished: set[int] = set()
    first_seen: dict[int, int] = {}
    for output in outputs:
        stack: list[tuple[KerasTensor, Node | None, bool]] = [(output, node_of(output), False)]
        while stack:
            tensor, node, parents_done = stack.pop()
            if (node is None or node.is_input) and id(tensor) not in starts:
                raise ValueError(_disconnected(tensor, inputs))
            if node is None:  # an output that is an input
                continue
            if parents_done:
                if id(node) not in finished:
                    finished.add(id(node))
                    order.append(node)
                continue
            if id(node) in finished:
                continue
            first_seen.setdefault(id(node.operation), len(first_seen))
            stack.append((tensor, node, True))
            if id(tensor) in starts:
                continue
            stack += [
                (t, node_of(t), False)
                for t in reversed(node.input_tensors)
                if not (id(t) in starts and node_of(t) is None)
            ]
    return order, first_seen


def _disconnected(tensor: KerasTensor, inputs: Sequence[KerasTensor]) -> str:
    return explain(
        "The outputs cannot be computed from the given inputs: the way back ends at a tensor "
        "that is not one of them.",
        reached=tensor,
        inputs=", ".join(repr(t) for t in inputs),
        fix="pass every keras.Input that the outputs depend on to Model(inputs=..., outputs=...).",
    )
