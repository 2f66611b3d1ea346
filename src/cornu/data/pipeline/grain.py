"""A `Dataset` as a data set of grain. Grain is imported when it is asked for."""

import functools
from typing import TYPE_CHECKING, Any

from cornu.errors import need

if TYPE_CHECKING:
    from cornu.data.pipeline.dataset import Dataset


def as_grain(dataset: "Dataset") -> Any:
    """The elements as a `MapDataset` of grain, or as an `IterDataset` if they have no index."""
    grain = need("grain", for_="data sets of grain")
    if dataset.stage.indexed:
        return grain.MapDataset.source(dataset)
    return _in_order()(dataset)


@functools.cache
def _in_order() -> Any:
    """The class of data sets of grain that read a `Dataset` in order."""
    grain = need("grain", for_="data sets of grain")

    class Iterated(grain.DatasetIterator):  # type: ignore[name-defined]
        """An iterator of grain over the first pass."""

        def __init__(self, dataset: "Dataset") -> None:
            super().__init__()
            self._items = type(iter(dataset))(dataset, 0, 0)

        def __next__(self) -> Any:
            return next(self._items)

        def get_state(self) -> dict[str, Any]:
            return self._items.get_state()

        def set_state(self, state: dict[str, Any]) -> None:
            self._items.set_state(state)

    class InOrder(grain.IterDataset):  # type: ignore[name-defined]
        """The elements of a `Dataset`, for grain."""

        def __init__(self, dataset: "Dataset") -> None:
            super().__init__()
            self._dataset = dataset

        def __iter__(self) -> Iterated:
            return Iterated(self._dataset)

    return InOrder
