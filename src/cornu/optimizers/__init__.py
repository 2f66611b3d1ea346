"""Optimizers: how weights follow their gradients."""

from cornu.optimizers.adam import (
    Adam as Adam,
    Adamax as Adamax,
    AdamW as AdamW,
    Lamb as Lamb,
    Nadam as Nadam,
)
from cornu.optimizers.gradient import (
    SGD as SGD,
    Adadelta as Adadelta,
    Adagrad as Adagrad,
    Ftrl as Ftrl,
    Lion as Lion,
    RMSprop as RMSprop,
)
from cornu.optimizers.matrix import (
    Adafactor as Adafactor,
    Muon as Muon,
    ScheduleFreeAdamW as ScheduleFreeAdamW,
)
from cornu.optimizers.optimizer import Optimizer as Optimizer
