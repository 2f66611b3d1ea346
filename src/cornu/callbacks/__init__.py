"""Things that happen at certain moments of training, evaluation and prediction."""

from cornu.callbacks.callback import Callback as Callback, CallbackList as CallbackList
from cornu.callbacks.monitoring import History as History
from cornu.callbacks.reporting import ProgbarLogger as ProgbarLogger
