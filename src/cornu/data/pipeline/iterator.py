"""The iterator of a `Dataset`, which says where it is."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from cornu.errors import value_error

if TYPE_CHECKING:
    from cornu.data.pipeline.dataset import Dataset


class DatasetIterator:
    """The elements of one pass over a `Dataset`.

    `get_state()` and `set_state(state)` are those of grain's iterators.

    Args:
        dataset: the data set.
        number: number of the pass.
        index: index of the first element to give.
    """

    def __init__(self, dataset: "Dataset", number: int, index: int) -> None:
        self._dataset = dataset
        self._place = number, index
        self._items: Iterator[Any] | None = None

    def __iter__(self) -> "DatasetIterator":
        return self

    def __next__(self) -> Any:
        number, index = self._place
        if self._items is None:
            self._items = self._dataset.stage.placed(number, index)
        index, item = next(self._items)
        self._place = number, index
        return item

    def get_state(self) -> dict[str, Any]:
        """The number of the pass, the index of the next element, the seeds of the shuffles."""
        number, index = self._place
        return {"pass": number, "index": index, "seeds": self._dataset.seeds}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Continue where another iterator was."""
        place = checked_place(state)
        self._dataset.seeds = state["seeds"]
        self.close()
        self._place = place

    def close(self) -> None:
        """End the threads that make elements ahead."""
        if self._items is not None and hasattr(self._items, "close"):
            self._items.close()
        self._items = None


def checked_place(state: Mapping[str, Any]) -> tuple[int, int]:
    """The number of the pass and the index in a state.

    Raises:
        ValueError: it is no state of a `Dataset`.
    """
    valid = isinstance(state, Mapping) and {"pass", "index", "seeds"} <= set(state)
    place = (state["pass"], state["index"]) if valid else (None, None)
    if not all(type(n) is int and 0 <= n < 2**63 for n in place):
        raise value_error(
            f"restore must be given the result of state(), got {state!r:.80}.",
            fix="data.restore(data.state())",
        )
    return place  # type: ignore[return-value]
