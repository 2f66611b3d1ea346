"""The table behind `model.summary()`: one row per layer, then the totals.

    model.operations or model.layers ──> rows ──┐
    model.outputs ──> graph of the model's calls┤   which call gave which shape,
                      (walked back to inputs)   │   and what it was connected to
    weights ────────────────> counts and sizes ─┴──> table ──> print_fn, or print

What is asked of a model:

    name, layers                          and, where there is one, `operations` (a graph's ops too)
    inputs, outputs                       symbolic tensors; absent or raising without a graph
    trainable_weights, non_trainable_weights
    optimizer                             None, or with `built` and `variables`

of a layer or op:

    name, type(layer).__name__                          of an op `op_name`, (module, class name)
    built, weights, count_params(), trainable           absent on an op, which has no weights
    output                                              may raise
    get_build_config(), compute_output_shape(...)       for layers called outside a graph; may raise
    layers                                              of a nested model, for `expand_nested`
    _inbound_nodes                                      each with `input_tensors`, `output_tensors`

of a symbolic tensor: `shape` and `_keras_history`, which is `(operation, node_index,
tensor_index)`, or None of a bare input; of a weight: `shape` and `dtype`. Nothing is imported for
any of it, so the module serves every model that has these names.
"""

import io
import math
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import Any

from cornu import errors
from cornu.reports import screen
from cornu.reports.table import Column, render_table
from cornu.types import DType

USUAL = 76  # characters of the table when content does not ask for more: what Keras users know
SHORT = 17  # characters of a list of connections that stays on one line: the usual column
UNKNOWN = "?"  # the shape of a layer that has never seen an input

# Where each column ends, as a part of the line, by (connected, trainable).
POSITIONS = {
    (False, False): (0.45, 0.80, 1.0),
    (False, True): (0.40, 0.73, 0.90, 1.0),
    (True, False): (0.30, 0.57, 0.74, 1.0),
    (True, True): (0.26, 0.49, 0.64, 0.87, 1.0),
}

Graph = dict[int, list[tuple[int, Any]]]  # id of an operation -> its calls here, (index, node)


def summarize(
    model: Any,
    *,
    line_length: int | None = None,
    positions: Sequence[float] | None = None,
    print_fn: Callable[[str], object] | None = None,
    expand_nested: bool = False,
    show_trainable: bool = False,
    layer_range: Sequence[str] | None = None,
) -> None:
    """Print the layers of `model`, their output shapes and numbers of parameters, and totals.

    Args:
        model: object with the attributes listed at the top of this module.
        line_length: characters per line. If None, the table is sized to its content, up to the
            width of the terminal (80 where there is none).
        positions: increasing ends of the columns, as fractions of the line up to 1.0 or in
            characters. Columns then have exactly these widths, and longer text is wrapped.
        print_fn: function that receives the whole text, once; `print` if None.
        expand_nested: whether to show the layers of nested models.
        show_trainable: whether to add a column: `Y` trainable, `N` frozen, `-` without weights.
        layer_range: names or regular expressions of the first and the last layer to show.

    Raises:
        ValueError: `positions` or `layer_range` does not fit the model.
    """
    stream = sys.stdout if print_fn is None else None
    text = summary_text(
        model,
        line_length=line_length,
        positions=positions,
        expand_nested=expand_nested,
        show_trainable=show_trainable,
        layer_range=layer_range,
        stream=stream,
    )
    if print_fn is None:
        print(text)
    else:
        print_fn(text)


def summary_text(
    model: Any,
    *,
    line_length: int | None = None,
    positions: Sequence[float] | None = None,
    expand_nested: bool = False,
    show_trainable: bool = False,
    layer_range: Sequence[str] | None = None,
    stream: Any = None,
) -> str:
    """The text that `summarize` prints; `stream` is where it will go, None for plain text."""
    graph = _graph_of(model)
    connected = graph is not None and not _is_chain(graph)
    layers = _in_range(_layers_of(model), layer_range)

    stream = stream or io.StringIO()  # which has every character and no colour
    branch = "└ " if screen.can_write(stream, "└") else "- "
    rows: list[list[str]] = []
    unbuilt = _add_rows(rows, layers, graph, branch if expand_nested else None, 0)
    if not connected:
        rows = [[*row[:3], row[4]] for row in rows]
    if not show_trainable:
        rows = [row[:-1] for row in rows]

    fixed = positions is not None
    length = line_length or USUAL
    ends = _ends(positions or POSITIONS[connected, show_trainable], length)
    columns = [Column("Layer (type)"), Column("Output Shape"), Column("Param #", "right")]
    columns += [Column("Connected to")] if connected else []
    columns += [Column("Trainable", "center")] if show_trainable else []
    if fixed and len(ends) != len(columns):
        raise errors.value_error(
            f"positions must have {len(columns)} entries, one per column, got {len(ends)}.",
            columns=", ".join(c.title for c in columns),
            fix=f"give {len(columns)} increasing positions, the last one 1.0.",
        )
    styles = ("", "cyan", "green", "", "")
    starts = [0, *ends[:-1]]
    columns = [
        Column(c.title, c.align, wish=end - start - 1, fixed=fixed, style=style)
        for c, start, end, style in zip(columns, starts, ends, styles, strict=False)
    ]
    room = (
        screen.columns(stream) if line_length is None and not fixed else max(length, ends[-1] + 1)
    )
    return render_table(
        f'Model: "{model.name}"',
        columns,
        rows,
        _totals(model) + _advice(unbuilt),
        room,
        stream=stream,
    )


# ---- rows -------------------------------------------------------------------------------------


def _add_rows(
    rows: list[list[str]],
    layers: Sequence[Any],
    graph: Graph | None,
    branch: str | None,
    depth: int,
) -> int:
    """Append the rows of `layers`; returns how many of the layers have no weights yet.

    `branch` marks the layers of nested models; None leaves them out.
    """
    unbuilt = 0
    for layer in layers:
        mark = "   " * depth + branch if branch and depth else ""
        calls = [] if graph is None else graph.get(id(layer), [])
        built = getattr(layer, "built", True)
        inner = getattr(layer, "layers", None) if branch else None
        rows.append(
            [
                f"{mark}{layer.name} ({_kind(layer)})",
                _shape_text(layer, calls),
                f"{_count(layer):,}" if built else "0 (unbuilt)",
                _connections(calls),
                _trainable_mark(layer),
            ]
        )
        if inner:
            unbuilt += _add_rows(rows, _layers_of(layer), _graph_of(layer), branch, depth + 1)
        else:
            unbuilt += not built
    return unbuilt


def _layers_of(model: Any) -> list[Any]:
    """The rows of a model: its layers, and in a graph the ops between them too."""
    return list(getattr(model, "operations", None) or model.layers)


def _count(layer: Any) -> int:
    return layer.count_params() if hasattr(layer, "count_params") else 0


def _trainable_mark(layer: Any) -> str:
    if not getattr(layer, "weights", None):
        return "-"
    return "Y" if layer.trainable else "N"


def _connections(calls: Sequence[tuple[int, Any]]) -> str:
    """The tensors that the calls of a layer take, `dense[0][0]`: one a line, unless short."""
    sources = []
    for _, node in calls:
        for operation, node_index, tensor_index in _sources(node):
            sources.append(f"{operation.name}[{node_index}][{tensor_index}]")
    return (", " if len(", ".join(sources)) <= SHORT else ",\n").join(sources) or "-"


def _in_range(layers: list[Any], layer_range: Sequence[str] | None) -> list[Any]:
    """The layers from the first that `layer_range` names to the last."""
    if layer_range is None:
        return layers
    names = [layer.name for layer in layers]
    if isinstance(layer_range, str) or len(layer_range) != 2:
        raise errors.value_error(
            f"layer_range must be a pair, the first and the last layer, got {layer_range!r}.",
            fix=f"layer_range=({names[0]!r}, {names[-1]!r})" if names else None,
        )
    found = []
    for pattern in layer_range:
        hits = [k for k, name in enumerate(names) if name == pattern or re.match(pattern, name)]
        if not hits:
            raise errors.value_error(
                f"layer_range: no layer of the model matches {pattern!r}.",
                fix=errors.did_you_mean(pattern, names),
            )
        found.append((hits[0], hits[-1]))
    return layers[min(lo for lo, _ in found) : max(hi for _, hi in found) + 1]


# ---- shapes -----------------------------------------------------------------------------------


def _kind(layer: Any) -> str:
    """The name of a layer's class; of an op that of Keras's class for it."""
    op_name = getattr(layer, "op_name", None)
    return op_name[-1] if op_name is not None else type(layer).__name__


def _shape_text(layer: Any, calls: Sequence[tuple[int, Any]]) -> str:
    """The output shapes of the layer: of its calls in the model's graph, or of its only one.

    A layer called several times shows each different shape on a line of its own.
    """
    if calls:
        shapes = [_shapes_text([t.shape for t in node.output_tensors]) for _, node in calls]
        return "\n".join(dict.fromkeys(shapes))
    try:
        return _shapes_text([t.shape for t in _tensors(layer.output)])
    except (AttributeError, ValueError, RuntimeError):
        pass  # it was never called on a symbolic tensor, or more than once
    return _shape_by_asking(layer) or UNKNOWN


def _shape_by_asking(layer: Any) -> str | None:
    """The shape of a layer that was only ever called on arrays, from the shape it was built for."""
    try:
        known = layer.get_build_config() or {}
        shapes = known.get("shapes_dict") or {"input_shape": known["input_shape"]}
        if len(shapes) == 1:
            return _shapes_text(_shapes(layer.compute_output_shape(*shapes.values())))
        return _shapes_text(_shapes(layer.compute_output_shape(**shapes)))
    except Exception:  # code of the user's layer: whatever it raises, the shape stays unknown
        return None


def _shapes_text(shapes: Sequence[Sequence[int | None]]) -> str:
    texts = [str(tuple(shape)) for shape in shapes]
    return texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"


def _shapes(nest: Any) -> list[tuple[int | None, ...]]:
    """The shapes in a shape, or in a list or dict of shapes."""
    if isinstance(nest, dict):
        return [shape for value in nest.values() for shape in _shapes(value)]
    if all(size is None or isinstance(size, int) for size in nest):
        return [tuple(nest)]
    return [shape for value in nest for shape in _shapes(value)]


def _tensors(nest: Any) -> list[Any]:
    """The tensors in a tensor, or in a list or dict of tensors."""
    if isinstance(nest, dict):
        nest = list(nest.values())
    if isinstance(nest, (list, tuple)):
        return [tensor for value in nest for tensor in _tensors(value)]
    return [nest]


# ---- the graph --------------------------------------------------------------------------------


def _graph_of(model: Any) -> Graph | None:
    """The calls that lead from the model's inputs to its outputs, by operation; None without one.

    Calls of the same layers in other models are not among them.
    """
    try:
        outputs, inputs = _tensors(model.outputs), _tensors(model.inputs)
    except (AttributeError, ValueError, RuntimeError):
        return None  # a subclassed model, or a Sequential that is not built
    if not all(hasattr(tensor, "_keras_history") for tensor in [*outputs, *inputs]):
        return None
    stop = {id(tensor) for tensor in inputs}
    graph: Graph = {}
    seen: set[int] = set()
    todo = [*outputs, *inputs]
    while todo:
        tensor = todo.pop()
        if tensor._keras_history is None:
            continue
        operation, index, _ = tensor._keras_history
        node = operation._inbound_nodes[index]
        if id(node) in seen:
            continue
        seen.add(id(node))
        graph.setdefault(id(operation), []).append((index, node))
        if id(tensor) not in stop:
            todo += node.input_tensors
    for calls in graph.values():
        calls.sort(key=lambda call: call[0])
    return graph


def _sources(node: Any) -> list[Any]:
    """Where the tensors that a call takes come from; a bare input comes from nowhere."""
    return [t._keras_history for t in node.input_tensors if t._keras_history is not None]


def _is_chain(graph: Graph) -> bool:
    """Whether every call takes from one call and gives to one, so that the order says it all."""
    if any(len(calls) > 1 for calls in graph.values()):
        return False
    givers: set[tuple[int, int]] = set()
    starts = 0
    for calls in graph.values():
        for _, node in calls:
            sources = {(id(operation), index) for operation, index, _ in _sources(node)}
            starts += not sources
            if len(sources) > 1 or sources & givers:
                return False
            givers |= sources
    return starts <= 1


# ---- totals -----------------------------------------------------------------------------------


def _totals(model: Any) -> list[str]:
    parts = {
        "Trainable params": _measure(model.trainable_weights),
        "Non-trainable params": _measure(model.non_trainable_weights),
    }
    optimizer = getattr(model, "optimizer", None)
    if optimizer is not None and getattr(optimizer, "built", False) and optimizer.variables:
        parts["Optimizer params"] = _measure(optimizer.variables)
    total = tuple(map(sum, zip(*parts.values(), strict=True)))
    lines = {"Total params": total, **parts}
    return [f" {name}: {count:,} ({_size(size)})" for name, (count, size) in lines.items()]


def _measure(weights: Iterable[Any]) -> tuple[int, float]:
    """Number of parameters and of bytes of the weights; each weight counts once."""
    distinct = {id(w): w for w in weights}.values()
    counts = [math.prod(w.shape) for w in distinct]
    bits = sum(n * _bits(w.dtype) for n, w in zip(counts, distinct, strict=True))
    return sum(counts), bits / 8


def _bits(dtype: DType) -> int:
    """Bits of one number: `bfloat16` has 16, `float8_e4m3fn` 8, `bool` takes a byte."""
    found = re.match(r"[a-z]+?(\d+)", getattr(dtype, "name", None) or str(dtype))
    return int(found.group(1)) if found else 8


def _size(size: float) -> str:
    for unit in ("B", "KB", "MB", "GB", "TB"):
        if size < 1024:
            break
        size /= 1024 if unit != "TB" else 1
    return f"{size:.2f} {unit}"


def _advice(unbuilt: int) -> list[str]:
    if not unbuilt:
        return []
    which = "1 layer is" if unbuilt == 1 else f"{unbuilt} layers are"
    return [
        f" {which} not built: the weights come with the shape of the input.",
        " To build the model, put an `Input(shape)` first, call `model.build(input_shape)`,",
        " or call the model on a batch of data.",
    ]


def _ends(positions: Sequence[float], length: int) -> list[int]:
    """The character that each column's right border stands on, the first border being 0."""
    if any(a >= b for a, b in pairwise(positions)) or not positions or positions[0] <= 0:
        raise errors.value_error(
            f"positions must be increasing and > 0, got {list(positions)}.",
            fix="positions=[0.45, 0.8, 1.0]",
        )
    scale = length if positions[-1] <= 1 else 1
    first, *rest = (int(p * scale) for p in positions)
    return [first, *(end - 1 for end in rest)]
