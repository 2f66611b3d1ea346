"""Who waited for whom: how much of training was spent waiting for data, and on what.

    input 63 %: decoding 51, augmenting 9, copying 3; fix: .cache("disk")

The first number is the fraction of the time of training in which the next batch was not ready. It
is divided among the stages by the time that each of them worked, in whatever thread.
"""

import time
from collections.abc import Iterable, Iterator
from typing import Any

from cornu.data.pipeline.stage import Stage

UNNOTICED = 0.05  # fraction of the time that nobody needs to do anything about


class Waits:
    """The time that a consumer of batches waited, and the time that passed.

    Args:
        stages: the stages that make the batches.
    """

    def __init__(self, stages: list[Stage]) -> None:
        self._stages = stages
        self._before = [stage.clock.seconds for stage in stages]
        self.waited = 0.0
        self.passed = 0.0

    def counted(self, batches: Iterable[Any]) -> Iterator[Any]:
        """The same batches, with the time counted until each is there.

        The first batch of an epoch is not: threads start, and programs are compiled.
        """
        batches = iter(batches)
        first, last = True, time.perf_counter()
        while True:
            asked = time.perf_counter()
            batch = next(batches, self)
            now = time.perf_counter()
            if not first:
                self.waited += now - asked
                self.passed += now - last
            first, last = False, now
            if batch is self:
                return
            yield batch

    def shares(self) -> dict[str, float]:
        """For each kind of work the fraction of the time of training that was waited for it."""
        seconds: dict[str, float] = {}
        for stage, before in zip(self._stages, self._before, strict=True):
            if stage.work:
                worked = stage.clock.seconds - before
                seconds[stage.work] = seconds.get(stage.work, 0.0) + worked
        total = sum(seconds.values())
        if not total or not self.passed:
            return {}
        waiting = self.waited / self.passed
        ranked = sorted(seconds.items(), key=lambda item: -item[1])
        return {name: waiting * s / total for name, s in ranked}

    def text(self) -> str:
        """One line for people."""
        if not self.passed:
            return "input 0 %: no training has waited for these data."
        fraction = self.waited / self.passed
        parts = [f"{name} {100 * s:.0f}" for name, s in self.shares().items() if s >= 0.005]
        line = f"input {100 * fraction:.0f} %" + (f": {', '.join(parts)}" if parts else "")
        fix = self._fix() if fraction >= UNNOTICED else ""
        return f"{line}; fix: {fix}" if fix else line

    def _fix(self) -> str:
        """What would shorten the waiting most."""
        worked = [
            (stage.clock.seconds - before, stage)
            for stage, before in zip(self._stages, self._before, strict=True)
        ]
        stage = max(worked, key=lambda item: item[0])[1]
        return stage.fix(parallel=any(s.workers > 1 for s in self._stages))
