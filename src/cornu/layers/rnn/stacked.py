"""`StackedRNNCells`: a stack of cells as one cell."""

from collections.abc import Sequence
from typing import Any, Self

from cornu import ops, tree
from cornu.core.objects.serialize import deserialize_keras_object
from cornu.errors import value_error
from cornu.layers.base.layer import Layer
from cornu.layers.rnn.cells import DropoutCell
from cornu.types import Config, Shape, Tensor, Tensors


class StackedRNNCells(Layer):
    """A stack of cells: the output of each is the input of the next.

    Its states are those of the cells, one list per cell.

    Args:
        cells: list of cells.

    Example:

        >>> import numpy as np
        >>> from cornu.layers import LSTMCell, RNN
        >>> RNN([LSTMCell(8), LSTMCell(4)])(np.ones((2, 5, 3))).shape
        (2, 4)
    """

    _takes_sparse = False

    def __init__(self, cells: Sequence[Any], **kwargs: Any):
        super().__init__(**kwargs)
        for cell in cells:
            for name in ("call", "state_size"):
                if not hasattr(cell, name):
                    raise value_error(
                        f"A cell must have `{name}`, which {type(cell).__name__} lacks."
                    )
        self.cells = list(cells)

    @property
    def state_size(self) -> list[Any]:
        """The sizes of the states of each cell."""
        return [cell.state_size for cell in self.cells]

    @property
    def output_size(self) -> Any:
        """The size of the output of the last cell."""
        return _output_size(self.cells[-1])

    def get_initial_state(self, batch_size: int | None = None) -> list[Any]:
        """Zeros for each cell."""
        found = []
        for cell in self.cells:
            if hasattr(cell, "get_initial_state"):
                found.append(cell.get_initial_state(batch_size=batch_size))
            elif isinstance(cell.state_size, (list, tuple)):
                sizes = cell.state_size
                found.append([ops.zeros((batch_size, n), self.compute_dtype) for n in sizes])
            else:
                found.append(ops.zeros((batch_size, cell.state_size), self.compute_dtype))
        return found

    def build(self, input_shape: Shape) -> None:
        for cell in self.cells:
            if isinstance(cell, Layer) and not cell.built:
                if type(cell).build is Layer.build:
                    cell.built = True
                else:
                    cell.build(input_shape)
            input_shape = (input_shape[0], *_as_shape(_output_size(cell)))

    def call(
        self, inputs: Tensors, states: Tensors, training: bool = False, **kwargs: Any
    ) -> tuple[Tensors, list[Any]]:
        if len(states) != len(self.cells):
            raise value_error(
                f"'{self.name}' has {len(self.cells)} cells, but got the states of {len(states)}.",
                fix="a list with the states of each cell, as get_initial_state returns them",
            )
        new_states = []
        for cell, state in zip(self.cells, states, strict=True):
            options = {"training": training} if isinstance(cell, Layer) else {}
            single = not isinstance(state, (list, tuple))
            run = cell if isinstance(cell, Layer) else cell.call
            inputs, state = run(inputs, [state] if single else list(state), **options)
            if single and isinstance(state, (list, tuple)):
                (state,) = state
            new_states.append(state)
        return inputs, new_states

    def _draw_dropout(self, step_input: Tensor, states: Tensors) -> None:
        """Draw the dropout masks of the cells, whose inputs are the outputs of the cell below."""
        for cell, state in zip(self.cells, states, strict=True):
            first = tree.flatten(state)[0]
            if isinstance(cell, DropoutCell):
                cell.get_dropout_mask(step_input)
                cell.get_recurrent_dropout_mask(first)
            step_input = ops.zeros((first.shape[0], *_as_shape(_output_size(cell))), first.dtype)

    @classmethod
    def from_config(cls, config: Config, custom_objects: Config | None = None) -> Self:
        config = dict(config)
        config["cells"] = [
            deserialize_keras_object(c, custom_objects) if isinstance(c, dict) else c
            for c in config["cells"]
        ]
        return cls(**config)


def _output_size(cell: Any) -> Any:
    size = getattr(cell, "output_size", None)
    if size is not None:
        return size
    return cell.state_size[0] if isinstance(cell.state_size, (list, tuple)) else cell.state_size


def _as_shape(size: int | Sequence[int]) -> tuple[int, ...]:
    return tuple(size) if isinstance(size, Sequence) else (size,)
