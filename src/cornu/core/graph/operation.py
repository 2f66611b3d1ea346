"""Operations and nodes: what a graph of symbolic tensors is made of.

An `Operation` is a named callable. Called on symbolic tensors it does not compute: it finds the
shapes of its outputs and remembers the call as a `Node`. Each output knows the node that made it,
so a graph can be walked back from any tensor.

    x --Node(dense, args=(x,))--> y        y._keras_history = (dense, node 0, output 0)
"""

from typing import Any, NamedTuple

import jax

from cornu import budget, names
from cornu.core.objects.configurable import Configurable, accepted_names
from cornu.core.symbolic import KerasTensor, any_symbolic, infer
from cornu.errors import explain, value_error


class KerasHistory(NamedTuple):
    """Where a symbolic tensor comes from."""

    operation: "Operation"
    node_index: int  # which call of the operation
    tensor_index: int  # which of the call's outputs


class Operation(Configurable):
    """A named thing that can be called on arrays and on symbolic tensors.

    Subclasses write `call`, and `compute_output_spec` where tracing `call` cannot tell the shapes.

    Args:
        name: without slashes; numbered from the class name if None.

    Example:

        >>> class Double(Operation):
        ...     def call(self, x):
        ...         return x * 2
        >>> Double()(KerasTensor((None, 3))).shape
        (None, 3)
    """

    def __init__(self, name: str | None = None):
        if name is not None and (not isinstance(name, str) or "/" in name):
            raise value_error(
                f"The name of {type(self).__name__} must be a string without '/', got {name!r}."
            )
        self.name = name or names.auto_name(self)
        self._inbound_nodes: list[Node] = []
        self._outbound_nodes: list[Node] = []

    def _final_activation(self) -> str | None:
        """Name of the activation that gives the outputs; None where that is not plain to see."""
        return None

    # A copy of an operation is not in the graphs that the operation is in: those are copied with
    # their tensors, whose nodes enter themselves.

    def __getstate__(self) -> dict[str, Any]:
        state = super().__getstate__()
        return {k: v for k, v in state.items() if k not in ("_inbound_nodes", "_outbound_nodes")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        for nodes in ("_inbound_nodes", "_outbound_nodes"):
            vars(self).setdefault(nodes, [])  # a node of a copied graph may have come before

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if any_symbolic(args, kwargs):
            return self.symbolic_call(*args, **kwargs)
        return self.call(*args, **kwargs)

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the outputs; written by subclasses."""
        raise NotImplementedError(explain(f"{type(self).__name__} does not define `call`."))

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """Symbolic tensors like the outputs of `call` on these arguments."""
        return infer(self.call, *args, **kwargs)

    def symbolic_call(self, *args: Any, **kwargs: Any) -> Any:
        """Find the shapes of the outputs and remember the call."""
        outputs = self.compute_output_spec(*args, **kwargs)
        Node(self, args, kwargs, outputs)
        return outputs

    def _single(self, what: str) -> Any:
        if not self._inbound_nodes:
            raise AttributeError(
                explain(
                    f"'{self.name}' was not called on symbolic tensors, so it has no {what}.",
                    fix="call it on a keras.Input first.",
                )
            )
        tensors = getattr(self._inbound_nodes[0], what + "_tensors")
        return tensors[0] if len(tensors) == 1 else tensors

    @property
    def input(self) -> Any:
        """The symbolic input of the first call."""
        return self._single("input")

    @property
    def output(self) -> Any:
        """The symbolic output of the first call."""
        return self._single("output")

    def get_config(self) -> dict[str, Any]:
        cls: Any = type(self)
        taken = accepted_names(cls)
        name = {"name": self.name} if taken is None or "name" in taken else {}
        return {**name, **super().get_config()}


class Node:
    """One call of an operation on symbolic tensors.

    Attributes:
        operation: what was called.
        args, kwargs: with what.
        input_tensors: the symbolic tensors among the arguments, in order.
        outputs: the structure that came out.
        output_tensors: its symbolic tensors, in order.
    """

    def __init__(self, operation: Operation, args: Any, kwargs: Any, outputs: Any):
        budget.spend(budget.CALL)
        self.operation = operation
        self.args, self.kwargs, self.outputs = args, kwargs, outputs
        self._enter()

    def _enter(self) -> None:
        """Take a place among the calls of the operation, and tell the tensors."""
        operation, args, kwargs, outputs = self.operation, self.args, self.kwargs, self.outputs
        leaves = jax.tree.leaves((args, kwargs))
        self.input_tensors = [x for x in leaves if isinstance(x, KerasTensor)]
        self.output_tensors = [x for x in jax.tree.leaves(outputs) if isinstance(x, KerasTensor)]
        inbound = vars(operation).setdefault("_inbound_nodes", [])  # it may be half copied
        self.index = len(inbound)
        inbound.append(self)
        for i, tensor in enumerate(self.output_tensors):
            tensor._keras_history = KerasHistory(operation, self.index, i)
        for tensor in self.input_tensors:
            history = tensor._keras_history
            if history is not None:
                vars(history.operation).setdefault("_outbound_nodes", []).append(self)

    def __getstate__(self) -> dict[str, Any]:
        kept = ("operation", "args", "kwargs", "outputs")
        return {name: getattr(self, name) for name in kept}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._enter()

    @property
    def is_input(self) -> bool:
        """Whether the node only introduces a tensor, as an InputLayer does."""
        return not self.input_tensors

    @property
    def parent_nodes(self) -> list["Node"]:
        """The nodes that made the inputs, each once."""
        parents = [node_of(t) for t in self.input_tensors]
        return list({id(p): p for p in parents if p is not None}.values())

    def filled(self, values: dict[int, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments with values in place of the symbolic tensors, by the tensors' ids."""

        def put(leaf: Any) -> Any:
            return values[id(leaf)] if isinstance(leaf, KerasTensor) else leaf

        return jax.tree.map(put, (self.args, self.kwargs))


def node_of(tensor: KerasTensor) -> Node | None:
    """The node that made a tensor; None for a tensor that nothing made."""
    history = tensor._keras_history
    return history.operation._inbound_nodes[history.node_index] if history else None
