"""Callbacks: hooks into training, evaluation and prediction."""

from cornu.absent import names_of
from cornu.callbacks.averages import SwapEMAWeights as SwapEMAWeights
from cornu.callbacks.backup import BackupAndRestore as BackupAndRestore, Resume as Resume
from cornu.callbacks.callback import Callback as Callback
from cornu.callbacks.callback_list import CallbackList as CallbackList
from cornu.callbacks.checkpoint import ModelCheckpoint as ModelCheckpoint
from cornu.callbacks.lambda_callback import LambdaCallback as LambdaCallback
from cornu.callbacks.monitoring import History as History, MonitorCallback as MonitorCallback
from cornu.callbacks.orbax import OrbaxCheckpoint as OrbaxCheckpoint
from cornu.callbacks.records import CSVLogger as CSVLogger, RemoteMonitor as RemoteMonitor
from cornu.callbacks.reporting import ProgbarLogger as ProgbarLogger
from cornu.callbacks.schedule import (
    LearningRateScheduler as LearningRateScheduler,
    ReduceLROnPlateau as ReduceLROnPlateau,
)
from cornu.callbacks.stopping import (
    EarlyStopping as EarlyStopping,
    TerminateOnNaN as TerminateOnNaN,
)
from cornu.callbacks.tensorboard import TensorBoard as TensorBoard

globals()["__getattr__"] = names_of(__name__)
