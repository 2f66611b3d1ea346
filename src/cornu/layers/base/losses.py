"""`Losses`: what a layer adds to the loss of the model that it is in.

self.add_loss(value)             in `call`; inside a trace the frame carries it
activity_regularizer             the same, of the outputs, by each call
kernel_regularizer, ...          of the weights, worked out when `losses` is read
"""

from typing import TYPE_CHECKING, Any

from cornu import tree
from cornu.context import local
from cornu.core.frame import AddedLoss, is_tracer
from cornu.core.variable import Variable
from cornu.errors import explain, type_error


class Losses:
    """The part of a layer that adds to the loss."""

    if TYPE_CHECKING:
        name: str
        _losses: list[Any]

        @property
        def trainable_weights(self) -> list[Variable]: ...

        def _flatten_layers(self) -> list[Any]: ...

    def add_loss(self, loss: Any) -> None:
        """Add a scalar (or a list of scalars) to the loss of the model, during `call`."""
        for value in tree.flatten(loss):
            if callable(value):
                raise type_error(
                    "add_loss takes a value, not a function.",
                    fix="call it inside `call`: self.add_loss(penalty(x))",
                )
            if local.frame is not None and (not is_tracer(value) or local.frame.is_current_trace()):
                local.frame.losses.append(AddedLoss(self, value))
            elif is_tracer(value):
                raise RuntimeError(
                    explain(
                        f"'{self.name}' adds a loss inside a transform that does not carry it.",
                        fix="use the transforms that do (cornu.ops.scan, cond, map, cornu.remat),\n"
                        "or layer.stateless_call(..., return_losses=True) inside jax.jit.",
                    )
                )
            else:
                self._losses.append(value)

    def _clear_losses(self) -> None:
        for layer in self._flatten_layers():
            layer._losses.clear()

    @property
    def losses(self) -> list[Any]:
        """What `add_loss` and activity regularizers added in the last call, and the penalties of
        regularizers on weights."""
        layers = self._flatten_layers()
        if local.frame is not None:
            ids = {id(layer) for layer in layers}
            added = [a.value for a in local.frame.losses if a.owner is None or id(a.owner) in ids]
        else:
            added = [loss for layer in layers for loss in layer._losses]
        penalties = [
            v.regularizer(v.value) for v in self.trainable_weights if v.regularizer is not None
        ]
        return added + penalties
