"""Graphs as Keras 2 wrote them, in the form of today.

"inbound_nodes": [                         the calls of one layer
  [["x", 0, 0, {}], ["y", 0, 0, {}]],      a call: its inputs as layer, call, output, arguments
  [["z", 0, 0, {"mask": ["m", 0, 0]}]],    tensors among the arguments look like inputs
]                          |
                           v
{"args": [[<x>, <y>]], "kwargs": {}},  {"args": [<z>], "kwargs": {"mask": <m>}}

a model inside             counts its calls from 1 there: 0 is the one that made it
TFOpLambda "math.add"      a function of TensorFlow in a graph: one of our operations, if known
the state of an RNN        stood behind its input in one list
"""

from typing import Any

from cornu.core.graph.op import TABLE
from cornu.errors import did_you_mean, explain
from cornu.types import Config

_MODELS = ("Sequential", "Functional", "Model")
_RECURRENT = ("RNN", "LSTM", "GRU", "SimpleRNN", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D",
              "Bidirectional")  # fmt: skip

# Functions of TensorFlow -> operation, and what its arguments are called there and here.
_PAIR = {"x": "x1", "y": "x2"}
_FOLD = {"input_tensor": "x"}
_FUNCTIONS: dict[str, tuple[str, dict[str, str]]] = {
    "math.add": ("Add", _PAIR),
    "__operators__.add": ("Add", _PAIR),
    "math.subtract": ("Subtract", _PAIR),
    "math.multiply": ("Multiply", _PAIR),
    "math.truediv": ("TrueDivide", _PAIR),
    "math.divide": ("Divide", _PAIR),
    "math.pow": ("Power", _PAIR),
    "math.maximum": ("Maximum", _PAIR),
    "math.minimum": ("Minimum", _PAIR),
    "math.greater": ("Greater", _PAIR),
    "math.less": ("Less", _PAIR),
    "math.not_equal": ("NotEqual", _PAIR),
    "math.equal": ("Equal", _PAIR),
    "math.negative": ("Negative", {}),
    "math.abs": ("Absolute", {}),
    "math.exp": ("Exp", {}),
    "math.log": ("Log", {}),
    "math.sqrt": ("Sqrt", {}),
    "math.square": ("Square", {}),
    "math.sin": ("Sin", {}),
    "math.cos": ("Cos", {}),
    "math.tanh": ("Tanh", {}),
    "math.sigmoid": ("Sigmoid", {}),
    "nn.relu": ("Relu", {"features": "x"}),
    "nn.softmax": ("Softmax", {"logits": "x"}),
    "nn.sigmoid": ("Sigmoid", {}),
    "nn.tanh": ("Tanh", {}),
    "nn.gelu": ("Gelu", {"features": "x"}),
    "nn.silu": ("Silu", {"features": "x"}),
    "math.reduce_mean": ("Mean", _FOLD),
    "math.reduce_sum": ("Sum", _FOLD),
    "math.reduce_max": ("Max", _FOLD),
    "math.reduce_min": ("Min", _FOLD),
    "math.reduce_prod": ("Prod", _FOLD),
    "reshape": ("Reshape", {"tensor": "x", "shape": "newshape"}),
    "transpose": ("Transpose", {"a": "x", "perm": "axes"}),
    "expand_dims": ("ExpandDims", {"input": "x"}),
    "squeeze": ("Squeeze", {"input": "x"}),
    "concat": ("Concatenate", {"values": "xs"}),
    "linalg.matmul": ("Matmul", {"a": "x1", "b": "x2"}),
    "cast": ("Cast", {}),
}


def modern_graph(config: dict[str, Any]) -> tuple[dict[str, Any], bool]:
    """The config of a graph with its calls in today's form, and whether they were in the old one.

    Raises:
        ValueError: it calls a function of TensorFlow that has no equal here.
    """
    entries = config.get("layers")
    if not isinstance(entries, list) or not all(isinstance(e, dict) for e in entries):
        return config, False
    calls = [call for e in entries for call in _list(e.get("inbound_nodes"))]
    if not any(isinstance(call, list) for call in calls):
        return config, False
    graph = _OldGraph(entries, [config.get("input_layers"), config.get("output_layers")])
    changed = {
        **config,
        "layers": [graph.entry(entry) for entry in entries],
        "input_layers": graph.ends(config.get("input_layers")),
        "output_layers": graph.ends(config.get("output_layers")),
    }
    return changed, True


def names_of_outputs(config: Config) -> list[str]:
    """The names of the layers that make the outputs of a graph, from its config."""
    inner = config.get("config") if isinstance(config, dict) else None
    ends = inner.get("output_layers") if isinstance(inner, dict) else None
    if isinstance(ends, dict):
        ends = list(ends.values())
    return [e[0] for e in _list(ends) if isinstance(e, list) and e]


class _OldGraph:
    """The layers of a graph by name, to tell references from other lists."""

    def __init__(self, entries: list[dict[str, Any]], ends: list[Any]):
        self._counts = {e.get("name"): len(_list(e.get("inbound_nodes"))) for e in entries}
        largest: dict[str, int] = {}
        waiting: list[Any] = [*(e.get("inbound_nodes") for e in entries), *ends]
        while waiting:
            value = waiting.pop()
            if self._is_reference(value):
                largest[value[0]] = max(largest.get(value[0], 0), value[1])
                waiting += value[3:]
            elif isinstance(value, list):
                waiting += value
            elif isinstance(value, dict):
                waiting += value.values()
        models = {e.get("name") for e in entries if e.get("class_name") in _MODELS}
        self._shifted = {
            name
            for name, index in largest.items()
            if name in models and index == self._counts[name]
        }

    def _is_reference(self, value: object) -> bool:
        return (
            isinstance(value, list)
            and len(value) in (3, 4)
            and isinstance(value[0], str)
            and value[0] in self._counts
            and type(value[1]) is int
            and type(value[2]) is int
        )

    def _place(self, reference: list[Any]) -> list[Any]:
        name, call, output = reference[:3]
        return [name, call - 1 if name in self._shifted else call, output]

    def ends(self, value: Any) -> Any:
        """The inputs or outputs; a list of one stood for the tensor itself."""
        if self._is_reference(value):
            return self._place(value)
        if isinstance(value, dict):
            return {k: self.ends(v) for k, v in value.items()}
        found = [self.ends(v) for v in _list(value)]
        return found[0] if len(found) == 1 else found

    def _plain(self, value: Any) -> Any:
        """Arguments of a call, the references among them as tensors."""
        if self._is_reference(value):
            config = {"shape": None, "dtype": None, "keras_history": self._place(value)}
            return {"class_name": "__keras_tensor__", "config": config}
        if isinstance(value, list) and len(value) >= 3 and value[0] == "_CONSTANT_VALUE":
            return value[2]
        if isinstance(value, list):
            return [self._plain(v) for v in value]
        if isinstance(value, dict):
            return {k: self._plain(v) for k, v in value.items()}
        return value

    def entry(self, entry: dict[str, Any]) -> dict[str, Any]:
        """A layer with its calls in today's form."""
        kind = entry.get("class_name")
        calls = [self._call(call, kind) for call in _list(entry.get("inbound_nodes"))]
        if kind == "TFOpLambda":
            return _operation(entry, calls)
        if kind in ("SlicingOpLambda", "TensorFlowOpLayer", "ClassMethod", "InstanceMethod"):
            raise ValueError(_no_equal(str(entry.get("name")), str(kind)))
        return {**entry, "inbound_nodes": calls}

    def _call(self, call: Any, kind: Any) -> Any:
        if isinstance(call, dict):
            return call
        inputs = [call] if call and isinstance(call[0], str) else _list(call)
        last = inputs[0][3] if inputs and len(inputs[0]) > 3 else {}
        kwargs = self._plain(last if isinstance(last, dict) else {})
        tensors = [self._plain(x[:3]) for x in inputs]
        if kind in _RECURRENT and len(tensors) > 1:
            return {"args": tensors[:1], "kwargs": {**kwargs, "initial_state": tensors[1:]}}
        return {"args": tensors if len(tensors) == 1 else [tensors], "kwargs": kwargs}


def _operation(entry: dict[str, Any], calls: list[dict[str, Any]]) -> dict[str, Any]:
    """A function of TensorFlow as the operation that computes the same."""
    config = entry.get("config")
    function = config.get("function") if isinstance(config, dict) else None
    if function not in _FUNCTIONS or len(calls) != 1:
        raise ValueError(_no_equal(str(entry.get("name")), str(function)))
    class_name, renamed = _FUNCTIONS[function]
    op = TABLE[class_name]
    given = {renamed.get(k, k): v for k, v in calls[0]["kwargs"].items() if k != "name"}
    names = [n for n in op.signature.parameters if n not in given]
    given |= dict(zip(names, calls[0]["args"], strict=False))
    tensors = [n for n in op.tensors if n in given]
    settings = {k: v for k, v in given.items() if k not in tensors and k in op.signature.parameters}
    return {
        "module": "keras.src.ops",
        "class_name": class_name,
        "config": {"name": entry.get("name"), **settings},
        "registered_name": class_name,
        "name": entry.get("name"),
        "inbound_nodes": [{"args": [given[n] for n in tensors], "kwargs": {}}],
    }


def _no_equal(layer: str, function: str) -> str:
    return explain(
        f"The graph calls {function!r} of TensorFlow in {layer!r}, for which there is no operation "
        "here.",
        fix="make the model again with keras.ops and load the weights alone;\n"
        + did_you_mean(function, _FUNCTIONS),
    )


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
