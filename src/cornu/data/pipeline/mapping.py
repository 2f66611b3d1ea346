"""Stages that call a function of the user: `map` and `filter`.

While the function runs, `context.local.element` says for which element, so that what is random
inside depends on the element and not on the thread (see `random/seed.py`). What it computes, it
computes on the CPU: the accelerator is for the training step.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import jax
import numpy as np

from cornu.context import local
from cornu.data.pipeline.elements import described, in_numpy, leaves, size_of, stacked, unstacked
from cornu.data.pipeline.processes import Processes
from cornu.data.pipeline.stage import Stage, aligned, in_threads
from cornu.data.skip import SkipElement
from cornu.errors import frames_of, is_of_a_library, located, returns_nothing, value_error
from cornu.types import Tensors


class Function:
    """A function of the user, called with an element.

    Args:
        fn: function of the parts of a tuple, or of an element that is none.
        verb: "map" or "filter", for messages.
        seed: first number of the elements that random generators are told.
    """

    def __init__(self, fn: Callable[..., Any], verb: str, seed: int) -> None:
        if not callable(fn):
            raise value_error(
                f"{verb} must be given a function, got {type(fn).__name__}.",
                fix=f"data.{verb}(lambda x, y: (x, y))",
            )
        self.fn, self.verb, self.seed = fn, verb, seed
        self.name = name_of(fn)

    def __call__(self, elements: list[Any], epoch: int, indices: Iterable[int]) -> list[Any]:
        """What the function returns for each element, with numpy arrays as leaves.

        Args:
            elements: the elements; `SkipElement` for one that is left out, here and in the result.
            epoch: number of the pass.
            indices: index of each element.
        """
        fn, seed, results = self.fn, self.seed, []
        before = local.element, local.draws
        with on_the_host():
            try:
                for element, index in zip(elements, indices, strict=True):
                    if element is SkipElement:
                        results.append(SkipElement)
                        continue
                    local.element, local.draws = (seed, epoch, index), {}
                    try:
                        # As in tf.data: a tuple is several arguments.
                        result = fn(*element) if isinstance(element, tuple) else fn(element)
                    except SkipElement:
                        result = SkipElement
                    except Exception as error:
                        error.add_note(self._where(error, element))
                        with located(f"{self.verb}({self.name}) of element {index}"):
                            raise
                    if result is None:
                        raise self._returned_nothing()
                    results.append(result if result is SkipElement else in_numpy(result))
            finally:
                local.element, local.draws = before
        return results

    def _returned_nothing(self) -> ValueError:
        return value_error(
            f"The function given to {self.verb} must return an element, got None.",
            fix=returns_nothing(self.fn).rpartition("fix: ")[2],
        )

    def _where(self, error: BaseException, element: Tensors) -> str:
        """The line of the user in which it failed, and the shapes that came in."""
        note = f"  element: {described(element)}"
        for frame in reversed(frames_of(error)):
            if not is_of_a_library(frame.tb_frame):
                code = frame.tb_frame.f_code
                return f"{note}\n  line:    {code.co_filename}:{frame.tb_lineno}"
        return note


def name_of(fn: Callable[..., Any]) -> str:
    """The name of a function, or of the class of an object that can be called.

    Example:

        >>> name_of(len), name_of(lambda x: x)
        ('len', 'lambda')
    """
    inner = getattr(fn, "func", fn)  # of a partial
    named = getattr(inner, "__name__", type(inner).__name__)
    return named.strip("<>")


@contextmanager
def on_the_host() -> Iterator[None]:
    """Let JAX compute on the CPU inside of a `with` block."""
    if jax.default_backend() == "cpu":
        yield
        return
    with jax.default_device(jax.local_devices(backend="cpu")[0]):
        yield


class Map(Stage):
    """What a function makes of each element.

    Args:
        child: the stage to read.
        function: the function.
        workers: number of threads that may call it at the same time; 0 for the consumer's own.
        rowwise: whether the function takes batches of elements, of any size, and treats each row by
            itself.
        work: what it does, in a report.
        in_processes: whether each thread lets a process of its own call it.
    """

    def __init__(
        self,
        child: Stage,
        function: Function,
        workers: int,
        rowwise: bool,
        work: str,
        in_processes: bool = False,
    ) -> None:
        super().__init__(child)
        self.length = child.length
        self.function = function
        self.workers = max(workers, self.workers)
        self.work = work
        self._rowwise = rowwise
        self._own_workers = workers
        self._call: Callable[..., list[Any]] = function
        if in_processes:
            self._call = Processes(function, f"map({function.name})", max(workers, 1))

    def settings(self) -> Any:
        return self.function.fn, self.function.seed, self._rowwise

    def get(self, epoch: int, index: int) -> Any:
        if self._rowwise:
            return super().get(epoch, index)
        (result,) = self.made([self.inputs[0].get(epoch, index)], epoch, [index])
        if result is SkipElement:
            raise SkipElement
        return result

    def rows(self, epoch: int, indices: np.ndarray) -> list[Any]:
        if self._rowwise:
            return aligned(self, epoch, indices)
        elements = self.inputs[0].rows(epoch, indices)
        return self.made(elements, epoch, indices.tolist())

    def gather(self, epoch: int, indices: np.ndarray) -> Tensors:
        if not self._rowwise:
            return super().gather(epoch, indices)
        return self._of_batch(self.inputs[0].gather(epoch, indices), epoch, indices)

    def _of_batch(self, batch: Tensors, epoch: int, indices: np.ndarray) -> Any:
        (result,) = self.made([batch], epoch, indices[:1].tolist())
        count = size_of(batch)
        for leaf in leaves(result):
            if np.ndim(leaf) == 0 or len(leaf) != count:
                raise value_error(
                    f"{self.function.name} must return one row per element with rowwise=True.",
                    given=f"{count} rows",
                    returned=described(result),
                    fix="data.map(function), which is given one element at a time.",
                )
        return result

    def made(self, elements: list[Any], epoch: int, indices: list[int]) -> list[Any]:
        """What the function makes of some elements."""
        with self.clock.running():
            return self._call(elements, epoch, indices)

    def close(self) -> None:
        if isinstance(self._call, Processes):
            self._call.close()

    def fix(self, parallel: bool) -> str:
        if parallel:
            return '.cache("disk")'
        return f".map({self.function.name}, num_parallel_calls=AUTOTUNE)"

    def stream(self, epoch: int) -> Iterator[Any]:
        def make(chunk: list[tuple[int, Any]]) -> list[Any]:
            indices = [after - 1 for after, _ in chunk]
            elements = [element for _, element in chunk]
            if self._rowwise:
                return unstacked(self._of_batch(stacked(elements), epoch, np.array(indices)))
            return self.made(elements, epoch, indices)

        chunks = self.inputs[0].chunks(epoch)
        made = (
            map(make, chunks)
            if self._own_workers < 2
            else in_threads(make, chunks, self._own_workers)
        )
        for elements in made:
            yield from (element for element in elements if element is not SkipElement)


class Filter(Stage):
    """The elements for which a function is true."""

    def __init__(self, child: Stage, predicate: Function) -> None:
        super().__init__(child)
        self.indexed = False
        self.length = None
        self.predicate = predicate

    def settings(self) -> Any:
        return self.predicate.fn

    def stream(self, epoch: int) -> Iterator[Any]:
        for chunk in self.inputs[0].chunks(epoch):
            elements = [element for _, element in chunk]
            with self.clock.running():
                found = self.predicate(elements, epoch, [after - 1 for after, _ in chunk])
            for element, keep in zip(elements, found, strict=True):
                if keep is not SkipElement and np.all(keep):
                    yield element
