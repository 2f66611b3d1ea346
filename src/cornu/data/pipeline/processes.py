"""Functions that run in processes of their own, for Python code that lets no other thread run.

    thread 1   elements 0-31   --pickled-->   process 1: function   --pickled-->   results
    thread 2   elements 32-63  --pickled-->   process 2

A process is given the function once, and elements many at a time. The processes are spawned, start
when the first element is mapped, and end with the pipeline.
"""

import pickle
import threading
import weakref
from collections.abc import Callable
from queue import LifoQueue
from typing import Any

from cornu.data.workers import WorkerProcess
from cornu.errors import value_error


class _Served:
    """What a process holds: answers a request, arguments, with the result of a function."""

    def __init__(self, work: Callable[..., Any]) -> None:
        self._work = work

    def __getitem__(self, request: tuple[Any, ...]) -> Any:
        return self._work(*request)


class Processes:
    """Processes that call a function; each is used by one thread at a time.

    Args:
        work: function; pickled.
        name: its name in messages.
        count: number of processes.
    """

    def __init__(self, work: Callable[..., Any], name: str, count: int) -> None:
        self._work, self._name, self.count = work, name, count
        self._lock = threading.Lock()
        self._started: list[WorkerProcess] = []
        self._free: LifoQueue[WorkerProcess] = LifoQueue()
        self._end = weakref.finalize(self, _end_all, self._started)

    def __call__(self, *args: Any) -> Any:
        """The result of the function in one of the processes."""
        self._start()
        process = self._free.get()
        try:
            result = process.answer(args, f"it called {self._name}")
        except BaseException as error:
            # Whoever is interrupted leaves an answer behind, and a dead one answers nothing.
            if isinstance(error, RuntimeError) or not isinstance(error, Exception):
                self.close()
            else:
                self._free.put(process)
            raise
        self._free.put(process)
        return result

    def _start(self) -> None:
        with self._lock:
            if len(self._started) >= self.count or not self._free.empty():
                return
            try:
                pickled = pickle.dumps(_Served(self._work), protocol=pickle.HIGHEST_PROTOCOL)
            except Exception as error:  # pickling fails with almost any type of error
                raise value_error(
                    f"{self._name} cannot be sent to other processes: {error}",
                    fix="define it at module level (no lambda), where pickle finds it;\n"
                    "or leave use_multiprocessing out: threads need no pickling.",
                ) from error
            process = WorkerProcess(len(self._started), self._name)
            self._started.append(process)
            process.load(pickled)
            self._free.put(process)

    def close(self) -> None:
        """End the processes; they start again when they are needed."""
        with self._lock:
            while not self._free.empty():
                self._free.get_nowait()
            _end_all(self._started)

    def __reduce__(self) -> Any:
        return type(self), (self._work, self._name, self.count)


def _end_all(started: list[WorkerProcess]) -> None:
    while started:
        started.pop().end()
