"""Parts as tasks of a Ray cluster, an existing one or one of its own on this machine.

Ray places the tasks, and runs one again whose worker or host was lost. Hosts that see the film's work folder and its
source paint there; to others the source travels once as objects, and parts travel back the same way. Films are planned
and stitched here, where the files are.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Mapping
from contextlib import ExitStack, redirect_stdout, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vidfx.errors import Unavailable, VidfxError
from vidfx.farm import freight
from vidfx.farm.local import LocalEngine
from vidfx.farm.tasks import Done, Failed, Frames, Notice, Painted, PaintPart, Report, Said, Task, carried_out
from vidfx.machine import may_use_gpu
from vidfx.parts.work import machine_of
from vidfx.settings import Machine

if TYPE_CHECKING:
    from vidfx.parts.plan import Plan

LOST_AGAIN = 3
"""How often Ray itself runs a part again whose worker or host was lost."""
AHEAD = 2
"""Parts in flight for each that can be painted at once: the next waits on its host while one is painted."""


class RayEngine:
    """Tasks on a cluster. `workers` bounds the parts in flight; `share` says how films reach the hosts."""

    def __init__(
        self,
        report: Report,
        *,
        workers: int | None,
        address: str | None,
        share: freight.Share,
    ) -> None:
        """Raises Unavailable where Ray is not installed or its cluster cannot be reached."""
        with ExitStack() as stack:
            # Ray's own threads print what they hear of lost hosts; stdout is for data
            stack.enter_context(redirect_stdout(sys.stderr))
            self._ray = _connected(address, workers)
            self._talk = stack.pop_all()
        self._report, self._bound, self._share = report, workers, share
        self.workers = workers or _slots(self._ray.cluster_resources(), gpu=True)
        self._here = LocalEngine(1, report)
        self._waiting: deque[PaintPart] = deque()
        self._flying: dict[Any, PaintPart] = {}
        self._freight: dict[int, freight.Freight] = {}
        self._closed = threading.Event()
        self._work = threading.Event()
        self._thread = threading.Thread(target=self._fly, name="vidfx-ray", daemon=True)
        self._thread.start()

    def submit(self, task: Task) -> None:
        if not isinstance(task, PaintPart):
            self._here.submit(task)
            return
        self._waiting.append(task)
        self._work.set()

    def drop(self, film: int) -> None:
        self._here.drop(film)
        for task in [task for task in self._waiting if task.film == film]:
            with suppress(ValueError):  # it took off in the meantime
                self._waiting.remove(task)

    def close(self) -> None:
        self._closed.set()
        self._work.set()
        self._thread.join()
        for reference in self._flying:
            self._ray.cancel(reference, force=True)
        self._here.close()
        self._ray.shutdown()
        self._talk.close()

    # --- in a thread of its own --------------------------------------------------------------------------------

    def _fly(self) -> None:
        try:
            while not self._closed.is_set():
                self._turn()
        except Exception as error:  # the cluster is gone: nobody may wait for what will never land
            gone = VidfxError(f"the Ray cluster is lost ({str(error).splitlines()[0]})", hint=_AGAIN)
            while not self._closed.wait(0.2):
                for task in (*self._flying.values(), *self._waiting):
                    self._report(task, Failed(gone))
                self._flying.clear()
                self._waiting.clear()

    def _turn(self) -> None:
        while task := self._next():
            self._launch(task)
        if not self._flying:
            self._work.wait(0.5)
            self._work.clear()
            return
        landed, _ = self._ray.wait(list(self._flying), num_returns=1, timeout=0.5)
        for reference in landed:
            self._land(reference, self._flying.pop(reference))

    def _next(self) -> PaintPart | None:
        """The task that may take off now."""
        with suppress(IndexError):  # none waits, or a film was dropped in the meantime
            if len(self._flying) < self._most(self._waiting[0]):
                return self._waiting.popleft()
        return None

    def _most(self, task: PaintPart) -> int:
        """Parts that may be in flight, if they are like this one; asked each time, since hosts come and go."""
        there = self._ray.cluster_resources()
        return self._bound or AHEAD * _slots(there, gpu=bool(_needs_of(task, there)["num_gpus"]))

    def _launch(self, task: PaintPart) -> None:
        try:
            if task.film not in self._freight:
                self._freight[task.film] = freight.load(task, self._share, self._ray.put)
        except VidfxError as error:
            self._report(task, Failed(error))
            return
        load = self._freight[task.film]
        options = _needs_of(task, self._ray.cluster_resources()) | {"max_retries": LOST_AGAIN}
        reference = self._ray.remote(paint).options(**options).remote(task.part, task.folder, load.plan, load)
        self._flying[reference] = task

    def _land(self, reference: Any, task: PaintPart) -> None:
        try:
            landed = self._landed(reference)
            if landed is None:
                self._send_after(task)
                return
            for notice in landed.notices:
                self._report(task, notice)
            said = landed.said
            freight.unpack(landed.files, task)
        except VidfxError as error:
            said = Failed(error)
        if isinstance(said, Painted):
            self._report(task, Frames(task.plan.parts[task.part].frames))
        self._report(task, said)

    def _landed(self, reference: Any) -> Landed | None:
        errors = self._ray.exceptions
        try:
            came: Landed | None = self._ray.get(reference)
            return came
        except errors.RayTaskError as error:
            what = str(error.cause).strip().splitlines()[0]
            raise VidfxError(f"a Ray worker could not paint: {what}", hint=_SAME) from error
        except errors.RayError as error:
            what = str(error).strip().splitlines()[0]
            raise VidfxError(f"a Ray worker was lost: {what}", hint=_FEWER) from error

    def _send_after(self, task: PaintPart) -> None:
        """A host does not share the folder: from now on the film travels to it and to all that do not either."""
        if self._share == "folder":
            raise Unavailable(
                f"a Ray host does not see '{task.folder}', '{task.job.source}', the style or the matte",
                hint="--share auto or objects",
            )
        load = self._freight[task.film]
        if load.files is None:
            self._freight[task.film] = freight.send(load, task.job, self._ray.put)
        self._waiting.appendleft(task)


def needs(machine: Machine, there: Mapping[str, float]) -> dict[str, float]:
    """What one part asks of a cluster that has `there`, on the machine that its plan says."""
    gpu = machine.device.startswith("cuda") or (may_use_gpu(machine) and bool(there.get("GPU")))
    return {"num_cpus": machine.threads or 1, "num_gpus": 1 if gpu else 0}


def _needs_of(task: PaintPart, there: Mapping[str, float]) -> dict[str, float]:
    return needs(machine_of(task.plan, task.job.machine), there)


def _slots(there: Mapping[str, float], *, gpu: bool) -> int:
    """Parts that the cluster paints at once, where each takes a GPU if there is any or, without `gpu`, a core."""
    return max(1, int((gpu and there.get("GPU")) or there.get("CPU", 0)))


_SAME = "every host needs the same version of vidfx"
_AGAIN = "when `ray status` shows it again, the same command goes on with what is left"
_FEWER = "`ray status` shows the hosts; if their memory ran out, fewer --workers need less of it"


@dataclass(frozen=True, slots=True)
class Landed:
    """What came of a part on a host."""

    said: Done | Failed
    files: dict[str, bytes] = field(default_factory=dict)
    """Those that travel back: none where the folder is shared."""
    notices: tuple[Notice, ...] = ()


def paint(part: int, folder: Path, plan: Plan, load: freight.Freight) -> Landed | None:
    """On a host of the cluster: paints one part, in the shared folder or in one of the host's own.

    None where the folder is not shared, and nothing has been sent.
    """
    import ray

    task = PaintPart(film=0, plan=plan, folder=folder if load.sign is None else load.sign.parent, part=part)
    given: dict[str, float] = ray.get_runtime_context().get_assigned_resources()
    granted = task.job.machine.threads or max(1, int(given.get("CPU", 1)))
    device = task.job.machine.device.partition(":")[0]  # Ray shows a task its own devices only, counted from 0
    machine = replace(task.job.machine, threads=granted, device=device)
    heard: list[Said] = []
    if freight.is_shared(load, task.job):
        said, files = carried_out(task, machine, heard.append), {}
    elif load.files is None:
        return None
    else:
        with freight.arrived(load, task, ray.get) as here:
            said = carried_out(here, machine, heard.append)
            files = freight.pack(here) if isinstance(said, Painted) else {}
    return Landed(said, files, tuple(one for one in heard if isinstance(one, Notice)))


def _connected(address: str | None, workers: int | None) -> Any:
    """Ray's module, connected. SIGTERM stays ours: Ray would end the process with its own words."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ImportError:
        raise Unavailable("Ray is not installed", hint="pip install 'vidfx[farm]', or use --engine local") from None
    before = signal.getsignal(signal.SIGTERM)
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "error", "include_dashboard": False}
    try:
        if address:
            del quiet["include_dashboard"]
            ray.init(address=address, **quiet)
        else:
            ray.init(num_cpus=workers, **quiet)
    except (ConnectionError, RuntimeError, ValueError, OSError) as error:
        what = str(error).strip().splitlines()[0]
        raise Unavailable(f"no Ray cluster can be used ({what})", hint="`ray status` shows what is there") from None
    with suppress(ValueError):  # not in the main thread
        signal.signal(signal.SIGTERM, before)
    return ray
