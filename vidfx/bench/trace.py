"""Who works and who waits while a film is painted: a watch around each stage of the pipeline."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from vidfx.frames import Frame

WAIT = "wait"


@dataclass(slots=True)
class Span:
    """One frame in one stage. Times are seconds of `time.perf_counter`."""

    stage: str
    thread: int
    start: float
    stop: float = 0.0
    inner: list[tuple[float, float]] = field(default_factory=list)
    """When the stage was in the one before it, which runs in the same thread."""

    @property
    def busy(self) -> float:
        """Seconds of the stage's own, without those of the stage before it."""
        return self.stop - self.start - sum(stop - start for start, stop in self.inner)

    def pieces(self) -> Iterator[tuple[float, float]]:
        """Start and stop of each uninterrupted piece of its own work."""
        at = self.start
        for start, stop in self.inner:
            yield at, start
            at = stop
        yield at, self.stop


@dataclass(frozen=True, slots=True)
class Share:
    """How one thread spent the render, in shares of its time."""

    stages: tuple[str, ...]
    busy: float
    starved: float
    """Waiting for frames from the thread before."""
    blocked: float
    """Waiting for the thread after to take some."""


class Trace:
    """A `vidfx.pipeline.Watch` that remembers. `spans` grows by a few small objects for each frame."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self._open = threading.local()

    def __call__(self, stage: str, frames: Iterator[Frame]) -> Iterator[Frame]:
        try:
            while True:
                span = self._begin(stage)
                try:
                    frame = next(frames, None)
                finally:
                    self._end(span)
                if frame is None:
                    return
                yield frame
        finally:
            close = getattr(frames, "close", None)
            if close:
                close()

    def consumer(self, stage: str, frames: Iterator[Frame]) -> Iterator[Frame]:
        """The same frames; what their consumer does between two of them is the stage."""
        for frame in frames:
            span = self._begin(stage)
            yield frame
            self._end(span)

    def _begin(self, stage: str) -> Span:
        stack = self._stack()
        span = Span(stage, threading.get_ident(), time.perf_counter())
        stack.append(span)
        return span

    def _end(self, span: Span) -> None:
        stack = self._stack()
        span.stop = time.perf_counter()
        stack.remove(span)
        if stack:
            stack[-1].inner.append((span.start, span.stop))
        self.spans.append(span)

    def _stack(self) -> list[Span]:
        if not hasattr(self._open, "stack"):
            self._open.stack = []
        stack: list[Span] = self._open.stack
        return stack

    def shares(self) -> list[Share]:
        """A line for each thread, in the order of the frames' way through them."""
        threads: dict[int, list[Span]] = {}
        for span in sorted(self.spans, key=lambda span: span.stop):
            threads.setdefault(span.thread, []).append(span)
        found = []
        for spans in threads.values():
            whole = max(s.stop for s in spans) - min(s.start for s in spans)
            busy = sum(s.busy for s in spans if s.stage != WAIT) / whole
            starved = sum(s.busy for s in spans if s.stage == WAIT) / whole
            stages = tuple(dict.fromkeys(s.stage for s in spans if s.stage != WAIT))
            found.append(Share(stages, busy, starved, max(0.0, 1 - busy - starved)))
        return found
