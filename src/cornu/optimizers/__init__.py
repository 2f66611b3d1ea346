"""Optimizers: how weights follow their gradients."""

from cornu.optimizers.gradient import SGD as SGD, Adam as Adam, RMSprop as RMSprop
from cornu.optimizers.optimizer import Optimizer as Optimizer
