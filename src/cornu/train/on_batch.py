"""One step on one batch: `train_on_batch`, `test_on_batch` and `predict_on_batch`."""

from typing import Any

from cornu import settings
from cornu.data.convert import count_samples, host_arrays, only_read
from cornu.train.evaluate import as_returned
from cornu.train.loop import as_logs, run_epoch
from cornu.train.measuring import measuring
from cornu.train.prepare import names_read, open_source, prepare
from cornu.train.strategy import strategy_for
from cornu.train.text import encoded
from cornu.train.trainable import TrainableModel
from cornu.train.watch.preflight import check_values
from cornu.types import Tensors


def results_on_batch(
    model: TrainableModel,
    kind: str,
    x: Tensors,
    y: Tensors,
    sample_weight: Tensors | None,
    class_weight: Any,
    return_dict: bool,
) -> Any:
    """The results of one step."""
    with measuring(model):
        model.reset_metrics()
        out = run_batch(model, kind, x, y, sample_weight, class_weight)
        logs = dict(as_logs(out).fetch())
    return as_returned(model, logs, return_dict)


def run_batch(
    model: TrainableModel,
    kind: str,
    x: Tensors,
    y: Any = None,
    sample_weight: Any = None,
    class_weight: Any = None,
) -> Any:
    """What a step returns for one batch."""
    data = host_arrays(
        encoded(model, only_read(x, names_read(model))), y, sample_weight,
        floatx=settings.current.floatx, inputs_are_nested=model._inputs_are_nested,
    )  # fmt: skip
    source, example = open_source(
        model, *data, batch_size=count_samples(data), class_weight=class_weight
    )
    prepare(model, example, kind)
    check_values(model, source, example)
    strategy = strategy_for(model, kind, model._state_slots(kind), source)
    return run_epoch(strategy, source)[0]
