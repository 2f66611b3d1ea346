"""`StringLookup`."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from cornu.errors import value_error
from cornu.layers.preprocessing import texts
from cornu.layers.preprocessing.hashes import farmhash64, siphash64
from cornu.layers.preprocessing.index_lookup import IndexLookup, VocabularyLike
from cornu.layers.preprocessing.spans import Spans
from cornu.types import Config, Data, Tensor


class StringLookup(IndexLookup):
    """Turn texts into indices by a vocabulary, or indices into texts.

    Input: texts of any shape; output: indices of the same shape, or their encoding. Runs on the
    host, in numpy.

    Args:
        max_tokens: largest size of the vocabulary, special tokens included; no bound if None.
        num_oov_indices: number of indices for texts that are not in the vocabulary
            (out-of-vocabulary, OOV). With several the hash of a text chooses one, with 0 such a
            text is an error.
        mask_token: text that stands for nothing: index 0 with `output_mode="int"`, and dropped
            in other modes. None if there is none.
        oov_token: text to which OOV indices turn with `invert=True`.
        vocabulary: list or array of terms, or a file with one term per line; learned by `adapt`
            if None.
        idf_weights: inverse document frequencies of the vocabulary, for "tf_idf".
        invert: whether to turn indices into texts.
        output_mode: "int" for indices, "one_hot" for each of them `(..., n, size)`, or for all of
            a sample `(..., size)`: "multi_hot" for presence, "count" for how often, "tf_idf" for
            the count times the inverse document frequency.
        pad_to_max_tokens: whether those outputs have `max_tokens` columns whatever the vocabulary.
        sparse: whether those outputs are sparse arrays of JAX.
        encoding: encoding of inputs that are bytes.
        salt: one or two integers, with which OOV texts are hashed by SipHash; FarmHash if None.

    Raises:
        ValueError: the arguments contradict each other; or in a call, a text is missing.
        RuntimeError: in a call, there is no vocabulary yet.

    Example:

        >>> layer = StringLookup(vocabulary=["a", "b"])
        >>> layer(["b", "x"]).tolist()
        [2, 0]
        >>> StringLookup(vocabulary=["a", "b"], invert=True)([2, 0]).tolist()
        ['b', '[UNK]']
        >>> layer = StringLookup(output_mode="multi_hot")
        >>> layer.adapt([["red", "blue"], ["red", "green"]])
        >>> layer.get_vocabulary()
        ['[UNK]', 'red', 'green', 'blue']
        >>> layer([["blue", "red"]]).tolist()
        [[0.0, 1.0, 0.0, 1.0]]
    """

    takes_strings = True

    def __init__(
        self,
        max_tokens: int | None = None,
        num_oov_indices: int = 1,
        mask_token: str | None = None,
        oov_token: str = "[UNK]",
        vocabulary: VocabularyLike | None = None,
        idf_weights: Sequence[float] | np.ndarray | None = None,
        invert: bool = False,
        output_mode: str = "int",
        pad_to_max_tokens: bool = False,
        sparse: bool = False,
        encoding: str = "utf-8",
        name: str | None = None,
        salt: int | Sequence[int] | None = None,
        **kwargs: Any,
    ):
        self.encoding = encoding
        super().__init__(
            max_tokens=max_tokens,
            num_oov_indices=num_oov_indices,
            mask_token=mask_token,
            oov_token=oov_token,
            vocabulary_dtype="string",
            vocabulary=vocabulary,
            idf_weights=idf_weights,
            invert=invert,
            output_mode=output_mode,
            sparse=sparse,
            pad_to_max_tokens=pad_to_max_tokens,
            name=name,
            salt=salt,
            **kwargs,
        )

    def update_state(self, data: Data) -> None:
        """Count the texts of a batch: of `(samples,)`, `(samples, n)`, or lists that differ in
        length."""
        flat, lengths = texts.read_rows(data, self.encoding)
        self._add(Spans.of(flat), lengths)

    def _indices(self, tokens: Spans) -> np.ndarray:
        """The index of each token."""
        return self._replace_missing(self._terms.texts.of(tokens), tokens.listed)

    def _lookup(self, inputs: Tensor) -> np.ndarray:
        if isinstance(inputs, np.ndarray) and (spans := Spans.of_array(inputs)) is not None:
            return self._indices(spans).reshape(inputs.shape)
        flat, shape = texts.read(inputs, self.encoding)
        return self._indices(Spans.of(flat)).reshape(shape)

    def _buckets(self, tokens: list[Any]) -> np.ndarray:
        hashes = farmhash64(tokens) if self.salt is None else siphash64(tokens, self._key)
        return (hashes % np.uint64(self.num_oov_indices)).astype(np.int64)

    def _as_terms(self, values: Tensor) -> list[str]:
        found = texts.read(values, self.encoding, "the vocabulary")
        if len(found.shape) != 1:
            raise value_error(
                f"The vocabulary must have one axis, got shape {found.shape}.",
                fix="vocabulary=['a', 'b']",
            )
        return list(map(str, found.flat))

    def _terms_in_lines(self, lines: list[str]) -> list[str]:
        return lines

    def get_config(self) -> Config:
        config = super().get_config()
        del config["vocabulary_dtype"]
        return config
