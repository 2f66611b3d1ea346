"""`Bidirectional` and `TimeDistributed`: a layer in both directions, or at each time step."""

from typing import Any, Self

from cornu import ops, tree
from cornu.arguments import one_of
from cornu.core.masks import infer_with_masks, mask_of, set_mask
from cornu.core.objects.serialize import deserialize_keras_object
from cornu.errors import explain, value_error
from cornu.layers.base.call import takes_mask
from cornu.layers.base.input_spec import InputSpec
from cornu.layers.base.layer import Layer
from cornu.layers.base.wrapper import Wrapper
from cornu.layers.convolutional.base import shown
from cornu.types import Config, Shape, Tensor, Tensors

_ALIKE = ("stateful", "return_sequences", "return_state")


class Bidirectional(Layer):
    """Read a sequence in both directions with two recurrent layers, and merge their outputs.

    Input `(batch, time, features)`. With `merge_mode="concat"` the output is
    `(batch, 2 * units)`, or `(batch, time, 2 * units)` if the layer returns sequences.

    Args:
        layer: a recurrent layer, such as LSTM; copies of it read forwards and backwards.
        merge_mode: "concat", "sum", "mul", "ave", or None to return both outputs.
        weights: initial values of all weights.
        backward_layer: layer that reads backwards, instead of a copy; its `go_backwards` must be
            the opposite of that of `layer`.

    Example:

        >>> import numpy as np
        >>> from cornu.layers import LSTM
        >>> Bidirectional(LSTM(4, return_sequences=True))(np.ones((2, 10, 8))).shape
        (2, 10, 8)
    """

    _takes_sparse = False

    def __init__(
        self,
        layer: Layer,
        merge_mode: str | None = "concat",
        weights: list[Tensor] | None = None,
        backward_layer: Layer | None = None,
        **kwargs: Any,
    ):
        _check_recurrent(layer, "layer")
        if backward_layer is not None:
            _check_recurrent(backward_layer, "backward_layer")
        one_of(merge_mode, ("sum", "mul", "ave", "concat", None), "merge_mode")
        super().__init__(**kwargs)
        self.merge_mode = merge_mode
        self.forward_layer = _copy(layer, "forward")
        if backward_layer is None:
            self.backward_layer = _copy(layer, "backward", go_backwards=not layer.go_backwards)
        else:
            self.backward_layer = _copy(backward_layer, "")
        self._check_halves()
        self.stateful: bool = layer.stateful
        self.return_sequences: bool = layer.return_sequences
        self.return_state: bool = layer.return_state
        self.supports_masking = True
        self.input_spec = layer.input_spec
        self._initial_weights = weights

    def _check_halves(self) -> None:
        forward, backward = self.forward_layer, self.backward_layer
        if forward.go_backwards == backward.go_backwards:
            raise value_error(
                "The two layers of Bidirectional read in the same direction.",
                fix="go_backwards=True for one of them",
            )
        for name in _ALIKE:
            if getattr(forward, name) != getattr(backward, name):
                raise value_error(
                    f"The two layers of Bidirectional differ in {name}.",
                    forward=getattr(forward, name),
                    backward=getattr(backward, name),
                )

    def build(self, sequences_shape: Shape, initial_state_shape: Any = None) -> None:
        for layer in (self.forward_layer, self.backward_layer):
            if not layer.built:
                layer.build(sequences_shape)
        if self._initial_weights is not None:
            self.set_weights(self._initial_weights)
            self._initial_weights = None

    def call(
        self,
        sequences: Tensor,
        initial_state: Tensors | None = None,
        mask: Tensor | None = None,
        training: bool | None = None,
    ) -> Any:
        first, second = self._halves(initial_state)
        given = {"mask": mask, "training": training}
        forward = self.forward_layer(sequences, initial_state=first, **given)
        backward = self.backward_layer(sequences, initial_state=second, **given)
        states: tuple[Any, ...] = ()
        if self.return_state:
            states = (*forward[1:], *backward[1:])
            forward, backward = forward[0], backward[0]
        if self.return_sequences:  # the outputs of the same step side by side
            backward = ops.flip(backward, axis=1)  # (batch, time, units)
        forward, backward = (ops.cast(y, self.compute_dtype) for y in (forward, backward))
        merged = self._merged(forward, backward)
        if self.return_state:
            return (*merged, *states) if self.merge_mode is None else (merged, *states)
        return merged

    def _halves(self, initial_state: Tensors | None) -> tuple[Any, Any]:
        if initial_state is None:
            return None, None
        half = len(initial_state) // 2
        return initial_state[:half], initial_state[half:]

    def _merged(self, forward: Tensor, backward: Tensor) -> Tensors:
        if self.merge_mode == "concat":
            return ops.concatenate([forward, backward], axis=-1)  # (batch, ..., 2 * units)
        if self.merge_mode == "sum":
            return ops.add(forward, backward)
        if self.merge_mode == "ave":
            return ops.divide(ops.add(forward, backward), 2)
        if self.merge_mode == "mul":
            return ops.multiply(forward, backward)
        return forward, backward

    def compute_output_shape(self, sequences_shape: Shape, initial_state_shape: Any = None) -> Any:
        shapes = self.forward_layer.compute_output_shape(sequences_shape)
        others = self.backward_layer.compute_output_shape(sequences_shape)
        forward, *states = shapes if self.return_state else (shapes,)
        backward, *more = others if self.return_state else (others,)
        if self.merge_mode == "concat":
            merged: tuple[Any, ...] = ((*forward[:-1], forward[-1] + backward[-1]),)
        else:
            merged = (forward, backward) if self.merge_mode is None else (forward,)
        found = (*merged, *states, *more)
        return found if len(found) > 1 else found[0]

    def compute_mask(self, _: Tensors, mask: Tensors | None) -> Any:
        mask = tree.flatten(self.forward_layer.compute_mask(None, mask))[0]
        outputs = [mask, mask] if self.merge_mode is None else [mask]
        if self.return_state:
            sizes = self.forward_layer.state_size
            number = len(sizes) if isinstance(sizes, (list, tuple)) else 1
            return [*outputs, *([None] * 2 * number)]
        return outputs if self.merge_mode is None else mask

    @property
    def states(self) -> Any:
        """The states that both layers keep between batches; None if they keep none."""
        forward, backward = self.forward_layer.states, self.backward_layer.states
        return None if forward is None or backward is None else (*forward, *backward)

    def reset_state(self) -> None:
        """Set the kept states to zero."""
        if not self.stateful:
            raise AttributeError(
                explain(
                    f"'{self.name}' keeps no states between batches.",
                    fix="layers.Bidirectional(layers.LSTM(32, stateful=True))",
                )
            )
        self.forward_layer.reset_state()
        self.backward_layer.reset_state()

    def reset_states(self) -> None:
        """Another name of `reset_state`."""
        self.reset_state()

    def _config_value(self, name: str) -> Any:
        found = {"layer": self.forward_layer, "backward_layer": self.backward_layer}
        if name == "weights":
            return None
        return found.get(name) or super()._config_value(name)

    def get_config(self) -> Config:
        config = super().get_config()
        del config["weights"]
        return config

    @classmethod
    def from_config(cls, config: Config, custom_objects: Config | None = None) -> Self:
        config = dict(config)
        for name in ("layer", "backward_layer"):
            if isinstance(config.get(name), dict):
                config[name] = deserialize_keras_object(config[name], custom_objects)
        return cls(**config)


def _check_recurrent(layer: object, name: str) -> None:
    recurrent = isinstance(layer, Layer) and all(
        hasattr(layer, what) for what in ("go_backwards", *_ALIKE)
    )
    if not recurrent:
        raise value_error(
            f"{name} must be a recurrent layer, got {type(layer).__name__}.",
            fix="layers.Bidirectional(layers.LSTM(32))",
        )


def _copy(layer: Any, side: str, **changes: Any) -> Any:
    """A layer with the same arguments, whose name says in which direction it reads."""
    config = {**layer.get_config(), **changes}
    plain_name = config["name"].removeprefix("forward_").removeprefix("backward_")
    if side:
        config["name"] = f"{side}_{plain_name}"
    # The output of a masked step must not reach that of the other direction.
    if "zero_output_for_mask" in config and layer.return_sequences:
        config["zero_output_for_mask"] = True
    copy = type(layer).from_config(config)
    if hasattr(layer, "use_cudnn"):  # which configs leave out, as Keras's do
        copy.use_cudnn = layer.use_cudnn
    return copy


class TimeDistributed(Wrapper):
    """Apply a layer to each time step.

    Input `(batch, time, ...)`, output `(batch, time, ...)`: the steps of all samples go through the
    layer together, as one large batch. A mask `(batch, time, ...)` goes with them, `(batch, ...)`
    per step; the output has the mask that the layer gives it.

    Args:
        layer: layer to apply to each step, `(batch, ...)`.

    Example:

        >>> import numpy as np
        >>> from cornu.layers import Conv2D
        >>> TimeDistributed(Conv2D(4, 3))(np.ones((2, 10, 28, 28, 1))).shape
        (2, 10, 26, 26, 4)
    """

    _takes_sparse = False

    def __init__(self, layer: Layer, **kwargs: Any):
        super().__init__(layer, **kwargs)
        self.supports_masking = True

    def build(self, input_shape: Any = None) -> None:
        self._check_axes(input_shape)
        inner = (input_shape[0], *input_shape[2:])
        if not self.layer.built:
            if type(self.layer).build is Layer.build:
                self.layer.built = True
            else:
                self.layer.build(inner)
        self.input_spec = InputSpec(min_ndim=3)

    def _check_axes(self, shape: Shape) -> None:
        if len(shape) < 3:
            raise value_error(
                f"The inputs of TimeDistributed '{self.name}' must have at least 3 axes, "
                f"got {len(shape)}.",
                shapes=f"inputs {tuple(shape)}",
                fix="inputs (batch, time, features)",
            )

    def call(
        self, inputs: Tensor, training: bool | None = None, mask: Tensor | None = None
    ) -> Tensor:
        self._check_axes(inputs.shape)
        self._check_mask(inputs, mask)
        batch, time, *rest = inputs.shape
        steps = ops.reshape(inputs, (batch * time, *rest))  # (batch * time, ...)
        of_steps = None
        if mask is not None:
            of_steps = ops.reshape(mask, (batch * time, *mask.shape[2:]))  # (batch * time, ...)
            if takes_mask(self.layer):
                set_mask(steps, of_steps)  # the layer finds it there
        y = self.layer(steps, training=training)
        found = mask_of(y)
        if found is None and of_steps is not None and self.layer.supports_masking:
            found = self.layer.compute_mask(steps, of_steps)
        if found is not None:
            mask = ops.reshape(found, (batch, time, *found.shape[1:]))  # (batch, time, ...)
        elif mask is not None and mask.ndim > 2:  # a step is kept if anything in it is
            mask = ops.any(mask, axis=tuple(range(2, mask.ndim)))  # (batch, time)
        y = ops.reshape(y, (batch, time, *y.shape[1:]))  # (batch, time, ...)
        y = ops.cast(y, self.compute_dtype)
        if mask is not None:
            set_mask(y, mask)
        return y

    def _check_mask(self, inputs: Tensor, mask: Tensor | None) -> None:
        """Raise ValueError if a mask does not begin with the batch and the time axis."""
        if mask is not None and (
            mask.ndim < 2
            or any(
                isinstance(m, int) and isinstance(n, int) and m != n
                for m, n in zip(mask.shape, inputs.shape[:2], strict=False)
            )
        ):
            raise value_error(
                f"The mask of TimeDistributed '{self.name}' does not fit its inputs.",
                shapes=f"inputs {shown(inputs.shape)}, mask {shown(mask.shape)}",
                fix="booleans (batch, time), or (batch, time, ...) for what is in the steps",
            )

    def compute_output_spec(
        self, inputs: Tensor, training: bool | None = None, mask: Tensor | None = None
    ) -> Any:
        return infer_with_masks(self.call, inputs, training=training, mask=mask)
