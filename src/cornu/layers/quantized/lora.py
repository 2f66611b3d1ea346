"""`LoRA`: a layer whose weight may get a low-rank correction that is trained in its place.

    plain   x @ kernel
    LoRA    x @ (kernel + (alpha / rank) * a @ b)       kernel frozen, a and b trained

Files hold the merged weight, so they load anywhere.

Hu et al. 2021, "LoRA: Low-Rank Adaptation of Large Language Models".
"""

from typing import Any, ClassVar

from cornu import initializers, ops
from cornu.arguments import positive_int
from cornu.context import using
from cornu.errors import explain, value_error
from cornu.layers.base import own
from cornu.layers.base.layer import Layer
from cornu.types import InitializerLike, Shape, Tensor


def weight_property() -> Any:
    """A read-only attribute for the weight that `_main_weight` names."""
    return property(
        lambda self: self._shown_weight(),
        doc="The weight: the variable; the corrected array with LoRA; integers if quantized.\n\n"
        "Raises:\n    AttributeError: the layer is not built.",
    )


class LoRA(Layer):
    """Base of layers that multiply by a weight, which `enable_lora` corrects.

    A subclass keeps the variable in `_<main weight>`, reads `_corrected_weight()` in `call`, and
    hands the arguments `lora_rank` and `lora_alpha` to `_set_lora`, and calls `_apply_lora` at the
    end of `build`.
    """

    _main_weight: ClassVar[str] = "kernel"
    _stored_beside: ClassVar[tuple[str, ...]] = ("bias",)  # what else files hold

    _kernel: Any = None
    lora_enabled: bool
    lora_rank: Any = None
    lora_alpha: Any = None
    _weight_shape: Any = None  # in floats, if the variable has another one

    def _set_lora(self, rank: int | None, alpha: float | None) -> None:
        self.lora_rank = rank
        self.lora_alpha = alpha if alpha is not None else rank
        self.lora_enabled = False

    def _apply_lora(self) -> None:
        if self.lora_rank:
            self.enable_lora(self.lora_rank, self.lora_alpha)

    def enable_lora(
        self,
        rank: int,
        lora_alpha: float | None = None,
        a_initializer: InitializerLike = "he_uniform",
        b_initializer: InitializerLike = "zeros",
    ) -> None:
        """Freeze the weight and train a low-rank correction beside it.

        Args:
            rank: number of columns of the first matrix, and of rows of the second.
            lora_alpha: the correction is multiplied by `lora_alpha / rank`; the rank if None.
            a_initializer: initializer of the first matrix.
            b_initializer: initializer of the second matrix.

        Raises:
            ValueError: the layer is not built, LoRA is enabled already, or the weight has a
                constraint.
        """
        variable = self._variable(self._main_weight)
        if variable is None:
            raise value_error(
                f"Layer '{self.name}' is not built, so LoRA has no kernel to work on.",
                fix="call the layer on a sample first, or build the model.",
            )
        if variable.constraint is not None:
            raise value_error(
                f"LoRA cannot be combined with the constraint on the kernel of '{self.name}'.",
                fix=f"make the layer without {self._main_weight}_constraint.",
            )
        if self.lora_enabled:
            raise value_error(f"LoRA is enabled on layer '{self.name}' already.")
        positive_int(rank, "rank", "enable_lora(4)")
        shape: Shape = self._weight_shape or variable.shape
        shapes = {"a": (*shape[:-1], rank), "b": (rank, shape[-1])}
        with using(path=self.path):
            for side, initializer in (("a", a_initializer), ("b", b_initializer)):
                name = f"lora_{variable.name}_{side}"
                factor = self.add_weight(
                    name=name,
                    shape=shapes[side],
                    initializer=initializers.get(initializer),
                    regularizer=getattr(self, f"{variable.name}_regularizer", None),
                )
                setattr(self, name, factor)
        variable.trainable = False
        self.lora_enabled = True
        self.lora_rank = rank
        self.lora_alpha = lora_alpha if lora_alpha is not None else rank

    # ---- computing ----------------------------------------------------------------------------

    def _variable(self, name: str) -> Any:
        """A variable of the layer by the name that it has in files; None if there is none."""
        return getattr(self, f"_{name}" if name == self._main_weight else name, None)

    def _lora_factors(self) -> tuple[Any, Any]:
        name = f"lora_{self._main_weight}"
        return getattr(self, f"{name}_a"), getattr(self, f"{name}_b")

    def _correction(self) -> Tensor:
        """The array that LoRA adds to the weight."""
        a, b = self._lora_factors()
        return self.lora_alpha / self.lora_rank * ops.matmul(a, b)  # (..., in, out)

    def _corrected_weight(self) -> Tensor:
        """The weight as the computation sees it: the variable's value, corrected by LoRA."""
        variable = getattr(self, f"_{self._main_weight}")
        return variable + self._correction() if self.lora_enabled else variable.value

    def _corrected_rows(self, rows: Tensor, ids: Tensor) -> Tensor:
        """Rows of a table with the correction of these rows, if LoRA is enabled."""
        if not self.lora_enabled:
            return rows
        a, b = self._lora_factors()
        added = ops.matmul(ops.take(a.value, ids, axis=0), b)  # (*ids.shape, dim)
        return rows + self.lora_alpha / self.lora_rank * added

    def _shown_weight(self) -> Any:
        variable = self._variable(self._main_weight)
        if variable is None:
            raise AttributeError(
                explain(
                    f"{type(self).__name__} '{self.name}' is not built, so it has no "
                    f"{self._main_weight}.",
                    fix="call it on a sample first, or call build(input_shape).",
                )
            )
        return self._corrected_weight() if self.lora_enabled else variable

    # ---- files --------------------------------------------------------------------------------

    def _stored(self) -> dict[str, Any]:
        """The variables that files hold of the layer, by name, in order."""
        found = {n: self._variable(n) for n in (self._main_weight, *self._stored_beside)}
        return {name: variable for name, variable in found.items() if variable is not None}

    def _merged(self) -> dict[str, Any]:
        """The stored arrays that LoRA changes, by name."""
        return {self._main_weight: self._corrected_weight()}

    def save_own_variables(self, store: Any) -> None:
        """Put the weights into a mapping, by position, with the correction merged."""
        values = {**self._stored(), **(self._merged() if self.lora_enabled else {})}
        for position, value in enumerate(values.values()):
            store[str(position)] = value

    def load_own_variables(self, store: Any) -> None:
        """Take them back; the correction starts from zero again.

        Raises:
            ValueError: the number of arrays or a shape differs.
        """
        own.assign_all(self, store, list(self._stored().values()))
        if self.lora_enabled:
            b = self._lora_factors()[1]
            b.assign(b.value * 0)
