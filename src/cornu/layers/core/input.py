"""`Input`: where a graph of symbolic tensors begins."""

from typing import Any

from cornu.core import dtypes
from cornu.core.graph.operation import Node
from cornu.core.symbolic import KerasTensor, standardize_shape
from cornu.errors import explain, type_error, value_error, warn
from cornu.layers.base.layer import Layer


class InputLayer(Layer):
    """The layer behind `Input`: it only holds the symbolic tensor.

    Args:
        shape: shape of one sample, without the batch axis.
        batch_size: size of the batch axis if it is fixed.
        dtype: dtype of the input.
        sparse: whether sparse arrays will come in.
        ragged: must stay None or False.
        batch_shape: shape with the batch axis, instead of `shape`.
        input_tensor: a symbolic tensor to use instead of a new one.
        optional: whether None may be passed.
        name: name of the layer.
    """

    batch_shape: Any = None

    def __init__(
        self,
        shape: Any = None,
        batch_size: int | None = None,
        dtype: Any = None,
        sparse: bool | None = None,
        ragged: bool | None = None,
        batch_shape: Any = None,
        input_tensor: Any = None,
        optional: bool = False,
        name: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(name=name)
        if ragged:
            raise value_error(
                "There are no ragged inputs on JAX.", fix="pad the samples to one length."
            )
        if "batch_input_shape" in kwargs:
            batch_shape = kwargs.pop("batch_input_shape")
        if "input_shape" in kwargs:
            shape = kwargs.pop("input_shape")
            warn(
                explain("The argument input_shape is deprecated.", fix=f"InputLayer(shape={shape})")
            )
        if kwargs:
            raise type_error(f"Input takes no argument {next(iter(kwargs))!r}.")
        if input_tensor is not None:
            if not isinstance(input_tensor, KerasTensor):
                raise value_error(f"The tensor is symbolic, got {type(input_tensor).__name__}.")
            _require_agreement(input_tensor, shape, batch_size, batch_shape, dtype, sparse)
            batch_shape, dtype, sparse = input_tensor.shape, input_tensor.dtype, input_tensor.sparse
        elif batch_size is not None and batch_shape is not None:
            raise value_error(
                "Give either `batch_size` or `batch_shape`, not both.",
                fix="batch_shape=(32, 784), or shape=(784,) and batch_size=32",
            )
        elif shape is not None and batch_shape is not None:
            raise value_error("Give either `shape` or `batch_shape`, not both.")
        elif batch_shape is None:
            if shape is None:
                raise value_error("Input needs a shape.", fix="keras.Input(shape=(784,))")
            if isinstance(shape, int):
                raise value_error(f"A shape must be a tuple, got {shape}.", fix=f"shape=({shape},)")
            batch_shape = (batch_size, *shape)
        self.batch_shape = standardize_shape(batch_shape)
        self._dtype = dtypes.standardize_dtype(dtype)
        self.sparse = bool(sparse)
        self.ragged = False
        self.optional = bool(optional)
        tensor = input_tensor
        if tensor is None:
            tensor = KerasTensor(self.batch_shape, self._dtype, self.sparse, name=self.name)
        self.built = True
        Node(self, (), {}, tensor)

    def call(self) -> None:
        """Nothing: the layer only holds the tensor."""

    @property
    def dtype(self) -> str:
        """The dtype of the input."""
        return self._dtype

    def get_config(self) -> dict[str, Any]:
        return {
            "batch_shape": self.batch_shape,
            "dtype": self.dtype,
            "sparse": self.sparse,
            "ragged": self.ragged,
            "name": self.name,
            "optional": self.optional,
        }


def _require_agreement(
    tensor: KerasTensor, shape: Any, batch_size: Any, batch_shape: Any, dtype: Any, sparse: Any
) -> None:
    """That what is said beside a tensor is what the tensor is.

    Raises:
        ValueError: an argument that is given says something else.
    """
    said = {
        "shape": (shape and tuple(shape), tensor.shape[1:]),
        "batch_size": (batch_size, next(iter(tensor.shape), None)),
        "batch_shape": (batch_shape and tuple(batch_shape), tensor.shape),
        "dtype": (dtype and dtypes.standardize_dtype(dtype), tensor.dtype),
        "sparse": (sparse, tensor.sparse),
    }
    for name, (given, actual) in said.items():
        if given is not None and given != actual:
            raise value_error(
                f"The {name} is {given}, and the tensor has {actual}.",
                tensor=tensor,
                fix=f"leave {name} out: keras.Input(tensor=tensor)",
            )


def Input(  # noqa: N802 - Keras's name
    shape: Any = None,
    batch_size: int | None = None,
    dtype: Any = None,
    sparse: bool | None = None,
    ragged: bool | None = None,
    batch_shape: Any = None,
    name: str | None = None,
    tensor: Any = None,
    optional: bool = False,
) -> KerasTensor:
    """A symbolic tensor from which a functional model starts.

    Args:
        shape: shape of one sample, without the batch axis; None for unknown sizes.
        batch_size: size of the batch axis if it is fixed.
        dtype: `floatx` if None.
        sparse: whether sparse arrays will come in.
        ragged: must stay None or False.
        batch_shape: shape with the batch axis, instead of `shape`.
        name: name of the input, its key where a model is given a dict.
        tensor: a symbolic tensor to use instead of a new one.
        optional: whether None may be passed.

    Returns:
        The symbolic tensor.

    Example:

        >>> Input(shape=(28, 28)).shape
        (None, 28, 28)
    """
    layer = InputLayer(
        shape, batch_size, dtype, sparse, ragged, batch_shape, tensor, optional, name
    )
    return layer.output
