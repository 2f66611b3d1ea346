"""How lookups are saved and loaded.

    vocabulary    `vocabulary.txt`, an asset; or in the config, if it was given to the constructor,
                  or if its terms hold line breaks
    idf_weights   beside the weights of other layers, read before the vocabulary

Keras reads and writes the same.
"""

from collections.abc import Mapping, MutableMapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from cornu.arguments import optional_int
from cornu.errors import value_error
from cornu.layers.preprocessing.adapting import AdaptingLayer
from cornu.layers.preprocessing.vocabulary import FILE, Vocabulary, lines_of
from cornu.types import Config, FilePath


class VocabularyInFiles(AdaptingLayer):
    """The part of a lookup that knows files."""

    if TYPE_CHECKING:
        output_mode: str
        max_tokens: int | None
        pad_to_max_tokens: bool
        vocabulary: Any
        _terms: Vocabulary
        _weights: np.ndarray | None
        _size_in_file: int | None
        _given: bool

        @property
        def _token_start(self) -> int: ...
        def get_vocabulary(self, include_special_tokens: bool = True) -> list[Any]: ...
        def vocabulary_size(self) -> int: ...
        def _special_tokens(self) -> list[Any]: ...
        def _terms_in_lines(self, lines: list[str]) -> list[Any]: ...
        def _check_terms(self, terms: Sequence[Any]) -> None: ...
        def _take(self, terms: Sequence[Any], weights: np.ndarray | None) -> None: ...

    _takes_stored = True
    _asset_names = (FILE,)
    _only_in_configs = ("vocabulary_size", "has_input_vocabulary")

    def get_config(self) -> Config:
        config = super().get_config()
        if self.vocabulary is None and not self._terms.fits_lines:
            config["vocabulary"] = list(self._terms.terms)
            if self._weights is not None:
                front = self._token_start
                config["idf_weights"] = self._weights[front : front + len(self._terms)].tolist()
        size = self.vocabulary_size() if len(self._terms) else self._size_in_file
        return {**config, "vocabulary_size": size}

    @classmethod
    def from_config(cls, config: Config) -> Self:
        """Make a layer from what `get_config` returned."""
        config = dict(config)
        config.pop("has_input_vocabulary", None)
        size = config.pop("vocabulary_size", None)
        made = super().from_config(config)
        made._size_in_file = optional_int(size, "vocabulary_size", least=0)
        return made

    def get_build_config(self) -> Config:
        """Nothing: the layer needs no shapes."""
        return {}

    def save_own_variables(self, store: MutableMapping[str, Any]) -> None:
        """Put the inverse document frequencies into a mapping."""
        if self._weights is not None:
            store["idf_weights"] = self._weights

    def load_own_variables(self, store: MutableMapping[str, Any]) -> None:
        """Take them back from such a mapping; they hold with the vocabulary that is loaded next."""
        if "idf_weights" in store:
            self._weights = np.asarray(store["idf_weights"], np.float32)

    def _is_in_config(self) -> bool:
        return self.vocabulary is not None or not self._terms.fits_lines

    def save_assets(self, dir_path: FilePath) -> None:
        """Write the vocabulary to `vocabulary.txt`, unless the config holds it.

        Args:
            dir_path: directory.
        """
        if not self._is_in_config():
            lines = [str(term) for term in self.get_vocabulary()]
            Path(dir_path, FILE).write_bytes("\n".join(lines).encode())

    def load_assets(self, dir_path: FilePath) -> None:
        """Read what `save_assets` wrote.

        Args:
            dir_path: directory.

        Raises:
            ValueError: the file is not there, is no text, or holds no vocabulary.
        """
        path = Path(dir_path, FILE)
        self._read_assets({FILE: path.read_bytes()} if path.is_file() else {})

    def _read_assets(self, files: Mapping[str, bytes]) -> None:
        """Take the files that `save_assets` wrote, by their names."""
        if self._given:
            return
        if FILE not in files:
            raise value_error(
                f"The file has no vocabulary of '{self.name}' ({FILE}).",
                fix="get it again from its source.",
            )
        what = f"the vocabulary of '{self.name}'"
        lines = lines_of(files[FILE], what, self._size_in_file)
        start = self._token_start
        terms = self._terms_in_lines(lines)
        if len(terms) >= start and terms[:start] == self._special_tokens():
            terms = terms[start:]
        self._check_terms(terms)
        if self._size_in_file not in (None, len(terms) + start):
            raise value_error(
                f"The vocabulary of '{self.name}' in the file has another size than its config "
                "says.",
                vocabulary=len(terms) + start,
                config=self._size_in_file,
                fix="get it again from its source.",
            )
        weights = self._weights
        if terms and self.output_mode == "tf_idf":
            size = self.max_tokens if self.pad_to_max_tokens else len(terms) + start
            if weights is None or weights.shape != (size,):
                raise value_error(
                    f"The file has no idf_weights that fit the vocabulary of '{self.name}'.",
                    weights=None if weights is None else weights.shape,
                    vocabulary=f"{size} entries",
                )
        self._take(terms, weights)
