"""Workers that make several batches of a data set at once.

    plan: 4 0 2 1 3       worker 0: 4 . . 1 .          each takes the next number,
                          worker 1: 0 . 3              at most `max_queue_size` ahead
                          worker 2: 2 . .
    consumer              4 0 2 1 3                    always in the order of the plan

A worker is a thread. With `use_multiprocessing` each thread owns a process, hands it numbers and
waits for batches; processes are spawned, never forked, because a fork of a process that runs jax
hangs sooner or later. They start once and are kept from epoch to epoch.
"""

import multiprocessing
import os
import pickle
import signal
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from cornu import errors
from cornu.errors import warn


class Pool:
    """Threads that make the planned batches ahead of their consumer, who gets them in order.

    Args:
        makers: one function per thread, from an index to a batch.
        plan: indices of the batches, in order.
        ahead: number of batches that may be made before their turn.
        name: name of the data set in messages.
        patience: seconds until a late batch gives a warning, and until it is an error.
        unit: what an item of the plan is called in messages.
    """

    def __init__(
        self,
        makers: list[Callable[[int], Any]],
        plan: Sequence[int],
        ahead: int,
        name: str,
        patience: tuple[float, float],
        unit: str = "batch",
    ) -> None:
        self.failed = False
        self._unit = unit
        self._plan = plan
        self._ahead = ahead
        self._name = name
        self._patience = patience
        self._changed = threading.Condition()
        self._next = 0  # position in the plan that no worker has taken yet
        self._consumed = 0
        self._stopped = False
        self._done: dict[int, tuple[Any, BaseException | None]] = {}
        self._maker_of: dict[int, int] = {}
        self._threads = [
            threading.Thread(
                target=self._work, args=(number, make), name=f"{name}-worker-{number}", daemon=True
            )
            for number, make in enumerate(makers)
        ]
        for thread in self._threads:
            thread.start()

    def _work(self, number: int, make: Callable[[int], Any]) -> None:
        while True:
            with self._changed:
                while not self._stopped and self._next >= self._consumed + self._ahead:
                    self._changed.wait()
                if self._stopped or self._next >= len(self._plan):
                    return
                position = self._next
                self._next += 1
                self._maker_of[position] = number
            item, failure = None, None
            try:
                item = make(self._plan[position])
            except BaseException as error:  # also SystemExit: the consumer raises it again
                failure = error
            with self._changed:
                self._done[position] = item, failure
                self._changed.notify_all()
            if failure is not None:
                return

    def items(self) -> Iterator[Any]:
        """What the workers make, in the order of the plan."""
        for position, index in enumerate(self._plan):
            item, failure = self._wait(position, index)
            if failure is not None:
                self.failed = True
                with errors.located(f"{self._unit} {index} of {self._name}"):
                    raise failure
            yield item

    def _wait(self, position: int, index: int) -> tuple[Any, BaseException | None]:
        warn_after, give_up_after = self._patience
        start, warned = time.monotonic(), False
        with self._changed:
            while position not in self._done:
                limit = give_up_after if warned else min(warn_after, give_up_after)
                if self._changed.wait(max(0.0, start + limit - time.monotonic())):
                    continue
                waited = time.monotonic() - start
                who = f"Worker {self._maker_of.get(position)} of {self._name}"
                if waited >= give_up_after:
                    self.failed = True
                    raise TimeoutError(
                        errors.explain(
                            f"{who} hangs: {self._unit} {index} is not ready after {waited:.0f} s.",
                            fix=f"call dataset[{index}] by itself to see where it stops.",
                        )
                    )
                if not warned and waited >= warn_after:
                    warned = True
                    warn(f"{who} has worked on {self._unit} {index} for {waited:.0f} s.")
            self._consumed += 1
            self._changed.notify_all()
            return self._done.pop(position)

    def stop(self) -> bool:
        """Let every worker finish what it makes; False if one does not within a few seconds."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
        deadline = time.monotonic() + (0.0 if self.failed else 5.0)
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)


_starting = threading.Lock()


class WorkerProcess:
    """A spawned process that holds a copy of the data set and answers numbers with batches."""

    def __init__(self, number: int, name: str) -> None:
        self.number = number
        self._name = name
        context = multiprocessing.get_context("spawn")
        self._here, there = context.Pipe()
        self._process = context.Process(
            target=_serve, args=(there,), name=f"{name}-worker-{number}", daemon=True
        )
        with _starting:  # the new process must not reach for the accelerator
            before = os.environ.get("JAX_PLATFORMS")
            os.environ["JAX_PLATFORMS"] = "cpu"
            try:
                self._process.start()
            finally:
                if before is None:
                    del os.environ["JAX_PLATFORMS"]
                else:
                    os.environ["JAX_PLATFORMS"] = before
        there.close()

    def load(self, pickled: bytes) -> None:
        """Give it the data set as it is now."""
        try:
            self.answer(pickled, "it loaded the data set")
        except (AttributeError, ImportError) as error:
            raise RuntimeError(
                errors.explain(
                    f"Worker {self.number} cannot load {self._name}: {error}",
                    fix="move the class into a file of its own and import it: what is typed into\n"
                    "a notebook or shell exists there only.",
                )
            ) from error

    def make(self, index: int) -> Any:
        """One batch."""
        return self.answer(index, f"it made batch {index}")

    def answer(self, request: Any, doing: str) -> Any:
        """What the data set in the process has at an index.

        Args:
            request: index, of any type but bytes.
            doing: what the process does meanwhile, for a message if it dies.
        """
        try:
            self._here.send(request)
            item, failure = self._here.recv()
        except (EOFError, OSError) as error:
            self._process.join(5)
            code = self._process.exitcode
            raise RuntimeError(
                errors.explain(
                    f"Worker {self.number} of {self._name} died while {doing}.",
                    exit_code=f"{code}"
                    + (f" (signal {-code})" if code is not None and code < 0 else ""),
                    fix="if the process printed an error above, fix that. A script that starts\n"
                    'processes needs `if __name__ == "__main__":` around its main part.\n'
                    "Signal 9 mostly means that memory ran out: use fewer workers.",
                )
            ) from error
        if failure is not None:
            raise failure
        return item

    def end(self) -> None:
        """Stop the process at once."""
        self._process.kill()
        self._process.join(5)
        self._here.close()


def _serve(connection: Any) -> None:
    """The loop of a worker's process: bytes are a data set, a number is a batch to make."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all; who started this one ends it
    dataset: Any = None
    answer: tuple[Any, Exception | None]
    while True:
        try:
            request = connection.recv()
        except EOFError:  # the other side is gone
            return
        try:
            if isinstance(request, bytes):
                dataset = pickle.loads(request)
                answer = None, None
            else:
                answer = dataset[request], None
        except Exception as error:
            answer = None, _portable(error)
        try:
            connection.send(answer)
        except BrokenPipeError:  # nobody waits any more
            return
        except Exception as error:  # the batch itself cannot be pickled
            connection.send((None, _portable(error)))


def _portable(error: Exception) -> Exception:
    """The error in a form that survives the way to another process, with its traceback as text."""
    text = traceback.format_exc().rstrip()
    try:
        copy = pickle.loads(pickle.dumps(error))
    except Exception:  # a constructor with other arguments, a lock inside: keep the words
        copy = RuntimeError(f"{type(error).__name__}: {error}")
    copy.add_note("in the worker's process:\n" + text)
    return copy
