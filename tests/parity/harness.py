"""Hold a layer of cornu against the layer of the same name in real Keras, on its JAX backend.

A row is data:

    Case("Dense", dict(units=4, activation="tanh"), inputs=[(2, 3)])

`compare(case)` builds the layer in both libraries, copies Keras's weights over by position, and
holds side by side: weights (paths, shapes, order, dtypes), outputs in both modes and their masks,
the variables after a call in training mode, gradients of a scalar projection with respect to
inputs and weights, output specs with unknown sizes, dtypes under mixed precision, and the config.
Outputs of random layers are compared by their moments, and errors by their type.
"""

import os

os.environ["KERAS_BACKEND"] = "jax"

import contextlib
import inspect
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np

import cornu
import cornu.layers
from cornu.core.masks import mask_of
from cornu.core.objects.serialize import serialize_keras_object
from cornu.core.symbolic import KerasTensor


@dataclass(frozen=True)
class Of:
    """A layer as an argument of another, made in whichever library is asked."""

    name: str
    arguments: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Ids:
    """Integers below `high` as an input."""

    shape: tuple[int, ...]
    high: int = 5


@dataclass(frozen=True)
class Steps:
    """A mask: how many steps of each sample count, of so many."""

    counts: tuple[int, ...]
    length: int


@dataclass(frozen=True)
class Case:
    """One row of a parity table.

    Attributes:
        name: of the layer.
        arguments: of its constructor; `Of` for layers.
        inputs: one entry for each positional argument of the call: a shape (normal numbers), `Ids`,
            or a list of those.
        options: keyword arguments of the call; `Steps` makes a mask.
        tolerance: largest relative and absolute difference of float32 numbers.
        random: whether outputs in training are random, and are compared by mean and deviation.
        gradients: whether the layer is differentiable.
        specs: input shapes with None, each a list as `inputs`; the batch size alone if None.
        config_differs: keys of the config that we have on purpose otherwise.
        mixed: whether the layer is run under mixed_bfloat16.
        label: told apart from other rows with the same name.
    """

    name: str
    arguments: dict[str, Any] = field(default_factory=dict)
    inputs: list[Any] = field(default_factory=lambda: [(2, 3)])
    options: dict[str, Any] = field(default_factory=dict)
    tolerance: float = 2e-5
    random: bool = False
    gradients: bool = True
    specs: list[list[Any]] | None = None
    config_differs: tuple[str, ...] = ()
    mixed: bool = True
    label: str = ""

    def __str__(self) -> str:
        if self.label:
            return f"{self.name}-{self.label}"
        shown = "-".join(f"{k}={v}" for k, v in self.arguments.items() if not isinstance(v, Of))
        return f"{self.name}-{shown}"[:80].replace(" ", "")


@dataclass(frozen=True)
class Bad:
    """A row of what must fail, with the same type of exception.

    Attributes:
        name: of the layer.
        arguments: of its constructor.
        inputs: of the call; None if the constructor fails.
        says: words that our message holds.
    """

    name: str
    arguments: dict[str, Any]
    inputs: list[Any] | None = None
    says: str = ""
    error: type[Exception] | None = None  # ours, where Keras lets it pass

    def __str__(self) -> str:
        return f"{self.name}-{self.arguments}"[:80].replace(" ", "")


# ---- making things ----------------------------------------------------------------------------


def make(library: Any, value: Any) -> Any:
    """The value with every `Of` replaced by a layer of the library."""
    if isinstance(value, Of):
        arguments = {k: make(library, v) for k, v in value.arguments.items()}
        return getattr(library.layers, value.name)(**arguments)
    if isinstance(value, (list, tuple)):
        return type(value)(make(library, v) for v in value)
    return value


def build(library: Any, case: Case, **more: Any) -> Any:
    """The layer of a row."""
    arguments = {"name": "layer", **case.arguments, **more}
    return getattr(library.layers, case.name)(**{k: make(library, v) for k, v in arguments.items()})


def data(spec: Any, random: np.random.Generator) -> Any:
    """Numbers for an entry of `inputs` or `options`."""
    if isinstance(spec, list):
        return [data(s, random) for s in spec]
    if isinstance(spec, Ids):
        return random.integers(0, spec.high, spec.shape).astype("int32")
    if isinstance(spec, Steps):
        return np.arange(spec.length) < np.array(spec.counts)[:, None]
    if isinstance(spec, tuple):
        return random.normal(size=spec).astype("float32")
    return spec


def mode(layer: Any, training: bool) -> dict[str, Any]:
    """The training flag, if the layer takes one."""
    takes = "training" in inspect.signature(layer.call).parameters
    return {"training": training} if takes else {}


def example(case: Case) -> tuple[list[Any], dict[str, Any]]:
    """Arguments of the call, the same at each call."""
    random = np.random.default_rng(len(case.name))
    inputs = [data(spec, random) for spec in case.inputs]
    return inputs, {k: data(v, random) for k, v in case.options.items()}


def give_weights(theirs: Any, ours: Any) -> None:
    """Set the weights of both to the same numbers, none of which is special."""
    random = np.random.default_rng(7)
    values = []
    for w in theirs.weights:
        value = random.normal(scale=0.5, size=w.shape)
        if "variance" in w.path or "stddev" in w.path:
            value = np.abs(value) + 0.5
        values.append(value.astype(np.asarray(w.value).dtype))
    theirs.set_weights(values)
    ours.set_weights(values)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Without warnings."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def flat(outputs: Any) -> list[np.ndarray]:
    """The arrays of a nested output."""
    return [np.asarray(x) for x in jax.tree.leaves(outputs)]


# ---- comparing --------------------------------------------------------------------------------


def same_weights(theirs: Any, ours: Any) -> None:
    """Paths, shapes, dtypes and order of the weights, and what is trainable."""

    def facts(layer: Any) -> list[Any]:
        return [(w.path, tuple(w.shape), str(w.dtype), w.trainable) for w in layer.weights]

    assert facts(ours) == facts(theirs)


def same_numbers(theirs: Any, ours: Any, tolerance: float, what: str) -> None:
    """Each array of one close to that of the other."""
    a, b = flat(theirs), flat(ours)
    assert len(a) == len(b), f"{what}: {len(b)} arrays, Keras has {len(a)}"
    for x, y in zip(a, b, strict=True):
        assert y.dtype == x.dtype, f"{what}: dtype {y.dtype}, Keras has {x.dtype}"
        assert y.shape == x.shape, f"{what}: shape {y.shape}, Keras has {x.shape}"
        np.testing.assert_allclose(
            y.astype("float64"), x.astype("float64"), tolerance, tolerance, err_msg=what
        )


def same_moments(theirs: Any, ours: Any) -> None:
    """Mean and deviation of random outputs."""
    for x, y in zip(flat(theirs), flat(ours), strict=True):
        assert x.shape == y.shape
        spread = max(float(x.std()), 1e-6)
        assert abs(x.mean() - y.mean()) < 6 * spread / np.sqrt(x.size) + 1e-6
        assert abs(x.std() - y.std()) < 0.25 * spread


def same_masks(theirs: Any, ours: Any) -> None:
    """The masks that outputs carry; no outputs of Keras mean outputs without masks."""
    found = jax.tree.leaves(ours)
    expected = [None] * len(found) if theirs is None else jax.tree.leaves(theirs)
    for x, y in zip(expected, found, strict=True):
        a, b = getattr(x, "_keras_mask", None), mask_of(y)
        assert (a is None) == (b is None), f"mask {b}, Keras has {a}"
        if a is not None:
            assert np.array_equal(np.asarray(a), np.asarray(b))


def projection(outputs: Any) -> Any:
    """A number that all elements of the outputs count in, each with its own weight."""
    total = jnp.float32(0)
    for x in jax.tree.leaves(outputs):
        total = total + jnp.sum(x.astype("float32") * np.cos(np.arange(x.size)).reshape(x.shape))
    return total


def floating(inputs: Any) -> list[Any]:
    """The inputs that have gradients."""
    return [x for x in jax.tree.leaves(inputs) if x.dtype.kind == "f"]


def with_floats(inputs: Any, floats: Any) -> Any:
    """The inputs with other numbers in place of `floating(inputs)`."""
    feed = iter(floats)
    return jax.tree.map(lambda x: next(feed) if x.dtype.kind == "f" else x, inputs)


def keras_results(layer: Any, case: Case, trainings: list[bool], gradients: bool = True) -> Any:
    """All that Keras computes for a case, from one program, by the training flag.

    Returns:
        outputs, weights after the call, and gradients of the projection of the outputs to the
        trainable weights and the floating inputs.
    """
    inputs, options = example(case)
    variables = [v for v in layer.variables if not any(v is t for t in layer.trainable_variables)]

    def call(trainable: Any, floats: Any, others: Any, training: bool) -> Any:
        values = [*zip(layer.trainable_variables, trainable, strict=True)]
        values += [*zip(variables, others, strict=True)]
        with keras.StatelessScope(state_mapping=values) as scope:
            outputs = layer(*with_floats(inputs, floats), **mode(layer, training), **options)
        return outputs, [scope.get_current_value(w) for w in layer.weights]

    def objective(*values: Any) -> Any:
        return projection(call(*values)[0])

    def run(*values: Any) -> Any:
        every = {}
        for training in trainings:
            outputs, after = call(*values, training)
            slopes = None
            if gradients and not (training and case.random):
                slopes = jax.grad(objective, argnums=(0, 1))(*values, training)
            every[training] = outputs, after, slopes
        return every

    trainable = [v.value for v in layer.trainable_variables]
    return jax.jit(run)(trainable, floating(inputs), [v.value for v in variables])


def gradients(layer: Any, inputs: list[Any], options: dict[str, Any], *trainings: bool) -> Any:
    """Gradients of the projection of the outputs to weights and floating inputs, by the flag."""

    def objective(trainable: Any, floats: Any, others: Any, training: bool) -> Any:
        args = with_floats(inputs, floats)
        return projection(
            layer.stateless_call(trainable, others, *args, **mode(layer, training), **options)[0]
        )

    def run(*values: Any) -> Any:
        return {t: jax.grad(objective, argnums=(0, 1))(*values, t) for t in trainings}

    trainable = [v.value for v in layer.trainable_variables]
    others = [v.value for v in layer.non_trainable_variables]
    return jax.jit(run)(trainable, floating(inputs), others)


def built(case: Case, **more: Any) -> tuple[Any, Any, bool]:
    """The layers of a row in both libraries, with the same weights; whether masks may come out."""
    keras.utils.set_random_seed(1)  # Python's and numpy's generators, from which both draw seeds
    cornu.utils.set_random_seed(1)
    inputs, options = example(case)
    theirs, ours = build(keras, case, **more), build(cornu, case, **more)
    symbols = jax.tree.map(lambda x: keras.KerasTensor(x.shape, str(x.dtype)), inputs)
    outputs = jax.tree.leaves(theirs(*symbols, **options))
    ours(*inputs, **options)
    same_weights(theirs, ours)
    give_weights(theirs, ours)
    masked = any(getattr(x, "_keras_mask", None) is not None for x in outputs)
    return theirs, ours, masked or bool(options)  # parts of a layer may hand a given mask on


def compare(case: Case) -> None:
    """Everything that is compared in float32."""
    inputs, options = example(case)
    with quiet():
        theirs, ours, masked = built(case)
        # A layer that is not told whether it is training does the same in both modes.
        trainings = [False, True] if mode(theirs, True) else [True]
        differentiated = [t for t in trainings if case.gradients and not (t and case.random)]
        expected = keras_results(theirs, case, trainings, case.gradients)
        slopes = gradients(ours, inputs, options, *differentiated)
        for training in trainings:
            outputs, weights, their_slopes = expected[training]
            found = ours(*inputs, **mode(theirs, training), **options)
            if training and case.random:
                same_moments(outputs, found)
                continue
            same_numbers(outputs, found, case.tolerance, f"outputs, training={training}")
            # Tracers carry no masks, so an eager call says what they are.
            named = {**mode(theirs, training), **options}
            same_masks(theirs(*inputs, **named) if masked else None, found)
            same_numbers(
                weights,
                [w.value for w in ours.weights],
                case.tolerance,
                f"weights after a call, training={training}",
            )
            if training in slopes:
                same_numbers(
                    their_slopes,
                    slopes[training],
                    10 * case.tolerance,
                    f"gradients, training={training}",
                )


def compare_config(case: Case) -> None:
    """`get_config`, its way back, and the build config."""
    inputs, options = example(case)
    theirs, ours = build(keras, case), build(cornu, case)
    with quiet():
        theirs(*inputs, **options), ours(*inputs, **options)
    expected = keras.saving.serialize_keras_object(theirs)
    found = serialize_keras_object(ours)
    for key in case.config_differs:
        for where in (found, found["config"], expected, expected["config"]):
            where.pop(key, None)
    if "build_config" not in found:  # a layer without variables has nothing to build
        expected.pop("build_config", None)
    same_plain(plain(expected), plain(found))
    again = type(ours).from_config(ours.get_config())
    same_plain(unbuilt(plain(ours.get_config())), unbuilt(plain(again.get_config())))
    if "class_name" not in case.config_differs:
        read = cornu.layers.deserialize(keras.saving.serialize_keras_object(theirs))
        same_plain(unbuilt(plain(ours.get_config())), unbuilt(plain(read.get_config())))


def unbuilt(config: Any) -> Any:
    """The config without what layers inside were built with."""
    if isinstance(config, dict):
        return {k: unbuilt(v) for k, v in config.items() if k != "build_config"}
    return config


def same_plain(theirs: Any, ours: Any, where: str = "") -> None:
    """Two configs alike; says at which key they are not."""
    if isinstance(theirs, dict) and isinstance(ours, dict):
        assert set(ours) == set(theirs), (
            f"{where}: only ours {set(ours) - set(theirs)}, only Keras {set(theirs) - set(ours)}"
        )
        for key in theirs:
            same_plain(theirs[key], ours[key], f"{where}/{key}")
        return
    assert ours == theirs, f"{where}: {ours!r}, Keras has {theirs!r}"


def plain(value: Any) -> Any:
    """Tuples as lists, as a file has them; numbers of inner names left out."""
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    return value


def compare_specs(case: Case) -> None:
    """Shapes and dtypes of symbolic outputs, with unknown sizes."""

    def symbolic(library: Any, spec: Any) -> Any:
        if isinstance(spec, list):
            return [symbolic(library, s) for s in spec]
        dtype = "int32" if isinstance(spec, Ids) else "float32"
        shape = spec.shape if isinstance(spec, Ids) else spec
        return (keras.KerasTensor if library is keras else KerasTensor)(shape, dtype)

    def unknown_batch(spec: Any) -> Any:
        if isinstance(spec, list):
            return [unknown_batch(s) for s in spec]
        if isinstance(spec, Ids):
            return Ids((None, *spec.shape[1:]))
        return (None, *spec[1:])

    def facts(outputs: Any) -> list[Any]:
        return [(tuple(t.shape), str(t.dtype)) for t in jax.tree.leaves(outputs)]

    for specs in [[unknown_batch(s) for s in case.inputs], *(case.specs or [])]:
        with quiet():
            a = build(keras, case)(*[symbolic(keras, s) for s in specs])
            b = build(cornu, case)(*[symbolic(cornu, s) for s in specs])
        assert no_less_known(facts(b), facts(a)), f"{specs}: {facts(b)}, Keras has {facts(a)}"


def no_less_known(ours: list[Any], theirs: list[Any]) -> bool:
    """Whether all that Keras knows is known to us and the same; we may know more."""
    return len(ours) == len(theirs) and all(
        len(a) == len(b)
        and dtype == other
        and all(n in (m, None) for m, n in zip(a, b, strict=True))
        for (a, dtype), (b, other) in zip(ours, theirs, strict=True)
    )


def compare_mixed(case: Case) -> None:
    """Dtypes, and numbers within the precision of bfloat16, under mixed_bfloat16."""
    inputs, options = example(case)
    with quiet():
        theirs, ours, _ = built(case, dtype="mixed_bfloat16")
        expected = keras_results(theirs, case, [False], gradients=False)[False][0]
        found = ours(*inputs, **options)
    same_numbers(expected, found, 6e-2, "mixed precision")


def compare_errors(row: Bad) -> None:
    """The type of the exception, and that ours says something useful."""

    def attempt(library: Any) -> Exception | None:
        random = np.random.default_rng(0)
        try:
            arguments = {k: make(library, v) for k, v in row.arguments.items()}
            layer = getattr(library.layers, row.name)(**arguments)
            if row.inputs is not None:
                layer(*[data(spec, random) for spec in row.inputs])
        except Exception as error:
            return error
        return None

    with quiet():
        theirs, ours = attempt(keras), attempt(cornu)
    assert ours is not None, "nothing was refused"
    assert type(ours) is (row.error or type(theirs)), f"{ours!r}, Keras raises {theirs!r}"
    assert row.says in str(ours), str(ours)
