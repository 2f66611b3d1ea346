"""`FeatureSpace`: the columns of a table, each preprocessed in its own way, as one vector.

    {"age": 35, "job": "cook"}
        preprocess    each feature by a layer: "age" -> 0.3      "job" -> 7
        cross         several by a hash:  ("job", "city") -> 19
        encode        integers one-hot
        concatenate   features in order of their names, then crosses

The steps are layers. `adapt` reads the data once for all of them; a call runs them on the host, as
in an input pipeline, and `get_inputs` with `get_encoded_features` makes them a part of a model.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from cornu import ops, tree
from cornu.arguments import one_of
from cornu.context import local
from cornu.core.frame import is_tracer
from cornu.core.objects.configurable import Configurable, plain
from cornu.core.objects.serialize import deserialize_keras_object
from cornu.core.symbolic import is_symbolic
from cornu.core.text import as_text, is_text
from cornu.errors import did_you_mean, located, type_error, value_error
from cornu.layers.base.layer import Layer
from cornu.layers.core.input import Input
from cornu.layers.preprocessing.adapting import columns_of
from cornu.layers.preprocessing.category_encoding import CategoryEncoding
from cornu.layers.preprocessing.columns_program import ColumnsProgram
from cornu.layers.preprocessing.discretization import Discretization
from cornu.layers.preprocessing.hashing import HashedCrossing, Hashing
from cornu.layers.preprocessing.integer_lookup import IntegerLookup
from cornu.layers.preprocessing.normalization import Normalization
from cornu.layers.preprocessing.rescaling import Rescaling
from cornu.layers.preprocessing.string_lookup import StringLookup
from cornu.names import unique_name
from cornu.numeric import is_integer
from cornu.types import Config, Data, DType, Tensor, Tensors


class Cross(Configurable):
    """Several features that are hashed together.

    Args:
        feature_names: names of the features.
        crossing_dim: number of bins.
        output_mode: "one_hot" or "int".

    Example:

        >>> Cross(("job", "city"), 32).name
        'job_X_city'
    """

    def __init__(
        self, feature_names: Sequence[str], crossing_dim: int, output_mode: str = "one_hot"
    ):
        self.feature_names = tuple(feature_names)
        self.crossing_dim = crossing_dim
        self.output_mode = one_of(output_mode, ("int", "one_hot"), "output_mode")

    @property
    def name(self) -> str:
        """The names of the features, joined by `_X_`."""
        return "_X_".join(self.feature_names)


class Feature(Configurable):
    """One feature: its dtype, the layer that preprocesses it, and how the result is encoded.

    Args:
        dtype: dtype of the column: "float32", "int32", "string", ...
        preprocessor: layer, or its config.
        output_mode: "one_hot" for integers below the layer's number of categories, "int" for
            integers as they are, "float" for what is a vector already.

    Example:

        >>> Feature("float32", Rescaling(0.1), "float").output_mode
        'float'
    """

    def __init__(self, dtype: DType, preprocessor: Layer | Config, output_mode: str):
        self.dtype = dtype
        if isinstance(preprocessor, dict):
            preprocessor = deserialize_keras_object(preprocessor)
        self.preprocessor: Any = preprocessor
        self.output_mode = one_of(output_mode, ("int", "one_hot", "float"), "output_mode")


class TFDIdentity(Layer):
    """Pass a feature on; named in files as by Keras."""

    _weightless = True

    def call(self, x: Tensor) -> Tensor:
        return x


class TFDConcat(Layer):
    """Concatenate features; named in files as by Keras.

    Args:
        axis: axis along which they stand one after the other.
    """

    _weightless = True

    def __init__(self, axis: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.axis = axis

    def call(self, xs: Sequence[Tensor]) -> Tensor:
        return ops.concatenate(xs, axis=self.axis)


class FeatureSpace(Layer):
    """Preprocess and encode the columns of a table.

    Args:
        features: dict from the name of a feature to its kind, `"float_normalized"` or
            `FeatureSpace.float_normalized()`: float, float_rescaled, float_normalized,
            float_discretized, integer_categorical, string_categorical, integer_hashed,
            string_hashed, and any layer by `FeatureSpace.feature`.
        output_mode: "concat", one vector; or "dict", an array per feature and cross.
        crosses: tuples of names of features to hash together, or `FeatureSpace.cross(...)`.
        crossing_dim: number of bins of a cross, unless it says its own.
        hashing_dim: number of bins of features that are given as "integer_hashed" or
            "string_hashed".
        num_discretization_bins: number of bins of features that are given as "float_discretized".
        name: name of the layer.

    Raises:
        ValueError: there is no such kind, or a cross names a feature that is not there.

    Example:

        >>> table = {"size": [1.0, 2.0, 3.0], "kind": ["cat", "dog", "cat"]}
        >>> space = FeatureSpace({"size": "float_normalized", "kind": "string_categorical"})
        >>> space.adapt(table)
        >>> space({"size": 2.0, "kind": "dog"}).tolist()
        [0.0, 0.0, 1.0, 0.0]
    """

    _made_anew: ClassVar = {"_program": lambda program: None}

    def __init__(
        self,
        features: Mapping[str, Any],
        output_mode: str = "concat",
        crosses: Sequence[Any] | None = None,
        crossing_dim: int = 32,
        hashing_dim: int = 32,
        num_discretization_bins: int = 32,
        name: str | None = None,
    ):
        super().__init__(name=name)
        if not features or not isinstance(features, Mapping):
            raise value_error(
                "features must be a dict that names one feature at least.",
                fix="FeatureSpace({'age': 'float_normalized'})",
            )
        self.crossing_dim = crossing_dim
        self.hashing_dim = hashing_dim
        self.num_discretization_bins = num_discretization_bins
        self.output_mode = one_of(output_mode, ("dict", "concat"), "output_mode")
        self.features = {name: self._feature(name, kind) for name, kind in features.items()}
        if not isinstance(crosses, list | tuple | None):
            raise value_error(
                f"crosses must be a list of tuples of names of features, got {crosses!r}.",
                fix="crosses=[('job', 'city')]",
            )
        self.crosses = [self._cross(cross) for cross in crosses or ()]
        self.inputs = {
            name: Input((1,), dtype=feature.dtype, name=name)
            for name, feature in self.features.items()
        }
        self.preprocessors = {name: f.preprocessor for name, f in self.features.items()}
        self.crossers = {c.name: HashedCrossing(c.crossing_dim, name=c.name) for c in self.crosses}
        self.one_hot_encoders: dict[str, Layer] = {}
        self.concat: Layer | None = None
        self.encoded_features: Any = None
        self._program: ColumnsProgram | None = None
        self._is_adapted = not self._adaptable()

    # ---- kinds of features --------------------------------------------------------------------

    @classmethod
    def cross(
        cls, feature_names: Sequence[str], crossing_dim: int, output_mode: str = "one_hot"
    ) -> Cross:
        """Several features, hashed together."""
        return Cross(feature_names, crossing_dim, output_mode)

    @classmethod
    def feature(cls, dtype: DType, preprocessor: Layer, output_mode: str) -> Feature:
        """A feature that is preprocessed by any layer."""
        return Feature(dtype, preprocessor, output_mode)

    @classmethod
    def float(cls, name: str | None = None) -> Feature:
        """A number as it is."""
        return Feature("float32", TFDIdentity(**_named(name, "float"), dtype="float32"), "float")

    @classmethod
    def float_rescaled(
        cls, scale: Any = 1.0, offset: Any = 0.0, name: str | None = None
    ) -> Feature:
        """A number times `scale` plus `offset`."""
        layer = Rescaling(scale, offset, **_named(name, "float_rescaled"))
        return Feature("float32", layer, "float")

    @classmethod
    def float_normalized(cls, name: str | None = None) -> Feature:
        """A number, scaled to mean 0 and variance 1."""
        layer = Normalization(axis=-1, **_named(name, "float_normalized"))
        return Feature("float32", layer, "float")

    @classmethod
    def float_discretized(
        cls,
        num_bins: int | None,
        bin_boundaries: Sequence[Any] | None = None,
        output_mode: str = "one_hot",
        name: str | None = None,
    ) -> Feature:
        """A number by its bin; the boundaries are learned unless they are given."""
        layer = Discretization(
            bin_boundaries,
            None if bin_boundaries is not None else num_bins,
            **_named(name, "float_discretized"),
        )
        return Feature("float32", layer, output_mode)

    @classmethod
    def integer_categorical(
        cls,
        max_tokens: int | None = None,
        num_oov_indices: int = 1,
        output_mode: str = "one_hot",
        name: str | None = None,
    ) -> Feature:
        """An integer by its place in a vocabulary."""
        named = _named(name, "integer_categorical")
        layer = IntegerLookup(max_tokens=max_tokens, num_oov_indices=num_oov_indices, **named)
        return Feature("int32", layer, output_mode)

    @classmethod
    def string_categorical(
        cls,
        max_tokens: int | None = None,
        num_oov_indices: int = 1,
        output_mode: str = "one_hot",
        name: str | None = None,
    ) -> Feature:
        """A string by its place in a vocabulary."""
        named = _named(name, "string_categorical")
        layer = StringLookup(max_tokens=max_tokens, num_oov_indices=num_oov_indices, **named)
        return Feature("string", layer, output_mode)

    @classmethod
    def integer_hashed(
        cls, num_bins: int, output_mode: str = "one_hot", name: str | None = None
    ) -> Feature:
        """An integer by its hash."""
        return Feature("int32", Hashing(num_bins, **_named(name, "integer_hashed")), output_mode)

    @classmethod
    def string_hashed(
        cls, num_bins: int, output_mode: str = "one_hot", name: str | None = None
    ) -> Feature:
        """A string by its hash."""
        return Feature("string", Hashing(num_bins, **_named(name, "string_hashed")), output_mode)

    def _feature(self, name: str, kind: Feature | Config | str) -> Feature:
        if isinstance(kind, dict):
            kind = deserialize_keras_object(kind)
        if isinstance(kind, Feature):
            return kind
        sizes = {
            "float_discretized": (self.num_discretization_bins,),
            "integer_hashed": (self.hashing_dim,),
            "string_hashed": (self.hashing_dim,),
        }
        if kind not in _KINDS:
            raise value_error(
                f"Feature {name!r} is of an unknown kind, {kind!r}.", fix=did_you_mean(kind, _KINDS)
            )
        return getattr(self, kind)(*sizes.get(kind, ()), name=name)

    def _cross(self, given: Cross | Config | Sequence[str]) -> Cross:
        cross = deserialize_keras_object(given) if isinstance(given, dict) else given
        if not isinstance(cross, Cross | list | tuple):
            raise value_error(
                f"A cross must be a tuple of names of features, got {cross!r}.",
                fix="crosses=[('job', 'city')]",
            )
        if not isinstance(cross, Cross):
            if not self.crossing_dim:
                raise value_error("crosses need a crossing_dim.", fix="crossing_dim=32")
            cross = Cross(cross, self.crossing_dim)
        unknown = [name for name in cross.feature_names if name not in self.features]
        if unknown:
            raise value_error(
                f"The cross of {', '.join(cross.feature_names)} names {unknown[0]!r}, which is no "
                "feature.",
                fix=did_you_mean(unknown[0], self.features),
            )
        return cross

    # ---- learning -----------------------------------------------------------------------------

    def _adaptable(self) -> list[str]:
        """The names of the features whose layers learn."""
        return [
            name
            for name, layer in self.preprocessors.items()
            if hasattr(layer, "adapt") and getattr(layer, "_learns", True)
        ]

    def adapt(self, dataset: Data) -> None:
        """Let the layers of all features learn, in one pass over the data.

        Args:
            dataset: dict of arrays or lists, data frame, or an iterable of such dicts, batched or
                not; of `(x, y)`, x is read.

        Raises:
            ValueError: a feature is not among the data.
        """
        learning = {name: self.preprocessors[name] for name in self._adaptable()}
        streaming = {n: layer for n, layer in learning.items() if hasattr(layer, "update_state")}
        kept: dict[str, list[np.ndarray]] = {n: [] for n in learning if n not in streaming}
        for layer in streaming.values():
            layer.reset_state()
        for columns in columns_of(dataset) if learning else ():
            for name, layer in learning.items():
                column = _column(self._required(columns, name))
                if name in kept:
                    kept[name].append(column)
                    continue
                with located(f"feature {name!r}", ", while adapting"):
                    layer.update_state(column)
        for name, layer in learning.items():
            with located(f"feature {name!r}", ", while adapting"):
                layer.finalize_state() if name in streaming else layer.adapt(kept[name])
        self._is_adapted = True
        self.encoded_features, self.concat, self.one_hot_encoders = None, None, {}
        self._program = None
        self.get_encoded_features()

    @staticmethod
    def _required(columns: Mapping[str, Tensor], name: str) -> Tensor:
        if name not in columns:
            raise value_error(
                f"The data have no column {name!r}.",
                columns=", ".join(map(str, columns)),
                fix=did_you_mean(name, columns),
            )
        return columns[name]

    # ---- parts of a model ---------------------------------------------------------------------

    def get_inputs(self) -> dict[str, Any]:
        """The inputs of a functional model, a dict of symbolic tensors `(batch, 1)`.

        Raises:
            ValueError: `adapt` was not called.
        """
        self.get_encoded_features()
        return self.inputs

    def get_encoded_features(self) -> Tensors:
        """What follows from these inputs: a symbolic tensor `(batch, width)`, or a dict of them.

        Raises:
            ValueError: `adapt` was not called, or a feature cannot be encoded as it is asked.
        """
        if not self._is_adapted:
            raise value_error(
                "The FeatureSpace has learned nothing yet.", fix="feature_space.adapt(dataset)"
            )
        if self.encoded_features is None:
            self.encoded_features = self._encoded(self.inputs)
            self.built = True
        return self.encoded_features

    def _encoded(self, features: Mapping[str, Tensor]) -> Any:
        found = {name: self.preprocessors[name](features[name]) for name in sorted(self.features)}
        crosses = {c.name: c for c in self.crosses}
        for name in sorted(crosses):
            inputs = [found[feature] for feature in crosses[name].feature_names]
            found[name] = self.crossers[name](inputs)
        specs: dict[str, Any] = {**self.features, **crosses}
        for name, value in found.items():
            found[name] = self._encode(name, value, specs[name].output_mode)
        if self.output_mode == "dict":
            return found
        for name, value in found.items():
            dtype = str(getattr(value, "dtype", type(value).__name__))
            if is_integer(dtype) or is_text(value) or dtype == "string":
                raise value_error(
                    f"Feature {name!r} is of dtype {dtype}: only numbers that are encoded can be "
                    "concatenated.",
                    fix="output_mode='one_hot' for the feature\nor FeatureSpace(..., "
                    "output_mode='dict')",
                )
        self.concat = self.concat or TFDConcat(axis=-1)
        return self.concat(list(found.values()))

    def _encode(self, name: str, value: Tensor, mode: str) -> Any:
        if mode != "one_hot":
            return value
        if name not in self.one_hot_encoders:
            layer = self.preprocessors.get(name) or self.crossers[name]
            count = getattr(layer, "_categories", None)
            if count is None or not is_integer(str(value.dtype)):
                raise value_error(
                    f"Feature {name!r} cannot be encoded one-hot: {type(layer).__name__} gives "
                    f"{value.dtype} of an unknown number of categories.",
                    fix="output_mode='int'\nor output_mode='float'",
                )
            self.one_hot_encoders[name] = CategoryEncoding(count, output_mode="multi_hot")
        return self.one_hot_encoders[name](value)

    # ---- computing ----------------------------------------------------------------------------

    def __call__(self, data: Mapping[str, Tensor]) -> Any:
        """Encode features.

        Args:
            data: dict of values, arrays `(batch,)` or `(batch, 1)`; columns that are no feature are
                left out.

        Returns:
            `(batch, width)`, or `(width,)` of single values; a dict of arrays in mode "dict".
        """
        if not isinstance(data, Mapping) and not hasattr(data, "columns"):
            raise type_error(
                f"A FeatureSpace takes a dict of features, got {type(data).__name__}.",
                fix=f"feature_space({{{next(iter(self.features))!r}: ...}})",
            )
        self.get_encoded_features()
        given = {name: _value(self._required(data, name)) for name in self.features}
        single = any(len(value.shape) == 0 for value in given.values())
        columns = {name: _column(value) for name, value in given.items()}
        if local.frame is not None or any(map(_is_symbolic, columns.values())):
            outputs = self._encoded(columns)
        else:
            self._program = self._program or ColumnsProgram(
                self._encoded, self._flatten_layers(include_self=False)
            )
            outputs = self._program(columns)
        if single:
            return tree.map_structure(lambda x: x[0] if len(x.shape) > 1 else x, outputs)
        return outputs

    save: Callable[..., None]  # what writes files stands above, and completes it

    # ---- files --------------------------------------------------------------------------------

    def get_config(self) -> Config:
        return {
            "features": {name: plain(feature) for name, feature in self.features.items()},
            "output_mode": self.output_mode,
            "crosses": [plain(cross) for cross in self.crosses],
            "crossing_dim": self.crossing_dim,
            "hashing_dim": self.hashing_dim,
            "num_discretization_bins": self.num_discretization_bins,
        }

    def get_build_config(self) -> dict[str, Any]:
        return {name: layer.get_build_config() for name, layer in self.preprocessors.items()}

    def build_from_config(self, config: Config) -> None:
        for name, shapes in config.items():
            layer = self.preprocessors.get(name)
            if layer is not None and not layer.built and shapes:
                layer.build_from_config(shapes)
        self._is_adapted = True

    def save_own_variables(self, store: Any) -> None:
        """Nothing: the layers inside keep what was learned."""

    def load_own_variables(self, store: Any) -> None:
        """Nothing, likewise."""


_KINDS = [
    "float", "float_rescaled", "float_normalized", "float_discretized", "integer_categorical",
    "string_categorical", "integer_hashed", "string_hashed",
]  # fmt: skip


def _named(name: str | None, kind: str) -> dict[str, Any]:
    return {"name": f"{name or unique_name(kind)}_preprocessor"}


def _is_symbolic(value: Tensor) -> bool:
    return is_symbolic(value) or is_tracer(value)


def _value(value: Tensor) -> Any:
    """A value as an array of numpy, unless it is on a device, a tracer or symbolic."""
    if _is_symbolic(value):
        return value
    value = as_text(value)
    return value if hasattr(value, "shape") and not hasattr(value, "iloc") else np.asarray(value)


def _column(value: Tensor) -> Any:
    """The value with two axes, `(batch, 1)`, if it has fewer."""
    ndim = len(value.shape)
    if ndim > 1:
        return value
    if is_symbolic(value):
        return ops.expand_dims(value, -1)
    return value.reshape((-1, 1) if ndim else (1, 1))
