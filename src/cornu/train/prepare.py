"""`Programs`: from data and a step to something that runs.

_open      data -> a Source, and the shapes of its first batch
_prepare   what is not there yet is made: variables, metrics, the optimizer's slots
_strategy  a step and a Source -> a Strategy, whose compiled programs are kept for the next time
"""

from functools import partial
from typing import Any

from cornu import settings, tree
from cornu.bcoo import is_sparse
from cornu.callbacks.callback_list import CallbackList
from cornu.core.frame import effects_of
from cornu.core.objects.tracking import owned_by
from cornu.core.symbolic import KerasTensor, infer
from cornu.data.choose import source_for
from cornu.data.convert import count_samples, host_arrays, only_read
from cornu.data.peek import example_of
from cornu.data.source import Resident, Source
from cornu.errors import explain, returns_nothing, warn
from cornu.kernels.compiler_options import compiler_options
from cornu.optimizers import Optimizer
from cornu.random.seed import make_default_seed
from cornu.train.carried import tracing
from cornu.train.loop import run_epoch
from cornu.train.overrides import Compilable
from cornu.train.state import StateSlots
from cornu.train.step import (
    Step,
    loss_of,
    step_of,
    takes_state,
    unpack_x_y_sample_weight,
)
from cornu.train.strategy import Chunked, Eager, PerStep, Strategy
from cornu.train.watch.preflight import check_columns, check_values, require_labels

_NOTHING_TO_TRAIN = explain(
    "The model has no trainable weights, so training changes nothing.",
    fix="set trainable=True where it is False, and make layers in __init__, not in call.",
)


class Programs(Compilable):
    """Sources, what they need of the model, and the strategies that run steps on them."""

    # Epochs done by the last `fit`, and the seed of the order in which it took the samples.
    _trained: tuple[int, int | None] = (0, None)
    _columns: tuple[str, ...] | None = None  # names of those of the table of the last `fit`

    def __init__(self) -> None:
        self._programs: dict[Any, Strategy] = {}

    def _forget_programs(self) -> None:
        self._programs = {}

    def _open(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        *,
        batch_size: int | None = None,
        steps: int | None = None,
        shuffle: Any = False,
        class_weight: Any = None,
        epoch: int = 0,
        keeps_positions: bool = False,
    ) -> tuple[Source, Any]:
        """The data as a source, and the shapes of its first batch."""
        if settings.current.max_steps_per_epoch is not None:
            steps = min(steps or settings.current.max_steps_per_epoch,
                        settings.current.max_steps_per_epoch)  # fmt: skip
        source = source_for(
            x,
            y,
            sample_weight,
            batch_size=batch_size,
            steps=steps,
            shuffle=shuffle,
            seed=self._seed_of_order(epoch) if shuffle else 0,
            class_weight=class_weight,
            floatx=settings.current.floatx,
            inputs_are_nested=getattr(self, "_inputs_are_nested", None),
            input_names=self._names_read,
        )
        if keeps_positions:
            source.keeps_positions = True
        return example_of(source, epoch)

    @property
    def _names_read(self) -> list[str] | None:
        """The entries of a dict of inputs that the model reads; None if it may read any."""
        own_steps = self._steps_itself or self._measures_itself
        for kind in ("test", "predict"):
            mine = getattr(type(self), f"{kind}_step")
            own_steps = own_steps or mine is not getattr(Compilable, f"{kind}_step")
        return None if own_steps else getattr(self, "_inputs_read", None)

    def _open_validation(
        self, data: Any, batch_size: int | None, steps: int | None, keeps_positions: bool
    ) -> Source | None:
        if data is None:
            return None
        x, y, weights = data, None, None
        if isinstance(data, (tuple, list)):
            x, y, weights = unpack_x_y_sample_weight(tuple(data))
        check_columns(x, self._columns, "x_val")
        source, example = self._open(
            x, y, weights, batch_size=batch_size, steps=steps, keeps_positions=keeps_positions
        )
        if type(self).test_step is Compilable.test_step:
            require_labels(self, example, "validation_data=(x_val, y_val)")
        return source

    def _seed_of_order(self, epoch: int) -> int:
        """A new seed, unless training goes on at the epoch up to which it came."""
        done, seed = self._trained
        return seed if epoch and epoch == done and seed is not None else make_default_seed()

    def _prepare(self, example: Any, kind: str) -> None:
        """Make what is not there yet: variables, metrics, and the optimizer's slots."""
        if example is None:
            raise ValueError(no_data(kind))
        x, y, sample_weight = unpack_x_y_sample_weight(example)
        if x is None:
            raise ValueError(no_data(kind))
        settings_ = self._compiled
        needs_outputs = (
            kind != "predict"
            and y is not None
            and settings_ is not None
            and not settings_.matched
            and (settings_.loss is not None or settings_.metrics is not None)
        )
        if not getattr(self, "built", True) and self._has_nothing_to_build(kind):
            self.built = True
        if not getattr(self, "built", True) or needs_outputs:
            outputs = self._output_specs(tree.map_structure(_with_open_batch, x))
            if outputs is None and (kind == "predict" or needs_outputs):
                raise ValueError(returns_nothing(self.call))  # type: ignore[attr-defined]
            if needs_outputs:
                self._build_measures(x, y, outputs, sample_weight)
        if kind == "train" and self.optimizer is not None:
            weights = self.trainable_variables  # type: ignore[attr-defined]
            if not weights and not self._steps_itself:
                if any(layer._makes_layers for layer in self._flatten_layers()):  # type: ignore[attr-defined]
                    raise ValueError(_NOTHING_TO_TRAIN)
                warn(_NOTHING_TO_TRAIN)
            if not self.optimizer.built:
                self.optimizer.build(weights)
            elif not self._steps_itself:  # weights may have been released since
                self.optimizer._adopt(weights)
        if kind == "train" and not takes_state(self.train_step):
            self._make_variables(example)

    def _build_measures(self, x: Any, y: Any, outputs: Any, sample_weight: Any) -> None:
        """Match losses and metrics to the outputs, or to what the model's own methods make of them.

        Args:
            x: shapes of the inputs.
            y: shapes of the labels.
            outputs: symbolic outputs.
            sample_weight: shapes of the weights, or None.
        """
        settings_ = self._compiled
        assert settings_ is not None
        x, y, sample_weight = (
            tree.map_structure(_with_open_batch, a) for a in (x, y, sample_weight)
        )
        own_loss = type(self).compute_loss is not Compilable.compute_loss
        for measure, own, compute in (
            (settings_.loss, own_loss, partial(loss_of, self, training=True)),
            (settings_.metrics, self._measures_itself, self.compute_metrics),
        ):
            if measure is None or measure.built:
                continue
            if not own:
                measure.build(y, outputs)
            elif not settings_.eager:  # its own method may work on numbers alone
                waiting = dict(settings_.waiting)
                infer(compute, x, y, outputs, sample_weight)
                settings_.waiting = waiting  # what was set in the trace is gone
        settings_.matched = True

    def _make_variables(self, example: Any) -> None:
        """Let an imperative step make the variables of the optimizers that it is the first to use.

        A program is given all variables there are when it is compiled, so the step runs once on
        shapes before.
        """
        if all(optimizer.built for optimizer in owned_by(self, Optimizer)):
            return
        effects_of(self.train_step, example)

    def _has_nothing_to_build(self, kind: str) -> bool:
        """Whether a model with a step of its own only holds models that are built.

        Such a one need not be callable with its data: a GAN gets images, and is called with noise.
        """
        own_step = getattr(type(self), f"{kind}_step") is not getattr(Compilable, f"{kind}_step")
        own_build = not type(self).build.__module__.startswith("cornu.")  # type: ignore[attr-defined]
        layers = self._flatten_layers(include_self=False)  # type: ignore[attr-defined]
        return own_step and not own_build and bool(layers) and all(part.built for part in layers)

    def _output_specs(self, x: Any) -> Any:
        """Symbolic tensors like the outputs for symbolic inputs; builds what is not built."""
        return infer(self, x)  # type: ignore[arg-type]

    def _strategy(
        self,
        kind: str,
        slots: StateSlots,
        source: Source | None = None,
        listeners: CallbackList | None = None,
        example: Any = None,
        single: bool = False,
    ) -> Strategy:
        """The strategy for this step and these data, compiled before if they came before."""
        per_execution = self.steps_per_execution
        can_loop = (
            not single
            and kind != "predict"
            and isinstance(source, Resident)
            and source.fits_device
            and listeners is not None
            and (not listeners.wants_every_batch(kind) or per_execution not in (1, "auto"))
        )
        if not self.jit_compile:
            return Eager(self._step(kind, slots))
        kept = self._kept_strategy(kind, slots, can_loop)
        if kept is not None:
            return kept
        step = self._step(kind, slots)
        changed = self.trainable_variables if kind == "train" else ()  # type: ignore[attr-defined]
        options = compiler_options(changed)
        program: Strategy | None = None
        if can_loop:
            assert source is not None
            length = None if per_execution in (1, "auto") else per_execution
            loop = Chunked(step, f"{kind}_step", length, options)
            batch = example_of(source)[1]
            if not tracing(lambda: loop.is_slow(slots.read(), batch), slots):
                program = loop
        program = program or PerStep(
            step, f"{kind}_step", donate=kind != "predict", options=options
        )
        self._programs[kind, slots.key, can_loop, settings.key()] = program
        return program

    def _kept_strategy(self, kind: str, slots: StateSlots, can_loop: bool) -> Strategy | None:
        """The strategy that was made before for these variables; None if there is none."""
        wanted = kind, can_loop, settings.key()
        for (its_kind, _, *rest), program in list(self._programs.items()):
            # Its step may have met variables since, which the slots name now.
            if (its_kind, *rest) == wanted and program.slots.key == slots.key:
                return program
        return None

    def _strategy_of_predict(self, slots: StateSlots) -> Strategy:
        """The strategy of `predict`, whatever the data."""
        return self._strategy("predict", slots)

    def _run_batch(self, kind: str, x: Any, y: Any, sample_weight: Any, class_weight: Any) -> Any:
        data = host_arrays(
            only_read(x, self._names_read), y, sample_weight,
            floatx=settings.current.floatx,
            inputs_are_nested=getattr(self, "_inputs_are_nested", None),
        )  # fmt: skip
        source, example = self._open(
            *data, batch_size=count_samples(data), class_weight=class_weight
        )
        self._prepare(example, kind)
        check_values(self, source, example)
        slots = self._state_slots(kind)
        strategy = self._strategy(kind, slots, source, CallbackList(), None, single=True)
        out, _ = run_epoch(strategy, source, strategy.slots)
        return out

    def _step(self, kind: str, slots: StateSlots) -> Step:
        return step_of(self, kind, slots, getattr(Compilable, f"{kind}_step"))

    # ---- Keras's names for what is simpler here -----------------------------------------------

    def make_train_function(self, force: bool = False) -> None:
        """Called before training; forgets its compiled steps if forced."""
        self._forget("train", force)

    def make_test_function(self, force: bool = False) -> None:
        """Called before evaluation; forgets its compiled steps if forced."""
        self._forget("test", force)

    def make_predict_function(self, force: bool = False) -> None:
        """Called before prediction; forgets its compiled steps if forced."""
        self._forget("predict", force)

    def _forget(self, kind: str, force: bool) -> None:
        if force:
            self._programs = {k: p for k, p in self._programs.items() if k[0] != kind}

    def jax_state_sync(self) -> None:
        """Nothing to do: the variables are current between any two steps."""


def _with_open_batch(x: Any) -> Any:
    """A symbolic tensor like an array, its batch axis unknown."""
    if x is None:
        return None
    return KerasTensor((None, *x.shape[1:]), x.dtype.name, sparse=is_sparse(x))


def no_data(method: str) -> str:
    """The message for data that hold not a single batch."""
    return explain(
        f"There is no data to {'fit' if method == 'train' else method} on.",
        fix="pass arrays with at least one sample, or a data set that yields batches.",
    )
