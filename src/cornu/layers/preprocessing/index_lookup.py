"""`IndexLookup`: the base of layers that turn terms into indices, and back.

    index      0 ... mask token ("int" alone) | out-of-vocabulary (OOV) indices | terms ... size - 1

    adapt      batches -> counts of terms -> vocabulary, most frequent first
    call       terms -> indices -> encoded                      (invert: indices -> terms)
    files      see `lookup_files.py`

What is no term gets one of the OOV indices, chosen by its hash if there are several.
"""

import os
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import jax
import numpy as np

from cornu import budget, settings
from cornu.arguments import one_of, optional_int
from cornu.context import local
from cornu.core.host import from_host
from cornu.core.symbolic import KerasTensor
from cornu.errors import UnsafeFileError, make_error, value_error
from cornu.layers.base.layer import Layer
from cornu.layers.preprocessing.counting import TermCounts
from cornu.layers.preprocessing.encoding import encode, encode_rows, encoded_shape
from cornu.layers.preprocessing.lookup_files import VocabularyInFiles
from cornu.layers.preprocessing.spans import Spans
from cornu.layers.preprocessing.vocabulary import (
    DROPPED,
    MISSING,
    Term,
    Vocabulary,
    read_lines,
    require_unique,
)
from cornu.numeric import refuse_what_wraps
from cornu.types import FilePath, Shape, Tensor

MODES = ("int", "one_hot", "multi_hot", "count", "tf_idf")
_OLD_MODES = {"binary": "multi_hot", "tf-idf": "tf_idf"}

# What a vocabulary may be given as: terms, or a file with one term per line.
VocabularyLike = Sequence[Term] | np.ndarray | FilePath


class IndexLookup(VocabularyInFiles):
    """Base of `StringLookup` and `IntegerLookup`, which say what a term is."""

    _converts_inputs = False
    _weightless = True
    _untracked_attributes = Layer._untracked_attributes | {"vocabulary", "idf_weights"}
    _made_anew: ClassVar = {"_counts": lambda _: None}

    def __init__(
        self,
        max_tokens: int | None,
        num_oov_indices: int,
        mask_token: Term | None,
        oov_token: Term | None,
        vocabulary_dtype: str,
        vocabulary: VocabularyLike | None = None,
        idf_weights: Sequence[float] | np.ndarray | None = None,
        invert: bool = False,
        output_mode: str = "int",
        sparse: bool = False,
        pad_to_max_tokens: bool = False,
        oov_method: str = "floormod",
        name: str | None = None,
        salt: int | Sequence[int] | None = None,
        **kwargs: Any,
    ):
        if kwargs.get("dtype") in ("string", "int64"):  # as older files say
            kwargs.pop("dtype")
        super().__init__(name=name, **kwargs)
        self.max_tokens = optional_int(max_tokens, "max_tokens", least=2)
        if optional_int(num_oov_indices, "num_oov_indices", least=0) is None:
            raise value_error("num_oov_indices must be an integer >= 0, got None.")
        self.num_oov_indices = num_oov_indices
        self.mask_token, self.oov_token = mask_token, oov_token
        self.vocabulary_dtype = vocabulary_dtype
        self.invert = bool(invert)
        self.output_mode = checked_mode(output_mode)
        self.sparse, self.pad_to_max_tokens = bool(sparse), bool(pad_to_max_tokens)
        self.oov_method = one_of(oov_method, ("floormod", "farmhash"), "oov_method")
        self.salt = self._checked_salt(salt)
        self._check_together(idf_weights)
        self.vocabulary: Any = None  # as it was given, if the config holds it
        self.idf_weights: Any = None
        self._given = vocabulary is not None  # so there is nothing to adapt
        self._terms = self._vocabulary_of([])
        self._weights: np.ndarray | None = None  # of TF-IDF, for each index
        self._size_in_file: int | None = None
        self._counts: TermCounts | None = None
        if vocabulary is not None:
            if not isinstance(vocabulary, (str, os.PathLike)):
                self.vocabulary, self.idf_weights = _as_list(vocabulary), _as_list(idf_weights)
            self.set_vocabulary(vocabulary, idf_weights)

    def _check_together(self, idf_weights: object) -> None:
        if self.pad_to_max_tokens and self.max_tokens is None:
            raise value_error("pad_to_max_tokens=True needs max_tokens.", fix="max_tokens=10_000")
        if self.invert and self.output_mode != "int":
            raise value_error(
                f"With invert=True output_mode must be 'int', got {self.output_mode!r}.",
                fix="output_mode='int'",
            )
        if self.invert and self.oov_token is None:
            raise value_error("With invert=True oov_token cannot be None.")
        if self.sparse and self.output_mode == "int":
            raise value_error(
                "sparse=True needs another output_mode than 'int', whose indices have no zeros to "
                "leave out.",
                fix="output_mode='multi_hot'",
            )
        if idf_weights is not None and self.output_mode != "tf_idf":
            raise value_error(
                f"idf_weights need output_mode='tf_idf', got {self.output_mode!r}.",
                fix="output_mode='tf_idf'",
            )

    def _checked_salt(self, salt: int | Sequence[int] | None) -> list[int] | None:
        if salt is None:
            return None
        pair = [salt, salt] if isinstance(salt, int) else list(salt)
        if len(pair) != 2 or not all(isinstance(n, int) for n in pair):
            raise value_error(
                f"salt must be an integer or two of them, got {salt!r}.", fix="salt=[133, 137]"
            )
        return pair

    @property
    def _key(self) -> tuple[int, int]:
        first, second = self.salt or (0, 0)
        return first, second

    # ---- what a term is: defined by subclasses ---------------------------------------------------

    def _as_terms(self, values: Tensor) -> list[Any]:
        """The terms of a list, array, column or tensor."""
        raise NotImplementedError

    def _terms_in_lines(self, lines: list[str]) -> list[Any]:
        """The terms that lines of a file stand for."""
        raise NotImplementedError

    def _lookup(self, inputs: Tensor) -> Any:
        """The indices of an array of terms; see `_indices`."""
        raise NotImplementedError

    # ---- the vocabulary --------------------------------------------------------------------------

    @property
    def _oov_start(self) -> int:
        return 1 if self.mask_token is not None and self.output_mode == "int" else 0

    @property
    def _token_start(self) -> int:
        return self._oov_start + self.num_oov_indices

    def _vocabulary_of(self, terms: Sequence[Any]) -> Vocabulary:
        known = {}
        if self.mask_token is not None:
            known[self.mask_token] = 0 if self.output_mode == "int" else DROPPED
        default = self._oov_start if self.num_oov_indices == 1 else MISSING
        return Vocabulary(terms, self._token_start, known, default)

    def get_vocabulary(self, include_special_tokens: bool = True) -> list[Any]:
        """The terms by index.

        Args:
            include_special_tokens: whether the mask token and OOV tokens stand in front, so that
                the place of a term is its index.
        """
        if not include_special_tokens:
            return list(self._terms.terms)
        return [*self._special_tokens(), *self._terms.terms]

    def _special_tokens(self) -> list[Any]:
        return [self.mask_token] * self._oov_start + [self.oov_token] * self.num_oov_indices

    def vocabulary_size(self) -> int:
        """Number of indices, those of mask and OOV tokens included."""
        return len(self._terms) + self._token_start

    def set_vocabulary(
        self,
        vocabulary: VocabularyLike,
        idf_weights: Sequence[float] | np.ndarray | None = None,
    ) -> None:
        """Set the terms, instead of learning them by `adapt`.

        Args:
            vocabulary: terms, each once, or a file with one term per line. Special tokens may
                stand in front, all of them, in the order of `get_vocabulary`.
            idf_weights: inverse document frequency of each entry of `vocabulary`, for
                `output_mode="tf_idf"`; special tokens that are not among them get the mean.

        Raises:
            ValueError: terms occur twice, are too many, or a special token is among them.
        """
        if (idf_weights is not None) != (self.output_mode == "tf_idf"):
            raise value_error(
                "The vocabulary needs idf_weights with output_mode='tf_idf', and takes none "
                "otherwise.",
                output_mode=repr(self.output_mode),
                fix="layer.adapt(data) learns both from documents."
                if idf_weights is None
                else "set_vocabulary(vocabulary)",
            )
        if isinstance(vocabulary, (str, os.PathLike)):
            terms = self._terms_in_lines(self._lines_of(vocabulary))
        else:
            terms = self._as_terms(vocabulary)
        if not terms:
            raise value_error("The vocabulary is empty.", fix="vocabulary=['a', 'b']")
        given, start = len(terms), self._token_start
        special = len(terms) >= start > 0 and terms[:start] == self._special_tokens()
        terms = terms[start:] if special else terms
        self._check_terms(terms)
        weights = None
        if idf_weights is not None:
            weights = self._padded(_weights_of(idf_weights, given), special)
        if self.vocabulary is not None:
            self.vocabulary, self.idf_weights = _as_list(vocabulary), _as_list(idf_weights)
        self._take(terms, weights)

    def _lines_of(self, path: FilePath) -> list[str]:
        purse = budget.current()
        if purse is not None and not purse.trusted:
            raise make_error(
                UnsafeFileError,
                f"Layer {self.name!r} names a file as its vocabulary, which loading would read.",
                file=repr(str(path)[:80]),
            )
        return read_lines(path)

    def _check_terms(self, terms: Sequence[Any]) -> None:
        require_unique(terms)
        reserved = {"mask_token": self.mask_token}
        if self.invert:
            reserved["oov_token"] = self.oov_token
        for name, token in reserved.items():
            if token is not None and token in terms:
                raise value_error(
                    f"The {name} {token!r} is among the terms of the vocabulary.",
                    place=terms.index(token),
                    fix=f"leave it out, or begin the vocabulary with {self._special_tokens()!r}",
                )
        size = len(terms) + self._token_start
        if self.max_tokens is not None and size > self.max_tokens:
            raise value_error(
                f"The vocabulary has {size} entries with its special tokens, max_tokens is "
                f"{self.max_tokens}.",
                fix=f"max_tokens={size}",
            )

    def _padded(self, weights: np.ndarray, special: bool) -> np.ndarray:
        """Weights for all indices, from those of the terms, or of special tokens and terms."""
        front = 0 if special else self._token_start
        fill = weights.mean(dtype=np.float64) if len(weights) else 0
        weights = np.concatenate([np.full(front, fill), weights])
        if self.pad_to_max_tokens and self.max_tokens is not None:
            weights = np.pad(weights, (0, self.max_tokens - len(weights)))
        return weights.astype(np.float32)

    def _take(self, terms: Sequence[Any], weights: np.ndarray | None) -> None:
        size = len(terms) + self._token_start
        fixed = self.output_mode != "int" and not self.pad_to_max_tokens
        if fixed and self._inbound_nodes and size != self._depth():
            raise make_error(
                RuntimeError,
                f"'{self.name}' is part of a model, so the size of its vocabulary cannot change.",
                size=f"{self._depth()} before, {size} now",
                fix="pad_to_max_tokens=True, max_tokens=...\nor adapt before the model is made.",
            )
        self._terms, self._weights = self._vocabulary_of(terms), weights

    @property
    def _categories(self) -> int:
        return self.vocabulary_size()

    # ---- adapt -----------------------------------------------------------------------------------

    @property
    def _learns(self) -> bool:
        return not self._given

    def reset_state(self) -> None:
        """Begin new counts."""
        self._counts = None

    def _add(self, tokens: Spans, lengths: np.ndarray) -> None:
        """Count the tokens of documents; see `TermCounts.add`."""
        self._new_counts().add(tokens, lengths)

    def _new_counts(self) -> TermCounts:
        if self._given:
            raise value_error(
                f"'{self.name}' has a vocabulary that was given, so there is nothing to adapt.",
                fix=f"make it without one: {type(self).__name__}()",
            )
        if self._counts is None:
            self._counts = TermCounts(documents=self.output_mode == "tf_idf")
        return self._counts

    def finalize_state(self) -> None:
        """Make the vocabulary: the most frequent terms first, those of equal count in falling
        order."""
        if self._counts is None:
            return
        counts, self._counts = self._counts, None
        limit = None if self.max_tokens is None else self.max_tokens - self._token_start
        terms, documents = counts.ranked(limit, self._uncounted())
        if not terms and (limit is None or limit > 0):
            raise value_error(
                f"The data given to adapt '{self.name}' hold no terms.",
                fix="look at the data; special tokens and empty texts are no terms.",
            )
        weights = None
        if self.output_mode == "tf_idf":
            weights = self._padded(np.log(1 + counts.num_documents / (1 + documents)), False)
        if terms and isinstance(terms[0], bytes):
            terms = [term.decode("utf-8", "surrogatepass") for term in terms]
        self._take(terms, weights)

    def _uncounted(self) -> list[Any]:
        tokens = (t for t in (self.mask_token, self.oov_token) if t is not None)
        return [t.encode() if isinstance(t, str) else t for t in tokens]

    # ---- calls -----------------------------------------------------------------------------------

    def call(self, inputs: Tensor) -> Any:
        if self.invert:
            return self._invert(inputs)
        self._require_vocabulary()
        return self._encode(self._lookup(inputs))

    def _require_vocabulary(self) -> None:
        if not len(self._terms) and self._size_in_file != self._token_start:
            raise make_error(
                RuntimeError,
                f"'{self.name}' has no vocabulary yet.",
                fix="layer.adapt(data)\nor layer.set_vocabulary(terms)",
            )

    def _replace_missing(
        self, indices: np.ndarray, listed: Callable[[np.ndarray], list[Any]]
    ) -> np.ndarray:
        """Indices in which those of what is no term are replaced by OOV indices."""
        if self.num_oov_indices == 1:
            return indices
        missing = np.flatnonzero(indices == MISSING)
        if self.num_oov_indices == 0:
            if len(missing):
                first = listed(missing[:1])[0]
                first = first.decode() if isinstance(first, bytes) else first
                raise value_error(
                    f"'{self.name}' got {first!r}, which is not in its vocabulary, and has no "
                    "index for such.",
                    fix="num_oov_indices=1",
                )
            return indices
        tokens = listed(missing)
        known = dict.fromkeys(tokens)
        buckets = dict(zip(known, self._buckets(list(known)).tolist(), strict=True))
        indices[missing] = self._oov_start + np.array([buckets[t] for t in tokens], np.int64)
        return indices

    def _buckets(self, tokens: list[Any]) -> np.ndarray:
        """The bucket of each token that is no term, from 0 to `num_oov_indices` - 1."""
        raise NotImplementedError

    def _encode(self, indices: np.ndarray) -> Tensor:
        if self.output_mode == "int":
            return handed_on(indices)
        mode = "count" if self.output_mode == "tf_idf" else self.output_mode
        return self._weighted(encode(indices, mode, self._depth(), self.sparse))

    def _encode_rows(self, indices: np.ndarray, rows: np.ndarray, shape: tuple[int, ...]) -> Tensor:
        """Indices of rows that differ in length, encoded as `(*shape, depth)`."""
        mode = "count" if self.output_mode == "tf_idf" else self.output_mode
        full = (*shape, self._depth())
        return self._weighted(encode_rows(indices, rows, full, mode, self.sparse))

    def _weighted(self, encoded: Tensor) -> Tensor:
        if self.output_mode == "tf_idf":
            weights: Any = self._weights
            if self.sparse:
                return type(encoded)(
                    (encoded.data * weights[encoded.indices[:, -1]], encoded.indices),
                    shape=encoded.shape, indices_sorted=True, unique_indices=True,
                )  # fmt: skip
            encoded = encoded * weights.astype(encoded.dtype)
        return encoded if self.sparse else handed_on(encoded)

    def _invert(self, inputs: Tensor) -> Any:
        self._require_vocabulary()
        indices = np.asarray(inputs)
        terms = np.concatenate([self._terms_in_front(), self._terms.by_place])
        known = (indices >= 0) & (indices < len(terms))
        oov = np.full((), self.oov_token, terms.dtype)
        found = np.where(known, terms[np.where(known, indices, 0).astype(np.int64)], oov)
        return found if found.dtype.kind != "i" else handed_on(found)

    def _terms_in_front(self) -> np.ndarray:
        return np.array(self._special_tokens(), self._terms.by_place.dtype)

    # ---- shapes ----------------------------------------------------------------------------------

    def _depth(self) -> int:
        """Number of indices that outputs have room for."""
        if self.pad_to_max_tokens:
            depth = self.max_tokens or 0
        elif not len(self._terms) and self._size_in_file is not None:
            depth = self._size_in_file
        else:
            self._require_vocabulary()
            depth = self.vocabulary_size()
        purse = budget.current()
        if purse is not None:
            purse.take((depth,), 4, f"{self.name}/vocabulary")
        return depth

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        if self.output_mode == "int":
            return tuple(input_shape)
        mode = "count" if self.output_mode == "tf_idf" else self.output_mode
        return encoded_shape(input_shape, mode, self._depth())

    def compute_output_spec(self, inputs: Tensor) -> KerasTensor:
        shape = self.compute_output_shape(inputs.shape)
        return KerasTensor(shape, dtype=self._output_dtype(), sparse=self.sparse)

    def _output_dtype(self) -> str:
        if self.output_mode != "int":
            return settings.current.floatx
        return (
            self.vocabulary_dtype
            if self.invert and self.vocabulary_dtype == "string"
            else index_dtype()
        )


def index_dtype() -> str:
    """The dtype of indices: 64 bits where JAX has them."""
    return "int64" if jax.config.jax_enable_x64 else "int32"


def handed_on(array: np.ndarray) -> Any:
    """An array of the host as an array of JAX; as it is inside of an input pipeline."""
    if array.dtype == np.int64:
        refuse_what_wraps(array, "the output")
        array = array.astype(index_dtype())
    return array if getattr(local, "element", None) is not None else from_host(array)


def checked_mode(mode: str) -> str:
    """The output mode by its name of today.

    Raises:
        ValueError: there is no such mode.
    """
    return one_of(_OLD_MODES.get(mode, mode), MODES, "output_mode")


def _as_list(values: Tensor) -> Any:
    """Values as a list for configs; None stays."""
    if values is None or isinstance(values, (str, os.PathLike)):
        return None
    return values.tolist() if hasattr(values, "tolist") else list(values)


def _weights_of(values: Tensor, count: int) -> np.ndarray:
    weights = np.asarray(values, np.float64)
    if weights.shape != (count,):
        raise value_error(
            "idf_weights must have one number for each entry of the vocabulary.",
            shapes=f"idf_weights {weights.shape}, vocabulary ({count},)",
        )
    return weights
