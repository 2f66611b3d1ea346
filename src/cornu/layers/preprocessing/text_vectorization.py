"""`TextVectorization`: from raw text to indices of tokens.

    "The cat sat!"  --standardize-->  "the cat sat"  --split-->  the, cat, sat
                    --ngrams-->  the, cat, sat, the cat, cat sat  --StringLookup-->  2, 7, 9, 1, 1

Whole batches go through each step at once, as bytes.
"""

from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from typing import Any, Self

import numpy as np

from cornu.arguments import is_int, one_of, optional_int
from cornu.core.objects.serialize import deserialize_keras_object
from cornu.core.symbolic import KerasTensor
from cornu.errors import value_error
from cornu.layers.preprocessing import texts
from cornu.layers.preprocessing.adapting import AdaptingLayer
from cornu.layers.preprocessing.index_lookup import VocabularyLike, checked_mode, handed_on
from cornu.layers.preprocessing.spans import BETWEEN, Spans, joined
from cornu.layers.preprocessing.string_lookup import StringLookup
from cornu.layers.preprocessing.texts import Texts, Tokens
from cornu.layers.preprocessing.vocabulary import FILE
from cornu.types import Config, Data, FilePath, Shape, Tensor

_STANDARDIZE = ("lower_and_strip_punctuation", "lower", "strip_punctuation")
_SPLIT = ("whitespace", "character")
_TEXTS = 2048  # that are split at once: what is known of their tokens takes memory

# A function of an array of texts `(batch,)`: standardize returns texts, split lists of tokens.
TextFunction = Callable[[np.ndarray], Any]


class TextVectorization(AdaptingLayer):
    """Turn texts into indices of their tokens, padded with 0, or into counts of them.

    Input: texts `(batch,)` or `(batch, 1)`. Output with `output_mode="int"`: indices
    `(batch, output_sequence_length)`, 0 where a text has ended, 1 for tokens that are not in the
    vocabulary; in other modes `(batch, size)`. Runs on the host, in numpy.

    Args:
        max_tokens: largest size of the vocabulary, special tokens included; no bound if None.
        standardize: what is done to a text before it is split: "lower_and_strip_punctuation",
            "lower", "strip_punctuation" (of ASCII letters and signs, as in Keras), None for
            nothing, or a function of an array of texts that returns texts.
        split: "whitespace", "character", None if inputs are tokens, or a function of an array of
            texts that returns a list of tokens for each.
        ngrams: also take runs of 2 ... n tokens, joined by a space; a tuple names their lengths.
        output_mode: "int", "multi_hot", "count", "tf_idf", or "one_hot" for each token.
        output_sequence_length: number of indices per text, cut or padded with 0; that of the
            longest text of a batch if None.
        pad_to_max_tokens: whether outputs of other modes than "int" have `max_tokens` columns
            whatever the vocabulary.
        vocabulary: list or array of terms, or a file with one term per line; learned by `adapt`
            if None.
        idf_weights: inverse document frequencies of the vocabulary, for "tf_idf".
        sparse: whether outputs of other modes than "int" are sparse arrays of JAX.
        ragged: must be False, as JAX has no ragged arrays.
        encoding: encoding of inputs that are bytes.

    Raises:
        ValueError: the arguments contradict each other; or in a call, a text is missing.
        RuntimeError: in a call, there is no vocabulary yet.

    Example:

        >>> layer = TextVectorization(output_sequence_length=4)
        >>> layer.adapt(["The cat sat.", "The dog!"])
        >>> layer.get_vocabulary()
        ['', '[UNK]', 'the', 'sat', 'dog', 'cat']
        >>> layer(["the CAT ran", "dog"]).tolist()
        [[2, 5, 1, 0], [4, 0, 0, 0]]
    """

    takes_strings = True
    _converts_inputs = False
    _weightless = True
    _takes_stored = True
    _asset_names = (FILE,)
    _only_in_configs = ("vocabulary_size", "has_input_vocabulary")

    def __init__(
        self,
        max_tokens: int | None = None,
        standardize: str | TextFunction | None = "lower_and_strip_punctuation",
        split: str | TextFunction | None = "whitespace",
        ngrams: int | Sequence[int] | None = None,
        output_mode: str = "int",
        output_sequence_length: int | None = None,
        pad_to_max_tokens: bool = False,
        vocabulary: VocabularyLike | None = None,
        idf_weights: Sequence[float] | np.ndarray | None = None,
        sparse: bool = False,
        ragged: bool = False,
        encoding: str = "utf-8",
        name: str | None = None,
        **kwargs: Any,
    ):
        if kwargs.get("dtype") == "string":  # as older files say
            kwargs.pop("dtype")
        super().__init__(name=name, **kwargs)
        self.standardize: Any = _function_or(standardize, _STANDARDIZE, "standardize")
        self.split: Any = _function_or(split, _SPLIT, "split")
        self.ngrams, self._widths = _checked_ngrams(ngrams)
        self.output_mode = checked_mode(output_mode)
        self.output_sequence_length = optional_int(output_sequence_length, "output_sequence_length")
        if self.output_mode != "int" and output_sequence_length is not None:
            raise value_error(
                f"output_sequence_length needs output_mode='int', got {output_mode!r}.",
                fix="output_mode='int'",
            )
        if ragged:
            raise value_error(
                "ragged=True is not offered: JAX has no ragged arrays.",
                fix="leave it out: texts are padded with 0, which Embedding(mask_zero=True) masks.",
            )
        self.ragged = False
        self.encoding = encoding
        self._lookup_layer = StringLookup(
            name=self.name,  # which messages say
            max_tokens=max_tokens,
            mask_token="",
            vocabulary=vocabulary,
            idf_weights=idf_weights,
            output_mode=output_mode,
            pad_to_max_tokens=pad_to_max_tokens,
            sparse=sparse,
            encoding=encoding,
        )

    @property
    def _pads_with(self) -> int | None:  # type: ignore[override]
        """0 where the width of the output is that of the longest text."""
        free = self.output_mode == "int" and self.output_sequence_length is None
        return 0 if free and (self.split is not None or self._widths) else None

    def _config_value(self, name: str) -> Any:
        asked = ("max_tokens", "pad_to_max_tokens", "sparse")
        return getattr(self._lookup_layer, name) if name in asked else super()._config_value(name)

    def get_config(self) -> Config:
        inside = self._lookup_layer.get_config()
        shared = ("vocabulary", "idf_weights", "vocabulary_size")
        return {**super().get_config(), **{name: inside[name] for name in shared}}

    @classmethod
    def from_config(cls, config: Config) -> Self:
        """Make a layer from what `get_config` returned."""
        config = dict(config)
        config.pop("has_input_vocabulary", None)
        size = config.pop("vocabulary_size", None)
        made = super().from_config(config)
        size = optional_int(size, "vocabulary_size", least=0)
        made._lookup_layer._size_in_file = size
        return made

    def get_build_config(self) -> Config:
        """Nothing: the layer needs no shapes."""
        return {}

    # ---- the vocabulary -------------------------------------------------------------------------

    def get_vocabulary(self, include_special_tokens: bool = True) -> list[str]:
        """The terms by index.

        Args:
            include_special_tokens: whether the padding "" and the token "[UNK]" of unknown terms
                stand in front, so that the place of a term is its index.
        """
        return self._lookup_layer.get_vocabulary(include_special_tokens)

    def vocabulary_size(self) -> int:
        """Number of indices, those of padding and unknown terms included."""
        return self._lookup_layer.vocabulary_size()

    def set_vocabulary(
        self,
        vocabulary: VocabularyLike,
        idf_weights: Sequence[float] | np.ndarray | None = None,
    ) -> None:
        """Set the terms, instead of learning them by `adapt`; see `StringLookup.set_vocabulary`."""
        self._lookup_layer.set_vocabulary(vocabulary, idf_weights)

    def adapt(  # type: ignore[override]
        self, data: Data, batch_size: int | None = None, steps: int | None = None
    ) -> None:
        """Learn the vocabulary from texts, in one pass; what was learned before is lost.

        Args:
            data: array, column, list of texts, or an iterable of batches of them: a data set,
                loader or generator. Of a batch `(x, y)`, the first item is read.
            batch_size: number of texts per batch of an array.
            steps: number of batches to read; all if None.
        """
        super().adapt(data, steps, batch_size)

    @property
    def _learns(self) -> bool:
        return self._lookup_layer._learns

    def reset_state(self) -> None:
        """Begin new counts."""
        self._lookup_layer.reset_state()

    def update_state(self, data: Data) -> None:
        """Count the tokens of a batch of texts."""
        if self.split is None:
            flat, lengths = texts.read_rows(data, self.encoding)
            tokens = Tokens(self._as_tokens(flat, (len(flat),)), lengths)
            parts = iter([self._with_runs(tokens)])
        else:
            parts = self._split(self._read(data, "the data"))
        for spans, lengths in parts:
            self._lookup_layer._add(spans, lengths)

    def finalize_state(self) -> None:
        """Make the vocabulary, most frequent tokens first."""
        self._lookup_layer.finalize_state()

    # ---- calls ----------------------------------------------------------------------------------

    def call(self, inputs: Tensor) -> Any:
        self._lookup_layer._require_vocabulary()
        found = self._read(inputs, f"the input of '{self.name}'")
        if self.split is None:
            return self._of_tokens(found)
        nothing = np.zeros(0, np.int64)
        parts = [(self._lookup_layer._indices(t.spans), t.lengths) for t in self._split(found)]
        indices, lengths = (np.concatenate(p) for p in zip((nothing, nothing), *parts, strict=True))
        shape = found.shape[:-1] if len(found.shape) > 1 else found.shape
        return self._rows(indices, lengths, shape)

    def _read(self, inputs: Tensor, what: str) -> Texts:
        found = texts.read(inputs, self.encoding, what)
        if self.split is not None and len(found.shape) > 1 and found.shape[-1] != 1:
            raise value_error(
                f"'{self.name}' splits one text per sample, got shape {found.shape}.",
                fix="split=None, if the last axis is that of tokens.",
            )
        return found

    def _standardized(self, flat: list[str], shape: tuple[int, ...]) -> bytes:
        """Texts after `standardize`, in UTF-8, joined by `spans.BETWEEN`."""
        way = self.standardize
        if callable(way):
            found = texts.read(way(np.array(flat, np.str_).reshape(shape)), self.encoding)
            if len(found.flat) != len(flat):
                raise value_error(
                    "standardize must return one text for each text.",
                    shapes=f"given {shape}, returned {found.shape}",
                    fix="standardize=numpy.char.lower",
                )
            flat, way = found.flat, None
        if way is None:
            return joined(flat)
        return texts.clean(flat, way != "strip_punctuation", way != "lower")

    def _split(self, found: Texts) -> Iterator[Tokens]:
        """The tokens of texts, some texts at a time."""
        for start in range(0, len(found.flat), _TEXTS):
            part = found.flat[start : start + _TEXTS]
            data = self._standardized(part, (len(part),))
            if self.split == "whitespace":
                yield self._with_runs(texts.words(data, len(part)))
                continue
            whole = [t.decode("utf-8", "surrogatepass") for t in data.split(BETWEEN)]
            if self.split == "character":
                yield self._with_runs(texts.characters(whole))
            else:
                yield self._with_runs(texts.split_by(self.split, np.array(whole, np.str_)))

    def _with_runs(self, tokens: Tokens) -> Tokens:
        return texts.ngrams(tokens, self._widths) if self._widths else tokens

    def _as_tokens(self, flat: list[str], shape: tuple[int, ...]) -> Spans:
        """Inputs that are tokens already, after `standardize`."""
        data = self._standardized(flat, shape)
        return Spans.of(data.split(BETWEEN) if flat else [])

    def _rows(self, indices: np.ndarray, lengths: np.ndarray, shape: tuple[int, ...]) -> Any:
        """Indices of texts, padded or encoded; `shape` is that of the texts."""
        if self.output_mode == "int":
            return handed_on(self._padded(indices, lengths, shape))
        row = np.repeat(np.arange(len(lengths)), lengths)
        if self.output_mode == "one_hot":  # (batch, longest, depth)
            width = int(lengths.max(initial=0))
            place = np.arange(len(indices)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
            return self._lookup_layer._encode_rows(indices, row * width + place, (*shape, width))
        return self._lookup_layer._encode_rows(indices, row, shape)

    def _padded(
        self, indices: np.ndarray, lengths: np.ndarray, shape: tuple[int, ...]
    ) -> np.ndarray:
        longest = int(lengths.max(initial=0))
        width = longest if self.output_sequence_length is None else self.output_sequence_length
        found = np.zeros((len(lengths), width), np.int64)
        held = np.arange(width) < lengths[:, None]  # (texts, width)
        if width < longest:
            place = np.arange(len(indices)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
            indices = indices[place < width]
        found[held] = indices
        return found.reshape(*shape, width)

    def _of_tokens(self, found: Texts) -> Any:
        """The outputs for inputs that are tokens already."""
        spans, shape = self._as_tokens(*found), found.shape
        if self._widths:
            size = shape[-1] if shape else 1
            rows = np.full(len(spans) // max(size, 1), size)
            runs = self._with_runs(Tokens(spans, rows))
            return self._rows(self._lookup_layer._indices(runs.spans), runs.lengths, shape[:-1])
        indices = self._lookup_layer._indices(spans).reshape(shape)
        width = self.output_sequence_length
        if width is not None and shape:
            indices = indices[..., :width]
            pad = width - indices.shape[-1]
            indices = np.pad(indices, [(0, 0)] * (indices.ndim - 1) + [(0, pad)])
        return self._lookup_layer._encode(indices)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        shape = tuple(input_shape)
        if self.split is not None:
            shape = shape[:-1] if len(shape) > 1 else shape
            if self.output_mode == "int":
                return (*shape, self.output_sequence_length)
            shape = (*shape, None)
        elif self.output_mode == "int":
            cut = self._widths is not None or self.output_sequence_length is not None
            return (*shape[:-1], self.output_sequence_length) if cut else shape
        if self.output_mode == "one_hot" and self.split is not None:
            return (*shape, self._lookup_layer._depth())
        return self._lookup_layer.compute_output_shape(shape)

    def compute_output_spec(self, inputs: Tensor) -> KerasTensor:
        lookup = self._lookup_layer
        shape = self.compute_output_shape(inputs.shape)
        return KerasTensor(shape, dtype=lookup._output_dtype(), sparse=lookup.sparse)

    # ---- files ----------------------------------------------------------------------------------

    def save_own_variables(self, store: MutableMapping[str, Any]) -> None:
        """Put the inverse document frequencies into a mapping."""
        self._lookup_layer.save_own_variables(store)

    def load_own_variables(self, store: MutableMapping[str, Any]) -> None:
        """Take them back from such a mapping."""
        self._lookup_layer.load_own_variables(store)

    def save_assets(self, dir_path: FilePath) -> None:
        """Write the vocabulary to `vocabulary.txt`, unless the config holds it."""
        self._lookup_layer.save_assets(dir_path)

    def load_assets(self, dir_path: FilePath) -> None:
        """Read what `save_assets` wrote."""
        self._lookup_layer.load_assets(dir_path)

    def _read_assets(self, files: Mapping[str, bytes]) -> None:
        self._lookup_layer._read_assets(files)


def _function_or(
    value: str | Config | TextFunction | None, words: tuple[str, ...], name: str
) -> Any:
    """A function, its config, one of some words, or None."""
    if isinstance(value, dict):
        value = deserialize_keras_object(value)
    if value is None or callable(value):
        return value
    return one_of(value, words, name)


def _checked_ngrams(ngrams: object) -> tuple[Any, tuple[int, ...] | None]:
    """The argument as configs hold it, and the lengths that it stands for."""
    if ngrams is None:
        return None, None
    widths: Any = range(1, ngrams + 1) if is_int(ngrams) else ngrams
    if (
        isinstance(widths, str)
        or not isinstance(widths, Sequence)
        or not widths
        or not all(is_int(n) and n > 0 for n in widths)
    ):
        raise value_error(
            f"ngrams must be a positive integer or a tuple of them, got {ngrams!r}.", fix="ngrams=2"
        )
    return (ngrams if is_int(ngrams) else tuple(widths)), tuple(widths)
