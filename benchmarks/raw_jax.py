"""The workloads in plain JAX, as an experienced user writes them without any library.

One jitted step with donated state, the samples on the device, batches gathered by index inside the
step, losses fetched at the end of an epoch. The operations are JAX's own (`lax` convolutions and
windows, `jax.nn`, `jax.random`): what XLA makes of ordinary code. Initial weights as in Keras.
"""

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from workloads import (
    CATEGORIES,
    CONTEXT,
    EMBEDDING,
    FIELDS,
    GPT_DEPTH,
    GPT_HEADS,
    GPT_WIDTH,
    MEASURES,
    RESNET_BLOCKS,
    RESNET_CHANNELS,
    SEPARABLE,
    VOCABULARY,
    WORKLOADS,
)

PREDICT_BATCH = 256
NHWC = ("NHWC", "HWIO", "NHWC")

Tree = Any
# (weights, moving statistics, inputs, random key or None) -> (logits, new statistics)
Forward = Callable[[Tree, list[Any], list[Any], Any], tuple[Any, list[Any]]]


# ---- initial weights -----------------------------------------------------------------------------


class Draw:
    """Initial weights, drawn one after the other."""

    def __init__(self) -> None:
        self.rng = np.random.default_rng(0)

    def glorot(self, *shape: int) -> np.ndarray:
        """Uniform; the last two axes are in and out, those before belong to a window."""
        window = math.prod(shape[:-2])
        limit = math.sqrt(6 / (window * (shape[-2] + shape[-1])))
        return self.rng.uniform(-limit, limit, shape).astype("float32")

    def small(self, *shape: int) -> np.ndarray:
        """Uniform in +-0.05, for tables."""
        return self.rng.uniform(-0.05, 0.05, shape).astype("float32")

    def dense(self, into: int, out: int) -> dict[str, np.ndarray]:
        return {"w": self.glorot(into, out), "b": np.zeros(out, "float32")}

    def conv(self, size: int, into: int, out: int) -> dict[str, np.ndarray]:
        return {"w": self.glorot(size, size, into, out), "b": np.zeros(out, "float32")}

    def norm(self, size: int) -> dict[str, np.ndarray]:
        return {"scale": np.ones(size, "float32"), "shift": np.zeros(size, "float32")}

    def recurrent(self, into: int, units: int, gates: int) -> dict[str, np.ndarray]:
        square, _ = np.linalg.qr(self.rng.normal(size=(gates * units, units)))
        bias = np.zeros(gates * units, "float32")
        if gates == 4:
            bias[units : 2 * units] = 1  # remember at first
        parts = {"w": self.glorot(into, gates * units), "u": square.T.astype("float32"), "b": bias}
        return parts | ({"b_h": np.zeros_like(bias)} if gates == 3 else {})

    def block(self, width: int) -> dict[str, Any]:
        return {
            "qkv": [self.dense(width, width) for _ in range(3)],
            "out": self.dense(width, width),
            "up": self.dense(width, 4 * width),
            "down": self.dense(4 * width, width),
            "norm1": self.norm(width),
            "norm2": self.norm(width),
        }


# ---- operations ----------------------------------------------------------------------------------


def dense(x: Any, p: Tree) -> Any:
    return x @ p["w"] + p["b"]


def conv(x: Any, w: Any, stride: int = 1, padding: str = "SAME", groups: int = 1) -> Any:
    return lax.conv_general_dilated(
        x, w, (stride, stride), padding, dimension_numbers=NHWC, feature_group_count=groups
    )


def max_pool(x: Any) -> Any:
    return lax.reduce_window(x, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")


def batch_norm(x: Any, p: Tree, statistics: Any, train: bool) -> tuple[Any, Any]:
    mean, variance = (x.mean((0, 1, 2)), x.var((0, 1, 2))) if train else statistics
    y = (x - mean) * lax.rsqrt(variance + 1e-3) * p["scale"] + p["shift"]
    if not train:
        return y, statistics
    moved = (0.99 * statistics[0] + 0.01 * mean, 0.99 * statistics[1] + 0.01 * variance)
    return y, lax.stop_gradient(moved)


def layer_norm(x: Any, p: Tree) -> Any:
    mean, variance = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
    return (x - mean) * lax.rsqrt(variance + 1e-3) * p["scale"] + p["shift"]


def attention(x: Any, p: Tree, heads: int, causal: bool) -> Any:
    batch, time, width = x.shape
    q, k, v = (dense(x, part).reshape(batch, time, heads, -1) for part in p["qkv"])
    y = jax.nn.dot_product_attention(q, k, v, is_causal=causal)
    return dense(y.reshape(batch, time, width), p["out"])


def gelu(x: Any) -> Any:
    return jax.nn.gelu(x, approximate=False)


def lstm(x: Any, p: Tree) -> Any:
    """The last state."""
    zeros = jnp.zeros((x.shape[0], p["u"].shape[0]))

    def step(carry: Any, x: Any) -> Any:
        h, c = carry
        i, f, g, o = jnp.split(x @ p["w"] + h @ p["u"] + p["b"], 4, -1)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        return (jax.nn.sigmoid(o) * jnp.tanh(c), c), None

    return lax.scan(step, (zeros, zeros), x.swapaxes(0, 1))[0][0]


def gru(x: Any, p: Tree, reverse: bool = False) -> Any:
    """All states, `(time, batch, units)`, for inputs `(time, batch, features)`."""

    def step(h: Any, x: Any) -> Any:
        xz, xr, xn = jnp.split(x @ p["w"] + p["b"], 3, -1)
        hz, hr, hn = jnp.split(h @ p["u"] + p["b_h"], 3, -1)
        z, r = jax.nn.sigmoid(xz + hz), jax.nn.sigmoid(xr + hr)
        h = z * h + (1 - z) * jnp.tanh(xn + r * hn)
        return h, h

    return lax.scan(step, jnp.zeros((x.shape[1], p["u"].shape[0])), x, reverse=reverse)[1]


# ---- models --------------------------------------------------------------------------------------


def _perceptron(*sizes: int) -> tuple[Tree, list[Any], Forward]:
    draw = Draw()

    def forward(p: Tree, statistics: Any, x: Any, key: Any) -> Any:
        h = x[0]
        for layer in p[:-1]:
            h = jax.nn.relu(dense(h, layer))
        return dense(h, p[-1]), statistics

    return [draw.dense(a, b) for a, b in zip(sizes, sizes[1:], strict=False)], [], forward


def _cnn() -> tuple[Tree, list[Any], Forward]:
    draw = Draw()

    def forward(p: Tree, statistics: Any, x: Any, key: Any) -> Any:
        h = x[0]
        for layer in p[:-1]:
            h = max_pool(jax.nn.relu(conv(h, layer["w"], padding="VALID") + layer["b"]))
        h = h.reshape(len(h), -1)
        if key is not None:
            h = jnp.where(jax.random.bernoulli(key, 0.5, h.shape), h / 0.5, 0)
        return dense(h, p[-1]), statistics

    return [draw.conv(3, 1, 32), draw.conv(3, 32, 64), draw.dense(1600, 10)], [], forward


def _images(layout: list[tuple[str, int, int, int]]) -> tuple[Tree, list[Any], Forward]:
    """Convolutions with batch normalization, each `(kind, in, out, stride)`.

    Kinds: "conv", "by_channel", "point"; "first" and "second" are the halves of a residual block.
    """
    draw, layers, statistics = Draw(), [], []

    def add(size: int, into: int, out: int, groups: int = 1) -> None:
        w = draw.glorot(size, size, into // groups, out)
        layers.append({"w": w, **draw.norm(out)})
        statistics.append((np.zeros(out, "float32"), np.ones(out, "float32")))

    for kind, into, out, stride in layout:
        add(1 if kind == "point" else 3, into, out, into if kind == "by_channel" else 1)
        if kind == "second" and stride > 1:
            add(1, into // 2, out)
    head = draw.dense(layout[-1][2], 10)

    def forward(p: Tree, statistics: Any, x: Any, key: Any) -> Any:
        h, new, parts = x[0], [], iter(zip(p["layers"], statistics, strict=True))

        def step(h: Any, stride: int, groups: int = 1) -> Any:
            q, moving = next(parts)
            h, moving = batch_norm(conv(h, q["w"], stride, "SAME", groups), q, moving, train)
            new.append(moving)
            return h

        train, short = key is not None, h
        for kind, into, _, stride in layout:
            if kind == "first":
                short = h
            if kind != "second":
                h = jax.nn.relu(step(h, stride, into if kind == "by_channel" else 1))
                continue
            h = step(h, 1)
            h = jax.nn.relu(h + (step(short, stride) if stride > 1 else short))
        return dense(h.mean((1, 2)), p["head"]), new

    return {"layers": layers, "head": head}, statistics, forward


def _resnet_layout() -> list[tuple[str, int, int, int]]:
    layout, into = [("conv", 3, RESNET_CHANNELS[0], 1)], RESNET_CHANNELS[0]
    for stage, channels in enumerate(RESNET_CHANNELS):
        for block in range(RESNET_BLOCKS):
            stride = 2 if stage and not block else 1
            layout += [("first", into, channels, stride), ("second", channels, channels, stride)]
            into = channels
    return layout


def _separable_layout() -> list[tuple[str, int, int, int]]:
    layout, into = [("conv", 3, 32, 1)], 32
    for channels, stride in SEPARABLE:
        layout += [("by_channel", into, into, stride), ("point", into, channels, 1)]
        into = channels
    return layout


def _lstm() -> tuple[Tree, list[Any], Forward]:
    draw = Draw()
    weights = {"lstm": draw.recurrent(28, 128, 4), "head": draw.dense(128, 10)}
    return weights, [], lambda p, s, x, key: (dense(lstm(x[0], p["lstm"]), p["head"]), s)


def _gru_bidir() -> tuple[Tree, list[Any], Forward]:
    draw = Draw()

    def forward(p: Tree, statistics: Any, x: Any, key: Any) -> Any:
        h = x[0].swapaxes(0, 1)
        first, second = p["layers"]
        h = jnp.concatenate([gru(h, first[0]), gru(h, first[1], True)], -1)
        h = jnp.concatenate([gru(h, second[0])[-1], gru(h, second[1], True)[0]], -1)
        return dense(h, p["head"]), statistics

    layers = [[draw.recurrent(into, 64, 3) for _ in range(2)] for into in (28, 128)]
    return {"layers": layers, "head": draw.dense(128, 10)}, [], forward


def _transformer() -> tuple[Tree, list[Any], Forward]:
    draw = Draw()

    def forward(p: Tree, statistics: Any, x: Any, key: Any) -> Any:
        h = dense(x[0], p["enter"]) + p["positions"]
        for block in p["blocks"]:
            h = layer_norm(h + attention(h, block, 4, False), block["norm1"])
            h = layer_norm(h + dense(gelu(dense(h, block["up"])), block["down"]), block["norm2"])
        return dense(h.mean(1), p["head"]), statistics

    weights = {
        "enter": draw.dense(28, 128),
        "positions": draw.small(28, 128),
        "blocks": [draw.block(128) for _ in range(2)],
        "head": draw.dense(128, 10),
    }
    return weights, [], forward


def _gpt_small() -> tuple[Tree, list[Any], Forward]:
    draw = Draw()

    def forward(p: Tree, statistics: Any, x: Any, key: Any) -> Any:
        h = p["tokens"][x[0]] + p["positions"]
        for block in p["blocks"]:
            h = h + attention(layer_norm(h, block["norm1"]), block, GPT_HEADS, True)
            y = gelu(dense(layer_norm(h, block["norm2"]), block["up"]))
            h = h + dense(y, block["down"])
        return dense(layer_norm(h, p["norm"]), p["head"]), statistics

    weights = {
        "tokens": draw.small(VOCABULARY, GPT_WIDTH),
        "positions": draw.small(CONTEXT, GPT_WIDTH),
        "blocks": [draw.block(GPT_WIDTH) for _ in range(GPT_DEPTH)],
        "norm": draw.norm(GPT_WIDTH),
        "head": draw.dense(GPT_WIDTH, VOCABULARY),
    }
    return weights, [], forward


def _wide_deep() -> tuple[Tree, list[Any], Forward]:
    draw = Draw()

    def forward(p: Tree, statistics: Any, x: Any, key: Any) -> Any:
        categories, measures = x
        rows = len(measures)
        h = jnp.concatenate([p["deep"][categories].reshape(rows, -1), measures], 1)
        for layer in p["dense"]:
            h = jax.nn.relu(dense(h, layer))
        h = jnp.concatenate([h, p["wide"][categories].reshape(rows, -1)], 1)
        return dense(h, p["head"]), statistics

    weights = {
        "deep": draw.small(CATEGORIES, EMBEDDING),
        "wide": draw.small(CATEGORIES, 1),
        "dense": [draw.dense(FIELDS * EMBEDDING + MEASURES, 256), draw.dense(256, 128)],
        "head": draw.dense(128 + FIELDS, 1),
    }
    return weights, [], forward


def _autoencoder() -> tuple[Tree, list[Any], Forward]:
    draw = Draw()

    def up(x: Any, p: Tree) -> Any:
        return lax.conv_transpose(x, p["w"], (2, 2), "SAME", dimension_numbers=NHWC) + p["b"]

    def forward(p: Tree, statistics: Any, x: Any, key: Any) -> Any:
        h = x[0]
        for layer in p["down"]:
            h = jax.nn.relu(conv(h, layer["w"], 2) + layer["b"])
        h = jax.nn.relu(dense(dense(h.reshape(len(h), -1), p["narrow"]), p["wide"]))
        h = jax.nn.relu(up(h.reshape(-1, 7, 7, 32), p["up"][0]))
        return jax.nn.sigmoid(up(h, p["up"][1])), statistics

    weights = {
        "down": [draw.conv(3, 1, 16), draw.conv(3, 16, 32)],
        "narrow": draw.dense(1568, 64),
        "wide": draw.dense(64, 1568),
        "up": [draw.conv(3, 32, 16), draw.conv(3, 16, 1)],
    }
    return weights, [], forward


MODELS: dict[str, Callable[[], tuple[Tree, list[Any], Forward]]] = {
    "mlp": lambda: _perceptron(784, 512, 10),
    "mlp_small": lambda: _perceptron(4, 200, 200, 3),
    "cnn": _cnn,
    "cnn_bn": lambda: _images([("conv", a, b, 2) for a, b in ((3, 32), (32, 64), (64, 128))]),
    "resnet20": lambda: _images(_resnet_layout()),
    "depthwise": lambda: _images(_separable_layout()),
    "lstm": _lstm,
    "gru_bidir": _gru_bidir,
    "transformer": _transformer,
    "gpt_small": _gpt_small,
    "wide_deep": _wide_deep,
    "autoencoder": _autoencoder,
}


# ---- training ------------------------------------------------------------------------------------


def loss_of(kind: str, out: Any, y: Any) -> tuple[Any, Any]:
    """The loss, and the fraction that is right."""
    if kind == "pixels":
        return jnp.square(out - y).mean(), 0.0
    if kind == "yes_no":
        losses = jnp.maximum(out, 0) - out * y + jnp.log1p(jnp.exp(-jnp.abs(out)))
        return losses.mean(), ((out > 0) == (y > 0.5)).mean()
    picked = jnp.take_along_axis(jax.nn.log_softmax(out), y[..., None], -1)
    right = 0.0 if kind == "tokens" else (out.argmax(-1) == y).mean()
    return -picked.mean(), right


class Peer:
    """JAX's side of a workload."""

    def __init__(self, name: str):
        workload = WORKLOADS[name]
        self.kind, self.batch, self.rms = workload.loss, workload.batch, workload.optimizer
        weights, statistics, self.forward = MODELS[name]()
        zeros = jax.tree.map(np.zeros_like, weights)
        second = jax.tree.map(np.zeros_like, weights) if self.rms == "adam" else None
        state = (weights, statistics, zeros, second, np.int32(0))
        self.state = jax.tree.map(jnp.asarray, state)
        self.key = jax.random.key(0)
        self.rng = np.random.default_rng(0)
        self.step = jax.jit(self._step, donate_argnums=0)
        self.test = jax.jit(self._test)
        self.outputs = jax.jit(self._outputs)

    def objective(self, weights: Tree, statistics: Any, x: Any, y: Any, key: Any) -> Any:
        """The loss of a batch, and what else a step needs of it."""
        out, statistics = self.forward(weights, statistics, x, key)
        loss, right = loss_of(self.kind, out, y)
        return loss, (right, statistics)

    def _step(self, state: Tree, arrays: Any, rows: Any, key: Any) -> Any:
        weights, statistics, first, second, done = state
        x, y = jax.tree.map(lambda a: a[rows], arrays)
        key = jax.random.fold_in(key, done)
        gradient = jax.value_and_grad(self.objective, has_aux=True)
        (loss, (right, statistics)), grads = gradient(weights, statistics, x, y, key)
        done, each = done + 1, jax.tree.map
        if second is None:  # RMSprop
            first = each(lambda m, g: 0.9 * m + 0.1 * g * g, first, grads)
            weights = each(
                lambda w, m, g: w - 0.001 * g / jnp.sqrt(m + 1e-7), weights, first, grads
            )
        else:
            rate = 0.001 * jnp.sqrt(1 - 0.999**done) / (1 - 0.9**done)
            first = each(lambda m, g: 0.9 * m + 0.1 * g, first, grads)
            second = each(lambda v, g: 0.999 * v + 0.001 * g * g, second, grads)
            weights = each(
                lambda w, m, v: w - rate * m / (jnp.sqrt(v) + 1e-7), weights, first, second
            )
        return (weights, statistics, first, second, done), (loss, right)

    def _test(self, weights: Tree, statistics: Any, x: Any, y: Any) -> Any:
        return loss_of(self.kind, self.forward(weights, statistics, x, None)[0], y)

    def _outputs(self, weights: Tree, statistics: Any, x: Any) -> Any:
        out = self.forward(weights, statistics, x, None)[0]
        if self.kind == "classes":
            return jax.nn.softmax(out)
        return jax.nn.sigmoid(out) if self.kind == "yes_no" else out

    def fit(self, x: list[Any], y: Any, epochs: int, clock: Any) -> float:
        """Train and return the loss of the last epoch."""
        arrays = jax.tree.map(jnp.asarray, (x, y))
        mean = 0.0
        for _ in range(epochs):
            order, results = self.rng.permutation(len(y)).astype("int32"), []
            for i in range(0, len(y), self.batch):
                rows = order[i : i + self.batch]
                self.state, (loss, right) = self.step(self.state, arrays, rows, self.key)
                results.append((loss, right, len(rows)))
            losses, _, sizes = zip(*jax.device_get(results), strict=True)
            mean = float(np.average(losses, weights=sizes))
            clock.tick()
        return mean

    def evaluate(self, x: list[Any], y: Any) -> float:
        """The loss on all samples."""
        results = []
        for i in range(0, len(y), PREDICT_BATCH):
            rows = slice(i, i + PREDICT_BATCH)
            loss, right = self.test(*self.state[:2], [part[rows] for part in x], y[rows])
            results.append((loss, right, len(y[rows])))
        losses, _, sizes = zip(*jax.device_get(results), strict=True)
        return float(np.average(losses, weights=sizes))

    def predict(self, x: list[Any]) -> Any:
        """The outputs for all samples, as numpy."""
        outputs = [
            self.outputs(*self.state[:2], [part[i : i + PREDICT_BATCH] for part in x])
            for i in range(0, len(x[0]), PREDICT_BATCH)
        ]
        return np.concatenate([np.asarray(out) for out in outputs])
