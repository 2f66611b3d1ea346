"""Before the first step: from what the user gave to a source of batches and a model to match.

open_source   data -> a `Source`, and the shapes of its first batch
prepare       what is not there yet is made: variables, metrics, the slots of the optimizer
"""

from functools import partial
from typing import Any

from cornu import settings, tree
from cornu.bcoo import is_sparse
from cornu.core.frame import effects_of
from cornu.core.objects.registry import is_builtin
from cornu.core.objects.tracking import owned_by
from cornu.core.symbolic import KerasTensor, infer
from cornu.data.choose import source_for
from cornu.data.peek import example_of
from cornu.data.source import Source
from cornu.errors import explain, returns_nothing, warn
from cornu.optimizers import Optimizer
from cornu.random.seed import make_default_seed
from cornu.train.step import loss_of, takes_state, unpack_x_y_sample_weight
from cornu.train.text import encoded
from cornu.train.trainable import TrainableModel
from cornu.train.watch.preflight import check_columns, require_labels
from cornu.types import Tensors

_NOTHING_TO_TRAIN = explain(
    "The model has no trainable weights, so training changes nothing.",
    fix="set trainable=True where it is False, and make layers in __init__, not in call.",
)


def open_source(
    model: TrainableModel,
    x: Tensors,
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
        encoded(model, x),
        y,
        sample_weight,
        batch_size=batch_size,
        steps=steps,
        shuffle=shuffle,
        seed=_seed_of_order(model, epoch) if shuffle else 0,
        class_weight=class_weight,
        floatx=settings.current.floatx,
        inputs_are_nested=model._inputs_are_nested,
        input_names=names_read(model),
        encode=partial(encoded, model),
    )
    if keeps_positions:
        source.keeps_positions = True
    return example_of(source, epoch)


def names_read(model: TrainableModel) -> list[str] | None:
    """The entries of a dict of inputs that the model reads; None if it may read any."""
    may_read_any = model._overrides(
        "train_step", "test_step", "predict_step", "compute_loss", "compute_metrics"
    )
    return None if may_read_any else model._inputs_read


def open_validation(
    model: TrainableModel,
    data: Tensors,
    batch_size: int | None,
    steps: int | None,
    keeps_positions: bool,
) -> Source:
    """The validation data as a source."""
    x, y, weights = data, None, None
    if isinstance(data, (tuple, list)):
        x, y, weights = unpack_x_y_sample_weight(tuple(data))
    check_columns(x, model._record.columns, "x_val")
    source, example = open_source(
        model, x, y, weights, batch_size=batch_size, steps=steps, keeps_positions=keeps_positions
    )
    if not model._overrides("test_step"):
        require_labels(model, example, "validation_data=(x_val, y_val)")
    return source


def _seed_of_order(model: TrainableModel, epoch: int) -> int:
    """A new seed, unless training goes on at the epoch up to which it came."""
    done, seed, _ = model._record
    return seed if epoch and epoch == done and seed is not None else make_default_seed()


def prepare(model: TrainableModel, example: Tensors, kind: str) -> None:
    """Make what is not there yet: variables, metrics, and the optimizer's slots."""
    if example is None:
        raise ValueError(no_data(kind))
    x, y, sample_weight = unpack_x_y_sample_weight(example)
    if x is None:
        raise ValueError(no_data(kind))
    compiled = model._compiled
    needs_outputs = (
        kind != "predict"
        and y is not None
        and compiled is not None
        and not compiled.matched
        and (compiled.loss is not None or compiled.metrics is not None)
    )
    if not model.built and _has_nothing_to_build(model, kind):
        model.built = True
    if not model.built or needs_outputs:
        outputs = model._output_specs(tree.map_structure(_with_open_batch, x))
        if outputs is None and (kind == "predict" or needs_outputs):
            raise ValueError(returns_nothing(model.call))
        if needs_outputs:
            _build_measures(model, x, y, outputs, sample_weight)
    if kind == "train" and model.optimizer is not None:
        weights = model.trainable_variables
        if not weights and not model._steps_itself:
            if any(layer._makes_layers for layer in model._flatten_layers()):
                raise ValueError(_NOTHING_TO_TRAIN)
            warn(_NOTHING_TO_TRAIN)
        if not model.optimizer.built:
            model.optimizer.build(weights)
        elif not model._steps_itself:  # weights may have been released since
            model.optimizer._adopt(weights)
    if kind == "train" and not takes_state(model.train_step):
        _make_variables(model, example)


def _build_measures(
    model: TrainableModel, x: Tensors, y: Tensors, outputs: Tensors, sample_weight: Any
) -> None:
    """Match losses and metrics to the outputs, or to what the model's own methods make of them.

    Args:
        x: shapes of the inputs.
        y: shapes of the labels.
        outputs: symbolic outputs.
        sample_weight: shapes of the weights, or None.
    """
    compiled = model._compiled
    assert compiled is not None
    x, y, sample_weight = (tree.map_structure(_with_open_batch, a) for a in (x, y, sample_weight))
    own_loss = model._overrides("compute_loss")
    for measure, own, compute in (
        (compiled.loss, own_loss, partial(loss_of, model, training=True)),
        (compiled.metrics, model._measures_itself, model.compute_metrics),
    ):
        if measure is None or measure.built:
            continue
        if not own:
            measure.build(y, outputs)
        elif not compiled.eager:  # its own method may work on numbers alone
            waiting = dict(compiled.waiting)
            infer(compute, x, y, outputs, sample_weight)
            compiled.waiting = waiting  # what was set in the trace is gone
    compiled.matched = True


def _make_variables(model: TrainableModel, example: Tensors) -> None:
    """Let an imperative step make the variables of the optimizers that it is the first to use.

    A program is given all variables there are when it is compiled, so the step runs once on
    shapes before.
    """
    if all(optimizer.built for optimizer in owned_by(model, Optimizer)):
        return
    effects_of(model.train_step, example)


def _has_nothing_to_build(model: TrainableModel, kind: str) -> bool:
    """Whether a model with a step of its own only holds models that are built.

    Such a one need not be callable with its data: a GAN gets images, and is called with noise.
    """
    own_step = model._overrides(f"{kind}_step")
    own_build = not is_builtin(type(model).build)
    layers = model._flatten_layers(include_self=False)
    return own_step and not own_build and bool(layers) and all(part.built for part in layers)


def _with_open_batch(x: Tensors) -> Any:
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
