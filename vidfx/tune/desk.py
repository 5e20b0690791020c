"""One worker for all that is painted: most urgent first, in turns, step by step, and nothing that nobody waits for."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from threading import Condition, Thread
from typing import Generic, TypeVar

T = TypeVar("T")

_AHEAD = 6
"""Results that may wait for a slow reader before its job rests."""


class Job(Generic[T]):
    """Work in steps. Each step's result goes to `deliver`, and None at the end, from the worker's thread."""

    def __init__(
        self,
        steps: Callable[[], Iterator[T]],
        deliver: Callable[[T | BaseException | None], None],
        *,
        urgency: int = 0,
        channel: tuple[str, str] = ("", ""),
        generation: int = 0,
    ) -> None:
        """`urgency` 0 goes first. A newer `generation` on the same `channel` (page, purpose) drops this one."""
        self._make = steps
        self.deliver = deliver
        self.urgency, self.channel, self.generation = urgency, channel, generation
        self.order = 0
        self.dropped = False
        self.undelivered = 0
        self._steps: Iterator[T] | None = None

    def step(self) -> bool:
        """Does one step; False when there is none left."""
        if self._steps is None:
            self._steps = self._make()
        try:
            result = next(self._steps)
        except StopIteration:
            self.deliver(None)
            return False
        except BaseException as error:  # whatever it is, it belongs to whoever asked
            self.deliver(error)
            self.deliver(None)
            return False
        self.undelivered += 1
        self.deliver(result)
        return True

    def close(self) -> None:
        """Lets go of whatever the steps hold. In the worker's thread only."""
        close = getattr(self._steps, "close", None)
        if close:
            close()


class Desk:
    """The queue and its thread. Closing it waits for the step under way and no longer."""

    def __init__(self) -> None:
        self._jobs: list[Job[object]] = []
        self._newest: dict[tuple[str, str], int] = {}
        self._changed = Condition()
        self._closed = False
        self._count = itertools.count()
        self._thread = Thread(target=self._work, name="vidfx-tune-desk", daemon=True)
        self._thread.start()

    def submit(self, job: Job[T]) -> bool:
        """Queues a job and drops older ones of its channel; False where a newer one came first."""
        with self._changed:
            if self._closed or job.generation < self._newest.get(job.channel, -1):
                return False
            self._newest.pop(job.channel, None)
            self._newest[job.channel] = job.generation
            while len(self._newest) > 256:  # pages come and go
                self._newest.pop(next(iter(self._newest)))
            for other in self._jobs:
                if other.channel == job.channel and other.generation < job.generation:
                    self._drop(other)
            job.order = next(self._count)
            self._jobs.append(job)  # type: ignore[arg-type]  # the desk never looks at a result
            self._changed.notify_all()
            return True

    def drop(self, job: Job[T]) -> None:
        """Nobody waits for this job any more."""
        with self._changed:
            self._drop(job)
            self._changed.notify_all()

    def taken(self, job: Job[T]) -> None:
        """A result has been read: the job may go on."""
        with self._changed:
            job.undelivered -= 1
            self._changed.notify_all()

    @property
    def busy(self) -> bool:
        """True while something waits to be painted, and not for its reader."""
        with self._changed:
            return any(job.undelivered < _AHEAD for job in self._jobs)

    def close(self) -> None:
        with self._changed:
            self._closed = True
            for job in self._jobs:
                self._drop(job)
            self._changed.notify_all()
        self._thread.join(timeout=10)

    @staticmethod
    def _drop(job: Job[T]) -> None:
        if not job.dropped:
            job.dropped = True
            job.deliver(None)

    def _work(self) -> None:
        while True:
            with self._changed:
                while not (self._closed or any(job.dropped or job.undelivered < _AHEAD for job in self._jobs)):
                    self._changed.wait()
                gone = [job for job in self._jobs if job.dropped]
                self._jobs = [job for job in self._jobs if not job.dropped]
                ready = [job for job in self._jobs if job.undelivered < _AHEAD]
                job = min(ready, key=lambda job: (job.urgency, job.order), default=None)
                if job is not None:
                    job.order = next(self._count)  # then the other pages have a turn
            for old in gone:
                old.close()
            if job is not None and not self._closed:
                if not job.step():
                    with self._changed:
                        self._jobs = [other for other in self._jobs if other is not job]
                    job.close()
            elif self._closed:
                return
