"""Worker processes on this machine: one device each, or a share of the cores.

Each worker is a process with a thread of ours that talks to it. A worker that dies, killed for its memory or by a fault
in a driver, is replaced, and its task reported as lost.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from itertools import count
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from queue import PriorityQueue
from threading import Lock, Thread
from typing import TYPE_CHECKING

from vidfx.errors import Terminated, VidfxError
from vidfx.farm.tasks import Failed, Frames, MakePlan, Notice, PaintPart, Report, Said, StitchFilm, Task, carried_out
from vidfx.heap import keep_freed_memory
from vidfx.settings import Machine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

ORDER = {MakePlan: 0, StitchFilm: 1, PaintPart: 2}
PATIENCE = 5.0
"""Seconds that a worker has to put its tools away before it is killed."""


def default_workers() -> int:
    """One for each CUDA device; on a CPU one for every two cores, since a worker's own stages overlap."""
    from vidfx.machine import available_cores, cuda_devices

    return cuda_devices() or max(1, available_cores() // 2)


class LocalEngine:
    """Tasks in at most `workers` processes, and no more than tasks. `report` is called from threads of the engine."""

    def __init__(self, workers: int, report: Report) -> None:
        self._tasks: PriorityQueue[tuple[int, int, Task | None]] = PriorityQueue()
        self._numbers = count()
        self._dropped: set[int] = set()
        self.workers, self._report = workers, report
        self._workers: list[_Worker] = []

    def submit(self, task: Task) -> None:
        self._tasks.put((ORDER[type(task)], next(self._numbers), task))
        if len(self._workers) < self.workers:
            self._workers.append(_Worker(len(self._workers), self.workers, self._next, self._report))
            self._workers[-1].start()

    def drop(self, film: int) -> None:
        self._dropped.add(film)

    def close(self) -> None:
        for worker in self._workers:
            self._tasks.put((-1, next(self._numbers), None))
            worker.stop()
        for worker in self._workers:
            worker.clear_away()
            worker.join()

    def _next(self) -> Task | None:
        while True:
            _, _, task = self._tasks.get()
            if task is None or task.film not in self._dropped:
                return task


@dataclass(frozen=True, slots=True)
class _Another:
    """Paint another part of the plan that was sent last, since a long film's plan is large."""

    part: int


class _Worker(Thread):
    """Hands one process its tasks, and starts another when it died."""

    def __init__(self, slot: int, slots: int, next_task: Callable[[], Task | None], report: Report) -> None:
        super().__init__(name=f"vidfx-worker-{slot}", daemon=True)
        self._slot, self._slots, self._report = slot, slots, report
        self._next_task = next_task
        self._process: BaseProcess | None = None
        self._pipe: Connection | None = None
        self._sent: PaintPart | None = None
        self._lock = Lock()
        self._stopped = False

    def run(self) -> None:
        while not self._stopped and (task := self._next_task()) is not None:
            self._carry_out(task)

    def stop(self) -> None:
        """From another thread: asks the process to end."""
        with self._lock:
            self._stopped = True
            if self._process:
                self._process.terminate()

    def clear_away(self) -> None:
        """Waits a while for it, and no longer."""
        if (process := self._process) is None:
            return
        process.join(PATIENCE)
        if process.is_alive():
            process.kill()
            process.join()

    def _carry_out(self, task: Task) -> None:
        with self._lock:
            if self._stopped:
                return
            try:
                pipe = self._pipe or self._start()
            except Exception as error:  # no more files or processes: the batch must not wait for this task
                hint = "the system's limits may be too low: see ulimit -n and ulimit -u"
                self._report(task, Failed(VidfxError(f"a worker could not be started: {error}", hint=hint)))
                return
        painting = task if isinstance(task, PaintPart) else None
        same_plan = painting and self._sent and painting.plan is self._sent.plan
        try:
            pipe.send(_Another(painting.part) if painting and same_plan else task)
            self._sent = painting
            while True:
                said: Said = pipe.recv()
                self._report(task, said)
                if not isinstance(said, Frames | Notice):
                    return
        except (EOFError, OSError):
            self._bury(task)
        except Exception as error:  # whatever it is, the batch must not wait for this task
            fault = VidfxError(f"a task could not be handed over: {error}", hint="`vidfx render` makes it by itself")
            self._report(task, Failed(fault))

    def _start(self) -> Connection:
        # spawn: a fork would inherit the threads of OpenMP and of a CUDA driver in whatever state they are
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=serve, args=(theirs, self._slot, self._slots), name=self.name, daemon=True)
        with _deaf_to_ctrl_c():
            process.start()
        theirs.close()
        self._process, self._pipe = process, ours
        return ours

    def _bury(self, task: Task) -> None:
        assert self._process is not None and self._pipe is not None
        self._process.join()
        code, self._process = self._process.exitcode, None
        self._pipe.close()
        self._pipe = None
        self._sent = None
        if not self._stopped:
            how = f"by signal {signal.Signals(-code).name}" if code and code < 0 else f"with exit code {code}"
            error = VidfxError(f"a worker process was ended {how}", hint="it may have taken too much memory")
            self._report(task, Failed(error))


@contextmanager
def _deaf_to_ctrl_c() -> Iterator[None]:
    """A process that is started inside hears no Ctrl-C until it says so: its first seconds go by before `serve`."""
    if sys.platform == "win32":
        yield
        return
    resource_tracker.ensure_running()  # begun with the process, it would have SIGINT heard again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


# --- in the worker's process ---------------------------------------------------------------------------------------


def serve(pipe: Connection, slot: int, slots: int) -> None:
    """Does tasks from a pipe until it is closed. Ctrl-C is the parent's business; SIGTERM ends the task cleanly."""
    keep_freed_memory()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform != "win32":
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})  # what the worker begins may be stopped by it
    signal.signal(signal.SIGTERM, _terminate)
    Thread(target=_end_with_parent, name="vidfx-parent", daemon=True).start()
    lock = Lock()

    def say(said: Said) -> None:
        with lock:  # notices may come from any thread
            try:
                pipe.send(said)
            except OSError:
                os._exit(1)  # the parent is gone, and nobody wants this any more

    task: Task | None = None
    with suppress(EOFError, OSError, Terminated):
        while True:
            asked: Task | _Another = pipe.recv()
            if isinstance(asked, _Another):
                assert isinstance(task, PaintPart)
                task = replace(task, part=asked.part)
            else:
                task = asked
            say(carried_out(task, machine_for(task.job.machine, slot, slots), say))


def _end_with_parent() -> None:
    """The parent holds the locks: once it is gone, however it went, another batch may write where this process does."""
    if parent := multiprocessing.parent_process():
        wait([parent.sentinel])
        os._exit(1)


def machine_for(machine: Machine, slot: int, slots: int) -> Machine:
    """A worker's share of the machine: a CUDA device of its own where there are any, else its share of the cores."""
    from vidfx.machine import available_cores, cuda_devices, may_use_gpu

    if machine.device in ("auto", "cuda") and may_use_gpu(machine) and (devices := cuda_devices()):
        return replace(machine, device=f"cuda:{slot % devices}")
    return replace(machine, threads=machine.threads or max(1, available_cores() // slots))


def _terminate(_: int, __: FrameType | None) -> None:
    raise Terminated("terminated")
